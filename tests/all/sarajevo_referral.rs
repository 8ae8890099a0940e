//! The Sarajevo exercise (fictional), rows 25 to 34: referrals of presumed victims between the
//! eight agencies. Planted words stand in each; where they must not be, they are looked for on
//! every disk and in every frame. What stands in memory is looked for in `memory`.

use std::collections::BTreeSet;
use std::sync::Arc;

use liaison_node::clock::{Clock, ManualClock, SystemClock};
use liaison_node::referral::Thread;
use liaison_protocol::id::RecordId;
use liaison_protocol::record::codes::PersonalKind;
use liaison_tests::sealed::{closed, files_with, has_bytes, opens, stands_in};
use liaison_tests::{Federation, Ran, TestNode};
use serde_json::Value;

use crate::audit::Other;
use crate::sarajevo::{NODES, examples, federation_at};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// Words that stand in A, B, C and D and nowhere else. The identity of B was never released.
const A: &[&str] = &["Antonmarke", "Quittenmarke", "+999 55 010 25"];
const B: &[&str] = &["Bertamarke"];
const C: &[&str] = &["Caesarmarke"];
const D: &[&str] = &["Doramarke"];

struct Exercise {
    federation: Federation,
    clock: Arc<ManualClock>,
}

impl Exercise {
    async fn begin() -> Self {
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let federation = federation_at(Some(clock.clone())).await;
        for node in federation.all() {
            // Whoever wrote the officers' file is all of them here.
            let file = node.home.officers_path();
            let text = std::fs::read_to_string(&file).expect("officers");
            let roles =
                "\"administrator\", \"analyst\", \"case-officer\", \"data-protection-officer\"";
            let text = text.replace(
                "\"administrator\", \"analyst\", \"data-protection-officer\"",
                roles,
            );
            std::fs::write(&file, text).expect("officers");
        }
        Self { federation, clock }
    }

    fn node(&self, name: &str) -> &TestNode {
        &self.federation[name]
    }

    /// Lets time pass, everywhere at once. What peers told of their clocks before is old then:
    /// each administrator says that the clock is right.
    async fn pass(&self, ms: u64) {
        self.clock.advance(ms);
        for node in self.federation.all() {
            node.cli(&["clock", "confirm", "--yes"])
                .await
                .expect_code(0);
        }
    }

    /// `liaison refer …` at a node.
    async fn refer(&self, at: &str, args: &[&str]) -> Ran {
        self.node(at)
            .cli(&[&["refer"], args, &["--json"]].concat())
            .await
    }

    /// A step that must succeed.
    async fn step(&self, at: &str, verb: &str, id: &RecordId, more: &[&str]) -> Value {
        let id = id.full();
        let args = [&[verb, &id], more, &["--yes"]].concat();
        self.refer(at, &args).await.expect_code(0).json()
    }

    /// Makes a referral from a file of the exercise.
    fn make(&self, at: &str, file: &str) -> liaison_tests::http::Answer {
        self.post(at, "/v1/referrals", &read(file))
    }

    fn post(&self, at: &str, path: &str, body: &str) -> liaison_tests::http::Answer {
        let socket = self.node(at).home.socket_path();
        let json = "Content-Type: application/json";
        let (path, body) = (path.to_owned(), body.to_owned());
        tokio::task::block_in_place(|| {
            liaison_tests::http::call(&socket, "POST", &path, &[json], body.as_bytes())
        })
    }

    /// One that is sent; gives its thread with the first candidate.
    fn sent(&self, at: &str, file: &str) -> RecordId {
        let answer = self.make(at, file);
        assert_eq!(answer.status, 200, "{file}: {}", body(&answer));
        let report = answer.json();
        assert_eq!(report["state"], "sent", "{file}: {report}");
        id_of(&report)
    }

    /// Every sealed record, by whoever can open it.
    fn who_opens(&self, id: &RecordId) -> BTreeSet<&'static str> {
        let opens = |name: &&str| self.node(name).node().vault.gist(id).is_some();
        NODES.iter().map(|n| n.0).filter(opens).collect()
    }

    /// Nobody but these knows a record, not even its id: on no wire, in no store.
    fn only_known_to(&self, id: &RecordId, who: &[&str]) {
        let short: BTreeSet<&str> = who.iter().copied().collect();
        for (name, ..) in NODES.iter().filter(|n| !short.contains(n.0)) {
            let node = self.node(name);
            let held = node.node().store.arrival_of(id).expect("store");
            assert!(held.is_none(), "{name} holds {}", id.short());
            for other in self.federation.all().filter(|n| n.name != *name) {
                let told = other.tap.sent_contains(&node.agency, id.as_bytes());
                assert!(!told, "{} told {name} of {}", other.name, id.short());
            }
        }
    }

    /// The records of a thread at a node.
    fn thread(&self, at: &str, thread: &RecordId) -> Vec<RecordId> {
        self.node(at).node().vault.thread(thread)
    }

    /// The planted words stand on no disk and in no frame.
    fn nowhere_in_clear(&self, when: &str) {
        let words: Vec<&str> = [A, B, C, D].concat();
        let found = files_with(self.federation.dir(), &words);
        assert_eq!(found, Vec::<String>::new(), "{when}");
        for node in self.federation.all() {
            for frame in node.tap.frames() {
                for word in &words {
                    let there = stands_in(&frame.body, word.as_bytes());
                    assert!(!there, "{when}: {}: {word} in {frame:?}", node.name);
                }
            }
        }
    }

    async fn show(&self, at: &str, id: &RecordId) -> Value {
        let ran = self.refer(at, &["show", &id.full()]).await;
        ran.expect_code(0).json()
    }

    /// Takes a referral up: whoever is on duty assigns it to themselves.
    async fn take_up(&self, at: &str, id: &RecordId) {
        self.until(at, id, "there", |_| true).await;
        let me = liaison_node::officers::user_name(0);
        let args = ["assign", &id.full(), &me];
        self.refer(at, &args).await.expect_code(0);
    }

    /// Waits until a referral stands so at a node.
    async fn stands(&self, at: &str, id: &RecordId, state: &str) {
        self.until(at, id, state, |thread| thread.state().as_str() == state)
            .await;
    }

    async fn until(&self, at: &str, id: &RecordId, what: &str, so: impl Fn(&Thread) -> bool) {
        let mut changes = self.node(at).node().referrals.changes();
        let met = async {
            loop {
                let thread = self.node(at).node().referrals.thread(id);
                if thread.is_some_and(|thread| so(&thread)) {
                    return;
                }
                changes.changed().await.expect("it runs");
            }
        };
        let met = tokio::time::timeout(liaison_tests::federation::PATIENCE, met).await;
        assert!(met.is_ok(), "{at}: {} is never {what}", id.short());
    }
}

fn read(file: &str) -> String {
    let path = examples()
        .join("exercises/sarajevo-1")
        .join(format!("{file}.json"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn body(answer: &liaison_tests::http::Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

fn id_of(report: &Value) -> RecordId {
    report["id"].as_str().expect("an id").parse().expect("id")
}

#[tokio::test(flavor = "multi_thread")]
async fn e31_referrals_reach_the_provider_that_they_name_and_nobody_else_and_are_erased_when_consent_goes()
 {
    // Another person approves the emergency: that takes another user of this machine.
    let Some(exercise) = whole().await else {
        return;
    };
    let x = &exercise;

    // 25: A goes to the first candidate alone, without the identity.
    let a = x.sent("qn-bord", "25-referral-a");
    x.take_up("qn-lantern", &a).await;
    x.federation.settled().await;
    assert_eq!(x.who_opens(&a), ["qn-bord", "qn-lantern"].into());
    x.only_known_to(&a, &["qn-bord", "qn-lantern"]);
    let shown = x.show("qn-lantern", &a).await;
    assert!(shown["identity"].is_null(), "{shown}");
    x.nowhere_in_clear("sent");

    // 26: the shelter acknowledges after 2 h and accepts after 9.
    x.pass(2 * HOUR).await;
    x.step("qn-lantern", "ack", &a, &[]).await;
    x.stands("qn-bord", &a, "acknowledged").await;
    // Before it is accepted, nobody gets the identity.
    let early = x
        .refer("qn-bord", &["release-identity", &a.full(), "--yes"])
        .await;
    assert_eq!(early.code, 1, "{early:?}");
    assert!(early.err.contains("REF-07"), "{early:?}");
    x.pass(7 * HOUR).await;
    x.step("qn-lantern", "accept", &a, &[]).await;
    x.stands("qn-bord", &a, "accepted").await;

    // 27: the identity goes to the shelter, and to nobody else.
    x.step("qn-bord", "release-identity", &a, &[]).await;
    x.stands("qn-lantern", &a, "identity-released").await;
    x.federation.settled().await;
    let shown = x.show("qn-lantern", &a).await;
    assert_eq!(
        shown["identity"]["names"][0], "Zwetschge Antonmarke",
        "{shown}"
    );
    for id in x.thread("qn-bord", &a) {
        assert_eq!(x.who_opens(&id), ["qn-bord", "qn-lantern"].into());
        x.only_known_to(&id, &["qn-bord", "qn-lantern"]);
    }
    x.nowhere_in_clear("A released");

    // 28: a child without a guardian.
    let before = x.node("qn-bord").node().vault.count();
    let refused = x.make("qn-bord", "28-referral-b-no-guardian");
    assert_ne!(refused.status, 200, "{}", body(&refused));
    assert!(body(&refused).contains("REF-02"), "{}", body(&refused));
    assert!(!body(&refused).contains("Bertamarke"), "{}", body(&refused));
    assert_eq!(x.node("qn-bord").node().vault.count(), before);

    // 29: an emergency that a second officer approves.
    let waits = x.make("qn-bord", "29-referral-b-emergency");
    assert_eq!(waits.status, 200, "{}", body(&waits));
    let waits = waits.json();
    assert_eq!(waits["state"], "waiting", "{waits}");
    assert_eq!(x.node("qn-bord").node().vault.count(), before);
    let draft = waits["draft"].as_str().expect("a draft").to_owned();
    let own = x.post("qn-bord", &format!("/v1/drafts/{draft}/approve"), "");
    assert_ne!(own.status, 200, "nobody approves their own: {}", body(&own));
    let b = approved(x, &draft);
    x.take_up("qn-lantern", &b).await;

    // 30: no acknowledgement in an hour: the next is asked, the joint office told who is silent.
    x.pass(HOUR + MINUTE).await;
    x.stands("qn-lantern", &b, "expired").await;
    let second = next_of(x, &b).await;
    opens(x.node("migro"), &second).await;
    x.federation.settled().await;
    let inbox = x.node("hub-sar").json(&["inbox"]).await;
    assert_eq!(inbox["overdue"][0]["thread"], b.full(), "{inbox}");
    assert_eq!(inbox["overdue"][0]["silent"], "qn-lantern", "{inbox}");
    for part in x.thread("qn-bord", &b) {
        x.only_known_to(&part, &["qn-bord", "qn-lantern"]);
    }

    // 31: the second provider takes the child; the first learns that it is closed to it.
    x.take_up("migro", &second).await;
    x.step("migro", "accept", &second, &[]).await;
    x.step("migro", "guardian", &second, &[]).await;
    x.step("migro", "assist", &second, &["--phase", "first"])
        .await;
    x.stands("qn-bord", &second, "assisting").await;
    x.federation.settled().await;
    for part in x.thread("qn-bord", &second) {
        x.only_known_to(&part, &["qn-bord", "migro"]);
    }
    let closed_to_it = x.show("qn-lantern", &b).await;
    assert_eq!(closed_to_it["state"], "expired", "{closed_to_it}");
    let text = closed_to_it.to_string();
    assert!(
        !text.contains("migro") && !text.contains(&second.full()),
        "{text}"
    );

    // 32: an asylum seeker; the police of the country of citizenship, by no path.
    let to_police = read("32-referral-c-asylum-seeker").replace("qn-lantern", "qm-pol");
    let refused = x.post("migro", "/v1/referrals", &to_police);
    assert_ne!(refused.status, 200, "{}", body(&refused));
    assert!(body(&refused).contains("REF-04"), "{}", body(&refused));
    let c = x.sent("migro", "32-referral-c-asylum-seeker");
    opens(x.node("qn-lantern"), &c).await;
    x.federation.settled().await;
    x.only_known_to(&c, &["migro", "qn-lantern"]);

    // 33: a voluntary return, with consent to contact with the country of origin.
    let d = x.sent("qn-lantern", "33-referral-d-return");
    opens(x.node("migro"), &d).await;
    x.federation.settled().await;
    x.only_known_to(&d, &["qn-lantern", "migro"]);
    x.nowhere_in_clear("all four are out");
    only_notices_at_the_joint_office(x);

    // 34: A's person withdraws: the shelter says so, the author takes everything back.
    let parts = x.thread("qn-bord", &a);
    assert!(parts.len() >= 5, "profile, steps, identity: {parts:?}");
    let withdrawn = ["--state", "withdrawn"];
    x.step("qn-lantern", "consent", &a, &withdrawn).await;
    for id in &parts {
        for name in ["qn-bord", "qn-lantern"] {
            closed(x.node(name), id).await;
        }
    }
    x.federation.settled().await;
    for id in &parts {
        for name in ["qn-bord", "qn-lantern"] {
            let node = x.node(name);
            assert!(!has_bytes(node, id), "{name} has bytes of {}", id.short());
            assert!(!node.node().vault.keyring().holds(id), "{name} has a key");
        }
    }
    let shown = x.node("qn-bord").json(&["show", &a.full()]).await;
    assert!(shown["retracted_by"]["erased"] == true, "{shown}");
    let receipts = shown["recipients"].as_array().expect("recipients");
    let erased = receipts
        .iter()
        .any(|r| r["peer"] == "qn-lantern" && r["state"] == "erased");
    assert!(erased, "{shown}");
    x.nowhere_in_clear("A withdrawn");
    exercise.end().await;
}

impl Exercise {
    async fn end(mut self) {
        self.federation.stop().await;
        self.nowhere_in_clear("all nodes stopped");
    }
}

/// The exercise; none where this test has no second user.
async fn whole() -> Option<Exercise> {
    let x = Exercise::begin().await;
    let file = x.node("qn-bord").home.officers_path();
    let mut text = std::fs::read_to_string(&file).expect("officers");
    text.push_str("\n[[officer]]\nuser = 64123\nroles = [\"case-officer\"]\n");
    std::fs::write(&file, text).expect("entered");
    let (dir, home) = (x.federation.dir(), x.node("qn-bord").home.dir());
    Other::new(dir, home, 64_123).is_some().then_some(x)
}

/// The second officer approves a draft; gives the thread with the first candidate.
fn approved(x: &Exercise, draft: &str) -> RecordId {
    let (dir, home) = (x.federation.dir(), x.node("qn-bord").home.dir());
    let other = Other::new(dir, home, 64_123).expect("root");
    let path = format!("/v1/drafts/{draft}/approve");
    let ran = tokio::task::block_in_place(|| other.post(&path));
    let out = liaison_tests::process::succeeded(&ran);
    id_of(&serde_json::from_str(&out).expect("JSON"))
}

/// The thread with the candidate after this one.
async fn next_of(x: &Exercise, first: &RecordId) -> RecordId {
    let bord = x.node("qn-bord");
    let mut changes = bord.node().referrals.changes();
    let found = async {
        loop {
            let case = bord.node().cases.of_thread(first).expect("its case").0;
            let case = bord
                .node()
                .cases
                .read(&case)
                .expect("read")
                .expect("a case");
            if let Some(thread) = case.threads().find(|thread| thread != first) {
                return thread;
            }
            changes.changed().await.expect("it runs");
        }
    };
    tokio::time::timeout(liaison_tests::federation::PATIENCE, found)
        .await
        .expect("the next is asked")
}

/// The joint office opens notices of who is silent and nothing else, and the agencies that no
/// row names open nothing.
fn only_notices_at_the_joint_office(x: &Exercise) {
    let gists = |name: &str| {
        let vault = &x.node(name).node().vault;
        let changes = vault.after(0, usize::MAX);
        let gists = changes
            .into_iter()
            .filter_map(|(_, change)| vault.gist(change.id()));
        gists.map(|gist| gist.kind).collect::<Vec<_>>()
    };
    assert_eq!(gists("hub-sar"), [PersonalKind::Overdue]);
    for name in ["qm-pol", "qo-pros", "qo-fiu", "veloren"] {
        assert_eq!(gists(name), [], "{name}");
    }
}

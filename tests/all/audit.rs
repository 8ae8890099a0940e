//! Who did what: every disclosure and every reading is in a log that shows when it was
//! touched, and each officer may do what the roles say. On real processes.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use liaison_node::audit::segments;
use liaison_node::clock::{Clock, ManualClock, SystemClock};
use liaison_tests::federation::{OPEN, apply_anyway, waits_for};
use liaison_tests::process::{Program, Site, run, succeeded};
use serde_json::Value;

use super::crash::BINARY;

/// Two sites that are linked, each with the open policy.
struct Pair {
    dir: tempfile::TempDir,
    sites: [Site; 2],
    nodes: [Option<Program>; 2],
}

impl Pair {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("folder");
        let sites = [
            Site::init(BINARY, &dir.path().join("a"), "Border Police of Narova"),
            Site::init(BINARY, &dir.path().join("b"), "Police of Maritania"),
        ];
        let nodes = [Some(sites[0].start()), Some(sites[1].start())];
        let pair = Self { dir, sites, nodes };
        let policy = pair.dir.path().join("policy");
        fs::create_dir(&policy).expect("folder");
        fs::write(policy.join("policy.cedar"), OPEN).expect("policy");
        for (n, other, alias) in [(0, 1, "b"), (1, 0, "a")] {
            let card = pair.sites[other].card();
            pair.node(n)
                .ok(&["peer", "add", &card, "--as", alias, "--yes"]);
            apply(pair.node(n), &policy);
        }
        pair
    }

    fn node(&self, n: usize) -> &Program {
        self.nodes[n].as_ref().expect("it runs")
    }

    fn restart(&mut self, n: usize) {
        self.stop(n);
        self.nodes[n] = Some(self.sites[n].start());
    }

    fn stop(&mut self, n: usize) {
        if let Some(node) = self.nodes[n].take() {
            assert_eq!(node.terminate(), Some(0));
        }
    }

    fn push(&self, n: usize) -> String {
        let template = self.node(n).ok(&["record", "template", "trend"]);
        let pushed = self.node(n).cli(&["push", "-", "--yes"], &template);
        succeeded(&pushed).trim().to_owned()
    }
}

fn apply(node: &Program, policy: &Path) {
    let args = apply_anyway(policy);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    node.ok(&args);
}

fn lines(node: &Program, args: &[&str]) -> Vec<Value> {
    let args = [&["audit", "log", "--limit", "10000"][..], args].concat();
    node.json(&args)["lines"].as_array().expect("lines").clone()
}

fn last_segment(site: &Site) -> PathBuf {
    let all = segments(&site.home.audit_dir()).expect("the log");
    all.last().expect("a segment").path.clone()
}

#[test]
fn e34_every_disclosure_and_read_is_in_a_log_that_shows_when_it_was_touched() {
    let mut pair = Pair::new();
    let id = pair.push(0);
    pair.node(1).holds(&["kind:trend"], 1);

    // Disclosed there, collected here; each with the other, the record and the rule.
    let disclosed = lines(pair.node(0), &["--what", "disclose", "--record", &id]);
    assert_eq!(disclosed.len(), 1, "{disclosed:?}");
    assert_eq!(disclosed[0]["rule"], "share-all", "{disclosed:?}");
    assert_eq!(disclosed[0]["who"], "node");
    let collected = lines(pair.node(1), &["--what", "collect", "--record", &id]);
    assert_eq!(collected.len(), 1, "{collected:?}");
    assert_eq!(collected[0]["rule"], "accept-all");
    // Who wrote it.
    let uid = fs::metadata(pair.sites[0].home.dir()).expect("home").uid();
    let wrote = lines(pair.node(0), &["--what", "alter", "--record", &id]);
    assert_eq!(wrote[0]["who"]["officer"]["uid"], uid, "{wrote:?}");
    // Each way of reading it.
    let before = lines(pair.node(1), &["--record", &id]).len();
    pair.node(1).ok(&["show", &id]);
    succeeded(&pair.node(1).cli(&["show", &id, "--cose"], ""));
    pair.node(1).ok(&["why", &id, "a"]);
    pair.node(1)
        .ok(&["query", "Marker-7f3a-elm", "or", "kind:trend"]);
    pair.node(1).ok(&["query", "kind:trend"]);
    let read = lines(pair.node(1), &["--record", &id]);
    assert!(read.len() >= before + 4, "{read:#?}");
    for call in [
        "GET /v1/records/{id}",
        "GET /v1/records/{id}/cose",
        "GET /v1/records/{id}/why/{peer}",
        "POST /v1/query",
    ] {
        let found = read.iter().any(|l| {
            l["by"] == call && l["what"] == "consult" && l["who"]["officer"]["uid"] == uid
        });
        assert!(found, "{call} is not in the log: {read:#?}");
    }
    pair.node(1).ok(&["query", "--count", "kind:trend"]);
    assert!(!lines(pair.node(1), &["--what", "combine"]).is_empty());
    // Reading the log is in the log, and what changed the node.
    assert!(!lines(pair.node(1), &["--who", "node", "--what", "log"]).is_empty());
    let by: Vec<Value> = lines(pair.node(1), &[])
        .iter()
        .map(|l| l["by"].clone())
        .collect();
    for call in [
        "POST /v1/audit/log",
        "POST /v1/peers",
        "POST /v1/policy/apply",
        "officers.toml",
    ] {
        assert!(by.iter().any(|by| by == call), "{call}: {by:?}");
    }
    // The accounting, with what the peer answered.
    let out = pair
        .node(0)
        .ok(&["audit", "disclosures", "--record", &id, "--json"]);
    let row: Value = serde_json::from_str(out.lines().next().expect("a row")).expect("JSON");
    assert_eq!(
        (&row["peer"], &row["answer"]),
        (&"b".into(), &"stored".into()),
        "{row}"
    );
    assert!(row["line"].is_u64(), "{row}");

    // Nothing that was typed and nothing of the record stands there in clear; who has the key
    // reads what was typed.
    let log = fs::read_to_string(last_segment(&pair.sites[1])).expect("the log");
    assert!(!log.contains("Marker-7f3a"), "a query stands in clear");
    let title = pair.node(1).json(&["show", &id])["title"].clone();
    assert!(!log.contains(title.as_str().expect("a title")));
    let key = pair.sites[1].home.audit_secret_path();
    let unsealed = pair
        .node(1)
        .ok(&["audit", "unseal", "--key", &key.to_string_lossy()]);
    assert!(unsealed.contains("Marker-7f3a"), "{unsealed}");
    let other = pair.sites[0].home.audit_secret_path();
    let sealed = pair
        .node(1)
        .ok(&["audit", "unseal", "--key", &other.to_string_lossy()]);
    assert!(!sealed.contains("Marker-7f3a"), "{sealed}");

    // The other node holds the head of this log.
    pair.restart(1);
    let witnessed = pair.node(1).until(&["audit", "verify", "--witness"], |v| {
        v["witnessed"].as_u64() > Some(0)
    });
    assert_eq!(witnessed["intact"], true, "{witnessed}");
    pair.node(1).ok(&["audit", "verify"]);

    // A copy checks without a node; and each way of touching it shows there.
    let copy = pair.dir.path().join("copy");
    let copied = copy.to_string_lossy().into_owned();
    pair.node(1).ok(&["audit", "export", &copied]);
    let home = pair.sites[1].home.dir().to_owned();
    let check = || {
        run(
            BINARY.as_ref(),
            &home,
            &["audit", "verify", "--dir", &copied],
            "",
        )
    };
    succeeded(&check());
    let file = segments(&copy).expect("a copy")[0].path.clone();
    let good = fs::read_to_string(&file).expect("lines");
    let edited = good
        .lines()
        .nth(5)
        .expect("a line")
        .replace("\"n\":6", "\"n\":7");
    let touched = |how: &dyn Fn(&mut Vec<String>)| {
        let mut some: Vec<String> = good.lines().map(str::to_owned).collect();
        how(&mut some);
        fs::write(&file, some.join("\n") + "\n").expect("written");
        check().status.code()
    };
    assert_eq!(touched(&|_| {}), Some(0));
    assert_eq!(touched(&|l| drop(l.remove(5))), Some(1), "removed");
    assert_eq!(touched(&|l| l.swap(5, 6)), Some(1), "moved");
    assert_eq!(touched(&|l| l[5].clone_from(&edited)), Some(1), "edited");

    // The end of the log itself is cut off while the node is down: it looks whole, and its
    // peer knows better.
    pair.stop(1);
    let file = last_segment(&pair.sites[1]);
    let whole = fs::read_to_string(&file).expect("lines");
    let cut: Vec<&str> = whole.lines().take(4).collect();
    fs::write(&file, cut.join("\n") + "\n").expect("cut");
    let dir = pair.sites[1].home.audit_dir();
    let alone = ["audit", "verify", "--dir", &dir.to_string_lossy()];
    let ran = run(BINARY.as_ref(), &home, &alone, "");
    assert_eq!(ran.status.code(), Some(0), "alone it can't know: {ran:?}");
    pair.nodes[1] = Some(pair.sites[1].start());
    let verify = ["audit", "verify", "--witness", "--json"];
    let end = std::time::Instant::now() + liaison_tests::federation::PATIENCE;
    loop {
        let ran = pair.node(1).cli(&verify, "");
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        if ran.status.code() == Some(1) && (said.contains("cut off") || said.contains("rewritten"))
        {
            break;
        }
        assert!(std::time::Instant::now() < end, "{ran:?}");
    }
    // And the peer says so.
    pair.node(0).until(&["status"], |s| {
        s["alerts"]
            .to_string()
            .contains("its audit log does not follow")
    });
}

/// A tail is cut off, and the log grows past the witnessed head before a peer is met again.
#[test]
fn e34_a_tail_that_was_cut_off_and_grown_over_is_found_for_good() {
    let mut pair = Pair::new();
    pair.restart(1);
    let witnessed = pair.node(1).until(&["audit", "verify", "--witness"], |v| {
        v["witnessed"].as_u64() > Some(4)
    });
    assert_eq!(witnessed["intact"], true, "{witnessed}");
    pair.stop(0);
    pair.stop(1);
    let file = last_segment(&pair.sites[1]);
    let whole = fs::read_to_string(&file).expect("lines");
    let cut: Vec<&str> = whole.lines().take(4).collect();
    fs::write(&file, cut.join("\n") + "\n").expect("cut");
    pair.nodes[1] = Some(pair.sites[1].start());
    for _ in 0..whole.lines().count() {
        let answer = liaison_tests::http::call(
            &pair.sites[1].home.socket_path(),
            "POST",
            "/v1/query",
            &["Content-Type: application/json"],
            br#"{"words":["kind:trend"]}"#,
        );
        assert_eq!(answer.status, 200);
    }
    // Its end is signed, and is further than what the peer holds.
    pair.stop(1);
    for round in 0..2 {
        pair.nodes[1] = Some(pair.sites[1].start());
        if round == 0 {
            pair.nodes[0] = Some(pair.sites[0].start());
        }
        pair.node(1).until(&["status"], |s| {
            s["alerts"]
                .to_string()
                .contains("is not the one that a witnessed")
        });
        let verify = pair.node(1).cli(&["audit", "verify", "--witness"], "");
        assert_eq!(verify.status.code(), Some(1), "{verify:?}");
        let said = String::from_utf8_lossy(&verify.stdout).into_owned();
        assert!(said.contains("rewritten"), "{said}");
        // The peer keeps the newer head soon, and it is found all the same.
        pair.stop(1);
    }
}

/// Whoever can reach the socket and is no officer can neither damage the log nor fill it.
#[test]
fn e34_a_stranger_can_neither_damage_nor_fill_the_log() {
    let dir = tempfile::tempdir().expect("folder");
    let site = Site::init(BINARY, &dir.path().join("a"), "Border Police of Narova");
    let node = site.start();
    node.ok(&["audit", "log"]);
    let file = site.home.officers_path();
    let officers = fs::read_to_string(&file).expect("officers");
    let others = "[[officer]]\nuser = 64123\nroles = [\"administrator\"]\nshared = true\n";
    fs::write(&file, format!("waits_for = \"nobody\"\n{others}")).expect("written");
    let method = "M".repeat(100_000);
    for _ in 0..30 {
        let answer =
            liaison_tests::http::call(&site.home.socket_path(), &method, "/v1/status", &[], b"");
        assert_eq!(answer.status, 403, "{answer:?}");
    }
    fs::write(&file, &officers).expect("put back");
    assert_eq!(node.json(&["audit", "verify"])["intact"], true);
    let turned = lines(&node, &["--what", "turn-away"]);
    assert_eq!(turned.len(), 10, "{turned:#?}");
    assert_eq!(turned[0]["by"], "other /v1/status");
    // That nobody is waited for stands there.
    let told = lines(&node, &["--who", "node", "--what", "administer"]);
    let told = told.last().expect("a line")["outcome"].to_string();
    assert!(told.contains("waits for nobody"), "{told}");
    // What was left out is counted when the span or the node ends.
    assert_eq!(node.terminate(), Some(0));
    let node = site.start();
    let turned = lines(&node, &["--what", "turn-away"]);
    assert_eq!((turned.len(), &turned[10]["count"]), (11, &20.into()));
    assert_eq!(node.json(&["audit", "verify"])["intact"], true);
    assert_eq!(node.terminate(), Some(0));
}

/// A line says which agency, key or officer a change was about, and under seal what was typed.
#[test]
fn e34_a_change_of_the_node_says_what_was_changed() {
    let pair = Pair::new();
    let (a, b) = (pair.node(0), &pair.sites[1].home);
    let agency = b.card_file().expect("card").agency().full();
    let line = |call: &str, so: &str| {
        let all = lines(a, &[]);
        let found = all.iter().rfind(|l| l["by"] == call && l["of"].is_u64());
        let found = found.unwrap_or_else(|| panic!("{call}: {all:#?}"));
        assert!(found.to_string().contains(so), "{call}, {so}: {found}");
    };
    let typed = |all: &[&str]| {
        let key = pair.sites[0].home.audit_secret_path();
        let unsealed = a.ok(&["audit", "unseal", "--key", &key.to_string_lossy()]);
        for text in all {
            assert!(unsealed.contains(text), "{text}: {unsealed}");
        }
    };
    let card = b.dir().join("card.liaison");
    let add = [
        "peer",
        "add",
        &card.to_string_lossy(),
        "--as",
        "b",
        "--circle",
        "quince",
        "--yes",
    ];
    a.ok(&add);
    line("POST /v1/peers", &agency);
    typed(&["alias: b", "circles: quince"]);
    let joins = [
        "peer",
        "circles",
        "b",
        "--add",
        "medlar",
        "--reason",
        "Agreement 5",
        "--yes",
    ];
    a.ok(&joins);
    line("POST /v1/peers/{name}", &agency);
    typed(&["joins medlar", "reason: Agreement 5"]);
    a.ok(&["card", "edit", "--name", "Border Police of the Quince"]);
    line("POST /v1/card", "typed");
    typed(&["Border Police of the Quince"]);
    // The root key that comes with a change is in no log.
    let root = pair.sites[0].home.dir().join("keys/root.key");
    let medlar = "Border Police of the Medlar";
    a.ok(&[
        "card",
        "edit",
        "--name",
        medlar,
        "--root",
        &root.to_string_lossy(),
    ]);
    typed(&[medlar]);
    let secret = fs::read_to_string(root).expect("a root key");
    let key = pair.sites[0].home.audit_secret_path();
    let unsealed = a.ok(&["audit", "unseal", "--key", &key.to_string_lossy()]);
    assert!(!unsealed.contains(secret.trim()), "the root key is in it");
    let old = pair.sites[0].home.secrets().expect("keys").signing.public();
    a.ok(&["keys", "rotate", "--yes"]);
    line("POST /v1/keys/rotate", &old.to_string());
    a.ok(&["keys", "compromised", "--yes"]);
    line("POST /v1/keys/compromised", "compromised");
    a.ok(&["clock", "confirm", "--yes"]);
    line("POST /v1/clock/confirm", "believed");
}

/// What is shown or typed beside the ways of reading a record is in the log as well.
#[test]
fn e34_samples_and_reasons_are_in_the_log() {
    let pair = Pair::new();
    let id = pair.push(0);
    pair.node(1).holds(&["kind:trend"], 1);
    let a = pair.node(0);
    let by = |call: &str| {
        let all = lines(a, &[]);
        let found = all.into_iter().filter(|l| l["by"] == call);
        found.collect::<Vec<_>>()
    };
    let names = |all: &[Value]| all.iter().any(|l| l["records"].to_string().contains(&id));
    a.json(&["expiry", "--until", "2099-01-01"]);
    assert!(names(&by("GET /v1/expiry")), "{:#?}", by("GET /v1/expiry"));
    // Without the open policy nothing flows: the record is a sample of what stops.
    let policy = pair.dir.path().join("closed");
    fs::create_dir(&policy).expect("folder");
    fs::write(policy.join("policy.cedar"), "").expect("policy");
    a.cli(&["policy", "preview", &policy.to_string_lossy()], "");
    assert!(
        names(&by("POST /v1/preview")),
        "{:#?}",
        by("POST /v1/preview")
    );
    let key = pair.dir.path().join("backup.key");
    fs::write(&key, "correct horse battery staple\n").expect("key file");
    let to = pair.dir.path().join("backup.liaison");
    a.ok(&[
        "backup",
        &to.to_string_lossy(),
        "--key-file",
        &key.to_string_lossy(),
    ]);
    let made = by("POST /v1/backup");
    let says = "without the agency's keys";
    assert!(made.iter().any(|l| l["outcome"] == says), "{made:#?}");
    a.ok(&["peer", "revoke", "b", "--reason", "Word-quince", "--yes"]);
    let revoked = by("POST /v1/peers/{name}/revoke");
    assert!(names(&revoked), "{revoked:#?}");
    let key = pair.sites[0].home.audit_secret_path();
    let unsealed = a.ok(&["audit", "unseal", "--key", &key.to_string_lossy()]);
    assert!(unsealed.contains("Word-quince"), "{unsealed}");
}

#[test]
fn e34_its_size_is_bounded_by_configuration_with_the_chain_kept() {
    let dir = tempfile::tempdir().expect("folder");
    let site = Site::init(BINARY, &dir.path().join("a"), "Border Police of Narova");
    fs::write(site.home.config_path(), "[audit]\nkeep_mb = 1\n").expect("configured");
    let node = site.start();
    let query = "w".repeat(3_400);
    while segments(&site.home.audit_dir()).expect("the log")[0].first == 1 {
        let answer = liaison_tests::http::call(
            &site.home.socket_path(),
            "POST",
            "/v1/query",
            &["Content-Type: application/json"],
            serde_json::json!({ "words": [query], "count": true })
                .to_string()
                .as_bytes(),
        );
        assert_eq!(
            answer.status,
            200,
            "{:?}",
            String::from_utf8_lossy(&answer.body)
        );
    }
    let all = segments(&site.home.audit_dir()).expect("the log");
    let bytes: u64 = all.iter().map(|s| s.bytes).sum();
    assert!(bytes <= 1 << 20, "{bytes} bytes are kept");
    let report = node.json(&["audit", "verify"]);
    assert_eq!(report["intact"], true, "{report}");
    assert!(report["from"].as_u64() > Some(1), "{report}");
    assert_eq!(node.terminate(), Some(0));
}

/// The log's file goes away under the node: nothing is disclosed or shown any more.
#[test]
fn e34_what_cant_be_written_down_is_not_disclosed() {
    let pair = Pair::new();
    let first = pair.push(0);
    pair.node(1).holds(&["kind:trend"], 1);
    fs::remove_file(last_segment(&pair.sites[0])).expect("removed");
    let shown = pair.node(0).cli(&["show", &first, "--json"], "");
    assert_eq!(shown.status.code(), Some(1), "{shown:?}");
    let said = String::from_utf8_lossy(&[shown.stdout, shown.stderr].concat()).into_owned();
    assert!(said.contains("audit log"), "{said}");
    let template = pair.node(0).ok(&["record", "template", "trend"]);
    let pushed = pair.node(0).cli(&["push", "-", "--yes"], &template);
    assert_eq!(pushed.status.code(), Some(1), "{pushed:?}");
    assert_eq!(pair.node(1).count(&["kind:trend"]), 1);
}

/// A copy of the program that another user may run, and that user's calls.
pub(crate) struct Other {
    binary: PathBuf,
    home: PathBuf,
    uid: u32,
}

impl Other {
    /// Lets another user reach the socket; `None` where this is not root.
    pub(crate) fn new(dir: &Path, home: &Path, uid: u32) -> Option<Self> {
        if fs::metadata("/proc/self").expect("proc").uid() != 0 {
            eprintln!("SKIPPED: another user's calls need root");
            return None;
        }
        let binary = dir.join("liaison");
        fs::copy(BINARY, &binary).expect("a copy");
        for folder in [dir, home] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o711)).expect("opened");
        }
        let socket = home.join("liaison.sock");
        chown(&socket, None, Some(uid)).expect("the socket's group");
        Some(Self {
            binary,
            home: home.to_owned(),
            uid,
        })
    }

    /// Makes a call without the program.
    pub(crate) fn post(&self, path: &str) -> Output {
        self.call("POST", path)
    }

    /// Asks without the program.
    pub(crate) fn get(&self, path: &str) -> Output {
        self.call("GET", path)
    }

    fn call(&self, method: &str, path: &str) -> Output {
        let socket = self.home.join("liaison.sock");
        Command::new("curl")
            .args(["--silent", "--fail-with-body", "--request", method])
            .args(["--unix-socket", &socket.to_string_lossy()])
            .arg(format!("http://liaison{path}"))
            .uid(self.uid)
            .gid(self.uid)
            .output()
            .expect("curl ran")
    }

    pub(crate) fn cli(&self, args: &[&str]) -> Output {
        Command::new(&self.binary)
            .args(["--home", &self.home.to_string_lossy()])
            .args(args)
            .env("HOME", "/nonexistent")
            .uid(self.uid)
            .gid(self.uid)
            .output()
            .expect("it ran")
    }
}

#[test]
fn an_analyst_reads_and_cannot_apply_policy_and_a_stranger_can_do_nothing() {
    let dir = tempfile::tempdir().expect("folder");
    let site = Site::init(BINARY, &dir.path().join("a"), "Border Police of Narova");
    let node = site.start();
    let Some(other) = Other::new(dir.path(), site.home.dir(), 64_123) else {
        return;
    };
    let text =
        |o: &Output| String::from_utf8_lossy(&[&o.stdout[..], &o.stderr[..]].concat()).into_owned();
    let refused = other.cli(&["status"]);
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    assert!(text(&refused).contains("officers.toml"), "{refused:?}");
    let file = site.home.officers_path();
    let mut officers = fs::read_to_string(&file).expect("officers");
    officers.push_str("\n[[officer]]\nuser = 64123\nroles = [\"analyst\"]\n");
    fs::write(&file, officers).expect("entered");
    let status = other.cli(&["status", "--json"]);
    assert_eq!(status.status.code(), Some(0), "{status:?}");
    assert!(text(&status).contains("64123"), "{status:?}");
    let policy = dir.path().join("p.cedar");
    fs::write(&policy, OPEN).expect("policy");
    for args in [
        &[
            "policy",
            "apply",
            &policy.to_string_lossy(),
            "--reason",
            "x",
        ][..],
        &["audit", "log"],
        &["clock", "confirm", "--yes"],
    ] {
        let refused = other.cli(args);
        assert_eq!(refused.status.code(), Some(4), "{args:?}: {refused:?}");
        assert!(text(&refused).contains("administrator"), "{refused:?}");
    }
    let turned = lines(&node, &["--what", "turn-away", "--who", "64123"]);
    assert!(turned.len() >= 3, "{turned:#?}");
    assert_eq!(node.terminate(), Some(0));
}

/// A policy that breaks an invariant waits for somebody else with another role, who approves
/// exactly that; not who asked, nor another of the same role.
#[test]
fn what_cant_be_undone_waits_for_a_second_person() {
    let dir = tempfile::tempdir().expect("folder");
    let site = Site::init(BINARY, &dir.path().join("a"), "Border Police of Narova");
    waits_for(&site.home, "second-person");
    let node = site.start();
    let policy = dir.path().join("policy");
    fs::create_dir(&policy).expect("folder");
    fs::write(policy.join("policy.cedar"), OPEN).expect("policy");
    let args = apply_anyway(&policy);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let asked = node.cli(&[&args[..], &["--json"]].concat(), "");
    assert_eq!(asked.status.code(), Some(6), "{asked:?}");
    assert_eq!(node.json(&["status"])["policy"]["applied"], false);
    // Asked for again, it is the same that waits.
    assert_eq!(node.cli(&args, "").status.code(), Some(6));
    let waiting = node.ok(&["approve", "--json"]);
    assert_eq!(waiting.lines().count(), 1, "{waiting}");
    let waiting: Value = serde_json::from_str(&waiting).expect("JSON");
    assert_eq!(waiting["yours"], false, "{waiting}");
    let number = waiting["number"].as_str().expect("a number").to_owned();
    let alerts = node.json(&["status"])["alerts"].to_string();
    assert!(alerts.contains(&number), "{alerts}");
    let own = node.cli(&["approve", &number, "--yes"], "");
    assert_eq!(own.status.code(), Some(4), "{own:?}");
    assert_eq!(node.json(&["status"])["policy"]["applied"], false);

    let enter = |roles: &str, more: &str| {
        let file = site.home.officers_path();
        let text = fs::read_to_string(&file).expect("officers");
        let text = text
            .split("\n[[officer]]\nuser = 64123")
            .next()
            .expect("text");
        let entry = format!("{text}\n[[officer]]\nuser = 64123\nroles = [{roles}]\n{more}");
        fs::write(&file, entry).expect("entered");
    };
    if let Some(other) = Other::new(dir.path(), site.home.dir(), 64_123) {
        // Who asks for the same again does not take its place.
        fs::set_permissions(&policy, fs::Permissions::from_mode(0o755)).expect("opened");
        enter("\"data-protection-officer\"", "");
        let again = other.cli(&args);
        assert_eq!(again.status.code(), Some(6), "{again:?}");
        let still: Value = serde_json::from_str(&node.ok(&["approve", "--json"])).expect("JSON");
        assert_eq!(
            (&still["uid"], &still["at"]),
            (&waiting["uid"], &waiting["at"])
        );
        // What was shown was something else.
        let path = format!("/v1/approvals/{number}/approve");
        let body = serde_json::json!({ "hash": "0".repeat(64) }).to_string();
        let json = "Content-Type: application/json";
        let socket = site.home.socket_path();
        let answer = liaison_tests::http::call(&socket, "POST", &path, &[json], body.as_bytes());
        assert_eq!(answer.status, 409, "{answer:?}");
        // The same role, a shared account: no second person.
        enter("\"administrator\"", "");
        let same = other.cli(&["approve", &number, "--yes"]);
        assert_eq!(same.status.code(), Some(4), "{same:?}");
        enter("\"case-officer\"", "shared = true\n");
        let shared = other.cli(&["approve", &number, "--yes"]);
        assert_eq!(shared.status.code(), Some(4), "{shared:?}");
        assert_eq!(node.json(&["status"])["policy"]["applied"], false);
        enter("\"case-officer\"", "");
        succeeded(&other.cli(&["approve", &number, "--yes"]));
        let applied = node.json(&["status"]);
        assert_eq!(applied["policy"]["applied"], true, "{applied}");
        assert_eq!(node.ok(&["approve", "--json"]).lines().count(), 0);
        // Both are in the log: who asked, and who approved.
        let by = ["--who", "64123", "--what", "administer"];
        let approved = lines(&node, &by);
        assert!(
            approved
                .iter()
                .any(|l| l["by"] == "POST /v1/approvals/{number}/approve"),
            "{approved:#?}"
        );
        let again = other.cli(&["approve", &number, "--yes"]);
        assert_eq!(again.status.code(), Some(1), "done once: {again:?}");
    }
    assert_eq!(node.terminate(), Some(0));
}

/// A clock that was turned back before asking is no day that passed, and who has lost the role
/// by then does nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_a_day_and_the_asker_must_still_have_the_role() {
    const HOUR: u64 = 60 * 60 * 1000;
    let mut federation = liaison_tests::Federation::new();
    let start = SystemClock.now();
    let clock = std::sync::Arc::new(ManualClock::new(start));
    federation
        .prepare("a", "border", "QN")
        .with_clock(clock.clone());
    waits_for(&federation["a"].home, "second-person-or-a-day");
    federation.node("a").start().await;
    let a = &federation["a"];
    let dir = a.home.policy_dir();
    fs::write(dir.join("policy.cedar"), OPEN).expect("policy");
    let args = apply_anyway(&dir);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    clock.set(liaison_protocol::clock::Millis(start.0 - 25 * HOUR));
    a.cli(&args).await.expect_code(6);
    clock.set(start);
    let waiting = a.json(&["approve"]).await;
    let number = waiting["number"].as_str().expect("a number");
    a.cli(&["approve", number, "--yes"]).await.expect_code(4);
    assert_eq!(a.json(&["status"]).await["policy"]["applied"], false);

    clock.advance(25 * HOUR);
    a.cli(&["clock", "confirm", "--yes"]).await.expect_code(0);
    let file = a.home.officers_path();
    let officers = fs::read_to_string(&file).expect("officers");
    let uid = fs::metadata("/proc/self").expect("proc").uid();
    let analyst = format!(
        "waits_for = \"second-person-or-a-day\"\n[[officer]]\nuser = {uid}\nroles = [\"analyst\"]\n"
    );
    fs::write(&file, analyst).expect("officers");
    let late = a.cli(&["approve", number, "--yes"]).await.expect_code(4);
    assert!(late.err.contains("has not that role any more"), "{late:?}");
    fs::write(&file, officers).expect("officers");
    a.cli(&["approve", number, "--yes"]).await.expect_code(0);
    federation.stop().await;
}

/// A small agency that says so: a day later, whoever asked may do it.
#[tokio::test(flavor = "multi_thread")]
async fn a_small_agency_waits_a_day_instead() {
    let mut federation = liaison_tests::Federation::new();
    let clock = std::sync::Arc::new(ManualClock::new(SystemClock.now()));
    federation
        .prepare("a", "border", "QN")
        .with_clock(clock.clone());
    waits_for(&federation["a"].home, "second-person-or-a-day");
    federation.node("a").start().await;
    let a = &federation["a"];
    let dir = a.home.policy_dir();
    fs::write(dir.join("policy.cedar"), OPEN).expect("policy");
    let args = apply_anyway(&dir);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    a.cli(&args).await.expect_code(6);
    let waiting = a.json(&["approve"]).await;
    let number = waiting["number"].as_str().expect("a number");
    a.cli(&["approve", number, "--yes"]).await.expect_code(4);
    clock.advance(25 * 60 * 60 * 1000);
    // A clock that is a day ahead is not believed, here neither.
    a.cli(&["approve", number, "--yes"]).await.expect_code(4);
    a.cli(&["clock", "confirm", "--yes"]).await.expect_code(0);
    a.cli(&["approve", number, "--yes"]).await.expect_code(0);
    assert_eq!(a.json(&["status"]).await["policy"]["applied"], true);
    // What nobody approves lapses, and what is rejected is gone.
    fs::write(dir.join("policy.cedar"), format!("{OPEN}\n// Another.\n")).expect("policy");
    a.cli(&args).await.expect_code(6);
    let waiting = a.json(&["approve"]).await;
    let number = waiting["number"].as_str().expect("a number");
    a.cli(&["reject", number]).await.expect_code(0);
    assert_eq!(a.cli(&["approve", "--json"]).await.out, "");
    a.cli(&args).await.expect_code(6);
    clock.advance(8 * 24 * 60 * 60 * 1000);
    assert_eq!(a.cli(&["approve", "--json"]).await.out, "");
    federation.stop().await;
}

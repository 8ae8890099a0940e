//! Leave to pass a record on: asked of its author, given for whom and how long the author says.

use std::sync::Arc;
use std::time::Duration;

use liaison_node::clock::{Clock, ManualClock, SystemClock};
use liaison_protocol::clock::Millis;
use liaison_protocol::fault::{Answer, Refused};
use liaison_protocol::id::RecordId;
use liaison_protocol::record::date::Date;
use liaison_protocol::record::kinds::{Content, Permit};
use liaison_tests::federation::{OPEN, PATIENCE};
use liaison_tests::raw::{self, RawPeer};
use liaison_tests::{Federation, TestNode};
use serde_json::{Value, json};

use crate::first::trend;
use crate::keys::{sign, signing};
use crate::sharing::{chain, onward};

const HOUR: u64 = 3_600_000;

/// A trend at TLP amber that may be passed on only with its author's leave.
pub fn amber(title: &str) -> Value {
    let mut draft = onward(title, &json!("ask"));
    draft["tlp"] = "amber".into();
    draft
}

/// The day on which a clock stands, or another so many days on.
fn day(now: Millis, on: i64) -> String {
    Date::from_millis(now).add_days(on).to_string()
}

/// A day in a month, by this machine's clock.
pub fn in_a_month() -> String {
    day(SystemClock.now(), 30)
}

/// Waits until a command of a node says what is due; looks whenever its store changes.
pub async fn says(node: &TestNode, args: &[&str], so: impl Fn(&Value) -> bool) -> Value {
    let mut changes = node.node().store.watch();
    let met = async {
        loop {
            let found = node.json(args).await;
            if so(&found) {
                return found;
            }
            // What follows from a change in memory comes a moment after it, and is told nobody.
            let look_again = Duration::from_millis(50);
            let _changed = tokio::time::timeout(look_again, changes.changed()).await;
        }
    };
    let met = tokio::time::timeout(PATIENCE, met).await;
    met.unwrap_or_else(|_| panic!("{} never says so: {args:?}", node.name))
}

/// Whether a node holds a record, control records included.
fn has(node: &TestNode, id: &RecordId) -> bool {
    node.node().store.arrival_of(id).expect("store").is_some()
}

fn id_of(report: &Value) -> RecordId {
    report["id"]
        .as_str()
        .expect("an id")
        .parse()
        .expect("an id")
}

#[tokio::test(flavor = "multi_thread")]
async fn e8_a_permit_lifts_ask_for_whom_it_names_and_until_its_end() {
    // An hour before the permit's last day ends.
    let end = Date::from_millis(SystemClock.now()).end_ms();
    let clock = Arc::new(ManualClock::new(Millis(end.0 - HOUR)));
    let mut federation = Federation::new();
    for name in ["a", "b", "c", "d"] {
        let node = federation.prepare(name, "border", "QN");
        node.with_clock(clock.clone()).start().await;
    }
    federation.link("a", "b").await;
    federation.link("b", "c").await;
    federation.link("b", "d").await;
    let card = federation["a"].home.dir().join("card.liaison");
    for other in ["c", "d"] {
        federation[other]
            .cli(&["peer", "add", &card.to_string_lossy(), "--as", "a", "--yes"])
            .await
            .expect_code(0);
    }
    for node in federation.all() {
        node.policy(OPEN).await;
    }
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|n| &federation[n]);
    let id = a.push(&amber("Quittenmarke"), &[]).await;
    let full = id.full();
    b.holds_all(&[id]).await;
    federation.settled().await;
    assert!(!has(c, &id));
    let why = b.json(&["why", &full, "c"]).await;
    assert_eq!(why["decision"]["rule"], "onward-ask");

    // b asks; a reads who, what and for whom, and what to type.
    let asked = b
        .json(&["ask", &full, "c", "--why", "they meet them first"])
        .await;
    assert_eq!(asked["author"], "a");
    assert_eq!(asked["by_way_of"], "a");
    let status = says(a, &["status"], |s| s["asks"]["count"] == 1).await;
    let open = &status["asks"]["oldest"][0];
    assert_eq!(open["by"], "b");
    assert_eq!(open["of"], full);
    assert_eq!(open["why"], "they meet them first");
    // c is no peer of a's, so it stands there by its whole id.
    assert_eq!(open["to"], json!([c.agency.full()]));
    let home = a.cli(&[]).await.expect_code(0);
    assert!(home.out.contains("liaison permit"), "{home:?}");
    let shown = b.json(&["show", &full]).await;
    assert_eq!(shown["leave"][0]["state"], "open");
    assert!(!has(c, &id), "a request gives no right");

    // a permits it until the end of the day.
    let (to, until) = (c.agency.full(), day(clock.now(), 0));
    let permitted = a
        .json(&["permit", &full, "--to", &to, "--until", &until])
        .await;
    let permit = id_of(&permitted);
    c.holds_all(&[id]).await;
    assert!(has(c, &permit), "the permit travels with its record");
    federation.settled().await;
    assert!(!has(d, &id) && !has(d, &permit), "it names c only");
    assert!(!b.tap.sent_contains(&d.agency, permit.as_bytes()));
    assert!(!b.tap.sent_contains(&d.agency, id.as_bytes()));
    let why = b.json(&["why", &full, "c"]).await;
    assert_eq!(why["gates"][2]["gate"], "handling");
    let says_why = why["gates"][2]["says"].as_str().expect("a sentence");
    assert!(says_why.contains(&permit.short()), "{says_why}");
    let ledger = b.json(&["show", &full]).await;
    assert_eq!(ledger["leave"][0]["state"], "answered");
    assert_eq!(ledger["leave"][1]["state"], "in-force");
    assert_eq!(a.json(&["status"]).await["asks"]["count"], 0);
    // c may not pass it on in its turn, except to whom the permit names.
    let record = raw::stored(c, &id);
    assert_eq!(record.unverified().envelope.fields.title, "Quittenmarke");

    // After its end nothing new flows by it: not what was permitted and not yet taken.
    federation.cut("b", "c").await;
    let late = a.push(&amber("Zwetschgenmarke"), &[]).await;
    b.holds_all(&[late]).await;
    let full = late.full();
    let permitted = a
        .json(&["permit", &full, "--to", &to, "--until", &until])
        .await;
    let permit = id_of(&permitted);
    says(b, &["show", &full], |s| {
        s["leave"][0]["state"] == "in-force"
    })
    .await;
    // c gets this permit from elsewhere in time, and its record too late.
    let mut relay = RawPeer::new(federation.dir(), "relay").await;
    relay.link(c).await;
    let mut stream = relay.sender(c).await;
    assert_eq!(stream.give(&raw::stored(a, &permit)).await, Answer::Stored);
    clock.advance(2 * HOUR);
    let answer = stream.give(&raw::stored(a, &late)).await;
    assert_eq!(answer, Answer::Refused(Refused::Handling));
    federation.mend("b", "c").await;
    let free = a.push(&trend("Free to go"), &[]).await;
    c.holds_all(&[free]).await;
    assert!(!has(c, &late));
    let why = b.json(&["why", &full, "c"]).await;
    assert_eq!(why["decision"]["rule"], "onward-ask");
    let shown = b.json(&["show", &full]).await;
    assert_eq!(shown["leave"][0]["state"], "ended");
    federation.stop().await;
}

/// A permit that comes ahead of a record which it is not needed for comes after it once more.
#[tokio::test(flavor = "multi_thread")]
async fn e8_a_permit_that_came_before_its_record_is_not_lost() {
    let mut federation = Federation::new();
    for name in ["a", "b", "c", "d"] {
        federation.add(name, "border", "QN").await;
        federation[name].policy(OPEN).await;
    }
    federation.link("a", "b").await;
    federation.link("b", "c").await;
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|n| &federation[n]);
    let id = a.push(&trend("Quittenmarke"), &[]).await;
    let (to, until) = (d.agency.full(), day(SystemClock.now(), 1));
    let args = ["permit", &id.full(), "--to", &to, "--until", &until];
    let permit = id_of(&a.json(&args).await);
    b.holds_all(&[id]).await;
    says(b, &["show", &id.full()], |s| {
        s["leave"][0]["state"] == "in-force"
    })
    .await;
    federation.settled().await;
    // c does not know their author yet: both wait, and the permit is offered first.
    assert!(!has(c, &id) && !has(c, &permit));
    let card = a.home.dir().join("card.liaison");
    let args = ["peer", "add", &card.to_string_lossy(), "--as", "a", "--yes"];
    c.cli(&args).await.expect_code(0);
    c.holds_all(&[id]).await;
    says(c, &["show", &id.full()], |s| {
        s["leave"][0]["state"] == "in-force"
    })
    .await;
    assert!(has(c, &permit));
    federation.stop().await;
}

/// What has ended does not begin again because a clock is set back.
#[tokio::test(flavor = "multi_thread")]
async fn e17_a_permit_that_has_ended_stays_so() {
    const MINUTE: u64 = 60_000;
    let now = SystemClock.now();
    let clock = Arc::new(ManualClock::new(now));
    let mut federation = Federation::new();
    for name in ["a", "b", "c"] {
        let node = federation.prepare(name, "border", "QN");
        node.with_clock(clock.clone()).start().await;
        federation[name].policy(OPEN).await;
    }
    federation.link("a", "b").await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    c.adds(a).await;
    let id = a.push(&amber("Quittenmarke"), &[]).await;
    b.holds_all(&[id]).await;
    federation.settled().await;
    let mut relay = RawPeer::new(federation.dir(), "relay").await;
    relay.link(b).await;
    relay.link(c).await;
    let (fields, _) = relay.statement(&trend("Permit"));
    let content = Content::from(Permit {
        of: id,
        to: [b.agency, c.agency, relay.agency].into(),
        until: Millis(now.0 + 2 * MINUTE),
    });
    let permit = sign(&signing(a), a, (fields, content), raw::from_now(0));
    let mut to_b = relay.sender(b).await;
    let mut to_c = relay.sender(c).await;
    assert_eq!(to_b.give(&permit).await, Answer::Stored);
    assert_eq!(to_c.give(&permit).await, Answer::Stored);
    let why = b.json(&["why", &id.full(), "relay"]).await;
    assert_eq!(why["decision"]["allow"], true, "{why}");

    clock.advance(4 * MINUTE);
    for node in [b, c] {
        node.node().time.trusted().expect("a time to be believed");
    }
    clock.set(now);
    // The time that is told now is believed as well: it takes nothing back.
    for node in [b, c] {
        node.node().time.trusted().expect("a time to be believed");
    }
    let why = b.json(&["why", &id.full(), "relay"]).await;
    assert_eq!(why["decision"]["rule"], "onward-ask", "{why}");
    let shown = b.json(&["show", &id.full()]).await;
    assert_eq!(shown["leave"][0]["state"], "ended", "{shown}");
    let answer = to_c.give(&raw::stored(a, &id)).await;
    assert_eq!(answer, Answer::Refused(Refused::Handling));
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_of_somebody_else_than_the_author_does_nothing() {
    let mut federation = chain().await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let id = a.push(&amber("Quittenmarke"), &[]).await;
    b.holds_all(&[id]).await;
    let mut forger = RawPeer::new(federation.dir(), "forger").await;
    forger.link(b).await;
    forger.link(c).await;
    let (fields, _) = forger.statement(&trend("Permit"));
    let content = Content::from(Permit {
        of: id,
        to: [c.agency].into(),
        until: Millis(SystemClock.now().0 + 24 * HOUR),
    });
    let forged = forger.sign((fields, content));
    // b holds the record and knows whose it is.
    let mut to_b = forger.sender(b).await;
    assert_eq!(
        to_b.give(&forged).await,
        Answer::Refused(Refused::NotTheAuthor)
    );
    // c does not: a permit that names it may come ahead of its record.
    let mut to_c = forger.sender(c).await;
    assert_eq!(to_c.give(&forged).await, Answer::Stored);
    let answer = to_c.give(&raw::stored(b, &id)).await;
    assert_eq!(answer, Answer::Refused(Refused::Handling));
    assert!(!has(c, &id));
    // The author's own word counts, beside the forged one.
    a.cli(&[
        "permit",
        &id.full(),
        "--to",
        &c.agency.full(),
        "--until",
        &day(SystemClock.now(), 30),
    ])
    .await
    .expect_code(0);
    c.holds_all(&[id]).await;
    let shown = c.json(&["show", &id.full()]).await;
    let states: Vec<&str> = shown["leave"]
        .as_array()
        .expect("leave")
        .iter()
        .filter_map(|l| l["state"].as_str())
        .collect();
    assert_eq!(states, ["not-the-author", "in-force"]);
    federation.stop().await;
}

/// What is withdrawn opens nothing: the permit, or the record.
#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_permit_and_a_permit_of_a_withdrawn_record_open_nothing() {
    let mut federation = chain().await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let [one, two] = [
        a.push(&amber("Quittenmarke"), &[]).await,
        a.push(&amber("Zwetschgenmarke"), &[]).await,
    ];
    b.holds_all(&[one, two]).await;
    federation.settled().await;
    federation.cut("b", "c").await;
    let (to, until) = (c.agency.full(), day(SystemClock.now(), 30));
    let mut permits = Vec::new();
    for id in [one, two] {
        let permitted = a
            .json(&["permit", &id.full(), "--to", &to, "--until", &until])
            .await;
        permits.push(id_of(&permitted));
        says(b, &["show", &id.full()], |s| {
            s["leave"][0]["state"] == "in-force"
        })
        .await;
    }
    a.cli(&["retract", "--yes", &permits[0].full(), "--reason", "error"])
        .await
        .expect_code(0);
    a.cli(&["retract", "--yes", &two.full(), "--reason", "error"])
        .await
        .expect_code(0);
    says(b, &["show", &one.full()], |s| {
        s["leave"][0]["state"] == "withdrawn"
    })
    .await;
    says(b, &["show", &two.full()], |s| !s["retracted_by"].is_null()).await;
    federation.mend("b", "c").await;
    federation.settled().await;
    for id in [one, two, permits[0], permits[1]] {
        assert!(!has(c, &id));
        assert!(!b.tap.sent_contains(&c.agency, id.as_bytes()));
    }
    federation.stop().await;
}

/// The author's leave widens no holder's policy: what stays, stays with its permit, which would
/// tell the peer that there is such a record. It goes when the policy lets it.
#[tokio::test(flavor = "multi_thread")]
async fn a_permit_does_not_go_where_the_holders_policy_keeps_its_record() {
    let mut federation = chain().await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let closed = format!(
        r#"{OPEN}
        @id("not-c") @says("Nothing goes to c.")
        forbid (principal == Agency::"c", action == Action::"share", resource);"#
    );
    b.policy(&closed).await;
    let id = a.push(&amber("Quittenmarke"), &[]).await;
    b.holds_all(&[id]).await;
    let (to, until) = (c.agency.full(), day(SystemClock.now(), 30));
    let permitted = a
        .json(&["permit", &id.full(), "--to", &to, "--until", &until])
        .await;
    let permit = id_of(&permitted);
    says(b, &["show", &id.full()], |s| {
        s["leave"][0]["state"] == "in-force"
    })
    .await;
    federation.settled().await;
    for id in [id, permit] {
        assert!(!has(c, &id));
        assert!(!b.tap.sent_contains(&c.agency, id.as_bytes()));
    }
    let why = b.json(&["why", &id.full(), "c"]).await;
    assert_eq!(why["decision"]["allow"], false);
    b.policy(OPEN).await;
    c.holds_all(&[id]).await;
    assert!(has(c, &permit));
    federation.stop().await;
}

/// A permit goes with its record, through each holder, to each that it names; and over a
/// restart, since holders find it in their stores.
#[tokio::test(flavor = "multi_thread")]
async fn a_permit_and_its_record_go_on_from_holder_to_holder() {
    let mut federation = chain().await;
    federation.add("d", "border", "QN").await;
    federation["d"].adds(&federation["a"]).await;
    federation["d"].policy(OPEN).await;
    let id = federation["a"].push(&amber("Quittenmarke"), &[]).await;
    federation["b"].holds_all(&[id]).await;
    let to = format!(
        "{},{}",
        federation["c"].agency.full(),
        federation["d"].agency.full()
    );
    let until = day(SystemClock.now(), 30);
    federation["a"]
        .cli(&["permit", &id.full(), "--to", &to, "--until", &until])
        .await
        .expect_code(0);
    federation["c"].holds_all(&[id]).await;
    for name in ["b", "c"] {
        federation.node(name).stop().await;
        federation.node(name).start().await;
    }
    federation.connected("b", "c").await;
    federation.link("c", "d").await;
    federation["d"].holds_all(&[id]).await;
    federation.stop().await;
}

/// A holder that the author does not reach directly asks by way of whoever brought the record;
/// the author reads it once it knows the asker's card.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_goes_back_the_way_that_its_record_came() {
    let mut federation = chain().await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let id = a.push(&amber("Quittenmarke"), &[]).await;
    b.holds_all(&[id]).await;
    let (to, until) = (c.agency.full(), day(SystemClock.now(), 30));
    a.cli(&["permit", &id.full(), "--to", &to, "--until", &until])
        .await
        .expect_code(0);
    c.holds_all(&[id]).await;
    let stranger = liaison_protocol::id::AgencyId::from_bytes([9; 32]).full();
    let asked = c.json(&["ask", &id.full(), &stranger]).await;
    assert_eq!(asked["author"], "a");
    assert_eq!(asked["by_way_of"], "b");
    let request = id_of(&asked);
    says(b, &["show", &id.full()], |s| {
        s["leave"][1]["state"] == "open"
    })
    .await;
    assert!(!has(a, &request), "a knows no card of c's yet");
    a.adds(c).await;
    let status = says(a, &["status"], |s| s["asks"]["count"] == 1).await;
    assert_eq!(status["asks"]["oldest"][0]["by"], "c");
    assert_eq!(status["asks"]["oldest"][0]["to"], json!([stranger]));
    federation.stop().await;
}

/// What can't be asked or permitted is said, with what to do instead.
#[tokio::test(flavor = "multi_thread")]
async fn ask_and_permit_refuse_in_words_what_they_cannot_do() {
    let mut federation = chain().await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let ask = a.push(&amber("Quittenmarke"), &[]).await.full();
    let none = a.push(&onward("Stays", &json!("none")), &[]).await.full();
    let free = a.push(&trend("Free to go"), &[]).await.full();
    let ids = [&ask, &none, &free].map(|id| id.parse().expect("id"));
    b.holds_all(&ids).await;
    let long = "x".repeat(501);
    let until = day(SystemClock.now(), 30);
    let (long_ago, far_off) = (day(SystemClock.now(), -2), day(SystemClock.now(), 400));
    #[rustfmt::skip]
    let cases: &[(&TestNode, &[&str], &str)] = &[
        (a, &["ask", &ask, "b"], "liaison permit"),
        (b, &["ask", &none, "c"], "which no permit lifts"),
        (b, &["ask", &free, "c"], "lets"),
        (b, &["ask", &ask, "nobody"], "liaison peer list"),
        (b, &["ask", &ask, "c", "--why", "call +999 10 555 0199"], "TXT-01"),
        (b, &["ask", &ask, "c", "--why", &long], "LIM-01"),
        (b, &["permit", &ask, "--to", "c", "--until", &until], "only its author"),
        (a, &["permit", &none, "--to", "b", "--until", &until], "onward: ask"),
        (a, &["permit", &ask, "--to", "b", "--until", &long_ago], "between today"),
        (a, &["permit", &ask, "--to", "b", "--until", &far_off], "between today"),
    ];
    for (node, args, due) in cases {
        let ran = node.cli(args).await.expect_code(1);
        assert!(ran.err.contains(due), "{args:?}: {ran:?}");
    }
    let dry = b.json(&["ask", &ask, "c", "--dry-run"]).await;
    assert!(dry["id"].is_null());
    let dry = a
        .json(&["permit", &ask, "--to", "b", "--until", &until, "--dry-run"])
        .await;
    assert_eq!(dry["held_by"], json!(["b"]));
    assert!(dry["id"].is_null());
    let shown = a.json(&["show", &ask]).await;
    assert!(shown["leave"].is_null(), "a dry run makes nothing: {shown}");
    federation.stop().await;
}

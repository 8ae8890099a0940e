//! Who may look into a sealed referral: whoever is assigned; whoever else says why, and the
//! data-protection officer is told.

use std::collections::BTreeSet;

use liaison_node::officers::{Officer, Role, Roles};
use liaison_protocol::id::RecordId;
use liaison_protocol::personal::Part;
use liaison_tests::federation::OPEN;
use liaison_tests::sealed::{inside, opens, profile, seal};
use liaison_tests::{Federation, TestNode};
use serde_json::Value;

const REASON: &str = "the shelter telephones about tonight and nobody else is here";

/// Somebody else, as the officers file has it.
const COLLEAGUE: &str = "[[officer]]\nuser = 4242\nroles = [\"referral-officer\"]\n";

/// What this login is at a node from now on.
fn is(node: &TestNode, roles: &str, shared: bool) {
    use std::os::unix::fs::MetadataExt as _;
    let uid = std::fs::metadata("/proc/self").expect("proc").uid();
    let text = format!(
        "waits_for = \"nobody\"\n[[officer]]\nuser = {uid}\nroles = [{roles}]\nshared = {shared}\n{COLLEAGUE}"
    );
    std::fs::write(node.home.officers_path(), text).expect("officers");
}

/// Somebody else.
fn colleague() -> Officer {
    Officer {
        uid: 4_242,
        name: "colleague".into(),
        roles: Roles::of(&[Role::ReferralOfficer]),
        shared: false,
    }
}

/// A referral that came to `b`.
async fn referred() -> (Federation, RecordId) {
    let federation = Federation::mesh(&["a", "b"], OPEN).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let id = seal(a, &[b], inside(Part::Profile(Box::new(profile())))).await;
    opens(b, &id).await;
    let mut changes = b.node().referrals.changes();
    while b.node().referrals.thread(&id).is_none() {
        changes.changed().await.expect("the node runs");
    }
    (federation, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_assigned_says_why_and_the_data_protection_officer_is_told() {
    let (federation, id) = referred().await;
    let b = &federation["b"];
    let now = b.node().clock.now();
    let put = [colleague()];
    b.node()
        .looks
        .assign(&id, &put, &[], 1, now)
        .expect("assigned");
    is(b, "\"referral-officer\"", false);
    let text = id.full();

    let refused = b.cli(&["refer", "show", &text]).await.expect_code(4);
    assert!(refused.err.contains("--why"), "{refused:?}");
    assert!(!refused.out.contains("QN-02"), "{refused:?}");
    let rows = b.json(&["inbox"]).await;
    assert_eq!(rows["rows"].as_array().map(Vec::len), Some(0), "{rows}");
    let short = b.cli(&["refer", "show", &text, "--why", "so"]).await;
    assert_ne!(short.code, 0, "{short:?}");
    assert!(b.node().looks.alerts().is_empty());
    let shown = b
        .cli(&["refer", "show", &text, "--why", REASON])
        .await
        .expect_code(0);
    assert!(shown.out.contains("QN-02"), "{shown:?}");
    // A reason opens it, and takes no step in it.
    b.cli(&["refer", "ack", &text]).await.expect_code(4);
    let status = b.json(&["status"]).await;
    assert!(
        !status["alerts"]
            .to_string()
            .contains("without being assigned"),
        "{status}"
    );

    is(b, "\"data-protection-officer\"", false);
    let status = b.json(&["status"]).await;
    let alerts = status["alerts"].to_string();
    assert!(
        alerts.contains("without being assigned") && alerts.contains(&id.short()),
        "{alerts}"
    );
    assert!(
        !alerts.contains("telephones"),
        "the reason is sealed: {alerts}"
    );
    let looks = b.json(&["audit", "looks"]).await;
    assert_eq!(looks.as_array().map(Vec::len), Some(1), "{looks}");
    assert_eq!(
        (&looks[0]["what"], &looks[0]["times"]),
        (&"broke-glass".into(), &1.into())
    );
    let number = looks[0]["number"].to_string();
    let left = b.json(&["audit", "looks", "--seen", &number]).await;
    assert_eq!(left.as_array().map(Vec::len), Some(0), "{left}");
    let lines = b
        .json(&["audit", "log", "--record", &text])
        .await
        .to_string();
    assert!(
        lines.contains("without being assigned") && !lines.contains("telephones"),
        "{lines}"
    );
    // And she gives it to whom she thinks fit.
    let name = b.json(&["officers"]).await["officers"][0]["user"].clone();
    let name = name.as_str().expect("a name").to_owned();
    b.cli(&["refer", "assign", &text, &name])
        .await
        .expect_code(4);
    // Whom she puts on it works on referrals, so she can't take it herself; a colleague can.
    b.cli(&["refer", "assign", &text, "4242", "--remove"])
        .await
        .expect_code(0);
    b.cli(&["refer", "assign", &text, "4242"])
        .await
        .expect_code(0);
    let lines = b.json(&["audit", "log", "--record", &text]).await;
    let lines = lines["lines"].as_array().expect("lines").clone();
    let call = "POST /v1/referrals/{id}/assign";
    let said = lines.iter().rfind(|l| l["by"] == call).expect("a line");
    assert!(said["outcome"].to_string().contains("4242"), "{said}");
    let put = b.node().looks.assigned(&id).uids().collect::<Vec<_>>();
    assert_eq!(put, [4_242]);
    b.cli(&["refer", "assign", &text, "4242", "--remove"])
        .await
        .expect_code(0);
    is(b, "\"referral-officer\"", false);
    b.cli(&["refer", "show", &text]).await.expect_code(0);
    b.cli(&["refer", "ack", &text]).await.expect_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn e34_each_way_of_looking_into_a_referral_is_a_line_of_the_log() {
    let (federation, id) = referred().await;
    let b = &federation["b"];
    let roles = "\"data-protection-officer\", \"referral-officer\"";
    is(b, roles, false);
    let text = id.full();
    let lines = async || {
        let log = b.json(&["audit", "log", "--record", &text]).await;
        log["lines"].as_array().expect("lines").clone()
    };
    for (args, call) in [
        (&["refer", "show", &text][..], "GET /v1/referrals/{id}"),
        (
            &["refer", "timeline", &text],
            "GET /v1/referrals/{id}/timeline",
        ),
        (
            &["service", "match", &text],
            "GET /v1/referrals/{id}/services",
        ),
        (
            &["refer", "find", "shelter", "--reason", REASON],
            "POST /v1/referrals/find",
        ),
    ] {
        let is_one = |line: &&Value| line["by"] == call && line["what"] == "consult";
        let before = lines().await;
        assert_eq!(before.iter().find(is_one), None, "{call}");
        b.cli(args).await.expect_code(0);
        let after = lines().await;
        let line = after.iter().find(is_one);
        let line = line.unwrap_or_else(|| panic!("{call}: {after:#?}"));
        assert!(line["who"]["officer"]["uid"].is_u64(), "{line}");
        let shown = line.to_string();
        assert!(
            !shown.contains("telephones") && !shown.contains("QN-02"),
            "{shown}"
        );
    }
    // Who is told how urgent it is, and no more, looks into nothing.
    let before = lines().await.len();
    b.json(&["inbox"]).await;
    assert_eq!(lines().await.len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_of_many_reads_no_referral_and_takes_no_step() {
    let (federation, id) = referred().await;
    let b = &federation["b"];
    is(b, "\"referral-officer\"", true);
    let text = id.full();
    for command in [
        &["refer", "show", &text][..],
        &["refer", "show", &text, "--why", REASON],
        &["refer", "ack", &text],
        &["refer", "timeline", &text],
    ] {
        let refused = b.cli(command).await.expect_code(4);
        assert!(
            refused.err.contains("several people"),
            "{command:?}: {refused:?}"
        );
        assert!(!refused.out.contains("QN-02"), "{refused:?}");
    }
    assert!(b.node().looks.assigned(&id).is_empty());
    // With a login of one's own the first who opens it has it.
    is(b, "\"referral-officer\"", false);
    b.cli(&["refer", "show", &text]).await.expect_code(0);
    let assigned: BTreeSet<u32> = b.node().looks.assigned(&id).uids().collect();
    assert_eq!(assigned.len(), 1);
}

/// Whoever worked on it has left the agency: it is nobody's, and does not wait for a person who
/// does not come.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_those_have_who_left_is_nobodys() {
    let (mut federation, id) = referred().await;
    let b = &federation["b"];
    let now = b.node().clock.now();
    let put = [colleague()];
    b.node()
        .looks
        .assign(&id, &put, &[], 1, now)
        .expect("assigned");
    is(b, "\"referral-officer\"", false);
    let text = id.full();
    let listed = async || {
        let rows = b.json(&["inbox"]).await["rows"].clone();
        rows.as_array().map(Vec::len)
    };
    assert_eq!(listed().await, Some(0));
    b.cli(&["refer", "ack", &text]).await.expect_code(4);
    let file = b.home.officers_path();
    let officers = std::fs::read_to_string(&file).expect("officers");
    std::fs::write(&file, officers.replace(COLLEAGUE, "")).expect("officers");
    assert_eq!(listed().await, Some(1));
    b.cli(&["refer", "ack", &text]).await.expect_code(0);
    federation.stop().await;
}

/// The data-protection officer answers for a person's rights, so takes back what was sent about
/// one; what is about nobody is for those who write.
#[tokio::test(flavor = "multi_thread")]
async fn the_data_protection_officer_takes_a_referral_back() {
    let (mut federation, id) = referred().await;
    let a = &federation["a"];
    let trend = a.push(&crate::first::trend("Lorries"), &[]).await.full();
    is(a, "\"data-protection-officer\"", false);
    let back = |id: String| async move {
        let args = ["retract", &id, "--reason", "consent-withdrawn", "--yes"];
        a.cli(&args).await
    };
    back(trend).await.expect_code(4);
    back(id.full()).await.expect_code(0);
    let gone = a.json(&["show", &id.full()]).await;
    assert!(gone["retracted_by"].is_object(), "{gone}");
    federation.stop().await;
}

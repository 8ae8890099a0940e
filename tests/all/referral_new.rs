//! Making a referral on real nodes: consent or two officers first, one candidate after
//! another, nothing lost and nothing in clear.

use std::time::Duration;

use liaison_node::referral::CaseId;
use liaison_node::referral::emergency::{ApprovalFault, Second};
use liaison_protocol::id::RecordId;
use liaison_protocol::personal::template::referral_toml;
use liaison_protocol::record::codes::{ConsentState, ReferralPart};
use liaison_protocol::record::date::Date;
use liaison_tests::federation::OPEN;
use liaison_tests::referral::{hours, knows_desk, refers};
use liaison_tests::sealed::{files_with, opens, stands_in};
use liaison_tests::{Federation, TestNode, http};
use serde_json::{Value, json};

/// The name in the template.
const NAME: &str = "Amina Example";

/// Border police, a shelter, a second provider and the police of the country of origin.
async fn narova() -> Federation {
    let mut federation = Federation::new();
    for (name, sector, country) in [
        ("qn-bord", "border", "QN"),
        ("qn-lantern", "ngo", "QN"),
        ("migro", "io", "QN"),
        ("qm-pol", "police", "QM"),
    ] {
        let node = federation.add(name, sector, country).await;
        refers(node);
        node.policy(OPEN).await;
    }
    for name in ["qn-lantern", "migro", "qm-pol"] {
        federation.link("qn-bord", name).await;
    }
    let lantern = &federation["qn-lantern"];
    hours(lantern, "Lantern House duty", "24h").await;
    knows_desk(&federation["qn-bord"], lantern).await;
    federation
}

fn today() -> Date {
    Date::from_millis(liaison_node::clock::Clock::now(
        &liaison_node::clock::SystemClock,
    ))
}

/// The template, with some lines replaced.
fn referral(changes: &[(&str, &str)]) -> String {
    let mut text = referral_toml(today());
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    text
}

fn id_of(report: &Value) -> RecordId {
    let id = report["id"]
        .as_str()
        .unwrap_or_else(|| panic!("no id: {report}"));
    id.parse().expect("an id")
}

/// How many sealed records a node can open.
fn sealed(node: &TestNode) -> usize {
    node.node().vault.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn e31_a_referral_goes_nowhere_without_consent_and_with_it_to_the_first_candidate_only() {
    let mut federation = narova().await;
    let bord = &federation["qn-bord"];
    for (change, code) in [
        (("state = \"given\"", "state = \"refused\""), "REF-03"),
        (("\"share-profile\", ", ""), "REF-03"),
        (("\"withdrawal\"]", "]"), "REF-03"),
        (("age_band = \"18-29\"", "age_band = \"unknown\""), "REF-02"),
        (("[\"qn-lantern\", \"migro\"]", "[\"qm-pol\"]"), "REF-04"),
        (("\"QN-02\"", "\"QN BLG\""), "REF-05"),
        (("[\"qn-lantern\", \"migro\"]", "[]"), "REF-06"),
    ] {
        let ran = bord
            .cli_in(
                &["refer", "new", "-", "--json", "--yes"],
                &referral(&[change]),
            )
            .await;
        assert_ne!(ran.code, 0, "{ran:?}");
        assert!(ran.out.contains(code), "{code}: {ran:?}");
    }
    assert_eq!(sealed(bord), 0, "nothing was sealed");
    assert!(federation.all().all(|node| sealed(node) == 0));

    let sent = bord
        .cli_in(&["refer", "new", "-", "--json", "--yes"], &referral(&[]))
        .await
        .expect_code(0)
        .json();
    assert_eq!(sent["state"], "sent");
    assert_eq!(sent["delivered"], true, "{sent}");
    assert_eq!(sent["plan"][0]["peer"], "qn-lantern");
    let id = id_of(&sent);
    let lantern = &federation["qn-lantern"];
    opens(lantern, &id).await;
    let inside = lantern
        .node()
        .vault
        .inside(&id)
        .expect("vault")
        .expect("opens");
    assert_eq!(inside.part(), Some(ReferralPart::Profile));
    let profile = inside.profile().expect("a profile");
    assert!(profile.origin_contact_forbidden);
    assert_eq!(profile.consent.state, ConsentState::Given);
    assert!(
        inside
            .exclude
            .iter()
            .any(|country| country.as_str() == "QM")
    );
    drop(inside);
    federation.settled().await;
    for other in ["migro", "qm-pol"] {
        let held = federation[other].node().store.arrival_of(&id);
        assert!(held.expect("store").is_none(), "{other}");
        assert!(
            !bord
                .tap
                .sent_contains(&federation[other].agency, id.as_bytes())
        );
    }
    // The name went nowhere, and lies in clear nowhere, the drafts that were refused included.
    for node in federation.all() {
        for frame in node.tap.frames() {
            assert!(!stands_in(&frame.body, NAME.as_bytes()), "{frame:?}");
        }
    }
    federation.stop().await;
    assert_eq!(files_with(federation.dir(), &[NAME]), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_waits_for_another_officer_and_is_sent_when_that_one_approves() {
    let federation = narova().await;
    let bord = &federation["qn-bord"];
    let child = referral(&[("age_band = \"18-29\"", "age_band = \"9-17\"")]);
    let args = [
        "refer",
        "new",
        "-",
        "--json",
        "--yes",
        "--emergency",
        "child-at-risk",
    ];
    // A child whom nobody looks after is critical, and its assessment names who does.
    let ran = bord.cli_in(&args, &child).await;
    assert!(
        ran.out.contains("REF-08") && !ran.out.contains("REF-02"),
        "{ran:?}"
    );
    let child = child
        .replace("urgency = \"high\"", "urgency = \"critical\"")
        .replace(
            "assessor = ",
            "best_interests_officer = \"youth welfare office\"\nassessor = ",
        );
    let waits = bord.cli_in(&args, &child).await.expect_code(0).json();
    assert_eq!(waits["state"], "waiting", "{waits}");
    assert_eq!(sealed(bord), 0);
    let draft = waits["draft"].as_str().expect("a draft").to_owned();

    let own = bord.cli(&["refer", "approve", &draft, "--yes"]).await;
    assert_ne!(own.code, 0);
    assert!(own.err.contains("you wrote"), "{}", own.err);
    let case: CaseId = draft.parse().expect("a draft");
    let second = |uid, shared| Second {
        uid,
        user: "mira".into(),
        shared,
    };
    let shared = bord
        .node()
        .approve_emergency(&case, second(4242, true), None)
        .await;
    assert!(matches!(shared, Err(ApprovalFault::Shared)), "{shared:?}");
    assert_eq!(sealed(bord), 0);

    // Who changes it asks anew.
    let args = ["refer", "new", "--draft", &draft, "--keep"];
    bord.cli(&args).await.expect_code(0);
    let changed = bord
        .node()
        .approve_emergency(&case, second(4242, false), None)
        .await;
    assert!(
        matches!(changed, Err(ApprovalFault::NotWaiting { .. })),
        "{changed:?}"
    );
    let args = ["refer", "new", "--draft", &draft, "--yes", "--json"];
    let waits = bord.json(&args[..5]).await;
    assert_eq!(waits["state"], "waiting");

    let (sent, _) = bord
        .node()
        .approve_emergency(&case, second(4242, false), None)
        .await
        .expect("it is sent");
    let thread = sent.threads().next().expect("a thread");
    let lantern = &federation["qn-lantern"];
    let arrived = bord
        .node()
        .wait_for_arrival(&thread, &lantern.agency, Duration::from_secs(60))
        .await;
    assert!(arrived.expect("the store"));
    let inside = lantern
        .node()
        .vault
        .inside(&thread)
        .expect("vault")
        .expect("opens");
    let profile = inside.profile().expect("a profile");
    assert!(profile.consent.is_approved_emergency());
    assert!(profile.is_unaccompanied_child());
    // Nobody looked again: in time it can be reviewed, and not by who wrote it.
    assert!(sent.review_by().is_some() && !sent.is_review_overdue(sent.made));
    let late = sent.review_by().expect("a time");
    assert!(sent.is_review_overdue(liaison_protocol::clock::Millis(late.0 + 1)));
    let own = bord.cli(&["refer", "review", &draft, "--yes"]).await;
    assert_ne!(own.code, 0, "{own:?}");
    let reviewed = bord
        .node()
        .review_emergency(&case, second(4242, false))
        .await
        .expect("reviewed");
    assert_eq!(reviewed.review_by(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_delivered_says_whom_to_telephone_and_goes_when_the_line_is_back() {
    let mut federation = narova().await;
    federation.node("qn-lantern").stop().await;
    let bord = &federation["qn-bord"];
    let socket = bord.home.socket_path();
    let (draft, _) = liaison_protocol::personal::ReferralDraft::from_toml(&referral(&[]))
        .map(|(draft, json)| (json, draft))
        .expect("a referral");
    let answer = tokio::task::spawn_blocking(move || {
        http::call(
            &socket,
            "POST",
            "/v1/referrals?wait_s=1",
            &["Content-Type: application/json"],
            draft.to_string().as_bytes(),
        )
    })
    .await
    .expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    let report = answer.json();
    assert_eq!(report["state"], "sent");
    assert!(report.get("delivered").is_none(), "{report}");
    assert_eq!(report["plan"][0]["telephone"]["role"], "Lantern House duty");
    assert_eq!(report["plan"][0]["telephone"]["channel"], "+999 555 0101");
    let id = id_of(&report);
    federation.node("qn-lantern").start().await;
    opens(&federation["qn-lantern"], &id).await;
    let bord = &federation["qn-bord"];
    let arrived = bord
        .node()
        .wait_for_arrival(
            &id,
            &federation["qn-lantern"].agency,
            Duration::from_secs(60),
        )
        .await;
    assert!(arrived.expect("the store"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_critical_goes_first_to_who_is_open_unless_the_officer_insists() {
    let federation = narova().await;
    let (bord, migro) = (&federation["qn-bord"], &federation["migro"]);
    // Open for a minute a year at most: never while this runs, or the test says so.
    hours(migro, "office", "Mo-Fr 03:00-03:01 UTC").await;
    knows_desk(bord, migro).await;
    let order = "[\"qn-lantern\", \"migro\"]";
    let dry = ["refer", "new", "-", "--json", "--dry-run"];
    let asked = |report: &Value| -> Vec<String> {
        let plan = report["plan"].as_array().expect("a plan");
        plan.iter()
            .map(|row| row["peer"].as_str().expect("a name").to_owned())
            .collect()
    };
    let swapped = (order, "[\"migro\", \"qn-lantern\"]");
    let critical = ("urgency = \"high\"", "urgency = \"critical\"");
    for (changes, expected) in [
        (vec![swapped], ["migro", "qn-lantern"]),
        (vec![swapped, critical], ["qn-lantern", "migro"]),
        (
            vec![
                swapped,
                critical,
                ("keep_order = false", "keep_order = true"),
            ],
            ["migro", "qn-lantern"],
        ),
    ] {
        let report = bord
            .cli_in(&dry, &referral(&changes))
            .await
            .expect_code(0)
            .json();
        assert_eq!(report["state"], "checked");
        if migro_is_open(&report) {
            // The one minute of the day.
            return;
        }
        assert_eq!(asked(&report), expected, "{report}");
        let rows = report["plan"].as_array().expect("a plan");
        let migro = rows
            .iter()
            .find(|row| row["peer"] == "migro")
            .expect("migro");
        // RFC 3339 in UTC sorts as time does.
        let insists = changes.len() == 3;
        let counts_now = migro["clock_from"].as_str() <= report["now"].as_str();
        assert_eq!(counts_now, insists, "{report}");
    }
    assert_eq!(sealed(bord), 0, "a dry run sends nothing");
    assert_eq!(bord.json(&["refer", "drafts"]).await, json!({"drafts": []}));
}

fn migro_is_open(report: &Value) -> bool {
    let rows = report["plan"].as_array().expect("a plan");
    rows.iter()
        .any(|row| row["peer"] == "migro" && row["open"] == true)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screening_begins_a_draft_that_is_kept_until_it_is_dropped() {
    let mut federation = narova().await;
    let bord = &federation["qn-bord"];
    let args = ["refer", "screen", "--age", "unknown", "--sign", "debt"];
    let found = bord.json(&args).await;
    assert_eq!(found["suggests"], true);
    let draft = found["draft"].as_str().expect("a draft").to_owned();
    let weak = ["refer", "screen", "--age", "18-29", "--sign", "debt"];
    assert_eq!(bord.json(&weak).await["suggests"], false);

    // A person is interrupted: what was answered is there after a restart.
    federation.node("qn-bord").stop().await;
    federation.node("qn-bord").start().await;
    let bord = &federation["qn-bord"];
    let rows = bord.json(&["refer", "drafts"]).await["drafts"].clone();
    assert_eq!(rows[0]["draft"], draft.as_str());
    assert_eq!(rows[0]["whole"], false);
    let ran = bord
        .cli(&["refer", "new", "--draft", &draft, "--yes"])
        .await;
    assert_ne!(ran.code, 0, "half a referral is not sent");
    bord.cli(&["refer", "drafts", "--drop", &draft, "--yes"])
        .await
        .expect_code(0);
    assert_eq!(bord.json(&["refer", "drafts"]).await, json!({"drafts": []}));
}

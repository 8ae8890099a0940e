//! Drafts of referrals on a real node: what is sealed is what was checked and approved, whatever
//! else is written meanwhile, and nothing of it is lost.

use std::time::Duration;

use liaison_node::referral::emergency::Second;
use liaison_node::referral::{Asked, CaseFile, CaseId, Draft, Sent};
use liaison_protocol::id::RecordId;
use liaison_protocol::personal::ReferralDraft;
use liaison_protocol::personal::template::referral_toml;
use liaison_protocol::record::codes::ConsentState;
use liaison_protocol::record::date::Date;
use liaison_tests::federation::OPEN;
use liaison_tests::referral::{refers, until};
use liaison_tests::{Federation, TestNode, http};
use serde_json::{Value, json};

/// Two writers meet in a moment of a few milliseconds: how often that is tried.
const TRIES: u64 = 24;

async fn border_and_lantern() -> Federation {
    let mut federation = Federation::new();
    for (name, sector) in [("border", "border"), ("lantern", "ngo")] {
        let node = federation.add(name, sector, "QN").await;
        node.policy(OPEN).await;
        refers(node);
    }
    federation.link("border", "lantern").await;
    federation
}

/// The referral of the template, to the shelter.
fn referral(node: &TestNode) -> Value {
    let today = Date::from_millis(node.node().clock.now());
    let toml = referral_toml(today).replace("[\"qn-lantern\", \"migro\"]", "[\"lantern\"]");
    ReferralDraft::from_toml(&toml).expect("the template").1
}

/// The same of somebody who could not be asked.
fn emergency(node: &TestNode) -> Value {
    let mut referral = referral(node);
    let date = referral["profile"]["consent"]["date"].clone();
    referral["profile"]["consent"] = json!({
        "state": "emergency", "date": date, "language": "ar",
        "emergency": {"reason": "danger-to-life"},
    });
    referral
}

/// The same of somebody elsewhere who said no.
fn another(referral: &Value) -> Value {
    let mut another = referral.clone();
    another["profile"]["region"] = json!("QN-03");
    another["profile"]["consent"]["state"] = json!("refused");
    another
}

async fn post(node: &TestNode, query: &str, body: &Value) -> http::Answer {
    post_to(node, &format!("/v1/referrals{query}"), body).await
}

async fn post_to(node: &TestNode, path: &str, body: &Value) -> http::Answer {
    let (socket, path, body) = (node.home.socket_path(), path.to_owned(), body.to_string());
    let json = ["Content-Type: application/json"];
    let call = move || http::call(&socket, "POST", &path, &json, body.as_bytes());
    tokio::task::spawn_blocking(call).await.expect("asked")
}

/// The draft that an answer tells of.
fn draft_of(answer: &http::Answer) -> CaseId {
    let report = answer.json();
    let draft = report["draft"].as_str();
    let draft = draft.unwrap_or_else(|| panic!("{report:#}"));
    draft.parse().expect("a draft")
}

/// A little later each time: somebody else is about to write at the same moment.
async fn meanwhile(n: u64) {
    tokio::time::sleep(Duration::from_millis(n % 12)).await;
}

/// Where the person is and what they said, as it was sealed.
fn sealed(node: &TestNode, thread: &RecordId) -> (String, ConsentState) {
    let inside = node.node().vault.inside(thread).expect("the vault");
    let inside = inside.expect("it opens");
    let profile = inside.profile().expect("a profile");
    (profile.region.to_string(), profile.consent.state)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_is_what_was_checked_whatever_is_kept_meanwhile() {
    let federation = border_and_lantern().await;
    let border = &federation["border"];
    let good = referral(border);
    let bad = another(&good);
    for n in 0..TRIES {
        let id = draft_of(&post(border, "?keep=true", &good).await);
        let send = format!("?draft={id}");
        let keep = format!("?keep=true&draft={id}");
        let (sent, kept) = tokio::join!(post(border, &send, &good), async {
            meanwhile(n).await;
            post(border, &keep, &bad).await
        });
        let case = border.node().cases.read(&id).expect("read").expect("there");
        for thread in case.threads() {
            let (region, state) = sealed(border, &thread);
            assert_eq!((region.as_str(), state), ("QN-02", ConsentState::Given));
            assert_eq!(sent.json()["state"], "sent", "{sent:?}");
        }
        let region = case.draft.read().expect("whole").profile.region;
        match case.sent {
            true => assert_eq!((case.threads().count(), region.as_str()), (1, "QN-02")),
            false => {
                // Who sent it was told that it is another text now, which is kept.
                assert_eq!((kept.status, region.as_str()), (200, "QN-03"), "{kept:?}");
                assert_ne!(sent.status, 200, "{sent:?}");
            }
        }
        if kept.status != 200 {
            assert!(case.sent, "nothing that was typed is lost: {kept:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_second_officer_approved_is_what_goes_and_their_word_stays() {
    let federation = border_and_lantern().await;
    let border = &federation["border"];
    let shown = emergency(border);
    let mut other = shown.clone();
    other["profile"]["region"] = json!("QN-03");
    for n in 0..TRIES {
        let waits = post(border, "", &shown).await;
        assert_eq!(waits.json()["state"], "waiting", "{waits:?}");
        let id = draft_of(&waits);
        let second = Second {
            uid: 4242,
            user: "mira".into(),
            shared: false,
        };
        let keep = format!("?keep=true&draft={id}");
        let approve = border.node().approve_emergency(&id, second, None);
        let (approved, kept) = tokio::join!(approve, async {
            meanwhile(n).await;
            post(border, &keep, &other).await
        });
        let case = border.node().cases.read(&id).expect("read").expect("there");
        match &approved {
            Ok((_, Sent::To { thread, .. })) => {
                assert_eq!(sealed(border, thread).0, "QN-02");
                assert!(case.approval.is_some() && case.review_by().is_some());
                assert_ne!(kept.status, 200, "{kept:?}");
            }
            Ok((_, Sent::Waits)) => panic!("nobody asked for it anew"),
            Err(_) => {
                assert!(!case.sent && case.threads().next().is_none());
                assert!(case.approval.is_none() && case.waits.is_none());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dropped_was_not_sent_and_what_was_sent_is_not_dropped() {
    let federation = border_and_lantern().await;
    let border = &federation["border"];
    let good = referral(border);
    for n in 0..TRIES {
        let id = draft_of(&post(border, "?keep=true", &good).await);
        let before = border.node().vault.count();
        let send = format!("?draft={id}");
        let drop = format!("/v1/drafts/{id}/drop");
        let (sent, dropped) = tokio::join!(post(border, &send, &good), async {
            meanwhile(n).await;
            post_to(border, &drop, &json!({})).await
        });
        let case = border.node().cases.read(&id).expect("read");
        let sealed = border.node().vault.count() - before;
        assert_eq!(
            (case.is_some_and(|case| case.sent), sealed),
            match dropped.status {
                200 => (false, 0),
                _ => (true, 1),
            },
            "{sent:?} {dropped:?}"
        );
    }
}

/// Whoever sent it and heard nothing finds it again.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_stop_kept_from_going_out_is_a_draft_again() {
    let mut federation = border_and_lantern().await;
    let border = &federation["border"];
    let now = border.node().clock.now();
    let good = Draft::new(referral(border).to_string());
    let mut case = CaseFile::begun(good, own_uid(), "officer", now);
    case.sent = true;
    case.asked = vec![Asked {
        agency: federation["lantern"].agency,
        clock_from: None,
        sealing: Some(now),
        thread: None,
    }];
    border.node().cases.keep(&case).expect("kept");
    federation.node("border").stop().await;
    federation.node("border").start().await;
    let border = &federation["border"];
    until(border, "it is a draft", |border| {
        let found = border.node().cases.read(&case.id).expect("read");
        found.filter(|found| !found.sent)
    })
    .await;
    let rows = border.json(&["refer", "drafts"]).await["drafts"].clone();
    assert_eq!(rows[0]["draft"], case.id.as_str(), "{rows}");
    let sent = border
        .json(&["refer", "new", "--draft", case.id.as_str(), "--yes"])
        .await;
    assert_eq!(sent["state"], "sent", "{sent}");
}

fn own_uid() -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").expect("proc").uid()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_of_a_person_is_not_repeated_by_what_refuses_it() {
    let federation = border_and_lantern().await;
    let border = &federation["border"];
    let good = referral(border);
    let sent = post(border, "", &good).await;
    let id = sent.json()["id"].as_str().expect("an id").to_owned();
    let steps = format!("/v1/referrals/{id}/steps");
    for (path, key, value) in [
        ("/v1/referrals", "/profile", json!({"Amina": 1})),
        ("/v1/referrals", "/profile/urgency", json!("Amina")),
        ("/v1/referrals", "/profile/consent/state", json!("Amina")),
        ("/v1/referrals", "/candidates", json!("Amina")),
        ("/v1/referrals", "", json!({"Amina": 1})),
        (&steps, "/state", json!("Amina")),
        (&steps, "/scope", json!(["Amina"])),
        (&steps, "/scope", json!("Amina")),
        (&steps, "/step", json!("Amina")),
        (&steps, "/date", json!("Amina")),
        (&steps, "/identity", json!("Amina")),
        (&steps, "", json!({"Amina": 1})),
    ] {
        let mut body = match path {
            "/v1/referrals" => good.clone(),
            _ => json!({"step": "consent", "state": "given", "scope": []}),
        };
        match (value.as_object(), body.pointer_mut(key)) {
            (Some(entries), Some(at)) => at
                .as_object_mut()
                .expect("an object")
                .extend(entries.clone()),
            (None, Some(at)) => *at = value.clone(),
            (_, None) => {
                body[key.trim_start_matches('/')] = value.clone();
            }
        }
        let refused = post_to(border, path, &body).await;
        let says = String::from_utf8_lossy(&refused.body).into_owned();
        assert_eq!(refused.status / 100, 4, "{key}: {says}");
        assert!(!says.contains("Amina"), "{path} {key}: {says}");
    }
}

/// Who writes at the login of many, where they may not send.
const DESK: u32 = 64_124;

#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_goes_on_with_what_was_begun_at_a_login_of_many() {
    let federation = border_and_lantern().await;
    let border = &federation["border"];
    let good = referral(border).to_string();
    let begun = |uid| {
        let now = border.node().clock.now();
        let case = CaseFile::begun(Draft::new(good.clone()), uid, "frontdesk", now);
        border.node().cases.keep(&case).expect("kept");
        case.id
    };
    let (id, others) = (begun(DESK), begun(DESK + 1));
    let file = border.home.officers_path();
    let mut officers = std::fs::read_to_string(&file).expect("officers");
    for (uid, shared) in [(DESK, true), (DESK + 1, false)] {
        officers.push_str(&format!(
            "\n[[officer]]\nuser = {uid}\nroles = [\"referral-officer\"]\nshared = {shared}\n"
        ));
    }
    std::fs::write(&file, officers).expect("entered");

    let rows = border.json(&["refer", "drafts"]).await["drafts"].clone();
    let names: Vec<&str> = rows
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row["draft"].as_str())
        .collect();
    assert_eq!(names, [id.as_str()], "and nobody else's: {rows}");
    let refused = border
        .cli(&["refer", "new", "--draft", others.as_str(), "--yes"])
        .await;
    assert_eq!(refused.code, 4, "{refused:?}");
    let sent = border
        .json(&["refer", "new", "--draft", id.as_str(), "--yes"])
        .await;
    assert_eq!(sent["state"], "sent", "{sent}");
    let case = border.node().cases.read(&id).expect("read").expect("there");
    assert_ne!(case.uid, DESK, "it is whose word it is");
    let draft = case.draft.read().expect("whole");
    assert!(draft.identity.is_some(), "nothing of it was lost");
    let thread = case.threads().next().expect("a thread");
    let assigned: Vec<u32> = border.node().looks.assigned(&thread).uids().collect();
    assert_eq!(assigned, [case.uid]);
}

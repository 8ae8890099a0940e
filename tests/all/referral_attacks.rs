//! Referrals beside peers and a disk that do what they should not.

use std::collections::BTreeSet;

use liaison_node::ingest::Sealing;
use liaison_node::officers::{Officer, Role, Roles};
use liaison_node::referral::{CaseFile, Draft};
use liaison_protocol::id::RecordId;
use liaison_protocol::lifecycle::State;
use liaison_protocol::personal::{Action, Part, Personal, Step};
use liaison_protocol::record::codes::{
    ConsentScope, ConsentState, DeclineReason, Urgency, WithdrawalReason,
};
use liaison_protocol::record::date::Date;

use liaison_tests::federation::OPEN;
use liaison_tests::referral::{case, gone, refer, stands, states, take, until};
use liaison_tests::sealed::{closed, identity, inside, opens, profile, seal};
use liaison_tests::{Federation, TestNode, http};

use crate::emergency::{approve, emergency};

const NAME: &str = "Quittenmarke Zwetschge";

const NO_PLACE: Action = Action::Declined {
    reason: DeclineReason::NoCapacity,
};

/// Something of a thread, past what its own node would let anybody say.
pub async fn say(by: &TestNode, to: &TestNode, on: RecordId, content: Personal) -> RecordId {
    let sealing = Sealing {
        inside: inside(content),
        recipients: BTreeSet::from([to.agency]),
        thread: Some(on),
        respond_by: None,
    };
    let made = by.node().ingest.seal(vec![sealing], Vec::new()).await;
    made.expect("sealed").first().expect("one").0
}

pub fn step(on: RecordId, action: Action) -> Personal {
    Personal::Step(Step {
        on,
        seen: BTreeSet::new(),
        action,
        note: None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_its_two_parties_has_a_word_in_a_referral() {
    let federation = Federation::mesh(&["a", "b", "h"], OPEN).await;
    let [a, b, h] = ["a", "b", "h"].map(|n| &federation[n]);
    let thread = refer(a, &[b], Urgency::High, NAME).await;
    stands(b, &thread, State::Sent).await;
    // As a hub is told the thread's id when somebody is late.
    let withdrawn = Action::Withdrawn {
        reason: WithdrawalReason::ConsentWithdrawn,
    };
    let name = Personal::from(Part::Identity(Box::new(identity("Other"))));
    for (to, content) in [
        (a, step(thread, Action::Expired)),
        (a, step(thread, withdrawn.clone())),
        (a, name),
        (b, step(thread, Action::Accepted)),
        (b, step(thread, withdrawn)),
    ] {
        let id = say(h, to, thread, content).await;
        opens(to, &id).await;
    }
    // What came after it was taken up after it.
    take(b, thread, Action::Acknowledged).await;
    let ours = stands(a, &thread, State::Acknowledged).await;
    let theirs = stands(b, &thread, State::Acknowledged).await;
    assert_eq!(ours.steps().len(), 1);
    assert_eq!(ours.folded, theirs.folded);
    for (node, known) in [(a, &ours), (b, &theirs)] {
        assert_eq!(known.readable().len(), 2, "{}", node.name);
        opens(node, &thread).await;
    }
}

/// Says that the person agrees to everything now, or that nobody could ask.
fn consent(node: &TestNode, state: ConsentState) -> Action {
    Action::Consent {
        state,
        scope: BTreeSet::from([
            ConsentScope::Assistance,
            ConsentScope::ShareProfile,
            ConsentScope::ShareIdentity,
        ]),
        date: Date::from_millis(node.node().clock.now()),
        keep_until: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_to_which_the_person_agrees_later_goes_on_to_the_next_candidate() {
    let federation = Federation::mesh(&["a", "b", "c"], OPEN).await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let id = case(a, &[b, c], emergency(), NAME);
    approve(a, &id, a.node().clock.now());
    let first = a.node().ask(&id, 0).await.expect("asked");
    stands(b, &first, State::Sent).await;
    take(a, first, consent(a, ConsentState::Given)).await;
    take(b, first, NO_PLACE).await;
    let next = until(c, "c is asked", |c| Some(states(c).first()?.0)).await;
    let (state, scope) = {
        let next = c.node().referrals.thread(&next).expect("here");
        (next.consent().0, next.consent().1.clone())
    };
    assert_eq!(state, ConsentState::Given);
    assert!(scope.contains(&ConsentScope::ShareProfile));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_that_calls_it_an_emergency_takes_no_other_candidate_away() {
    let federation = Federation::mesh(&["a", "b", "c"], OPEN).await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let first = refer(a, &[b, c], Urgency::High, NAME).await;
    stands(b, &first, State::Sent).await;
    say(
        b,
        a,
        first,
        step(first, consent(b, ConsentState::Emergency)),
    )
    .await;
    take(b, first, NO_PLACE).await;
    stands(a, &first, State::Declined).await;
    federation.settled().await;
    // A step makes no emergency, so that nobody is asked; who can be is kept.
    assert!(states(c).is_empty());
    let (id, _) = a.node().cases.of_thread(&first).expect("its case");
    let case = a.node().cases.read(&id).expect("keyring").expect("here");
    assert_eq!(case.asked.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_that_was_cut_short_reaches_every_candidate_after_the_start() {
    let mut federation = Federation::mesh(&["a", "b", "c"], OPEN).await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let first = refer(a, &[b, c], Urgency::High, NAME).await;
    stands(b, &first, State::Sent).await;
    take(b, first, NO_PLACE).await;
    let second = until(c, "c is asked", |c| Some(states(c).first()?.0)).await;
    let (id, _) = a.node().cases.of_thread(&first).expect("its case");
    // As if stopped after what was written is gone, and before the records are taken back.
    let emptied = a
        .node()
        .cases
        .change(&id, |case| case.draft = Draft::new("{}".into()));
    emptied.expect("kept").expect("here");
    federation.node("a").stop().await;
    let right = Action::Withdrawn {
        reason: WithdrawalReason::SubjectRight,
    };
    take(&federation["c"], second, right).await;
    federation.node("a").start().await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    for (node, thread) in [(a, &first), (a, &second), (b, &first), (c, &second)] {
        gone(node, thread).await;
        closed(node, thread).await;
    }
    until(a, "without the case", |a| {
        a.node()
            .cases
            .ids()
            .expect("keyring")
            .is_empty()
            .then_some(())
    })
    .await;
}

/// What this login is at a node from now on.
fn is(node: &TestNode, roles: &str) {
    use std::os::unix::fs::MetadataExt as _;
    let uid = std::fs::metadata("/proc/self").expect("proc").uid();
    // And a colleague, who is an officer still.
    let text = format!(
        "waits_for = \"nobody\"\n[[officer]]\nuser = {uid}\nroles = [{roles}]\n\
         [[officer]]\nuser = 4242\nroles = [\"referral-officer\"]\n"
    );
    std::fs::write(node.home.officers_path(), text).expect("officers");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_assigned_takes_no_referral_back() {
    let federation = Federation::mesh(&["a", "b"], OPEN).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let thread = refer(a, &[b], Urgency::High, NAME).await;
    stands(b, &thread, State::Sent).await;
    let colleague = Officer {
        uid: 4_242,
        name: "colleague".into(),
        roles: Roles::of(&[Role::ReferralOfficer]),
        shared: false,
    };
    let assigned: Vec<u32> = a.node().looks.assigned(&thread).uids().collect();
    let now = a.node().clock.now();
    let put = a
        .node()
        .looks
        .assign(&thread, &[colleague], &assigned, 1, now);
    put.expect("assigned");
    for roles in ["\"analyst\"", "\"referral-officer\""] {
        is(a, roles);
        let command = ["retract", &thread.full(), "--reason", "error", "--yes"];
        a.cli(&command).await.expect_code(4);
    }
    stands(a, &thread, State::Sent).await;
    stands(b, &thread, State::Sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_policy_sees_inside_a_seal_is_told_to_nobody_who_asks_around() {
    let mut federation = Federation::new();
    for (name, sector, country) in [
        ("a", "border", "QN"),
        ("b", "ngo", "QN"),
        ("c", "police", "QO"),
    ] {
        federation
            .add(name, sector, country)
            .await
            .policy(OPEN)
            .await;
    }
    federation.link_all().await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let mut kept_from = inside(Part::Profile(Box::new(profile())));
    kept_from.exclude.insert("QO".parse().expect("country"));
    let id = seal(a, &[b], kept_from).await;
    opens(b, &id).await;

    is(a, "\"analyst\"");
    let why = a.json(&["why", &id.full(), "c"]).await;
    let gates: Vec<&str> = why["gates"]
        .as_array()
        .expect("gates")
        .iter()
        .filter_map(|gate| gate["gate"].as_str())
        .collect();
    assert!(gates.contains(&"audience"), "{why}");
    for gate in ["ceiling", "exclude", "policy"] {
        assert!(!gates.contains(&gate), "{gate}: {why}");
    }
    assert_eq!(why["decision"]["gate"], "handling", "{why}");

    let dir = a.home.dir().join("asks");
    std::fs::create_dir_all(&dir).expect("folder");
    let asks = format!(
        "{OPEN}\n@id(\"asks\") @says(\"Does the person need a lawyer?\")\nforbid (principal, action == Action::\"share\", resource) when {{ resource.tags.contains(\"service:legal\") }};\n"
    );
    std::fs::write(dir.join("policy.cedar"), asks).expect("policy");
    let dir = dir.to_string_lossy();
    let told = a.json(&["policy", "preview", &dir]).await;
    assert_eq!(told["peers"].as_array().map(Vec::len), Some(0), "{told}");
    // Who may change the policy is told how many, and not which.
    is(a, "\"data-protection-officer\"");
    let told = a.json(&["policy", "preview", &dir]).await;
    assert_eq!(told["peers"][0]["stops"]["records"], 1, "{told}");
    assert!(!told.to_string().contains(&id.full()), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_over_the_draft_of_another() {
    let federation = Federation::mesh(&["a"], OPEN).await;
    let a = &federation["a"];
    is(a, "\"referral-officer\"");
    let written = Draft::new("{\"lang\":\"en\"}".into());
    let draft = CaseFile::begun(written.clone(), 4_242, "colleague", a.node().clock.now());
    a.node().cases.keep(&draft).expect("kept");
    let (socket, path) = (
        a.home.socket_path(),
        format!("/v1/referrals?keep=true&draft={}", draft.id),
    );
    let answer = tokio::task::spawn_blocking(move || {
        http::call(
            &socket,
            "POST",
            &path,
            &["Content-Type: application/json"],
            b"{}",
        )
    });
    assert_eq!(answer.await.expect("an answer").status, 403);
    let kept = a
        .node()
        .cases
        .read(&draft.id)
        .expect("keyring")
        .expect("here");
    assert!(kept.draft == written && kept.uid == 4_242);
}

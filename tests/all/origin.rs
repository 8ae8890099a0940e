//! What is known of a person does not go to the authorities of the country that they are a citizen
//! of, from the moment at which they do not agree to it any more, or it is known which one it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use liaison_node::clock::ManualClock;
use liaison_node::referral::{CaseId, Made, ReferralError, Wanted};
use liaison_protocol::id::RecordId;
use liaison_protocol::lifecycle::State;
use liaison_protocol::personal::{Action, Identity, Profile};
use liaison_protocol::record::codes::{
    ConsentScope, ConsentState, DeclineReason, InfoTopic, PersonalKind, ReferralPart, Urgency,
    WithdrawalReason,
};
use liaison_protocol::record::date::Date;
use liaison_tests::federation::OPEN;
use liaison_tests::referral::{case_of, gone, pass, stands, states, take, until};
use liaison_tests::sealed::{closed, identity, name_in, profile};
use liaison_tests::{Federation, TestNode};

const NAME: &str = "Quittenmarke Zwetschge";
const ALL: [ConsentScope; 3] = [
    ConsentScope::Assistance,
    ConsentScope::ShareProfile,
    ConsentScope::ShareIdentity,
];

/// Agencies of these sectors and countries, each linked with each.
async fn of(nodes: &[(&str, &str, &str)], clock: Option<&Arc<ManualClock>>) -> Federation {
    let mut federation = Federation::new();
    for (name, sector, country) in nodes {
        let node = federation.prepare(name, sector, country);
        if let Some(clock) = clock {
            node.with_clock(clock.clone());
        }
        node.start().await;
    }
    federation.link_all().await;
    for (name, ..) in nodes {
        federation[*name].policy(OPEN).await;
    }
    federation
}

/// A referral of somebody of this citizenship who agrees to contact with their country, or not.
fn written(
    from: &TestNode,
    to: &[&TestNode],
    citizenship: &[&str],
    contact: bool,
    urgency: Urgency,
) -> CaseId {
    let mut asked = Profile {
        urgency,
        ..profile()
    };
    if contact {
        asked.consent.scope.push(ConsentScope::OriginContact);
        asked.origin_contact_forbidden = false;
    }
    case_of(citizenship, from, to, asked, NAME)
}

/// They agree to all that helps them, and to no contact with their country.
fn no_contact(node: &TestNode) -> Action {
    Action::Consent {
        state: ConsentState::Given,
        scope: ALL.into_iter().collect::<BTreeSet<_>>(),
        date: Date::from_millis(node.node().clock.now()),
        keep_until: None,
    }
}

fn refused(tried: Result<Made, ReferralError>) -> Vec<&'static str> {
    match tried {
        Ok(_) => panic!("it was sent"),
        Err(ReferralError::Checks(found)) => found.iter().map(|f| f.code).collect(),
        Err(error) => panic!("{error}"),
    }
}

async fn release(
    node: &TestNode,
    thread: RecordId,
    identity: Option<Identity>,
) -> Result<Made, ReferralError> {
    let wanted = Wanted {
        thread,
        action: Action::IdentityReleased,
        note: None,
        identity: identity.map(Box::new),
    };
    node.node().take_step(wanted, false).await
}

async fn accepted(a: &TestNode, b: &TestNode, case: &CaseId) -> RecordId {
    let thread = a.node().ask(case, 0).await.expect("asked");
    stands(b, &thread, State::Sent).await;
    take(b, thread, Action::Accepted).await;
    stands(a, &thread, State::Accepted).await;
    thread
}

/// The countries that may never get a record, as it was sealed.
fn kept_from(node: &TestNode, id: &RecordId) -> Vec<String> {
    let gist = node.node().vault.gist(id).expect("it opens");
    gist.exclude.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn e29_who_agrees_to_no_contact_any_more_is_not_named_to_the_country_of_origin() {
    let nodes = [("a", "border", "QN"), ("qm-pol", "police", "QM")];
    let federation = of(&nodes, None).await;
    let [a, b] = ["a", "qm-pol"].map(|n| &federation[n]);
    let case = written(a, &[b], &["QM"], true, Urgency::High);
    let thread = accepted(a, b, &case).await;
    take(a, thread, no_contact(a)).await;
    for given in [None, Some(identity(NAME))] {
        assert_eq!(refused(release(a, thread, given).await), ["REF-04"]);
    }
    // What ends it goes.
    take(
        a,
        thread,
        Action::Withdrawn {
            reason: WithdrawalReason::ConsentWithdrawn,
        },
    )
    .await;
    gone(b, &thread).await;
    closed(b, &thread).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_country_of_origin_was_told_is_taken_back_with_the_consent_to_that() {
    let nodes = [("a", "border", "QN"), ("qm-pol", "police", "QM")];
    let federation = of(&nodes, None).await;
    let [a, b] = ["a", "qm-pol"].map(|n| &federation[n]);
    let case = written(a, &[b], &["QM"], true, Urgency::High);
    let thread = accepted(a, b, &case).await;
    take(a, thread, Action::IdentityReleased).await;
    let held = stands(b, &thread, State::IdentityReleased).await;
    let name = held.parts(ReferralPart::Identity).next().expect("released");
    assert_eq!(name_in(b, &name).as_deref(), Some(NAME));
    take(a, thread, no_contact(a)).await;
    closed(b, &name).await;
    assert_eq!(name_in(b, &name), None);
    assert_eq!(refused(release(a, thread, None).await), ["REF-04"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_citizenship_that_is_found_out_later_keeps_the_identity_from_its_country() {
    let nodes = [("a", "border", "QN"), ("qm-pol", "police", "QM")];
    let federation = of(&nodes, None).await;
    let [a, b] = ["a", "qm-pol"].map(|n| &federation[n]);
    let case = written(a, &[b], &["QO"], false, Urgency::High);
    let thread = accepted(a, b, &case).await;
    let known = Identity {
        citizenship: vec!["QM".parse().expect("country")],
        ..identity(NAME)
    };
    assert_eq!(refused(release(a, thread, Some(known)).await), ["REF-04"]);
    release(a, thread, None).await.expect("it is not theirs");
    stands(b, &thread, State::IdentityReleased).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_after_the_person_said_no_knows_the_country_that_may_never_get_it() {
    let nodes = ["a", "b", "c"].map(|name| (name, "border", "QN"));
    let federation = of(&nodes, None).await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let case = written(a, &[b, c], &["QM"], true, Urgency::High);
    let first = a.node().ask(&case, 0).await.expect("asked");
    stands(b, &first, State::Sent).await;
    assert_eq!(kept_from(a, &first), Vec::<String>::new());
    take(a, first, no_contact(a)).await;
    take(
        b,
        first,
        Action::InfoAsked {
            topic: InfoTopic::ALL[0],
        },
    )
    .await;
    stands(a, &first, State::InfoAsked).await;
    let answer = take(
        a,
        first,
        Action::InfoGiven {
            topic: InfoTopic::ALL[0],
        },
    )
    .await;
    assert_eq!(kept_from(a, &answer.id.expect("made")), ["QM"]);
    let reason = DeclineReason::NoCapacity;
    take(b, first, Action::Declined { reason }).await;
    let next = until(c, "c is asked", |c| Some(states(c).first()?.0)).await;
    assert_eq!(kept_from(a, &next), ["QM"]);
}

/// The overdue notices that a node sealed, each to whom.
fn notices(node: &TestNode) -> Vec<liaison_protocol::id::AgencyId> {
    let ids = node.node().vault.after(0, 1_000);
    let gists = ids
        .iter()
        .filter_map(|(_, c)| node.node().vault.gist(c.id()));
    let notices = gists.filter(|gist| gist.kind == PersonalKind::Overdue);
    notices.flat_map(|gist| gist.recipients.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_whom_no_citizenship_is_known_no_hub_abroad_hears() {
    let clock = Arc::new(ManualClock::new(liaison_tests::raw::from_now(0).wall()));
    let nodes = [
        ("a", "border", "QN"),
        ("b", "ngo", "QN"),
        ("home", "hub", "QN"),
        ("abroad", "hub", "QO"),
    ];
    let federation = of(&nodes, Some(&clock)).await;
    let [a, b, home, abroad] = ["a", "b", "home", "abroad"].map(|n| &federation[n]);
    for (citizenship, expected) in [
        (&["QM"][..], vec![home.agency, abroad.agency]),
        (&[], vec![home.agency]),
    ] {
        let before = notices(a).len();
        let case = written(a, &[b], citizenship, false, Urgency::Critical);
        let thread = a.node().ask(&case, 0).await.expect("asked");
        stands(b, &thread, State::Sent).await;
        pass(&federation, &clock, 3_660_000).await;
        until(a, "a hub is told", |a| {
            (notices(a).len() > before).then_some(())
        })
        .await;
        let told: BTreeSet<_> = notices(a).split_off(before).into_iter().collect();
        assert_eq!(told, expected.into_iter().collect(), "{citizenship:?}");
    }
}

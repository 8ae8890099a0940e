//! What is kept of referrals that are over, and for how long; and what can be counted of them
//! without a person.

use std::collections::BTreeSet;
use std::sync::Arc;

use liaison_node::clock::{Clock, ManualClock};
use liaison_node::keyring::Shelf;
use liaison_node::limits::DAY_MS;
use liaison_node::referral::CaseId;
use liaison_protocol::clock::Millis;
use liaison_protocol::id::RecordId;
use liaison_protocol::lifecycle::State;
use liaison_protocol::personal::{Action, Profile};
use liaison_protocol::record::codes::{
    ClosureReason, ConsentScope, ConsentState, ReferralPart, Urgency, WithdrawalReason,
};
use liaison_protocol::record::date::Date;
use liaison_tests::TestNode;
use liaison_tests::referral::{
    by_one_clock, case, gone, pass, pass_days, refer, stands, take, until,
};
use liaison_tests::sealed::{closed, name_in, opens, profile};

use crate::case_lost;

const NAME: &str = "Quittenmarke Zwetschge";

/// Whom it takes to be shown: as many as the smallest count, and a few.
const COUNTED: usize = 13;

/// Takes a referral to its end: accepted, named, closed. Gives the record of the identity.
async fn to_its_end(a: &TestNode, b: &TestNode, thread: RecordId) -> RecordId {
    stands(b, &thread, State::Sent).await;
    take(b, thread, Action::Accepted).await;
    stands(a, &thread, State::Accepted).await;
    take(a, thread, Action::IdentityReleased).await;
    let named = stands(b, &thread, State::IdentityReleased).await;
    let identity = named
        .parts(ReferralPart::Identity)
        .next()
        .expect("released");
    assert_eq!(name_in(b, &identity).as_deref(), Some(NAME));
    let closing = Action::Closed {
        reason: ClosureReason::Integrated,
    };
    take(b, thread, closing).await;
    stands(a, &thread, State::Closed).await;
    identity
}

/// Who the person is goes 30 days after the end, everywhere, and what the officer wrote with it;
/// the rest stays for a year, and can be counted.
#[tokio::test(flavor = "multi_thread")]
async fn who_it_was_is_erased_thirty_days_after_the_end_and_what_is_left_is_counted() {
    let clock = Arc::new(ManualClock::new(liaison_tests::raw::from_now(0).wall()));
    let federation = by_one_clock(&clock, &["a", "b"], "").await;
    let [a, b] = ["a", "b"].map(|name| &federation[name]);
    let began = clock.now();
    // One of many who agreed to be counted.
    let mut counted = Profile {
        urgency: Urgency::Standard,
        ..profile()
    };
    counted.consent.scope.push(ConsentScope::Statistics);
    let first = case(a, &[b], counted.clone(), NAME);
    let thread = a.node().ask(&first, 0).await.expect("asked");
    let identity = to_its_end(a, b, thread).await;
    for _ in 1..COUNTED {
        let one = case(a, &[b], counted.clone(), "Nobody");
        a.node().ask(&one, 0).await.expect("asked");
    }
    // Who did not agree is not counted.
    refer(a, &[b], Urgency::Standard, "Nobody").await;

    pass_days(&federation, &clock, 29).await;
    opens(b, &identity).await;
    let written = || a.node().cases.read(&first).expect("read");
    assert!(written().is_some_and(|case| case.draft.expose().contains(NAME)));
    // It ended when the last step was signed, a little after this began.
    pass_days(&federation, &clock, 2).await;
    for node in [a, b] {
        closed(node, &identity).await;
        let keyring = &node.node().keyring;
        until(node, "the key is gone", |_| {
            (!keyring.holds(&identity)).then_some(())
        })
        .await;
    }
    until(a, "what was written is gone", |_| {
        written()
            .filter(|case| case.draft.expose() == "{}")
            .map(drop)
    })
    .await;
    for node in [a, b] {
        stands(node, &thread, State::Closed).await;
        opens(node, &thread).await;
    }

    // In the next quarter they are a figure.
    let today = |at: Millis| Date::from_millis(at).to_string();
    let month: u32 = today(began)[5..7].parse().expect("a month");
    let year: u32 = today(began)[..4].parse().expect("a year");
    let quarter = format!("{year}-Q{}", (month - 1) / 3 + 1);
    let is_over = |at: Millis| {
        let day = today(at);
        let (y, m): (u32, u32) = (day[..4].parse().expect("y"), day[5..7].parse().expect("m"));
        (y, (m - 1) / 3) > (year, (month - 1) / 3)
    };
    while !is_over(clock.now()) {
        pass_days(&federation, &clock, 1).await;
    }
    let args = ["stats", "referrals", "--by", "area", "--quarter", &quarter];
    let figure = a.json(&args).await;
    assert_eq!(figure["total"], COUNTED, "{figure}");
    assert_eq!(figure["rows"][0]["n"], COUNTED, "{figure}");
    assert_eq!(figure["draft"]["kind"], "trend", "{figure}");
    let text = figure.to_string();
    assert!(
        !text.contains(NAME) && !text.contains(&thread.full()),
        "{text}"
    );
    // Under the smallest count nothing is told: one provider answered once.
    let args = ["stats", "responses", "--quarter", &quarter];
    let figure = a.json(&args).await;
    let shown: BTreeSet<_> = figure["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row["n"].as_u64())
        .collect();
    assert!(shown.iter().all(|n| *n == 0 || *n >= 11), "{figure}");
    let draft = a.cli(&[&args[..], &["--as-trend"]].concat()).await;
    assert!(
        draft.code != 0 || !draft.out.contains("\"n\":1,"),
        "{draft:?}"
    );
    let trend = a
        .cli(&[
            "stats",
            "referrals",
            "--by",
            "area",
            "--quarter",
            &quarter,
            "--as-trend",
        ])
        .await
        .expect_code(0);
    let pushed = a.cli_in(&["push", "-", "--dry-run"], &trend.out).await;
    pushed.expect_code(0);
}

/// Days for which the next test keeps who somebody is.
const KEPT: i64 = 3;

/// Who agreed to it is kept for longer after the end, and no longer than that; who agreed to less
/// since then is not; and whoever takes it back is erased at once.
#[tokio::test(flavor = "multi_thread")]
async fn who_agreed_to_be_kept_for_longer_is_until_they_take_it_back() {
    let clock = Arc::new(ManualClock::new(liaison_tests::raw::from_now(0).wall()));
    let config = format!("[referral]\nidentity_kept_days = {KEPT}\n");
    let federation = by_one_clock(&clock, &["a", "b"], &config).await;
    let [a, b] = ["a", "b"].map(|name| &federation[name]);
    let today = Date::from_millis(clock.now());
    let longer = today.add_days(3 * KEPT);
    let agreed = || {
        let mut profile = profile();
        profile.consent.keep_until = Some(longer);
        profile
    };
    let consent = |keep_until| Action::Consent {
        state: ConsentState::Given,
        scope: profile().consent.scope.into_iter().collect(),
        date: today,
        keep_until,
    };
    // By the profile, by a step, by the profile and taken back by a step, and by the profile.
    let mut threads = Vec::new();
    for (profile, step) in [
        (agreed(), None),
        (profile(), Some(consent(Some(longer)))),
        (agreed(), Some(consent(None))),
        (agreed(), None),
    ] {
        let id = case(a, &[b], profile, NAME);
        let thread = a.node().ask(&id, 0).await.expect("asked");
        if let Some(step) = step {
            stands(b, &thread, State::Sent).await;
            take(b, thread, step).await;
            until(a, "it heard of it", |a| {
                let thread = a.node().referrals.thread(&thread)?;
                thread.folded.consent.map(drop)
            })
            .await;
        }
        let identity = to_its_end(a, b, thread).await;
        threads.push((id, thread, identity));
    }
    let written = |id: &CaseId| {
        let case = a.node().cases.read(id).expect("read");
        case.is_some_and(|case| case.draft.expose().contains(NAME))
    };

    pass_days(&federation, &clock, 5).await;
    let [by_profile, by_step, less, taken_back] = &threads[..] else {
        panic!("four");
    };
    for node in [a, b] {
        closed(node, &less.2).await;
    }
    until(a, "what was written is gone", |_| {
        (!written(&less.0)).then_some(())
    })
    .await;
    for (id, _, identity) in [by_profile, by_step, taken_back] {
        assert!(written(id));
        for node in [a, b] {
            assert_eq!(name_in(node, identity).as_deref(), Some(NAME));
        }
    }
    let back = Action::Withdrawn {
        reason: WithdrawalReason::SubjectRight,
    };
    take(b, taken_back.1, back).await;
    for node in [a, b] {
        closed(node, &taken_back.2).await;
        assert!(!node.node().keyring.holds(&taken_back.2));
    }
    until(a, "its case is gone", |a| {
        let left = a.node().cases.read(&taken_back.0).expect("read");
        left.is_none().then_some(())
    })
    .await;

    pass_days(&federation, &clock, 6).await;
    for (id, thread, identity) in [by_profile, by_step] {
        for node in [a, b] {
            closed(node, identity).await;
            stands(node, thread, State::Closed).await;
        }
        until(a, "what was written is gone", |_| {
            (!written(id)).then_some(())
        })
        .await;
    }
}

/// When its records end nothing is left of a referral, beside them neither.
#[tokio::test(flavor = "multi_thread")]
async fn when_a_referral_ends_nothing_of_it_is_left() {
    let clock = Arc::new(ManualClock::new(liaison_tests::raw::from_now(0).wall()));
    let config = "[referral]\nprofile_kept_months = 1\n";
    let mut federation = by_one_clock(&clock, &["a", "b"], config).await;
    let [a, b] = ["a", "b"].map(|name| &federation[name]);
    let first = case(a, &[b], profile(), NAME);
    let thread = a.node().ask(&first, 0).await.expect("asked");
    stands(b, &thread, State::Sent).await;
    take(b, thread, Action::Accepted).await;
    stands(a, &thread, State::Accepted).await;
    pass_days(&federation, &clock, 33).await;
    for node in [a, b] {
        gone(node, &thread).await;
        closed(node, &thread).await;
    }
    until(a, "its case is gone", |a| {
        a.node().cases.ids().expect("read").is_empty().then_some(())
    })
    .await;
    // Nor which deadlines were missed, nor who was on duty and looked.
    for node in [a, b] {
        for shelf in Shelf::ALL {
            until(node, "its files are gone", |node| {
                let names = node.node().keyring.kept_names(shelf).expect("read");
                names.is_empty().then_some(())
            })
            .await;
        }
    }
    federation.node("a").stop().await;
    federation.node("a").start().await;
    let a = &federation["a"];
    assert!(a.node().cases.ids().expect("read").is_empty());
    assert!(!a.node().keyring.holds(&thread));
}

/// By a clock that nobody believes nobody's identity ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_leaps_erases_nobody_until_somebody_has_looked_at_it() {
    let clock = Arc::new(ManualClock::new(liaison_tests::raw::from_now(0).wall()));
    let federation = by_one_clock(&clock, &["a", "b"], "").await;
    let [a, b] = ["a", "b"].map(|name| &federation[name]);
    let id = case(a, &[b], profile(), NAME);
    let thread = a.node().ask(&id, 0).await.expect("asked");
    let identity = to_its_end(a, b, thread).await;
    let written = || a.node().cases.read(&id).expect("read").expect("here");
    clock.advance(40 * DAY_MS);
    assert!(a.node().time.trusted().is_err(), "a leap of 40 days");
    // It woke whoever waits for a time.
    federation.settled().await;
    for node in [a, b] {
        opens(node, &identity).await;
    }
    assert!(written().draft.expose().contains(NAME));
    pass(&federation, &clock, 0).await;
    for node in [a, b] {
        closed(node, &identity).await;
    }
    until(a, "what was written is gone", |_| {
        (!written().draft.expose().contains(NAME)).then_some(())
    })
    .await;
}

/// Whoever declined is done with it long before who accepted: what was written stays for them.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_stays_while_one_provider_works_on_it() {
    let clock = Arc::new(ManualClock::new(liaison_tests::raw::from_now(0).wall()));
    let federation = by_one_clock(&clock, &["a", "b", "c"], "").await;
    let (id, [_, second]) = case_lost::went_to_two(&federation, NAME).await;
    let [a, c] = ["a", "c"].map(|node| &federation[node]);
    pass_days(&federation, &clock, 32).await;
    federation.settled().await;
    let written = a.node().cases.read(&id).expect("read").expect("here");
    assert!(written.draft.expose().contains(NAME));
    take(a, second, Action::IdentityReleased).await;
    let named = stands(c, &second, State::IdentityReleased).await;
    let identity = named.parts(ReferralPart::Identity).next();
    assert_eq!(
        name_in(c, &identity.expect("released")).as_deref(),
        Some(NAME)
    );
}

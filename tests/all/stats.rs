//! Figures without persons at a real node: what several of them tell together.

use std::sync::Arc;

use liaison_node::clock::ManualClock;
use liaison_node::limits::DAY_MS;
use liaison_protocol::clock::Millis;
use liaison_protocol::lifecycle::State;
use liaison_protocol::personal::{Action, Profile};
use liaison_protocol::record::codes::{ConsentScope, ConsentState, DeclineReason, ServiceType};
use liaison_protocol::record::date::Date;
use liaison_tests::referral::{by_one_clock, case, pass, stands, take};
use liaison_tests::sealed::profile;
use serde_json::Value;

const NAME: &str = "Nobody";

/// The smallest count that is told.
const K: u64 = 11;

fn cells(figure: &Value) -> Vec<(String, Option<u64>)> {
    let rows = figure["rows"].as_array().expect("rows");
    rows.iter()
        .map(|row| (row["key"].to_string(), row["n"].as_u64()))
        .collect()
}

/// How many providers took, of any so many needs, is told by no two figures; and who withdraws
/// their consent is missing in no figure of a quarter of which one was given.
#[tokio::test(flavor = "multi_thread")]
async fn no_two_figures_of_a_quarter_tell_a_third() {
    let began: Millis = liaison_tests::raw::from_now(0).wall();
    let clock = Arc::new(ManualClock::new(began));
    let federation = by_one_clock(&clock, &["a", "b"], "").await;
    let [a, b] = ["a", "b"].map(|name| &federation[name]);
    let mut declined = None;
    for (need, count, taken) in [
        (ServiceType::Shelter, 12, 1),
        (ServiceType::Legal, 11, 0),
        (ServiceType::EmergencyHealth, 11, 11),
    ] {
        for at in 0..count {
            let mut counted = Profile {
                needs: vec![need],
                ..profile()
            };
            counted.consent.scope.push(ConsentScope::Statistics);
            let one = case(a, &[b], counted, NAME);
            let thread = a.node().ask(&one, 0).await.expect("asked");
            stands(b, &thread, State::Sent).await;
            if at < taken {
                take(b, thread, Action::Accepted).await;
                stands(a, &thread, State::Accepted).await;
            } else {
                let reason = DeclineReason::NoCapacity;
                take(b, thread, Action::Declined { reason }).await;
                stands(a, &thread, State::Declined).await;
                declined = Some(thread);
            }
        }
    }
    // A quarter later.
    pass(&federation, &clock, 93 * DAY_MS).await;
    let day = Date::from_millis(began).to_string();
    let month: u32 = day[5..7].parse().expect("a month");
    let quarter = format!("{}-Q{}", &day[..4], (month - 1) / 3 + 1);
    let figure = async |figure: &str, by: &str| {
        a.json(&["stats", figure, "--by", by, "--quarter", &quarter])
            .await
    };

    let gaps = figure("gaps", "need").await;
    let referred = figure("referrals", "need").await;
    assert_eq!(
        (&gaps["total"], &referred["total"]),
        (&22.into(), &34.into())
    );
    let (gaps, referred) = (cells(&gaps), cells(&referred));
    let shown: u64 = gaps.iter().filter_map(|(_, n)| *n).sum();
    let whole: u64 = referred
        .iter()
        .filter(|(key, _)| gaps.iter().all(|(k, n)| k != key || n.is_none()))
        .filter_map(|(_, n)| *n)
        .sum();
    let taken = whole - (22 - shown);
    assert!(
        taken >= K,
        "{taken} were taken of those hidden: {gaps:?} {referred:?}"
    );

    // Whoever withdraws their consent now would be the difference.
    let consent = Action::Consent {
        state: ConsentState::Given,
        scope: profile().consent.scope.into_iter().collect(),
        date: Date::from_millis(began),
        keep_until: None,
    };
    take(a, declined.expect("one"), consent).await;
    for by in ["area", "status", "age-gender"] {
        let referred = figure("referrals", by).await;
        assert_eq!(referred["total"], 34, "{by}: {referred}");
    }
}

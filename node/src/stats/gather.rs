//! The referrals of this agency, as far as figures need them.

use std::collections::BTreeMap;

use liaison_protocol::clock::Millis;
use liaison_protocol::lifecycle::{Party, State};
use liaison_protocol::personal::{Part, Personal, Profile, VictimReferral};
use liaison_protocol::record::codes::{AggregateGender, ConsentScope, ConsentState, Gender};
use liaison_protocol::record::date::Date;

use super::{By, Figure, Quarter};
use crate::node::Node;
use crate::referral::{CaseId, Thread};
use crate::vault::VaultError;

/// One referral to one provider, without anything that a figure does not need.
#[derive(Clone)]
pub struct Tallied {
    age: String,
    gender: String,
    status: String,
    area: String,
    need: String,
    outcome: &'static str,
    provider: String,
    speed: &'static str,
    /// The first provider that was asked: each person counts once.
    is_first: bool,
    /// No provider took the person.
    is_gap: bool,
}

/// Why it can't be counted.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// What is sealed can't be read.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// The referrals that this agency made in a quarter, of people who agreed to be counted. It
/// opens each, and reads the disk.
///
/// # Errors
/// What is sealed can't be read.
pub fn gather(node: &Node, quarter: Quarter) -> Result<Vec<Tallied>, GatherError> {
    let mut out = Vec::new();
    let threads = node.referrals.threads();
    // Of each person, how many were asked and how many of them did not take them.
    let mut asked: BTreeMap<CaseId, (usize, usize)> = BTreeMap::new();
    for thread in &threads {
        if let Some((case, _)) = node.cases.of_thread(&thread.id) {
            let (asked, failed) = asked.entry(case).or_default();
            *asked += 1;
            *failed += usize::from(matches!(thread.state(), State::Declined | State::Expired));
        }
    }
    for thread in &threads {
        let counts = thread.role == Party::Originator
            && quarter.contains(Date::from_millis(thread.created))
            && agreed(thread);
        if !counts {
            continue;
        }
        let Some(inside) = node.vault.inside(&thread.id)? else {
            continue;
        };
        let Personal::Referral(VictimReferral {
            part: Part::Profile(profile),
        }) = &inside.content
        else {
            continue;
        };
        out.push(tallied(node, thread, profile, &asked));
    }
    Ok(out)
}

/// Whether the person lets themselves be counted, as it stands now.
fn agreed(thread: &Thread) -> bool {
    let (state, scope) = thread.consent();
    state == ConsentState::Given && scope.contains(&ConsentScope::Statistics)
}

fn tallied(
    node: &Node,
    thread: &Thread,
    profile: &Profile,
    asked: &BTreeMap<CaseId, (usize, usize)>,
) -> Tallied {
    let case = node.cases.of_thread(&thread.id);
    let nobody = |(case, _): &(CaseId, usize)| {
        asked
            .get(case)
            .is_some_and(|(asked, failed)| asked == failed)
    };
    let gender = match profile.gender {
        Gender::Feminine | Gender::TransgenderFeminine => AggregateGender::Female,
        Gender::Masculine | Gender::TransgenderMasculine => AggregateGender::Male,
        Gender::NonConforming | Gender::Unknown => AggregateGender::OtherOrUnknown,
    };
    let need = profile.needs.first().map_or("-", |need| need.as_str());
    Tallied {
        age: profile.age_band.as_str().into(),
        gender: gender.as_str().into(),
        status: profile.status.as_str().into(),
        area: profile.region.as_str().into(),
        need: need.into(),
        outcome: outcome(thread),
        provider: node.registry.alias(&thread.peer),
        speed: speed(node, thread),
        is_gap: case.as_ref().is_some_and(nobody),
        is_first: case.is_none_or(|(_, at)| at == 0),
    }
}

fn outcome(thread: &Thread) -> &'static str {
    let folded = &thread.folded;
    if folded.moments.accepted.is_some() {
        return "accepted";
    }
    match folded.state {
        State::Declined => "declined",
        State::Expired => "no-answer",
        State::Withdrawn => "withdrawn",
        State::Closed => "closed",
        _ => "open",
    }
}

fn speed(node: &Node, thread: &Thread) -> &'static str {
    let decide = node.referrals.table().decide.of(thread.urgency);
    let moments = &thread.folded.moments;
    let decided = moments.accepted.or(match thread.state() {
        State::Declined => moments.ended,
        _ => None,
    });
    match decided {
        Some(at) if at <= Millis(thread.start.0.saturating_add(decide)) => "in-time",
        Some(_) => "late",
        None => "none",
    }
}

impl Tallied {
    /// Whether a figure counts it.
    pub(super) fn is_in(&self, figure: Figure) -> bool {
        match figure {
            Figure::Referrals => self.is_first,
            Figure::Responses => true,
            Figure::Gaps => self.is_first && self.is_gap,
        }
    }

    /// In which cell.
    pub(super) fn key(&self, by: By) -> Vec<String> {
        match by {
            By::AgeGender => vec![self.age.clone(), self.gender.clone()],
            By::Area => vec![self.area.clone()],
            By::Status => vec![self.status.clone()],
            By::Need => vec![self.need.clone()],
            By::Outcome => vec![self.outcome.into()],
            By::Provider => vec![self.provider.clone()],
            By::Speed => vec![self.speed.into()],
        }
    }
}

/// It describes a person: nothing of it is printed.
impl std::fmt::Debug for Tallied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tallied(..)")
    }
}

#[cfg(test)]
impl Tallied {
    /// One of many, for tests.
    pub(super) fn sample(need: &str, is_gap: bool) -> Self {
        Self {
            age: "18-29".into(),
            gender: "female".into(),
            status: "smuggled".into(),
            area: "QN-02".into(),
            need: need.into(),
            outcome: "declined",
            provider: "lantern".into(),
            speed: "in-time",
            is_first: true,
            is_gap,
        }
    }
}

//! Until when something has to happen, and what follows if it does not.

use super::fold::Folded;
use super::state::State;
use crate::clock::Millis;
use crate::record::codes::{Urgency, codes};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

codes! {
    /// What has to happen.
    DeadlineKind is "a deadline" {
        Acknowledge = "acknowledge", "Acknowledge";
        Decide = "decide", "Accept or decline";
        FirstAssistance = "first-assistance", "First assistance";
        FollowUp = "follow-up", "Follow up";
        Welfare = "welfare", "Check on the person's welfare";
    }
}

codes! {
    /// What follows when nothing happened.
    OnTimeout is "what follows a deadline" {
        NextCandidate = "next-candidate", "The next candidate is asked";
        Remind = "remind", "Both sides are reminded";
        CheckWelfare = "check-welfare", "The originator is asked to check on the person";
    }
}

/// A moment by which something has to happen. `what` and `number` name it within its thread:
/// it fires once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    /// When.
    pub at: Millis,
    /// What has to happen by then.
    pub what: DeadlineKind,
    /// Which time, from 1: only follow-ups recur.
    pub number: u16,
    /// What follows if it did not.
    pub on_timeout: OnTimeout,
}

/// A span for each urgency, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerUrgency {
    /// Critical.
    pub critical: u64,
    /// High.
    pub high: u64,
    /// Standard.
    pub standard: u64,
}

/// How long what may take. The default is the table that the agreement names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadlineTable {
    /// From the moment it was sent until the candidate has read it.
    pub acknowledge: PerUrgency,
    /// From the moment it was sent until the candidate has decided.
    pub decide: PerUrgency,
    /// From acceptance until assistance begins.
    pub first_assistance: PerUrgency,
    /// From the beginning of assistance until the first follow-up.
    pub follow_up: PerUrgency,
    /// From the first follow-up until the second, and from each later one to the next.
    pub later: [u64; 2],
}

/// A span of the table is out of its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a deadline of {ms} ms for '{what}' is out of bounds: 1 minute to 1 year, and 'decide' not before 'acknowledge'"
)]
pub struct DeadlineTableError {
    /// For what.
    pub what: DeadlineKind,
    /// Milliseconds given.
    pub ms: u64,
}

impl PerUrgency {
    /// The span for an urgency.
    pub const fn of(&self, urgency: Urgency) -> u64 {
        match urgency {
            Urgency::Critical => self.critical,
            Urgency::High => self.high,
            Urgency::Standard => self.standard,
        }
    }

    fn all(&self) -> [u64; 3] {
        [self.critical, self.high, self.standard]
    }
}

impl Default for DeadlineTable {
    fn default() -> Self {
        let spans = |critical, high, standard| PerUrgency {
            critical,
            high,
            standard,
        };
        Self {
            acknowledge: spans(HOUR, 4 * HOUR, 24 * HOUR),
            decide: spans(4 * HOUR, 24 * HOUR, 72 * HOUR),
            first_assistance: spans(12 * HOUR, 48 * HOUR, 7 * DAY),
            follow_up: spans(7 * DAY, 30 * DAY, 30 * DAY),
            later: [60 * DAY, 90 * DAY],
        }
    }
}

impl DeadlineTable {
    /// The table, if every span is within its bounds.
    ///
    /// # Errors
    /// The first that is not.
    pub fn checked(self) -> Result<Self, DeadlineTableError> {
        let rows = [
            (DeadlineKind::Acknowledge, &self.acknowledge),
            (DeadlineKind::Decide, &self.decide),
            (DeadlineKind::FirstAssistance, &self.first_assistance),
            (DeadlineKind::FollowUp, &self.follow_up),
        ];
        let spans = rows
            .iter()
            .flat_map(|(what, spans)| spans.all().map(|ms| (*what, ms)))
            .chain(self.later.map(|ms| (DeadlineKind::FollowUp, ms)));
        for (what, ms) in spans {
            if !(MINUTE..=366 * DAY).contains(&ms) {
                return Err(DeadlineTableError { what, ms });
            }
        }
        let pairs = self.acknowledge.all().into_iter().zip(self.decide.all());
        for (acknowledge, decide) in pairs {
            if decide < acknowledge {
                return Err(DeadlineTableError {
                    what: DeadlineKind::Decide,
                    ms: decide,
                });
            }
        }
        Ok(self)
    }

    fn between(&self, follow_ups: u16, urgency: Urgency) -> u64 {
        match follow_ups {
            0 => self.follow_up.of(urgency),
            1 => self.later[0],
            _ => self.later[1],
        }
    }
}

/// The deadlines that run now, the next first. `start` is when the candidate's clock began:
/// when it was sent, or when the candidate opened. Nothing runs while a person is missing.
pub fn deadlines(
    folded: &Folded,
    start: Millis,
    urgency: Urgency,
    table: &DeadlineTable,
) -> Vec<Deadline> {
    let urgency = folded.urgency.unwrap_or(urgency);
    let by = |from: Millis, ms: u64, what, number, on_timeout| Deadline {
        at: Millis(from.0.saturating_add(ms)),
        what,
        number,
        on_timeout,
    };
    let acknowledge = || {
        let ms = table.acknowledge.of(urgency);
        by(
            start,
            ms,
            DeadlineKind::Acknowledge,
            1,
            OnTimeout::NextCandidate,
        )
    };
    let decide = || {
        let ms = table.decide.of(urgency);
        by(start, ms, DeadlineKind::Decide, 1, OnTimeout::NextCandidate)
    };
    let moments = &folded.moments;
    let mut running = match folded.stands() {
        State::Sent => vec![acknowledge(), decide()],
        State::Acknowledged | State::InfoAsked | State::InfoGiven => vec![decide()],
        State::Accepted | State::IdentityReleased => {
            let from = moments.accepted.unwrap_or(start);
            let ms = table.first_assistance.of(urgency);
            vec![by(
                from,
                ms,
                DeadlineKind::FirstAssistance,
                1,
                OnTimeout::Remind,
            )]
        }
        State::Assisting | State::FollowedUp | State::Transferred => {
            let began = moments.assisting.unwrap_or(start);
            let from = moments.followed_up.unwrap_or(began);
            let ms = table.between(folded.follow_ups, urgency);
            let number = folded.follow_ups.saturating_add(1);
            // Two misses: a reminder that nobody followed.
            let twice = ms.saturating_add(table.follow_up.of(urgency));
            vec![
                by(from, ms, DeadlineKind::FollowUp, number, OnTimeout::Remind),
                by(
                    from,
                    twice,
                    DeadlineKind::Welfare,
                    number,
                    OnTimeout::CheckWelfare,
                ),
            ]
        }
        _ => Vec::new(),
    };
    running.sort();
    running
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::fold;

    fn at(state: State) -> Folded {
        Folded { state, ..fold([]) }
    }

    fn due(folded: &Folded, urgency: Urgency) -> Vec<(DeadlineKind, u16, u64)> {
        deadlines(folded, Millis(1_000), urgency, &DeadlineTable::default())
            .into_iter()
            .map(|d| (d.what, d.number, d.at.0 - 1_000))
            .collect()
    }

    #[test]
    fn the_default_table_is_the_agreements() {
        let sent = at(State::Sent);
        let (ack, decide) = (DeadlineKind::Acknowledge, DeadlineKind::Decide);
        for (urgency, hours) in [
            (Urgency::Critical, [1, 4]),
            (Urgency::High, [4, 24]),
            (Urgency::Standard, [24, 72]),
        ] {
            let want = vec![(ack, 1, hours[0] * HOUR), (decide, 1, hours[1] * HOUR)];
            assert_eq!(due(&sent, urgency), want);
            assert_eq!(due(&at(State::InfoAsked), urgency), want[1..]);
        }
        let mut taken = at(State::Accepted);
        taken.moments.accepted = Some(Millis(1_000 + HOUR));
        let first = vec![(DeadlineKind::FirstAssistance, 1, 13 * HOUR)];
        assert_eq!(due(&taken, Urgency::Critical), first);
        assert!(DeadlineTable::default().checked().is_ok());
    }

    #[test]
    fn follow_ups_recur_and_the_second_miss_asks_for_the_persons_welfare() {
        let mut folded = at(State::Assisting);
        folded.moments.assisting = Some(Millis(1_000));
        let (follow, welfare) = (DeadlineKind::FollowUp, DeadlineKind::Welfare);
        assert_eq!(
            due(&folded, Urgency::Standard),
            [(follow, 1, 30 * DAY), (welfare, 1, 60 * DAY)]
        );
        folded.state = State::FollowedUp;
        folded.follow_ups = 2;
        folded.moments.followed_up = Some(Millis(1_000 + 90 * DAY));
        assert_eq!(due(&folded, Urgency::Standard)[0], (follow, 3, 180 * DAY));
    }

    #[test]
    fn nothing_runs_when_it_is_over_or_the_person_is_missing() {
        for state in [
            State::Missing,
            State::Closed,
            State::Withdrawn,
            State::Declined,
            State::Expired,
        ] {
            assert!(due(&at(state), Urgency::High).is_empty(), "{state}");
        }
        let mut found = at(State::Located);
        found.before = Some(State::Sent);
        assert_eq!(due(&found, Urgency::High).len(), 2);
        found.urgency = Some(Urgency::Critical);
        assert_eq!(due(&found, Urgency::High)[0].2, HOUR);
    }

    #[test]
    fn a_table_has_bounds() {
        let mut table = DeadlineTable::default();
        table.acknowledge.high = 59_999;
        let error = table.checked().expect_err("short");
        assert_eq!((error.what, error.ms), (DeadlineKind::Acknowledge, 59_999));
        table.acknowledge.high = table.decide.high + 1;
        assert_eq!(
            table.checked().map_err(|e| e.what),
            Err(DeadlineKind::Decide)
        );
    }
}

//! Tells the agency's own program ([`crate::notify`]) of referrals that are new, due, overdue
//! or not delivered: of each once.

use std::collections::BTreeMap;

use liaison_protocol::clock::Millis;
use liaison_protocol::id::RecordId;
use liaison_protocol::lifecycle::{Party, State};

use super::inbox::Line;
use crate::limits;
use crate::node::Node;
use crate::notify::Thing;

/// What was told, of what is still so.
#[derive(Debug, Default)]
struct Told(BTreeMap<(RecordId, Thing), Sign>);

/// What tells one occasion from the next of the same referral.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    At(Millis),
    In(State),
    /// Not delivered since then; told, or not long enough yet.
    Since(Millis, bool),
}

impl Node {
    /// Looks at every change, and when the next thing is due.
    pub(crate) async fn tell_of_referrals(self) {
        let mut stop = self.stopping();
        let mut changes = self.referrals.changes();
        let mut told = Told::default();
        loop {
            changes.mark_unchanged();
            let now = self.clock.now();
            let (things, next) = told.look(&self.referrals.lines(now), now);
            for (thing, count) in things {
                self.notify.tell(thing, count);
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = self.clock.wait(now, next) => {}
                _ = stop.changed() => return,
            }
        }
    }
}

impl Told {
    /// What is to be told now, and when something is to be told next if nothing changes.
    fn look(&mut self, lines: &[Line], now: Millis) -> (BTreeMap<Thing, u64>, Millis) {
        let mut things = BTreeMap::new();
        let mut next = Millis(u64::MAX);
        let mut held = BTreeMap::new();
        for line in lines {
            for (thing, sign) in signs(line, now, &mut next) {
                let key = (line.id, thing);
                let before = self.0.get(&key).copied();
                let (sign, tell) = match (sign, before) {
                    (Sign::Since(..), Some(Sign::Since(since, true))) => {
                        (Sign::Since(since, true), false)
                    }
                    (Sign::Since(now, _), before) => {
                        let since = match before {
                            Some(Sign::Since(since, _)) => since,
                            _ => now,
                        };
                        let late = since.0.saturating_add(limits::UNDELIVERED_MS);
                        if now.0 < late {
                            next = next.min(Millis(late));
                        }
                        (Sign::Since(since, now.0 >= late), now.0 >= late)
                    }
                    (sign, before) => (sign, before != Some(sign)),
                };
                held.insert(key, sign);
                if tell {
                    *things.entry(thing).or_default() += 1;
                }
            }
        }
        self.0 = held;
        (things, next)
    }
}

/// What there is to tell of a referral at this moment; `next` is brought forward to when there
/// will be more.
fn signs(line: &Line, now: Millis, next: &mut Millis) -> Vec<(Thing, Sign)> {
    let mut signs = Vec::new();
    // What the other agency did makes it our turn.
    if line.new || (line.ours && line.role == Party::Originator) {
        signs.push((Thing::New, Sign::In(line.state)));
    }
    if line.undelivered {
        signs.push((Thing::Undelivered, Sign::Since(now, false)));
    }
    let Some(due) = line.due.filter(|_| line.ours) else {
        return signs;
    };
    let soon = Millis(due.at.0.saturating_sub(limits::DUE_SOON_MS));
    if line.late || due.at <= now {
        signs.push((Thing::Overdue, Sign::At(due.at)));
    } else if soon <= now {
        signs.push((Thing::Due, Sign::At(due.at)));
        *next = due.at.min(*next);
    } else {
        *next = soon.min(*next);
    }
    signs
}

#[cfg(test)]
mod tests {
    use liaison_protocol::id::AgencyId;
    use liaison_protocol::lifecycle::{Deadline, DeadlineKind, OnTimeout};
    use liaison_protocol::record::codes::Urgency;

    use super::*;

    const NOW: u64 = 1_900_000_000_000;

    fn line(n: u8) -> Line {
        Line {
            id: RecordId::from_bytes([n; 32]),
            role: Party::Provider,
            peer: AgencyId::from_bytes([1; 32]),
            state: State::Sent,
            urgency: Urgency::High,
            since: Millis(NOW),
            due: Some(Deadline {
                what: DeadlineKind::Acknowledge,
                number: 1,
                at: Millis(NOW + 4 * limits::DUE_SOON_MS),
                on_timeout: OnTimeout::Remind,
            }),
            late: false,
            undelivered: false,
            ours: true,
            new: true,
            conflict: false,
            phase: None,
            prompts: Vec::new(),
        }
    }

    #[test]
    fn each_occasion_is_told_once_and_when_it_comes() {
        let mut told = Told::default();
        let mut lines = vec![line(1), line(2)];
        let (things, next) = told.look(&lines, Millis(NOW));
        assert_eq!(things, [(Thing::New, 2)].into());
        assert_eq!(next, Millis(NOW + 3 * limits::DUE_SOON_MS));
        assert!(told.look(&lines, Millis(NOW + 1)).0.is_empty());
        let (things, due) = told.look(&lines, next);
        assert_eq!(things, [(Thing::Due, 2)].into());
        assert!(told.look(&lines, Millis(next.0 + 1)).0.is_empty());
        lines[0].new = false;
        lines[0].state = State::Acknowledged;
        if let Some(due) = &mut lines[0].due {
            due.at = Millis(NOW + 100 * limits::DUE_SOON_MS);
        }
        assert_eq!(told.look(&lines, due).0, [(Thing::Overdue, 1)].into());
        assert!(told.look(&lines, Millis(due.0 + 1)).0.is_empty());
        // What our own officers did is nothing new here.
        lines[1].new = false;
        lines[1].state = State::Accepted;
        lines[1].due = None;
        assert!(told.look(&lines, Millis(due.0 + 2)).0.is_empty());
    }

    #[test]
    fn the_originator_is_told_when_it_is_its_turn_and_what_does_not_arrive() {
        let mut told = Told::default();
        let mut one = line(1);
        (one.role, one.ours, one.new, one.undelivered) = (Party::Originator, false, false, true);
        let (things, next) = told.look(std::slice::from_ref(&one), Millis(NOW));
        assert!(things.is_empty());
        assert_eq!(next, Millis(NOW + limits::UNDELIVERED_MS));
        let (things, _) = told.look(std::slice::from_ref(&one), next);
        assert_eq!(things, [(Thing::Undelivered, 1)].into());
        assert!(
            told.look(std::slice::from_ref(&one), Millis(next.0 + 1))
                .0
                .is_empty()
        );
        (one.undelivered, one.ours, one.state) = (false, true, State::InfoAsked);
        let (things, _) = told.look(std::slice::from_ref(&one), Millis(next.0 + 2));
        assert_eq!(things, [(Thing::New, 1)].into());
        one.state = State::Accepted;
        let (things, _) = told.look(std::slice::from_ref(&one), Millis(next.0 + 3));
        assert_eq!(things, [(Thing::New, 1)].into());
    }
}

//! Tells the agency's own program ([`crate::notify`]) of what is due soon and of what did not
//! reach the other agency: of each once. What is new is told when it comes, what is overdue
//! when its deadline fires.

use std::collections::BTreeMap;

use liaison_protocol::clock::Millis;
use liaison_protocol::id::RecordId;

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
    if line.undelivered {
        signs.push((Thing::Undelivered, Sign::Since(now, false)));
    }
    let Some(due) = line.due.filter(|_| line.ours) else {
        return signs;
    };
    let soon = Millis(due.at.0.saturating_sub(limits::DUE_SOON_MS));
    if line.late || due.at <= now {
        // Its deadline fires.
    } else if soon <= now {
        signs.push((Thing::Due, Sign::At(due.at)));
    } else {
        *next = soon.min(*next);
    }
    signs
}

#[cfg(test)]
mod tests {
    use liaison_protocol::id::AgencyId;
    use liaison_protocol::lifecycle::{Deadline, DeadlineKind, OnTimeout, Party, State};
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
    fn what_is_due_soon_is_told_once_for_each_deadline() {
        let mut told = Told::default();
        let mut lines = vec![line(1), line(2)];
        let (things, next) = told.look(&lines, Millis(NOW));
        assert!(things.is_empty());
        assert_eq!(next, Millis(NOW + 3 * limits::DUE_SOON_MS));
        let (things, _) = told.look(&lines, next);
        assert_eq!(things, [(Thing::Due, 2)].into());
        assert!(told.look(&lines, Millis(next.0 + 1)).0.is_empty());
        // One was acknowledged, and has to be decided; the other is late.
        lines[0].state = State::Acknowledged;
        if let Some(due) = &mut lines[0].due {
            due.at = Millis(NOW + 6 * limits::DUE_SOON_MS);
        }
        let (things, next) = told.look(&lines, Millis(NOW + 4 * limits::DUE_SOON_MS));
        assert!(things.is_empty());
        assert_eq!(told.look(&lines, next).0, [(Thing::Due, 1)].into());
    }

    #[test]
    fn what_does_not_arrive_is_told_after_a_minute_and_once() {
        let mut told = Told::default();
        let mut one = line(1);
        (one.role, one.ours, one.undelivered) = (Party::Originator, false, true);
        let mut look = |one: &Line, at| told.look(std::slice::from_ref(one), at);
        let (things, next) = look(&one, Millis(NOW));
        assert!(things.is_empty());
        assert_eq!(next, Millis(NOW + limits::UNDELIVERED_MS));
        assert_eq!(look(&one, next).0, [(Thing::Undelivered, 1)].into());
        assert!(look(&one, Millis(next.0 + 1)).0.is_empty());
        // What arrives in time is never told.
        one.undelivered = false;
        assert!(look(&one, Millis(next.0 + 2)).0.is_empty());
        one.undelivered = true;
        let (things, again) = look(&one, Millis(next.0 + 3));
        assert!(things.is_empty() && again > next);
    }
}

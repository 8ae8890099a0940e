//! What hubs did not keep for whom, and when they are asked again: soon when something says that
//! it may have changed, else after growing waits.

use std::collections::BTreeMap;

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use liaison_protocol::wire::mailbox::Refusal;

use crate::limits;

/// That a hub does not keep parcels for an agency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why, as it said last.
    pub why: Refusal,
    /// Whether that was of a parcel with something owed in it.
    pub owed: bool,
    /// Since when.
    pub since: Millis,
    /// When it was asked last.
    pub last: Millis,
    /// How often in a row it was asked.
    pub times: usize,
    /// When it is asked again, unless something says before that it may have changed.
    pub next: Millis,
}

impl Refused {
    /// Whether it is left alone at this moment. A clock that was set back holds nothing up.
    pub fn holds(&self, now: Millis) -> bool {
        self.last <= now && now < self.next
    }

    /// Whether the hub may have room for what is owed: it had none for something else.
    pub fn spares_owed(&self) -> bool {
        let room = matches!(
            self.why,
            Refusal::DepositorFull | Refusal::AddresseeFull | Refusal::Disk
        );
        room && !self.owed
    }
}

/// What hubs refused, by hub and addressee: linked peers both, and a word of the hub clears it.
#[derive(Debug, Default)]
pub(super) struct Refusals(BTreeMap<(AgencyId, AgencyId), Refused>);

impl Refusals {
    /// A hub does not keep something for an agency, which holds something `owed` or nothing.
    pub fn note(&mut self, of: (AgencyId, AgencyId), why: Refusal, owed: bool, now: Millis) {
        let before = self.0.get(&of);
        let (since, asked) = before.map_or((now, 0), |before| (before.since, before.times));
        let wait = match why {
            Refusal::Busy => limits::HUB_BUSY_MS,
            _ => wait(asked),
        };
        let refused = Refused {
            why,
            owed,
            since,
            last: now,
            times: asked.saturating_add(1),
            next: Millis(now.0.saturating_add(wait)),
        };
        self.0.insert(of, refused);
    }

    /// It does. That it keeps what is `owed` says nothing of the rest that waits.
    pub fn clear(&mut self, (hub, to): (&AgencyId, &AgencyId), owed: bool, now: Millis) {
        let of = (*hub, *to);
        let stays = |refused: &Refused| owed && refused.spares_owed() && refused.holds(now);
        if !self.0.get(&of).is_some_and(stays) {
            self.0.remove(&of);
        }
    }

    /// What a hub said of an agency, if it refused last.
    pub fn of(&self, hub: &AgencyId, to: &AgencyId) -> Option<Refused> {
        self.0.get(&(*hub, *to)).copied()
    }

    /// All of them, by hub and addressee.
    pub fn all(&self) -> Vec<(AgencyId, AgencyId, Refused)> {
        let all = self.0.iter();
        all.map(|((hub, to), refused)| (*hub, *to, *refused))
            .collect()
    }

    /// Forgets what is about agencies of which `stays` says no.
    pub fn keep_only(&mut self, stays: impl Fn(&AgencyId) -> bool) {
        self.0.retain(|(hub, to), _| stays(hub) && stays(to));
    }

    /// Something says that a hub's word on these may be another now: it is asked again, though
    /// not more often than [`limits::HUB_AGAIN_SOON_MS`]. Whether that is sooner than it was.
    pub fn ask_again(
        &mut self,
        hub: &AgencyId,
        now: Millis,
        which: impl Fn(&AgencyId, Refusal) -> bool,
    ) -> bool {
        let mut sooner = false;
        for ((of, to), refused) in &mut self.0 {
            let soon = refused.last.0.saturating_add(limits::HUB_AGAIN_SOON_MS);
            let soon = Millis(soon).max(now);
            if of == hub && which(to, refused.why) && soon < refused.next {
                refused.next = soon;
                sooner = true;
            }
        }
        sooner
    }
}

/// Milliseconds to wait after so many refusals in a row before this one.
fn wait(before: usize) -> u64 {
    let [.., longest] = limits::HUB_AGAIN_MS;
    let waits = limits::HUB_AGAIN_MS.get(before);
    waits.copied().unwrap_or(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUB: AgencyId = AgencyId::from_bytes([1; 32]);
    const TO: AgencyId = AgencyId::from_bytes([2; 32]);

    #[test]
    fn waits_grow_until_the_hub_keeps_something() {
        let mut refusals = Refusals::default();
        let mut now = Millis(1_000_000);
        let mut waits = Vec::new();
        for _ in 0..6 {
            refusals.note((HUB, TO), Refusal::NotCarried, false, now);
            let refused = refusals.of(&HUB, &TO).expect("refused");
            assert!(refused.holds(now) && !refused.holds(refused.next));
            assert_eq!(refused.since, Millis(1_000_000));
            waits.push((refused.next.0 - now.0) / 60_000);
            now = refused.next;
        }
        assert_eq!(waits, [1, 5, 15, 60, 60, 60]);
        refusals.clear((&HUB, &TO), false, now);
        refusals.note((HUB, TO), Refusal::Disk, false, now);
        let refused = refusals.of(&HUB, &TO).expect("refused");
        assert_eq!((refused.times, refused.since), (1, now));
        assert_eq!(refused.next.0 - now.0, 60_000);
        // A clock that was set back.
        assert!(!refused.holds(Millis(now.0 - 1)));
    }

    #[test]
    fn what_is_owed_is_not_held_up_by_a_refusal_of_the_rest() {
        let mut refusals = Refusals::default();
        let now = Millis(1_000_000);
        let clear = |refusals: &mut Refusals, owed, now| refusals.clear((&HUB, &TO), owed, now);
        let of = |refusals: &Refusals| refusals.of(&HUB, &TO);
        refusals.note((HUB, TO), Refusal::AddresseeFull, false, now);
        assert!(of(&refusals).expect("refused").spares_owed());
        clear(&mut refusals, true, now);
        let held = of(&refusals).expect("the rest waits still");
        clear(&mut refusals, true, held.next);
        assert_eq!(of(&refusals), None, "nothing waits any more");
        for (why, owed) in [(Refusal::Disk, true), (Refusal::NotCarried, false)] {
            refusals.note((HUB, TO), why, owed, now);
            assert!(!of(&refusals).expect("refused").spares_owed(), "{why:?}");
            clear(&mut refusals, true, now);
            assert_eq!(of(&refusals), None, "{why:?}");
        }
    }

    #[test]
    fn what_may_have_changed_is_asked_soon_but_not_all_the_time() {
        let mut refusals = Refusals::default();
        let now = Millis(1_000_000);
        refusals.note((HUB, TO), Refusal::NotCarried, false, now);
        let any = |_: &AgencyId, _| true;
        assert!(!refusals.ask_again(&TO, now, any), "another hub");
        assert!(!refusals.ask_again(&HUB, now, |_, why| why == Refusal::Disk));
        assert!(refusals.ask_again(&HUB, now, any));
        assert!(!refusals.ask_again(&HUB, now, any), "no sooner than before");
        let next = |refusals: &Refusals| refusals.of(&HUB, &TO).expect("refused").next;
        assert_eq!(next(&refusals).0 - now.0, limits::HUB_AGAIN_SOON_MS);
        let later = Millis(now.0 + 30_000);
        refusals.note((HUB, TO), Refusal::NotCarried, false, now);
        assert!(refusals.ask_again(&HUB, later, any));
        assert_eq!(next(&refusals), later);
        refusals.keep_only(|agency| *agency != TO);
        assert_eq!(refusals.all(), []);
    }
}

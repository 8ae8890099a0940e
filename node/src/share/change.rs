//! What a change of policy, circles or peers does to the store as it is: which records a peer
//! would newly get, and which it would get no more.
//!
//! Decided by class, not by record: policy and ceilings see no more of a record than its
//! class, and of its tags only those that a statement names. A hundred thousand records are
//! some hundred decisions.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use liaison_protocol::fault::Answer;
use liaison_protocol::id::AgencyId;
use liaison_protocol::record::handling::{Holder, OnwardMode, Receiver};

use super::affirmed::KeyWord;
use super::{Ahead, Share};
use crate::kind;
use crate::limits;
use crate::policy::{Action, Attributes, Engine};
use crate::store::{Arrival, Direction, Flags, Header, LedgerEntry, StoreError};

/// What a change means for one record and one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The peer would newly get it.
    Flows {
        /// We released it before and recalled it since: it has to be offered anew.
        again: bool,
    },
    /// The peer would get it no more.
    Stops {
        /// We released it to the peer before, and it did not refuse it.
        held: bool,
    },
}

/// One record that a change concerns, for one peer.
#[derive(Clone, Copy, Debug)]
pub struct Changed<'a> {
    /// The peer.
    pub peer: &'a AgencyId,
    /// Where the record stands in the store.
    pub arrival: Arrival,
    /// The record.
    pub header: &'a Header,
    /// What changes.
    pub effect: Effect,
}

/// A step of [`Share::changes`].
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// So many records were looked at, in all.
    Looked(u64),
    /// A change.
    Changed(Changed<'a>),
}

/// May go before, may go after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Both {
    before: bool,
    after: bool,
}

/// What two engines say of one class, a peer a place; none: nothing changes for anybody.
type Verdicts = Option<Arc<[Both]>>;

/// Two engines, and what they said so far.
struct Compared<'a> {
    share: &'a Share,
    engines: [&'a Engine; 2],
    peers: Vec<AgencyId>,
    /// Tags that a statement of either names.
    tags: BTreeSet<String>,
    by_class: HashMap<(u32, bool), Verdicts>,
    /// By what policy can tell apart.
    by_look: HashMap<(Attributes, bool), Verdicts>,
}

/// A record that something changes for.
struct Hit {
    row: usize,
    verdicts: Arc<[Both]>,
    listed: Option<Vec<AgencyId>>,
}

impl Share {
    /// Goes through the store and tells each record that `after` lets a peer have and `before`
    /// did not, or the other way round. Nothing is changed. Control traffic is no matter of
    /// policy and is left out; so is what the peer has already (for `Flows`), what came from
    /// it, and what is no longer in force. What was amended counts as `Stops` where the peer
    /// still holds it.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn changes(
        &self,
        before: &Engine,
        after: &Engine,
        mut tell: impl FnMut(Step<'_>),
    ) -> Result<(), StoreError> {
        let mut compared = Compared::new(self, before, after);
        let mut from = Arrival(0).next();
        let mut looked = 0;
        loop {
            let rows = self.store.headers(from, limits::STORE_ROWS)?;
            let Some((last, _)) = rows.last() else {
                return Ok(());
            };
            compared.page(from, &rows, &mut tell)?;
            looked += rows.len() as u64;
            tell(Step::Looked(looked));
            from = last.next();
        }
    }
}

impl<'a> Compared<'a> {
    fn new(share: &'a Share, before: &'a Engine, after: &'a Engine) -> Self {
        let engines = [before, after];
        let peers: BTreeSet<AgencyId> = engines
            .iter()
            .flat_map(|e| e.directory().peers())
            .map(|p| p.agency)
            .collect();
        Self {
            share,
            engines,
            peers: peers.into_iter().collect(),
            tags: engines
                .iter()
                .flat_map(|e| e.set().tags().clone())
                .collect(),
            by_class: HashMap::new(),
            by_look: HashMap::new(),
        }
    }

    fn page(
        &mut self,
        from: Arrival,
        rows: &[(Arrival, Header)],
        tell: &mut impl FnMut(Step<'_>),
    ) -> Result<(), StoreError> {
        let mut hits = Vec::new();
        for (row, (arrival, header)) in rows.iter().enumerate() {
            hits.extend(self.hit(row, *arrival, header)?);
        }
        for (place, peer) in self.peers.iter().enumerate() {
            let concerned = |hit: &&Hit| {
                let both = hit.verdicts.get(place).copied().unwrap_or_default();
                let listed = hit.listed.as_ref().is_none_or(|l| l.contains(peer));
                listed && both.before != both.after
            };
            let mut hits = hits.iter().filter(concerned).peekable();
            if hits.peek().is_none() {
                continue;
            }
            // The ledger has at most a line a record, so that a page of it covers the rows.
            let mut lines = self
                .share
                .store
                .ledger_of(peer, from, rows.len())?
                .into_iter()
                .peekable();
            for hit in hits {
                let Some((arrival, header)) = rows.get(hit.row) else {
                    continue;
                };
                while lines.next_if(|(at, _)| at < arrival).is_some() {}
                let line = lines.next_if(|(at, _)| at == arrival).map(|(_, line)| line);
                let flows = hit.verdicts.get(place).is_some_and(|both| both.after);
                let effect = self.effect(peer, flows, header, line.as_ref())?;
                if let Some(effect) = effect {
                    tell(Step::Changed(Changed {
                        peer,
                        arrival: *arrival,
                        header,
                        effect,
                    }));
                }
            }
        }
        Ok(())
    }

    fn hit(
        &mut self,
        row: usize,
        arrival: Arrival,
        header: &Header,
    ) -> Result<Option<Hit>, StoreError> {
        let superseded = header.flags.contains(Flags::SUPERSEDED);
        if self.share.is_control(header) || (self.share.gone(header).is_some() && !superseded) {
            return Ok(None);
        }
        let listed = match header.flags.contains(Flags::HAS_AUDIENCE) {
            true => Some(self.share.store.audience(arrival)?.unwrap_or_default()),
            false => None,
        };
        if listed.as_ref().is_some_and(Vec::is_empty) {
            return Ok(None);
        }
        let addressed = listed.is_some();
        // What does not open here, or is not ours, goes to nobody, before and after.
        let sealed = kind::is_sealed(header);
        let gist = self.share.vault.gist(&header.id).filter(|_| sealed);
        let ours = header.author == self.share.registry.own();
        if sealed && (gist.is_none() || !ours) {
            return Ok(None);
        }
        let listed = listed.map(|listed| {
            let barred = |peer: &AgencyId| {
                let exclude = gist.as_ref().map(|gist| &gist.exclude);
                exclude.is_some_and(|exclude| self.share.registry.bars(exclude, peer).is_some())
            };
            listed.into_iter().filter(|peer| !barred(peer)).collect()
        });
        let verdicts = self.verdicts(arrival, header, addressed)?;
        Ok(verdicts.map(|verdicts| Hit {
            row,
            verdicts,
            listed,
        }))
    }

    fn verdicts(
        &mut self,
        arrival: Arrival,
        header: &Header,
        addressed: bool,
    ) -> Result<Verdicts, StoreError> {
        let by_us = header.author == self.share.registry.own();
        let key_lost = header.flags.contains(Flags::KEY_LOST);
        if key_lost || (!by_us && self.share.leaves.concern(&header.id)) {
            // Whom a permit names, and who knows of an affirmation, is no part of its class.
            return self.one_by_one(arrival, header, addressed);
        }
        let by_class = (self.share.class_id(header).0, addressed);
        if let Some(known) = self.by_class.get(&by_class) {
            return Ok(known.clone());
        }
        let class = self.share.class(header)?;
        let Some((attributes, terms)) = class.as_ref() else {
            return Ok(None);
        };
        if !by_us && terms.onward == OnwardMode::To {
            // Whom it names stands in the record alone.
            return self.one_by_one(arrival, header, addressed);
        }
        let look = self.look(attributes);
        let known = self.by_look.get(&(look.clone(), addressed)).cloned();
        let verdicts = match known {
            Some(verdicts) => verdicts,
            None => {
                let holder = if by_us { Holder::Author } else { Holder::Other };
                let may = |peer: &AgencyId| {
                    let receiver = Receiver {
                        author: look.author == *peer,
                        addressed,
                        ..Receiver::default()
                    };
                    terms.release(holder, receiver).allows()
                };
                let verdicts = self.ask(&look, addressed, may);
                self.by_look.insert((look, addressed), verdicts.clone());
                verdicts
            }
        };
        if self.by_class.len() >= limits::CLASSES_IN_MEMORY {
            self.by_class.clear();
            self.by_look.clear();
        }
        self.by_class.insert(by_class, verdicts.clone());
        Ok(verdicts)
    }

    fn one_by_one(
        &self,
        arrival: Arrival,
        header: &Header,
        addressed: bool,
    ) -> Result<Verdicts, StoreError> {
        let class = self.share.class(header)?;
        let Some((attributes, terms)) = class.as_ref() else {
            return Ok(None);
        };
        let mut allowed = Vec::with_capacity(self.peers.len());
        for peer in &self.peers {
            // An affirmation, as a permit, goes ahead of its record, so that it counts already.
            if header.flags.contains(Flags::KEY_LOST)
                && !matches!(
                    self.share.key_word(peer, arrival, header, &Ahead::NONE)?,
                    KeyWord::Affirmed | KeyWord::OnItsWay
                )
            {
                continue;
            }
            let (holder, receiver) = self.share.roles(peer, arrival, header, terms, addressed)?;
            let permit =
                self.share
                    .permit(peer, header, terms, (holder, receiver), &Ahead::NONE)?;
            if permit.is_some() || terms.release(holder, receiver).allows() {
                allowed.push(*peer);
            }
        }
        Ok(self.ask(attributes, addressed, |peer| allowed.contains(peer)))
    }

    /// What both engines say, for the peers that handling lets have it.
    fn ask(
        &self,
        class: &Attributes,
        addressed: bool,
        handling: impl Fn(&AgencyId) -> bool,
    ) -> Verdicts {
        let both: Vec<Both> = self
            .peers
            .iter()
            .map(|peer| {
                if !handling(peer) {
                    return Both::default();
                }
                let [before, after] = self.engines.map(|engine| {
                    engine.ceiling(peer, class).is_none()
                        && engine.decide(Action::Share, peer, class, addressed).allow
                });
                Both { before, after }
            })
            .collect();
        let changes = both.iter().any(|both| both.before != both.after);
        changes.then(|| both.into())
    }

    /// What a change means, given what passed between us and the peer.
    fn effect(
        &self,
        peer: &AgencyId,
        flows: bool,
        header: &Header,
        line: Option<&LedgerEntry>,
    ) -> Result<Option<Effect>, StoreError> {
        let superseded = header.flags.contains(Flags::SUPERSEDED);
        let Some(line) = line else {
            let effect = match flows {
                true => Effect::Flows { again: false },
                false => Effect::Stops { held: false },
            };
            return Ok((!superseded).then_some(effect));
        };
        if line.direction == Direction::Received {
            return Ok(None);
        }
        let recalled = self.share.store.recalled(&header.id, peer)?.is_some();
        if flows {
            let has_it = line.answer == Some(Answer::Stored) && !recalled;
            return Ok((!has_it && !superseded).then_some(Effect::Flows { again: recalled }));
        }
        // One that was sent and not answered may have arrived.
        let held = line.direction == Direction::Sent
            && matches!(line.answer, None | Some(Answer::Stored))
            && !recalled;
        Ok((held || !superseded).then_some(Effect::Stops { held }))
    }

    /// A class as both policies see it. Tags that no statement names are one to them: they are
    /// texts, and a statement can do no more with a text than compare it.
    fn look(&self, class: &Attributes) -> Attributes {
        let mut look = class.clone();
        let all = look.tags.len();
        look.tags.retain(|tag| self.tags.contains(tag));
        if look.tags.len() < all {
            look.tags.insert(OTHER_TAG.to_owned());
        }
        look
    }
}

/// Stands for all tags that no statement names.
const OTHER_TAG: &str = "other";

//! May this peer have this record, now? The gates in order, each with its word.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use liaison_protocol::fault::Answer;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::{HandlingCode, Kind, Plane};
use liaison_protocol::record::handling::{Holder, OnwardMode, Receiver, Terms};
use liaison_protocol::record::signed::{Record, SignedRecord};

use super::walk::Walk;
use super::{Ahead, GIVEN_BACK, Leave, Route, Share};
use crate::kind;
use crate::policy::{Action, Attributes, ClassId};
use crate::store::{Arrival, Direction, Flags, Header, StoreError};
use crate::vault::Gist;

/// A gate on the way out, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gate {
    /// Is the agency a peer?
    Link,
    /// Is the record still in force: not retracted, amended, expired?
    Expired,
    /// Does the key stand that signed it, or has its author affirmed it?
    Key,
    /// Control traffic: does the ledger owe it to the peer?
    Owed,
    /// Does its author's handling allow it?
    Handling,
    /// Is it below this agency's ceilings, which no list and no statement goes beyond?
    Ceiling,
    /// Is the peer on its distribution list, if there is one?
    Audience,
    /// Sealed records: is the peer no authority of a country that may never get it?
    Exclude,
    /// Does this agency's policy allow it?
    Policy,
    /// Sealed records: can its key be wrapped to the peer?
    Seal,
    /// Sealed records: is the hub on its way no authority of a country that may never get it?
    Path,
}

impl Gate {
    /// All gates, in their order, for metrics.
    pub const ALL: [Gate; 11] = [
        Gate::Link,
        Gate::Expired,
        Gate::Key,
        Gate::Owed,
        Gate::Handling,
        Gate::Ceiling,
        Gate::Audience,
        Gate::Exclude,
        Gate::Policy,
        Gate::Seal,
        Gate::Path,
    ];

    /// As `why` and `--json` write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Gate::Link => "link",
            Gate::Expired => "expired",
            Gate::Key => "key",
            Gate::Owed => "owed",
            Gate::Handling => "handling",
            Gate::Ceiling => "ceiling",
            Gate::Audience => "audience",
            Gate::Exclude => "exclude",
            Gate::Policy => "policy",
            Gate::Seal => "seal",
            Gate::Path => "path",
        }
    }
}

/// One gate's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateWord {
    /// The gate.
    pub gate: Gate,
    /// Whether it is open.
    pub allow: bool,
    /// The rule's name.
    pub rule: Arc<str>,
    /// The rule in its author's words.
    pub says: String,
    /// File and line of the statement.
    pub place: Option<String>,
}

/// The decision for one record and one peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Whether the peer may have it.
    pub allow: bool,
    /// The deciding gate.
    pub gate: Gate,
    /// The deciding rule's name, as the ledger keeps it.
    pub rule: Arc<str>,
}

/// The classes seen so far, decoded: [`crate::limits::CLASSES_IN_MEMORY`] at most.
pub(super) type Classes = RwLock<HashMap<u32, Arc<Class>>>;

/// A record's policy attributes and its handling terms; none where they can't be read.
pub(crate) type Class = Option<(Attributes, Terms)>;

impl Share {
    /// Decides without words, whatever way it would go.
    pub(super) fn decide_header(
        &self,
        peer: &AgencyId,
        arrival: Arrival,
        header: &Header,
    ) -> Result<Decided, StoreError> {
        self.decide_by(Route::Direct, peer, arrival, header)
    }

    /// Decides without words: what the scan asks for every record and peer.
    pub(super) fn decide_by(
        &self,
        route: Route,
        peer: &AgencyId,
        arrival: Arrival,
        header: &Header,
    ) -> Result<Decided, StoreError> {
        self.decide_behind(Ahead::NONE, route, peer, arrival, header)
    }

    /// As [`Self::decide_by`], for a peer that will have what travels ahead.
    pub(super) fn decide_behind(
        &self,
        ahead: Ahead,
        route: Route,
        peer: &AgencyId,
        arrival: Arrival,
        header: &Header,
    ) -> Result<Decided, StoreError> {
        let mut walk = Walk::behind(ahead, route);
        self.gates(peer, arrival, header, &mut walk)?;
        Ok(walk.end().0)
    }

    /// Whether a peer that names a record may be told that we hold it: if we would offer it.
    /// Whoever else names it has to prove that it has it, by its bytes.
    pub(crate) fn may_know_of(
        &self,
        peer: &AgencyId,
        arrival: Arrival,
        header: &Header,
    ) -> Result<bool, StoreError> {
        Ok(self.decide_header(peer, arrival, header)?.allow)
    }

    /// Decides with the word of every gate, in order, also after one that refused.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn explain(
        &self,
        peer: &AgencyId,
        arrival: Arrival,
        header: &Header,
    ) -> Result<(Decided, Vec<GateWord>), StoreError> {
        let mut walk = Walk::with_words();
        self.gates(peer, arrival, header, &mut walk)?;
        Ok(walk.end())
    }

    /// Explains a record that is not stored yet, as it would be decided for a peer. It is
    /// one of ours; `audience` is its distribution list, if it is to have one.
    pub fn explain_draft(
        &self,
        peer: &AgencyId,
        record: &Record,
        audience: Option<&[AgencyId]>,
    ) -> (Decided, Vec<GateWord>) {
        let country = self.registry.country(&record.envelope.author);
        let attributes = crate::policy::attributes(record, &country, false);
        let listed = audience.map(|a| a.contains(peer));
        let addressed = listed == Some(true);
        let mut walk = Walk::with_words();
        walk.link(self.registry.is_peer(peer));
        if self.registry.is_leaving(peer) {
            walk.leaving();
        }
        let receiver = record.receiver(peer, addressed);
        walk.handling(
            record
                .terms()
                .release(record.holder(&self.registry.own()), receiver),
            None,
        );
        let engine = self.policies.current();
        walk.ceiling(engine.ceiling(peer, &attributes));
        walk.audience(listed);
        walk.policy(&engine.decide(Action::Share, peer, &attributes, addressed));
        walk.end()
    }

    pub(super) fn gates(
        &self,
        peer: &AgencyId,
        arrival: Arrival,
        header: &Header,
        walk: &mut Walk,
    ) -> Result<(), StoreError> {
        // Each gate says whether the next has to be asked.
        if !walk.link(self.registry.is_peer(peer)) || !walk.in_force(self.gone(header)) {
            return Ok(());
        }
        if header.flags.contains(Flags::KEY_LOST)
            && !walk.key(self.key_word(peer, arrival, header, &walk.ahead)?)
        {
            return Ok(());
        }
        if self.is_control(header) {
            walk.owed(self.is_owed(peer, arrival, header)?);
            return Ok(());
        }
        if self.registry.is_leaving(peer) && !walk.leaving() {
            return Ok(());
        }
        if header.author == *peer {
            let line = self.store.ledger_entry(peer, arrival)?;
            // What is sealed only its author's node releases, to whomever.
            let sealed = kind::is_sealed(header);
            // Once it was given back its line says so, and no more that it came from there.
            let theirs = header.courier == Some(*peer)
                || line
                    .is_some_and(|l| l.direction == Direction::Received || *l.rule == *GIVEN_BACK);
            if !sealed && theirs {
                walk.given_back();
                return Ok(());
            }
        }
        let listed = if header.flags.contains(Flags::HAS_AUDIENCE) {
            Some(
                self.store
                    .audience(arrival)?
                    .is_some_and(|a| a.contains(peer)),
            )
        } else {
            None
        };
        let addressed = listed == Some(true);
        let gist = match kind::is_sealed(header) {
            true => {
                if header.author != self.registry.own() && !walk.of_others() {
                    return Ok(());
                }
                match self.gist_or_closed(header, walk) {
                    Some(gist) => Some(gist),
                    None => return Ok(()),
                }
            }
            false => None,
        };
        let class = self.class(header)?;
        let Some((attributes, terms)) = class.as_ref() else {
            walk.unreadable();
            return Ok(());
        };
        let (holder, mut receiver) = self.roles(peer, arrival, header, terms, addressed)?;
        let permit = self.permit(peer, header, terms, (holder, receiver), &walk.ahead)?;
        receiver.permitted = permit.as_ref().is_some_and(|p| p.known);
        let engine = self.policies.current();
        if !walk.handling(terms.release(holder, receiver), permit.as_ref())
            || !walk.ceiling(engine.ceiling(peer, attributes))
            || !walk.audience(listed)
        {
            return Ok(());
        }
        let barred = gist
            .as_ref()
            .map(|gist| self.registry.bars(&gist.exclude, peer));
        if barred.is_some_and(|barred| !walk.exclude(barred)) {
            return Ok(());
        }
        let id = self.class_id(header);
        let decision =
            engine.decide_memo(Action::Share, peer, id, addressed, || attributes.clone());
        // Policy is asked about every record, sealed or not.
        if !walk.policy(&decision) {
            return Ok(());
        }
        let Some(gist) = gist else {
            return Ok(());
        };
        if self.sealing_gate(peer, walk)
            && let Some(hub) = walk.route.hub()
        {
            let begun = self.vault.gist(&gist.thread);
            let originator = begun.map_or(gist.author, |begun| begun.author);
            let barred = self.registry.bars_way(&gist.exclude, &hub, &originator);
            walk.path(self.registry.is_peer(&hub), barred);
        }
        Ok(())
    }

    /// What is known of a sealed record. Only its author's node releases one, and only where it
    /// has the key.
    fn gist_or_closed(&self, header: &Header, walk: &mut Walk) -> Option<Arc<Gist>> {
        let gist = self.vault.gist(&header.id);
        if gist.is_none() {
            walk.closed();
        }
        gist
    }

    fn sealing_gate(&self, peer: &AgencyId, walk: &mut Walk) -> bool {
        let key = self.registry.sealing_key(peer, self.clock.now());
        walk.sealing_key(key.is_some())
    }

    /// The number of a record's class, for what was decided of it before.
    pub(super) fn class_id(&self, header: &Header) -> ClassId {
        match kind::is_sealed(header) {
            true => self
                .vault
                .gist(&header.id)
                .map_or(ClassId(header.class.0), |gist| gist.class_id),
            false => ClassId(header.class.0),
        }
    }

    /// What holder and peer are to a record; its names are read only where they matter.
    pub(super) fn roles(
        &self,
        peer: &AgencyId,
        arrival: Arrival,
        header: &Header,
        terms: &Terms,
        addressed: bool,
    ) -> Result<(Holder, Receiver), StoreError> {
        let own = self.registry.own();
        let receiver = Receiver {
            author: header.author == *peer,
            addressed,
            ..Receiver::default()
        };
        if header.author == own {
            return Ok((Holder::Author, receiver));
        }
        if terms.onward != OnwardMode::To {
            return Ok((Holder::Other, receiver));
        }
        let signed = self
            .store
            .record(arrival)?
            .and_then(|b| SignedRecord::parse(b).ok());
        Ok(match signed {
            Some(signed) => {
                let record = signed.unverified();
                (record.holder(&own), record.receiver(peer, addressed))
            }
            // Fail closed: who is named can't be read, so we may not pass it on.
            None => (Holder::Named, receiver),
        })
    }

    /// Whether a record is owed rather than shared: our card, and whatever is about records.
    pub(crate) fn is_control(&self, header: &Header) -> bool {
        let kind = kind::of(header);
        kind.is_none_or(|k| k.plane() == Plane::Control)
            || (kind == Some(Kind::Contact) && header.author == self.registry.own())
    }

    /// The permit by which a peer may have a record that its handling alone would keep from
    /// it. It counts once the peer has it: without it the peer would have to refuse the record.
    pub(super) fn permit(
        &self,
        peer: &AgencyId,
        header: &Header,
        terms: &Terms,
        (holder, receiver): (Holder, Receiver),
        ahead: &Ahead,
    ) -> Result<Option<Permit>, StoreError> {
        let with = Receiver {
            permitted: true,
            ..receiver
        };
        if terms.release(holder, receiver).allows() || !terms.release(holder, with).allows() {
            return Ok(None);
        }
        // What has ended once does not begin again because a clock was set back.
        let now = self.time.latest();
        let known = (&self.store, &self.registry);
        let naming = self
            .leaves
            .naming(known, &header.id, &header.author, peer, now)?;
        let mut found: Option<Permit> = None;
        for leave in naming {
            let line = self.store.ledger_entry(peer, leave.arrival)?;
            let known = ahead.has(leave.arrival)
                || line.is_some_and(|l| {
                    l.direction == Direction::Received || l.answer == Some(Answer::Stored)
                });
            if found.as_ref().is_none_or(|f| known && !f.known) {
                found = Some(Permit { leave, known });
            }
        }
        Ok(found)
    }

    /// Whether a permit is to travel ahead of its record to a peer that it names: whether the
    /// peer would get the record if it had the permit.
    pub(super) fn opens(
        &self,
        peer: &AgencyId,
        permit: Arrival,
        of: &RecordId,
    ) -> Result<bool, StoreError> {
        let Some(arrival) = self.store.arrival_of(of)? else {
            return Ok(false);
        };
        let Some(header) = self.store.header(arrival)? else {
            return Ok(false);
        };
        let mut walk = Walk::behind(Ahead::of([permit]), Route::Direct);
        self.gates(peer, arrival, &header, &mut walk)?;
        Ok(walk.permitted && walk.end().0.allow)
    }

    /// Why a record is no longer in force.
    pub(super) fn gone(&self, header: &Header) -> Option<(&'static str, &'static str)> {
        let flags = header.flags;
        if flags.contains(Flags::EXPIRED) {
            Some(("expired", "it is past its expiry"))
        } else if flags.contains(Flags::ERASED) {
            Some(("erased", "it was erased"))
        } else if flags.contains(Flags::RETRACTED) {
            Some(("retracted", "its author retracted it"))
        } else if flags.contains(Flags::LOCKED) {
            Some((
                "locked",
                "it came back with a backup, and whoever brought it was not heard from since",
            ))
        } else if flags.contains(Flags::SUPERSEDED) {
            Some(("amended", "its author replaced it by a newer one"))
        } else if header.expires.is_some_and(|end| end <= self.time.latest()) {
            Some(("expired", "it is past its expiry"))
        } else {
            None
        }
    }

    /// What policy sees of a record; none where this version can't read it.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn seen(&self, header: &Header) -> Result<Option<Attributes>, StoreError> {
        let class = self.class(header)?;
        Ok(class
            .as_ref()
            .as_ref()
            .map(|(attributes, _)| attributes.clone()))
    }

    pub(super) fn class(&self, header: &Header) -> Result<Arc<Class>, StoreError> {
        // What the store holds of a sealed record is what everybody sees of it.
        if kind::is_sealed(header) {
            let gist = self.vault.gist(&header.id);
            return Ok(gist.map_or_else(Arc::default, |gist| gist.class.clone()));
        }
        let id = header.class.0;
        let known = self
            .classes
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .cloned();
        if let Some(class) = known {
            return Ok(class);
        }
        let bytes = self.store.class(header.class)?.unwrap_or_default();
        let class = match Attributes::from_class_bytes(&bytes) {
            Ok(attributes) => class_of(attributes),
            Err(error) => {
                tracing::error!(record = %header.id.short(), %error, "a record stays here");
                None
            }
        };
        let class = Arc::new(class);
        let mut classes = self.classes.write().unwrap_or_else(PoisonError::into_inner);
        if classes.len() >= crate::limits::CLASSES_IN_MEMORY {
            classes.clear();
        }
        classes.insert(id, class.clone());
        Ok(class)
    }
}

/// A class with the handling terms that it states; none for codes of a later version.
pub(crate) fn class_of(attributes: Attributes) -> Class {
    terms(&attributes).map(|terms| (attributes, terms))
}

/// The handling terms that a class states; none for codes of a later version.
fn terms(attributes: &Attributes) -> Option<Terms> {
    Some(Terms {
        plane: [Plane::Strategic, Plane::Personal]
            .into_iter()
            .find(|plane| plane.as_str() == attributes.plane)?,
        tlp: attributes.tlp.parse().ok()?,
        h2: attributes.handling.contains(HandlingCode::H2.as_str()),
        onward: OnwardMode::ALL
            .into_iter()
            .find(|m| m.as_str() == attributes.onward)?,
    })
}

/// A permit that names a peer.
pub(super) struct Permit {
    pub leave: Leave,
    /// Whether the peer has it.
    pub known: bool,
}

//! May it come in? The gates of a receiver, in order, for a record that is somebody's word.

use std::sync::Arc;

use bytes::Bytes;
use liaison_protocol::card::KeyState;
use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::check::{self, CheckContext};
use liaison_protocol::record::codes::{Kind, Plane};
use liaison_protocol::record::date::Date;
use liaison_protocol::record::handling::Receiver;
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::{SignedRecord, VerifiedRecord};
use liaison_protocol::seal::frame;
use liaison_protocol::wire::Item;

use super::accepts::Accepts;
use super::{IngestFault, Settings, verify};
use crate::kind;
use crate::limits;
use crate::policy::{self, Action, Attributes, Engine};
use crate::registry::Registry;
use crate::share::{GIVEN_BACK, Leaves, passed};
use crate::store::{Flags, NewRecord, Owing, Retraction, Store, StoreError, Told, Tombstone};
use crate::time::Doubt;
use crate::vault::{Opened, Vault};

/// What the gates look at; made anew for each batch.
pub(super) struct Gate<'a> {
    pub store: &'a Store,
    pub registry: &'a Registry,
    pub engine: Arc<Engine>,
    pub accepts: &'a Accepts,
    pub leaves: &'a Leaves,
    pub vault: &'a Vault,
    pub settings: &'a Settings,
    pub checks: CheckContext<'a>,
    pub now: Millis,
    /// By which a permit has ended, also after the clock was set back.
    pub latest: Millis,
    /// Why the clock is not to be believed, if it is not.
    pub doubt: Option<Doubt>,
}

/// A record that may be committed.
#[derive(Clone, Debug)]
pub(super) struct Admitted {
    pub record: VerifiedRecord,
    pub class: Bytes,
    pub marked: bool,
    /// Its key was compromised; its author has affirmed it.
    pub key_lost: bool,
    /// The statement of the accept policy that let it in.
    pub rule: Arc<str>,
    /// The recall that it lifts: it comes from whoever may.
    pub lifts: Option<RecordId>,
    /// What stands inside, if it is sealed.
    pub opened: Option<Arc<Opened>>,
}

impl Gate<'_> {
    /// A record of this agency.
    pub fn own(&self, record: VerifiedRecord) -> Result<Admitted, IngestFault> {
        self.own_opened(record, None)
    }

    /// A record of this agency, with what stands inside if it is sealed.
    pub fn own_opened(
        &self,
        record: VerifiedRecord,
        opened: Option<Arc<Opened>>,
    ) -> Result<Admitted, IngestFault> {
        self.in_the_right_store(&record, opened.as_deref())?;
        self.in_time(&record, opened.as_deref())?;
        self.by_the_author(&record)?;
        let class = class_of(&record, &self.attributes(&record, false))?;
        Ok(Admitted {
            class,
            record,
            marked: false,
            key_lost: false,
            rule: "own".into(),
            lifts: None,
            opened,
        })
    }

    /// Bytes that a peer sent under an id that it offered.
    pub fn received(
        &self,
        courier: &AgencyId,
        offered: &Item,
        bytes: Bytes,
    ) -> Result<Admitted, IngestFault> {
        let (signed, wrap) = frame::read(&bytes)?;
        let created = signed.unverified().envelope.created;
        if signed.id() != offered.id || created != offered.created {
            return Err(IngestFault::OtherRecord {
                offered: offered.id,
                found: signed.id(),
            });
        }
        self.brought_by_a_peer(courier, &signed)?;
        let record = verify::verify(self.registry, signed)?;
        self.in_time(&record, None)?;
        let lifts = lifts(self.store, courier, &record.id())?;
        if lifts.is_none() && self.is_withdrawn(&record)? {
            return Err(IngestFault::Retracted { created });
        }
        self.by_the_author(&record)?;
        self.of_a_lost_key(&record)?;
        self.handled_by(courier, &record)?;
        let opened = match record.kind() {
            Kind::Sealed => Some(Arc::new(self.open(courier, &record, wrap.as_ref())?)),
            _ => None,
        };
        self.in_time(&record, opened.as_deref())?;
        self.in_the_right_store(&record, opened.as_deref())?;
        let marked = match &opened {
            Some(opened) => self.is_faulty(&record.author(), &opened.inside),
            None => {
                let statement = record.record();
                let fields = &statement.envelope.fields;
                !check::check(fields, &statement.content, &self.checks).is_empty()
            }
        };
        let attributes = self.attributes(&record, marked);
        let class = class_of(&record, &attributes)?;
        let rule = match &opened {
            Some(opened) => self.accepted_sealed(courier, &record, &opened.inside, marked)?,
            None => self.accepted(courier, &record, &attributes, &class)?,
        };
        let keys = self.registry.keys(&record.author());
        let key_lost = keys.is_some_and(|keys| !keys.stands(&record.key()));
        Ok(Admitted {
            class,
            record,
            marked,
            key_lost,
            rule,
            lifts,
            opened,
        })
    }

    /// Whether it was withdrawn before it came. What is for good is not, by a retraction that
    /// came first.
    fn is_withdrawn(&self, record: &VerifiedRecord) -> Result<bool, StoreError> {
        let (id, author) = (record.id(), record.author());
        if kind::is_for_good(kind::number(record.kind())) {
            return Ok(self.store.tombstone(&id)?.is_some());
        }
        self.store.is_tombstoned(&id, &author)
    }

    /// What is on its way when a peer is removed or revoked stops here.
    fn brought_by_a_peer(
        &self,
        courier: &AgencyId,
        signed: &SignedRecord,
    ) -> Result<(), IngestFault> {
        let own_card =
            signed.kind() == Kind::Contact && signed.unverified().envelope.author == *courier;
        let owed = signed.kind().plane() == Plane::Control || own_card;
        match self.registry.peer(courier) {
            Some(peer) if peer.leaving.is_none() || owed => Ok(()),
            _ => Err(IngestFault::CourierRemoved),
        }
    }

    fn in_time(&self, record: &VerifiedRecord, opened: Option<&Opened>) -> Result<(), IngestFault> {
        let envelope = &record.record().envelope;
        if envelope.created.is_ahead_of(self.now) {
            let ahead_s = envelope.created.wall().0.saturating_sub(self.now.0) / 1000;
            return Err(IngestFault::Clock { ahead_s });
        }
        match (expiry(record, opened), self.doubt) {
            // Refused is for good, and by a clock that is wrong nothing is refused for good.
            (Some(end), Some(doubt)) if end <= self.now => Err(IngestFault::OwnClock(doubt)),
            (Some(end), None) if end <= self.now => Err(IngestFault::Expired {
                created: envelope.created,
            }),
            _ => Ok(()),
        }
    }

    fn in_the_right_store(
        &self,
        record: &VerifiedRecord,
        opened: Option<&Opened>,
    ) -> Result<(), IngestFault> {
        // Cards and control records are the same in an exercise.
        if record.kind() == Kind::Contact || record.kind().plane() == Plane::Control {
            return Ok(());
        }
        let envelope = &record.record().envelope;
        let fields = opened.map_or(&envelope.fields, |opened| &opened.inside.fields);
        let says = match (&fields.exercise, &self.settings.exercise) {
            (a, b) if a == b => return Ok(()),
            (Some(name), _) => format!("it belongs to exercise {name}, this store does not"),
            (None, _) => "it is a live record, and this store belongs to an exercise".into(),
        };
        Err(IngestFault::Exercise {
            says,
            created: envelope.created,
        })
    }

    fn by_the_author(&self, record: &VerifiedRecord) -> Result<(), IngestFault> {
        let statement = record.record();
        let (what, about) = match &statement.content {
            Content::Retract(retract) => ("retracts", vec![retract.of]),
            Content::Recall(recall) => ("recalls", vec![recall.of]),
            Content::Permit(permit) => ("permits to pass on", vec![permit.of]),
            Content::Affirm(affirm) => ("affirms", affirm.records.iter().copied().collect()),
            _ => {
                let amended = statement.envelope.fields.supersedes;
                ("amends", amended.into_iter().collect())
            }
        };
        for of in about {
            let held = match self.store.arrival_of(&of)? {
                Some(arrival) => self.store.header(arrival)?,
                None => None,
            };
            let Some(old) = held else { continue };
            // What the root key signed, or what says where we are reached, no signing key takes
            // back: a stolen one could otherwise keep the card that revokes it from spreading.
            // Nor what says that a record was withdrawn: a thief could otherwise stop that.
            let fits = match what {
                "retracts" => !kind::is_for_good(old.kind),
                // Of whatever author, but what is owed is no copy that somebody released.
                "recalls" => kind::of(&old).is_some_and(|k| k.plane() != Plane::Control),
                "amends" => old.kind == kind::number(record.kind()),
                _ => true,
            };
            let theirs = what != "recalls" && old.author != record.author();
            if theirs || !fits {
                return Err(IngestFault::NotTheAuthor {
                    what,
                    of,
                    created: statement.envelope.created,
                });
            }
        }
        Ok(())
    }

    /// An affirmation of records under a key that no card calls compromised waits for that card:
    /// whoever has stolen a key could otherwise fill the list before it is missed.
    fn of_a_lost_key(&self, record: &VerifiedRecord) -> Result<(), IngestFault> {
        let Content::Affirm(affirm) = &record.record().content else {
            return Ok(());
        };
        let author = record.author();
        let keys = self.registry.keys(&author);
        let lost = keys.is_some_and(|keys| {
            let state = keys.state(&affirm.key);
            matches!(state, KeyState::Compromised(_) | KeyState::AllRevoked)
        });
        if lost {
            Ok(())
        } else {
            Err(IngestFault::KeyStands { author })
        }
    }

    /// Whether a control record may come from this courier: SPEC.md, 'Receiving'.
    fn owed_by(&self, courier: &AgencyId, record: &VerifiedRecord) -> Result<bool, IngestFault> {
        let own_word = record.author() == *courier;
        let own = self.registry.own();
        let passed = |of| passed(self.store, courier, of);
        Ok(match &record.record().content {
            Content::Keys(_) => own_word,
            // A retraction travels the way that its record went, through anybody.
            Content::Retract(_) => true,
            Content::Recall(recall) => own_word && recall.to == own && passed(&recall.of)?,
            Content::Receipt(receipt) => {
                own_word && (passed(&receipt.r#for)? || passed(&receipt.of)?)
            }
            // One that names us comes ahead of its record.
            Content::Permit(permit) => permit.to.contains(&own) || passed(&permit.of)?,
            Content::Ask(ask) => passed(&ask.of)?,
            // Ahead of its records, through anybody.
            Content::Affirm(_) => true,
            // Not control records.
            _ => false,
        })
    }

    /// The first gate from the courier's side: would a conforming node have sent us this?
    fn handled_by(&self, courier: &AgencyId, record: &VerifiedRecord) -> Result<(), IngestFault> {
        let statement = record.record();
        if record.kind().plane() == Plane::Control {
            let allowed = self.owed_by(courier, record)?;
            return if allowed {
                Ok(())
            } else {
                let verdict = liaison_protocol::record::handling::Verdict::Control;
                Err(IngestFault::Handling {
                    verdict,
                    created: statement.envelope.created,
                })
            };
        }
        // Whether its author named us is the author's business: it sent the record to us.
        let own = self.registry.own();
        let receiver = statement.receiver(&own, record.author() == *courier);
        let (terms, holder) = (statement.terms(), statement.holder(courier));
        let mut verdict = terms.release(holder, receiver);
        if !verdict.allows() {
            let author = record.author();
            let naming = self.leaves.naming(
                (self.store, self.registry),
                &record.id(),
                &author,
                &own,
                self.latest,
            )?;
            let receiver = Receiver {
                permitted: !naming.is_empty(),
                ..receiver
            };
            verdict = terms.release(holder, receiver);
        }
        if verdict.allows() {
            Ok(())
        } else {
            Err(IngestFault::Handling {
                verdict,
                created: statement.envelope.created,
            })
        }
    }

    pub(super) fn accepted(
        &self,
        courier: &AgencyId,
        record: &VerifiedRecord,
        attributes: &Attributes,
        class: &Bytes,
    ) -> Result<Arc<str>, IngestFault> {
        // What this agency lost, a peer that had it gives back.
        if record.author() == self.registry.own() {
            return Ok(GIVEN_BACK.into());
        }
        // Control traffic is owed, and a newer card of a peer is too.
        let own_card = record.kind() == Kind::Contact && record.author() == *courier;
        if record.kind().plane() == Plane::Control || own_card {
            return Ok("owed".into());
        }
        // A personal record comes to whom it names and to nobody else.
        let addressed = attributes.plane == Plane::Personal.as_str();
        let decision = self
            .accepts
            .decide(&self.engine, courier, attributes, class, addressed);
        if decision.allow {
            let rule = decision.statements.first().map_or("", |s| s.id.as_str());
            Ok(rule.into())
        } else {
            Err(IngestFault::Policy {
                says: decision.in_words(Action::Accept),
                created: record.record().envelope.created,
            })
        }
    }

    fn attributes(&self, record: &VerifiedRecord, marked: bool) -> Attributes {
        let country = self.registry.country(&record.author());
        policy::attributes(record.record(), &country, marked)
    }
}

impl Admitted {
    /// As the store wants it.
    pub fn to_new(
        &self,
        courier: Option<AgencyId>,
        audience: Option<Vec<AgencyId>>,
        received: Millis,
        offered: Option<Millis>,
    ) -> NewRecord {
        let statement = self.record.record();
        let fields = &statement.envelope.fields;
        NewRecord {
            id: self.record.id(),
            bytes: self.record.bytes().clone(),
            author: self.record.author(),
            kind: kind::number(self.record.kind()),
            created: statement.envelope.created,
            received,
            courier,
            class: self.class.clone(),
            flags: [
                (self.marked, Flags::MARKED),
                (self.key_lost, Flags::KEY_LOST),
            ]
            .into_iter()
            .filter(|(so, _)| *so)
            .fold(Flags::NONE, |all, (_, flag)| all | flag),
            expires: expiry(&self.record, self.opened.as_deref()),
            review: fields.review_by.map(Date::start_ms),
            thread: fields.thread,
            supersedes: fields.supersedes,
            retracts: match &statement.content {
                Content::Retract(r) => Some(Retraction {
                    of: r.of,
                    reason: r.reason as u8,
                    erase: r.erase,
                }),
                _ => None,
            },
            audience,
            owing: self.is_owed().then(|| self.owing(courier.is_none())),
            lifts: self.lifts,
            offered,
        }
    }

    /// Whether it is owed rather than shared.
    pub fn is_owed(&self) -> bool {
        self.record.kind().plane() == Plane::Control || self.record.kind() == Kind::Contact
    }

    fn owing(&self, ours: bool) -> Owing {
        match &self.record.record().content {
            Content::Receipt(receipt) => Owing::Receipt {
                of: receipt.of,
                told: Told {
                    by: self.record.id(),
                    created: self.record.record().envelope.created,
                    answers: receipt.r#for,
                    what: receipt.what as u8,
                    at: receipt.at,
                    further: receipt.further.map(|f| (f.asked, f.erased)),
                },
            },
            Content::Recall(recall) if ours => Owing::Recall {
                of: recall.of,
                to: recall.to,
            },
            Content::Recall(recall) => Owing::CalledBack { of: recall.of },
            _ => Owing::Plain,
        }
    }
}

/// The recall that keeps a record out and that this courier's offer lifts: its own, or, if the
/// courier is the record's author, anybody's.
pub(super) fn lifts(
    store: &Store,
    courier: &AgencyId,
    id: &RecordId,
) -> Result<Option<RecordId>, StoreError> {
    let Some(tombstone) = store.tombstone(id)? else {
        return Ok(None);
    };
    if tombstone.reason != Tombstone::RECALLED {
        return Ok(None);
    }
    let recaller = match store.arrival_of(&tombstone.by)? {
        Some(arrival) => store.header(arrival)?.map(|h| h.author),
        None => None,
    };
    let may = *courier == tombstone.author || recaller == Some(*courier);
    Ok(may.then_some(tombstone.by))
}

/// The canonical form of what policy sees. The store takes no larger one, and would refuse the
/// whole write: one record at fault must not touch the others of its batch.
fn class_of(record: &VerifiedRecord, attributes: &Attributes) -> Result<Bytes, IngestFault> {
    let class: Bytes = attributes.to_class_bytes().into();
    if class.len() > limits::CLASS_BYTES {
        return Err(IngestFault::TooManyTags {
            found: class.len(),
            created: record.record().envelope.created,
        });
    }
    Ok(class)
}

/// When a record stops being released: its `expires`, or the end that its kind has.
fn expiry(record: &VerifiedRecord, opened: Option<&Opened>) -> Option<Millis> {
    let statement = record.record();
    let fields = opened.map_or(&statement.envelope.fields, |o| &o.inside.fields);
    let stated = fields.expires.map(Date::end_ms);
    let of_kind = match &statement.content {
        Content::Service(service) => Some(service.valid_until.end_ms()),
        Content::Keys(keys) => Some(keys.until),
        Content::Permit(permit) => Some(permit.until),
        _ => None,
    };
    match (stated, of_kind) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

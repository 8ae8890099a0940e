//! Sealed records on their way in: our own, sealed and their keys kept before they are
//! committed; those of peers, opened in memory before anything of them is kept.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use liaison_protocol::clock::{Hlc, Millis};
use liaison_protocol::fault::{Answer, Later};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::personal::Inside;
use liaison_protocol::personal::checks::{self, Circumstances};
use liaison_protocol::record::codes::Country2;
use liaison_protocol::record::date::Date;
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::VerifiedRecord;
use liaison_protocol::seal::{self, SealFault, SealingId, Secret, Stub, Wrap};

use super::admit::{Admitted, Gate};
use super::keepers::Kept;
use super::{Ingest, IngestFault, blocking};
use crate::audit::note;
use crate::keyring::KeyringError;
use crate::policy;
use crate::share::SEALED;
use crate::store::{Arrival, Flags, Op, OpOutcome};
use crate::vault::{self, Opened};

/// What this agency is about to say under seal.
#[derive(Debug)]
pub struct Sealing {
    /// What stands inside.
    pub inside: Inside,
    /// Who can open it beside us; nobody else ever gets it, not even its id.
    pub recipients: BTreeSet<AgencyId>,
    /// The thread that it belongs to; none: it begins one.
    pub thread: Option<RecordId>,
    /// When we wait no longer. Stands in clear.
    pub respond_by: Option<Millis>,
}

impl Ingest {
    /// Seals statements of this agency and takes them in, all or none, together with `also`.
    /// When it returns, the keys and the records are on the disk. The caller has run the checks
    /// that bind an author; who may never get a record is checked here as well.
    ///
    /// # Errors
    /// [`IngestFault`] of the first statement at fault; nothing is stored then.
    pub async fn seal(
        &self,
        statements: Vec<Sealing>,
        also: Vec<Op>,
    ) -> Result<Vec<(RecordId, Arrival)>, IngestFault> {
        let this = self.clone();
        let made = self
            .to_the_end(async move { this.say_sealed(statements, also).await })
            .await??;
        note(|note| made.iter().for_each(|(id, _)| note.record(*id)));
        Ok(made)
    }

    async fn say_sealed(
        self,
        statements: Vec<Sealing>,
        also: Vec<Op>,
    ) -> Result<Vec<(RecordId, Arrival)>, IngestFault> {
        self.may_sign()?;
        let this = self.clone();
        let (ready, kept) = blocking(move || {
            let ready = this.seal_all(statements)?;
            let (kept, put) = this.keep_keys(&ready);
            if let Err(fault) = put {
                this.drop_all(kept);
                return Err(fault);
            }
            Ok((ready, kept))
        })
        .await??;
        let mut ids = Vec::with_capacity(ready.len());
        let mut ops = Vec::with_capacity(ready.len() + also.len() + 1);
        for one in &ready {
            ids.push(one.record.id());
            ops.push(self.insert(one, None, recipients(one)));
        }
        ops.extend(also);
        ops.push(self.clock_op());
        let outcomes = match self.0.store.write(ops).await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                // Their records are nowhere: nobody misses these keys.
                self.drop_keys(kept).await;
                return Err(error.into());
            }
        };
        self.after(&ready, &outcomes, false);
        self.settle_keys(&ready, &outcomes, kept).await;
        self.mark_lost(&ready, &outcomes).await;
        Ok(ids
            .into_iter()
            .zip(outcomes.iter().filter_map(OpOutcome::arrival))
            .collect())
    }

    fn seal_all(&self, statements: Vec<Sealing>) -> Result<Vec<Admitted>, IngestFault> {
        for statement in &statements {
            self.nobody_is_barred(statement)?;
        }
        let own = self.0.registry.own();
        // Held until all is signed: a key that leaves signs nothing later than it left.
        let signing = self.0.signing.key();
        let keys = self
            .0
            .registry
            .keys(&own)
            .ok_or(IngestFault::UnknownAuthor { author: own })?;
        let times: Vec<Hlc> = self.ticks(statements.len());
        let gate = self.gate();
        let mut ready = Vec::with_capacity(statements.len());
        for (statement, created) in statements.into_iter().zip(times) {
            let stub = Stub {
                author: own,
                created,
                thread: statement.thread,
                recipients: statement.recipients,
                respond_by: statement.respond_by,
            };
            let (record, secret) = seal::seal_record(stub, &statement.inside, &mut rand::rng())?;
            let record = record.sign(&signing)?.verify(&keys)?;
            let opened = Opened {
                inside: statement.inside,
                secret,
                by: None,
            };
            ready.push(gate.own_opened(record, Some(Arc::new(opened)))?);
        }
        Ok(ready)
    }

    /// Refuses to seal to whom the person's status, citizenship or consent keeps it from.
    fn nobody_is_barred(&self, statement: &Sealing) -> Result<(), IngestFault> {
        for recipient in &statement.recipients {
            if let Some(country) = self.0.registry.bars(&statement.inside.exclude, recipient) {
                return Err(IngestFault::Barred {
                    recipient: self.0.registry.alias(recipient),
                    country,
                });
            }
        }
        Ok(())
    }

    /// Puts the keys of sealed records on the disk, before the records.
    fn keep_keys(&self, ready: &[Admitted]) -> (Kept, Result<(), IngestFault>) {
        let (mut ids, mut entries) = (Vec::new(), Vec::new());
        for one in ready {
            let Some(opened) = one.opened.as_deref() else {
                continue;
            };
            let (id, record) = (one.record.id(), one.record.record());
            ids.push(id);
            entries.push(vault::entry(id, record, opened));
            // Known before they are committed: a session may look at one before we come to it.
            self.0.vault.expect(id, record, &opened.inside, one.marked);
        }
        let put = || Ok(self.0.vault.keep(&entries)?);
        self.0.keepers.keep(ids, put)
    }

    /// [`Ingest::keep_keys`] off this thread.
    pub(super) async fn keep_keys_of(&self, ready: &[Admitted]) -> Result<Kept, IngestFault> {
        let sealed = ready.iter().filter(|one| one.opened.is_some());
        let sealed: Vec<Admitted> = sealed.cloned().collect();
        if sealed.is_empty() {
            return Ok(Kept::default());
        }
        let this = self.clone();
        let (kept, put) = blocking(move || this.keep_keys(&sealed)).await?;
        match put {
            Ok(()) => Ok(kept),
            Err(fault) => {
                self.drop_keys(kept).await;
                Err(fault)
            }
        }
    }

    /// Destroys keys that were kept for records that did not come in.
    pub(super) async fn drop_keys(&self, kept: Kept) {
        let this = self.clone();
        if blocking(move || this.drop_all(kept)).await.is_err() {
            tracing::error!("keys that open nothing were left behind");
        }
    }

    /// Whether a record is here, and was not erased.
    fn holds(&self, id: &RecordId) -> bool {
        let store = &self.0.store;
        let arrival = store.arrival_of(id).ok().flatten();
        let header = arrival.and_then(|at| store.header(at).ok().flatten());
        header.is_some_and(|header| !header.flags.contains(Flags::ERASED))
    }

    fn drop_all(&self, kept: Kept) {
        kept.fail(|id| {
            let held = self.0.store.arrival_of(&id).ok().flatten().is_some();
            if !held && let Err(error) = self.0.vault.shred(&id) {
                tracing::error!(record = %id.short(), %error, "a key that opens nothing was left behind");
            }
        });
    }

    /// What follows for the vault: what was committed is known there, and what a retraction
    /// erased has no key any more.
    ///
    /// Of what did not come in, another batch may have brought a copy that did: its key stays.
    pub(super) async fn settle_keys(&self, ready: &[Admitted], outcomes: &[OpOutcome], kept: Kept) {
        let mut gone = Vec::new();
        let mut refused = BTreeSet::new();
        for (one, outcome) in ready.iter().zip(outcomes) {
            let (id, record) = (one.record.id(), one.record.record());
            match (outcome, one.opened.as_deref()) {
                (OpOutcome::Stored { .. } | OpOutcome::AlreadyHeld(_), Some(_)) => {
                    self.0.vault.note(id);
                }
                (OpOutcome::Tombstoned(_) | OpOutcome::CalledBack, Some(_)) => {
                    refused.insert(id);
                }
                (OpOutcome::Stored { touched, .. }, None) => {
                    if let Content::Retract(retract) = &record.content
                        && (retract.erase && touched.is_some())
                    {
                        gone.push(retract.of);
                    }
                }
                _ => {}
            }
        }
        if gone.is_empty() && refused.is_empty() {
            return;
        }
        let this = self.clone();
        let shredded = blocking(move || {
            // The receipt is not signed before this was done; the next start tries again.
            let shred = |id: RecordId| {
                if let Err(error) = this.0.vault.shred(&id) {
                    tracing::error!(record = %id.short(), %error, "the key of an erased record is not destroyed yet");
                }
            };
            kept.fail(|id| {
                if refused.contains(&id) && !this.holds(&id) {
                    shred(id);
                }
            });
            gone.into_iter().for_each(shred);
        });
        if shredded.await.is_err() {
            tracing::error!("keys of erased records are not destroyed yet");
        }
    }
}

impl Gate<'_> {
    /// Opens a sealed record that names us and comes from its author's node.
    pub(super) fn open(
        &self,
        courier: &AgencyId,
        record: &VerifiedRecord,
        wrap: Option<&Wrap>,
    ) -> Result<Opened, IngestFault> {
        let statement = record.record();
        let (id, created) = (record.id(), statement.envelope.created);
        let Content::Sealed(stub) = &statement.content else {
            return Err(IngestFault::NotAddressed { created });
        };
        let own = self.registry.own();
        if record.author() != *courier || !stub.recipients.contains(&own) {
            return Err(IngestFault::NotAddressed { created });
        }
        let (secret, by) = self.secret(&id, wrap)?;
        match seal::open_record(statement, &secret) {
            Ok(inside) => Ok(Opened { inside, secret, by }),
            Err(fault) if fault.answer() == Answer::Later(Later::NoKey) => Err(fault.into()),
            Err(fault) => Err(IngestFault::Broken { fault, created }),
        }
    }

    fn secret(
        &self,
        id: &RecordId,
        wrap: Option<&Wrap>,
    ) -> Result<(Secret, Option<SealingId>), IngestFault> {
        let keyring = self.vault.keyring();
        // Kept before a stop, and its record not committed: no wrap is needed.
        match keyring.get(id) {
            Ok(Some(entry)) => return Ok((entry.secret.clone(), entry.opened_by)),
            Ok(None) | Err(KeyringError::Damaged { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let wrap = wrap.ok_or(SealFault::NoWrap)?;
        let secret = keyring.open_wrap(wrap, &self.registry.own(), id)?;
        Ok((secret, Some(wrap.key())))
    }

    /// Whether our own checks find fault with what stands inside. Whom else it is offered to,
    /// and of what citizenship the person is, a receiver does not know.
    pub(super) fn is_faulty(&self, author: &AgencyId, inside: &Inside) -> bool {
        let own = self.registry.own();
        if self.registry.bars(&inside.exclude, &own).is_some() {
            return true;
        }
        let Some(profile) = inside.profile() else {
            return false;
        };
        let Ok(country) = self.registry.country(author).parse::<Country2>() else {
            return true;
        };
        let emergency = profile.consent.emergency.as_ref();
        let circumstances = Circumstances {
            author: &self.registry.alias(author),
            author_country: &country,
            // Our day may end before theirs.
            today: Date::from_millis(self.now).add_days(1),
            citizenship: &[],
            candidates: &[],
            approved: emergency.is_some_and(|e| e.approved),
        };
        checks::check_profile(profile, &circumstances)
            .iter()
            .any(|finding| !matches!(finding.code, "REF-04" | "REF-06"))
    }

    /// The accept policy, asked with what stands inside. Nothing of its answer names a kind.
    pub(super) fn accepted_sealed(
        &self,
        courier: &AgencyId,
        record: &VerifiedRecord,
        inside: &Inside,
        marked: bool,
    ) -> Result<Arc<str>, IngestFault> {
        let author = record.author();
        let country = self.registry.country(&author);
        let attributes = policy::attributes_inside(inside, author, &country, marked);
        let class: Bytes = attributes.to_class_bytes().into();
        match self.accepted(courier, record, &attributes, &class) {
            Ok(_) => Ok(SEALED.into()),
            Err(IngestFault::Policy { created, .. }) => Err(IngestFault::Policy {
                says: "what stands inside its seal is none of what we take".into(),
                created,
            }),
            Err(fault) => Err(fault),
        }
    }
}

/// The distribution list of one of ours: whom it is sealed to.
fn recipients(one: &Admitted) -> Option<Vec<AgencyId>> {
    match &one.record.record().content {
        Content::Sealed(stub) => Some(stub.recipients.iter().copied().collect()),
        _ => None,
    }
}

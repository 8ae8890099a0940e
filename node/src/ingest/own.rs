//! What this agency says: signed, admitted and committed, all or none.

use std::sync::PoisonError;

use liaison_protocol::clock::{Hlc, Millis};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::key::SecretKey;
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::{Record, VerifiedRecord};
use rayon::prelude::*;

use super::admit::Admitted;
use super::keepers::Kept;
use super::{Ingest, IngestFault, blocking};
use crate::audit::note;
use crate::store::{Arrival, Op, OpOutcome};

/// What this agency is about to say.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The envelope.
    pub fields: Fields,
    /// The content.
    pub content: Content,
    /// Its distribution list; empty: nobody; none: policy alone decides.
    pub audience: Option<Vec<AgencyId>>,
}

impl From<(Fields, Content)> for Statement {
    /// Without a distribution list: policy decides.
    fn from((fields, content): (Fields, Content)) -> Self {
        Self {
            fields,
            content,
            audience: None,
        }
    }
}

impl Ingest {
    /// Signs statements of this agency and takes them in, all or none, together with `also`
    /// (an import's progress, say). The caller has run the checks that bind an author.
    ///
    /// # Errors
    /// [`IngestFault`] of the first statement at fault; nothing is stored then.
    pub async fn own(
        &self,
        statements: Vec<Statement>,
        also: Vec<Op>,
    ) -> Result<Vec<(RecordId, Arrival)>, IngestFault> {
        let this = self.clone();
        let made = self
            .to_the_end(async move { this.say(statements, also).await })
            .await??;
        note(|note| made.iter().for_each(|(id, _)| note.record(*id)));
        Ok(made)
    }

    async fn say(
        self,
        statements: Vec<Statement>,
        also: Vec<Op>,
    ) -> Result<Vec<(RecordId, Arrival)>, IngestFault> {
        self.may_sign()?;
        let this = self.clone();
        let audiences: Vec<_> = statements.iter().map(|s| s.audience.clone()).collect();
        let ready = blocking(move || this.sign(statements)).await??;
        let mut ids = Vec::with_capacity(ready.len());
        let mut ops = Vec::with_capacity(ready.len() + also.len() + 1);
        for (one, audience) in ready.iter().zip(audiences) {
            ids.push(one.record.id());
            ops.push(self.insert(one, None, audience));
        }
        ops.extend(ready.iter().filter_map(|one| self.keep(one)));
        ops.extend(also);
        ops.push(self.clock_op());
        let outcomes = self.0.store.write(ops).await?;
        let learned = self.after(&ready, &outcomes, false);
        self.settle_keys(&ready, &outcomes, Kept::default()).await;
        self.mark_lost(&ready, &outcomes).await;
        if learned {
            self.reopen(&ready).await;
            self.0.registry.announce();
        }
        Ok(ids
            .into_iter()
            .zip(outcomes.iter().filter_map(OpOutcome::arrival))
            .collect())
    }

    /// Refuses while it is not known what was signed since a backup.
    pub(crate) fn may_sign(&self) -> Result<(), IngestFault> {
        let Some(waiting) = self.0.catch_up.waiting() else {
            return Ok(());
        };
        let names = waiting.agencies.iter().map(|a| self.0.registry.alias(a));
        Err(IngestFault::CatchingUp {
            waiting: names.collect::<Vec<_>>().join(", "),
        })
    }

    /// Times for so many records, each later than the one before.
    pub(super) fn ticks(&self, count: usize) -> Vec<Hlc> {
        let now = self.0.clock.now();
        let mut hlc = self.0.hlc.lock().unwrap_or_else(PoisonError::into_inner);
        (0..count).map(|_| hlc.tick(now)).collect()
    }

    /// Takes in records of this agency that were signed elsewhere (its card, by the root key;
    /// its keys statement), all or none.
    ///
    /// # Errors
    /// [`IngestFault`].
    pub async fn own_signed(&self, records: Vec<VerifiedRecord>) -> Result<(), IngestFault> {
        let this = self.clone();
        self.to_the_end(async move { this.take_own(records).await })
            .await?
    }

    async fn take_own(self, records: Vec<VerifiedRecord>) -> Result<(), IngestFault> {
        let ready = self.admit_own(records)?;
        let mut ops: Vec<Op> = ready
            .iter()
            .map(|one| self.insert(one, None, None))
            .collect();
        ops.extend(ready.iter().filter_map(|one| self.keep(one)));
        let outcomes = self.0.store.write(ops).await?;
        if self.after(&ready, &outcomes, false) {
            self.0.registry.announce();
        }
        Ok(())
    }

    fn admit_own(&self, records: Vec<VerifiedRecord>) -> Result<Vec<Admitted>, IngestFault> {
        let gate = self.gate();
        records.into_iter().map(|record| gate.own(record)).collect()
    }

    /// Changes the signing key while nothing is signed. `change` is told a time after
    /// everything that was signed, and gives the new key, if there is one.
    ///
    /// # Errors
    /// What `change` returns; the key stays then.
    pub fn change_signing_key<T, E>(
        &self,
        change: impl FnOnce(Millis) -> Result<(Option<SecretKey>, T), E>,
    ) -> Result<T, E> {
        let mut signing = self.0.signing.change();
        let last = self
            .0
            .hlc
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .last();
        let after = Millis(last.wall().0.saturating_add(1)).max(self.0.clock.now());
        let (key, done) = change(after)?;
        if let Some(key) = key {
            *signing = key;
        }
        Ok(done)
    }

    fn sign(&self, statements: Vec<Statement>) -> Result<Vec<Admitted>, IngestFault> {
        let now = self.0.clock.now();
        let own = self.0.registry.own();
        // Held until all is signed: a key that leaves signs nothing later than it left.
        let signing = self.0.signing.key();
        let signing: &SecretKey = &signing;
        let timed: Vec<(Hlc, Fields, Content)> = {
            let mut hlc = self.0.hlc.lock().unwrap_or_else(PoisonError::into_inner);
            statements
                .into_iter()
                .map(|s| (hlc.tick(now), s.fields, s.content))
                .collect()
        };
        let keys = self
            .0
            .registry
            .keys(&own)
            .ok_or(IngestFault::UnknownAuthor { author: own })?;
        let gate = self.gate();
        timed
            .into_par_iter()
            .map(|(created, fields, content)| {
                let signed = Record::new(own, created, fields, content).sign(signing)?;
                gate.own(signed.verify(&keys)?)
            })
            .collect()
    }
}

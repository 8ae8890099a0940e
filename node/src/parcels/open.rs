//! What comes in a parcel: opened, held against its sender's card and the numbers that came
//! before, and taken in as if its sender had brought it. What became of it is kept for the way
//! back.

use bytes::Bytes;
use liaison_protocol::clock::Millis;
use liaison_protocol::fault::{Answer, Blame, Later, Refused};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::limits as wire_limits;
use liaison_protocol::parcel::{Cargo, Letter, Parcel, ParcelFault, SignedLetter};
use liaison_protocol::record::codes::{Kind, Plane};
use liaison_protocol::record::signed::SignedRecord;
use liaison_protocol::seal::{SealingId, frame};
use liaison_protocol::wire::Item;

use super::Parcels;
use super::outbox::{Key, Way};
use super::seen;
use super::told::OfParcel;
use super::void::Voids;
use crate::audit::{Act, AuditError, Entry, Who};
use crate::ingest::Known;
use crate::kind;
use crate::share::Route;
use crate::store::{Arrival, Direction, Op, StoreError, Tombstone};
use crate::time::Doubt;

/// What became of a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Who wrote it.
    pub from: AgencyId,
    /// Its number.
    pub number: u64,
    /// Records that are held now.
    pub stored: usize,
    /// Records that were refused for good.
    pub refused: usize,
    /// Records that can't be taken yet.
    pub later: usize,
    /// Records of ours of which it tells what became of them.
    pub answers: usize,
}

/// Why a parcel was not taken.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The parcel.
    #[error(transparent)]
    Parcel(#[from] ParcelFault),
    /// Whether it is past its end can't be said.
    #[error("whether the parcel is past its end can't be said: {0}")]
    Clock(Doubt),
    /// Something in it could not be kept.
    #[error(
        "the parcel was not taken: the disk is full or failing. Make room; 'liaison doctor' says how much is missing"
    )]
    Disk,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It can't be written down.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The node stops.
    #[error("the node is stopping")]
    Stopping,
}

impl OpenError {
    /// At whose door it lies: the courier is the hub, or who carried the file.
    pub const fn blame(&self) -> Blame {
        match self {
            OpenError::Parcel(fault) => fault.blame(),
            _ => Blame::Local,
        }
    }

    /// Whether the same parcel may be taken later: it is to be left where it is.
    pub const fn is_passing(&self) -> bool {
        match self {
            OpenError::Parcel(fault) => fault.is_passing(),
            _ => true,
        }
    }

    /// Who wrote it, as far as that is proven.
    pub fn sender(&self) -> Option<AgencyId> {
        match self {
            OpenError::Parcel(
                ParcelFault::Letter { from, .. }
                | ParcelFault::NotForUs { from, .. }
                | ParcelFault::SeenBefore { from, .. }
                | ParcelFault::Ahead { from, .. }
                | ParcelFault::Expired { from, .. },
            ) => Some(*from),
            _ => None,
        }
    }
}

impl Parcels {
    /// Opens a parcel, and takes in what is in it. When this returns, all of it is on the disk,
    /// and what is to be told of it. `depositor` gave it to the hub, by the hub's word.
    ///
    /// # Errors
    /// [`OpenError`]; where it is not passing, the parcel is never taken.
    pub async fn open(
        &self,
        parcel: Parcel,
        way: Way,
        depositor: Option<AgencyId>,
    ) -> Result<Opened, OpenError> {
        // The numbers that came before are read, and written when everything else is.
        let _one_at_a_time = self.0.opening.lock().await;
        let id = parcel.id();
        let letter = match self.read(parcel, way, depositor).await {
            Ok(letter) => letter,
            Err(error) => {
                self.refuse(way, &error).await;
                if let OpenError::Parcel(ParcelFault::Retired { key }) = &error
                    && let Some(from) = depositor
                {
                    self.note_retired(from, *key, id).await?;
                }
                return Err(error);
            }
        };
        let Letter {
            from,
            number,
            made,
            contents,
            ..
        } = letter;
        let mut opened = Opened {
            from,
            number,
            stored: 0,
            refused: 0,
            later: 0,
            answers: 0,
        };
        let (mut records, mut void) = (Vec::new(), Vec::new());
        let (mut answers, mut arrived) = (Vec::new(), Vec::new());
        let mut retired = Vec::new();
        for cargo in contents {
            match cargo {
                Cargo::Record { item, frame } => records.push((item, Bytes::from(frame))),
                Cargo::Answers(all) => answers.extend(all),
                Cargo::Arrived(all) => arrived.extend(all),
                Cargo::Void(all) => void.extend(all),
                Cargo::Retired { key, parcels } => retired.push((key, parcels)),
            }
        }
        let of = OfParcel {
            number,
            answers: self.take_records(from, way.route(), made, records).await?,
        };
        for (_, answer) in &of.answers {
            match answer {
                Answer::Stored => opened.stored += 1,
                Answer::Refused(_) => opened.refused += 1,
                Answer::Later(_) => opened.later += 1,
            }
        }
        opened.answers = self.take_answers(from, way.route(), answers).await?;
        self.take_arrived(from, &arrived).await?;
        // Behind its cards, which name its newest key.
        for (key, parcels) in retired {
            self.take_retired(from, key, &parcels).await?;
        }
        let mut window = seen::window(&self.0.store, &from)?;
        for number in void.into_iter().chain([number]) {
            window.note(number);
        }
        let mut ops = vec![seen::keep(&from, &window)];
        // Of what holds no records nothing is to be told: two agencies would thank each other
        // without end.
        let owed = !of.answers.is_empty();
        if owed {
            ops.extend(self.0.told.keep(&from, &of)?);
        }
        self.0.store.write(ops).await?;
        if owed {
            self.0.told.note(&from, number);
        }
        self.note_opened(way, &opened).await;
        self.wake();
        Ok(opened)
    }

    /// Opens it, and checks all that can be checked before anything is taken in.
    async fn read(
        &self,
        parcel: Parcel,
        way: Way,
        depositor: Option<AgencyId>,
    ) -> Result<Letter, OpenError> {
        let own = self.0.share.registry.own();
        let this = self.clone();
        let signed = tokio::task::spawn_blocking(move || {
            let key = parcel.key();
            match this.0.keyring.open_parcel(&parcel, &own) {
                Err(ParcelFault::OtherKey { .. }) if this.was_ours(&key)? => {
                    Err(ParcelFault::Retired { key }.into())
                }
                done => Ok::<_, OpenError>(done?),
            }
        });
        let signed = signed.await.map_err(|_| OpenError::Stopping)??;
        let from = signed.from();
        if !self.0.share.registry.is_peer(&from) {
            return Err(ParcelFault::Stranger { from }.into());
        }
        let letter = match self.verify(signed.clone()) {
            // The card that names the key may be in the parcel itself. It is the root key's word,
            // whoever brings it.
            Err(ParcelFault::UnknownKey { .. }) => {
                self.take_cards(from, way.route(), signed.unverified())
                    .await;
                self.verify(signed)?
            }
            done => done?,
        };
        let window = seen::window(&self.0.store, &from)?;
        let now = self.0.share.now();
        match letter.take(&own, depositor.as_ref(), &window, now) {
            Err(ParcelFault::Expired { .. }) if self.0.time.trusted().is_err() => {
                let doubt = self.0.time.trusted().err();
                Err(doubt.map_or(OpenError::Stopping, OpenError::Clock))
            }
            done => Ok(done.map(|()| letter)?),
        }
    }

    fn verify(&self, signed: SignedLetter) -> Result<Letter, ParcelFault> {
        let from = signed.from();
        let Some(keys) = self.0.share.registry.keys(&from) else {
            return Err(ParcelFault::Stranger { from });
        };
        signed.verify(&keys)
    }

    /// Takes the sender's own cards out of a letter that is not verified yet.
    async fn take_cards(&self, from: AgencyId, route: Route, letter: &Letter) {
        let cards = letter.contents.iter().filter_map(|cargo| match cargo {
            Cargo::Record { item, frame } => {
                let bytes = Bytes::from(frame.clone());
                let signed = SignedRecord::parse(bytes.clone()).ok()?;
                let author = signed.unverified().envelope.author;
                let theirs = signed.kind() == Kind::Contact && author == from;
                theirs.then_some((*item, bytes))
            }
            _ => None,
        });
        let cards: Vec<_> = cards.take(wire_limits::CARD_KEYS).collect();
        if !cards.is_empty() {
            let _answers = self.0.ingest.received(from, route, cards).await;
        }
    }

    /// Whether a sealing key was ours once: then its private half is destroyed.
    fn was_ours(&self, key: &SealingId) -> Result<bool, StoreError> {
        let own = self.0.share.registry.own();
        let mut after = Arrival::ZERO;
        loop {
            let rows = self.0.store.owed(after, crate::limits::SCAN_ROWS)?;
            let Some((last, _)) = rows.last() else {
                return Ok(false);
            };
            after = *last;
            let statements = rows
                .into_iter()
                .filter(|(_, of)| *of == kind::number(Kind::Keys));
            for (arrival, _) in statements {
                let header = self.0.store.header(arrival)?;
                if header.is_none_or(|h| h.author != own) {
                    continue;
                }
                let signed = self.0.store.record(arrival)?;
                let signed = signed.and_then(|bytes| SignedRecord::parse(bytes).ok());
                if let Some(signed) = signed
                    && let liaison_protocol::record::kinds::Content::Keys(keys) =
                        &signed.unverified().content
                    && keys.sealing.iter().any(|k| k.id() == *key)
                {
                    return Ok(true);
                }
            }
        }
    }

    /// Takes the records in, what is owed first: what it opens stands behind it. What became of
    /// each.
    async fn take_records(
        &self,
        from: AgencyId,
        route: Route,
        made: Millis,
        records: Vec<(Item, Bytes)>,
    ) -> Result<Vec<(RecordId, Answer)>, OpenError> {
        let ids: Vec<RecordId> = records.iter().map(|(item, _)| item.id).collect();
        let (ahead, behind): (Vec<_>, Vec<_>) =
            records.into_iter().partition(|(_, bytes)| is_owed(bytes));
        let mut answers = std::collections::HashMap::new();
        for some in [ahead, behind] {
            for batch in some.chunks(wire_limits::BATCH_RECORDS) {
                let answered = self.take_batch(from, route, made, batch.to_vec()).await?;
                answers.extend(answered);
            }
        }
        let in_order = ids.into_iter();
        Ok(in_order
            .filter_map(|id| Some((id, *answers.get(&id)?)))
            .collect())
    }

    async fn take_batch(
        &self,
        from: AgencyId,
        route: Route,
        made: Millis,
        batch: Vec<(Item, Bytes)>,
    ) -> Result<Vec<(RecordId, Answer)>, OpenError> {
        let mut answers = Vec::with_capacity(batch.len());
        let mut offered = Vec::with_capacity(batch.len());
        for (item, bytes) in batch {
            match self.is_recalled_since(&item.id, made)? {
                true => answers.push((item.id, Answer::Refused(Refused::Retracted))),
                false => offered.push((item, bytes)),
            }
        }
        let items = offered.iter().map(|(item, _)| *item).collect();
        let share = self.0.share.clone();
        let known = self.0.ingest.known(from, route, items, share).await;
        let mut wanted = Vec::new();
        for ((item, bytes), known) in offered.into_iter().zip(known) {
            match known {
                Known::Want => wanted.push((item, bytes)),
                Known::Answer(answer) => answers.push((item.id, answer)),
            }
        }
        let ids: Vec<RecordId> = wanted.iter().map(|(item, _)| item.id).collect();
        let received = self.0.ingest.received_in_letter(from, route, made, wanted);
        let received = received.await;
        answers.extend(ids.into_iter().zip(received));
        let disk = Answer::Later(Later::Disk);
        if answers.iter().any(|(_, answer)| *answer == disk) {
            return Err(OpenError::Disk);
        }
        Ok(answers)
    }

    /// Whether a record was recalled after the parcel was made: an offer that is older than the
    /// recall does not lift it.
    fn is_recalled_since(&self, id: &RecordId, made: Millis) -> Result<bool, StoreError> {
        let store = &self.0.store;
        let Some(tombstone) = store.tombstone(id)? else {
            return Ok(false);
        };
        if tombstone.reason != Tombstone::RECALLED {
            return Ok(false);
        }
        let recall = match store.arrival_of(&tombstone.by)? {
            Some(arrival) => store.header(arrival)?,
            None => None,
        };
        Ok(recall.is_none_or(|recall| recall.created.wall() >= made))
    }

    /// What became of records that we sent. Of how many it is told that nothing was known.
    async fn take_answers(
        &self,
        from: AgencyId,
        route: Route,
        answers: Vec<(RecordId, Answer)>,
    ) -> Result<usize, OpenError> {
        let mut settled = Vec::new();
        let mut told = Vec::new();
        for (id, answer) in answers {
            let Some(arrival) = self.0.store.arrival_of(&id)? else {
                continue;
            };
            // Only of what was released to it. And what it answered on a stream is as good, and
            // may be newer.
            let line = self.0.store.ledger_entry(&from, arrival)?;
            let open = line.is_some_and(|l| {
                l.direction == Direction::Sent && matches!(l.answer, None | Some(Answer::Later(_)))
            });
            if open {
                settled.push((arrival, answer));
                told.push((id, answer));
            }
        }
        for some in settled.chunks(crate::limits::STORE_BATCH_OPS) {
            let share = &self.0.share;
            share.settle(from, route, some.to_vec(), None).await?;
        }
        let peer = self.0.peers.of(&from);
        for (id, answer) in &told {
            peer.answered(*id, *answer);
        }
        if !told.is_empty() {
            self.set_tries(&from, 0);
        }
        Ok(told.len())
    }

    /// Parcels of ours that arrived: they need not be kept.
    async fn take_arrived(&self, from: AgencyId, numbers: &[u64]) -> Result<(), OpenError> {
        if numbers.is_empty() {
            return Ok(());
        }
        // Whoever adds to them reads and writes them in the same turn.
        let _one_at_a_time = self.0.packing.of(&from).await;
        let mut voids = Voids::load(&self.0.store, &from, self.ended_by())?;
        numbers.iter().for_each(|number| voids.told_by(*number));
        let keys: Vec<Key> = numbers.iter().map(|number| (from, *number)).collect();
        self.astray(&keys).await?;
        let rows = keys.iter().filter_map(|key| self.0.outbox.row(key));
        let hubs: Vec<AgencyId> = rows.filter_map(|row| row.way.hub()).collect();
        let beside: Vec<Op> = vec![voids.keep(&self.0.store, &from)?];
        self.0.outbox.remove(&keys, beside).await?;
        hubs.iter().for_each(|hub| self.freed(hub, &from));
        self.set_tries(&from, 0);
        // What it could not take comes again.
        self.look_again(&from);
        Ok(())
    }

    async fn note_opened(&self, way: Way, opened: &Opened) {
        let peer = self.alias(&opened.from);
        let Opened {
            number,
            stored,
            refused,
            later,
            answers,
            ..
        } = *opened;
        tracing::info!(%peer, number, stored, refused, later, answers, "a parcel was opened");
        let entry = Entry {
            peers: std::iter::once(opened.from).chain(way.hub()).collect(),
            count: Some((stored + refused + later) as u64),
            ..Entry::new(Who::Node, Act::Collect, "parcel")
        };
        self.write_down(entry).await;
    }

    /// Says at whose door it lies that a parcel is not taken.
    async fn refuse(&self, way: Way, error: &OpenError) {
        let blame = error.blame();
        let at = match blame {
            Blame::Courier => way.hub(),
            Blame::Author => error.sender(),
            Blame::Local => None,
        };
        let peer = at.map(|agency| self.alias(&agency)).unwrap_or_default();
        // One that came before comes again where a connection broke before the hub heard of it.
        if matches!(error, OpenError::Parcel(ParcelFault::SeenBefore { .. })) {
            tracing::debug!(%peer, %error, "a parcel came a second time");
            return;
        }
        tracing::warn!(%peer, %blame, "a parcel was not taken: {error}");
        if let Some(agency) = at {
            self.note_fault(agency, error.to_string());
        }
        if error.is_passing() {
            return;
        }
        let entry = Entry {
            peers: error.sender().into_iter().chain(way.hub()).collect(),
            outcome: Some(format!("refused, fault: {blame}")),
            ..Entry::new(Who::Node, Act::Collect, "parcel")
        };
        self.write_down(entry).await;
    }

    async fn write_down(&self, entry: Entry) {
        if let Err(error) = self.0.share.audit.write(vec![entry]).await {
            tracing::error!(%error, "what became of a parcel is not in the audit log");
        }
    }
}

/// Whether a record is owed rather than shared, by its kind: it stands before the others.
fn is_owed(bytes: &Bytes) -> bool {
    let Ok((signed, _)) = frame::read(bytes) else {
        return false;
    };
    signed.kind().plane() == Plane::Control || signed.kind() == Kind::Contact
}

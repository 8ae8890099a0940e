//! Parcels, the agency's side: records for a peer that is not connected, packed into one
//! ciphertext that a hub keeps for it or people carry in a file, and the same from others.
//!
//! What goes into a parcel passes the same gates as on a live stream and stands in the same
//! ledger; a parcel only says how it travels. It moves no cursor: when the peer is back, the live
//! stream offers what it has no answer to, and the peer says that it holds it.

mod back;
mod bundle;
mod deposits;
mod look;
mod merge;
mod open;
mod outbox;
mod pack;
mod post;
mod refusals;
mod retired;
mod seen;
mod standing;
mod talk;
mod told;
mod void;
mod whom;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, ParcelId};
use liaison_protocol::limits as wire_limits;
use liaison_protocol::wire::mailbox::Refusal;
use serde::Serialize;
use tokio::sync::watch;

pub use self::deposits::refused;
pub use self::open::{OpenError, Opened};
pub use self::outbox::{Key, Load, Outbox, Row, State, Way};
use self::pack::Looked;
pub use self::pack::{Counts, PackError, Packed};
use self::refusals::Refusals;
pub use self::refusals::Refused;
use self::told::Told;
use crate::catchup::CatchUp;
use crate::ingest::Ingest;
use crate::keyring::Keyring;
use crate::limits;
use crate::share::Share;
use crate::signing::Signing;
use crate::store::{Arrival, Store, StoreError};
use crate::sync::PeerSyncs;
use crate::time::Timekeeper;

/// Parcels of this agency, and those that come to it. Clones share them.
#[derive(Clone)]
pub struct Parcels(Arc<Shared>);

struct Shared {
    store: Store,
    share: Share,
    ingest: Ingest,
    keyring: Keyring,
    signing: Signing,
    time: Timekeeper,
    catch_up: CatchUp,
    peers: PeerSyncs,
    outbox: Outbox,
    told: Told,
    /// Days until a parcel at a hub ends.
    days: u64,
    /// One parcel at a time is made for one agency.
    packing: OneEach,
    /// One parcel at a time is opened.
    opening: tokio::sync::Mutex<()>,
    inner: Mutex<Inner>,
    /// Tells that something is to be told, or that what is under way is to be looked at.
    woken: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    /// Up to where the store was looked at for an agency, by a way.
    looked: BTreeMap<(AgencyId, Way), Looked>,
    /// How often something was to be looked at again.
    looks: u64,
    /// How often in a row parcels to an agency were not heard of any more.
    tries: BTreeMap<AgencyId, u8>,
    faults: BTreeMap<AgencyId, Fault>,
    refusals: Refusals,
    /// What a hub said to have deleted after we collected it: the newest
    /// [`limits::COLLECTED_PARCELS`].
    collected: VecDeque<ParcelId>,
}

/// What went wrong with an agency's parcels, or with a hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When last.
    pub at: Millis,
    /// What, as a sentence.
    pub says: String,
    /// Whether it is no hindrance that a connection ends, but something that was done.
    pub lasts: bool,
}

impl Parcels {
    /// Takes up what is under way.
    ///
    /// # Errors
    /// The store can't be read or written.
    #[expect(
        clippy::too_many_arguments,
        reason = "every part of the node that parcels use, once"
    )]
    pub async fn load(
        share: Share,
        ingest: Ingest,
        keyring: Keyring,
        signing: Signing,
        time: Timekeeper,
        catch_up: CatchUp,
        peers: PeerSyncs,
        days: u64,
    ) -> Result<Self, StoreError> {
        let store = share.store.clone();
        Ok(Self(Arc::new(Shared {
            outbox: Outbox::load(store.clone()).await?,
            told: Told::load(store.clone(), share.registry.peers().into_keys())?,
            store,
            share,
            ingest,
            keyring,
            signing,
            time,
            catch_up,
            peers,
            days,
            packing: OneEach::default(),
            opening: tokio::sync::Mutex::new(()),
            inner: Mutex::default(),
            woken: watch::Sender::new(0),
        })))
    }

    /// Our parcels that are under way.
    pub fn outbox(&self) -> &Outbox {
        &self.0.outbox
    }

    /// Tells when there is something new to say, or what is under way is to be looked at.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.woken.subscribe()
    }

    /// What went wrong with whom.
    pub fn faults(&self) -> BTreeMap<AgencyId, Fault> {
        self.lock().faults.clone()
    }

    /// Somebody did what may not be done with a parcel: it is said until the next start.
    fn note_fault(&self, agency: AgencyId, says: String) {
        self.put_fault(agency, says, true);
    }

    /// Something keeps parcels from an agency.
    fn note_hindrance(&self, agency: AgencyId, says: String) {
        self.put_fault(agency, says, false);
    }

    fn put_fault(&self, agency: AgencyId, says: String, lasts: bool) {
        let at = self.0.share.now();
        let mut inner = self.lock();
        let room = inner.faults.len() < limits::LEDGER_PEERS;
        let before = inner.faults.get(&agency);
        if before.is_some_and(|before| before.lasts && !lasts) || (before.is_none() && !room) {
            return;
        }
        inner.faults.insert(agency, Fault { at, says, lasts });
    }

    /// Nothing keeps them any more.
    fn mended(&self, agency: &AgencyId) {
        let mut inner = self.lock();
        if inner.faults.get(agency).is_some_and(|fault| !fault.lasts) {
            inner.faults.remove(agency);
        }
    }

    /// A hub does not keep something for an agency, which holds something `owed` or nothing.
    fn refused(&self, hub: AgencyId, to: AgencyId, why: Refusal, owed: bool) {
        let (now, registry) = (self.0.share.now(), &self.0.share.registry);
        let mut inner = self.lock();
        inner.refusals.keep_only(|agency| registry.is_peer(agency));
        inner.refusals.note((hub, to), why, owed, now);
    }

    /// It does.
    fn not_refused(&self, hub: &AgencyId, to: &AgencyId, owed: bool) {
        let now = self.0.share.now();
        self.lock().refusals.clear((hub, to), owed, now);
    }

    /// What a hub said of parcels for an agency, if it refused last.
    pub fn refusal(&self, hub: &AgencyId, to: &AgencyId) -> Option<Refused> {
        self.lock().refusals.of(hub, to)
    }

    /// What hubs refused last: hub, addressee, and why.
    pub fn refusals(&self) -> Vec<(AgencyId, AgencyId, Refused)> {
        self.lock().refusals.all()
    }

    /// A hub may keep by now what it refused.
    fn ask_hub_again(&self, hub: &AgencyId) {
        self.ask_again(hub, |_, _| true);
    }

    /// A parcel of ours for an agency is at a hub no more: there is room for others.
    fn freed(&self, hub: &AgencyId, to: &AgencyId) {
        self.ask_again(hub, |of, why| match why {
            Refusal::DepositorFull | Refusal::Disk => true,
            Refusal::AddresseeFull => of == to,
            Refusal::NotCarried | Refusal::Expiry | Refusal::Busy => false,
        });
    }

    fn ask_again(&self, hub: &AgencyId, which: impl Fn(&AgencyId, Refusal) -> bool) {
        let now = self.0.share.now();
        if self.lock().refusals.ask_again(hub, now, which) {
            self.wake();
        }
    }

    /// A hub said that it has deleted what we collected.
    fn note_collected(&self, id: ParcelId) {
        let mut inner = self.lock();
        if inner.collected.len() >= limits::COLLECTED_PARCELS {
            inner.collected.pop_front();
        }
        inner.collected.push_back(id);
    }

    /// Whether one said so.
    fn was_collected(&self, id: &ParcelId) -> bool {
        self.lock().collected.contains(id)
    }

    /// When a parcel that is made now ends.
    fn expires(&self, way: Way, now: Millis) -> Millis {
        let days = match way {
            Way::Hub(_) => self.0.days.min(wire_limits::PARCEL_DAYS),
            Way::Bundle => wire_limits::PARCEL_DAYS,
        };
        Millis(now.0.saturating_add(days.saturating_mul(limits::DAY_MS)))
    }

    /// By when what ends has ended: while the clock is not believed, nothing has.
    fn ended_by(&self) -> Millis {
        self.0.time.trusted().unwrap_or(Millis(0))
    }

    /// Up to where the store was looked at for an agency: by an earlier parcel under this policy,
    /// or by its live stream.
    fn looked(&self, to: &AgencyId, way: Way) -> Result<Looked, StoreError> {
        let epoch = self.0.share.policies.current().epoch();
        let (before, look) = {
            let inner = self.lock();
            (inner.looked.get(&(*to, way)).copied(), inner.looks)
        };
        if let Some(looked) = before.filter(|looked| looked.epoch == epoch) {
            return Ok(Looked { look, ..looked });
        }
        let cursor = self.0.store.cursor(to)?.filter(|c| c.epoch == epoch);
        Ok(Looked {
            epoch,
            up_to: cursor.map_or(Arrival::ZERO, |c| c.arrival),
            look,
        })
    }

    /// Unless something was to be looked at again since that look began: it may be what the look
    /// passed over, as under way.
    fn set_looked(&self, to: AgencyId, way: Way, looked: Looked) {
        let mut inner = self.lock();
        if inner.looks == looked.look {
            inner.looked.insert((to, way), looked);
        }
    }

    /// What was looked at for an agency is to be looked at again, once it is not under way any
    /// more.
    fn look_again(&self, to: &AgencyId) {
        let mut inner = self.lock();
        inner.looks = inner.looks.wrapping_add(1);
        inner.looked.retain(|(agency, _), _| agency != to);
        drop(inner);
        self.wake();
    }

    /// What was looked at for anybody is to be looked at again.
    fn look_at_all_again(&self) {
        let mut inner = self.lock();
        inner.looks = inner.looks.wrapping_add(1);
        inner.looked.clear();
        drop(inner);
        self.wake();
    }

    fn tries(&self, to: &AgencyId) -> u8 {
        self.lock().tries.get(to).copied().unwrap_or_default()
    }

    fn set_tries(&self, to: &AgencyId, tries: u8) {
        let mut inner = self.lock();
        match tries {
            0 => inner.tries.remove(to),
            tries => inner.tries.insert(*to, tries),
        };
    }

    fn alias(&self, agency: &AgencyId) -> String {
        self.0.share.registry.alias(agency)
    }

    fn wake(&self) {
        self.0.woken.send_modify(|n| *n = n.wrapping_add(1));
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One at a time of each agency.
#[derive(Default)]
struct OneEach(Mutex<BTreeMap<AgencyId, Arc<tokio::sync::Mutex<()>>>>);

impl OneEach {
    /// Waits for an agency's turn: it lasts until this is dropped.
    async fn of(&self, agency: &AgencyId) -> tokio::sync::OwnedMutexGuard<()> {
        let own = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|_, own| Arc::strong_count(own) > 1);
            all.entry(*agency).or_default().clone()
        };
        own.lock_owned().await
    }
}

/// A small structure as the store keeps it.
fn encode<T: Serialize>(store: &Store, value: &T) -> Result<Bytes, StoreError> {
    let bytes = postcard::to_stdvec(value).map_err(|e| StoreError::Corrupt {
        dir: store.dir().to_path_buf(),
        detail: e.to_string(),
    })?;
    Ok(bytes.into())
}

//! What cards teach, on a real store: kept, forgotten, read again.

use liaison_protocol::card::{CardFault, KeyState};
use liaison_protocol::clock::{Hlc, Millis};
use liaison_protocol::key::{PublicKey, SecretKey};
use liaison_protocol::limits::{AGENCY_KEYS, CARD_KEYS};
use liaison_protocol::record::codes::RevokedState;
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::kinds::contact::{RevokedKey, SigningKeyEntry};
use liaison_protocol::record::signed::{Record, SignedRecord, VerifiedRecord};
use tempfile::TempDir;

use super::*;
use crate::cardfile::CardFile;
use crate::clock::{Clock, SystemClock};
use crate::home::{Home, InitRequest};
use crate::limits::SCAN_PAGE;
use crate::store::{Op, Options, Store};

/// A node's store and registry, and a neighbour whose root key the test has.
struct Place {
    _dir: TempDir,
    own: CardFile,
    store: Store,
    registry: Registry,
    root: SecretKey,
    contact: Contact,
}

fn home(dir: &TempDir, name: &str) -> CardFile {
    let home = Home::at(dir.path().join(name));
    let request = InitRequest {
        name: name.into(),
        country: "QN".parse().expect("country"),
        sector: "border".parse().expect("sector"),
        route_roles: Vec::new(),
        regime: "led".parse().expect("regime"),
        addresses: Vec::new(),
    };
    home.init(request, SystemClock.now()).expect("init");
    home.card_file().expect("card")
}

fn open(dir: &TempDir) -> Store {
    let options = Options {
        min_free_bytes: 0,
        ..Options::default()
    };
    Store::open(&dir.path().join("store"), options).expect("store")
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("folder");
        let own = home(&dir, "own");
        let contact = home(&dir, "x").contact().expect("contact").clone();
        let store = open(&dir);
        let registry = Registry::load(&store, &own).expect("loaded");
        let root = SecretKey::from_bytes(&[7; 32]);
        let mut place = Self {
            _dir: dir,
            own,
            store,
            registry,
            root,
            contact,
        };
        place.gets(|_| {}).expect("its first card");
        place
    }

    fn agency(&self) -> AgencyId {
        AgencyId::from_bytes(*self.root.public().as_bytes())
    }

    fn card(&self, contact: &Contact) -> SignedRecord {
        let now = Hlc::new(SystemClock.now(), 0);
        let fields = self.own.card().record().envelope.fields.clone();
        let content = Content::Contact(contact.clone());
        let record = Record::new(self.agency(), now, fields, content);
        record.sign(&self.root).expect("signs")
    }

    /// The neighbour's next card comes, changed so, as ingest takes it.
    fn gets(&mut self, change: impl FnOnce(&mut Contact)) -> Result<VerifiedRecord, CardFault> {
        self.contact.revision += 1;
        change(&mut self.contact);
        let card = self.card(&self.contact);
        let card = match self.registry.check_card(card.clone())? {
            Some(card) => card,
            None => AgencyKeys::new(self.agency()).learn(card)?.1,
        };
        let ops = vec![card_op(&card).expect("a card")];
        self.store.write_blocking(ops).expect("written");
        self.registry.learn(&card);
        self.drops();
        Ok(card)
    }

    fn drops(&self) {
        let ops = self.registry.superseded().into_iter().map(Op::DropCard);
        let ops: Vec<Op> = ops.collect();
        self.store.write_blocking(ops).expect("written");
    }

    /// As after a start.
    fn starts(&mut self) {
        self.registry = Registry::load(&self.store, &self.own).expect("loaded");
        self.drops();
    }

    fn rows(&self) -> usize {
        let rows = self.store.cards(&self.agency(), None, usize::MAX);
        rows.expect("read").len()
    }

    fn state(&self, key: &PublicKey) -> KeyState {
        let keys = self.registry.keys(&self.agency());
        keys.map_or(KeyState::Unknown, |keys| keys.state(key))
    }

    fn revision(&self) -> u64 {
        let keys = self.registry.keys(&self.agency()).expect("known");
        keys.newest().expect("a card").0
    }
}

fn key(n: u8) -> PublicKey {
    SecretKey::from_bytes(&[n; 32]).public()
}

fn listed(key: PublicKey) -> SigningKeyEntry {
    SigningKeyEntry {
        key,
        from: Millis(1),
        until: Millis(u64::MAX),
    }
}

fn compromised(key: PublicKey) -> RevokedKey {
    RevokedKey {
        key,
        state: RevokedState::Compromised,
        at: Millis(9),
    }
}

/// However many cards one sends, the store keeps those that say something, and forgets nothing
/// that any of them said.
#[test]
fn cards_that_say_nothing_more_leave_the_store() {
    let mut place = Place::new();
    place
        .gets(|c| c.keys.signing.extend([key(1), key(2)].map(listed)))
        .expect("a card");
    place
        .gets(|c| {
            c.keys.signing.truncate(1);
            c.keys.revoked.push(compromised(key(1)));
        })
        .expect("a card");
    place.gets(|c| c.keys.revoked.clear()).expect("a card");
    for _ in 0..SCAN_PAGE {
        place.gets(|_| {}).expect("a card");
    }
    // Its own key, the two others, the revocation, the newest; which says its own key as well,
    // and is read first at a start.
    for rows in [4, 3] {
        assert_eq!(place.rows(), rows);
        assert_eq!(place.state(&key(1)), KeyState::Compromised(Millis(9)));
        assert_eq!(place.state(&key(2)), KeyState::Current);
        assert_eq!(place.revision(), place.contact.revision);
        place.starts();
    }
}

/// What stood in a store before it kept no more than that.
#[test]
fn a_store_with_more_cards_than_a_page_is_read_whole() {
    let mut place = Place::new();
    let first = place.contact.revision;
    let mut ops = Vec::new();
    for n in 0..=SCAN_PAGE as u64 {
        place.contact.revision = first + 1 + n;
        let revoked = (n == 5).then(|| compromised(key(1)));
        place.contact.keys.revoked = revoked.into_iter().collect();
        let card = place.card(&place.contact);
        let (_, card) = AgencyKeys::new(place.agency()).learn(card).expect("a card");
        ops.extend(card_op(&card));
    }
    place.store.write_blocking(ops).expect("written");
    assert_eq!(place.rows(), SCAN_PAGE + 2);
    for _ in 0..2 {
        place.starts();
        assert_eq!(place.state(&key(1)), KeyState::Compromised(Millis(9)));
        assert_eq!(place.revision(), place.contact.revision);
        assert_eq!(place.rows(), 2);
    }
}

/// Whoever has a root key can list keys without end: they take no room without end, and what was
/// known is revoked all the same.
#[test]
fn keys_without_end_take_room_with_an_end() {
    let mut place = Place::new();
    place
        .gets(|c| c.keys.signing.push(listed(key(1))))
        .expect("a card");
    let cards = AGENCY_KEYS / CARD_KEYS + 2;
    for n in 0..cards {
        let keys = (0..CARD_KEYS).map(|k| {
            let mut seed = [9; 32];
            seed[..8].copy_from_slice(&((n * CARD_KEYS + k) as u64).to_be_bytes());
            listed(SecretKey::from_bytes(&seed).public())
        });
        place
            .gets(|c| c.keys.signing = keys.collect())
            .expect("a card");
    }
    place
        .gets(|c| c.keys.revoked = vec![compromised(key(1)), compromised(key(2))])
        .expect("a card");
    for _ in 0..2 {
        let keys = place.registry.keys(&place.agency()).expect("known");
        assert_eq!(keys.signing_keys().count(), AGENCY_KEYS);
        assert_eq!(place.state(&key(1)), KeyState::Compromised(Millis(9)));
        assert!(!keys.stands(&key(2)));
        assert!(place.rows() <= cards + 2, "{}", place.rows());
        place.starts();
    }
}

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
use crate::home::{CardEdit, Home, HomeError, InitRequest, RootKeyText};
use crate::limits::{REVOKE_ALL_REVISION, SCAN_PAGE};
use crate::store::{Options, Store};

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
    Store::open(dir.path().join("store"), options).expect("store")
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
        self.takes(self.card(&self.contact))
    }

    fn takes(&self, card: SignedRecord) -> Result<VerifiedRecord, CardFault> {
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
        let ops = self.registry.card_ops();
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

impl Place {
    /// A card that its node did not make comes, as ingest takes it.
    fn gets_forged(&mut self, change: impl FnOnce(&mut Contact)) -> Result<(), CardFault> {
        let mut contact = self.contact.clone();
        change(&mut contact);
        let card = self.card(&contact);
        let taken = self.takes(card.clone());
        if let Err(CardFault::Fork { agency, .. }) = &taken {
            let mut ops = vec![self.registry.note_fork(*agency)];
            ops.extend(self.registry.learn_revoked(*agency, card.bytes()));
            self.store.write_blocking(ops).expect("written");
        }
        taken.map(|_| ())
    }
}

fn all_revoked(contact: &mut Contact) {
    contact.revision = REVOKE_ALL_REVISION;
    contact.keys.revoke_all = true;
}

/// A thief of the root key sends a card of the revision above revoke-all's, waits for that, and
/// sends another of its revision.
#[test]
fn e12_no_card_takes_the_place_of_revoke_all() {
    let mut place = Place::new();
    let own = place.contact.keys.signing[0].key;
    place
        .gets_forged(|c| c.revision = REVOKE_ALL_REVISION + 1)
        .expect("older or newer");
    place.gets_forged(all_revoked).expect("taken");
    place
        .gets_forged(|c| c.revision = REVOKE_ALL_REVISION)
        .expect("older");
    for _ in 0..2 {
        assert_eq!(place.state(&own), KeyState::AllRevoked);
        place.starts();
    }
}

/// The thief is first at its revision.
#[test]
fn e12_no_card_keeps_revoke_all_out() {
    let mut place = Place::new();
    let own = place.contact.keys.signing[0].key;
    place
        .gets_forged(|c| c.revision = REVOKE_ALL_REVISION)
        .expect("newest");
    assert_eq!(place.state(&own), KeyState::Current);
    place.gets_forged(all_revoked).expect("no fork");
    for _ in 0..2 {
        assert_eq!(place.state(&own), KeyState::AllRevoked);
        place.starts();
    }
}

/// Of a fork what it revokes counts, and no key that it lists; also after a start, and of further
/// ones while nobody has decided.
#[test]
fn e12_what_a_fork_revokes_is_revoked() {
    let mut place = Place::new();
    let own = place.contact.keys.signing[0].key;
    place
        .gets(|c| c.keys.signing.push(listed(key(1))))
        .expect("a card");
    let forged = place.gets_forged(|c| {
        c.keys.signing = vec![listed(key(3))];
        c.keys.revoked = vec![compromised(key(1))];
    });
    assert!(matches!(forged, Err(CardFault::Fork { .. })), "{forged:?}");
    let later = {
        let mut contact = place.contact.clone();
        contact.revision += 1;
        contact.keys.signing = vec![listed(key(4))];
        contact.keys.revoked = vec![compromised(key(2))];
        place.card(&contact)
    };
    let ops = place.registry.learn_revoked(place.agency(), later.bytes());
    place.store.write_blocking(ops).expect("written");
    let again = place.registry.learn_revoked(place.agency(), later.bytes());
    assert!(again.is_empty(), "{again:?}");
    for _ in 0..2 {
        for lost in [key(1), key(2)] {
            assert_eq!(place.state(&lost), KeyState::Compromised(Millis(9)));
        }
        for unknown in [key(3), key(4)] {
            assert_eq!(place.state(&unknown), KeyState::Unknown);
        }
        assert_eq!(place.state(&own), KeyState::Current);
        assert_eq!(place.revision(), place.contact.revision);
        assert!(place.registry.is_forked(&place.agency()));
        place.starts();
    }
}

/// A home that was set back behind a card of ours that peers have given back: the next one
/// follows that, and nothing is written that would contradict it.
#[test]
fn e38_a_card_that_is_signed_after_a_set_back_follows_the_newest() {
    let place = Place::new();
    let home = Home::at(place._dir.path().join("own"));
    let now = SystemClock.now();
    let rename = |name: &str| CardEdit {
        name: Some(name.into()),
        ..CardEdit::default()
    };
    let newer = home.edit_card(rename("newer"), now).expect("a card");
    home.keep_card(&place.own).expect("set back");
    let first = place.own.contact().expect("a contact").revision;

    // The registry has not heard of it: the fork shows before anything is written.
    let registry = Registry::load(&place.store, &newer).expect("loaded");
    let blind = home
        .edited_card(rename("blind"), None, now)
        .expect("signed");
    assert_eq!(blind.contact().expect("a contact").revision, first + 1);
    let tried = registry.try_own(&blind);
    let fork = matches!(tried, Err(RegistryError::Card(CardFault::Fork { .. })));
    assert!(fork, "{tried:?}");
    let kept = home.card_file().expect("a card");
    assert_eq!(kept.contact().expect("a contact").revision, first);

    // It was given back.
    place.registry.learn(newer.card());
    let known = place.registry.agency(&place.own.agency());
    let edit = CardEdit {
        sector: Some("police".parse().expect("sector")),
        ..CardEdit::default()
    };
    let next = home.edited_card(edit, known.as_ref(), now).expect("signed");
    place.registry.try_own(&next).expect("no fork");
    let contact = next.contact().expect("a contact");
    assert_eq!(
        (contact.revision, contact.org.as_str()),
        (first + 2, "newer")
    );
    let state = RevokedState::Rotated;
    let change = home.retire_key(None, None, state, now, now, known.as_ref());
    let change = change.expect("signed");
    place.registry.try_own(&change.card).expect("no fork");
    assert_eq!(
        change.card.contact().expect("a contact").revision,
        first + 2
    );
    home.keep_change(&change).expect("written");
    place.registry.renew_own(&change.card).expect("taken");
    assert_eq!(
        home.secrets().expect("keys").signing.public(),
        change.new.expect("a key").public()
    );
}

/// Recovered from a copy that is older than the last change of keys: the key that it does not
/// list comes back from a peer, stands, and can be made to leave.
#[test]
fn e39_a_key_that_the_copy_did_not_list_can_be_revoked() {
    let place = Place::new();
    let lost = Home::at(place._dir.path().join("own"));
    let root = place._dir.path().join("own/keys/root.key");
    let root = RootKeyText::new(std::fs::read_to_string(root).expect("a key"));
    let now = SystemClock.now();
    let change = lost.retire_key(None, None, RevokedState::Rotated, now, now, None);
    let change = change.expect("signed");
    let stolen = change.new.as_ref().expect("a key").public();

    let again = Home::at(place._dir.path().join("again"));
    let state = RevokedState::Compromised;
    let made = again.recover(&root, &place.own, None, state, now);
    let agency = made.expect("recovered").agency;
    let file = again.card_file().expect("a card");
    let registry = Registry::load(&place.store, &file).expect("loaded");
    registry.learn(change.card.card());
    let state_of = |key: &PublicKey| registry.keys(&agency).expect("ours").state(key);
    assert_eq!(state_of(&stolen), KeyState::Current);
    let known = registry.agency(&agency);
    let ended = again.retire_key(Some(&root), Some(stolen), state, now, now, known.as_ref());
    let ended = ended.expect("signed");
    registry.try_own(&ended.card).expect("no fork");
    again.keep_change(&ended).expect("written");
    registry.renew_own(&ended.card).expect("taken");
    for key in [change.old, stolen] {
        assert!(matches!(state_of(&key), KeyState::Compromised(_)), "{key}");
    }
    // One that is on no card of ours is no key of ours.
    let foreign = again.retire_key(Some(&root), Some(key(1)), state, now, now, known.as_ref());
    assert!(
        matches!(foreign, Err(HomeError::UnknownKey { .. })),
        "{foreign:?}"
    );
}

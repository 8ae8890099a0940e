//! Parcels: what opens and is taken, and each way in which one is not.

mod bad;
mod good;

use std::collections::BTreeSet;

use ciborium::Value;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeS, Serializable};
use liaison_protocol::card::AgencyKeys;
use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, ParcelId};
use liaison_protocol::parcel::{Letter, Parcel, ParcelFault, Window};
use liaison_protocol::seal::SealingSecret;
use serde::{Deserialize, Serialize};

use super::records::narovas_keys;
use super::{bytes_of, hex, mentioned, on_disk, seed_of};
use crate::by_hand;
use crate::cast::{self, Fixed};
use crate::raw::{self, bstr, diagnostic, head, sig_structure};

/// A vector of a parcel.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParcelVector {
    pub what: String,
    /// `ok` or `refused`.
    pub expect: String,
    /// Name of the fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// At whose door it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blame: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// The agency whose card, records/good/card, is at hand.
    pub sender: String,
    /// Who opens it.
    pub addressee: String,
    /// Its private sealing key: X-Wing's seed, hexadecimal.
    pub sealing_key: String,
    /// When it is opened, in milliseconds.
    pub now: u64,
    /// Who deposited it, by the hub's word; none for a bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depositor: Option<String>,
    /// Numbers of the sender that came before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The letter in diagnostic notation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letter: Option<String>,
    /// The parcel, hexadecimal.
    pub hex: String,
}

named! { name_of, FAULTS, ParcelFault {
    Size, OtherKey, Retired, Closed, Padding, Form, Stranger, UnknownKey, KeyNotValid,
    DoesNotVerify, Letter, NotForUs, OtherDepositor, SeenBefore, Ahead, Expired, Unsendable,
    TooLong, BadKey,
} }

/// Faults that a parcel alone does not show: of who makes one, and of who knows its peers and
/// which keys it destroyed.
const OTHERWISE: [&str; 5] = ["Retired", "Stranger", "Unsendable", "TooLong", "BadKey"];

type Case = (&'static str, ParcelVector);

pub fn cases() -> Vec<Case> {
    [good::cases(), bad::cases()].concat()
}

/// The parcels of the bundles' vectors.
pub fn two() -> Vec<Parcel> {
    let all = good::cases().into_iter();
    let small = all.filter(|(_, vector)| vector.hex.len() == 2 * 4096);
    let bytes = small.map(|(_, vector)| bytes_of(&vector.hex));
    let two: Vec<Parcel> = bytes
        .map(|bytes| Parcel::from_bytes(bytes).expect("a parcel"))
        .take(2)
        .collect();
    assert_eq!(two.len(), 2);
    two
}

fn now() -> Millis {
    Millis(cast::start(cast::TODAY).0 + 60_000)
}

/// The letter that most vectors change one thing of.
struct Plain {
    from: AgencyId,
    to: AgencyId,
    number: u64,
    made: u64,
    expires: u64,
    contents: Vec<Vec<u8>>,
}

impl Plain {
    fn new() -> Self {
        let made = cast::start(cast::TODAY).0;
        Self {
            from: cast::narova(),
            to: cast::shelter(),
            number: 5,
            made,
            expires: made + 14 * 86_400_000,
            contents: vec![numbers(2, &[1, 2])],
        }
    }

    fn with(change: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut plain = Self::new();
        change(&mut plain);
        plain.payload()
    }

    fn payload(&self) -> Vec<u8> {
        let n = |n| head(0, n);
        [
            head(4, 6),
            bstr(self.from.as_bytes()),
            bstr(self.to.as_bytes()),
            n(self.number),
            n(self.made),
            n(self.expires),
            list(&self.contents),
        ]
        .concat()
    }
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [head(4, items.len() as u64), items.concat()].concat()
}

/// `[tag, [numbers]]`
fn numbers(tag: u64, all: &[u64]) -> Vec<u8> {
    let all: Vec<Vec<u8>> = all.iter().map(|n| head(0, *n)).collect();
    list(&[head(0, tag), list(&all)])
}

/// `[0, id, created, frame]`
fn record(id: &[u8; 32], created: u64, frame: &[u8]) -> Vec<u8> {
    list(&[head(0, 0), bstr(id), head(0, created), bstr(frame)])
}

fn signed_by(name: &str, payload: &[u8]) -> Vec<u8> {
    signed(
        name,
        "application/vnd.liaison.letter+cbor",
        b"liaison/1 letter",
        payload,
    )
}

fn signed(name: &str, content_type: &str, aad: &[u8], payload: &[u8]) -> Vec<u8> {
    use ed25519_dalek::Signer;
    let key = raw::key(name);
    let protected = raw::protected_as(content_type, key.verifying_key().as_bytes());
    let signature = key.sign(&sig_structure(&protected, aad, payload));
    [
        head(6, 18),
        head(4, 4),
        bstr(&protected),
        head(5, 0),
        bstr(payload),
        bstr(&signature.to_bytes()),
    ]
    .concat()
}

/// A text padded to a class and sealed to the shelter's key, for whom `info` says.
fn sealed_for(name: &'static str, info: &AgencyId, padded: &[u8]) -> Vec<u8> {
    let secret = cast::sealing("shelter sealing");
    let key = secret.public(Millis(0), Millis(1));
    let public = <XWing as Kem>::PublicKey::from_bytes(key.key.as_bytes()).expect("a public key");
    let id = key.id();
    let info = [
        b"liaison/1 parcel".as_slice(),
        info.as_bytes(),
        id.as_bytes(),
    ]
    .concat();
    let (enc, text) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
        &OpModeS::Base,
        &public,
        &info,
        padded,
        &[],
        &mut Fixed::new(name),
    )
    .expect("seals");
    [id.as_bytes().as_slice(), &enc.to_bytes(), &text].concat()
}

/// Padded to what a parcel of this class has room for.
fn padded(text: &[u8], class: usize) -> Vec<u8> {
    super::padded(text, class - 1144)
}

/// Padded to the smallest class.
fn sealed(name: &'static str, signed: &[u8]) -> Vec<u8> {
    let mut classes = [4096, 16384, 65536, 262_144].into_iter();
    let class = classes.find(|c| signed.len() + 1145 <= *c).expect("fits");
    sealed_for(name, &cast::shelter(), &padded(signed, class))
}

fn vector(what: &str, bytes: &[u8]) -> ParcelVector {
    ParcelVector {
        what: what.to_owned(),
        expect: "refused".into(),
        fault: None,
        blame: None,
        mentions: Vec::new(),
        sender: cast::narova().full(),
        addressee: cast::shelter().full(),
        sealing_key: hex(cast::sealing("shelter sealing").as_bytes()),
        now: now().0,
        depositor: Some(cast::narova().full()),
        seen: vec![1, 2, 3],
        id: None,
        letter: None,
        hex: hex(bytes),
    }
}

/// What an addressee does with a parcel.
fn take(vector: &ParcelVector, keys: &AgencyKeys) -> Result<(ParcelId, Letter), ParcelFault> {
    let parcel = Parcel::from_bytes(bytes_of(&vector.hex))?;
    let own: AgencyId = vector.addressee.parse().expect("agency");
    let secret = SealingSecret::from_bytes(&seed_of(&vector.sealing_key)).expect("a key");
    let letter = parcel.open(&own, &secret)?.verify(keys)?;
    let depositor = vector
        .depositor
        .as_ref()
        .map(|d| d.parse().expect("agency"));
    let mut window = Window::default();
    vector.seen.iter().for_each(|n| window.note(*n));
    letter.take(&own, depositor.as_ref(), &window, Millis(vector.now))?;
    Ok((parcel.id(), letter))
}

#[test]
fn every_parcel_vector_is_taken_or_refused_as_its_file_says() {
    if super::blessing() {
        return;
    }
    let keys = narovas_keys();
    let mut faults = BTreeSet::new();
    for (name, vector) in &on_disk::<ParcelVector>("parcel") {
        match take(vector, &keys) {
            Ok((id, letter)) => {
                assert_eq!(vector.expect, "ok", "{name} was taken");
                assert_eq!(Some(id.full()), vector.id, "{name}");
                assert_eq!(letter.from.full(), vector.sender, "{name}");
            }
            Err(fault) => {
                let text = fault.to_string();
                let found = (Some(name_of(&fault)), Some(fault.blame().to_string()));
                let due = (vector.fault.as_deref(), vector.blame.clone());
                assert_eq!(found, due, "{name}: {text}");
                mentioned(name, &text, &vector.mentions);
                faults.insert(name_of(&fault));
            }
        }
    }
    for name in FAULTS {
        let otherwise = OTHERWISE.contains(name);
        assert!(otherwise || faults.contains(name), "no vector is {name}");
    }
}

/// The second implementation: nothing of it is the library's.
#[test]
fn parcels_open_from_the_words_of_the_specification_alone() {
    if super::blessing() {
        return;
    }
    let mut opened = 0;
    for (name, vector) in &on_disk::<ParcelVector>("parcel") {
        let addressee: AgencyId = vector.addressee.parse().expect("agency");
        let parcel = bytes_of(&vector.hex);
        let result =
            by_hand::open_parcel(&parcel, addressee.as_bytes(), &seed_of(&vector.sealing_key));
        match (vector.fault.as_deref(), result) {
            (None, Ok(payload)) => {
                let says: Value = ciborium::from_reader(payload.as_slice()).expect("CBOR");
                assert_eq!(Some(diagnostic(&says)), vector.letter, "{name}");
                opened += 1;
            }
            (Some("Size" | "OtherKey" | "Closed" | "Padding" | "DoesNotVerify"), Err(_)) => {}
            // What is wrong is in the letter, or about it.
            (Some(fault), _) if !["Size", "OtherKey", "Closed", "Padding"].contains(&fault) => {}
            (expected, found) => panic!("{name}: expected {expected:?}, found {found:?}"),
        }
    }
    assert!(opened >= 4, "{opened}");
}

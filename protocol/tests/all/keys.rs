//! What cards say about keys: SPEC.md, "Keys and cards", in whatever order they come.

use liaison_protocol::card::{AgencyKeys, KeyStanding};
use liaison_protocol::clock::{Hlc, Millis};
use liaison_protocol::key::PublicKey;
use liaison_protocol::record::codes::{Kind, RevokedState};
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::kinds::contact::{CardKeys, RevokedKey, SigningKeyEntry};
use liaison_protocol::record::signed::SignedRecord;
use proptest::prelude::*;

use crate::cast;

/// The keys that random cards speak of.
const NAMES: [&str; 3] = ["narova signing", "narova past", "narova rotated"];

fn key(at: usize) -> PublicKey {
    cast::secret(NAMES[at]).public()
}

fn card_keys() -> impl Strategy<Value = CardKeys> {
    let signing = proptest::collection::btree_map(0..NAMES.len(), (0u64..50, 1u64..50), 0..3);
    let revoked = proptest::collection::vec((0..NAMES.len(), any::<bool>(), 0u64..100), 0..3);
    (signing, revoked, prop::bool::weighted(0.1)).prop_map(|(signing, revoked, revoke_all)| {
        CardKeys {
            signing: signing
                .into_iter()
                .map(|(at, (from, span))| SigningKeyEntry {
                    key: key(at),
                    from: Millis(from),
                    until: Millis(from + span),
                })
                .collect(),
            revoked: revoked
                .into_iter()
                .map(|(at, compromised, when)| RevokedKey {
                    key: key(at),
                    state: if compromised {
                        RevokedState::Compromised
                    } else {
                        RevokedState::Rotated
                    },
                    at: Millis(when),
                })
                .collect(),
            revoke_all,
        }
    })
}

fn card(revision: u64, keys: CardKeys) -> SignedRecord {
    let mut card = cast::card_of(revision, "Narova border police");
    if let Content::Contact(contact) = &mut card.content {
        contact.keys = keys;
    }
    card.sign(&cast::secret("narova root")).expect("signs")
}

fn standing(keys: &AgencyKeys, at: usize, made: u64) -> &'static str {
    match keys.standing(&key(at), Kind::Trend, Hlc::new(Millis(made), 0)) {
        KeyStanding::Good(_) => "good",
        KeyStanding::Unknown => "unknown",
        KeyStanding::OutsideValidity => "outside",
        KeyStanding::Revoked => "revoked",
        KeyStanding::Compromised(_) => "compromised",
        KeyStanding::WrongUse => "wrong use",
        KeyStanding::Weak => "weak",
    }
}

/// The table of SPEC.md, rows 4 to 10, over all cards at once.
fn due(cards: &[CardKeys], at: usize, made: u64) -> &'static str {
    if cards.iter().any(|c| c.revoke_all) {
        return "revoked";
    }
    let listed: Vec<_> = cards
        .iter()
        .flat_map(|c| &c.signing)
        .filter(|e| e.key == key(at))
        .collect();
    let revoked: Vec<_> = cards
        .iter()
        .flat_map(|c| &c.revoked)
        .filter(|e| e.key == key(at))
        .collect();
    if listed.is_empty() && revoked.is_empty() {
        return "unknown";
    }
    if revoked.iter().any(|e| e.state == RevokedState::Compromised) {
        return "compromised";
    }
    if revoked.iter().any(|e| made >= e.at.0) {
        return "revoked";
    }
    let from = listed.iter().map(|e| e.from.0).min();
    let until = listed.iter().map(|e| e.until.0).max();
    match (from, until) {
        (Some(from), Some(until)) if from <= made && made < until => "good",
        _ => "outside",
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn cards_come_to_the_same_in_whatever_order(
        (cards, order) in proptest::collection::vec(card_keys(), 1..4).prop_flat_map(|cards| {
            let order: Vec<usize> = (0..cards.len()).collect();
            (Just(cards), Just(order).prop_shuffle())
        }),
    ) {
        // A map of keys that says nothing at all has no encoding.
        let says = |c: &CardKeys| !c.signing.is_empty() || !c.revoked.is_empty() || c.revoke_all;
        let cards: Vec<CardKeys> = cards.into_iter().map(|mut c| {
            c.revoke_all |= !says(&c);
            c
        }).collect();
        let mut keys = AgencyKeys::new(cast::narova());
        for at in order {
            keys.learn(card(at as u64, cards[at].clone())).expect("learned");
        }
        prop_assert_eq!(keys.newest().map(|n| n.0), Some(cards.len() as u64 - 1));
        for (at, name) in NAMES.iter().enumerate() {
            for made in 0..101 {
                prop_assert_eq!(standing(&keys, at, made), due(&cards, at, made), "{} at {}", name, made);
            }
        }
    }
}

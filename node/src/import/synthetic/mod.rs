//! Fictional records of all six kinds, for the demo, tests and benchmarks.
//!
//! Countries are those of the Sarajevo exercise (QM Meridonia, QN Narova, QO Ostenia), rivers
//! give corridors their names, and "(fictional)" says what they are. The same seed and day
//! give the same records, and fewer of them are the first of more. Every record passes the
//! checks of its author.

mod dice;
mod kinds;

use liaison_protocol::record::codes::Kind;
use liaison_protocol::record::date::Date;
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::kinds::Content;

use self::dice::Dice;
use self::kinds::{card, document_alert, modus_operandi, route, service, trend};

/// The first `n` records of this seed, signed on `today`.
pub fn generate(seed: u64, n: usize, today: Date) -> Vec<(Fields, Content)> {
    Synthetic::new(seed, today).take(n).collect()
}

/// An endless row of fictional records: seven trends in twelve, and one of each other kind.
#[derive(Clone, Debug)]
pub struct Synthetic {
    seed: u64,
    today: Date,
    kinds: Vec<Kind>,
    at: u64,
}

const MIX: [Kind; 12] = [
    Kind::Trend,
    Kind::ModusOperandi,
    Kind::Trend,
    Kind::Route,
    Kind::Trend,
    Kind::DocumentAlert,
    Kind::Trend,
    Kind::Service,
    Kind::Trend,
    Kind::Contact,
    Kind::Trend,
    Kind::Trend,
];

impl Synthetic {
    /// Records of all six kinds. A node takes a card (`contact`) under its own agency's root
    /// key only: leave them out with [`Synthetic::only`] where others are pushed.
    pub fn new(seed: u64, today: Date) -> Self {
        Self {
            seed,
            today,
            kinds: MIX.to_vec(),
            at: 0,
        }
    }

    /// Trends only, one of about 600 bytes after the other.
    pub fn trends(seed: u64, today: Date) -> Self {
        Self::new(seed, today).only(&[Kind::Trend])
    }

    /// Only these kinds, in the same proportions. None of them: trends.
    pub fn only(mut self, kinds: &[Kind]) -> Self {
        self.kinds.retain(|kind| kinds.contains(kind));
        self
    }
}

impl Iterator for Synthetic {
    type Item = (Fields, Content);

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at;
        self.at = at.checked_add(1)?;
        let turn = usize::try_from(at).ok()?.checked_rem(self.kinds.len());
        let kind = turn.and_then(|turn| self.kinds.get(turn).copied());
        let mut dice = Dice::new(self.seed, at);
        kind.and_then(|kind| match kind {
            Kind::Trend => trend(&mut dice, self.today),
            Kind::ModusOperandi => modus_operandi(&mut dice, self.today),
            Kind::Route => route(&mut dice, self.today),
            Kind::DocumentAlert => document_alert(&mut dice, self.today),
            Kind::Service => service(&mut dice, self.today),
            Kind::Contact => card(&mut dice, self.today),
            Kind::Keys
            | Kind::Retract
            | Kind::Recall
            | Kind::Receipt
            | Kind::Permit
            | Kind::Ask
            | Kind::Affirm
            | Kind::Sealed => None,
        })
        .or_else(|| trend(&mut dice, self.today))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use liaison_protocol::clock::Hlc;
    use liaison_protocol::id::AgencyId;
    use liaison_protocol::key::SecretKey;
    use liaison_protocol::record::check::{CheckContext, check};
    use liaison_protocol::record::signed::Record;
    use std::collections::{BTreeMap, BTreeSet};

    fn today() -> Date {
        Date::new(2031, 5, 20).expect("day")
    }

    fn signed(at: usize, (fields, content): (Fields, Content)) -> Vec<u8> {
        let created = Hlc::new(
            today().start_ms(),
            u16::try_from(at % 60_000).expect("counter"),
        );
        let record = Record::new(AgencyId::from_bytes([1; 32]), created, fields, content);
        let signed = record.sign(&SecretKey::from_bytes(&[2; 32])).expect("sign");
        signed.bytes().to_vec()
    }

    #[test]
    fn all_six_kinds_come_up_and_pass_their_checks() {
        let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
        for (at, (fields, content)) in generate(7, 1_200, today()).into_iter().enumerate() {
            *kinds.entry(content.kind()).or_default() += 1;
            assert_eq!(
                check(&fields, &content, &CheckContext::on(today())),
                [],
                "{fields:?}"
            );
            signed(at, (fields, content));
        }
        assert_eq!(kinds.get(&Kind::Trend), Some(&700));
        for kind in Kind::WRITTEN.iter().filter(|k| **k != Kind::Trend) {
            assert_eq!(kinds.get(kind), Some(&100), "{kind}");
        }
    }

    #[test]
    fn a_seed_gives_the_same_records_and_another_gives_others() {
        let more = generate(7, 50, today());
        assert_eq!(generate(7, 20, today())[..], more[..20]);
        assert_ne!(generate(8, 50, today()), more);
        let only: Vec<_> = Synthetic::new(7, today())
            .only(&[Kind::Route])
            .take(3)
            .collect();
        assert!(
            only.iter()
                .all(|(_, content)| content.kind() == Kind::Route)
        );
        let titles: BTreeSet<_> = Synthetic::trends(7, today())
            .take(2_000)
            .map(|(fields, _)| fields.title)
            .collect();
        assert!(titles.len() > 1_000, "{} titles", titles.len());
    }

    #[test]
    fn trends_have_about_600_bytes() {
        let sizes = Synthetic::trends(7, today())
            .take(500)
            .enumerate()
            .map(|(at, record)| signed(at, record).len());
        let average = sizes.sum::<usize>() / 500;
        assert!((560..=640).contains(&average), "{average} bytes");
    }
}

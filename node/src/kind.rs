//! A record's kind as the store's headers hold it. The numbers are on disk: they are never
//! given to another kind.

use liaison_protocol::record::codes::Kind;

use crate::store::Header;

/// The number of a kind.
pub const fn number(kind: Kind) -> u8 {
    match kind {
        Kind::Trend => 0,
        Kind::ModusOperandi => 1,
        Kind::Route => 2,
        Kind::DocumentAlert => 3,
        Kind::Service => 4,
        Kind::Contact => 5,
        Kind::Keys => 6,
        Kind::Retract => 7,
        Kind::Recall => 8,
        Kind::Receipt => 9,
        Kind::Permit => 10,
        Kind::Ask => 11,
        Kind::Affirm => 12,
        Kind::Sealed => 13,
    }
}

/// The kind that a header's number stands for; none for a number of a later version.
pub fn of(header: &Header) -> Option<Kind> {
    Kind::ALL
        .iter()
        .copied()
        .find(|kind| number(*kind) == header.kind)
}

/// Whether a header's record is sealed.
pub fn is_sealed(header: &Header) -> bool {
    header.kind == number(Kind::Sealed)
}

/// Whether no word of a signing key takes such a record back: what proves an agency, and what
/// withdraws other records or says that it was done. A thief of the key could otherwise keep a
/// revocation, or an erasure, from those whom it has not reached.
pub const fn is_for_good(number: u8) -> bool {
    number == self::number(Kind::Contact)
        || number == self::number(Kind::Keys)
        || number == self::number(Kind::Retract)
        || number == self::number(Kind::Recall)
        || number == self::number(Kind::Receipt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_kinds_share_a_number() {
        let mut numbers: Vec<u8> = Kind::ALL.iter().map(|k| number(*k)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), Kind::ALL.len());
    }
}

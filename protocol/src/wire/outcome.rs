//! What became of a record on offer, and its code.

use crate::fault::{Answer, Later, Refused};
use crate::wire::fault::WireFault;

/// What became of an item on offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The receiver's answer; held already counts as stored.
    Answered(Answer),
    /// The receiver wanted it and the sender, deciding anew, did not give it.
    Withdrawn,
}

impl Outcome {
    /// Whether the receiver has it.
    pub fn is_stored(self) -> bool {
        self == Outcome::Answered(Answer::Stored)
    }

    /// Its code on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Outcome::Answered(Answer::Stored) => 0,
            Outcome::Withdrawn => 1,
            Outcome::Answered(Answer::Refused(refused)) => match refused {
                Refused::Form => 16,
                Refused::Signature => 17,
                Refused::Handling => 18,
                Refused::Policy => 19,
                Refused::Retracted => 20,
                Refused::Expired => 21,
                Refused::NotTheAuthor => 22,
                Refused::Exercise => 23,
            },
            Outcome::Answered(Answer::Later(later)) => match later {
                Later::Clock => 32,
                Later::Quota => 33,
                Later::UnknownAuthor => 34,
                Later::Schema => 35,
                Later::NoKey => 36,
                Later::Disk => 37,
            },
        }
    }

    /// The outcome with this code.
    pub fn from_code(code: u8) -> Result<Self, WireFault> {
        let refused = Refused::ALL.into_iter().map(Answer::Refused);
        let later = Later::ALL.into_iter().map(Answer::Later);
        std::iter::once(Answer::Stored)
            .chain(refused)
            .chain(later)
            .map(Outcome::Answered)
            .chain(std::iter::once(Outcome::Withdrawn))
            .find(|o| o.code() == code)
            .ok_or(WireFault::UnknownCode {
                what: "answer",
                found: u64::from(code),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_own_code() {
        let mut known = 0;
        for code in 0..=u8::MAX {
            if let Ok(outcome) = Outcome::from_code(code) {
                assert_eq!(outcome.code(), code);
                known += 1;
            }
        }
        assert_eq!(known, 2 + Refused::ALL.len() + Later::ALL.len());
    }
}

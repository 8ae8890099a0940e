//! The first message both ways: who speaks, and which versions.

use std::fmt;

use crate::id::AgencyId;
use crate::limits;

/// The newest protocol version that this crate speaks.
pub const VERSION: u16 = 1;

/// A range of protocol versions, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speaks {
    /// Oldest.
    pub min: u16,
    /// Newest; not below `min`.
    pub max: u16,
}

impl Speaks {
    /// What this crate speaks: its version and, once there is one, the version before.
    pub const CURRENT: Speaks = Speaks {
        min: VERSION,
        max: VERSION,
    };

    /// The highest version in both ranges.
    pub fn common(self, other: Speaks) -> Option<u16> {
        let highest = self.max.min(other.max);
        (highest >= self.min.max(other.min)).then_some(highest)
    }
}

impl fmt::Display for Speaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            write!(f, "version {}", self.min)
        } else {
            write!(f, "versions {} to {}", self.min, self.max)
        }
    }
}

/// The first message of each side on every stream. Its form is the same in all versions,
/// so that two that have nothing in common can still say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Versions spoken.
    pub speaks: Speaks,
    /// Name and version of the software, for logs: at most [`limits::SOFTWARE_BYTES`]
    /// bytes of printable ASCII.
    pub software: String,
    /// Whom the speaker claims to be; the caller compares it with the connection's key.
    pub agency: AgencyId,
}

impl Hello {
    /// A hello; what does not fit the software's name is left out of it.
    pub fn new(speaks: Speaks, software: &str, agency: AgencyId) -> Self {
        let software = software
            .chars()
            .filter(|c| is_printable(*c))
            .take(limits::SOFTWARE_BYTES)
            .collect();
        Self {
            speaks,
            software,
            agency,
        }
    }
}

pub(crate) fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::message::Message;

    #[test]
    fn the_highest_common_version_is_used() {
        let speaks = |min, max| Speaks { min, max };
        assert_eq!(speaks(1, 1).common(speaks(1, 2)), Some(1));
        assert_eq!(speaks(1, 3).common(speaks(2, 5)), Some(3));
        assert_eq!(speaks(1, 1).common(speaks(2, 3)), None);
        assert_eq!(speaks(4, 5).common(speaks(2, 3)), None);
    }

    #[test]
    fn the_software_name_is_cut_to_what_a_peer_accepts() {
        let hello = Hello::new(
            Speaks::CURRENT,
            &"ü\n x".repeat(99),
            AgencyId::from_bytes([1; 32]),
        );
        assert_eq!(hello.software.len(), limits::SOFTWARE_BYTES);
        let message = Message::Hello(hello);
        assert_eq!(Message::decode(&message.encode()), Ok(message));
    }
}

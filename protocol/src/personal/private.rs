//! A text about a person.

use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroize;

use super::encode::{Encode, Out};

/// A text about a person: wiped when it is dropped, printed by nothing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Private(String);

impl Private {
    /// Takes a text; nobody keeps another copy.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text. Whoever asks for it answers for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Private(..)")
    }
}

impl From<&str> for Private {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl<'de> Deserialize<'de> for Private {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(Self)
    }
}

impl Encode for Private {
    fn put(&self, out: &mut Out) {
        out.text(&self.0);
    }
}

//! Writing what stands inside a seal, into one buffer of fixed size that is wiped: as
//! deterministic CBOR for the seal, as JSON for an officer's screen.
//!
//! It is not serde's `Serialize`, so that none of it can be handed to a logger, a file or a
//! response by accident.

use std::collections::BTreeSet;
use std::io;

use serde::Serialize;
use zeroize::Zeroizing;

use crate::cbor;
use crate::clock::Millis;
use crate::id::{AgencyId, RecordId};
use crate::limits;
use crate::record::date::Date;
use crate::record::envelope::Fields;

/// Something that can stand inside a seal.
pub(crate) trait Encode {
    /// Writes it.
    fn put(&self, out: &mut Out);

    /// Whether it is left out of a map: nothing there, an empty list, a flag not set.
    fn is_absent(&self) -> bool {
        false
    }
}

/// What the buffer is written as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum As {
    Cbor,
    Json,
}

/// It does not fit the buffer, or has no encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// The buffer. It never grows, since growing would leave a copy behind.
pub(crate) struct Out {
    bytes: Zeroizing<Vec<u8>>,
    form: As,
    failed: bool,
}

impl Out {
    /// Writes a value as deterministic CBOR, at most [`limits::INSIDE_BYTES`].
    pub(crate) fn cbor(value: &dyn Encode) -> Result<Zeroizing<Vec<u8>>, NoRoom> {
        Self::write(value, As::Cbor, limits::INSIDE_BYTES)
    }

    /// Writes a value as JSON, at most [`limits::SHOWN_BYTES`].
    pub(crate) fn json(value: &dyn Encode) -> Result<Zeroizing<Vec<u8>>, NoRoom> {
        Self::write(value, As::Json, limits::SHOWN_BYTES)
    }

    fn write(value: &dyn Encode, form: As, most: usize) -> Result<Zeroizing<Vec<u8>>, NoRoom> {
        let mut out = Self {
            bytes: Zeroizing::new(Vec::with_capacity(most)),
            form,
            failed: false,
        };
        value.put(&mut out);
        if out.failed {
            return Err(NoRoom);
        }
        Ok(out.bytes)
    }

    /// A map; what is absent is left out.
    pub(crate) fn map(&mut self, entries: &[(&str, &dyn Encode)]) {
        let mut present: Vec<&(&str, &dyn Encode)> = entries
            .iter()
            .filter(|(_, value)| !value.is_absent())
            .collect();
        match self.form {
            As::Cbor => {
                // Shorter keys first: a text's length stands before its bytes.
                present.sort_by_key(|(key, _)| (key.len(), *key));
                self.head(5, present.len() as u64);
                for (key, value) in present {
                    self.text(key);
                    value.put(self);
                }
            }
            As::Json => {
                self.push(b"{");
                for (at, (key, value)) in present.into_iter().enumerate() {
                    if at > 0 {
                        self.push(b",");
                    }
                    self.text(key);
                    self.push(b":");
                    value.put(self);
                }
                self.push(b"}");
            }
        }
    }

    /// A list.
    pub(crate) fn list<'a, T: Encode + 'a>(&mut self, items: impl ExactSizeIterator<Item = &'a T>) {
        match self.form {
            As::Cbor => {
                self.head(4, items.len() as u64);
                items.for_each(|item| item.put(self));
            }
            As::Json => {
                self.push(b"[");
                for (at, item) in items.enumerate() {
                    if at > 0 {
                        self.push(b",");
                    }
                    item.put(self);
                }
                self.push(b"]");
            }
        }
    }

    /// A text.
    pub(crate) fn text(&mut self, text: &str) {
        match self.form {
            As::Cbor => {
                self.head(3, text.len() as u64);
                self.push(text.as_bytes());
            }
            As::Json => {
                if serde_json::to_writer(&mut *self, text).is_err() {
                    self.failed = true;
                }
            }
        }
    }

    /// A whole number.
    pub(crate) fn number(&mut self, number: u64) {
        match self.form {
            As::Cbor => self.head(0, number),
            As::Json => self.push(number.to_string().as_bytes()),
        }
    }

    /// A flag.
    pub(crate) fn flag(&mut self, set: bool) {
        match (self.form, set) {
            (As::Cbor, true) => self.push(&[0xF5]),
            (As::Cbor, false) => self.push(&[0xF4]),
            (As::Json, true) => self.push(b"true"),
            (As::Json, false) => self.push(b"false"),
        }
    }

    /// Bytes; people read them as the text.
    pub(crate) fn bytes(&mut self, bytes: &[u8], text: impl FnOnce() -> String) {
        match self.form {
            As::Cbor => {
                self.head(2, bytes.len() as u64);
                self.push(bytes);
            }
            As::Json => self.text(&text()),
        }
    }

    /// Something that is not about a person and has an encoding by serde.
    fn public<T: Serialize>(&mut self, value: &T) {
        let bytes = match self.form {
            As::Cbor => cbor::encode(value).ok(),
            As::Json => serde_json::to_vec(value).ok(),
        };
        match bytes {
            Some(bytes) => self.push(&bytes),
            None => self.failed = true,
        }
    }

    /// A head of CBOR in its shortest form.
    fn head(&mut self, major: u8, value: u64) {
        let major = major << 5;
        let be = value.to_be_bytes();
        let [.., b4, b5, b6, b7] = be;
        match value {
            0..24 => self.push(&[major | b7]),
            24..0x100 => self.push(&[major | 24, b7]),
            0x100..0x1_0000 => self.push(&[major | 25, b6, b7]),
            0x1_0000..0x1_0000_0000 => self.push(&[major | 26, b4, b5, b6, b7]),
            _ => {
                self.push(&[major | 27]);
                self.push(&be);
            }
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let room = self.bytes.capacity().saturating_sub(self.bytes.len());
        if bytes.len() > room {
            self.failed = true;
        }
        if !self.failed {
            self.bytes.extend_from_slice(bytes);
        }
    }
}

impl io::Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<T: Encode + ?Sized> Encode for &T {
    fn put(&self, out: &mut Out) {
        (**self).put(out);
    }
    fn is_absent(&self) -> bool {
        (**self).is_absent()
    }
}

impl<T: Encode> Encode for Option<T> {
    fn put(&self, out: &mut Out) {
        if let Some(value) = self {
            value.put(out);
        }
    }
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn put(&self, out: &mut Out) {
        out.list(self.iter());
    }
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Encode> Encode for BTreeSet<T> {
    fn put(&self, out: &mut Out) {
        out.list(self.iter());
    }
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl Encode for bool {
    fn put(&self, out: &mut Out) {
        out.flag(*self);
    }
    fn is_absent(&self) -> bool {
        !*self
    }
}

impl Encode for str {
    fn put(&self, out: &mut Out) {
        out.text(self);
    }
}

impl Encode for u64 {
    fn put(&self, out: &mut Out) {
        out.number(*self);
    }
}

impl Encode for u32 {
    fn put(&self, out: &mut Out) {
        out.number(u64::from(*self));
    }
}

impl Encode for u16 {
    fn put(&self, out: &mut Out) {
        out.number(u64::from(*self));
    }
}

impl Encode for Millis {
    fn put(&self, out: &mut Out) {
        out.number(self.0);
    }
}

impl Encode for Date {
    fn put(&self, out: &mut Out) {
        out.text(&self.to_string());
    }
}

impl Encode for RecordId {
    fn put(&self, out: &mut Out) {
        out.bytes(self.as_bytes(), || self.full());
    }
}

impl Encode for AgencyId {
    fn put(&self, out: &mut Out) {
        out.bytes(self.as_bytes(), || self.full());
    }
}

impl Encode for Fields {
    fn put(&self, out: &mut Out) {
        out.public(self);
    }
}

/// Declares a part of what stands inside a seal: a struct that is read by serde, written by
/// [`Encode`] only, and never printed. Options, lists and flags are given `#[serde(default)]`.
macro_rules! sealed {
    ($(#[$doc:meta])* pub struct $name:ident { $($(#[$field_doc:meta])* pub $field:ident: $type:ty,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)+
        }

        impl $crate::personal::encode::Encode for $name {
            fn put(&self, out: &mut $crate::personal::encode::Out) {
                out.map(&[$((stringify!($field), &self.$field),)+]);
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use sealed;

//! Deterministic CBOR read where it lies, without a tree: the fast way for what is right.
//!
//! It takes less than [`super::decode_value`] does, never more and never other values, and
//! gives no reasons: who gets nothing here reads again, slowly, and is told why.

use serde::de::{self, DeserializeSeed, Visitor};

use crate::limits;

const UINT: u8 = 0;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const SIMPLE: u8 = 7;
const FALSE: u64 = 20;
const TRUE: u64 = 21;

/// The levels of nesting that the slow way surely takes as well.
const DEPTH: usize = limits::CBOR_DEPTH - 2;

/// It is to be read the slow way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not read directly")]
pub(crate) struct NotDirect;

impl de::Error for NotDirect {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        NotDirect
    }
}

/// Reads one item after the other; what it returns borrows from there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'de> {
    rest: &'de [u8],
}

/// The entries of a map, but for those under some keys.
pub(crate) struct Entries<'de, 'k> {
    reader: Reader<'de>,
    left: u64,
    without: &'k [&'k str],
}

/// Checks that the bytes are one map in deterministic form, and nothing empty in it.
pub(crate) fn map(bytes: &[u8]) -> Result<Reader<'_>, NotDirect> {
    let all = Reader { rest: bytes };
    let mut walk = all;
    if bytes.first().is_none_or(|b| b >> 5 != MAP) {
        return Err(NotDirect);
    }
    walk.skip_checked(DEPTH)?;
    if walk.rest.is_empty() {
        Ok(all)
    } else {
        Err(NotDirect)
    }
}

/// The content, if these bytes are one byte string.
pub(crate) fn byte_string(bytes: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader { rest: bytes };
    let content = reader.string(BYTES).ok()?;
    reader.rest.is_empty().then_some(content)
}

/// What follows the byte string with which these bytes begin.
pub(crate) fn after_byte_string(bytes: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader { rest: bytes };
    reader.string(BYTES).ok()?;
    Some(reader.rest)
}

impl<'de> Reader<'de> {
    /// The value under a key of the map that comes next.
    pub(crate) fn value(mut self, key: &str) -> Result<Reader<'de>, NotDirect> {
        for _ in 0..self.expect(MAP)? {
            if self.text()? == key {
                return Ok(self);
            }
            self.skip_checked(DEPTH)?;
        }
        Err(NotDirect)
    }

    /// The map that comes next, without the entries under these keys.
    pub(crate) fn entries_without<'k>(
        mut self,
        without: &'k [&'k str],
    ) -> Result<Entries<'de, 'k>, NotDirect> {
        Ok(Entries {
            left: self.expect(MAP)?,
            reader: self,
            without,
        })
    }

    /// The item that comes next, as a type.
    pub(crate) fn read<T: de::Deserialize<'de>>(mut self) -> Result<T, NotDirect> {
        T::deserialize(&mut self)
    }

    /// The text that comes next.
    pub(crate) fn text(&mut self) -> Result<&'de str, NotDirect> {
        let bytes = self.string(TEXT)?;
        std::str::from_utf8(bytes).map_err(|_| NotDirect)
    }

    fn string(&mut self, major: u8) -> Result<&'de [u8], NotDirect> {
        let length = self.expect(major)?;
        self.take(length)
    }

    fn take(&mut self, length: u64) -> Result<&'de [u8], NotDirect> {
        let split = usize::try_from(length)
            .ok()
            .and_then(|length| self.rest.split_at_checked(length));
        let (taken, rest) = split.ok_or(NotDirect)?;
        self.rest = rest;
        Ok(taken)
    }

    fn expect(&mut self, major: u8) -> Result<u64, NotDirect> {
        match self.head()? {
            (found, value) if found == major => Ok(value),
            _ => Err(NotDirect),
        }
    }

    /// Major type and value of a head in its shortest form.
    fn head(&mut self) -> Result<(u8, u64), NotDirect> {
        let (first, rest) = self.rest.split_first().ok_or(NotDirect)?;
        self.rest = rest;
        let (major, low) = (first >> 5, first & 0x1F);
        let (bytes, least) = match low {
            0..=23 => return Ok((major, u64::from(low))),
            24 => (1, 24),
            25 => (2, 1 << 8),
            26 => (4, 1 << 16),
            27 => (8, 1 << 32),
            _ => return Err(NotDirect),
        };
        let value = self
            .take(bytes)?
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte));
        // Simple values and floats have other rules; none that has a longer head is taken.
        if value < least || major == SIMPLE {
            return Err(NotDirect);
        }
        Ok((major, value))
    }

    /// Passes over an item, and checks its form on the way.
    fn skip_checked(&mut self, depth: usize) -> Result<(), NotDirect> {
        let depth = depth.checked_sub(1).ok_or(NotDirect)?;
        match self.head()? {
            (UINT, _) | (SIMPLE, FALSE | TRUE) => Ok(()),
            (BYTES, length) => self.take(length).map(|_| ()),
            (TEXT, length) => {
                let bytes = self.take(length)?;
                std::str::from_utf8(bytes)
                    .map(|_| ())
                    .map_err(|_| NotDirect)
            }
            (ARRAY, 1..) if self.rest.is_empty() => Err(NotDirect),
            (ARRAY, count @ 1..) => (0..count).try_for_each(|_| self.skip_checked(depth)),
            (MAP, count @ 1..) => {
                let mut last: Option<&[u8]> = None;
                for _ in 0..count {
                    let key = self.text()?.as_bytes();
                    if last.is_some_and(|last| (last.len(), last) >= (key.len(), key)) {
                        return Err(NotDirect);
                    }
                    last = Some(key);
                    self.skip_checked(depth)?;
                }
                Ok(())
            }
            _ => Err(NotDirect),
        }
    }
}

macro_rules! of_major {
    ($($method:ident is $($major:ident)|+;)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotDirect> {
            match self.rest.first().map(|first| first >> 5) {
                Some($($major)|+) => self.deserialize_any(visitor),
                _ => Err(NotDirect),
            }
        })+
    };
}

macro_rules! never {
    ($($method:ident)+) => {
        $(fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NotDirect> {
            Err(NotDirect)
        })+
    };
}

impl<'de> de::Deserializer<'de> for &mut Reader<'de> {
    type Error = NotDirect;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotDirect> {
        match self.head()? {
            (UINT, value) => visitor.visit_u64(value),
            (BYTES, length) => visitor.visit_borrowed_bytes(self.take(length)?),
            (TEXT, length) => {
                let text = std::str::from_utf8(self.take(length)?).map_err(|_| NotDirect)?;
                visitor.visit_borrowed_str(text)
            }
            (ARRAY, left) => {
                let mut items = Items { reader: self, left };
                let value = visitor.visit_seq(&mut items)?;
                items.end().map(|()| value)
            }
            (MAP, left) => {
                let mut items = Items { reader: self, left };
                let value = visitor.visit_map(&mut items)?;
                items.end().map(|()| value)
            }
            (SIMPLE, FALSE) => visitor.visit_bool(false),
            (SIMPLE, TRUE) => visitor.visit_bool(true),
            _ => Err(NotDirect),
        }
    }

    /// A null is not taken, so that whatever is there is something.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotDirect> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, NotDirect> {
        visitor.visit_newtype_struct(self)
    }

    /// Records have no enums but their codes, which are texts.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NotDirect> {
        visitor.visit_enum(de::value::BorrowedStrDeserializer::new(self.text()?))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: V,
    ) -> Result<V::Value, NotDirect> {
        Err(NotDirect)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, NotDirect> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, NotDirect> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NotDirect> {
        self.deserialize_map(visitor)
    }

    // serde's own visitors would take bytes for a text and a number for a float.
    of_major! {
        deserialize_bool is SIMPLE;
        deserialize_u8 is UINT;
        deserialize_u16 is UINT;
        deserialize_u32 is UINT;
        deserialize_u64 is UINT;
        deserialize_i8 is UINT;
        deserialize_i16 is UINT;
        deserialize_i32 is UINT;
        deserialize_i64 is UINT;
        deserialize_str is TEXT;
        deserialize_string is TEXT;
        deserialize_identifier is TEXT;
        deserialize_bytes is BYTES;
        deserialize_byte_buf is BYTES;
        deserialize_seq is ARRAY;
        deserialize_map is MAP;
    }

    never! {
        deserialize_f32 deserialize_f64 deserialize_char deserialize_unit
        deserialize_ignored_any
    }
}

struct Items<'a, 'de> {
    reader: &'a mut Reader<'de>,
    left: u64,
}

impl Items<'_, '_> {
    /// Whoever left some unread has not read what is there.
    fn end(&self) -> Result<(), NotDirect> {
        if self.left == 0 {
            Ok(())
        } else {
            Err(NotDirect)
        }
    }

    fn one_less(&mut self) -> bool {
        let more = self.left > 0;
        self.left = self.left.saturating_sub(1);
        more
    }
}

impl<'de> de::SeqAccess<'de> for &mut Items<'_, 'de> {
    type Error = NotDirect;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, NotDirect> {
        if !self.one_less() {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

impl<'de> de::MapAccess<'de> for &mut Items<'_, 'de> {
    type Error = NotDirect;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, NotDirect> {
        if !self.one_less() {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, NotDirect> {
        seed.deserialize(&mut *self.reader)
    }
}

impl<'de> Entries<'de, '_> {
    /// The entries, as a type.
    pub(crate) fn read<T: de::Deserialize<'de>>(mut self) -> Result<T, NotDirect> {
        let value = T::deserialize(de::value::MapAccessDeserializer::new(Access(&mut self)))?;
        if self.left == 0 {
            Ok(value)
        } else {
            Err(NotDirect)
        }
    }
}

/// `MapAccessDeserializer` calls itself human-readable by default, but hands its entries to
/// the reader, which is not.
struct Access<'a, 'de, 'k>(&'a mut Entries<'de, 'k>);

impl<'de> de::MapAccess<'de> for Access<'_, 'de, '_> {
    type Error = NotDirect;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, NotDirect> {
        let entries = &mut *self.0;
        while entries.left > 0 {
            entries.left -= 1;
            let key = entries.reader.text()?;
            if !entries.without.contains(&key) {
                return seed
                    .deserialize(de::value::BorrowedStrDeserializer::new(key))
                    .map(Some);
            }
            entries.reader.skip_checked(DEPTH)?;
        }
        Ok(None)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, NotDirect> {
        seed.deserialize(&mut self.0.reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor;
    use ciborium::Value;

    /// A reader into a tree, to compare with the slow way.
    fn tree(bytes: &[u8]) -> Option<Value> {
        map(bytes).ok()?.read().ok()
    }

    #[test]
    fn what_is_not_deterministic_is_left_to_the_slow_way() {
        for good in [&b"\xA1\x61a\x01"[..], b"\xA2\x61a\x81\xF5\x61b\x41\x00"] {
            assert_eq!(tree(good), cbor::decode_value(good).ok(), "{good:x?}");
            assert!(tree(good).is_some());
        }
        for bad in [
            &b""[..],
            b"\x01",
            b"\xA0",
            b"\xA1\x61a",
            b"\xA1\x61a\x18\x01",
            b"\xA1\x61a\x01\x00",
            b"\xA1\x61a\x80",
            b"\xA1\x61a\xF6",
            b"\xA1\x61a\xF8\x20",
            b"\xA1\x61a\xF9\x00\x00",
            b"\xA1\x61a\xC0\x00",
            b"\xA1\x41a\x00",
            b"\xA1\x61\xFF\x00",
            b"\xA2\x61b\x01\x61a\x01",
            b"\xA2\x61a\x01\x61a\x01",
            b"\xBF\x61a\x01\xFF",
            b"\xA1\x61a\x9B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
            b"\xA1\x61a\x5B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
        ] {
            assert_eq!(tree(bad), None, "{bad:x?}");
        }
        let deep = [b"\xA1\x61a".repeat(200), b"\x00".to_vec()].concat();
        assert_eq!(tree(&deep), None);
    }

    proptest::proptest! {
        #[test]
        fn it_never_takes_what_the_slow_way_refuses(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..24),
        ) {
            let bytes = [b"\xA1\x61a".as_slice(), &bytes].concat();
            if let Some(value) = tree(&bytes) {
                proptest::prop_assert_eq!(cbor::decode_value(&bytes), Ok(value));
            }
        }
    }
}

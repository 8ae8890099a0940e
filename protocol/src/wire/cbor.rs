//! The part of CBOR that messages use (RFC 8949 section 4.2): unsigned integers, byte and
//! text strings, arrays, null; definite lengths and shortest heads only.
//!
//! Own code, because a general reader accepts longer heads and builds a tree of 32-byte
//! values from 1-byte integers; this one refuses the first and never builds the second.

use crate::wire::fault::WireFault;

const UINT: u8 = 0;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const NULL: u8 = 0xF6;

/// Appends values to a buffer.
#[derive(Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn uint(&mut self, value: u64) {
        self.head(UINT, value);
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.head(BYTES, value.len() as u64);
        self.0.extend_from_slice(value);
    }

    pub(crate) fn text(&mut self, value: &str) {
        self.head(TEXT, value.len() as u64);
        self.0.extend_from_slice(value.as_bytes());
    }

    pub(crate) fn array(&mut self, items: usize) {
        self.head(ARRAY, items as u64);
    }

    pub(crate) fn null(&mut self) {
        self.0.push(NULL);
    }

    /// A byte string made of pieces.
    pub(crate) fn joined<'a>(&mut self, len: usize, pieces: impl Iterator<Item = &'a [u8]>) {
        self.head(BYTES, len as u64);
        for piece in pieces {
            self.0.extend_from_slice(piece);
        }
    }

    fn head(&mut self, major: u8, value: u64) {
        let major = major << 5;
        let be = value.to_be_bytes();
        match value {
            0..=23 => self.0.push(major | be[7]),
            24..=0xFF => self.0.extend_from_slice(&[major | 24, be[7]]),
            0x100..=0xFFFF => self.0.extend_from_slice(&[major | 25, be[6], be[7]]),
            0x1_0000..=0xFFFF_FFFF => {
                self.0.push(major | 26);
                self.0.extend_from_slice(&be[4..]);
            }
            _ => {
                self.0.push(major | 27);
                self.0.extend_from_slice(&be);
            }
        }
    }
}

/// Bytes of a head with this value.
pub(crate) const fn head_len(value: u64) -> usize {
    match value {
        0..=23 => 1,
        24..=0xFF => 2,
        0x100..=0xFFFF => 3,
        0x1_0000..=0xFFFF_FFFF => 5,
        _ => 9,
    }
}

/// Reads values from a body; what it returns borrows from there.
pub(crate) struct Reader<'a> {
    all: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self {
            all: body,
            rest: body,
        }
    }

    pub(crate) fn uint(&mut self) -> Result<u64, WireFault> {
        self.head(UINT, "an unsigned integer was due")
    }

    pub(crate) fn u32(&mut self) -> Result<u32, WireFault> {
        u32::try_from(self.uint()?).map_err(|_| self.fault("an integer is beyond 32 bits"))
    }

    pub(crate) fn u16(&mut self) -> Result<u16, WireFault> {
        u16::try_from(self.uint()?).map_err(|_| self.fault("an integer is beyond 16 bits"))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], WireFault> {
        let len = self.head(BYTES, "a byte string was due")?;
        self.take(len)
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], WireFault> {
        let fault = self.fault("a byte string has the wrong length");
        self.bytes()?.try_into().map_err(|_| fault)
    }

    /// A byte string that is a row of pieces of N bytes.
    pub(crate) fn joined<const N: usize>(&mut self) -> Result<&'a [[u8; N]], WireFault> {
        let fault = self.fault("a byte string is no multiple of its pieces' length");
        match self.bytes()?.as_chunks::<N>() {
            (pieces, []) => Ok(pieces),
            _ => Err(fault),
        }
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, WireFault> {
        let len = self.head(TEXT, "a text string was due")?;
        let fault = self.fault("a text string is not UTF-8");
        std::str::from_utf8(self.take(len)?).map_err(|_| fault)
    }

    /// The number of items of an array, between `min` and `max`.
    pub(crate) fn array(
        &mut self,
        what: &'static str,
        min: usize,
        max: usize,
    ) -> Result<usize, WireFault> {
        let found = self.head(ARRAY, "an array was due")?;
        bounds(what, found, min as u64, max as u64)?;
        // At most `max`, so it fits.
        Ok(found as usize)
    }

    /// Takes a null if one comes next.
    pub(crate) fn null(&mut self) -> bool {
        match self.rest {
            [NULL, rest @ ..] => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    pub(crate) fn end(self) -> Result<(), WireFault> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.fault("bytes follow the message"))
        }
    }

    pub(crate) fn fault(&self, what: &'static str) -> WireFault {
        WireFault::Form {
            at: self.all.len() - self.rest.len(),
            what,
        }
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], WireFault> {
        let split = usize::try_from(len)
            .ok()
            .and_then(|len| self.rest.split_at_checked(len));
        let (taken, rest) = split.ok_or_else(|| self.fault("the message ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn head(&mut self, major: u8, due: &'static str) -> Result<u64, WireFault> {
        let wrong = self.fault(due);
        let not_shortest = self.fault("a head is not the shortest");
        let [first] = self.take_array()?;
        if first >> 5 != major {
            return Err(wrong);
        }
        let value = match first & 0x1F {
            n @ 0..=23 => u64::from(n),
            24 => u64::from(u8::from_be_bytes(self.take_array()?)),
            25 => u64::from(u16::from_be_bytes(self.take_array()?)),
            26 => u64::from(u32::from_be_bytes(self.take_array()?)),
            27 => u64::from_be_bytes(self.take_array()?),
            _ => return Err(wrong),
        };
        let used = match first & 0x1F {
            0..=23 => 1,
            24 => 2,
            25 => 3,
            26 => 5,
            _ => 9,
        };
        if head_len(value) == used {
            Ok(value)
        } else {
            Err(not_shortest)
        }
    }

    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], WireFault> {
        let fault = self.fault("the message ends too early");
        self.take(N as u64)?.try_into().map_err(|_| fault)
    }
}

/// Refuses a count outside its bounds.
pub(crate) fn bounds(what: &'static str, found: u64, min: u64, max: u64) -> Result<(), WireFault> {
    if (min..=max).contains(&found) {
        Ok(())
    } else {
        Err(WireFault::Bounds {
            what,
            found,
            min,
            max,
        })
    }
}

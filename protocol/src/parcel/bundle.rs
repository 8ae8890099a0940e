//! Bundles: parcels in a file, for networks with a gap (SPEC.md, "Bundles").
//!
//! Written and read from one end to the other, one parcel in memory at a time. A copy that was cut
//! short gives the parcels that are whole; those come again when the copy is complete, and are
//! then known by their numbers.

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

use super::fault::ParcelFault;
use super::sealed::Parcel;
use crate::id::ParcelId;
use crate::limits;

/// What a bundle begins with: a name, a line's end that a transfer as text would change, and the
/// version.
pub const MAGIC: [u8; 16] = *b"liaison bundle\r\x01";

/// Bytes before each parcel: its length and its id.
const HEAD_BYTES: usize = 4 + 32;

/// Why a file is no bundle, or not a whole one.
#[derive(Debug, thiserror::Error)]
pub enum BundleFault {
    /// The file can't be read or written.
    #[error("the bundle can't be read or written: {0}")]
    Io(#[from] io::Error),
    /// It begins otherwise.
    #[error(
        "this is no bundle of parcels, or one of a later version: bundles are what 'liaison bundle pack' writes"
    )]
    NotABundle,
    /// It ends too early.
    #[error(
        "the bundle is cut short: it ends within parcel {parcel}, at byte {at}; the parcels before it are whole. Copy it again and unpack it again"
    )]
    CutShort {
        /// The parcel, from 1, or the end of the bundle behind the last.
        parcel: u32,
        /// Bytes of the file.
        at: u64,
    },
    /// A length that no parcel has.
    #[error(
        "parcel {parcel} of the bundle has {found} bytes, which no parcel has: the file is damaged from byte {at} on"
    )]
    Size {
        /// The parcel, from 1.
        parcel: u32,
        /// Bytes announced.
        found: u32,
        /// Where.
        at: u64,
    },
    /// The bytes are not those that were packed. The ones behind it can still be read.
    #[error("parcel {parcel} of the bundle is damaged; copy the file again")]
    Changed {
        /// The parcel, from 1.
        parcel: u32,
        /// As it was packed.
        id: ParcelId,
    },
    /// The end does not fit what came before it.
    #[error(
        "parcels are missing from the bundle, or were put in another order: it was changed after it was packed"
    )]
    End,
    /// Bytes after the end.
    #[error("something follows the end of the bundle")]
    Trailing,
    /// More than [`limits::BUNDLE_PARCELS`].
    #[error(
        "a bundle holds at most {} parcels; pack the rest into another",
        limits::BUNDLE_PARCELS
    )]
    TooMany,
}

impl BundleFault {
    /// Whether [`Reader::next_parcel`] can go on behind it.
    pub const fn is_passing(&self) -> bool {
        matches!(self, BundleFault::Changed { .. })
    }
}

/// Writes a bundle.
pub struct Writer<W> {
    out: W,
    parcels: u32,
    ids: Sha256,
}

impl<W: Write> Writer<W> {
    /// Begins one.
    ///
    /// # Errors
    /// [`BundleFault::Io`].
    pub fn new(mut out: W) -> Result<Self, BundleFault> {
        out.write_all(&MAGIC)?;
        Ok(Self {
            out,
            parcels: 0,
            ids: Sha256::new(),
        })
    }

    /// Adds a parcel.
    ///
    /// # Errors
    /// [`BundleFault::Io`], [`BundleFault::TooMany`].
    pub fn push(&mut self, parcel: &Parcel) -> Result<(), BundleFault> {
        if self.parcels >= limits::BUNDLE_PARCELS {
            return Err(BundleFault::TooMany);
        }
        let id = parcel.id();
        // At most PARCEL_BYTES.
        let len = parcel.bytes().len() as u32;
        self.out.write_all(&len.to_be_bytes())?;
        self.out.write_all(id.as_bytes())?;
        self.out.write_all(parcel.bytes())?;
        self.ids.update(id.as_bytes());
        self.parcels += 1;
        Ok(())
    }

    /// Parcels so far.
    pub fn parcels(&self) -> u32 {
        self.parcels
    }

    /// Ends it, and gives back what it was written to, flushed.
    ///
    /// # Errors
    /// [`BundleFault::Io`].
    pub fn finish(mut self) -> Result<W, BundleFault> {
        self.out.write_all(&0u32.to_be_bytes())?;
        self.out.write_all(&self.parcels.to_be_bytes())?;
        self.out.write_all(&self.ids.finalize())?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Reads a bundle, one parcel at a time.
pub struct Reader<R> {
    input: R,
    at: u64,
    parcels: u32,
    ids: Sha256,
    over: bool,
}

impl<R: Read> Reader<R> {
    /// Reads how it begins.
    ///
    /// # Errors
    /// [`BundleFault::Io`], [`BundleFault::NotABundle`].
    pub fn new(input: R) -> Result<Self, BundleFault> {
        let mut reader = Self {
            input,
            at: 0,
            parcels: 0,
            ids: Sha256::new(),
            over: false,
        };
        let mut magic = [0; MAGIC.len()];
        match reader.fill(&mut magic) {
            Ok(()) if magic == MAGIC => Ok(reader),
            Ok(()) | Err(BundleFault::CutShort { .. }) => Err(BundleFault::NotABundle),
            Err(fault) => Err(fault),
        }
    }

    /// Parcels read so far, damaged ones too.
    pub fn parcels(&self) -> u32 {
        self.parcels
    }

    /// Bytes read so far.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The next parcel; none: the bundle is complete. After a fault that is not passing
    /// ([`BundleFault::is_passing`]) nothing more comes.
    ///
    /// # Errors
    /// [`BundleFault`].
    pub fn next_parcel(&mut self) -> Result<Option<Parcel>, BundleFault> {
        if self.over {
            return Ok(None);
        }
        let next = self.read();
        self.over = match &next {
            Ok(next) => next.is_none(),
            Err(fault) => !fault.is_passing(),
        };
        next
    }

    fn read(&mut self) -> Result<Option<Parcel>, BundleFault> {
        let begins = self.at;
        let mut head = [0; HEAD_BYTES];
        let (len, id) = head.split_at_mut(4);
        self.fill(len)?;
        let len = u32::from_be_bytes([len[0], len[1], len[2], len[3]]);
        if len == 0 {
            return self.end();
        }
        let parcel = self.parcels.saturating_add(1);
        if parcel > limits::BUNDLE_PARCELS {
            return Err(BundleFault::TooMany);
        }
        if !limits::PARCEL_CLASSES.contains(&(len as usize)) {
            return Err(BundleFault::Size {
                parcel,
                found: len,
                at: begins,
            });
        }
        self.fill(id)?;
        let mut named = [0; 32];
        named.copy_from_slice(id);
        let mut bytes = vec![0; len as usize];
        self.fill(&mut bytes)?;
        self.parcels = parcel;
        self.ids.update(named);
        let id = ParcelId::from_bytes(named);
        match Parcel::from_bytes(bytes.into()) {
            Ok(read) if read.id() == id => Ok(Some(read)),
            Ok(_) | Err(ParcelFault::Size { .. }) | Err(_) => {
                Err(BundleFault::Changed { parcel, id })
            }
        }
    }

    fn end(&mut self) -> Result<Option<Parcel>, BundleFault> {
        let (mut count, mut ids) = ([0; 4], [0; 32]);
        self.fill(&mut count)?;
        self.fill(&mut ids)?;
        let due: [u8; 32] = self.ids.clone().finalize().into();
        if u32::from_be_bytes(count) != self.parcels || ids != due {
            return Err(BundleFault::End);
        }
        match self.fill(&mut [0]) {
            Err(BundleFault::CutShort { .. }) => Ok(None),
            Ok(()) => Err(BundleFault::Trailing),
            Err(fault) => Err(fault),
        }
    }

    fn fill(&mut self, mut buffer: &mut [u8]) -> Result<(), BundleFault> {
        while !buffer.is_empty() {
            match self.input.read(buffer) {
                Ok(0) => {
                    return Err(BundleFault::CutShort {
                        parcel: self.parcels.saturating_add(1),
                        at: self.at,
                    });
                }
                Ok(read) => {
                    self.at += read as u64;
                    buffer = buffer.get_mut(read..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(fill: u8, class: usize) -> Parcel {
        let bytes = vec![fill; limits::PARCEL_CLASSES[class]];
        Parcel::from_bytes(bytes.into()).expect("a class")
    }

    fn bundle() -> (Vec<Parcel>, Vec<u8>) {
        let parcels = vec![parcel(1, 0), parcel(2, 1), parcel(3, 0)];
        let mut writer = Writer::new(Vec::new()).expect("begun");
        for parcel in &parcels {
            writer.push(parcel).expect("pushed");
        }
        (parcels, writer.finish().expect("ended"))
    }

    /// What can be read, and what then goes wrong.
    fn read(bytes: &[u8]) -> (Vec<Parcel>, Vec<BundleFault>) {
        let mut reader = match Reader::new(bytes) {
            Ok(reader) => reader,
            Err(fault) => return (Vec::new(), vec![fault]),
        };
        let (mut parcels, mut faults) = (Vec::new(), Vec::new());
        loop {
            match reader.next_parcel() {
                Ok(Some(parcel)) => parcels.push(parcel),
                Ok(None) => return (parcels, faults),
                Err(fault) => faults.push(fault),
            }
        }
    }

    #[test]
    fn what_was_packed_is_read() {
        let (parcels, bytes) = bundle();
        let (found, faults) = read(&bytes);
        assert_eq!(found, parcels);
        assert!(faults.is_empty(), "{faults:?}");
    }

    #[test]
    fn a_cut_copy_gives_what_is_whole_and_says_where_it_ends() {
        let (parcels, bytes) = bundle();
        let ends = [
            16 + 36 + 4096,
            16 + 36 + 4096 + 36 + 16384,
            bytes.len() - 40,
        ];
        for cut in (0..200).chain((0..bytes.len()).step_by(997)).chain(ends) {
            let (found, faults) = read(&bytes[..cut]);
            let whole = ends.iter().filter(|end| **end <= cut).count();
            assert_eq!(found, parcels[..whole], "cut at {cut}");
            match &faults[..] {
                [BundleFault::NotABundle] => assert!(cut < 16, "cut at {cut}"),
                [BundleFault::CutShort { parcel, at }] => {
                    assert_eq!((*parcel as usize, *at), (whole + 1, cut as u64));
                }
                other => panic!("cut at {cut}: {other:?}"),
            }
        }
    }

    #[test]
    fn whatever_is_changed_is_noticed() {
        let (parcels, bytes) = bundle();
        for at in (0..160)
            .chain((0..bytes.len()).step_by(313))
            .chain(bytes.len() - 40..bytes.len())
        {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            let (found, faults) = read(&changed);
            assert!(!faults.is_empty(), "byte {at}");
            assert!(found.iter().all(|p| parcels.contains(p)), "byte {at}");
        }
        // A damaged parcel does not cost those behind it.
        let mut changed = bytes.clone();
        changed[16 + 36 + 7] ^= 1;
        let (found, faults) = read(&changed);
        assert_eq!(found, parcels[1..]);
        assert!(matches!(
            faults[..],
            [BundleFault::Changed { parcel: 1, .. }]
        ));
        // Left out, and the rest put together again.
        let without = [&bytes[..16], &bytes[16 + 36 + 4096..]].concat();
        assert!(matches!(read(&without).1[..], [BundleFault::End]));
        let behind = [&bytes[..], b"x"].concat();
        assert!(matches!(read(&behind).1[..], [BundleFault::Trailing]));
    }
}

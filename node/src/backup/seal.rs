//! The encryption of a backup: chunks of 64 KiB under ChaCha20-Poly1305, each bound to its
//! place, to being the last or not, and to the heading (the STREAM construction). The key is
//! made by Argon2id of a passphrase or of a key file's content, with a salt of its own, so that
//! no two backups share one.

use std::io::{self, Read, Write};

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use zeroize::Zeroizing;

use crate::limits;

/// The first bytes of a backup.
const MAGIC: &[u8; 17] = b"liaison backup 1\n";
/// Magic, memory, passes, salt.
const HEADING_BYTES: usize = 17 + 4 + 4 + 16;
/// Bytes that a chunk's tag adds.
const TAG_BYTES: usize = 16;

/// What a backup's key is made of: a passphrase, or a key file's content.
pub struct Secret(Zeroizing<Vec<u8>>);

/// Why a backup can't be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealFault {
    /// The passphrase is too short to be one.
    #[error(
        "a backup's passphrase has at least {} characters: whoever has the file can guess as long as they like",
        limits::BACKUP_PASSPHRASE_CHARS
    )]
    Short,
    /// Not a backup.
    #[error("this is no backup of liaison, or one of a newer version")]
    NotOne,
    /// The passphrase is another one, or the file was changed.
    #[error(
        "the backup does not open: the passphrase or key file is another one, or the file is damaged"
    )]
    Closed,
    /// It ends before its end.
    #[error("the backup is cut short: its end is missing. Use another copy of it")]
    CutShort,
    /// The key can't be made on this machine.
    #[error("the backup's key can't be made: {0}")]
    Key(argon2::Error),
    /// It can't be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Secret {
    /// Of a passphrase, or of a key file's content; blanks at its ends don't count.
    ///
    /// # Errors
    /// [`SealFault::Short`].
    pub fn new(bytes: &[u8]) -> Result<Self, SealFault> {
        let bytes = bytes.trim_ascii();
        let short = match std::str::from_utf8(bytes) {
            Ok(text) => text.chars().count() < limits::BACKUP_PASSPHRASE_CHARS,
            Err(_) => bytes.len() < limits::BACKUP_PASSPHRASE_CHARS,
        };
        if short {
            return Err(SealFault::Short);
        }
        Ok(Self(Zeroizing::new(bytes.to_vec())))
    }

    fn cipher(&self, heading: &[u8; HEADING_BYTES]) -> Result<ChaCha20Poly1305, SealFault> {
        let (_, rest) = heading.split_at(MAGIC.len());
        let (memory, rest) = rest.split_first_chunk::<4>().ok_or(SealFault::NotOne)?;
        let (passes, salt) = rest.split_first_chunk::<4>().ok_or(SealFault::NotOne)?;
        let (memory, passes) = (u32::from_be_bytes(*memory), u32::from_be_bytes(*passes));
        let (most_memory, most_passes) = limits::BACKUP_KDF_MAX;
        if memory > most_memory || passes > most_passes {
            return Err(SealFault::NotOne);
        }
        let params = Params::new(memory, passes, 1, Some(32)).map_err(SealFault::Key)?;
        let mut key = Zeroizing::new([0u8; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(&self.0, salt, &mut *key)
            .map_err(SealFault::Key)?;
        Ok(ChaCha20Poly1305::new((&*key).into()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// Encrypts what is written to it.
pub struct Sealer<W> {
    to: W,
    cipher: ChaCha20Poly1305,
    heading: [u8; HEADING_BYTES],
    chunk: Zeroizing<Vec<u8>>,
    number: u64,
}

impl<W: Write> Sealer<W> {
    /// Writes the heading.
    ///
    /// # Errors
    /// [`SealFault`].
    pub fn new(mut to: W, secret: &Secret) -> Result<Self, SealFault> {
        let (memory, passes) = limits::BACKUP_KDF;
        let mut heading = [0; HEADING_BYTES];
        let salt = rand::random::<[u8; 16]>();
        let parts = [
            &MAGIC[..],
            &memory.to_be_bytes(),
            &passes.to_be_bytes(),
            &salt,
        ];
        heading.copy_from_slice(&parts.concat());
        let cipher = secret.cipher(&heading)?;
        to.write_all(&heading)?;
        Ok(Self {
            to,
            cipher,
            heading,
            chunk: Zeroizing::new(Vec::with_capacity(limits::BACKUP_CHUNK_BYTES)),
            number: 0,
        })
    }

    /// Takes bytes in.
    ///
    /// # Errors
    /// [`SealFault::Io`].
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), SealFault> {
        while !bytes.is_empty() {
            // The last chunk is known only when there is no more.
            if self.chunk.len() == limits::BACKUP_CHUNK_BYTES {
                self.flush(false)?;
            }
            let room = limits::BACKUP_CHUNK_BYTES - self.chunk.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.chunk.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Writes the last chunk, and gives back what it was written to.
    ///
    /// # Errors
    /// [`SealFault::Io`].
    pub fn finish(mut self) -> Result<W, SealFault> {
        self.flush(true)?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn flush(&mut self, last: bool) -> Result<(), SealFault> {
        let payload = Payload {
            msg: self.chunk.as_slice(),
            aad: &self.heading,
        };
        let sealed = self
            .cipher
            .encrypt(&nonce(self.number, last), payload)
            .map_err(|_| SealFault::Closed)?;
        self.to.write_all(&sealed)?;
        self.number += 1;
        self.chunk.clear();
        Ok(())
    }
}

/// Decrypts a backup, chunk by chunk; nothing is given out that was changed.
pub struct Opener<R> {
    from: R,
    cipher: ChaCha20Poly1305,
    heading: [u8; HEADING_BYTES],
    /// Read ahead: a chunk is the last if nothing comes after it.
    next: Vec<u8>,
    number: u64,
    over: bool,
}

impl<R: Read> Opener<R> {
    /// Reads the heading.
    ///
    /// # Errors
    /// [`SealFault::NotOne`], [`SealFault::Io`].
    pub fn new(mut from: R, secret: &Secret) -> Result<Self, SealFault> {
        let mut heading = [0; HEADING_BYTES];
        from.read_exact(&mut heading).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => SealFault::NotOne,
            _ => SealFault::Io(e),
        })?;
        if !heading.starts_with(MAGIC) {
            return Err(SealFault::NotOne);
        }
        let cipher = secret.cipher(&heading)?;
        let next = read_chunk(&mut from)?;
        Ok(Self {
            from,
            cipher,
            heading,
            next,
            number: 0,
            over: false,
        })
    }

    /// The next chunk; none at the end.
    ///
    /// # Errors
    /// [`SealFault`].
    pub fn next_chunk(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, SealFault> {
        if self.over {
            return Ok(None);
        }
        let after = read_chunk(&mut self.from)?;
        let sealed = std::mem::replace(&mut self.next, after);
        let last = self.next.is_empty();
        let open = |last| {
            let payload = Payload {
                msg: sealed.as_slice(),
                aad: &self.heading,
            };
            self.cipher.decrypt(&nonce(self.number, last), payload)
        };
        let opened = match open(last) {
            Ok(opened) => Zeroizing::new(opened),
            // A whole chunk that is not the last, and nothing after it.
            Err(_) if last && open(false).is_ok() => return Err(SealFault::CutShort),
            Err(_) => return Err(SealFault::Closed),
        };
        self.number += 1;
        self.over = last;
        Ok(Some(opened))
    }
}

fn nonce(number: u64, last: bool) -> Nonce {
    let mut nonce = [0; 12];
    if let Some(place) = nonce.get_mut(3..11) {
        place.copy_from_slice(&number.to_be_bytes());
    }
    if let Some(flag) = nonce.last_mut() {
        *flag = u8::from(last);
    }
    nonce.into()
}

fn read_chunk(from: &mut impl Read) -> Result<Vec<u8>, SealFault> {
    let mut chunk = Vec::new();
    let most = (limits::BACKUP_CHUNK_BYTES + TAG_BYTES) as u64;
    from.take(most).read_to_end(&mut chunk)?;
    Ok(chunk)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(secret: &Secret, bytes: &[u8]) -> Vec<u8> {
        let mut sealer = Sealer::new(Vec::new(), secret).unwrap();
        sealer.write(bytes).unwrap();
        sealer.finish().unwrap()
    }

    fn opened(secret: &Secret, bytes: &[u8]) -> Result<Vec<u8>, SealFault> {
        let mut opener = Opener::new(bytes, secret)?;
        let mut out = Vec::new();
        while let Some(chunk) = opener.next_chunk()? {
            out.extend_from_slice(&chunk);
        }
        Ok(out)
    }

    #[test]
    fn what_was_sealed_opens_and_nothing_else_does() {
        let secret = Secret::new(b"correct horse battery").unwrap();
        let other = Secret::new(b"incorrect horse battery").unwrap();
        for length in [
            0,
            1,
            limits::BACKUP_CHUNK_BYTES,
            3 * limits::BACKUP_CHUNK_BYTES + 5,
        ] {
            let plain: Vec<u8> = (0..length).map(|n| (n / 7) as u8).collect();
            let bytes = sealed(&secret, &plain);
            assert!(opened(&secret, &bytes).unwrap() == plain);
            assert!(matches!(opened(&other, &bytes), Err(SealFault::Closed)));
            let mut changed = bytes.clone();
            *changed.last_mut().unwrap() ^= 1;
            assert!(matches!(opened(&secret, &changed), Err(SealFault::Closed)));
            // The heading is bound as well: here the salt.
            let mut changed = bytes.clone();
            changed[HEADING_BYTES - 1] ^= 1;
            assert!(opened(&secret, &changed).is_err());
        }
    }

    #[test]
    fn chunks_keep_their_place_and_their_number() {
        let secret = Secret::new(b"correct horse battery").unwrap();
        let bytes = sealed(&secret, &vec![7; 3 * limits::BACKUP_CHUNK_BYTES]);
        let chunk = limits::BACKUP_CHUNK_BYTES + TAG_BYTES;
        let cut = &bytes[..HEADING_BYTES + 2 * chunk];
        assert!(matches!(opened(&secret, cut), Err(SealFault::CutShort)));
        let mut swapped = bytes.clone();
        let (first, second) = swapped[HEADING_BYTES..].split_at_mut(chunk);
        first.swap_with_slice(&mut second[..chunk]);
        assert!(matches!(opened(&secret, &swapped), Err(SealFault::Closed)));
        assert!(matches!(Secret::new(b" short "), Err(SealFault::Short)));
        assert!(matches!(
            opened(&secret, &[b'x'; 99]),
            Err(SealFault::NotOne)
        ));
    }
}

//! The key that signs certificates: a file with 32 secret bytes in hex.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use data_encoding::HEXLOWER;
use liaison_protocol::key::{PublicKey, SecretKey};
use zeroize::Zeroizing;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum ProverKeyError {
    /// The file.
    #[error("the prover's key {file}: {source}")]
    Io {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{file} is no prover's key: it should hold 64 hex digits")]
    Form {
        /// The file.
        file: String,
    },
}

/// Makes a key in a file that must not exist, readable by its owner only.
///
/// # Errors
/// [`ProverKeyError::Io`].
pub fn make(file: &Path) -> Result<PublicKey, ProverKeyError> {
    let secret = Zeroizing::new(rand::random::<[u8; 32]>());
    let text = Zeroizing::new(HEXLOWER.encode(&*secret) + "\n");
    let mut made = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .map_err(|e| io_error(file, e))?;
    made.write_all(text.as_bytes())
        .and_then(|()| made.sync_all())
        .map_err(|e| io_error(file, e))?;
    Ok(SecretKey::from_bytes(&secret).public())
}

/// Reads a key.
///
/// # Errors
/// [`ProverKeyError`].
pub fn read(file: &Path) -> Result<SecretKey, ProverKeyError> {
    let mut text = Zeroizing::new(String::new());
    fs::File::open(file)
        .and_then(|f| f.take(KEY_FILE_BYTES).read_to_string(&mut text))
        .map_err(|e| io_error(file, e))?;
    let bytes = HEXLOWER.decode(text.trim().as_bytes()).map(Zeroizing::new);
    let secret: Option<[u8; 32]> = bytes.ok().and_then(|b| b.as_slice().try_into().ok());
    let secret = Zeroizing::new(secret.ok_or_else(|| ProverKeyError::Form {
        file: file.display().to_string(),
    })?);
    Ok(SecretKey::from_bytes(&secret))
}

/// Bytes of a key file that are read: 64 digits and an end of line.
const KEY_FILE_BYTES: u64 = 80;

fn io_error(file: &Path, source: io::Error) -> ProverKeyError {
    ProverKeyError::Io {
        file: file.display().to_string(),
        source,
    }
}

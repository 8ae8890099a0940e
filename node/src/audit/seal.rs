//! What officers type is for the data-protection officer alone: HPKE (RFC 9180) to that
//! officer's key, with the hybrid KEM X-Wing (X25519 and ML-KEM-768).
//!
//! One encapsulation serves a segment of the log or a run of the node: its line holds the
//! encapsulated key, and each text is sealed by ChaCha20-Poly1305 under a key exported from
//! that context, the line's number being the nonce.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use data_encoding::BASE64;
use hpke::aead::ExportOnlyAead;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Domain of the encapsulation and of what is exported, versioned.
const DOMAIN: &[u8] = b"liaison/1 audit seal";
/// First line of the file with the private half.
const SECRET_HEAD: &str = "liaison audit key, private half: keep it away from the node";
/// First line of the file with the public half.
const PUBLIC_HEAD: &str = "liaison audit key, public half";
/// Sealed texts are padded to a multiple of this many bytes, so that their length tells little.
const PAD: usize = 64;

/// A text under seal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The line that holds the encapsulated key.
    pub by: u64,
    /// The ciphertext, base64.
    pub text: String,
}

/// What opens the texts that follow, for the holder of the private half.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Fingerprint of the public half.
    pub key: String,
    /// The encapsulated key, base64.
    pub enc: String,
}

/// Why a key or a text can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not the file that it should be.
    #[error("this is no {what} of an audit key. 'liaison audit key init FILE' makes one")]
    NoKey {
        /// Which half.
        what: &'static str,
    },
    /// The cryptography refused.
    #[error(
        "what is sealed here does not open with this key: it was sealed to another key, or changed"
    )]
    Closed,
}

/// The public half: anyone may seal to it.
#[derive(Clone, Debug)]
pub struct PublicKey(<XWing as Kem>::PublicKey);

/// The private half. It does not belong on the node.
#[derive(Clone)]
pub struct SecretKey(<XWing as Kem>::PrivateKey);

/// A new pair.
pub fn pair() -> (SecretKey, PublicKey) {
    let (secret, public) = XWing::gen_keypair();
    (SecretKey(secret), PublicKey(public))
}

impl PublicKey {
    /// Out of its file's text.
    ///
    /// # Errors
    /// [`SealError::NoKey`].
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let none = SealError::NoKey {
            what: "public half",
        };
        let bytes = body(text, PUBLIC_HEAD).ok_or_else(|| none.clone())?;
        let key = <XWing as Kem>::PublicKey::from_bytes(&bytes);
        key.map(Self).map_err(|_| none)
    }

    /// The text of its file.
    pub fn to_text(&self) -> String {
        format!("{PUBLIC_HEAD}\n{}\n", BASE64.encode(&self.0.to_bytes()))
    }

    /// By which people tell it from others: 16 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let hash = Sha256::digest(self.0.to_bytes());
        let mut text = data_encoding::HEXLOWER.encode(&hash);
        text.truncate(16);
        text
    }

    /// Begins to seal: what opens it, and what seals.
    ///
    /// # Errors
    /// [`SealError::Closed`]: the key is not one.
    pub(super) fn begin(&self) -> Result<(Opening, Sealer), SealError> {
        let (enc, context) = hpke::setup_sender::<ExportOnlyAead, HkdfSha256, XWing>(
            &OpModeS::Base,
            &self.0,
            DOMAIN,
        )
        .map_err(|_| SealError::Closed)?;
        let mut key = Zeroizing::new([0; 32]);
        context
            .export(DOMAIN, key.as_mut())
            .map_err(|_| SealError::Closed)?;
        let opening = Opening {
            key: self.fingerprint(),
            enc: BASE64.encode(&enc.to_bytes()),
        };
        Ok((opening, Sealer(key)))
    }
}

impl SecretKey {
    /// Out of its file's text.
    ///
    /// # Errors
    /// [`SealError::NoKey`].
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let none = SealError::NoKey {
            what: "private half",
        };
        let bytes = Zeroizing::new(body(text, SECRET_HEAD).ok_or_else(|| none.clone())?);
        let key = <XWing as Kem>::PrivateKey::from_bytes(&bytes);
        key.map(Self).map_err(|_| none)
    }

    /// The text of its file.
    pub fn to_text(&self) -> Zeroizing<String> {
        let bytes = Zeroizing::new(self.0.to_bytes().to_vec());
        Zeroizing::new(format!("{SECRET_HEAD}\n{}\n", BASE64.encode(&bytes)))
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(XWing::sk_to_pk(&self.0))
    }

    /// What opens the texts that follow an opening.
    ///
    /// # Errors
    /// [`SealError::Closed`]: it is another key's.
    pub fn open(&self, opening: &Opening) -> Result<Sealer, SealError> {
        let enc = BASE64
            .decode(opening.enc.as_bytes())
            .map_err(|_| SealError::Closed)?;
        let enc = <XWing as Kem>::EncappedKey::from_bytes(&enc).map_err(|_| SealError::Closed)?;
        let context = hpke::setup_receiver::<ExportOnlyAead, HkdfSha256, XWing>(
            &OpModeR::Base,
            &self.0,
            &enc,
            DOMAIN,
        )
        .map_err(|_| SealError::Closed)?;
        let mut key = Zeroizing::new([0; 32]);
        context
            .export(DOMAIN, key.as_mut())
            .map_err(|_| SealError::Closed)?;
        Ok(Sealer(key))
    }
}

/// Seals and opens the texts of one encapsulation.
pub struct Sealer(Zeroizing<[u8; 32]>);

impl Sealer {
    /// Seals the text of line `n`.
    pub(super) fn seal(&self, by: u64, n: u64, text: &str) -> Result<Sealed, SealError> {
        let mut padded = Zeroizing::new(text.as_bytes().to_vec());
        padded.push(0x80);
        let full = padded.len().next_multiple_of(PAD);
        padded.resize(full, 0);
        let payload = Payload {
            msg: &padded,
            aad: DOMAIN,
        };
        let sealed = self.cipher().encrypt(&nonce(n), payload);
        Ok(Sealed {
            by,
            text: BASE64.encode(&sealed.map_err(|_| SealError::Closed)?),
        })
    }

    /// Opens the text of line `n`.
    ///
    /// # Errors
    /// [`SealError::Closed`].
    pub fn open(&self, n: u64, sealed: &Sealed) -> Result<String, SealError> {
        let bytes = BASE64
            .decode(sealed.text.as_bytes())
            .map_err(|_| SealError::Closed)?;
        let payload = Payload {
            msg: &bytes,
            aad: DOMAIN,
        };
        let padded = Zeroizing::new(
            self.cipher()
                .decrypt(&nonce(n), payload)
                .map_err(|_| SealError::Closed)?,
        );
        let end = padded.iter().rposition(|byte| *byte == 0x80);
        let text = end.and_then(|end| padded.get(..end));
        text.and_then(|text| String::from_utf8(text.to_vec()).ok())
            .ok_or(SealError::Closed)
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&Key::from(*self.0))
    }
}

/// One text a line, so no nonce comes twice under one key.
fn nonce(n: u64) -> Nonce {
    let mut nonce = [0; 12];
    for (to, from) in nonce.iter_mut().skip(4).zip(n.to_be_bytes()) {
        *to = from;
    }
    Nonce::from(nonce)
}

fn body(text: &str, head: &str) -> Option<Vec<u8>> {
    let mut lines = text.lines();
    (lines.next()?.trim() == head).then_some(())?;
    BASE64.decode(lines.next()?.trim().as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_private_half_opens_and_only_at_its_line() {
        let (secret, public) = pair();
        let public = PublicKey::parse(&public.to_text()).expect("public");
        let secret = SecretKey::parse(&secret.to_text()).expect("private");
        assert_eq!(secret.public().fingerprint(), public.fingerprint());
        let (opening, sealer) = public.begin().expect("begun");
        let sealed = sealer.seal(1, 7, "Kovač, lorry").expect("sealed");
        assert_eq!(
            secret.open(&opening).expect("opened").open(7, &sealed),
            Ok("Kovač, lorry".to_owned())
        );
        let opened = secret.open(&opening).expect("opened");
        assert_eq!(opened.open(8, &sealed), Err(SealError::Closed));
        let (other, _) = pair();
        // X-Wing gives another secret for another key, not an error.
        let wrong = other.open(&opening).map(|s| s.open(7, &sealed));
        assert!(!matches!(wrong, Ok(Ok(_))));
        assert!(SecretKey::parse(&public.to_text()).is_err());
    }
}

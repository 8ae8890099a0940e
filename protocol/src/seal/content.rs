//! The content of a sealed record: padded to a size class, under a key that follows from the
//! record's secret, and bound to all that the record shows of itself.

use std::collections::BTreeSet;

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{ChaCha20Poly1305, Key, KeyInit as _, Nonce};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::SealFault;
use super::secret::Secret;
use crate::clock::{Hlc, Millis};
use crate::id::{AgencyId, RecordId};
use crate::limits;
use crate::personal::{Inside, limits_of};
use crate::record::envelope::Fields;
use crate::record::kinds::Content;
use crate::record::kinds::sealed::{Ciphertext, Sealed};
use crate::record::signed::{Record, stub_of};

/// Bytes by which a text under seal is longer than what was padded.
pub const TAG_BYTES: usize = 16;

/// What follows the content, before zeros up to the size class (ISO/IEC 7816-4).
const END: u8 = 0x80;

/// What a sealed record shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stub {
    /// Whose word it is.
    pub author: AgencyId,
    /// When it was made.
    pub created: Hlc,
    /// First record of its thread; none: it is that.
    pub thread: Option<RecordId>,
    /// Who can open it beside the author.
    pub recipients: BTreeSet<AgencyId>,
    /// When the author waits no longer.
    pub respond_by: Option<Millis>,
}

/// Seals a content under a fresh secret: the statement to sign, and the secret for the keyring.
///
/// # Errors
/// [`SealFault::TooLong`]: more than [`limits::INSIDE_BYTES`].
pub fn seal_bytes(
    stub: Stub,
    content: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<(Record, Secret), SealFault> {
    let secret = Secret::random(rng);
    let class = class_of(content.len()).ok_or(SealFault::TooLong {
        found: content.len(),
    })?;
    let mut padded = Zeroizing::new(Vec::with_capacity(class.saturating_add(TAG_BYTES)));
    padded.extend_from_slice(content);
    padded.push(END);
    padded.resize(class, 0);
    let mut record = Record::new(
        stub.author,
        stub.created,
        Fields::of_stub(stub.thread),
        Content::Sealed(Sealed {
            recipients: stub.recipients,
            respond_by: stub.respond_by,
            commitment: secret.commitment(),
            text: Ciphertext::from_bytes(Vec::new()),
        }),
    );
    let aad = stub_of(&record).map_err(|_| SealFault::Stub)?;
    cipher(&secret)
        .encrypt_in_place(&Nonce::default(), &aad, &mut *padded)
        .map_err(|_| SealFault::Stub)?;
    if let Content::Sealed(sealed) = &mut record.content {
        sealed.text = Ciphertext::from_bytes(std::mem::take(&mut *padded));
    }
    Ok((record, secret))
}

/// Seals what a personal record says: the statement to sign, and the secret for the keyring.
///
/// # Errors
/// [`SealFault::TooLong`], [`SealFault::Inside`] and [`SealFault::Limit`]: more than a record may
/// hold.
pub fn seal_record(
    stub: Stub,
    inside: &Inside,
    rng: &mut impl CryptoRng,
) -> Result<(Record, Secret), SealFault> {
    limits_of(inside)?;
    seal_bytes(stub, &inside.encode()?, rng)
}

/// Opens a sealed record with its secret, and reads what it says.
///
/// # Errors
/// As [`open_bytes`]; [`SealFault::Inside`] and [`SealFault::Limit`]: its author's.
pub fn open_record(record: &Record, secret: &Secret) -> Result<Inside, SealFault> {
    let mut inside = Inside::decode(&open_bytes(record, secret)?)?;
    limits_of(&inside)?;
    inside.fields.thread = record.envelope.fields.thread;
    Ok(inside)
}

/// Opens a sealed record with its secret.
///
/// # Errors
/// [`SealFault::NotSealed`]; [`SealFault::Commitment`]: it is not this record's secret;
/// [`SealFault::Changed`] and [`SealFault::Padding`]: its author sealed it wrongly.
pub fn open_bytes(record: &Record, secret: &Secret) -> Result<Zeroizing<Vec<u8>>, SealFault> {
    let Content::Sealed(sealed) = &record.content else {
        return Err(SealFault::NotSealed {
            kind: record.kind(),
        });
    };
    if secret.commitment() != sealed.commitment {
        return Err(SealFault::Commitment);
    }
    let aad = stub_of(record).map_err(|_| SealFault::Stub)?;
    let mut content = Zeroizing::new(sealed.text.as_bytes().to_vec());
    cipher(secret)
        .decrypt_in_place(&Nonce::default(), &aad, &mut *content)
        .map_err(|_| SealFault::Changed)?;
    let end = content.iter().rposition(|byte| *byte != 0);
    let end = end.filter(|end| content.get(*end) == Some(&END));
    // One content has one length: the smallest class that holds it.
    let end = end.filter(|end| class_of(*end) == Some(content.len()));
    content.truncate(end.ok_or(SealFault::Padding)?);
    Ok(content)
}

/// The smallest class that holds this many bytes and the one that ends them.
fn class_of(bytes: usize) -> Option<usize> {
    let mut classes = limits::SIZE_CLASSES.into_iter();
    classes.find(|class| bytes < *class)
}

/// The key is used for one text only, so the nonce is zero.
fn cipher(secret: &Secret) -> ChaCha20Poly1305 {
    let key = Zeroizing::new(Key::from(*secret.content_key()));
    ChaCha20Poly1305::new(&key)
}

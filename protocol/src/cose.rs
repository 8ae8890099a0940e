//! What all COSE_Sign1 (RFC 9052) of this crate have in common: one signer, three protected
//! headers, no unprotected ones. Content type and external AAD tell one use from another.

use coset::{
    CoseSign1, Header, ProtectedHeader, RegisteredLabelWithPrivate, SignatureContext,
    TaggedCborSerializable, iana, sig_structure_data,
};

use crate::key::{PublicKey, SecretKey};
use crate::record::signed::FormFault;

/// A payload signed: its bytes, and what the signature is over.
pub(crate) struct Signed {
    pub bytes: Vec<u8>,
    pub tbs: Vec<u8>,
    pub signature: [u8; 64],
}

/// Signs a payload.
pub(crate) fn sign(
    key: &SecretKey,
    content_type: &str,
    aad: &[u8],
    payload: Vec<u8>,
) -> Result<Signed, FormFault> {
    let protected = protected(key.public(), content_type);
    let tbs = to_be_signed(protected.clone(), aad, &payload);
    let signature = key.sign(&tbs);
    Ok(Signed {
        bytes: assemble(protected, payload, signature)?,
        tbs,
        signature,
    })
}

/// The one form that a signed payload has: what was read is held against it.
pub(crate) fn only_form(
    key: PublicKey,
    content_type: &str,
    aad: &[u8],
    payload: Vec<u8>,
    signature: [u8; 64],
) -> Result<Signed, FormFault> {
    let protected = protected(key, content_type);
    let tbs = to_be_signed(protected.clone(), aad, &payload);
    Ok(Signed {
        bytes: assemble(protected, payload, signature)?,
        tbs,
        signature,
    })
}

/// The key that it names; none: the key id is not 32 bytes.
pub(crate) fn key_of(cose: &CoseSign1) -> Option<PublicKey> {
    let key = cose.protected.header.key_id.as_slice().try_into();
    key.ok().map(PublicKey::from_bytes)
}

/// Its signature; none: it is not 64 bytes.
pub(crate) fn signature_of(cose: &CoseSign1) -> Option<[u8; 64]> {
    cose.signature.as_slice().try_into().ok()
}

/// The protected header of whatever this crate signs.
pub(crate) fn protected(key: PublicKey, content_type: &str) -> ProtectedHeader {
    let header = Header {
        alg: Some(RegisteredLabelWithPrivate::Assigned(iana::Algorithm::EdDSA)),
        content_type: Some(coset::ContentType::Text(content_type.to_owned())),
        key_id: key.as_bytes().to_vec(),
        ..Header::default()
    };
    ProtectedHeader {
        original_data: None,
        header,
    }
}

/// The COSE_Sign1 around a payload.
fn assemble(
    protected: ProtectedHeader,
    payload: Vec<u8>,
    signature: [u8; 64],
) -> Result<Vec<u8>, FormFault> {
    CoseSign1 {
        protected,
        unprotected: Header::default(),
        payload: Some(payload),
        signature: signature.to_vec(),
    }
    .to_tagged_vec()
    .map_err(|e| FormFault::Cose {
        says: e.to_string(),
    })
}

/// The Sig_structure (RFC 9052 section 4.4).
fn to_be_signed(protected: ProtectedHeader, aad: &[u8], payload: &[u8]) -> Vec<u8> {
    sig_structure_data(SignatureContext::CoseSign1, protected, None, aad, payload)
}

//! Stands in for `liaison_protocol::seal` until that is there.

use hpke::kem::XWing;
use hpke::{Deserializable, Kem, Serializable};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The secret of one sealed record: 32 bytes, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    /// Wraps 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The private half of a sealing key.
pub struct SealingSecret {
    seed: Zeroizing<[u8; 32]>,
    public: Vec<u8>,
}

impl SealingSecret {
    pub(super) fn generate() -> Self {
        let seed = Zeroizing::new(rand::random::<[u8; 32]>());
        Self::from_seed(&seed).unwrap_or(Self {
            seed,
            public: Vec::new(),
        })
    }

    pub(super) fn from_seed(seed: &[u8; 32]) -> Option<Self> {
        let key = <XWing as Kem>::PrivateKey::from_bytes(seed).ok()?;
        let public = XWing::sk_to_pk(&key).to_bytes().to_vec();
        Some(Self {
            seed: Zeroizing::new(*seed),
            public,
        })
    }

    pub(super) fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    pub(super) fn public(&self) -> Vec<u8> {
        self.public.clone()
    }

    pub(super) fn id(&self) -> [u8; 8] {
        let hash: [u8; 32] = Sha256::digest(&self.public).into();
        let mut id = [0; 8];
        id.copy_from_slice(hash.first_chunk::<8>().unwrap_or(&[0; 8]));
        id
    }
}

/// The file of a sealing key.
pub(super) fn key_name(id: &[u8; 8]) -> String {
    data_encoding::HEXLOWER.encode(id)
}

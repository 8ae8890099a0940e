//! The seal: what a record says, readable by its recipients only (SPEC.md, "Sealing").
//!
//! A victim's data pass through machines, disks and lines of many, and must stay secret for
//! decades. So a sealed record has one fresh secret, from which its content key follows. The
//! secret travels beside the record, wrapped to each recipient by a hybrid of X25519 and
//! ML-KEM-768, and is kept by each holder apart from the record: who destroys it has erased
//! the content, and the record still verifies.
//!
//! Nothing here draws randomness itself, and all that is secret or in clear is wiped from
//! memory when it is dropped.

mod content;
mod fault;
pub mod frame;
mod key;
mod secret;
#[cfg(test)]
mod tests;
mod wrap;

pub use self::content::{Stub, TAG_BYTES, open_bytes, open_record, seal_bytes, seal_record};
pub use self::fault::{FrameFault, SealFault};
pub(crate) use self::key::info;
pub use self::key::{BadSealingId, PublicBytes, SealingId, SealingKey, SealingSecret};
pub use self::secret::{Commitment, Secret};
pub(crate) use self::wrap::ENC_BYTES;
pub use self::wrap::Wrap;

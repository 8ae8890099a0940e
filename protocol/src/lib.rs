//! The protocol of `liaison`: what agencies sign, send and agree on.
//!
//! Pure: no runtime, network, store, clock or randomness that it was not handed. The wire
//! format is in `SPEC.md`, test vectors are in `vectors/`.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod clock;
pub mod id;
pub mod key;
pub mod limits;
pub mod record;

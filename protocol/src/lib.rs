//! The protocol of `liaison`: what agencies sign, send and agree on.
//!
//! Agencies that answer to nobody in common have to agree, to the byte, on what a record is,
//! whose word it is, and who may have it, or one of them takes what another refuses and the
//! gates have a gap. So all of that is here, in one place that two programs of different ages
//! share: the record ([`record`]) with its form, its checks and the author's handling; who may
//! sign it ([`card`], [`key`]), what only its
//! recipients can read ([`seal`]), and how far a log of it had come ([`audit`]); and the sessions in which it travels ([`wire`]), as state
//! machines that a simulator can run as well as a network.
//!
//! Pure: no runtime, network, store, clock or randomness that it was not handed. The wire
//! format is in `SPEC.md`, test vectors are in `vectors/`.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod audit;
pub mod card;
pub mod cbor;
pub mod clock;
mod cose;
pub mod fault;
pub mod id;
pub mod key;
pub mod lifecycle;
pub mod limits;
pub mod parcel;
pub mod personal;
pub mod record;
pub mod seal;
pub mod wire;

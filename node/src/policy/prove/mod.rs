//! Whether a policy set can ever do what it must not: proven for all records and agencies, or
//! refuted by a case that really happens when the set is applied.
//!
//! An *invariant* is a Cedar `forbid` with a name and a sentence: what it forbids, no statement
//! of the policy may allow. Some are built in (`builtin.cedar`), one is made for each kind that
//! `entities.json` gives to circles, and an agency adds its own in `policy/invariants/*.cedar`.
//!
//! The *symbolic* part ([`symbolic`]) speaks of the Cedar set alone and holds for any agencies,
//! circles and records; it needs the `cvc5` solver. The *concrete* part ([`concrete`]) puts
//! records of every class to the engine for the agencies and circles as they are. Every
//! counterexample is put to a real engine before it is told.
//!
//! Not covered: handling, ceilings, the audience of a record and the path, which are decided
//! outside of Cedar and only narrow.

mod case;
mod certificate;
mod concrete;
mod diff;
mod invariant;
pub mod prover_key;
mod report;
mod solver;
mod symbolic;

#[cfg(test)]
mod tests;

pub use case::{Author, Case};
pub use certificate::{Certificate, CertificateError};
pub use concrete::concrete;
pub use diff::{Difference, Widening, diff};
pub use invariant::Invariant;
pub(super) use invariant::is_reserved;
pub use report::{Finding, Origin, Part, Verdict};
pub use solver::{ProveError, Solver};
pub use symbolic::symbolic;

/// The invariants of every agency, as Cedar text.
pub const BUILTIN_TEXT: &str = include_str!("builtin.cedar");

/// What holds in every case that the engine can be asked about, as Cedar text.
pub const WORLD_TEXT: &str = include_str!("world.cedar");

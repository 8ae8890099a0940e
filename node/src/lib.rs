//! The `liaison` node as a library: one agency's store of signed records, and their way in
//! and out.
//!
//! An agency gives its records away only if it can say to whom, and afterwards why. A node
//! therefore has one way in and one way out: whatever comes, from an officer, a table or a
//! peer, is verified and admitted by [`ingest`], and whatever leaves was decided, written down
//! and released by [`share`]. Everything else in this crate serves these two, or waits for
//! them.
//!
//! The folders follow a record: [`control`] (an officer pushes it) → [`ingest`] (verified,
//! admitted) → [`store`] → [`share`] (both gates, the ledger) → [`sync`] (sessions with each
//! peer) → [`swarm`] (streams over libp2p). Where no stream leads, what [`share`] released goes
//! as [`parcels`], which a [`hub`] keeps or a person carries.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod aside;
pub mod audit;
pub mod backup;
pub mod cardfile;
pub mod catchup;
pub mod clock;
pub mod config;
pub mod control;
pub mod doctor;
pub mod home;
pub mod hub;
pub mod import;
pub mod ingest;
pub mod keyring;
pub mod kind;
pub mod limits;
mod marks;
pub mod metrics;
mod newest;
pub mod node;
mod notify;
pub mod officers;
pub mod parcels;
pub mod policy;
pub mod referral;
pub mod registry;
mod run;
pub mod search;
pub mod services;
mod setback;
pub mod share;
pub mod signing;
pub mod source;
mod stats;
pub mod store;
pub mod swarm;
pub mod sync;
pub mod time;
pub mod vault;
pub mod withdrawal;

pub use node::{Node, NodeError, RunOptions};
pub use run::{RunError, no_core_dumps, run};

/// Name and version, as peers and logs see it.
pub const SOFTWARE: &str = concat!("liaison ", env!("CARGO_PKG_VERSION"));

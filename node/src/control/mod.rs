//! The local side: what officers ask of a running node, over a Unix socket.

mod access;
pub mod api;
mod approval;
mod audit;
mod backup;
mod caller;
mod calls;
mod clock;
mod drafts;
mod error;
mod expiry;
mod gate;
mod hub;
mod import;
mod keyring;
mod keys;
mod officers;
mod parting;
mod peers;
mod policy;
mod preview;
mod query;
mod recalled;
mod records;
mod referrals;
mod routes;
mod server;
mod services;
mod stats;
mod status;
pub mod text;
mod turned_away;
mod watch;

pub(crate) use policy::in_force;
pub use server::serve;
pub(crate) use status::alerts;

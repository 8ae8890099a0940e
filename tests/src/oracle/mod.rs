//! The leak oracle: random federations of real nodes, and every frame and store of theirs
//! against a model of the rules.
//!
//! A seed draws a [`plan`]: nodes, links, circles, policies with ceilings, records of several
//! kinds with their handling and lists, sealed ones, amendments, retractions, permits, recalls, restarts, cut
//! lines, peers removed, revoked and added again, nodes that come back from a backup. [`world`]
//! carries it out with real nodes over real sockets; [`model`] has the rules, written anew from
//! the specification; the judges compare:
//!
//! - a node holds what the gates in force at the end let it have, over any number of hops,
//! - it holds nothing that was not released to it by the gates at the time,
//! - it holds nothing that was retracted or called back where that could come,
//! - no frame tells or gives a peer what it may not have: each is judged by the gates of the
//!   policy epoch of its session, and none is of an old epoch two seconds after a change,
//! - what is sealed reaches those whom it names, from its author, and nobody else opens it; its
//!   words stand in no frame and in no file,
//! - a node that came back from a backup serves nothing that was withdrawn since, before it heard
//!   from whoever brought it.
//!
//! [`sabotage`] breaks the gates one by one, to see that the oracle sees it.
//!
//! What it cannot see is a gate behind which another one stands, as long as that one holds:
//!
//! - *link*, on the way out: a removed peer is let in by no transport (its keys are on no roster),
//!   a leaving one is held to control traffic, and the policy engine knows neither. Its own
//!   frames are refused in the same order, by transport and ingest.
//! - *tombstone*: ingest asks, and the store asks again as it writes. With both gone, a peer that
//!   was cut off brings back what was retracted meanwhile, and that is seen.

mod authors;
pub mod ceiling;
pub mod judge;
mod keepers;
pub mod model;
pub mod plan;
pub mod policy;
pub mod record;
mod rest;
pub mod rng;
pub mod sabotage;
mod scenes;
mod sealed;
pub mod step;
mod trace;
mod wire;
pub mod world;

pub use plan::Plan;
pub use sabotage::Sabotage;
pub use world::{Outcome, run};

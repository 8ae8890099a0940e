//! A simulator of federations: many nodes in virtual time, on the frames and sessions that nodes
//! really speak ([`liaison_protocol::wire`]). One seed gives one run, message by message.
//!
//! [`world`] is the simulation, [`post`] that of agencies that meet nowhere but at mailboxes;
//! [`scale`] puts federations of a given [`topology`] and size under
//! given [`conditions`] into it and says how long records take and what they cost; [`table`] and
//! [`plot`] show that. What stands in a node beside its sessions is simple here: a store in memory
//! and a policy of classes. Gates, disks and cryptography cost no time.

#![forbid(unsafe_code)]

pub mod conditions;
pub mod lines;
pub mod plot;
pub mod post;
pub mod rng;
pub mod scale;
pub mod table;
pub mod topology;
pub mod world;

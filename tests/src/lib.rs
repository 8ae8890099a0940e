//! The harness: federations of real nodes, with real sockets and stores on disk.
//!
//! [`Federation`] runs nodes in this process, where a test can await what happens and see
//! every frame; [`process::Program`] runs the program as a process of its own, where a test
//! can kill it. Nothing here sleeps: everything that is waited for is an event.
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a harness fails by panicking, with words"
)]

pub mod absent;
pub mod address;
pub mod federation;
pub mod footprint;
pub mod http;
mod line;
pub mod mailbox;
pub mod memory;
pub mod netns;
pub mod oracle;
pub mod process;
pub mod raw;
pub mod raw_hub;
pub mod referral;
pub mod runbook;
pub mod sealed;
pub mod sheet;
pub mod tap;
pub mod terminal;
pub mod test_node;

pub use federation::Federation;
pub use raw::RawPeer;
pub use tap::Recorder;
pub use test_node::{Ran, TestNode};

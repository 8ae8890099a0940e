//! The program as people and scripts use it, mostly against a node that is played by the test.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, with words"
)]

mod card;
mod demo;
mod documents;
mod draft;
mod fake;
mod harness;
mod import;
mod look;
mod peer;
mod policy;
mod push;
mod usage;

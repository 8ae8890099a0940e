//! The protocol from outside: `SPEC.md`, `vectors/` and the code held against each other.
//!
//! `LIAISON_BLESS=1 cargo test -p liaison-protocol --test all` writes the generated regions
//! of `SPEC.md` and the vectors anew; without it they are compared.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, with words"
)]

mod audit;
mod by_hand;
mod cast;
mod cose;
mod handling;
mod keys;
mod properties;
mod raw;
mod spec;
mod vectors;

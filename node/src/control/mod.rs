//! The local side: what officers ask of a running node, over a Unix socket.

pub mod api;

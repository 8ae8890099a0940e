//! Hubs: nodes that carry for others what they cannot read. Any node is one that has `[hub]`
//! in its configuration.

pub mod config;

pub use config::{HubConfig, HubConfigError, HubsConfig};

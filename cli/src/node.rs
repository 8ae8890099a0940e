//! What the command line takes from the node's library without going through the socket.
//!
//! TO BE REPLACED where marked: stands in for what is not in this branch yet, with the same
//! signatures.

use std::fmt;

pub use liaison_node::cardfile::CardFile;
pub use liaison_node::clock::{Clock, SystemClock};
pub use liaison_node::home::{Home, InitRequest};

/// Not part of this build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing;

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this build of the program has no node in it")
    }
}

impl std::error::Error for Missing {}

/// Runs the node until SIGTERM or SIGINT. TO BE REPLACED by:
///
/// ```ignore
/// liaison_node::run(home, RunOptions { listen, group, ..RunOptions::default() }, ready)
/// ```
///
/// # Errors
/// Always, in this build.
pub fn run(
    _home: Home,
    _listen: Vec<String>,
    _group: Option<String>,
    _ready: impl FnOnce(&[String]),
) -> Result<(), Missing> {
    Err(Missing)
}

/// TO BE REPLACED: pub use liaison_node::demo;
pub mod demo {
    use std::io::Write;

    use super::Missing;

    /// Runs it.
    ///
    /// # Errors
    /// Always, in this build.
    pub fn run(_out: &mut dyn Write) -> Result<(), Missing> {
        Err(Missing)
    }
}

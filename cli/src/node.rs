//! What the command line takes from the node's library without going through the socket.

use std::sync::Arc;

use liaison_node::keyring::MasterKey;

pub use liaison_node::cardfile::CardFile;
pub use liaison_node::clock::{Clock, SystemClock};
pub use liaison_node::home::{Home, InitRequest};
pub use liaison_node::services::hours::telephone;

/// Runs the node until SIGTERM or SIGINT.
///
/// # Errors
/// It does not start.
pub fn run(
    home: Home,
    listen: Vec<String>,
    group: Option<String>,
    master: Option<MasterKey>,
    ready: impl FnOnce(&[String]),
) -> Result<(), liaison_node::RunError> {
    let options = liaison_node::RunOptions {
        listen,
        group,
        master: master.map(Arc::new),
        ..Default::default()
    };
    liaison_node::run(home, options, ready)
}

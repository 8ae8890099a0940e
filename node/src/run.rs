//! Running a node as a program: its own runtime, the log, the socket, until a signal.

use std::io::IsTerminal;

use rustix::fs::Mode;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit, umask,
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};
use crate::control;
use crate::home::Home;
use crate::metrics;
use crate::node::{Node, NodeError, RunOptions};

/// Why a node that ran as a program ended badly.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It did not start.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The operating system gave no threads or signals.
    #[error("the operating system refused what a node needs: {0}")]
    System(#[from] std::io::Error),
}

/// Runs a node until SIGTERM or SIGINT. `ready` is called once, with the addresses on which
/// it listens, when the socket and the transport are up. Logs to standard error.
///
/// # Errors
/// [`RunError`].
pub fn run(home: Home, options: RunOptions, ready: impl FnOnce(&[String])) -> Result<(), RunError> {
    if std::env::var_os("SSLKEYLOGFILE").is_some() {
        return Err(NodeError::KeyLog.into());
    }
    log(&home)?;
    no_core_dumps();
    // What the node writes is its own, also where its home lets officers through to the socket.
    umask(Mode::RWXG | Mode::RWXO);
    home.check_socket_path().map_err(NodeError::from)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async move {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let group = options.group.clone();
        let node = Node::start(home, options).await?;
        if let Err(error) = control::serve(&node, group.as_deref()) {
            node.stop().await;
            return Err(error.into());
        }
        if let Err(error) = metrics::serve(&node).await {
            node.stop().await;
            return Err(error.into());
        }
        ready(&node.swarm.listen_addrs());
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
            _ = interrupt.recv() => tracing::info!("interrupted: stopping"),
        }
        node.stop().await;
        Ok(())
    })
}

/// What is in memory, keys and victims' data, must not end up in a file because of a crash; and
/// no other process of the same user may look into this one. For the node, and for every command
/// that reads a key or shows what was sealed.
pub fn no_core_dumps() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // A unit that has said so already may forbid the call.
    if getrlimit(Resource::Core) != none
        && let Err(error) = setrlimit(Resource::Core, none)
    {
        tracing::warn!(%error, "a crash may write memory to a file: 'ulimit -c 0' before 'liaison run'");
    }
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "other programs of this user can read the node's memory");
    }
}

fn log(home: &Home) -> Result<(), NodeError> {
    let config = Config::read(&home.config_path())?.log;
    let filter = EnvFilter::try_from_default_env()
        .or_else(|_| EnvFilter::try_new(&config.filter))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    // A log file is read by programs, which know no colours.
    let colour = std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colour)
        .with_writer(std::io::stderr);
    // A second node in one process keeps the first one's log.
    let _already = match config.format {
        LogFormat::Human => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    Ok(())
}

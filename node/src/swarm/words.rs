//! What dials and connections that failed mean, in sentences.

use std::error::Error;
use std::io;

use libp2p::core::transport::TransportError;
use libp2p::swarm::DialError;

use super::address::{host_port, transport};
use liaison_protocol::id::AgencyId;

pub(super) const NOT_KNOWN: &str =
    "its node closed the connection: it does not list us as a linked peer";
pub(super) const NOT_KNOWN_REMEDY: &str = "send them our card ('liaison card export -') and ask them to type 'liaison peer add'; \
     if they had us, they may have removed us: call them";
pub(super) const CONNECT_REMEDY: &str = "check that their node runs, that UDP and TCP to that port pass both firewalls, \
     and that their card has their present address";
pub(super) const IN_USE: &str = "the port is in use";
pub(super) const NO_ADDRESS: &str = "its card has no usable address: waiting for it to connect to us, or for a hub that carries for it";

/// Why a dial failed.
pub(super) fn dial(error: &DialError) -> String {
    match error {
        DialError::WrongPeerId { address, .. } => format!(
            "a node answers at {}, but not with a key from this peer's card: it has a new card, or someone else is there",
            host_port(address)
        ),
        DialError::NoAddresses => NO_ADDRESS.to_owned(),
        DialError::LocalPeerId { address } => {
            format!(
                "{} is this node itself: the card has a wrong address",
                host_port(address)
            )
        }
        DialError::Transport(failures) => {
            let mut said: Vec<String> = Vec::new();
            for (address, error) in failures {
                let one = format!(
                    "{} ({}): {}",
                    host_port(address),
                    transport(address),
                    carried(error)
                );
                if !said.contains(&one) {
                    said.push(one);
                }
            }
            if said.is_empty() {
                "nothing answered".to_owned()
            } else {
                said.join("; ")
            }
        }
        DialError::Denied { .. } => "it is no longer a linked peer".to_owned(),
        DialError::Aborted | DialError::DialPeerConditionFalse(_) => {
            "the attempt was given up".to_owned()
        }
    }
}

/// Why a peer cannot be reached through a hub.
pub(super) fn crossing(hub: &AgencyId, error: &DialError) -> String {
    let why = match error {
        DialError::Transport(failures) => failures
            .iter()
            .map(|(_, error)| through(&carried(error)))
            .next()
            .unwrap_or_else(|| "nothing answered".to_owned()),
        other => dial(other),
    };
    format!("through the hub {}: {why}", hub.short())
}

/// Why a hub does not carry for us.
pub(super) fn refused(error: &io::Error) -> String {
    through(&io_words(error))
}

/// What a relay's refusal means.
fn through(said: &str) -> String {
    let lower = said.to_lowercase();
    let has = |what: &str| lower.contains(what);
    let word = match () {
        () if has("no reservation") => "the peer is not connected to it",
        () if has("limit exceeded") => "it carries no more for one of us: its bounds are reached",
        () if has("does not support") => "it is no hub: '[hub]' is missing in its configuration",
        () if has("failed to connect") => "it did not get through to the peer",
        () => return said.to_owned(),
    };
    word.to_owned()
}

/// Why an address cannot be listened on, and whether that is because its port is in use.
pub(super) fn listen(error: &TransportError<io::Error>) -> (String, bool) {
    match error {
        TransportError::MultiaddrNotSupported(_) => (carried(error), false),
        TransportError::Other(error) => {
            let said = io_words(error);
            let in_use = said == IN_USE;
            (said, in_use)
        }
    }
}

fn carried(error: &TransportError<io::Error>) -> String {
    match error {
        TransportError::MultiaddrNotSupported(_) => "this kind of address is not spoken".to_owned(),
        TransportError::Other(error) => io_words(error),
    }
}

/// The operating system's reason, wherever in the chain it is.
fn io_words(error: &io::Error) -> String {
    let mut text = error.to_string();
    let mut kind = Some(error.kind());
    let mut next: Option<&(dyn Error + 'static)> =
        error.get_ref().map(|e| e as &(dyn Error + 'static));
    while let Some(inner) = next {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            kind = Some(io.kind());
        }
        text.push(' ');
        text.push_str(&inner.to_string());
        next = inner.source();
    }
    let lower = text.to_lowercase();
    let has = |what: &str| lower.contains(what);
    let word = match kind {
        Some(io::ErrorKind::ConnectionRefused) => "nothing listens there (refused)",
        Some(io::ErrorKind::AddrInUse) => IN_USE,
        Some(io::ErrorKind::TimedOut) => "no answer in time",
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
            "there is no route to it"
        }
        _ if has("refused") => "nothing listens there (refused)",
        _ if has("in use") => IN_USE,
        _ if has("timed out") || has("timeout") => "no answer in time",
        _ if has("unreachable") => "there is no route to it",
        _ if has("resolve")
            || has("no records")
            || has("no connections available")
            || has("dns") =>
        {
            "its name cannot be resolved"
        }
        _ => return text.chars().take(160).collect(),
    };
    word.to_owned()
}

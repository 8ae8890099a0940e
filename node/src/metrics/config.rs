//! Where the figures are served.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// `[metrics]` in `config.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// Address and port of this machine at which figures and health are served; absent: nowhere.
    pub listen: Option<Loopback>,
}

/// An address that only this machine reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Loopback(SocketAddr);

/// Why a text is no such address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoopbackFault {
    /// It is no address with a port.
    #[error("'{0}' is no address with a port. Write it as \"127.0.0.1:9464\" or \"[::1]:9464\"")]
    Form(String),
    /// Others than this machine reach it.
    #[error(
        "{0} can be reached from other machines, and the figures say with whom this agency exchanges, and how much: they are served to this machine alone. Write \"127.0.0.1:9464\", and let what collects them run here, or come by SSH"
    )]
    Open(SocketAddr),
}

impl Loopback {
    /// The address.
    pub const fn address(self) -> SocketAddr {
        self.0
    }
}

impl TryFrom<String> for Loopback {
    type Error = LoopbackFault;

    fn try_from(text: String) -> Result<Self, LoopbackFault> {
        match text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => Ok(Self(address)),
            Ok(address) => Err(LoopbackFault::Open(address)),
            Err(_) => Err(LoopbackFault::Form(text)),
        }
    }
}

impl From<Loopback> for String {
    fn from(loopback: Loopback) -> Self {
        loopback.to_string()
    }
}

impl fmt::Display for Loopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_taken() {
        for good in ["127.0.0.1:9464", "[::1]:9464", "127.9.9.9:1"] {
            let taken = Loopback::try_from(good.to_owned()).expect(good);
            assert_eq!(taken.to_string(), good);
        }
        for open in [
            "0.0.0.0:9464",
            "[::]:9464",
            "192.0.2.1:9464",
            "[::ffff:127.0.0.1]:1",
        ] {
            let fault = Loopback::try_from(open.to_owned()).expect_err(open);
            assert!(matches!(fault, LoopbackFault::Open(_)), "{open}: {fault}");
        }
        for form in ["localhost:9464", "127.0.0.1", "9464", ""] {
            let fault = Loopback::try_from(form.to_owned()).expect_err(form);
            assert!(matches!(fault, LoopbackFault::Form(_)), "{form}: {fault}");
        }
    }
}

//! What can go wrong, with the exit code and the remedy: 1 refused or failed, 2 usage, 3 the
//! node is not reachable, 4 not for your role, 5 the solver is missing, 6 waits for a second person,
//! 7 too much at once, 8 the keyring does not open.

use std::io;
use std::path::PathBuf;

use liaison_node::control::api::ApiError;

use crate::home::unit_of;

/// Done.
pub const DONE: u8 = 0;
/// Refused or failed.
pub const FAILED: u8 = 1;
/// Wrong use of the command line.
pub const USAGE: u8 = 2;
/// The node is not reachable.
pub const UNREACHABLE: u8 = 3;

/// Not for this user or its roles.
pub const FORBIDDEN: u8 = 4;

/// The solver that proves policies is not installed.
pub const NO_SOLVER: u8 = 5;

/// Waits for a second person.
pub const PENDING: u8 = 6;

/// The node has too much to do for this user: nothing was done, try again.
pub const BUSY: u8 = 7;

/// The keyring does not open with what it was given: trying again won't help.
pub const LOCKED: u8 = 8;

/// Why a command did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Arguments that clap could not see to be wrong.
    #[error("{says}")]
    Usage {
        /// What is wrong.
        says: String,
        /// What to type.
        remedy: String,
    },
    /// No home folder where one was expected.
    #[error("there is no home folder at {}", home.display())]
    NoHome {
        /// Where it was looked for.
        home: PathBuf,
    },
    /// Nobody listens on the socket.
    #[error("the node is not running: nobody answers on {}", socket.display())]
    NotRunning {
        /// The socket.
        socket: PathBuf,
        /// The home folder that it belongs to.
        home: PathBuf,
    },
    /// The socket is there and this user may not use it.
    #[error("this user may not talk to the node: {} is closed to it", socket.display())]
    NotAllowed {
        /// The socket.
        socket: PathBuf,
    },
    /// The connection broke or the answer was not HTTP.
    #[error("the node broke off the connection: {why}")]
    Broken {
        /// What the connection said.
        why: String,
    },
    /// The answer is not what this version of the command line expects.
    #[error("the node's answer to {path} is not understood: {why}")]
    Answer {
        /// Path of the call.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The node said no.
    #[error("{}", .0.error)]
    Api(Box<ApiError>),
    /// A file could not be read or written.
    #[error("cannot {what} {}: {source}", path.display())]
    File {
        /// `read` or `write`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is larger than anything that it could hold.
    #[error("{} is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        limit: u64,
    },
    /// A file is not what it should be.
    #[error("{place}: {says}")]
    Malformed {
        /// File, with line where it is known.
        place: String,
        /// What is wrong.
        says: String,
        /// What to do.
        remedy: String,
    },
    /// Something else of the node's library or the system refused.
    #[error("{says}")]
    Failed {
        /// What happened.
        says: String,
        /// What to do.
        remedy: String,
    },
    /// The keyring does not open, and won't the next time.
    #[error("{says}")]
    Locked {
        /// What is wrong.
        says: String,
        /// What to do.
        remedy: String,
    },
    /// What was done is already printed, and not all of it went well.
    #[error("not all of it went well")]
    Partial,
    /// The node is not reachable, and what to do is already printed.
    #[error("the node is not reachable")]
    Away,
    /// The reader of our output went away (`| head`): no fault.
    #[error("the output was closed")]
    Closed,
    /// Standard input or output failed.
    #[error("cannot write to the terminal: {0}")]
    Terminal(io::Error),
}

impl CommandError {
    /// Arguments that clap could not see to be wrong.
    pub fn usage(says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Usage {
            says: says.into(),
            remedy: remedy.into(),
        }
    }

    /// A refusal in words.
    pub fn failed(says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Failed {
            says: says.into(),
            remedy: remedy.into(),
        }
    }

    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } => USAGE,
            Self::NoHome { .. }
            | Self::NotRunning { .. }
            | Self::NotAllowed { .. }
            | Self::Broken { .. }
            | Self::Away => UNREACHABLE,
            Self::Closed => DONE,
            Self::Locked { .. } => LOCKED,
            Self::Api(error) if error.code == "forbidden" => FORBIDDEN,
            Self::Api(error) if error.code == "pending" => PENDING,
            Self::Api(error) if error.code == "no-solver" => NO_SOLVER,
            Self::Api(error) if error.code == "busy" => BUSY,
            Self::Answer { .. }
            | Self::Api(_)
            | Self::File { .. }
            | Self::TooLarge { .. }
            | Self::Malformed { .. }
            | Self::Failed { .. }
            | Self::Partial
            | Self::Terminal(_) => FAILED,
        }
    }

    /// What to type or do next.
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::Usage { remedy, .. }
            | Self::Malformed { remedy, .. }
            | Self::Failed { remedy, .. }
            | Self::Locked { remedy, .. } => Some(remedy.clone()),
            Self::NoHome { home } => Some(format!(
                "make one with `liaison --home {} init`, or name the right folder with --home or LIAISON_HOME. Who uses a service has to be in the group 'liaison'",
                home.display()
            )),
            Self::NotRunning { home, .. } => Some(match unit_of(home) {
                Some(unit) => format!("start it with `sudo systemctl start {unit}`; `journalctl -u {unit}` says why it stopped"),
                None => format!("start it with `liaison --home {} run`", home.display()),
            }),
            Self::NotAllowed { socket } => Some(format!(
                "ask the administrator of this machine to put you in the group '{}', then log in again",
                socket.parent().and_then(unit_of).unwrap_or("liaison")
            )),
            Self::Broken { .. } => {
                Some("look whether the node still runs with `liaison status`, then type the command again".into())
            }
            Self::Answer { .. } => Some(
                "the running node may be of another version: restart it with the program that you are using".into(),
            ),
            Self::Api(error) => error.remedy.clone(),
            Self::File { what: "read", .. } => Some("check the name, and that you may read it".into()),
            Self::File { .. } => Some("check that the folder exists and that you may write there".into()),
            Self::TooLarge { .. } => Some("check that it is the right file, or split it".into()),
            Self::Partial | Self::Away | Self::Closed | Self::Terminal(_) => None,
        }
    }

    /// Machine-readable cause, as `--json` prints it.
    pub fn code(&self) -> &str {
        match self {
            Self::Usage { .. } => "usage",
            Self::NoHome { .. } => "no-home",
            Self::NotRunning { .. } => "not-running",
            Self::NotAllowed { .. } => "not-allowed",
            Self::Broken { .. } => "broken",
            Self::Answer { .. } => "answer",
            Self::Api(error) => &error.code,
            Self::File { .. } => "file",
            Self::TooLarge { .. } => "too-large",
            Self::Malformed { .. } => "malformed",
            Self::Failed { .. } => "failed",
            Self::Locked { .. } => "locked",
            Self::Partial => "partial",
            Self::Away => "away",
            Self::Closed => "closed",
            Self::Terminal(_) => "terminal",
        }
    }

    /// The same as the node's errors, for `--json`.
    pub fn to_api(&self) -> ApiError {
        match self {
            Self::Api(error) => (**error).clone(),
            other => ApiError {
                error: other.to_string(),
                remedy: other.remedy(),
                code: other.code().to_owned(),
                findings: Vec::new(),
            },
        }
    }

    /// Whether the node could not be asked at all.
    pub fn is_unreachable(&self) -> bool {
        self.exit_code() == UNREACHABLE
    }
}

impl From<ApiError> for CommandError {
    fn from(error: ApiError) -> Self {
        Self::Api(Box::new(error))
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Terminal(error),
        }
    }
}

/// What a command returns.
pub type Outcome = Result<(), CommandError>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_the_contract() {
        assert_eq!(CommandError::usage("", "").exit_code(), 2);
        assert_eq!(CommandError::failed("", "").exit_code(), 1);
        let forbidden = ApiError::new("forbidden", "not for this role");
        assert_eq!(CommandError::from(forbidden).exit_code(), 4);
        assert_eq!(CommandError::from(ApiError::busy("")).exit_code(), 7);
        let missing = ApiError::new("no-solver", "");
        assert_eq!(CommandError::from(missing).exit_code(), 5);
        assert_eq!(CommandError::NoHome { home: "/x".into() }.exit_code(), 3);
        assert_eq!(
            CommandError::from(io::Error::from(io::ErrorKind::BrokenPipe)).exit_code(),
            0
        );
    }
}

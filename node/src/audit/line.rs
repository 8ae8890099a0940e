//! A line of the log, its bytes and its place in the chain.
//!
//! On disk a line is `HASH JSON\n`, HASH being 64 hexadecimal digits: SHA-256 over a domain
//! string, the hash of the line before (32 zero bytes before the first) and the bytes of JSON.

use std::fmt;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Act;
use super::seal::Sealed;
use crate::officers::Officer;

/// Domain of the chain, versioned.
const DOMAIN: &[u8] = b"liaison/1 audit line";

/// The hash of a line, which covers every line before it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Digest {
    /// Out of its 64 digits.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let bytes = HEXLOWER.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The hash of the line that follows.
    pub fn then(self, json: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(DOMAIN);
        hash.update(self.0);
        hash.update(json);
        Self(hash.finalize().into())
    }
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// The node by itself, under its policy.
    Node,
    /// A Unix user.
    Officer {
        /// Its number.
        uid: u32,
        /// Its name.
        name: String,
        /// Its roles at the time.
        roles: Vec<String>,
        /// Whether several people use the account.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        shared: bool,
    },
}

impl Who {
    /// A user who is no officer.
    pub fn stranger(uid: u32) -> Self {
        Self::Officer {
            uid,
            name: crate::officers::user_name(uid),
            roles: Vec::new(),
            shared: false,
        }
    }
}

impl From<&Officer> for Who {
    fn from(officer: &Officer) -> Self {
        Self::Officer {
            uid: officer.uid,
            name: officer.name.clone(),
            roles: officer.roles.names(),
            shared: officer.shared,
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node => f.write_str("node"),
            Self::Officer { name, uid, .. } => write!(f, "{name} ({uid})"),
        }
    }
}

/// A line of the log. Ids only: no content, no title, and nothing that an officer typed but
/// under seal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its number, from 1.
    pub n: u64,
    /// When, RFC 3339.
    pub at: String,
    /// Who.
    pub who: Who,
    /// What.
    pub what: Act,
    /// By which call of the local API, or which part of the node.
    pub by: String,
    /// To whom (disclosed) or from whom (collected): agency ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<String>,
    /// Under which statement of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Of which policy epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// The records, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<String>,
    /// How many records it was about, where they are not listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// What came of it; absent: done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// The line that announced it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// What the officer typed, under seal: a query, a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typed: Option<Sealed>,
    /// Of a line that begins a segment or a run: the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// Of a line that begins another chain: where the one before it ended, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anew: Option<Anew>,
    /// Of such a line: the key under which what is typed from here on is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<super::seal::Opening>,
    /// A signed head, base64: it states the line before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
}

/// Why a chain ended at the line before, and another one begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Anew {
    /// The node came back from a backup: what was written since is lost.
    Restored {
        /// The chain that ended.
        chain: String,
        /// When the backup was made, RFC 3339.
        made: String,
    },
    /// The node found that a peer holds more of its log than it has itself.
    SetBack {
        /// The chain that ended.
        chain: String,
        /// Lines that it had, as the peer shows under our own signature.
        lines: u64,
        /// The peer: an agency id.
        by: String,
    },
}

impl Anew {
    /// The chain that ended.
    pub fn chain(&self) -> &str {
        match self {
            Self::Restored { chain, .. } | Self::SetBack { chain, .. } => chain,
        }
    }
}

impl Line {
    /// A line without particulars.
    pub fn new(n: u64, at: String, who: Who, what: Act, by: impl Into<String>) -> Self {
        Self {
            n,
            at,
            who,
            what,
            by: by.into(),
            peers: Vec::new(),
            rule: None,
            epoch: None,
            records: Vec::new(),
            count: None,
            outcome: None,
            of: None,
            typed: None,
            chain: None,
            anew: None,
            seal: None,
            head: None,
        }
    }

    /// Appends its bytes after `before`; its hash.
    ///
    /// # Errors
    /// It can't be written as JSON; no line of ours.
    pub fn append(&self, before: Digest, to: &mut Vec<u8>) -> Result<Digest, serde_json::Error> {
        let json = serde_json::to_vec(self)?;
        let digest = before.then(&json);
        to.extend_from_slice(digest.to_string().as_bytes());
        to.push(b' ');
        to.extend_from_slice(&json);
        to.push(b'\n');
        Ok(digest)
    }
}

/// The two parts of a line's bytes (without its end): hash and JSON.
pub fn split(raw: &[u8]) -> Option<(Digest, &[u8])> {
    let (hash, rest) = raw.split_at_checked(64)?;
    Some((Digest::parse(hash)?, rest.strip_prefix(b" ")?))
}

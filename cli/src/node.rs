//! What the command line takes from the node's library without going through the socket.
//!
//! TO BE REPLACED where marked: stands in for what other branches bring, with the same
//! signatures.

use std::fmt;

pub use liaison_node::cardfile::CardFile;
pub use liaison_node::clock::{Clock, SystemClock};
pub use liaison_node::home::{Home, InitRequest};
pub use liaison_node::import::cut::{Dialect, pieces};
pub use liaison_node::import::job::JobKey;
pub use liaison_node::import::text::decode;

/// Not part of this build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing;

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this build of the program has no node in it")
    }
}

impl std::error::Error for Missing {}

// TO BE REPLACED: pub use liaison_node::{RunOptions, run};

/// What `run` is told.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// Addresses to listen on.
    pub listen: Vec<String>,
}

/// Runs the node until SIGTERM or SIGINT.
///
/// # Errors
/// Always, in this build.
pub fn run(_home: Home, options: RunOptions, ready: impl FnOnce(&[String])) -> Result<(), Missing> {
    if false {
        ready(&options.listen);
    }
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

/// TO BE REPLACED: pub use liaison_protocol::record::template;
pub mod template {
    /// As JSON.
    pub fn json(_kind: &str) -> Option<String> {
        None
    }
    /// As TOML, with the allowed codes as comments.
    pub fn toml(_kind: &str) -> Option<String> {
        None
    }
}

/// How a CSV file is read, as its map says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Name of its encoding.
    pub encoding: String,
    /// Delimiter and quote.
    pub dialect: Dialect,
    /// Whether its first row names the columns.
    pub has_header: bool,
}

impl Reading {
    /// Reads the part of a map that says how its file is cut.
    ///
    /// TO BE REPLACED by:
    ///
    /// ```ignore
    /// let map = liaison_node::import::Map::parse(map).map_err(|e| e.to_string())?;
    /// Ok(Self { encoding: map.encoding().to_owned(), dialect: map.dialect(), has_header: map.has_header() })
    /// ```
    ///
    /// # Errors
    /// The map is no TOML, or a delimiter or quote is not one ASCII character.
    pub fn of_map(map: &str) -> Result<Self, String> {
        let table: toml::Table = toml::from_str(map).map_err(|e| e.to_string())?;
        let value = |name: &str| table.get("file").and_then(|file| file.get(name));
        let text = |name: &str| value(name).and_then(toml::Value::as_str);
        let byte = |name: &str, default: u8| match text(name).map(str::as_bytes) {
            None => Ok(default),
            Some(b"tab") => Ok(b'\t'),
            Some([one]) if one.is_ascii() => Ok(*one),
            Some(_) => Err(format!("'{name}' must be one ASCII character")),
        };
        let quote = match text("quote") {
            Some("") => None,
            _ => Some(byte("quote", b'"')?),
        };
        Ok(Self {
            encoding: text("encoding").unwrap_or("utf-8").to_owned(),
            dialect: Dialect {
                delimiter: byte("delimiter", b',')?,
                quote,
            },
            has_header: value("header")
                .and_then(toml::Value::as_bool)
                .unwrap_or(true),
        })
    }
}

/// TO BE REPLACED by `liaison_node::import::guess`: the text of a map for a file.
pub fn guess(_file: &[u8]) -> Option<String> {
    None
}

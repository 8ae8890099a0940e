//! `config.toml`: what an administrator may set. Everything has a default; an unknown key is
//! an error with its line.

use std::io::Read;
use std::path::{Path, PathBuf};

use liaison_protocol::key::PublicKey;
use serde::{Deserialize, Serialize};

use crate::hub::{HubConfig, HubConfigError, HubsConfig};
use crate::limits;
use crate::metrics::MetricsConfig;
use crate::notify::NotifyConfig;
use crate::policy::prove::Solver;
use crate::referral::ReferralConfig;

/// The configuration of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Addresses to listen on: `HOST`, `HOST:PORT`; UDP (QUIC) and TCP on the same port.
    pub listen: Vec<String>,
    /// Name of the exercise that this store belongs to. A store without one takes no exercise
    /// records, a store with one takes no others.
    pub exercise: Option<String>,
    /// Smallest count that may be shared, for measures that have no fixed threshold.
    pub smallest_count: u64,
    /// Records that one peer may send in a minute before it is answered `later: quota`.
    pub records_per_minute: u32,
    /// Seconds between two repair sessions with a connected peer.
    pub repair_every_s: u64,
    /// Megabytes of the store's cache.
    pub cache_mb: u64,
    /// How policies are proven.
    pub policy: Policy,
    /// How the node logs.
    pub log: Log,
    /// The audit log.
    pub audit: AuditConfig,
    /// What opens the keyring.
    pub keyring: KeyringConfig,
    /// How long what may take in a referral.
    pub referral: ReferralConfig,
    /// Whom to tell that something is new, due or overdue.
    pub notify: NotifyConfig,
    /// What this node carries for others; absent: it is no hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub: Option<HubConfig>,
    /// The hubs through which this agency can be reached.
    pub hubs: HubsConfig,
    /// Where figures and health are served.
    pub metrics: MetricsConfig,
}

/// What opens the keyring, which makes sealed records readable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeyringConfig {
    /// The key file; absent: `keys/keyring.key`. Relative to the home.
    pub file: Option<PathBuf>,
}

/// The audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditConfig {
    /// Megabytes to keep: the oldest lines leave beyond it, and the chain still verifies.
    pub keep_mb: u64,
}

impl Default for AuditConfig {
    /// A gigabyte: some four million lines.
    fn default() -> Self {
        Self { keep_mb: 1_024 }
    }
}

/// How policies are proven.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The solver, a program that is called like `cvc5`; without it `cvc5` on the PATH.
    pub solver: Option<PathBuf>,
    /// Whose certificates count where no solver is: the public key that `policy prover-key`
    /// prints.
    pub prover: Option<PublicKey>,
}

impl Policy {
    /// The solver to ask.
    pub fn solver(&self) -> Solver {
        self.solver
            .as_deref()
            .map_or_else(Solver::default, Solver::at)
    }
}

/// How the node logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `human` or `json`.
    pub format: LogFormat,
    /// A `tracing` filter, such as `info` or `liaison_node::sync=debug,info`.
    pub filter: String,
}

/// Form of the log's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For a terminal.
    Human,
    /// One JSON object a line.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec!["0.0.0.0".into(), "[::]".into()],
            exercise: None,
            smallest_count: 1,
            records_per_minute: 1_000_000,
            repair_every_s: 3_600,
            cache_mb: 32,
            policy: Policy::default(),
            log: Log::default(),
            audit: AuditConfig::default(),
            keyring: KeyringConfig::default(),
            referral: ReferralConfig::default(),
            notify: NotifyConfig::default(),
            hub: None,
            hubs: HubsConfig::default(),
            metrics: MetricsConfig::default(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Human,
            filter: "info".into(),
        }
    }
}

/// Why the configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("{file} can't be read: {source}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is no configuration: it is too large for one.
    #[error("{file} is larger than {} KiB, which no configuration is. Put the right file there, or delete it to have the defaults", limits::CONFIG_BYTES / 1024)]
    TooLarge {
        /// The file.
        file: String,
    },
    /// It is not valid.
    #[error("{file}: {says}Correct the line, or delete it to have the default.")]
    Invalid {
        /// The file.
        file: String,
        /// Place and fault, as the parser shows them.
        says: String,
    },
    /// A deadline.
    #[error("[referral] in config.toml: {0}. Correct it, or delete the line to have the default")]
    Referral(#[from] liaison_protocol::lifecycle::DeadlineTableError),
    /// How long what is kept of a referral.
    #[error("[referral] in config.toml: {0}. Correct it, or delete the line to have the default")]
    Kept(#[from] crate::referral::KeptError),
    /// What a hub carries, or which hubs are used.
    #[error("config.toml: {0}. Correct it, or delete the line to have the default")]
    Hub(#[from] HubConfigError),
}

impl Config {
    /// Reads the file; a missing file is the default configuration.
    ///
    /// # Errors
    /// [`ConfigError`] where it can't be read or has an unknown key or a value that can't be.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        let shown = file.display().to_string();
        let text = match read_bounded(file) {
            Ok(text) if text.len() as u64 > limits::CONFIG_BYTES => {
                return Err(ConfigError::TooLarge { file: shown });
            }
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => {
                return Err(ConfigError::Read {
                    file: shown,
                    source,
                });
            }
        };
        let config: Self = toml::from_str(&text).map_err(|e| ConfigError::Invalid {
            file: shown,
            says: e.to_string(),
        })?;
        config.hub.as_ref().map_or(Ok(()), HubConfig::check)?;
        config.hubs.check()?;
        Ok(config)
    }
}

/// The file, or one byte more than it may have.
fn read_bounded(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = std::fs::File::open(file)?;
    file.take(limits::CONFIG_BYTES + 1)
        .read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let dir = tempfile::tempdir().expect("folder");
        let file = dir.path().join("config.toml");
        std::fs::write(&file, "cache_mb = 64\nlisten_on = [\"::\"]\n").expect("write");
        let error = Config::read(&file).expect_err("unknown key").to_string();
        assert!(
            error.contains("listen_on") && error.contains('2'),
            "{error}"
        );
    }

    #[test]
    fn a_file_without_end_is_not_read() {
        let error = Config::read(Path::new("/dev/zero")).expect_err("no end");
        assert!(matches!(error, ConfigError::TooLarge { .. }), "{error}");
    }

    #[test]
    fn a_missing_file_is_the_default() {
        let config = Config::read(Path::new("/nonexistent/config.toml")).expect("default");
        assert_eq!(config, Config::default());
    }

    #[test]
    fn a_new_home_is_shown_what_can_be_set_and_all_of_it_holds() {
        let template = crate::home::CONFIG_TEMPLATE;
        let lines = template.lines().filter_map(|line| line.strip_prefix("# "));
        let set = |line: &&str| line.starts_with('[') || line.contains(" = ");
        let text: Vec<&str> = lines.filter(set).collect();
        let dir = tempfile::tempdir().expect("folder");
        let file = dir.path().join("config.toml");
        std::fs::write(&file, text.join("\n")).expect("write");
        Config::read(&file).unwrap_or_else(|e| panic!("{e}"));
        let all = toml::Value::try_from(Config::default()).expect("TOML");
        for (name, value) in all.as_table().expect("a table") {
            let line = match value.is_table() {
                true => format!("# [{name}]"),
                false => format!("# {name} = "),
            };
            assert!(template.contains(&line), "not shown: {line}");
        }
    }
}

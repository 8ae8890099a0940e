//! `[hub]` and `[hubs]` of the configuration: what this node carries for others, and who
//! carries for it.

use liaison_protocol::limits as wire_limits;
use serde::{Deserialize, Serialize};

use crate::limits;

/// `[hub]`: that it stands there makes this node a hub, for its linked peers only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HubConfig {
    /// Reservations: connections through which agencies can be reached. An agency holds one,
    /// and for a moment two when it comes back.
    pub reservations: usize,
    /// Circuits that may be open through this hub at once; each takes some 20 KiB of memory.
    pub circuits: usize,
    /// Circuits that one agency may have asked for at once; those that others have to it don't
    /// count.
    pub circuits_per_agency: usize,
    /// Parcels that may wait for one addressee, and that one depositor may have waiting.
    pub parcels_per_agency: usize,
    /// Megabytes of all parcels that wait.
    pub mailbox_mb: u64,
    /// Megabytes of parcels that may wait for one addressee, and that one depositor may have
    /// waiting.
    pub mailbox_mb_per_agency: u64,
}

impl Default for HubConfig {
    /// For some 200 agencies on a small machine.
    fn default() -> Self {
        Self {
            reservations: 512,
            circuits: 4_096,
            circuits_per_agency: 128,
            parcels_per_agency: 10_000,
            mailbox_mb: 10_240,
            mailbox_mb_per_agency: 1_024,
        }
    }
}

/// `[hubs]`: the hubs through which this agency can be reached, and how long to wait for a
/// peer before a parcel is left for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HubsConfig {
    /// Aliases or agency ids of linked peers that are hubs, the preferred one first. The keys
    /// statement lists them: every peer learns them.
    #[serde(rename = "use")]
    pub hubs: Vec<String>,
    /// Seconds without a connection after which a peer is sent parcels.
    pub after_s: u64,
    /// Days until a parcel that nobody collected ends.
    pub parcel_days: u64,
}

impl Default for HubsConfig {
    fn default() -> Self {
        Self {
            hubs: Vec::new(),
            after_s: 300,
            parcel_days: 14,
        }
    }
}

/// What is wrong with `[hub]` or `[hubs]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HubConfigError {
    /// A number outside its bounds.
    #[error("{key} = {found}: it is from {least} to {most}")]
    Bounds {
        /// The key, with its table.
        key: &'static str,
        /// What stands there.
        found: u64,
        /// The least that it can be.
        least: u64,
        /// The most that it can be.
        most: u64,
    },
    /// One agency may keep more than all together.
    #[error("[hub] mailbox_mb_per_agency = {agency}: it is at most mailbox_mb, which is {all}")]
    Share {
        /// Megabytes of one agency.
        agency: u64,
        /// Megabytes of all.
        all: u64,
    },
    /// Too many hubs.
    #[error(
        "[hubs] use names {found} hubs: a keys statement lists at most {}",
        wire_limits::HUBS
    )]
    TooMany {
        /// How many.
        found: usize,
    },
    /// A hub that is named twice.
    #[error("[hubs] use names '{name}' twice: one of them does")]
    Twice {
        /// The name.
        name: String,
    },
}

impl HubConfig {
    /// Whether its numbers can be.
    ///
    /// # Errors
    /// [`HubConfigError::Bounds`], [`HubConfigError::Share`].
    pub fn check(&self) -> Result<(), HubConfigError> {
        let agencies = limits::HUB_AGENCIES as u64;
        within("[hub] reservations", self.reservations as u64, 1, agencies)?;
        let most = limits::CIRCUITS as u64;
        within("[hub] circuits", self.circuits as u64, 1, most)?;
        let circuits = self.circuits_per_agency as u64;
        within(
            "[hub] circuits_per_agency",
            circuits,
            1,
            limits::CIRCUITS_PER_AGENCY as u64,
        )?;
        let parcels = self.parcels_per_agency as u64;
        within(
            "[hub] parcels_per_agency",
            parcels,
            1,
            limits::PARCELS_PER_AGENCY as u64,
        )?;
        within(
            "[hub] mailbox_mb",
            self.mailbox_mb,
            1,
            limits::MAILBOX_MB_MAX,
        )?;
        within(
            "[hub] mailbox_mb_per_agency",
            self.mailbox_mb_per_agency,
            1,
            limits::MAILBOX_MB_MAX,
        )?;
        if self.mailbox_mb_per_agency > self.mailbox_mb {
            return Err(HubConfigError::Share {
                agency: self.mailbox_mb_per_agency,
                all: self.mailbox_mb,
            });
        }
        Ok(())
    }
}

impl HubsConfig {
    /// Whether its numbers and names can be. Whether the names are peers is seen when they are
    /// used: a peer may come later.
    ///
    /// # Errors
    /// [`HubConfigError`].
    pub fn check(&self) -> Result<(), HubConfigError> {
        if self.hubs.len() > wire_limits::HUBS {
            return Err(HubConfigError::TooMany {
                found: self.hubs.len(),
            });
        }
        for (at, name) in self.hubs.iter().enumerate() {
            if self.hubs.iter().skip(at + 1).any(|other| other == name) {
                return Err(HubConfigError::Twice { name: name.clone() });
            }
        }
        within("[hubs] after_s", self.after_s, 1, limits::PARCEL_AFTER_S)?;
        within(
            "[hubs] parcel_days",
            self.parcel_days,
            1,
            limits::PARCEL_LIFE_DAYS,
        )
    }
}

fn within(key: &'static str, found: u64, least: u64, most: u64) -> Result<(), HubConfigError> {
    if (least..=most).contains(&found) {
        Ok(())
    } else {
        Err(HubConfigError::Bounds {
            key,
            found,
            least,
            most,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn read(text: &str) -> Result<Config, String> {
        let dir = tempfile::tempdir().expect("folder");
        let file = dir.path().join("config.toml");
        std::fs::write(&file, text).expect("write");
        Config::read(&file).map_err(|e| e.to_string())
    }

    #[test]
    fn a_node_is_a_hub_only_where_the_table_stands() {
        assert_eq!(read("").expect("empty").hub, None);
        let hub = read("[hub]\n").expect("hub").hub.expect("a hub");
        assert_eq!(hub, super::HubConfig::default());
        let hubs = read("[hubs]\nuse = [\"hub-sar\"]\n").expect("hubs").hubs;
        assert_eq!(hubs.hubs, ["hub-sar"]);
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (text, word) in [
            ("[hub]\nreservations = 0\n", "reservations"),
            (
                "[hub]\ncircuits_per_agency = 1000000\n",
                "circuits_per_agency",
            ),
            ("[hub]\ncircuits = 0\n", "[hub] circuits"),
            ("[hub]\nparcels_per_agency = 0\n", "parcels_per_agency"),
            ("[hub]\nmailbox_mb = 0\n", "mailbox_mb"),
            (
                "[hub]\nmailbox_mb = 5\nmailbox_mb_per_agency = 6\n",
                "which is 5",
            ),
            ("[hubs]\nuse = [\"a\", \"b\", \"a\"]\n", "'a' twice"),
            (
                "[hubs]\nuse = [\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]\n",
                "9 hubs",
            ),
            ("[hubs]\nafter_s = 0\n", "after_s"),
            ("[hubs]\nparcel_days = 31\n", "parcel_days"),
            ("[hub]\ncolour = 1\n", "colour"),
        ] {
            let says = read(text).expect_err(text);
            assert!(says.contains(word), "{says}");
        }
    }
}

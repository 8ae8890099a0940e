//! The agencies that policies speak about: this one and its peers, with what was pinned.

use std::collections::{BTreeMap, BTreeSet};

use liaison_protocol::id::AgencyId;
use serde::{Deserialize, Serialize};

use super::limits;
use super::schema;

/// The entity id of this agency in policies: `Agency::"self"`.
pub(super) const SELF_ALIAS: &str = "self";

/// What policies read of an agency, as pinned when a person confirmed it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeerAttributes {
    /// Who it is.
    pub agency: AgencyId,
    /// The local name, which policies use: `Agency::"qn-bord"`. For this agency itself
    /// whatever it is called in `entities.json`; policies call it `Agency::"self"`.
    pub alias: String,
    /// From the schema's list of sectors.
    pub sector: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// `origin`, `transit`, `destination`.
    pub route_roles: BTreeSet<String>,
    /// `led`, `gdpr`, `conv108` or `io`.
    pub regime: String,
    /// Circles given by `peer add --circle`, beside those of `entities.json`.
    pub circles: BTreeSet<String>,
}

/// Why agencies cannot be put into policies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// Two agencies with one alias: a policy would mean both.
    #[error(
        "two agencies have the alias '{alias}'; give one another with 'liaison peer add FILE --as ALIAS'"
    )]
    AliasTwice {
        /// The alias.
        alias: String,
    },
    /// One agency twice, which would have two sets of attributes.
    #[error(
        "agency {agency} is listed twice, as '{first}' and as '{second}'; remove one with 'liaison peer remove NAME'"
    )]
    AgencyTwice {
        /// The agency, short.
        agency: String,
        /// One alias.
        first: String,
        /// The other alias.
        second: String,
    },
    /// An alias that policies could not tell from something else.
    #[error("'{alias}' cannot be an alias: use 1 to {max} small letters, digits, '-', '_' or '.', and not 'self'", max = limits::ALIAS_CHARS)]
    Alias {
        /// What was given.
        alias: String,
    },
    /// A code that the schema does not list.
    #[error("'{alias}' has {attribute} '{code}', which is none of: {allowed}")]
    Code {
        /// The agency.
        alias: String,
        /// `sector`, `regime` or `route_roles`.
        attribute: &'static str,
        /// What was given.
        code: String,
        /// What the schema lists.
        allowed: String,
    },
    /// Not a country code.
    #[error(
        "'{alias}' has country '{country}'; a country is two capital letters (ISO 3166-1 alpha-2), like QN"
    )]
    Country {
        /// The agency.
        alias: String,
        /// What was given.
        country: String,
    },
    /// More peers than a node may have.
    #[error("{found} peers are more than the {max} that a node may have", max = limits::POLICY_PEERS)]
    TooMany {
        /// How many.
        found: usize,
    },
}

/// This agency and its peers, checked: aliases and agencies are unique, codes are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    own: PeerAttributes,
    peers: Vec<PeerAttributes>,
    /// What those were called that were peers: as authors, policies speak of them by that name.
    former: BTreeMap<AgencyId, String>,
}

impl Directory {
    /// Checks the agencies. The order of `peers` does not matter.
    pub fn new(
        own: PeerAttributes,
        mut peers: Vec<PeerAttributes>,
    ) -> Result<Self, DirectoryError> {
        if peers.len() > limits::POLICY_PEERS {
            return Err(DirectoryError::TooMany { found: peers.len() });
        }
        peers.sort();
        let mut by_alias = BTreeSet::new();
        let mut by_agency: BTreeMap<AgencyId, &str> = BTreeMap::new();
        for agency in std::iter::once(&own).chain(&peers) {
            check_alias(agency)?;
            check_codes(agency)?;
            // Policies call us `self`. A card of ours that claims a peer's alias must not stop the
            // node: the alias is the peer's.
            let is_own = agency.agency == own.agency;
            if !is_own && !by_alias.insert(agency.alias.as_str()) {
                return Err(DirectoryError::AliasTwice {
                    alias: agency.alias.clone(),
                });
            }
            if let Some(first) = by_agency.insert(agency.agency, &agency.alias) {
                return Err(DirectoryError::AgencyTwice {
                    agency: agency.agency.short(),
                    first: first.to_owned(),
                    second: agency.alias.clone(),
                });
            }
        }
        Ok(Self {
            own,
            peers,
            former: BTreeMap::new(),
        })
    }

    /// With the names of agencies that are no peers any more. A name that is a peer's by now is
    /// left out: it means the peer.
    pub(crate) fn with_former(mut self, former: BTreeMap<AgencyId, String>) -> Self {
        let taken: BTreeSet<&str> = self.peers.iter().map(|p| p.alias.as_str()).collect();
        let is_peer = |id: &AgencyId| self.peers.iter().any(|p| p.agency == *id);
        let left = former
            .into_iter()
            .filter(|(id, alias)| !taken.contains(alias.as_str()) && !is_peer(id));
        self.former = left.collect();
        self
    }

    /// The agencies that are no peers any more, with the names that they had.
    pub(super) fn former(&self) -> &BTreeMap<AgencyId, String> {
        &self.former
    }

    /// This agency.
    pub fn own(&self) -> &PeerAttributes {
        &self.own
    }

    /// The peers, in the order of their agency ids.
    pub fn peers(&self) -> &[PeerAttributes] {
        &self.peers
    }

    /// The agency that `entities.json` means by an alias or a whole agency id; `self` and the
    /// own alias are this agency.
    pub(super) fn member(&self, name: &str) -> Option<AgencyId> {
        if name == SELF_ALIAS {
            return Some(self.own.agency);
        }
        self.peers
            .iter()
            .chain([&self.own])
            .find(|a| a.alias == name)
            .map(|a| a.agency)
            .or_else(|| {
                let id = name.parse::<AgencyId>().ok()?;
                std::iter::once(&self.own)
                    .chain(&self.peers)
                    .find(|a| a.agency == id)?;
                Some(id)
            })
    }

    /// The name that policies use for an agency: `self`, the alias that it has or had, or the
    /// whole id.
    pub(super) fn entity_name(&self, agency: &AgencyId) -> String {
        if *agency == self.own.agency {
            return SELF_ALIAS.to_owned();
        }
        self.peers
            .binary_search_by(|p| p.agency.cmp(agency))
            .ok()
            .and_then(|at| self.peers.get(at))
            .map(|p| &p.alias)
            .or_else(|| self.former.get(agency))
            .map_or_else(|| agency.full(), String::clone)
    }
}

fn check_alias(agency: &PeerAttributes) -> Result<(), DirectoryError> {
    let alias = &agency.alias;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    let fits = (1..=limits::ALIAS_CHARS).contains(&alias.len());
    if !fits || !alias.chars().all(plain) || alias == SELF_ALIAS {
        return Err(DirectoryError::Alias {
            alias: alias.chars().take(limits::ALIAS_CHARS * 2).collect(),
        });
    }
    Ok(())
}

fn check_codes(agency: &PeerAttributes) -> Result<(), DirectoryError> {
    let roles = agency
        .route_roles
        .iter()
        .map(|role| ("route_roles", "RouteRole", role));
    let codes = [
        ("sector", "Sector", &agency.sector),
        ("regime", "Regime", &agency.regime),
    ];
    for (attribute, list, code) in codes.into_iter().chain(roles) {
        let allowed = schema::codes(list);
        if !allowed.contains(&code.as_str()) {
            return Err(DirectoryError::Code {
                alias: agency.alias.clone(),
                attribute,
                code: code.clone(),
                allowed: allowed.join(", "),
            });
        }
    }
    if agency.country.len() != 2 || !agency.country.chars().all(|c| c.is_ascii_uppercase()) {
        return Err(DirectoryError::Country {
            alias: agency.alias.clone(),
            country: agency.country.clone(),
        });
    }
    Ok(())
}

//! What an officer may be here, and sets of that.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A role. Each call of the local API says which roles may make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Reads, writes and imports strategic records.
    Analyst,
    /// Refers victims: reads and writes, as an analyst does.
    ReferralOfficer,
    /// Works on cases: reads and writes, as an analyst does.
    CaseOfficer,
    /// Answers for who gets what: policy, the audit log and what is sealed in it.
    DataProtectionOfficer,
    /// Runs the node: peers, card, keys, backup; policy as well.
    Administrator,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Analyst,
        Self::ReferralOfficer,
        Self::CaseOfficer,
        Self::DataProtectionOfficer,
        Self::Administrator,
    ];

    /// As it stands in the officers file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Analyst => "analyst",
            Self::ReferralOfficer => "referral-officer",
            Self::CaseOfficer => "case-officer",
            Self::DataProtectionOfficer => "data-protection-officer",
            Self::Administrator => "administrator",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Analyst => 1,
            Self::ReferralOfficer => 2,
            Self::CaseOfficer => 4,
            Self::DataProtectionOfficer => 8,
            Self::Administrator => 16,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    /// Every role.
    pub const ANY: Self = Self::of(&Role::ALL);
    /// Those that write records.
    pub const WRITERS: Self = Self::of(&[Role::Analyst, Role::ReferralOfficer, Role::CaseOfficer]);
    /// Those that take records back: who writes them, and who answers for people's rights.
    pub const ERASERS: Self = Self::of(&[
        Role::Analyst,
        Role::ReferralOfficer,
        Role::CaseOfficer,
        Role::DataProtectionOfficer,
    ]);
    /// Those that refer people.
    pub const REFERRERS: Self = Self::of(&[Role::ReferralOfficer, Role::CaseOfficer]);
    /// Those that answer for an emergency beside who wrote it.
    pub const SECONDS: Self = Self::of(&[
        Role::ReferralOfficer,
        Role::CaseOfficer,
        Role::DataProtectionOfficer,
    ]);
    /// Those that answer for the policy.
    pub const GOVERNORS: Self = Self::of(&[Role::DataProtectionOfficer, Role::Administrator]);
    /// Those that run the node.
    pub const ADMINISTRATORS: Self = Self::of(&[Role::Administrator]);
    /// Those to whom what is sealed in the audit log is addressed.
    pub const DATA_PROTECTION: Self = Self::of(&[Role::DataProtectionOfficer]);

    /// These.
    pub const fn of(roles: &[Role]) -> Self {
        let mut bits = 0;
        let mut rest = roles;
        while let [role, more @ ..] = rest {
            bits |= role.bit();
            rest = more;
        }
        Self(bits)
    }

    /// Whether the two share a role.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether a role is in it.
    pub const fn has(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Whether all of `other` is in it.
    pub const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its roles, in their order.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }

    /// Their names.
    pub fn names(self) -> Vec<String> {
        self.iter().map(|role| role.as_str().to_owned()).collect()
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<T: IntoIterator<Item = Role>>(roles: T) -> Self {
        Self(roles.into_iter().fold(0, |bits, role| bits | role.bit()))
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(", "))
    }
}

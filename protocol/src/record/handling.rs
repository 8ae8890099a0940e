//! The first gate: the author's own word, signed inside the record.
//!
//! [`Terms::release`] is a pure function over a finite table, which SPEC.md prints and a test
//! enumerates. No configuration can widen it. A sender asks it before it releases; a
//! receiver asks it from the courier's side.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::codes::{HandlingCode, Plane, Tlp};
use crate::id::AgencyId;

/// What a receiver may do with a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Onward {
    /// Nothing: it stays with whom it was released to.
    None,
    /// Pass it on only after the author's `permit`.
    Ask,
    /// Pass it on to these agencies, who may not pass it on themselves.
    #[serde(deserialize_with = "agencies")]
    To(BTreeSet<AgencyId>),
    /// Pass it on to whoever both gates of each holder allow.
    Community,
}

/// A set of agencies. People may write it in any order, the wire may not.
fn agencies<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeSet<AgencyId>, D::Error> {
    let people = d.is_human_readable();
    let list = Vec::<AgencyId>::deserialize(d)?;
    if people || list.is_sorted_by(|a, b| a < b) {
        Ok(list.into_iter().collect())
    } else {
        Err(serde::de::Error::custom(
            "agencies stand in the order of their ids, each once",
        ))
    }
}

impl Onward {
    /// Its mode, without the names.
    pub const fn mode(&self) -> OnwardMode {
        match self {
            Onward::None => OnwardMode::None,
            Onward::Ask => OnwardMode::Ask,
            Onward::To(_) => OnwardMode::To,
            Onward::Community => OnwardMode::Community,
        }
    }

    /// Whether it names this agency.
    pub fn names(&self, agency: &AgencyId) -> bool {
        matches!(self, Onward::To(agencies) if agencies.contains(agency))
    }
}

/// The modes of [`Onward`], from narrow to wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OnwardMode {
    /// `none`
    None,
    /// `ask`
    Ask,
    /// `to`
    To,
    /// `community`
    Community,
}

impl OnwardMode {
    /// All modes, from narrow to wide.
    pub const ALL: [OnwardMode; 4] = [
        OnwardMode::None,
        OnwardMode::Ask,
        OnwardMode::To,
        OnwardMode::Community,
    ];

    /// As it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            OnwardMode::None => "none",
            OnwardMode::Ask => "ask",
            OnwardMode::To => "to",
            OnwardMode::Community => "community",
        }
    }
}

/// The part of a record's envelope that this gate looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Terms {
    /// The plane of its kind.
    pub plane: Plane,
    /// Its traffic light.
    pub tlp: Tlp,
    /// Whether H2 (no dissemination without permission) is among its handling codes.
    pub h2: bool,
    /// Its stated `onward`.
    pub onward: OnwardMode,
}

/// What the node that would release the record is to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Holder {
    /// It signed it.
    Author,
    /// It received it and is named in `onward: to`.
    Named,
    /// It received it.
    Other,
}

impl Holder {
    /// All of them.
    pub const ALL: [Holder; 3] = [Holder::Author, Holder::Named, Holder::Other];
}

/// What the peer that would get it is to the record. Several may hold; the best one counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Receiver {
    /// It signed it.
    pub author: bool,
    /// The author named it as a recipient (the distribution list, or the stub).
    pub addressed: bool,
    /// It is named in `onward: to`.
    pub named: bool,
    /// A permit of the author names it and has not run out.
    pub permitted: bool,
}

/// The gate's answer, with the rule that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Allowed: the author's own node; policy and the distribution list decide.
    AuthorReleases,
    /// Allowed: it goes back to its author.
    BackToAuthor,
    /// Allowed: the author's permit names the peer.
    Permitted,
    /// Allowed: `onward: to` names the peer.
    OnwardTo,
    /// Allowed: `onward: community`.
    OnwardCommunity,
    /// Refused: TLP red goes to named recipients only.
    RedNotAddressed,
    /// Refused: a personal record goes to its named recipients only.
    PersonalNotAddressed,
    /// Refused: a personal record is released by its author's node only.
    PersonalNotAuthor,
    /// Refused: `onward: none`, or handling that leaves no more.
    OnwardNone,
    /// Refused: `onward: ask`, and no permit names the peer.
    OnwardAsk,
    /// Refused: `onward: to` does not name the peer.
    OnwardToOthers,
    /// Refused: we are named in `onward: to`, and a named agency may not pass it on.
    NamedMayNotPass,
    /// Refused: control traffic is owed by the ledger, not shared.
    Control,
}

impl Verdict {
    /// Whether the gate is open.
    pub const fn allows(self) -> bool {
        matches!(
            self,
            Verdict::AuthorReleases
                | Verdict::BackToAuthor
                | Verdict::Permitted
                | Verdict::OnwardTo
                | Verdict::OnwardCommunity
        )
    }

    /// The rule's name, as the ledger and `--json` write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::AuthorReleases => "author-releases",
            Verdict::BackToAuthor => "back-to-author",
            Verdict::Permitted => "permitted",
            Verdict::OnwardTo => "onward-to",
            Verdict::OnwardCommunity => "onward-community",
            Verdict::RedNotAddressed => "red-not-addressed",
            Verdict::PersonalNotAddressed => "personal-not-addressed",
            Verdict::PersonalNotAuthor => "personal-not-author",
            Verdict::OnwardNone => "onward-none",
            Verdict::OnwardAsk => "onward-ask",
            Verdict::OnwardToOthers => "onward-to-others",
            Verdict::NamedMayNotPass => "named-may-not-pass",
            Verdict::Control => "control",
        }
    }

    /// The rule as a sentence, quoted by `why`.
    pub const fn says(self) -> &'static str {
        match self {
            Verdict::AuthorReleases => "we are its author; policy and the distribution list decide",
            Verdict::BackToAuthor => "the peer is its author",
            Verdict::Permitted => "its author gave a permit that names the peer",
            Verdict::OnwardTo => "its author lets it be passed on to the peer (onward: to)",
            Verdict::OnwardCommunity => "its author lets it be passed on (onward: community)",
            Verdict::RedNotAddressed => {
                "TLP red goes to named recipients only, and the peer is not one"
            }
            Verdict::PersonalNotAddressed => {
                "a personal record goes to its named recipients only, and the peer is not one"
            }
            Verdict::PersonalNotAuthor => "a personal record is released by its author's node only",
            Verdict::OnwardNone => "its author forbids passing it on (onward: none)",
            Verdict::OnwardAsk => {
                "its author must be asked before it is passed on (onward: ask), and there is no permit for the peer"
            }
            Verdict::OnwardToOthers => {
                "its author lets it be passed on to named agencies only (onward: to), and the peer is not one"
            }
            Verdict::NamedMayNotPass => {
                "we got it as a named agency (onward: to), and a named agency may not pass it on"
            }
            Verdict::Control => {
                "control records are owed to those who hold what they concern, not shared"
            }
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.says())
    }
}

impl Terms {
    /// The terms that these envelope fields state.
    pub fn of(plane: Plane, tlp: Tlp, handling: &[HandlingCode], onward: &Onward) -> Self {
        Self {
            plane,
            tlp,
            h2: handling.contains(&HandlingCode::H2),
            onward: onward.mode(),
        }
    }

    /// The widest `onward` that plane, TLP and handling codes leave.
    pub fn ceiling(&self) -> OnwardMode {
        if self.plane == Plane::Personal {
            return OnwardMode::None;
        }
        let by_tlp = match self.tlp {
            Tlp::Clear | Tlp::Green => OnwardMode::Community,
            Tlp::Amber => OnwardMode::To,
            Tlp::AmberStrict | Tlp::Red => OnwardMode::Ask,
        };
        if self.h2 {
            by_tlp.min(OnwardMode::Ask)
        } else {
            by_tlp
        }
    }

    /// The `onward` that holds: the stated one, cut to the ceiling.
    pub fn effective_onward(&self) -> OnwardMode {
        self.onward.min(self.ceiling())
    }

    /// Whether a holder may release the record to a receiver, and by which rule.
    pub fn release(&self, holder: Holder, receiver: Receiver) -> Verdict {
        if self.plane == Plane::Control {
            return Verdict::Control;
        }
        if holder == Holder::Author {
            return match (self.plane, self.tlp) {
                _ if receiver.addressed => Verdict::AuthorReleases,
                (Plane::Personal, _) => Verdict::PersonalNotAddressed,
                (_, Tlp::Red) => Verdict::RedNotAddressed,
                _ => Verdict::AuthorReleases,
            };
        }
        if self.plane == Plane::Personal {
            return Verdict::PersonalNotAuthor;
        }
        if receiver.author {
            return Verdict::BackToAuthor;
        }
        let onward = self.effective_onward();
        if receiver.permitted && onward != OnwardMode::None {
            return Verdict::Permitted;
        }
        match onward {
            OnwardMode::None => Verdict::OnwardNone,
            OnwardMode::Ask => Verdict::OnwardAsk,
            OnwardMode::To if holder == Holder::Named => Verdict::NamedMayNotPass,
            OnwardMode::To if receiver.named => Verdict::OnwardTo,
            OnwardMode::To => Verdict::OnwardToOthers,
            OnwardMode::Community => Verdict::OnwardCommunity,
        }
    }
}

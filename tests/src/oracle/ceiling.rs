//! Ceilings of a node, drawn: what no statement of its policy and no list goes beyond.

use std::fmt::Write as _;

use super::plan::SECTORS;
use super::policy::{CIRCLES, Facts, Policy, sector_of};
use super::record::{KINDS, TLP};
use super::rng::Rng;

/// What is withheld from whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// From whom.
    pub to: To,
    /// Above which traffic light; none: altogether.
    pub above: Option<usize>,
    /// Which kinds; none: all.
    pub kinds: Vec<&'static str>,
}

/// From whom something is withheld.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// Everyone.
    Everyone,
    /// A peer.
    Peer(usize),
    /// A circle.
    Circle(usize),
    /// A sector.
    Sector(&'static str),
}

impl Ceiling {
    /// Draws one for a node that has these peers.
    pub fn draw(rng: &mut Rng, peers: &[usize]) -> Self {
        let to = match rng.below(4) {
            0 => To::Everyone,
            1 => To::Circle(rng.below(CIRCLES)),
            2 => To::Sector(rng.pick(&SECTORS)),
            _ => rng.maybe(peers).map_or(To::Everyone, To::Peer),
        };
        let mut kinds = rng.some(&KINDS, 40);
        if rng.chance(20) {
            kinds.push("contact");
        }
        // Above red there is nothing.
        let above = rng.chance(70).then(|| rng.below(TLP.len() - 1));
        if above.is_none() && kinds.is_empty() {
            kinds.push(rng.pick(&KINDS));
        }
        Self { to, above, kinds }
    }

    /// Whether it keeps a record from a peer.
    pub fn withholds(&self, of: &Policy, facts: &Facts) -> bool {
        let meant = match &self.to {
            To::Everyone => true,
            To::Peer(peer) => facts.peer == *peer,
            To::Circle(circle) => of.in_circle(*circle, facts),
            To::Sector(sector) => sector_of(facts.peer) == *sector,
        };
        let traits = facts.traits;
        let of_kind = self.kinds.is_empty() || self.kinds.contains(&traits.kind);
        meant && of_kind && self.above.is_none_or(|top| traits.tlp > top)
    }

    /// As it stands in `ceilings.toml`.
    pub fn toml(&self, number: usize) -> String {
        let to = match &self.to {
            To::Everyone => "everyone".to_owned(),
            To::Peer(peer) => format!("peer:n{peer}"),
            To::Circle(circle) => format!("circle:c{circle}"),
            To::Sector(sector) => format!("sector:{sector}"),
        };
        let mut text = format!(
            "[[ceiling]]\nname = \"ceiling-{number}\"\nsays = \"Ceiling {number}.\"\nto = \"{to}\"\n"
        );
        if let Some(above) = self.above {
            let _infallible = writeln!(text, "above = \"{}\"", TLP[above]);
        }
        if !self.kinds.is_empty() {
            let _infallible = writeln!(text, "kinds = {:?}", self.kinds);
        }
        text
    }
}

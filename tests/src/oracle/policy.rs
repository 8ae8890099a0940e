//! Policies of a small grammar: drawn, written as Cedar for the node, and evaluated here for
//! the model.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::ceiling::Ceiling;
use super::plan::{COUNTRIES, SECTORS};
use super::record::{AREAS, CLASSES, KINDS, TLP, Traits};
use super::rng::Rng;

/// Circles that every drawn policy knows.
pub const CIRCLES: usize = 2;

/// When a statement speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cond {
    /// Always.
    Any,
    /// The record is of one of these kinds.
    Kinds(Vec<&'static str>),
    /// Its traffic light is at most this.
    UpTo(usize),
    /// It has this tag.
    Tag(String),
    /// It is of this class.
    Class(&'static str),
    /// Its `onward` is this.
    Onward(&'static str),
    /// It has this handling code.
    Code(&'static str),
    /// This node is its author.
    Own,
    /// Its author is this peer.
    Author(usize),
    /// Its author's country.
    AuthorCountry(&'static str),
    /// The peer's sector is one of these.
    Sectors(Vec<&'static str>),
    /// The peer's country.
    Country(&'static str),
    /// The peer is in this circle.
    Circle(usize),
    /// The peer.
    Peer(usize),
    /// The peer is a named recipient.
    Addressed,
    /// Not that.
    Not(Box<Cond>),
    /// Both.
    Both(Box<Cond>, Box<Cond>),
    /// Either.
    Either(Box<Cond>, Box<Cond>),
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// `permit`, else `forbid`.
    pub permit: bool,
    /// About `share`, else `accept`.
    pub share: bool,
    /// When.
    pub when: Cond,
}

/// A policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Its statements.
    pub statements: Vec<Statement>,
    /// Members of each circle.
    pub circles: BTreeMap<usize, BTreeSet<usize>>,
    /// What goes beyond it for nobody.
    pub ceilings: Vec<Ceiling>,
}

/// What a decision is about.
pub struct Facts<'a> {
    /// The record.
    pub traits: &'a Traits,
    /// Its author.
    pub author: usize,
    /// This node.
    pub us: usize,
    /// The peer.
    pub peer: usize,
    /// Peers of this node, with the circles that they were added with.
    pub peers: &'a BTreeMap<usize, BTreeSet<usize>>,
    /// Who is a peer of this node, or was.
    pub named: &'a BTreeSet<usize>,
    /// The peer is a named recipient.
    pub addressed: bool,
}

impl Policy {
    /// Everything is shared and accepted.
    pub fn open() -> Self {
        let all = |share| Statement {
            permit: true,
            share,
            when: Cond::Any,
        };
        Self {
            statements: vec![all(true), all(false)],
            ..Self::default()
        }
    }

    /// Draws one for a node that has these peers.
    pub fn draw(rng: &mut Rng, peers: &[usize]) -> Self {
        let mut circles = BTreeMap::new();
        for circle in 0..CIRCLES {
            circles.insert(circle, rng.some(peers, 50).into_iter().collect());
        }
        let mut statements = Vec::new();
        for share in [true, false] {
            if rng.chance(if share { 30 } else { 60 }) {
                statements.push(Statement {
                    permit: true,
                    share,
                    when: Cond::Any,
                });
            }
            for _ in 0..rng.below(3) {
                let depth = rng.below(3);
                statements.push(Statement {
                    permit: true,
                    share,
                    when: Cond::draw(rng, peers, depth),
                });
            }
            for _ in 0..rng.below(if share { 3 } else { 2 }) {
                let depth = rng.below(2);
                statements.push(Statement {
                    permit: false,
                    share,
                    when: Cond::draw(rng, peers, depth),
                });
            }
        }
        let mut ceilings = Vec::new();
        if rng.chance(30) {
            for _ in 0..=rng.below(2) {
                ceilings.push(Ceiling::draw(rng, peers));
            }
        }
        Self {
            statements,
            circles,
            ceilings,
        }
    }

    /// Whether it allows.
    pub fn allows(&self, share: bool, facts: &Facts) -> bool {
        let mut allowed = false;
        for statement in self.statements.iter().filter(|s| s.share == share) {
            if self.holds(&statement.when, facts) {
                if !statement.permit {
                    return false;
                }
                allowed = true;
            }
        }
        allowed
    }

    /// Whether a ceiling keeps a record from a peer, whatever the statements say.
    pub fn withholds(&self, facts: &Facts) -> bool {
        self.ceilings.iter().any(|c| c.withholds(self, facts))
    }

    /// Whether a peer is in a circle: by the policy, or because it was put into it.
    pub fn in_circle(&self, circle: usize, facts: &Facts) -> bool {
        let listed = self.circles.get(&circle);
        let given = facts.peers.get(&facts.peer);
        listed.is_some_and(|members| members.contains(&facts.peer))
            || given.is_some_and(|circles| circles.contains(&circle))
    }

    /// As the node reads it, file by file.
    pub fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::from([
            ("drawn.cedar".to_owned(), self.cedar()),
            ("entities.json".to_owned(), self.entities()),
        ]);
        if !self.ceilings.is_empty() {
            let all = self.ceilings.iter().enumerate();
            let text = all.map(|(n, c)| c.toml(n)).collect();
            files.insert("ceilings.toml".to_owned(), text);
        }
        files
    }

    fn cedar(&self) -> String {
        let mut text = String::from("// Drawn.\n");
        for (n, s) in self.statements.iter().enumerate() {
            let effect = if s.permit { "permit" } else { "forbid" };
            let action = if s.share { "share" } else { "accept" };
            let _infallible = write!(
                text,
                "@id(\"s{n}\") @says(\"Statement {n}.\")\n{effect} (principal, action == Action::\"{action}\", resource)"
            );
            if s.when == Cond::Any {
                text.push_str(";\n");
            } else {
                let _infallible = writeln!(text, "\nwhen {{ {} }};", s.when.cedar());
            }
        }
        text
    }

    fn entities(&self) -> String {
        let circles: BTreeMap<String, Vec<String>> = (0..CIRCLES)
            .map(|c| {
                let members = self.circles.get(&c).into_iter().flatten();
                (format!("c{c}"), members.map(|m| format!("n{m}")).collect())
            })
            .collect();
        serde_json::json!({ "circles": circles }).to_string()
    }

    fn holds(&self, when: &Cond, facts: &Facts) -> bool {
        let traits = facts.traits;
        match when {
            Cond::Any => true,
            Cond::Kinds(kinds) => kinds.contains(&traits.kind),
            Cond::UpTo(tlp) => traits.tlp <= *tlp,
            Cond::Tag(tag) => traits.tags.contains(tag),
            Cond::Class(class) => traits.class == *class,
            Cond::Onward(code) => traits.onward.code() == *code,
            Cond::Code(code) => traits.codes.contains(code),
            Cond::Own => facts.author == facts.us,
            // A peer's name means it, as an author, also when it is no peer any more.
            Cond::Author(peer) => facts.author == *peer && facts.named.contains(peer),
            Cond::AuthorCountry(country) => country_of(facts.author) == *country,
            Cond::Sectors(sectors) => sectors.contains(&sector_of(facts.peer)),
            Cond::Country(country) => country_of(facts.peer) == *country,
            Cond::Circle(circle) => self.in_circle(*circle, facts),
            Cond::Peer(peer) => facts.peer == *peer,
            Cond::Addressed => facts.addressed,
            Cond::Not(inner) => !self.holds(inner, facts),
            Cond::Both(a, b) => self.holds(a, facts) && self.holds(b, facts),
            Cond::Either(a, b) => self.holds(a, facts) || self.holds(b, facts),
        }
    }
}

impl Cond {
    fn draw(rng: &mut Rng, peers: &[usize], depth: usize) -> Self {
        if depth > 0 {
            let one = Box::new(Self::draw(rng, peers, depth - 1));
            if rng.chance(20) {
                return Cond::Not(one);
            }
            let other = Box::new(Self::draw(rng, peers, depth - 1));
            return if rng.chance(50) {
                Cond::Both(one, other)
            } else {
                Cond::Either(one, other)
            };
        }
        match rng.below(15) {
            0..=2 => {
                let mut kinds = rng.some(&KINDS, 50);
                if rng.chance(30) {
                    kinds.push("contact");
                }
                if kinds.is_empty() {
                    kinds.push("trend");
                }
                Cond::Kinds(kinds)
            }
            3 | 4 => Cond::UpTo(rng.below(TLP.len())),
            5 => {
                let area = format!("area:{}", rng.pick(&AREAS));
                Cond::Tag(rng.pick(&[area, "doc:passport".into(), "country:QN".into()]))
            }
            6 => Cond::Class(rng.pick(&CLASSES)),
            7 => Cond::Onward(rng.pick(&["none", "ask", "to", "community"])),
            8 => Cond::Code(rng.pick(&["H0", "H1", "H2"])),
            9 => Cond::Own,
            10 => Cond::AuthorCountry(rng.pick(&COUNTRIES)),
            11 => {
                let sectors = rng.some(&SECTORS, 50);
                if sectors.is_empty() {
                    return Cond::Country(rng.pick(&COUNTRIES));
                }
                Cond::Sectors(sectors)
            }
            12 => Cond::Circle(rng.below(CIRCLES)),
            13 => Cond::Addressed,
            _ => match rng.maybe(peers) {
                Some(peer) if rng.chance(50) => Cond::Author(peer),
                Some(peer) => Cond::Peer(peer),
                None => Cond::Own,
            },
        }
    }

    fn cedar(&self) -> String {
        let list = |entity: &str, codes: &[&str]| {
            let all: Vec<String> = codes.iter().map(|c| format!("{entity}::\"{c}\"")).collect();
            all.join(", ")
        };
        match self {
            Cond::Any => "true".into(),
            Cond::Kinds(kinds) => format!("[{}].contains(resource.kind)", list("Kind", kinds)),
            Cond::UpTo(tlp) => {
                format!("[{}].contains(resource.tlp)", list("Tlp", &TLP[..=*tlp]))
            }
            Cond::Tag(tag) => format!("resource.tags.contains(\"{tag}\")"),
            Cond::Class(class) => format!("resource.class == CrimeClass::\"{class}\""),
            Cond::Onward(code) => format!("resource.onward == OnwardMode::\"{code}\""),
            Cond::Code(code) => format!("resource.handling.contains(HandlingCode::\"{code}\")"),
            Cond::Own => "resource.own".into(),
            Cond::Author(peer) => format!("resource.author == Agency::\"n{peer}\""),
            Cond::AuthorCountry(country) => format!("resource.author_country == \"{country}\""),
            Cond::Sectors(all) => {
                format!("[{}].contains(principal.sector)", list("Sector", all))
            }
            Cond::Country(country) => format!("principal.country == \"{country}\""),
            Cond::Circle(circle) => format!("principal in Circle::\"c{circle}\""),
            Cond::Peer(peer) => format!("principal == Agency::\"n{peer}\""),
            Cond::Addressed => "context.addressed".into(),
            Cond::Not(inner) => format!("!({})", inner.cedar()),
            Cond::Both(a, b) => format!("({}) && ({})", a.cedar(), b.cedar()),
            Cond::Either(a, b) => format!("({}) || ({})", a.cedar(), b.cedar()),
        }
    }
}

/// The sector of a node: by its number.
pub fn sector_of(node: usize) -> &'static str {
    SECTORS[node % SECTORS.len()]
}

/// The country of a node: by its number.
pub fn country_of(node: usize) -> &'static str {
    COUNTRIES[node % COUNTRIES.len()]
}

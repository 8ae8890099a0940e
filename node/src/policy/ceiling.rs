//! Ceilings: what no statement of the policy and no officer's choice goes beyond.
//!
//! They stand in `ceilings.toml` beside the statements, so that they are part of the policy's
//! text, hash and epoch, and are applied, previewed and reverted with it:
//!
//! ```toml
//! [[ceiling]]
//! name = "companies"
//! says = "Companies never get anything above TLP:GREEN."
//! to = "sector:private"
//! above = "green"
//!
//! [[ceiling]]
//! name = "no-routes"
//! says = "QO-NGO never gets routes: its agreement does not cover them."
//! to = "peer:qo-ngo"
//! kinds = ["route"]
//! ```
//!
//! A ceiling can only take away. With `above` and `kinds` it withholds these kinds above that
//! TLP, with `kinds` alone these kinds altogether. With `by = ["analyst"]` it is no gate of the
//! node: it binds officers who write records in these roles and in no other.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use toml::Spanned;

use super::attributes::Attributes;
use super::circles::good_name;
use super::directory::PeerAttributes;
use super::problem::{Problem, ProblemKind, place};
use super::text::CEILINGS_FILE;
use super::{limits, schema};
use crate::officers::Roles;

/// One ceiling, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// Its name, as `why` and refusals quote it.
    pub name: String,
    /// A sentence in its author's words.
    pub says: String,
    /// For which peers.
    pub to: CeilingTo,
    /// The highest TLP that goes; none: its kinds don't go at all.
    pub above: Option<String>,
    /// For which kinds; empty: for all.
    pub kinds: BTreeSet<String>,
    /// The roles that it binds; empty: it binds the node.
    pub by: Roles,
    /// The line of `ceilings.toml` where its name stands, counted from 1.
    pub line: u32,
}

/// For which peers a ceiling is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CeilingTo {
    /// All of them.
    Everyone,
    /// One, by alias or whole agency id.
    Peer(String),
    /// The members of a circle.
    Circle(String),
    /// A sector, as pinned.
    Sector(String),
}

impl Ceiling {
    /// Whether a record may not go to a peer that the ceiling is for.
    pub(super) fn withholds(&self, class: &Attributes) -> bool {
        let of_kind = self.kinds.is_empty() || self.kinds.contains(&class.kind);
        let too_high = self
            .above
            .as_deref()
            .is_none_or(|top| height(&class.tlp) > height(top));
        of_kind && too_high
    }

    /// Whether it binds an officer of these roles: one who writes records in no other than its.
    pub fn binds(&self, roles: Roles) -> bool {
        let writes: Roles = roles.iter().filter(|r| Roles::WRITERS.has(*r)).collect();
        !writes.is_empty() && self.by.covers(writes)
    }

    /// Whether the ceiling is for a peer that is in these circles.
    pub(super) fn is_for(&self, peer: &PeerAttributes, in_circle: impl Fn(&str) -> bool) -> bool {
        match &self.to {
            CeilingTo::Everyone => true,
            CeilingTo::Peer(name) => peer.alias == *name || peer.agency.full() == *name,
            CeilingTo::Circle(name) => in_circle(name),
            CeilingTo::Sector(code) => peer.sector == *code,
        }
    }

    /// File and line, as other statements' places are written.
    pub fn place(&self) -> String {
        format!("{CEILINGS_FILE}:{}", self.line)
    }

    /// The rule itself in words: what never goes to whom.
    pub fn rule(&self) -> String {
        let kinds: Vec<&str> = self.kinds.iter().map(String::as_str).collect();
        let what = match (kinds.is_empty(), &self.above) {
            (true, Some(top)) => format!("nothing above TLP:{}", top.to_uppercase()),
            (false, Some(top)) => {
                format!("no {} above TLP:{}", kinds.join(", "), top.to_uppercase())
            }
            (_, None) => format!("no {}", kinds.join(", ")),
        };
        if self.by.is_empty() {
            format!("{what} to {}", self.to)
        } else {
            format!("{what} to {} by officers who are only {}", self.to, self.by)
        }
    }
}

impl fmt::Display for CeilingTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everyone => f.write_str("everyone"),
            Self::Peer(name) => write!(f, "peer:{name}"),
            Self::Circle(name) => write!(f, "circle:{name}"),
            Self::Sector(code) => write!(f, "sector:{code}"),
        }
    }
}

/// Place in the order of the TLP; a code that this version does not know is above all.
fn height(tlp: &str) -> usize {
    let codes = schema::codes("Tlp");
    codes.iter().position(|c| *c == tlp).unwrap_or(codes.len())
}

/// Reads `ceilings.toml`; no file means no ceilings.
pub(super) fn parse_ceilings(text: Option<&str>) -> Result<Vec<Ceiling>, Vec<Problem>> {
    let Some(text) = text else {
        return Ok(Vec::new());
    };
    let file: File = toml::from_str(text).map_err(|e| {
        let offset = e.span().map_or(0, |span| span.start);
        vec![fault(text, offset, e.message().trim().to_owned())]
    })?;
    let mut problems = Vec::new();
    if file.ceiling.len() > limits::CEILINGS {
        let kind = ProblemKind::TooMany {
            what: "ceilings",
            found: file.ceiling.len(),
            max: limits::CEILINGS,
            remedy: "Use circles and sectors, so that one ceiling serves many peers",
        };
        problems.push(Problem::of_file(CEILINGS_FILE, kind));
    }
    let mut ceilings: Vec<Ceiling> = Vec::new();
    for entry in file.ceiling {
        let offset = entry.name.span().start;
        match entry.check(text, &ceilings) {
            Ok(ceiling) => ceilings.push(ceiling),
            Err(message) => problems.push(fault(text, offset, message)),
        }
    }
    if problems.is_empty() {
        Ok(ceilings)
    } else {
        Err(problems)
    }
}

fn fault(text: &str, offset: usize, message: String) -> Problem {
    let kind = ProblemKind::Ceilings { message };
    Problem::at(CEILINGS_FILE, text, offset, kind)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    ceiling: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Spanned<String>,
    says: String,
    to: String,
    above: Option<String>,
    kinds: Option<BTreeSet<String>>,
    by: Option<BTreeSet<String>>,
}

impl Entry {
    fn check(self, text: &str, before: &[Ceiling]) -> Result<Ceiling, String> {
        let (line, _) = place(text, self.name.span().start);
        let name = self.name.into_inner();
        let clip = |text: &str| liaison_protocol::id::clip(text);
        if !good_name(&name, limits::STATEMENT_ID_CHARS) {
            return Err(format!(
                "'{}' cannot be a ceiling's name: use 1 to {} small letters, digits, '-', '_' or '.'",
                clip(&name),
                limits::STATEMENT_ID_CHARS
            ));
        }
        if before.iter().any(|c| c.name == name) {
            return Err(format!(
                "the name '{name}' is there twice; give one another"
            ));
        }
        let says = self.says.trim().to_owned();
        if says.is_empty() || says.chars().count() > limits::STATEMENT_SAYS_CHARS {
            return Err(format!(
                "'{name}' does not say what it is for: write a sentence of 1 to {} characters as 'says'",
                limits::STATEMENT_SAYS_CHARS
            ));
        }
        let one_of = |list: &str, code: &str| -> Result<String, String> {
            let known = schema::codes(list);
            if known.contains(&code) {
                return Ok(code.to_owned());
            }
            Err(format!(
                "'{name}' names '{}', which is none of: {}",
                clip(code),
                known.join(", ")
            ))
        };
        let to = match self.to.split_once(':') {
            None if self.to == "everyone" => CeilingTo::Everyone,
            Some(("peer", peer)) => CeilingTo::Peer(peer.to_owned()),
            Some(("circle", circle)) => CeilingTo::Circle(circle.to_owned()),
            Some(("sector", code)) => CeilingTo::Sector(one_of("Sector", code)?),
            _ => {
                return Err(format!(
                    "'{name}' is for '{}'; 'to' is everyone, peer:NAME, circle:NAME or sector:CODE",
                    clip(&self.to)
                ));
            }
        };
        let above = self.above.map(|tlp| one_of("Tlp", &tlp)).transpose()?;
        let kinds = self.kinds.unwrap_or_default();
        for kind in &kinds {
            one_of("Kind", kind)?;
        }
        let mut by = Vec::new();
        for name_of in self.by.iter().flatten() {
            let mut writers = Roles::WRITERS.iter();
            let role = writers.find(|role| role.as_str() == name_of);
            by.push(role.ok_or_else(|| {
                format!(
                    "'{name}' is for what '{}' writes; 'by' lists roles that write records: {}",
                    clip(name_of),
                    Roles::WRITERS
                )
            })?);
        }
        if self.by.is_some() && by.is_empty() {
            return Err(format!(
                "'{name}' binds nobody: list roles in 'by', or leave it out to bind the node"
            ));
        }
        if above.is_none() && kinds.is_empty() {
            return Err(format!(
                "'{name}' withholds nothing: give 'above' (a TLP), 'kinds', or both"
            ));
        }
        let top = schema::codes("Tlp").last().copied();
        if above.as_deref() == top {
            return Err(format!(
                "'{name}' withholds nothing: no TLP is above red; leave 'above' out to withhold its kinds altogether"
            ));
        }
        Ok(Ceiling {
            name,
            says,
            to,
            above,
            kinds,
            by: by.into_iter().collect(),
            line,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::officers::Role;

    const GOOD: &str = r#"
[[ceiling]]
name = "companies"
says = "Companies get nothing above green."
to = "sector:private"
above = "green"

[[ceiling]]
name = "no-routes"
says = "No routes to it."
to = "peer:qo-ngo"
kinds = ["route"]

[[ceiling]]
name = "high-routes"
says = "No high routes to the circle."
to = "circle:balkan"
kinds = ["route", "trend"]
above = "amber"
"#;

    #[test]
    fn ceilings_say_what_never_goes_to_whom() {
        let ceilings = parse_ceilings(Some(GOOD)).expect("good");
        let rules: Vec<String> = ceilings.iter().map(Ceiling::rule).collect();
        assert_eq!(
            rules,
            [
                "nothing above TLP:GREEN to sector:private",
                "no route to peer:qo-ngo",
                "no route, trend above TLP:AMBER to circle:balkan",
            ]
        );
        assert_eq!(ceilings[1].place(), "ceilings.toml:9");
        assert_eq!(parse_ceilings(None), Ok(Vec::new()));
        assert_eq!(parse_ceilings(Some("# none yet\n")), Ok(Vec::new()));
    }

    #[test]
    fn a_ceiling_of_a_role_binds_who_writes_in_no_other() {
        let text = GOOD.replacen(
            "above = \"green\"",
            "above = \"green\"\nby = [\"analyst\"]",
            1,
        );
        let ceilings = parse_ceilings(Some(&text)).expect("good");
        assert_eq!(
            ceilings[0].rule(),
            "nothing above TLP:GREEN to sector:private by officers who are only analyst"
        );
        let binds = |roles: &[Role]| ceilings[0].binds(Roles::of(roles));
        assert!(binds(&[Role::Analyst]));
        assert!(binds(&[Role::Analyst, Role::Administrator]));
        assert!(!binds(&[Role::Analyst, Role::CaseOfficer]));
        assert!(!binds(&[Role::CaseOfficer]) && !binds(&[Role::Administrator]) && !binds(&[]));
        assert!(
            !ceilings[1].binds(Roles::of(&[Role::Analyst])),
            "the node's"
        );
    }

    #[test]
    fn odd_ceilings_are_refused_with_their_place() {
        let with = |from: &str, to: &str| GOOD.replacen(from, to, 1);
        for (odd, says) in [
            (
                with("to = \"sector:private\"", "to = \"sector:company\""),
                "none of: police",
            ),
            (
                with("to = \"sector:private\"", "to = \"private\""),
                "peer:NAME",
            ),
            (
                with("above = \"green\"", "above = \"grene\""),
                "none of: clear",
            ),
            (
                with("above = \"green\"", "above = \"red\""),
                "withholds nothing",
            ),
            (with("above = \"green\"", ""), "withholds nothing"),
            (
                with("kinds = [\"route\"]", "kinds = [\"routes\"]"),
                "none of: trend",
            ),
            (with("no-routes", "companies"), "is there twice"),
            (with("no-routes", "No routes"), "cannot be a ceiling's name"),
            (
                with("says = \"No routes to it.\"", "says = \" \""),
                "does not say",
            ),
            (with("above = ", "abov = "), "abov"),
            (with("[[ceiling]]", "[[ceilings]]"), "ceilings"),
            (
                with("kinds = [\"route\"]", "kinds = [\"route\"]\nby = []"),
                "binds nobody",
            ),
            (
                with(
                    "kinds = [\"route\"]",
                    "kinds = [\"route\"]\nby = [\"administrator\"]",
                ),
                "roles that write records",
            ),
        ] {
            let problems = parse_ceilings(Some(&odd)).expect_err(&odd);
            let text = problems[0].to_string();
            assert!(text.contains(says), "{says}: {text}");
            assert!(text.starts_with("ceilings.toml:"), "{text}");
        }
    }
}

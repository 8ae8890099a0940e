//! A case that breaks an invariant, as a person reads it and as the engine decides it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy::{Authorizer, EntityUid, EvalResult};
use cedar_policy_symcc::Env;
use liaison_protocol::id::AgencyId;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::super::attributes::{Attributes, TAG_PREFIXES};
use super::super::circles::good_name;
use super::super::decision::{Action, Decision, StatementRef};
use super::super::directory::{Directory, PeerAttributes, SELF_ALIAS};
use super::super::engine::Engine;
use super::super::limits;
use super::super::set::{PolicySet, Statement};
use super::super::text::PolicyText;
use super::invariant::Invariant;
use super::report::Verdict;

/// One question to the engine: an agency, a record, an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    /// What is asked.
    pub action: Action,
    /// This agency.
    pub own: PeerAttributes,
    /// The peer, with its circles.
    pub peer: PeerAttributes,
    /// Who wrote the record.
    pub author: Author,
    /// The record.
    pub record: Attributes,
    /// The peer is a named recipient.
    pub addressed: bool,
}

/// Who wrote a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Author {
    /// This agency.
    Own,
    /// The peer that it is about to go to, or to come from.
    ThePeer,
    /// Another agency.
    Another(Box<PeerAttributes>),
}

impl Case {
    /// A solver's case against an invariant, put to the real engine.
    pub(super) fn refute(
        env: &Env,
        action: Action,
        set: &PolicySet,
        invariant: &Invariant,
    ) -> Verdict {
        let case = match Self::read(env, action, &[set]) {
            Ok(case) => case,
            Err(reason) => return Verdict::Unknown { reason },
        };
        let (decision, forbidden) = match case.put_to(set) {
            Ok((engine, decision)) => {
                let forbidden = case.is_forbidden(&engine, invariant).unwrap_or(false);
                (decision, forbidden)
            }
            Err(reason) => return Verdict::Unknown { reason },
        };
        let confirmed = decision.allow && forbidden;
        case.into_verdict(&decision, confirmed)
    }

    /// A solver's case in which a statement fails, put to the real engine.
    pub(super) fn refute_error(
        env: &Env,
        action: Action,
        set: &PolicySet,
        statement: &Statement,
    ) -> Verdict {
        let reference = statement.reference.clone();
        let decided = Self::read(env, action, &[set]).and_then(|case| {
            let (_, decision) = case.put_to(set)?;
            Ok((case, decision))
        });
        match decided {
            Ok((case, decision)) => Verdict::Refuted {
                words: format!(
                    "Statement '{}' ({}, line {}) fails for {}. Whatever it fails for is refused.",
                    reference.id,
                    reference.file,
                    reference.line,
                    case.in_words()
                ),
                confirmed: !decision.errors.is_empty()
                    || set.invariants.contains_key(&reference.id),
                statements: vec![reference],
                case: Some(Box::new(case)),
            },
            Err(reason) => Verdict::Unknown { reason },
        }
    }

    pub(super) fn into_verdict(self, decision: &Decision, confirmed: bool) -> Verdict {
        let statements: Vec<StatementRef> = decision.statements.clone();
        let by: Vec<String> = statements
            .iter()
            .map(|s| format!("'{}' ({}, line {}): {}", s.id, s.file, s.line, s.says))
            .collect();
        let words = if confirmed {
            format!("{} Allowed by {}", sentence(&self), by.join("; "))
        } else {
            format!(
                "{} The solver gives this case, and the engine does not decide so: report it, and do not rely on the proof.",
                sentence(&self)
            )
        };
        Verdict::Refuted {
            case: Some(Box::new(self)),
            words,
            statements,
            confirmed,
        }
    }

    /// Has a real engine decide it: the set without the members that `entities.json` lists (the
    /// case has circles of its own), for the agencies of the case.
    pub fn put_to(&self, set: &PolicySet) -> Result<(Engine, Decision), String> {
        let files = set.text().files().to_vec();
        let bare = PolicyText::new(files, None)
            .and_then(PolicySet::from_text)
            .map_err(|e| e.to_string())?;
        let directory = self.directory()?;
        let engine = Engine::new(Arc::new(bare), directory, 1).map_err(|e| e.to_string())?;
        let decision = engine.decide(self.action, &self.peer.agency, &self.record, self.addressed);
        Ok((engine, decision))
    }

    /// Whether the invariant forbids it.
    pub(super) fn is_forbidden(
        &self,
        engine: &Engine,
        invariant: &Invariant,
    ) -> Result<bool, String> {
        let principal = engine
            .principal(&self.peer.agency)
            .ok_or("the case has no peer")?;
        let (request, entities) =
            engine.question(self.action, principal, &self.record, self.addressed)?;
        let answer = Authorizer::new().is_authorized(&request, &invariant.as_set()?, &entities);
        Ok(answer.decision() == cedar_policy::Decision::Deny)
    }

    fn directory(&self) -> Result<Directory, String> {
        let mut own = self.own.clone();
        if own.alias == self.peer.alias {
            own.alias = format!("{}-itself", own.alias);
        }
        let mut peers = vec![self.peer.clone()];
        if let Author::Another(author) = &self.author {
            peers.push((**author).clone());
        }
        Directory::new(own, peers).map_err(|e| e.to_string())
    }

    /// `the peer qn-x (sector private, country QM, in circle le), …`.
    pub fn in_words(&self) -> String {
        let named = if self.addressed {
            "named as a recipient"
        } else {
            "not named as a recipient"
        };
        format!("{}, {named}, and {}", who(&self.peer), self.what())
    }

    fn what(&self) -> String {
        let r = &self.record;
        let mut more = Vec::new();
        let mut add = |name: &str, value: String, plain: &str| {
            if value != plain {
                more.push(format!("{name} {value}"));
            }
        };
        add("handling", list(&r.handling), "");
        add("onward", r.onward.clone(), "");
        add("purpose", r.purpose.clone(), "prevention");
        add("class", r.class.clone(), "none");
        add("tags", list(&r.tags), "");
        if r.marked {
            more.push("marked".to_owned());
        }
        if r.exercise {
            more.push("of an exercise".to_owned());
        }
        let author = self.author_in_words();
        let article = if r.kind.starts_with(['a', 'e', 'i', 'o', 'u']) {
            "an"
        } else {
            "a"
        };
        format!(
            "{article} {} record at TLP {} {author} ({})",
            r.kind,
            r.tlp,
            more.join(", ")
        )
    }

    fn author_in_words(&self) -> String {
        match &self.author {
            Author::Own => "that we wrote".to_owned(),
            Author::ThePeer => "that it wrote itself".to_owned(),
            Author::Another(other) => format!("of {}", who(other)),
        }
    }
}

/// One sentence.
fn sentence(case: &Case) -> String {
    let named = if case.addressed {
        "as a named recipient"
    } else {
        "without being named as a recipient"
    };
    let (peer, what) = (who(&case.peer), case.what());
    match case.action {
        Action::Share => format!("The peer {peer} would get, {named}, {what}."),
        Action::Accept => format!("We would take from the peer {peer} {what}."),
        Action::Carry => format!(
            "We would keep for the peer {peer} parcels {}.",
            case.author_in_words()
        ),
        Action::Match => format!("The peer {peer} would get an answer from {what}."),
    }
}

fn who(agency: &PeerAttributes) -> String {
    let circles = match agency.circles.len() {
        0 => "in no circle".to_owned(),
        1 => format!("in circle {}", list(&agency.circles)),
        _ => format!("in circles {}", list(&agency.circles)),
    };
    format!(
        "'{}' (sector {}, country {}, {circles})",
        agency.alias, agency.sector, agency.country
    )
}

fn list(names: &BTreeSet<String>) -> String {
    names
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

// -- from the solver ----------------------------------------------------------------------

impl Case {
    pub(super) fn read(env: &Env, action: Action, sets: &[&PolicySet]) -> Result<Self, String> {
        let mut reader = Reader::new(env, sets);
        let principal = env.request.principal().ok_or("the case has no peer")?;
        let resource = env.request.resource().ok_or("the case has no record")?;
        let addressed = env
            .request
            .context()
            .and_then(|c| c.get("addressed"))
            .is_some_and(|v| v == EvalResult::Bool(true));
        let peer = reader.agency(principal, "a-peer")?;
        let this: EntityUid = format!("Agency::\"{SELF_ALIAS}\"")
            .parse()
            .map_err(|_| "no name for this agency")?;
        let mut own = reader
            .agency(&this, OWN_ALIAS)
            .unwrap_or_else(|_| plain_agency());
        own.agency = own_id();
        own.alias = OWN_ALIAS.to_owned();
        let record = reader.record(resource)?;
        let writer = match record.get("author") {
            Some(EvalResult::EntityUid(uid)) => uid.clone(),
            _ => return Err("the case has no author".into()),
        };
        let (author, agency, country) = if writer.id().unescaped() == SELF_ALIAS {
            (Author::Own, own.agency, own.country.clone())
        } else if writer == *principal {
            (Author::ThePeer, peer.agency, peer.country.clone())
        } else {
            let mut other = reader.agency(&writer, "another-agency")?;
            if other.alias == peer.alias {
                other.alias = "a-third-agency".to_owned();
                other.agency = id_of(&other.alias);
            }
            let (id, country) = (other.agency, other.country.clone());
            (Author::Another(Box::new(other)), id, country)
        };
        let tags = strings(&record, "tags")
            .into_iter()
            .filter(|tag| {
                let parts = tag.split_once(':');
                parts.is_some_and(|(prefix, rest)| {
                    TAG_PREFIXES.contains(&prefix) && !rest.is_empty()
                })
            })
            .collect();
        let record = Attributes {
            kind: code(&record, "kind"),
            plane: code(&record, "plane"),
            tlp: code(&record, "tlp"),
            handling: strings(&record, "handling"),
            onward: code(&record, "onward"),
            purpose: code(&record, "purpose"),
            author: agency,
            author_country: country,
            class: code(&record, "class"),
            tags,
            marked: record.get("marked") == Some(&EvalResult::Bool(true)),
            exercise: record.get("exercise") == Some(&EvalResult::Bool(true)),
        };
        Ok(Self {
            action,
            own,
            peer,
            author,
            record,
            addressed,
        })
    }
}

/// Reads entities; texts that cannot be a country get one that nobody has.
struct Reader<'a> {
    env: &'a Env,
    sets: &'a [&'a PolicySet],
    countries: BTreeMap<String, String>,
}

type Fields = BTreeMap<String, EvalResult>;

impl<'a> Reader<'a> {
    fn new(env: &'a Env, sets: &'a [&'a PolicySet]) -> Self {
        Self {
            env,
            sets,
            countries: BTreeMap::new(),
        }
    }

    fn fields(&self, uid: &EntityUid, names: &[&str]) -> Result<Fields, String> {
        let entity = self
            .env
            .entities
            .get(uid)
            .ok_or_else(|| format!("the case does not describe {uid}"))?;
        let mut fields = Fields::new();
        for name in names {
            if let Some(Ok(value)) = entity.attr(name) {
                fields.insert((*name).to_owned(), value);
            }
        }
        Ok(fields)
    }

    fn agency(&mut self, uid: &EntityUid, otherwise: &str) -> Result<PeerAttributes, String> {
        let fields = self.fields(uid, &["sector", "country", "route_roles", "regime"])?;
        let name = uid.id().unescaped();
        let is_named = self.sets.iter().any(|set| {
            let literals = set.literals.iter();
            literals
                .into_iter()
                .any(|(kind, id)| kind == "Agency" && id == name)
        });
        let alias = if is_named && good_name(name, limits::ALIAS_CHARS) {
            name
        } else {
            otherwise
        };
        let circles = self.env.entities.ancestors(uid).map(|all| {
            all.map(|c| c.id().unescaped().to_owned())
                .filter(|c| good_name(c, limits::ALIAS_CHARS))
                .collect()
        });
        Ok(PeerAttributes {
            agency: id_of(alias),
            alias: alias.to_owned(),
            sector: code(&fields, "sector"),
            country: self.country(&text(&fields, "country")),
            route_roles: strings(&fields, "route_roles"),
            regime: code(&fields, "regime"),
            circles: circles.unwrap_or_default(),
        })
    }

    fn record(&self, uid: &EntityUid) -> Result<Fields, String> {
        self.fields(
            uid,
            &[
                "kind",
                "plane",
                "tlp",
                "handling",
                "onward",
                "purpose",
                "author",
                "author_country",
                "class",
                "tags",
                "marked",
                "exercise",
            ],
        )
    }

    /// Equal texts stay equal and different ones different.
    fn country(&mut self, text: &str) -> String {
        if text.len() == 2 && text.chars().all(|c| c.is_ascii_uppercase()) {
            return text.to_owned();
        }
        let next = self.countries.len();
        // User-assigned in ISO 3166-1: nobody's.
        let letter = char::from(b'Z'.saturating_sub(u8::try_from(next).unwrap_or(u8::MAX).min(9)));
        self.countries
            .entry(text.to_owned())
            .or_insert_with(|| format!("Q{letter}"))
            .clone()
    }
}

fn code(fields: &Fields, name: &str) -> String {
    match fields.get(name) {
        Some(EvalResult::EntityUid(uid)) => uid.id().unescaped().to_owned(),
        _ => String::new(),
    }
}

fn text(fields: &Fields, name: &str) -> String {
    match fields.get(name) {
        Some(EvalResult::String(text)) => text.clone(),
        _ => String::new(),
    }
}

fn strings(fields: &Fields, name: &str) -> BTreeSet<String> {
    let Some(EvalResult::Set(set)) = fields.get(name) else {
        return BTreeSet::new();
    };
    set.iter()
        .filter_map(|value| match value {
            EvalResult::String(text) => Some(text.clone()),
            EvalResult::EntityUid(uid) => Some(uid.id().unescaped().to_owned()),
            _ => None,
        })
        .collect()
}

/// The agency of an alias in a case: derived from it, so that a case is the same each time.
fn id_of(alias: &str) -> AgencyId {
    AgencyId::from_bytes(Sha256::digest(alias).into())
}

fn own_id() -> AgencyId {
    id_of(SELF_ALIAS)
}

/// This agency's name in a case.
const OWN_ALIAS: &str = "this-agency";

/// This agency, where the case says nothing of it.
fn plain_agency() -> PeerAttributes {
    PeerAttributes {
        agency: own_id(),
        alias: OWN_ALIAS.to_owned(),
        sector: "unknown".to_owned(),
        country: "QN".to_owned(),
        route_roles: BTreeSet::new(),
        regime: "unknown".to_owned(),
        circles: BTreeSet::new(),
    }
}

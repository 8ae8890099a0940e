//! A validated set together with the agencies: it answers.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::{
    Authorizer, Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request,
    RestrictedExpression, Schema,
};
use liaison_protocol::id::AgencyId;
use sha2::{Digest, Sha256};

use super::attributes::{Attributes, ClassId};
use super::ceiling::Ceiling;
use super::decision::{Action, Decision, StatementRef};
use super::directory::{Directory, PeerAttributes};
use super::memo::Memo;
use super::scan::on_deep_stack;
use super::schema::{self, SCHEMA_TEXT};
use super::set::PolicySet;
use crate::officers::Roles;

/// Why a set and its agencies cannot be put together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The program's own schema is faulty.
    #[error(
        "the policy schema inside liaison is faulty: {message}. Report this; nothing is shared meanwhile"
    )]
    Schema {
        /// What the parser said.
        message: String,
    },
    /// The agencies do not fit the schema.
    #[error(
        "the peers' attributes do not fit the policy schema: {message}. Run 'liaison peer list' and correct the peer"
    )]
    Entities {
        /// What Cedar said.
        message: String,
    },
}

/// The active policy at one epoch. It never changes; a change makes another.
#[derive(Debug)]
pub struct Engine {
    set: Arc<PolicySet>,
    directory: Directory,
    epoch: u64,
    fingerprint: [u8; 32],
    schema: &'static Schema,
    names: Names,
    entities: Entities,
    peers: HashMap<AgencyId, Peer>,
    authorizer: Authorizer,
    memo: Memo,
}

/// A peer's number within the engine, and its entity.
#[derive(Debug)]
struct Peer {
    index: u16,
    entity: EntityUid,
    /// Those that are for it.
    ceilings: Vec<Arc<Ceiling>>,
}

impl Engine {
    /// Puts a set and the agencies together. Names that stand for nobody (a peer that was
    /// removed) are no error here; see [`PolicySet::check_names`].
    pub fn new(set: Arc<PolicySet>, directory: Directory, epoch: u64) -> Result<Self, EngineError> {
        let schema = schema::schema().map_err(|message| EngineError::Schema {
            message: message.to_owned(),
        })?;
        let names = Names::new().map_err(|message| EngineError::Schema { message })?;
        let entities = names
            .entities(&set, &directory)
            .and_then(|list| Entities::from_entities(list, Some(schema)).map_err(|e| chain(&e)))
            .map_err(|message| EngineError::Entities { message })?;
        let peers = (0u16..)
            .zip(directory.peers())
            .map(|(index, p)| {
                (
                    p.agency,
                    Peer {
                        index,
                        entity: names.uid("Agency", &p.alias),
                        ceilings: ceilings_for(&set, &directory, p),
                    },
                )
            })
            .collect();
        Ok(Self {
            fingerprint: fingerprint(&set, &directory),
            set,
            directory,
            epoch,
            schema,
            names,
            entities,
            peers,
            authorizer: Authorizer::new(),
            memo: Memo::new(),
        })
    }

    /// As [`Engine::new`], with the epoch that follows from what was active before: the same
    /// if nothing differs, one more otherwise. `last` is the stored epoch and fingerprint.
    pub fn resume(
        set: Arc<PolicySet>,
        directory: Directory,
        last: Option<(u64, [u8; 32])>,
    ) -> Result<Self, EngineError> {
        let mut engine = Self::new(set, directory, 1)?;
        if let Some((epoch, fingerprint)) = last {
            let same = fingerprint == engine.fingerprint;
            engine.epoch = if same { epoch } else { epoch.saturating_add(1) };
        }
        Ok(engine)
    }

    /// Decides, without looking at earlier decisions.
    ///
    /// Whoever is no peer, codes that the schema does not list and statements that fail all
    /// give a denial with its reason in `errors`.
    pub fn decide(
        &self,
        action: Action,
        peer: &AgencyId,
        class: &Attributes,
        addressed: bool,
    ) -> Decision {
        let Some(known) = self.peers.get(peer) else {
            return Decision::failed(format!("agency {} is no peer", peer.short()));
        };
        match on_deep_stack(|| self.ask(action, known, class, addressed)) {
            Ok(decision) => decision,
            Err(error) => Decision::failed(error),
        }
    }

    /// Decides, or returns what was decided before about the same class at this epoch. `class`
    /// is called only if it was not; it must return what `class_id` stands for.
    pub fn decide_memo(
        &self,
        action: Action,
        peer: &AgencyId,
        class_id: ClassId,
        addressed: bool,
        class: impl FnOnce() -> Attributes,
    ) -> Arc<Decision> {
        let Some(known) = self.peers.get(peer) else {
            return Arc::new(Decision::failed(format!(
                "agency {} is no peer",
                peer.short()
            )));
        };
        let key = u64::from(class_id.0)
            | u64::from(known.index) << 32
            | action.index() << 48
            | u64::from(addressed) << 50;
        self.memo
            .get(key, || self.decide(action, peer, &class(), addressed))
    }

    /// The ceiling that keeps a class of records from a peer, whatever the statements say: the
    /// first of them.
    pub fn ceiling(&self, peer: &AgencyId, class: &Attributes) -> Option<&Arc<Ceiling>> {
        let ceilings = &self.peers.get(peer)?.ceilings;
        let mut ceilings = ceilings.iter().filter(|c| c.by.is_empty());
        ceilings.find(|c| c.withholds(class))
    }

    /// The ceiling beyond which an officer of these roles may not let a class of records go to a
    /// peer: the node's, or one of the roles.
    pub fn ceiling_by(
        &self,
        roles: Roles,
        peer: &AgencyId,
        class: &Attributes,
    ) -> Option<&Arc<Ceiling>> {
        let ceilings = &self.peers.get(peer)?.ceilings;
        let mut ceilings = ceilings
            .iter()
            .filter(|c| c.by.is_empty() || c.binds(roles));
        ceilings.find(|c| c.withholds(class))
    }

    /// The ceiling beyond which an officer of these roles may not leave it to the policy to whom
    /// a class of records goes.
    pub fn ceiling_without_list(&self, roles: Roles, class: &Attributes) -> Option<&Ceiling> {
        let mut ceilings = self.set().ceilings().iter().filter(|c| c.binds(roles));
        ceilings.find(|c| c.withholds(class)).map(AsRef::as_ref)
    }

    /// Moves with every change of policy, circles or pinned attributes.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// SHA-256 over all that decisions depend on: schema, policy text, agencies.
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// The validated set.
    pub fn set(&self) -> &Arc<PolicySet> {
        &self.set
    }

    /// This agency and its peers, as pinned.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The peers in a circle, as entities and `peer add --circle` put them there.
    pub fn members(&self, circle: &str) -> Vec<AgencyId> {
        let peers = self.directory.peers().iter();
        peers
            .filter(|p| self.is_in(p, circle))
            .map(|p| p.agency)
            .collect()
    }

    /// The circles that a peer is in, by name.
    pub fn circles_of(&self, agency: &AgencyId) -> Vec<String> {
        let Some(peer) = self.directory.peers().iter().find(|p| p.agency == *agency) else {
            return Vec::new();
        };
        let mut names: Vec<String> = self
            .set
            .circles()
            .keys()
            .chain(&peer.circles)
            .cloned()
            .collect();
        names.sort();
        names.dedup();
        names.retain(|circle| self.is_in(peer, circle));
        names
    }

    fn is_in(&self, peer: &PeerAttributes, circle: &str) -> bool {
        is_in(&self.set, &self.directory, peer, circle)
    }

    fn ask(
        &self,
        action: Action,
        peer: &Peer,
        class: &Attributes,
        addressed: bool,
    ) -> Result<Decision, String> {
        let (request, entities) = self.question(action, &peer.entity, class, addressed)?;
        let response = self
            .authorizer
            .is_authorized(&request, &self.set.cedar, &entities);
        let mut statements: Vec<StatementRef> = response
            .diagnostics()
            .reason()
            .filter_map(|id| self.set.statements.get::<str>(id.as_ref()))
            .map(|s| s.reference.clone())
            .collect();
        statements.sort();
        let mut errors: Vec<String> = response
            .diagnostics()
            .errors()
            .map(|e| self.statement_error(e))
            .collect();
        errors.sort();
        let allow = response.decision() == cedar_policy::Decision::Allow && errors.is_empty();
        let default_deny = !allow && statements.is_empty() && errors.is_empty();
        if !allow && !errors.is_empty() {
            // Permits do not explain a denial.
            statements.retain(|s| {
                self.set
                    .statements
                    .get(&s.id)
                    .is_some_and(|s| s.effect == cedar_policy::Effect::Forbid)
            });
        }
        Ok(Decision {
            allow,
            statements,
            default_deny,
            errors,
        })
    }

    /// The Cedar request and the entities that it speaks of.
    pub(super) fn question(
        &self,
        action: Action,
        principal: &EntityUid,
        class: &Attributes,
        addressed: bool,
    ) -> Result<(Request, Entities), String> {
        if let Some((attribute, code)) = class.foreign_code() {
            return Err(format!(
                "the record's {attribute} '{code}' is unknown to this version's policy schema"
            ));
        }
        let author = self
            .names
            .uid("Agency", &self.directory.entity_name(&class.author));
        let mut country = class.author_country.clone();
        let mut more = Vec::new();
        match self
            .directory
            .peers()
            .binary_search_by(|p| p.agency.cmp(&class.author))
        {
            Ok(at) => {
                if let Some(peer) = self.directory.peers().get(at) {
                    country.clone_from(&peer.country);
                }
            }
            Err(_) if class.author == self.directory.own().agency => {
                country.clone_from(&self.directory.own().country);
            }
            // An author who is no peer: nothing is pinned, so nothing but the country is known.
            Err(_) => more.push(self.names.stranger(author.clone(), &country)?),
        }
        let own = class.author == self.directory.own().agency;
        let resource = self.names.uid("Record", "this");
        more.push(
            self.names
                .record(resource.clone(), class, author, country, own)?,
        );
        let entities = self
            .entities
            .clone()
            .add_entities(more, Some(self.schema))
            .map_err(|e| chain(&e))?;
        let context = Context::from_pairs([(
            "addressed".to_owned(),
            RestrictedExpression::new_bool(addressed),
        )])
        .map_err(|e| chain(&e))?;
        let action = self.names.uid("Action", action.name());
        let request = Request::new(
            principal.clone(),
            action,
            resource,
            context,
            Some(self.schema),
        )
        .map_err(|e| chain(&e))?;
        Ok((request, entities))
    }

    /// A peer's entity.
    pub(super) fn principal(&self, peer: &AgencyId) -> Option<&EntityUid> {
        self.peers.get(peer).map(|p| &p.entity)
    }

    fn statement_error(&self, error: &cedar_policy::AuthorizationError) -> String {
        let cedar_policy::AuthorizationError::PolicyEvaluationError(inner) = error;
        let place = self
            .set
            .statements
            .get::<str>(inner.policy_id().as_ref())
            .map(|s| format!("{}, line {}", s.reference.file, s.reference.line))
            .unwrap_or_default();
        format!(
            "statement '{}' ({place}) failed: {}",
            inner.policy_id(),
            inner.inner()
        )
    }
}

fn is_in(set: &PolicySet, directory: &Directory, peer: &PeerAttributes, circle: &str) -> bool {
    peer.circles.contains(circle)
        || set.circles().get(circle).is_some_and(|members| {
            let mut members = members.iter();
            members.any(|name| directory.member(name) == Some(peer.agency))
        })
}

fn ceilings_for(
    set: &PolicySet,
    directory: &Directory,
    peer: &PeerAttributes,
) -> Vec<Arc<Ceiling>> {
    let in_circle = |circle: &str| is_in(set, directory, peer, circle);
    let all = set.ceilings().iter();
    all.filter(|c| c.is_for(peer, in_circle)).cloned().collect()
}

/// Entity type names, parsed once.
#[derive(Debug)]
struct Names {
    types: BTreeMap<&'static str, EntityTypeName>,
    fallback: EntityTypeName,
}

impl Names {
    fn new() -> Result<Self, String> {
        let names = [
            "Action",
            "Agency",
            "Circle",
            "CrimeClass",
            "HandlingCode",
            "Kind",
            "OnwardMode",
            "Plane",
            "Purpose",
            "Record",
            "Regime",
            "RouteRole",
            "Sector",
            "Tlp",
        ];
        let mut types = BTreeMap::new();
        for name in names {
            types.insert(
                name,
                name.parse::<EntityTypeName>().map_err(|e| e.to_string())?,
            );
        }
        let fallback = "Unlisted"
            .parse::<EntityTypeName>()
            .map_err(|e| e.to_string())?;
        Ok(Self { types, fallback })
    }

    /// A type that is not listed above gives an entity that the schema refuses.
    fn uid(&self, kind: &str, id: &str) -> EntityUid {
        let name = self.types.get(kind).unwrap_or(&self.fallback).clone();
        EntityUid::from_type_name_and_id(name, EntityId::new(id))
    }

    fn code(&self, kind: &str, id: &str) -> RestrictedExpression {
        RestrictedExpression::new_entity_uid(self.uid(kind, id))
    }

    fn codes<'a>(
        &self,
        kind: &str,
        ids: impl IntoIterator<Item = &'a String>,
    ) -> RestrictedExpression {
        RestrictedExpression::new_set(ids.into_iter().map(|id| self.code(kind, id)))
    }

    fn entities(&self, set: &PolicySet, directory: &Directory) -> Result<Vec<Entity>, String> {
        let mut circles: HashMap<AgencyId, HashSet<EntityUid>> = HashMap::new();
        for (circle, members) in set.circles() {
            for agency in members.iter().filter_map(|m| directory.member(m)) {
                circles
                    .entry(agency)
                    .or_default()
                    .insert(self.uid("Circle", circle));
            }
        }
        let mut list: Vec<Entity> = set
            .circle_names(directory)
            .into_iter()
            .map(|name| Entity::new_no_attrs(self.uid("Circle", name), HashSet::new()))
            .collect();
        for agency in directory.peers().iter().chain([directory.own()]) {
            let mut parents = circles.remove(&agency.agency).unwrap_or_default();
            parents.extend(agency.circles.iter().map(|c| self.uid("Circle", c)));
            let uid = self.uid("Agency", &directory.entity_name(&agency.agency));
            list.push(self.agency(uid, agency, parents)?);
        }
        Ok(list)
    }

    fn agency(
        &self,
        uid: EntityUid,
        agency: &PeerAttributes,
        parents: HashSet<EntityUid>,
    ) -> Result<Entity, String> {
        let attributes = HashMap::from([
            ("sector".to_owned(), self.code("Sector", &agency.sector)),
            (
                "country".to_owned(),
                RestrictedExpression::new_string(agency.country.clone()),
            ),
            (
                "route_roles".to_owned(),
                self.codes("RouteRole", &agency.route_roles),
            ),
            ("regime".to_owned(), self.code("Regime", &agency.regime)),
        ]);
        Entity::new(uid, attributes, parents).map_err(|e| chain(&e))
    }

    fn stranger(&self, uid: EntityUid, country: &str) -> Result<Entity, String> {
        let attributes = HashMap::from([
            ("sector".to_owned(), self.code("Sector", "unknown")),
            (
                "country".to_owned(),
                RestrictedExpression::new_string(country.to_owned()),
            ),
            ("route_roles".to_owned(), RestrictedExpression::new_set([])),
            ("regime".to_owned(), self.code("Regime", "unknown")),
        ]);
        Entity::new(uid, attributes, HashSet::new()).map_err(|e| chain(&e))
    }

    fn record(
        &self,
        uid: EntityUid,
        class: &Attributes,
        author: EntityUid,
        author_country: String,
        own: bool,
    ) -> Result<Entity, String> {
        let tags = class
            .tags
            .iter()
            .map(|t| RestrictedExpression::new_string(t.clone()));
        let attributes = HashMap::from([
            ("kind".to_owned(), self.code("Kind", &class.kind)),
            ("plane".to_owned(), self.code("Plane", &class.plane)),
            ("tlp".to_owned(), self.code("Tlp", &class.tlp)),
            (
                "handling".to_owned(),
                self.codes("HandlingCode", &class.handling),
            ),
            ("onward".to_owned(), self.code("OnwardMode", &class.onward)),
            ("purpose".to_owned(), self.code("Purpose", &class.purpose)),
            (
                "author".to_owned(),
                RestrictedExpression::new_entity_uid(author),
            ),
            (
                "author_country".to_owned(),
                RestrictedExpression::new_string(author_country),
            ),
            ("own".to_owned(), RestrictedExpression::new_bool(own)),
            ("class".to_owned(), self.code("CrimeClass", &class.class)),
            ("tags".to_owned(), RestrictedExpression::new_set(tags)),
            (
                "marked".to_owned(),
                RestrictedExpression::new_bool(class.marked),
            ),
            (
                "exercise".to_owned(),
                RestrictedExpression::new_bool(class.exercise),
            ),
        ]);
        Entity::new(uid, attributes, HashSet::new()).map_err(|e| chain(&e))
    }
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn fingerprint(set: &PolicySet, directory: &Directory) -> [u8; 32] {
    let mut agencies = Vec::new();
    // Writing to a Vec cannot fail.
    let _infallible = ciborium::into_writer(&(directory.own(), directory.peers()), &mut agencies);
    Sha256::new_with_prefix(b"liaison/1 policy engine")
        .chain_update(Sha256::digest(SCHEMA_TEXT))
        .chain_update(set.text().sha256())
        .chain_update(agencies)
        .finalize()
        .into()
}

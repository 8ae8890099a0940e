//! A validated set together with the agencies: it answers.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{
    Authorizer, Context, Entities, EntityUid, Request, RestrictedExpression, Schema,
};
use liaison_protocol::id::AgencyId;
use sha2::{Digest, Sha256};

use super::attributes::{Attributes, ClassId};
use super::ceiling::Ceiling;
use super::decision::{Action, Decision, StatementRef};
use super::directory::{Directory, PeerAttributes};
use super::entities::{Names, chain};
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
            // An author who is no peer: nothing is pinned, so nothing but the country is known,
            // and what the policy says of it by the name that it had as a peer.
            Err(_) => {
                let circles =
                    self.names
                        .circles_of_former(&self.set, &self.directory, &class.author);
                more.push(self.names.stranger(author.clone(), &country, circles)?);
            }
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

fn fingerprint(set: &PolicySet, directory: &Directory) -> [u8; 32] {
    let mut agencies = Vec::new();
    // Writing to a Vec cannot fail.
    let all = (directory.own(), directory.peers(), directory.former());
    let _infallible = ciborium::into_writer(&all, &mut agencies);
    Sha256::new_with_prefix(b"liaison/1 policy engine")
        .chain_update(Sha256::digest(SCHEMA_TEXT))
        .chain_update(set.text().sha256())
        .chain_update(agencies)
        .finalize()
        .into()
}

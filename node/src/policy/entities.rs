//! Agencies, circles and records as the entities that policies speak of.

use std::collections::{BTreeMap, HashMap, HashSet};

use cedar_policy::{Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use liaison_protocol::id::AgencyId;

use super::attributes::Attributes;
use super::directory::{Directory, PeerAttributes};
use super::set::PolicySet;

/// Entity type names, parsed once.
#[derive(Debug)]
pub(super) struct Names {
    types: BTreeMap<&'static str, EntityTypeName>,
    fallback: EntityTypeName,
}

impl Names {
    pub(super) fn new() -> Result<Self, String> {
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
    pub(super) fn uid(&self, kind: &str, id: &str) -> EntityUid {
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

    pub(super) fn entities(
        &self,
        set: &PolicySet,
        directory: &Directory,
    ) -> Result<Vec<Entity>, String> {
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

    /// The circles that list an agency which is no peer any more, under the name that it had.
    pub(super) fn circles_of_former(
        &self,
        set: &PolicySet,
        directory: &Directory,
        agency: &AgencyId,
    ) -> HashSet<EntityUid> {
        let Some(alias) = directory.former().get(agency) else {
            return HashSet::new();
        };
        let id = agency.full();
        let lists = |members: &[String]| members.iter().any(|m| m == alias || *m == id);
        let all = set.circles().iter().filter(|(_, members)| lists(members));
        all.map(|(circle, _)| self.uid("Circle", circle)).collect()
    }

    /// An agency of which nothing is pinned, in these circles.
    pub(super) fn stranger(
        &self,
        uid: EntityUid,
        country: &str,
        circles: HashSet<EntityUid>,
    ) -> Result<Entity, String> {
        let attributes = HashMap::from([
            ("sector".to_owned(), self.code("Sector", "unknown")),
            (
                "country".to_owned(),
                RestrictedExpression::new_string(country.to_owned()),
            ),
            ("route_roles".to_owned(), RestrictedExpression::new_set([])),
            ("regime".to_owned(), self.code("Regime", "unknown")),
        ]);
        Entity::new(uid, attributes, circles).map_err(|e| chain(&e))
    }

    pub(super) fn record(
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
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

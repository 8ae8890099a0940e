//! What policy sees of a sealed record that this node can open: the attributes of what stands
//! inside. They are kept in memory and nowhere else.

use std::collections::BTreeSet;

use liaison_protocol::id::AgencyId;
use liaison_protocol::personal::Inside;
use liaison_protocol::record::codes::Plane;

use super::attributes::Attributes;

/// What policy sees of what stands inside a seal, of an author in `author_country`. `marked` is
/// whether our own checks found fault with it.
pub fn attributes_inside(
    inside: &Inside,
    author: AgencyId,
    author_country: &str,
    marked: bool,
) -> Attributes {
    let f = &inside.fields;
    Attributes {
        kind: inside.kind().as_str().to_owned(),
        plane: Plane::Personal.as_str().to_owned(),
        tlp: f.tlp.as_str().to_owned(),
        handling: f.handling.iter().map(|h| h.as_str().to_owned()).collect(),
        onward: f.onward.mode().as_str().to_owned(),
        purpose: f.purpose.as_str().to_owned(),
        author,
        author_country: author_country.to_owned(),
        class: f.class.map_or("none", |c| c.as_str()).to_owned(),
        tags: tags(inside),
        marked,
        exercise: f.exercise.is_some(),
    }
}

fn tags(inside: &Inside) -> BTreeSet<String> {
    let mut tags = BTreeSet::new();
    if let Some(part) = inside.part() {
        tags.insert(format!("part:{}", part.as_str()));
    }
    if let Some(profile) = inside.profile() {
        let region = &profile.region;
        tags.insert(format!("area:{}", region.as_str()));
        tags.insert(format!("country:{}", region.country()));
        let needs = profile.needs.iter();
        tags.extend(needs.map(|need| format!("service:{}", need.as_str())));
    }
    tags
}

//! The one function that says what policy sees of a record.

use std::collections::BTreeSet;

use liaison_protocol::record::codes::{Area, Dimension};
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::Record;

use super::attributes::Attributes;

/// What policy sees of a record of an author in `author_country`. Tags are derived from the
/// content; [`super::attributes::TAG_PREFIXES`] lists them. `marked` is whether our own
/// content checks found fault with it.
pub fn attributes(record: &Record, author_country: &str, marked: bool) -> Attributes {
    let f = &record.envelope.fields;
    Attributes {
        kind: record.kind().as_str().to_owned(),
        plane: record.kind().plane().as_str().to_owned(),
        tlp: f.tlp.as_str().to_owned(),
        handling: f.handling.iter().map(|h| h.as_str().to_owned()).collect(),
        onward: f.onward.mode().as_str().to_owned(),
        purpose: f.purpose.as_str().to_owned(),
        author: record.envelope.author,
        author_country: author_country.to_owned(),
        class: f.class.map_or("none", |c| c.as_str()).to_owned(),
        tags: tags(&record.content),
        marked,
        exercise: f.exercise.is_some(),
    }
}

fn tags(content: &Content) -> BTreeSet<String> {
    let mut tags = Tags(BTreeSet::new());
    match content {
        Content::Trend(trend) => {
            tags.areas(&trend.area);
            tags.add("measure", trend.measure.as_str());
            if let Some(route) = &trend.route {
                tags.add("route", route);
            }
            for cell in &trend.cells {
                for (dimension, value) in cell.dims.iter() {
                    if matches!(dimension, Dimension::Nationality | Dimension::Citizenship) {
                        tags.add("nationality", value.as_str());
                    }
                }
            }
        }
        Content::ModusOperandi(modus) => {
            modus
                .techniques
                .iter()
                .for_each(|t| tags.add("technique", t.as_str()));
            modus
                .exploitation
                .iter()
                .for_each(|e| tags.add("exploitation", e.as_str()));
            modus
                .sectors
                .iter()
                .for_each(|s| tags.add("sector", s.as_str()));
        }
        Content::Route(route) => {
            tags.add("status", route.status.as_str());
            for leg in &route.legs {
                tags.area(&leg.from);
                tags.area(&leg.to);
                tags.areas(&leg.hubs);
            }
        }
        Content::DocumentAlert(alert) => tags.add("doc", alert.doc_type.as_str()),
        Content::Service(service) => {
            tags.add("stance", service.stance.as_str());
            tags.area(&service.area);
            service
                .types
                .iter()
                .for_each(|t| tags.add("service", t.as_str()));
        }
        Content::Contact(contact) => tags.add("country", contact.country.as_str()),
        Content::Keys(_)
        | Content::Retract(_)
        | Content::Recall(_)
        | Content::Receipt(_)
        | Content::Permit(_)
        | Content::Ask(_)
        | Content::Affirm(_)
        | Content::Sealed(_) => {}
    }
    tags.0
}

struct Tags(BTreeSet<String>);

impl Tags {
    fn add(&mut self, prefix: &str, value: &str) {
        self.0.insert(format!("{prefix}:{value}"));
    }

    fn area(&mut self, area: &Area) {
        self.add("area", area.as_str());
        self.add("country", area.country());
    }

    fn areas(&mut self, areas: &[Area]) {
        areas.iter().for_each(|a| self.area(a));
    }
}

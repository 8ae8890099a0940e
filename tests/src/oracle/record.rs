//! Records as they are drawn, and what the model reads of them.

use std::collections::BTreeSet;

use liaison_node::clock::{Clock, SystemClock};
use liaison_protocol::record::date::Date;
use serde_json::{Value, json};

use super::rng::Rng;

/// Traffic lights, from low to high.
pub const TLP: [&str; 5] = ["clear", "green", "amber", "amber+strict", "red"];
/// Kinds that are drawn.
pub const KINDS: [&str; 5] = [
    "trend",
    "route",
    "document-alert",
    "modus-operandi",
    "service",
];
/// Crime classes that are drawn.
pub const CLASSES: [&str; 3] = ["smuggling", "mixed", "undetermined"];
/// Areas that are drawn.
pub const AREAS: [&str; 3] = ["QN-01", "QN-02", "QM-01"];

/// What a receiver may do with a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Onward {
    /// Keep it.
    None,
    /// Ask.
    Ask,
    /// Pass it to these nodes.
    To(BTreeSet<usize>),
    /// Pass it on.
    Community,
}

impl Onward {
    /// Its code.
    pub const fn code(&self) -> &'static str {
        match self {
            Onward::None => "none",
            Onward::Ask => "ask",
            Onward::To(_) => "to",
            Onward::Community => "community",
        }
    }
}

/// What the model knows of a record: what policies and handling speak about.
#[derive(Clone, Debug)]
pub struct Traits {
    /// Its kind's code.
    pub kind: &'static str,
    /// Index into [`TLP`].
    pub tlp: usize,
    /// Its `onward`.
    pub onward: Onward,
    /// Europol handling codes.
    pub codes: BTreeSet<&'static str>,
    /// Crime class, or `none`.
    pub class: &'static str,
    /// What policies see of its content.
    pub tags: BTreeSet<String>,
    /// It is sealed: nobody whom it does not name gets it, and from nobody but its author.
    pub sealed: bool,
}

/// A record to be pushed.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// What the model knows of it.
    pub traits: Traits,
    /// Words that stand in no other record.
    pub marker: String,
    area: &'static str,
}

impl Drawn {
    /// Draws one for a federation of so many nodes. `of_kind` is given for an amendment.
    pub fn draw(rng: &mut Rng, nodes: usize, number: usize, of_kind: Option<&'static str>) -> Self {
        let kind = of_kind.unwrap_or_else(|| rng.pick(&KINDS));
        let tlp = rng.pick(&[0, 1, 1, 1, 1, 2, 2, 3, 4]);
        let mut codes = BTreeSet::new();
        if rng.chance(20) {
            codes.insert("H0");
        }
        if rng.chance(10) {
            codes.insert("H1");
        }
        if rng.chance(15) {
            codes.insert("H2");
        }
        let h2 = codes.contains("H2");
        // What its author's node would refuse to sign is not drawn: SPEC.md, HND-02 to HND-04.
        let onward = match rng.below(10) {
            0 => Onward::None,
            1 => Onward::Ask,
            2..=4 if !h2 && tlp < 4 => {
                let all: Vec<usize> = (0..nodes).collect();
                Onward::To(rng.some(&all, 40).into_iter().collect())
            }
            _ if !h2 && tlp < 2 => Onward::Community,
            _ => rng.pick(&[Onward::None, Onward::Ask]),
        };
        let onward = match onward {
            Onward::To(names) if names.is_empty() => Onward::Ask,
            other => other,
        };
        let area = rng.pick(&AREAS);
        // A modus operandi has to say what crime it is.
        let class = if kind == "modus-operandi" || rng.chance(60) {
            rng.pick(&CLASSES)
        } else {
            "none"
        };
        Self {
            traits: Traits {
                kind,
                tlp,
                onward,
                codes,
                class,
                tags: tags(kind, area),
                sealed: false,
            },
            marker: format!("Quittenmarke {}", letters(number)),
            area,
        }
    }

    /// One that is sealed: who somebody is, under a name that is the marker.
    pub fn sealed(number: usize) -> Self {
        Self {
            traits: Traits {
                kind: "victim-referral",
                tlp: TLP.len() - 1,
                onward: Onward::None,
                codes: ["H2"].into(),
                class: "none",
                tags: ["part:identity".to_owned()].into(),
                sealed: true,
            },
            marker: format!("Quittensiegel {}", letters(number)),
            area: AREAS[0],
        }
    }

    /// As a person would write it; `agencies` are the nodes' ids.
    pub fn draft(&self, agencies: &[String]) -> Value {
        let traits = &self.traits;
        let onward = match &traits.onward {
            Onward::To(nodes) => {
                json!({"to": nodes.iter().map(|n| agencies[*n].clone()).collect::<Vec<_>>()})
            }
            other => json!(other.code()),
        };
        let mut draft = json!({
            "kind": traits.kind, "lang": "en", "title": self.marker,
            "tlp": TLP[traits.tlp], "onward": onward, "purpose": "prevention",
            "handling": traits.codes.iter().collect::<Vec<_>>(),
            "body": self.body(),
        });
        if traits.class != "none" {
            draft["class"] = traits.class.into();
        }
        draft
    }

    /// The same record with the widest handling that there is: for a test of the oracle.
    pub fn wide_open(&self) -> Self {
        let mut wide = self.clone();
        wide.traits.tlp = wide.traits.tlp.min(1);
        wide.traits.codes.remove("H2");
        wide.traits.onward = Onward::Community;
        wide
    }

    /// The same record, to be passed on only with its author's leave.
    pub fn asking(&self) -> Self {
        let mut asking = self.clone();
        asking.traits.onward = Onward::Ask;
        asking
    }

    fn body(&self) -> Value {
        let area = self.area;
        match self.traits.kind {
            "trend" => json!({
                "period": {"from": "2026-03", "to": "2026-03"}, "area": [area],
                "measure": "detections", "method": "administrative",
                "cells": [{"dims": {"transport": "truck"}, "n": 41}],
            }),
            "route" => json!({
                "legs": [{"from": area, "to": "QO-01", "transport": "boat", "border": "blue"}],
                "status": "new", "first_seen": "2026-03",
            }),
            "document-alert" => json!({
                "doc_type": "passport", "icao_code": "P", "issuer": "QMM",
                "fraud": "counterfeit", "series_prefix": "QM12", "detection": "2",
                "features": [{"page": "data page", "feature": "UV thread",
                    "genuine": "glows yellow", "observed": "glows blue"}],
                "registers_checked": ["national"],
            }),
            "modus-operandi" => json!({
                "techniques": ["concealment"], "phase": "transport",
                "actor_roles": ["driver"], "first_seen": "2026-03",
            }),
            _ => json!({
                "stance": "offer", "types": ["shelter"], "area": area, "ages": ["18-29"],
                "genders": ["female"], "statuses": ["smuggled"], "languages": ["en"],
                "capacity_band": "3-10", "access": "24h", "valid_until": day_ahead(),
            }),
        }
    }
}

/// A day that lies ahead: a service may be announced for 90 days at most, a permit be given for
/// longer.
pub fn day_ahead() -> String {
    Date::from_millis(SystemClock.now())
        .add_days(60)
        .to_string()
}

/// What policies see of the content, by the list in the documentation of tags.
fn tags(kind: &str, area: &str) -> BTreeSet<String> {
    let country = area.get(..2).unwrap_or_default();
    let place = [format!("area:{area}"), format!("country:{country}")];
    let more: &[&str] = match kind {
        "trend" => &["measure:detections"],
        "route" => &["area:QO-01", "country:QO", "status:new"],
        "document-alert" => return ["doc:passport".to_owned()].into(),
        "modus-operandi" => return ["technique:concealment".to_owned()].into(),
        _ => &["stance:offer", "service:shelter"],
    };
    place
        .into_iter()
        .chain(more.iter().map(|t| (*t).to_owned()))
        .collect()
}

/// A number in letters: digits in a title could be taken for somebody's number.
fn letters(mut number: usize) -> String {
    let mut out = String::new();
    for _ in 0..4 {
        out.insert(0, char::from(b'a' + u8::try_from(number % 26).unwrap_or(0)));
        number /= 26;
    }
    out
}

//! Circles: named groups of agencies, in `entities.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::limits;
use super::problem::{Problem, ProblemKind};
use super::schema;
use super::text::ENTITIES_FILE;

/// Circles with their members, and what circles are for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Circles {
    pub(super) members: BTreeMap<String, Vec<String>>,
    pub(super) rules: BTreeMap<String, CircleRule>,
}

/// What a circle is for. The prover holds policy and members against it; it allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CircleRule {
    /// Kinds that reach nobody who is in no circle that they were given to.
    #[serde(default)]
    pub kinds: BTreeSet<String>,
    /// Sectors that its members are of; empty: any.
    #[serde(default)]
    pub sectors: BTreeSet<String>,
}

/// Reads `{"circles": {"name": ["alias or agency id", …]}, "rules": {"name": {"kinds": […],
/// "sectors": […]}}}`; no file means no circles.
pub(super) fn parse_circles(text: Option<&str>) -> Result<Circles, Vec<Problem>> {
    let Some(text) = text else {
        return Ok(Circles::default());
    };
    if !text.trim_start().starts_with('{') {
        // serde would read a list as the fields in their order.
        let message = "it does not begin with '{'".to_owned();
        let kind = ProblemKind::Entities { message };
        return Err(vec![Problem::at(ENTITIES_FILE, text, 0, kind)]);
    }
    let file: EntitiesFile = serde_json::from_str(text).map_err(|e| {
        vec![Problem {
            file: ENTITIES_FILE.to_owned(),
            line: u32::try_from(e.line()).unwrap_or(u32::MAX),
            column: u32::try_from(e.column()).unwrap_or(u32::MAX),
            kind: ProblemKind::Entities {
                message: e.to_string(),
            },
        }]
    })?;
    let mut problems: Vec<Problem> = file
        .circles
        .keys()
        .chain(file.rules.keys())
        .filter(|name| !good_name(name, limits::ALIAS_CHARS))
        .map(|name| {
            let circle = name.chars().take(limits::ALIAS_CHARS).collect();
            let offset = text.find(&format!("\"{name}\"")).unwrap_or(0);
            Problem::at(
                ENTITIES_FILE,
                text,
                offset,
                ProblemKind::CircleName { circle },
            )
        })
        .collect();
    for (circle, rule) in &file.rules {
        if !file.circles.contains_key(circle) {
            let message = format!(
                "there is a rule for the circle '{circle}', which 'circles' does not list; list it, be it without members"
            );
            let offset = text.rfind(&format!("\"{circle}\"")).unwrap_or(0);
            let kind = ProblemKind::Entities { message };
            problems.push(Problem::at(ENTITIES_FILE, text, offset, kind));
        }
        let kinds = rule.kinds.iter().map(|code| ("Kind", code));
        let sectors = rule.sectors.iter().map(|code| ("Sector", code));
        for (list, code) in kinds.chain(sectors) {
            let known = schema::codes(list);
            if !known.contains(&code.as_str()) {
                let shown: String = code.chars().take(limits::ALIAS_CHARS).collect();
                let message = format!(
                    "the rule of circle '{circle}' names the {} '{shown}', which is none of: {}",
                    list.to_lowercase(),
                    known.join(", ")
                );
                let offset = text.find(&format!("\"{code}\"")).unwrap_or(0);
                let kind = ProblemKind::Entities { message };
                problems.push(Problem::at(ENTITIES_FILE, text, offset, kind));
            }
        }
    }
    let most = file.circles.values().map(Vec::len).max().unwrap_or(0);
    for (what, found, max) in [
        ("circles", file.circles.len(), limits::CIRCLES),
        ("members of one circle", most, limits::POLICY_PEERS + 1),
    ] {
        if found > max {
            let remedy = "Remove those that no statement uses";
            let kind = ProblemKind::TooMany {
                what,
                found,
                max,
                remedy,
            };
            problems.push(Problem::of_file(ENTITIES_FILE, kind));
        }
    }
    if problems.is_empty() {
        Ok(Circles {
            members: file.circles,
            rules: file.rules,
        })
    } else {
        Err(problems)
    }
}

/// Whether a circle or a statement may have this name.
pub(super) fn good_name(name: &str, most: usize) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    (1..=most).contains(&name.len()) && name.chars().all(plain)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntitiesFile {
    #[serde(default, deserialize_with = "once")]
    circles: BTreeMap<String, Vec<String>>,
    #[serde(default, deserialize_with = "once")]
    rules: BTreeMap<String, CircleRule>,
}

/// A map as usual, but a circle that comes twice is an error: the reader would see one list of
/// members, or one rule, and the node another.
fn once<'de, D, V>(d: D) -> Result<BTreeMap<String, V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    struct Once<V>(PhantomData<V>);

    impl<'de, V: Deserialize<'de>> Visitor<'de> for Once<V> {
        type Value = BTreeMap<String, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("circles by their names")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut circles = BTreeMap::new();
            while let Some((name, value)) = map.next_entry::<String, V>()? {
                let message = format!("the circle '{name}' is there twice");
                if circles.insert(name, value).is_some() {
                    return Err(de::Error::custom(message));
                }
            }
            Ok(circles)
        }
    }

    d.deserialize_map(Once(PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_files_are_refused() {
        assert_eq!(parse_circles(None), Ok(Circles::default()));
        assert_eq!(parse_circles(Some("{}")), Ok(Circles::default()));
        assert!(parse_circles(Some(r#"{"circles": {"a": ["b"], "c": []}}"#)).is_ok());
        for odd in [
            "",
            "[]",
            r#"{"cirles": {}}"#,
            r#"{"circles": {"a": "b"}}"#,
            r#"{"circles": {"a": {"b": []}}}"#,
            r#"{"circles": {"": []}}"#,
            r#"{"circles": {}} x"#,
            r#"{"circles": {}, "rules": {"a": {"kinds": ["horoscope"]}}}"#,
            r#"{"circles": {}, "rules": {"a": {"sectors": ["circus"]}}}"#,
            r#"{"circles": {}, "rules": {"a": {"kind": ["route"]}}}"#,
        ] {
            assert!(parse_circles(Some(odd)).is_err(), "{odd}");
        }
        for text in [
            "{\"circles\": {\n\"a\": [\"b\"], \"a\": [\"c\"]}}",
            "{\"circles\": {\"a\": []}, \"rules\": {\n\"a\": {\"kinds\": [\"route\"]}, \"a\": {}}}",
        ] {
            let problem = parse_circles(Some(text)).expect_err("twice").remove(0);
            let says = problem.to_string();
            assert!(says.contains("the circle 'a' is there twice"), "{says}");
            assert_eq!((problem.file.as_str(), problem.line), (ENTITIES_FILE, 2));
        }
    }
}

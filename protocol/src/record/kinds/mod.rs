//! The kinds of records: what each says, one file a kind.

pub mod affirm;
pub mod ask;
pub mod contact;
pub mod document_alert;
pub mod keys;
pub mod modus_operandi;
pub mod permit;
pub mod recall;
pub mod receipt;
pub mod retract;
pub mod route;
pub mod sealed;
pub mod service;
pub mod trend;

pub use affirm::Affirm;
pub use ask::Ask;
pub use contact::Contact;
pub use document_alert::DocumentAlert;
pub use keys::Keys;
pub use modus_operandi::ModusOperandi;
pub use permit::Permit;
pub use recall::Recall;
pub use receipt::{Further, Receipt};
pub use retract::Retract;
pub use route::Route;
pub use sealed::Sealed;
pub use service::Service;
pub use trend::Trend;

use std::collections::BTreeSet;

use ciborium::Value;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::codes::Kind;
use crate::cbor::direct::{NotDirect, Reader};
use crate::limits;

/// What a record says, by kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Counts over a period.
    Trend(Trend),
    /// How it is done.
    ModusOperandi(ModusOperandi),
    /// A corridor in legs.
    Route(Route),
    /// A forged or abused type of document.
    DocumentAlert(DocumentAlert),
    /// A service, offered or missing.
    Service(Service),
    /// An agency's card.
    Contact(Contact),
    /// A keys statement.
    Keys(Keys),
    /// A retraction.
    Retract(Retract),
    /// A copy is taken back.
    Recall(Recall),
    /// What became of a copy.
    Receipt(Receipt),
    /// Leave to pass a record on.
    Permit(Permit),
    /// A request for that leave.
    Ask(Ask),
    /// Records that their author did make.
    Affirm(Affirm),
    /// What stands under seal.
    Sealed(Sealed),
}

/// Why a body is not one of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {says}")]
pub struct ContentError {
    /// Path from `body`: `body.cells[4].n`.
    pub place: String,
    /// What is wrong there, and what is allowed.
    pub says: String,
}

macro_rules! by_kind {
    ($($kind:ident)+) => {
        impl Content {
            /// Its kind.
            pub const fn kind(&self) -> Kind {
                match self { $(Content::$kind(_) => Kind::$kind,)+ }
            }

            /// Reads a body as it is signed. Refuses unknown fields and codes, and what
            /// has a shorter encoding: null, empty lists and maps, floats, tags.
            pub fn from_value(kind: Kind, body: Value) -> Result<Self, ContentError> {
                match kind { $(Kind::$kind => read_signed("body", &body).map(Content::$kind),)+ }
            }

            /// Reads a body where it lies. What it does not take, [`Content::from_value`]
            /// reads or refuses.
            pub(crate) fn read_direct(kind: Kind, body: Reader<'_>) -> Result<Self, NotDirect> {
                match kind { $(Kind::$kind => body.read().map(Content::$kind),)+ }
            }

            /// The body as it is signed, but for the order of its keys.
            pub fn to_value(&self) -> Result<Value, ContentError> {
                match self { $(Content::$kind(content) => write(content),)+ }
            }

            /// Reads a body as people write it. Refuses unknown fields and codes.
            pub fn from_json(kind: Kind, body: serde_json::Value) -> Result<Self, ContentError> {
                match kind { $(Kind::$kind => tracked("body", body).map(Content::$kind),)+ }
            }

            /// The body as people read it.
            pub fn to_json(&self) -> Result<serde_json::Value, ContentError> {
                let body = match self { $(Content::$kind(content) => serde_json::to_value(content),)+ };
                body.map_err(|e| ContentError { place: "body".into(), says: e.to_string() })
            }
        }

        $(impl From<$kind> for Content {
            fn from(content: $kind) -> Self {
                Content::$kind(content)
            }
        })+
    };
}

by_kind! { Trend ModusOperandi Route DocumentAlert Service Contact Keys Retract Recall Receipt Permit Ask Affirm Sealed }

fn write<T: Serialize>(content: &T) -> Result<Value, ContentError> {
    Value::serialized(content).map_err(|e| ContentError {
        place: "body".into(),
        says: e.to_string(),
    })
}

/// Reads what stands at `root` in a payload. Refuses unknown fields and codes, and what has
/// a shorter encoding: null, empty lists and maps, floats, tags.
pub(super) fn read_signed<T: DeserializeOwned>(
    root: &str,
    value: &Value,
) -> Result<T, ContentError> {
    let at_root = |e: ContentError| ContentError {
        place: join(root, &e.place),
        says: e.says,
    };
    plain(value, limits::CBOR_DEPTH).map_err(at_root)?;
    value
        .deserialized::<Tracked<T>>()
        .map_err(|e| ContentError {
            place: root.into(),
            says: e.to_string(),
        })?
        .0
        .map_err(at_root)
}

/// A path below a root; the envelope's root has no name.
fn join(root: &str, path: &str) -> String {
    let path = path.trim_start_matches('.');
    match (root, path) {
        ("", "") => "payload".to_owned(),
        ("", path) => path.to_owned(),
        (root, "") => root.to_owned(),
        (root, path) if path.starts_with('[') => format!("{root}{path}"),
        (root, path) => format!("{root}.{path}"),
    }
}

/// A value, or where it went wrong. `ciborium::Value` hands out no deserializer, so that
/// the path has to be followed inside of it.
struct Tracked<T>(Result<T, ContentError>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Tracked<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self(tracked("", d).map_err(|e| ContentError {
            place: if e.place == "payload" {
                String::new()
            } else {
                e.place
            },
            says: e.says,
        })))
    }
}

/// Deserialises, and names the path of what went wrong.
fn tracked<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    root: &str,
    d: D,
) -> Result<T, ContentError> {
    serde_path_to_error::deserialize(d).map_err(|e| {
        let path = e.path().to_string();
        let says = e.into_inner().to_string();
        let place = join(root, &path);
        // ciborium wraps a text in its debug form.
        let says = says
            .strip_prefix("Custom(\"")
            .and_then(|s| s.strip_suffix("\")"))
            .map_or(says.clone(), |s| {
                s.replace("\\'", "'").replace("\\\"", "\"")
            });
        // ciborium's word for a number.
        let says = says.replace("(big)int", "a whole number");
        ContentError { place, says }
    })
}

/// A flag that is left out when it is not set; people may write it, the wire may not.
fn flag<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    let people = d.is_human_readable();
    let set = bool::deserialize(d)?;
    if set || people {
        Ok(set)
    } else {
        Err(serde::de::Error::custom(
            "a flag that is not set is left out",
        ))
    }
}

/// A set. People may write it in any order, the wire may not.
pub(crate) fn in_order<'de, D: Deserializer<'de>, T: Deserialize<'de> + Ord>(
    d: D,
) -> Result<BTreeSet<T>, D::Error> {
    let people = d.is_human_readable();
    let list = Vec::<T>::deserialize(d)?;
    if people || list.is_sorted_by(|a, b| a < b) {
        Ok(list.into_iter().collect())
    } else {
        Err(serde::de::Error::custom(
            "ids stand in their order, each once",
        ))
    }
}

/// Refuses what a body never holds, so that each content has one encoding.
fn plain(value: &Value, depth: usize) -> Result<(), ContentError> {
    let refuse = |says: &str| {
        Err(ContentError {
            place: String::new(),
            says: says.to_owned(),
        })
    };
    let Some(depth) = depth.checked_sub(1) else {
        return refuse("nested too deeply");
    };
    // The place is put together on the way out, so that a good body costs nothing.
    let inside = |place: &str, result: Result<(), ContentError>| {
        result.map_err(|e| ContentError {
            place: format!("{place}{}", e.place),
            says: e.says,
        })
    };
    match value {
        Value::Integer(_) | Value::Bytes(_) | Value::Text(_) | Value::Bool(_) => Ok(()),
        Value::Array(items) if items.is_empty() => refuse("an empty list is left out"),
        Value::Map(entries) if entries.is_empty() => refuse("an empty map is left out"),
        Value::Array(items) => items.iter().enumerate().try_for_each(|(at, item)| {
            plain(item, depth).or_else(|e| inside(&format!("[{at}]"), Err(e)))
        }),
        Value::Map(entries) => entries.iter().try_for_each(|(key, item)| match key {
            Value::Text(key) => plain(item, depth)
                .or_else(|e| inside(&format!(".{}", crate::id::clip(key)), Err(e))),
            _ => refuse("every field's name is a text"),
        }),
        Value::Null => refuse("a field without a value is left out"),
        Value::Float(_) => refuse("a number is whole"),
        _ => refuse("tags are not allowed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(json: serde_json::Value) -> Value {
        Value::serialized(&json).expect("value")
    }

    fn trend() -> serde_json::Value {
        json!({
            "period": {"from": "2031-03", "to": "2031-03"},
            "area": ["QN"],
            "measure": "detections",
            "method": "administrative",
            "cells": [{"dims": {"transport": "van"}, "n": 1240}, {"n": 2000}],
        })
    }

    #[test]
    fn a_body_is_the_same_through_json_and_cbor() {
        let content = Content::from_json(Kind::Trend, trend()).expect("json");
        assert_eq!(content.to_json().expect("json"), trend());
        let body = content.to_value().expect("value");
        assert_eq!(Content::from_value(Kind::Trend, body), Ok(content));
    }

    #[test]
    fn an_error_names_the_path_and_what_is_allowed() {
        let mut body = trend();
        body["cells"][1]["n"] = json!(1.5);
        let error = Content::from_json(Kind::Trend, body.clone()).expect_err("float");
        assert_eq!(error.place, "body.cells[1].n");
        let error = Content::from_value(Kind::Trend, value(body)).expect_err("float");
        assert_eq!(error.to_string(), "body.cells[1].n: a number is whole");

        let mut body = trend();
        body["cells"][0]["dims"]["transport"] = json!("rocket");
        for error in [
            Content::from_json(Kind::Trend, body.clone()).expect_err("code"),
            Content::from_value(Kind::Trend, value(body)).expect_err("code"),
        ] {
            assert_eq!(error.place, "body.cells[0].dims.transport");
            assert!(
                error
                    .says
                    .starts_with("'rocket' is not a means of transport; allowed: foot"),
                "{error}"
            );
        }
    }

    #[test]
    fn unknown_missing_empty_and_null_are_refused() {
        let mut unknown = trend();
        unknown["colour"] = json!("red");
        let error = Content::from_value(Kind::Trend, value(unknown)).expect_err("unknown");
        assert!(error.says.contains("unknown field `colour`"), "{error}");

        let mut missing = trend();
        missing.as_object_mut().expect("map").remove("measure");
        let error = Content::from_value(Kind::Trend, value(missing)).expect_err("missing");
        assert!(error.says.contains("missing field `measure`"), "{error}");

        for (field, bad) in [
            ("drivers", json!([])),
            ("unit", json!(null)),
            ("estimate", json!({})),
        ] {
            let mut body = trend();
            body[field] = bad;
            let error = Content::from_value(Kind::Trend, value(body)).expect_err("not plain");
            assert_eq!(error.place, format!("body.{field}"));
        }
    }

    proptest::proptest! {
        /// Whatever is accepted has one encoding: the one that it came in.
        #[test]
        fn an_accepted_body_is_written_as_it_was_read(
            field in "area|route|unit|drivers|direction|caveats|period|cells|estimate",
            with in proptest::sample::select(vec![
                json!(null), json!([]), json!({}), json!("QN"), json!("qn"), json!(["QN"]), json!(["qn"]),
                json!(["economy"]), json!("up"), json!(false), json!(7), json!([{"n": 12}]),
                json!([{"n": 12, "dims": {}}]), json!([{"n": 12, "dims": {"area": "qn"}}]),
                json!({"from": "2031-03", "to": "2031-03-04"}),
            ]),
        ) {
            let mut body = trend();
            body[field] = with;
            if let Ok(content) = Content::from_value(Kind::Trend, value(body.clone())) {
                proptest::prop_assert_eq!(content.to_json().expect("json"), body);
            }
        }
    }

    #[test]
    fn nesting_has_a_bound() {
        let mut body = value(json!(1));
        for _ in 0..100_000 {
            body = Value::Array(vec![body]);
        }
        assert!(plain(&body, limits::CBOR_DEPTH).is_err());
        // Unwound by hand: dropping it would overflow the stack of this test.
        while let Value::Array(mut items) = body {
            body = items.pop().expect("item");
        }
    }

    #[test]
    fn keys_stand_as_bytes_on_the_wire_and_as_text_for_people() {
        let keys = Keys {
            number: 1,
            nodes: vec![keys::NodeKey {
                key: crate::key::PublicKey::from_bytes([7; 32]),
                proof: keys::NodeProof::from_bytes([9; 64]),
                addresses: vec!["node.example:4433".into()],
            }],
            hubs: Vec::new(),
            sealing: Vec::new(),
            from: crate::clock::Millis(0),
            until: crate::clock::Millis(1),
        };
        let content = Content::from(keys);
        let json = content.to_json().expect("json");
        assert_eq!(json["nodes"][0]["key"].as_str().map(str::len), Some(52));
        assert_eq!(json["nodes"][0]["proof"].as_str().map(str::len), Some(128));
        assert_eq!(Content::from_json(Kind::Keys, json), Ok(content.clone()));
        let body = content.to_value().expect("value");
        assert_eq!(Content::from_value(Kind::Keys, body), Ok(content));
    }
}

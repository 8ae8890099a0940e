//! The Cedar schema: what policies may speak about.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use cedar_policy::{Schema, SchemaFragment};

/// The schema as text, for `policy check` and for the prover.
pub const SCHEMA_TEXT: &str = include_str!("schema.cedarschema");

static SCHEMA: LazyLock<Result<Schema, String>> = LazyLock::new(|| {
    Schema::from_cedarschema_str(SCHEMA_TEXT)
        .map(|(schema, _warnings)| schema)
        .map_err(|e| e.to_string())
});

static CODES: LazyLock<BTreeMap<String, Vec<String>>> = LazyLock::new(|| {
    let Ok((fragment, _warnings)) = SchemaFragment::from_cedarschema_str(SCHEMA_TEXT) else {
        return BTreeMap::new();
    };
    let Ok(json) = fragment.to_json_value() else {
        return BTreeMap::new();
    };
    let mut codes = BTreeMap::new();
    let types = json
        .get("")
        .and_then(|n| n.get("entityTypes"))
        .and_then(|t| t.as_object());
    for (name, definition) in types.into_iter().flatten() {
        if let Some(list) = definition.get("enum").and_then(|e| e.as_array()) {
            let list = list
                .iter()
                .filter_map(|c| c.as_str().map(str::to_owned))
                .collect();
            codes.insert(name.clone(), list);
        }
    }
    codes
});

/// The parsed schema. It is part of the program, so an error means a faulty build; whoever
/// meets it denies.
pub(super) fn schema() -> Result<&'static Schema, &'static str> {
    SCHEMA.as_ref().map_err(String::as_str)
}

/// The codes of a closed list (`Kind`, `Tlp`, `Sector`, …) in the schema's order; none if
/// there is no such list.
pub fn codes(list: &str) -> Vec<&'static str> {
    CODES
        .get(list)
        .map(|codes| codes.iter().map(String::as_str).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_parses_and_its_lists_are_found() {
        assert!(schema().is_ok(), "{:?}", schema().err());
        assert_eq!(
            codes("Tlp"),
            ["clear", "green", "amber", "amber+strict", "red"]
        );
        assert_eq!(codes("Kind").len(), 17);
        assert!(codes("Agency").is_empty());
    }

    #[test]
    fn every_attribute_is_required_so_that_no_statement_can_miss_one() {
        let (fragment, _) = SchemaFragment::from_cedarschema_str(SCHEMA_TEXT).expect("schema");
        let text = fragment.to_json_string().expect("json");
        assert!(!text.contains("\"required\":false"), "{text}");
    }
}

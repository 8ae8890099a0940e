//! Drafts: what is filled in, and what is said of a fault.

use super::*;

const TOML: &str = r#"kind = "trend"
lang = "EN"
title = "Detections"
handling = ["H2", "H0", "H0"]

[body]
period = { from = 2031-03-01, to = "2031-03" }
route = "Western Balkan Route"
measure = "detections"
method = "administrative"
cells = [
  { n = 5, dims = { nationality = "OOO" } },
  { n = 7 },
]
"#;

fn resolver<'a>(names: &'a dyn Fn(&str) -> Option<Vec<AgencyId>>) -> Resolver<'a> {
    Resolver {
        today: "2031-04-10".parse().expect("date"),
        names,
    }
}

fn nobody(_: &str) -> Option<Vec<AgencyId>> {
    None
}

fn error(toml: &str) -> String {
    Draft::from_toml(toml)
        .and_then(|draft| draft.resolve(&resolver(&nobody)))
        .expect_err("bad draft")
        .to_string()
}

#[test]
fn what_is_left_out_follows_from_the_kind() {
    let draft = Draft::from_toml(TOML).expect("draft");
    let (fields, content) = draft.resolve(&resolver(&nobody)).expect("record");
    assert_eq!(content.kind(), Kind::Trend);
    assert_eq!(
        (fields.tlp, fields.purpose),
        (Tlp::Green, Purpose::Statistics)
    );
    assert_eq!(fields.handling, [HandlingCode::H0, HandlingCode::H2]);
    assert_eq!(fields.onward, Onward::Ask, "H2 allows at most ask");
    assert_eq!(fields.lang, "en");
    assert_eq!(
        fields.expires.map(|d| d.to_string()).as_deref(),
        Some("2036-04-10")
    );
    assert_eq!(
        fields.review_by.map(|d| d.to_string()).as_deref(),
        Some("2032-04-10")
    );
    assert_eq!(
        Defaults::onward(Kind::Trend, Tlp::Green, &[]),
        Onward::Community
    );
    assert_eq!(Defaults::onward(Kind::Route, Tlp::Amber, &[]), Onward::Ask);
}

#[test]
fn toml_and_json_say_the_same() {
    let toml = Draft::from_toml(TOML).expect("toml");
    let json = serde_json::to_string(&toml).expect("json");
    let json = Draft::from_json(&json).expect("json");
    assert_eq!(
        json,
        Draft {
            source: None,
            ..toml
        }
    );
}

#[test]
fn an_error_names_line_and_path() {
    assert_eq!(
        error(&TOML.replace("n = 7", "n = 7.5")),
        "line 13, body.cells[1].n: invalid type: floating point `7.5`, expected u64"
    );
    let text = error(&TOML.replace("nationality", "colour"));
    assert!(text.starts_with("line 12, body.cells[0].dims"), "{text}");
    let text = error(&TOML.replace("\"detections\"", "\"detection\""));
    assert!(
        text.starts_with("line 9, body.measure: 'detection' is not a measure; allowed: detections"),
        "{text}"
    );
    let text = error(&TOML.replace("title", "titel"));
    assert!(
        text.starts_with("line 3, titel: unknown field `titel`"),
        "{text}"
    );
    let text = error(&TOML.replace("[body]", "[body"));
    assert!(text.starts_with("line 6, column"), "{text}");
    let text = error(&TOML.replace("\"trend\"", "\"keys\""));
    assert!(
        text.starts_with("line 1, kind: 'keys' is not written by hand"),
        "{text}"
    );
    assert!(error(&TOML.replace("\"EN\"", "\"e\"")).starts_with("line 2, lang"));

    let json = Draft::from_json("{\"kind\": \"trend\",\n \"lang\": 3}").expect_err("number");
    assert_eq!(
        json.to_string(),
        "line 2, lang: invalid type: integer `3`, expected a string"
    );
    assert!(matches!(
        Draft::from_json("{\n"),
        Err(DraftError::Syntax { line: 2, .. })
    ));
    assert!(matches!(
        Draft::from_json(&" ".repeat(limits::DRAFT_BYTES + 1)),
        Err(DraftError::TooLarge { .. })
    ));
}

#[test]
fn names_become_agencies() {
    let id = |byte| AgencyId::from_bytes([byte; 32]);
    let names = move |name: &str| match name {
        "qn-bord" => Some(vec![id(1)]),
        "law" => Some(vec![id(1), id(2)]),
        _ => None,
    };
    let with = format!(
        "onward = {{ to = [\"qn-bord\", \"law\", \"{}\"] }}\n{TOML}",
        id(3).full()
    );
    let draft = Draft::from_toml(&with).expect("draft");
    let (fields, _) = draft.resolve(&resolver(&names)).expect("record");
    assert_eq!(fields.onward, Onward::To([id(1), id(2), id(3)].into()));
    let (same, content) = draft.resolve(&resolver(&names)).expect("record");
    let again = Draft::of(&same, &content).expect("draft");
    assert_eq!(again.resolve(&resolver(&nobody)), Ok((same, content)));
    let error = draft.resolve(&resolver(&nobody)).expect_err("unknown name");
    assert_eq!(
        error.to_string(),
        "line 1, onward.to: 'qn-bord' is no agency and no circle known here. `liaison peer list` shows the names"
    );
}

//! Filled-in examples of every kind that people write: valid as they stand, fictional, in
//! JSON for programs and in TOML with the allowed codes for people.

mod rows;

use super::codes::{CrimeClass, HandlingCode, Kind, Purpose, Tlp};
use super::date::Date;
use super::draft::Defaults;

/// One field: its name, its value as JSON, and what a person needs to know about it.
struct Row {
    name: &'static str,
    value: String,
    note: String,
}

fn row(name: &'static str, value: impl Into<String>, note: impl Into<String>) -> Row {
    Row {
        name,
        value: value.into(),
        note: note.into(),
    }
}

fn one_of(texts: &[&str]) -> String {
    format!("one of: {}", texts.join(", "))
}

fn any_of(texts: &[&str]) -> String {
    format!("any of: {}", texts.join(", "))
}

/// An example as JSON. Absent for kinds that nobody writes by hand.
pub fn template_json(kind: Kind, today: Date) -> Option<String> {
    let (envelope, body) = rows(kind, today)?;
    let mut out = String::from("{\n");
    for row in &envelope {
        out.push_str(&format!("  \"{}\": {},\n", row.name, row.value));
    }
    out.push_str("  \"body\": {\n");
    let fields: Vec<String> = body
        .iter()
        .map(|row| format!("    \"{}\": {}", row.name, row.value))
        .collect();
    out.push_str(&fields.join(",\n"));
    out.push_str("\n  }\n}\n");
    Some(out)
}

/// An example as TOML, with the allowed codes as comments above each field. Absent for
/// kinds that nobody writes by hand.
pub fn template_toml(kind: Kind, today: Date) -> Option<String> {
    let (envelope, body) = rows(kind, today)?;
    let mut out = format!(
        "# {}. Lines that begin with # are comments.\n",
        kind.label()
    );
    put(&mut out, &envelope)?;
    out.push_str("[body]\n\n");
    put(&mut out, &body)?;
    Some(out.trim_end().to_owned() + "\n")
}

fn put(out: &mut String, rows: &[Row]) -> Option<()> {
    for row in rows {
        let value: serde_json::Value = serde_json::from_str(&row.value).ok()?;
        for line in wrap(&row.note) {
            out.push_str(&format!("# {line}\n"));
        }
        out.push_str(&format!("{} = {}\n\n", row.name, inline(&value, true)));
    }
    Some(())
}

/// A value as TOML writes it on one line; lists of tables an entry a line.
fn inline(value: &serde_json::Value, outer: bool) -> String {
    match value {
        serde_json::Value::Array(items) => {
            let tables = outer && items.iter().any(serde_json::Value::is_object);
            let items: Vec<String> = items.iter().map(|item| inline(item, false)).collect();
            if tables {
                format!("[\n  {},\n]", items.join(",\n  "))
            } else {
                format!("[{}]", items.join(", "))
            }
        }
        serde_json::Value::Object(map) => {
            let fields: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{key} = {}", inline(value, false)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        // Texts, numbers and flags are written alike in JSON and TOML.
        other => other.to_string(),
    }
}

/// A note in lines of at most 96 characters.
pub(crate) fn wrap(note: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in note.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < 96 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn rows(kind: Kind, today: Date) -> Option<(Vec<Row>, Vec<Row>)> {
    let (title, summary, class, body) = match kind {
        Kind::Trend => (
            "Presumed victims in Narova, by age",
            "Counts of the national referral mechanism. Fictional example.",
            "trafficking",
            rows::trend(today),
        ),
        Kind::ModusOperandi => (
            "Deceptive farm jobs with debt bondage",
            "Workers are recruited for a season, charged for travel, and kept until the debt is paid. Fictional example.",
            "trafficking",
            rows::modus_operandi(today),
        ),
        Kind::Route => (
            "River crossing from Meridonia to Narova",
            "By van to the river, by boat at night, on by truck. Fictional example.",
            "smuggling",
            rows::route(today),
        ),
        Kind::DocumentAlert => (
            "Counterfeit Meridonian passport, wrong UV thread",
            "Seen at two crossing points. Fictional example.",
            "smuggling",
            rows::document_alert(),
        ),
        Kind::Service => (
            "Shelter for women and girls in Narova",
            "Open day and night; interpreters on call. Fictional example.",
            "undetermined",
            rows::service(today),
        ),
        Kind::Contact => (
            "Narova border police",
            "Fictional example.",
            "undetermined",
            rows::contact(today),
        ),
        Kind::Keys
        | Kind::Retract
        | Kind::Recall
        | Kind::Receipt
        | Kind::Permit
        | Kind::Ask
        | Kind::Affirm
        | Kind::Sealed => return None,
    };
    let defaults = Defaults::of(kind);
    let onward = if defaults.tlp <= Tlp::Green {
        "community"
    } else {
        "ask"
    };
    let handling: Vec<String> = defaults
        .handling
        .iter()
        .map(|code| format!("\"{code}\""))
        .collect();
    let mut envelope = vec![
        row("kind", format!("\"{kind}\""), ""),
        row(
            "lang",
            "\"en\"",
            "Language of your texts (BCP 47): en, sr-Latn, de.",
        ),
        row(
            "title",
            format!("\"{title}\""),
            "One line. No names, numbers, plates or addresses of persons, here and below.",
        ),
        row("summary", format!("\"{summary}\""), "Optional."),
        row("tlp", format!("\"{}\"", defaults.tlp), one_of(Tlp::TEXTS)),
        row(
            "handling",
            format!("[{}]", handling.join(", ")),
            any_of(HandlingCode::TEXTS) + ". H3 needs handling_note",
        ),
        row(
            "onward",
            format!("\"{onward}\""),
            "What a receiver may do: none, ask (only after your permit), community (whoever both sides' policies allow), \
             or { to = [\"alias\", \"circle\"] }.",
        ),
        row(
            "purpose",
            format!("\"{}\"", defaults.purpose),
            one_of(Purpose::TEXTS),
        ),
    ];
    if !matches!(kind, Kind::Service | Kind::Contact) {
        envelope.push(row(
            "class",
            format!("\"{class}\""),
            one_of(CrimeClass::TEXTS),
        ));
    }
    Some((envelope, body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::check::{CheckContext, check, limits_of};
    use crate::record::draft::{Draft, Resolver};
    use crate::record::kinds::Content;

    #[test]
    fn every_template_is_valid_in_both_forms_and_says_the_same() {
        for day in ["2031-04-10", "2031-01-01", "2028-02-29", "2026-12-31"] {
            let today: Date = day.parse().expect("date");
            let resolver = Resolver {
                today,
                names: &|_| None,
            };
            for kind in Kind::WRITTEN {
                let json = template_json(*kind, today).expect("json");
                let toml = template_toml(*kind, today).expect("toml");
                let draft =
                    Draft::from_toml(&toml).unwrap_or_else(|e| panic!("{kind} {e}\n{toml}"));
                let (fields, content) = draft
                    .resolve(&resolver)
                    .unwrap_or_else(|e| panic!("{kind} {e}"));
                assert_eq!(limits_of(&fields, &content), Ok(()), "{kind}");
                let body = content.to_value().expect("body");
                assert_eq!(
                    Content::from_value(*kind, body),
                    Ok(content.clone()),
                    "{kind}"
                );
                assert_eq!(
                    check(&fields, &content, &CheckContext::on(today)),
                    vec![],
                    "{kind}"
                );
                let draft =
                    Draft::from_json(&json).unwrap_or_else(|e| panic!("{kind} {e}\n{json}"));
                assert_eq!(draft.resolve(&resolver), Ok((fields, content)), "{kind}");
            }
        }
        assert_eq!(
            template_json(Kind::Keys, "2031-01-01".parse().expect("date")),
            None
        );
    }

    #[test]
    fn the_toml_lists_the_allowed_codes_above_the_field() {
        let toml = template_toml(Kind::Route, "2031-04-10".parse().expect("date")).expect("toml");
        assert!(
            toml.contains("# one of: potential, new, active, displaced, dormant\nstatus = \"new\""),
            "{toml}"
        );
        assert!(
            toml.contains("# one of: clear, green, amber, amber+strict, red\ntlp = \"amber\""),
            "{toml}"
        );
        assert!(
            toml.lines()
                .filter(|l| l.starts_with('#'))
                .all(|l| l.chars().count() <= 100)
        );
    }
}

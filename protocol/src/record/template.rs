//! Filled-in examples of every kind that people write: valid as they stand, fictional, in
//! JSON for programs and in TOML with the allowed codes for people.

use super::codes::{
    Access, Accessibility, Act, ActorRole, AgeBand, AggregateGender, CapacityBand, CaseCountBand,
    Confidence, Control, Cost, CrimeClass, DetectionLine, Dimension, Direction, DocType, Driver,
    Exploitation, FactorLevel, FactorType, Fraud, HandlingCode, IsicSection, Kind, LegBorder,
    Likelihood, Means, Measure, Method, OnlineChannel, Phase, ProtectionStatus, Purpose, Regime,
    Register, Risk, RouteRole, RouteStatus, Sector, ServiceType, Stance, Technique, Tlp, Transport,
    VolumeBand,
};
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
fn wrap(note: &str) -> Vec<String> {
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
            trend(today),
        ),
        Kind::ModusOperandi => (
            "Deceptive farm jobs with debt bondage",
            "Workers are recruited for a season, charged for travel, and kept until the debt is paid. Fictional example.",
            "trafficking",
            modus_operandi(today),
        ),
        Kind::Route => (
            "River crossing from Meridonia to Narova",
            "By van to the river, by boat at night, on by truck. Fictional example.",
            "smuggling",
            route(today),
        ),
        Kind::DocumentAlert => (
            "Counterfeit Meridonian passport, wrong UV thread",
            "Seen at two crossing points. Fictional example.",
            "smuggling",
            document_alert(),
        ),
        Kind::Service => (
            "Shelter for women and girls in Narova",
            "Open day and night; interpreters on call. Fictional example.",
            "undetermined",
            service(today),
        ),
        Kind::Contact => (
            "Narova border police",
            "Fictional example.",
            "undetermined",
            contact(today),
        ),
        Kind::Keys | Kind::Retract => return None,
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

/// The month so many months before this day.
fn month_ago(today: Date, months: u8) -> String {
    let mut day = today;
    for _ in 0..months {
        day = day.month().first_day().add_days(-1);
    }
    day.month().to_string()
}

fn trend(today: Date) -> Vec<Row> {
    let month = month_ago(today, 1);
    vec![
        row(
            "period",
            format!(r#"{{"from": "{month}", "to": "{month}"}}"#),
            "Days (2031-03-14) or months (2031-03), both included.",
        ),
        row(
            "area",
            r#"["QN"]"#,
            "QN (country), QN-02 (ISO 3166-2) or QN BLG (UN/LOCODE). This, or route = \"name of a route\".",
        ),
        row("measure", "\"presumed-victims\"", one_of(Measure::TEXTS)),
        row("method", "\"registry\"", one_of(Method::TEXTS)),
        row(
            "cells",
            r#"[{"dims": {"age": "0-17"}, "n": 14}, {"dims": {"age": "18+"}, "n": 31}]"#,
            format!(
                "Counts. Victims and referrals: 11 or more each. Dimensions: {}. Age: {}. Gender: {}. \
                 A cell without dims is the total.",
                Dimension::TEXTS.join(", "),
                AgeBand::TEXTS.join(", "),
                AggregateGender::TEXTS.join(", ")
            ),
        ),
        row(
            "unit",
            "\"persons\"",
            "Optional: what n counts; for fees, the currency.",
        ),
        row("direction", "\"up\"", one_of(Direction::TEXTS)),
        row("drivers", r#"["economy"]"#, any_of(Driver::TEXTS)),
        row(
            "factors",
            r#"[{"level": "structural", "type": "risk", "code": "informal-work"}]"#,
            format!(
                "level: {}; type: {}; code: a catch-word.",
                FactorLevel::TEXTS.join(", "),
                FactorType::TEXTS.join(", ")
            ),
        ),
        row(
            "estimate",
            r#"{"likelihood": "likely", "confidence": "moderate"}"#,
            format!(
                "likelihood: {}; confidence: {}.",
                Likelihood::TEXTS.join(", "),
                Confidence::TEXTS.join(", ")
            ),
        ),
        row(
            "caveats",
            "\"Registered cases only; not representative.\"",
            "What a reader must know before using the numbers.",
        ),
    ]
}

fn modus_operandi(today: Date) -> Vec<Row> {
    vec![
        row(
            "techniques",
            r#"["deceptive-job-offer", "debt-bondage"]"#,
            any_of(Technique::TEXTS),
        ),
        row("phase", "\"recruitment\"", one_of(Phase::TEXTS)),
        row(
            "act",
            r#"["recruitment", "transportation"]"#,
            any_of(Act::TEXTS),
        ),
        row(
            "means",
            r#"["deception", "abuse-of-vulnerability"]"#,
            any_of(Means::TEXTS) + ". Trafficking needs one, unless every victim group is under 18",
        ),
        row(
            "exploitation",
            r#"["forced-labour"]"#,
            any_of(Exploitation::TEXTS),
        ),
        row(
            "actor_roles",
            r#"["recruiter", "driver"]"#,
            any_of(ActorRole::TEXTS),
        ),
        row("transport", r#"["van"]"#, any_of(Transport::TEXTS)),
        row(
            "control",
            r#"["debt-bondage", "withholds-documents"]"#,
            any_of(Control::TEXTS),
        ),
        row(
            "sectors",
            r#"["A"]"#,
            format!("ISIC sections: {}", sections()),
        ),
        row(
            "online_channel_types",
            r#"["job-board"]"#,
            any_of(OnlineChannel::TEXTS),
        ),
        row(
            "indicators",
            r#"["Groups arrive without luggage or contracts"]"#,
            "One sentence each.",
        ),
        row(
            "victim_groups",
            r#"[{"age": "18-29", "gender": "male"}]"#,
            format!(
                "age: {}; gender (optional): {}.",
                AgeBand::TEXTS.join(", "),
                AggregateGender::TEXTS.join(", ")
            ),
        ),
        row(
            "countermeasures",
            r#"["Labour inspectors ask workers apart from the foreman"]"#,
            "One sentence each.",
        ),
        row(
            "first_seen",
            format!("\"{}\"", month_ago(today, 8)),
            "Month.",
        ),
        row(
            "last_seen",
            format!("\"{}\"", month_ago(today, 1)),
            "Month.",
        ),
        row("case_count_band", "\"11-50\"", one_of(CaseCountBand::TEXTS)),
    ]
}

fn sections() -> String {
    IsicSection::ALL
        .iter()
        .map(|s| format!("{s} {}", s.label()))
        .collect::<Vec<_>>()
        .join("; ")
}

fn route(today: Date) -> Vec<Row> {
    vec![
        row(
            "legs",
            r#"[{"from": "QM", "to": "QN-02", "transport": "boat", "border": "blue", "duration_h": 3, "fee_band": "500-1999", "currency": "EUR"}, {"from": "QN-02", "to": "QO", "transport": "truck", "border": "green"}]"#,
            format!(
                "In order. Places: QN, QN-02 or QN BLG, never an address. transport: {}; border: {}; fee_band with its currency.",
                Transport::TEXTS.join(", "),
                LegBorder::TEXTS.join(", ")
            ),
        ),
        row("status", "\"new\"", one_of(RouteStatus::TEXTS)),
        row(
            "first_seen",
            format!("\"{}\"", month_ago(today, 2)),
            "Month.",
        ),
        row("volume_band", "\"11-50\"", one_of(VolumeBand::TEXTS)),
        row("risks", r#"["drowning", "cold"]"#, any_of(Risk::TEXTS)),
        row(
            "alternatives",
            r#"["Bridge further south, by day"]"#,
            "Other ways, in words.",
        ),
    ]
}

fn document_alert() -> Vec<Row> {
    vec![
        row("doc_type", "\"passport\"", one_of(DocType::TEXTS)),
        row("icao_code", "\"P\"", "Document code (ICAO 9303), optional."),
        row(
            "issuer",
            "\"QMM\"",
            "Three letters (ISO 3166-1 alpha-3, or XXA, XXB, XXC).",
        ),
        row("fraud", "\"counterfeit\"", one_of(Fraud::TEXTS)),
        row(
            "features",
            r#"[{"page": "data page", "feature": "UV security thread", "genuine": "glows yellow", "observed": "glows blue"}]"#,
            "Terms of the PRADO glossary.",
        ),
        row(
            "series_prefix",
            "\"QM12\"",
            "How numbers begin; never a full number.",
        ),
        row(
            "detection",
            "\"2\"",
            one_of(DetectionLine::TEXTS) + " (line of inspection)",
        ),
        row(
            "registers_checked",
            r#"["national", "interpol-sltd"]"#,
            any_of(Register::TEXTS),
        ),
    ]
}

fn service(today: Date) -> Vec<Row> {
    vec![
        row(
            "stance",
            "\"offer\"",
            one_of(Stance::TEXTS)
                + ". A gap needs unmet_band (under-11, 11+), and may have since (month)",
        ),
        row(
            "types",
            r#"["shelter", "psychosocial"]"#,
            any_of(ServiceType::TEXTS),
        ),
        row(
            "area",
            "\"QN-02\"",
            "QN, QN-02 or QN BLG; never an address.",
        ),
        row(
            "ages",
            r#"["9-17", "18-29", "30-47", "48+"]"#,
            any_of(AgeBand::TEXTS),
        ),
        row("genders", r#"["female"]"#, any_of(AggregateGender::TEXTS)),
        row(
            "statuses",
            r#"["irregular-migrant", "asylum-seeker", "unknown"]"#,
            any_of(ProtectionStatus::TEXTS),
        ),
        row("languages", r#"["en", "ar"]"#, "BCP 47."),
        row(
            "capacity_band",
            "\"3-10\"",
            one_of(CapacityBand::TEXTS) + " (places)",
        ),
        row("access", "\"24h\"", one_of(Access::TEXTS)),
        row(
            "accessibility",
            r#"["wheelchair", "children"]"#,
            any_of(Accessibility::TEXTS),
        ),
        row("cost", "\"free\"", one_of(Cost::TEXTS)),
        row(
            "accepts_from",
            r#"["police", "border", "ngo"]"#,
            any_of(Sector::TEXTS),
        ),
        row(
            "valid_until",
            format!("\"{}\"", today.add_days(60)),
            "At most 90 days ahead; renew it then.",
        ),
    ]
}

fn contact(today: Date) -> Vec<Row> {
    let key = crate::id::RecordId::from_bytes([0x42; 32]).full();
    let from = today.start_ms().0;
    let until = today.add_days(360).end_ms().0;
    vec![
        row("org", "\"Narova border police\"", "Name of the agency."),
        row("sector", "\"border\"", one_of(Sector::TEXTS)),
        row("country", "\"QN\"", "Two letters (ISO 3166-1 alpha-2)."),
        row("route_roles", r#"["transit"]"#, any_of(RouteRole::TEXTS)),
        row("regime", "\"led\"", one_of(Regime::TEXTS)),
        row(
            "memberships",
            r#"["pcc-see", "selec"]"#,
            "Catch-words: pcc-see, selec, sepca, interpol.",
        ),
        row(
            "functions",
            r#"[{"role": "duty desk", "channel": "+999 555 0101", "hours": "24h", "languages": ["en"], "urgent": true}]"#,
            "Functional contact points; an officer's name only with named_ok = true.",
        ),
        row(
            "keys",
            format!(r#"{{"signing": [{{"key": "{key}", "from": {from}, "until": {until}}}]}}"#),
            "Filled in by `liaison card`.",
        ),
        row("revision", "1", "Filled in by `liaison card`."),
        row(
            "valid_until",
            format!("\"{}\"", today.add_days(360)),
            "At most 366 days ahead.",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::check::{CheckContext, check, limits_of};
    use crate::record::draft::{Draft, Resolver};

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

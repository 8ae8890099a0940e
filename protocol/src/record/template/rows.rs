//! The fields of each kind's body, filled in.

use super::{Row, any_of, one_of, row};
use crate::record::codes::{
    Access, Accessibility, Act, ActorRole, AgeBand, AggregateGender, CapacityBand, CaseCountBand,
    Confidence, Control, Cost, DetectionLine, Dimension, Direction, DocType, Driver, Exploitation,
    FactorLevel, FactorType, Fraud, IsicSection, LegBorder, Likelihood, Means, Measure, Method,
    OnlineChannel, Phase, ProtectionStatus, Regime, Register, Risk, RouteRole, RouteStatus, Sector,
    ServiceType, Stance, Technique, Transport, VolumeBand,
};
use crate::record::date::Date;

/// The month so many months before this day.
fn month_ago(today: Date, months: u8) -> String {
    let mut day = today;
    for _ in 0..months {
        day = day.month().first_day().add_days(-1);
    }
    day.month().to_string()
}

pub(super) fn trend(today: Date) -> Vec<Row> {
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

pub(super) fn modus_operandi(today: Date) -> Vec<Row> {
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

pub(super) fn route(today: Date) -> Vec<Row> {
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

pub(super) fn document_alert() -> Vec<Row> {
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

pub(super) fn service(today: Date) -> Vec<Row> {
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

pub(super) fn contact(today: Date) -> Vec<Row> {
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
            "Filled in by `liaison card edit`.",
        ),
        row("revision", "1", "Filled in by `liaison card edit`."),
        row(
            "valid_until",
            format!("\"{}\"", today.add_days(360)),
            "At most 366 days ahead.",
        ),
    ]
}

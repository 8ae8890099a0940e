//! Services: which offers fit, and where offers are missing.

use liaison_node::control::api::{DeskView, GapsReport, MatchReport, SuggestionView};

use super::{Style, Tone, cell, clean, grid, moment, number, plural, short_id};

/// `service match`. `now` is RFC 3339.
pub fn matching(style: &Style, report: &MatchReport, now: &str) -> String {
    let mut out = String::new();
    for (at, suggestion) in report.suggestions.iter().enumerate() {
        out.push_str(&one(style, at + 1, suggestion, now));
        out.push('\n');
    }
    if report.suggestions.is_empty() {
        out.push_str(&format!(
            "No offer here meets any of these needs ({} looked at).\n",
            plural(report.looked_at, "service was", "services were"),
        ));
        out.push_str("Record what is missing: `liaison new service`, stance gap\n");
        return out;
    }
    if report.left_out > 0 {
        out.push_str(&format!(
            "{} not listed\n",
            plural(report.left_out, "further offer is", "further offers are")
        ));
    }
    for note in &report.notes {
        out.push_str(&format!("Note: {}.\n", clean(note)));
    }
    out.push_str("These are suggestions. You decide; ask by telephone where something is open.\n");
    out
}

fn one(style: &Style, at: usize, suggestion: &SuggestionView, now: &str) -> String {
    let (tone, verdict) = match suggestion.fits.as_str() {
        "for" => (Tone::Good, "fits"),
        "ask" => (Tone::Warn, "may fit: ask"),
        _ => (Tone::Bad, "does not fit"),
    };
    let provider = match (&suggestion.name, suggestion.own) {
        (_, true) => "your own".into(),
        (Some(name), _) => format!("{} ({})", clean(name), clean(&suggestion.provider)),
        (None, _) => clean(&suggestion.provider),
    };
    let title = style.paint(Tone::Strong, &clean(&suggestion.title));
    let mut out = format!(
        "{at}. {}  {title}, {provider}, {}\n",
        style.paint(tone, verdict),
        short_id(&suggestion.record)
    );
    for (weight, sign, tone) in [
        ("against", "no ", Tone::Bad),
        ("ask", "ask", Tone::Warn),
        ("for", "yes", Tone::Plain),
    ] {
        let says: Vec<String> = suggestion
            .reasons
            .iter()
            .filter(|reason| reason.weight == weight)
            .map(|reason| clean(&reason.says))
            .collect();
        if !says.is_empty() {
            let says = style.paint(tone, &says.join("; "));
            out.push_str(&format!("   {sign}  {says}\n"));
        }
    }
    if suggestion.open == Some(false)
        && let Some(opens) = &suggestion.changes
    {
        out.push_str(&format!("   opens  {}\n", moment::moment(opens, now)));
    }
    if let Some(desk) = &suggestion.telephone {
        out.push_str(&format!("   call  {}\n", self::desk(desk)));
    }
    out
}

/// `duty desk, +999 555 0101, 24h`, as a card says.
pub fn desk(desk: &DeskView) -> String {
    let mut out = format!("{}, {}", clean(&desk.role), clean(&desk.channel));
    if let Some(hours) = &desk.hours {
        out.push_str(&format!(", {}", clean(hours)));
    }
    if desk.open == Some(false) {
        out.push_str(" (closed now)");
    }
    out
}

/// `service gaps`.
pub fn gaps(style: &Style, report: &GapsReport) -> String {
    if report.rows.is_empty() {
        return format!(
            "No gap is known here ({} looked at).\n",
            plural(report.looked_at, "service was", "services were")
        );
    }
    let rows = report
        .rows
        .iter()
        .map(|row| {
            let tone = match row.supply.as_str() {
                "offered" => Tone::Plain,
                "full" | "not-for-them" => Tone::Warn,
                _ => Tone::Bad,
            };
            vec![
                cell(&row.area, Tone::Strong),
                cell(&row.need, Tone::Strong),
                cell(row.unmet.as_deref().unwrap_or("-"), Tone::Plain),
                cell(row.since.as_deref().unwrap_or("-"), Tone::Plain),
                number(row.reports),
                cell(
                    format!("{}/{}", row.offers - row.full.min(row.offers), row.offers),
                    Tone::Plain,
                ),
                cell(&row.says, tone),
            ]
        })
        .collect();
    let heads = [
        "AREA", "NEED", "WITHOUT", "SINCE", "REPORTS", "FREE", "OFFERS",
    ];
    let mut out = format!("{}\n", grid(style, &heads, &[0, 2, 3, 4, 5], rows));
    for note in &report.notes {
        out.push_str(&format!("Note: {}.\n", clean(note)));
    }
    out.push_str("WITHOUT is a band of people; REPORTS and FREE count records.\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_shows_what_stands_against_it_first_and_whom_to_call() {
        let report: MatchReport = serde_json::from_value(serde_json::json!({
            "looked_at": 2, "left_out": 0,
            "suggestions": [{
                "record": "3F7K9Q2MABCD", "title": "Beds for women", "provider": "lantern",
                "name": "Lantern House", "linked": true, "fits": "ask", "meets": ["shelter"],
                "reasons": [
                    {"weight": "ask", "about": "language", "says": "nobody there is known to speak ar"},
                    {"weight": "for", "about": "need", "says": "offers shelter"},
                    {"weight": "for", "about": "capacity", "says": "has 1 or 2 places"},
                ],
                "open": true,
                "telephone": {"role": "duty", "channel": "+999 555 0101", "hours": "24h", "open": true},
            }],
        }))
        .expect("a report");
        let style = Style {
            width: Some(80),
            colour: false,
        };
        insta::assert_snapshot!(matching(&style, &report, "2031-03-02T02:15:00Z"), @r"
        1. may fit: ask  Beds for women, Lantern House (lantern), 3F7K-9Q2M
           ask  nobody there is known to speak ar
           yes  offers shelter; has 1 or 2 places
           call  duty, +999 555 0101, 24h

        These are suggestions. You decide; ask by telephone where something is open.
        ");
    }

    #[test]
    fn gaps_fit_eighty_columns() {
        let row = |area: &str, supply: &str, says: &str| {
            serde_json::json!({
                "area": area, "need": "return-reintegration", "supply": supply, "says": says,
                "reports": 2, "unmet": "under-11", "since": "2030-11", "offers": 3, "full": 1,
            })
        };
        let report: GapsReport = serde_json::from_value(serde_json::json!({
            "looked_at": 5,
            "rows": [
                row("QN-02", "nowhere", "nobody offers it"),
                row("QM RAV", "elsewhere", "only elsewhere in the country"),
            ],
        }))
        .expect("a report");
        let style = Style {
            width: Some(80),
            colour: false,
        };
        let text = gaps(&style, &report);
        assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
        assert!(text.contains("2/3"), "{text}");
    }
}

//! Figures without persons.

use liaison_node::control::api::StatsReport;

use super::{Style, Tone, cell, clean, comma, grid, number};

/// A figure as a table.
pub fn table(style: &Style, report: &StatsReport) -> String {
    let head = format!(
        "{} in {} by {}",
        clean(&report.figure),
        clean(&report.quarter),
        clean(&report.by)
    );
    let mut out = format!("{}\n", style.paint(Tone::Strong, &head));
    if report.rows.is_empty() {
        out.push_str("None of people who agreed to be counted.\n");
        return out;
    }
    let rows = report
        .rows
        .iter()
        .map(|row| {
            let key = row.key.iter().map(|value| cell(value, Tone::Plain));
            let count = match row.n {
                Some(n) => number(n),
                None => cell("-", Tone::Dim),
            };
            key.chain([count]).collect()
        })
        .collect();
    let heads: Vec<String> = report
        .parts
        .iter()
        .map(|part| part.to_uppercase())
        .collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).chain(["COUNT"]).collect();
    out.push_str(&format!("{}\n", grid(style, &heads, &[], rows)));
    match report.total {
        Some(total) => out.push_str(&format!("All: {}\n", comma(total))),
        None => out.push_str("All: hidden\n"),
    }
    if report.rows.iter().any(|row| row.n.is_none()) {
        out.push_str(&format!(
            "'-' is hidden: it is under {}, or would give away one that is.\n",
            report.smallest
        ));
    }
    out.push_str("Only people who agreed to be counted.\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_a_dash_with_its_reason() {
        let report = serde_json::from_value(serde_json::json!({
            "figure": "referrals", "by": "age-gender", "quarter": "2031-Q1",
            "parts": ["age", "gender"], "total": 1063, "smallest": 11,
            "rows": [
                {"key": ["18-29", "female"], "n": 1040},
                {"key": ["18-29", "male"]},
                {"key": ["9-17", "female"]},
            ],
        }))
        .expect("a report");
        let style = Style {
            width: Some(80),
            colour: false,
        };
        insta::assert_snapshot!(table(&style, &report), @r"
        referrals in 2031-Q1 by age-gender
        AGE    GENDER  COUNT
        18-29  female  1,040
        18-29  male    -
        9-17   female  -
        All: 1,063
        '-' is hidden: it is under 11, or would give away one that is.
        Only people who agreed to be counted.
        ");
    }
}

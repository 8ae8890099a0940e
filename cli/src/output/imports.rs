//! The outcome of a CSV import.

use liaison_node::control::api::BadRow;

use super::{Style, Tone, clean, comma, rows_word};

/// Totals of an import, as `--json` prints them.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct ImportSummary {
    /// The job's key.
    pub key: String,
    /// Data rows in the file.
    pub rows: u64,
    /// Rows that an earlier run had done.
    pub resumed_at: u64,
    /// Rows done by now.
    pub rows_done: u64,
    /// Records made in this run.
    pub records: u64,
    /// Rows that were not taken.
    pub bad: Vec<BadRow>,
    /// Whether it was only checked.
    pub dry_run: bool,
}

/// Most bad rows that are printed; the rest is counted.
pub const BAD_SHOWN: usize = 50;

/// The summary in words.
pub fn summary(style: &Style, file: &str, report: &ImportSummary) -> String {
    let mut out = String::new();
    for bad in report.bad.iter().take(BAD_SHOWN) {
        let column = bad
            .column
            .as_ref()
            .map(|c| format!(", column '{}'", clean(c)))
            .unwrap_or_default();
        let place = style.paint(Tone::Warn, &format!("{}:{}", clean(file), bad.line));
        out.push_str(&format!("{place}{column}: {}\n", clean(&bad.says)));
    }
    if report.bad.len() > BAD_SHOWN {
        out.push_str(&format!(
            "… and {} more (all of them with --json)\n",
            comma((report.bad.len() - BAD_SHOWN) as u64)
        ));
    }
    if report.resumed_at > 0 && report.resumed_at >= report.rows {
        out.push_str(&format!(
            "All {} of this file were gone through before with this map; nothing to do.\n",
            rows_word(report.rows)
        ));
        return out;
    }
    if report.resumed_at > 0 {
        out.push_str(&format!(
            "Went on after row {}, where an earlier run had stopped.\n",
            comma(report.resumed_at)
        ));
    }
    let verb = if report.dry_run {
        "would become"
    } else {
        "became"
    };
    out.push_str(&format!(
        "{} {verb} {}; {} not taken.\n",
        rows_word(report.rows_done.saturating_sub(report.resumed_at)),
        super::plural(report.records, "record", "records"),
        rows_word(report.bad.len() as u64),
    ));
    if !report.bad.is_empty() {
        out.push_str(match (report.dry_run, report.records) {
            (_, 0) => {
                "No row can be a record so: correct the map or the file, and try with --dry-run.\n"
            }
            (true, _) => "Correct those rows, or import the file: the others will go in.\n",
            (false, _) => {
                "Correct those rows in a file of their own and import that; the others are in.\n"
            }
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_rows_by_line_then_totals() {
        let report = ImportSummary {
            key: "k".into(),
            rows: 34_273,
            resumed_at: 0,
            rows_done: 34_273,
            records: 34_272,
            bad: vec![BadRow {
                line: 12,
                column: Some("month".into()),
                says: "'2009-13' is no month.".into(),
            }],
            dry_run: false,
        };
        let style = Style {
            width: Some(80),
            colour: false,
        };
        insta::assert_snapshot!(summary(&style, "counts.csv", &report), @r"
        counts.csv:12, column 'month': '2009-13' is no month.
        34,273 rows became 34,272 records; 1 row not taken.
        Correct those rows in a file of their own and import that; the others are in.
        ");
    }
}

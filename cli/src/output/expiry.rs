//! What ends and what is due for review.

use liaison_node::control::api::{ExpiryReport, RecordRow};

use super::{Style, Tone, cell, clean, comma, grid, peers, plural, short_id, when};

/// Both lists.
pub fn expiry(style: &Style, report: &ExpiryReport) -> String {
    let until = clean(&report.until);
    let mut out = String::new();
    if let Some(doubt) = &report.doubt {
        let doubt = format!("Nothing expires at present: {}", clean(doubt));
        out.push_str(&format!("{}\n\n", style.paint(Tone::Bad, &doubt)));
    }
    let rows = report.rows.iter().map(|r| (&r.record, when(&r.expires)));
    out.push_str(&table(style, "erased at", rows));
    out.push_str(&match report.count {
        0 => format!("Nothing ends up to {until}.\n"),
        count => format!(
            "{} up to {until}: {}\n",
            plural(count, "record ends", "records end"),
            peers::tallies(&report.by_kind)
        ),
    });
    out.push_str(&cut(report.count, report.rows.len()));
    if report.review_count > 0 {
        out.push('\n');
        let rows = report
            .reviews
            .iter()
            .map(|r| (&r.record, clean(&r.review_by)));
        out.push_str(&table(style, "review by", rows));
        out.push_str(&format!(
            "{} of your own to review: `liaison amend ID` or `liaison retract ID`\n",
            plural(report.review_count, "record", "records")
        ));
        out.push_str(&cut(report.review_count, report.reviews.len()));
    }
    out
}

fn cut(count: u64, shown: usize) -> String {
    match count.saturating_sub(shown as u64) {
        0 => String::new(),
        more => format!("{} more are not listed\n", comma(more)),
    }
}

fn table<'a>(
    style: &Style,
    day: &str,
    rows: impl Iterator<Item = (&'a RecordRow, String)>,
) -> String {
    let cells: Vec<_> = rows
        .map(|(row, at)| {
            vec![
                cell(short_id(&row.id), Tone::Strong),
                cell(&row.kind, Tone::Plain),
                cell(&row.title, Tone::Plain),
                cell(&row.author, Tone::Plain),
                cell(at, Tone::Plain),
            ]
        })
        .collect();
    if cells.is_empty() {
        return String::new();
    }
    let heads = ["id", "kind", "title", "author", day];
    format!("{}\n", grid(style, &heads, &[0, 4], cells))
}

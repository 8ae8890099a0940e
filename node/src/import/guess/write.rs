//! The text of a proposed map.

use liaison_protocol::record::codes::Measure;

use super::super::cut::Dialect;
use super::Guess;
use super::column::{Proposal, Sample};

/// Writes the map, and says what a person has to look at.
pub(super) fn write(
    proposals: &[Proposal],
    columns: &[Sample<'_>],
    dialect: Dialect,
    encoding: &str,
    header: bool,
) -> Guess {
    let named = |to: &str| {
        let at = proposals.iter().position(|p| p.to == to)?;
        columns.get(at).map(|c| c.name.as_str())
    };
    let mut checks: Vec<String> = Vec::new();
    let mut out = String::from(
        "# Proposed from the file's first rows. Look at every line marked CHECK, then try it:\n#     liaison import csv FILE --map THIS --dry-run\n\n[file]\n",
    );
    let delimiter = match dialect.delimiter {
        b'\t' => "tab".to_owned(),
        other => char::from(other).to_string(),
    };
    out += &format!("delimiter = {}\n", quoted(&delimiter));
    out += &format!("encoding = \"{encoding}\"");
    if encoding == "windows-1252" {
        out += "  # CHECK: windows-1250 for Central European languages";
        checks.push("the file is not UTF-8; windows-1252 is a guess".into());
    }
    out += "\n";
    if !header {
        out += "header = false\n";
    }
    let (measure, certain) = measure_of(named("n").unwrap_or_default());
    out += "\n[record]\nkind = \"trend\"\nlang = \"en\"\n";
    let mut title = String::from(measure.label());
    for to in ["route", "area", "period", "period.from"] {
        // Braces of a name itself would be taken for a column's.
        if let Some(name) = named(to).filter(|name| !name.contains(['{', '}'])) {
            title += &format!(", {{{name}}}");
        }
    }
    out += &format!("title = {}\n", quoted(&title));
    out += "tlp = \"green\"  # CHECK: who may see it\npurpose = \"statistics\"\n";
    if named("measure").is_none() {
        out += &format!(
            "measure = \"{measure}\"  # CHECK: {}\n",
            Measure::TEXTS.join(", ")
        );
        checks.push(if certain {
            format!("the measure is taken to be '{measure}', by a column's name")
        } else {
            "what was counted cannot be told from the file: set measure".into()
        });
    }
    out += "method = \"administrative\"  # CHECK: registry, survey, administrative, estimate\n";
    checks.push("how it was counted cannot be told from the file: set method".into());
    if named("period").is_none() && named("period.from").is_none() {
        out += "# CHECK: no column has dates; say what the file covers\n# period = \"2031-03\"\n";
        checks.push("no column has dates: set period".into());
    }
    if named("route").is_none() && named("area").is_none() {
        out += "# CHECK: no column has a route or a place; a trend needs one of them\n# area = [\"QN\"]\n";
        checks.push("no column has a route or a place: set route or area".into());
    }
    if named("n").is_none() {
        checks.push("no column has counts: say which one fills n".into());
    }
    for (column, proposal) in columns.iter().zip(proposals) {
        out += "\n";
        if let Some(check) = &proposal.check {
            out += &comment(check);
            checks.push(check.clone());
        }
        out += &format!(
            "[columns.{}]\nto = \"{}\"\n",
            quoted(&column.name),
            proposal.to
        );
        for line in &proposal.lines {
            out += line;
            out += "\n";
        }
        if column.gaps && proposal.to != "ignore" {
            let check = format!(
                "column '{}' is empty in some rows; required = false takes these rows without it",
                column.name
            );
            out += &comment(&check);
            checks.push(check);
        }
    }
    Guess { map: out, checks }
}

/// A remark on one line, whatever a column's name holds.
fn comment(check: &str) -> String {
    format!("# CHECK: {}\n", check.replace(char::is_control, " "))
}

/// What a column's name says was counted, and whether it says so.
fn measure_of(name: &str) -> (Measure, bool) {
    let name = name.to_lowercase();
    for (part, measure) in [
        ("detection", Measure::Detections),
        ("arrival", Measure::Arrivals),
        ("identified", Measure::IdentifiedVictims),
        ("victim", Measure::PresumedVictims),
        ("referral", Measure::Referrals),
        ("observ", Measure::TransitObservations),
        ("presen", Measure::Presence),
        ("fee", Measure::Fee),
    ] {
        if name.contains(part) {
            return (measure, true);
        }
    }
    (Measure::Other, false)
}

/// A text as TOML writes it on one line.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out += &format!("\\u{:04X}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

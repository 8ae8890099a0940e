//! Errors and findings: first the problem, then the remedy.

use liaison_node::control::api::FindingView;

use super::{Style, Tone, clean};
use crate::error::CommandError;

/// An error as a person reads it.
pub fn error(style: &Style, error: &CommandError) -> String {
    let mut out = format!(
        "{} {}\n",
        style.paint(Tone::Bad, "error:"),
        sentence(&clean(&error.to_string()))
    );
    if let CommandError::Api(api) = error {
        // The only finding may be the error itself.
        let is_said = matches!(api.findings.as_slice(), [one] if api.error.contains(&one.says));
        if !is_said {
            out.push_str(&findings(style, &api.findings));
        }
    }
    if let Some(remedy) = error.remedy() {
        out.push_str(&format!(
            "{} {}\n",
            style.paint(Tone::Strong, "  try:"),
            sentence(&clean(&remedy))
        ));
    }
    out
}

/// Findings, two lines each: code, place, what is wrong; then what to do.
pub fn findings(style: &Style, findings: &[FindingView]) -> String {
    let mut out = String::new();
    for finding in findings {
        let code = style.paint(Tone::Warn, &clean(&finding.code));
        // A finding's sentence may begin with its code and end with its remedy.
        match finding.says.strip_prefix(&finding.code) {
            Some(says) => out.push_str(&format!("  {code}{}\n", clean(says))),
            None => out.push_str(&format!(
                "  {code} {}: {}\n",
                clean(&finding.place),
                clean(&finding.says)
            )),
        }
        if !finding.remedy.is_empty() && !finding.says.contains(&finding.remedy) {
            out.push_str(&format!("         {}\n", clean(&finding.remedy)));
        }
    }
    out
}

fn sentence(text: &str) -> String {
    match text.chars().last() {
        Some('.' | '!' | '?' | '`') | None => text.to_owned(),
        Some(_) => format!("{text}."),
    }
}

#[cfg(test)]
mod tests {
    use liaison_node::control::api::ApiError;

    use super::*;

    #[test]
    fn problem_then_findings_then_remedy() {
        let api = ApiError {
            error: "The record is not signed: 1 fault".into(),
            remedy: Some("correct it and push it again".into()),
            code: "invalid".into(),
            findings: vec![FindingView {
                code: "TRD-02".into(),
                place: "cells[4]".into(),
                says: "n=3 is below 11\u{1b}[2J".into(),
                remedy: "Merge age bands.".into(),
            }],
        };
        let style = Style {
            width: Some(80),
            colour: false,
        };
        insta::assert_snapshot!(error(&style, &api.into()), @r"
        error: The record is not signed: 1 fault.
          TRD-02 cells[4]: n=3 is below 11[2J
                 Merge age bands.
          try: correct it and push it again.
        ");
    }
}

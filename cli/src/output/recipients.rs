//! Who got a record, and how far taking it back is with each.

use liaison_node::control::api::{AudienceReport, RecipientView};

use super::table::{Tone, cell, grid, short_id};
use super::text::{list, when};
use super::{Style, clean, parcels};

/// One line a recipient.
pub fn table(style: &Style, recipients: &[RecipientView]) -> String {
    let rows = recipients
        .iter()
        .map(|one| {
            let tone = match one.state.as_str() {
                "erased" | "never-had" => Tone::Good,
                "kept" | "unreachable" => Tone::Bad,
                "told" | "taken-back" => Tone::Warn,
                _ => Tone::Plain,
            };
            let sent = one.sent.as_deref().map_or("by another".into(), when);
            vec![
                cell(&one.peer, Tone::Plain),
                cell(&one.state, tone),
                cell(sent, Tone::Plain),
                cell(
                    one.erased.as_deref().map(when).unwrap_or_default(),
                    Tone::Plain,
                ),
                cell(rest(one), Tone::Plain),
            ]
        })
        .collect();
    let heads = ["PEER", "STATE", "SENT", "ERASED", ""];
    format!("{}\n", grid(style, &heads, &[0, 1], rows))
}

fn rest(one: &RecipientView) -> String {
    let mut says = Vec::new();
    if let Some(on) = &one.passed_on {
        says.push(format!("passed on to {}, {} erased", on.asked, on.erased));
    }
    match &one.parcel {
        _ if one.state == "never-had" => says.push("it says that it never had it".into()),
        _ if one.state == "taken-back" => {
            let at = one.taken_back.as_deref().map(when).unwrap_or_default();
            says.push(format!("not collected by {at}, says the hub"));
        }
        Some(parcel) => says.push(parcels::words(parcel)),
        None if one.sent.is_some() && !["", "direct"].contains(&one.path.as_str()) => {
            says.push(format!("by {}", clean(&one.path)));
        }
        None => {}
    }
    if let Some(since) = &one.unreachable_since {
        says.push(format!("unreachable since {}", when(since)));
    }
    says.join("; ")
}

/// Whether a recipient is to erase its copy.
pub fn is_withdrawn(one: &RecipientView) -> bool {
    !matches!(one.state.as_str(), "sent" | "delivered")
}

/// `3 of 7 erased it`, and how many of those behind them.
pub fn progress(recipients: &[RecipientView]) -> String {
    let erased = recipients.iter().filter(|r| r.state == "erased").count();
    let back = recipients
        .iter()
        .filter(|r| r.state == "taken-back")
        .count();
    let never = recipients.iter().filter(|r| r.state == "never-had").count();
    let mut text = format!("{erased} of {} erased it", recipients.len());
    if never > 0 {
        text.push_str(&format!("; {never} never had it, by their own word"));
    }
    let on = recipients.iter().filter_map(|r| r.passed_on);
    let (asked, gone) = on.fold((0u64, 0u64), |(a, e), on| {
        (a + u64::from(on.asked), e + u64::from(on.erased))
    });
    if asked > 0 {
        text.push_str(&format!(
            ", and {gone} of {asked} that they passed it on to"
        ));
    }
    if back > 0 {
        text.push_str(&format!(
            "; from {back} it was taken back before it was collected, by a hub's word"
        ));
    }
    text
}

/// Whether everybody erased it, also those further on.
pub fn all_erased(recipients: &[RecipientView]) -> bool {
    recipients.iter().all(|r| {
        let gone = matches!(r.state.as_str(), "erased" | "never-had");
        gone && r.passed_on.is_none_or(|on| on.erased >= on.asked)
    })
}

/// What a changed distribution list does.
pub fn audience(report: &AudienceReport, dry_run: bool) -> String {
    let id = short_id(&report.id);
    let (gets, loses) = if dry_run {
        ("would get it", "would be told to erase it")
    } else {
        ("gets it now", "is told to erase it")
    };
    let mut out = String::new();
    if report.added.is_empty() && report.recalled.is_empty() {
        let left = parcels::left(&report.parcels);
        return format!(
            "{}: nobody gets it and nobody loses it.\n{left}",
            clean(&id)
        );
    }
    if !report.added.is_empty() {
        out.push_str(&format!("{id}: {} {gets}.\n", list(&report.added)));
    }
    if !report.recalled.is_empty() {
        out.push_str(&format!("{id}: {} {loses}.\n", list(&report.recalled)));
    }
    out.push_str(&parcels::left(&report.parcels));
    out
}

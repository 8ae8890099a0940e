//! Leave to pass records on: what was asked and permitted.

use liaison_node::control::api::{AskReport, LeaveView, OpenAsk, OpenAsks, PermitReport};

use super::{clean, comma, list, short_id, when};

/// Who is asked, by way of whom.
pub fn ask(report: &AskReport) -> String {
    let (of, title) = (short_id(&report.of), clean(&report.title));
    let author = clean(&report.author);
    let way = if report.by_way_of == report.author {
        String::new()
    } else {
        format!(", by way of {}", clean(&report.by_way_of))
    };
    let to = list(&report.to);
    match &report.id {
        None => format!("{author} would be asked{way} to let {of} \"{title}\" go to {to}.\n"),
        Some(id) => format!(
            "{author} is asked{way} to let {of} \"{title}\" go to {to}. The request is {}.\n\
             `liaison show {of}` says what becomes of it.\n",
            short_id(id)
        ),
    }
}

/// Who may get the record now, and who is told.
pub fn permit(report: &PermitReport) -> String {
    let (of, title) = (short_id(&report.of), clean(&report.title));
    let (to, until) = (list(&report.to), clean(&report.until));
    let told = if report.held_by.is_empty() {
        "Nobody else holds it yet; whoever gets it gets the permit with it.".to_owned()
    } else {
        format!(
            "Told, with these names: {}, and those who had it from them.",
            list(&report.held_by)
        )
    };
    match &report.id {
        None => format!("{of} \"{title}\" could be passed on to {to} until {until}.\n{told}\n"),
        Some(id) => format!(
            "{of} \"{title}\" may be passed on to {to} until {until}. The permit is {}.\n{told}\n",
            short_id(id)
        ),
    }
}

/// One permit or request of a record.
pub fn line(leave: &LeaveView) -> String {
    let (by, to, id) = (clean(&leave.by), list(&leave.to), short_id(&leave.id));
    let state = match leave.state.as_str() {
        "in-force" => "in force",
        "not-the-author" => "counts for nothing: not its author's",
        "key-compromised" => "counts for nothing: its key was compromised",
        other => other,
    };
    match (&leave.until, &leave.why) {
        (Some(until), _) => format!(
            "permit {id} of {by} for {to}, until {}: {state}",
            clean(until)
        ),
        (None, why) => {
            let why = why.as_deref().map(|w| format!(" \"{}\"", clean(w)));
            format!(
                "{by} asks for {to} ({}){}: {state}",
                when(&leave.at),
                why.unwrap_or_default()
            )
        }
    }
}

/// A request that waits for us, without its command.
pub fn open(ask: &OpenAsk) -> String {
    format!(
        "{} asks to pass {} \"{}\" on to {}: \"{}\"",
        clean(&ask.by),
        short_id(&ask.of),
        clean(&ask.title),
        list(&ask.to),
        clean(&ask.why)
    )
}

/// The requests that wait for us, each with what to type.
pub fn open_asks(asks: &OpenAsks) -> String {
    let mut out = String::new();
    for ask in &asks.oldest {
        out.push_str(&format!("Asked        {}\n", open(ask)));
        out.push_str(&format!("             {}\n", clean(&ask.command)));
    }
    let more = asks.count.saturating_sub(asks.oldest.len() as u64);
    if more > 0 {
        out.push_str(&format!("             and {} more\n", comma(more)));
    }
    out
}

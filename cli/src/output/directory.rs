//! The directory as a page: text of 80 columns, or HTML.

use liaison_protocol::record::kinds::Contact;
use liaison_protocol::record::kinds::contact::Function;
use serde::Serialize;

use super::{clean, when, wrap};

/// An agency of the directory.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// Its name here; none: ourselves.
    pub peer: Option<String>,
    /// What its card says.
    pub contact: Contact,
    /// Its 30 digits.
    pub fingerprint: String,
}

/// Columns of the page.
const WIDTH: u16 = 80;

/// As text. `now` is RFC 3339.
pub fn text(entries: &[Entry], now: &str) -> String {
    let mut out = format!("DIRECTORY OF {}\n", own_name(entries).to_uppercase());
    out.push_str(&format!(
        "Printed {}. Print it anew when a card changes; numbers on old pages mislead.\n\n",
        when(now)
    ));
    out.push_str("WHAT CANNOT WAIT\n");
    let mut urgent = 0;
    for (entry, function) in urgent_desks(entries) {
        urgent += 1;
        out.push_str(&format!("  {}\n", clean(&entry.contact.org)));
        out.push_str(&lines(function));
    }
    if urgent == 0 {
        out.push_str("  Nobody's card names a desk for it.\n");
    }
    for entry in entries.iter().filter(|entry| entry.peer.is_some()) {
        let contact = &entry.contact;
        out.push_str(&format!("\n{}\n", clean(&contact.org).to_uppercase()));
        out.push_str(&format!(
            "  {}, {}; here: {}; card until {}\n",
            contact.sector.label(),
            contact.country,
            clean(entry.peer.as_deref().unwrap_or_default()),
            contact.valid_until
        ));
        for function in &contact.functions {
            out.push_str(&lines(function));
        }
        if contact.functions.is_empty() {
            out.push_str("  Its card names no way to reach it.\n");
        }
        out.push_str(&format!("  digits  {}\n", entry.fingerprint));
    }
    wrap::wrap(&out, Some(WIDTH))
}

/// As HTML, with everything from cards escaped.
pub fn html(entries: &[Entry], now: &str) -> String {
    let name = escape(&own_name(entries));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <title>Directory of {name}</title>\n<style>\
         body{{font:11pt/1.35 sans-serif;max-width:42em;margin:2em auto;padding:0 1em}}\
         table{{border-collapse:collapse;width:100%}}\
         td{{border-top:1px solid #999;padding:.2em .6em .2em 0;vertical-align:top}}\
         h2{{font-size:1em;margin:1.2em 0 .2em;break-after:avoid}}\
         table{{break-inside:avoid}}.digits{{font-family:monospace}}\
         .urgent{{font-weight:bold}}</style></head>\n<body>\
         <h1>Directory of {name}</h1>\n<p>Printed {}. Print it anew when a card changes; \
         numbers on old pages mislead.</p>\n<h2>What cannot wait</h2>\n<table>\n",
        escape(&when(now))
    );
    for (entry, function) in urgent_desks(entries) {
        out.push_str(&row(&clean(&entry.contact.org), function));
    }
    out.push_str("</table>\n");
    for entry in entries.iter().filter(|entry| entry.peer.is_some()) {
        let contact = &entry.contact;
        out.push_str(&format!(
            "<h2>{} ({})</h2>\n<p>{}, {}; card until {}<br><span class=\"digits\">{}</span></p>\n<table>\n",
            escape(&clean(&contact.org)),
            escape(&clean(entry.peer.as_deref().unwrap_or_default())),
            contact.sector.label(),
            contact.country,
            contact.valid_until,
            escape(&entry.fingerprint),
        ));
        for function in &contact.functions {
            out.push_str(&row(&clean(&function.role), function));
        }
        out.push_str("</table>\n");
    }
    out.push_str("</body></html>\n");
    out
}

fn own_name(entries: &[Entry]) -> String {
    let own = entries.iter().find(|entry| entry.peer.is_none());
    own.map(|entry| clean(&entry.contact.org))
        .unwrap_or_default()
}

fn urgent_desks(entries: &[Entry]) -> impl Iterator<Item = (&Entry, &Function)> {
    entries
        .iter()
        .filter(|entry| entry.peer.is_some())
        .flat_map(|entry| {
            let urgent = entry.contact.functions.iter().filter(|f| f.urgent);
            urgent.map(move |function| (entry, function))
        })
}

fn lines(function: &Function) -> String {
    let role = clean(&function.role);
    let mut out = format!("    {role:<20}  {}\n", clean(&function.channel));
    let more = more(function);
    if !more.is_empty() {
        out.push_str(&format!("    {:<20}  {more}\n", ""));
    }
    out
}

/// Hours, languages and the officer's name, as far as the card has them.
fn more(function: &Function) -> String {
    let languages: Vec<&str> = function.languages.iter().map(|l| l.as_str()).collect();
    let name = function.name.as_deref().filter(|_| function.named_ok);
    [
        function.hours.as_deref().map(clean),
        (!languages.is_empty()).then(|| format!("speaks {}", languages.join(", "))),
        name.map(|name| format!("ask for {}", clean(name))),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<String>>()
    .join("; ")
}

fn row(head: &str, function: &Function) -> String {
    let class = if function.urgent {
        " class=\"urgent\""
    } else {
        ""
    };
    format!(
        "<tr><td>{}</td><td{class}>{}</td><td>{}</td></tr>\n",
        escape(head),
        escape(&clean(&function.channel)),
        escape(&more(function))
    )
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(peer: Option<&str>, org: &str) -> Entry {
        let contact = serde_json::from_value(serde_json::json!({
            "org": org, "sector": "ngo", "country": "QN", "regime": "gdpr",
            "functions": [
                {"role": "duty desk", "channel": "+999 555 0101", "hours": "24h",
                 "languages": ["ar", "en"], "urgent": true},
                {"role": "office", "channel": "office@lantern.example", "hours": "Mo-Fr 08-16 CET",
                 "name": "not agreed"},
            ],
            "keys": {}, "revision": 1, "valid_until": "2031-12-31",
        }))
        .expect("a card");
        Entry {
            peer: peer.map(str::to_owned),
            contact,
            fingerprint: "01234 56789 01234 56789 01234 56789".into(),
        }
    }

    #[test]
    fn the_page_begins_with_what_cannot_wait_and_fits_80_columns() {
        let entries = [
            entry(None, "Narova Border Police"),
            entry(Some("lantern"), "Lantern House"),
        ];
        let page = text(&entries, "soon");
        insta::assert_snapshot!(page, @r"
        DIRECTORY OF NAROVA BORDER POLICE
        Printed soon. Print it anew when a card changes; numbers on old pages mislead.

        WHAT CANNOT WAIT
          Lantern House
            duty desk             +999 555 0101
                                  24h; speaks ar, en

        LANTERN HOUSE
          Non-governmental organisation, QN; here: lantern; card until 2031-12-31
            duty desk             +999 555 0101
                                  24h; speaks ar, en
            office                office@lantern.example
                                  Mo-Fr 08-16 CET
          digits  01234 56789 01234 56789 01234 56789
        ");
        assert!(page.lines().all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn what_a_card_claims_cannot_become_html() {
        let entries = [
            entry(None, "We"),
            entry(Some("x"), "<script>alert(1)</script>&\u{1b}[2J"),
        ];
        let page = html(&entries, "2031-03-02T02:15:00Z");
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("&lt;script&gt;") && page.contains("+999 555 0101"));
        assert!(!page.contains('\u{1b}') && !page.contains("not agreed"));
    }
}

//! Checks of cards (CON), and what a card still lacks.

use super::Finding;
use crate::limits;
use crate::record::date::Date;
use crate::record::hours::Hours;
use crate::record::kinds::Contact;

pub(super) fn check(card: &Contact, today: Date, found: &mut Vec<Finding>) {
    if card.keys.signing.is_empty() && !card.keys.revoke_all {
        found.push(Finding::new(
            "CON-01",
            "body.keys.signing",
            "is empty: nothing that this agency signs could be checked",
            "Add a signing key.",
        ));
    }
    for (at, revoked) in card.keys.revoked.iter().enumerate() {
        if card
            .keys
            .signing
            .iter()
            .any(|entry| entry.key == revoked.key && entry.until > revoked.at)
        {
            found.push(Finding::new(
                "CON-02",
                format!("body.keys.revoked[{at}]"),
                "is still listed as a signing key beyond the moment of its revocation",
                "End its validity at that moment, or drop it from 'signing'.",
            ));
        }
    }
    let days = card.valid_until.days_since(today);
    if days > i64::try_from(limits::CARD_DAYS).unwrap_or(i64::MAX) {
        found.push(Finding::new(
            "CON-03",
            "body.valid_until",
            format!(
                "{} is {days} days ahead; at most {} are allowed",
                card.valid_until,
                limits::CARD_DAYS
            ),
            "Give a nearer day and renew the card then.",
        ));
    }
    if days < 0 {
        found.push(Finding::new(
            "CON-04",
            "body.valid_until",
            format!("{} has passed (today is {today})", card.valid_until),
            "Give a day to come.",
        ));
    }
    for (at, function) in card.functions.iter().enumerate() {
        if function.name.is_some() && !function.named_ok {
            found.push(Finding::new(
                "CON-05",
                format!("body.functions[{at}].name"),
                "names an officer who has not agreed",
                "Drop the name, or set named_ok once they have.",
            ));
        }
    }
}

/// What a card still lacks to be of use in the directory. None of it keeps the card from
/// being signed.
pub fn missing(card: &Contact) -> Vec<Finding> {
    let mut found = Vec::new();
    if card.functions.is_empty() {
        found.push(Finding::new(
            "CON-11",
            "body.functions",
            "is empty: nobody can reach you",
            "Add a duty desk with a telephone number or an e-mail address.",
        ));
    } else if !card.functions.iter().any(|f| f.urgent) {
        found.push(Finding::new(
            "CON-12",
            "body.functions",
            "has no place for what cannot wait",
            "Set 'urgent' on the one that answers at night.",
        ));
    }
    if card.route_roles.is_empty() {
        found.push(Finding::new(
            "CON-13",
            "body.route_roles",
            "is empty: policies by route role pass you over",
            "Add origin, transit or destination.",
        ));
    }
    for (at, function) in card.functions.iter().enumerate() {
        if function.languages.is_empty() {
            found.push(Finding::new(
                "CON-14",
                format!("body.functions[{at}].languages"),
                "is empty: a caller does not know what to speak",
                "Add the languages that are spoken there.",
            ));
        }
        if let Some(Err(fault)) = function.hours.as_deref().map(Hours::parse) {
            found.push(Finding::new(
                "CON-15",
                format!("body.functions[{at}].hours"),
                format!("{fault}: nobody's node can tell whether it is open"),
                "Write 24h, or days, times and time zone: Mo-Fr 08-16 CET.",
            ));
        }
    }
    found
}

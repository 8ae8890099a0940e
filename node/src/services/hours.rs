//! Whether an agency's desk is open, as its card tells.

use liaison_protocol::clock::Millis;
use liaison_protocol::record::hours::{Hours, HoursFault, Opening};
use liaison_protocol::record::kinds::Contact;
use liaison_protocol::record::kinds::contact::Function;

/// A contact point that can be reached, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desk {
    /// The contact point.
    pub function: Function,
    /// Whether it is open. `None`: its card does not tell, or not in a way that is understood.
    pub opening: Option<Opening>,
}

/// Whether somebody answers at `now`: at a desk for what cannot wait, or at any where the card
/// names none. `None`: the card does not tell.
pub fn is_open(card: &Contact, now: Millis) -> Option<bool> {
    opening(card, now).map(Opening::is_open)
}

/// When somebody answers; `now` if one does. `None`: the card does not tell.
pub fn opens_at(card: &Contact, now: Millis) -> Option<Millis> {
    opening(card, now).map(|opening| opening.opens_at(now))
}

/// How the desks stand that [`is_open`] asks: of several, the one that is open longest or opens
/// first. `None`: the card does not tell.
pub fn opening(card: &Contact, now: Millis) -> Option<Opening> {
    asked(card)
        .filter_map(|function| of(function, now).ok().flatten())
        .max_by_key(|opening| rank(Some(*opening)))
}

/// Whom to telephone at `now`: for what cannot wait first, then whoever is open, then whoever
/// opens first. `None`: the card names nobody.
pub fn telephone(card: &Contact, now: Millis) -> Option<Desk> {
    card.functions
        .iter()
        .map(|function| Desk {
            function: function.clone(),
            opening: of(function, now).ok().flatten(),
        })
        .enumerate()
        .max_by_key(|(at, desk)| {
            let open = desk.opening.is_some_and(Opening::is_open);
            let order = std::cmp::Reverse(*at);
            (open, desk.function.urgent, rank(desk.opening), order)
        })
        .map(|(_, desk)| desk)
}

/// How one contact point stands at `now`; `None` if its card states no hours.
///
/// # Errors
/// [`HoursFault`]: the hours are not understood.
pub fn of(function: &Function, now: Millis) -> Result<Option<Opening>, HoursFault> {
    match &function.hours {
        Some(text) => Hours::parse(text).map(|hours| Some(hours.at(now))),
        None => Ok(None),
    }
}

fn asked(card: &Contact) -> impl Iterator<Item = &Function> {
    let urgent = card.functions.iter().any(|f| f.urgent);
    card.functions.iter().filter(move |f| f.urgent || !urgent)
}

/// Higher is better for who needs somebody now.
fn rank(opening: Option<Opening>) -> (u8, u64) {
    match opening {
        Some(Opening::Always) => (3, 0),
        Some(Opening::Open { until }) => (2, until.0),
        Some(Opening::Closed { opens }) => (1, u64::MAX - opens.0),
        None => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2031-03-03T06:00:00Z, a Monday.
    const MONDAY_SIX: Millis = Millis(1_930_284_000_000);
    const HOUR: u64 = 60 * 60 * 1000;

    fn card(functions: &[(&str, Option<&str>, bool)]) -> Contact {
        let functions: Vec<_> = functions
            .iter()
            .map(|(role, hours, urgent)| {
                serde_json::json!({
                    "role": role, "channel": "+999 555 0101", "hours": hours, "urgent": urgent
                })
            })
            .collect();
        serde_json::from_value(serde_json::json!({
            "org": "Lantern House", "sector": "ngo", "country": "QN", "regime": "gdpr",
            "functions": functions, "keys": {}, "revision": 1, "valid_until": "2031-12-31",
        }))
        .expect("a card")
    }

    #[test]
    fn the_desk_for_what_cannot_wait_tells_whether_an_agency_is_open() {
        let office = ("office", Some("Mo-Fr 05-20 UTC"), false);
        let duty = ("duty", Some("Mo-Fr 08-16 UTC"), true);
        let both = card(&[office, duty]);
        assert_eq!(is_open(&both, MONDAY_SIX), Some(false));
        let eight = Millis(MONDAY_SIX.0 + 2 * HOUR);
        assert_eq!(opens_at(&both, MONDAY_SIX), Some(eight));
        assert_eq!(opens_at(&both, eight), Some(eight));
        // Without one, any desk does.
        assert_eq!(is_open(&card(&[office]), MONDAY_SIX), Some(true));
        // Of two, the one that is open.
        let night = ("night", Some("24h"), true);
        assert_eq!(
            opening(&card(&[duty, night]), MONDAY_SIX),
            Some(Opening::Always)
        );
    }

    #[test]
    fn a_card_that_does_not_tell_is_neither_open_nor_closed() {
        for hours in [None, Some("office hours"), Some("Mo-Fr 08-16")] {
            let silent = card(&[("duty", hours, true)]);
            assert_eq!(is_open(&silent, MONDAY_SIX), None);
            assert_eq!(opens_at(&silent, MONDAY_SIX), None);
            let desk = telephone(&silent, MONDAY_SIX).expect("a desk all the same");
            assert_eq!(desk.opening, None);
        }
        assert_eq!(telephone(&card(&[]), MONDAY_SIX), None);
    }

    #[test]
    fn whoever_answers_is_telephoned_first() {
        let name = |functions: &[(&str, Option<&str>, bool)]| {
            telephone(&card(functions), MONDAY_SIX).map(|desk| desk.function.role)
        };
        let office = ("office", Some("Mo-Fr 05-20 UTC"), false);
        let duty = ("duty", Some("Mo-Fr 08-16 UTC"), true);
        let night = ("night", Some("24h"), true);
        assert_eq!(name(&[office, duty, night]).as_deref(), Some("night"));
        assert_eq!(name(&[duty, office]).as_deref(), Some("office"));
        assert_eq!(
            name(&[("desk", None, false), duty]).as_deref(),
            Some("duty")
        );
    }
}

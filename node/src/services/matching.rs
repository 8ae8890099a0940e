//! Offers in the order in which a person should look at them.

use std::cmp::Reverse;

use liaison_protocol::clock::Millis;
use liaison_protocol::record::codes::{ServiceType, Stance, Urgency};
use liaison_protocol::record::hours::Opening;

use super::weigh::{Point, Provider, Weight, weigh};
use super::{Held, Sought};
use crate::limits;

/// An offer, with what speaks for and against it. A person decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion<'a> {
    /// The offer.
    pub offer: &'a Held,
    /// Needs that it meets, in the order in which they were sought.
    pub meets: Vec<ServiceType>,
    /// The reasons, those against first.
    pub points: Vec<Point>,
    /// Whether it can be reached now. `None`: nobody says.
    pub opening: Option<Opening>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suggested<'a> {
    /// At most [`limits::SERVICE_SUGGESTIONS`], the best first.
    pub suggestions: Vec<Suggestion<'a>>,
    /// Offers that meet a need and are not listed.
    pub left_out: usize,
}

impl Suggestion<'_> {
    /// The heaviest of its points: `Against`, it does not take this person.
    pub fn weight(&self) -> Weight {
        let heaviest = self.points.iter().map(|point| point.weight).max();
        heaviest.unwrap_or(Weight::For)
    }
}

/// Weighs the offers and puts them in order: those against which nothing stands first; for what
/// is critical, those that are open now; then by how much they meet, how near they are and how
/// little has to be asked. `provider` tells what is known of an offer's author.
pub fn suggest<'a, 'p>(
    sought: &Sought,
    held: &'a [Held],
    provider: impl Fn(&Held) -> Provider<'p>,
    now: Millis,
) -> Suggested<'a> {
    let mut found: Vec<_> = held
        .iter()
        .filter(|held| held.service.stance == Stance::Offer)
        .filter_map(|held| {
            let weighed = weigh(sought, held, provider(held), now)?;
            let distance = weighed.distance;
            let suggestion = Suggestion {
                offer: held,
                meets: weighed.meets,
                points: weighed.points,
                opening: weighed.opening,
            };
            Some((order(sought, &suggestion, distance, now), suggestion))
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let left_out = found.len().saturating_sub(limits::SERVICE_SUGGESTIONS);
    found.truncate(limits::SERVICE_SUGGESTIONS);
    Suggested {
        suggestions: found
            .into_iter()
            .map(|(_, suggestion)| suggestion)
            .collect(),
        left_out,
    }
}

type Order = (bool, u64, bool, Reverse<usize>, u8, usize, String);

fn order(sought: &Sought, suggestion: &Suggestion<'_>, distance: u8, now: Millis) -> Order {
    let opens = suggestion
        .opening
        .map_or(u64::MAX, |opening| opening.opens_at(now).0);
    let asks = suggestion
        .points
        .iter()
        .filter(|point| point.weight == Weight::Ask)
        .count();
    let first = sought.needs.first();
    (
        suggestion.weight() == Weight::Against,
        // What is critical goes to whoever answers first.
        if sought.urgency == Urgency::Critical {
            opens
        } else {
            0
        },
        !first.is_some_and(|first| suggestion.meets.contains(first)),
        Reverse(suggestion.meets.len()),
        distance,
        asks,
        suggestion.offer.id.full(),
    )
}

#[cfg(test)]
mod tests {
    use liaison_protocol::id::{AgencyId, RecordId};
    use liaison_protocol::record::codes::{AgeBand, Gender, ProtectionStatus, Sector};
    use liaison_protocol::record::kinds::Contact;
    use serde_json::{Value, json};

    use super::super::About;
    use super::*;

    /// 2031-03-03T06:00:00Z, a Monday.
    const NOW: Millis = Millis(1_930_284_000_000);

    fn offer(name: &str, fields: Value) -> Held {
        let mut body = json!({
            "stance": "offer", "types": ["shelter", "legal"], "area": "QN-02",
            "ages": ["18+"], "genders": ["female"], "statuses": ["asylum-seeker", "smuggled"],
            "languages": ["ar", "en"], "capacity_band": "3-10", "access": "24h",
            "valid_until": "2031-05-01",
        });
        for (key, value) in fields.as_object().expect("fields") {
            body[key] = value.clone();
        }
        let mut id = [0; 32];
        id[..name.len()].copy_from_slice(name.as_bytes());
        Held {
            id: RecordId::from_bytes(id),
            author: AgencyId::from_bytes(id),
            title: name.into(),
            service: serde_json::from_value(body).expect("a service"),
            is_doubtful: false,
        }
    }

    fn woman() -> Sought {
        Sought {
            age: AgeBand::To29,
            gender: Gender::Feminine,
            status: ProtectionStatus::AsylumSeeker,
            languages: vec!["ar-SY".parse().expect("a language")],
            area: Some("QN-02".parse().expect("an area")),
            sector: Some(Sector::Border),
            ..Sought::new(vec![ServiceType::Shelter, ServiceType::Legal])
        }
    }

    fn linked(_: &Held) -> Provider<'static> {
        Provider {
            card: None,
            is_linked: true,
            is_own: false,
        }
    }

    /// The points of one offer that weigh so.
    fn points(sought: &Sought, held: &Held, weight: Weight) -> Vec<(About, String)> {
        let all = std::slice::from_ref(held);
        let found = suggest(sought, all, linked, NOW);
        found
            .suggestions
            .into_iter()
            .flat_map(|s| s.points)
            .filter(|p| p.weight == weight)
            .map(|p| (p.about, p.says))
            .collect()
    }

    #[test]
    fn an_offer_that_fits_has_nothing_against_it_and_says_why() {
        let held = offer("a", json!({}));
        assert_eq!(points(&woman(), &held, Weight::Against), []);
        assert_eq!(points(&woman(), &held, Weight::Ask), []);
        let about: Vec<About> = points(&woman(), &held, Weight::For)
            .into_iter()
            .map(|(about, _)| about)
            .collect();
        assert_eq!(
            about,
            [
                About::Need,
                About::Age,
                About::Gender,
                About::Status,
                About::Language,
                About::Area,
                About::Capacity,
                About::Access,
            ]
        );
    }

    #[test]
    fn each_reason_against_an_offer_is_said() {
        for (fields, about, says) in [
            (
                json!({"ages": ["0-17"]}),
                About::Age,
                "takes only ages 0-17",
            ),
            (
                json!({"genders": ["male"]}),
                About::Gender,
                "takes only gender male",
            ),
            (
                json!({"statuses": ["national"]}),
                About::Status,
                "not for status asylum seeker",
            ),
            (
                json!({"capacity_band": "0"}),
                About::Capacity,
                "has no places",
            ),
            (
                json!({"accepts_from": ["police"]}),
                About::Referrer,
                "takes nobody from border police or guard",
            ),
        ] {
            let found = points(&woman(), &offer("a", fields), Weight::Against);
            assert_eq!(found, [(about, says.to_owned())]);
        }
        for (fields, about) in [
            (json!({"types": ["shelter"]}), About::Need),
            (json!({"ages": ["18-29", "9-17"]}), About::Age),
            (json!({"languages": ["sq"]}), About::Language),
            (json!({"area": "QN-01"}), About::Area),
            (json!({"area": "QM"}), About::Area),
            (json!({"access": "hours"}), About::Access),
            (json!({"cost": "paid"}), About::Cost),
            (json!({"valid_until": "2031-03-05"}), About::Validity),
        ] {
            let sought = Sought {
                age: if about == About::Age {
                    AgeBand::Adult
                } else {
                    AgeBand::To29
                },
                ..woman()
            };
            let found: Vec<About> = points(&sought, &offer("a", fields), Weight::Ask)
                .into_iter()
                .map(|(about, _)| about)
                .collect();
            assert_eq!(found, [about]);
        }
        // What it does not offer at all is not suggested.
        let health = offer("a", json!({"types": ["health"]}));
        assert!(
            suggest(&woman(), &[health], linked, NOW)
                .suggestions
                .is_empty()
        );
        // Nor is a gap.
        let gap = offer("a", json!({"stance": "gap", "unmet_band": "11+"}));
        assert!(
            suggest(&woman(), &[gap], linked, NOW)
                .suggestions
                .is_empty()
        );
    }

    #[test]
    fn somebody_of_unknown_age_counts_as_a_child() {
        let sought = Sought {
            age: AgeBand::Unknown,
            ..woman()
        };
        let adults = points(&sought, &offer("a", json!({})), Weight::Against);
        assert_eq!(adults.first().map(|(about, _)| *about), Some(About::Age));
        let children = offer("a", json!({"ages": ["9-17"]}));
        assert_eq!(points(&sought, &children, Weight::Against), []);
    }

    #[test]
    fn the_authorities_of_an_excluded_country_are_never_suggested_as_fitting() {
        let card: Contact = serde_json::from_value(json!({
            "org": "Ministry", "sector": "social", "country": "QM", "regime": "gdpr",
            "keys": {}, "revision": 1, "valid_until": "2031-12-31",
        }))
        .expect("a card");
        let sought = Sought {
            exclude: ["QM".parse().expect("a country")].into(),
            ..woman()
        };
        let held = [offer("a", json!({}))];
        let of = |sector: Sector| {
            let card = Contact {
                sector,
                ..card.clone()
            };
            let provider = Provider {
                card: Some(&card),
                is_linked: true,
                is_own: false,
            };
            let found = suggest(&sought, &held, |_| provider, NOW);
            found.suggestions.first().map(Suggestion::weight)
        };
        assert_eq!(of(Sector::Social), Some(Weight::Against));
        assert_ne!(of(Sector::Ngo), Some(Weight::Against));
    }

    #[test]
    fn what_fits_comes_first_and_what_is_critical_goes_to_whoever_is_open() {
        let far = offer("far", json!({"area": "QM"}));
        let near = offer("near", json!({"access": "hours"}));
        let full = offer("full", json!({"capacity_band": "0"}));
        let held = [full, far, near];
        let names = |sought: &Sought| -> Vec<&str> {
            let found = suggest(sought, &held, linked, NOW);
            found
                .suggestions
                .iter()
                .map(|s| s.offer.title.as_str())
                .collect()
        };
        assert_eq!(names(&woman()), ["near", "far", "full"]);
        let critical = Sought {
            urgency: Urgency::Critical,
            ..woman()
        };
        assert_eq!(names(&critical), ["far", "near", "full"]);
    }

    #[test]
    fn a_list_is_bounded_and_says_what_it_leaves_out() {
        let held: Vec<Held> = (0..limits::SERVICE_SUGGESTIONS + 3)
            .map(|n| offer(&n.to_string(), json!({})))
            .collect();
        let found = suggest(&woman(), &held, linked, NOW);
        assert_eq!(found.suggestions.len(), limits::SERVICE_SUGGESTIONS);
        assert_eq!(found.left_out, 3);
    }

    #[test]
    fn nothing_of_the_person_is_printed() {
        assert_eq!(format!("{:?}", woman()), "Sought { .. }");
    }
}

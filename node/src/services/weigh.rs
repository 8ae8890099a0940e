//! One offer against what is sought: what speaks for it, what is to be asked, what forbids it.

use std::fmt;

use liaison_protocol::clock::Millis;
use liaison_protocol::record::codes::{
    Access, AgeBand, Area, CapacityBand, Cost, Lang, ProtectionStatus, Sector, ServiceType,
};
use liaison_protocol::record::date::Date;
use liaison_protocol::record::hours::Opening;
use liaison_protocol::record::kinds::{Contact, Service};

use super::{Held, Sought, hours};
use crate::limits;

/// Which way a point weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It speaks for the offer.
    For,
    /// It has to be asked, or arranged.
    Ask,
    /// The offer does not take this person, or may not have the referral.
    Against,
}

/// What a point is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum About {
    Need,
    Age,
    Gender,
    Status,
    Language,
    Area,
    Capacity,
    Access,
    Accessibility,
    Cost,
    Referrer,
    Exclusion,
    Validity,
    Trust,
}

/// A reason for or against an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// Which way it weighs.
    pub weight: Weight,
    /// What it is about.
    pub about: About,
    /// In words.
    pub says: String,
}

/// Who makes an offer, as this node knows them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Provider<'a> {
    /// Their card.
    pub card: Option<&'a Contact>,
    /// Whether a referral can be sent there from here.
    pub is_linked: bool,
    /// Whether they are ourselves.
    pub is_own: bool,
}

/// How an offer weighs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Weighed {
    /// Needs that it meets, in the order in which they were sought.
    pub meets: Vec<ServiceType>,
    /// The points, those against first.
    pub points: Vec<Point>,
    /// Whether it can be reached now.
    pub opening: Option<Opening>,
    /// How near it is: 0 the very area, 3 another country.
    pub distance: u8,
}

/// Weighs an offer; `None`: it meets none of the needs.
pub(super) fn weigh(
    sought: &Sought,
    held: &Held,
    provider: Provider<'_>,
    now: Millis,
) -> Option<Weighed> {
    let offer = &held.service;
    let (meets, lacks): (Vec<ServiceType>, Vec<ServiceType>) = sought
        .needs
        .iter()
        .copied()
        .partition(|need| offer.types.contains(need));
    if meets.is_empty() {
        return None;
    }
    let mut points = Points(Vec::new());
    points.add(
        Weight::For,
        About::Need,
        format!("offers {}", labels(&meets)),
    );
    if !lacks.is_empty() {
        let says = format!("does not offer {}", labels(&lacks));
        points.add(Weight::Ask, About::Need, says);
    }
    age(sought, offer, &mut points);
    gender(sought, offer, &mut points);
    status(sought, offer, &mut points);
    language(sought, offer, provider, &mut points);
    let distance = area(sought, &offer.area, &mut points);
    capacity(offer, &mut points);
    let opening = access(offer, provider, now, &mut points);
    for wanted in &sought.accessibility {
        let (weight, says) = if offer.accessibility.contains(wanted) {
            (Weight::For, format!("has {}", lower(wanted.label())))
        } else {
            let says = format!("does not say whether it has {}", lower(wanted.label()));
            (Weight::Ask, says)
        };
        points.add(weight, About::Accessibility, says);
    }
    match offer.cost {
        Some(Cost::Paid) => points.add(Weight::Ask, About::Cost, "has to be paid"),
        Some(Cost::Partly) => points.add(Weight::Ask, About::Cost, "has to be paid in part"),
        Some(Cost::Free) | None => {}
    }
    referrer(sought, offer, provider, &mut points);
    let days = offer.valid_until.days_since(Date::from_millis(now));
    if days <= limits::SERVICE_ENDS_DAYS {
        let says = format!("the offer ends on {}", offer.valid_until);
        points.add(Weight::Ask, About::Validity, says);
    }
    if held.is_doubtful {
        let says = "was signed with a key that was stolen: a thief may have made the offer";
        points.add(Weight::Against, About::Trust, says);
    }
    let mut points = points.0;
    points.sort_by_key(|point| std::cmp::Reverse(point.weight));
    Some(Weighed {
        meets,
        points,
        opening,
        distance,
    })
}

struct Points(Vec<Point>);

impl Points {
    fn add(&mut self, weight: Weight, about: About, says: impl Into<String>) {
        self.0.push(Point {
            weight,
            about,
            says: says.into(),
        });
    }
}

fn age(sought: &Sought, offer: &Service, points: &mut Points) {
    let takes = |band: AgeBand| offer.ages.iter().any(|age| age.contains(band));
    let (weight, says) = if offer.ages.is_empty() {
        (Weight::Ask, "does not say which ages it takes".into())
    } else if sought.age == AgeBand::Unknown {
        // Council of Europe Convention, Article 10(3): an uncertain age is a child's.
        if takes(AgeBand::Unknown) || offer.ages.iter().any(|age| age.is_child()) {
            let says = "takes children, as whom somebody of unknown age counts".into();
            (Weight::For, says)
        } else {
            let says = "takes no children, and an age that is not known counts as a child's";
            (Weight::Against, says.into())
        }
    } else if takes(sought.age) {
        (Weight::For, format!("takes ages {}", sought.age))
    } else if offer.ages.iter().any(|age| sought.age.contains(*age)) {
        let says = format!(
            "takes only some of the ages {}: {}",
            sought.age,
            codes(&offer.ages)
        );
        (Weight::Ask, says)
    } else {
        (
            Weight::Against,
            format!("takes only ages {}", codes(&offer.ages)),
        )
    };
    points.add(weight, About::Age, says);
}

fn gender(sought: &Sought, offer: &Service, points: &mut Points) {
    use liaison_protocol::record::codes::AggregateGender as G;
    let (gender, ask) = sought.gender_of_offers();
    let takes = offer.genders.contains(&gender);
    let takes_all = [G::Female, G::Male]
        .iter()
        .all(|g| offer.genders.contains(g));
    let (weight, says) = if offer.genders.is_empty() {
        (
            Weight::Ask,
            "does not say which genders it takes".to_owned(),
        )
    } else if ask && offer.genders.contains(&G::OtherOrUnknown) {
        (Weight::For, "takes other genders too".to_owned())
    } else if ask && (takes || takes_all) {
        let label = lower(sought.gender.label());
        (
            Weight::Ask,
            format!("ask whether it takes this person: {label}"),
        )
    } else if takes {
        (
            Weight::For,
            format!("takes gender {}", lower(gender.label())),
        )
    } else {
        (
            Weight::Against,
            format!("takes only gender {}", codes(&offer.genders)),
        )
    };
    points.add(weight, About::Gender, says);
}

fn status(sought: &Sought, offer: &Service, points: &mut Points) {
    let label = lower(sought.status.label());
    let (weight, says) = if offer.statuses.is_empty() {
        (Weight::Ask, "does not say for which status it is".into())
    } else if offer.statuses.contains(&sought.status) {
        (Weight::For, format!("takes status {label}"))
    } else if sought.status == ProtectionStatus::Unknown {
        (
            Weight::Ask,
            format!("only for status {}", codes(&offer.statuses)),
        )
    } else {
        (Weight::Against, format!("not for status {label}"))
    };
    points.add(weight, About::Status, says);
}

fn language(sought: &Sought, offer: &Service, provider: Provider<'_>, points: &mut Points) {
    if sought.languages.is_empty() {
        return;
    }
    let desk = provider.card.map(|card| &card.functions);
    let spoken = desk
        .into_iter()
        .flatten()
        .flat_map(|function| &function.languages)
        .chain(&offer.languages);
    let spoken: Vec<&Lang> = spoken.collect();
    let common = sought
        .languages
        .iter()
        .find(|mine| spoken.iter().any(|theirs| primary(mine) == primary(theirs)));
    let (weight, says) = match common {
        Some(lang) => (Weight::For, format!("speaks {lang}")),
        None if offer.types.contains(&ServiceType::Interpretation) => {
            (Weight::For, "has interpreters".into())
        }
        None => {
            let says = format!(
                "nobody there is known to speak {}",
                codes(&sought.languages)
            );
            (Weight::Ask, says)
        }
    };
    points.add(weight, About::Language, says);
}

fn area(sought: &Sought, offered: &Area, points: &mut Points) -> u8 {
    let Some(mine) = &sought.area else { return 1 };
    let (distance, weight, says) = if offered == mine {
        (0, Weight::For, format!("is in {offered}"))
    } else if offered.contains(mine) || mine.contains(offered) {
        (1, Weight::For, format!("is for {offered}"))
    } else if offered.country() == mine.country() {
        let says = format!("is in {offered}, the person is in {mine}");
        (2, Weight::Ask, says)
    } else {
        let says = format!("is in another country: {offered}");
        (3, Weight::Ask, says)
    };
    points.add(weight, About::Area, says);
    distance
}

fn capacity(offer: &Service, points: &mut Points) {
    let (weight, says) = match offer.capacity_band {
        Some(CapacityBand::None) => (Weight::Against, "has no places"),
        Some(CapacityBand::To2) => (Weight::For, "has 1 or 2 places"),
        Some(CapacityBand::To10) => (Weight::For, "has 3 to 10 places"),
        Some(CapacityBand::From11) => (Weight::For, "has 11 places or more"),
        None => (Weight::Ask, "does not say how many places it has"),
    };
    points.add(weight, About::Capacity, says);
}

fn access(
    offer: &Service,
    provider: Provider<'_>,
    now: Millis,
    points: &mut Points,
) -> Option<Opening> {
    let desk = provider.card.and_then(|card| hours::opening(card, now));
    let opening = match offer.access {
        Some(Access::Always) => Some(Opening::Always),
        Some(Access::Hours | Access::ReferralOnly) | None => desk,
    };
    match opening {
        Some(Opening::Always) => {
            points.add(Weight::For, About::Access, "is open day and night");
        }
        Some(Opening::Open { .. }) => points.add(Weight::For, About::Access, "is open now"),
        Some(Opening::Closed { .. }) => points.add(Weight::Ask, About::Access, "is closed now"),
        None => points.add(Weight::Ask, About::Access, "does not say when it is open"),
    }
    opening
}

fn referrer(sought: &Sought, offer: &Service, provider: Provider<'_>, points: &mut Points) {
    if let Some(sector) = sought.sector
        && !offer.accepts_from.is_empty()
        && !offer.accepts_from.contains(&sector)
    {
        let says = format!("takes nobody from {}", lower(sector.label()));
        points.add(Weight::Against, About::Referrer, says);
    }
    let excluded = provider
        .card
        .filter(|card| is_state(card.sector) && sought.exclude.contains(&card.country));
    if let Some(card) = excluded {
        let says = format!(
            "REF-04 authorities of {} may not get this referral",
            card.country
        );
        points.add(Weight::Against, About::Exclusion, says);
    }
    if !provider.is_linked && !provider.is_own {
        let says = "is no peer of this node: nothing can be sent there, only telephoned";
        points.add(Weight::Ask, About::Trust, says);
    }
}

/// Whether an agency is the state's.
fn is_state(sector: Sector) -> bool {
    !matches!(
        sector,
        Sector::Ngo | Sector::Io | Sector::Private | Sector::Hub
    )
}

fn primary(lang: &Lang) -> &str {
    let text = lang.as_str();
    text.split_once('-').map_or(text, |(first, _)| first)
}

fn labels(types: &[ServiceType]) -> String {
    let names: Vec<String> = types.iter().map(|t| lower(t.label())).collect();
    names.join(", ")
}

fn codes<T: fmt::Display>(values: &[T]) -> String {
    let names: Vec<String> = values.iter().map(ToString::to_string).collect();
    names.join(", ")
}

fn lower(label: &str) -> String {
    label.to_lowercase()
}

impl Weight {
    /// As the API and people write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::For => "for",
            Self::Ask => "ask",
            Self::Against => "against",
        }
    }
}

impl About {
    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Need => "need",
            Self::Age => "age",
            Self::Gender => "gender",
            Self::Status => "status",
            Self::Language => "language",
            Self::Area => "area",
            Self::Capacity => "capacity",
            Self::Access => "access",
            Self::Accessibility => "accessibility",
            Self::Cost => "cost",
            Self::Referrer => "referrer",
            Self::Exclusion => "exclusion",
            Self::Validity => "validity",
            Self::Trust => "trust",
        }
    }
}

//! Where needs and offers do not meet, by area and need.
//!
//! Counts here are of records, never of people: how many go without stands in a gap only as a
//! band.

use std::collections::{BTreeMap, BTreeSet};

use liaison_protocol::record::codes::{
    AgeBand, Area, CapacityBand, ServiceType, Stance, UnmetBand,
};
use liaison_protocol::record::date::Month;
use liaison_protocol::record::kinds::Service;

use super::Held;
use crate::limits;

/// How far offers meet a need in an area, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Supply {
    /// Nobody offers it in the country.
    Nowhere,
    /// Only in other areas of the country.
    Elsewhere,
    /// It is offered there, but not for these people.
    NotForThem,
    /// It is offered there for them, but there are no places.
    Full,
    /// It is offered there for them, with places or without saying: the two should talk.
    Offered,
}

/// One area and one need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Where.
    pub area: Area,
    /// What is needed.
    pub need: ServiceType,
    /// How far offers meet it.
    pub supply: Supply,
    /// Records that tell of this gap.
    pub reports: u64,
    /// The greatest of their bands; none where no record tells of a gap, but all is full.
    pub unmet: Option<UnmetBand>,
    /// Since when, by the oldest of them.
    pub since: Option<Month>,
    /// Offers there that take these people.
    pub offers: u64,
    /// Of these, without places.
    pub full: u64,
}

/// Which rows are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// In this area, or one that contains it.
    pub area: Option<Area>,
    /// This need.
    pub need: Option<ServiceType>,
}

/// The table, the worst first, at most [`limits::GAP_ROWS`]; and whether rows were left out.
pub fn gaps(held: &[Held], filter: &Filter) -> (Vec<Gap>, bool) {
    let (offers, missing): (Vec<&Service>, Vec<&Service>) = held
        .iter()
        .filter(|held| !held.is_doubtful)
        .map(|held| &held.service)
        .partition(|service| service.stance == Stance::Offer);
    let mut by_need: BTreeMap<(ServiceType, &str), Vec<&Service>> = BTreeMap::new();
    for offer in &offers {
        for need in needs(offer) {
            let same = by_need.entry((need, offer.area.country())).or_default();
            same.push(offer);
        }
    }
    let mut rows: BTreeMap<(&Area, ServiceType), Gap> = BTreeMap::new();
    for gap in &missing {
        for need in &gap.types {
            let key = (*need, gap.area.country());
            let found = supply(gap, by_need.get(&key).map_or(&[], Vec::as_slice));
            let row = rows
                .entry((&gap.area, *need))
                .or_insert_with(|| Gap::new(&gap.area, *need, found.supply));
            row.reports += 1;
            row.supply = row.supply.min(found.supply);
            row.unmet = row.unmet.max(gap.unmet_band);
            row.since = [row.since, gap.since].into_iter().flatten().min();
            row.offers = row.offers.max(found.offers);
            row.full = row.full.max(found.full);
        }
    }
    // What nobody has reported: all that is offered in an area is full.
    let mut there: BTreeMap<(&Area, ServiceType), (u64, u64)> = BTreeMap::new();
    for offer in &offers {
        for need in needs(offer) {
            let (all, full) = there.entry((&offer.area, need)).or_default();
            *all += 1;
            *full += u64::from(is_full(offer));
        }
    }
    for ((area, need), (all, full)) in there.into_iter().filter(|(_, (all, full))| all == full) {
        rows.entry((area, need)).or_insert_with(|| {
            let mut row = Gap::new(area, need, Supply::Full);
            (row.offers, row.full) = (all, full);
            row
        });
    }
    let mut rows: Vec<Gap> = rows.into_values().filter(|row| filter.takes(row)).collect();
    rows.sort_by(|a, b| {
        let key = |row: &Gap| (row.supply, std::cmp::Reverse(row.unmet));
        key(a).cmp(&key(b)).then_with(|| a.area.cmp(&b.area))
    });
    let is_cut = rows.len() > limits::GAP_ROWS;
    rows.truncate(limits::GAP_ROWS);
    (rows, is_cut)
}

impl Gap {
    fn new(area: &Area, need: ServiceType, supply: Supply) -> Self {
        Self {
            area: area.clone(),
            need,
            supply,
            reports: 0,
            unmet: None,
            since: None,
            offers: 0,
            full: 0,
        }
    }
}

impl Filter {
    fn takes(&self, row: &Gap) -> bool {
        self.need.is_none_or(|need| need == row.need)
            && self
                .area
                .as_ref()
                .is_none_or(|area| area.contains(&row.area) || row.area.contains(area))
    }
}

impl Supply {
    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nowhere => "nowhere",
            Self::Elsewhere => "elsewhere",
            Self::NotForThem => "not-for-them",
            Self::Full => "full",
            Self::Offered => "offered",
        }
    }

    /// In words.
    pub const fn says(self) -> &'static str {
        match self {
            Self::Nowhere => "nobody offers it",
            Self::Elsewhere => "only elsewhere in the country",
            Self::NotForThem => "offered, but not for them",
            Self::Full => "offered, but full",
            Self::Offered => "offered: the two should talk",
        }
    }
}

struct Found {
    supply: Supply,
    offers: u64,
    full: u64,
}

/// How far these, which are what is needed and in its country, meet a gap.
fn supply(gap: &Service, offers: &[&Service]) -> Found {
    let mut found = Found {
        supply: Supply::Nowhere,
        offers: 0,
        full: 0,
    };
    for offer in offers {
        // A town's offer counts where its subdivision is asked for: the codes don't tell.
        let supply = if offer.area.is_apart_from(&gap.area) {
            Supply::Elsewhere
        } else if !takes(offer, gap) {
            Supply::NotForThem
        } else {
            found.offers += 1;
            if is_full(offer) {
                found.full += 1;
                Supply::Full
            } else {
                Supply::Offered
            }
        };
        found.supply = found.supply.max(supply);
    }
    found
}

/// Whether an offer takes some of the people of whom a gap tells, as far as both say.
fn takes(offer: &Service, gap: &Service) -> bool {
    let meets = |a: AgeBand, b: AgeBand| a.contains(b) || b.contains(a);
    let ages = gap
        .ages
        .iter()
        .any(|mine| offer.ages.iter().any(|theirs| meets(*mine, *theirs)));
    let genders = gap.genders.iter().any(|mine| offer.genders.contains(mine));
    let statuses = gap
        .statuses
        .iter()
        .any(|mine| offer.statuses.contains(mine));
    (ages || gap.ages.is_empty() || offer.ages.is_empty())
        && (genders || gap.genders.is_empty() || offer.genders.is_empty())
        && (statuses || gap.statuses.is_empty() || offer.statuses.is_empty())
}

/// What it offers, each once.
fn needs(offer: &Service) -> BTreeSet<ServiceType> {
    offer.types.iter().copied().collect()
}

fn is_full(offer: &Service) -> bool {
    offer.capacity_band == Some(CapacityBand::None)
}

#[cfg(test)]
mod tests {
    use liaison_protocol::id::{AgencyId, RecordId};
    use serde_json::{Value, json};

    use super::*;

    fn held(fields: Value) -> Held {
        let mut body = json!({
            "stance": "offer", "types": ["shelter"], "area": "QN-02", "ages": ["18+"],
            "genders": ["female"], "statuses": ["smuggled"], "valid_until": "2031-05-01",
        });
        for (key, value) in fields.as_object().expect("fields") {
            body[key] = value.clone();
        }
        Held {
            id: RecordId::from_bytes([1; 32]),
            author: AgencyId::from_bytes([1; 32]),
            title: "A service".into(),
            service: serde_json::from_value(body).expect("a service"),
            is_doubtful: false,
        }
    }

    fn gap(fields: Value) -> Held {
        let mut all = json!({"stance": "gap", "unmet_band": "under-11"});
        for (key, value) in fields.as_object().expect("fields") {
            all[key] = value.clone();
        }
        held(all)
    }

    fn of(held: &[Held]) -> Vec<(String, &'static str, u64, u64)> {
        let (rows, _) = gaps(held, &Filter::default());
        rows.iter()
            .map(|r| {
                (
                    format!("{} {}", r.area, r.need),
                    r.supply.as_str(),
                    r.offers,
                    r.full,
                )
            })
            .collect()
    }

    #[test]
    fn a_gap_is_held_against_what_is_offered_there() {
        for (offer, supply) in [
            (json!({"types": ["legal"]}), "nowhere"),
            (json!({"area": "QM"}), "nowhere"),
            (json!({"area": "QN-01"}), "elsewhere"),
            (json!({"genders": ["male"]}), "not-for-them"),
            (json!({"ages": ["0-17"]}), "not-for-them"),
            (json!({"statuses": ["national"]}), "not-for-them"),
            (json!({"capacity_band": "0"}), "full"),
            (json!({}), "offered"),
            (json!({"area": "QN"}), "offered"),
            (json!({"ages": ["18-29"]}), "offered"),
        ] {
            let rows = of(&[gap(json!({})), held(offer.clone())]);
            assert_eq!(rows[0].1, supply, "{offer}");
        }
    }

    #[test]
    fn reports_of_one_gap_are_one_row_and_the_worst_stands_first() {
        let rows = [
            gap(json!({"since": "2031-02"})),
            gap(json!({"since": "2030-11", "unmet_band": "11+"})),
            gap(json!({"types": ["legal"], "area": "QN-01"})),
            held(json!({})),
            held(json!({"capacity_band": "0"})),
        ];
        let (rows, is_cut) = gaps(&rows, &Filter::default());
        assert!(!is_cut);
        assert_eq!(rows[0].need, ServiceType::Legal);
        let shelter = &rows[1];
        assert_eq!((shelter.reports, shelter.offers, shelter.full), (2, 2, 1));
        assert_eq!(shelter.unmet, Some(UnmetBand::From11));
        assert_eq!(
            shelter.since.map(|m| m.to_string()).as_deref(),
            Some("2030-11")
        );
    }

    #[test]
    fn what_is_full_everywhere_in_an_area_is_a_gap_that_nobody_reported() {
        let full = || held(json!({"capacity_band": "0"}));
        assert_eq!(
            of(&[full(), full()]),
            [("QN-02 shelter".into(), "full", 2, 2)]
        );
        assert_eq!(of(&[full(), held(json!({}))]), []);
    }

    #[test]
    fn as_many_full_offers_as_are_read_take_no_time() {
        let one = held(json!({"capacity_band": "0", "types": ["shelter", "legal", "health"]}));
        let held = vec![one; limits::SERVICES_READ];
        let began = std::time::Instant::now();
        let (rows, _) = gaps(&held, &Filter::default());
        // Each against each takes minutes.
        assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
        let most = limits::SERVICES_READ as u64;
        assert!(
            rows.iter()
                .all(|row| row.offers == most && row.full == most)
        );
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn a_filter_narrows_the_table() {
        let held = [
            gap(json!({})),
            gap(json!({"area": "QM", "types": ["legal"]})),
        ];
        let rows = |area: Option<&str>, need| {
            let area = area.map(|a| a.parse().expect("an area"));
            gaps(&held, &Filter { area, need }).0.len()
        };
        assert_eq!(rows(Some("QN"), None), 1);
        assert_eq!(rows(Some("QM-01"), None), 1);
        assert_eq!(rows(None, Some(ServiceType::Legal)), 1);
        assert_eq!(rows(Some("QN"), Some(ServiceType::Legal)), 0);
        assert_eq!(rows(None, None), 2);
    }
}

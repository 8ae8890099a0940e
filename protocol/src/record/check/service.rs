//! Checks of services (SRV).

use super::Finding;
use crate::limits;
use crate::record::codes::{AreaLevel, ServiceType, Stance};
use crate::record::date::Date;
use crate::record::envelope::Fields;
use crate::record::kinds::Service;

pub(super) fn check(fields: &Fields, service: &Service, today: Date, found: &mut Vec<Finding>) {
    let days = service.valid_until.days_since(today);
    // An exercise plays in its own time.
    let too_far = days > i64::try_from(limits::SERVICE_DAYS).unwrap_or(i64::MAX);
    if too_far && fields.exercise.is_none() {
        found.push(Finding::new(
            "SRV-01",
            "body.valid_until",
            format!(
                "{} is {days} days ahead; at most {} are allowed",
                service.valid_until,
                limits::SERVICE_DAYS
            ),
            "Give a nearer day and renew it then.",
        ));
    }
    if days < 0 {
        found.push(Finding::new(
            "SRV-02",
            "body.valid_until",
            format!("{} has passed (today is {today})", service.valid_until),
            "Give a day to come.",
        ));
    }
    let training = service.types.iter().all(|t| *t == ServiceType::Training);
    for (place, missing) in [
        ("body.ages", service.ages.is_empty()),
        ("body.genders", service.genders.is_empty()),
        ("body.statuses", service.statuses.is_empty()),
    ] {
        if missing && !training {
            found.push(Finding::new(
                "SRV-04",
                place,
                "is missing: nobody can tell for whom this is",
                "List all that apply.",
            ));
        }
    }
    let misplaced = match service.stance {
        Stance::Gap => {
            if service.unmet_band.is_none() {
                found.push(Finding::new(
                    "SRV-03",
                    "body.unmet_band",
                    "is missing on a gap",
                    "Say how many go without: under-11 or 11+.",
                ));
            }
            service
                .capacity_band
                .is_some()
                .then_some("body.capacity_band")
        }
        Stance::Offer if service.unmet_band.is_some() => Some("body.unmet_band"),
        Stance::Offer => service.since.is_some().then_some("body.since"),
    };
    if let Some(place) = misplaced {
        found.push(Finding::new(
            "SRV-05",
            place,
            format!("does not belong to stance '{}'", service.stance),
            "Drop it, or change the stance.",
        ));
    }
    let hidden = service.types.contains(&ServiceType::SafeHouse);
    if hidden && service.area.level() == AreaLevel::Place {
        found.push(Finding::new(
            "SRV-06",
            "body.area",
            format!("{} says in which town a safe house is", service.area),
            "Name the subdivision or the country only.",
        ));
    }
}

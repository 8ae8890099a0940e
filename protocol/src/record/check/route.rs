//! Checks of routes (RTE).

use super::Finding;
use crate::record::kinds::Route;

pub(super) fn check(route: &Route, found: &mut Vec<Finding>) {
    for (at, leg) in route.legs.iter().enumerate() {
        if leg.from == leg.to {
            found.push(Finding::new(
                "RTE-02",
                format!("body.legs[{at}]"),
                format!("begins and ends in {}", leg.from),
                "Name finer places, or drop the leg.",
            ));
        }
        if leg.fee_band.is_some() != leg.currency.is_some() {
            found.push(Finding::new(
                "RTE-03",
                format!("body.legs[{at}]"),
                "has a fee without a currency, or a currency without a fee",
                "Give both or neither.",
            ));
        }
    }
    for (at, (leg, next)) in route.legs.iter().zip(route.legs.iter().skip(1)).enumerate() {
        let joined = !leg.to.is_apart_from(&next.from);
        if !joined {
            found.push(Finding::new(
                "RTE-01",
                format!("body.legs[{}]", at + 1),
                format!(
                    "begins in {}, but the leg before ends in {}",
                    next.from, leg.to
                ),
                "Put the legs in order, or add the one between.",
            ));
        }
    }
}

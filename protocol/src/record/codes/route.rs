//! Lists of routes.

use super::codes;

codes! {
    /// Where a leg crosses a border.
    LegBorder is "a border crossing" {
        Official = "official", "Official crossing point";
        Green = "green", "Green border";
        Blue = "blue", "Blue border (water)";
        Air = "air", "Air border";
    }
}

codes! {
    /// What a route is now.
    RouteStatus is "a status of a route" {
        Potential = "potential", "Potential";
        New = "new", "New";
        Active = "active", "Active";
        Displaced = "displaced", "Displaced";
        Dormant = "dormant", "Dormant";
    }
}

codes! {
    /// How many people use a route in a month.
    VolumeBand is "a band of volume" {
        Under11 = "under-11", "Under 11 a month";
        To50 = "11-50", "11 to 50 a month";
        To200 = "51-200", "51 to 200 a month";
        To1000 = "201-1000", "201 to 1,000 a month";
        From1001 = "1001+", "Over 1,000 a month";
    }
}

codes! {
    /// What a leg costs a person, in the leg's currency.
    FeeBand is "a band of fees" {
        Under500 = "under-500", "Under 500";
        To1999 = "500-1999", "500 to 1,999";
        To4999 = "2000-4999", "2,000 to 4,999";
        To9999 = "5000-9999", "5,000 to 9,999";
        From10000 = "10000+", "10,000 and over";
    }
}

codes! {
    /// What threatens people on a route.
    Risk is "a risk" {
        Drowning = "drowning", "Drowning";
        Cold = "cold", "Cold";
        Violence = "violence", "Violence";
        Kidnapping = "kidnapping", "Kidnapping";
        Extortion = "extortion", "Extortion";
        Pushback = "pushback", "Pushback";
    }
}

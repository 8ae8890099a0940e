//! Lists of trends: what was counted, how, and by what.

use super::codes;

codes! {
    /// What was counted.
    Measure is "a measure" {
        Detections = "detections", "Detections";
        Arrivals = "arrivals", "Arrivals";
        TransitObservations = "transit-observations", "Transit observations";
        Presence = "presence", "Presence";
        PresumedVictims = "presumed-victims", "Presumed victims";
        IdentifiedVictims = "identified-victims", "Identified victims";
        Referrals = "referrals", "Referrals";
        Fee = "fee", "Fee";
        Other = "other", "Other";
    }
}

impl Measure {
    /// Whether it counts victims: its threshold never goes below
    /// [`crate::limits::VICTIM_THRESHOLD`].
    pub const fn is_victims(self) -> bool {
        matches!(
            self,
            Measure::PresumedVictims | Measure::IdentifiedVictims | Measure::Referrals
        )
    }
}

codes! {
    /// How it was counted.
    Method is "a method" {
        Registry = "registry", "Registry of observed groups";
        Survey = "survey", "Survey";
        Administrative = "administrative", "Administrative data";
        Estimate = "estimate", "Estimate";
    }
}

codes! {
    /// Where it is going.
    Direction is "a direction" {
        Up = "up", "Up";
        Down = "down", "Down";
        Stable = "stable", "Stable";
        New = "new", "New";
    }
}

codes! {
    /// What drives it.
    Driver is "a driver" {
        Conflict = "conflict", "Conflict";
        Economy = "economy", "Economy";
        Demand = "demand", "Demand";
        Policy = "policy", "Policy";
        Climate = "climate", "Climate";
        Enforcement = "enforcement", "Enforcement";
    }
}

codes! {
    /// Level of a factor (IOM determinants of migrant vulnerability); individual and
    /// household factors are personal and have no place in a trend.
    FactorLevel is "a level of a factor" {
        Community = "community", "Community";
        Structural = "structural", "Structural";
    }
}

codes! {
    /// Which way a factor works.
    FactorType is "a type of factor" {
        Risk = "risk", "Risk";
        Protective = "protective", "Protective";
    }
}

codes! {
    /// How likely an estimate is.
    Likelihood is "a likelihood" {
        Remote = "remote", "Remote chance";
        Unlikely = "unlikely", "Unlikely";
        Even = "even", "About as likely as not";
        Likely = "likely", "Likely";
        VeryLikely = "very-likely", "Very likely";
        AlmostCertain = "almost-certain", "Almost certain";
    }
}

codes! {
    /// How sure its author is.
    Confidence is "a confidence" {
        Low = "low", "Low";
        Moderate = "moderate", "Moderate";
        High = "high", "High";
    }
}

codes! {
    /// Where a border was crossed, in counts.
    BorderType is "a type of border" {
        Sea = "sea", "Sea border";
        Land = "land", "Land border";
        Air = "air", "Air border";
        River = "river", "River border";
        Official = "official", "Official crossing point";
        Green = "green", "Green border";
        Unknown = "unknown", "Not known";
    }
}

codes! {
    /// By what a trend's cells are told apart.
    Dimension is "a dimension" {
        Age = "age", "Age";
        Gender = "gender", "Gender";
        Nationality = "nationality", "Nationality";
        Citizenship = "citizenship", "Citizenship";
        Border = "border", "Border";
        Transport = "transport", "Transport";
        Area = "area", "Area";
        Sector = "sector", "Economic sector";
        Status = "status", "Protection status";
        Exploitation = "exploitation", "Exploitation";
    }
}

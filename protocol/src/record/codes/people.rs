//! Lists about people in general and about agencies.

use super::codes;

codes! {
    /// Age bands of CTDC, rolled up, and two roll-ups of these.
    AgeBand is "an age band" {
        To8 = "0-8", "0 to 8";
        To17 = "9-17", "9 to 17";
        To29 = "18-29", "18 to 29";
        To47 = "30-47", "30 to 47";
        From48 = "48+", "48 and over";
        Child = "0-17", "Under 18";
        Adult = "18+", "18 and over";
        Unknown = "unknown", "Not known";
    }
}

impl AgeBand {
    /// Whether everybody in `other` is in this band as well.
    pub const fn contains(self, other: AgeBand) -> bool {
        match self {
            AgeBand::Child => matches!(other, AgeBand::Child | AgeBand::To8 | AgeBand::To17),
            AgeBand::Adult => matches!(
                other,
                AgeBand::Adult | AgeBand::To29 | AgeBand::To47 | AgeBand::From48
            ),
            _ => self as u8 == other as u8,
        }
    }

    /// Whether everybody in it is under 18.
    pub const fn is_child(self) -> bool {
        AgeBand::Child.contains(self)
    }
}

codes! {
    /// Gender of one person (HTCDS 2.0).
    Gender is "a gender" {
        Feminine = "feminine", "Feminine";
        Masculine = "masculine", "Masculine";
        TransgenderFeminine = "transgender-feminine", "Transgender feminine";
        TransgenderMasculine = "transgender-masculine", "Transgender masculine";
        NonConforming = "non-conforming", "Non-conforming";
        Unknown = "non-specified-unknown", "Not specified or unknown";
    }
}

codes! {
    /// Gender in counts and in offers: three values, so that cells stay large.
    AggregateGender is "a gender in counts" {
        Female = "female", "Female";
        Male = "male", "Male";
        OtherOrUnknown = "other-or-unknown", "Other or unknown";
    }
}

codes! {
    /// Status of a person in the country where they are.
    ProtectionStatus is "a protection status" {
        National = "national", "National";
        RegularMigrant = "regular-migrant", "Regular migrant";
        IrregularMigrant = "irregular-migrant", "Irregular migrant";
        Smuggled = "smuggled", "Smuggled person";
        AsylumSeeker = "asylum-seeker", "Asylum seeker";
        Refugee = "refugee", "Refugee";
        Stateless = "stateless", "Stateless person";
        Returnee = "returnee", "Returnee";
        UnaccompaniedChild = "unaccompanied-child", "Unaccompanied child";
        SeparatedChild = "separated-child", "Separated child";
        Unknown = "unknown", "Not known";
    }
}

codes! {
    /// What an agency is.
    Sector is "a sector" {
        Police = "police", "Police";
        Border = "border", "Border police or guard";
        Prosecution = "prosecution", "Prosecution";
        Judiciary = "judiciary", "Judiciary";
        Fiu = "fiu", "Financial intelligence unit";
        Asylum = "asylum", "Asylum authority";
        Social = "social", "Social service";
        Health = "health", "Health service";
        Ngo = "ngo", "Non-governmental organisation";
        Io = "io", "International organisation";
        Private = "private", "Private company";
        Hub = "hub", "Hub (joint operational office)";
    }
}

codes! {
    /// What the agency's country is on the routes it works on.
    RouteRole is "a route role" {
        Origin = "origin", "Origin";
        Transit = "transit", "Transit";
        Destination = "destination", "Destination";
    }
}

codes! {
    /// Data-protection law that an agency is under.
    Regime is "a data-protection regime" {
        Led = "led", "Law Enforcement Directive (EU) 2016/680";
        Gdpr = "gdpr", "General Data Protection Regulation (EU) 2016/679";
        Conv108 = "conv108", "Council of Europe Convention 108";
        Io = "io", "Own rules of an international organisation";
    }
}

//! Lists of the kinds route, document-alert and service.

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

codes! {
    /// Type of a document.
    DocType is "a type of document" {
        Passport = "passport", "Passport";
        IdCard = "id-card", "Identity card";
        Visa = "visa", "Visa";
        ResidencePermit = "residence-permit", "Residence permit";
        RefugeeDoc = "refugee-doc", "Refugee travel document";
        LaissezPasser = "laissez-passer", "Laissez-passer";
        DrivingLicence = "driving-licence", "Driving licence";
        Breeder = "breeder", "Breeder document";
        Stamp = "stamp", "Stamp";
        Other = "other", "Other";
    }
}

codes! {
    /// What is wrong with a document.
    Fraud is "a type of document fraud" {
        Counterfeit = "counterfeit", "Counterfeit";
        ForgedAltered = "forged-altered", "Forged or altered";
        StolenBlank = "stolen-blank", "Stolen blank";
        Pseudo = "pseudo", "Pseudo document";
        FraudulentlyObtained = "fraudulently-obtained", "Fraudulently obtained";
        Impostor = "impostor", "Used by an impostor";
    }
}

codes! {
    /// Line of inspection that finds it.
    DetectionLine is "a line of inspection" {
        First = "1", "First line";
        Second = "2", "Second line";
        Third = "3", "Third line (laboratory)";
    }
}

codes! {
    /// Registers that were asked.
    Register is "a register" {
        National = "national", "National register";
        InterpolSltd = "interpol-sltd", "INTERPOL SLTD";
        None = "none", "None";
    }
}

codes! {
    /// Whether a service is there or missing.
    Stance is "a stance" {
        Offer = "offer", "Offer";
        Gap = "gap", "Gap";
    }
}

codes! {
    /// What a service does.
    ServiceType is "a service" {
        Shelter = "shelter", "Shelter";
        SafeHouse = "safe-house", "Safe house";
        EmergencyHealth = "emergency-health", "Emergency health care";
        Health = "health", "Health care";
        Psychosocial = "psychosocial", "Psychosocial support";
        Legal = "legal", "Legal aid";
        Guardianship = "guardianship", "Guardianship";
        Interpretation = "interpretation", "Interpretation";
        AsylumInformation = "asylum-information", "Asylum information";
        Documents = "documents", "Documents";
        FamilyTracing = "family-tracing", "Family tracing";
        ChildCare = "child-care", "Child care";
        Education = "education", "Education";
        Livelihood = "livelihood", "Livelihood";
        Material = "material", "Material help";
        ReturnReintegration = "return-reintegration", "Return and reintegration";
        Compensation = "compensation", "Compensation";
        WitnessProtection = "witness-protection", "Witness protection";
        Hotline = "hotline", "Hotline";
        Training = "training", "Training";
    }
}

codes! {
    /// Places that a service has.
    CapacityBand is "a band of capacity" {
        None = "0", "None";
        To2 = "1-2", "1 or 2";
        To10 = "3-10", "3 to 10";
        From11 = "11+", "11 and over";
    }
}

codes! {
    /// When and how a service is reached.
    Access is "a way of access" {
        Always = "24h", "Day and night";
        Hours = "hours", "Opening hours";
        ReferralOnly = "referral-only", "By referral only";
    }
}

codes! {
    /// For whom a service is accessible.
    Accessibility is "a form of accessibility" {
        Wheelchair = "wheelchair", "Wheelchair";
        SignLanguage = "sign-language", "Sign language";
        EasyLanguage = "easy-language", "Easy language";
        Blind = "blind", "Blind and low vision";
        Mobile = "mobile", "Comes to the person";
        Children = "children", "Suited to children";
    }
}

codes! {
    /// What a service costs the person.
    Cost is "a cost" {
        Free = "free", "Free";
        Partly = "partly", "Paid in part";
        Paid = "paid", "Paid";
    }
}

codes! {
    /// How many people a gap leaves without the service.
    UnmetBand is "a band of unmet need" {
        Under11 = "under-11", "Under 11";
        From11 = "11+", "11 and over";
    }
}

//! Lists of services.

use super::codes;

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

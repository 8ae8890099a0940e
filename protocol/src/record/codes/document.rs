//! Lists of document alerts.

use super::codes;

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

//! Lists about the crime: act, means and purpose (Palermo Protocol, Article 3), how people
//! are controlled (CTDC), who does it and by what.

use super::codes;

codes! {
    /// The act.
    Act is "an act" {
        Recruitment = "recruitment", "Recruitment";
        Transportation = "transportation", "Transportation";
        Transfer = "transfer", "Transfer";
        Harbouring = "harbouring", "Harbouring";
        Receipt = "receipt", "Receipt";
    }
}

codes! {
    /// The means.
    Means is "a means" {
        ThreatOrForce = "threat-or-force", "Threat or force";
        Coercion = "coercion", "Coercion";
        Abduction = "abduction", "Abduction";
        Fraud = "fraud", "Fraud";
        Deception = "deception", "Deception";
        AbuseOfPower = "abuse-of-power", "Abuse of power";
        AbuseOfVulnerability = "abuse-of-vulnerability", "Abuse of a position of vulnerability";
        PaymentToController = "payment-to-controller", "Payment to a person in control";
    }
}

codes! {
    /// The purpose: exploitation (with Directive (EU) 2024/1712).
    Exploitation is "a form of exploitation" {
        Sexual = "sexual", "Sexual exploitation";
        ForcedLabour = "forced-labour", "Forced labour";
        ChildLabour = "child-labour", "Child labour";
        Begging = "begging", "Forced begging";
        CriminalActivity = "criminal-activity", "Forced criminal activity";
        Servitude = "servitude", "Servitude";
        Slavery = "slavery", "Slavery";
        ForcedMarriage = "forced-marriage", "Forced marriage";
        IllegalAdoption = "illegal-adoption", "Illegal adoption";
        Surrogacy = "surrogacy", "Exploitation of surrogacy";
        OrganRemoval = "organ-removal", "Removal of organs";
        ArmedGroup = "armed-group", "Use by an armed group";
        Other = "other", "Other";
    }
}

codes! {
    /// Means of control: the seventeen names of the Counter-Trafficking Data Collaborative.
    Control is "a means of control" {
        DebtBondage = "debt-bondage", "Debt bondage";
        TakesEarnings = "takes-earnings", "Takes earnings";
        RestrictsFinancialAccess = "restricts-financial-access", "Restricts access to money";
        Threats = "threats", "Threats";
        PsychologicalAbuse = "psychological-abuse", "Psychological abuse";
        PhysicalAbuse = "physical-abuse", "Physical abuse";
        SexualAbuse = "sexual-abuse", "Sexual abuse";
        FalsePromises = "false-promises", "False promises";
        PsychoactiveSubstances = "psychoactive-substances", "Psychoactive substances";
        RestrictsMovement = "restricts-movement", "Restricts movement";
        RestrictsMedicalCare = "restricts-medical-care", "Restricts medical care";
        ExcessiveWorkingHours = "excessive-working-hours", "Excessive working hours";
        UsesChildren = "uses-children", "Uses children";
        ThreatOfLawEnforcement = "threat-of-law-enforcement", "Threat of law enforcement";
        WithholdsNecessities = "withholds-necessities", "Withholds necessities";
        WithholdsDocuments = "withholds-documents", "Withholds documents";
        Other = "other", "Other";
    }
}

codes! {
    /// Economic sector: a section of ISIC Rev. 4 (United Nations).
    IsicSection is "an ISIC section" {
        A = "A", "Agriculture, forestry and fishing";
        B = "B", "Mining and quarrying";
        C = "C", "Manufacturing";
        D = "D", "Electricity, gas, steam and air conditioning supply";
        E = "E", "Water supply, sewerage and waste";
        F = "F", "Construction";
        G = "G", "Wholesale and retail trade, repair of vehicles";
        H = "H", "Transportation and storage";
        I = "I", "Accommodation and food service";
        J = "J", "Information and communication";
        K = "K", "Financial and insurance activities";
        L = "L", "Real estate activities";
        M = "M", "Professional, scientific and technical activities";
        N = "N", "Administrative and support services";
        O = "O", "Public administration and defence";
        P = "P", "Education";
        Q = "Q", "Human health and social work";
        R = "R", "Arts, entertainment and recreation";
        S = "S", "Other services";
        T = "T", "Households as employers";
        U = "U", "Extraterritorial organisations";
    }
}

codes! {
    /// What somebody does in the crime.
    ActorRole is "an actor role" {
        Organiser = "organiser", "Organiser";
        Recruiter = "recruiter", "Recruiter";
        Facilitator = "facilitator", "Facilitator";
        Guide = "guide", "Guide";
        Driver = "driver", "Driver";
        Scout = "scout", "Scout";
        DocumentProvider = "document-provider", "Document provider";
        Host = "host", "Host";
        Guard = "guard", "Guard";
        MoneyHandler = "money-handler", "Money handler";
        CorruptOfficial = "corrupt-official", "Corrupt official";
        Exploiter = "exploiter", "Exploiter";
        Other = "other", "Other";
    }
}

codes! {
    /// How people are moved.
    Transport is "a means of transport" {
        Foot = "foot", "On foot";
        Car = "car", "Car";
        Van = "van", "Van";
        Truck = "truck", "Truck";
        Bus = "bus", "Bus";
        Train = "train", "Train";
        Boat = "boat", "Boat";
        Air = "air", "Air";
        Container = "container", "Container";
        Mixed = "mixed", "Mixed";
    }
}

codes! {
    /// How it is done.
    Technique is "a technique" {
        DeceptiveJobOffer = "deceptive-job-offer", "Deceptive job offer";
        DebtBondage = "debt-bondage", "Debt bondage";
        LoverBoy = "lover-boy", "Lover boy";
        ShamMarriage = "sham-marriage", "Sham marriage";
        ShamAdoption = "sham-adoption", "Sham adoption";
        VisaAbuse = "visa-abuse", "Abuse of visas";
        AsylumProcedureAbuse = "asylum-procedure-abuse", "Abuse of asylum procedures by facilitators";
        LookalikeDocument = "lookalike-document", "Lookalike document";
        Concealment = "concealment", "Concealment";
        RentalVehicleRelay = "rental-vehicle-relay", "Relay of rental vehicles";
        CashOnArrival = "cash-on-arrival", "Cash on arrival";
        OnlineAdvert = "online-advert", "Online advertisement";
        Other = "other", "Other";
    }
}

codes! {
    /// Phase of the crime; the phases are the kill chain `thb-smuggling` in STIX.
    Phase is "a phase" {
        Recruitment = "recruitment", "Recruitment";
        Transport = "transport", "Transport";
        Control = "control", "Control";
        Exploitation = "exploitation", "Exploitation";
        Laundering = "laundering", "Laundering";
    }
}

codes! {
    /// Type of an online channel; never its name or address.
    OnlineChannel is "a type of online channel" {
        SocialNetwork = "social-network", "Social network";
        Messaging = "messaging", "Messaging";
        JobBoard = "job-board", "Job board";
        Dating = "dating", "Dating service";
        Classifieds = "classifieds", "Classified advertisements";
        VideoSharing = "video-sharing", "Video sharing";
        Gaming = "gaming", "Games";
        Forum = "forum", "Forum";
        DarkWeb = "dark-web", "Dark web";
        Website = "website", "Website";
        Other = "other", "Other";
    }
}

codes! {
    /// How many cases stand behind a description.
    CaseCountBand is "a band of cases" {
        Under11 = "under-11", "Under 11";
        To50 = "11-50", "11 to 50";
        From51 = "51+", "51 and over";
    }
}

//! Lists of what stands inside a seal: referrals of victims.

use super::codes;

codes! {
    /// What a sealed record is, once it is open.
    PersonalKind is "a personal kind" {
        VictimReferral = "victim-referral", "Victim referral";
        Step = "step", "Step";
        Overdue = "overdue", "Overdue notice";
    }
}

codes! {
    /// A part of a referral; each has readers of its own and is a record of its own.
    ReferralPart is "a part of a referral" {
        Profile = "profile", "Profile without identity";
        Assessment = "assessment", "Assessment of vulnerability";
        Identity = "identity", "Identity";
    }
}

codes! {
    /// How soon help is needed.
    Urgency is "an urgency" {
        Critical = "critical", "Critical: within hours";
        High = "high", "High: within a day";
        Standard = "standard", "Standard: within days";
    }
}

codes! {
    /// What a person in a record is to the matter (Directive (EU) 2016/680, Article 6).
    SubjectCategory is "a category of person" {
        Suspect = "suspect", "Suspect";
        Convicted = "convicted", "Convicted person";
        Victim = "victim", "Victim";
        Witness = "witness", "Witness";
        Contact = "contact", "Contact";
        Other = "other", "Other";
    }
}

codes! {
    /// Whether a person is under 18. A victim of whom it is not known is treated as a child.
    ChildState is "an answer" {
        Yes = "yes", "A child";
        No = "no", "Not a child";
        Unknown = "unknown", "Not known: treated as a child";
    }
}

codes! {
    /// How far it is established that somebody is a victim (HTCDS 2.0).
    TraffickingStatus is "a status of identification" {
        Possible = "possible", "Presumed victim";
        Actual = "actual", "Identified victim";
    }
}

codes! {
    /// Who decided on that status (HTCDS 2.0).
    DecidedBy is "a deciding body" {
        Police = "police", "Police";
        Ngo = "ngo", "Non-governmental organisation";
        Court = "court-or-prosecution", "Court or prosecution";
        Authority = "other-authority", "Another authority";
        Other = "other", "Other";
    }
}

codes! {
    /// What threatens the person now.
    Safety is "a danger" {
        TraffickerNear = "trafficker-near", "The trafficker is near";
        FamilyInvolved = "family-involved", "The family is involved";
        SelfHarm = "self-harm", "Danger of self-harm";
        Medical = "medical", "Needs medical care";
        None = "none", "No danger known";
    }
}

codes! {
    /// How the person can move.
    Mobility is "a mobility" {
        Free = "free", "Moves without help";
        Limited = "limited", "Moves with difficulty";
        Wheelchair = "wheelchair", "Uses a wheelchair";
        Carried = "carried", "Must be carried";
    }
}

codes! {
    /// Who looks after a child in law.
    GuardianKind is "a kind of guardian" {
        Parent = "parent", "Parent";
        Relative = "relative", "Relative";
        Appointed = "appointed", "Guardian appointed by an authority";
        Institution = "institution", "Institution";
    }
}

codes! {
    /// Where consent stands.
    ConsentState is "a state of consent" {
        Given = "given", "Given";
        Refused = "refused", "Refused";
        Withdrawn = "withdrawn", "Withdrawn";
        Emergency = "emergency", "Not asked: emergency";
    }
}

codes! {
    /// Who consented.
    ConsentBy is "a person who consents" {
        Person = "self", "The person";
        Guardian = "guardian", "The guardian";
        Representative = "legal-representative", "The legal representative";
    }
}

codes! {
    /// To what was consented.
    ConsentScope is "a scope of consent" {
        Assistance = "assistance", "Being assisted";
        ShareProfile = "share-profile", "Sharing the profile without identity";
        ShareIdentity = "share-identity", "Sharing the identity with the provider that accepts";
        SharePolice = "share-police", "Sharing with the police";
        Statistics = "statistics", "Being counted";
        Return = "return", "Preparing return";
        OriginContact = "origin-contact", "Contact with the country of origin";
    }
}

codes! {
    /// The seven things that a person is told before they consent (HTCDS 2.0).
    ConsentQuestion is "a point of the consent checklist" {
        Interview = "interview", "What the interview is for";
        Purpose = "purpose", "For what the data is needed";
        DataUse = "data-use", "Who will use the data";
        ResearchUse = "research-use", "Whether it is used in research";
        AccessRight = "access-right", "The right to see and correct it";
        StorageTime = "storage-time", "How long it is kept";
        Withdrawal = "withdrawal", "That consent can be withdrawn at any time";
    }
}

codes! {
    /// Why nobody could wait for consent.
    EmergencyReason is "a reason of an emergency" {
        DangerToLife = "danger-to-life", "Danger to life or health";
        ChildAtRisk = "child-at-risk", "A child without a guardian is at risk";
        CannotConsent = "cannot-consent", "The person cannot consent now";
        Other = "other", "Other, in the note";
    }
}

codes! {
    /// Level of a factor of vulnerability (IOM determinants of migrant vulnerability).
    VulnerabilityLevel is "a level of vulnerability" {
        Individual = "individual", "Individual";
        Household = "household", "Household and family";
        Community = "community", "Community";
        Structural = "structural", "Structural";
    }
}

codes! {
    /// What a relative is to the person.
    FamilyRelation is "a relation of family" {
        Parent = "parent", "Parent";
        Child = "child", "Child";
        Sibling = "sibling", "Sibling";
        Spouse = "spouse", "Spouse or partner";
        Other = "other", "Other relative";
    }
}

codes! {
    /// Why a provider does not take a referral.
    DeclineReason is "a reason to decline" {
        NoCapacity = "no-capacity", "No place free";
        NotEligible = "not-eligible", "Not for this group";
        ConflictOfInterest = "conflict-of-interest", "Conflict of interest";
        UnsafeLocation = "unsafe-location", "The place is not safe for this person";
        AlreadyPlaced = "already-placed", "Already placed elsewhere";
        Other = "other", "Other";
    }
}

codes! {
    /// Why a referral is closed. Help never depends on cooperation with an authority
    /// (Council of Europe Convention on Action against Trafficking, Article 12(6)), so
    /// there is no such reason.
    ClosureReason is "a reason to close" {
        Integrated = "integrated", "Integrated";
        ReturnedVoluntarily = "returned-voluntarily", "Returned voluntarily";
        Resettled = "resettled", "Resettled";
        OwnWish = "own-wish", "The person's own wish";
        Transferred = "transferred", "Transferred";
        NotAVictim = "not-a-victim", "Not a victim";
        LostContact = "lost-contact", "Contact lost";
        Deceased = "deceased", "Deceased";
    }
}

codes! {
    /// What an officer sees or hears at a first meeting that makes it likely that somebody is
    /// a victim.
    ScreenIndicator is "an indicator" {
        DocumentsHeld = "documents-held", "Somebody else keeps their documents";
        NotFree = "not-free", "They may not go where they want, or are watched";
        Threatened = "threatened", "They or their family were threatened or hurt";
        Debt = "debt", "They work off a debt that does not end";
        Unpaid = "unpaid", "They are not paid, or somebody takes the pay";
        SpokenFor = "spoken-for", "Somebody speaks for them, or told them what to say";
        CutOff = "cut-off", "They may not speak to family or friends";
        Deceived = "deceived", "The work or the journey is not what was promised";
        Unknowing = "unknowing", "They do not know where they are, or where they are taken";
        ChildAlone = "child-alone", "A child without family, or whose company is unclear";
    }
}

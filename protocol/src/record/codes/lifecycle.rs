//! Lists of what moves a referral: its steps, their reasons, urgency and consent.

use super::codes;

codes! {
    /// How soon a person needs an answer.
    Urgency is "an urgency" {
        Critical = "critical", "Critical: within hours";
        High = "high", "High: within a day";
        Standard = "standard", "Standard: within days";
    }
}

codes! {
    /// What the person said about being referred.
    ConsentState is "a state of consent" {
        Given = "given", "Given";
        Refused = "refused", "Refused";
        Withdrawn = "withdrawn", "Withdrawn";
        Emergency = "emergency", "Not asked: a life or the body is in danger";
    }
}

codes! {
    /// What the person agreed to.
    ConsentScope is "a scope of consent" {
        Assistance = "assistance", "Assistance";
        ShareProfile = "share-profile", "Candidates may read a profile without a name";
        ShareIdentity = "share-identity", "The provider that accepts may learn who it is";
        SharePolice = "share-police", "Police may be told";
        Statistics = "statistics", "Counted in statistics";
        Return = "return", "Return";
        OriginContact = "origin-contact", "Contact with the country of origin";
    }
}

codes! {
    /// A step of a referral.
    StepKind is "a step of a referral" {
        Acknowledged = "acknowledged", "Acknowledged";
        InfoAsked = "info-asked", "More information asked for";
        InfoGiven = "info-given", "Information given";
        Accepted = "accepted", "Accepted";
        Declined = "declined", "Declined";
        Expired = "expired", "Closed to the candidate";
        IdentityReleased = "identity-released", "Identity released";
        Assisting = "assisting", "Assistance";
        Transferred = "transferred", "Transferred";
        FollowedUp = "followed-up", "Followed up";
        Closed = "closed", "Closed";
        Missing = "missing", "Missing";
        Located = "located", "Located";
        Withdrawn = "withdrawn", "Withdrawn";
        Consent = "consent", "Consent changed";
        Guardian = "guardian", "Guardian recorded";
        BestInterests = "best-interests", "Best-interests officer recorded";
        Reclassified = "reclassified", "Urgency changed";
    }
}

codes! {
    /// Why a candidate does not take a person.
    DeclineReason is "a reason to decline" {
        NoCapacity = "no-capacity", "No place free";
        NotEligible = "not-eligible", "Not in the service's remit";
        ConflictOfInterest = "conflict-of-interest", "Conflict of interest";
        UnsafeLocation = "unsafe-location", "The place is not safe for the person";
        AlreadyPlaced = "already-placed", "Already placed elsewhere";
        Other = "other", "Other, named in the note";
    }
}

codes! {
    /// Why a referral ends. Nobody's help ends because they did not cooperate (Council of
    /// Europe Convention on trafficking, Article 12(6)).
    ClosureReason is "a reason to close" {
        Integrated = "integrated", "Integrated";
        ReturnedVoluntarily = "returned-voluntarily", "Returned by own choice";
        Resettled = "resettled", "Resettled";
        OwnWish = "own-wish", "The person's own wish";
        Transferred = "transferred", "Transferred";
        NotAVictim = "not-a-victim", "Not a victim";
        LostContact = "lost-contact", "Contact lost";
        Deceased = "deceased", "Deceased";
    }
}

codes! {
    /// Why a referral is taken back, and erased everywhere.
    WithdrawalReason is "a reason to withdraw a referral" {
        ConsentWithdrawn = "consent-withdrawn", "The person withdrew consent";
        SubjectRight = "subject-right", "The person used their right to erasure";
        Error = "error", "It was sent in error";
        Duplicate = "duplicate", "It was there twice";
    }
}

codes! {
    /// How far assistance is.
    AssistPhase is "a phase of assistance" {
        First = "first", "First assistance";
        Recovery = "recovery", "Recovery";
        LongTerm = "long-term", "Long-term assistance";
    }
}

codes! {
    /// What a candidate needs to know before it decides; never who the person is.
    InfoTopic is "a topic of a question" {
        Needs = "needs", "Needs";
        Languages = "languages", "Languages and interpretation";
        Health = "health", "Health and mobility";
        Safety = "safety", "Safety";
        Company = "company", "Who comes along";
        Guardianship = "guardianship", "Guardian";
        Status = "status", "Protection status";
        Travel = "travel", "Travel to the service";
        Timing = "timing", "When a place is needed";
        Other = "other", "Other, named in the note";
    }
}

impl StepKind {
    /// Which of two steps that did not know of each other is taken first: the lower. One
    /// table, so that everybody who holds both is in the same state.
    pub(crate) const fn rank(self) -> u8 {
        match self {
            StepKind::Withdrawn => 0,
            StepKind::Missing => 1,
            StepKind::Located => 2,
            StepKind::Consent => 3,
            StepKind::Guardian => 4,
            StepKind::BestInterests => 5,
            StepKind::Reclassified => 6,
            StepKind::Acknowledged => 7,
            StepKind::InfoGiven => 8,
            StepKind::InfoAsked => 9,
            StepKind::Accepted => 10,
            StepKind::Declined => 11,
            StepKind::IdentityReleased => 12,
            StepKind::Assisting => 13,
            StepKind::FollowedUp => 14,
            StepKind::Transferred => 15,
            StepKind::Expired => 16,
            StepKind::Closed => 17,
        }
    }
}

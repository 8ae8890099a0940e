//! Lists of what moves a referral: its steps, and what they need.

use super::codes;

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
    pub const fn rank(self) -> u8 {
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

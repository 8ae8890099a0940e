//! Where a referral stands, and who the two parties are.

use crate::record::codes::codes;

codes! {
    /// Where a referral to one candidate stands.
    State is "a state of a referral" {
        Sent = "sent", "Sent";
        Acknowledged = "acknowledged", "Acknowledged";
        InfoAsked = "info-asked", "Waiting for information";
        InfoGiven = "info-given", "Information given";
        Accepted = "accepted", "Accepted";
        Declined = "declined", "Declined";
        Expired = "expired", "Closed to the candidate";
        IdentityReleased = "identity-released", "Identity released";
        Assisting = "assisting", "Assisting";
        Transferred = "transferred", "Transferred";
        FollowedUp = "followed-up", "Followed up";
        Missing = "missing", "Missing";
        Located = "located", "Located";
        Withdrawn = "withdrawn", "Withdrawn";
        Closed = "closed", "Closed";
    }
}

codes! {
    /// One of the two agencies of a thread.
    Party is "a party of a referral" {
        Originator = "originator", "Originator";
        Provider = "provider", "Provider";
    }
}

impl State {
    /// Whether nothing but a withdrawal can follow.
    pub const fn is_over(self) -> bool {
        matches!(
            self,
            State::Declined | State::Expired | State::Withdrawn | State::Closed
        )
    }

    /// Whether the candidate has taken the person; only then may it learn who it is.
    pub const fn is_taken(self) -> bool {
        matches!(
            self,
            State::Accepted
                | State::IdentityReleased
                | State::Assisting
                | State::Transferred
                | State::FollowedUp
        )
    }
}

impl Party {
    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Party::Originator => Party::Provider,
            Party::Provider => Party::Originator,
        }
    }
}

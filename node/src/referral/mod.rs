//! Referrals: one presumed victim, offered to one agency after another.

pub mod access;
pub mod candidates;
pub mod case;
pub mod emergency;
pub mod new;

pub use candidates::Planned;
pub use case::{Approval, Asked, CaseFile, CaseId, Cases, Draft};
pub use new::{NewFault, Sent};

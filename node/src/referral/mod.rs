//! Referrals: one presumed victim, offered to one agency after another.

pub mod access;
pub mod case;

pub use case::{Approval, Asked, CaseFile, CaseId, Cases, Draft};

//! Referrals: one agency refers a presumed victim to another that can help.

pub mod access;

//! Who did what: the audit log.

mod act;

pub use self::act::Act;

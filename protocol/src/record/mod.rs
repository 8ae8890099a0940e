//! Records: what an agency says, signed once and carried unchanged.

pub mod check;
pub mod codes;
pub mod date;
pub mod draft;
pub mod envelope;
pub mod handling;
pub mod hours;
pub mod kinds;
pub mod scan;
pub mod signed;
pub mod template;

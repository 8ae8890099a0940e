//! Services and the desks of agencies: who is open, which offers fit a person's needs, and where
//! offers are missing. Read from strategic records and cards alone; nothing here decides, it
//! suggests, and a person confirms.

pub mod gaps;
mod held;
pub mod hours;
mod matching;
mod sought;
mod weigh;

pub use held::{Held, HeldError, Holding, held};
pub use matching::{Suggested, Suggestion, suggest};
pub use sought::Sought;
pub use weigh::{About, Point, Provider, Weight};

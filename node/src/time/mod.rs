//! Time as the node acts on it: whether the wall clock is to be believed ([`Timekeeper`]), and
//! what ends and is due for review ([`Sweeper`]).

mod keeper;
mod sweeper;

pub use keeper::{Doubt, Timekeeper};
pub(crate) use sweeper::is_for_review;
pub use sweeper::{Due, Sweeper, Swept, ends};

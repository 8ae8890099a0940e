//! How a referral moves: who may take which step, in which state it is, and until when
//! something has to happen.
//!
//! Two agencies take steps without waiting for each other, so neither can be asked what the
//! order was. A step therefore names those that its author had seen, and the state is a fold
//! over that graph ([`order`]): a step comes after what it names, and of two that did not know
//! of each other a fixed table says which comes first, never a clock. Whoever holds the same
//! steps is in the same state. A step that is not allowed where it comes is kept, shown and
//! has no effect ([`Folded::refused`]), and if it did not know what it ran into, both are
//! shown as a conflict ([`Folded::conflicts`]).
//!
//! Tables of other lifecycles (a request, a task, a case) can be put beside [`TABLE`]: the
//! order and the rules ([`rule`]) are the same for all.

mod deadline;
mod fold;
pub mod order;
pub mod rule;
mod state;
mod table;

pub use deadline::{
    Deadline, DeadlineKind, DeadlineTable, DeadlineTableError, OnTimeout, PerUrgency, deadlines,
};
pub use fold::{Conflict, ConsentNow, Entry, Folded, Moments, Refused, fold};
pub use state::{Party, State};
pub use table::{Refusal, TABLE, Why, allowed};

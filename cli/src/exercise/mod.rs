//! Training exercises: several agencies' nodes on this machine, a scenario that says what happens
//! and what must come of it, and a verdict.
//!
//! An agency learns what the exchange does by playing it before a person depends on it. So an
//! exercise is played with the nodes, policies and commands of every day, and each expectation is
//! looked up in the nodes' own stores, never in what decided. Nothing of it enters a live store:
//! its nodes stand in a folder of their own, and every record of it carries the exercise's name,
//! which a live node refuses.
//!
//! [`read`] makes a [`Scenario`] of a file; [`Player`] plays it, step by step; [`Report`] is what
//! came of it.

mod built_in;
mod command;
mod fault;
mod files;
mod form;
mod play;
mod read;
mod report;
mod scenario;

pub use self::built_in::{EXERCISES, Exercise, TEMPLATE, files as built_in_files, named};
pub use self::fault::{Fault, Faults};
pub use self::files::Files;
pub use self::play::Player;
pub use self::read::read;
pub use self::report::{CellState, Check, MatrixCell, MatrixRow, Report, StepReport};
pub use self::scenario::{Act, Agency, Scenario, Step};

//! What stands inside a seal: never in clear on a disk or a wire.

mod step;

pub use step::{Action, Step, StepError};

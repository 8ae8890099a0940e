//! The second gate: this agency's word, as a Cedar policy set.
//!
//! A folder of `*.cedar` files, one `entities.json` (circles) and one `ceilings.toml` is read
//! byte for byte into [`PolicyText`], parsed and validated into a [`PolicySet`], and put together with the own
//! agency and its peers as an [`Engine`], which answers [`Engine::decide`]. An engine never
//! changes: [`Policies`] holds the active one and puts a new one, with a higher epoch, in
//! its place. Default deny; `forbid` wins; a statement that fails denies.
//!
//! The style that `check` enforces keeps the set provable: enumerated entities, no
//! templates, no nesting of circles, an `@id` and an `@says` on every statement.

mod attributes;
mod ceiling;
mod circles;
mod decision;
mod directory;
mod engine;
mod entities;
pub mod limits;
mod live;
mod memo;
mod nearest;
mod of_inside;
mod of_parcel;
mod of_record;
mod plain;
mod problem;
pub mod prove;
mod reader;
mod scan;
mod schema;
mod set;
mod text;

#[cfg(test)]
mod exercise;
#[cfg(test)]
mod tests;

pub use attributes::{Attributes, ClassBytesError, ClassId, TAG_PREFIXES};
pub use ceiling::{Ceiling, CeilingTo};
pub use circles::CircleRule;
pub use decision::{Action, Decision, StatementRef};
pub use directory::{Directory, DirectoryError, PeerAttributes};
pub use engine::{Engine, EngineError};
pub use live::Policies;
pub use nearest::Nearest;
pub use of_inside::attributes_inside;
pub use of_parcel::attributes_of_parcel;
pub use of_record::attributes;
pub use plain::{PlainAnswer, PlainCarried, PlainCell, PlainRow, PlainTable};
pub use problem::{Problem, ProblemKind, Problems};
pub use schema::{SCHEMA_TEXT, codes};
pub use set::PolicySet;
pub use text::{CEILINGS_FILE, ENTITIES_FILE, INVARIANTS_FOLDER, PolicyText};

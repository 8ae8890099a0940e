//! Records out of tables: a CSV file, read under a map that says which column is which field.
//!
//! Agencies keep their counts in tables of their own. A map (TOML, see [`map`]) turns each
//! row of such a table into one record: nothing merged, nothing lost, and a row that cannot
//! be one is named by its line while the others go on. Pure: the caller reads the file,
//! [`text::decode`]s it, [`cut()`]s it into pieces and keeps the job's account under its
//! [`job::JobKey`].

pub mod cut;
pub mod guess;
pub mod job;
pub mod limits;
pub mod map;
pub mod number;
pub mod rows;
pub mod synthetic;
pub mod target;
pub mod template;
pub mod text;
pub mod when;

pub use cut::{Cut, Piece, cut, pieces};
pub use guess::{Guess, guess};
pub use job::{JobHasher, JobKey};
pub use map::{Map, MapError};
pub use rows::{Bound, HeaderError, Row, RowError, Rows};

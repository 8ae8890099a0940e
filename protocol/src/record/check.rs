//! Checks of a record's content.

//! Filled-in examples.

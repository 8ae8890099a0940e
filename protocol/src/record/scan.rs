//! The text scanner.

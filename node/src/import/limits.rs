//! Bounds on what an import reads.

/// Bytes of a map: hundreds of columns with their translations.
pub const MAP_BYTES: usize = 256 * 1024;

/// Columns of a file: spreadsheets of statistics offices have a few dozen.
pub const COLUMNS: usize = 512;

/// Translations of one column: every country of the world in three spellings.
pub const CODES: usize = 1_000;

/// Bytes of a header row.
pub const HEADER_BYTES: usize = 64 * 1024;

/// Bytes of one row: the largest summary and room for columns that are ignored. A quote that
/// is still open then is taken for a mistake of its first line.
pub const ROW_BYTES: usize = 64 * 1024;

/// Bytes of one field: the largest summary (4,000 characters of up to four bytes).
pub const FIELD_BYTES: usize = 16_000;

/// Bytes of one piece of a file that are mapped in one call.
pub const PIECE_BYTES: usize = 4 * 1024 * 1024;

/// Rows from the beginning of a file that a guess looks at: tables are sorted, and what is
/// rare stands far down.
pub const GUESS_ROWS: usize = 50_000;

/// Rows by which a guess tells the delimiter.
pub const DELIMITER_ROWS: usize = 200;

/// Bytes from the beginning of a file that a guess looks at.
pub const GUESS_BYTES: usize = 8 * 1024 * 1024;

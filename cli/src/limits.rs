//! Bounds on what the command line reads.

/// Largest answer of the node that is kept in memory, in bytes: 50 rows of a table are some
/// 20 KB, a query with `--limit 100000` some 40 MB.
pub const ANSWER_BYTES: usize = 128 << 20;

/// Largest line of `watch`, in bytes: an event is below 4 KB.
pub const EVENT_BYTES: usize = 1 << 20;

/// Largest draft, card or record file, in bytes. A record is at most 256 KiB; a file may
/// hold many of them, one a line.
pub const INPUT_BYTES: u64 = 64 << 20;

/// Largest policy file, in bytes: a thousand statements are some 200 KB.
pub const POLICY_BYTES: u64 = 4 << 20;

/// Most policy files in a folder: more is a wrong folder.
pub const POLICY_FILES: usize = 256;

/// Largest CSV file, in bytes: it is read into memory, so that its hash names the job.
pub const CSV_BYTES: u64 = 1 << 30;

/// Most rows in one piece of an import: each piece is one durable step.
pub const PIECE_ROWS: u64 = 1_000;

/// Most bytes of rows in one piece of an import; as JSON it stays below 2 MiB.
pub const PIECE_BYTES: usize = 512 << 10;

/// Longest row that is sent, in bytes: a piece of one row that is longer is no CSV.
pub const ROW_BYTES: usize = 1 << 20;

/// Times that the digits of a fingerprint may be typed before `peer add` gives up.
pub const DIGIT_TRIES: usize = 3;

/// Drafts that may be kept of one kind.
pub const DRAFTS: usize = 1_000;

/// Seconds that `retract --wait` waits unless told otherwise: receipts of those who are online
/// take a few.
pub const WAIT_S: &str = "30";

/// Milliseconds between two looks of `retract --wait`.
pub const WAIT_LOOK_MS: u64 = 250;

/// Seconds that a step waits to be delivered before it says whom to telephone.
pub const STEP_WAIT_S: u64 = 10;

/// Bytes of a note on standard input: 200 characters, and room for their forms.
pub const NOTE_BYTES: u64 = 2 << 10;

/// Bytes of an identity in a file: some ten fields and a family.
pub const IDENTITY_BYTES: u64 = 64 << 10;

/// Bytes of a bundle that comes by standard input: it is held in memory. A larger one is named as
/// a file.
pub const BUNDLE_INPUT_BYTES: u64 = 256 * 1024 * 1024;

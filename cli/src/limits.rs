//! Bounds on what the command line reads.

/// Largest answer of the node that is kept in memory, in bytes: 50 rows of a table are some
/// 20 KB, a query with `--limit 20000` some 8 MB.
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

/// Seconds that the nodes of a demo or an exercise may take for one thing: to connect, to come to
/// rest. A slow machine needs a tenth.
pub const STAGE_WAIT_S: u64 = 60;

/// Largest file of an exercise's scenario, in bytes: the Sarajevo exercise has 20 KB.
pub const SCENARIO_BYTES: u64 = 1 << 20;

/// Agencies in an exercise: each is a node with threads, a store and sockets in one process, some
/// 30 MB, and each is linked with each.
pub const EXERCISE_AGENCIES: usize = 12;

/// Steps of an exercise: people play it in a day at most.
pub const EXERCISE_STEPS: usize = 200;

/// Expectations of one step beside who must hold its record.
pub const STEP_THENS: usize = 20;

/// Texts in one list of a scenario: words to look for, names.
pub const SCENARIO_LIST: usize = 64;

/// Characters of a sentence in a scenario; a line of the screen has 80.
pub const SCENARIO_TEXT_CHARS: usize = 600;

/// Characters of what a step is called in the table at the end: the table fits 80 columns.
pub const STEP_WHAT_CHARS: usize = 30;

/// Characters of an agency's name in an exercise: its column is no wider.
pub const EXERCISE_NAME_CHARS: usize = 16;

/// Largest draft in an exercise, in bytes: a record has at most 64 KB.
pub const EXERCISE_DRAFT_BYTES: u64 = 256 << 10;

/// The most time that one step lets pass, in milliseconds: 400 days, so that the longest
/// deadline, of a year, can end.
pub const PASS_MS: u64 = 400 * 24 * 60 * 60 * 1_000;

/// Seconds that a step's expectations may take unless it says otherwise. All is on one machine;
/// a slow one needs some.
pub const WITHIN_S: u64 = 60;

/// Seconds that a step's expectations may take at most.
pub const WITHIN_MOST_S: u64 = 600;

/// Milliseconds between two looks whether an expectation holds now.
pub const EXPECT_LOOK_MS: u64 = 100;

/// Seconds that may pass between the steps of an exercise (`--pace`).
pub const PACE_MOST_S: u64 = 600;

/// Faults of a scenario that are listed at once: who mends so many reads it again.
pub const SCENARIO_FAULTS: usize = 20;

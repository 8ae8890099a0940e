//! Bounds on policies, with unit and reason.

/// Files of one policy set: one a kind of peer is plenty; a person reads them all.
pub const POLICY_FILES: usize = 64;

/// Bytes of one policy file: some 1,500 lines.
pub const POLICY_FILE_BYTES: usize = 128 * 1024;

/// Bytes of a whole set with its entities: it is kept in the store with every revision.
pub const POLICY_BYTES: usize = 1024 * 1024;

/// Characters of a policy file's name.
pub const POLICY_FILE_NAME_CHARS: usize = 100;

/// Statements of one set: each is evaluated for each decision that is not remembered.
pub const POLICY_STATEMENTS: usize = 500;

/// Bytes of one statement, comments included: a list of every country takes 2 KiB.
pub const STATEMENT_BYTES: usize = 16 * 1024;

/// Brackets open at once, and `if`s, in one statement: Cedar recurses on them and must not
/// exhaust [`STACK_BYTES`], also in a debug build.
pub const STATEMENT_NESTING: usize = 24;

/// Operators and dots of one statement: chains of them recurse as well.
pub const STATEMENT_OPERATORS: usize = 400;

/// Characters of an `@id`: it stands in tables.
pub const STATEMENT_ID_CHARS: usize = 64;

/// Characters of an `@says`: a sentence or two.
pub const STATEMENT_SAYS_CHARS: usize = 300;

/// Circles of one set.
pub const CIRCLES: usize = 200;

/// Characters of an alias or of a circle's name: it stands in tables.
pub const ALIAS_CHARS: usize = 40;

/// Ceilings of one set: those for a peer are looked at in each decision about it.
pub const CEILINGS: usize = 100;

/// Peers of one node: all of a continent's agencies of one kind. Also the bits of a peer's
/// number in a memo key.
pub const POLICY_PEERS: usize = 4_096;

/// Problems reported at once: nobody reads more before correcting some.
pub const PROBLEMS: usize = 100;

/// Decisions remembered by one of the [`MEMO_SHARDS`] parts of an engine's memo, about 32
/// bytes each: 16 MiB in all. A full part is emptied and fills again.
pub const MEMO_SHARD_DECISIONS: usize = 16 * 1024;

/// Parts of the memo, each under its own lock, so that sessions don't wait for each other.
pub const MEMO_SHARDS: usize = 16;

/// Representative records tried for one cell of the table that `policy show --plain` prints.
pub const PLAIN_VARIANTS: usize = 96;

/// Statements that `why` names when nothing allows: more are no help.
pub const NEAREST: usize = 3;

/// Bytes of stack on which policies are parsed and evaluated, whatever the calling thread has:
/// a debug build of Cedar needs some 15 KiB for one operator in a chain.
pub const STACK_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of stack that must be left for it to be enough; more than a tokio thread has.
pub const STACK_LEFT_BYTES: usize = 32 * 1024 * 1024;

/// Milliseconds for one question to the solver: the sets in `examples/` take some 10.
pub const SOLVER_QUERY_MS: u64 = 5_000;

/// Milliseconds for all questions about one set, compiling included: a person waits for it.
pub const SOLVER_TOTAL_MS: u64 = 60_000;

/// Bytes of one answer of the solver: a model of a large set is some 50 KiB.
pub const SOLVER_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Characters of what the solver says that are quoted to a person.
pub const SOLVER_QUOTE_CHARS: usize = 200;

/// Sets whose findings are remembered in a process, so that the same text is proven once: the
/// policy in force, the one to come, and those of a federation in one process.
pub const PROVEN_SETS: usize = 16;

/// Bytes of a certificate: a finding is some 100, and a set has at most some hundreds.
pub const CERTIFICATE_BYTES: usize = 256 * 1024;

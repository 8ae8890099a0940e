//! Bounds of the search, with their units and reasons.

/// Bytes of a query's text: nobody types more, and scripts page by period or author.
pub const QUERY_BYTES: usize = 4_096;

/// Conditions of a query: each is one pass over posting lists.
pub const QUERY_CLAUSES: usize = 64;

/// Values of all conditions together.
pub const QUERY_VALUES: usize = 256;

/// Fewest characters before the `*` of a free word: a shorter one stands for a large part
/// of all words.
pub const PREFIX_CHARS: usize = 2;

/// Arrivals in one answer, each a row of 1 KB on its way out; more are had by paging with `before`.
pub const QUERY_ARRIVALS: usize = 20_000;

/// Groups in one answer: a table with more is not read by anybody.
pub const QUERY_GROUPS: usize = 10_000;

/// Characters of one indexed word; what is longer is cut, in the index and in the query.
pub const WORD_CHARS: usize = 64;

/// Words of one record that are indexed: twice the longest summary of one-letter words.
pub const RECORD_WORDS: usize = 8_192;

/// Bytes that tantivy may buffer: its own minimum.
pub const INDEX_HEAP_BYTES: usize = 15_000_000;

/// Rows after which the index commits: the newest rows are held in memory until then.
pub const COMMIT_ROWS: usize = 5_000;

/// Milliseconds after which waiting rows are committed: a commit costs about 10 ms.
pub const COMMIT_EVERY_MS: u64 = 500;

/// Records that are read from the store at once.
pub const PAGE_RECORDS: usize = 256;

/// Changed records that wait for a commit; with more, the index is rebuilt instead.
pub const CHANGES: usize = 50_000;

/// Milliseconds after a failure (a full disk) until indexing is tried again.
pub const RETRY_MS: u64 = 5_000;

/// Places named in one message.
pub const PLACES_SHOWN: usize = 8;

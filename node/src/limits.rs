//! Bounds of the node's own parts, with unit and reason. What comes over the wire is
//! bounded by [`liaison_protocol::limits`].

/// Bytes of sled's page cache, unless configured. sled takes two to three times as much:
/// with 100,000 records of 600 bytes, all of them read once, 24 MiB make 90 MB of anonymous
/// memory, 32 MiB make 105 and 64 MiB make 165, and writing is no faster.
pub const STORE_CACHE_BYTES: u64 = 24 * 1024 * 1024;

/// Bytes that must stay free on the store's disk: below this a write is refused before it
/// starts, because a database that meets a full disk half way stops for good.
pub const STORE_MIN_FREE_BYTES: u64 = 64 * 1024 * 1024;

/// Writes that may wait for the writer thread: then callers wait, so that nothing piles up.
pub const STORE_COMMANDS: usize = 32;

/// Operations in one write: a batch of records, each with its ledger entries.
pub const STORE_OPS: usize = 4_096;

/// Bytes of one write: four times the largest frame.
pub const STORE_WRITE_BYTES: usize = 4 * 1024 * 1024;

/// Operations after which the writer hands its batch to sled: more hold the readers up.
pub const STORE_BATCH_OPS: usize = 200;

/// Bytes after which the writer hands its batch to sled.
pub const STORE_BATCH_BYTES: usize = 1024 * 1024;

/// Writes that share one sync of the disk.
pub const STORE_GROUP: usize = 32;

/// Bytes after which no further write joins the group: its callers wait for it.
pub const STORE_GROUP_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of one stored value: sled moves pages above 128 KiB to files of their own, which it
/// never syncs, and a page holds up to some twenty values.
pub const STORE_CHUNK_BYTES: usize = 4 * 1024;

/// Bytes of one small value (peer, card, meta): its chunks are counted in a byte.
pub const STORE_VALUE_BYTES: usize = 254 * STORE_CHUNK_BYTES;

/// Bytes of a name (meta, import job): it becomes a key.
pub const STORE_NAME_BYTES: usize = 128;

/// Bytes of a class: a record's complete policy attributes.
pub const CLASS_BYTES: usize = 4 * 1024;

/// Bytes of a rule's name in the ledger: a policy statement's `@id`.
pub const RULE_BYTES: usize = 200;

/// Rules that the ledger may name: they are held in memory.
pub const RULES: usize = 65_536;

/// Peers that the ledger may name: they are held in memory.
pub const LEDGER_PEERS: usize = 4_096;

/// Agencies on one distribution list: 32 bytes each must fit one value.
pub const AUDIENCE: usize = 100;

/// Refused records remembered for each peer: beyond that they are offered again.
pub const REFUSED_PER_PEER: u64 = 100_000;

/// Bytes kept of what was quarantined: enough to see what it was.
pub const QUARANTINE_BYTES: usize = 4 * 1024;

/// Characters of a quarantine entry's reason and place, each: with the bytes above, twenty
/// entries must stay under 128 KiB (see [`STORE_CHUNK_BYTES`]).
pub const QUARANTINE_CHARS: usize = 200;

/// Entries in quarantine: the oldest leave first.
pub const QUARANTINE_ENTRIES: u64 = 500;

/// Rows that one read of the store returns at most, whatever was asked for.
pub const STORE_ROWS: usize = 10_000;

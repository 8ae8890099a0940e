//! Every bound on what comes from outside, with its unit and its reason, in one place.

/// Bytes of one record as COSE_Sign1. A trend of a few hundred cells needs 20 KiB; a record
/// is kept in memory several times over on its way.
pub const RECORD_BYTES: usize = 64 * 1024;

/// Bytes of one wire frame's body: a full batch of the largest records still has to be cut
/// into several, so that one peer cannot make another hold more than this a stream.
pub const FRAME_BYTES: usize = 1024 * 1024;

/// Levels of nesting in CBOR: the deepest record needs 6.
pub const CBOR_DEPTH: usize = 12;

/// Milliseconds that a record may lie ahead of our clock: 10 minutes, more than any clock
/// that is set at all drifts.
pub const CLOCK_AHEAD_MS: u64 = 10 * 60 * 1000;

/// Records offered in one batch: fewer cost round trips, more delay the first answer.
pub const BATCH_RECORDS: usize = 200;

/// Batches that a sender may have unanswered: enough to fill a line of 300 ms.
pub const BATCHES_IN_FLIGHT: usize = 8;

/// Bytes of one record's frame: the record and what travels beside it (a wrapped key of
/// about 1.2 KiB).
pub const RECORD_FRAME_BYTES: usize = RECORD_BYTES + 4 * 1024;

/// Bytes that the records of one batch may announce: two frames' worth, so that a want is
/// loaded and sent without holding more than this.
pub const BATCH_BYTES: usize = 2 * 1024 * 1024;

/// Bytes that a receiver lets one stream announce at a time: what it may have to hold for
/// one peer while its disk is busy.
pub const CREDIT_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of the software's name in a hello: a line in a log.
pub const SOFTWARE_BYTES: usize = 64;

/// Milliseconds that a hello may take: a satellite line with losses needs a few seconds.
pub const HELLO_MS: u64 = 20_000;

/// Milliseconds that a peer may leave a batch or a round without the next message: a
/// slow disk that group-commits a full batch of large records takes under a second, a
/// line of 256 kbit/s needs 65 s for 2 MiB.
pub const REPLY_MS: u64 = 120_000;

/// Bytes of one message of set reconciliation: 8,000 ids; fewer bytes mean more rounds.
pub const REPAIR_FRAME_BYTES: usize = 256 * 1024;

/// Hashes in one `missing` message: as many as fill a message of set reconciliation.
pub const REPAIR_MISSING: usize = 8 * 1024;

/// Rounds of one repair: a million ids that the initiator lacks take 130, equal sets 1.
pub const REPAIR_ROUNDS: u32 = 1024;

/// Bytes that one side may send in one repair: four million ids.
pub const REPAIR_BYTES: u64 = 128 * 1024 * 1024;

/// Characters of a title: a line in a table.
pub const TITLE_CHARS: usize = 200;

/// Characters of a summary or of any longer free text: two pages.
pub const SUMMARY_CHARS: usize = 4_000;

/// Characters of a short free text (a handling note, a caveat, a feature).
pub const NOTE_CHARS: usize = 500;

/// Entries of any list in a record, unless the list says otherwise.
pub const LIST_ITEMS: usize = 64;

/// Cells of one trend: a year of months by two dozen nationalities.
pub const TREND_CELLS: usize = 400;

/// Agencies that `onward: to` may name.
pub const ONWARD_AGENCIES: usize = 64;

/// Agencies that one permit, or one request for it, may name: as many as `onward: to`.
pub const PERMIT_AGENCIES: usize = 64;

/// Records that one affirmation lists: as many ids as leave half of a record's bytes free. A
/// longer list takes several.
pub const AFFIRM_RECORDS: usize = 900;

/// Bytes of a signed head of an audit chain: 250, and room for numbers.
pub const AUDIT_HEAD_BYTES: usize = 512;

/// Notices (`witness`, `held`) that a stream takes at once; each tick of its clock lets one
/// more in. A node sends a handful at the start and then one every 10 minutes.
pub const NOTICES_AT_ONCE: u32 = 16;

/// Links from a record to others.
pub const REFS: usize = 32;

/// Signing keys, present and past, on one card.
pub const CARD_KEYS: usize = 32;

/// Signing keys of one agency, from all its cards, that one node counts: one a month for twenty
/// years, in 100 KB of memory. Further ones are unknown to it; what a card revokes of those that
/// it counts is revoked however many they are.
pub const AGENCY_KEYS: usize = 256;

/// Addresses of one node key.
pub const ADDRESSES: usize = 16;

/// Days that a keys statement is valid: long enough for a holiday, short enough that a
/// stolen one dies by itself.
pub const KEYS_STATEMENT_DAYS: u64 = 45;

/// Days that a service offer may run without being renewed: capacity goes stale.
pub const SERVICE_DAYS: u64 = 90;

/// Days that a card may run without being renewed.
pub const CARD_DAYS: u64 = 366;

/// Smallest count of victims or referrals that may be shared (CTDC's k). A node may raise
/// it, never lower it.
pub const VICTIM_THRESHOLD: u64 = 11;

/// Hours that a leg of a route may take: a quarter of a year.
pub const LEG_HOURS: u64 = 2_160;

/// Characters of one address of a node: a DNS name (253) and what a multiaddress adds.
pub const ADDRESS_CHARS: usize = 400;

/// Node keys in one keys statement.
pub const NODE_KEYS: usize = 8;

/// Hubs that an agency collects from.
pub const HUBS: usize = 8;

/// Characters of a name (organisation, route, role, exercise, page of a document).
pub const NAME_CHARS: usize = 120;

/// Spans of opening hours on one contact point: four a day, every day.
pub const HOURS_SPANS: usize = 28;

/// Characters of a channel: an e-mail address has at most 254.
pub const CHANNEL_CHARS: usize = 254;

/// Characters of a prefix of document numbers; numbers themselves have up to 12.
pub const SERIES_PREFIX_CHARS: usize = 12;

/// Comparisons of counts in the check of one trend: half a second at worst.
pub const TREND_COMPARISONS: usize = 4_000_000;

/// Bytes of a draft as people write it: a full record in TOML with comments.
pub const DRAFT_BYTES: usize = 512 * 1024;

/// Records that one agency may have affirmed after a key was compromised, as one node counts
/// them: 10 MB of memory; more than an agency makes in the two years of a key.
pub const AFFIRMED_RECORDS: usize = 100_000;

/// Agencies that one sealed record names as recipients: the parties of a joint case.
pub const RECIPIENTS: usize = 16;

/// Bytes of padded content that a sealed record may hold, so that its length tells little: a
/// step, a profile, an assessment with notes, and the most that fits a record.
pub const SIZE_CLASSES: [usize; 4] = [1024, 4 * 1024, 16 * 1024, 48 * 1024];

/// Days from its making within which a sealed record may ask for an answer: the longest
/// follow-up is half a year.
pub const RESPOND_DAYS: u64 = 366;

/// Sealing keys in one keys statement: the current one, the one before, and spares for
/// agencies that change theirs more often than every 30 days.
pub const SEALING_KEYS: usize = 8;

/// Days that a sealing key may be sealed to: 30, and half as long again so that peers which
/// were away have the next one before this one ends.
pub const SEALING_KEY_DAYS: u64 = 45;

/// Bytes of what stands inside a seal, before it is padded: the largest size class, and one
/// byte that ends it. A full identity with twenty relatives needs 6 KiB.
pub const INSIDE_BYTES: usize = 48 * 1024 - 1;

/// Bytes of what stands inside a seal as an officer is shown it, in JSON: texts of control
/// characters and quotes alone would be six times as long.
pub const SHOWN_BYTES: usize = 6 * INSIDE_BYTES;

/// Characters of a free text in a personal record: one sentence. There is no room for a
/// statement, and none is wanted.
pub const PERSONAL_NOTE_CHARS: usize = 200;

/// Entries of any list in a personal record: a referral is about one person and those who
/// travel with them.
pub const PERSONAL_ITEMS: usize = 24;

/// People of one age band who travel with a referred person: a large family. More are a
/// group, and each gets a referral.
pub const COMPANIONS: u64 = 20;

/// Providers that one referral is offered to, one after another: more than a night's worth of
/// deadlines.
pub const CANDIDATES: usize = 8;

/// Hours within which an emergency referral is reviewed; after that nothing more is
/// disclosed under it.
pub const EMERGENCY_REVIEW_HOURS: u64 = 72;

/// Bytes of a referral as an officer writes it: what can be sealed, and room for comments.
pub const REFERRAL_DRAFT_BYTES: usize = 64 * 1024;

/// Steps that one step names as seen: the newest ones of two parties are two; a line that
/// was down for days leaves a dozen.
pub const STEP_SEEN: usize = 32;

/// Steps of one thread that take effect: twenty years of a step a week; a withdrawal is
/// always taken.
pub const THREAD_STEPS: usize = 1_000;

/// Bytes of the longest parcel, whatever it holds: what a line of 256 kbit/s moves in 33 s, and a
/// hub may have to hold of one at once.
pub const PARCEL_BYTES: usize = 1024 * 1024;

/// Bytes of a parcel, so that its length tells little: a step or a retraction, a handful of
/// records, a day's, a backlog. Each is four times the one before.
pub const PARCEL_CLASSES: [usize; 5] = [4 * 1024, 16 * 1024, 64 * 1024, 256 * 1024, PARCEL_BYTES];

/// Days from its making within which a parcel has to be opened: as long as a sealing key is kept
/// after its time, or it would not open any more.
pub const PARCEL_DAYS: u64 = 30;

/// Records in one parcel: as many of the shortest ones (250 bytes) as fill one.
pub const PARCEL_RECORDS: usize = 4096;

/// Answers in one parcel: those to all records of one.
pub const PARCEL_ANSWERS: usize = 4096;

/// Numbers of parcels that one parcel says have arrived, and that it says are void: as many as
/// wait for one agency after a month.
pub const PARCEL_NUMBERS: usize = 1024;

/// Numbers of one sender's parcels that are kept one by one, because an earlier one has not come:
/// 8 KiB a sender. An earlier one that comes when there are more is refused, and is sent again.
pub const PARCEL_WINDOW: usize = 1024;

/// Bytes of one piece of a parcel on a stream: what a hub holds in memory of one that comes or
/// goes, with all its agencies at it 16 MB.
pub const PIECE_BYTES: usize = 64 * 1024;

/// Milliseconds from a hub's `keep` within which a parcel is with it and on its disk: a line of
/// 16 kbit/s moves the longest in 9 minutes.
pub const DEPOSIT_MS: u64 = 600_000;

/// Parcels that an agency may be leaving at a hub at once on one stream: a line of 300 ms, which
/// takes two rounds a parcel, moves a dozen of them a second.
pub const DEPOSITS_AT_ONCE: usize = 8;

/// Parcels that a hub may announce to an agency that has not dealt with those before: enough to
/// fill a line of 300 ms with small ones.
pub const WAITING_PARCELS: u32 = 64;

/// Parcels that one message discards, or that one lists as held: 8 KiB of ids.
pub const MAILBOX_IDS: usize = 256;

/// Parcels in one bundle: 4 GiB of the longest.
pub const BUNDLE_PARCELS: u32 = 4096;

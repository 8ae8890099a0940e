//! Bounds of the node's own parts, with unit and reason. What comes over the wire is
//! bounded by [`liaison_protocol::limits`].

/// Bytes of sled's page cache, unless configured. sled takes about twice as much; writing gains
/// little by more.
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

/// Lines of a file that an import did not take, as they are kept for whoever goes on with it: ten
/// times what a person reads.
pub const IMPORT_LINES: usize = 10_000;

/// Bytes of a name (meta, import job): it becomes a key.
pub const STORE_NAME_BYTES: usize = 160;

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

/// Recalls remembered for each peer of what did not come (yet), about 120 bytes each: several of
/// the largest parcels, all called back before one was opened. One that finds no room is judged
/// anew when its author, who hears that its record came, sends it again.
pub const CALLED_BACK_PER_PEER: u64 = 20_000;

/// Of these, looked at to make room for one more.
pub const CALLED_BACK_LOOK: usize = 64;

/// Milliseconds for which such a recall is needed: a day longer than any letter that is older lives.
pub const CALLED_BACK_MS: u64 = (liaison_protocol::limits::PARCEL_DAYS + 1) * DAY_MS;

/// Bytes kept of what was quarantined: enough to see what it was.
pub const QUARANTINE_BYTES: usize = 4 * 1024;

/// Characters of a quarantine entry's reason and place, each: with the bytes above, twenty
/// entries must stay under 128 KiB (see [`STORE_CHUNK_BYTES`]).
pub const QUARANTINE_CHARS: usize = 200;

/// Entries in quarantine: the oldest leave first.
pub const QUARANTINE_ENTRIES: u64 = 500;

/// Rows that one read of the store returns at most, whatever was asked for.
pub const STORE_ROWS: usize = 10_000;

/// Bytes of a card file: two records in base64 with a heading.
pub const CARD_FILE_BYTES: usize = 256 * 1024;

/// Bytes of a Unix socket's path: the kernel's `sun_path` less its closing zero.
pub const SOCKET_PATH_BYTES: usize = 107;

/// Milliseconds of a day.
pub const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Days that a signing key is valid: renewed with the yearly card, with a year to spare.
pub const SIGNING_KEY_DAYS: u64 = 730;

/// Revision of the revoke-all card: above every card that will ever be made, so that it
/// holds whenever it is published.
pub const REVOKE_ALL_REVISION: u64 = u64::MAX >> 1;

/// Policy classes kept decoded: a few hundred bytes each; a store of many years has a few
/// thousand.
pub const CLASSES_IN_MEMORY: usize = 20_000;

/// Accept decisions remembered by class, some 500 bytes each: as many as one agency's
/// records of a few years have classes.
pub const ACCEPTS_REMEMBERED: usize = 4_096;

/// Groups of answers of one session that wait to be written down: then nothing more is read from
/// the peer, and no further step of a scan is taken.
pub const SETTLES: usize = 16;

/// Headers looked at in one step of a scan: a few milliseconds of work.
pub const SCAN_ROWS: usize = 2_000;

/// The fewest headers read at once in such a step, however few may still be offered.
pub const SCAN_PAGE: usize = 64;

/// Milliseconds without a new record after which the search index takes in what came.
pub const INDEX_QUIET_MS: u64 = 50;

/// Milliseconds after which it does so although more come. Until then queries read what came
/// since from the store, so this bounds the longest such read.
pub const INDEX_HOLD_MS: u64 = 2_000;

/// Ids that a repair found and that wait to be offered, for each peer: 6 MB; the next repair finds
/// the rest.
pub const LACKING: usize = 200_000;

/// Events that a slow watcher may be behind before it loses some.
pub const WATCH_EVENTS: usize = 1_024;

/// Sessions that one peer may have with us at once, of those that it opened: one live, one
/// repair, and on each connection that died and is not given up yet as many. A session holds
/// up to 4 MiB of what comes in, a repair 40 bytes a record.
pub const SESSIONS_PER_PEER: usize = 16;

/// Batches that ingest takes in at once, over all peers: what was begun ends although its session
/// is over, so a peer that opens and closes sessions could pile them up. Each is a frame of
/// [`liaison_protocol::limits::FRAME_BYTES`] at most.
pub const INGESTS: usize = 64;

/// Milliseconds that a peer's offer waits for the copy that another peer was asked for: some round
/// trips. It is what a peer that offers and does not deliver can delay another by.
pub const ASKED_ELSEWHERE_MS: u64 = 1_000;

/// Milliseconds for which nobody waits for the copies of a peer that let that time pass.
pub const SLOW_COURIER_MS: u64 = 60_000;

/// Milliseconds between two ticks of a session: it notices silence within that.
pub const SESSION_TICK_MS: u64 = 5_000;

/// Ticks after which what was answered `later` is offered again: half a minute.
pub const AGAIN_TICKS: u64 = 6;

/// Milliseconds after which a record that is ahead of the peer's clock is offered again, beyond
/// the time when it should no longer be: what is known of its clock is some milliseconds old.
pub const CLOCK_AGAIN_MS: u64 = 250;

/// Milliseconds before a stream that failed is opened anew, doubled each time.
pub const SESSION_PAUSE_MS: u64 = 200;

/// The longest such pause: the link is up, so the peer is there.
pub const SESSION_PAUSE_MAX_MS: u64 = 5_000;

/// Bytes of one call's body: a piece of an import, with room for its JSON quoting.
pub const API_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of a body up to which a call takes no share of [`API_BODIES_BYTES`]: all connections with
/// such a one take 16 MB.
pub const API_SMALL_BODY_BYTES: usize = 64 * 1024;

/// Bytes of larger bodies that are in memory at once, of all users' calls.
pub const API_BODIES_BYTES: usize = 8 * API_BODY_BYTES;

/// The same, of one user's calls: two imports beside each other.
pub const API_BODIES_BYTES_OF_USER: usize = 2 * API_BODY_BYTES;

/// Connections to the local socket at once, of all users; each makes one call at a time. A file
/// descriptor each, of the 1,024 that a system may give a process at least.
pub const API_CONNECTIONS: usize = 256;

/// The same, of one user: more than a person with a few windows open, and their scripts, need.
pub const API_CONNECTIONS_OF_USER: usize = 32;

/// Connections at once that are told that there is no place for them; more are closed at once.
pub const API_REFUSALS: usize = 16;

/// Milliseconds for each step of that: such a caller is a program on this machine.
pub const API_REFUSE_MS: u64 = 1_000;

/// Bytes of the head of a call; hyper takes no less than 8 KiB.
pub const API_HEAD_BYTES: usize = 64 * 1024;

/// Milliseconds in which the head of a call has to come, and for which a connection may be idle
/// between two calls.
pub const API_HEAD_MS: u64 = 10_000;

/// Milliseconds until connections are taken again after the system had no room for one.
pub const API_ACCEPT_AGAIN_MS: u64 = 100;

/// Bytes that are kept of what the HTTP library says of a call that it refuses.
pub const API_ERROR_BYTES: usize = 4 * 1024;

/// Records that an ambiguous prefix is answered with.
pub const AMBIGUOUS: usize = 12;

/// Lines of a preview that wait for their reader.
pub const PREVIEW_LINES: usize = 16;

/// Records that a preview names for each peer and way: enough to see of what sort they are.
pub const PREVIEW_SAMPLES: usize = 3;

/// Milliseconds that sessions have to end when the node stops.
pub const STOP_MS: u64 = 5_000;

/// Own trends that a new one is held against, newest first: a reader could subtract any two
/// of them; beyond that the work of a push would grow without end.
pub const OVERLAPPING: usize = 500;

/// Permits and requests for one record under one key of one agency: each may name 64. The
/// oldest counts no more.
pub const LEAVES_PER_RECORD: usize = 64;

/// Permits and requests under one key of one agency in all: 25 MB of memory. The oldest counts
/// no more.
pub const LEAVES_OF_KEY: usize = 10_000;

/// Affirmations of one record under one key that are told apart: one that the peer knows is
/// enough.
pub const AFFIRMATIONS_PER_RECORD: usize = 16;

/// Days that a permit may run: a longer one is forgotten before it ends.
pub const PERMIT_DAYS: i64 = 366;

/// Days after which a request for a permit that nobody answered is no longer shown as open.
pub const ASK_DAYS: i64 = 30;

/// Open requests for permits that the status lists; it counts them all.
pub const ASKS_SHOWN: usize = 20;

/// Days after which a peer that is being removed is unlinked although it did not answer what it
/// is owed: longer than any holiday, repair or change of staff.
pub const LEAVING_DAYS: u64 = 90;

/// Milliseconds between two looks at whether a peer that is being removed has answered all.
pub const LEAVING_LOOK_MS: u64 = 2_000;

/// Characters of a reason that an officer types: a sentence or two, in a log for years.
pub const REASON_CHARS: usize = 500;

/// Repairs that the node has under way at once, of those that it began and of those that it serves,
/// each: one holds 80 bytes a record, of a million records 80 MB.
pub const REPAIRS_AT_ONCE: usize = 1;

/// Milliseconds that a peer which began a repair waits for its turn with us: less than it waits
/// for our hello.
pub const REPAIR_WAIT_MS: u64 = 5_000;

/// Milliseconds after which a repair ends for one that waits: a million ids take half of it on a
/// line of 10 Mbit/s. It begins anew later.
pub const REPAIR_TURN_MS: u64 = 60_000;

/// Milliseconds that a repair which is over has to end in order, and to tell the peer: two looks
/// at it. Then it is broken off.
pub const REPAIR_END_MS: u64 = 2 * SESSION_TICK_MS;

/// Milliseconds, half to one and a half times, after which a repair is begun again for which the
/// peer had no turn; doubled each time.
pub const REPAIR_AGAIN_MS: u64 = 10_000;

/// Milliseconds between two repairs that changes of cards or policy ask for.
pub const REPAIR_PAUSE_MS: u64 = 1_000;

/// Control records that are read at once for an answer, and records counted anew at once.
pub const WITHDRAWALS_READ: usize = 500;

/// Milliseconds that receipts are gathered before those behind us are counted anew: a burst of
/// them makes one receipt of ours.
pub const RECEIPT_QUIET_MS: u64 = 150;

/// Holders that one count speaks of at most: more than there are agencies; what a peer says
/// beyond that is no count.
pub const FURTHER: u32 = 1_000_000;

/// Recalls made in one write.
pub const RECALLS: usize = 200;

/// Milliseconds after which the wall clock is looked at again: nobody tells when it is set.
pub const CLOCK_LOOK_MS: u64 = 60_000;

/// Milliseconds that the wall clock may be behind the latest time seen: an hour, more than a
/// daylight-saving mistake and less than a lie that pays.
pub const CLOCK_BEHIND_MS: u64 = 60 * 60 * 1000;

/// Milliseconds that it may be ahead of the latest time seen: a day. Whoever was off for
/// longer waits for a peer's word or an administrator's.
pub const CLOCK_JUMP_MS: u64 = DAY_MS;

/// Milliseconds that it may be off the median of the peers: as far as a peer's record may be
/// ahead.
pub const CLOCK_OFF_PEERS_MS: u64 = liaison_protocol::limits::CLOCK_AHEAD_MS;

/// Milliseconds that the latest time seen moves before it is written down again.
pub const TIME_KEPT_MS: u64 = 10 * 60 * 1000;

/// Milliseconds between two looks through everything for what has ended: an hour. What is
/// known to end is erased when it does.
pub const SWEEP_EVERY_MS: u64 = 60 * 60 * 1000;

/// Records erased in one write: others wait for the disk meanwhile, for some 50 ms.
pub const SWEEP_BATCH: usize = 1_000;

/// Records that a list of what ends shows: the rest is counted.
pub const EXPIRY_ROWS: usize = 500;

/// Bytes of `config.toml`: a few hundred lines with their comments.
pub const CONFIG_BYTES: u64 = 256 * 1024;

/// Control records kept as they read, to say to whom they are owed: some hundred bytes each.
pub const OWED_READ: usize = 16 * 1024;

/// Bytes of the officers file: a line or two for each of some hundred officers.
pub const OFFICERS_BYTES: u64 = 256 * 1024;

/// Seconds between two words to a peer of what our clock says.
pub const TELL_TIME_S: u64 = 600;

/// Times that a peer is told between two ticks of a session that it has all: of the notices
/// that it takes ([`liaison_protocol::limits::NOTICES_AT_ONCE`]) others need some.
pub const SETTLED_NOTICES: u32 = 1;

/// Seconds after which a peer that a restored node still waits for is asked again.
pub const CATCH_UP_EVERY_S: u64 = 30;

/// Milliseconds for which a peer's bare claim that this machine was set back keeps it from
/// signing: a peer that is honest and connected shows what we lack within a fraction of that,
/// and one that lies must not stop us for long.
pub const SET_BACK_PROOF_MS: u64 = 10 * 60 * 1_000;

/// Milliseconds between the line of the audit log that announces a backup and the time that the
/// backup states: the node is busy for that long at most.
pub const BACKUP_ANNOUNCED_MS: u64 = 60 * 1_000;

/// Bytes of one page of a backup: writes wait for as long as it is read, some milliseconds.
pub const CUT_PAGE_BYTES: usize = 1024 * 1024;

/// Bytes of what changed while a backup is made, held in memory until it was read: a hundred
/// thousand records that come meanwhile.
pub const CUT_CHANGES_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of one entry of a backup: a page of the store, and half as much again.
pub const BACKUP_ENTRY_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of one piece of a file in a backup.
pub const BACKUP_PIECE_BYTES: usize = 1024 * 1024;

/// Files of a home that a backup takes: a policy folder, drafts, years of audit segments.
pub const BACKUP_FILES: usize = 100_000;

/// Bytes of a backup's chunk, each sealed by itself: nothing is believed before its tag is.
pub const BACKUP_CHUNK_BYTES: usize = 64 * 1024;

/// Kibibytes of memory, and passes, by which Argon2id makes a key of a passphrase: a third of a
/// second, and a gigabyte-second for whoever guesses.
pub const BACKUP_KDF: (u32, u32) = (128 * 1024, 3);

/// Kibibytes and passes that a backup's heading may ask for.
pub const BACKUP_KDF_MAX: (u32, u32) = (1024 * 1024, 16);

/// Characters of a backup's passphrase: whoever has the file can guess without end.
pub const BACKUP_PASSPHRASE_CHARS: usize = 12;

/// Bytes of a key file or passphrase.
pub const BACKUP_SECRET_BYTES: u64 = 4 * 1024;

/// Entries of a backup that wait for whoever takes it: a few MiB.
pub const BACKUP_QUEUE: usize = 4;

/// Numbers of keys statements that a restored node leaves out: those that it signed since the
/// backup and does not know of, one in 15 days.
pub const STATEMENTS_LEFT_OUT: u64 = 1_000;

/// Bytes of a line of the audit log: the most records that one lists, with room.
pub const AUDIT_LINE_BYTES: u64 = 64 * 1024;

/// Records that one line of the audit log lists: two batches of the wire.
pub const AUDIT_RECORDS: usize = 400;

/// Bytes kept of what an officer typed in one call: a long query and a reason.
pub const AUDIT_TYPED_BYTES: usize = 4 * 1024;

/// Bytes of each text that stands in clear in a line of the audit log: the officers by name and
/// role, the longest, are a few hundred.
pub const AUDIT_CLEAR_BYTES: usize = 4 * 1024;

/// Refusals of one user that are lines of their own in [`AUDIT_TURN_AWAY_MS`]; the others are
/// counted in one line, so that nobody fills the audit log from outside.
pub const AUDIT_TURN_AWAYS: u64 = 10;

/// Milliseconds in which they are counted: as long as between two signed heads.
pub const AUDIT_TURN_AWAY_MS: u64 = AUDIT_HEAD_MS;

/// Writes that may wait for the audit log's writer: then callers wait.
pub const AUDIT_COMMANDS: usize = 256;

/// Writes of the audit log that share one sync of the disk.
pub const AUDIT_GROUP: usize = 128;

/// Bytes of a segment of the audit log, at most: read at a start in a tenth of a second.
pub const AUDIT_SEGMENT_BYTES: u64 = 16 * 1024 * 1024;

/// Bytes of a segment of the audit log, at least, however little is to be kept.
pub const AUDIT_SEGMENT_MIN_BYTES: u64 = 32 * 1024;

/// Milliseconds between two signed heads of the audit log: what a thief could cut off unseen.
pub const AUDIT_HEAD_MS: u64 = 10 * 60 * 1000;

/// Lines that one answer about the audit log holds at most.
pub const AUDIT_ANSWER_LINES: usize = 10_000;

/// Records that the lines of one answer about the audit log name: 20 MB of text. The next answer
/// has the older ones.
pub const AUDIT_ANSWER_IDS: usize = 100_000;

/// Faults of the audit log that one check lists: more say nothing new.
pub const AUDIT_FAULTS: usize = 50;

/// Acts that may wait for a second person: more than anybody looks through is no care.
pub const PENDING_ACTS: usize = 32;

/// Milliseconds after which an act that nobody approved lapses: seven days.
pub const PENDING_MS: u64 = 7 * DAY_MS;

/// `service` records that one answer reads: several federations' worth; each is 1 KiB.
pub const SERVICES_READ: usize = 10_000;

/// Offers that one answer suggests: more than a person compares.
pub const SERVICE_SUGGESTIONS: usize = 25;

/// Rows of the table of gaps.
pub const GAP_ROWS: usize = 1_000;

/// Days before its end from which an offer is to be asked about.
pub const SERVICE_ENDS_DAYS: i64 = 3;

/// Files of one folder of the keyring: some ten years of sealed records of a busy agency.
pub const KEYRING_ENTRIES: usize = 1_000_000;

/// Bytes of one secret in the keyring, padded: ids, secret, and every country to be excluded.
pub const KEYRING_ENTRY_BYTES: usize = 2 * 1024;

/// Bytes of one value in the keyring: a draft or file of one referral with its identity.
pub const KEYRING_FILE_BYTES: usize = 256 * 1024;

/// Bytes that such values are padded to a multiple of, so that their length tells little.
pub const KEYRING_PAD_BYTES: usize = 4 * 1024;

/// Bytes that padding, nonce and tag add to it, at most.
pub const KEYRING_FILE_EXTRA_BYTES: usize = 2 * KEYRING_PAD_BYTES;

/// Files of the keyring that are encrypted anew with the same syncs: each is an open file as long.
pub const KEYRING_BATCH: usize = 256;

/// Files that did not open which are told one by one; all of them are in quarantine.
pub const KEYRING_DAMAGED: usize = 100;

/// Days that a sealing key stands in our keys statements: what somebody recorded on the wire
/// and copies from this machine later opens for so long, and [`SEALING_KEPT_DAYS`] more.
pub const SEALING_KEY_DAYS: u64 = 30;

/// Days before its end at which the next sealing key is made: peers that were off meanwhile have
/// one that holds.
pub const SEALING_OVERLAP_DAYS: u64 = 10;

/// Days that the private half is kept after that: for wraps that are still on their way.
pub const SEALING_KEPT_DAYS: u64 = 15;

/// Drafts and cases of referrals that one node keeps: years of a busy border post.
pub const REFERRAL_DRAFTS: usize = 20_000;

/// Days after which a draft of a referral that nobody sent is destroyed: it names a person, and
/// after a month it is about another situation.
pub const REFERRAL_DRAFT_DAYS: u64 = 30;

/// Seconds that a call waits for a candidate's node to have a referral: as long as an officer
/// waits before they telephone.
pub const ARRIVAL_WAIT_S: u64 = 30;

/// Changes of the vault that the referrals take up at once: their profiles are in memory for
/// as long as that takes.
pub const REFERRAL_CHANGES: usize = 256;

/// Rounds of what follows from what follows, at most: a referral has 8 candidates, and each
/// takes two. What is left waits for the next change.
pub const REFERRAL_ROUNDS: usize = 64;

/// Lines of the inbox that are shown at once.
pub const REFERRAL_ROWS: usize = 1_000;

/// Milliseconds for which a referral that nobody took asks for a gap to be recorded: a week.
pub const PROMPT_MS: u64 = 7 * DAY_MS;

/// Milliseconds of an hour.
pub const HOUR_MS: u64 = 60 * 60 * 1000;

/// Officers assigned to one sealed thread: a case conference.
pub const ASSIGNED: usize = 32;

/// Characters that a reason for looking without being assigned has at least: a few words.
pub const GLASS_REASON_CHARS: usize = 10;

/// Alerts that wait for the data-protection officer: the oldest leave first, and the audit log
/// has them all.
pub const ACCESS_ALERTS: usize = 200;

/// Milliseconds in which an officer's looks are counted: an hour.
pub const BULK_MS: u64 = 60 * 60 * 1000;

/// Sealed threads that an officer may read in that time before the data-protection officer is
/// told: more than one person works on in an hour.
pub const BULK_THREADS: usize = 20;

/// Threads that are counted in that time for one officer.
pub const BULK_COUNTED: usize = 1_000;

/// Milliseconds that the command of `[notify]` may take: it sends one message.
pub const NOTIFY_MS: u64 = 30_000;

/// Seconds between two runs of it, at most: a day.
pub const NOTIFY_MAX_S: u64 = 24 * 60 * 60;

/// Alerts about looks that the status lists; it counts them all.
pub const ALERTS_SHOWN: usize = 5;

/// Quarters back for which figures are given: five years. Profiles are kept for one.
pub const STATS_QUARTERS: i64 = 20;

/// Milliseconds between two looks whether sealing keys and the keys statement are to be renewed:
/// an hour, of weeks.
pub const RENEW_LOOK_MS: u64 = 60 * 60 * 1000;

/// Milliseconds before a deadline at which it is told that it comes: half an hour, half of the
/// shortest.
pub const DUE_SOON_MS: u64 = 30 * 60 * 1000;

/// Milliseconds after which what did not reach the other agency's node is told: whoever sent it
/// was shown so after half of that.
pub const UNDELIVERED_MS: u64 = 60 * 1000;

/// Referrals that a search gives at most: more of them are no answer.
pub const REFERRALS_FOUND: usize = 100;

/// Words that are searched for at once.
pub const FIND_WORDS: usize = 8;

/// Milliseconds within which the same officer's looks at the same referral are one.
pub const ONE_LOOK_MS: u64 = 1_000;

/// Agencies that a hub's disk works for at once: more would not make a disk faster.
pub const HUB_DISK_JOBS: usize = 4;

/// Milliseconds between two lines of the audit log about the parcels of one agency for
/// another, at a hub: they say how many.
pub const HUB_AUDIT_MS: u64 = 60_000;

/// Pairs of agencies and what happened between them after which a hub writes its lines at
/// once.
pub const HUB_AUDIT_LINES: usize = 10_000;

/// Pairs of agencies for which a hub remembers what its policy says: 65 bytes each.
pub const HUB_PAIRS: usize = 100_000;

/// Parcels of ours that may be under way: their rows are in memory, up to 32 KiB each.
pub const OUTBOX_PARCELS: usize = 4_096;

/// Parcels that may be under way to one agency: half a gigabyte.
pub const OUTBOX_PARCELS_OF_PEER: usize = 512;

/// Of these, those that are left for what is owed, such as retractions: an eighth.
pub const OUTBOX_OWED_PARCELS: usize = OUTBOX_PARCELS / 8;

/// The same of those to one agency.
pub const OUTBOX_OWED_PARCELS_OF_PEER: usize = OUTBOX_PARCELS_OF_PEER / 8;

/// Small parcels to one agency at one hub that are taken back when there is no room for another, so
/// that what is in them leaves in one: fewer would make little room.
pub const MERGED_PARCELS: usize = 16;

/// Bytes of such a parcel, at most: a sixteenth of what one may have.
pub const MERGED_PARCEL_BYTES: usize = 64 * 1024;

/// Times that a parcel is made in a row, because something in it was withdrawn while it was sealed.
pub const PACK_TRIES: usize = 8;

/// Numbers of parcels to each agency that a restored node leaves out at least: those that it
/// used since the backup and does not know of.
pub const PARCEL_NUMBERS_LEFT_OUT: u64 = 1_000_000;

/// Parcels of one sender of which it is still to be told what became of them: of more the oldest
/// are sent again.
pub const TOLD_PARCELS: usize = 1_024;

/// Bytes that a record takes in a letter beside its frame.
pub const PARCEL_RECORD_BYTES: usize = 64;

/// Milliseconds after which what was answered `later` to a parcel is packed again: an hour, for
/// it takes a parcel each way.
pub const PARCEL_AGAIN_MS: u64 = HOUR_MS;

/// Milliseconds for which a receipt or a request that a peer refused, because it knows of nothing
/// that it concerns, is offered again by repairs: a day, for it may have come ahead. A recall for
/// [`CALLED_BACK_MS`].
pub const OWED_AGAIN_MS: u64 = DAY_MS;

/// Milliseconds for which an addressee's word is waited for when a hub has a parcel no more: a
/// quarter of an hour, doubled each time up to [`PARCEL_WORD_MAX_MS`].
pub const PARCEL_WORD_MS: u64 = 15 * 60 * 1000;

/// The longest such wait: a day.
pub const PARCEL_WORD_MAX_MS: u64 = DAY_MS;

/// Agencies that one hub serves: as many as can be linked.
pub const HUB_AGENCIES: usize = crate::swarm::limits::LINKED_PEERS;

/// Circuits of one agency through one hub, at most: each is a stream in its connection to the
/// hub, and a connection carries [`crate::swarm::limits::MUXED_STREAMS`].
pub const CIRCUITS_PER_AGENCY: usize = 384;

/// Circuits that a hub can be told to carry at once: two buffers of 8 KiB each, and two streams,
/// some 20 KiB, so these take over a gigabyte.
pub const CIRCUITS: usize = 65_536;

/// Parcels of one agency that a hub can be told to keep: its index of them is in memory, some
/// 200 bytes a parcel.
pub const PARCELS_PER_AGENCY: usize = 100_000;

/// Megabytes that a hub can be told to keep: 10 TB.
pub const MAILBOX_MB_MAX: u64 = 10_000_000;

/// Seconds without a connection until parcels are sent, at most: a week.
pub const PARCEL_AFTER_S: u64 = 7 * 24 * 3_600;

/// Days that a parcel can be told to wait, at most: those that its format allows.
pub const PARCEL_LIFE_DAYS: u64 = 30;

/// Mailbox streams that one agency may have at a hub at once: one is needed, the rest is room
/// for those that die while their successor opens.
pub const HUB_STREAMS: usize = 4;

/// Milliseconds for which figures that take a look through the store, and a trial write, are good
/// again: whoever fetches them more often gets the same.
pub const METRICS_FRESH_MS: u64 = 1_000;

/// Times as long as such a look took that the node rests from them: it costs a tenth of one
/// processor at most.
pub const METRICS_PAUSE: u32 = 10;

/// Milliseconds that whoever fetches the figures waits for such a look: Prometheus gives up
/// after 10 s.
pub const METRICS_WAIT_MS: u64 = 2_000;

/// Calls for figures or health that are answered at once: a page of a large federation is some
/// hundred KiB, and Prometheus makes one call at a time.
pub const METRICS_CALLS: usize = 8;

/// Bytes of such a call's head; hyper takes no less.
pub const METRICS_HEAD_BYTES: usize = 8 * 1024;

/// Milliseconds in which the head of such a call has to come.
pub const METRICS_HEAD_MS: u64 = 3_000;

/// Milliseconds that such a call may take in all: longer than a look and a trial write together.
pub const METRICS_CALL_MS: u64 = 15_000;

/// Milliseconds that the store may take for a trial write before the node is called ill.
pub const METRICS_PROBE_MS: u64 = 5_000;

/// Milliseconds between two questions to a hub what it holds of ours: ten minutes.
pub const HOLDING_MS: u64 = 10 * 60 * 1000;

/// The longest pause before a hub is spoken to again after a failure: half a minute.
pub const HUB_PAUSE_MAX_MS: u64 = 30_000;

/// Milliseconds after which a parcel that could not be taken yet is asked for again: a minute.
pub const PARCEL_LEFT_MS: u64 = 60_000;

/// Milliseconds for which a hub that has too much to do is left alone.
pub const HUB_BUSY_MS: u64 = 10_000;

/// Milliseconds after which a hub that does not keep something for an agency is asked again: after
/// the first refusal, the second, and so on; then always the last. Each costs it a line, and us a
/// number and a ledger entry a record.
pub const HUB_AGAIN_MS: [u64; 4] = [60_000, 5 * 60_000, 15 * 60_000, HOUR_MS];

/// Milliseconds between two such questions at least, whatever says that its word may be another by
/// now: a hub that ends streams without end does not keep a disk busy.
pub const HUB_AGAIN_SOON_MS: u64 = 10_000;

/// Parcels of one depositor of which it is to be told that their key is destroyed: as many as it
/// may have under way. Of more the oldest are left out: they are sent again after a while anyway.
pub const RETIRED_PARCELS: usize = 512;

/// Names of collected parcels that are remembered, to notice a hub that brings one again.
pub const COLLECTED_PARCELS: usize = 4_096;

/// Milliseconds between two looks at the parcels to peers that are connected.
pub const PARCEL_LOOK_MS: u64 = 5_000;

/// Of these looks every so many is at all parcels: what has ended since, or was amended.
pub const PARCEL_LOOKS: u64 = 12;

/// Days for which an identity may be kept after its referral is over, at most: a year.
pub const IDENTITY_KEPT_DAYS: u64 = 366;

/// Months for which a referral may be kept at all, at most: five years.
pub const PROFILE_KEPT_MONTHS: u64 = 60;

/// Of each ten files that a folder of the keyring may have, those from which an administrator
/// is told: there is time left to archive.
pub const KEYRING_WARN_TENTHS: usize = 9;

/// Milliseconds that a withdrawal waits for connected hubs to discard what it takes back.
pub const TAKEN_BACK_MS: u64 = 2_000;

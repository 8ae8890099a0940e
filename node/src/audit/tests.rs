//! The log on a real disk: what is written, what a check finds, what is kept.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use liaison_protocol::audit::SignedHead;
use liaison_protocol::card::AgencyKeys;
use liaison_protocol::id::RecordId;
use tempfile::TempDir;

use super::*;
use crate::clock::SystemClock;
use crate::home::{Home, InitRequest};

struct Place {
    dir: TempDir,
    home: Home,
    keys: AgencyKeys,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("folder");
        let home = Home::at(dir.path().join("h"));
        let request = InitRequest {
            name: "a".into(),
            country: "QN".parse().expect("country"),
            sector: "border".parse().expect("sector"),
            route_roles: Vec::new(),
            regime: "led".parse().expect("regime"),
            addresses: Vec::new(),
        };
        home.init(request, SystemClock.now()).expect("init");
        let card = home.card_file().expect("card");
        let mut keys = AgencyKeys::new(card.agency());
        let record =
            liaison_protocol::record::signed::SignedRecord::parse(card.card().bytes().clone())
                .expect("card");
        keys.learn(record).expect("card");
        Self { dir, home, keys }
    }

    fn logs(&self) -> PathBuf {
        self.dir.path().join("audit")
    }

    fn open(&self) -> Audit {
        self.open_with(1 << 30, None)
    }

    fn open_keeping(&self, bytes: u64) -> Audit {
        self.open_with(bytes, None)
    }

    fn open_restored(&self, restored: Option<Millis>) -> Audit {
        self.open_with(1 << 30, restored)
    }

    fn open_with(&self, keep_bytes: u64, restored: Option<Millis>) -> Audit {
        let options = AuditOptions {
            clock: Arc::new(SystemClock),
            signing: crate::signing::Signing::new(self.home.secrets().expect("keys").signing),
            key: self.home.audit_key().expect("key"),
            keep_bytes,
            restored,
        };
        Audit::open(self.logs(), options).expect("opened")
    }

    fn check(&self, witnessed: &[Witnessed]) -> Report {
        verify(&self.logs(), &self.keys, witnessed).expect("read")
    }

    fn last(&self) -> PathBuf {
        segments(&self.logs())
            .expect("read")
            .pop()
            .expect("one")
            .path
    }

    /// Rewrites the last segment's lines; what a check says then.
    fn forged(&self, how: impl FnOnce(&mut Vec<String>)) -> String {
        let path = self.last();
        let good = fs::read_to_string(&path).expect("read");
        let mut lines: Vec<String> = good.lines().map(str::to_owned).collect();
        how(&mut lines);
        fs::write(&path, lines.join("\n") + "\n").expect("written");
        let report = self.check(&[]);
        fs::write(&path, good).expect("put back");
        let says: Vec<String> = report.faults.into_iter().map(|f| f.says).collect();
        says.join("; ")
    }
}

fn shown(n: u8) -> Entry {
    Entry {
        records: vec![RecordId::from_bytes([n; 32])],
        typed: Some(format!("query: Kovač {n}")),
        ..Entry::new(
            Who::stranger(4_000_000_001),
            Act::Consult,
            "GET /v1/records/{id}",
        )
    }
}

/// Nine lines, each of another record.
async fn nine(audit: &Audit) {
    for n in 0..9 {
        audit.write(vec![shown(n)]).await.expect("written");
    }
}

#[tokio::test]
async fn a_line_that_was_edited_removed_or_moved_is_found() {
    let place = Place::new();
    let audit = place.open();
    nine(&audit).await;
    audit.sign_head().await.expect("signed");
    audit.close();
    assert!(audit.write(vec![shown(1)]).await.is_err(), "it is closed");
    let good = place.check(&[]);
    assert_eq!(good.faults, []);
    // start, nine, head, stop, head.
    assert_eq!((good.from, good.to, good.heads), (1, 13, 2));

    let edited = place.forged(|lines| lines[4] = lines[4].replace("GET", "PUT"));
    assert!(edited.contains("line 5 does not follow"), "{edited}");
    let removed = place.forged(|lines| drop(lines.remove(4)));
    assert!(removed.contains("line 5 does not follow"), "{removed}");
    let moved = place.forged(|lines| lines.swap(4, 5));
    assert!(moved.contains("line 5 does not follow"), "{moved}");
    // Someone who edits a line and makes all hashes after it anew is stopped by a signature.
    let rehashed = place.forged(|lines| {
        let mut before = Digest::default();
        for line in lines.iter_mut() {
            let json = line.split_off(65).replace("4000000001", "0");
            before = before.then(json.as_bytes());
            *line = format!("{before} {json}");
        }
    });
    assert!(rehashed.contains("signed head"), "{rehashed}");
    assert_eq!(place.check(&[]).faults, [], "and it was put back");
}

#[tokio::test]
async fn a_tail_that_was_cut_off_is_found_by_a_witness_only() {
    let place = Place::new();
    let audit = place.open();
    audit
        .write(vec![shown(1), shown(2)])
        .await
        .expect("written");
    audit.sign_head().await.expect("signed");
    let head = audit.state().borrow().head.clone().expect("a head");
    audit.close();
    let head = SignedHead::parse(head).expect("a head");
    let head = head.verify(&place.keys).expect("ours");
    let witnessed = [Witnessed {
        by: "b".into(),
        head: *head.head(),
    }];
    let good = place.check(&witnessed);
    assert_eq!((good.faults.as_slice(), good.witnessed), (&[][..], 3));
    let path = place.last();
    let text = fs::read_to_string(&path).expect("read");
    let short: Vec<&str> = text.lines().take(2).collect();
    fs::write(&path, short.join("\n") + "\n").expect("cut");
    assert_eq!(
        place.check(&[]).faults,
        [],
        "without a witness it looks whole"
    );
    let found = place.check(&witnessed).faults;
    assert!(found[0].says.contains("b witnessed line 3"), "{found:?}");
    // A node that starts on what is left goes on in the same chain, as another line 3.
    let audit = place.open();
    audit.write(vec![shown(3)]).await.expect("written");
    audit.close();
    let found = place.check(&witnessed).faults;
    assert!(found[0].says.contains("rewritten"), "{found:?}");
    // And a log that was begun anew is another one.
    fs::remove_dir_all(place.logs()).expect("gone");
    place.open().close();
    let found = place.check(&witnessed).faults;
    assert!(found[0].says.contains("another log"), "{found:?}");
}

#[tokio::test]
async fn its_size_is_bounded_and_the_chain_is_kept() {
    let place = Place::new();
    let keep = 128 * 1024;
    let audit = place.open_keeping(keep);
    for n in 0..250u8 {
        let many = (0..4).map(|_| shown(n)).collect();
        audit.write(many).await.expect("written");
    }
    audit.close();
    let all = segments(&place.logs()).expect("read");
    let bytes: u64 = all.iter().map(|s| s.bytes).sum();
    assert!(bytes <= keep + limits::AUDIT_SEGMENT_MIN_BYTES, "{bytes}");
    let report = place.check(&[]);
    assert_eq!(report.faults, []);
    assert!(report.from > 1 && report.to > 1_000, "{report:?}");
    // One of them taken out, or a stub, is missed.
    fs::rename(&all[1].path, place.dir.path().join("taken")).expect("moved");
    assert!(!place.check(&[]).faults.is_empty());
    fs::rename(place.dir.path().join("taken"), &all[1].path).expect("put back");
    let stubs = segment::stubs(&place.logs()).expect("read");
    let last = &stubs.last().expect("a stub").0;
    fs::rename(last, place.dir.path().join("taken")).expect("moved");
    assert!(!place.check(&[]).faults.is_empty());
}

#[tokio::test]
async fn what_cant_be_written_is_refused_and_a_torn_line_is_put_aside() {
    let place = Place::new();
    let audit = place.open();
    audit.write(vec![shown(1)]).await.expect("written");
    audit.close();
    let path = place.last();
    let mut torn = fs::read(&path).expect("read");
    torn.extend_from_slice(b"0123456789abcdef {\"n\":4,");
    fs::write(&path, &torn).expect("torn");
    assert_eq!(place.check(&[]).faults, []);
    let audit = place.open();
    audit.write(vec![shown(2)]).await.expect("written");
    assert_eq!(place.check(&[]).faults, []);
    assert!(path.with_extension("torn").exists());
    // The file goes while it is written: nothing is said to be on the disk that is not.
    fs::remove_file(&path).expect("removed");
    let refused = audit.write(vec![shown(3)]).await.expect_err("refused");
    assert!(refused.to_string().contains("removed"), "{refused}");
    assert!(audit.state().borrow().fault.is_some());
    audit.close();
}

#[tokio::test]
async fn what_was_typed_is_read_with_the_private_half_only() {
    let place = Place::new();
    let audit = place.open();
    audit.write(vec![shown(7)]).await.expect("written");
    audit.close();
    let text = fs::read_to_string(place.last()).expect("read");
    assert!(!text.contains("Kova"), "{text}");
    let secret = fs::read_to_string(place.home.audit_secret_path()).expect("made by init");
    let secret = seal::SecretKey::parse(&secret).expect("private half");
    let lines: Vec<Line> = text
        .lines()
        .map(|raw| serde_json::from_str(&raw[65..]).expect("a line"))
        .collect();
    let opening = lines[0].seal.as_ref().expect("an opening");
    let typed = lines[1].typed.as_ref().expect("under seal");
    let opened = secret.open(opening).expect("ours").open(2, typed);
    assert_eq!(opened.as_deref(), Ok("query: Kovač 7"));
}

/// A batch that failed may have reached the disk, and a copy of it: other texts under the numbers
/// of its lines are sealed under another key.
#[tokio::test]
async fn no_line_that_failed_shares_its_seal_with_another_text() {
    let place = Place::new();
    let audit = place.open();
    audit.write(vec![shown(1)]).await.expect("written");
    let path = place.last();
    let good = fs::read(&path).expect("read");
    fs::write(&path, good.get(..8).expect("bytes")).expect("cut");
    audit.write(vec![shown(2)]).await.expect_err("refused");
    fs::write(&path, &good).expect("put back");
    let number = audit.write(vec![shown(3)]).await.expect("written");
    audit.close();
    assert_eq!(place.check(&[]).faults, []);
    let text = fs::read_to_string(&path).expect("read");
    let line = |n: u64| -> Line {
        let lines = text.lines().map(|raw| &raw[65..]);
        let mut lines = lines.map(|raw| serde_json::from_str::<Line>(raw).expect("a line"));
        lines.find(|line| line.n == n).expect("there")
    };
    let typed = line(number).typed.expect("under seal");
    assert!(
        typed.by > 2,
        "the failed one was sealed by line 1: {typed:?}"
    );
    let secret = fs::read_to_string(place.home.audit_secret_path()).expect("made by init");
    let secret = seal::SecretKey::parse(&secret).expect("private half");
    let opening = line(typed.by).seal.expect("an opening");
    let opened = secret.open(&opening).expect("ours").open(number, &typed);
    assert_eq!(opened.as_deref(), Ok("query: Kovač 3"));
}

fn head(audit: &Audit) -> AuditHead {
    let bytes = audit.state().borrow().head.clone().expect("a head");
    *SignedHead::parse(bytes).expect("a head").unverified()
}

/// A log whose backup, if one is made, has so much of it, and that goes on after it; what a
/// peer witnessed of the end.
async fn copied(place: &Place, backup: bool) -> (String, Witnessed) {
    let audit = place.open();
    audit.write(vec![shown(1)]).await.expect("written");
    if backup {
        let entry = Entry::new(Who::Node, Act::Administer, "POST /v1/backup");
        audit.write(vec![entry]).await.expect("written");
    }
    let copy = fs::read_to_string(place.last()).expect("read");
    nine(&audit).await;
    audit.sign_head().await.expect("signed");
    let witnessed = Witnessed {
        by: "b".into(),
        head: head(&audit),
    };
    audit.close();
    (copy, witnessed)
}

#[tokio::test]
async fn a_restore_is_no_cut_and_says_what_it_lost() {
    let place = Place::new();
    let (copy, witnessed) = copied(&place, true).await;
    let made = SystemClock.now();
    fs::write(place.last(), &copy).expect("restored");
    let audit = place.open_restored(Some(made));
    audit.write(vec![shown(1)]).await.expect("written");
    audit.sign_head().await.expect("signed");
    let after = Witnessed {
        by: "b".into(),
        head: head(&audit),
    };
    assert_ne!(after.head.chain, witnessed.head.chain);
    audit.close();
    let report = place.check(&[witnessed.clone(), after]);
    assert_eq!(report.faults, []);
    let says = report.restores.join("; ");
    // start, one, backup; then nine.
    assert!(says.contains("lines 4 to 12 of then are lost"), "{says}");
    assert!(report.witnessed > 4, "{report:?}");
    // A second run goes on with the new chain.
    place.open().close();
    assert_eq!(place.check(&[witnessed]).faults, []);
}

#[tokio::test]
async fn a_cut_dressed_up_as_a_restore_is_a_cut() {
    // No backup was ever made.
    let place = Place::new();
    let (copy, witnessed) = copied(&place, false).await;
    fs::write(place.last(), &copy).expect("cut");
    place.open_restored(Some(SystemClock.now())).close();
    let says = |report: Report| {
        let says: Vec<String> = report.faults.into_iter().map(|f| f.says).collect();
        says.join("; ")
    };
    let found = says(place.check(&[]));
    assert!(found.contains("tells of no backup then"), "{found}");
    let found = says(place.check(std::slice::from_ref(&witnessed)));
    assert!(found.contains("b holds the head"), "{found}");

    // One was, an hour before the time that the restore names.
    let place = Place::new();
    let (copy, _) = copied(&place, true).await;
    fs::write(place.last(), &copy).expect("cut");
    let later = Millis(SystemClock.now().0 + 3_600_000);
    place.open_restored(Some(later)).close();
    let found = says(place.check(&[]));
    assert!(found.contains("tells of no backup then"), "{found}");
}

#[tokio::test]
async fn a_log_that_was_set_back_says_so_once_a_peer_shows_its_head() {
    let place = Place::new();
    let (copy, witnessed) = copied(&place, true).await;
    fs::write(place.last(), &copy).expect("set back");
    let audit = place.open();
    let by = AgencyId::from_bytes([7; 32]);
    let before = audit.state().borrow().lines;
    // A head that it has got beyond tells nothing.
    let old = AuditHead {
        lines: before,
        ..witnessed.head
    };
    audit.set_back(old, by, false).await.expect("written");
    assert_eq!(audit.state().borrow().lines, before);
    for _ in 0..2 {
        let head = witnessed.head;
        audit.set_back(head, by, false).await.expect("written");
        assert_eq!(audit.state().borrow().lines, before + 1, "once");
    }
    audit.close();
    let report = place.check(&[]);
    let says: Vec<String> = report.faults.into_iter().map(|f| f.says).collect();
    assert_eq!(says.len(), 1, "{says:?}");
    assert!(says[0].contains("was set back"), "{says:?}");
    assert!(report.restores.is_empty());
}

#[tokio::test]
async fn a_log_that_was_set_back_and_went_on_begins_another_chain_as_well() {
    let place = Place::new();
    let (copy, witnessed) = copied(&place, true).await;
    fs::write(place.last(), &copy).expect("set back");
    let audit = place.open();
    while audit.state().borrow().lines <= witnessed.head.lines {
        audit.write(vec![shown(1)]).await.expect("written");
    }
    assert_eq!(audit.contradicts(witnessed.head).await, Ok(true));
    let chain = audit.state().borrow().chain;
    let by = AgencyId::from_bytes([7; 32]);
    for contradicted in [false, true, true] {
        let before = audit.state().borrow().lines;
        let head = witnessed.head;
        audit
            .set_back(head, by, contradicted)
            .await
            .expect("written");
        let now = audit.state().borrow().clone();
        assert_eq!(now.chain != chain, contradicted);
        assert!(now.lines <= before + 1);
    }
    audit.close();
}

#[tokio::test]
async fn a_log_that_was_cut_and_grew_again_contradicts_the_head_of_before() {
    let place = Place::new();
    let audit = place.open();
    nine(&audit).await;
    audit.sign_head().await.expect("signed");
    let head = SignedHead::parse(audit.state().borrow().head.clone().expect("a head"));
    let head = *head.expect("a head").unverified();
    assert_eq!(audit.contradicts(head).await, Ok(false));
    audit.close();
    let path = place.last();
    let text = fs::read_to_string(&path).expect("read");
    let short: Vec<&str> = text.lines().take(4).collect();
    fs::write(&path, short.join("\n") + "\n").expect("cut");
    let audit = place.open();
    assert_eq!(
        audit.contradicts(head).await,
        Ok(false),
        "`set_back` says so"
    );
    nine(&audit).await;
    audit.sign_head().await.expect("signed");
    assert!(audit.state().borrow().lines > head.lines);
    assert_eq!(audit.contradicts(head).await, Ok(true), "it is another");
    let mut other = head;
    other.chain = [9; 16];
    assert_eq!(audit.contradicts(other).await, Ok(false), "another chain");
    audit.close();
}

#[tokio::test]
async fn no_line_is_longer_than_what_is_read() {
    let place = Place::new();
    let audit = place.open();
    let long = "\u{1}".repeat(100_000);
    let entry = Entry {
        outcome: Some(long.clone()),
        rule: Some(long.clone()),
        ..Entry::new(Who::stranger(7), Act::TurnAway, long.clone())
    };
    audit.write(vec![entry]).await.expect("written, cut short");
    // What can't be cut is refused.
    let who = Who::Officer {
        uid: 7,
        name: long,
        roles: Vec::new(),
        shared: false,
    };
    let entry = Entry::new(who, Act::Consult, "x");
    let refused = audit.write(vec![entry]).await.expect_err("too long");
    assert!(matches!(refused, AuditError::TooLong { .. }), "{refused}");
    audit.write(vec![shown(1)]).await.expect("it goes on");
    audit.close();
    assert_eq!(place.check(&[]).faults, []);
    assert_eq!(place.open().state().borrow().damage, None);
}

#[tokio::test]
async fn a_rotation_that_was_cut_off_is_no_damage() {
    let place = Place::new();
    let audit = place.open();
    audit.write(vec![shown(1)]).await.expect("written");
    audit.close();
    let chain = audit.state().borrow().chain;
    for (begun, lines) in [(&b""[..], 4), (b"0123456789abcdef {\"n\":8,", 7)] {
        // Ended with a head, and the next one begun.
        assert_eq!(audit_lines(&place), lines);
        let next = path_of(&place.logs(), lines + 1, "log");
        fs::write(&next, begun).expect("begun");
        let audit = place.open();
        assert_eq!(audit.state().borrow().damage, None);
        assert_eq!(audit.state().borrow().chain, chain);
        audit.close();
        assert_eq!(place.check(&[]).faults, []);
        assert_eq!(next.with_extension("torn").exists(), !begun.is_empty());
    }
    // One whose first line is damaged is put aside, and the chain goes on as well.
    let next = path_of(&place.logs(), audit_lines(&place) + 1, "log");
    fs::write(&next, "damaged\n").expect("damaged");
    let audit = place.open();
    assert!(audit.state().borrow().damage.is_some());
    assert_eq!(audit.state().borrow().chain, chain);
    audit.close();
    assert_eq!(place.check(&[]).faults, []);
    assert!(next.with_extension("damaged").exists());
}

fn audit_lines(place: &Place) -> u64 {
    place.check(&[]).to
}

#[tokio::test]
async fn what_a_key_signed_that_was_lost_later_is_no_edit() {
    use liaison_protocol::record::codes::RevokedState;
    let mut place = Place::new();
    let audit = place.open();
    audit.write(vec![shown(1)]).await.expect("written");
    audit.close();
    let now = SystemClock.now();
    let state = RevokedState::Compromised;
    let change = place.home.retire_key(None, None, state, now, now, None);
    let change = change.expect("retired");
    place.home.keep_change(&change).expect("written");
    let card = change.card;
    place.keys = card.agency_keys().expect("a card");
    let audit = place.open();
    audit.sign_head().await.expect("signed");
    audit.close();
    let report = place.check(&[]);
    assert_eq!(report.faults, []);
    assert_eq!((report.heads, report.lost), (3, 1), "{report:?}");
    assert_eq!(report.signed + 1, report.to, "the new key says it of all");
    // An edit is still one, whoever signed.
    let edited = place.forged(|lines| lines[1] = lines[1].replace("GET", "PUT"));
    assert!(edited.contains("line 2 does not follow"), "{edited}");
    let rehashed = place.forged(|lines| {
        let mut before = Digest::default();
        for line in lines.iter_mut() {
            let json = line.split_off(65).replace("4000000001", "0");
            before = before.then(json.as_bytes());
            *line = format!("{before} {json}");
        }
    });
    assert!(rehashed.contains("signed head"), "{rehashed}");
}

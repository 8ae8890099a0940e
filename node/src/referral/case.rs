//! What this node keeps of a referral of its own: what the officer wrote, with the identity,
//! whom it is offered to in which order, and who approved an emergency.
//!
//! It lies in the keyring (`drafts/` while it is not sent, `files/` from then on), so that it
//! is encrypted under the master key and erased like a key. A candidate's thread is known only
//! after its profile was sealed: what is about to be sealed is written first, so that after a
//! stop between the two it is found again ([`Asked::sealing`]).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::personal::ReferralDraft;
use liaison_protocol::record::draft::DraftError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroize;

use crate::keyring::{Keyring, KeyringError, Shelf};

/// Names of cases begin with this; the ids of records never do.
const PREFIX: &str = "d-";

/// Characters of a case's name after the prefix: 40 bits.
const NAME_CHARS: usize = 8;

/// Name of a draft, and of the case that it becomes. It never leaves the node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CaseId(String);

/// What an officer wrote, as JSON: a whole referral, or as far as they came. Wiped when it is
/// dropped, printed by nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Draft(String);

/// What this node keeps of a referral of its own.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseFile {
    /// Its name.
    pub id: CaseId,
    /// What the officer wrote.
    pub draft: Draft,
    /// When it was begun.
    pub made: Millis,
    /// Unix user who wrote it.
    pub uid: u32,
    /// That user's name.
    pub user: String,
    /// Whether it was sent, or is a draft still.
    pub sent: bool,
    /// Since when an emergency waits for a second officer.
    pub waits: Option<Millis>,
    /// Who approved the emergency.
    pub approval: Option<Approval>,
    /// Whom it is offered to, in this order.
    pub asked: Vec<Asked>,
    /// The record that holds the identity, once it was released.
    pub identity: Option<RecordId>,
    /// The record that holds the assessment, once it was sent.
    pub assessment: Option<RecordId>,
}

/// A second officer's word on an emergency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Unix user.
    pub uid: u32,
    /// That user's name.
    pub user: String,
    /// When it was approved, by the clock.
    pub at: Millis,
    /// The same as it is reckoned ([`crate::time::Timekeeper::reckoned`]): a clock that is set
    /// back gives nobody more time to look again.
    pub reckoned: Millis,
    /// When a second officer reviewed it after it was sent.
    pub reviewed: Option<Millis>,
}

/// One candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The agency.
    pub agency: AgencyId,
    /// From when its deadlines count: when it is asked, or when it opens after that.
    pub clock_from: Option<Millis>,
    /// Since when its profile is being sealed.
    pub sealing: Option<Millis>,
    /// Its thread: the id of its profile.
    pub thread: Option<RecordId>,
}

/// The cases of a node. Clones share them. Calls that read or write block for as long as the
/// disk takes.
#[derive(Clone)]
pub struct Cases(Arc<Inner>);

struct Inner {
    keyring: Keyring,
    threads: Mutex<BTreeMap<RecordId, (CaseId, usize)>>,
    /// The emergencies that were sent and nobody has looked at again, and until when somebody
    /// has to ([`CaseFile::review_by`]).
    reviews: Mutex<BTreeMap<CaseId, Millis>>,
    /// One change of a case at a time.
    changing: Mutex<()>,
    /// One draft is sent, written anew or dropped at a time: none is sent twice, or as another
    /// than was checked.
    sending: tokio::sync::Mutex<()>,
}

impl CaseId {
    /// A fresh one.
    pub fn random() -> Self {
        let bytes: [u8; 32] = rand::random();
        let full = RecordId::from_bytes(bytes).full().to_ascii_lowercase();
        Self(
            full.chars()
                .take(NAME_CHARS)
                .fold(PREFIX.into(), |mut name, c| {
                    name.push(c);
                    name
                }),
        )
    }

    /// As it is typed and stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a text is the name of a case rather than a record's id.
    pub fn is_one(text: &str) -> bool {
        text.parse::<Self>().is_ok()
    }
}

impl FromStr for CaseId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.to_ascii_lowercase();
        let fits = text.strip_prefix(PREFIX).is_some_and(|rest| {
            rest.len() == NAME_CHARS && rest.bytes().all(|b| b.is_ascii_alphanumeric())
        });
        if fits {
            Ok(Self(text))
        } else {
            let shown = liaison_protocol::id::clip(&text);
            Err(format!(
                "'{shown}' is no draft of a referral: these are written like d-3f7k9q2m"
            ))
        }
    }
}

impl TryFrom<String> for CaseId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<CaseId> for String {
    fn from(id: CaseId) -> Self {
        id.0
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Draft {
    /// Takes what was written; nobody keeps another copy.
    pub const fn new(json: String) -> Self {
        Self(json)
    }

    /// What is left of one when nobody may know any more what stood in it.
    pub(super) fn emptied() -> Self {
        Self("{}".to_owned())
    }

    /// Whether nothing stands in it (any more).
    pub(super) fn is_empty(&self) -> bool {
        self.0 == "{}"
    }

    /// The same, with the identity of an earlier text where it has none of its own.
    pub(super) fn with_identity_of(self, earlier: &Self) -> Self {
        let read = |draft: &Self| serde_json::from_str::<Value>(&draft.0).ok();
        let (Some(mut new), Some(mut old)) = (read(&self), read(earlier)) else {
            return self;
        };
        let mut kept = None;
        if let (Some(map), Some(before)) = (new.as_object_mut(), old.as_object_mut())
            && !map.contains_key("identity")
            && let Some(identity) = before.remove("identity")
        {
            map.insert("identity".into(), identity);
            // A buffer that grows leaves copies of what was in it.
            let mut json = String::with_capacity(self.0.len().saturating_add(earlier.0.len()) + 64);
            kept = write!(json, "{new}").ok().map(|()| Self(json));
        }
        wipe(&mut new);
        wipe(&mut old);
        kept.unwrap_or(self)
    }

    /// The JSON. Whoever asks for it answers for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The referral, if it is a whole one.
    ///
    /// # Errors
    /// [`DraftError`]: what is missing or wrong.
    pub fn read(&self) -> Result<ReferralDraft, DraftError> {
        ReferralDraft::from_json(self.0.as_bytes())
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Draft(..)")
    }
}

impl fmt::Debug for CaseFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaseFile")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl CaseFile {
    /// A draft that nobody has sent.
    pub fn begun(draft: Draft, uid: u32, user: &str, now: Millis) -> Self {
        Self {
            id: CaseId::random(),
            draft,
            made: now,
            uid,
            user: user.to_owned(),
            sent: false,
            waits: None,
            approval: None,
            asked: Vec::new(),
            identity: None,
            assessment: None,
        }
    }

    /// The candidate that is asked after this one; none: it was the last.
    pub fn after(&self, thread: &RecordId) -> Option<usize> {
        let at = self
            .asked
            .iter()
            .position(|asked| asked.thread.as_ref() == Some(thread))?;
        let next = at.checked_add(1)?;
        self.asked.get(next).map(|_| next)
    }

    /// The threads of this referral, in the order in which the candidates were asked.
    pub fn threads(&self) -> impl Iterator<Item = RecordId> + '_ {
        self.asked.iter().filter_map(|asked| asked.thread)
    }

    const fn shelf(&self) -> Shelf {
        if self.sent {
            Shelf::Files
        } else {
            Shelf::Drafts
        }
    }
}

impl Cases {
    /// Reads which threads belong to which case.
    ///
    /// # Errors
    /// [`KeyringError`]: the folder can't be read. A case that does not open is quarantined,
    /// and its threads run without it.
    pub fn load(keyring: Keyring) -> Result<Self, KeyringError> {
        let cases = Self(Arc::new(Inner {
            keyring,
            threads: Mutex::default(),
            reviews: Mutex::default(),
            changing: Mutex::default(),
            sending: tokio::sync::Mutex::default(),
        }));
        for id in cases.ids()? {
            match cases.read(&id) {
                Ok(Some(case)) => cases.learn(&case),
                Ok(None) | Err(KeyringError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(cases)
    }

    /// Held while a draft is sent, written anew or dropped.
    pub(super) async fn sending(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.sending.lock().await
    }

    /// The names of all cases and drafts, in order.
    ///
    /// # Errors
    /// [`KeyringError`]: the folder can't be read.
    pub fn ids(&self) -> Result<BTreeSet<CaseId>, KeyringError> {
        let mut ids = BTreeSet::new();
        for shelf in Shelf::ALL {
            let names = self.0.keyring.kept_names(shelf)?;
            ids.extend(names.iter().filter_map(|name| name.parse::<CaseId>().ok()));
        }
        Ok(ids)
    }

    /// The names of the drafts, in order.
    ///
    /// # Errors
    /// [`KeyringError`]: the folder can't be read.
    pub fn drafts(&self) -> Result<BTreeSet<CaseId>, KeyringError> {
        let names = self.0.keyring.kept_names(Shelf::Drafts)?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// A case or draft; none: there is none of this name.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn read(&self, id: &CaseId) -> Result<Option<CaseFile>, KeyringError> {
        // A draft that is sent moves from one to the other: whoever comes in between finds it there.
        for shelf in [Shelf::Files, Shelf::Drafts, Shelf::Files] {
            if let Some(case) = self.0.keyring.kept(shelf, id.as_str())? {
                return Ok(Some(case));
            }
        }
        Ok(None)
    }

    /// The case of a thread of ours, and which of its candidates the thread is with.
    pub fn of_thread(&self, thread: &RecordId) -> Option<(CaseId, usize)> {
        lock(&self.0.threads).get(thread).cloned()
    }

    /// The threads of a case, in the order in which the candidates stand in it; without a look at
    /// its file.
    pub(super) fn threads_of(&self, id: &CaseId) -> Vec<RecordId> {
        let threads = lock(&self.0.threads);
        let its = threads.iter().filter(|(_, (case, _))| case == id);
        let its: BTreeMap<usize, RecordId> = its.map(|(id, (_, at))| (*at, *id)).collect();
        its.into_values().collect()
    }

    /// Until when an emergency has to be looked at again; none: it is none, was not sent, or was
    /// looked at.
    pub fn review_by(&self, id: &CaseId) -> Option<Millis> {
        lock(&self.0.reviews).get(id).copied()
    }

    /// The same of all emergencies.
    pub fn reviews(&self) -> BTreeMap<CaseId, Millis> {
        lock(&self.0.reviews).clone()
    }

    /// Keeps a case: when it returns, it is on the disk.
    ///
    /// # Errors
    /// [`KeyringError`]; what was kept before is there still.
    pub fn keep(&self, case: &CaseFile) -> Result<(), KeyringError> {
        let _one = lock(&self.0.changing);
        self.write(case)
    }

    /// Changes a case, and gives it as it is now; none: there is none of this name. Nobody else
    /// changes it meanwhile.
    ///
    /// # Errors
    /// [`KeyringError`]; it is as it was then.
    pub fn change(
        &self,
        id: &CaseId,
        change: impl FnOnce(&mut CaseFile),
    ) -> Result<Option<CaseFile>, KeyringError> {
        self.change_if(id, |case| {
            change(case);
            Ok(())
        })
    }

    /// The same, unless `change` finds that it must not be: then it is as it was.
    ///
    /// # Errors
    /// What `change` found, or the [`KeyringError`].
    pub fn change_if<E: From<KeyringError>>(
        &self,
        id: &CaseId,
        change: impl FnOnce(&mut CaseFile) -> Result<(), E>,
    ) -> Result<Option<CaseFile>, E> {
        let _one = lock(&self.0.changing);
        let Some(mut case) = self.read(id)? else {
            return Ok(None);
        };
        change(&mut case)?;
        self.write(&case)?;
        Ok(Some(case))
    }

    /// Destroys a case or draft; gives whether there was one.
    ///
    /// # Errors
    /// [`KeyringError::Io`]; it may still be there then.
    pub fn destroy(&self, id: &CaseId) -> Result<bool, KeyringError> {
        let _one = lock(&self.0.changing);
        self.remove(id)
    }

    /// Destroys a case or draft, unless `may` finds that it must not be; gives what it was. Nobody
    /// changes it meanwhile.
    ///
    /// # Errors
    /// What `may` found, or the [`KeyringError`].
    pub fn destroy_if<E: From<KeyringError>>(
        &self,
        id: &CaseId,
        may: impl FnOnce(&CaseFile) -> Result<(), E>,
    ) -> Result<Option<CaseFile>, E> {
        let _one = lock(&self.0.changing);
        let Some(case) = self.read(id)? else {
            return Ok(None);
        };
        may(&case)?;
        self.remove(id)?;
        Ok(Some(case))
    }

    /// Destroys the drafts that were begun before a moment; gives which. What waits for a second
    /// officer is one of them: an emergency of a month ago is none.
    ///
    /// # Errors
    /// [`KeyringError`]; some may be destroyed then.
    pub fn drop_older(&self, before: Millis) -> Result<Vec<CaseId>, KeyringError> {
        let mut dropped = Vec::new();
        for id in self.drafts()? {
            let old = |case: &CaseFile| match !case.sent && case.made < before {
                true => Ok(()),
                false => Err(None),
            };
            match self.destroy_if(&id, old) {
                Ok(Some(_)) => dropped.push(id),
                Ok(None) | Err(None | Some(KeyringError::Damaged { .. })) => {}
                Err(Some(error)) => return Err(error),
            }
        }
        Ok(dropped)
    }

    fn write(&self, case: &CaseFile) -> Result<(), KeyringError> {
        self.0.keyring.keep(case.shelf(), case.id.as_str(), case)?;
        // It lies in one place: what was a draft is one no longer, and what could not be sent is
        // one again.
        let other = match case.sent {
            true => Shelf::Drafts,
            false => Shelf::Files,
        };
        self.0.keyring.drop_kept(other, case.id.as_str())?;
        self.learn(case);
        Ok(())
    }

    fn remove(&self, id: &CaseId) -> Result<bool, KeyringError> {
        lock(&self.0.threads).retain(|_, (case, _)| case != id);
        lock(&self.0.reviews).remove(id);
        let file = self.0.keyring.drop_kept(Shelf::Files, id.as_str())?;
        let draft = self.0.keyring.drop_kept(Shelf::Drafts, id.as_str())?;
        Ok(file || draft)
    }

    fn learn(&self, case: &CaseFile) {
        let mut threads = lock(&self.0.threads);
        for (at, asked) in case.asked.iter().enumerate() {
            if let Some(thread) = asked.thread {
                threads.insert(thread, (case.id.clone(), at));
            }
        }
        let mut reviews = lock(&self.0.reviews);
        match case.review_by().filter(|_| case.sent) {
            Some(by) => reviews.insert(case.id.clone(), by),
            None => reviews.remove(&case.id),
        };
    }
}

impl fmt::Debug for Cases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cases(..)")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::MasterKey;

    fn keyring(dir: &std::path::Path) -> Keyring {
        let key = dir.join("key");
        let master = match key.exists() {
            true => MasterKey::from_file(&key).expect("key"),
            false => MasterKey::make_file(&key).expect("key"),
        };
        Keyring::open(&dir.join("keyring"), &master).expect("keyring")
    }

    #[test]
    fn a_draft_becomes_a_case_and_its_threads_are_found_after_a_restart() {
        let dir = tempfile::tempdir().expect("dir");
        let cases = Cases::load(keyring(dir.path())).expect("cases");
        let json = r#"{"identity":{"names":["Marker Zebra"]}}"#;
        let mut case = CaseFile::begun(Draft::new(json.into()), 7, "mira", Millis(1));
        cases.keep(&case).expect("keep");
        assert!(cases.read(&case.id).expect("read") == Some(case.clone()));
        // Neither before its time, nor once it was sent.
        assert_eq!(cases.drop_older(Millis(1)).expect("drop"), []);
        let old = CaseFile::begun(Draft::new("{}".into()), 7, "mira", Millis(0));
        cases.keep(&old).expect("keep");
        assert_eq!(cases.drop_older(Millis(1)).expect("drop"), [old.id]);
        let thread = RecordId::from_bytes([5; 32]);
        case.sent = true;
        case.asked = vec![
            Asked {
                agency: AgencyId::from_bytes([1; 32]),
                clock_from: None,
                sealing: Some(Millis(2)),
                thread: Some(thread),
            },
            Asked {
                agency: AgencyId::from_bytes([2; 32]),
                clock_from: None,
                sealing: None,
                thread: None,
            },
        ];
        cases.keep(&case).expect("keep");
        assert_eq!(case.after(&thread), Some(1));
        drop(cases);
        let cases = Cases::load(keyring(dir.path())).expect("cases");
        assert_eq!(cases.of_thread(&thread), Some((case.id.clone(), 0)));
        assert_eq!(cases.ids().expect("ids").len(), 1);
        assert_eq!(cases.drop_older(Millis(9)).expect("drop"), []);
        for entry in walk(dir.path()) {
            let bytes = std::fs::read(entry).expect("file");
            assert!(!bytes.windows(6).any(|w| w == b"Marker"));
        }
        assert!(cases.destroy(&case.id).expect("destroy"));
        assert!(cases.read(&case.id).expect("read").is_none());
        assert_eq!(cases.of_thread(&thread), None);
    }

    /// Of which nobody was asked is a draft still, that an officer finds and goes on with.
    #[test]
    fn what_could_not_be_sent_is_a_draft_again() {
        let dir = tempfile::tempdir().expect("dir");
        let cases = Cases::load(keyring(dir.path())).expect("cases");
        let case = CaseFile::begun(Draft::new("{}".into()), 7, "mira", Millis(1));
        cases.keep(&case).expect("keep");
        for sent in [true, false] {
            let changed = cases.change(&case.id, |case| case.sent = sent);
            assert_eq!(changed.expect("kept").expect("there").sent, sent);
            let read = cases.read(&case.id).expect("read").expect("there");
            assert_eq!(read.sent, sent);
        }
        let names: Vec<CaseId> = cases.drafts().expect("drafts").into_iter().collect();
        assert_eq!(names, [case.id]);
    }

    #[test]
    fn a_name_that_is_not_shown_again_is_not_lost() {
        let of = |json: &str| Draft::new(json.into());
        let before = of(r#"{"profile":{"urgency":"high"},"identity":{"names":["Zebra"]}}"#);
        for (new, expected) in [
            (
                r#"{"profile":{"urgency":"critical"}}"#,
                r#"{"identity":{"names":["Zebra"]},"profile":{"urgency":"critical"}}"#,
            ),
            (
                r#"{"identity":{"names":["Gnu"]}}"#,
                r#"{"identity":{"names":["Gnu"]}}"#,
            ),
        ] {
            let kept = of(new).with_identity_of(&before);
            let read = |json| serde_json::from_str::<Value>(json).expect("JSON");
            assert_eq!(read(kept.expose()), read(expected));
        }
        assert_eq!(of("{}").with_identity_of(&of("{}")).expose(), "{}");
    }

    fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(dir).expect("dir") {
            let path = entry.expect("entry").path();
            match path.is_dir() {
                true => files.extend(walk(&path)),
                false => files.push(path),
            }
        }
        files
    }

    #[test]
    fn names_of_cases_are_no_ids_of_records() {
        let id = CaseId::random();
        assert_eq!(id.as_str().parse::<CaseId>(), Ok(id.clone()));
        assert!(CaseId::is_one("D-3F7K9Q2M"));
        for bad in ["3F7K-9Q2M", "d-", "d-3f7k9q2", "d-../../x", ""] {
            assert!(!CaseId::is_one(bad), "{bad}");
        }
    }
}

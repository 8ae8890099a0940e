//! The officers: which Unix users may use this node, and as what. The kernel says who is at
//! the other end of the socket; `officers.toml` in the home says what that user may do. It is
//! read again whenever it changed, and a file that can't be read lets nobody in.

mod passwd;
mod role;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use sha2::{Digest, Sha256};

pub use self::role::{Role, Roles};
use crate::limits;

/// One who may use the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Officer {
    /// The Unix user's number.
    pub uid: u32,
    /// The Unix user's name, or its number where it has no name.
    pub name: String,
    /// What it may be.
    pub roles: Roles,
    /// Whether several people use this account: then it can't be anyone's second person.
    pub shared: bool,
}

/// What an act that can't be undone waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitsFor {
    /// A second person with another role.
    #[default]
    SecondPerson,
    /// A second person, or 24 hours: for an agency too small to have one.
    SecondPersonOrADay,
    /// Nobody: for test homes; `status` says so.
    Nobody,
}

impl WaitsFor {
    /// The word that the file has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SecondPerson => "second-person",
            Self::SecondPersonOrADay => "second-person-or-a-day",
            Self::Nobody => "nobody",
        }
    }
}

/// The officers file, as it was when it was last read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// By uid.
    pub officers: BTreeMap<u32, Officer>,
    /// Entries whose user this machine does not know: they let nobody in.
    pub unknown: Vec<String>,
    /// What an act that can't be undone waits for.
    pub waits_for: WaitsFor,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
}

/// Why nobody, or not this user, may use the node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfficersError {
    /// There is no file.
    #[error(
        "{file} is missing, so nobody may use this node. Whoever owns the folder writes it: [[officer]], user = \"NAME\", roles = [\"administrator\"]"
    )]
    Missing {
        /// The file.
        file: String,
    },
    /// The file can't be read.
    #[error(
        "{file} can't be read, so nobody may use this node: {says}. Whoever owns the folder mends it"
    )]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        says: String,
    },
    /// The file is not valid.
    #[error(
        "{file} is not valid, so nobody may use this node: {says}. Whoever owns the folder corrects it; it holds at once"
    )]
    Invalid {
        /// The file.
        file: String,
        /// Place and fault.
        says: String,
    },
    /// Another user.
    #[error(
        "{who} is no officer of this node. Its administrator enters you in {file}: [[officer]], user = \"{name}\", roles = [\"analyst\"]"
    )]
    Stranger {
        /// Name and number.
        who: String,
        /// Name, or number where it has none.
        name: String,
        /// The file.
        file: String,
    },
}

/// The officers of a node. Clones share them.
#[derive(Clone, Debug)]
pub struct Officers {
    file: PathBuf,
    read: Arc<Mutex<Option<Read>>>,
}

/// What was read, of which state of the file.
#[derive(Debug)]
struct Read {
    stamp: Option<Stamp>,
    roster: Result<Arc<Roster>, OfficersError>,
}

/// Time of the last change (which nobody can set), length and inode.
type Stamp = (i64, i64, u64, u64);

impl Officers {
    /// The officers that this file names.
    pub fn new(file: PathBuf) -> Self {
        Self {
            file,
            read: Arc::default(),
        }
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The file as it is now.
    ///
    /// # Errors
    /// [`OfficersError`] where it can't be read: nobody is an officer then.
    pub fn roster(&self) -> Result<Arc<Roster>, OfficersError> {
        let stamp = stamp(&self.file);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        // A file without a stamp can't be told from a changed one, so it is read again.
        if let Some(read) = &*read
            && read.stamp.is_some()
            && read.stamp == stamp
        {
            return read.roster.clone();
        }
        let roster = load(&self.file).map(Arc::new);
        *read = Some(Read {
            stamp,
            roster: roster.clone(),
        });
        roster
    }

    /// Who this user is here.
    ///
    /// # Errors
    /// [`OfficersError::Stranger`], or that the file can't be read.
    pub fn of(&self, uid: u32) -> Result<Officer, OfficersError> {
        let roster = self.roster()?;
        roster.officers.get(&uid).cloned().ok_or_else(|| {
            let name = passwd::name_of(uid);
            OfficersError::Stranger {
                who: match &name {
                    Some(name) => format!("the user {name} (uid {uid})"),
                    None => format!("the user with uid {uid}"),
                },
                name: name.unwrap_or_else(|| uid.to_string()),
                file: self.file.display().to_string(),
            }
        })
    }
}

/// The name that this machine has for a user, or its number.
pub fn user_name(uid: u32) -> String {
    passwd::name_of(uid).unwrap_or_else(|| uid.to_string())
}

/// The text of the file that `init` writes: the user who made the node may do everything
/// that one person may.
pub fn first_file(uid: u32) -> String {
    let user = user_name(uid);
    format!(
        r#"# Who may use this node, and as what. The user is a login of this machine, by name or
# number; nobody else is let in. A change holds at once.
#
# Roles:
#   analyst                   reads, writes and imports records
#   referral-officer          the same, for referrals of victims
#   case-officer              the same, for cases
#   data-protection-officer   policy, the audit log, and what is sealed in it
#   administrator             peers, card, keys, backup; policy as well
#
# What can't be undone waits for a second person with another role. So give the roles
# below to different people as soon as you have them.
#
# An agency that has nobody else lets such an act go ahead after 24 hours, in which every
# officer can see it and reject it:
#
# waits_for = "second-person-or-a-day"
#
# A login that several people use says so (shared = true): it can read and write, and it is
# never the second person.

[[officer]]
user = "{user}"
roles = ["administrator", "analyst", "data-protection-officer"]

# [[officer]]
# user = "anna"
# roles = ["data-protection-officer"]

# [[officer]]
# user = "duty-desk"
# roles = ["analyst"]
# shared = true
"#
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    waits_for: WaitsFor,
    #[serde(default)]
    officer: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    user: User,
    roles: Vec<Role>,
    #[serde(default)]
    shared: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum User {
    Number(u32),
    Name(String),
}

fn load(file: &Path) -> Result<Roster, OfficersError> {
    let shown = file.display().to_string();
    let unreadable = |says: String| OfficersError::Unreadable {
        file: shown.clone(),
        says,
    };
    let opened = match std::fs::File::open(file) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(OfficersError::Missing { file: shown });
        }
        opened => opened.map_err(|e| unreadable(e.to_string()))?,
    };
    // Not by what the folder says of its length: it may grow, or be no file.
    let mut text = String::new();
    let mut bounded = opened.take(limits::OFFICERS_BYTES + 1);
    let read = bounded.read_to_string(&mut text);
    read.map_err(|e| unreadable(e.to_string()))?;
    if text.len() as u64 > limits::OFFICERS_BYTES {
        return Err(unreadable(format!(
            "it is larger than {} bytes",
            limits::OFFICERS_BYTES
        )));
    }
    parse(&text, passwd::uid_of).map_err(|says| OfficersError::Invalid { file: shown, says })
}

fn parse(text: &str, uid_of: impl Fn(&str) -> Option<u32>) -> Result<Roster, String> {
    let file: File = toml::from_str(text).map_err(|e| e.to_string().trim().to_owned())?;
    let mut roster = Roster {
        waits_for: file.waits_for,
        sha256: Sha256::digest(text.as_bytes()).into(),
        ..Roster::default()
    };
    for Entry {
        user,
        roles,
        shared,
    } in file.officer
    {
        let (uid, name) = match user {
            User::Number(uid) => (uid, user_name(uid)),
            User::Name(name) => match uid_of(&name).or_else(|| name.parse().ok()) {
                Some(uid) => (uid, name),
                None => {
                    roster.unknown.push(name);
                    continue;
                }
            },
        };
        // The kernel's word for nobody.
        if uid == u32::MAX {
            return Err(format!("{uid} is no user's number"));
        }
        if roles.is_empty() {
            return Err(format!("'{name}' has no role"));
        }
        let roles: Roles = roles.into_iter().collect();
        let officer = Officer {
            uid,
            name: name.clone(),
            roles,
            shared,
        };
        if roster.officers.insert(uid, officer).is_some() {
            return Err(format!("'{name}' (uid {uid}) stands there twice"));
        }
    }
    Ok(roster)
}

fn stamp(file: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt;
    let meta = std::fs::metadata(file).ok()?;
    Some((meta.ctime(), meta.ctime_nsec(), meta.len(), meta.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uids(name: &str) -> Option<u32> {
        match name {
            "anna" => Some(1001),
            "root" => Some(0),
            _ => None,
        }
    }

    #[test]
    fn a_file_that_is_too_long_or_has_no_end_lets_nobody_in() {
        let dir = tempfile::tempdir().expect("folder");
        let file = dir.path().join("officers.toml");
        let most = usize::try_from(limits::OFFICERS_BYTES).expect("a size");
        std::fs::write(&file, "#".repeat(most)).expect("written");
        assert!(Officers::new(file.clone()).roster().is_ok());
        std::fs::write(&file, "#".repeat(most + 1)).expect("written");
        // Its length is 0, so the folder says.
        for file in [file, PathBuf::from("/dev/zero")] {
            let refused = Officers::new(file).roster().expect_err("too long");
            assert!(refused.to_string().contains("larger than"), "{refused}");
        }
    }

    #[test]
    fn users_by_name_and_by_number() {
        let text = r#"
            [[officer]]
            user = "anna"
            roles = ["analyst", "administrator"]
            [[officer]]
            user = 1002
            roles = ["data-protection-officer"]
            shared = true
            [[officer]]
            user = "gone"
            roles = ["analyst"]
        "#;
        let roster = parse(text, uids).expect("valid");
        assert_eq!(roster.officers.len(), 2);
        assert!(roster.officers[&1001].roles.has(Role::Administrator));
        assert!(!roster.officers[&1001].roles.has(Role::CaseOfficer));
        assert!(roster.officers[&1002].shared);
        assert_eq!(roster.unknown, ["gone"]);
    }

    #[test]
    fn what_is_doubtful_lets_nobody_in() {
        for (text, says) in [
            ("[[officer]]\nuser = \"anna\"\nroles = [\"boss\"]", "boss"),
            ("[[officer]]\nuser = \"anna\"\nroles = []", "no role"),
            (
                "[[officer]]\nuser = \"anna\"\nroles = [\"analyst\"]\nsecret = 1",
                "secret",
            ),
            (
                "[[officer]]\nuser = \"anna\"\nroles = [\"analyst\"]\n[[officer]]\nuser = 1001\nroles = [\"analyst\"]",
                "twice",
            ),
            (
                "[[officer]]\nuser = 4294967295\nroles = [\"analyst\"]",
                "no user",
            ),
        ] {
            let error = parse(text, uids).expect_err(text);
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_change_holds_at_once_and_a_broken_file_lets_nobody_in() {
        let dir = tempfile::tempdir().expect("folder");
        let officers = Officers::new(dir.path().join("officers.toml"));
        assert!(matches!(officers.of(7), Err(OfficersError::Missing { .. })));
        std::fs::write(officers.file(), first_file(7)).expect("written");
        let officer = officers.of(7).expect("the one who made it");
        assert!(officer.roles.has(Role::Administrator));
        assert!(matches!(
            officers.of(8),
            Err(OfficersError::Stranger { .. })
        ));
        std::fs::write(officers.file(), "[[officer]]\nuser = 7").expect("written");
        assert!(matches!(officers.of(7), Err(OfficersError::Invalid { .. })));
    }
}

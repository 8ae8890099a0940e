//! Who may look into a sealed thread: the officers assigned to it. Whoever else has to, says
//! why ('breaks the glass'), and the data-protection officer is told. Nobody is kept from
//! helping at night, and nobody looks unseen.
//!
//! Assignments are files of the keyring: who works on which victim's file is nobody else's
//! business. A login that several people use may screen and draft; it neither sends nor reads
//! identities, because nobody could say afterwards who it was.

mod alerts;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::RecordId;
use serde::{Deserialize, Serialize};

pub use self::alerts::{Alert, AlertKind};
use self::alerts::{Alerts, Pace};
use crate::audit::note;
use crate::keyring::{Keyring, KeyringError, Shelf};
use crate::limits;
use crate::notify::{Notify, Thing};
use crate::officers::{Officer, Role, Roles};

/// What an officer is about to do with a sealed thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// Ask the questions that lead to a draft, or write one: there is no thread yet.
    Draft,
    /// Send a referral: there is no thread yet.
    Send,
    /// Read its profile, assessment and steps.
    Read,
    /// Read the identity.
    Identity,
    /// Take a step in it.
    Act,
    /// Say who works on it.
    Assign,
}

impl Aim {
    const fn verb(self) -> &'static str {
        match self {
            Self::Draft => "draft a referral",
            Self::Send => "send a referral",
            Self::Read => "read this referral",
            Self::Identity => "read an identity",
            Self::Act => "take a step",
            Self::Assign => "say who works on this referral",
        }
    }
}

/// How a look was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    /// The officer is assigned, or there is no thread yet.
    Assigned,
    /// The officer gave a reason, and the data-protection officer was told.
    BrokeGlass,
}

/// Why a look is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The role has no business with referrals.
    #[error("{who} is {roles} here; to {verb} is for another role: {needed}")]
    Role {
        /// Who.
        who: String,
        /// As what.
        roles: Roles,
        /// What was tried.
        verb: &'static str,
        /// Which roles may.
        needed: Roles,
    },
    /// Several people use this login.
    #[error("{who} is a login that several people use: it may screen and draft, and not {verb}")]
    Shared {
        /// Who.
        who: String,
        /// What was tried.
        verb: &'static str,
    },
    /// Not assigned, and no reason given.
    #[error("{who} is not assigned to referral {}", thread.short())]
    NotAssigned {
        /// Who.
        who: String,
        /// The thread.
        thread: RecordId,
    },
    /// Not assigned, and a reason opens no steps.
    #[error("{who} is not assigned to referral {}, so takes no step in it", thread.short())]
    NotYours {
        /// Who.
        who: String,
        /// The thread.
        thread: RecordId,
    },
    /// The reason is none.
    #[error(
        "'{reason}' is no reason: {} characters are the least, {} the most",
        limits::GLASS_REASON_CHARS,
        limits::REASON_CHARS
    )]
    NoReason {
        /// As typed.
        reason: String,
    },
    /// More officers than work on one file.
    #[error("referral {} has {} officers already", thread.short(), limits::ASSIGNED)]
    TooMany {
        /// The thread.
        thread: RecordId,
    },
    /// The files can't be read or written: nobody looks then.
    #[error("{0}")]
    Keyring(String),
}

impl From<KeyringError> for Denied {
    fn from(error: KeyringError) -> Self {
        Self::Keyring(error.to_string())
    }
}

impl Denied {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Role { .. } => "ask an officer of that role; 'liaison officers' lists them".into(),
            Self::Shared { .. } => {
                "use a login of your own; the administrator makes one and enters it in officers.toml"
                    .into()
            }
            Self::NotAssigned { thread, .. } => {
                let id = thread.short();
                format!(
                    "whoever is assigned says 'liaison refer assign {id} YOU'. If it can't wait: 'liaison refer show {id} --why TEXT' opens it, and the data-protection officer is told"
                )
            }
            Self::NotYours { thread, .. } => {
                format!(
                    "whoever is assigned, or the data-protection officer, says 'liaison refer assign {} YOU'",
                    thread.short()
                )
            }
            Self::NoReason { .. } => {
                "say in a sentence why you have to read it now: --why TEXT".into()
            }
            Self::TooMany { thread } => format!(
                "'liaison refer assign {} NAME --remove' takes one off",
                thread.short()
            ),
            Self::Keyring(_) => "'liaison doctor' says more".into(),
        }
    }
}

/// The officers assigned to one thread, by uid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assigned(BTreeMap<u32, Assignment>);

/// Since when an officer works on a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Who said so.
    pub by: u32,
    /// When.
    pub at: Millis,
}

impl Assigned {
    /// Their uids.
    pub fn uids(&self) -> impl Iterator<Item = u32> {
        self.0.keys().copied()
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The roles that work on referrals.
const WORKERS: Roles = Roles::of(&[Role::ReferralOfficer, Role::CaseOfficer]);
/// Those that may look when they say why.
const LOOKERS: Roles = Roles::of(&[
    Role::ReferralOfficer,
    Role::CaseOfficer,
    Role::DataProtectionOfficer,
]);

/// Who may look into which thread. Clones share it.
#[derive(Clone)]
pub struct Looks(Arc<Inner>);

struct Inner {
    keyring: Keyring,
    notify: Notify,
    assigned: Mutex<HashMap<RecordId, Assigned>>,
    alerts: Mutex<Alerts>,
    pace: Mutex<Pace>,
}

impl Looks {
    /// Reads the assignments. One that does not open is told in the keyring's list and leaves
    /// its thread unassigned.
    ///
    /// # Errors
    /// [`KeyringError`]: the folder can't be read.
    pub fn load(keyring: Keyring, notify: Notify) -> Result<Self, KeyringError> {
        let mut assigned = HashMap::new();
        for name in keyring.kept_names(Shelf::Access)? {
            let Ok(thread) = name.parse::<RecordId>() else {
                continue;
            };
            match keyring.kept::<Assigned>(Shelf::Access, &name) {
                Ok(Some(who)) => drop(assigned.insert(thread, who)),
                Ok(None) | Err(KeyringError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let alerts = Alerts::load(&keyring)?;
        Ok(Self(Arc::new(Inner {
            keyring,
            notify,
            assigned: Mutex::new(assigned),
            alerts: Mutex::new(alerts),
            pace: Mutex::default(),
        })))
    }

    /// Whether this officer may do that with a thread, and says so in the audit log's line of
    /// the call. A reason that is given and not needed is written down all the same. `thread` is
    /// absent for [`Aim::Draft`] and [`Aim::Send`]. Blocks while an alert is written.
    ///
    /// # Errors
    /// [`Denied`], with what to do about it.
    pub fn may(
        &self,
        officer: &Officer,
        thread: Option<&RecordId>,
        aim: Aim,
        reason: Option<&str>,
        now: Millis,
    ) -> Result<Granted, Denied> {
        if let Some(reason) = reason {
            note(|note| note.typed("reason", reason));
        }
        if let Some(thread) = thread {
            note(|note| note.record(*thread));
        }
        let needed = match aim {
            Aim::Draft | Aim::Send | Aim::Act => WORKERS,
            Aim::Read | Aim::Identity | Aim::Assign => LOOKERS,
        };
        if !needed.meets(officer.roles) {
            return Err(Denied::Role {
                who: officer.name.clone(),
                roles: officer.roles,
                verb: aim.verb(),
                needed,
            });
        }
        if officer.shared && !matches!(aim, Aim::Draft | Aim::Read) {
            return Err(Denied::Shared {
                who: officer.name.clone(),
                verb: aim.verb(),
            });
        }
        let Some(thread) = thread else {
            return Ok(Granted::Assigned);
        };
        let looks = matches!(aim, Aim::Read | Aim::Identity);
        if self.is_assigned(thread, officer.uid) {
            if looks {
                self.count(officer, thread, now)?;
            }
            return Ok(Granted::Assigned);
        }
        if aim == Aim::Assign {
            return self.may_assign(officer, thread);
        }
        if !looks {
            return Err(Denied::NotYours {
                who: officer.name.clone(),
                thread: *thread,
            });
        }
        self.break_glass(officer, thread, reason, now)
    }

    /// Who is assigned to a thread.
    pub fn assigned(&self, thread: &RecordId) -> Assigned {
        lock(&self.0.assigned)
            .get(thread)
            .cloned()
            .unwrap_or_default()
    }

    /// Whether this user is assigned to it.
    pub fn is_assigned(&self, thread: &RecordId, uid: u32) -> bool {
        let assigned = lock(&self.0.assigned);
        assigned
            .get(thread)
            .is_some_and(|who| who.0.contains_key(&uid))
    }

    /// Whether its line may stand in this officer's inbox: it is theirs, or nobody's yet. A line
    /// says nothing of the person.
    pub fn lists(&self, thread: &RecordId, officer: &Officer) -> bool {
        let assigned = lock(&self.0.assigned);
        let who = assigned.get(thread);
        WORKERS.meets(officer.roles)
            && who.is_none_or(|who| who.is_empty() || who.0.contains_key(&officer.uid))
    }

    /// Puts officers on a thread and takes others off it; when this returns it is on the disk.
    /// [`Looks::may`] with [`Aim::Assign`] comes before it, and whoever makes a referral is
    /// assigned to it by its maker's call. Blocks.
    ///
    /// # Errors
    /// [`Denied::TooMany`], [`Denied::Shared`], [`Denied::Role`] for whom is put on it, or the
    /// keyring.
    pub fn assign(
        &self,
        thread: &RecordId,
        put: &[Officer],
        take: &[u32],
        by: u32,
        now: Millis,
    ) -> Result<Assigned, Denied> {
        for officer in put {
            if officer.shared || !WORKERS.meets(officer.roles) {
                return Err(match officer.shared {
                    true => Denied::Shared {
                        who: officer.name.clone(),
                        verb: "work on a referral",
                    },
                    false => Denied::Role {
                        who: officer.name.clone(),
                        roles: officer.roles,
                        verb: "work on a referral",
                        needed: WORKERS,
                    },
                });
            }
        }
        let mut all = lock(&self.0.assigned);
        let mut who = all.get(thread).cloned().unwrap_or_default();
        for uid in take {
            who.0.remove(uid);
        }
        for officer in put {
            let new = Assignment { by, at: now };
            who.0.entry(officer.uid).or_insert(new);
        }
        if who.0.len() > limits::ASSIGNED {
            return Err(Denied::TooMany { thread: *thread });
        }
        self.0.keyring.keep(Shelf::Access, &thread.full(), &who)?;
        all.insert(*thread, who.clone());
        Ok(who)
    }

    /// Who works on one thread works on another: a referral goes on to its next candidate.
    /// Blocks.
    ///
    /// # Errors
    /// [`KeyringError`]; nobody is assigned to the other then.
    pub fn follow(&self, from: &RecordId, to: &RecordId) -> Result<(), KeyringError> {
        let mut all = lock(&self.0.assigned);
        let Some(who) = all.get(from).cloned() else {
            return Ok(());
        };
        self.0.keyring.keep(Shelf::Access, &to.full(), &who)?;
        all.insert(*to, who);
        Ok(())
    }

    /// Forgets a thread whose records are erased. Blocks.
    ///
    /// # Errors
    /// [`KeyringError`]: the file may still be there.
    pub fn forget(&self, thread: &RecordId) -> Result<(), KeyringError> {
        lock(&self.0.assigned).remove(thread);
        self.0.keyring.drop_kept(Shelf::Access, &thread.full())?;
        Ok(())
    }

    /// What the data-protection officer has not seen yet, the newest last.
    pub fn alerts(&self) -> Vec<Alert> {
        lock(&self.0.alerts).all()
    }

    /// The data-protection officer has seen all up to this number. Gives how many are left.
    /// Blocks.
    ///
    /// # Errors
    /// [`KeyringError`]; they stay then.
    pub fn seen(&self, number: u64) -> Result<usize, KeyringError> {
        let mut alerts = lock(&self.0.alerts);
        alerts.drop_until(number);
        alerts.keep(&self.0.keyring)?;
        Ok(alerts.all().len())
    }

    /// Nobody's thread is whoever's takes it; somebody's is given by who has it, or by the
    /// data-protection officer.
    fn may_assign(&self, officer: &Officer, thread: &RecordId) -> Result<Granted, Denied> {
        let oversees = officer.roles.has(Role::DataProtectionOfficer);
        if oversees || self.assigned(thread).is_empty() {
            return Ok(Granted::Assigned);
        }
        Err(Denied::NotYours {
            who: officer.name.clone(),
            thread: *thread,
        })
    }

    fn break_glass(
        &self,
        officer: &Officer,
        thread: &RecordId,
        reason: Option<&str>,
        now: Millis,
    ) -> Result<Granted, Denied> {
        // Nobody can be asked afterwards why this login looked.
        if officer.shared {
            return Err(Denied::Shared {
                who: officer.name.clone(),
                verb: "look without being assigned",
            });
        }
        let Some(reason) = reason else {
            return Err(Denied::NotAssigned {
                who: officer.name.clone(),
                thread: *thread,
            });
        };
        let chars = reason.trim().chars().count();
        if !(limits::GLASS_REASON_CHARS..=limits::REASON_CHARS).contains(&chars) {
            return Err(Denied::NoReason {
                reason: liaison_protocol::id::clip(reason),
            });
        }
        // The alert is on the disk before anything is shown.
        self.alert(AlertKind::BrokeGlass { thread: *thread }, officer, now)?;
        note(|note| note.outcome = Some("without being assigned, with a reason".into()));
        self.count(officer, thread, now)?;
        Ok(Granted::BrokeGlass)
    }

    /// Counts a look; more of them than work needs are an alert.
    fn count(&self, officer: &Officer, thread: &RecordId, now: Millis) -> Result<(), Denied> {
        let many = lock(&self.0.pace).look(officer.uid, thread, now);
        match many {
            Some(threads) => self.alert(AlertKind::Many { threads }, officer, now),
            None => Ok(()),
        }
    }

    fn alert(&self, kind: AlertKind, officer: &Officer, now: Millis) -> Result<(), Denied> {
        let mut alerts = lock(&self.0.alerts);
        alerts.add(kind, officer, now);
        alerts.keep(&self.0.keyring)?;
        self.0.notify.tell(Thing::Alert, 1);
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

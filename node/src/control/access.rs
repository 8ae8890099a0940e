//! Who may make which call, and what the audit log says of it: one word a line of the table
//! in [`super::routes`].

use std::collections::HashMap;

use axum::http::Method;
use utoipa::openapi::HttpMethod;

use super::api::ApiError;
use super::caller::Caller;
use crate::audit::Act;
use crate::officers::Roles;

/// What a line of the table says of its call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    /// Who may make it.
    pub roles: Roles,
    /// What it is, for the audit log; `None`: it shows no record and changes nothing.
    pub act: Option<Act>,
}

/// How the node is; every officer.
pub(super) const LOOK: Access = Access {
    roles: Roles::ANY,
    act: None,
};

/// Shows records; every officer.
pub(super) const READ: Access = Access {
    roles: Roles::ANY,
    act: Some(Act::Consult),
};

/// Makes or changes records; those who write.
pub(super) const WRITE: Access = Access {
    roles: Roles::WRITERS,
    act: Some(Act::Alter),
};

/// Refers people, or drafts that; referral officers.
pub(super) const REFER: Access = Access {
    roles: Roles::REFERRERS,
    act: Some(Act::Alter),
};

/// Answers for an emergency beside who wrote it; referral and data-protection officers.
pub(super) const SECOND: Access = Access {
    roles: Roles::SECONDS,
    act: Some(Act::Disclose),
};

/// Shows what is sealed, or drafts of it; referral and data-protection officers.
pub(super) const READ_SEALED: Access = Access {
    roles: Roles::SECONDS,
    act: Some(Act::Consult),
};

/// Packs what a peer may have into a file; those who write.
pub(super) const PACK: Access = Access {
    roles: Roles::WRITERS,
    act: Some(Act::Disclose),
};

/// Takes in what others wrote; those who write.
pub(super) const COLLECT: Access = Access {
    roles: Roles::WRITERS,
    act: Some(Act::Collect),
};

/// Takes records back; those who write, and data-protection officers: which record is said there.
pub(super) const ERASE: Access = Access {
    roles: Roles::ERASERS,
    act: Some(Act::Erase),
};

/// Says who works on a referral; referral and data-protection officers.
pub(super) const ASSIGN: Access = Access {
    roles: Roles::SECONDS,
    act: Some(Act::Alter),
};

/// Changes who gets what; data-protection officers and administrators.
pub(super) const GOVERN: Access = Access {
    roles: Roles::GOVERNORS,
    act: Some(Act::Administer),
};

/// Changes the node, its keys or its peers; administrators.
pub(super) const ADMINISTER: Access = Access {
    roles: Roles::ADMINISTRATORS,
    act: Some(Act::Administer),
};

/// Shows what the others did; data-protection officers and administrators.
pub(super) const OVERSEE: Access = Access {
    roles: Roles::GOVERNORS,
    act: Some(Act::Consult),
};

/// Approves what another asked for, or not; every officer: which one is said there.
pub(super) const APPROVE: Access = Access {
    roles: Roles::ANY,
    act: Some(Act::Administer),
};

/// Changes who can read what is sealed; data-protection officers.
pub(super) const SEAL: Access = Access {
    roles: Roles::DATA_PROTECTION,
    act: Some(Act::Administer),
};

/// The table, by method and path.
#[derive(Debug, Default)]
pub(super) struct AccessTable(HashMap<(Method, String), Access>);

impl AccessTable {
    /// Enters a call. What is read with GET can be asked for with HEAD.
    pub(super) fn add(&mut self, method: &HttpMethod, path: &str, access: Access) {
        let mut add = |method| self.0.insert((method, path.to_owned()), access);
        match method {
            HttpMethod::Get => {
                add(Method::GET);
                add(Method::HEAD);
            }
            HttpMethod::Delete => drop(add(Method::DELETE)),
            _ => drop(add(Method::POST)),
        }
    }

    /// What the table says of a call. `None`: there is no such call, so no handler either.
    pub(super) fn of(&self, method: &Method, path: &str) -> Option<Access> {
        self.0.get(&(method.clone(), path.to_owned())).copied()
    }
}

impl Access {
    /// Whether a caller may make the call.
    ///
    /// # Errors
    /// `forbidden`, with the roles that may.
    pub(super) fn check(self, caller: &Caller) -> Result<(), ApiError> {
        if self.roles.meets(caller.officer.roles) {
            return Ok(());
        }
        Err(ApiError::new(
            "forbidden",
            format!(
                "{} is {} here; this is for another role: {}",
                caller.officer.name, caller.officer.roles, self.roles
            ),
        )
        .with_remedy(
            "ask an officer of that role; 'liaison officers' lists them, and the administrator gives roles in officers.toml",
        ))
    }
}

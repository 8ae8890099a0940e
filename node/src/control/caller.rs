//! Who is at the other end of the socket.

use std::sync::Arc;

use super::api::OfficerView;
use super::shares::Share;
use crate::audit::Who;
use crate::officers::Officer;

/// The connection that a call came by. Its place is taken until no clone is left: by the
/// connection itself, and by a call that goes on although the caller has gone away.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    /// The Unix user at the other end, as the kernel tells it.
    pub uid: u32,
    _place: Arc<Share>,
}

impl Connection {
    /// One of a user, with the place that it takes.
    pub(super) fn new(uid: u32, place: Share) -> Self {
        Self {
            uid,
            _place: Arc::new(place),
        }
    }
}

/// The officer who makes a call: every handler finds it beside the request.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// The Unix user.
    pub uid: u32,
    /// Who that is here.
    pub officer: Arc<Officer>,
    /// Whether a second person approved what is done in this user's name.
    pub approved: bool,
}

impl Caller {
    /// As the audit log names it.
    pub(super) fn who(&self) -> Who {
        Who::from(self.officer.as_ref())
    }

    /// As the API shows it.
    pub(super) fn view(&self) -> OfficerView {
        OfficerView::from(self.officer.as_ref())
    }
}

impl From<&Officer> for OfficerView {
    fn from(officer: &Officer) -> Self {
        Self {
            user: officer.name.clone(),
            uid: officer.uid,
            roles: officer.roles.names(),
            shared: officer.shared,
        }
    }
}

//! Who is at the other end of the socket.

use std::sync::Arc;

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::net::UnixListener;

use super::api::OfficerView;
use crate::audit::Who;
use crate::officers::Officer;

/// The Unix user at the other end, as the kernel tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Uid(pub u32);

impl Connected<IncomingStream<'_, UnixListener>> for Uid {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        // A caller whose credentials the kernel does not tell is nobody.
        Self(stream.io().peer_cred().map_or(u32::MAX, |c| c.uid()))
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

//! Which numbers of each sender came before.

use liaison_protocol::id::AgencyId;
use liaison_protocol::parcel::Window;

use crate::store::{Op, Store, StoreError};

/// Prefix of the stored values that hold them, by sender.
const SEEN: &str = "parcel-seen/";

/// The numbers of a sender that came before.
pub(super) fn window(store: &Store, from: &AgencyId) -> Result<Window, StoreError> {
    match store.meta(&name(from))? {
        None => Ok(Window::default()),
        // Without it every parcel of the sender could be opened twice: better none.
        Some(bytes) => Window::from_bytes(&bytes).map_err(|fault| StoreError::Corrupt {
            dir: store.dir().to_path_buf(),
            detail: format!("which parcels of {} came before: {fault}", from.short()),
        }),
    }
}

/// The operation that keeps them.
pub(super) fn keep(from: &AgencyId, window: &Window) -> Op {
    Op::PutMeta {
        name: name(from),
        bytes: window.to_bytes().into(),
    }
}

fn name(from: &AgencyId) -> String {
    format!("{SEEN}{}", from.full())
}

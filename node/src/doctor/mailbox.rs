//! The parcels that this node keeps as a hub.

use super::{Health, Report};
use crate::home::Home;
use crate::hub::mailbox::aside;

/// Says how many files were set aside, if there is a mailbox.
pub(super) fn look(home: &Home, report: &mut Report) {
    let dir = home.mailbox_dir();
    if !dir.exists() {
        return;
    }
    match aside(&dir) {
        0 => report.note("mailbox", Health::Good, "nothing in it was set aside"),
        files => report.note(
            "mailbox",
            Health::Warning,
            format!(
                "{files} files in {} were no parcels, or damaged ones: look after the disk, then delete them. Their depositors deposit again what is missing",
                dir.join("aside").display()
            ),
        ),
    }
}

//! What a hub's mailbox puts on the page of figures.

use super::Hub;
use crate::metrics::{Figure, Figures};

impl Figures for Hub {
    fn figures(&self, page: &mut Vec<Figure>) {
        for waiting in self.mailbox().waiting() {
            page.push(
                Figure::now(
                    "liaison_hub_parcels",
                    "Parcels that wait at this hub, by addressee.",
                    waiting.usage.parcels,
                )
                .of(waiting.to),
            );
            page.push(
                Figure::now(
                    "liaison_hub_parcels_bytes",
                    "Bytes of the parcels that wait at this hub, by addressee.",
                    waiting.usage.bytes,
                )
                .of(waiting.to),
            );
        }
        page.push(Figure::now(
            "liaison_hub_mailbox_bytes",
            "Bytes of all parcels at this hub, those that are coming included.",
            self.mailbox().usage().bytes,
        ));
        page.push(Figure::now(
            "liaison_hub_mailbox_room_bytes",
            "Bytes of parcels that this hub keeps at most.",
            self.mailbox().room().total,
        ));
        for (why, count) in self.refused() {
            page.push(
                Figure::since(
                    "liaison_hub_refused",
                    "Deposits that this hub refused since the start, by reason.",
                    count,
                )
                .is("reason", why.as_str()),
            );
        }
    }
}

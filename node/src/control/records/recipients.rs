//! Who got a record, and how far taking it back is with each.

use crate::control::api::{ApiError, PassedOn, RecipientView};
use crate::control::text::rfc3339;
use crate::node::Node;
use crate::store::{Arrival, Header};
use crate::withdrawal::{Recipient, State};

impl Node {
    pub(super) fn recipient_views(
        &self,
        arrival: Arrival,
        header: &Header,
    ) -> Result<Vec<RecipientView>, ApiError> {
        let mut views: Vec<RecipientView> = self
            .recipients(arrival, header)?
            .iter()
            .map(|one| self.recipient_view(arrival, one))
            .collect();
        views.sort_by(|a, b| a.peer.cmp(&b.peer));
        Ok(views)
    }

    fn recipient_view(&self, arrival: Arrival, one: &Recipient) -> RecipientView {
        let state = one.state();
        let receipt = one.receipt.as_ref();
        RecipientView {
            peer: self.registry.alias(&one.agency),
            agency: one.agency.full(),
            state: state.as_str().into(),
            sent: one.sent.map(rfc3339),
            delivered: one.delivered,
            told: one.told,
            erased: receipt
                .filter(|_| state == State::Erased)
                .map(|t| rfc3339(t.at)),
            taken_back: one.taken_back.map(rfc3339),
            unreachable_since: one.unreachable_since.map(rfc3339),
            passed_on: receipt
                .and_then(|t| t.further)
                .map(|(asked, erased)| PassedOn { asked, erased }),
            path: super::decision::path(one.path).into(),
            parcel: self.parcels_with(&one.agency, arrival).pop(),
        }
    }
}

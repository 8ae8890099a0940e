//! An officer's own choice of recipients against the ceilings.

use liaison_protocol::id::AgencyId;
use liaison_protocol::record::handling::Onward;
use liaison_protocol::record::signed::Record;

use crate::control::api::ApiError;
use crate::node::Node;

impl Node {
    /// Refuses a record whose list of recipients, or whose `onward: to`, names a peer beyond a
    /// ceiling. Narrowed in silence it would look as if that peer had been told.
    ///
    /// # Errors
    /// `ceiling`, with the ceiling's name and reason.
    pub(in crate::control) fn within_ceilings(
        &self,
        record: &Record,
        to: Option<&[AgencyId]>,
    ) -> Result<(), ApiError> {
        let onward = match &record.envelope.fields.onward {
            Onward::To(agencies) => Some(agencies),
            _ => None,
        };
        let country = self.registry.country(&record.envelope.author);
        let attributes = crate::policy::attributes(record, &country, false);
        let engine = self.policies.current();
        let listed = to.into_iter().flatten().map(|a| ("--to", a));
        let named = onward.into_iter().flatten().map(|a| ("onward", a));
        for (option, agency) in listed.chain(named) {
            let Some(ceiling) = engine.ceiling(agency, &attributes) else {
                continue;
            };
            let peer = self.registry.alias(agency);
            return Err(ApiError::new(
                "ceiling",
                format!(
                    "{option} names {peer}, and the ceiling '{}' ({}) lets {}: {}",
                    ceiling.name,
                    ceiling.place(),
                    ceiling.rule(),
                    ceiling.says
                ),
            )
            .with_remedy(format!(
                "leave {peer} out of {option}, or have the ceiling changed by whoever is in charge of the policy; nothing was stored or sent"
            )));
        }
        Ok(())
    }
}

//! An officer's own choice of recipients against the ceilings.

use liaison_protocol::id::AgencyId;
use liaison_protocol::record::handling::Onward;
use liaison_protocol::record::signed::Record;

use crate::control::api::ApiError;
use crate::node::Node;
use crate::officers::Roles;
use crate::policy::Attributes;

impl Node {
    /// Refuses a record whose list of recipients, or whose `onward: to`, names a peer beyond a
    /// ceiling of the node or of the officer's roles. Narrowed in silence it would look as if that
    /// peer had been told. Without a list, policy decides to whom it goes, today and later: that
    /// is not for an officer whose roles have a ceiling below it, whoever the peers are.
    ///
    /// # Errors
    /// `ceiling`, with the ceiling's name and reason.
    pub(in crate::control) fn within_ceilings(
        &self,
        by: Roles,
        record: &Record,
        to: Option<&[AgencyId]>,
    ) -> Result<(), ApiError> {
        let onward = match &record.envelope.fields.onward {
            Onward::To(agencies) => Some(agencies),
            _ => None,
        };
        self.names_within_ceilings(by, record, "--to", to.into_iter().flatten())?;
        self.names_within_ceilings(by, record, "onward", onward.into_iter().flatten())?;
        if to.is_none()
            && let Some(ceiling) = self
                .policies
                .current()
                .ceiling_without_list(by, &self.class_of(record))
        {
            return Err(ApiError::new(
                "ceiling",
                format!(
                    "without --to policy decides who gets it, and the ceiling '{}' ({}) lets {}: {}",
                    ceiling.name,
                    ceiling.place(),
                    ceiling.rule(),
                    ceiling.says
                ),
            )
            .with_remedy(
                "name the recipients with --to, or have it pushed by an officer in another role; nothing was stored or sent",
            ));
        }
        Ok(())
    }

    /// Refuses what names a peer beyond a ceiling of the node or of the officer's roles.
    ///
    /// # Errors
    /// `ceiling`, with the ceiling's name and reason.
    pub(super) fn names_within_ceilings<'a>(
        &self,
        by: Roles,
        record: &Record,
        option: &str,
        named: impl IntoIterator<Item = &'a AgencyId>,
    ) -> Result<(), ApiError> {
        let attributes = self.class_of(record);
        let engine = self.policies.current();
        for agency in named {
            let Some(ceiling) = engine.ceiling_by(by, agency, &attributes) else {
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

    fn class_of(&self, record: &Record) -> Attributes {
        let country = self.registry.country(&record.envelope.author);
        crate::policy::attributes(record, &country, false)
    }
}

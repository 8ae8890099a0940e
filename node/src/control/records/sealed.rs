//! What officers who may not look inside are shown of a sealed record: what everybody sees of
//! it, and of a decision its gates without their reasons, which would tell what it is about.

use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::Record;
use serde_json::{Value, json};

use crate::control::api::ApiError;
use crate::control::caller::Caller;
use crate::control::text::rfc3339;
use crate::kind;
use crate::node::Node;
use crate::share::{Gate, GateWord, SEALED};
use crate::store::Header;

/// The title of a sealed record.
pub(in crate::control) const TITLE: &str = "(sealed)";

impl Node {
    /// Takes out of the gates' words what would tell what stands inside.
    pub(in crate::control) fn discreet(
        &self,
        caller: &Caller,
        header: &Header,
        words: &mut Vec<GateWord>,
    ) {
        if self.may_be_told(caller, header) {
            return;
        }
        let of_inside = |gate| {
            matches!(
                gate,
                Gate::Ceiling | Gate::Exclude | Gate::Policy | Gate::Path
            )
        };
        // Whoever is not on the list gets it by no gate: which of them are shut, asked peer by
        // peer, would tell from whose authorities the person is kept.
        let shut = |word: &GateWord| word.gate == Gate::Audience && !word.allow;
        if words.iter().any(shut) {
            words.retain(|word| !of_inside(word.gate));
        }
        for word in words {
            if of_inside(word.gate) {
                word.rule = SEALED.into();
                word.place = None;
                word.says = match word.allow {
                    true => "it is sealed: why this gate is open is for those assigned to it",
                    false => "it is sealed: why this gate is shut is for those assigned to it",
                }
                .into();
            }
        }
    }

    /// Whether an officer may be told what policy sees of a record: of a sealed one, whoever is
    /// assigned to its thread.
    pub(in crate::control) fn may_be_told(&self, caller: &Caller, header: &Header) -> bool {
        let assigned = || {
            let gist = self.vault.gist(&header.id)?;
            Some(self.looks.is_assigned(&gist.thread, caller.uid))
        };
        !kind::is_sealed(header) || assigned().unwrap_or(false)
    }

    /// Refuses to take a sealed record apart for whoever is not assigned to its thread.
    pub(in crate::control) fn told(
        &self,
        caller: &Caller,
        header: &Header,
    ) -> Result<(), ApiError> {
        if self.may_be_told(caller, header) {
            return Ok(());
        }
        let short = header.id.short();
        Err(ApiError::new(
            "refused",
            format!("{short} is sealed: what policy sees of it is for those assigned to it"),
        )
        .with_remedy(format!("'liaison refer show {short}', for those who may")))
    }

    /// What everybody sees of a sealed record; none: it is not sealed.
    pub(super) fn stub(&self, record: &Record) -> Option<Value> {
        let Content::Sealed(sealed) = &record.content else {
            return None;
        };
        let names = sealed.recipients.iter().map(|a| self.registry.alias(a));
        let envelope = &record.envelope;
        Some(json!({
            "schema": envelope.schema,
            "kind": record.kind().as_str(),
            "author": envelope.author.full(),
            "created": rfc3339(envelope.created.wall()),
            "thread": envelope.fields.thread.map(|id| id.full()),
            "body": {
                "recipients": names.collect::<Vec<_>>(),
                "respond_by": sealed.respond_by.map(rfc3339),
                "size_class": sealed.text.class(),
            },
        }))
    }
}

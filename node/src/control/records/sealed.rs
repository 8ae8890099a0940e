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
use crate::share::{Decided, Gate, GateWord, SEALED};
use crate::store::Header;

/// The title of a sealed record.
pub(in crate::control) const TITLE: &str = "(sealed)";

impl Node {
    /// Takes out of a decision, for whom it is not, what would tell what stands inside: the
    /// gates that look there, and whether they are open. Whether the list has the peer is known
    /// to everybody; what became of it, the ledger tells.
    pub(in crate::control) fn discreet(
        &self,
        caller: &Caller,
        header: &Header,
        decided: &mut Decided,
        words: &mut Vec<GateWord>,
    ) {
        if !self.may_be_told(caller, header) {
            keep_sealed(decided, words);
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

/// What is left of a decision: the gates that ask what everybody knows.
fn keep_sealed(decided: &mut Decided, words: &mut Vec<GateWord>) {
    words.retain(|word| {
        matches!(
            word.gate,
            Gate::Link | Gate::Expired | Gate::Key | Gate::Owed | Gate::Audience
        )
    });
    if let Some(shut) = words.iter().find(|word| !word.allow) {
        (decided.gate, decided.allow) = (shut.gate, false);
        return;
    }
    if matches!(decided.gate, Gate::Owed | Gate::Key) {
        return;
    }
    decided.gate = Gate::Seal;
    words.push(GateWord {
        gate: Gate::Seal,
        allow: decided.allow,
        rule: SEALED.into(),
        says: "it is sealed: what else is asked of it is for those assigned to it".into(),
        place: None,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(gate: Gate, allow: bool) -> GateWord {
        GateWord {
            gate,
            allow,
            rule: "a-rule".into(),
            says: "why".into(),
            place: Some("here".into()),
        }
    }

    fn told(gate: Gate, words: &[(Gate, bool)]) -> (Decided, Vec<Gate>) {
        let mut decided = Decided {
            allow: words.iter().all(|(_, allow)| *allow),
            gate,
            rule: "a-rule".into(),
        };
        let mut words: Vec<GateWord> = words.iter().map(|(g, a)| word(*g, *a)).collect();
        keep_sealed(&mut decided, &mut words);
        (decided, words.into_iter().map(|word| word.gate).collect())
    }

    /// Whether a country is excluded looks the same as whether it is not.
    #[test]
    fn a_peer_that_is_not_on_the_list_is_told_of_by_the_list_alone() {
        let gates = |open: bool| {
            [
                (Gate::Link, true),
                (Gate::Handling, open),
                (Gate::Ceiling, open),
                (Gate::Audience, false),
                (Gate::Exclude, open),
                (Gate::Policy, open),
                (Gate::Seal, true),
            ]
        };
        let shut = told(Gate::Ceiling, &gates(false));
        assert_eq!(shut, told(Gate::Audience, &gates(true)));
        assert_eq!(shut.0.gate, Gate::Audience);
        assert_eq!(shut.1, [Gate::Link, Gate::Audience]);
    }

    #[test]
    fn of_a_peer_on_the_list_no_gate_that_looks_inside_is_named() {
        let barred = told(
            Gate::Exclude,
            &[
                (Gate::Link, true),
                (Gate::Audience, true),
                (Gate::Exclude, false),
            ],
        );
        let no_key = told(
            Gate::Seal,
            &[
                (Gate::Link, true),
                (Gate::Audience, true),
                (Gate::Policy, true),
                (Gate::Seal, false),
            ],
        );
        assert_eq!(barred, no_key);
        assert!(!barred.0.allow);
    }
}

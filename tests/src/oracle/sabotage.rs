//! Broken gates, for a test of the oracle: the nodes are made to do otherwise than the model
//! is told, as a node would whose gate is broken.

use super::model::Gate;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Every node shares all that it has.
    Policy,
    /// Every node takes in whatever it is sent.
    Accept,
    /// Records go out with wider handling than their authors gave them.
    Handling,
    /// Distribution lists are lost.
    Audience,
    /// Retractions are not carried out.
    Retraction,
    /// An amendment leaves the old text in force.
    Amendment,
    /// Nodes forget what was retracted as soon as a line is mended.
    Tombstone,
    /// A policy applied after the first one changes nothing.
    Epoch,
    /// A removed peer stays one.
    Link,
    /// A revoked peer stays one.
    Revocation,
    /// Ceilings are lost.
    Ceiling,
    /// Permits name everybody.
    Permit,
    /// Copies are not recalled.
    Recall,
    /// A restored node waits for nobody.
    Restore,
    /// What is sealed names everybody.
    Seal,
    /// Nodes share nothing: the other way round, too little.
    Starve,
}

impl Sabotage {
    /// Each, and the gates of which at least one must be seen to be broken.
    pub const ALL: [(Sabotage, &'static [Gate]); 18] = [
        (Sabotage::Policy, &[Gate::Policy]),
        (Sabotage::Accept, &[Gate::Accept]),
        (Sabotage::Handling, &[Gate::Handling]),
        (Sabotage::Handling, &[Gate::Courier]),
        (Sabotage::Audience, &[Gate::Audience]),
        (Sabotage::Retraction, &[Gate::InForce]),
        (Sabotage::Amendment, &[Gate::InForce]),
        (Sabotage::Tombstone, &[Gate::Returned]),
        (Sabotage::Epoch, &[Gate::Policy]),
        (Sabotage::Link, &[Gate::Link]),
        (Sabotage::Revocation, &[Gate::Revoked]),
        (Sabotage::Ceiling, &[Gate::Ceiling]),
        (Sabotage::Permit, &[Gate::Handling]),
        (Sabotage::Permit, &[Gate::Courier]),
        (Sabotage::Recall, &[Gate::NotErased]),
        (Sabotage::Restore, &[Gate::InForce]),
        (Sabotage::Seal, &[Gate::Seal]),
        (Sabotage::Starve, &[Gate::Starved]),
    ];
}

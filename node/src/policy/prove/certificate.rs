//! A proof made elsewhere, signed by a key that this node's administrator named.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use liaison_protocol::key::{PublicKey, SecretKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::super::limits;
use super::super::schema::SCHEMA_TEXT;
use super::super::set::PolicySet;
use super::invariant::{Invariant, NO_ERRORS};
use super::report::Finding;
use super::{BUILTIN_TEXT, WORLD_TEXT};

/// The findings of the symbolic part over one policy text, schema and invariants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// What was proven, and of what.
    pub statement: Proven,
    /// Who says so.
    pub prover: PublicKey,
    /// Ed25519 over the statement, hex.
    pub signature: String,
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proven {
    /// SHA-256 of policy text, entities and own invariants, hex, as `policy check` shows it.
    pub policy: String,
    /// SHA-256 of schema, built-in invariants and what is taken for granted, hex: a certificate
    /// of another version of the program says nothing.
    pub basis: String,
    /// The solver and its version.
    pub solver: String,
    /// Invariant to `proven`, `refuted`, `unconfirmed` or `unknown`.
    pub findings: BTreeMap<String, String>,
}

/// Why a certificate does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not a certificate.
    #[error(
        "this is not a certificate: {says}. 'liaison policy prove DIR --key KEY --out FILE' makes one"
    )]
    Form {
        /// What the parser said.
        says: String,
    },
    /// Signed by somebody else.
    #[error(
        "the certificate is signed by {found}, and config.toml names {named} under [policy] prover. Have it made with the right key, or correct config.toml and restart"
    )]
    Prover {
        /// Who signed.
        found: String,
        /// Whom the configuration names, or `nobody`.
        named: String,
    },
    /// The signature is not over these words.
    #[error(
        "the certificate's signature does not fit: it was changed, or damaged on the way. Have it sent again"
    )]
    Signature,
    /// Of another text.
    #[error(
        "the certificate is of the policy {found}, and this is {wanted}: a file was changed since. Prove it again"
    )]
    Policy {
        /// Hash in the certificate.
        found: String,
        /// Hash of the policy at hand.
        wanted: String,
    },
    /// Of another version.
    #[error(
        "the certificate was made by another version of liaison, with another schema or other invariants. Prove the policy with this version"
    )]
    Basis,
}

const DOMAIN: &[u8] = b"liaison/1 policy certificate";

impl Certificate {
    /// Signs what was found of a set.
    pub fn new(set: &PolicySet, findings: &[Finding], solver: String, key: &SecretKey) -> Self {
        let statement = Proven {
            policy: HEXLOWER.encode(&set.text().sha256()),
            basis: basis(),
            solver,
            findings: findings
                .iter()
                .map(|f| (f.id.clone(), f.verdict.word().to_owned()))
                .collect(),
        };
        Self::sign(statement, key)
    }

    pub(super) fn sign(statement: Proven, key: &SecretKey) -> Self {
        let signature = HEXLOWER.encode(&key.sign(&statement.to_bytes()));
        Self {
            prover: key.public(),
            statement,
            signature,
        }
    }

    /// Reads a certificate's text; whether it counts is another question: [`Self::check`].
    ///
    /// # Errors
    /// [`CertificateError::Form`].
    pub fn parse(text: &str) -> Result<Self, CertificateError> {
        let form = |says: String| CertificateError::Form { says };
        if text.len() > limits::CERTIFICATE_BYTES {
            return Err(form(format!(
                "it is longer than {} bytes",
                limits::CERTIFICATE_BYTES
            )));
        }
        serde_json::from_str(text).map_err(|e| form(e.to_string()))
    }

    /// For a file.
    pub fn to_text(&self) -> String {
        // Plain data with text keys: it always has a JSON form.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Whether it is the word of the named prover on this set. Answers the invariants that it
    /// does not call proven, with the word that it has for them.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn check(
        &self,
        set: &PolicySet,
        prover: Option<&PublicKey>,
    ) -> Result<BTreeMap<String, String>, CertificateError> {
        if prover != Some(&self.prover) {
            return Err(CertificateError::Prover {
                found: self.prover.to_string(),
                named: prover.map_or_else(|| "nobody".into(), ToString::to_string),
            });
        }
        let signature: Option<[u8; 64]> = HEXLOWER
            .decode(self.signature.as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok());
        let verified = match (signature, self.prover.verifier()) {
            (Some(signature), Some(key)) => key.verify(&self.statement.to_bytes(), &signature),
            _ => false,
        };
        if !verified {
            return Err(CertificateError::Signature);
        }
        if self.statement.basis != basis() {
            return Err(CertificateError::Basis);
        }
        let wanted = HEXLOWER.encode(&set.text().sha256());
        if self.statement.policy != wanted {
            return Err(CertificateError::Policy {
                found: short(&self.statement.policy),
                wanted: short(&wanted),
            });
        }
        let invariants = Invariant::all(set).map_err(|says| CertificateError::Form { says })?;
        let wanted = invariants.into_iter().map(|i| i.id);
        let said = &self.statement.findings;
        Ok(wanted
            .chain([NO_ERRORS.to_owned()])
            .filter_map(|id| match said.get(&id).map(String::as_str) {
                Some("proven") => None,
                other => Some((id, other.unwrap_or("unknown").to_owned())),
            })
            .collect())
    }
}

impl Proven {
    /// Domain and CBOR, in the order of the fields: what is signed.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = DOMAIN.to_vec();
        // Writing to a Vec cannot fail.
        let _infallible = ciborium::into_writer(self, &mut bytes);
        bytes
    }
}

/// Hash of what a proof stands on beside the set.
fn basis() -> String {
    let mut hash = Sha256::new_with_prefix(b"liaison/1 policy basis");
    for text in [SCHEMA_TEXT, BUILTIN_TEXT, WORLD_TEXT] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    HEXLOWER.encode(&hash.finalize())
}

fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}

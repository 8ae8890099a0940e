//! What stands inside a seal as bytes. Only the seal writes and reads these.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::encode::{Encode, Out};
use super::{Inside, Part, Personal, VictimReferral};
use crate::cbor::direct::{self, NotDirect, Reader};
use crate::limits;
use crate::record::codes::{PersonalKind, ReferralPart};

/// Why something cannot stand inside a seal, or what stands there cannot be read. It never
/// says what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InsideFault {
    /// It is larger than the largest size class.
    #[error(
        "what is to be sealed has over {} bytes. Shorten its lists and notes",
        limits::INSIDE_BYTES
    )]
    TooLarge,
    /// It is not deterministic CBOR of this schema.
    #[error(
        "what stands inside the seal is not a record of this schema. Ask its author which version of liaison sealed it"
    )]
    Form,
}

impl Inside {
    /// The bytes that are sealed, in a buffer that is wiped.
    pub(crate) fn encode(&self) -> Result<Zeroizing<Vec<u8>>, InsideFault> {
        Out::cbor(self).map_err(|_| InsideFault::TooLarge)
    }

    /// Reads what was sealed. Takes only what [`Inside::encode`] writes.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, InsideFault> {
        if bytes.len() > limits::INSIDE_BYTES {
            return Err(InsideFault::TooLarge);
        }
        let inside = read(bytes).map_err(|NotDirect| InsideFault::Form)?;
        match inside.encode() {
            Ok(again) if again.as_slice() == bytes => Ok(inside),
            _ => Err(InsideFault::Form),
        }
    }

    /// JSON for the screen of an officer who may see it, in a buffer that is wiped.
    ///
    /// # Errors
    /// What is larger than [`limits::SHOWN_BYTES`].
    pub fn show(&self) -> Result<Zeroizing<Vec<u8>>, InsideFault> {
        Out::json(self).map_err(|_| InsideFault::TooLarge)
    }
}

impl Inside {
    /// What it says, without its envelope: JSON for the screen of an officer who may see it, in
    /// a buffer that is wiped.
    ///
    /// # Errors
    /// What is larger than [`limits::SHOWN_BYTES`].
    pub fn show_content(&self) -> Result<Zeroizing<Vec<u8>>, InsideFault> {
        Out::json(self.content()).map_err(|_| InsideFault::TooLarge)
    }

    fn content(&self) -> &dyn Encode {
        match &self.content {
            Personal::Referral(VictimReferral { part }) => match part {
                Part::Profile(profile) => &**profile,
                Part::Assessment(assessment) => &**assessment,
                Part::Identity(identity) => &**identity,
            },
            Personal::Step(step) => step,
            Personal::Overdue(overdue) => overdue,
        }
    }
}

fn read(bytes: &[u8]) -> Result<Inside, NotDirect> {
    let map = direct::map(bytes)?;
    let kind: PersonalKind = map.value("kind")?.read()?;
    let body = map.value("body")?;
    let content = match kind {
        PersonalKind::VictimReferral => {
            let part = match map.value("part")?.read()? {
                ReferralPart::Profile => Part::Profile(body.read()?),
                ReferralPart::Assessment => Part::Assessment(body.read()?),
                ReferralPart::Identity => Part::Identity(body.read()?),
            };
            Personal::Referral(VictimReferral { part })
        }
        PersonalKind::Step => Personal::Step(body.read()?),
        PersonalKind::Overdue => Personal::Overdue(body.read()?),
    };
    Ok(Inside {
        fields: map.value("fields")?.read()?,
        subjects: optional(map, "subjects")?.unwrap_or_default(),
        exclude: optional::<BTreeSet<_>>(map, "exclude")?.unwrap_or_default(),
        content,
    })
}

fn optional<'de, T: serde::Deserialize<'de>>(
    map: Reader<'de>,
    key: &str,
) -> Result<Option<T>, NotDirect> {
    match map.value(key) {
        Ok(value) => value.read().map(Some),
        Err(NotDirect) => Ok(None),
    }
}

impl Encode for Inside {
    fn put(&self, out: &mut Out) {
        let mut fields = self.fields.clone();
        // It stands in the stub.
        fields.thread = None;
        let body = self.content();
        out.map(&[
            ("kind", &self.kind()),
            ("part", &self.part()),
            ("fields", &fields),
            ("subjects", &self.subjects),
            ("exclude", &self.exclude),
            ("body", &body),
        ]);
    }
}

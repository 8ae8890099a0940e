//! Parcels of ours that a hub was told to discard. That it did so is its own word: their
//! addressee is told, in the next parcel, to refuse them if they come all the same.

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use liaison_protocol::limits as wire_limits;
use serde::{Deserialize, Serialize};

use crate::store::{Op, Store, StoreError};

/// Prefix of the stored values that hold their numbers, by addressee.
const VOID: &str = "parcel-void/";

/// A number that does not count any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Void {
    /// The parcel's.
    number: u64,
    /// When it would have ended by itself.
    expires: Millis,
    /// The first parcel that could tell it.
    since: u64,
}

/// The numbers that an agency is to refuse, as they stand in the store.
#[derive(Clone, Debug, Default)]
pub(super) struct Voids(Vec<Void>);

impl Voids {
    /// Those for an agency that would not have ended yet. Whoever writes them back holds its turn to
    /// be packed for, and goes by a time that is believed.
    pub fn load(store: &Store, to: &AgencyId, now: Millis) -> Result<Self, StoreError> {
        let bytes = store.meta(&name(to))?;
        let all: Vec<Void> = bytes
            .and_then(|b| postcard::from_bytes(&b).ok())
            .unwrap_or_default();
        Ok(Self(
            all.into_iter().filter(|void| void.expires > now).collect(),
        ))
    }

    /// The numbers, as many as one parcel tells.
    pub fn numbers(&self) -> Vec<u64> {
        let newest = self.0.iter().rev().take(wire_limits::PARCEL_NUMBERS);
        newest.map(|void| void.number).collect()
    }

    /// Whether there is one that no parcel before this one could tell.
    pub fn is_news_to(&self, next: u64) -> bool {
        self.0.iter().any(|void| void.since >= next)
    }

    /// One more, of a parcel that ends then; `next` is the number of the next parcel.
    pub fn add(&mut self, number: u64, expires: Millis, next: u64) {
        if !self.0.iter().any(|void| void.number == number) {
            self.0.push(Void {
                number,
                expires,
                since: next,
            });
        }
    }

    /// The parcel of this number arrived: what it told is known.
    pub fn told_by(&mut self, number: u64) {
        self.0.retain(|void| void.since > number);
    }

    /// The operation that keeps them.
    pub fn keep(&self, store: &Store, to: &AgencyId) -> Result<Op, StoreError> {
        let name = name(to);
        Ok(if self.0.is_empty() {
            Op::DeleteMeta { name }
        } else {
            let bytes = super::encode(store, &self.0)?;
            Op::PutMeta { name, bytes }
        })
    }
}

fn name(to: &AgencyId) -> String {
    format!("{VOID}{}", to.full())
}

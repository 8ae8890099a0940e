//! What travels ahead of a record in the same parcel.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::store::Arrival;

/// Permits and affirmations that a peer will have when it comes to a record, because they stand
/// before it in the same parcel. Clones share the list.
#[derive(Clone, Debug, Default)]
pub struct Ahead(Option<Arc<BTreeSet<Arrival>>>);

impl Ahead {
    /// Nothing does.
    pub const NONE: Self = Self(None);

    /// These do.
    pub fn of(arrivals: impl IntoIterator<Item = Arrival>) -> Self {
        let arrivals: BTreeSet<Arrival> = arrivals.into_iter().collect();
        Self((!arrivals.is_empty()).then(|| Arc::new(arrivals)))
    }

    /// Whether this one does.
    pub fn has(&self, arrival: Arrival) -> bool {
        self.0.as_ref().is_some_and(|all| all.contains(&arrival))
    }
}

//! The one way out: decide, ledger, release. Nothing else makes a [`Released`], and the
//! sessions take nothing else.

mod absent;
mod affirmed;
mod ahead;
mod change;
mod decide;
mod leave;
mod owed;
mod passed;
mod release;
mod route;
mod scan;
mod standing;
mod walk;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use liaison_protocol::record::codes::{Purpose, Tlp};
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::handling::Onward;

pub use self::absent::{Lack, Lacks, Search};
pub use self::ahead::Ahead;
pub use self::change::{Changed, Effect, Step};
pub(crate) use self::decide::{Class, class_of};
pub use self::decide::{Decided, Gate, GateWord};
pub use self::leave::{Leave, LeaveKind, Leaves};
pub use self::owed::{Look, Owed};
pub use self::passed::{
    GIVEN_BACK, HELD_ALREADY, RECALLED, SEALED, UNDECIDED, WITHDRAWN, passed, released,
    released_to_us, undecided,
};
pub use self::release::{ReleaseError, Released, Settled};
pub use self::route::Route;
pub use self::scan::{Candidate, Scan};
pub use self::standing::Standing;
use crate::audit::Audit;
use crate::clock::Clock;
use crate::policy::Policies;
use crate::registry::Registry;
use crate::store::{Arrival, Header, Path, Store, StoreError};
use crate::time::Timekeeper;
use crate::vault::Vault;

/// What share works with. Clones share it.
#[derive(Clone)]
pub struct Share {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    pub(crate) policies: Arc<Policies>,
    pub(crate) owed: Owed,
    pub(crate) leaves: Leaves,
    pub(crate) clock: Arc<dyn Clock>,
    time: Timekeeper,
    pub(crate) audit: Audit,
    pub(crate) vault: Vault,
    classes: Arc<decide::Classes>,
    passed: Arc<Passed>,
}

impl Share {
    /// Puts share together.
    #[expect(
        clippy::too_many_arguments,
        reason = "every part of the node that share uses, once"
    )]
    pub fn new(
        store: Store,
        registry: Registry,
        policies: Arc<Policies>,
        owed: Owed,
        leaves: Leaves,
        clock: Arc<dyn Clock>,
        time: Timekeeper,
        audit: Audit,
        vault: Vault,
    ) -> Self {
        Self {
            store,
            registry,
            policies,
            owed,
            leaves,
            clock,
            time,
            audit,
            vault,
            classes: Arc::default(),
            passed: Arc::default(),
        }
    }

    /// Records released since the start, over all peers, by the way that they went.
    pub fn releases(&self) -> [(Path, u64); 4] {
        [Path::Direct, Path::Circuit, Path::Mailbox, Path::Bundle]
            .map(|path| (path, self.passed.of(path).load(Ordering::Relaxed)))
    }

    /// For a record that policy denies by default: the statements that came nearest, each
    /// as a sentence.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn nearest(
        &self,
        peer: &AgencyId,
        arrival: Arrival,
        header: &Header,
    ) -> Result<Vec<String>, StoreError> {
        let class = self.class(header)?;
        let Some((attributes, _)) = class.as_ref() else {
            return Ok(Vec::new());
        };
        let listed = self
            .store
            .audience(arrival)?
            .is_some_and(|a| a.contains(peer));
        let engine = self.policies.current();
        let nearest = engine.nearest(crate::policy::Action::Share, peer, attributes, listed);
        Ok(nearest
            .iter()
            .take(1)
            .map(crate::policy::Nearest::in_words)
            .collect())
    }

    /// The time, for callers that hold no clock of their own.
    pub fn now(&self) -> Millis {
        self.clock.now()
    }
}

/// Records that were released, by path.
#[derive(Debug, Default)]
struct Passed {
    direct: AtomicU64,
    circuit: AtomicU64,
    mailbox: AtomicU64,
    bundle: AtomicU64,
}

impl Passed {
    const fn of(&self, path: Path) -> &AtomicU64 {
        match path {
            Path::Direct => &self.direct,
            Path::Circuit => &self.circuit,
            Path::Mailbox => &self.mailbox,
            Path::Bundle => &self.bundle,
        }
    }
}

/// The envelope of a control record: clear, in nobody's list, passed on along the ledger.
pub fn control_fields(title: &str, purpose: Purpose, exercise: Option<String>) -> Fields {
    Fields {
        exercise,
        ..Fields::new(Tlp::Clear, Onward::None, purpose, "en", title)
    }
}

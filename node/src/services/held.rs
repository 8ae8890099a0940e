//! The `service` records that this node holds.

use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::Kind;
use liaison_protocol::record::date::Date;
use liaison_protocol::record::kinds::{Content, Service};
use liaison_protocol::record::signed::SignedRecord;

use crate::limits;
use crate::node::Node;
use crate::search::query::{Clause, Pattern, Test};
use crate::search::{Field, Options, Query, SearchError};
use crate::store::{Arrival, Flags, StoreError};

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its id.
    pub id: RecordId,
    /// Who says so.
    pub author: AgencyId,
    /// Its title.
    pub title: String,
    /// What it says.
    pub service: Service,
    /// The key that signed it was compromised, and its author has not affirmed it.
    pub is_doubtful: bool,
}

/// Those that hold today.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// The records, newest first, at most [`limits::SERVICES_READ`].
    pub services: Vec<Held>,
    /// Whether there are more, which were not looked at.
    pub is_cut: bool,
}

/// Why they can't be read.
#[derive(Debug, thiserror::Error)]
pub enum HeldError {
    /// The search.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The services, offered and missing, that hold on a day; not those that were retracted or
/// replaced. It reads the disk.
///
/// # Errors
/// [`HeldError`]: the index or the store can't be read.
pub fn held(node: &Node, today: Date) -> Result<Holding, HeldError> {
    let query = Query {
        clauses: vec![Clause {
            negated: false,
            test: Test::Value {
                field: Field::Kind,
                any: vec![Pattern::Is(Kind::Service.as_str().into())],
            },
        }],
    };
    let options = Options {
        limit: limits::SERVICES_READ,
        ..Options::default()
    };
    let found = node.search.query(&query, &options)?;
    let mut services = Vec::with_capacity(found.arrivals.len());
    for arrival in &found.arrivals {
        let arrival = Arrival(*arrival);
        let Some(header) = node.store.header(arrival)? else {
            continue;
        };
        let gone = [
            Flags::ERASED,
            Flags::LOCKED,
            Flags::RETRACTED,
            Flags::SUPERSEDED,
        ];
        if gone.into_iter().any(|flag| header.flags.contains(flag)) {
            continue;
        }
        let signed = node.store.record(arrival)?;
        let Some(signed) = signed.and_then(|bytes| SignedRecord::parse(bytes).ok()) else {
            continue;
        };
        let record = signed.unverified();
        if let Content::Service(service) = &record.content
            && service.valid_until >= today
        {
            services.push(Held {
                id: header.id,
                author: header.author,
                title: record.envelope.fields.title.clone(),
                service: service.clone(),
                is_doubtful: header.flags.contains(Flags::KEY_LOST),
            });
        }
    }
    Ok(Holding {
        services,
        is_cut: found.count > found.arrivals.len() as u64,
    })
}

//! The index beside a store in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use liaison_protocol::clock::Hlc;
use liaison_protocol::id::AgencyId;
use liaison_protocol::record::codes::{Kind, Purpose, RetractReason, Tlp};
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::handling::Onward;
use liaison_protocol::record::kinds::{Content, Retract};
use serde_json::json;

use super::*;

mod answers;
mod language;
mod life;
mod property;

const NOW: Millis = Millis(1_931_688_000_000);

/// A store in memory.
#[derive(Default)]
struct Shelf {
    records: Mutex<BTreeMap<u64, Sourced>>,
    broken: AtomicBool,
}

impl Shelf {
    fn put(&self, arrival: u64, record: Record) {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&arrival.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        let sourced = Sourced {
            arrival,
            id: RecordId::from_bytes(id),
            record: Arc::new(record),
            received: Millis(NOW.0 - 1_000_000 + arrival),
            hidden: false,
        };
        self.records.lock().expect("lock").insert(arrival, sourced);
    }

    fn hide(&self, arrival: u64) {
        if let Some(sourced) = self.records.lock().expect("lock").get_mut(&arrival) {
            sourced.hidden = true;
        }
    }

    fn erase(&self, arrival: u64) {
        self.records.lock().expect("lock").remove(&arrival);
    }

    /// The answer without any index.
    fn scan(&self, query: &Query, options: &Options) -> Result<Outcome, SearchError> {
        let mut tally = Tally::new(options);
        for sourced in self.records.lock().expect("lock").values() {
            tally.add(&sourced.document(), query, options);
        }
        tally.finish(options)
    }
}

impl RecordSource for Shelf {
    fn records(&self, from: u64, limit: usize) -> Result<Vec<Sourced>, SourceFault> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(SourceFault("broken".into()));
        }
        let records = self.records.lock().expect("lock");
        let page = records.range(from + 1..).take(limit);
        Ok(page.map(|(_, sourced)| sourced.clone()).collect())
    }

    fn record(&self, arrival: u64) -> Result<Option<Sourced>, SourceFault> {
        Ok(self.records.lock().expect("lock").get(&arrival).cloned())
    }
}

fn agency(n: u8) -> AgencyId {
    AgencyId::from_bytes([n; 32])
}

fn record(author: u8, title: &str, kind: Kind, body: serde_json::Value) -> Record {
    let tlp = match author.is_multiple_of(2) {
        true => Tlp::Green,
        false => Tlp::Amber,
    };
    let fields = Fields {
        crime: vec!["02043".into()],
        ..Fields::new(
            tlp,
            Onward::Community,
            Purpose::Statistics,
            "sr-Latn",
            title,
        )
    };
    let created = Hlc::new(Millis(NOW.0 - u64::from(author) * 86_400_000), 0);
    let content = Content::from_json(kind, body).expect("content");
    Record::new(agency(author), created, fields, content)
}

fn trend(route: &str, month: &str, nationality: &str, n: u64) -> Record {
    let body = json!({
        "period": {"from": month, "to": month},
        "route": route,
        "measure": "detections",
        "method": "administrative",
        "cells": [{"dims": {"nationality": nationality, "border": "land"}, "n": n}],
    });
    record(2, "Detections at the border", Kind::Trend, body)
}

fn arrivals(country: &str, n: u64) -> Record {
    let body = json!({
        "period": {"from": "2031-03", "to": "2031-03"},
        "area": [country],
        "measure": "arrivals",
        "method": "registry",
        "cells": [{"n": n}],
    });
    record(1, "Arrivals", Kind::Trend, body)
}

fn alias(name: &str) -> Option<AgencyId> {
    (name == "qm-pol").then(|| agency(2))
}

fn parse(text: &str) -> Query {
    try_parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn try_parse(text: &str) -> Result<Query, QueryError> {
    let context = Context {
        now: NOW,
        author: &alias,
    };
    Query::parse(text, &context)
}

fn count(search: &Search, text: &str) -> u64 {
    let outcome = search.query(&parse(text), &Options::default());
    outcome.expect("outcome").count
}

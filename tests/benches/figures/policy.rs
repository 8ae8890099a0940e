//! Decisions of the policy, remembered and not.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use liaison_node::import::synthetic::Synthetic;
use liaison_node::policy::{
    Action, ClassId, Directory, Engine, PeerAttributes, PolicySet, PolicyText, attributes,
};
use liaison_protocol::clock::{Hlc, Millis};
use liaison_protocol::id::AgencyId;
use liaison_protocol::key::SecretKey;
use liaison_protocol::record::signed::Record;

use crate::Fallible;
use crate::federation::{SHARE, today};
use crate::table::Table;

const CLASSES: u32 = 1_000;
const ROUNDS: usize = 2_000;

/// Measures decisions about a thousand classes of records.
pub fn measure(signer: &SecretKey, table: &mut Table) -> Fallible<()> {
    let own = AgencyId::from_bytes(*signer.public().as_bytes());
    let peer = AgencyId::from_bytes([9; 32]);
    let directory = Directory::new(agency(own, "own"), vec![agency(peer, "b")])?;
    let text = PolicyText::new(vec![("policy.cedar".into(), SHARE.into())], None)?;
    let engine = Engine::new(Arc::new(PolicySet::from_text(text)?), directory, 1)?;
    let classes: Vec<_> = Synthetic::trends(3, today())
        .take(CLASSES as usize)
        .map(|(fields, content)| {
            let record = Record::new(own, Hlc::new(Millis(0), 0), fields, content);
            attributes(&record, "QN", false)
        })
        .collect();
    let distinct: BTreeSet<_> = classes.iter().collect();
    table.row(
        "classes among a thousand trends",
        distinct.len().to_string(),
        "",
        "",
    );
    let mut allowed = 0;
    let began = Instant::now();
    for class in &classes {
        allowed += usize::from(engine.decide(Action::Share, &peer, class, false).allow);
    }
    table.plain_rate(
        "policy decisions, not remembered",
        classes.len(),
        began.elapsed().as_secs_f64(),
    );
    let began = Instant::now();
    for _ in 0..ROUNDS {
        for (number, class) in (0..CLASSES).zip(&classes) {
            let decided = engine.decide_memo(Action::Share, &peer, ClassId(number), false, || {
                class.clone()
            });
            allowed += usize::from(decided.allow);
        }
    }
    assert_eq!(allowed, (ROUNDS + 1) * classes.len());
    table.plain_rate(
        "policy decisions, remembered",
        ROUNDS * classes.len(),
        began.elapsed().as_secs_f64(),
    );
    Ok(())
}

fn agency(agency: AgencyId, alias: &str) -> PeerAttributes {
    PeerAttributes {
        agency,
        alias: alias.into(),
        sector: "police".into(),
        country: "QN".into(),
        regime: "led".into(),
        route_roles: BTreeSet::new(),
        circles: BTreeSet::new(),
    }
}

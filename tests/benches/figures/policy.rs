//! Decisions of the policy, remembered and not, and the preview of a change.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use liaison_node::Node;
use liaison_node::import::synthetic::Synthetic;
use liaison_node::policy::{
    Action, ClassId, Directory, Engine, PeerAttributes, PolicySet, PolicyText, attributes,
};
use liaison_node::share::{Effect, Step};
use liaison_protocol::clock::{Hlc, Millis};
use liaison_protocol::id::AgencyId;
use liaison_protocol::key::SecretKey;
use liaison_protocol::record::signed::Record;

use crate::federation::{NOTHING, SHARE, home, import, link_card, policy, start, today};
use crate::table::Table;
use crate::{Fallible, Sizes};

const CLASSES: u32 = 1_000;
const ROUNDS: usize = 2_000;

/// Peers whom a change concerns.
const PEERS: usize = 8;

/// Bound of a preview over 100,000 records: somebody sits and waits for it.
pub const PREVIEW_S: f64 = 5.0;

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
    let rate = (ROUNDS * classes.len()) as f64 / began.elapsed().as_secs_f64();
    let aim = format!(">= 1,000,000 {}", crate::table::met(rate >= 1e6));
    let value = format!("{}/s", crate::table::grouped(rate));
    table.row("policy decisions, remembered", value, "", &aim);
    Ok(())
}

/// Measures the preview of a policy that lets everything go to each of several peers, over a
/// store of records that none of them has.
pub async fn preview(sizes: &Sizes, table: &mut Table) -> Fallible<()> {
    let dir = tempfile::tempdir_in(&sizes.dir)?;
    let node = start(&home(dir.path(), "a")?).await?;
    for number in 0..PEERS {
        let peer = home(dir.path(), &format!("p{number}"))?;
        link_card(&node, &peer.card_file()?, &format!("p{number}")).await?;
    }
    policy(&node, NOTHING)?;
    let mut trends = Synthetic::trends(5, today());
    import(&node, &mut trends, sizes.held).await?;
    let (seconds, flows, _) = previewed(&node, SHARE).await?;
    assert_eq!(flows, sizes.held * PEERS, "all of it would flow");
    let what = format!("preview, {} records, {PEERS} peers", sizes.held);
    table.below(&what, seconds, "s", Some(PREVIEW_S));
    node.stop().await;
    Ok(())
}

/// Looks at what a policy would change: how long that takes, how many records would newly
/// flow, and how many that peers hold would stop.
pub async fn previewed(node: &Node, text: &str) -> Fallible<(f64, usize, usize)> {
    let node = node.clone();
    let text = PolicyText::new(vec![("policy.cedar".into(), text.into())], None)?;
    let look = move || -> Fallible<(f64, usize, usize)> {
        let began = Instant::now();
        let before = node.policies.current();
        let last = Some((before.epoch(), *before.fingerprint()));
        let set = Arc::new(PolicySet::from_text(text)?);
        let after = Engine::resume(set, node.registry.directory()?, last)?;
        let (mut flows, mut held) = (0, 0);
        node.share.changes(&before, &after, |step| {
            let Step::Changed(changed) = step else { return };
            match changed.effect {
                Effect::Flows { .. } => flows += 1,
                Effect::Stops { held: holds } => held += usize::from(holds),
            }
        })?;
        Ok((began.elapsed().as_secs_f64(), flows, held))
    };
    tokio::task::spawn_blocking(look).await?
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

//! Real nodes, put together without a command line.

use std::net::UdpSocket;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use liaison_node::cardfile::CardFile;
use liaison_node::clock::{Clock, SystemClock};
use liaison_node::home::{Home, InitRequest};
use liaison_node::import::synthetic::Synthetic;
use liaison_node::policy::{PolicySet, PolicyText};
use liaison_node::{Node, RunOptions};
use liaison_protocol::id::AgencyId;
use liaison_protocol::record::date::Date;

use crate::Fallible;

/// Records of one write, as an import makes them.
pub const WRITE: usize = 200;

/// Nothing is shared or taken in.
pub const NOTHING: &str = "// Nothing yet.\n";

/// As agencies write it: strategic records up to amber to those who fight or protect, and
/// faulty ones stay out.
pub const SHARE: &str = r#"
@id("accept-strategic") @says("We take strategic records up to amber.")
permit (principal, action == Action::"accept", resource)
when {
  resource.plane == Plane::"strategic" &&
  resource.tlp in [Tlp::"clear", Tlp::"green", Tlp::"amber"]
};
@id("refuse-marked") @says("Records with faulty content stay out.")
forbid (principal, action == Action::"accept", resource)
when { resource.marked };
@id("own-trends") @says("Our trends go to police and border guards.")
permit (principal, action == Action::"share", resource)
when {
  resource.own && resource.kind == Kind::"trend" &&
  resource.tlp in [Tlp::"clear", Tlp::"green", Tlp::"amber"]
};
"#;

/// Makes a home whose node listens on loopback.
pub fn home(dir: &Path, name: &str) -> Fallible<Home> {
    let home = Home::at(dir.join(name));
    let request = InitRequest {
        name: format!("Agency {name}"),
        country: "QN".parse()?,
        sector: "police".parse()?,
        route_roles: Vec::new(),
        regime: "led".parse()?,
        addresses: vec![format!("127.0.0.1:{}", free_port()?)],
    };
    home.init(request, SystemClock.now())?;
    // What is measured is the node, not its patience with one peer.
    std::fs::write(home.config_path(), "records_per_minute = 100000000\n")?;
    Ok(home)
}

/// Starts a node at the address on its card.
pub async fn start(home: &Home) -> Fallible<Node> {
    let card = home.card_file()?;
    let statement = card.statement().ok_or("no keys statement")?;
    let listen = statement
        .nodes
        .iter()
        .flat_map(|n| n.addresses.clone())
        .collect();
    let options = RunOptions {
        listen,
        ..RunOptions::default()
    };
    Ok(Node::start(home.clone(), options).await?)
}

/// Makes each a peer of the other, and waits until they are connected.
pub async fn link(a: &Node, b: &Node) -> Fallible<()> {
    for (one, other, alias) in [(a, b, "b"), (b, a, "a")] {
        link_card(one, &other.home.card_file()?, alias).await?;
        policy(one, NOTHING)?;
    }
    connected(a, &b.registry.own()).await?;
    connected(b, &a.registry.own()).await
}

/// Makes an agency a peer of a node.
pub async fn link_card(node: &Node, card: &CardFile, alias: &str) -> Fallible<()> {
    let now = node.clock.now();
    node.registry
        .link(&node.store, card, alias.into(), Vec::new(), true, now)
        .await?;
    Ok(())
}

/// Waits until a peer is connected.
pub async fn connected(node: &Node, peer: &AgencyId) -> Fallible<()> {
    let mut links = node.swarm.links();
    let up = links.wait_for(|links| links.iter().any(|l| l.agency == *peer && l.is_up()));
    tokio::time::timeout(Duration::from_secs(60), up).await??;
    Ok(())
}

/// Puts a policy in force.
pub fn policy(node: &Node, text: &str) -> Fallible<()> {
    let text = PolicyText::new(vec![("policy.cedar".into(), text.into())], None)?;
    let set = Arc::new(PolicySet::from_text(text)?);
    let directory = node.registry.directory()?;
    node.policies.apply(|_| (set, directory))?;
    Ok(())
}

/// Signs and stores the next `count` trends of about 600 bytes.
pub async fn import(node: &Node, trends: &mut Synthetic, count: usize) -> Fallible<()> {
    let mut left = count;
    while left > 0 {
        let batch: Vec<_> = trends.take(left.min(WRITE)).collect();
        left -= batch.len();
        let batch = batch.into_iter().map(Into::into).collect();
        node.ingest.own(batch, Vec::new()).await?;
    }
    Ok(())
}

/// Waits until a node holds this many records.
pub async fn holds(node: &Node, arrivals: u64) -> Fallible<()> {
    let mut last = node.store.watch();
    let enough = last.wait_for(|last| last.0 >= arrivals);
    tokio::time::timeout(Duration::from_secs(600), enough).await??;
    Ok(())
}

/// Waits until the search index has caught up, so that it is no part of what comes next.
pub async fn indexed(node: &Node) -> Fallible<()> {
    let search = node.search.clone();
    tokio::task::spawn_blocking(move || search.flush()).await??;
    Ok(())
}

/// Today.
pub fn today() -> Date {
    Date::from_millis(SystemClock.now())
}

fn free_port() -> std::io::Result<u16> {
    Ok(UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port())
}

//! Several real nodes in one process.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use liaison_node::home::Home;
use liaison_node::store::Arrival;
use tracing_subscriber::EnvFilter;

pub use crate::test_node::{Ran, TestNode};

/// How long anything awaited may take before a test gives up. No test waits this long when
/// all is well.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Real nodes under one temporary folder.
pub struct Federation {
    dir: tempfile::TempDir,
    nodes: BTreeMap<String, TestNode>,
}

/// A policy that shares and takes everything that handling allows.
pub const OPEN: &str = r#"
@id("share-all") @says("Everything goes to every peer.")
permit (principal, action == Action::"share", resource);
@id("accept-all") @says("Everything is taken from every peer.")
permit (principal, action == Action::"accept", resource);
"#;

/// The invariants of every policy that [`OPEN`] breaks.
pub const BUILT_IN: [&str; 4] = [
    "personal-to-named",
    "red-to-named",
    "private-never",
    "private-to-named",
];

/// `policy apply` for tests of what a policy lets through, not of whether it may: what it breaks
/// is accepted, by name, and where there is no solver it goes unproven.
pub fn apply_anyway(dir: &Path) -> Vec<String> {
    let dir = dir.to_string_lossy();
    let mut args = vec!["policy", "apply", &dir, "--reason", "test", "--unproven"];
    for name in BUILT_IN {
        args.extend(["--accept-broken", name]);
    }
    args.into_iter().map(str::to_owned).collect()
}

/// Says what acts that can't be undone wait for in a home: tests apply policies that break
/// invariants, and mostly nobody else is there to approve them.
pub fn waits_for(home: &Home, whom: &str) {
    let file = home.officers_path();
    let text = std::fs::read_to_string(&file).expect("officers");
    let rest: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("waits_for"))
        .collect();
    let text = format!("waits_for = \"{whom}\"\n{}\n", rest.join("\n"));
    std::fs::write(&file, text).expect("officers");
}

/// A policy that takes everything and shares nothing.
pub const ACCEPT: &str = r#"
@id("accept-all") @says("Everything is taken from every peer.")
permit (principal, action == Action::"accept", resource);
"#;

impl Federation {
    /// No nodes yet.
    pub fn new() -> Self {
        // Another test may have done so.
        let _set = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::from_default_env())
            .with_test_writer()
            .try_init();
        let dir = tempfile::tempdir().expect("temporary folder");
        Self {
            dir,
            nodes: BTreeMap::new(),
        }
    }

    /// Nodes of border police in Narova with these names, running, linked each with each,
    /// all with this policy.
    pub async fn mesh(names: &[&str], policy: &str) -> Self {
        let mut federation = Self::new();
        for name in names {
            federation.add(name, "border", "QN").await;
        }
        federation.link_all().await;
        for name in names {
            federation[name].policy(policy).await;
        }
        federation
    }

    /// The folder under which all homes are.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Makes a node and starts it.
    pub async fn add(&mut self, name: &str, sector: &str, country: &str) -> &mut TestNode {
        let home = self.dir.path().join(name);
        let mut node = TestNode::init(home, name, sector, country);
        node.start().await;
        self.nodes.entry(name.to_owned()).or_insert(node)
    }

    /// Makes a node without starting it, so that its options can be set first.
    pub fn prepare(&mut self, name: &str, sector: &str, country: &str) -> &mut TestNode {
        let home = self.dir.path().join(name);
        let node = TestNode::init(home, name, sector, country);
        self.nodes.entry(name.to_owned()).or_insert(node)
    }

    /// A node to be changed: stopped, started.
    pub fn node(&mut self, name: &str) -> &mut TestNode {
        self.nodes
            .get_mut(name)
            .unwrap_or_else(|| panic!("no node {name}"))
    }

    /// All nodes.
    pub fn all(&self) -> impl Iterator<Item = &TestNode> {
        self.nodes.values()
    }

    /// Links two running nodes, each under its name, and waits until they are connected.
    pub async fn link(&self, a: &str, b: &str) {
        self.link_only(a, b).await;
        self.connected(a, b).await;
    }

    /// Links two running nodes without waiting.
    pub async fn link_only(&self, a: &str, b: &str) {
        for (one, other) in [(a, b), (b, a)] {
            self[one].adds(&self[other]).await;
        }
    }

    /// Links each with each.
    pub async fn link_all(&self) {
        let names: Vec<&String> = self.nodes.keys().collect();
        for (i, a) in names.iter().enumerate() {
            for b in names.iter().skip(i + 1) {
                self.link_only(a, b).await;
            }
        }
        for (i, a) in names.iter().enumerate() {
            for b in names.iter().skip(i + 1) {
                self.connected(a, b).await;
            }
        }
    }

    /// Waits until two nodes are connected, both ways.
    pub async fn connected(&self, a: &str, b: &str) {
        self[a].connected_to(&self[b].agency).await;
        self[b].connected_to(&self[a].agency).await;
    }

    /// Waits until nothing moves any more: every running node has offered everything to
    /// every connected peer and was answered.
    pub async fn settled(&self) {
        let all = async {
            loop {
                let before = self.arrivals();
                for node in self.running() {
                    node.settled().await;
                }
                if self.arrivals() == before && self.running().all(TestNode::is_settled) {
                    return;
                }
            }
        };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            let state: Vec<String> = self
                .running()
                .map(|n| {
                    format!(
                        "{}: {} arrivals, {:?}",
                        n.name,
                        n.node().store.last().0,
                        n.unsettled()
                    )
                })
                .collect();
            panic!("the federation does not settle: {state:#?}");
        }
    }

    /// Stops every node.
    pub async fn stop(&mut self) {
        for node in self.nodes.values_mut() {
            node.stop().await;
        }
    }

    fn running(&self) -> impl Iterator<Item = &TestNode> {
        self.nodes.values().filter(|n| n.runs())
    }

    fn arrivals(&self) -> Vec<Arrival> {
        self.running().map(|n| n.node().store.last()).collect()
    }
}

impl Default for Federation {
    fn default() -> Self {
        Self::new()
    }
}

impl std::ops::Index<&str> for Federation {
    type Output = TestNode;
    fn index(&self, name: &str) -> &TestNode {
        self.nodes
            .get(name)
            .unwrap_or_else(|| panic!("no node {name}"))
    }
}

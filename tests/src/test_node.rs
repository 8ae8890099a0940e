//! One real node in this process, and what a test does with it.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use liaison_cli::{Kept, Ui};
use liaison_node::cardfile::CardFile;
use liaison_node::clock::{Clock, SystemClock};
use liaison_node::control;
use liaison_node::home::{CardEdit, Home, InitRequest};
use liaison_node::node::{Node, NodeError, RunOptions};
use liaison_node::registry::Registry;
use liaison_node::store::{Arrival, Flags};
use liaison_node::swarm::{Channel, Direction, SwarmError, SwarmHandle};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::{Kind, Plane};
use liaison_protocol::wire::{Message, Speaks};
use serde_json::Value;

use crate::federation::{PATIENCE, apply_anyway, waits_for};
use crate::line::{self, Cut};
use crate::tap::Recorder;

/// How many other ports a node tries whose own was taken.
const PORTS: usize = 3;

/// Whether a node did not start because somebody else has its port.
fn is_port_taken(error: &NodeError) -> bool {
    matches!(error, NodeError::Swarm(SwarmError::Listen { why, .. }) if why.contains("in use"))
}

/// One node.
pub struct TestNode {
    /// Its name: the agency's, its alias with all peers, its folder.
    pub name: String,
    /// Its folder.
    pub home: Home,
    /// Its agency id.
    pub agency: AgencyId,
    /// Every frame on its wire since it was made.
    pub tap: Arc<Recorder>,
    node: Option<Node>,
    listen: Vec<String>,
    /// Where it listened first, with port 0.
    anew: Vec<String>,
    options: RunOptions,
    pub(crate) cut: Cut,
}

/// What a command printed.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: u8,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    /// Its one JSON object.
    pub fn json(&self) -> Value {
        serde_json::from_str(self.out.trim()).unwrap_or_else(|e| panic!("no JSON ({e}): {self:?}"))
    }

    /// Itself, if it ended with this code.
    #[track_caller]
    pub fn expect_code(self, code: u8) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}

impl TestNode {
    pub(crate) fn init(dir: PathBuf, name: &str, sector: &str, country: &str) -> Self {
        let home = Home::at(dir);
        let request = InitRequest {
            name: name.to_owned(),
            country: country.parse().expect("country"),
            sector: sector.parse().expect("sector"),
            route_roles: Vec::new(),
            regime: "led".parse().expect("regime"),
            addresses: Vec::new(),
        };
        let report = home.init(request, SystemClock.now()).expect("init");
        waits_for(&home, "nobody");
        let tap = Arc::new(Recorder::default());
        let options = RunOptions {
            tap: Some(tap.clone()),
            ..RunOptions::default()
        };
        Self {
            name: name.to_owned(),
            home,
            agency: report.agency,
            tap,
            node: None,
            listen: vec!["127.0.0.1:0".into()],
            anew: vec!["127.0.0.1:0".into()],
            options,
            cut: Cut::default(),
        }
    }

    /// Gives it a clock that the test sets; before it is started.
    pub fn with_clock(&mut self, clock: Arc<dyn Clock>) -> &mut Self {
        self.options.clock = clock;
        self
    }

    /// Lets it listen on a free port of an address of its own, `127.1.2.3:0`; before it is
    /// started. Where many nodes stop and start, another may else take its port meanwhile.
    pub fn listening_on(&mut self, address: &str) -> &mut Self {
        self.listen = vec![address.to_owned()];
        self.anew = self.listen.clone();
        self
    }

    /// Writes its configuration; before it is started.
    pub fn configure(&mut self, toml: &str) -> &mut Self {
        std::fs::write(self.home.config_path(), toml).expect("config");
        self
    }

    /// Lets it listen where its configuration says, which may be nowhere, as behind a firewall:
    /// it is reached through hubs, or calls; before it is started.
    pub fn listening_as_configured(&mut self) -> &mut Self {
        self.listen.clear();
        self
    }

    /// Waits until its keys statement lists so many hubs.
    pub async fn lists_hubs(&self, count: usize) {
        let registry = &self.node().registry;
        let mut changes = registry.changes();
        let listed = async {
            loop {
                let own = registry.agency(&self.agency);
                let statement = own.as_ref().and_then(|a| a.statement_body());
                if statement.is_some_and(|s| s.hubs.len() == count) {
                    return;
                }
                changes.changed().await.expect("the node runs");
            }
        };
        let done = tokio::time::timeout(PATIENCE, listed).await;
        assert!(done.is_ok(), "{} does not list {count} hubs", self.name);
    }

    /// Lets it speak other protocol versions; before it is started.
    pub fn speaking(&mut self, speaks: Speaks) -> &mut Self {
        self.options.speaks = speaks;
        self
    }

    /// Starts it: on a free port the first time, on the same one from then on. If somebody on
    /// this machine took that one meanwhile, on another, which its card then says.
    pub async fn start(&mut self) {
        assert!(self.node.is_none(), "{} runs already", self.name);
        let mut node = self.try_start().await;
        for _ in 0..PORTS {
            if !node.as_ref().is_err_and(is_port_taken) {
                break;
            }
            self.listen.clone_from(&self.anew);
            node = self.try_start().await;
        }
        let node = node.unwrap_or_else(|e| panic!("{} does not start: {e}", self.name));
        control::serve(&node, None).expect("socket");
        let listening = node.swarm.listen_addrs();
        if self.listen != listening {
            self.listen.clone_from(&listening);
            let edit = CardEdit {
                addresses: Some(listening),
                ..CardEdit::default()
            };
            let card = self.home.edit_card(edit, node.clock.now()).expect("card");
            node.take_card(&card).await.expect("card is taken");
        }
        self.tap.follow(Some(node.policies.clone()));
        for peer in self.cut.lock().await.iter() {
            line::hold(
                node.swarm.clone(),
                node.registry.clone(),
                self.cut.clone(),
                *peer,
            );
        }
        self.node = Some(node);
    }

    async fn try_start(&self) -> Result<Node, NodeError> {
        let options = RunOptions {
            listen: self.listen.clone(),
            ..self.options.clone()
        };
        Node::start(self.home.clone(), options).await
    }

    /// Whether it runs.
    pub fn runs(&self) -> bool {
        self.node.is_some()
    }

    /// Stops it in order.
    pub async fn stop(&mut self) {
        if let Some(node) = self.node.take() {
            self.tap.follow(None);
            node.stop().await;
        }
    }

    /// The running node.
    pub fn node(&self) -> &Node {
        self.node
            .as_ref()
            .unwrap_or_else(|| panic!("{} does not run", self.name))
    }

    /// Its card file.
    pub fn card(&self) -> CardFile {
        self.home.card_file().expect("card")
    }

    /// Adds another as a peer under its name, by the card that it has now; the other may not
    /// know of it.
    pub async fn adds(&self, other: &TestNode) {
        let card = other.home.dir().join("card.liaison");
        let card = card.to_string_lossy();
        let add = ["peer", "add", &card, "--as", &other.name, "--yes"];
        self.cli(&add).await.expect_code(0);
    }

    /// Runs a command on this node, as a person or script would.
    pub async fn cli(&self, args: &[&str]) -> Ran {
        self.cli_in(args, "").await
    }

    /// Runs a command with this standard input.
    pub async fn cli_in(&self, args: &[&str], input: &str) -> Ran {
        let home = self.home.dir().to_string_lossy().into_owned();
        let args: Vec<std::ffi::OsString> = ["liaison", "--home", &home]
            .iter()
            .chain(args)
            .map(Into::into)
            .collect();
        let input = input.to_owned().into_bytes();
        // The command line has a runtime of its own, so it wants a thread of its own.
        let (done, ran) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let (out, err) = (Kept::default(), Kept::default());
            let ui = Ui::with(
                Box::new(Cursor::new(input)),
                Box::new(out.clone()),
                Box::new(err.clone()),
            );
            let code = liaison_cli::run(args, ui);
            let _gone = done.send(Ran {
                code,
                out: out.text(),
                err: err.text(),
            });
        });
        ran.await.expect("the command ended")
    }

    /// Runs a command with `--json` and reads its one object.
    pub async fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        self.cli(&args).await.expect_code(0).json()
    }

    /// Pushes a draft; the new record's id.
    pub async fn push(&self, draft: &Value, options: &[&str]) -> RecordId {
        let args: Vec<&str> = ["push", "-", "--json"]
            .iter()
            .chain(options)
            .copied()
            .collect();
        let ran = self.cli_in(&args, &draft.to_string()).await.expect_code(0);
        let id = ran.json()["id"].as_str().map(str::to_owned);
        id.unwrap_or_else(|| panic!("no id: {ran:?}"))
            .parse()
            .expect("an id")
    }

    /// Applies a policy of one file and no entities.
    pub async fn policy(&self, cedar: &str) {
        let dir = self.home.policy_dir();
        std::fs::write(dir.join("policy.cedar"), cedar).expect("policy file");
        self.apply(&dir).await;
    }

    /// Applies a folder of policy files.
    pub async fn policy_dir(&self, dir: &Path) {
        self.apply(dir).await;
    }

    async fn apply(&self, dir: &Path) {
        let args = apply_anyway(dir);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.cli(&args).await.expect_code(0);
    }

    /// Ids of the strategic records that it holds and that are in force, without cards.
    pub fn holds(&self) -> BTreeSet<RecordId> {
        let mut ids = BTreeSet::new();
        let mut from = Arrival(0);
        loop {
            let rows = self
                .node()
                .store
                .headers(from.next(), 1_000)
                .expect("headers");
            let Some((last, _)) = rows.last() else {
                return ids;
            };
            from = *last;
            for (_, header) in &rows {
                let kind = Kind::ALL
                    .iter()
                    .find(|k| liaison_node::kind::number(**k) == header.kind);
                let content =
                    kind.is_some_and(|k| k.plane() == Plane::Strategic && *k != Kind::Contact);
                let gone = header.flags.contains(Flags::RETRACTED)
                    || header.flags.contains(Flags::SUPERSEDED)
                    || header.flags.contains(Flags::ERASED);
                if content && !gone {
                    ids.insert(header.id);
                }
            }
        }
    }

    /// Waits until it holds these records.
    pub async fn holds_all(&self, ids: &[RecordId]) {
        let mut arrivals = self.node().store.watch();
        let all = async {
            loop {
                let held = self.holds();
                if ids.iter().all(|id| held.contains(id)) {
                    return;
                }
                arrivals.changed().await.expect("the node runs");
            }
        };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            panic!(
                "{} does not get {ids:?}; it holds {:?}",
                self.name,
                self.holds()
            );
        }
    }

    /// Waits until it is connected to a peer.
    pub async fn connected_to(&self, peer: &AgencyId) {
        let swarm = &self.node().swarm;
        let mut links = swarm.links();
        let up = links.wait_for(|l| l.iter().any(|l| l.agency == *peer && l.is_up()));
        if tokio::time::timeout(PATIENCE, up).await.is_err() {
            let link = swarm.link(peer);
            panic!("{} is not connected: {link:?}", self.name);
        }
    }

    /// Waits until it waits no longer for a peer, after a restore.
    pub async fn heard_from(&self, peer: &TestNode) {
        let catch_up = &self.node().catch_up;
        let mut changes = catch_up.changes();
        let done = async {
            while catch_up.waits_for(&peer.agency) {
                changes.changed().await.expect("the node runs");
            }
        };
        if tokio::time::timeout(PATIENCE, done).await.is_err() {
            panic!("{} does not hear from {}", self.name, peer.name);
        }
    }

    /// Whether its link to a peer is up.
    pub fn is_up(&self, peer: &AgencyId) -> bool {
        self.node().swarm.link(peer).is_some_and(|l| l.is_up())
    }

    /// Waits until its store holds so many arrivals of content, counted as
    /// [`holds`](Self::holds) does.
    pub async fn holds_count(&self, count: usize) {
        self.holds_count_within(count, PATIENCE).await;
    }

    /// The same for so many that it takes a busy machine longer than anything else.
    pub async fn holds_count_within(&self, count: usize, patience: Duration) {
        let mut arrivals = self.node().store.watch();
        let enough = async {
            loop {
                // Counting reads everything, so not before it can be enough.
                let reached = arrivals.wait_for(|last| last.0 >= count as u64);
                reached.await.expect("the node runs");
                if self.holds().len() >= count {
                    return;
                }
                arrivals.changed().await.expect("the node runs");
            }
        };
        if tokio::time::timeout(patience, enough).await.is_err() {
            panic!(
                "{} holds {} records, not {count}",
                self.name,
                self.holds().len()
            );
        }
    }

    /// Waits until a repair with a peer has run to its end since the tap was last cleared.
    pub async fn repaired_with(&self, peer: &AgencyId) {
        self.tap
            .until("the end of a repair", |frames| {
                let done = |direction| {
                    frames.iter().any(|f| {
                        f.peer == *peer
                            && f.channel == Channel::Repair
                            && f.direction == direction
                            && f.message() == Message::Done
                    })
                };
                done(Direction::In) && done(Direction::Out)
            })
            .await;
    }

    /// Imports a CSV file with a map; the summary.
    pub async fn import(&self, csv: &Path, map: &Path) -> Value {
        self.json(&[
            "import",
            "csv",
            &csv.to_string_lossy(),
            "--map",
            &map.to_string_lossy(),
            "--yes",
        ])
        .await
    }

    /// What carries it, and what says to whom.
    pub(crate) fn wire(&self) -> (SwarmHandle, Registry) {
        let node = self.node();
        (node.swarm.clone(), node.registry.clone())
    }

    pub(crate) async fn settled(&self) {
        let last = self.node().store.last();
        for peer in self.up() {
            // A peer that goes down meanwhile settles nothing; the caller looks again.
            let mut events = self.node().swarm.events();
            if !self.is_up(&peer) {
                continue;
            }
            let mut settled = self.node().sync.peers().of(&peer).settled();
            tokio::select! {
                _ = settled.wait_for(|s| s.is_some_and(|s| s >= last)) => {}
                _ = events.recv() => {}
            }
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.unsettled().is_empty()
    }

    pub(crate) fn unsettled(&self) -> Vec<(AgencyId, Option<Arrival>)> {
        let last = self.node().store.last();
        self.up()
            .into_iter()
            .map(|peer| (peer, *self.node().sync.peers().of(&peer).settled().borrow()))
            .filter(|(_, settled)| settled.is_none_or(|s| s < last))
            .collect()
    }

    fn up(&self) -> Vec<AgencyId> {
        let links = self.node().swarm.links();
        let links = links.borrow();
        links
            .iter()
            .filter(|l| l.is_up())
            .map(|l| l.agency)
            .collect()
    }
}

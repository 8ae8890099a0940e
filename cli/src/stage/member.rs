//! One agency's node on a stage.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use liaison_node::control::api::CardView;
use liaison_node::home::CardEdit;
use liaison_node::officers::Role;
use liaison_node::store::{Arrival, Header, StoreError};
use liaison_node::swarm::Tap;
use liaison_node::{Node, NodeError, RunOptions, control};
use liaison_protocol::id::AgencyId;
use tokio::runtime::Runtime;

use super::{Done, Part, Trouble, failed, logs};
use crate::client::Client;
use crate::error::CommandError;
use crate::home::Place;
use crate::node::{Clock, Home, InitRequest};

/// One agency's node.
pub struct Member {
    /// What the others call it.
    pub name: String,
    /// Its local API, as its officers use it.
    pub client: Client,
    /// Its agency.
    pub id: AgencyId,
    /// Its folder.
    pub home: Home,
    pub(super) part: Part,
    node: Option<Node>,
    runtime: Runtime,
    clock: Arc<dyn Clock>,
    tap: Option<Arc<dyn Tap>>,
    /// Where it listens, once that is known.
    listen: Vec<String>,
    log: PathBuf,
}

impl Member {
    /// Makes the node's home and starts it.
    pub(super) fn start(
        dir: &Path,
        part: Part,
        clock: Arc<dyn Clock>,
        tap: Option<Arc<dyn Tap>>,
    ) -> Result<Self, CommandError> {
        let home = Home::at(dir.join(&part.name));
        let code = |what: &str| failed(format!("{} has a wrong {what}", part.name));
        let made = home
            .init(
                InitRequest {
                    name: part.title.clone(),
                    country: part.country.parse().map_err(|_| code("country"))?,
                    sector: part.sector.parse().map_err(|_| code("sector"))?,
                    route_roles: Vec::new(),
                    regime: part.regime.parse().map_err(|_| code("regime"))?,
                    addresses: Vec::new(),
                },
                clock.now(),
            )
            .map_err(|e| failed(e.to_string()))?;
        let write = |path: PathBuf, text: &str| {
            std::fs::write(path, text).map_err(|e| failed(e.to_string()))
        };
        write(home.config_path(), &part.config)?;
        if part.every_role {
            let made_by = std::fs::metadata(home.config_path());
            let made_by = made_by.map_err(|e| failed(e.to_string()))?.uid();
            write(home.officers_path(), &every_role(made_by))?;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name(&part.name)
            .enable_all()
            .build()
            .map_err(|e| failed(e.to_string()))?;
        let place = Place {
            home: home.dir().to_path_buf(),
            socket: home.socket_path(),
        };
        let mut member = Self {
            name: part.name.clone(),
            client: Client::new(place)?,
            id: made.agency,
            log: logs::log_of(dir, &part.name),
            listen: if part.listens {
                vec!["127.0.0.1:0".into()]
            } else {
                Vec::new()
            },
            home,
            part,
            node: None,
            runtime,
            clock,
            tap,
        };
        member.run_node()?;
        Ok(member)
    }

    /// Starts the node in its home. Where it listens is the same every time; the first time its
    /// card is told.
    pub(super) fn run_node(&mut self) -> Result<(), CommandError> {
        let options = RunOptions {
            listen: self.listen.clone(),
            clock: self.clock.clone(),
            tap: self.tap.clone(),
            ..RunOptions::default()
        };
        let home = self.home.clone();
        // Spawned, not just awaited: its threads' name says which log its lines go to.
        let started = self.runtime.spawn(async {
            let node = Node::start(home, options).await?;
            control::serve(&node, None)?;
            Ok::<Node, NodeError>(node)
        });
        let node = match self.runtime.block_on(started) {
            Ok(started) => started.map_err(|e| failed(e.to_string()))?,
            Err(error) => return Err(failed(error.to_string())),
        };
        let listening = node.swarm.listen_addrs();
        self.node = Some(node);
        if self.part.listens && self.listen != listening {
            self.listen.clone_from(&listening);
            // The port is known only now; others need it on the card.
            let edit = CardEdit {
                addresses: Some(listening),
                ..CardEdit::default()
            };
            let _card: CardView = self.client.post("/v1/card", &edit)?;
        }
        Ok(())
    }

    /// Stops the node; its home stays.
    pub(super) fn stop_node(&mut self) {
        if let Some(node) = self.node.take() {
            self.runtime.block_on(node.stop());
        }
    }

    /// Whether its card says over which hubs it is reached.
    pub(super) fn lists_its_hubs(&self) -> bool {
        let card = self.home.card_file().ok();
        let statement = card.as_ref().and_then(|card| card.statement());
        statement.is_some_and(|statement| statement.hubs.len() == self.part.hubs.len())
    }

    /// Whether its node runs.
    pub fn runs(&self) -> bool {
        self.node.is_some()
    }

    /// Its running node.
    pub fn node(&self) -> Done<&Node> {
        let gone = || self.trouble(failed(format!("the node of {} does not run", self.name)));
        self.node.as_ref().ok_or_else(gone)
    }

    /// Runs something of the node's on its own threads.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Reads the node's store.
    pub fn store<T>(&self, read: impl FnOnce(&Node) -> Result<T, StoreError>) -> Done<T> {
        read(self.node()?).map_err(|e| self.trouble(failed(e.to_string())))
    }

    /// The headers of all that it holds.
    pub fn headers(&self) -> Done<Vec<(Arrival, Header)>> {
        let mut all: Vec<(Arrival, Header)> = Vec::new();
        loop {
            let from = all.last().map_or(Arrival::ZERO, |(at, _)| *at).next();
            let some = self.store(|n| n.store.headers(from, usize::MAX))?;
            if some.is_empty() {
                return Ok(all);
            }
            all.extend(some);
        }
    }

    /// An error of this node, with its log.
    pub fn trouble(&self, error: CommandError) -> Trouble {
        Trouble {
            error,
            log: Some(self.log.clone()),
        }
    }
}

/// An officers file in which one user is everything.
fn every_role(uid: u32) -> String {
    let roles = Role::ALL.map(|role| format!("\"{role}\""));
    format!(
        "waits_for = \"nobody\"\n\n[[officer]]\nuser = {uid}\nroles = [{}]\n",
        roles.join(", ")
    )
}

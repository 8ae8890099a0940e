//! The demo's nodes: real ones, each with its own folder, store, socket and threads, on free
//! ports of the loopback.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, select_all};
use liaison_node::control::api::{
    CardView, PeerAddReport, PeerAddRequest, PolicyReport, PolicyRequest, ProofTerms,
};
use liaison_node::home::CardEdit;
use liaison_node::store::{Arrival, Header};
use liaison_node::{Node, RunOptions, control};
use liaison_protocol::id::AgencyId;
use tokio::runtime::Runtime;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::plan::{AGENCIES, Agency, EXERCISE, peers_of};
use crate::client::Client;
use crate::error::CommandError;
use crate::home::Place;
use crate::node::{Clock, Home, InitRequest, SystemClock};

/// How long the nodes may take for one step, in seconds. A slow machine needs a tenth.
const PATIENCE_S: u64 = 60;

/// One agency's running node.
pub struct Member {
    /// What the others call it.
    pub name: &'static str,
    /// The node.
    pub node: Node,
    /// Its local API, as its officers use it.
    pub client: Client,
    /// Its agency.
    pub id: AgencyId,
    runtime: Runtime,
    log: PathBuf,
}

/// All of them.
pub struct Members(Vec<Member>);

/// What went wrong, and whose log tells more.
pub struct Trouble {
    /// What went wrong.
    pub error: CommandError,
    /// Whose node.
    pub log: Option<PathBuf>,
}

impl From<CommandError> for Trouble {
    fn from(error: CommandError) -> Self {
        Self { error, log: None }
    }
}

type Done<T = ()> = Result<T, Trouble>;

impl Members {
    /// Starts a node for each agency, in folders of their own.
    pub fn start(dir: &Path) -> Done<Self> {
        log_by_thread(dir);
        let mut members = Self(Vec::new());
        for agency in &AGENCIES {
            match Member::start(dir, agency) {
                Ok(member) => members.0.push(member),
                Err(error) => {
                    members.stop();
                    return Err(Trouble {
                        error,
                        log: Some(log_of(dir, agency.name)),
                    });
                }
            }
        }
        Ok(members)
    }

    /// All of them, in the order of the plan.
    pub fn iter(&self) -> impl Iterator<Item = &Member> {
        self.0.iter()
    }

    /// The node of this name.
    pub fn of(&self, name: &str) -> Done<&Member> {
        self.0
            .iter()
            .find(|m| m.name == name)
            .ok_or_else(|| failed(format!("nobody is called '{name}'")).into())
    }

    /// What the others call an agency.
    pub fn name_of(&self, id: &AgencyId) -> Option<&'static str> {
        self.0.iter().find(|m| m.id == *id).map(|m| m.name)
    }

    /// Each hands the others that it is linked with its card, and they confirm its digits.
    pub fn link(&self) -> Done {
        let mut cards = Vec::new();
        for member in self.iter() {
            let view: CardView = member.client.get("/v1/card")?;
            cards.push((member, view));
        }
        for (member, view) in &cards {
            for peer in peers_of(member.name) {
                let request = PeerAddRequest {
                    card: view.card.clone(),
                    alias: Some(member.name.into()),
                    fingerprint: Some(view.fingerprint.clone()),
                    unconfirmed: false,
                    circles: Vec::new(),
                    accept_broken: Vec::new(),
                    reason: None,
                };
                let to = self.of(peer)?;
                let _report: PeerAddReport = to.client.post("/v1/peers", &request)?;
            }
        }
        for member in self.iter() {
            member.linked()?;
        }
        Ok(())
    }

    /// Puts each agency's policy in force.
    pub fn apply_policies(&self) -> Done<u64> {
        let mut statements = 0;
        for (member, agency) in self.iter().zip(&AGENCIES) {
            let files = agency
                .policy
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                .collect();
            let request = PolicyRequest {
                files,
                reason: Some("demo".into()),
                // The demo must run where no solver is; a test proves its policies.
                proof: ProofTerms {
                    unproven: true,
                    ..ProofTerms::default()
                },
                ..PolicyRequest::default()
            };
            let report: PolicyReport = member.client.post("/v1/policy/apply", &request)?;
            statements += report.statements.len() as u64;
        }
        Ok(statements)
    }

    /// Waits until nothing is left to exchange: each session has offered all that its peer may
    /// have, up to the last arrival, and has the answers.
    pub fn settle(&self) -> Done {
        let Some(first) = self.0.first() else {
            return Ok(());
        };
        let patience = Duration::from_secs(PATIENCE_S);
        let done = first
            .runtime
            .block_on(async { tokio::time::timeout(patience, self.settled()).await });
        match done {
            Ok(done) => done,
            Err(_) => Err(self.stuck()),
        }
    }

    async fn settled(&self) -> Done {
        let mut arrivals: Vec<_> = self.iter().map(|m| m.node.store.watch()).collect();
        let mut sessions = Vec::new();
        for member in self.iter() {
            for peer in peers_of(member.name) {
                let session = member.node.sync.peers().of(&self.of(peer)?.id);
                sessions.push((member, session.settled()));
            }
        }
        loop {
            // Marked as seen before they are looked at: what changes meanwhile wakes us.
            let before: Vec<Arrival> = arrivals
                .iter_mut()
                .map(|a| *a.borrow_and_update())
                .collect();
            let quiet = sessions.iter_mut().fold(true, |quiet, (member, up_to)| {
                let up_to = *up_to.borrow_and_update();
                quiet && up_to.is_some_and(|at| at >= member.node.store.last())
            });
            let after = self.iter().map(|m| m.node.store.last());
            if quiet && before.into_iter().eq(after) {
                return Ok(());
            }
            let changes: Vec<BoxFuture<'_, _>> = arrivals
                .iter_mut()
                .map(|a| a.changed().boxed())
                .chain(sessions.iter_mut().map(|(_, s)| s.changed().boxed()))
                .collect();
            if select_all(changes).await.0.is_err() {
                return Err(failed("a node stopped by itself".into()).into());
            }
        }
    }

    /// Who waits for whom.
    fn stuck(&self) -> Trouble {
        for member in self.iter() {
            for peer in peers_of(member.name) {
                let behind = self
                    .of(peer)
                    .ok()
                    .and_then(|p| member.node.share.standing(&p.id).ok())
                    .map_or(0, |standing| standing.behind);
                if behind > 0 {
                    let says = format!(
                        "after {PATIENCE_S} s {peer} has not answered {behind} records of {}",
                        member.name
                    );
                    return member.trouble(failed(says));
                }
            }
        }
        failed(format!(
            "the sessions did not come to rest in {PATIENCE_S} s"
        ))
        .into()
    }

    /// Stops them.
    pub fn stop(self) {
        for member in self.0 {
            member.runtime.block_on(member.node.stop());
        }
    }
}

impl Member {
    fn start(dir: &Path, agency: &Agency) -> Result<Self, CommandError> {
        let home = Home::at(dir.join(agency.name));
        let no_code = |what: &str| failed(format!("the plan has a wrong {what}"));
        let made = home
            .init(
                InitRequest {
                    name: agency.title.into(),
                    country: agency.country.parse().map_err(|_| no_code("country"))?,
                    sector: agency.sector.parse().map_err(|_| no_code("sector"))?,
                    route_roles: Vec::new(),
                    regime: agency.regime.parse().map_err(|_| no_code("regime"))?,
                    addresses: Vec::new(),
                },
                SystemClock.now(),
            )
            .map_err(|e| failed(e.to_string()))?;
        let config = format!("exercise = \"{EXERCISE}\"\n");
        std::fs::write(home.config_path(), config).map_err(|e| failed(e.to_string()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name(agency.name)
            .enable_all()
            .build()
            .map_err(|e| failed(e.to_string()))?;
        let options = RunOptions {
            listen: vec!["127.0.0.1:0".into()],
            ..RunOptions::default()
        };
        let place = Place {
            home: home.dir().to_path_buf(),
            socket: home.socket_path(),
        };
        // Spawned, not just awaited: its threads' name says which log its lines go to.
        let started = runtime.spawn(async {
            let node = Node::start(home, options).await?;
            control::serve(&node, None)?;
            Ok::<Node, liaison_node::NodeError>(node)
        });
        let node = match runtime.block_on(started) {
            Ok(started) => started.map_err(|e| failed(e.to_string()))?,
            Err(error) => return Err(failed(error.to_string())),
        };
        let member = Self {
            name: agency.name,
            id: made.agency,
            client: Client::new(place)?,
            runtime,
            log: log_of(dir, agency.name),
            node,
        };
        // The port is known only now; others need it on the card.
        let edit = CardEdit {
            addresses: Some(member.node.swarm.listen_addrs()),
            ..CardEdit::default()
        };
        let _card: CardView = member.client.post("/v1/card", &edit)?;
        Ok(member)
    }

    /// Runs something of the node's on its own threads.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Reads the node's store.
    pub fn store<T>(
        &self,
        read: impl FnOnce(&Node) -> Result<T, liaison_node::store::StoreError>,
    ) -> Done<T> {
        read(&self.node).map_err(|e| self.trouble(failed(e.to_string())))
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

    /// Waits until all its links are up.
    fn linked(&self) -> Done {
        let count = peers_of(self.name).len();
        let mut links = self.node.swarm.links();
        let up = links.wait_for(|all| all.iter().filter(|l| l.is_up()).count() == count);
        let patience = Duration::from_secs(PATIENCE_S);
        match self.run(async {
            tokio::time::timeout(patience, up)
                .await
                .map(|up| up.is_ok())
        }) {
            Ok(true) => Ok(()),
            _ => Err(self.trouble(failed(format!(
                "{} was not connected with its {count} peers after {PATIENCE_S} s",
                self.name
            )))),
        }
    }
}

/// Something that should not happen, with what to do.
pub fn failed(says: String) -> CommandError {
    CommandError::failed(
        says,
        "run it again with --keep and RUST_LOG=debug, then read the log",
    )
}

fn log_of(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.log"))
}

/// Each node's threads carry its name, and write into a log of that name.
fn log_by_thread(dir: &Path) {
    let files = AGENCIES
        .iter()
        .filter_map(|a| {
            let file = File::create(log_of(dir, a.name));
            Some((a.name, file.ok()?))
        })
        .map(|(name, file)| (name, Arc::new(Mutex::new(file))))
        .collect();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // Where something else in this process logs already, it goes on doing so.
    let _already = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(Logs(files))
        .try_init();
}

/// The files, each with the name of its threads.
struct Logs(Vec<(&'static str, Arc<Mutex<File>>)>);

/// The log of the thread that asked for it; none: its lines are dropped.
struct Log(Option<Arc<Mutex<File>>>);

impl MakeWriter<'_> for Logs {
    type Writer = Log;
    fn make_writer(&self) -> Log {
        let thread = std::thread::current();
        let file = self.0.iter().find(|(name, _)| thread.name() == Some(*name));
        Log(file.map(|(_, file)| file.clone()))
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match &self.0 {
            Some(file) => file
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .write(bytes),
            None => Ok(bytes.len()),
        }
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

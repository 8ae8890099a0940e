//! Several agencies' nodes in this process: real ones, each with its own folder, store, socket,
//! threads and log, linked over the loopback. `liaison demo` and `liaison exercise` play on it.
//!
//! In one process and not one process each, because the nodes of an exercise share a clock that
//! the exercise sets: an hour that a deadline takes passes at once, and the nodes have nothing
//! in them that is there for exercises only.

mod folder;
mod interrupt;
mod logs;
mod member;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt, select_all};
use liaison_node::control::api::{
    CardView, PeerAddReport, PeerAddRequest, PolicyReport, PolicyRequest, ProofTerms,
};
use liaison_node::store::Arrival;
use liaison_node::swarm::Tap;
use liaison_protocol::id::AgencyId;

pub use self::folder::in_folder;
pub use self::member::Member;
use crate::error::CommandError;
use crate::limits::STAGE_WAIT_S;
use crate::node::Clock;

/// What an agency brings to a stage.
#[derive(Clone, Debug)]
pub struct Part {
    /// What the others call it.
    pub name: String,
    /// What its card says.
    pub title: String,
    /// Its country.
    pub country: String,
    /// Its sector.
    pub sector: String,
    /// Its data-protection law.
    pub regime: String,
    /// Its policy: names and texts of the files.
    pub policy: Vec<(String, String)>,
    /// Its `config.toml`.
    pub config: String,
    /// Whether who started it has every role there and waits for nobody: one person plays all.
    pub every_role: bool,
    /// Whether it listens and has an address. One that does not only calls others.
    pub listens: bool,
    /// The hubs over which others reach it, by name.
    pub hubs: Vec<String>,
}

/// All of them, and who is linked with whom.
pub struct Stage {
    members: Vec<Member>,
    links: Vec<(String, String)>,
}

/// What went wrong, and whose log tells more.
#[derive(Debug)]
pub struct Trouble {
    /// What went wrong.
    pub error: CommandError,
    /// The log of the node where it did.
    pub log: Option<PathBuf>,
}

impl From<CommandError> for Trouble {
    fn from(error: CommandError) -> Self {
        Self { error, log: None }
    }
}

/// What comes of something on a stage.
pub type Done<T = ()> = Result<T, Trouble>;

/// Gives each node what sees its frames.
pub type Taps<'a> = &'a dyn Fn(&str) -> Option<Arc<dyn Tap>>;

impl Stage {
    /// Starts a node for each part, in folders of their own, by one clock.
    pub fn start(
        dir: &Path,
        parts: Vec<Part>,
        links: Vec<(String, String)>,
        clock: &Arc<dyn Clock>,
        taps: Taps<'_>,
    ) -> Done<Self> {
        logs::by_thread(dir, parts.iter().map(|part| part.name.as_str()));
        let mut stage = Self {
            members: Vec::new(),
            links,
        };
        for part in parts {
            let log = logs::log_of(dir, &part.name);
            let tap = taps(&part.name);
            match Member::start(dir, part, clock.clone(), tap) {
                Ok(member) => stage.members.push(member),
                Err(error) => {
                    stage.stop();
                    return Err(Trouble {
                        error,
                        log: Some(log),
                    });
                }
            }
        }
        Ok(stage)
    }

    /// All of them, in the order of their parts.
    pub fn iter(&self) -> impl Iterator<Item = &Member> {
        self.members.iter()
    }

    /// The one of this name.
    pub fn of(&self, name: &str) -> Done<&Member> {
        let mut all = self.members.iter();
        let found = all.find(|m| m.name == name);
        found.ok_or_else(|| nobody(name).into())
    }

    /// What the others call an agency.
    pub fn name_of(&self, id: &AgencyId) -> Option<&str> {
        let mut all = self.members.iter();
        all.find(|m| m.id == *id).map(|m| m.name.as_str())
    }

    /// Who is linked with an agency.
    pub fn peers_of(&self, name: &str) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(move |m| {
            let other = &m.name;
            let mut links = self.links.iter();
            links.any(|(a, b)| (a == name && b == other) || (b == name && a == other))
        })
    }

    /// Each hands the others that it is linked with its card, and they confirm its digits. Hubs
    /// come first: only once an agency is linked with its hubs does its card say that it is
    /// reached over them.
    pub fn link(&self) -> Done {
        let uses = |a: &Member, b: &Member| a.part.hubs.contains(&b.name);
        self.hand_cards(|a, b| uses(a, b) || uses(b, a))?;
        for member in self.iter().filter(|m| !m.part.hubs.is_empty()) {
            let end = Instant::now() + patience();
            while !member.lists_its_hubs() {
                if Instant::now() >= end {
                    let says = format!("the card of {} does not list its hubs", member.name);
                    return Err(member.trouble(failed(says)));
                }
                std::thread::sleep(LOOK);
            }
        }
        self.hand_cards(|a, b| !(uses(a, b) || uses(b, a)))?;
        self.connected()
    }

    /// Hands cards to those for whom this is so.
    fn hand_cards(&self, wanted: impl Fn(&Member, &Member) -> bool) -> Done {
        for member in self.iter() {
            let view: CardView = member.client.get("/v1/card")?;
            for peer in self.peers_of(&member.name).filter(|p| wanted(member, p)) {
                let request = PeerAddRequest {
                    card: view.card.clone(),
                    alias: Some(member.name.clone()),
                    fingerprint: Some(view.fingerprint.clone()),
                    unconfirmed: false,
                    circles: Vec::new(),
                    accept_broken: Vec::new(),
                    reason: None,
                };
                let _report: PeerAddReport = peer.client.post("/v1/peers", &request)?;
            }
        }
        Ok(())
    }

    /// Waits until every two that are linked, run and can reach each other are connected.
    pub fn connected(&self) -> Done {
        for member in self.iter().filter(|m| m.runs()) {
            let mut missing: Vec<&Member> = self.reachable(member).collect();
            let node = member.node()?;
            let mut links = node.swarm.links();
            let up = links.wait_for(|all| {
                missing.retain(|m| !all.iter().any(|l| l.agency == m.id && l.is_up()));
                missing.is_empty()
            });
            let up = member.run(async {
                let up = tokio::time::timeout(patience(), up).await;
                matches!(up, Ok(Ok(_)))
            });
            if !up {
                let missing: Vec<&str> = missing.iter().map(|m| m.name.as_str()).collect();
                return Err(member.trouble(failed(format!(
                    "{} was not connected with {} after {STAGE_WAIT_S} s",
                    member.name,
                    missing.join(", ")
                ))));
            }
        }
        Ok(())
    }

    /// The running peers that a running node can reach now: directly, or over a running hub.
    fn reachable<'a>(&'a self, member: &'a Member) -> impl Iterator<Item = &'a Member> {
        let runs = |hub: &String| self.iter().any(|m| m.name == *hub && m.runs());
        self.peers_of(&member.name).filter(move |peer| {
            let direct = member.part.listens || peer.part.listens;
            let hubs = || member.part.hubs.iter().chain(&peer.part.hubs);
            peer.runs() && (direct || hubs().any(runs))
        })
    }

    /// Puts each agency's policy in force.
    pub fn apply_policies(&self, reason: &str) -> Done<u64> {
        let mut statements = 0;
        for member in self.iter() {
            let request = PolicyRequest {
                files: member.part.policy.iter().cloned().collect(),
                reason: Some(reason.into()),
                // It must run where no solver is; a test proves the policies.
                proof: ProofTerms {
                    unproven: true,
                    ..ProofTerms::default()
                },
                ..PolicyRequest::default()
            };
            let report: PolicyReport = member
                .client
                .post("/v1/policy/apply", &request)
                .map_err(|e| member.trouble(e))?;
            statements += report.statements.len() as u64;
        }
        Ok(statements)
    }

    /// Waits until nothing is left to exchange: every two that can reach each other are
    /// connected, each session has offered all that its peer may have, up to the last arrival,
    /// and has the answers.
    pub fn settle(&self) -> Done {
        let Some(first) = self.iter().find(|m| m.runs()) else {
            return Ok(());
        };
        let done = first.run(async { tokio::time::timeout(patience(), self.settled()).await });
        match done {
            Ok(done) => done,
            Err(_) => Err(self.stuck()),
        }
    }

    async fn settled(&self) -> Done {
        loop {
            let mut before = Vec::new();
            let mut quiet = true;
            let mut changes: Vec<BoxFuture<'static, bool>> = Vec::new();
            for member in self.iter().filter(|m| m.runs()) {
                let node = member.node()?;
                // Marked as seen before they are looked at: what changes meanwhile wakes us.
                let (mut arrivals, mut links) = (node.store.watch(), node.swarm.links());
                before.push(*arrivals.borrow_and_update());
                let up: Vec<AgencyId> = {
                    let all = links.borrow_and_update();
                    let up = all.iter().filter(|l| l.is_up());
                    up.map(|l| l.agency).collect()
                };
                changes.push(async move { arrivals.changed().await.is_ok() }.boxed());
                changes.push(async move { links.changed().await.is_ok() }.boxed());
                for peer in self.reachable(member) {
                    let mut session = node.sync.peers().of(&peer.id).settled();
                    let up_to = *session.borrow_and_update();
                    quiet &= up.contains(&peer.id);
                    quiet &= up_to.is_some_and(|at| at >= node.store.last());
                    changes.push(async move { session.changed().await.is_ok() }.boxed());
                }
            }
            let mut after: Vec<Arrival> = Vec::new();
            for member in self.iter().filter(|m| m.runs()) {
                after.push(member.node()?.store.last());
            }
            if quiet && before == after {
                return Ok(());
            }
            if changes.is_empty() || !select_all(changes).await.0 {
                return Err(failed("a node stopped by itself".into()).into());
            }
        }
    }

    /// Who waits for whom.
    fn stuck(&self) -> Trouble {
        for member in self.iter().filter(|m| m.runs()) {
            for peer in self.reachable(member) {
                let standing = member.node().map(|node| node.share.standing(&peer.id));
                let behind = match standing {
                    Ok(Ok(standing)) => standing.behind,
                    _ => 0,
                };
                if behind > 0 {
                    let says = format!(
                        "after {STAGE_WAIT_S} s {} has not answered {behind} records of {}",
                        peer.name, member.name
                    );
                    return member.trouble(failed(says));
                }
            }
        }
        failed(format!(
            "the sessions did not come to rest in {STAGE_WAIT_S} s"
        ))
        .into()
    }

    /// Stops one node; its home stays.
    pub fn stop_one(&mut self, name: &str) -> Done {
        self.change(name)?.stop_node();
        Ok(())
    }

    /// Starts one that was stopped, and waits until it is connected with whom it can reach.
    pub fn start_one(&mut self, name: &str) -> Done {
        let member = self.change(name)?;
        if !member.runs()
            && let Err(error) = member.run_node()
        {
            return Err(member.trouble(error));
        }
        self.connected()
    }

    fn change(&mut self, name: &str) -> Done<&mut Member> {
        let mut all = self.members.iter_mut();
        all.find(|m| m.name == name)
            .ok_or_else(|| nobody(name).into())
    }

    /// Stops them all.
    pub fn stop(mut self) {
        for member in &mut self.members {
            member.stop_node();
        }
    }
}

/// How long between two looks at a file.
const LOOK: Duration = Duration::from_millis(100);

/// How long the nodes may take for one thing.
fn patience() -> Duration {
    Duration::from_secs(STAGE_WAIT_S)
}

fn nobody(name: &str) -> CommandError {
    failed(format!("nobody is called '{name}'"))
}

/// Something that should not happen, with what to do.
pub fn failed(says: String) -> CommandError {
    CommandError::failed(
        says,
        "run it again with --keep and RUST_LOG=debug, then read the log",
    )
}

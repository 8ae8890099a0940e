//! `peer test`: one fresh connection to a peer, told step by step.

use std::time::Instant;

use liaison_protocol::id::AgencyId;
use libp2p::PeerId;
use libp2p::swarm::{ConnectionId, DialError};
use serde::Serialize;
use tokio::sync::oneshot;

use super::PeerAddr;
use super::words;

/// A step of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepName {
    /// Are the names in its addresses known?
    Resolve,
    /// Does something answer?
    Connect,
    /// Is it the node whose key is on the card?
    Identity,
    /// Does it accept us?
    KnownToThem,
    /// What software does it run, and how far is it?
    Version,
}

impl StepName {
    /// As `peer test` writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            StepName::Resolve => "resolve",
            StepName::Connect => "connect",
            StepName::Identity => "key",
            StepName::KnownToThem => "known-to-them",
            StepName::Version => "version",
        }
    }
}

/// What a step showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Which step.
    pub name: StepName,
    /// Whether it went well.
    pub ok: bool,
    /// What was seen, as a sentence.
    pub says: String,
    /// What to do about it; `None` when it went well.
    pub remedy: Option<String>,
}

/// A peer test: the steps up to the first that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PeerTest {
    /// The peer.
    pub agency: AgencyId,
    /// The steps in order.
    pub steps: Vec<Step>,
    /// The round trip in microseconds, if the peer answered.
    pub round_trip_us: Option<u64>,
}

impl PeerTest {
    /// Whether the last step was reached and every step went well.
    pub fn is_ok(&self) -> bool {
        self.steps.iter().all(|s| s.ok)
            && self
                .steps
                .last()
                .is_some_and(|s| s.name == StepName::Version)
    }

    /// A step, if the test got that far.
    pub fn step(&self, name: StepName) -> Option<&Step> {
        self.steps.iter().find(|s| s.name == name)
    }

    pub(super) fn new(agency: AgencyId) -> Self {
        Self {
            agency,
            steps: Vec::new(),
            round_trip_us: None,
        }
    }

    pub(super) fn good(&mut self, name: StepName, says: impl Into<String>) {
        self.steps.push(Step {
            name,
            ok: true,
            says: says.into(),
            remedy: None,
        });
    }

    pub(super) fn bad(
        &mut self,
        name: StepName,
        says: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.steps.push(Step {
            name,
            ok: false,
            says: says.into(),
            remedy: Some(remedy.into()),
        });
    }
}

/// Resolves the names among a peer's addresses; `false` if the test ends here.
pub(super) async fn resolve(test: &mut PeerTest, addresses: &[String]) -> bool {
    if addresses.is_empty() {
        test.good(
            StepName::Resolve,
            "its card has no address: it has to connect to us",
        );
        return true;
    }
    let mut said = Vec::new();
    let mut usable = false;
    for text in addresses {
        match text.parse::<PeerAddr>() {
            Err(error) => said.push(error.to_string()),
            Ok(address) => match address.name() {
                None => {
                    usable = true;
                    said.push(format!("{text} is a number"));
                }
                Some(name) => match tokio::net::lookup_host((name.as_str(), 0)).await {
                    Ok(found) => {
                        let mut ips: Vec<_> = found.map(|a| a.ip().to_string()).collect();
                        ips.dedup();
                        usable |= !ips.is_empty();
                        said.push(format!("{name} is {}", ips.join(", ")));
                    }
                    Err(error) => said.push(format!("{name} is not known here ({error})")),
                },
            },
        }
    }
    let said = said.join("; ");
    if usable {
        test.good(StepName::Resolve, said);
    } else {
        test.bad(
            StepName::Resolve,
            said,
            "check this machine's name server (resolv.conf), or ask the peer for a card with an address by number",
        );
    }
    usable
}

/// A test under way at the driver.
pub(super) struct Probe {
    pub(super) test: PeerTest,
    pub(super) reply: oneshot::Sender<PeerTest>,
    pub(super) connection: ConnectionId,
    pub(super) deadline: Instant,
    pub(super) started: Instant,
    /// Keys of the peer that have not been tried.
    pub(super) keys: Vec<PeerId>,
    pub(super) established: bool,
    /// The connection was there before the test, so it is left alone.
    pub(super) borrowed: bool,
    software: Option<String>,
}

impl Probe {
    pub(super) fn new(
        test: PeerTest,
        reply: oneshot::Sender<PeerTest>,
        connection: ConnectionId,
        deadline: Instant,
        keys: Vec<PeerId>,
    ) -> Self {
        let started = Instant::now();
        Self {
            test,
            reply,
            connection,
            deadline,
            started,
            keys,
            established: false,
            borrowed: false,
            software: None,
        }
    }

    pub(super) fn established(&mut self, address: &str, transport: super::Transport) {
        self.established = true;
        let ms = self.started.elapsed().as_millis();
        self.test.good(
            StepName::Connect,
            format!("{address} answers over {transport} after {ms} ms"),
        );
        self.test
            .good(StepName::Identity, "its node key is the one on its card");
    }

    /// The dial failed for good.
    pub(super) fn failed(mut self, error: &DialError) {
        let said = words::dial(error);
        if let DialError::WrongPeerId { .. } = error {
            self.test.good(StepName::Connect, "something answers");
            self.test.bad(
                StepName::Identity,
                said,
                "call them: ask for their new card, and compare its fingerprint",
            );
        } else {
            self.test
                .bad(StepName::Connect, said, words::CONNECT_REMEDY);
        }
        self.finish();
    }

    /// The connection closed before the peer said anything.
    pub(super) fn closed(mut self) {
        if !self.established {
            self.test.bad(
                StepName::Connect,
                "the connection was given up",
                words::CONNECT_REMEDY,
            );
        } else if self.test.step(StepName::KnownToThem).is_none() {
            self.test.bad(
                StepName::KnownToThem,
                words::NOT_KNOWN,
                words::NOT_KNOWN_REMEDY,
            );
        }
        self.finish();
    }

    /// The peer told its version: it has accepted us. True when the test is complete.
    pub(super) fn software(&mut self, software: &str) -> bool {
        self.software = Some(software.to_owned());
        self.complete()
    }

    /// The peer answered a ping. True when the test is complete.
    pub(super) fn answered(&mut self, micros: u64) -> bool {
        self.test.round_trip_us = Some(micros);
        self.complete()
    }

    fn complete(&mut self) -> bool {
        if self.test.step(StepName::KnownToThem).is_none() {
            self.test
                .good(StepName::KnownToThem, "it accepts us as a peer");
        }
        let (Some(software), Some(micros)) = (&self.software, self.test.round_trip_us) else {
            return false;
        };
        #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
        let ms = micros as f64 / 1000.0;
        self.test.good(
            StepName::Version,
            format!("it runs {software}; a round trip takes {ms:.1} ms"),
        );
        true
    }

    /// Time is up.
    pub(super) fn expired(mut self) {
        if !self.established {
            self.test.bad(
                StepName::Connect,
                "no answer in time",
                words::CONNECT_REMEDY,
            );
        } else if self.test.step(StepName::KnownToThem).is_none() {
            self.test.bad(
                StepName::KnownToThem,
                "it took the connection and then said nothing",
                words::NOT_KNOWN_REMEDY,
            );
        } else {
            self.test.bad(
                StepName::Version,
                "it did not tell its version or answer a ping in time",
                "try again; if it repeats, call its technical contact",
            );
        }
        self.finish();
    }

    pub(super) fn finish(self) {
        // Whoever asked may have gone.
        let _ = self.reply.send(self.test);
    }
}

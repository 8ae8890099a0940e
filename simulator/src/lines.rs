//! The lines between nodes, and who is there at all.

use std::collections::BTreeMap;

use crate::rng::Rng;

/// What lines are like, and which are down.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    /// Milliseconds that a message takes one way, from and to.
    pub latency_ms: (u64, u64),
    /// Of a thousand messages, how many break their stream.
    pub breaks_per_mille: u64,
    /// Of a thousand packets, how many are lost: each costs a message one way there and back.
    pub loss_per_mille: u64,
    /// Bytes a second that a node can send; none: as many as it likes.
    pub uplink: Option<u64>,
    /// Until when a node's line is taken by what it sends, in microseconds: small messages take
    /// less than a millisecond.
    busy_until: BTreeMap<usize, u64>,
    away_until: BTreeMap<usize, u64>,
    cut_until: BTreeMap<(usize, usize), u64>,
}

/// Bytes of a message that go in one packet.
const PACKET_BYTES: usize = 1_200;

/// How often in a row a packet may be lost.
const MOST_ROUNDS: u64 = 16;

impl Lines {
    /// Lines that lose nothing and carry everything, of this latency.
    pub fn new(latency_ms: (u64, u64)) -> Self {
        Self {
            latency_ms,
            ..Self::default()
        }
    }

    /// A node is switched off until then.
    pub fn switch_off(&mut self, node: usize, until: u64) {
        self.away_until.insert(node, until);
    }

    /// A pair cannot connect until then.
    pub fn cut(&mut self, a: usize, b: usize, until: u64) {
        self.cut_until.insert((a.min(b), a.max(b)), until);
    }

    /// Milliseconds until two nodes can connect; 0 if they can.
    pub fn wait(&self, a: usize, b: usize, now: u64) -> u64 {
        let away = [a, b].map(|n| self.away_until.get(&n).copied().unwrap_or_default());
        let cut = self.cut_until.get(&(a.min(b), a.max(b))).copied();
        let until = away.into_iter().chain(cut).max().unwrap_or_default();
        until.saturating_sub(now)
    }

    /// Whether this message breaks its stream.
    pub fn breaks(&self, rng: &mut Rng) -> bool {
        rng.below(1000) < self.breaks_per_mille
    }

    /// Milliseconds until a message has come whole: it waits for the sender's line, takes one way,
    /// and one more there and back for each time that a packet of it is lost.
    pub fn time_under_way(&mut self, sender: usize, bytes: usize, now: u64, rng: &mut Rng) -> u64 {
        let mut sent = now;
        if let Some(uplink) = self.uplink {
            let busy = self.busy_until.entry(sender).or_default();
            let takes = (bytes as u64 * 1_000_000).div_ceil(uplink.max(1));
            *busy = (*busy).max(now * 1_000) + takes;
            sent = busy.div_ceil(1_000);
        }
        let (from, to) = self.latency_ms;
        let way = from + rng.below(to - from + 1);
        // Packets of one message are lost beside each other: the unluckiest one counts.
        let mut left = bytes.div_ceil(PACKET_BYTES);
        let mut rounds = 0;
        while self.loss_per_mille > 0 && left > 0 && rounds < MOST_ROUNDS {
            let lost = (0..left).filter(|_| rng.below(1000) < self.loss_per_mille);
            left = lost.count();
            rounds += u64::from(left > 0);
        }
        sent - now + way + rounds * 2 * to
    }
}

//! What happened in a federation, for whoever has to find out why node and model differ.

use std::collections::HashMap;
use std::fmt::Write as _;

use liaison_node::swarm::Direction;
use liaison_protocol::id::RecordId;
use liaison_protocol::wire::Message;

use super::judge::{self, name};
use super::model::{Model, What};
use super::step::Step;
use crate::tap::Frame;

/// The steps, and between them every frame that names one of these records (`r3,r7`, or `all`) or
/// what is said of it: a line each, in order.
pub fn trace(model: &Model, records: &str, steps: &[(u64, &Step)], said: &[Vec<Frame>]) -> String {
    let mut lines: Vec<(u64, String)> = steps.iter().map(|(m, s)| (*m, format!("{s:?}"))).collect();
    for (node, frames) in said.iter().enumerate() {
        let mut offers = HashMap::new();
        for frame in frames {
            let Some(peer) = model.node(&frame.peer) else {
                continue;
            };
            let out = frame.direction == Direction::Out;
            let (arrow, stream) = (if out { "->" } else { "<-" }, frame.stream);
            let message = frame.message().name();
            for (id, answer) in named(frame, &mut offers) {
                if is_wanted(model, records, &id) {
                    let what = name(model, &id);
                    let line = format!(
                        "  n{node} {arrow} n{peer} {message} {what}{answer} (stream {stream})"
                    );
                    lines.push((frame.moment, line));
                }
            }
        }
    }
    lines.sort_by_key(|(moment, _)| *moment);
    let mut text = String::new();
    for (moment, line) in lines {
        let _never = writeln!(text, "{moment:>7} {line}");
    }
    text
}

/// Offers that were not answered: their stream, whether they went out, and their number.
type Offers = HashMap<(u64, bool, u64), Vec<RecordId>>;

/// What a frame names, and what is answered of it.
fn named(frame: &Frame, offers: &mut Offers) -> Vec<(RecordId, String)> {
    let out = frame.direction == Direction::Out;
    let bare = |id| (id, String::new());
    match frame.message() {
        Message::Offer { batch, items } => {
            let ids: Vec<RecordId> = items.iter().map(|i| i.id).collect();
            offers.insert((frame.stream, out, batch), ids.clone());
            ids.into_iter().map(bare).collect()
        }
        Message::Answers { batch, outcomes } => {
            let ids = offers.remove(&(frame.stream, !out, batch));
            let ids = ids.unwrap_or_default().into_iter();
            ids.zip(outcomes)
                .map(|(id, outcome)| (id, format!(": {outcome:?}")))
                .collect()
        }
        _ => {
            let records = frame.records().into_iter();
            let read = records.filter_map(judge::parse);
            read.map(|signed| bare(signed.id())).collect()
        }
    }
}

fn is_wanted(model: &Model, records: &str, id: &RecordId) -> bool {
    if records == "all" {
        return true;
    }
    let Some(known) = model.records.get(id) else {
        return true;
    };
    match &known.what {
        What::Drawn(number, _) => {
            let name = format!("r{number}");
            records.split(',').any(|r| r == name)
        }
        What::Retract(of) | What::Permit { of, .. } | What::Recall { of, .. } => {
            is_wanted(model, records, of)
        }
        What::Control(about) => about.iter().any(|of| is_wanted(model, records, of)),
        What::Card | What::Keys => false,
    }
}

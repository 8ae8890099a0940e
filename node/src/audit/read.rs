//! Looking something up in the log.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use jiff::Timestamp;
use liaison_protocol::clock::Millis;

use super::line::{Line, Who};
use super::seal::Opening;
use super::segment::{self, Lines, Next};
use super::{Act, AuditError};

/// Which lines are meant; what is absent does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Not before.
    pub since: Option<Millis>,
    /// Before.
    pub until: Option<Millis>,
    /// Before the line of this number.
    pub before: Option<u64>,
    /// A user's name or number, or `node`.
    pub who: Option<String>,
    /// What was done.
    pub what: Option<Act>,
    /// The beginning of a record's full id.
    pub record: Option<String>,
    /// An agency's full id.
    pub peer: Option<String>,
    /// Only where something was typed.
    pub typed: bool,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The newest lines that match, oldest first.
    pub lines: Vec<Line>,
    /// What opens the texts under seal, by the number that they name.
    pub openings: BTreeMap<u64, Opening>,
    /// Whether older ones match as well.
    pub more: bool,
}

/// The newest `limit` lines that match, and of those as many as name `ids` records; the newest one
/// in any case.
///
/// # Errors
/// [`AuditError::Io`].
pub fn search(dir: &Path, filter: &Filter, limit: usize, ids: usize) -> Result<Found, AuditError> {
    let mut found: VecDeque<Line> = VecDeque::new();
    let mut openings = BTreeMap::new();
    let (mut more, mut named) = (false, 0usize);
    for one in segment::segments(dir)? {
        let mut lines = Lines::open(&one.path)?;
        loop {
            let raw = match lines.read_next()? {
                Next::Line(raw) => raw,
                // What is damaged is the business of `verify`.
                Next::Garbage => continue,
                Next::Torn(_) | Next::End => break,
            };
            let Some(line) = raw.line() else { continue };
            if let Some(opening) = &line.seal {
                openings.insert(line.n, opening.clone());
            }
            if filter.takes(&line) {
                named = named.saturating_add(line.records.len());
                found.push_back(line);
                while found.len() > limit || (named > ids && found.len() > 1) {
                    let oldest = found.pop_front();
                    named = named.saturating_sub(oldest.map_or(0, |line| line.records.len()));
                    more = true;
                }
            }
        }
    }
    let lines: Vec<Line> = found.into();
    openings.retain(|by, _| {
        let of = |line: &Line| line.typed.as_ref().is_some_and(|typed| typed.by == *by);
        lines.iter().any(of)
    });
    Ok(Found {
        lines,
        openings,
        more,
    })
}

impl Filter {
    /// Whether a time lies in the span that is meant.
    pub fn holds(&self, at: Millis) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }

    fn takes(&self, line: &Line) -> bool {
        let at = || {
            let at: Option<Timestamp> = line.at.parse().ok();
            at.and_then(|at| u64::try_from(at.as_millisecond()).ok())
        };
        self.what.is_none_or(|what| line.what == what)
            && self.before.is_none_or(|n| line.n < n)
            && (!self.typed || line.typed.is_some())
            && self.record.as_ref().is_none_or(|record| {
                let begins = |id: &String| id.starts_with(record.as_str());
                line.records.iter().any(begins)
            })
            && self.peer.as_ref().is_none_or(|p| line.peers.contains(p))
            && self.who.as_ref().is_none_or(|who| match &line.who {
                Who::Node => who == "node",
                Who::Officer { uid, name, .. } => name == who || uid.to_string() == *who,
            })
            && self.since.is_none_or(|t| at().is_some_and(|at| at >= t.0))
            && self.until.is_none_or(|t| at().is_some_and(|at| at < t.0))
    }
}

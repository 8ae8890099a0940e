//! Whether a log is as it was written. Works on the folder alone, also a copy of it.

use std::path::Path;

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use liaison_protocol::audit::{AuditHead, SignedHead};
use liaison_protocol::card::AgencyKeys;

use super::AuditError;
use super::line::{Digest, Line, split};
use super::segment::{self, Lines, Next, Stub};
use crate::limits;

/// A head that a peer holds of this log.
#[derive(Clone, Debug)]
pub struct Witnessed {
    /// Who holds it.
    pub by: String,
    /// What it states.
    pub head: AuditHead,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, as far as it can be told.
    pub line: u64,
    /// What is wrong, as a sentence.
    pub says: String,
}

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The first line that is still here.
    pub from: u64,
    /// The last line.
    pub to: u64,
    /// Signed heads that fit.
    pub heads: u64,
    /// Those of them whose key was compromised or revoked since: they fit, but a thief of the
    /// key could have signed them as well.
    pub lost: u64,
    /// The last line that a signed head covers.
    pub signed: u64,
    /// The last line that a peer witnessed, and that fits.
    pub witnessed: u64,
    /// What is wrong; at most [`limits::AUDIT_FAULTS`].
    pub faults: Vec<Fault>,
}

/// Checks the chain from its first line (or from the stubs of what left) to its end, every
/// signed head in it, and the heads that peers hold.
///
/// # Errors
/// [`AuditError::Io`]: the folder can't be read.
pub fn verify(
    dir: &Path,
    keys: &AgencyKeys,
    witnessed: &[Witnessed],
) -> Result<Report, AuditError> {
    let mut check = Check {
        keys,
        witnessed,
        met: vec![false; witnessed.len()],
        chain: None,
        expected: 1,
        before: Digest::default(),
        report: Report::default(),
    };
    check.stubs(dir)?;
    check.report.from = check.expected;
    let all = segment::segments(dir)?;
    let last = all.len().saturating_sub(1);
    for (at, one) in all.iter().enumerate() {
        check.segment(one, at == last)?;
    }
    check.ends();
    Ok(check.report)
}

struct Check<'a> {
    keys: &'a AgencyKeys,
    witnessed: &'a [Witnessed],
    /// Which of them were compared with their line.
    met: Vec<bool>,
    chain: Option<[u8; 16]>,
    /// The number of the line that comes next.
    expected: u64,
    /// Hash of the line before it.
    before: Digest,
    report: Report,
}

impl Check<'_> {
    fn stubs(&mut self, dir: &Path) -> Result<(), AuditError> {
        for (path, stub) in segment::stubs(dir)? {
            let says = match stub {
                None => "can't be read".to_owned(),
                Some(stub) if stub.first != self.expected => format!(
                    "begins at line {}, where line {} is missing",
                    stub.first, self.expected
                ),
                Some(stub) => match self.stub(&stub) {
                    Some(()) => continue,
                    None => "does not fit its signed head".to_owned(),
                },
            };
            self.fault(format!("the stub {} {says}", path.display()));
        }
        Ok(())
    }

    /// A stub: its last line is a signed head, which states all before it.
    fn stub(&mut self, stub: &Stub) -> Option<()> {
        let before = Digest::parse(stub.before.as_bytes())?;
        let (digest, json) = split(stub.end.as_bytes())?;
        let line: Line = serde_json::from_slice(json).ok()?;
        (before.then(json) == digest && line.n == stub.last).then_some(())?;
        self.before = before;
        self.expected = stub.last;
        self.head(&line)?;
        self.meet(stub.last, digest);
        self.before = digest;
        self.expected = stub.last + 1;
        Some(())
    }

    fn segment(&mut self, one: &segment::Segment, last: bool) -> Result<(), AuditError> {
        if one.first != self.expected {
            self.fault(format!(
                "a segment begins at line {}, where line {} should follow: what is between was removed",
                one.first, self.expected
            ));
            self.expected = one.first;
        }
        let mut lines = Lines::open(&one.path)?;
        loop {
            match lines.read_next()? {
                Next::End => return Ok(()),
                Next::Torn(_) if last => return Ok(()),
                Next::Torn(_) | Next::Garbage => {
                    let n = self.expected;
                    self.fault(format!("line {n} is damaged"));
                    self.expected += 1;
                }
                Next::Line(raw) => {
                    let n = self.expected;
                    let line = raw.line();
                    if self.before.then(&raw.json) != raw.digest {
                        self.fault(format!(
                            "line {n} does not follow from the line before it: it was edited, or a line was removed or moved"
                        ));
                    }
                    match line {
                        None => self.fault(format!("line {n} can't be read")),
                        Some(line) => {
                            if line.n != n {
                                self.fault(format!("line {n} says that it is line {}", line.n));
                            }
                            self.line(&line);
                        }
                    }
                    self.before = raw.digest;
                    self.meet(n, raw.digest);
                    self.expected += 1;
                }
            }
        }
    }

    fn line(&mut self, line: &Line) {
        if let Some(chain) = &line.chain {
            let chain = HEXLOWER
                .decode(chain.as_bytes())
                .ok()
                .and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
            if self.chain.is_some() && self.chain != chain {
                self.fault(format!("line {} begins another chain", line.n));
            }
            self.chain = chain;
        }
        if line.head.is_some() && self.head(line).is_none() {
            self.fault(format!(
                "the signed head in line {} does not fit the lines before it",
                line.n
            ));
        }
    }

    /// A signed head states the line before it.
    fn head(&mut self, line: &Line) -> Option<()> {
        let bytes = BASE64.decode(line.head.as_ref()?.as_bytes()).ok()?;
        let head = SignedHead::parse(Bytes::from(bytes)).ok()?;
        let verified = head.verify_also_lost(self.keys).ok()?;
        let head = verified.head();
        let fits = head.lines == self.expected.saturating_sub(1) && head.digest == self.before.0;
        fits.then_some(())?;
        match self.chain {
            Some(chain) if chain != head.chain => return None,
            _ => self.chain = Some(head.chain),
        }
        self.report.heads += 1;
        self.report.lost += u64::from(verified.is_key_lost());
        self.report.signed = head.lines;
        Some(())
    }

    /// Compares a line with the heads that peers hold of it.
    fn meet(&mut self, n: u64, digest: Digest) {
        let mut wrong = Vec::new();
        for (witnessed, met) in self.witnessed.iter().zip(&mut self.met) {
            if witnessed.head.lines != n || Some(witnessed.head.chain) != self.chain {
                continue;
            }
            *met = true;
            if witnessed.head.digest == digest.0 {
                self.report.witnessed = self.report.witnessed.max(n);
            } else {
                wrong.push(format!(
                    "line {n} is not the one that {} witnessed: the log was rewritten",
                    witnessed.by
                ));
            }
        }
        for says in wrong {
            self.fault(says);
        }
    }

    fn ends(&mut self) {
        self.report.to = self.expected.saturating_sub(1);
        let to = self.report.to;
        let mut missed = Vec::new();
        for (witnessed, met) in self.witnessed.iter().zip(&self.met) {
            if *met {
                continue;
            }
            let (by, lines) = (&witnessed.by, witnessed.head.lines);
            if Some(witnessed.head.chain) != self.chain {
                missed.push(format!(
                    "{by} holds the head of another log of this node, with {lines} lines: this one took its place"
                ));
            } else if lines > to {
                missed.push(format!(
                    "{by} witnessed line {lines}, and the log ends at line {to}: its end was cut off"
                ));
            }
        }
        for says in missed {
            self.fault(says);
        }
    }

    fn fault(&mut self, says: String) {
        if self.report.faults.len() < limits::AUDIT_FAULTS {
            self.report.faults.push(Fault {
                line: self.expected,
                says,
            });
        }
    }
}

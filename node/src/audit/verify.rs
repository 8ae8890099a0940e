//! Whether a log is as it was written. Works on the folder alone, also a copy of it.

use std::path::Path;

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use liaison_protocol::audit::{AuditHead, SignedHead};
use liaison_protocol::card::AgencyKeys;

use super::line::{Anew, Digest, Line, split};
use super::segment::{self, Lines, Next, Stub};
use super::{Act, AuditError};
use crate::limits;

/// The call that makes a backup, as lines name it.
const BACKUP: &str = "POST /v1/backup";

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
    /// Restores that are as they should be, and what was lost with them, as sentences.
    pub restores: Vec<String>,
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
        breaks: Vec::new(),
        backup: None,
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
    /// Where a chain ended and another began.
    breaks: Vec<Break>,
    /// When the last backup was made, as its line says.
    backup: Option<String>,
    /// The number of the line that comes next.
    expected: u64,
    /// Hash of the line before it.
    before: Digest,
    report: Report,
}

/// An end of a chain that a restore explains.
struct Break {
    chain: [u8; 16],
    /// Its last line that is still here.
    last: u64,
    /// When the backup was made; none: that left with the segment.
    made: Option<String>,
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
        self.head(&line, true)?;
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
            let chain = parse_chain(chain);
            if self.chain.is_some() && self.chain != chain {
                self.anew(line);
            }
            self.chain = chain;
        }
        if line.what == Act::Administer && line.by == BACKUP && line.outcome.is_none() {
            self.backup = Some(line.at.clone());
        }
        if line.head.is_some() && self.head(line, false).is_none() {
            self.fault(format!(
                "the signed head in line {} does not fit the lines before it",
                line.n
            ));
        }
    }

    /// A line that begins another chain: only a restore of a backup explains it.
    fn anew(&mut self, line: &Line) {
        let n = line.n;
        let last = n.saturating_sub(1);
        if self.breaks.len() >= limits::AUDIT_FAULTS {
            return self.fault(format!("line {n} begins one more chain"));
        }
        let ended = line
            .anew
            .as_ref()
            .and_then(|anew| parse_chain(anew.chain()));
        match &line.anew {
            Some(Anew::Restored { made, .. }) if ended == self.chain => {
                let backup = self.backup.as_deref();
                if backup.is_some_and(|backup| is_of(backup, made)) {
                    self.breaks.extend(ended.map(|chain| Break {
                        chain,
                        last,
                        made: Some(made.clone()),
                    }));
                    self.report.restores.push(format!(
                        "line {n}: the node came back from the backup of {made}; what was written between that backup and line {n} is lost"
                    ));
                } else {
                    self.fault(format!(
                        "line {n} says that the node came back from a backup of {made}, and the log before it tells of no backup then: its end was cut off"
                    ));
                }
            }
            Some(Anew::SetBack { lines, by, .. }) if ended == self.chain => self.fault(format!(
                "line {n}: the machine or its log was set back. Lines {n} to {lines} as agency {by} witnessed them were cut off"
            )),
            _ => self.fault(format!("line {n} begins another chain")),
        }
    }

    /// A signed head states the line before it.
    fn head(&mut self, line: &Line, left: bool) -> Option<()> {
        let bytes = BASE64.decode(line.head.as_ref()?.as_bytes()).ok()?;
        let head = SignedHead::parse(Bytes::from(bytes)).ok()?;
        let verified = head.verify_also_lost(self.keys).ok()?;
        let head = verified.head();
        let fits = head.lines == self.expected.saturating_sub(1) && head.digest == self.before.0;
        fits.then_some(())?;
        match self.chain {
            Some(chain) if chain != head.chain && !left => return None,
            // The line that begins the other chain left with its segment.
            Some(chain) if chain != head.chain => {
                let (last, made) = (self.expected, None);
                self.breaks.push(Break { chain, last, made });
                self.report.restores.push(format!(
                    "the log was begun anew before line {last}, in lines that left it"
                ));
                self.chain = Some(head.chain);
            }
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
        let (mut missed, mut lost) = (Vec::new(), Vec::new());
        for (witnessed, met) in self.witnessed.iter().zip(&self.met) {
            if *met {
                continue;
            }
            let (by, lines) = (&witnessed.by, witnessed.head.lines);
            let ended = self.breaks.iter().find(|b| b.chain == witnessed.head.chain);
            if let Some(Break { last, made, .. }) = ended {
                if lines > *last {
                    let made = made.as_deref().unwrap_or("an earlier time");
                    lost.push(format!(
                        "{by} witnessed line {lines} of the log before it was restored from the backup of {made}: lines {} to {lines} of then are lost",
                        last + 1
                    ));
                }
            } else if Some(witnessed.head.chain) != self.chain {
                missed.push(format!(
                    "{by} holds the head of another log of this node, with {lines} lines: this one took its place"
                ));
            } else if lines > to {
                missed.push(format!(
                    "{by} witnessed line {lines}, and the log ends at line {to}: its end was cut off"
                ));
            }
        }
        self.report.restores.extend(lost);
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

fn parse_chain(text: &str) -> Option<[u8; 16]> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// Whether a backup that says when it was made is the one that a line announced.
fn is_of(line: &str, made: &str) -> bool {
    let at = |text: &str| Some(text.parse::<jiff::Timestamp>().ok()?.as_millisecond());
    let apart = at(line)
        .zip(at(made))
        .map(|(line, made)| line.abs_diff(made));
    apart.is_some_and(|apart| apart <= limits::BACKUP_ANNOUNCED_MS)
}

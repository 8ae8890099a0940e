//! The one thread that writes the log: what waits is written together and synced once.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use liaison_protocol::audit::AuditHead;
use liaison_protocol::id::AgencyId;
use tokio::sync::{mpsc, oneshot, watch};

use super::line::{Anew, Digest, Line};
use super::seal::{PublicKey, Sealer};
use super::segment::{self, Lines, Next};
use super::{Act, AuditError, AuditOptions, Entry, State, Who};
use crate::control::text::rfc3339;
use crate::limits;

/// The writer, and what it tells: how it stands, and its newest head.
type Opened = (
    Writer,
    watch::Receiver<State>,
    watch::Receiver<Option<Bytes>>,
);

type Done<T> = oneshot::Sender<Result<T, AuditError>>;

pub(super) enum Command {
    Write(Vec<Entry>, Done<u64>),
    Head(Done<()>),
    Key(Box<PublicKey>, Done<()>),
    /// The head, who holds it, and whether another line than it states stands here.
    SetBack(AuditHead, AgencyId, bool, Done<()>),
    Stop,
}

pub(super) struct Writer {
    dir: PathBuf,
    options: AuditOptions,
    state: State,
    told: watch::Sender<State>,
    heads: watch::Sender<Option<Bytes>>,
    file: Current,
    /// What seals, and the line that holds its encapsulated key.
    sealer: Option<(u64, Sealer)>,
    /// Whether a batch failed since, so that a copy of it may be somewhere: its numbers come
    /// again, and with the same key two texts would share a nonce.
    spent: bool,
    /// Lines when the head was signed last.
    signed: u64,
}

/// The segment that is written.
struct Current {
    path: PathBuf,
    file: File,
    bytes: u64,
}

/// What was made and is not on the disk yet.
struct Batch {
    bytes: Vec<u8>,
    lines: u64,
    digest: Digest,
}

impl Writer {
    pub(super) fn open(dir: PathBuf, options: AuditOptions) -> Result<Opened, AuditError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .map_err(|e| segment::io(&dir, &e))?;
        let mut state = State {
            key: options.key.as_ref().map(PublicKey::fingerprint),
            ..State::default()
        };
        let mut signed = 0;
        let mut all = segment::segments(&dir)?;
        // A rotation that was cut off leaves a segment without a line: it never began.
        while let [.., _, last] = all.as_slice()
            && is_without_line(last)?
        {
            put_aside(last, 0)?;
            std::fs::remove_file(&last.path).map_err(|e| segment::io(&last.path, &e))?;
            segment::sync_dir(&dir)?;
            all.pop();
        }
        let last = all.pop();
        let known = match &last {
            Some(last) => resume(last, &mut state, &mut signed)?,
            None => None,
        };
        // Damaged from its first line on, it does not say what chain it is of.
        if let Some(last) = &last
            && state.lines < last.first
            && let Some(before) = all.pop()
        {
            let mut ended = State::default();
            resume(&before, &mut ended, &mut signed)?;
            if ended.lines == state.lines {
                let State {
                    chain,
                    digest,
                    head,
                    ..
                } = ended;
                (state.chain, state.digest, state.head) = (chain, digest, head);
            }
        }
        let file = match (last, known) {
            (Some(last), Some(bytes)) => Current {
                file: append_to(&last.path)?,
                path: last.path,
                bytes,
            },
            // Also where the last segment is damaged: it stays as it was found.
            _ => {
                let first = state.lines + 1;
                let path = segment::path_of(&dir, first, "log");
                if path.exists() {
                    let aside = segment::path_of(&dir, first, "damaged");
                    std::fs::rename(&path, &aside).map_err(|e| segment::io(&path, &e))?;
                }
                let file = append_to(&path)?;
                segment::sync_dir(&dir)?;
                Current {
                    path,
                    file,
                    bytes: 0,
                }
            }
        };
        let anew = options.restored.map(|made| Anew::Restored {
            chain: HEXLOWER.encode(&state.chain),
            made: rfc3339(made),
        });
        let anew = anew.filter(|_| state.chain != [0; 16]);
        if state.chain == [0; 16] || anew.is_some() {
            state.chain = rand::random();
        }
        let (told, state_told) = watch::channel(state.clone());
        let (heads, heads_told) = watch::channel(state.head.clone());
        let mut writer = Self {
            dir,
            options,
            state,
            told,
            heads,
            file,
            sealer: None,
            spent: false,
            signed,
        };
        let by = if anew.is_some() { "restored" } else { "start" };
        writer.begin(by, anew)?;
        Ok((writer, state_told, heads_told))
    }

    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        while let Some(first) = queue.blocking_recv() {
            let mut group = Vec::new();
            let mut then = None;
            let mut next = Some(first);
            while let Some(command) = next {
                match command {
                    Command::Write(entries, done) => group.push((entries, done)),
                    other => {
                        then = Some(other);
                        break;
                    }
                }
                next = (group.len() < limits::AUDIT_GROUP)
                    .then(|| queue.try_recv().ok())
                    .flatten();
            }
            self.write(group);
            match then {
                None => {}
                // Whoever asked may have gone.
                Some(Command::Write(..)) => {}
                Some(Command::Head(done)) => {
                    let _gone = done.send(self.head());
                }
                Some(Command::Key(key, done)) => {
                    self.state.key = Some(key.fingerprint());
                    self.options.key = Some(*key);
                    let _gone = done.send(self.begin("seal", None));
                }
                Some(Command::SetBack(head, by, contradicted, done)) => {
                    let _gone = done.send(self.set_back(&head, &by, contradicted));
                }
                Some(Command::Stop) => {
                    let stop = Entry::new(Who::Node, Act::Log, "stop");
                    let ended = self.commit(vec![stop]).and_then(|_| self.head());
                    if let Err(error) = ended {
                        tracing::error!(%error, "the end of the audit log was not written");
                    }
                    return;
                }
            }
        }
    }

    fn write(&mut self, group: Vec<(Vec<Entry>, Done<u64>)>) {
        if group.is_empty() {
            return;
        }
        let renewed = match self.spent && self.sealer.is_some() {
            true => self.begin("seal", None),
            false => Ok(()),
        };
        if let Err(error) = renewed {
            for (_, done) in group {
                // Whoever asked may have gone.
                let _gone = done.send(Err(error.clone()));
            }
            return;
        }
        let mut first = self.state.lines + 1;
        let mut entries = Vec::new();
        let mut waiting = Vec::new();
        for (some, done) in group {
            let some: Vec<Entry> = some.into_iter().flat_map(Entry::split).collect();
            waiting.push((first, done));
            first += some.len() as u64;
            entries.extend(some);
        }
        let written = self.commit(entries);
        for (first, done) in waiting {
            // Whoever asked may have gone.
            let _gone = done.send(written.clone().map(|()| first));
        }
        if written.is_ok()
            && self.file.bytes >= self.segment_bytes()
            && let Err(error) = self.rotate()
        {
            // It goes on in the segment that it has.
            tracing::error!(%error, "the audit log was not rotated");
        }
    }

    /// Writes entries, all or none.
    fn commit(&mut self, entries: Vec<Entry>) -> Result<(), AuditError> {
        let mut batch = self.batch();
        let at = rfc3339(self.options.clock.now());
        for entry in entries {
            let n = batch.lines + 1;
            let typed = match (&entry.typed, &self.sealer) {
                (Some(text), Some((by, sealer))) => {
                    let sealed = sealer.seal(*by, n, clip(text, limits::AUDIT_TYPED_BYTES));
                    Some(sealed.map_err(|e| sign(&e))?)
                }
                // Without a key it is not kept: never in clear.
                _ => None,
            };
            let line = Line {
                peers: entry.peers.iter().map(|a| a.full()).collect(),
                rule: entry.rule.as_deref().map(plain),
                epoch: entry.epoch,
                records: entry.records.iter().map(|r| r.full()).collect(),
                count: entry.count,
                outcome: entry.outcome.as_deref().map(plain),
                of: entry.of,
                typed,
                ..Line::new(n, at.clone(), entry.who, entry.what, plain(&entry.by))
            };
            batch.add(&line)?;
        }
        self.put(batch)
    }

    /// The line that begins a segment, a run, or another seal.
    fn begin(&mut self, by: &str, anew: Option<Anew>) -> Result<(), AuditError> {
        let mut batch = self.batch();
        let n = batch.lines + 1;
        let at = rfc3339(self.options.clock.now());
        let mut line = Line::new(n, at, Who::Node, Act::Log, by);
        line.chain = Some(HEXLOWER.encode(&self.state.chain));
        line.anew = anew;
        let mut sealer = None;
        if let Some(key) = &self.options.key {
            let (opening, begun) = key.begin().map_err(|e| sign(&e))?;
            line.seal = Some(opening);
            sealer = Some((n, begun));
        }
        batch.add(&line)?;
        self.put(batch)?;
        self.sealer = sealer;
        self.spent = false;
        Ok(())
    }

    /// Begins another chain behind what is left of this one.
    fn set_back(
        &mut self,
        head: &AuditHead,
        by: &AgencyId,
        contradicted: bool,
    ) -> Result<(), AuditError> {
        let ended = self.state.chain;
        // It was written meanwhile, or another peer told.
        if head.chain != ended || (head.lines <= self.state.lines && !contradicted) {
            return Ok(());
        }
        let anew = Anew::SetBack {
            chain: HEXLOWER.encode(&ended),
            lines: head.lines,
            by: by.full(),
        };
        self.state.chain = rand::random();
        self.begin("set-back", Some(anew))
            .inspect_err(|_| self.state.chain = ended)
    }

    /// Signs the head, as a line of its own, unless nothing was written since.
    fn head(&mut self) -> Result<(), AuditError> {
        if self.state.lines == self.signed {
            return Ok(());
        }
        let now = self.options.clock.now();
        let head = AuditHead {
            chain: self.state.chain,
            lines: self.state.lines,
            digest: self.state.digest.0,
            at: now,
        };
        let signed = head
            .sign(&self.options.signing.key())
            .map_err(|e| sign(&e))?;
        let bytes: Bytes = signed.bytes().clone();
        let mut batch = self.batch();
        let mut line = Line::new(batch.lines + 1, rfc3339(now), Who::Node, Act::Log, "head");
        line.head = Some(BASE64.encode(&bytes));
        batch.add(&line)?;
        self.put(batch)?;
        self.signed = self.state.lines;
        self.state.head = Some(bytes.clone());
        self.heads.send_replace(Some(bytes));
        self.told.send_replace(self.state.clone());
        Ok(())
    }

    /// Ends the segment with a signed head, begins the next, and lets the oldest leave.
    fn rotate(&mut self) -> Result<(), AuditError> {
        self.head()?;
        let path = segment::path_of(&self.dir, self.state.lines + 1, "log");
        let file = append_to(&path)?;
        segment::sync_dir(&self.dir)?;
        self.file = Current {
            path,
            file,
            bytes: 0,
        };
        self.begin("segment", None)?;
        let mut all = segment::segments(&self.dir)?;
        all.pop();
        let mut bytes: u64 = all.iter().map(|s| s.bytes).sum::<u64>() + self.segment_bytes();
        for oldest in all {
            if bytes <= self.options.keep_bytes {
                break;
            }
            segment::leave(&self.dir, &oldest)?;
            bytes -= oldest.bytes.min(bytes);
        }
        Ok(())
    }

    fn segment_bytes(&self) -> u64 {
        (self.options.keep_bytes / 8)
            .clamp(limits::AUDIT_SEGMENT_MIN_BYTES, limits::AUDIT_SEGMENT_BYTES)
    }

    fn batch(&self) -> Batch {
        Batch {
            bytes: Vec::new(),
            lines: self.state.lines,
            digest: self.state.digest,
        }
    }

    /// Puts a batch on the disk, or leaves the file as it was.
    fn put(&mut self, batch: Batch) -> Result<(), AuditError> {
        let written = self.file.put(&batch.bytes);
        let fault = written.as_ref().err().map(ToString::to_string);
        if written.is_ok() {
            self.state.lines = batch.lines;
            self.state.digest = batch.digest;
        } else {
            self.spent = true;
            if self.state.fault != fault {
                tracing::error!(fault, "the audit log can't be written");
            }
        }
        self.state.fault = fault;
        self.told.send_replace(self.state.clone());
        written
    }
}

impl Batch {
    fn add(&mut self, line: &Line) -> Result<(), AuditError> {
        let before = self.bytes.len();
        self.digest = line
            .append(self.digest, &mut self.bytes)
            .map_err(|e| sign(&e))?;
        // Nobody could read it: no check would pass again.
        let bytes = (self.bytes.len() - before) as u64;
        if bytes > limits::AUDIT_LINE_BYTES {
            return Err(AuditError::TooLong { bytes });
        }
        self.lines += 1;
        Ok(())
    }
}

impl Current {
    fn put(&mut self, bytes: &[u8]) -> Result<(), AuditError> {
        let written = self.try_put(bytes);
        if written.is_err() {
            // What was written of it is cut off, now or before the next try.
            let _again = self.file.set_len(self.bytes);
        }
        written.map_err(|e| segment::io(&self.path, &e))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn try_put(&mut self, bytes: &[u8]) -> Result<(), std::io::Error> {
        let meta = self.file.metadata()?;
        if meta.nlink() == 0 {
            return Err(std::io::Error::other("the file was removed"));
        }
        if meta.len() < self.bytes {
            return Err(std::io::Error::other("the file was cut short"));
        }
        if meta.len() > self.bytes {
            self.file.set_len(self.bytes)?;
        }
        self.file.write_all_at(bytes, self.bytes)?;
        self.file.sync_data()
    }
}

/// Reads the last segment. Bytes of its whole lines if it can be written on; a write that was
/// cut off is put aside.
fn resume(
    last: &segment::Segment,
    state: &mut State,
    signed: &mut u64,
) -> Result<Option<u64>, AuditError> {
    let mut lines = Lines::open(&last.path)?;
    state.lines = last.first.saturating_sub(1);
    let mut before: Option<Digest> = None;
    loop {
        match lines.read_next()? {
            Next::Line(raw) => {
                let n = state.lines + 1;
                let line = raw.line().filter(|line| line.n == n);
                // The first line's place in the chain is checked by `verify`, with all of it.
                let fits = before.is_none_or(|before| before.then(&raw.json) == raw.digest);
                let Some(line) = line.filter(|_| fits) else {
                    state.damage = Some(format!("line {n} is not as it was written"));
                    return Ok(None);
                };
                before = Some(raw.digest);
                state.lines = n;
                state.digest = raw.digest;
                if let Some(chain) = line.chain
                    && let Ok(chain) = HEXLOWER.decode(chain.as_bytes())
                    && let Ok(chain) = chain.try_into()
                {
                    state.chain = chain;
                }
                if let Some(head) = line.head {
                    state.head = BASE64.decode(head.as_bytes()).ok().map(Bytes::from);
                    *signed = n;
                }
            }
            Next::Garbage => {
                state.damage = Some(format!("line {} is no line", state.lines + 1));
                return Ok(None);
            }
            Next::Torn(bytes) => {
                put_aside(last, lines.read)?;
                tracing::warn!(
                    bytes,
                    "a line of the audit log that was cut off is put aside"
                );
                return Ok(Some(lines.read));
            }
            Next::End => return Ok(Some(lines.read)),
        }
    }
}

/// Whether a segment is empty, or the write of its first line was cut off.
fn is_without_line(last: &segment::Segment) -> Result<bool, AuditError> {
    let first = Lines::open(&last.path)?.read_next()?;
    Ok(matches!(first, Next::End | Next::Torn(_)))
}

/// Puts aside what stands behind the whole lines, if anything does.
fn put_aside(last: &segment::Segment, whole: u64) -> Result<(), AuditError> {
    let fault = |e: std::io::Error| segment::io(&last.path, &e);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&last.path)
        .map_err(fault)?;
    let mut torn = Vec::new();
    file.seek(SeekFrom::Start(whole)).map_err(fault)?;
    (&mut file)
        .take(limits::AUDIT_LINE_BYTES)
        .read_to_end(&mut torn)
        .map_err(fault)?;
    if torn.is_empty() {
        return Ok(());
    }
    std::fs::write(last.path.with_extension("torn"), &torn).map_err(fault)?;
    file.set_len(whole)
        .and_then(|()| file.sync_all())
        .map_err(fault)
}

fn append_to(path: &std::path::Path) -> Result<File, AuditError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|e| segment::io(path, &e))
}

/// What stands in clear, at a length that a line has room for, and without what JSON would
/// write six times as long.
fn plain(text: &str) -> String {
    clip(text, limits::AUDIT_CLEAR_BYTES).replace(|c: char| c.is_control(), " ")
}

fn clip(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

fn sign(error: &dyn std::fmt::Display) -> AuditError {
    AuditError::Sign {
        says: error.to_string(),
    }
}

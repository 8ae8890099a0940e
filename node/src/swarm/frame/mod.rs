//! Frames on a stream: a length of four bytes, big-endian, and a body.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use liaison_protocol::id::AgencyId;
use liaison_protocol::limits::FRAME_BYTES;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::limits::{IDLE_BUFFER, READ_BUFFER, Timing, WRITE_BUFFER};
use super::link::Counters;
use super::roster::Way;
use super::{Channel, Direction, Path, SwarmError, Tap};

const HEADER: usize = 4;

/// A stream of frames to and from one peer.
pub struct FrameStream {
    reader: FrameReader,
    writer: FrameWriter,
}

impl FrameStream {
    pub(super) fn new(
        io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        context: Arc<Context>,
    ) -> Self {
        let (read, write) = io.split();
        Self {
            reader: FrameReader {
                io: Box::new(read),
                context: context.clone(),
                buffer: Vec::new(),
                start: 0,
                left: context.timing.frame_read,
            },
            writer: FrameWriter {
                io: Box::new(write),
                context,
                buffer: Vec::new(),
                start: 0,
            },
        }
    }

    /// Two ends of a pipe in memory, for tests of what speaks over streams: the first is held
    /// by someone whose peer is `second`, and the reverse.
    #[cfg(test)]
    pub(crate) fn pair(first: AgencyId, second: AgencyId, channel: Channel) -> (Self, Self) {
        use tokio_util::compat::TokioAsyncReadCompatExt;
        let (one, other) = tokio::io::duplex(READ_BUFFER);
        let context = |agency| {
            Arc::new(Context {
                number: 0,
                agency,
                channel,
                way: Way::new(Path::Direct),
                left: CancellationToken::new(),
                gone: CancellationToken::new(),
                counters: Arc::default(),
                tap: None,
                timing: Timing::default(),
                _permit: None,
            })
        };
        let first = context(first);
        (
            Self::new(one.compat(), context(second)),
            Self::new(other.compat(), first),
        )
    }

    /// The peer at the other end.
    pub fn agency(&self) -> AgencyId {
        self.reader.context.agency
    }

    /// What the stream is for.
    pub fn channel(&self) -> Channel {
        self.reader.context.channel
    }

    /// Which way it goes.
    pub fn path(&self) -> Path {
        self.reader.context.way.path
    }

    /// Cancelled when the peer can be reached a better way than this stream goes: whoever opened
    /// it closes it in order and opens another.
    pub fn left(&self) -> CancellationToken {
        self.reader.context.left.clone()
    }

    /// Whether the peer is still linked through the key that opened this stream.
    pub(super) fn is_linked(&self) -> bool {
        !self.reader.context.gone.is_cancelled()
    }

    /// See [`FrameReader::next`].
    ///
    /// # Errors
    /// As there.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, SwarmError> {
        self.reader.next().await
    }

    /// See [`FrameWriter::send`].
    ///
    /// # Errors
    /// As there.
    pub async fn send(&mut self, body: &[u8]) -> Result<(), SwarmError> {
        self.writer.send(body).await
    }

    /// See [`FrameWriter::flush`].
    ///
    /// # Errors
    /// As there.
    pub async fn flush(&mut self) -> Result<(), SwarmError> {
        self.writer.flush().await
    }

    /// See [`FrameWriter::close`].
    ///
    /// # Errors
    /// As there.
    pub async fn close(&mut self) -> Result<(), SwarmError> {
        self.writer.close().await
    }

    /// Both halves, for two tasks or one `select!`.
    pub fn split(self) -> (FrameReader, FrameWriter) {
        (self.reader, self.writer)
    }
}

/// What both halves of a stream know.
pub(super) struct Context {
    /// Tells a tap the streams apart.
    pub(super) number: u64,
    pub(super) agency: AgencyId,
    pub(super) channel: Channel,
    pub(super) way: Way,
    pub(super) left: CancellationToken,
    pub(super) gone: CancellationToken,
    pub(super) counters: Arc<Counters>,
    pub(super) tap: Option<Arc<dyn Tap>>,
    pub(super) timing: Timing,
    /// Held while either half lives: counts towards the peer's inbound streams.
    pub(super) _permit: Option<OwnedSemaphorePermit>,
}

impl Context {
    fn broken(&self, error: &io::Error) -> SwarmError {
        SwarmError::Broken {
            agency: self.agency,
            why: error.to_string(),
        }
    }

    fn tap(&self, direction: Direction, body: &[u8]) {
        self.counters.frame(direction);
        if let Some(tap) = &self.tap {
            tap.frame(self.number, &self.agency, self.channel, direction, body);
        }
    }

    fn check(&self) -> Result<(), SwarmError> {
        if self.gone.is_cancelled() {
            return Err(SwarmError::NotLinked {
                agency: self.agency,
            });
        }
        Ok(())
    }
}

/// The reading half.
pub struct FrameReader {
    io: Box<dyn AsyncRead + Send + Unpin>,
    context: Arc<Context>,
    /// Bytes read and not yet handed out, from `start` on.
    buffer: Vec<u8>,
    start: usize,
    /// How much longer we wait for the frame that has begun.
    left: Duration,
}

impl FrameReader {
    /// The next frame's body, `None` when the stream has ended between frames: the peer
    /// closed it, or its connection is gone.
    ///
    /// Cancel-safe: dropped before it is done it loses nothing, so it can stand in `select!`.
    ///
    /// # Errors
    /// [`SwarmError::FrameTooLong`] before anything is allocated for it; `FrameCut`,
    /// `FrameStalled`, `Broken`; `NotLinked` as soon as the peer is removed.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, SwarmError> {
        loop {
            self.context.check()?;
            if let Some(body) = self.take()? {
                self.context.tap(Direction::In, &body);
                return Ok(Some(body));
            }
            if self.fill().await? == 0 {
                return match self.buffer.len() - self.start {
                    0 => Ok(None),
                    found => Err(SwarmError::FrameCut {
                        agency: self.context.agency,
                        found,
                    }),
                };
            }
        }
    }

    /// A whole frame out of the buffer.
    fn take(&mut self) -> Result<Option<Vec<u8>>, SwarmError> {
        let have = self.buffer.get(self.start..).unwrap_or_default();
        let Some((header, rest)) = have.split_first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*header) as usize;
        if length > FRAME_BYTES {
            return Err(SwarmError::FrameTooLong {
                agency: self.context.agency,
                found: length as u64,
                limit: FRAME_BYTES,
            });
        }
        let Some(body) = rest.get(..length) else {
            return Ok(None);
        };
        let body = body.to_vec();
        self.start += HEADER + length;
        self.left = self.context.timing.frame_read;
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.buffer.shrink_to(IDLE_BUFFER);
            self.start = 0;
        }
        Ok(Some(body))
    }

    /// Reads some bytes; what they belong to decides whether we wait for ever.
    async fn fill(&mut self) -> Result<usize, SwarmError> {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let Self {
            io,
            context,
            buffer,
            left,
            ..
        } = self;
        let have = buffer.len();
        let room = if have == 0 { IDLE_BUFFER } else { READ_BUFFER };
        buffer.resize(have + room, 0);
        // The buffer goes back to what it held, whatever becomes of this future.
        let mut room = Room { buffer, have };
        let read = async {
            tokio::select! {
                biased;
                () = context.gone.cancelled() => {
                    Err(SwarmError::NotLinked { agency: context.agency })
                }
                read = io.read(room.free()) => read.map_err(|e| context.broken(&e)),
            }
        };
        let count = if have == 0 {
            read.await?
        } else {
            let budget = *left;
            let _spent = Spent {
                left,
                since: Instant::now(),
            };
            tokio::time::timeout(budget, read)
                .await
                .map_err(|_| SwarmError::FrameStalled {
                    agency: context.agency,
                    seconds: context.timing.frame_read.as_secs(),
                })??
        };
        room.have += count;
        context.counters.bytes(Direction::In, count);
        Ok(count)
    }
}

/// Cuts the buffer back to what has been read.
struct Room<'a> {
    buffer: &'a mut Vec<u8>,
    have: usize,
}

impl Room<'_> {
    fn free(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.have..).unwrap_or_default()
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.buffer.truncate(self.have);
    }
}

/// Takes the time waited off what is left, also when the wait is cancelled.
struct Spent<'a> {
    left: &'a mut Duration,
    since: Instant,
}

impl Drop for Spent<'_> {
    fn drop(&mut self) {
        *self.left = self.left.saturating_sub(self.since.elapsed());
    }
}

/// The writing half. Dropping it without [`close`](Self::close) resets the stream.
pub struct FrameWriter {
    io: Box<dyn AsyncWrite + Send + Unpin>,
    context: Arc<Context>,
    /// Bytes not yet written, from `start` on.
    buffer: Vec<u8>,
    start: usize,
}

impl FrameWriter {
    /// Queues a frame; small ones are gathered until [`WRITE_BUFFER`] or
    /// [`flush`](Self::flush).
    ///
    /// Cancel-safe: a cancelled `send` has not queued the frame, a finished one has.
    ///
    /// # Errors
    /// `OwnFrameTooLong`, `WriteStalled`, `Broken`, `NotLinked`.
    pub async fn send(&mut self, body: &[u8]) -> Result<(), SwarmError> {
        self.context.check()?;
        let too_long = SwarmError::OwnFrameTooLong {
            agency: self.context.agency,
            found: body.len(),
            limit: FRAME_BYTES,
        };
        if body.len() > FRAME_BYTES {
            return Err(too_long);
        }
        let header = u32::try_from(body.len())
            .map_err(|_| too_long)?
            .to_be_bytes();
        if self.buffer.len() - self.start >= WRITE_BUFFER {
            self.drain().await?;
        }
        self.buffer.extend_from_slice(&header);
        self.buffer.extend_from_slice(body);
        self.context.tap(Direction::Out, body);
        Ok(())
    }

    /// Writes out all that is queued. Cancel-safe.
    ///
    /// # Errors
    /// `WriteStalled`, `Broken`, `NotLinked`.
    pub async fn flush(&mut self) -> Result<(), SwarmError> {
        self.drain().await?;
        self.buffer.shrink_to(IDLE_BUFFER);
        let Self { io, context, .. } = self;
        within(context, io.flush()).await
    }

    /// Flushes and tells the peer that no more comes.
    ///
    /// # Errors
    /// `WriteStalled`, `Broken`, `NotLinked`.
    pub async fn close(&mut self) -> Result<(), SwarmError> {
        self.flush().await?;
        let Self { io, context, .. } = self;
        within(context, io.close()).await
    }

    async fn drain(&mut self) -> Result<(), SwarmError> {
        let Self {
            io,
            context,
            buffer,
            start,
        } = self;
        while let Some(rest) = buffer.get(*start..).filter(|rest| !rest.is_empty()) {
            let count = within(context, io.write(rest)).await?;
            if count == 0 {
                return Err(context.broken(&io::ErrorKind::WriteZero.into()));
            }
            *start += count;
            context.counters.bytes(Direction::Out, count);
        }
        buffer.clear();
        buffer.shrink_to(2 * WRITE_BUFFER);
        *start = 0;
        Ok(())
    }
}

async fn within<T>(
    context: &Context,
    write: impl Future<Output = io::Result<T>>,
) -> Result<T, SwarmError> {
    tokio::select! {
        biased;
        () = context.gone.cancelled() => Err(SwarmError::NotLinked { agency: context.agency }),
        done = tokio::time::timeout(context.timing.write_stall, write) => match done {
            Ok(done) => done.map_err(|e| context.broken(&e)),
            Err(_) => Err(SwarmError::WriteStalled {
                agency: context.agency,
                seconds: context.timing.write_stall.as_secs(),
            }),
        },
    }
}

#[cfg(test)]
mod tests;

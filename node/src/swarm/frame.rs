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

use super::limits::{READ_BUFFER, Timing, WRITE_BUFFER};
use super::link::Counters;
use super::{Channel, Direction, SwarmError, Tap};

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

    /// The peer at the other end.
    pub fn agency(&self) -> AgencyId {
        self.reader.context.agency
    }

    /// What the stream is for.
    pub fn channel(&self) -> Channel {
        self.reader.context.channel
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
    pub(super) agency: AgencyId,
    pub(super) channel: Channel,
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
            tap.frame(&self.agency, self.channel, direction, body);
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
    /// The next frame's body, `None` when the peer has closed the stream between frames.
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
            self.buffer.shrink_to(READ_BUFFER);
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
        buffer.resize(have + READ_BUFFER, 0);
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
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
    use tokio_util::compat::TokioAsyncReadCompatExt;

    use super::*;

    const AGENCY: AgencyId = AgencyId::from_bytes([9; 32]);

    fn over(size: usize, timing: Timing) -> (FrameStream, DuplexStream) {
        let (near, far) = tokio::io::duplex(size);
        let context = Context {
            agency: AGENCY,
            channel: Channel::Live,
            gone: CancellationToken::new(),
            counters: Arc::default(),
            tap: None,
            timing,
            _permit: None,
        };
        (FrameStream::new(near.compat(), Arc::new(context)), far)
    }

    fn framed(body: &[u8]) -> Vec<u8> {
        [
            &u32::try_from(body.len()).expect("short").to_be_bytes()[..],
            body,
        ]
        .concat()
    }

    #[tokio::test]
    async fn next_may_be_cancelled_at_every_byte() {
        let (mut stream, mut far) = over(1 << 20, Timing::default());
        let bodies: Vec<Vec<u8>> = (0..20u8).map(|n| vec![n; usize::from(n) * 7]).collect();
        let mut got = Vec::new();
        for byte in bodies.iter().flat_map(|b| framed(b)) {
            // Nothing is there: this one is always dropped unfinished.
            let empty = futures::future::poll_immediate(stream.next()).await;
            assert!(empty.is_none(), "{empty:?}");
            far.write_u8(byte).await.expect("write");
            if let Some(frame) = futures::future::poll_immediate(stream.next()).await {
                got.push(frame.expect("frame").expect("open"));
            }
        }
        assert_eq!(got, bodies);
    }

    #[tokio::test]
    async fn an_oversized_length_is_refused_before_anything_is_kept_for_it() {
        for length in [FRAME_BYTES as u32 + 1, u32::MAX] {
            let (mut stream, mut far) = over(64, Timing::default());
            far.write_all(&length.to_be_bytes()).await.expect("write");
            let error = stream.next().await.expect_err("refused");
            let found = u64::from(length);
            assert_eq!(
                error,
                SwarmError::FrameTooLong {
                    agency: AGENCY,
                    found,
                    limit: FRAME_BYTES
                }
            );
            assert_eq!(error.blame(), liaison_protocol::fault::Blame::Courier);
            assert!(stream.reader.buffer.capacity() <= 2 * READ_BUFFER);
        }
    }

    #[tokio::test]
    async fn a_stream_that_ends_inside_a_frame_is_told_from_one_that_ends() {
        let whole = framed(b"whole");
        for cut in 0..=whole.len() {
            let (mut stream, mut far) = over(64, Timing::default());
            far.write_all(&whole[..cut]).await.expect("write");
            drop(far);
            let first = stream.next().await;
            match cut {
                0 => assert_eq!(first, Ok(None)),
                n if n == whole.len() => {
                    assert_eq!(first, Ok(Some(b"whole".to_vec())));
                    assert_eq!(stream.next().await, Ok(None));
                }
                found => assert_eq!(
                    first,
                    Err(SwarmError::FrameCut {
                        agency: AGENCY,
                        found
                    })
                ),
            }
        }
    }

    #[tokio::test]
    async fn a_frame_that_begins_must_end_but_a_pause_between_frames_may_last() {
        let timing = Timing {
            frame_read: Duration::from_millis(30),
            ..Timing::default()
        };
        let (mut stream, mut far) = over(64, timing);
        far.write_all(&framed(b"one")).await.expect("write");
        assert!(stream.next().await.expect("frame").is_some());
        let pause = tokio::time::timeout(3 * timing.frame_read, stream.next()).await;
        assert!(pause.is_err(), "idle streams wait: {pause:?}");
        far.write_all(&[0, 0]).await.expect("write");
        // However often the wait is cancelled, it adds up.
        let stalled = async {
            loop {
                if let Ok(done) =
                    tokio::time::timeout(Duration::from_millis(4), stream.next()).await
                {
                    break done;
                }
            }
        };
        let stalled = tokio::time::timeout(Duration::from_secs(20), stalled)
            .await
            .expect("in time");
        assert!(
            matches!(stalled, Err(SwarmError::FrameStalled { .. })),
            "{stalled:?}"
        );
    }

    #[tokio::test]
    async fn a_peer_that_takes_nothing_is_given_up() {
        let timing = Timing {
            write_stall: Duration::from_millis(30),
            ..Timing::default()
        };
        let (mut stream, _far) = over(64, timing);
        stream.send(&[1; 1000]).await.expect("queued");
        let stalled = stream.flush().await;
        assert!(
            matches!(stalled, Err(SwarmError::WriteStalled { .. })),
            "{stalled:?}"
        );
    }

    #[tokio::test]
    async fn small_frames_leave_together_and_a_cancelled_flush_loses_nothing() {
        let (mut stream, mut far) = over(16, Timing::default());
        let mut expected = Vec::new();
        for n in 0..100u8 {
            stream.send(&[n]).await.expect("queued");
            expected.extend(framed(&[n]));
        }
        assert_eq!(
            stream.reader.context.counters.read().bytes_out,
            0,
            "nothing was written yet"
        );
        let mut got = vec![0; expected.len()];
        let mut filled = 0;
        while filled < got.len() {
            // Stops when the pipe is full.
            let _ = futures::future::poll_immediate(stream.flush()).await;
            filled += far.read(&mut got[filled..]).await.expect("read");
        }
        assert_eq!(got, expected);
        let too_long = stream.send(&vec![0; FRAME_BYTES + 1]).await;
        assert!(matches!(too_long, Err(SwarmError::OwnFrameTooLong { .. })));
    }
}

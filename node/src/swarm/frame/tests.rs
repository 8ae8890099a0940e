//! The framing, over a pipe in memory.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio_util::compat::TokioAsyncReadCompatExt;

use super::*;

const AGENCY: AgencyId = AgencyId::from_bytes([9; 32]);

fn over(size: usize, timing: Timing) -> (FrameStream, DuplexStream) {
    let (near, far) = tokio::io::duplex(size);
    let context = Context {
        number: 0,
        agency: AGENCY,
        channel: Channel::Live,
        way: Way::new(Path::Direct),
        left: CancellationToken::new(),
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
        frame_read: Duration::from_millis(300),
        ..Timing::default()
    };
    let (mut stream, mut far) = over(64, timing);
    far.write_all(&framed(b"one")).await.expect("write");
    assert!(stream.next().await.expect("frame").is_some());
    let pause = tokio::time::timeout(timing.frame_read * 3 / 2, stream.next()).await;
    assert!(pause.is_err(), "idle streams wait: {pause:?}");
    far.write_all(&[0, 0]).await.expect("write");
    // However often the wait is cancelled, it adds up.
    let stalled = async {
        loop {
            if let Ok(done) = tokio::time::timeout(Duration::from_millis(4), stream.next()).await {
                break done;
            }
        }
    };
    let stalled = tokio::time::timeout(Duration::from_secs(10), stalled)
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

#[tokio::test]
async fn a_pair_in_memory_talks() {
    let other = AgencyId::from_bytes([8; 32]);
    let (mut ours, mut theirs) = FrameStream::pair(AGENCY, other, Channel::Repair);
    assert_eq!((ours.agency(), theirs.agency()), (other, AGENCY));
    ours.send(b"hello").await.expect("send");
    ours.close().await.expect("close");
    assert_eq!(theirs.next().await, Ok(Some(b"hello".to_vec())));
    assert_eq!(theirs.next().await, Ok(None));
    assert_eq!(theirs.channel(), Channel::Repair);
}

//! A slow and lossy line for UDP: `slow-line LISTEN UPSTREAM DELAY_MS LOSS_PERCENT` passes what
//! comes to LISTEN on to UPSTREAM and back, each way that much later, less what is lost. For
//! kernels that have no netem.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// The largest datagram.
const DATAGRAM: usize = 65_536;

/// Datagrams under way in one direction; what is more is lost, as in any queue.
const UNDER_WAY: usize = 4_096;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [listen, upstream, delay, loss] = args.as_slice() else {
        eprintln!("slow-line LISTEN UPSTREAM DELAY_MS LOSS_PERCENT");
        return ExitCode::FAILURE;
    };
    let (Ok(upstream), Ok(delay), Ok(loss)) = (
        upstream.parse::<SocketAddr>(),
        delay.parse::<u64>(),
        loss.parse::<f64>(),
    ) else {
        eprintln!("an address, milliseconds and per cent are expected");
        return ExitCode::FAILURE;
    };
    let line = Line {
        delay: Duration::from_millis(delay),
        loss: loss / 100.0,
    };
    match line.run(listen, upstream) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Clone, Copy)]
struct Line {
    delay: Duration,
    loss: f64,
}

impl Line {
    fn run(self, listen: &str, upstream: SocketAddr) -> io::Result<()> {
        let near = Arc::new(UdpSocket::bind(listen)?);
        println!("ready");
        let mut callers: HashMap<SocketAddr, SyncSender<(Instant, Vec<u8>)>> = HashMap::new();
        let mut buffer = vec![0; DATAGRAM];
        loop {
            let (count, caller) = near.recv_from(&mut buffer)?;
            if let Entry::Vacant(unknown) = callers.entry(caller) {
                let far = Arc::new(UdpSocket::bind("0.0.0.0:0")?);
                far.connect(upstream)?;
                let (to_far, to_near) = (far.clone(), near.clone());
                // What can't be sent is lost.
                unknown.insert(late(move |d| drop(to_far.send(d))));
                let back = late(move |d| drop(to_near.send_to(d, caller)));
                std::thread::spawn(move || {
                    let mut buffer = vec![0; DATAGRAM];
                    loop {
                        // An error says that nobody listens there now; later somebody may.
                        if let Ok(count) = far.recv(&mut buffer) {
                            self.pass(&back, buffer.get(..count).unwrap_or_default());
                        }
                    }
                });
            }
            if let Some(line) = callers.get(&caller) {
                self.pass(line, buffer.get(..count).unwrap_or_default());
            }
        }
    }

    fn pass(self, line: &SyncSender<(Instant, Vec<u8>)>, datagram: &[u8]) {
        if rand::random::<f64>() >= self.loss {
            let _full = line.try_send((Instant::now() + self.delay, datagram.to_vec()));
        }
    }
}

/// Sends each datagram when it is due; all are late by the same time, so they stay in order.
fn late(send: impl Fn(&[u8]) + Send + 'static) -> SyncSender<(Instant, Vec<u8>)> {
    let (line, due) = sync_channel::<(Instant, Vec<u8>)>(UNDER_WAY);
    std::thread::spawn(move || {
        for (at, datagram) in due {
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            send(&datagram);
        }
    });
    line
}

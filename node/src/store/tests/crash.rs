//! kill -9 at a random moment: what was acknowledged is there, whole; nothing is there by
//! half.

use std::io::{BufRead, BufReader};
use std::process::{Command as Process, Stdio};

use super::*;

const DIR: &str = "LIAISON_STORE_CRASH_DIR";

/// Records of one write; all share a job counter, so that half a write would show.
const BATCH: u64 = 40;

/// Runs in a process of its own: writes until it is killed, and prints what was
/// acknowledged.
#[test]
fn child() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let store = Store::open(dir, options()).unwrap();
    let begun = store.job("crash").unwrap().unwrap_or_default();
    for batch in begun / BATCH.. {
        let from = batch * BATCH;
        let mut ops: Vec<_> = (from..from + BATCH).map(|n| insert(sized(n))).collect();
        ops.push(Op::JobProgress {
            job: "crash".into(),
            rows: from + BATCH,
        });
        let last = store.write_blocking(ops).unwrap()[BATCH as usize - 1]
            .arrival()
            .unwrap();
        println!("\nacknowledged {}", last.0);
    }
}

/// Every tenth is long, so that its bytes lie in several chunks.
fn sized(n: u64) -> NewRecord {
    record(n, if n.is_multiple_of(10) { 20_000 } else { 300 })
}

#[test]
fn every_acknowledged_record_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 0..6u64 {
        let mut child = Process::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::tests::crash::child", "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // At a random moment of a random write.
        let mut wait = 1 + rand::random::<u64>() % 12;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while let Some(Ok(line)) = lines.next() {
            if let Some(n) = line.strip_prefix("acknowledged ") {
                acknowledged = n.parse().unwrap();
                wait -= 1;
                if wait == 0 {
                    break;
                }
            }
        }
        assert_eq!(wait, 0, "the child ended by itself");
        for _ in 0..rand::random::<u32>() % 200_000 {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            if let Some(n) = line.strip_prefix("acknowledged ") {
                acknowledged = n.parse().unwrap();
            }
        }

        let store = Store::open(dir.path(), options()).unwrap();
        let last = store.last().0;
        assert!(
            last >= acknowledged,
            "round {round}: {last} of {acknowledged}"
        );
        assert_eq!(last % BATCH, 0, "round {round}: half a write");
        assert_eq!(store.job("crash").unwrap(), Some(last));
        let mut from = Arrival(1);
        while let page @ [.., _] = &store.headers(from, 1_000).unwrap()[..] {
            for (arrival, header) in page {
                assert_eq!(*arrival, from, "arrivals are dense");
                let expected = sized(arrival.0 - 1);
                assert_eq!(header.id, expected.id);
                assert_eq!(store.record(*arrival).unwrap(), Some(expected.bytes));
                assert_eq!(store.arrival_of(&header.id).unwrap(), Some(*arrival));
                from = from.next();
            }
        }
        assert_eq!(from.0, last + 1);
        store.close();
    }
}

//! The inbox of an officer, with many live referrals.

use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use liaison_node::ingest::Sealing;
use liaison_node::{Node, control};
use liaison_protocol::id::AgencyId;

use crate::federation::{home, start};
use crate::sealing::inside;
use crate::table::{Table, Work, quantile};
use crate::{Fallible, Sizes};

/// Live referrals.
const LIVE: usize = 10_000;

/// Of one write.
const WRITE: usize = 200;

/// Milliseconds that the inbox may take.
const AIM_MS: f64 = 200.0;

/// Measures a node that sent them all, before and after a restart.
pub async fn measure(sizes: &Sizes, table: &mut Table) -> Fallible<()> {
    let dir = tempfile::tempdir_in(&sizes.dir)?;
    let home = home(dir.path(), "r")?;
    let uid = std::fs::metadata(home.dir())?.uid();
    let officers = format!("[[officer]]\nuser = {uid}\nroles = [\"referral-officer\"]\n");
    std::fs::write(home.officers_path(), officers)?;
    let node = start(&home).await?;
    let work = Work::begin();
    for n in (0..LIVE).step_by(WRITE) {
        let batch = (n..n + WRITE)
            .map(|n| sealing(n, node.clock.now()))
            .collect::<Fallible<_>>()?;
        node.ingest.seal(batch, Vec::new()).await?;
    }
    table.rate("referrals sealed and on the disk", LIVE, work, None);
    filled(&node).await?;
    inbox(&node, "inbox with 10,000 live referrals", table).await?;
    node.stop().await;
    // It holds the store as long as anybody holds it.
    drop(node);
    let work = Work::begin();
    let node = start(&home).await?;
    filled(&node).await?;
    table.below("start with these", work.end().0, "s", None);
    inbox(&node, "the same after a restart", table).await?;
    node.stop().await;
    Ok(())
}

async fn inbox(node: &Node, what: &str, table: &mut Table) -> Fallible<()> {
    control::serve(node, None)?;
    let mut times = Vec::new();
    for _ in 0..20 {
        let socket = node.home.socket_path();
        let work = Work::begin();
        let answer = tokio::task::spawn_blocking(move || get(&socket, "/v1/inbox")).await??;
        times.push(work.end().0 * 1_000.0);
        let inbox: serde_json::Value = serde_json::from_slice(&answer)?;
        assert_eq!(inbox["total"], LIVE);
    }
    table.below(what, quantile(&mut times, 0.5), "ms", Some(AIM_MS));
    Ok(())
}

/// The body of an answer of the local API.
fn get(socket: &Path, path: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(socket)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: liaison\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let head = answer.windows(4).position(|w| w == b"\r\n\r\n");
    let body = head.map_or(0, |at| at + 4);
    Ok(answer.split_off(body))
}

async fn filled(node: &Node) -> Fallible<()> {
    let mut changes = node.referrals.changes();
    let all = async {
        while node.referrals.threads().len() < LIVE {
            changes.changed().await?;
        }
        Ok::<_, tokio::sync::watch::error::RecvError>(())
    };
    tokio::time::timeout(Duration::from_secs(600), all).await??;
    Ok(())
}

fn sealing(n: usize, now: liaison_protocol::clock::Millis) -> Fallible<Sealing> {
    let mut agency = [7; 32];
    agency[0] = u8::try_from(n % 200)?;
    let later = liaison_protocol::clock::Millis(now.0.saturating_add(24 * 3_600_000));
    Ok(Sealing {
        inside: inside()?,
        recipients: [AgencyId::from_bytes(agency)].into(),
        thread: None,
        respond_by: Some(later),
    })
}

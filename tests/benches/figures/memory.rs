//! Anonymous memory of a node that holds many records, in a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use liaison_node::home::Home;
use liaison_node::import::synthetic::Synthetic;

use crate::federation::{home, import, indexed, start, today};
use crate::table::Table;
use crate::{Fallible, Sizes};

/// Tells a child its home.
pub const CHILD: &str = "LIAISON_BENCH_CHILD_HOME";

/// Two readings that differ by less are the same: pages of an allocator.
const SAME_KB: u64 = 512;

/// Runs the child and reports what it printed.
pub fn measure(sizes: &Sizes, table: &mut Table) -> Fallible<()> {
    let dir = tempfile::tempdir_in(&sizes.dir)?;
    let home = home(dir.path(), "m")?;
    for (what, aim) in [
        ("RssAnon after the import", Some(250.0)),
        ("RssAnon after a restart", None),
    ] {
        let child = Command::new(std::env::current_exe()?)
            .env(CHILD, home.dir())
            .env("LIAISON_BENCH_HELD", sizes.held.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .output()?;
        let said = String::from_utf8_lossy(&child.stdout);
        let kb: f64 = said.trim().parse().map_err(|_| format!("child: {said}"))?;
        table.below(what, kb / 1024.0, "MB", aim);
    }
    Ok(())
}

/// Imports, unless an earlier child has, waits until memory stands still, and prints it in
/// kilobytes.
pub async fn child(home: PathBuf, held: usize) -> Fallible<()> {
    let node = start(&Home::at(home)).await?;
    if node.store.last().0 < held as u64 {
        import(&node, &mut Synthetic::trends(5, today()), held).await?;
    }
    indexed(&node).await?;
    let mut last = 0;
    for _ in 0..30 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = rss_anon_kb(Path::new("/proc/self/status"))?;
        if now.abs_diff(last) < SAME_KB {
            break;
        }
        last = now;
    }
    println!("{}", rss_anon_kb(Path::new("/proc/self/status"))?);
    node.stop().await;
    Ok(())
}

fn rss_anon_kb(status: &Path) -> Fallible<u64> {
    let text = std::fs::read_to_string(status)?;
    let line = text.lines().find_map(|l| l.strip_prefix("RssAnon:"));
    let number = line.and_then(|l| l.split_whitespace().next());
    Ok(number.ok_or("no RssAnon in /proc")?.parse()?)
}

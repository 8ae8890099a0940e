//! What stands in the memory of a running node, read as a debugger reads it, region by region.
//! That takes root; a core dump holds the same.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Bytes that are read at once.
const AT_ONCE: usize = 1 << 20;

/// What reserved pages are passed over by.
const PAGE: u64 = 4096;

/// Whether this test may read other processes' memory; it says so where it may not.
pub fn is_readable() -> bool {
    let root = std::fs::metadata("/proc/self").expect("proc").uid() == 0;
    if !root {
        eprintln!("SKIPPED: reading another process's memory needs root");
    }
    root
}

/// Which of these words stand in what a process may write to; what it maps of its files is not
/// its memory.
pub fn remembered<'a>(pid: u32, words: &[&'a str]) -> BTreeSet<&'a str> {
    if words.is_empty() {
        return BTreeSet::new();
    }
    // A hundred megabytes a node: a search that is not optimized takes half a minute.
    let mut grep = Command::new("grep")
        .args([
            "--text",
            "--null-data",
            "--fixed-strings",
            "--only-matching",
        ])
        .args(words.iter().flat_map(|word| ["-e", word]))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("grep");
    let to = grep.stdin.take().expect("its input");
    read(pid, to).expect("it reads to the end");
    let found = grep.wait_with_output().expect("it ends");
    assert!(matches!(found.status.code(), Some(0 | 1)), "{found:?}");
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    let is_found = |word: &str| found.split('\0').any(|line| line == word);
    words
        .iter()
        .copied()
        .filter(|word| is_found(word))
        .collect()
}

/// Writes out what a process may write to, region by region.
fn read(pid: u32, mut to: impl Write) -> std::io::Result<()> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut page = vec![0; AT_ONCE];
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (Some(range), Some(rights)) = (fields.next(), fields.next()) else {
            continue;
        };
        let file = fields.nth(3).unwrap_or_default();
        if !rights.starts_with("rw") || file.starts_with('/') {
            continue;
        }
        let bound = |text: &str| u64::from_str_radix(text, 16).expect("an address");
        let (from, end) = range.split_once('-').expect("a range");
        let (mut at, end) = (bound(from), bound(end));
        while at < end {
            let want = usize::try_from((end - at).min(AT_ONCE as u64)).expect("small");
            let part = page.get_mut(..want).expect("in bounds");
            // What was reserved and never touched can't be read.
            at += match memory.read_at(part, at) {
                Ok(read) if read > 0 => {
                    to.write_all(part.get(..read).expect("in bounds"))?;
                    read as u64
                }
                _ => PAGE,
            };
        }
        // No word begins in one region and ends in another.
        to.write_all(b"\0")?;
    }
    Ok(())
}

/// Looks again and again, the last time when so long is over, for a look takes its time; gives
/// after how long a process remembered none of these words any more, or which it still did.
///
/// # Errors
/// The words that are there at the end.
pub fn forgets<'a>(
    pid: u32,
    words: &[&'a str],
    most: Duration,
) -> Result<Duration, BTreeSet<&'a str>> {
    let shown = Instant::now();
    loop {
        let is_last = shown.elapsed() >= most;
        let left = remembered(pid, words);
        if left.is_empty() {
            return Ok(shown.elapsed());
        }
        if is_last {
            return Err(left);
        }
    }
}

//! What a process takes of the machine's memory, while it works.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two looks: shorter than what a page or a batch is held for.
const LOOK: Duration = Duration::from_millis(5);

/// Two looks that differ by less are the same: pages of an allocator.
const SAME_KB: u64 = 1024;

/// For so long it stays the same where a process has come to rest.
const REST: Duration = Duration::from_secs(2);

/// Watches a process's own memory: what it has asked for, not the files that it maps.
pub struct Footprint {
    pid: u32,
    most: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    watch: Option<JoinHandle<()>>,
}

impl Footprint {
    /// Watches from now on, until it is dropped or the process ends.
    pub fn of(pid: u32) -> Self {
        let (most, stop) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (to, until) = (most.clone(), stop.clone());
        let watch = std::thread::spawn(move || {
            while let (false, Some(kb)) = (until.load(Ordering::Relaxed), status_kb(pid, "RssAnon"))
            {
                to.fetch_max(kb, Ordering::Relaxed);
                std::thread::sleep(LOOK);
            }
        });
        Self {
            pid,
            most,
            stop,
            watch: Some(watch),
        }
    }

    /// The most that it had since the last lap, in MB; printed with what was done meanwhile.
    pub fn lap(&self, what: &str) -> f64 {
        let most = mb(self.most.swap(0, Ordering::Relaxed).max(self.now_kb()));
        println!(
            "{what}: {most:.0} MB at most, {:.0} MB now",
            mb(self.now_kb())
        );
        most
    }

    /// What it has once it stays the same, in MB.
    pub fn at_rest(&self) -> f64 {
        let (mut last, mut since) = (self.now_kb(), Instant::now());
        while since.elapsed() < REST {
            std::thread::sleep(LOOK);
            let now = self.now_kb();
            if now.abs_diff(last) > SAME_KB {
                (last, since) = (now, Instant::now());
            }
        }
        mb(last)
    }

    /// The most that it ever had in RAM, with all that it maps, in MB.
    pub fn high_water(&self) -> f64 {
        mb(status_kb(self.pid, "VmHWM").expect("it runs"))
    }

    fn now_kb(&self) -> u64 {
        status_kb(self.pid, "RssAnon").expect("it runs")
    }
}

impl Drop for Footprint {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(watch) = self.watch.take() {
            // It does nothing that could fail.
            let _ended = watch.join();
        }
    }
}

fn mb(kb: u64) -> f64 {
    kb as f64 / 1024.0
}

/// A line of a process's status, in KB; none: it has ended.
pub fn status_kb(pid: u32, line: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let rest = text
        .lines()
        .find_map(|l| l.strip_prefix(line)?.strip_prefix(':'))?;
    rest.split_whitespace().next()?.parse().ok()
}

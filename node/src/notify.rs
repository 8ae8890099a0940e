//! Tells a program of the agency's own that something is new, due or overdue: a pager, a
//! message to the duty desk. It is told what sort of thing and how many, and nothing else: no
//! content, no id, no name, because what it does with that goes over other people's networks.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::process::Command;
use tokio::sync::{Notify as Bell, watch};

use crate::limits;

/// The program, and how often it may be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NotifyConfig {
    /// The program and its first arguments; `new 2` or the like is added, one pair for each
    /// sort of thing. Empty: nobody is told.
    pub command: Vec<String>,
    /// Seconds between two runs: what happens meanwhile is counted together.
    pub every_s: u64,
}

impl Default for NotifyConfig {
    fn default() -> Self {
        Self {
            command: Vec::new(),
            every_s: 60,
        }
    }
}

/// What sort of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// A referral or step that somebody here has to look at.
    New,
    /// A deadline that comes soon.
    Due,
    /// A deadline that has passed.
    Overdue,
    /// Something that did not reach its recipient: telephone.
    Undelivered,
    /// Something for the data-protection officer.
    Alert,
}

impl Thing {
    /// As the program is told it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Due => "due",
            Self::Overdue => "overdue",
            Self::Undelivered => "undelivered",
            Self::Alert => "alert",
        }
    }
}

/// Tells the program, again and again until it ends well. Clones share it.
#[derive(Clone)]
pub struct Notify(Arc<Inner>);

struct Inner {
    config: NotifyConfig,
    waiting: Mutex<BTreeMap<Thing, u64>>,
    bell: Bell,
    fault: Mutex<Option<String>>,
}

impl Notify {
    /// Of a configuration.
    pub fn new(config: NotifyConfig) -> Self {
        Self(Arc::new(Inner {
            config,
            waiting: Mutex::default(),
            bell: Bell::new(),
            fault: Mutex::default(),
        }))
    }

    /// So many things of a sort more. Does not wait.
    pub fn tell(&self, thing: Thing, count: u64) {
        if self.0.config.command.is_empty() || count == 0 {
            return;
        }
        let mut waiting = lock(&self.0.waiting);
        let sum = waiting.entry(thing).or_default();
        *sum = sum.saturating_add(count);
        self.0.bell.notify_one();
    }

    /// Why the last run failed; none: it did not.
    pub fn fault(&self) -> Option<String> {
        lock(&self.0.fault).clone()
    }

    /// Runs the program whenever there is something, until the node stops.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let pause = Duration::from_secs(self.0.config.every_s.clamp(1, limits::NOTIFY_MAX_S));
        loop {
            tokio::select! {
                () = self.0.bell.notified() => {}
                _ = stop.changed() => return,
            }
            let things = std::mem::take(&mut *lock(&self.0.waiting));
            let fault = tokio::select! {
                fault = self.once(&things, limits::NOTIFY_MS) => fault,
                _ = stop.changed() => return,
            };
            if let Some(fault) = &fault {
                tracing::warn!("the command of [notify]: {fault}");
                // Each thing is told here once: nobody else would tell it again.
                for (thing, count) in things {
                    self.tell(thing, count);
                }
            }
            *lock(&self.0.fault) = fault;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.changed() => return,
            }
        }
    }

    /// Runs it once; why it failed. It has no environment, no input, and its output is nobody's.
    async fn once(&self, things: &BTreeMap<Thing, u64>, patience_ms: u64) -> Option<String> {
        let (program, first) = self.0.config.command.split_first()?;
        if things.is_empty() {
            return None;
        }
        let mut command = Command::new(program);
        command
            .args(first)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        for (thing, count) in things {
            command.arg(thing.as_str()).arg(count.to_string());
        }
        let patience = Duration::from_millis(patience_ms);
        match tokio::time::timeout(patience, command.status()).await {
            Ok(Ok(status)) if status.success() => None,
            Ok(Ok(status)) => Some(format!("it ended with {status}")),
            Ok(Err(error)) => Some(format!("it can't be run: {error}")),
            Err(_) => Some(format!(
                "it did not end within {} s and was killed",
                patience_ms / 1000
            )),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that appends its arguments, environment and folder to a file.
    fn program(dir: &std::path::Path, end: &str) -> (NotifyConfig, std::path::PathBuf) {
        let out = dir.join("out");
        let script = format!(
            "echo \"$@|$(env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= | wc -l)|$PWD\" >> \"$0\"; {end}"
        );
        let command = ["/bin/sh", "-c", &script, &out.to_string_lossy()]
            .map(str::to_owned)
            .to_vec();
        (
            NotifyConfig {
                command,
                every_s: 1,
            },
            out,
        )
    }

    async fn lines(out: &std::path::Path, count: usize) -> Vec<String> {
        for _ in 0..600 {
            let text = std::fs::read_to_string(out).unwrap_or_default();
            if text.lines().count() >= count {
                return text.lines().map(str::to_owned).collect();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{count} runs did not come");
    }

    #[tokio::test]
    async fn it_is_told_what_sort_and_how_many_and_nothing_else() {
        let dir = tempfile::tempdir().expect("folder");
        let (config, out) = program(dir.path(), "exit 0");
        let notify = Notify::new(config);
        let (stop, stopped) = watch::channel(false);
        // Before it runs: what comes together is told together.
        notify.tell(Thing::New, 2);
        notify.tell(Thing::Overdue, 1);
        notify.tell(Thing::New, 1);
        notify.tell(Thing::Due, 0);
        let running = tokio::spawn(notify.clone().run(stopped));
        assert_eq!(lines(&out, 1).await, ["new 3 overdue 1|0|/"]);
        notify.tell(Thing::Alert, 1);
        assert_eq!(lines(&out, 2).await[1], "alert 1|0|/");
        assert_eq!(notify.fault(), None);
        stop.send_replace(true);
        running.await.expect("it stops");
    }

    #[tokio::test]
    async fn what_fails_is_told() {
        let dir = tempfile::tempdir().expect("folder");
        let (config, out) = program(dir.path(), "exit 3");
        let notify = Notify::new(config);
        let things = BTreeMap::from([(Thing::New, 1)]);
        let fault = notify.once(&things, 20_000).await.expect("it fails");
        assert!(fault.contains('3'), "{fault}");
        assert_eq!(lines(&out, 1).await.len(), 1);
        let none = NotifyConfig {
            command: vec!["/nonexistent/pager".into()],
            every_s: 1,
        };
        let fault = Notify::new(none)
            .once(&things, 20_000)
            .await
            .expect("it fails");
        assert!(fault.contains("can't be run"), "{fault}");
    }

    #[tokio::test]
    async fn what_was_not_told_is_told_with_what_comes_next() {
        let dir = tempfile::tempdir().expect("folder");
        let end = "[ $(wc -l < \"$0\") -gt 1 ]";
        let (config, out) = program(dir.path(), end);
        let notify = Notify::new(config);
        let (stop, stopped) = watch::channel(false);
        notify.tell(Thing::New, 2);
        let running = tokio::spawn(notify.clone().run(stopped));
        assert_eq!(lines(&out, 1).await, ["new 2|0|/"]);
        assert_eq!(lines(&out, 2).await[1], "new 2|0|/");
        // Told: not again.
        notify.tell(Thing::Due, 1);
        assert_eq!(lines(&out, 3).await[2], "due 1|0|/");
        assert_eq!(notify.fault(), None);
        stop.send_replace(true);
        running.await.expect("it stops");
    }

    #[tokio::test]
    async fn one_that_does_not_end_is_killed() {
        let dir = tempfile::tempdir().expect("folder");
        let (config, out) = program(dir.path(), "exec sleep 600");
        let things = BTreeMap::from([(Thing::New, 1)]);
        let fault = Notify::new(config).once(&things, 2_000).await;
        assert!(fault.is_some_and(|says| says.contains("killed")));
        assert_eq!(lines(&out, 1).await, ["new 1|0|/"]);
    }
}

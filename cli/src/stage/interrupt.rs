//! What becomes of a stage whose person types ^C: its nodes end with the program, and their folder
//! goes as well, unless it was to be kept.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// What a program ends with that was interrupted, as shells count: 128 and the signal's number.
const INTERRUPTED: i32 = 130;

/// Times that the folder is taken away: the nodes still run, and may write while it goes.
const TRIES: usize = 100;

/// Looks out for ^C and other wishes to end, until [`Lookout::end`].
pub struct Lookout {
    over: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Lookout {
    /// Begins. When a wish comes, the folder is taken away, but with `keep`, and the program ends.
    ///
    /// # Errors
    /// The operating system gives no thread or signals.
    pub fn begin(dir: &Path, keep: bool) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (over, is_over) = oneshot::channel();
        let dir = dir.to_owned();
        // Registered before this returns: no ^C falls between.
        let guard = runtime.enter();
        let mut wishes = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ]
        .into_iter()
        .map(signal)
        .collect::<std::io::Result<Vec<_>>>()?;
        drop(guard);
        let wished = async move {
            let wishes = wishes.iter_mut().map(|wish| Box::pin(wish.recv()));
            futures::future::select_all(wishes).await;
        };
        let watch = move || {
            let ends = runtime.block_on(async {
                tokio::select! {
                    () = wished => true,
                    _ = is_over => false,
                }
            });
            if ends {
                leave(dir, keep);
            }
        };
        let thread = std::thread::Builder::new()
            .name("interrupt".into())
            .spawn(watch)?;
        Ok(Self { over, thread })
    }

    /// Nothing is left to take away.
    pub fn end(self) {
        let _over = self.over.send(());
        // If it is taking the folder away just now, it ends the program.
        let _ended = self.thread.join();
    }
}

fn leave(dir: PathBuf, keep: bool) -> ! {
    let says = if keep {
        format!("Stopped. Kept: {}", dir.display())
    } else if gone(&dir) {
        "Stopped. Nothing of it is left.".to_owned()
    } else {
        format!("Stopped. Delete what is left: {}", dir.display())
    };
    let _read = writeln!(std::io::stderr(), "\n{says}");
    std::process::exit(INTERRUPTED)
}

fn gone(dir: &Path) -> bool {
    (0..TRIES).any(|_| match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => false,
        _ => !dir.exists(),
    })
}

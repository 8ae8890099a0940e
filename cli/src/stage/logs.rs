//! Each node's threads carry its name, and write into a log of that name.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The log of a node on a stage in this folder.
pub fn log_of(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.log"))
}

/// Begins a log for each of these nodes.
pub fn by_thread<'a>(dir: &Path, names: impl Iterator<Item = &'a str>) {
    let files = names
        .filter_map(|name| Some((name.to_owned(), File::create(log_of(dir, name)).ok()?)))
        .map(|(name, file)| (name, Arc::new(Mutex::new(file))))
        .collect();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // Where something else in this process logs already, it goes on doing so.
    let _already = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(Logs(files))
        .try_init();
}

/// The files, each with the name of its threads.
struct Logs(Vec<(String, Arc<Mutex<File>>)>);

/// The log of the thread that asked for it; none: its lines are dropped.
struct Log(Option<Arc<Mutex<File>>>);

impl MakeWriter<'_> for Logs {
    type Writer = Log;
    fn make_writer(&self) -> Log {
        let thread = std::thread::current();
        let mut files = self.0.iter();
        let file = files.find(|(name, _)| thread.name() == Some(name.as_str()));
        Log(file.map(|(_, file)| file.clone()))
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match &self.0 {
            Some(file) => file
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .write(bytes),
            None => Ok(bytes.len()),
        }
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

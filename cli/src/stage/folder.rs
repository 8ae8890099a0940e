//! The folder in which a stage stands: a temporary one that leaves nothing behind, unless
//! something went wrong or it is asked to stay.

use std::path::{Path, PathBuf};

use super::Trouble;
use super::interrupt::Lookout;
use crate::error::CommandError;
use crate::output::Ui;

/// Bytes of a temporary folder's path: with the folder of a node and its socket below it,
/// the whole stays under the 107 bytes that the kernel allows.
const TEMP_PATH_BYTES: usize = 60;

/// Plays something in a folder of its own; with `keep` the folder stays. Where the nodes broke
/// down it stays as well, and the log that tells why is named. ^C takes it away and ends the program.
///
/// # Errors
/// What `play` gives, or there is no folder.
pub fn in_folder<T>(
    ui: &mut Ui,
    keep: bool,
    play: impl FnOnce(&mut Ui, &Path) -> Result<T, Trouble>,
) -> Result<T, CommandError> {
    if std::env::var_os("SSLKEYLOGFILE").is_some() {
        return Err(CommandError::failed(
            "SSLKEYLOGFILE is set: the session keys of every connection would be written to disk",
            "unset it, then start again",
        ));
    }
    // A socket's path has to be short; a long TMPDIR would not leave room for it.
    let short = |dir: &PathBuf| dir.as_os_str().len() <= TEMP_PATH_BYTES;
    let base = Some(std::env::temp_dir()).filter(short);
    let base = base.unwrap_or_else(|| PathBuf::from("/tmp"));
    let folder = tempfile::Builder::new()
        .prefix("liaison-")
        .tempdir_in(base)
        .map_err(|e| {
            CommandError::failed(
                format!("there is no room for the nodes: {e}"),
                "name a folder that you may write to in TMPDIR",
            )
        })?;
    let lookout = Lookout::begin(folder.path(), keep).map_err(|e| {
        CommandError::failed(
            format!("the system gives no thread to look out for ^C: {e}"),
            "end other programs, then start it again",
        )
    })?;
    let played = play(ui, folder.path());
    lookout.end();
    let dir = folder.path().display().to_string();
    // Where the reader of the output went away, or a person had enough, no node broke down.
    let broke = matches!(&played, Err(trouble) if !matches!(trouble.error, CommandError::Closed));
    if keep || broke {
        let _path = folder.keep();
    }
    match played {
        Ok(done) => {
            if keep {
                ui.note(&format!("Kept: {dir}"))?;
            }
            Ok(done)
        }
        Err(Trouble { error, .. }) if !broke => Err(error),
        Err(Trouble { error, log }) => {
            let log = log.map_or_else(|| format!("{dir}/*.log"), |l| l.display().to_string());
            ui.note(&format!("The nodes' logs were kept; read {log}"))?;
            Err(error)
        }
    }
}

//! `liaison backup`.

use std::fs::{self, File, OpenOptions};
use std::io::BufWriter;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use liaison_node::backup::{Checked, Entries, Entry, Manifest, Opener, Sealer, check};
use liaison_node::control::api::{BackupRequest, Part};
use serde_json::{Value, json};

use super::Context;
use crate::error::{CommandError, Outcome};
use crate::output::{Ui, clean, comma, plural, when};
use crate::secret::SecretArgs;

/// Back the node up into one encrypted file, while it runs
///
/// The file holds the records as they are at one moment, the ledger, cards, peers, policy,
/// configuration and audit log; not the keys, unless you say so, and never the keyring, without
/// which no sealed record can be read: it has an archive of its own. The search index is left
/// out: it is made anew.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_long_help = "\
Examples:
  liaison backup /media/usb/liaison-2031-03-02.backup
  liaison backup --key-file /etc/liaison/backup.key /var/backups/liaison.backup
  liaison backup --only-keys /media/safe/keys.backup       the keys, in an archive of their own
  liaison backup --keyring /media/safe/keyring.backup      what makes sealed records readable
  liaison backup verify /var/backups/liaison.backup

`liaison restore FILE --home DIR` makes a node of it again. Without the passphrase or key file
nobody can, you included: keep it apart from the backup.

A keyring archive opens, together with the keyring's master key, every sealed record that was not
erased when it was made. Keep few of them, and delete them when the next one is made.")]
pub struct BackupArgs {
    #[command(subcommand)]
    command: Option<BackupCommand>,
    /// File to write; it must not exist
    #[arg(required = true)]
    file: Option<PathBuf>,
    /// The keys as well: whoever opens the file can speak in your agency's name
    #[arg(long, conflicts_with = "only_keys")]
    with_keys: bool,
    /// The keys alone
    #[arg(long)]
    only_keys: bool,
    /// The keyring alone: whoever opens it, and has its master key, can read sealed records
    #[arg(long, conflicts_with_all = ["with_keys", "only_keys"])]
    keyring: bool,
    #[command(flatten)]
    secret: SecretArgs,
}

/// Of `backup`.
#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Read a backup to its end, and say what it holds; changes nothing
    #[command(
        after_long_help = "Example:\n  liaison backup verify /media/usb/liaison-2031-03-02.backup"
    )]
    Verify {
        /// The backup
        file: PathBuf,
        #[command(flatten)]
        secret: SecretArgs,
    },
}

/// Makes one, or looks at one.
pub fn run(context: &mut Context, args: BackupArgs) -> Outcome {
    match (args.command, args.file) {
        (Some(BackupCommand::Verify { file, secret }), _) => verify(context.ui, &file, &secret),
        (None, Some(file)) => {
            let part = match (args.with_keys, args.only_keys, args.keyring) {
                (true, ..) => Part::WithKeys,
                (_, true, _) => Part::KeysOnly,
                (.., true) => Part::KeyringOnly,
                _ => Part::WithoutKeys,
            };
            make(context, &file, part, &args.secret)
        }
        (None, None) => Err(CommandError::usage(
            "which file is to be written?",
            "liaison backup FILE",
        )),
    }
}

fn make(context: &mut Context, file: &Path, part: Part, secret: &SecretArgs) -> Outcome {
    let client = context.client()?;
    if file.exists() {
        return Err(CommandError::failed(
            format!("{} exists already and is left as it is", file.display()),
            "choose another name",
        ));
    }
    let secret = secret.read(context.ui, true)?;
    let mut beside = file.as_os_str().to_owned();
    beside.push(".unfinished");
    let beside = PathBuf::from(beside);
    let write = |source| CommandError::File {
        what: "write",
        path: beside.clone(),
        source,
    };
    let open = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .map_err(write)?;
    let bar = bar(context.ui);
    let mut entries = Entries::default();
    let mut whole = Whole::default();
    let failed = |e: String| CommandError::failed(e, "nothing was backed up; type it again");
    let sealed = (|| {
        let mut sealer =
            Sealer::new(BufWriter::new(&open), &secret).map_err(|e| failed(e.to_string()))?;
        client.download("/v1/backup", &BackupRequest { part }, |bytes| {
            sealer.write(bytes).map_err(|e| failed(e.to_string()))?;
            entries.feed(bytes);
            while let Some(entry) = entries.next_entry().map_err(|e| failed(e.to_string()))? {
                whole.take(&entry);
                step(&bar, &entry);
            }
            Ok(())
        })?;
        sealer.finish().map_err(|e| failed(e.to_string()))?;
        open.sync_all().map_err(write)?;
        whole
            .checked()
            .ok_or_else(|| failed("the node broke the backup off; its log says why".to_owned()))
    })();
    bar.finish_and_clear();
    let held = match sealed {
        Ok(held) => held,
        Err(error) => {
            // What is unfinished is no backup, and looks like one.
            let _gone = fs::remove_file(&beside);
            return Err(error);
        }
    };
    fs::rename(&beside, file).map_err(write)?;
    let bytes = fs::metadata(file).map_or(0, |about| about.len());
    let place = file.display().to_string();
    let mut value = json_of(&held);
    if let Value::Object(fields) = &mut value {
        fields.insert("file".into(), json!(place));
        fields.insert("bytes".into(), json!(bytes));
    }
    let keys = match part {
        Part::WithoutKeys => {
            "It holds no keys: `liaison backup --only-keys FILE` keeps them apart; and no keyring, without which no sealed record can be read: `liaison backup --keyring FILE`.\n"
        }
        Part::KeyringOnly => {
            "It holds the keyring: with its master key it opens every sealed record held here now. Lock it away from that key, and delete older ones: what is erased later is still in them.\n"
        }
        _ => "It holds the agency's keys: whoever opens it can speak in its name. Lock it away.\n",
    };
    context.ui.either(&value, |_| {
        format!(
            "Backed up to {place}, {} KiB: {}{keys}",
            comma(bytes.div_ceil(1024)),
            text(&held)
        )
    })
}

fn verify(ui: &mut Ui, file: &Path, secret: &SecretArgs) -> Outcome {
    let secret = secret.read(ui, false)?;
    let opener = open(file, &secret)?;
    let bar = bar(ui);
    let checked = check(opener, |entry| step(&bar, entry));
    bar.finish_and_clear();
    let held = checked.map_err(|e| CommandError::Malformed {
        place: file.display().to_string(),
        says: e.to_string(),
        remedy: "use another copy of the backup, and make a new one".into(),
    })?;
    ui.either(&json_of(&held), |_| format!("Whole: {}", text(&held)))
}

/// A backup to be read.
///
/// # Errors
/// It can't be read, or is none.
pub fn open(
    file: &Path,
    secret: &liaison_node::backup::Secret,
) -> Result<Opener<File>, CommandError> {
    let open = File::open(file).map_err(|source| CommandError::File {
        what: "read",
        path: file.to_path_buf(),
        source,
    })?;
    Opener::new(open, secret).map_err(|e| CommandError::Malformed {
        place: file.display().to_string(),
        says: e.to_string(),
        remedy: "check the name of the file, and its passphrase or key file".into(),
    })
}

/// A line that shows how many rows and files were read.
pub fn bar(ui: &Ui) -> ProgressBar {
    if !ui.err_terminal || ui.json {
        return ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{spinner} {human_pos} rows {msg} {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style)
}

/// Moves it on.
pub fn step(bar: &ProgressBar, entry: &Entry) {
    match entry {
        Entry::Rows(rows) => bar.inc(rows.len() as u64),
        Entry::File { path, .. } => bar.set_message(clean(path)),
        Entry::Manifest(_) | Entry::End { .. } => bar.tick(),
    }
}

/// What a backup holds, for `--json`.
pub fn json_of(held: &Checked) -> Value {
    let Manifest {
        agency,
        name,
        made,
        arrivals,
        part,
        software,
        ..
    } = &held.manifest;
    json!({
        "agency": agency.full(),
        "name": name,
        "made": liaison_node::control::text::rfc3339(*made),
        "arrivals": arrivals,
        "part": part,
        "software": software,
        "rows": held.rows,
        "files": held.files,
    })
}

/// The same in words.
pub fn text(held: &Checked) -> String {
    let manifest = &held.manifest;
    let made = when(&liaison_node::control::text::rfc3339(manifest.made));
    let what = match manifest.part {
        Part::KeysOnly => "the keys".to_owned(),
        Part::KeyringOnly => "the keyring".to_owned(),
        Part::WithKeys | Part::WithoutKeys => plural(manifest.arrivals, "arrival", "arrivals"),
    };
    format!(
        "{} at {made}: {what}, {}.\n",
        clean(&manifest.name),
        plural(held.files, "file", "files")
    )
}

#[derive(Default)]
struct Whole {
    manifest: Option<Manifest>,
    rows: u64,
    files: u64,
    ended: bool,
}

impl Whole {
    fn take(&mut self, entry: &Entry) {
        match entry {
            Entry::Manifest(manifest) => self.manifest = Some(manifest.clone()),
            Entry::Rows(rows) => self.rows += rows.len() as u64,
            Entry::File { first, .. } => self.files += u64::from(*first),
            Entry::End { rows, files } => {
                self.ended = (*rows, *files) == (self.rows, self.files);
            }
        }
    }

    fn checked(self) -> Option<Checked> {
        let manifest = self.manifest.filter(|_| self.ended)?;
        Some(Checked {
            manifest,
            rows: self.rows,
            files: self.files,
        })
    }
}

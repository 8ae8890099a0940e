//! `liaison bundle`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use liaison_node::control::api::{
    BundleBegun, BundlePackReport, BundlePackRequest, BundleRequest, BundleWrittenRequest,
    ParcelOpened,
};
use liaison_protocol::parcel::Parcel;
use liaison_protocol::parcel::bundle::{BundleFault, Reader, Writer};

use super::Context;
use crate::client::Client;
use crate::error::{CommandError, Outcome};
use crate::output::{Ui, parcels};

/// Exchange records in files, with agencies whose network has a gap.
#[derive(Debug, Subcommand)]
pub enum BundleCommand {
    Pack(PackArgs),
    Unpack(UnpackArgs),
}

/// Pack what an agency lacks and may have into one sealed file
///
/// The file holds what a connection would have brought, under the same policy: retractions first,
/// then what is about persons, then the rest; and what became of the bundles that came from there.
/// Only that agency's node opens it, within 30 days. The ledger says `bundle` of each record, and
/// that it arrived once a bundle from there says so.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison bundle pack --to qo-ngo /media/usb/for-qo-ngo.bundle
  liaison bundle pack --to qo-ngo - | ssh gateway 'cat > qo-ngo.bundle'
  liaison bundle pack --to qo-ngo --again /media/usb/second-copy.bundle   the first one was lost

What an earlier bundle holds is not packed again until that one ends or its answer comes; --again
packs it all the same. Nothing is lost by unpacking something twice.")]
pub struct PackArgs {
    /// For whom: its local name
    #[arg(long, value_name = "PEER")]
    to: String,
    /// File to write; it must not exist. `-` is standard output
    file: PathBuf,
    /// Also what an earlier bundle holds and was not answered
    #[arg(long)]
    again: bool,
}

/// Take in what an agency packed for this one
///
/// Each parcel is checked, opened and taken in as if its sender had brought it, under your own
/// policy. A copy that was cut short gives what is whole; copy it again and unpack it again, and
/// it goes on from there. What was opened before is left alone. Exits 1 if not all went well.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison bundle unpack /media/usb/for-qo-ngo.bundle
  cat for-qo-ngo.bundle | liaison bundle unpack -

Then `liaison bundle pack --to PEER FILE` for the way back: it tells the sender what arrived.")]
pub struct UnpackArgs {
    /// The bundle; `-` is standard input
    file: PathBuf,
}

/// Packs or unpacks.
pub fn run(context: &mut Context, command: BundleCommand) -> Outcome {
    match command {
        BundleCommand::Pack(args) => pack(context, &args),
        BundleCommand::Unpack(args) => unpack(context, &args),
    }
}

fn pack(context: &mut Context, args: &PackArgs) -> Outcome {
    let client = context.client()?;
    let to_stdout = args.file == Path::new("-");
    if !to_stdout && args.file.exists() {
        return Err(CommandError::failed(
            format!(
                "{} exists already and is left as it is",
                args.file.display()
            ),
            "choose another name",
        ));
    }
    if to_stdout && context.ui.json {
        return Err(CommandError::usage(
            "the bundle and the report can't both go to standard output",
            "leave --json out, or name a file",
        ));
    }
    let request = BundleRequest {
        to: args.to.clone(),
    };
    let begun: BundleBegun = client.post("/v1/bundles", &request)?;
    let Some(first) = next(&client, args, &begun)? else {
        let report = BundlePackReport {
            to: begun.to,
            ..BundlePackReport::default()
        };
        if to_stdout {
            let text = parcels::packed(&report, "-");
            return context.ui.note(&text);
        }
        return context.ui.either(&report, |_| parcels::packed(&report, ""));
    };
    let bar = bar(context.ui);
    let mut all = Packing {
        client: &client,
        args,
        begun: &begun,
        first: Some(first),
        ids: Vec::new(),
    };
    let written = if to_stdout {
        all.write(context.ui.writer(), &bar)
    } else {
        file(&args.file, |out| all.write(out, &bar))
    };
    bar.finish_and_clear();
    written?;
    let written = BundleWrittenRequest {
        to: args.to.clone(),
        parcels: all.ids,
    };
    let report: BundlePackReport = client.post("/v1/bundles/written", &written)?;
    let place = args.file.display().to_string();
    if to_stdout {
        let text = parcels::packed(&report, "the output");
        return context.ui.note(&text);
    }
    context
        .ui
        .either(&report, |_| parcels::packed(&report, &place))
}

struct Packing<'a> {
    client: &'a Client,
    args: &'a PackArgs,
    begun: &'a BundleBegun,
    /// The first parcel: without one there is no bundle.
    first: Option<Parcel>,
    ids: Vec<String>,
}

impl Packing<'_> {
    fn write(&mut self, out: &mut dyn Write, bar: &ProgressBar) -> Result<(), CommandError> {
        let mut bundle = Writer::new(out).map_err(not_written)?;
        let mut parcel = self.first.take();
        while let Some(one) = parcel {
            bundle.push(&one).map_err(not_written)?;
            self.ids.push(one.id().full());
            bar.inc(one.bytes().len() as u64);
            parcel = next(self.client, self.args, self.begun)?;
        }
        bundle.finish().map_err(not_written)?;
        Ok(())
    }
}

fn next(
    client: &Client,
    args: &PackArgs,
    begun: &BundleBegun,
) -> Result<Option<Parcel>, CommandError> {
    let request = BundlePackRequest {
        to: args.to.clone(),
        first: begun.first,
        again: args.again,
    };
    let mut bytes = Vec::new();
    client.download("/v1/bundles/pack", &request, |some| {
        bytes.extend_from_slice(some);
        Ok(())
    })?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let parcel = Parcel::from_bytes(bytes.into());
    parcel.map(Some).map_err(|fault| CommandError::Answer {
        path: "/v1/bundles/pack".into(),
        why: fault.to_string(),
    })
}

/// Writes a file beside, and gives it its name when it is whole and on the disk.
fn file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".unfinished");
    let beside = PathBuf::from(beside);
    let failed = |source| CommandError::File {
        what: "write",
        path: beside.clone(),
        source,
    };
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let open = options.open(&beside).map_err(failed)?;
    let written = (|| {
        let mut out = BufWriter::new(&open);
        write(&mut out)?;
        out.flush().map_err(failed)?;
        drop(out);
        open.sync_all().map_err(failed)?;
        fs::rename(&beside, path).map_err(failed)
    })();
    if written.is_err() {
        // What is unfinished is no bundle, and looks like one.
        let _gone = fs::remove_file(&beside);
    }
    written
}

fn not_written(fault: BundleFault) -> CommandError {
    CommandError::failed(
        fault.to_string(),
        "mend that and pack again; what was packed is packed anew",
    )
}

fn unpack(context: &mut Context, args: &UnpackArgs) -> Outcome {
    let client = context.client()?;
    let place = args.file.display().to_string();
    let (size, done) = if args.file == Path::new("-") {
        let limit = crate::limits::BUNDLE_INPUT_BYTES;
        let bytes = crate::input::read(context.ui, &args.file, limit)?;
        let bar = sized(context.ui, bytes.len() as u64);
        (bar.clone(), take(&client, &place, bytes.as_slice(), &bar))
    } else {
        let open = |source| CommandError::File {
            what: "read",
            path: args.file.clone(),
            source,
        };
        let file = File::open(&args.file).map_err(open)?;
        let length = file.metadata().map_or(0, |about| about.len());
        let bar = sized(context.ui, length);
        (
            bar.clone(),
            take(&client, &place, BufReader::new(file), &bar),
        )
    };
    size.finish_and_clear();
    let unpacked = done?;
    context
        .ui
        .either(&unpacked, |style| parcels::unpacked(style, &unpacked))?;
    if unpacked.faults.is_empty() {
        Ok(())
    } else {
        Err(CommandError::Partial)
    }
}

/// Has the node open one parcel after another.
fn take(
    client: &Client,
    place: &str,
    input: impl Read,
    bar: &ProgressBar,
) -> Result<parcels::Unpacked, CommandError> {
    let malformed = |fault: BundleFault| match fault {
        BundleFault::Io(source) => CommandError::File {
            what: "read",
            path: place.into(),
            source,
        },
        fault => CommandError::Malformed {
            place: place.to_owned(),
            says: fault.to_string(),
            remedy: "check the name of the file, or copy it again".into(),
        },
    };
    let mut bundle = Reader::new(input).map_err(malformed)?;
    let mut all = parcels::Unpacked::default();
    loop {
        let parcel = match bundle.next_parcel() {
            Ok(Some(parcel)) => parcel,
            Ok(None) => {
                all.whole = all.faults.is_empty();
                return Ok(all);
            }
            Err(BundleFault::Io(source)) if source.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(malformed(BundleFault::Io(source)));
            }
            Err(fault) => {
                all.faults.push(fault.to_string());
                if fault.is_passing() {
                    continue;
                }
                return Ok(all);
            }
        };
        let bytes = parcel.into_bytes().to_vec();
        match client.post_bytes::<ParcelOpened>("/v1/bundles/open", bytes) {
            Ok(opened) => add(&mut all, opened),
            Err(CommandError::Api(error)) if error.code == "refused" => {
                let remedy = error.remedy.clone().unwrap_or_default();
                let says = format!("parcel {}: {error}: {remedy}", bundle.parcels());
                all.faults.push(says);
            }
            Err(error) => return Err(error),
        }
        bar.set_position(bundle.at());
    }
}

fn add(all: &mut parcels::Unpacked, opened: ParcelOpened) {
    if !all.from.contains(&opened.from) {
        all.from.push(opened.from);
    }
    if opened.again {
        all.again += 1;
        return;
    }
    all.opened += 1;
    all.stored += opened.stored;
    all.refused += opened.refused;
    all.later += opened.later;
    all.answers += opened.answers;
}

fn bar(ui: &Ui) -> ProgressBar {
    if !ui.err_terminal || ui.json {
        return ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{spinner} {bytes} packed {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style)
}

fn sized(ui: &Ui, bytes: u64) -> ProgressBar {
    if !ui.err_terminal || ui.json {
        return ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{bar:30} {bytes} of {total_bytes} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr()).with_style(style)
}

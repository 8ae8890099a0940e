//! Taking a step: what all of them have in common.

use std::time::{Duration, Instant};

use clap::Args;
use liaison_node::control::api::{
    DeskView, InboxReport, PeerCardView, RecordView, ReferralView, StepReport, StepRequest,
};

use super::path;
use crate::client::{Client, segment};
use crate::commands::{Context, card};
use crate::error::{CommandError, Outcome};
use crate::limits;
use crate::node::{Clock, SystemClock, telephone};
use crate::output::referral;

/// What every step takes.
#[derive(Debug, Args)]
pub struct Common {
    /// The referral's id, or the beginning of it
    pub id: String,
    /// Add a word to the other side: it is asked for, or read from standard input. Never who
    /// the person is, nor what was done to them
    #[arg(long)]
    pub note: bool,
    /// Why you do this though it is not assigned to you; the data-protection officer is told
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// Only say what would happen
    #[arg(long)]
    pub dry_run: bool,
    /// Don't ask
    #[arg(long)]
    pub yes: bool,
}

/// Takes a step. With a question, what would happen is shown first and a person is asked.
pub fn take(
    context: &mut Context,
    common: Common,
    mut request: StepRequest,
    question: Option<&str>,
) -> Outcome {
    let client = context.client()?;
    if common.note && request.note.is_none() {
        request.note = Some(note(context, "A word to the other side:")?);
    }
    request.why.clone_from(&common.why);
    let to = path(&common.id, "/steps", None);
    if let Some(question) = question
        && !common.dry_run
        && context.ui.asks(common.yes)?
    {
        let preview = StepRequest {
            dry_run: true,
            ..request.clone()
        };
        let preview: StepReport = client.post(&to, &preview)?;
        let text = referral::preview(&context.ui.err_style, &preview);
        context.ui.note(&text)?;
        context.ui.sure(question, false, "nothing was done")?;
    }
    request.dry_run = common.dry_run;
    let mut report: StepReport = client.post(&to, &request)?;
    if report.id.is_some() && !report.delivered {
        report.delivered = delivered(&client, &report.referral)?;
    }
    let desk = if report.id.is_some() && !report.delivered {
        whom_to_call(&client, &report.peer)
    } else {
        None
    };
    context.ui.either(&report, |style| {
        referral::step(style, &report, desk.as_ref())
    })
}

/// Waits some seconds for the other agency's node to have everything.
fn delivered(client: &Client, id: &str) -> Result<bool, CommandError> {
    let end = Instant::now() + Duration::from_secs(limits::STEP_WAIT_S);
    loop {
        std::thread::sleep(Duration::from_millis(limits::WAIT_LOOK_MS));
        let inbox: InboxReport = client.get("/v1/inbox")?;
        let row = inbox.rows.iter().find(|row| row.id == id);
        match row {
            Some(row) if row.undelivered => {}
            Some(_) => return Ok(true),
            // What is over is on no list: it is looked at itself.
            None => match client.get::<ReferralView>(&path(id, "", None)) {
                Ok(view) if !view.undelivered => return Ok(true),
                Err(_) if is_taken_back(client, id) => return Ok(true),
                Ok(_) | Err(_) => {}
            },
        }
        if Instant::now() >= end {
            return Ok(false);
        }
    }
}

/// Whether a referral is gone from here because it was taken back, and everybody who had it from
/// us has said that it is erased. What we had from its originator goes when the originator, who
/// has heard of the step, takes it back.
fn is_taken_back(client: &Client, id: &str) -> bool {
    let view: Result<RecordView, _> = client.get(&format!("/v1/records/{}", segment(id)));
    view.is_ok_and(|view| {
        let all = view.recipients.iter().all(|r| r.erased.is_some());
        view.retracted_by.is_some() && all
    })
}

/// Whom to telephone at a peer now, from its card.
pub fn whom_to_call(client: &Client, peer: &str) -> Option<DeskView> {
    let path = format!("/v1/peers/{}/card", segment(peer));
    let view: PeerCardView = client.get(&path).ok()?;
    let card = card::parse(peer, &view.card).ok()?;
    telephone(card.contact()?, SystemClock.now()).map(DeskView::from)
}

/// A text about a person: never an argument, which other users of the machine could read.
pub fn note(context: &mut Context, question: &str) -> Result<String, CommandError> {
    if context.ui.interactive {
        return context.ui.line(question, true);
    }
    let bytes = context.ui.read_input(limits::NOTE_BYTES)?;
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.map(|text| text.trim().to_owned());
    text.filter(|text| !text.is_empty()).ok_or_else(|| {
        CommandError::usage(
            "the note is missing, too long, or no UTF-8 text",
            "write it on standard input: echo 'a quiet room' | liaison refer …",
        )
    })
}

/// One of a closed list: as it was given, or asked for with what each means.
pub fn choice(
    context: &mut Context,
    given: Option<String>,
    flag: &str,
    question: &str,
    list: &[(&str, &str)],
) -> Result<String, CommandError> {
    match given {
        Some(given) => Ok(given),
        None if context.ui.interactive => context.ui.pick(question, list),
        None => {
            let codes: Vec<&str> = list.iter().map(|(code, _)| *code).collect();
            Err(CommandError::usage(
                format!("{flag} is missing"),
                format!("give one of: {}", codes.join(", ")),
            ))
        }
    }
}

/// A closed list with its labels, for [`choice`].
macro_rules! listed {
    ($codes:ty) => {
        <$codes>::ALL
            .iter()
            .map(|code| (code.as_str(), code.label()))
            .collect::<Vec<(&str, &str)>>()
    };
}
pub(super) use listed;

/// A step with nothing given yet.
pub fn request(step: liaison_protocol::record::codes::StepKind) -> StepRequest {
    StepRequest {
        step: step.as_str().into(),
        ..StepRequest::default()
    }
}

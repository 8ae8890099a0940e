//! `liaison service`.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use liaison_node::control::api::{GapsReport, MatchReport, MatchRequest};
use liaison_protocol::record::codes::{
    Accessibility, AgeBand, Gender, ProtectionStatus, ServiceType, Urgency,
};

use super::{Context, now};
use crate::error::{CommandError, Outcome};
use crate::output::services;

/// Services for people: which offers fit, and where offers are missing.
#[derive(Debug, Subcommand)]
pub enum ServiceCommand {
    Match(MatchArgs),
    Gaps(GapsArgs),
}

/// Which offers fit a person, with the reasons for and against
///
/// Reads the services that this node holds and the cards of those who offer them. Say what is
/// needed, and of the person only what offers ask for. An age that you leave out counts as a
/// child's. These are suggestions: you decide.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison service match 3F7K-9Q2M                    of a referral
  liaison service match --need shelter --age 18-29 --gender feminine --lang ar --area QN-02
  liaison service match --need shelter,legal --status asylum-seeker --urgency critical")]
pub struct MatchArgs {
    /// A referral, by its id or the beginning of it: its profile says what is sought
    #[arg(conflicts_with_all = ["needs", "age", "gender", "status", "languages", "area", "accessibility", "urgency"])]
    id: Option<String>,
    /// Why you look at it though it is not assigned to you; the data-protection officer is told
    #[arg(long, value_name = "TEXT", requires = "id")]
    why: Option<String>,
    /// Services, the most urgent first
    #[arg(long = "need", value_name = "SERVICE", value_delimiter = ',', value_parser = PossibleValuesParser::new(ServiceType::TEXTS))]
    needs: Vec<String>,
    /// Age band
    #[arg(long, value_name = "BAND", value_parser = PossibleValuesParser::new(AgeBand::TEXTS))]
    age: Option<String>,
    /// Gender of the person
    #[arg(long, value_parser = PossibleValuesParser::new(Gender::TEXTS))]
    gender: Option<String>,
    /// Status where they are
    #[arg(long, value_parser = PossibleValuesParser::new(ProtectionStatus::TEXTS))]
    status: Option<String>,
    /// Languages that they speak
    #[arg(long = "lang", value_name = "LANG", value_delimiter = ',')]
    languages: Vec<String>,
    /// Where they are: QN, QN-02
    #[arg(long)]
    area: Option<String>,
    /// What a place must have
    #[arg(long = "access", value_name = "FORM", value_delimiter = ',', value_parser = PossibleValuesParser::new(Accessibility::TEXTS))]
    accessibility: Vec<String>,
    /// How soon; for what is critical, who is open now comes first
    #[arg(long, value_parser = PossibleValuesParser::new(Urgency::TEXTS))]
    urgency: Option<String>,
}

/// Where needs and offers do not meet, by area and need
///
/// From the gaps that agencies recorded, held against what is offered there. It counts
/// records; people only in bands.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison service gaps
  liaison service gaps --area QN --need shelter")]
pub struct GapsArgs {
    /// In this area: QN, QN-02
    #[arg(long)]
    area: Option<String>,
    /// This need
    #[arg(long, value_name = "SERVICE", value_parser = PossibleValuesParser::new(ServiceType::TEXTS))]
    need: Option<String>,
}

/// Runs one of them.
pub fn run(context: &mut Context, command: ServiceCommand) -> Outcome {
    match command {
        ServiceCommand::Match(args) => matching(context, args),
        ServiceCommand::Gaps(args) => gaps(context, &args),
    }
}

fn matching(context: &mut Context, mut args: MatchArgs) -> Outcome {
    if let Some(id) = &args.id {
        let path = super::refer::path(id, "/services", args.why.as_deref());
        let report: MatchReport = context.client()?.get(&path)?;
        return context
            .ui
            .either(&report, |style| services::matching(style, &report, &now()));
    }
    if args.needs.is_empty() {
        if !context.ui.interactive || context.ui.json {
            return Err(CommandError::usage(
                "no need is named",
                "name what is needed, for example `liaison service match --need shelter`",
            ));
        }
        ask(context, &mut args)?;
    }
    let request = MatchRequest {
        needs: args.needs,
        age: args.age,
        gender: args.gender,
        status: args.status,
        languages: args.languages,
        area: args.area,
        accessibility: args.accessibility,
        urgency: args.urgency,
    };
    let report: MatchReport = context.client()?.post("/v1/services/match", &request)?;
    context
        .ui
        .either(&report, |style| services::matching(style, &report, &now()))
}

/// Four questions; what was given as a flag is not asked.
fn ask(context: &mut Context, args: &mut MatchArgs) -> Outcome {
    let ui = &mut *context.ui;
    let list = ServiceType::TEXTS;
    args.needs = ui.choose("What is needed, the most urgent first?", list, true)?;
    if args.age.is_none() {
        let list = AgeBand::TEXTS;
        let age = ui.choose("Age? (unknown counts as a child)", list, false)?;
        args.age = age.into_iter().next();
    }
    if args.gender.is_none() {
        let list = Gender::TEXTS;
        let gender = ui.choose("Gender?", list, false)?;
        args.gender = gender.into_iter().next();
    }
    if args.area.is_none() {
        let area = ui.line("Where are they (QN, QN-02; Enter: anywhere)?", false)?;
        args.area = Some(area).filter(|area| !area.is_empty());
    }
    Ok(())
}

fn gaps(context: &mut Context, args: &GapsArgs) -> Outcome {
    let mut path = String::from("/v1/services/gaps");
    let pairs = [("area", &args.area), ("need", &args.need)];
    let given = pairs
        .iter()
        .filter_map(|(name, value)| value.as_ref().map(|v| (name, v)));
    for (at, (name, value)) in given.enumerate() {
        let sign = if at == 0 { '?' } else { '&' };
        path.push_str(&format!("{sign}{name}={}", crate::client::segment(value)));
    }
    let report: GapsReport = context.client()?.get(&path)?;
    context
        .ui
        .either(&report, |style| services::gaps(style, &report))
}

//! `liaison init`.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use clap::builder::PossibleValuesParser;
use liaison_protocol::record::codes::{Regime, RouteRole, Sector};

use super::Context;
use crate::error::{CommandError, Outcome};
use crate::node::{Clock, Home, InitRequest, SystemClock};
use crate::output::{digits, home};

/// Make a home folder: keys, card and an empty policy.
///
/// Asks on a terminal for what is missing. Nothing secret is asked for or printed: the keys
/// are made on this machine and stay in the home folder.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison init
  liaison init --name \"Border Police of QN\" --country QN --sector border \\
      --route-role transit --regime led --address node.bord.example:4600

Then start the node with `liaison run` and send your card with `liaison card export FILE`.")]
pub struct InitArgs {
    /// Name of the agency, as it stands on its card
    #[arg(long)]
    name: Option<String>,
    /// Country, ISO 3166-1 alpha-2
    #[arg(long, value_name = "CC")]
    country: Option<String>,
    /// Sector
    #[arg(long, value_parser = PossibleValuesParser::new(Sector::TEXTS))]
    sector: Option<String>,
    /// Place of the country on a route; may be given several times
    #[arg(long = "route-role", value_name = "ROLE", value_parser = PossibleValuesParser::new(RouteRole::TEXTS))]
    route_roles: Vec<String>,
    /// Data-protection regime [default: led for police and justice, io for international
    /// organisations, else gdpr]
    #[arg(long, value_parser = PossibleValuesParser::new(Regime::TEXTS))]
    regime: Option<String>,
    /// Address under which peers reach this node; may be given several times
    #[arg(long = "address", value_name = "HOST[:PORT]")]
    addresses: Vec<String>,
    /// Put the root key there instead of into the home: a medium for the safe
    #[arg(long, value_name = "FILE")]
    root_out: Option<PathBuf>,
}

/// Makes the home.
pub fn run(context: &mut Context, args: InitArgs) -> Outcome {
    let home = Home::at(context.place()?.home);
    if home.exists() {
        return Err(CommandError::failed(
            format!("{} is a home already", home.dir().display()),
            "look at it with `liaison card show`, or choose another folder with --home",
        ));
    }
    let root_out = args.root_out.clone();
    if let Some(taken) = root_out.as_ref().filter(|file| file.exists()) {
        return Err(CommandError::usage(
            format!("{} is there already", taken.display()),
            "name a file that is not, so that no other root key is lost",
        ));
    }
    let request = complete(context, args)?;
    let report = home.init(request, SystemClock.now()).map_err(|e| {
        CommandError::failed(e.to_string(), "correct that and type `liaison init` again")
    })?;
    if let Some(file) = &root_out {
        home.remove_root(file).map_err(|e| {
            CommandError::failed(
                format!("the home is ready, but the root key is still in it: {e}"),
                "`liaison keys root remove --to FILE` takes it out",
            )
        })?;
    }
    let digits = digits::large(&report.fingerprint);
    let next = format!(
        "Your fingerprint:\n\n{digits}Next:\n  liaison run                    start the node\n  liaison officers               who may use it: you, by officers.toml\n  liaison card edit              add functional contact points\n  liaison card export FILE       write your card, for your peers\n"
    );
    home::ready(context.ui, &report, &next)
}

fn complete(context: &mut Context, args: InitArgs) -> Result<InitRequest, CommandError> {
    let missing: Vec<&str> = [
        (args.name.is_none(), "--name"),
        (args.country.is_none(), "--country"),
        (args.sector.is_none(), "--sector"),
    ]
    .into_iter()
    .filter_map(|(absent, flag)| absent.then_some(flag))
    .collect();
    let ask = !missing.is_empty();
    if ask && !context.ui.interactive {
        return Err(CommandError::usage(
            format!("init needs {}", missing.join(", ")),
            "give them as flags (`liaison init --help` lists the codes), or type it on a terminal to be asked",
        ));
    }
    let ui = &mut *context.ui;
    let name = match args.name {
        Some(name) => name,
        None => ui.line("Name of the agency:", true)?,
    };
    let country = match args.country {
        Some(country) => country,
        None => ui.line("Country (two letters, ISO 3166-1):", true)?,
    };
    let sector = match args.sector {
        Some(sector) => sector,
        None => ui.choose("Sector:", Sector::TEXTS, false)?.remove(0),
    };
    let mut route_roles = args.route_roles;
    if ask && route_roles.is_empty() {
        route_roles = ui.choose(
            "Place of the country on the routes (one or more):",
            RouteRole::TEXTS,
            true,
        )?;
    }
    let regime = match args.regime {
        Some(regime) => regime,
        None if ask => ui
            .choose("Data-protection regime:", Regime::TEXTS, false)?
            .remove(0),
        None => default_regime(&sector).to_string(),
    };
    let mut addresses = args.addresses;
    if ask && addresses.is_empty() {
        let typed = ui.line(
            "Address under which peers reach this machine, HOST[:PORT] (Enter: none yet):",
            false,
        )?;
        addresses.extend(
            typed
                .split([',', ' '])
                .filter(|a| !a.is_empty())
                .map(str::to_owned),
        );
    }
    Ok(InitRequest {
        name,
        country: code(&country.to_uppercase())?,
        sector: code(&sector)?,
        route_roles: route_roles
            .iter()
            .map(|role| code(role))
            .collect::<Result<_, _>>()?,
        regime: code(&regime)?,
        addresses,
    })
}

/// What most agencies of a sector are under; `--regime` says otherwise.
fn default_regime(sector: &str) -> Regime {
    match sector {
        "police" | "border" | "prosecution" | "judiciary" | "fiu" | "hub" => Regime::Led,
        "io" => Regime::Io,
        _ => Regime::Gdpr,
    }
}

fn code<T: FromStr<Err: Display>>(text: &str) -> Result<T, CommandError> {
    text.parse().map_err(|e: T::Err| {
        CommandError::usage(e.to_string(), "`liaison init --help` lists the codes")
    })
}

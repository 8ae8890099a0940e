//! Simulates federations of growing size and says how long records take and what they cost.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use liaison_simulator::conditions::Conditions;
use liaison_simulator::plot;
use liaison_simulator::scale::{Figures, Scenario};
use liaison_simulator::table::{self, Row};
use liaison_simulator::topology::Topology;
use rayon::prelude::*;

/// Simulates federations of growing size, in virtual time and on the sessions that nodes really
/// speak, and prints how long records take, how many bytes they cost, and how many come twice.
///
/// The same arguments give the same figures, on every machine.
#[derive(Debug, Parser)]
#[command(
    name = "simulate",
    after_help = "Examples:\n  \
    simulate --nodes 10,50                       a minute's look at all networks\n  \
    simulate --network hub --nodes 30 --records 5000 --minutes 600\n  \
    simulate --page docs/federation-at-size.md   renew the page and its picture\n\n\
    A hub, a mailbox or a chain of 400 nodes is a matter of seconds, a mesh of 200 one of minutes."
)]
struct Args {
    /// Networks to simulate: hub (all linked with one), two-hubs, mesh (each with each), chain,
    /// mailbox (parcels at a hub that can't read them), two-mailboxes.
    #[arg(
        long,
        value_delimiter = ',',
        default_values = ["hub", "two-hubs", "mesh", "chain", "mailbox", "two-mailboxes"]
    )]
    network: Vec<Network>,
    /// How many nodes, hubs included.
    #[arg(long, value_delimiter = ',', default_values = ["10", "25", "50", "100", "200", "400"])]
    nodes: Vec<usize>,
    /// Leaves out meshes of more nodes than this: everybody offers everything to everybody, which
    /// takes minutes and gigabytes.
    #[arg(long, value_name = "NODES", default_value_t = 200)]
    mesh_most: usize,
    /// Conditions: calm (good lines, nobody is away), rough (loss, outages, agencies that come and
    /// go).
    #[arg(long, value_delimiter = ',', default_values = ["calm", "rough"])]
    conditions: Vec<Weather>,
    /// How many records are made, each at some node.
    #[arg(long, default_value_t = 200)]
    records: usize,
    /// Bytes of a record.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(32..=65_536))]
    size: u32,
    /// Minutes within which they are made.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Decides everything that is random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Writes a picture here (SVG).
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Puts the table between this page's markers, and the picture beside it.
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Network {
    Hub,
    TwoHubs,
    Mesh,
    Chain,
    Mailbox,
    TwoMailboxes,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Weather {
    Calm,
    Rough,
}

impl From<Network> for Topology {
    fn from(network: Network) -> Self {
        match network {
            Network::Hub => Self::Hub,
            Network::TwoHubs => Self::TwoHubs,
            Network::Mesh => Self::Mesh,
            Network::Chain => Self::Chain,
            Network::Mailbox => Self::Mailbox,
            Network::TwoMailboxes => Self::TwoMailboxes,
        }
    }
}

impl From<Weather> for Conditions {
    fn from(weather: Weather) -> Self {
        match weather {
            Weather::Calm => Self::Calm,
            Weather::Rough => Self::Rough,
        }
    }
}

fn main() -> ExitCode {
    match simulate(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(2),
        Err(error) => {
            eprintln!("simulate: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether nothing was lost.
fn simulate(args: &Args) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    let mut rows: Vec<Row> = scenarios(args)
        .into_par_iter()
        .map(|scenario| {
            let began = Instant::now();
            let figures = scenario.run()?;
            let (network, conditions, nodes) =
                (scenario.topology, scenario.conditions, scenario.nodes);
            eprintln!(
                "{network}, {conditions}, {nodes} nodes: {:.1?}",
                began.elapsed()
            );
            Ok((scenario, figures))
        })
        .collect::<Result<_, liaison_simulator::scale::Restless>>()?;
    rows.sort_by_key(|(scenario, _)| *scenario);
    let table = table::markdown(&rows);
    print!("{table}");
    if let Some(file) = &args.plot {
        std::fs::write(file, plot::svg(&rows)?)?;
    }
    if let Some(page) = &args.page {
        std::fs::write(page.with_extension("svg"), plot::svg(&rows)?)?;
        put_in(page, &format!("```\n{}\n```\n\n{table}", command()))?;
    }
    let is_well = |(_, f): &Row| {
        *f == Figures {
            astray: 0,
            faults: 0,
            ..*f
        }
    };
    Ok(rows.iter().all(is_well))
}

/// The largest first, so that none is waited for alone at the end.
fn scenarios(args: &Args) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for network in &args.network {
        for conditions in &args.conditions {
            for nodes in &args.nodes {
                let topology = Topology::from(*network);
                if topology == Topology::Mesh && *nodes > args.mesh_most {
                    continue;
                }
                scenarios.push(Scenario {
                    topology,
                    nodes: *nodes,
                    conditions: Conditions::from(*conditions),
                    records: args.records,
                    size: args.size,
                    within_ms: args.minutes * 60_000,
                    seed: args.seed,
                });
            }
        }
    }
    scenarios.sort_by_key(|s| std::cmp::Reverse(s.topology.links(s.nodes).len()));
    scenarios
}

/// The command that this is, as a reader would give it.
fn command() -> String {
    let args: Vec<String> = std::env::args().skip(1).collect();
    format!(
        "cargo run --release -p liaison-simulator -- {}",
        args.join(" ")
    )
}

const BEGIN: &str = "<!-- simulate: begin -->\n";
const END: &str = "<!-- simulate: end -->";

fn put_in(page: &Path, table: &str) -> std::io::Result<()> {
    let text = std::fs::read_to_string(page)?;
    let parts = text
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = parts else {
        let says = format!("{} has no '{}'", page.display(), BEGIN.trim());
        return Err(std::io::Error::other(says));
    };
    std::fs::write(page, format!("{before}{BEGIN}{table}{END}{after}"))
}

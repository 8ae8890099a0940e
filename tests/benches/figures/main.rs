//! The figures that the project promises, in one run: `cargo bench`. Rates stand beside the
//! rate of strict signature checks on one core of the same run, because that does not depend
//! on the machine.
//!
//! `cargo bench -- sync memory` runs some of the groups: crypto (always),
//! sealing, ingest, policy, referral, sync, memory. Sizes are set by the environment: `LIAISON_BENCH_COLD`
//! (20,000 records), `LIAISON_BENCH_HELD` (100,000), `LIAISON_BENCH_PUSHES` (300). The nodes
//! live in `LIAISON_BENCH_DIR`, else in the build folder, so that their disk is a real one.
#![allow(
    clippy::expect_used,
    reason = "a benchmark fails by panicking, with words"
)]

mod crypto;
mod federation;
mod ingest;
mod memory;
mod policy;
mod referral;
mod sealing;
mod sync;
mod table;

use std::path::PathBuf;

use table::Table;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a figure may fail with.
pub type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Sizes of a run.
#[derive(Clone, Debug)]
pub struct Sizes {
    /// Records of durable ingest and of the cold sync.
    pub cold: usize,
    /// Records held by nodes in the figures that are about a full store.
    pub held: usize,
    /// Pushes.
    pub pushes: usize,
    /// Where nodes live.
    pub dir: PathBuf,
}

impl Sizes {
    fn of_environment() -> Self {
        let number = |name: &str, default| {
            let set = std::env::var(name).ok().and_then(|n| n.parse().ok());
            set.unwrap_or(default)
        };
        let dir = std::env::var_os("LIAISON_BENCH_DIR");
        Self {
            cold: number("LIAISON_BENCH_COLD", 20_000),
            held: number("LIAISON_BENCH_HELD", 100_000),
            pushes: number("LIAISON_BENCH_PUSHES", 300),
            dir: dir.map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), PathBuf::from),
        }
    }
}

fn main() -> Fallible<()> {
    let sizes = Sizes::of_environment();
    if let Some(home) = std::env::var_os(memory::CHILD) {
        return runtime()?.block_on(memory::child(home.into(), sizes.held));
    }
    let groups: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let wanted = |group: &str| groups.is_empty() || groups.iter().any(|g| g == group);
    let mut table = Table::default();
    let signer = crypto::measure(&mut table)?;
    if wanted("sealing") {
        sealing::measure(&signer, &mut table)?;
    }
    if wanted("ingest") {
        runtime()?.block_on(ingest::measure(&sizes, &mut table))?;
    }
    if wanted("policy") {
        policy::measure(&signer, &mut table)?;
        runtime()?.block_on(policy::preview(&sizes, &mut table))?;
    }
    if wanted("referral") {
        runtime()?.block_on(referral::measure(&sizes, &mut table))?;
    }
    if wanted("sync") {
        runtime()?.block_on(sync::measure(&sizes, &mut table))?;
    }
    if wanted("memory") {
        memory::measure(&sizes, &mut table)?;
    }
    table.print();
    Ok(())
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
}

//! One integration binary: every file beside this one is a module of it.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, with words"
)]

mod aliases;
mod answers;
mod api;
mod asked_once;
mod at_a_terminal;
mod audit;
mod backup;
mod bad_input;
mod bundles;
mod case_lost;
mod ceilings;
mod changes;
mod circuits;
mod clock;
mod command_line;
mod consent;
mod control;
mod crash;
mod cuts;
mod deposits;
mod discretion;
mod doctor;
mod drafts;
mod emergency;
mod erasure;
mod exercise;
mod expiry;
mod first;
mod footprint;
mod frames;
mod frontex;
mod hub_blind;
mod hub_clock;
mod hub_load;
mod imports;
mod integrity;
mod interrupted;
mod ipv6;
mod keyring;
mod keys;
mod keys_wiped;
mod leave;
mod looks;
mod mailbox;
mod malice;
mod malice_peer;
mod many_calls;
mod memory;
mod netns;
mod operate;
mod oracle;
mod origin;
mod outflow;
mod overtaking;
mod packing;
mod parcels;
mod parting;
mod preview;
mod proof;
mod recalls;
mod record_commands;
mod recovery;
mod referral;
mod referral_attacks;
mod referral_cli;
mod referral_new;
mod referral_parcels;
mod referral_random;
mod referral_terminal;
mod referral_words;
mod reserves;
mod restored;
mod retention;
mod retraction;
mod runbook;
mod sarajevo;
mod sealed;
mod second_officer;
mod services;
mod set_back;
mod setup;
mod sharing;
mod stale_offer;
mod stats;
mod sync;
mod taken_back;
mod trust;
mod verdict;
mod versions;
mod voids;
mod watch;
mod withdrawal;

/// A test file that nobody compiles passes for ever.
#[test]
fn no_test_file_is_forgotten() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("all");
    let main = std::fs::read_to_string(dir.join("main.rs")).expect("main.rs");
    for entry in std::fs::read_dir(&dir).expect("folder") {
        let name = entry.expect("entry").file_name();
        let name = name.to_string_lossy();
        let stem = name.trim_end_matches(".rs");
        if stem != "main" {
            assert!(
                main.contains(&format!("mod {stem};")),
                "{name} is not compiled"
            );
        }
    }
}

//! What stands in the memory of running nodes: a person's name is not in the memory of those
//! who are no recipients, and not in a recipient's soon after it was shown.
//!
//! Read as a debugger reads it, region by region, which takes root; a core dump holds the same.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, Instant};

use liaison_tests::process::{Program, Site};
use liaison_tests::sealed::stands_in;
use serde_json::{Value, json};

use crate::crash::{BINARY, link, open_policy};

const NAME: &str = "Zwetschge Antonmarke";
const NOTE: &str = "Quittenmarke Sanddorn";

/// How long after it was shown a recipient may have it.
const FADES: Duration = Duration::from_secs(60);

/// Largest region that is read; what a node maps of its files is not its memory.
const REGION: u64 = 1 << 30;

/// Whether a word stands in what a process may write to.
fn remembers(program: &Program, word: &str) -> bool {
    let pid = program.pid();
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("its maps");
    let memory = File::open(format!("/proc/{pid}/mem")).expect("its memory");
    let mut page = vec![0; 1 << 20];
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (Some(range), Some(rights)) = (fields.next(), fields.next()) else {
            continue;
        };
        let file = fields.nth(3).unwrap_or_default();
        if !rights.starts_with("rw") || file.starts_with('/') {
            continue;
        }
        let bound = |text: &str| u64::from_str_radix(text, 16).expect("an address");
        let (from, to) = range.split_once('-').expect("a range");
        let (mut at, end) = (bound(from), bound(to));
        assert!(end - at <= REGION || rights.contains('p'), "{line}");
        while at < end {
            let want = usize::try_from((end - at).min(page.len() as u64)).expect("small");
            let part = page.get_mut(..want).expect("in bounds");
            // What was reserved and never touched can't be read.
            match memory.read_at(part, at) {
                Ok(read) if read > 0 => {
                    if stands_in(part.get(..read).unwrap_or_default(), word.as_bytes()) {
                        return true;
                    }
                    // Overlapping, for a word that a border cuts.
                    let step = read.saturating_sub(word.len()).max(1) as u64;
                    at += if read < want { read as u64 } else { step };
                }
                _ => at += 4096,
            }
        }
    }
    false
}

/// Waits until a node remembers a word no more.
fn forgets(program: &Program, word: &str) -> Option<Duration> {
    let shown = Instant::now();
    while shown.elapsed() < FADES {
        if !remembers(program, word) {
            return Some(shown.elapsed());
        }
    }
    None
}

fn referral(candidate: &str) -> Value {
    json!({
        "candidates": [candidate],
        "citizenship": ["QM"],
        "profile": {
            "urgency": "high", "age_band": "18-29", "gender": "feminine",
            "status": "irregular-migrant",
            "trafficking": {"status": "possible", "decided_by": "police"},
            "needs": ["shelter"], "languages": ["ar"], "interpreter": true,
            "region": "QN-02", "safety": ["trafficker-near"],
            "consent": {
                "state": "given", "by": "self", "date": "2025-11-03",
                "scope": ["assistance", "share-profile", "share-identity"],
                "checklist": ["interview", "purpose", "data-use", "research-use",
                    "access-right", "storage-time", "withdrawal"],
                "language": "ar", "interpreter": true,
            },
        },
        "assessment": {
            "assessor": "shift leader", "date": "2025-11-03",
            "factors": [{"level": "individual", "works": "risk", "code": "no-income", "note": NOTE}],
        },
        "identity": {"names": [NAME]},
    })
}

/// Everybody who starts a node here is all of its officers.
fn all_roles(site: &Site) {
    let file = site.home.officers_path();
    let text = std::fs::read_to_string(&file).expect("officers");
    let from = "\"administrator\", \"analyst\", \"data-protection-officer\"";
    let to = "\"administrator\", \"analyst\", \"case-officer\", \"data-protection-officer\"";
    std::fs::write(&file, text.replace(from, to)).expect("officers");
}

#[test]
fn a_name_is_in_nobody_elses_memory_and_soon_in_nobodys() {
    if std::fs::metadata("/proc/self").expect("proc").uid() != 0 {
        eprintln!("SKIPPED: reading another process's memory needs root");
        return;
    }
    let dir = tempfile::tempdir().expect("folder");
    let site = |name: &str, sector: &str| {
        let site = Site::of_sector(BINARY, &dir.path().join(name), name, sector);
        all_roles(&site);
        site
    };
    let (border, shelter) = (site("border", "border"), site("shelter", "ngo"));
    let (hub, police) = (site("hub", "hub"), site("police", "police"));
    let all = [
        ("border", &border),
        ("shelter", &shelter),
        ("hub", &hub),
        ("police", &police),
    ];
    let running: Vec<Program> = all.iter().map(|(_, site)| site.start()).collect();
    for (i, (one, site)) in all.iter().enumerate() {
        for (j, (other, to)) in all.iter().enumerate().skip(i + 1) {
            link((one, site, &running[i]), (other, to, &running[j]));
        }
        open_policy(site, &running[i]);
    }
    let [border, shelter, hub, police] = running.as_slice() else {
        panic!("four run");
    };

    let body = referral("shelter").to_string();
    let socket = all[0].1.home.socket_path();
    let json = "Content-Type: application/json";
    let path = "/v1/referrals?wait_s=30";
    let answer = liaison_tests::http::call(&socket, "POST", path, &[json], body.as_bytes());
    assert_eq!(
        answer.status,
        200,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    let report = answer.json();
    assert_eq!(report["delivered"], true, "{report}");
    let id = report["id"].as_str().expect("an id").to_owned();
    let me = liaison_node::officers::user_name(0);
    shelter.until(&["inbox"], |inbox| inbox["rows"][0]["id"] == id.as_str());
    shelter.ok(&["refer", "assign", &id, &me]);
    shelter.json(&["refer", "accept", &id, "--yes"]);
    border.until(&["refer", "show", &id], |view| view["state"] == "accepted");
    border.json(&["refer", "release-identity", &id, "--yes"]);
    let view = shelter.until(&["refer", "show", &id], |view| !view["identity"].is_null());
    assert!(view.to_string().contains(NAME), "{view}");

    for (program, name) in [(shelter, "shelter"), (border, "border")] {
        for word in [NAME, NOTE] {
            let faded = forgets(program, word);
            let took = faded.unwrap_or_else(|| panic!("{name} remembers '{word}' after a minute"));
            println!("{name} forgot '{word}' {took:.1?} after it was shown");
        }
    }
    for (program, name) in [(hub, "hub"), (police, "police")] {
        for word in [NAME, NOTE] {
            assert!(!remembers(program, word), "{name} remembers '{word}'");
        }
    }
    // That something can be found at all: what a node must know of another.
    assert!(remembers(hub, "Agency shelter") || remembers(hub, "shelter"));
    for word in [NAME, NOTE] {
        let found = liaison_tests::sealed::files_with(Path::new(dir.path()), &[word]);
        assert_eq!(found, Vec::<String>::new());
    }
}

//! What a hub knows of what it carries (E36): records and a sealed referral go through it, on a
//! circuit and in parcels; then its disk, its memory, a core dump of it and every frame of its
//! streams are searched for what was in them.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::process::Command;

use liaison_node::home::Home;
use liaison_node::hub::LEARNS;
use liaison_tests::mailbox::{CARRY, HubSite};
use liaison_tests::process::{Program, Site, run, succeeded};
use liaison_tests::{Federation, sealed};
use serde_json::{Value, json};

use crate::crash::{BINARY, link, open_policy};
use crate::first::trend;

const NAME: &str = "Zirbelnuss Blindmarke";
const NOTE: &str = "Schlehenmarke Rauchtal";
const TITLE: &str = "Hagebuttenmarke Fernweg";
const LATER: &str = "Mispelmarke Nachtweg";
/// Released to the hub as to any peer: it has to be found.
const TO_ALL: &str = "Kornelkirsche Allenmarke";

#[test]
fn the_documents_list_what_a_hub_learns() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for file in ["README.md", "protocol/SPEC.md"] {
        let text = std::fs::read_to_string(root.join(file)).expect("a document");
        let head = "| What | By | Where it stays |\n|---|---|---|\n";
        let rows: String = LEARNS
            .iter()
            .map(|l| format!("| {} | {} | {} |\n", l.what, l.by, l.stays))
            .collect();
        let table = format!("{head}{rows}\n");
        assert!(text.contains(&table), "{file} has to say:\n{table}");
    }
}

/// The words that stand in what a process may write to.
fn remembered(program: &Program, words: &[&[u8]]) -> BTreeSet<usize> {
    let pid = program.pid();
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("its maps");
    let memory = File::open(format!("/proc/{pid}/mem")).expect("its memory");
    let longest = words.iter().map(|w| w.len()).max().unwrap_or(1);
    let mut page = vec![0; 4 << 20];
    let mut found = BTreeSet::new();
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (Some(range), Some(rights)) = (fields.next(), fields.next()) else {
            continue;
        };
        if !rights.starts_with("rw") {
            continue;
        }
        let bound = |text: &str| u64::from_str_radix(text, 16).expect("an address");
        let (from, to) = range.split_once('-').expect("a range");
        let (mut at, end) = (bound(from), bound(to));
        while at < end {
            let want = usize::try_from((end - at).min(page.len() as u64)).expect("small");
            let part = page.get_mut(..want).expect("in bounds");
            match memory.read_at(part, at) {
                Ok(read) if read > 0 => {
                    let part = part.get(..read).unwrap_or_default();
                    found.extend(stand_in(part, words));
                    // Overlapping, for a word that a border cuts.
                    let step = read.saturating_sub(longest).max(1) as u64;
                    at += if read < want { read as u64 } else { step };
                }
                // What was reserved and never touched can't be read.
                _ => at += 4096,
            }
        }
    }
    found
}

fn stand_in(bytes: &[u8], words: &[&[u8]]) -> Vec<usize> {
    let at = words.iter().enumerate();
    at.filter(|(_, word)| sealed::stands_in(bytes, word))
        .map(|(n, _)| n)
        .collect()
}

/// The words in a core dump, where this machine can make one.
fn in_core(program: &Program, dir: &Path, words: &[&[u8]]) -> Option<BTreeSet<usize>> {
    let pid = program.pid().to_string();
    let prefix = dir.join("core");
    let made = Command::new("gcore")
        .arg("-o")
        .arg(&prefix)
        .arg(&pid)
        .output();
    let file = dir.join(format!("core.{pid}"));
    if !made.is_ok_and(|m| m.status.success()) {
        return None;
    }
    let bytes = std::fs::read(&file).ok()?;
    let found = stand_in(&bytes, words).into_iter().collect();
    std::fs::remove_file(&file).expect("deleted");
    Some(found)
}

/// A home without an address: its node can call the hub, and nobody can call it.
fn behind_nat(dir: &Path, name: &str, sector: &str) -> Home {
    let home = dir.join(name);
    let args = [
        "init",
        "--name",
        name,
        "--country",
        "QN",
        "--sector",
        sector,
    ];
    succeeded(&run(Path::new(BINARY), &home, &args, ""));
    let home = Home::at(home);
    liaison_tests::federation::waits_for(&home, "nobody");
    let file = home.officers_path();
    let text = std::fs::read_to_string(&file).expect("officers");
    let from = "\"administrator\", \"analyst\", \"data-protection-officer\"";
    let to = "\"administrator\", \"analyst\", \"case-officer\", \"data-protection-officer\"";
    std::fs::write(&file, text.replace(from, to)).expect("officers");
    let file = home.config_path();
    let text = std::fs::read_to_string(&file).expect("configuration");
    let text = format!("{text}\n[hubs]\nuse = [\"hub\"]\nafter_s = 1\n");
    std::fs::write(&file, text).expect("configuration");
    home
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

fn refer(home: &Home, candidate: &str) -> String {
    let body = referral(candidate).to_string();
    let json = "Content-Type: application/json";
    let answer = liaison_tests::http::call(
        &home.socket_path(),
        "POST",
        "/v1/referrals",
        &[json],
        body.as_bytes(),
    );
    let said = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, 200, "{said}");
    answer.json()["id"].as_str().expect("an id").to_owned()
}

/// Pushes a trend of this title; its id.
fn push(program: &Program, dir: &Path, title: &str, to: Option<&str>) -> String {
    let file = dir.join("draft.json");
    std::fs::write(&file, trend(title).to_string()).expect("a draft");
    let file = file.to_string_lossy();
    let mut args = vec!["push", &file];
    args.extend(to.into_iter().flat_map(|to| ["--to", to]));
    let report = program.json(&args);
    report["id"].as_str().expect("an id").to_owned()
}

#[test]
fn e36_a_hubs_disk_and_memory_hold_nothing_of_what_it_carried() {
    if std::fs::metadata("/proc/self").expect("proc").uid() != 0 {
        eprintln!("SKIPPED: reading another process's memory needs root");
        return;
    }
    let dir = tempfile::tempdir().expect("folder");
    let hub_site = HubSite::init(BINARY, dir.path(), "");
    let (border, shelter) = (
        behind_nat(dir.path(), "border", "border"),
        behind_nat(dir.path(), "shelter", "ngo"),
    );
    let start = |home: &Home| Program::start(BINARY, home.dir(), "127.0.0.1:0");
    let hub = hub_site.start();
    hub_site.carry_all(&hub);
    let (b, s) = (start(&border), start(&shelter));
    let site_of = |home: &Home| Site::at(BINARY, home.dir());
    let (b_site, s_site) = (site_of(&border), site_of(&shelter));
    open_policy(&b_site, &b);
    open_policy(&s_site, &s);
    link(("border", &b_site, &b), ("hub", &hub_site.site, &hub));
    link(("shelter", &s_site, &s), ("hub", &hub_site.site, &hub));
    let hub_id = hub_site.agency.full();
    // Both say on their keys statements where they can be reached; then they are linked.
    for program in [&b, &s] {
        program.until(&["status"], |v| !v["peers"][0]["connected_since"].is_null());
    }
    wait_for_hub_on(&border, &hub_id);
    wait_for_hub_on(&shelter, &hub_id);
    link(("border", &b_site, &b), ("shelter", &s_site, &s));

    // On a circuit.
    let connected = |v: &Value| {
        let all = v["peers"].as_array().expect("peers").iter();
        all.clone().count() == 2 && all.clone().all(|p| !p["connected_since"].is_null())
    };
    let status = b.until(&["status"], connected);
    println!("border and shelter: {}", status["peers"]);
    let mut ids = vec![push(&b, dir.path(), TITLE, Some("shelter"))];
    let known = push(&b, dir.path(), TO_ALL, None);
    let first = refer(&border, "shelter");
    s.until(&["inbox"], |inbox| inbox["rows"][0]["id"] == first.as_str());
    let me = liaison_node::officers::user_name(0);
    s.ok(&["refer", "assign", &first, &me]);
    s.json(&["refer", "accept", &first, "--yes"]);
    b.until(&["refer", "show", &first], |view| {
        view["state"] == "accepted"
    });
    b.json(&["refer", "release-identity", &first, "--yes"]);
    s.until(&["refer", "show", &first], |view| {
        !view["identity"].is_null()
    });
    ids.push(first);

    // In parcels.
    assert_eq!(s.terminate(), Some(0));
    ids.push(push(&b, dir.path(), LATER, Some("shelter")));
    let second = refer(&border, "shelter");
    ids.push(second.clone());
    let waits = hub.until(&["hub", "status"], |v| v["parcels"].as_u64() > Some(0));
    let names = hub_site.files();
    println!("waits: {}\nfiles: {names:#?}", waits["waiting"]);
    search(&hub, &hub_site, dir.path(), &ids, &known);
    let s = start(&shelter);
    s.until(&["inbox"], |inbox| inbox.to_string().contains(&second));
    s.holds(&["kind:trend"], 3);
    hub.until(&["hub", "status"], |v| v["parcels"] == 0);
    assert_eq!(hub_site.files(), Vec::<String>::new());
    search(&hub, &hub_site, dir.path(), &ids, &known);

    println!("what a hub learns, beside what is released to it as a peer:");
    for learnt in LEARNS {
        println!("- {} (by {}; {})", learnt.what, learnt.by, learnt.stays);
    }
}

/// Waits until the keys statement of a home lists a hub.
fn wait_for_hub_on(home: &Home, hub: &str) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let card = home.card_file().expect("its card");
        let hubs = card.statement().map(|s| s.hubs.clone()).unwrap_or_default();
        if hubs.iter().any(|h| h.full() == hub) {
            return;
        }
        assert!(std::time::Instant::now() < end, "no hub on the statement");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Looks for what was carried, on the hub's disk and in its memory; and for what it has to know,
/// which shows that the search finds what is there.
fn search(hub: &Program, site: &HubSite, dir: &Path, ids: &[String], known: &str) {
    let mut words: Vec<Vec<u8>> = [NAME, NOTE, TITLE, LATER].map(Into::into).to_vec();
    for id in ids {
        let id: liaison_protocol::id::RecordId = id.parse().expect("an id");
        words.push(id.as_bytes().to_vec());
        words.push(id.full().into_bytes());
    }
    let secret = words.len();
    let known: liaison_protocol::id::RecordId = known.parse().expect("an id");
    words.push(TO_ALL.into());
    words.push(known.as_bytes().to_vec());
    words.push(site.agency.as_bytes().to_vec());
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();

    let mut on_disk = BTreeSet::new();
    walk(site.site.home.dir(), &mut |bytes| {
        on_disk.extend(stand_in(bytes, &words))
    });
    let mut places = vec![("disk", on_disk), ("memory", remembered(hub, &words))];
    match in_core(hub, dir, &words) {
        Some(found) => places.push(("core dump", found)),
        None => println!("no core dump: gcore is not here"),
    }
    for (place, found) in places {
        for n in &found {
            let word = String::from_utf8_lossy(words[*n]);
            assert!(*n >= secret, "'{word}' is on the hub's {place}");
        }
        let control = found.iter().filter(|n| **n >= secret).count();
        assert!(
            control > 0,
            "the search finds nothing at all on the {place}"
        );
        println!(
            "{place}: {} words of what was carried looked for, none found",
            secret
        );
    }
}

fn walk(dir: &Path, look: &mut impl FnMut(&[u8])) {
    for entry in std::fs::read_dir(dir).expect("a folder").flatten() {
        let path = entry.path();
        look(entry.file_name().as_encoded_bytes());
        if path.is_dir() {
            walk(&path, look);
        } else if path.is_file() {
            // Gone meanwhile: a parcel that left.
            look(&std::fs::read(&path).unwrap_or_default());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e36_no_frame_of_a_hub_holds_what_it_carries() {
    let mut federation = Federation::new();
    for (name, sector) in [("hub", "hub"), ("border", "border"), ("shelter", "ngo")] {
        let node = federation.prepare(name, sector, "QN");
        let config = match name {
            "hub" => "[hub]\n",
            _ => "[hubs]\nuse = [\"hub\"]\nafter_s = 1\n",
        };
        std::fs::write(node.home.config_path(), config).expect("configuration");
        node.start().await;
        let open = liaison_tests::federation::OPEN;
        let policy = match name {
            "hub" => format!("{open}{CARRY}"),
            _ => open.to_owned(),
        };
        federation[name].policy(&policy).await;
    }
    federation.link_all().await;
    federation.settled().await;
    let hub = federation["hub"].agency;
    let end = std::time::Instant::now() + liaison_tests::federation::PATIENCE;
    let (b, s) = (&federation["border"], &federation["shelter"]);
    while !b.node().registry.hubs_of_peer(&s.agency).contains(&hub) {
        assert!(
            std::time::Instant::now() < end,
            "the shelter's statement names no hub"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let shelter = s.agency;
    federation.node("shelter").stop().await;
    let b = &federation["border"];
    let keys = b
        .node()
        .registry
        .sealing_key(&shelter, b.node().clock.now());
    assert!(keys.is_some(), "border can't seal to the shelter");
    let id = b.push(&trend(TITLE), &["--to", "shelter"]).await;
    let mailbox = federation["hub"].node().hub.clone().expect("a hub");
    while mailbox.mailbox().waiting().is_empty() {
        assert!(std::time::Instant::now() < end, "no parcel came");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    federation.node("shelter").start().await;
    while !sealed::has_bytes(&federation["shelter"], &id) {
        assert!(std::time::Instant::now() < end, "the record did not come");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let frames = federation["hub"].tap.frames();
    let words: [&[u8]; 2] = [TITLE.as_bytes(), id.as_bytes()];
    let pieces = frames.iter().filter(|f| f.body.len() > 4_000).count();
    assert!(pieces >= 1, "no parcel went through the hub");
    for frame in &frames {
        assert!(
            stand_in(&frame.body, &words).is_empty(),
            "{:?}",
            frame.channel
        );
    }
    println!(
        "{} frames of the hub, {pieces} of them with parcels: none holds what was carried",
        frames.len()
    );
}

//! What a hub knows of what it carries (E36): records and a sealed referral go through it, on a
//! circuit and in parcels; then its disk, its memory, a core dump of it and every frame of its
//! streams are searched for what was in them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use liaison_node::home::Home;
use liaison_node::hub::LEARNS;
use liaison_tests::mailbox::{CARRY, HubSite};
use liaison_tests::process::{Program, Site, run, succeeded};
use liaison_tests::{Federation, memory, sealed};
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
    for file in ["docs/hubs.md", "protocol/SPEC.md"] {
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

/// The words in a core dump, where this machine can make one.
fn in_core<'a>(program: &Program, dir: &Path, words: &[&'a str]) -> Option<BTreeSet<&'a str>> {
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
    let found = Command::new("grep")
        .args([
            "--text",
            "--null-data",
            "--fixed-strings",
            "--only-matching",
        ])
        .args(words.iter().flat_map(|word| ["-e", word]))
        .arg(&file)
        .output()
        .expect("grep");
    std::fs::remove_file(&file).expect("deleted");
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    let all = words.iter().copied();
    Some(
        all.filter(|word| found.split('\0').any(|line| line == *word))
            .collect(),
    )
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
    let mut draft = trend(title);
    if to.is_some() {
        // Else who has it may let the hub have it, as any peer.
        draft["onward"] = "none".into();
    }
    std::fs::write(&file, draft.to_string()).expect("a draft");
    let file = file.to_string_lossy();
    let mut args = vec!["push", &file];
    args.extend(to.into_iter().flat_map(|to| ["--to", to]));
    let report = program.json(&args);
    report["id"].as_str().expect("an id").to_owned()
}

#[test]
fn e36_a_hubs_disk_and_memory_hold_nothing_of_what_it_carried() {
    if !memory::is_readable() {
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
    push(&b, dir.path(), TO_ALL, None);
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
    search(&hub, &hub_site, dir.path(), &ids);
    let s = start(&shelter);
    s.until(&["inbox"], |inbox| inbox.to_string().contains(&second));
    s.holds(&["kind:trend"], 3);
    hub.until(&["hub", "status"], |v| v["parcels"] == 0);
    hub_site.has_files(0);
    search(&hub, &hub_site, dir.path(), &ids);

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
fn search(hub: &Program, site: &HubSite, dir: &Path, ids: &[String]) {
    let carried = [NAME, NOTE, TITLE, LATER].into_iter();
    let carried: Vec<&str> = carried.chain(ids.iter().map(String::as_str)).collect();
    let controls = [TO_ALL, "shelter"];
    let words: Vec<&str> = carried.iter().copied().chain(controls).collect();
    let on_disk = words
        .iter()
        .filter(|word| !sealed::files_with(site.site.home.dir(), &[word]).is_empty());
    let mut places = vec![
        ("disk", on_disk.copied().collect()),
        ("memory", memory::remembered(hub.pid(), &words)),
    ];
    match in_core(hub, dir, &words) {
        Some(found) => places.push(("core dump", found)),
        None => println!("no core dump: gcore can't make one here"),
    }
    for (place, found) in places {
        for word in &carried {
            assert!(!found.contains(word), "'{word}' is on the hub's {place}");
        }
        let controls = controls.iter().filter(|word| found.contains(*word)).count();
        assert!(
            controls > 0,
            "the search finds nothing at all on the {place}"
        );
        println!(
            "{place}: none of {} words of what was carried",
            carried.len()
        );
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
    let mut draft = trend(TITLE);
    draft["onward"] = "none".into();
    let id = b.push(&draft, &["--to", "shelter"]).await;
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
        let held = words
            .iter()
            .any(|word| sealed::stands_in(&frame.body, word));
        assert!(!held, "{:?}", frame.channel);
    }
    println!(
        "{} frames of the hub, {pieces} of them with parcels: none holds what was carried",
        frames.len()
    );
}

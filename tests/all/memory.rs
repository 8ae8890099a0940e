//! What stands in the memory of the eight nodes of the Sarajevo exercise, each a process of its
//! own, after referrals A to D: a person's name is not in the memory of those who are no
//! recipients, and not in a recipient's soon after it was shown.
//!
//! Row 30 is played as a decline: these processes go by the machine's clock. That a silent
//! provider is closed to is shown in `sarajevo`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use liaison_tests::federation::apply_anyway;
use liaison_tests::memory::{forgets, is_readable, remembered};
use liaison_tests::process::{Program, Site, succeeded};
use serde_json::{Value, json};

use crate::audit::Other;
use crate::crash::{BINARY, args, link};

/// The agencies of the exercise: name, sector, country.
const NODES: [(&str, &str, &str); 8] = [
    ("qm-pol", "police", "QM"),
    ("qn-bord", "border", "QN"),
    ("qo-pros", "prosecution", "QO"),
    ("qo-fiu", "fiu", "QO"),
    ("qn-lantern", "ngo", "QN"),
    ("migro", "io", "QN"),
    ("veloren", "private", "QO"),
    ("hub-sar", "hub", "QO"),
];

/// A program that frees without wiping.
const UNWIPED: &str = env!("CARGO_BIN_EXE_unwiped");

/// How long after it was shown a recipient may have it.
const FADES: Duration = Duration::from_secs(60);

/// A second officer at the border.
const COLLEAGUE: u32 = 64_123;

/// The words planted in each referral, and who may ever have them in memory.
const PLANTED: &[(&str, &[&str])] = &[
    ("Antonmarke", &["qn-bord", "qn-lantern"]),
    ("Quittenmarke", &["qn-bord", "qn-lantern"]),
    ("+999 55 010 25", &["qn-bord", "qn-lantern"]),
    ("2004-11-23", &["qn-bord", "qn-lantern"]),
    ("Assessormarke", &["qn-bord", "qn-lantern"]),
    ("Rechtsmarke", &["qn-bord", "qn-lantern"]),
    ("Fragemarke", &["qn-bord", "qn-lantern"]),
    ("Antwortmarke", &["qn-bord", "qn-lantern"]),
    // As a draft and an officer's screen have them, and as they stand inside a seal.
    (
        r#""citizenship":["QM"]"#,
        &["qn-bord", "qn-lantern", "migro"],
    ),
    (r#""age_band":"18-29""#, &["qn-bord", "qn-lantern", "migro"]),
    ("age_bande18-29", &["qn-bord", "qn-lantern", "migro"]),
    // What an officer looked for, in small letters as it is compared.
    ("zwetschge", &["qn-bord"]),
    // Nobody was told who the child is.
    ("Bertamarke", &["qn-bord"]),
    ("Caesarmarke", &["migro", "qn-lantern"]),
    ("Doramarke", &["migro", "qn-lantern"]),
];

/// Agencies of the exercise as processes, each linked with each.
struct Exercise {
    dir: tempfile::TempDir,
    sites: BTreeMap<&'static str, Site>,
    running: BTreeMap<&'static str, Program>,
}

impl Exercise {
    fn begin() -> Self {
        let dir = tempfile::tempdir().expect("folder");
        let mut x = Self {
            sites: BTreeMap::new(),
            running: BTreeMap::new(),
            dir,
        };
        for (name, sector, country) in NODES {
            let home = x.dir.path().join(name);
            let site = Site::in_country(BINARY, &home, name, sector, country);
            std::fs::write(site.home.config_path(), "exercise = \"SARAJEVO-1\"\n").expect("config");
            all_roles(&site);
            let program = site.start();
            for (other, at) in &x.sites {
                link((name, &site, &program), (other, at, &x.running[other]));
            }
            x.running.insert(name, program);
            x.sites.insert(name, site);
        }
        for (name, program) in &x.running {
            let policy = examples().join("policies/sarajevo").join(name);
            program.ok(&args(&apply_anyway(&policy)));
        }
        x
    }

    fn at(&self, name: &str) -> &Program {
        &self.running[name]
    }

    /// Makes a referral from a file of the exercise.
    fn refer(&self, at: &str, file: &str) -> Value {
        let file = examples().join(format!("exercises/sarajevo-1/{file}.json"));
        let body = std::fs::read(file).expect("the exercise");
        let mut body: Value = serde_json::from_slice(&body).expect("JSON");
        plant(&mut body);
        let body = body.to_string();
        let socket = self.sites[at].home.socket_path();
        let json = "Content-Type: application/json";
        let path = "/v1/referrals?wait_s=30";
        let answer = liaison_tests::http::call(&socket, "POST", path, &[json], body.as_bytes());
        let shown = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, 200, "{shown}");
        answer.json()
    }

    /// The same, where it is sent at once; its id.
    fn sent(&self, at: &str, file: &str) -> String {
        let report = self.refer(at, file);
        assert_eq!(report["delivered"], true, "{report}");
        report["id"].as_str().expect("an id").to_owned()
    }

    /// Whoever is on duty takes a referral up.
    fn take_up(&self, at: &str, id: &str) {
        let there = |inbox: &Value| {
            let rows = inbox["rows"].as_array().expect("rows");
            rows.iter().any(|row| row["id"] == id)
        };
        self.at(at).until(&["inbox"], there);
        let me = liaison_node::officers::user_name(0);
        self.at(at).ok(&["refer", "assign", id, &me]);
    }

    /// The provider asks, and the originator answers; each reads it.
    fn asks(&self, by: &str, to: &str, id: &str) {
        self.take_up(to, id);
        let about = ["refer", "ask-info", id, "--about", "needs", "--json"];
        succeeded(
            &self
                .at(to)
                .cli(&about, "A Fragemarke on the ground floor?\n"),
        );
        let asked = |view: &Value| view["state"] == "info-asked";
        self.at(by).until(&["refer", "show", id], asked);
        let about = ["refer", "give-info", id, "--about", "needs", "--json"];
        succeeded(&self.at(by).cli(&about, "Yes, an Antwortmarke.\n"));
        let given = |view: &Value| view["state"] == "info-given";
        self.at(to).until(&["refer", "show", id], given);
        for at in [by, to] {
            let timeline = self.at(at).json(&["refer", "timeline", id]).to_string();
            assert!(timeline.contains("Fragemarke"), "{timeline}");
            assert!(timeline.contains("Antwortmarke"), "{timeline}");
        }
    }

    /// The provider accepts, learns who it is, and looks.
    fn released(&self, by: &str, to: &str, id: &str, name: &str) {
        self.take_up(to, id);
        self.at(to).json(&["refer", "accept", id, "--yes"]);
        let accepted = |view: &Value| view["state"] == "accepted";
        self.at(by).until(&["refer", "show", id], accepted);
        self.at(by)
            .json(&["refer", "release-identity", id, "--yes"]);
        let named = |view: &Value| !view["identity"].is_null();
        let view = self.at(to).until(&["refer", "show", id], named);
        assert!(view.to_string().contains(name), "{view}");
    }
}

/// Puts a word that can be searched for wherever something of a person is written.
fn plant(referral: &mut Value) {
    if referral["assessment"].is_object() {
        referral["assessment"]["assessor"] = "Assessormarke".into();
        referral["identity"]["birth_date"] = "2004-11-23".into();
        referral["legal_basis"] = json!({"code": "consent", "ref": "Rechtsmarke"});
    }
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

/// Everybody who starts a node here is all of its officers; at the border there are two.
fn all_roles(site: &Site) {
    let file = site.home.officers_path();
    let text = std::fs::read_to_string(&file).expect("officers");
    let from = "\"administrator\", \"analyst\", \"data-protection-officer\"";
    let to = "\"administrator\", \"analyst\", \"case-officer\", \"data-protection-officer\"";
    let mut text = text.replace(from, to);
    text.push_str(&format!(
        "\n[[officer]]\nuser = {COLLEAGUE}\nroles = [\"case-officer\"]\n"
    ));
    std::fs::write(&file, text).expect("officers");
}

#[test]
fn a_name_is_in_nobody_elses_memory_and_soon_in_nobodys() {
    if !is_readable() {
        return;
    }
    let x = Exercise::begin();

    let a = x.sent("qn-bord", "25-referral-a");
    x.asks("qn-bord", "qn-lantern", &a);
    x.released("qn-bord", "qn-lantern", &a, "Zwetschge Antonmarke");

    // Whoever searches for a name has typed it.
    let words = [
        "refer",
        "find",
        "zwetschge",
        "antonmarke",
        "--reason",
        "A call",
    ];
    let found = x.at("qn-bord").ok(&words);
    assert!(found.contains(&a[..4]), "{found}");

    let waits = x.refer("qn-bord", "29-referral-b-emergency");
    assert_eq!(waits["state"], "waiting", "{waits}");
    let draft = waits["draft"].as_str().expect("a draft");
    let colleague = Other::new(x.dir.path(), x.sites["qn-bord"].home.dir(), COLLEAGUE);
    let approve = ["refer", "approve", draft, "--yes", "--json"];
    let b = succeeded(&colleague.expect("root").cli(&approve));
    let b: Value = serde_json::from_str(&b).expect("JSON");
    let b = b["id"].as_str().expect("an id");
    x.take_up("qn-lantern", b);
    let no_room = ["refer", "decline", b, "--reason", "no-capacity", "--yes"];
    x.at("qn-lantern").ok(&no_room);
    let new = |inbox: &Value| inbox["rows"][0]["state"] == "sent";
    let inbox = x.at("migro").until(&["inbox"], new);
    let b = inbox["rows"][0]["id"].as_str().expect("an id").to_owned();
    x.take_up("migro", &b);
    x.at("migro").json(&["refer", "accept", &b, "--yes"]);
    x.at("migro").json(&["refer", "show", &b]);

    let c = x.sent("migro", "32-referral-c-asylum-seeker");
    x.released("migro", "qn-lantern", &c, "Mispel Caesarmarke");
    let d = x.sent("qn-lantern", "33-referral-d-return");
    x.released("qn-lantern", "migro", &d, "Berberitze Doramarke");

    let all: Vec<&str> = PLANTED.iter().map(|(word, _)| *word).collect();
    for (name, program) in &x.running {
        let theirs = PLANTED.iter().filter(|(_, who)| who.contains(name));
        let theirs: Vec<&str> = theirs.map(|(word, _)| *word).collect();
        let mut never = all.clone();
        never.retain(|word| !theirs.contains(word));
        assert_eq!(remembered(program.pid(), &never), BTreeSet::new(), "{name}");
        match forgets(program.pid(), &theirs, FADES) {
            Ok(took) => println!("{name} forgot {theirs:?} {took:.1?} after they were shown"),
            Err(left) => panic!("{name} remembers {left:?} after a minute"),
        }
        // That something can be found at all: what a node must know.
        assert!(!remembered(program.pid(), &[name]).is_empty(), "{name}");
    }
    nothing_on_disk(&x.sites, &all);
    for (name, program) in x.running {
        assert_eq!(program.terminate(), Some(0), "{name}");
    }
    nothing_on_disk(&x.sites, &all);
}

fn nothing_on_disk(sites: &BTreeMap<&str, Site>, words: &[&str]) {
    for site in sites.values() {
        let found = liaison_tests::sealed::files_with(site.home.dir(), words);
        assert_eq!(found, Vec::<String>::new());
    }
}

/// The test above can fail: what was freed without wiping is found.
#[test]
fn what_is_freed_without_wiping_is_found() {
    if !is_readable() {
        return;
    }
    let mut child = Command::new(UNWIPED)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("its input");
    input.write_all(b"ekramnotnA\n").expect("told");
    let mut freed = String::new();
    let out = child.stdout.take().expect("its output");
    BufReader::new(out).read_line(&mut freed).expect("a line");
    assert!(freed.starts_with("freed"), "{freed}");
    let words = ["Antonmarke", "Bertamarke"];
    let found = remembered(child.id(), &words);
    assert_eq!(found, BTreeSet::from(["Antonmarke"]));
    assert!(forgets(child.id(), &words, Duration::ZERO).is_err());
    drop(input);
    assert!(child.wait().expect("it ends").success());
}

//! The Sarajevo exercise (fictional), rows 1 to 34, as `examples/exercises/sarajevo.toml` has it
//! and as `liaison exercise sarajevo` plays it. The player looks up in the nodes' stores who has
//! what; here every frame on every wire is looked at as well, who passed what on, and the disks
//! by another search. What stands in memory is looked for in `memory`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use liaison_cli::exercise::{self, Act, Files, Player, Report, Scenario, StepReport};
use liaison_cli::stage::Stage;
use liaison_node::control::api::{RecordView, Why};
use liaison_node::swarm::{Direction, Tap};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::PersonalKind;
use liaison_tests::sealed::{files_with, stands_in};
use liaison_tests::tap::Recorder;
use serde_json::Value;

/// What is known of the exercise while it is played.
struct Watched<'a> {
    scenario: &'a Scenario,
    taps: BTreeMap<String, Arc<Recorder>>,
    /// Every sealed record that any node could ever read: who may know of it.
    sealed: BTreeMap<RecordId, BTreeSet<AgencyId>>,
    /// Strategic records: who wrote it, its title, who may have it.
    strategic: BTreeMap<RecordId, (String, String, BTreeSet<String>)>,
    dir: &'a Path,
}

#[test]
fn e31_the_sarajevo_exercise_holds_row_by_row_on_disks_and_in_every_frame() {
    let path = examples().join("exercises/sarajevo.toml");
    let text = std::fs::read_to_string(&path).expect("the scenario");
    let folder = Files::Folder(examples().join("exercises"));
    let scenario = exercise::read(&text, &folder).unwrap_or_else(|f| panic!("{f:#?}"));
    let dir = tempfile::tempdir().expect("folder");
    let taps: BTreeMap<String, Arc<Recorder>> = scenario
        .agencies
        .iter()
        .map(|agency| (agency.name.clone(), Arc::new(Recorder::default())))
        .collect();
    let tap = |name: &str| taps.get(name).map(|tap| tap.clone() as Arc<dyn Tap>);
    let mut player =
        Player::start(&scenario, dir.path(), &tap).unwrap_or_else(|trouble| panic!("{trouble:?}"));
    let mut watched = Watched {
        scenario: &scenario,
        taps: taps.clone(),
        sealed: BTreeMap::new(),
        strategic: BTreeMap::new(),
        dir: dir.path(),
    };
    for (at, step) in scenario.steps.iter().enumerate() {
        let report = player
            .play(step)
            .unwrap_or_else(|trouble| panic!("{trouble:?}"));
        assert!(report.ok(), "row {}: {report:#?}", report.row);
        let report = report.clone();
        watched.note(&report, at, player.stage());
    }
    the_four_of_before(&watched, &player);
    let report = player
        .finish()
        .unwrap_or_else(|trouble| panic!("{trouble:?}"));
    assert_eq!(report.faults, Vec::<String>::new());
    the_table_says(&report);
    watched.nowhere_in_clear("all nodes stopped");
    watched.no_trace_on_the_wires(&taps);
}

impl Watched<'_> {
    /// Takes up what a step made, and looks for the planted words after each that sends some.
    fn note(&mut self, report: &StepReport, at: usize, stage: &Stage) {
        for member in stage.iter().filter(|m| m.runs()) {
            let vault = &member.node().expect("it runs").vault;
            for (_, change) in vault.after(0, usize::MAX) {
                if let Some(gist) = vault.gist(change.id()) {
                    let mut who = gist.recipients.clone();
                    who.insert(gist.author);
                    self.sealed.insert(*change.id(), who);
                }
            }
        }
        let Act::Run {
            draft: Some((draft, _)),
            ..
        } = &self.scenario.steps[at].act
        else {
            return;
        };
        let draft: Value = serde_json::from_str(draft).expect("JSON");
        let (Some(author), Some(title)) = (&report.at, draft["title"].as_str()) else {
            self.nowhere_in_clear(&report.says);
            return;
        };
        assert_eq!(draft["exercise"], "SARAJEVO-1", "{title}");
        let mut who: BTreeSet<String> = report.has.iter().cloned().collect();
        who.insert(author.clone());
        let id = match &report.id {
            Some(id) => id.parse().expect("an id"),
            // It was refused: its title is nowhere.
            None => RecordId::from_bytes([at as u8; 32]),
        };
        if report.id.is_none() {
            who = [author.clone()].into();
        }
        self.strategic
            .insert(id, (author.clone(), title.to_owned(), who));
    }

    /// The planted words stand on no disk and in no frame.
    fn nowhere_in_clear(&self, when: &str) {
        let words: Vec<&str> = self.scenario.secrets.iter().map(String::as_str).collect();
        assert!(words.len() >= 6, "{words:?}");
        assert_eq!(files_with(self.dir, &words), Vec::<String>::new(), "{when}");
        for (name, tap) in &self.taps {
            for frame in tap.frames() {
                for word in &words {
                    let there = stands_in(&frame.body, word.as_bytes());
                    assert!(!there, "{when}: {name}: {word} in {frame:?}");
                }
            }
        }
    }

    /// Nothing of a record crossed a wire to an agency that must not have it: not its title, not
    /// its id.
    fn no_trace_on_the_wires(&self, taps: &BTreeMap<String, Arc<Recorder>>) {
        assert_eq!(self.strategic.len(), 16, "rows 9 to 24");
        // Four profiles, one more for B, steps, an identity, a notice.
        assert!(self.sealed.len() >= 13, "{}", self.sealed.len());
        let agencies: BTreeMap<AgencyId, &String> = taps
            .keys()
            .map(|name| (agency_of(self.dir, name), name))
            .collect();
        for (from, tap) in taps {
            for frame in tap.frames() {
                if frame.direction != Direction::Out {
                    continue;
                }
                let to = agencies[&frame.peer];
                for (id, (_, title, who)) in &self.strategic {
                    let may = who.contains(to);
                    let there = |what: &[u8]| stands_in(&frame.body, what);
                    assert!(
                        may || !there(title.as_bytes()),
                        "{from} told {to} of '{title}'"
                    );
                    assert!(
                        may || !there(id.as_bytes()),
                        "{from} told {to} the id of '{title}'"
                    );
                }
                for (id, who) in &self.sealed {
                    let may = who.contains(&frame.peer);
                    let there = stands_in(&frame.body, id.as_bytes());
                    assert!(may || !there, "{from} told {to} of {}", id.short());
                }
            }
        }
    }
}

/// What the two tests before this one looked at in the running nodes.
fn the_four_of_before(watched: &Watched<'_>, player: &Player<'_>) {
    let stage = player.stage();
    nobody_passes_on(watched, stage);
    only_notices_at_the_joint_office(stage);
    // A was erased, with receipts, and says why.
    let bord = stage.of("qn-bord").unwrap_or_else(|_| panic!("qn-bord"));
    let lantern = stage
        .of("qn-lantern")
        .unwrap_or_else(|_| panic!("qn-lantern"));
    let a = watched
        .sealed
        .keys()
        .find(|id| {
            let view = bord
                .client
                .get::<RecordView>(&format!("/v1/records/{}", id.full()));
            view.is_ok_and(|view| {
                let by = view.retracted_by.as_ref();
                by.is_some_and(|by| by.erased) && view.recipients.iter().any(|r| r.erased.is_some())
            })
        })
        .copied();
    assert!(
        a.is_some(),
        "a record of A is erased, and its receipt is in"
    );
    assert!(
        !lantern
            .home
            .dir()
            .join("keyring/entries")
            .join(a.expect("A").full())
            .exists()
    );
}

/// Every strategic record came from its author: no holder passed on what an author withheld.
fn nobody_passes_on(watched: &Watched<'_>, stage: &Stage) {
    let mut asked = 0;
    for (id, (author, title, who)) in &watched.strategic {
        for name in who.iter().filter(|name| *name != author) {
            let holder = stage.of(name).unwrap_or_else(|_| panic!("{name}"));
            let store = &holder.node().unwrap_or_else(|_| panic!("{name}")).store;
            let at = store.arrival_of(id).expect("store").expect("held");
            let header = store.header(at).expect("store").expect("header");
            let courier = header.courier.and_then(|c| stage.name_of(&c));
            assert_eq!(courier, Some(author.as_str()), "{title} at {name}");
            for peer in stage
                .iter()
                .filter(|p| p.name != *name && p.name != *author)
            {
                let path = format!("/v1/records/{}/why/{}", id.full(), peer.name);
                let why: Why = holder.client.get(&path).expect("an answer");
                assert!(
                    !why.decision.allow,
                    "{title}: {name} to {}: {why:?}",
                    peer.name
                );
                asked += 1;
            }
        }
    }
    assert!(asked > 300, "{asked}");
}

/// The joint office opens notices of who is silent and nothing else, and the agencies that no
/// row names open nothing.
fn only_notices_at_the_joint_office(stage: &Stage) {
    let kinds = |name: &str| {
        let member = stage.of(name).unwrap_or_else(|_| panic!("{name}"));
        let vault = &member.node().unwrap_or_else(|_| panic!("{name}")).vault;
        let changes = vault.after(0, usize::MAX);
        let gists = changes
            .iter()
            .filter_map(|(_, change)| vault.gist(change.id()));
        gists.map(|gist| gist.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds("hub-sar"), [PersonalKind::Overdue]);
    for name in ["qm-pol", "qo-pros", "qo-fiu", "veloren"] {
        assert_eq!(kinds(name), [], "{name}");
    }
}

/// The table that people see has a line for every row that makes something, and the letters.
fn the_table_says(report: &Report) {
    let line = |row: &str, what: &str| {
        let found = report
            .matrix
            .iter()
            .find(|r| r.row == row && r.what.starts_with(what));
        let cells = &found.unwrap_or_else(|| panic!("{row} {what}")).cells;
        let all: Vec<String> = cells
            .iter()
            .map(|c| {
                serde_json::to_value(c.state)
                    .expect("JSON")
                    .as_str()
                    .expect("text")
                    .into()
            })
            .collect();
        all.join(" ")
    };
    assert_eq!(report.matrix.len(), 27);
    assert_eq!(line("9", "trend"), "has wrote has has has has never has");
    assert_eq!(
        line("10", "trend"),
        "never refused never never never never never never"
    );
    assert_eq!(
        line("18", "method"),
        "never has wrote never never never never has"
    );
    assert_eq!(
        line("25", "A"),
        "never wrote-erased never never erased never never never"
    );
    assert_eq!(
        line("30", "B"),
        "never wrote never never never has never never"
    );
    assert_eq!(
        line("32", "C: profile"),
        "never never never never has wrote never never"
    );
}

fn agency_of(dir: &Path, name: &str) -> AgencyId {
    let home = liaison_node::home::Home::at(dir.join(name));
    home.card_file().expect("a card").agency()
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

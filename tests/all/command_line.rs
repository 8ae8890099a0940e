//! The command line's contract: what scripts rely on and what a person sees, against real
//! nodes. What a terminal shows runs the program itself on one.

use std::path::Path;

use liaison_protocol::record::date::Date;
use liaison_tests::federation::{ACCEPT, OPEN};
use liaison_tests::process::run;
use liaison_tests::{Federation, TestNode};
use serde_json::{Value, json};

use crate::first::trend;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_liaison-under-test");
pub const ESCAPE: char = '\u{1b}';

/// Every command with `--json` prints one object, or one object a line, and nothing else on
/// standard output; exit code 0.
#[tokio::test(flavor = "multi_thread")]
async fn json_is_one_object_or_one_line_an_object() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let a = &federation["a"];
    let id = a.push(&trend("Lorries at night"), &[]).await.full();
    let other = a.push(&trend("Lorries by day"), &[]).await.full();
    federation["b"].holds_all(&[id.parse().expect("id")]).await;
    federation.settled().await;
    let dir = federation.dir();
    let file = |name: &str, text: &str| put(dir, name, text);
    let amended = file(
        "amended.json",
        &trend("Lorries in the small hours").to_string(),
    );
    let draft = file("draft.json", &trend("Vans").to_string());
    let csv = file(
        "rows.csv",
        "month,transport,n\n2026-03,truck,41\n2026-04,van,17\n",
    );
    let map = file("map.toml", MAP);
    let cose = dir.join("record.cose");
    std::fs::write(&cose, record_bytes(a, &id)).expect("written");
    let (cose, exported) = (text(&cose), text(&dir.join("a.card")));
    let card_b = text(&federation["b"].home.dir().join("card.liaison"));
    let policy = text(&a.home.policy_dir());
    let until = Date::from_millis(a.node().clock.now())
        .add_days(7)
        .to_string();
    #[rustfmt::skip]
    let calls: &[&[&str]] = &[
        &[],
        &["status"], &["status", "--check"], &["status", "--check", "--behind", "10"],
        &["card", "show"], &["card", "show", &card_b], &["card", "export", &exported], &["card", "export", "-"],
        &["card", "edit", "--regime", "conv108"],
        &["peer", "list"], &["peer", "test", "b"], &["peer", "add", &card_b, "--as", "b", "--yes"],
        &["policy", "check", &policy], &["policy", "apply", &policy, "--reason", "again", "--unproven",
            "--accept-broken", "personal-to-named", "--accept-broken", "red-to-named",
            "--accept-broken", "private-never", "--accept-broken", "private-to-named"],
        &["policy", "show"], &["policy", "show", "--plain"], &["policy", "revert"],
        &["record", "template", "trend"],
        &["push", &draft, "--dry-run"], &["push", &draft], &["push", &draft, "--to", "b"], &["push", &draft, "--to", ""],
        &["import", "csv", &csv, "--map", &map, "--dry-run"], &["import", "csv", &csv, "--map", &map],
        &["query", "lorries"], &["query", "kind:trend", "--limit", "1"], &["query", "--count"],
        &["query", "--new"], &["query", "measure:detections", "--sum"], &["query", "kind:trend", "--by", "area"],
        &["show", &id], &["why", &id, "b"], &["verify", &cose],
        &["inbox"], &["refer", "drafts"], &["service", "gaps"], &["contact", "print"],
        &["stats", "referrals"], &["stats", "gaps"], &["stats", "responses"], &["keys", "sealing"], &["expiry"],
        &["permit", &id, "--to", "b", "--until", &until, "--dry-run"], &["permit", &id, "--to", "b", "--until", &until],
        &["amend", &id, &amended, "--dry-run"], &["amend", &id, &amended],
        &["retract", &other, "--reason", "error", "--dry-run"], &["retract", "--yes", &other, "--reason", "error"],
        &["peer", "remove", "--yes", "b"],
    ];
    for call in calls {
        let args: Vec<&str> = call.iter().copied().chain(["--json"]).collect();
        let ran = a.cli(&args).await;
        assert_eq!(ran.code, 0, "{call:?}: {ran:?}");
        let lines: Vec<&str> = ran.out.lines().collect();
        assert!(!lines.is_empty(), "{call:?} prints nothing");
        for line in &lines {
            let value: Value =
                serde_json::from_str(line).unwrap_or_else(|e| panic!("{call:?}: {e} in {line:?}"));
            assert!(value.is_object(), "{call:?}: {line}");
        }
        let many = call.starts_with(&["peer", "list"]) || call.starts_with(&["contact", "print"]);
        assert!(many || lines.len() == 1, "{call:?}: {} lines", lines.len());
        assert!(
            !ran.out.contains(ESCAPE) && !ran.err.contains(ESCAPE),
            "{call:?}"
        );
    }
    // A refusal is one object as well, on standard error.
    let ran = a.cli(&["show", "zzzz", "--json"]).await.expect_code(1);
    let error: Value = serde_json::from_str(ran.err.trim()).expect("an object");
    assert_eq!(
        (error["code"].as_str(), ran.out.as_str()),
        (Some("not-found"), "")
    );
    federation.stop().await;
}

/// Exit codes: 1 refused or failed, 2 wrong use, 3 the node is not reachable; each with a
/// sentence that says what to type.
#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_are_the_contract() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let id = federation["a"].push(&trend("Lorries"), &[]).await.full();
    federation["b"].holds_all(&[id.parse().expect("id")]).await;
    let bad = put(federation.dir(), "bad.toml", "kind = \"trend\"\nlang = \n");
    let small = small_count(federation.dir());
    #[rustfmt::skip]
    let calls: &[(&[&str], u8, &str)] = &[
        (&["show", "ZZZZ"],                           1, "no record here"),
        (&["show", "Z"],                              1, ""),
        (&["why", &id, "nobody"],                     1, "nobody"),
        (&["push", &small],                           1, "TRD-02"),
        (&["push", &bad],                             1, "line 2"),
        (&["push", "no-such-file.toml"],              1, "no-such-file.toml"),
        (&["push", &small, "--to", "nobody"],         1, "'nobody' is no peer and no circle"),
        (&["peer", "remove", "--yes", "nobody"],               1, "nobody"),
        (&["peer", "test", "nobody"],                 1, "nobody"),
        (&["query", "kin:trend"],                     1, "kin"),
        (&["query", "kind:trend", "--by", "colour"],  1, "colour"),
        (&["retract", "--yes", &id, "--reason", "error"],      1, "only its author can have it retracted"),
        (&["amend", &id, &small],                     1, "only its author can have it amended"),
        (&["policy", "revert"],                       1, "no earlier policy"),
        (&["init", "--name", "x", "--country", "QN", "--sector", "border"], 1, "is a home already"),
        (&["verify", &bad],                           1, ""),
        (&["card", "show", &bad],                     1, "card"),
        (&["query"],                                  2, "query needs something to look for"),
        (&["nonsense"],                               2, "nonsense"),
        (&["record", "template", "gossip"],           2, "gossip"),
        (&["retract", "--yes", &id, "--reason", "boredom"],    2, "boredom"),
        (&["status", "--behind", "3"],                2, "--check"),
        (&["new", "trend", "--edit", "trend-1"],      2, "cannot be used with"),
        (&["peer", "add", &bad],                      2, "the fingerprint is not confirmed"),
        (&["peer", "add", &bad, "--fingerprint", "12345"], 2, "exactly 30 digits"),
        (&["show", &id, "--cose", "--json"],          2, "cannot be used with"),
    ];
    let b = &federation["b"];
    let held = b.node().store.last();
    for (call, code, says) in calls {
        let ran = b.cli(call).await;
        assert_eq!(ran.code, *code, "{call:?}: {ran:?}");
        assert!(ran.err.contains(says), "{call:?}: {ran:?}");
        assert!(
            *code == 2 || ran.err.starts_with("error: "),
            "{call:?}: {ran:?}"
        );
    }
    assert_eq!(b.node().store.last(), held, "a refusal changed the store");

    federation.node("b").stop().await;
    let home = text(federation["b"].home.dir());
    let needs_node: &[&[&str]] = &[
        &["status"],
        &["peer", "list"],
        &["query", "x"],
        &["show", "AAAA"],
        &["push", &small],
        &["why", "AAAA", "a"],
        &["watch"],
        &["policy", "show"],
        &["verify", &small],
        &["retract", "--yes", "AAAA", "--reason", "error"],
    ];
    for call in needs_node {
        let ran = federation["b"].cli(call).await;
        assert_eq!(ran.code, 3, "{call:?}: {ran:?}");
        let start = format!("liaison --home {home} run");
        assert!(
            ran.err.contains("the node is not running") && ran.err.contains(&start),
            "{ran:?}"
        );
    }
    let ran = federation["b"].cli(&[]).await.expect_code(3);
    assert!(
        ran.out.contains("liaison run"),
        "the home screen says how to start it: {ran:?}"
    );
    // The card can be read, edited and handed out all the same.
    federation["b"].cli(&["card", "show"]).await.expect_code(0);
    federation["b"]
        .cli(&["card", "edit", "--regime", "conv108"])
        .await
        .expect_code(0);
    let nowhere = run(
        PROGRAM.as_ref(),
        Path::new("/nonexistent/home"),
        &["status"],
        "",
    );
    assert_eq!(nowhere.status.code(), Some(3));
    let says = String::from_utf8_lossy(&nowhere.stderr).into_owned();
    assert!(
        says.contains("there is no home folder") && says.contains("init"),
        "{says}"
    );
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_check_apply_revert_and_plain() {
    let mut federation = Federation::mesh(&["a", "b"], ACCEPT).await;
    let a = &federation["a"];
    let dir = federation.dir().join("draft-policy");
    std::fs::create_dir(&dir).expect("folder");
    let write = |text: &str| std::fs::write(dir.join("share.cedar"), text).expect("written");
    let dir_text = text(&dir);
    write("// one\n// two\npermit (principal, action == Action::\"shar\", resource);\n");
    let ran = a.cli(&["policy", "check", &dir_text]).await.expect_code(1);
    assert!(ran.err.contains("share.cedar:3"), "{ran:?}");
    write("permit (principal, action == Action::\"share\", resource\n");
    let ran = a.cli(&["policy", "check", &dir_text]).await.expect_code(1);
    assert!(ran.err.contains("share.cedar:"), "{ran:?}");
    write(
        "@id(\"x\") @says(\"x\")\npermit (principal == Agency::\"nobody\", action == Action::\"share\", resource);\n",
    );
    let ran = a.cli(&["policy", "apply", &dir_text]).await.expect_code(1);
    assert!(ran.err.contains("nobody"), "{ran:?}");
    assert!(
        a.json(&["policy", "show"]).await["statements"][0]["id"] == "accept-all",
        "it stays"
    );

    write(
        "@id(\"trends\") @says(\"Trends up to green.\")\npermit (principal, action == Action::\"share\", resource)\nwhen { resource.kind == Kind::\"trend\" && resource.tlp in [Tlp::\"clear\", Tlp::\"green\"] };\n",
    );
    a.cli(&["policy", "check", &dir_text]).await.expect_code(0);
    let before = a.json(&["policy", "show"]).await;
    a.cli(&[
        "policy",
        "apply",
        &dir_text,
        "--reason",
        "agreement",
        "--unproven",
    ])
    .await
    .expect_code(0);
    let shown = a.cli(&["policy", "show", "--plain"]).await.expect_code(0);
    assert!(
        shown.out.contains("up to green") && shown.out.contains('b'),
        "{shown:?}"
    );
    let now = a.json(&["policy", "show"]).await;
    assert_eq!(now["history"][0]["reason"], "agreement");
    let status = a.json(&["status"]).await;
    assert_eq!(
        status["policy"]["differs"], true,
        "the files in policy/ are others"
    );
    let check = a.cli(&["status", "--check"]).await.expect_code(1);
    assert!(check.out.contains("liaison policy check"), "{check:?}");

    a.cli(&["policy", "revert"]).await.expect_code(0);
    let after = a.json(&["policy", "show"]).await;
    assert_eq!(after["hash"], before["hash"]);
    assert_eq!(after["active"], true);
    federation.stop().await;
}

/// A policy without a statement stops all sharing: nobody puts one in force by the wrong folder.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_says_nothing_takes_no_others_place_unless_asked() {
    let mut federation = Federation::mesh(&["a", "b"], ACCEPT).await;
    let a = &federation["a"];
    let before = a.json(&["policy", "show"]).await["hash"].clone();
    let file = a.home.policy_dir().join("policy.cedar");
    std::fs::write(&file, "// none yet\n").expect("written");
    let apply = ["policy", "apply", "--reason", "x", "--unproven"];
    let ran = a.cli(&apply).await.expect_code(1);
    assert!(ran.err.contains("--empty"), "{ran:?}");
    assert_eq!(a.json(&["policy", "show"]).await["hash"], before);
    a.cli(&[&apply[..], &["--empty"]].concat())
        .await
        .expect_code(0);
    let now = a.json(&["policy", "show"]).await;
    assert_eq!(now["statements"].as_array().map(Vec::len), Some(0), "{now}");
    a.cli(&["policy", "revert", "--yes"]).await.expect_code(0);
    // Back again: whoever types it names what comes.
    a.cli(&["policy", "revert", "--yes"]).await.expect_code(0);
    let now = a.json(&["policy", "show"]).await;
    assert_eq!(now["statements"].as_array().map(Vec::len), Some(0), "{now}");
    federation.stop().await;
}

/// `peer test` against a good peer, a stopped one and one that does not know us; `peer remove`.
#[tokio::test(flavor = "multi_thread")]
async fn peer_test_says_which_step_fails_and_what_to_do() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    federation.add("stranger", "ngo", "QO").await;
    let card = text(&federation["stranger"].home.dir().join("card.liaison"));
    let added = federation["a"]
        .cli(&["peer", "add", &card, "--as", "stranger", "--yes"])
        .await;
    added.expect_code(0);
    let good = federation["a"].json(&["peer", "test", "b"]).await;
    assert_eq!(steps(&good), "resolve connect key known-to-them version");

    let unknown = federation["a"]
        .cli(&["peer", "test", "stranger", "--json"])
        .await
        .expect_code(1);
    let report = unknown.json();
    assert_eq!(failed(&report), Some("known-to-them"), "{report}");
    assert!(report["steps"].to_string().contains("remedy"), "{report}");

    federation.node("b").stop().await;
    let stopped = federation["a"]
        .cli(&["peer", "test", "b", "--json"])
        .await
        .expect_code(1);
    assert_eq!(failed(&stopped.json()), Some("connect"), "{stopped:?}");
    let words = federation["a"]
        .cli(&["peer", "test", "b"])
        .await
        .expect_code(1);
    assert!(words.out.contains("connect"), "{words:?}");
    let check = federation["a"]
        .cli(&["status", "--check"])
        .await
        .expect_code(1);
    assert!(check.out.contains("liaison peer test b"), "{check:?}");

    let list = federation["a"]
        .cli(&["peer", "list", "--json"])
        .await
        .expect_code(0);
    assert_eq!(list.out.lines().count(), 2);
    federation["a"]
        .cli(&["peer", "remove", "--yes", "stranger"])
        .await
        .expect_code(0);
    let list = federation["a"]
        .cli(&["peer", "list", "--json"])
        .await
        .expect_code(0);
    assert_eq!(list.out.lines().count(), 1, "{list:?}");
    // The digits, not --yes: wrong ones are refused, the right ones add it.
    let wrong = "00000 00000 00000 00000 00000 00000";
    let ran = federation["a"]
        .cli(&["peer", "add", &card, "--fingerprint", wrong])
        .await;
    assert!(
        ran.expect_code(1)
            .err
            .contains("the digits are not those of this card")
    );
    let right = federation["stranger"].agency.fingerprint();
    let ran = federation["a"]
        .cli(&["peer", "add", &card, "--fingerprint", &right])
        .await;
    assert!(ran.expect_code(0).out.contains("stranger"));
    federation.stop().await;
}

/// No flag takes a secret, every command's help has an example, and completions and manual
/// pages know every command.
#[test]
fn help_completions_and_manual() {
    let dir = tempfile::tempdir().expect("folder");
    let home = dir.path().join("none");
    let help = |args: &[&str]| {
        let args: Vec<&str> = args.iter().copied().chain(["--help"]).collect();
        let ran = run(PROGRAM.as_ref(), &home, &args, "");
        assert_eq!(ran.status.code(), Some(0), "{args:?}");
        String::from_utf8_lossy(&ran.stdout).into_owned()
    };
    let commands = |text: &str| -> Vec<String> {
        let list = text.split("Commands:\n").nth(1).unwrap_or_default();
        list.lines()
            .take_while(|line| line.starts_with("  "))
            .filter(|line| !line.starts_with("   "))
            .filter_map(|line| line.split_whitespace().next())
            .filter(|name| *name != "help")
            .map(str::to_owned)
            .collect()
    };
    let mut found = Vec::new();
    let top = commands(&help(&[]));
    assert!(top.len() >= 18, "{top:?}");
    let mut open = top;
    while let Some(name) = open.pop() {
        let text = help(&name.split(' ').collect::<Vec<_>>());
        let below = commands(&text);
        if below.is_empty() {
            found.push((name, text));
        } else {
            open.extend(below.iter().map(|sub| format!("{name} {sub}")));
        }
    }
    for (name, text) in &found {
        let example = format!("liaison {name}");
        let shown = text
            .split("Example")
            .nth(1)
            .is_some_and(|t| t.contains(&example));
        assert!(shown, "the help of '{name}' has no example:\n{text}");
        for flag in [
            "--password",
            "--secret",
            "--passphrase",
            "--token",
            "--private",
        ] {
            // A file or a descriptor that it is read from may be named.
            assert!(
                !text.contains(&format!("{flag} ")),
                "{name} takes a secret on its command line"
            );
        }
    }
    let completions = run(PROGRAM.as_ref(), &home, &["completions", "bash"], "");
    let completions = String::from_utf8_lossy(&completions.stdout).into_owned();
    let man = dir.path().join("man");
    std::fs::create_dir(&man).expect("folder");
    let ran = run(PROGRAM.as_ref(), &home, &["man", &text(&man)], "");
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let pages: Vec<String> = files(&man).into_iter().map(|f| f.0).collect();
    for (name, _) in &found {
        let first = name.split(' ').next().expect("a word");
        assert!(completions.contains(first), "no completion of {name}");
        let page = format!("liaison-{}.1", name.replace(' ', "-"));
        assert!(pages.contains(&page), "no page {page}: {pages:?}");
    }
}

/// The card: what it lacks is listed, an edit is a new revision that peers get.
#[tokio::test(flavor = "multi_thread")]
async fn card_export_show_and_edit() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let a = &federation["a"];
    let file = text(&federation.dir().join("a.card"));
    let ran = a.cli(&["card", "export", &file]).await.expect_code(0);
    assert!(ran.err.contains("The card still lacks:"), "{ran:?}");
    let exported = std::fs::read_to_string(&file).expect("the card");
    assert!(
        exported.is_ascii() && exported.lines().all(|l| l.len() <= 78),
        "pasteable: {exported}"
    );
    let piped = a.cli(&["card", "export", "-"]).await.expect_code(0);
    let shown = federation["b"]
        .cli_in(&["card", "show", "-"], &piped.out)
        .await
        .expect_code(0);
    assert!(shown.out.contains("all 30 digits"), "{shown:?}");
    let as_json = a.json(&["card", "show", &file]).await;
    assert_eq!(as_json["fingerprint"], a.agency.fingerprint());

    let toml = "[[functions]]\nrole = \"duty desk\"\nchannel = \"+999 555 0101\"\nhours = \"24h\"\nlanguages = [\"en\"]\n";
    a.cli_in(&["card", "edit", "--from", "-"], toml)
        .await
        .expect_code(0);
    let node = federation["b"].node();
    let mut changes = node.registry.changes();
    let has = |n: &liaison_node::node::Node| {
        n.registry
            .contact(&federation["a"].agency)
            .is_some_and(|c| !c.functions.is_empty())
    };
    let arrived = async {
        while !has(node) {
            changes.changed().await.expect("the node runs");
        }
    };
    let arrived = tokio::time::timeout(liaison_tests::federation::PATIENCE, arrived).await;
    assert!(arrived.is_ok(), "the new card does not reach b");
    let wrong = a
        .cli_in(&["card", "edit", "--from", "-"], "colour = 1\n")
        .await
        .expect_code(1);
    assert!(wrong.err.contains("colour"), "{wrong:?}");
    federation.stop().await;
}

pub const MAP: &str = r#"
[file]
delimiter = ","
encoding = "utf-8"
[record]
kind = "trend"
lang = "en"
title = "Detections, {transport}, {month}"
tlp = "green"
purpose = "statistics"
measure = "detections"
method = "administrative"
area = ["QN"]
[columns.month]
to = "period"
pattern = "%Y-%m"
[columns.transport]
to = "dims.transport"
[columns.n]
to = "n"
"#;

/// A draft that the checks refuse.
pub fn json_small() -> Value {
    let mut draft = trend("Presumed victims");
    draft["body"]["measure"] = "presumed-victims".into();
    draft["body"]["cells"] = json!([{"dims": {"age": "9-17"}, "n": 3}]);
    draft
}

fn small_count(dir: &Path) -> String {
    put(dir, "small.json", &json_small().to_string())
}

pub fn put(dir: &Path, name: &str, content: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, content).expect("written");
    text(&path)
}

pub fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// What `show --cose` writes, by a process: in this one standard output is text.
pub fn record_bytes(node: &TestNode, id: &str) -> Vec<u8> {
    let ran = run(
        PROGRAM.as_ref(),
        node.home.dir(),
        &["show", id, "--cose"],
        "",
    );
    assert!(ran.status.success(), "{ran:?}");
    ran.stdout
}

pub fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<(String, Vec<u8>)> = std::fs::read_dir(dir)
        .expect("folder")
        .map(|entry| {
            let entry = entry.expect("entry");
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, std::fs::read(entry.path()).expect("read"))
        })
        .collect();
    found.sort();
    found
}

fn steps(report: &Value) -> String {
    let steps = report["steps"].as_array().expect("steps");
    let names: Vec<&str> = steps
        .iter()
        .inspect(|s| assert_eq!(s["ok"], true, "{s}"))
        .filter_map(|s| s["step"].as_str())
        .collect();
    names.join(" ")
}

fn failed(report: &Value) -> Option<&str> {
    let steps = report["steps"].as_array()?;
    steps.iter().find(|s| s["ok"] == false)?["step"].as_str()
}

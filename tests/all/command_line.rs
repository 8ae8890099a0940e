//! The command line's contract: what scripts rely on and what a person sees, against real
//! nodes. What a terminal shows runs the program itself on one.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use liaison_protocol::record::codes::Kind;
use liaison_protocol::record::date::Date;
use liaison_protocol::record::signed::SignedRecord;
use liaison_tests::federation::{ACCEPT, OPEN};
use liaison_tests::process::{Program, run};
use liaison_tests::{Federation, Ran, TestNode, terminal};
use serde_json::{Value, json};

use crate::first::trend;

const PROGRAM: &str = env!("CARGO_BIN_EXE_liaison-under-test");
const ESCAPE: char = '\u{1b}';

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
        &["permit", &id, "--to", "b", "--until", &until, "--dry-run"], &["permit", &id, "--to", "b", "--until", &until],
        &["amend", &id, &amended, "--dry-run"], &["amend", &id, &amended],
        &["retract", &other, "--reason", "error", "--dry-run"], &["retract", &other, "--reason", "error"],
        &["peer", "remove", "b"],
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
        let many = call.starts_with(&["peer", "list"]);
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
        (&["peer", "remove", "nobody"],               1, "nobody"),
        (&["peer", "test", "nobody"],                 1, "nobody"),
        (&["query", "kin:trend"],                     1, "kin"),
        (&["query", "kind:trend", "--by", "colour"],  1, "colour"),
        (&["retract", &id, "--reason", "error"],      1, "only its author can have it retracted"),
        (&["amend", &id, &small],                     1, "only its author can have it amended"),
        (&["policy", "revert"],                       1, "no earlier policy"),
        (&["init", "--name", "x", "--country", "QN", "--sector", "border"], 1, "is a home already"),
        (&["verify", &bad],                           1, ""),
        (&["card", "show", &bad],                     1, "card"),
        (&["query"],                                  2, "query needs something to look for"),
        (&["nonsense"],                               2, "nonsense"),
        (&["record", "template", "gossip"],           2, "gossip"),
        (&["retract", &id, "--reason", "boredom"],    2, "boredom"),
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
        &["retract", "AAAA", "--reason", "error"],
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

/// `push` shows who gets it and why not the others, prints the id alone, and takes standard
/// input, several records, TOML and JSON.
#[tokio::test(flavor = "multi_thread")]
async fn push_says_who_gets_it_and_why_not_the_others() {
    let mut federation = Federation::mesh(&["a", "b", "c"], OPEN).await;
    let a = &federation["a"];
    a.policy(
        r#"@id("b-only") @says("Only B has an agreement with us.")
permit (principal == Agency::"b", action == Action::"share", resource);"#,
    )
    .await;
    let draft = trend("Lorries at night").to_string();
    let dry = a
        .cli_in(&["push", "-", "--dry-run"], &draft)
        .await
        .expect_code(0);
    assert!(
        dry.out.contains("Only B has an agreement with us."),
        "{dry:?}"
    );
    assert!(dry.out.contains("Nothing was sent."), "{dry:?}");
    assert_eq!(a.holds().len(), 0, "a dry run stores nothing");
    let report = a
        .cli_in(&["push", "-", "--dry-run", "--json"], &draft)
        .await
        .json();
    let decisions: Vec<(&str, bool, &str)> = report["peers"]
        .as_array()
        .expect("peers")
        .iter()
        .map(|p| {
            let text = |f: &str| p[f].as_str().expect("text");
            (
                text("peer"),
                p["allow"].as_bool().expect("bool"),
                text("gate"),
            )
        })
        .collect();
    assert_eq!(decisions, [("b", true, "policy"), ("c", false, "policy")]);
    assert!(report["id"].is_null());

    let ran = a.cli_in(&["push", "-"], &draft).await.expect_code(0);
    let id = ran.out.trim();
    assert_eq!(
        ran.out.lines().count(),
        1,
        "the id alone is on standard output: {ran:?}"
    );
    assert!(ran.err.contains('b') && ran.err.contains('c'), "{ran:?}");
    federation["b"]
        .holds_all(&[id.parse().expect("the full id")])
        .await;
    let why = a.cli(&["why", id, "c"]).await.expect_code(0);
    assert!(why.out.contains("policy"), "{why:?}");
    let why = a.json(&["why", id, "b"]).await;
    let says = why["decision"]["says"].as_str().expect("words");
    assert!(
        says.ends_with("(policy.cedar, line 1): Only B has an agreement with us."),
        "{says}"
    );
    assert!(
        why["decision"]["place"]
            .as_str()
            .is_some_and(|p| p.contains("policy.cedar:1")),
        "{why}"
    );

    // Nobody, by an empty list: the audience gate says so.
    let ran = a
        .cli_in(&["push", "-", "--to", "", "--json"], &draft)
        .await
        .expect_code(0)
        .json();
    let gates: Vec<&str> = ran["peers"]
        .as_array()
        .expect("peers")
        .iter()
        .filter_map(|p| p["gate"].as_str())
        .collect();
    assert_eq!(gates, ["audience", "audience"]);

    // Several, one a line: the good ones go in, the others are named, exit 1.
    let small = json_small();
    let lines = format!("{draft}\n{small}\n{}\n", trend("Vans"));
    let before = a.holds().len();
    let ran = a.cli_in(&["push", "-"], &lines).await.expect_code(1);
    assert_eq!(ran.out.lines().count(), 2, "{ran:?}");
    assert!(
        ran.err.contains("record 2:") && ran.err.contains("TRD-02"),
        "{ran:?}"
    );
    assert!(ran.err.contains("1 of 3 were refused"), "{ran:?}");
    assert_eq!(a.holds().len(), before + 2);
    federation.settled().await;
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_template_can_be_pushed_as_it_is_printed() {
    let mut federation = Federation::mesh(&["a"], OPEN).await;
    let a = &federation["a"];
    for kind in Kind::WRITTEN {
        for form in [&[][..], &["--toml"]] {
            let args: Vec<&str> = ["record", "template", kind.as_str()]
                .into_iter()
                .chain(form.iter().copied())
                .collect();
            let printed = a.cli(&args).await.expect_code(0).out;
            assert!(
                !form.is_empty() || serde_json::from_str::<Value>(&printed).is_ok(),
                "{printed}"
            );
            let pushed = a.cli_in(&["push", "-"], &printed).await;
            if *kind == Kind::Contact {
                // The card is the contact entry: it is edited, not pushed.
                assert_eq!(pushed.code, 1, "{pushed:?}");
                assert!(pushed.err.contains("liaison card edit"), "{pushed:?}");
                continue;
            }
            assert_eq!(pushed.code, 0, "{kind} {form:?}: {pushed:?}");
            let shown = a.json(&["show", pushed.out.trim()]).await;
            assert_eq!(shown["kind"], kind.as_str());
            assert_eq!(
                shown["findings"].as_array().map_or(0, Vec::len),
                0,
                "{shown}"
            );
        }
    }
    federation.stop().await;
}

/// The exact signed bytes, whole, by any unique prefix; a changed bit does not verify.
#[tokio::test(flavor = "multi_thread")]
async fn show_amend_retract_and_verify() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let a = &federation["a"];
    let id = a.push(&trend("Lorries at night"), &[]).await;
    federation["b"].holds_all(&[id]).await;
    federation.settled().await;

    let bytes = record_bytes(a, &id.full());
    let signed = SignedRecord::parse(bytes.clone().into()).expect("COSE_Sign1");
    assert_eq!(signed.id(), id);
    let file = federation.dir().join("record.cose");
    std::fs::write(&file, &bytes).expect("written");
    let good = federation["b"]
        .cli(&["verify", &text(&file)])
        .await
        .expect_code(0);
    assert!(good.out.contains("signed by a"), "{good:?}");
    let mut changed = bytes;
    let last = changed.last_mut().expect("bytes");
    *last ^= 1;
    std::fs::write(&file, &changed).expect("written");
    let ran = federation["b"]
        .cli(&["verify", &text(&file)])
        .await
        .expect_code(1);
    assert!(!ran.out.contains("unchanged"), "{ran:?}");

    let short = &id.full()[..4];
    assert!(
        a.cli(&["show", short])
            .await
            .expect_code(0)
            .out
            .contains("Lorries at night")
    );
    let grouped = format!(
        "{}-{}",
        &id.full()[..4].to_lowercase(),
        &id.full()[4..8].to_lowercase()
    );
    a.cli(&["show", &grouped]).await.expect_code(0);

    let amended = put(
        federation.dir(),
        "amended.json",
        &trend("Lorries at dawn").to_string(),
    );
    let ran = a.cli(&["amend", &id.full(), &amended]).await.expect_code(0);
    assert!(ran.err.contains('b'), "says who already had it: {ran:?}");
    let new = ran.out.trim().to_owned();
    federation["b"].holds_all(&[new.parse().expect("id")]).await;
    let shown = federation["b"].json(&["show", &id.full()]).await;
    assert_eq!(shown["superseded_by"], json!([new]));

    let dry = a
        .cli(&["retract", &new, "--reason", "error", "--dry-run"])
        .await
        .expect_code(0);
    assert!(dry.out.contains('b'), "{dry:?}");
    assert!(
        a.json(&["show", &new]).await["retracted_by"].is_null(),
        "a dry run retracts nothing"
    );
    let done = a
        .cli(&["retract", &new, "--reason", "error"])
        .await
        .expect_code(0);
    assert!(done.out.contains('b'), "{done:?}");
    federation.settled().await;
    for node in ["a", "b"] {
        let shown = federation[node].json(&["show", &new]).await;
        assert_eq!(shown["retracted_by"]["reason"], "error", "{node}");
        let gone = federation[node]
            .cli(&["show", &new, "--cose"])
            .await
            .expect_code(1);
        assert!(gone.err.contains("erased"), "{gone:?}");
    }
    let again = a
        .cli(&["retract", &new, "--reason", "error"])
        .await
        .expect_code(1);
    assert!(again.err.contains("retracted already"), "{again:?}");
    federation.stop().await;
}

/// An id prefix that fits several records names them; nothing is guessed.
#[tokio::test(flavor = "multi_thread")]
async fn an_ambiguous_prefix_lists_what_it_could_mean() {
    let mut federation = Federation::mesh(&["a"], OPEN).await;
    let a = &federation["a"];
    let rows: String = (0..5_000)
        .map(|n| format!("2026-03,truck,{}\n", n + 1))
        .collect();
    let csv = put(
        federation.dir(),
        "rows.csv",
        &format!("month,transport,n\n{rows}"),
    );
    let map = put(federation.dir(), "map.toml", MAP);
    a.cli(&["import", "csv", &csv, "--map", &map])
        .await
        .expect_code(0);
    let mut ids: Vec<String> = a.holds().iter().map(|id| id.full()).collect();
    assert_eq!(ids.len(), 5_000);
    ids.sort();
    // 5,000 ids and a million prefixes of four: that none is shared has a chance of 1 in 100,000.
    let pair = ids
        .windows(2)
        .find(|p| p[0][..4] == p[1][..4])
        .expect("two that begin alike");
    let ran = a.cli(&["show", &pair[0][..4]]).await.expect_code(1);
    assert!(
        ran.err.contains(&pair[0]) && ran.err.contains(&pair[1]),
        "{ran:?}"
    );
    assert!(ran.err.contains("type more characters"), "{ran:?}");
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
        .cli(&["peer", "remove", "stranger"])
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

#[tokio::test(flavor = "multi_thread")]
async fn query_counts_sums_groups_and_lists() {
    let mut federation = Federation::mesh(&["a"], OPEN).await;
    let a = &federation["a"];
    for (title, n) in [("Lorries", 41), ("Vans", 17), ("Vans again", 12)] {
        let mut draft = trend(title);
        draft["body"]["cells"][0]["n"] = n.into();
        a.push(&draft, &[]).await;
    }
    let count = |words: &'static [&'static str]| async move {
        let args: Vec<&str> = ["query"]
            .iter()
            .chain(words)
            .chain(&["--count"])
            .copied()
            .collect();
        a.cli(&args).await.expect_code(0).out.trim().to_owned()
    };
    assert_eq!(count(&["vans"]).await, "2");
    assert_eq!(count(&["vans", "again"]).await, "1");
    assert_eq!(
        count(&["kind:trend", "area:QN-02", "period:2026-03"]).await,
        "3"
    );
    assert_eq!(count(&["period:2026-01..2026-02"]).await, "0");
    assert_eq!(
        count(&[
            "kind:trend",
            "created:today",
            "received:7d",
            "author:self",
            "tlp:green"
        ])
        .await,
        "3"
    );
    assert_eq!(count(&["dim.transport:truck"]).await, "3");
    assert_eq!(count(&["measure:arrivals"]).await, "0");
    let report = a.json(&["query", "kind:trend", "--limit", "2"]).await;
    assert_eq!(
        (
            report["count"].as_u64(),
            report["rows"].as_array().map(Vec::len)
        ),
        (Some(3), Some(2))
    );
    assert_eq!(a.json(&["query", "kind:trend", "--sum"]).await["sum"], 70);
    let by = a
        .json(&["query", "kind:trend", "--sum", "--by", "dim.transport"])
        .await;
    assert_eq!(
        by["groups"],
        json!([{"key": "truck", "count": 3, "sum": 70}])
    );
    let csv = a
        .cli(&["query", "kind:trend", "--csv"])
        .await
        .expect_code(0)
        .out;
    assert_eq!(csv.lines().count(), 4, "a head and three rows: {csv}");
    assert!(
        csv.lines()
            .next()
            .is_some_and(|head| head.contains("title")),
        "{csv}"
    );

    assert_eq!(a.json(&["query", "kind:trend", "--new"]).await["count"], 3);
    assert_eq!(
        a.json(&["query", "kind:trend", "--new"]).await["count"],
        0,
        "seen by now"
    );
    a.push(&trend("Trains"), &[]).await;
    a.push(&trend("Ferries"), &[]).await;
    let cut = a
        .json(&["query", "kind:trend", "--new", "--limit", "1"])
        .await;
    assert_eq!(cut["count"], 2);
    assert!(cut["notes"].to_string().contains("stay new"), "{cut}");
    assert_eq!(a.json(&["query", "kind:trend", "--new"]).await["count"], 2);
    assert_eq!(a.json(&["query", "kind:trend", "--new"]).await["count"], 0);

    let ran = a.cli(&["query", "colour:red"]).await.expect_code(1);
    assert!(
        ran.err.contains("colour") && ran.err.contains("kind"),
        "it lists the fields: {ran:?}"
    );
    federation.stop().await;
}

/// `watch --json` as a process of its own: a pushed record is a line at once.
#[test]
fn watch_shows_what_happens_as_it_happens() {
    let dir = tempfile::tempdir().expect("folder");
    let home = made(dir.path());
    let program = Program::start(PROGRAM, &home, "127.0.0.1:0");
    let mut watch = Command::new(PROGRAM)
        .args(["--home", &text(&home), "watch", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(watch.stdout.take().expect("its output")).lines();
    // Nothing tells a script that the watch has begun: push until the watch tells of one.
    let (seen, saw) = std::sync::mpsc::sync_channel(1);
    let reader = std::thread::spawn(move || {
        let line = lines.next().expect("a line").expect("text");
        let _gone = seen.send(line);
    });
    let mut pushed = Vec::new();
    let line = loop {
        let ran = program.cli(&["push", "-"], &trend("Lorries").to_string());
        assert!(ran.status.success(), "{ran:?}");
        pushed.push(String::from_utf8_lossy(&ran.stdout).trim().to_owned());
        match saw.recv_timeout(std::time::Duration::from_millis(300)) {
            Ok(line) => break line,
            Err(_) => assert!(pushed.len() < 100, "watch says nothing"),
        }
    };
    let event: Value = serde_json::from_str(&line).expect("one object a line");
    assert_eq!(event["event"], "record");
    assert!(
        pushed.iter().any(|id| event["id"] == id.as_str()),
        "{event}"
    );
    assert_eq!(
        program.terminate(),
        Some(0),
        "SIGTERM stops the node cleanly"
    );
    reader.join().expect("read");
    assert_eq!(
        watch.wait().expect("it ends").code(),
        Some(3),
        "the node went away"
    );
}

/// `new` on a terminal: the editor writes a fault, the program reopens it at the faulty line
/// with the fault above the text, the editor mends it, it is sent and the draft is gone.
#[test]
fn new_reopens_the_editor_at_the_faulty_line() {
    let dir = tempfile::tempdir().expect("folder");
    let home = made(dir.path());
    let program = Program::start(PROGRAM, &home, "127.0.0.1:0");
    let calls = dir.path().join("calls");
    let editor = script(
        dir.path(),
        "editor",
        &format!(
            r#"for last; do :; done
echo "$@" >> {calls}
if [ "$(wc -l < {calls})" = 1 ]; then
  sed -i 's/^n = 14/n = 3/; s/"n" = 14/"n" = 3/; s/n = 14/n = 3/' "$last"
else
  grep '^#!' "$last" >> {calls}.marks
  sed -i 's/n = 3\b/n = 14/' "$last"
fi"#,
            calls = calls.display()
        ),
    );
    let env = [("EDITOR", editor.as_str()), ("VISUAL", "")];
    let (code, shown) = terminal::run(PROGRAM, &home, &["new", "trend", "--yes"], &env, "y\n");
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("TRD-02"), "the fault is shown: {shown}");
    let marks = std::fs::read_to_string(format!("{}.marks", calls.display())).expect("marks");
    assert!(
        marks.contains("TRD-02"),
        "the fault stands above the text: {marks}"
    );
    let calls = std::fs::read_to_string(&calls).expect("calls");
    assert_eq!(calls.lines().count(), 2, "{calls}");
    let count = program.cli(&["query", "kind:trend", "--count"], "");
    assert_eq!(String::from_utf8_lossy(&count.stdout).trim(), "1");
    let drafts = std::fs::read_dir(home.join("drafts"))
        .expect("folder")
        .count();
    assert_eq!(drafts, 0, "what is sent is no draft any more");

    // Not on a terminal: the fault ends it, the draft is kept and can be gone on with.
    let wrong = script(
        dir.path(),
        "wrong",
        "for l; do :; done; sed -i 's/n = 14/n = 3/' \"$l\"",
    );
    let ran = with_editor(&home, &["new", "trend", "--yes"], &wrong);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("liaison new --edit trend-1"), "{ran:?}");
    let home_screen = program.cli(&["--json"], "");
    assert!(
        String::from_utf8_lossy(&home_screen.stdout).contains("trend-1"),
        "{home_screen:?}"
    );
    let right = script(
        dir.path(),
        "right",
        "for l; do :; done; sed -i 's/n = 3$/n = 14/; s/n = 3 /n = 14 /; s/n = 3}/n = 14}/' \"$l\"",
    );
    let ran = with_editor(&home, &["new", "--edit", "trend-1", "--yes"], &right);
    assert_eq!(ran.code, 0, "{ran:?}");
    let count = program.cli(&["query", "kind:trend", "--count"], "");
    assert_eq!(String::from_utf8_lossy(&count.stdout).trim(), "2");
    assert_eq!(program.terminate(), Some(0));
}

/// On a terminal there is colour and a question; with NO_COLOR there is no colour; in a pipe
/// there is neither.
#[test]
fn colour_and_questions_are_for_terminals() {
    let dir = tempfile::tempdir().expect("folder");
    let home = made(dir.path());
    let program = Program::start(PROGRAM, &home, "127.0.0.1:0");
    let draft = put(dir.path(), "draft.json", &trend("Lorries").to_string());
    let on = |args: &[&str], env: &[(&str, &str)], typed: &str| {
        terminal::run(PROGRAM, &home, args, env, typed)
    };
    let (code, shown) = on(&["status"], &[], "");
    assert!(code == Some(0) && shown.contains(ESCAPE), "{shown:?}");
    for (args, env) in [
        (&["status"][..], &[("NO_COLOR", "1")][..]),
        (&["status", "--no-color"], &[]),
        (&["status", "--json"], &[]),
        (&["status"], &[("TERM", "dumb")]),
        (&["nonsense"], &[("NO_COLOR", "1")]),
    ] {
        let (_, shown) = on(args, env, "");
        assert!(!shown.contains(ESCAPE), "{args:?} {env:?}: {shown:?}");
    }
    for args in [
        &["status"][..],
        &["peer", "list"],
        &["nonsense"],
        &["show", "ZZZZ"],
        &["--help"],
    ] {
        let ran = program.cli(args, "");
        let (out, err) = (
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr),
        );
        assert!(
            !out.contains(ESCAPE) && !err.contains(ESCAPE),
            "{args:?}: {out:?} {err:?}"
        );
    }
    let count = || {
        let ran = program.cli(&["query", "kind:trend", "--count"], "");
        String::from_utf8_lossy(&ran.stdout).trim().to_owned()
    };
    let (code, shown) = on(&["push", &draft], &[], "n\n");
    assert_eq!((code, count().as_str()), (Some(1), "0"), "{shown}");
    assert!(shown.contains("Sign and send it?"), "{shown}");
    let (code, shown) = on(&["push", &draft], &[], "y\n");
    assert_eq!((code, count().as_str()), (Some(0), "1"), "{shown}");
    let (code, _) = on(&["push", &draft, "--yes"], &[], "");
    assert_eq!((code, count().as_str()), (Some(0), "2"));
    // The home screen.
    let (code, shown) = on(&[], &[], "");
    assert!(
        code == Some(0) && shown.contains("liaison query --new"),
        "{shown}"
    );
    assert_eq!(program.terminate(), Some(0));

    // Its log, where no terminal reads it.
    let mut node = Command::new(PROGRAM)
        .args(["--home", &text(&home), "run", "--listen", "127.0.0.1:0"])
        .env("RUST_LOG", "info")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut ready = String::new();
    let mut out = BufReader::new(node.stdout.take().expect("its output"));
    out.read_line(&mut ready).expect("its ready line");
    let stop = Command::new("kill")
        .args(["-TERM", &node.id().to_string()])
        .status();
    assert!(stop.expect("kill").success());
    let log = node.wait_with_output().expect("it ends").stderr;
    let log = String::from_utf8_lossy(&log);
    assert!(log.contains("INFO") && !log.contains(ESCAPE), "{log:?}");
}

/// `init` asks on a terminal for what is missing, twice is refused, and nothing is lost.
#[test]
fn init_asks_for_what_is_missing_and_never_overwrites() {
    let dir = tempfile::tempdir().expect("folder");
    let home = dir.path().join("h");
    let ran = run(
        PROGRAM.as_ref(),
        &home,
        &["init", "--name", "Border Police"],
        "",
    );
    assert_eq!(ran.status.code(), Some(2), "{ran:?}");
    let says = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(says.contains("init needs --country, --sector"), "{says}");
    assert!(!home.exists(), "a refused init leaves nothing behind");
    let typed = "Border Police of Narova\nqn\nborder\ntransit\nled\n\n";
    let (code, shown) = terminal::run(PROGRAM, &home, &["init"], &[], typed);
    assert_eq!(code, Some(0), "{shown}");
    let card = run(PROGRAM.as_ref(), &home, &["card", "show", "--json"], "");
    let card: Value = serde_json::from_slice(&card.stdout).expect("an object");
    assert_eq!(card["contact"]["org"], "Border Police of Narova");
    assert_eq!(card["contact"]["country"], "QN");
    let keys = files(&home.join("keys"));
    let again = run(
        PROGRAM.as_ref(),
        &home,
        &["init", "--name", "x", "--country", "QN", "--sector", "ngo"],
        "",
    );
    assert_eq!(again.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&again.stderr).contains("is a home already"),
        "{again:?}"
    );
    assert_eq!(files(&home.join("keys")), keys, "the keys are as they were");
    // No secret was printed, and none is a file that others may read.
    for (name, bytes) in &keys {
        let secret = String::from_utf8_lossy(bytes);
        if name.ends_with(".key") {
            assert!(!shown.contains(secret.trim()), "{name} was printed");
        }
    }
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

const MAP: &str = r#"
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
fn json_small() -> Value {
    let mut draft = trend("Presumed victims");
    draft["body"]["measure"] = "presumed-victims".into();
    draft["body"]["cells"] = json!([{"dims": {"age": "9-17"}, "n": 3}]);
    draft
}

fn small_count(dir: &Path) -> String {
    put(dir, "small.json", &json_small().to_string())
}

fn put(dir: &Path, name: &str, content: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, content).expect("written");
    text(&path)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A new home in a folder.
fn made(dir: &Path) -> PathBuf {
    let home = dir.join("h");
    let init = [
        "init",
        "--name",
        "a",
        "--country",
        "QN",
        "--sector",
        "border",
    ];
    let ran = run(PROGRAM.as_ref(), &home, &init, "");
    assert!(ran.status.success(), "{ran:?}");
    home
}

/// What `show --cose` writes, by a process: in this one standard output is text.
fn record_bytes(node: &TestNode, id: &str) -> Vec<u8> {
    let ran = run(
        PROGRAM.as_ref(),
        node.home.dir(),
        &["show", id, "--cose"],
        "",
    );
    assert!(ran.status.success(), "{ran:?}");
    ran.stdout
}

fn script(dir: &Path, name: &str, lines: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = dir.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{lines}\n")).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("executable");
    text(&path)
}

fn with_editor(home: &Path, args: &[&str], editor: &str) -> Ran {
    let ran = Command::new(PROGRAM)
        .args(["--home", &text(home)])
        .args(args)
        .env("EDITOR", editor)
        .env_remove("VISUAL")
        .stdin(Stdio::null())
        .output()
        .expect("it ends");
    Ran {
        code: ran
            .status
            .code()
            .and_then(|c| u8::try_from(c).ok())
            .unwrap_or(u8::MAX),
        out: String::from_utf8_lossy(&ran.stdout).into_owned(),
        err: String::from_utf8_lossy(&ran.stderr).into_owned(),
    }
}

fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
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

//! Policies are proven before they apply.
//!
//! Where cvc5 is not installed, what needs it says so and tests nothing; the pipeline installs it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use liaison_tests::federation::{OPEN, TestNode, waits_for};
use liaison_tests::{Federation, sheet};

/// Every example's policy is proven within this, each for itself: two seconds where nothing else
/// runs, which is printed; a proof that grew out of hand would take hours.
const QUICK: Duration = Duration::from_secs(60);

fn solver() -> bool {
    let there = std::process::Command::new("cvc5")
        .arg("--version")
        .output()
        .is_ok();
    if !there {
        eprintln!("NOTHING IS PROVEN HERE: cvc5 is not installed (sudo apt-get install cvc5)");
    }
    there
}

fn folder(federation: &Federation, name: &str, files: &[(&str, &str)]) -> PathBuf {
    let dir = federation.dir().join(name);
    for (file, text) in files {
        let path = dir.join(file);
        std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        std::fs::write(path, text).expect("file");
    }
    dir
}

async fn run(
    node: &TestNode,
    command: &[&str],
    dir: &Path,
    options: &[&str],
) -> liaison_tests::Ran {
    let dir = dir.to_string_lossy();
    node.cli(&[command, &[&*dir], options].concat()).await
}

const TRENDS: &str = r#"@id("trends") @says("Trends up to green.")
permit (principal, action == Action::"share", resource)
when { resource.kind == Kind::"trend" && resource.tlp in [Tlp::"clear", Tlp::"green"] };"#;

const ROUTES: &str = r#"@id("routes") @says("Routes go to whoever sees the road.")
permit (principal, action == Action::"share", resource)
when { resource.own && resource.kind == Kind::"route" && resource.tlp == Tlp::"green" };"#;

const RED: &str = r#"@id("team") @says("The team gets all trends.")
permit (principal == Agency::"b", action == Action::"share", resource)
when { resource.own && resource.kind == Kind::"trend" };"#;

#[tokio::test(flavor = "multi_thread")]
async fn apply_refuses_what_breaks_an_invariant_unless_told_by_name_and_reason() {
    if !solver() {
        return;
    }
    let mut federation = Federation::new();
    federation.add("a", "border", "QN").await;
    federation.add("b", "police", "QM").await;
    federation.link("a", "b").await;
    let a = &federation["a"];
    let dir = folder(&federation, "red", &[("share.cedar", RED)]);
    let apply = ["policy", "apply"];
    let before = a.json(&["policy", "show"]).await["hash"].clone();

    let ran = run(a, &apply, &dir, &["--reason", "team"])
        .await
        .expect_code(1);
    for words in [
        "red-to-named",
        "at TLP red",
        "'team' (share.cedar, line 1): The team gets all trends.",
        "--accept-broken NAME",
    ] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
    // Another name, no reason, and '--unproven' where it can be proven do not help.
    for options in [
        &["--reason", "x", "--accept-broken", "private-never"][..],
        &["--accept-broken", "red-to-named"],
        &["--reason", "x", "--unproven"],
    ] {
        run(a, &apply, &dir, options).await.expect_code(1);
    }
    assert_eq!(a.json(&["policy", "show"]).await["hash"], before);

    let told = ["--reason", "joint team", "--accept-broken", "red-to-named"];
    run(a, &apply, &dir, &told).await.expect_code(0);
    let shown = a.json(&["policy", "show"]).await;
    assert_eq!(shown["history"][0]["reason"], "joint team");
    assert_eq!(shown["history"][0]["proof"]["how"], "proven");
    assert_eq!(shown["history"][0]["proof"]["accepted"][0], "red-to-named");
    let text = a.cli(&["policy", "show"]).await.expect_code(0);
    assert!(text.out.contains("breaks red-to-named"), "{}", text.out);

    let good = folder(&federation, "good", &[("share.cedar", TRENDS)]);
    let report = run(a, &["policy", "prove"], &good, &[])
        .await
        .expect_code(0);
    assert!(
        report.out.contains("keeps every invariant (cvc5"),
        "{}",
        report.out
    );
    run(a, &apply, &good, &["--reason", "good"])
        .await
        .expect_code(0);
    let active = a.cli(&["policy", "prove", "active"]).await;
    active.expect_code(0);
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prove_gives_the_case_and_a_real_node_does_what_it_says() {
    if !solver() {
        return;
    }
    let mut federation = Federation::new();
    federation.add("a", "border", "QN").await;
    federation.add("firm", "private", "QM").await;
    federation.link("a", "firm").await;
    let a = &federation["a"];
    federation["firm"].policy(OPEN).await;
    let dir = folder(&federation, "routes", &[("share.cedar", ROUTES)]);
    let ran = run(a, &["policy", "prove"], &dir, &["--json"])
        .await
        .expect_code(1);
    let report = ran.json();
    assert_eq!(report["proven"], false);
    let findings = report["findings"].as_array().expect("findings");
    let never: Vec<_> = findings
        .iter()
        .filter(|f| f["id"] == "private-never")
        .collect();
    assert_eq!(never.len(), 2, "both parts: {never:?}");
    for finding in never {
        assert_eq!(finding["verdict"], "refuted", "{finding}");
        assert_eq!(finding["case"]["sector"], "private");
        assert_eq!(finding["case"]["kind"], "route");
        assert_eq!(finding["statements"][0], "routes");
    }
    for finding in findings.iter().filter(|f| f["id"] != "private-never") {
        assert_eq!(finding["verdict"], "proven", "{finding}");
    }
    // The case happens: a route of ours goes to the firm.
    a.policy_dir(&dir).await;
    let draft = a.cli(&["record", "template", "route"]).await.expect_code(0);
    let mut draft: serde_json::Value = serde_json::from_str(&draft.out).expect("draft");
    draft["tlp"] = "green".into();
    let id = a.push(&draft, &[]).await;
    federation["firm"].holds_all(&[id]).await;
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_proven_quickly() {
    if !solver() {
        return;
    }
    let mut federation = Federation::new();
    federation.add("a", "border", "QN").await;
    let a = &federation["a"];
    for sample in ["police", "ngo", "fiu", "private-partner", "hub", "worked"] {
        let dir = sheet::workspace().join("examples/policies").join(sample);
        let began = Instant::now();
        let ran = run(a, &["policy", "prove"], &dir, &[]).await;
        let took = began.elapsed();
        assert_eq!(ran.code, 0, "{sample}: {ran:?}");
        eprintln!("{sample}: {took:?}");
        assert!(took < QUICK, "{sample}: {took:?}");
    }
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_solver_a_certificate_counts_or_a_reason() {
    let mut federation = Federation::new();
    let key = federation.dir().join("prover.key");
    let key = key.to_string_lossy().into_owned();
    // Two machines: a has no solver, b makes the proof.
    federation.add("b", "border", "QN").await;
    let made = federation["b"]
        .cli(&["policy", "prover-key", &key, "--json"])
        .await;
    let prover = made.expect_code(0).json()["prover"]
        .as_str()
        .expect("key")
        .to_owned();
    federation["b"]
        .cli(&["policy", "prover-key", &key])
        .await
        .expect_code(1);
    let a = federation.prepare("a", "border", "QN");
    let config = a.home.config_path();
    let mut text = std::fs::read_to_string(&config).unwrap_or_default();
    text.push_str(&format!(
        "\n[policy]\nsolver = \"/nonexistent/cvc5\"\nprover = \"{prover}\"\n"
    ));
    std::fs::write(&config, text).expect("config");
    a.start().await;
    let (a, b) = (&federation["a"], &federation["b"]);
    let dir = folder(&federation, "good", &[("share.cedar", TRENDS)]);
    let apply = ["policy", "apply"];

    for call in [["policy", "prove"], apply] {
        let ran = run(a, &call, &dir, &[]).await.expect_code(5);
        assert!(ran.err.contains("sudo apt-get install cvc5"), "{}", ran.err);
    }
    run(a, &apply, &dir, &["--unproven"]).await.expect_code(1);
    run(a, &apply, &dir, &["--unproven", "--reason", "urgent"])
        .await
        .expect_code(0);
    let shown = a.json(&["policy", "show"]).await;
    assert_eq!(shown["history"][0]["proof"]["how"], "unproven");

    // What can be tried is tried all the same.
    a.adds(b).await;
    let red = folder(&federation, "red", &[("share.cedar", RED)]);
    let ran = run(a, &apply, &red, &["--unproven", "--reason", "urgent"])
        .await
        .expect_code(1);
    assert!(ran.err.contains("red-to-named"), "{}", ran.err);

    if solver() {
        let cert = federation.dir().join("good.cert");
        let cert = cert.to_string_lossy().into_owned();
        run(
            b,
            &["policy", "prove"],
            &dir,
            &["--key", &key, "--out", &cert],
        )
        .await
        .expect_code(0);
        run(a, &apply, &dir, &["--certificate", &cert])
            .await
            .expect_code(0);
        let shown = a.json(&["policy", "show"]).await;
        assert_eq!(shown["history"][0]["proof"]["how"], "certificate");
        assert_eq!(shown["history"][0]["proof"]["prover"], prover.as_str());
        // A space more, and it is another policy.
        std::fs::write(dir.join("share.cedar"), format!("{TRENDS} ")).expect("file");
        let ran = run(a, &apply, &dir, &["--certificate", &cert])
            .await
            .expect_code(1);
        assert!(ran.err.contains("a file was changed since"), "{}", ran.err);
        // b names no prover.
        std::fs::write(dir.join("share.cedar"), TRENDS).expect("file");
        let ran = run(b, &apply, &dir, &["--certificate", &cert])
            .await
            .expect_code(1);
        assert!(ran.err.contains("names nobody"), "{}", ran.err);
    }
    federation.stop().await;
}

/// Going back is an apply: agencies came since, and what waited for a second person waits again.
#[tokio::test(flavor = "multi_thread")]
async fn a_revert_is_tried_and_waits_as_an_apply_does() {
    let mut federation = Federation::new();
    federation.add("firm", "private", "QM").await;
    let a = federation.prepare("a", "border", "QN");
    let config = a.home.config_path();
    let mut text = std::fs::read_to_string(&config).unwrap_or_default();
    text.push_str("\n[policy]\nsolver = \"/nonexistent/cvc5\"\n");
    std::fs::write(&config, text).expect("config");
    a.start().await;
    let a = &federation["a"];
    let routes = folder(&federation, "routes", &[("share.cedar", ROUTES)]);
    let trends = folder(&federation, "trends", &[("share.cedar", TRENDS)]);
    let apply = ["policy", "apply"];
    let unproven = ["--unproven", "--reason", "test"];
    let revert = ["policy", "revert", "--yes"];
    for dir in [&routes, &trends] {
        run(a, &apply, dir, &unproven).await.expect_code(0);
    }
    // Nobody is there for whom it would break anything; the node needs no solver to go back.
    a.cli(&revert).await.expect_code(0);
    let shown = a.json(&["policy", "show"]).await;
    assert_eq!(shown["history"][0]["proof"]["how"], "unproven");
    assert_eq!(shown["hash"], shown["history"][2]["hash"]);
    run(a, &apply, &trends, &unproven).await.expect_code(0);

    a.adds(&federation["firm"]).await;
    let ran = a.cli(&revert).await.expect_code(1);
    assert!(ran.err.contains("private-never"), "{}", ran.err);
    // By name and reason it is.
    let named = ["--accept-broken", "private-never", "--reason", "agreed"];
    a.cli(&[&revert[..], &named].concat()).await.expect_code(0);
    let shown = a.json(&["policy", "show"]).await;
    assert_eq!(shown["hash"], shown["history"][2]["hash"]);
    run(a, &apply, &trends, &unproven).await.expect_code(0);
    // Accepted once, it needs the same again: here, a second person.
    let told = [&unproven[..], &["--accept-broken", "private-never"]].concat();
    run(a, &apply, &routes, &told).await.expect_code(0);
    run(a, &apply, &trends, &unproven).await.expect_code(0);
    let safe = a.json(&["policy", "show"]).await["hash"].clone();
    waits_for(&a.home, "second-person");
    let ran = a.cli(&revert).await.expect_code(6);
    assert!(ran.err.contains("breaks private-never"), "{}", ran.err);
    assert_eq!(a.json(&["policy", "show"]).await["hash"], safe);
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_for_whom_a_circle_is_not_is_not_added_to_it() {
    let mut federation = Federation::new();
    federation.add("a", "police", "QN").await;
    federation.add("firm", "private", "QM").await;
    federation.add("cops", "police", "QM").await;
    let a = &federation["a"];
    let entities = r#"{"circles": {"le": []}, "rules": {"le": {"sectors": ["police", "border"]}}}"#;
    let le = r#"@id("le") @says("Routes go to the circle le.")
permit (principal in Circle::"le", action == Action::"share", resource)
when { resource.kind == Kind::"route" && resource.tlp == Tlp::"green" && principal.sector != Sector::"private" };"#;
    let dir = folder(
        &federation,
        "le",
        &[("share.cedar", le), ("entities.json", entities)],
    );
    a.policy_dir(&dir).await;
    let card = |name: &str| {
        let card = federation[name].home.dir().join("card.liaison");
        card.to_string_lossy().into_owned()
    };
    let (firm, cops) = (card("firm"), card("cops"));
    let add = [
        "peer", "add", &firm, "--as", "firm", "--yes", "--circle", "le",
    ];
    let ran = a.cli(&add).await.expect_code(1);
    assert!(
        ran.err
            .contains("'firm' is in the circle 'le' and of sector private"),
        "{}",
        ran.err
    );
    assert!(!a.cli(&["peer", "list"]).await.out.contains("firm"));
    let cops = [
        "peer", "add", &cops, "--as", "cops", "--yes", "--circle", "le",
    ];
    a.cli(&cops).await.expect_code(0);
    let told = [&add[..], &["--accept-broken", "circle-sectors"]].concat();
    a.cli(&told).await.expect_code(2);
    let told = [&told[..], &["--reason", "joint exercise"]].concat();
    waits_for(&a.home, "second-person");
    let ran = a.cli(&told).await.expect_code(6);
    assert!(ran.err.contains("breaks circle-sectors"), "{}", ran.err);
    assert!(!a.cli(&["peer", "list"]).await.out.contains("firm"));
    waits_for(&a.home, "nobody");
    a.cli(&told).await.expect_code(0);
    // Name and reason are in the log, sealed; the line tells that it was done.
    let log = a.json(&["audit", "log"]).await;
    let lines = log["lines"].as_array().expect("lines");
    let line = lines.iter().rfind(|l| l["by"] == "POST /v1/peers");
    let line = line.expect("a line");
    assert!(line["typed"]["text"].is_string(), "{line}");
    assert_eq!(line["outcome"], "linked, its digits not compared", "{line}");
    // The circle edited with the policy is looked at as well.
    let wrong = entities.replace("[]", "[\"firm\"]");
    std::fs::write(dir.join("entities.json"), wrong).expect("file");
    let ran = run(
        a,
        &["policy", "apply"],
        &dir,
        &["--reason", "x", "--unproven"],
    )
    .await
    .expect_code(1);
    assert!(ran.err.contains("circle-sectors"), "{}", ran.err);
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn diff_tells_both_directions() {
    if !solver() {
        return;
    }
    let mut federation = Federation::new();
    federation.add("a", "border", "QN").await;
    let a = &federation["a"];
    let old = folder(
        &federation,
        "old",
        &[
            ("share.cedar", TRENDS),
            ("entities.json", r#"{"circles": {"le": []}}"#),
        ],
    );
    let wide = TRENDS.replace("\"clear\", Tlp::\"green\"", "\"green\", Tlp::\"amber\"");
    let new = folder(&federation, "new", &[("share.cedar", &wide)]);
    run(a, &["policy", "apply"], &old, &["--reason", "old"])
        .await
        .expect_code(0);
    let ran = run(a, &["policy", "diff", "active"], &new, &[])
        .await
        .expect_code(1);
    for words in [
        "NEW lets through",
        "TLP amber",
        "OLD let through",
        "TLP clear",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    let ran = run(a, &["policy", "diff", "active"], &old, &[])
        .await
        .expect_code(0);
    assert!(ran.out.contains("NEW lets nothing through"), "{}", ran.out);
    let missing = ["--solver", "/nonexistent/cvc5"];
    run(a, &["policy", "diff", "active"], &new, &missing)
        .await
        .expect_code(5);
    federation.stop().await;
}

/// The policy of README.md is the one that the other tests prove, and its case is a real one.
#[tokio::test(flavor = "multi_thread")]
async fn the_documents_tell_the_truth() {
    let page = sheet::workspace().join("README.md");
    let page = std::fs::read_to_string(page).expect("README.md");
    let worked = sheet::workspace().join("examples/policies/worked");
    let text = |name: &str| std::fs::read_to_string(worked.join(name)).expect("file");
    let files = [
        text("share.cedar"),
        text("invariants/own.cedar"),
        text("entities.json"),
    ];
    let blocks: Vec<&str> = ["```cedar\n", "```json\n"]
        .iter()
        .flat_map(|fence| page.split(fence).skip(1))
        .map(|rest| rest.split("```").next().expect("a block"))
        .collect();
    assert_eq!(blocks.len(), 3);
    for block in blocks {
        assert!(
            files.iter().any(|f| f.contains(block)),
            "not in the example: {block}"
        );
    }
    if !solver() {
        return;
    }
    let mut federation = Federation::new();
    federation.add("a", "border", "QN").await;
    let line = " &&\n  resource.tlp != Tlp::\"red\"";
    assert!(files[0].contains(line));
    let forgotten = [
        ("share.cedar", files[0].replace(line, "")),
        ("entities.json", files[2].clone()),
    ];
    let forgotten: Vec<(&str, &str)> = forgotten.iter().map(|(n, t)| (*n, t.as_str())).collect();
    let dir = folder(&federation, "forgotten", &forgotten);
    let ran = run(&federation["a"], &["policy", "prove"], &dir, &["--json"]).await;
    let report = ran.expect_code(1).json();
    let findings = report["findings"].as_array().expect("findings");
    let red = findings
        .iter()
        .find(|f| f["id"] == "red-to-named" && f["part"] == "symbolic");
    let words = red.expect("finding")["words"].as_str().expect("words");
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    // Another version of the solver may find another case; what decides is the same.
    for part in [
        "in circle team",
        "at TLP red",
        "Allowed by 'routes-to-team' (share.cedar, line 31)",
    ] {
        assert!(words.contains(part), "{words}");
        assert!(flat(&page).contains(part), "README.md lacks: {part}");
    }
    if report["solver"] == "cvc5 1.0.3" {
        assert!(flat(&page).contains(words), "README.md should say: {words}");
    }
    federation.stop().await;
}

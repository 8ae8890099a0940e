//! What officers do with records at the command line: push, amend, retract, verify, query.

use liaison_protocol::record::codes::Kind;
use liaison_protocol::record::signed::SignedRecord;
use liaison_tests::Federation;
use liaison_tests::federation::OPEN;
use serde_json::{Value, json};

use crate::command_line::{MAP, json_small, put, record_bytes, text};
use crate::first::trend;

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
        .cli(&["retract", "--yes", &new, "--reason", "error"])
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
        .cli(&["retract", "--yes", &new, "--reason", "error"])
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

    // What was not asked for was not seen: a part of what is new marks nothing.
    let part = a.json(&["query", "kind:trend", "--new"]).await;
    assert_eq!(part["count"], 3);
    assert!(part["notes"].to_string().contains("stay new"), "{part}");
    assert_eq!(a.json(&["query", "kind:trend", "--new"]).await["count"], 3);
    let all = a.json(&["query", "--new", "--limit", "1000"]).await;
    assert!(all["count"].as_u64() >= Some(3), "{all}");
    assert_eq!(
        a.json(&["query", "kind:trend", "--new"]).await["count"],
        0,
        "seen by now"
    );
    let before = a.push(&trend("Lorries by day"), &[]).await;
    a.push(&trend("Lorries by night"), &[]).await;
    let older = ["query", "--new", "--before", &before.full()];
    a.json(&older).await;
    assert_eq!(a.json(&["query", "--new"]).await["count"], 2);
    assert_eq!(a.json(&["query", "--new"]).await["count"], 0);
    a.push(&trend("Trains"), &[]).await;
    a.push(&trend("Ferries"), &[]).await;
    let cut = a.json(&["query", "--new", "--limit", "1"]).await;
    assert_eq!(cut["count"], 2);
    assert!(cut["notes"].to_string().contains("stay new"), "{cut}");
    assert_eq!(a.json(&["query", "--new"]).await["count"], 2);
    assert_eq!(a.json(&["query", "--new"]).await["count"], 0);

    let ran = a.cli(&["query", "colour:red"]).await.expect_code(1);
    assert!(
        ran.err.contains("colour") && ran.err.contains("kind"),
        "it lists the fields: {ran:?}"
    );
    federation.stop().await;
}

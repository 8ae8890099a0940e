//! What no officer's choice and no statement goes beyond.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;

use liaison_tests::federation::OPEN;
use liaison_tests::{Federation, TestNode};
use serde_json::{Value, json};

use crate::first::trend;

/// Applies the open policy with these ceilings.
async fn ceilings(node: &TestNode, text: &str) {
    let dir = node.home.policy_dir();
    std::fs::write(dir.join("ceilings.toml"), text).expect("ceilings");
    node.policy(OPEN).await;
}

fn marked(title: &str, tlp: &str) -> Value {
    let mut draft = trend(title);
    draft["tlp"] = tlp.into();
    draft
}

const CEILINGS: &str = r#"
[[ceiling]]
name = "b-green"
says = "The agreement with B ends at green."
to = "peer:b"
above = "green"

[[ceiling]]
name = "no-trends"
says = "C has no need of trends."
to = "circle:small"
kinds = ["trend"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn e3_a_ceiling_overrides_every_choice_and_says_so() {
    let mut federation = Federation::mesh(&["a", "b", "c", "d"], OPEN).await;
    let a = &federation["a"];
    let dir = a.home.policy_dir();
    let circles = r#"{"circles": {"small": ["c"]}}"#;
    std::fs::write(dir.join("entities.json"), circles).expect("entities");
    ceilings(a, CEILINGS).await;
    federation.settled().await;

    // Without a list the ceiling is a gate like the others, and says its name and reason.
    let amber = marked("Quittenmarke", "amber");
    let dry = a
        .cli_in(&["push", "-", "--dry-run", "--json"], &amber.to_string())
        .await
        .expect_code(0)
        .json();
    let gates: Vec<(&str, bool, &str, &str)> = dry["peers"]
        .as_array()
        .expect("peers")
        .iter()
        .map(|p| {
            let text = |name: &str| p[name].as_str().expect("text");
            (text("peer"), p["allow"] == true, text("gate"), text("rule"))
        })
        .collect();
    assert_eq!(
        gates,
        [
            ("b", false, "ceiling", "b-green"),
            ("c", false, "ceiling", "no-trends"),
            ("d", true, "policy", "share-all"),
        ]
    );
    let said = dry["peers"][0].clone();
    assert!(
        said["says"]
            .as_str()
            .expect("says")
            .contains("The agreement with B ends at green"),
        "{said}"
    );
    assert_eq!(said["place"], "ceilings.toml:3");
    let id = a.push(&amber, &[]).await;
    federation["d"].holds_all(&[id]).await;
    federation.settled().await;
    for name in ["b", "c"] {
        let node = &federation[name];
        assert!(!a.tap.sent_contains(&node.agency, id.as_bytes()), "{name}");
        assert!(
            !a.tap.sent_contains(&node.agency, b"Quittenmarke"),
            "{name}"
        );
        let why = a.json(&["why", &id.full(), name]).await;
        assert_eq!(why["decision"]["gate"], "ceiling");
    }

    // A list that names a peer beyond a ceiling is refused whole: nothing is stored or sent.
    let before = a.node().store.last();
    let mut named = marked("Zwetschgenmarke", "amber");
    named["onward"] = json!({"to": ["b"]});
    for (draft, options, ceiling) in [
        (&amber, &["--to", "b,d"][..], "b-green"),
        (&amber, &["--to", "b,d", "--dry-run"][..], "b-green"),
        (
            &marked("Small", "clear"),
            &["--to", "small"][..],
            "no-trends",
        ),
        (&named, &["--to", "d"][..], "b-green"),
    ] {
        let args: Vec<&str> = ["push", "-"].iter().chain(options).copied().collect();
        let ran = a.cli_in(&args, &draft.to_string()).await.expect_code(1);
        assert!(ran.err.contains(ceiling), "{ran:?}");
        assert!(ran.err.contains("ceilings.toml"), "{ran:?}");
    }
    let ran = a
        .cli_in(&["amend", &id.full(), "-", "--to", "b"], &amber.to_string())
        .await
        .expect_code(1);
    assert!(ran.err.contains("b-green"), "{ran:?}");
    assert_eq!(a.node().store.last(), before);

    // Nor does leave to pass it on name whom the ceiling is for: another holder would.
    for options in [&[][..], &["--dry-run"]] {
        let permit = [
            "permit",
            &id.full(),
            "--to",
            "b,d",
            "--until",
            &crate::leave::in_a_month(),
        ];
        let args: Vec<&str> = permit.iter().chain(options).copied().collect();
        let ran = a.cli(&args).await.expect_code(1);
        assert!(ran.err.contains("b-green"), "{ran:?}");
        assert!(ran.err.contains("nothing was stored or sent"), "{ran:?}");
    }
    assert_eq!(a.node().store.last(), before);

    // Below the ceiling it goes.
    let green = a.push(&marked("Below", "green"), &["--to", "b"]).await;
    federation["b"].holds_all(&[green]).await;
    federation.stop().await;
}

/// What came from others is under the same ceilings as our own.
/// A ceiling of a role binds who writes in that role alone, and the node passes on what somebody
/// in another role let go.
#[tokio::test(flavor = "multi_thread")]
async fn e3_a_ceiling_of_a_role_binds_its_officers() {
    const OF_ROLE: &str = r#"
[[ceiling]]
name = "analysts-green"
says = "What is above green is for case officers to give."
to = "everyone"
above = "green"
by = ["analyst"]
"#;
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let (a, b) = (&federation["a"], &federation["b"]);
    ceilings(a, OF_ROLE).await;
    federation.settled().await;
    let file = a.home.officers_path();
    let before = std::fs::read_to_string(&file).expect("officers");
    let uid = std::fs::metadata("/proc/self").expect("proc").uid();
    let as_only = |roles: &str| {
        let text = format!("[[officer]]\nuser = {uid}\nroles = [{roles}]\n");
        std::fs::write(&file, text).expect("officers");
    };
    as_only("\"analyst\", \"administrator\"");
    let push = |draft: Value, options: &'static [&'static str]| async move {
        let args = [&["push", "-"], options].concat();
        a.cli_in(&args, &draft.to_string()).await
    };
    for (options, says) in [
        (&["--to", "b"][..], "--to names b"),
        (&[], "without --to policy decides"),
    ] {
        let amber = marked("Quittenmarke", "amber");
        let refused = push(amber, options).await.expect_code(1);
        assert!(refused.err.contains("analysts-green"), "{refused:?}");
        assert!(refused.err.contains(says), "{refused:?}");
    }
    // Nobody gets it: that is for an analyst to choose. So is what is green.
    push(marked("Zwetschgenmarke", "amber"), &["--to", ""])
        .await
        .expect_code(0);
    let green = a.push(&marked("Mispelmarke", "green"), &[]).await;
    let kept = push(marked("Vogelmarke", "amber"), &["--to", ""]).await;
    let kept = kept.out.trim().to_owned();
    let month = crate::leave::in_a_month();
    let permit = ["permit", &kept, "--to", "b", "--until", &month, "--yes"];
    let refused = a.cli(&permit).await.expect_code(1);
    assert!(refused.err.contains("analysts-green"), "{refused:?}");
    as_only("\"analyst\", \"case-officer\"");
    a.cli(&permit).await.expect_code(0);
    let amber = a.push(&marked("Schlehenmarke", "amber"), &[]).await;
    b.holds_all(&[green, amber]).await;
    std::fs::write(&file, before).expect("officers");
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ceiling_holds_for_what_is_passed_on_and_moves_the_epoch() {
    let mut federation = crate::sharing::chain().await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let mut draft = marked("Quittenmarke", "green");
    draft["onward"] = "community".into();
    let epoch = b.node().policies.current().epoch();
    let above = "[[ceiling]]\nname = \"clear\"\nsays = \"C gets what is clear.\"\nto = \"sector:border\"\nabove = \"clear\"\n";
    ceilings(b, above).await;
    assert_eq!(b.node().policies.current().epoch(), epoch + 1);
    let id = a.push(&draft, &[]).await;
    b.holds_all(&[id]).await;
    federation.settled().await;
    assert!(!b.tap.sent_contains(&c.agency, id.as_bytes()));
    // Nobody is told by `plain` that it may have what no gate lets through.
    let plain = b.json(&["policy", "show", "--plain"]).await;
    let cells: BTreeSet<&str> = plain["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .flat_map(|row| row["cells"].as_array().expect("cells"))
        .map(|cell| cell.as_str().expect("text"))
        .collect();
    assert_eq!(cells, ["up to clear"].into());
    // Taken away, it lets through what waited.
    ceilings(b, "").await;
    c.holds_all(&[id]).await;
    // A faulty file changes nothing.
    let dir = b.home.policy_dir();
    std::fs::write(dir.join("ceilings.toml"), "[[ceiling]]\nname = \"x\"\n").expect("ceilings");
    let ran = b
        .cli(&["policy", "apply", &dir.to_string_lossy()])
        .await
        .expect_code(1);
    assert!(ran.err.contains("ceilings.toml"), "{ran:?}");
    federation.stop().await;
}

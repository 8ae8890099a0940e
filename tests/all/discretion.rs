//! A recipient learns of no other recipient, unless the author allows it.

use liaison_protocol::id::RecordId;
use liaison_tests::federation::OPEN;
use liaison_tests::{Federation, TestNode};
use serde_json::json;

use crate::first::trend;
use crate::leave::{amber, says};
use crate::sharing::{content, onward};

/// Cards of others, which are records as well, go on only if a policy says so.
fn no_cards() -> String {
    format!(
        r#"{OPEN}
        @id("no-cards") @says("Cards of others are not passed on.")
        forbid (principal, action == Action::"share", resource)
        when {{ resource.kind == Kind::"contact" }};"#
    )
}

/// `alder` in the middle, who writes; `birch`, `cornel` and `dogwood` each linked to it alone.
async fn star() -> Federation {
    let mut federation = Federation::new();
    for name in ["alder", "birch", "cornel", "dogwood"] {
        federation.add(name, "border", "QN").await;
        federation[name].policy(&no_cards()).await;
        if name != "alder" {
            federation.link("alder", name).await;
        }
    }
    federation
}

/// How an agency can be told of: its id in bytes and in words, and the name that others call it.
fn names(of: &TestNode) -> [Vec<u8>; 4] {
    [
        of.agency.as_bytes().to_vec(),
        of.agency.full().into_bytes(),
        of.agency.short().into_bytes(),
        of.name.clone().into_bytes(),
    ]
}

fn has(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len()).any(|window| window == needle)
}

/// Nothing on any wire, in the store or in what the local API answers tells `reader` of `other`.
async fn knows_nothing_of(
    federation: &Federation,
    reader: &TestNode,
    other: &TestNode,
    ids: &[RecordId],
) {
    let needles = names(other);
    for from in federation.all().filter(|n| n.name != reader.name) {
        for frame in from.tap.sent_to(&reader.agency) {
            for needle in &needles {
                assert!(
                    !has(&frame.body, needle),
                    "{} tells {} of {}: {frame:?}",
                    from.name,
                    reader.name,
                    other.name
                );
            }
        }
    }
    let bytes = format!("{:?}", other.agency.as_bytes());
    for line in content(reader) {
        assert!(!line.contains(&other.agency.full()), "{line}");
        assert!(!line.contains(&other.agency.short()), "{line}");
        assert!(!line.contains(bytes.trim_matches(['[', ']'])), "{line}");
    }
    let mut calls: Vec<Vec<String>> = Vec::new();
    for id in ids {
        let id = id.full();
        for call in [
            &["show"][..],
            &["why", "alder"],
            &["policy", "explain", "alder"],
        ] {
            let (verb, peer) = match call {
                [verb @ .., "alder"] => (verb, Some("alder")),
                verb => (verb, None),
            };
            let mut call: Vec<String> = verb.iter().map(|w| (*w).to_owned()).collect();
            call.push(id.clone());
            call.extend(peer.map(str::to_owned));
            calls.push(call);
        }
        calls.push(
            ["audit", "disclosures", "--record", &id]
                .map(String::from)
                .into(),
        );
    }
    for call in [
        &["status"][..],
        &["peer", "list"],
        &["query", "kind:trend"],
        &["audit", "log"],
        &["policy", "show", "--plain"],
        &["expiry"],
        &[],
    ] {
        calls.push(call.iter().map(|w| (*w).to_owned()).collect());
    }
    for call in calls {
        for json in [false, true] {
            let mut args: Vec<&str> = call.iter().map(String::as_str).collect();
            if json {
                args.push("--json");
            }
            let ran = reader.cli(&args).await;
            let text = format!("{}{}", ran.out, ran.err);
            for needle in &needles {
                assert!(
                    !has(text.as_bytes(), needle),
                    "{}: {args:?} tells of {}: {text}",
                    reader.name,
                    other.name
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e5_a_recipient_cannot_learn_the_other_recipients() {
    let mut federation = star().await;
    let [a, b, c, d] = ["alder", "birch", "cornel", "dogwood"].map(|n| &federation[n]);
    // The words of a ceiling name a peer, and stay at home.
    let ceilings = "[[ceiling]]\nname = \"dogwood-red\"\nsays = \"Brombeermarke: dogwood gets nothing red.\"\nto = \"peer:dogwood\"\nabove = \"amber\"\n";
    std::fs::write(a.home.policy_dir().join("ceilings.toml"), ceilings).expect("ceilings");
    a.policy(&no_cards()).await;

    // Listed, amended, and listed for more and for fewer.
    let listed = a
        .push(&trend("Quittenmarke"), &["--to", "birch,cornel"])
        .await;
    let kept = a
        .push(&trend("Holundermarke"), &["--to", "birch,cornel"])
        .await;
    for node in [b, c] {
        node.holds_all(&[listed, kept]).await;
    }
    let changed = trend("Zwetschgenmarke").to_string();
    let amended = a
        .cli_in(&["amend", &listed.full(), "-", "--json"], &changed)
        .await
        .expect_code(0)
        .json();
    let amended: RecordId = amended["id"].as_str().expect("id").parse().expect("id");
    for node in [b, c] {
        node.holds_all(&[amended]).await;
    }
    let audience = |to: &'static str| {
        let kept = kept.full();
        async move {
            let args = ["audience", &kept, "--to", to, "--yes"];
            a.cli(&args).await.expect_code(0);
        }
    };
    audience("birch,cornel,dogwood").await;
    d.holds_all(&[kept]).await;
    audience("birch,dogwood").await;
    crate::retraction::erased(c, &kept).await;

    // Asked for and permitted: who asked is no matter of the other holders.
    let asked = a
        .push(&amber("Schlehenmarke"), &["--to", "birch,cornel"])
        .await;
    for node in [b, c] {
        node.holds_all(&[asked]).await;
    }
    let outside = liaison_protocol::id::AgencyId::from_bytes([77; 32]).full();
    let args = [
        "ask",
        &asked.full(),
        &outside,
        "--why",
        "they meet them first",
    ];
    b.cli(&args).await.expect_code(0);
    says(a, &["status"], |s| s["asks"]["count"] == 1).await;
    let until = liaison_protocol::record::date::Date::from_millis(a.node().clock.now()).to_string();
    let args = [
        "permit",
        &asked.full(),
        "--to",
        &outside,
        "--until",
        &until,
        "--yes",
    ];
    a.cli(&args).await.expect_code(0);
    says(b, &["show", &asked.full()], |s| {
        s["leave"].as_array().is_some_and(|l| l.len() == 2)
    })
    .await;

    // Looked at beforehand, explained, and taken back with receipts.
    let dir = a.home.policy_dir();
    for args in [
        &["policy", "preview", &dir.to_string_lossy()][..],
        &["policy", "explain", &kept.full(), "dogwood"],
        &["why", &kept.full(), "cornel"],
    ] {
        a.cli(args).await.expect_code(0);
    }
    let args = ["retract", &amended.full(), "--reason", "error", "--yes"];
    a.cli(&args).await.expect_code(0);
    for node in [b, c] {
        crate::retraction::erased(node, &amended).await;
    }
    federation.settled().await;

    // The author's own officers see all of them: there is something to be told.
    let shown = a.json(&["show", &kept.full()]).await.to_string();
    for name in ["birch", "cornel", "dogwood"] {
        assert!(shown.contains(name), "{name}: {shown}");
    }
    let ids = [listed, amended, kept, asked];
    for (reader, others) in [(b, [c, d]), (c, [b, d]), (d, [b, c])] {
        for other in others {
            knows_nothing_of(&federation, reader, other, &ids).await;
        }
        assert!(!a.tap.sent_contains(&reader.agency, b"Brombeermarke"));
    }
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e5_a_recipient_learns_of_others_whom_the_author_names_in_the_record() {
    let mut federation = star().await;
    let [a, b, c, d] = ["alder", "birch", "cornel", "dogwood"].map(|n| &federation[n]);
    let named = onward("Quittenmarke", &json!({"to": ["cornel"]}));
    let id = a.push(&named, &["--to", "birch,dogwood"]).await;
    for node in [b, d] {
        node.holds_all(&[id]).await;
    }
    federation.settled().await;
    assert!(a.tap.sent_contains(&b.agency, c.agency.as_bytes()));
    let shown = b.json(&["show", &id.full()]).await.to_string();
    assert!(shown.contains(&c.agency.full()), "{shown}");
    // Of whom the record does not name it learns nothing.
    knows_nothing_of(&federation, b, d, &[id]).await;
    federation.stop().await;
}

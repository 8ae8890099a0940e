//! Bundles: agencies whose networks have a gap exchange files. No connection between them is ever
//! up in these tests, but where one says so.

use std::path::PathBuf;

use liaison_node::clock::{Clock, SystemClock};
use liaison_node::limits::DAY_MS;
use liaison_protocol::clock::Millis;
use liaison_protocol::record::date::Date;
use liaison_tests::federation::{OPEN, Ran};
use liaison_tests::{Federation, TestNode, sealed};
use serde_json::Value;

use crate::first::trend;

/// Nodes that know each other and are not connected.
pub async fn apart(names: &[&str]) -> Federation {
    let federation = Federation::mesh(names, OPEN).await;
    // Their cards are known by now.
    federation.settled().await;
    for (at, a) in names.iter().enumerate() {
        for b in names.iter().skip(at + 1) {
            federation.cut(a, b).await;
        }
    }
    federation
}

fn path(federation: &Federation, name: &str) -> PathBuf {
    federation.dir().join(name)
}

/// Packs a bundle into a file of this name; the report.
pub async fn pack(federation: &Federation, from: &str, to: &str, name: &str) -> Value {
    let file = path(federation, name);
    let file = file.to_string_lossy();
    federation[from]
        .json(&["bundle", "pack", "--to", to, &file])
        .await
}

pub async fn unpack(federation: &Federation, at: &str, name: &str) -> Ran {
    let file = path(federation, name);
    let file = file.to_string_lossy();
    federation[at]
        .cli(&["bundle", "unpack", &file, "--json"])
        .await
}

async fn ledger(node: &TestNode, id: &str, peer: &str) -> Value {
    let why = node.json(&["why", id, peer]).await;
    why["ledger"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn records_cross_a_gap_both_ways_and_the_author_hears_what_arrived() {
    let mut federation = apart(&["a", "b"]).await;
    let there = federation["a"].push(&trend("There"), &[]).await;
    let back = federation["b"].push(&trend("Back"), &[]).await;
    let packed = pack(&federation, "a", "b", "1.bundle").await;
    assert_eq!(packed["records"], 1, "{packed}");

    // Packed is not delivered.
    let line = ledger(&federation["a"], &there.full(), "b").await;
    assert_eq!(
        (&line["direction"], &line["path"]),
        (&"sent".into(), &"bundle".into()),
        "{line}"
    );
    assert_eq!(line["answer"], Value::Null, "{line}");
    let shown = federation["a"].json(&["show", &there.full()]).await;
    assert_eq!(shown["recipients"][0]["state"], "sent", "{shown}");
    assert_eq!(
        shown["recipients"][0]["parcel"]["state"], "waits",
        "{shown}"
    );
    let listed = federation["a"].json(&["parcels"]).await;
    assert_eq!(listed["parcels"][0]["to"], "b", "{listed}");
    assert_eq!(listed["parcels"][0]["records"], 1, "{listed}");
    // A second one holds nothing of what the first does.
    let again = pack(&federation, "a", "b", "2.bundle").await;
    assert_eq!(again["parcels"], 0, "{again}");
    assert!(!path(&federation, "2.bundle").exists());

    let opened = unpack(&federation, "b", "1.bundle")
        .await
        .expect_code(0)
        .json();
    assert_eq!(opened["stored"], 1, "{opened}");
    assert_eq!(opened["from"][0], "a", "{opened}");
    federation["b"].holds_all(&[there]).await;
    let came = ledger(&federation["b"], &there.full(), "a").await;
    assert_eq!(
        (&came["direction"], &came["path"]),
        (&"received".into(), &"bundle".into())
    );

    // The way back holds B's own record, and what became of A's.
    let packed = pack(&federation, "b", "a", "3.bundle").await;
    assert_eq!(packed["records"], 1, "{packed}");
    let opened = unpack(&federation, "a", "3.bundle")
        .await
        .expect_code(0)
        .json();
    assert_eq!(
        (&opened["stored"], &opened["answers"]),
        (&1.into(), &1.into()),
        "{opened}"
    );
    federation["a"].holds_all(&[back]).await;
    let line = ledger(&federation["a"], &there.full(), "b").await;
    assert_eq!(line["answer"], "stored", "{line}");
    let shown = federation["a"].json(&["show", &there.full()]).await;
    assert_eq!(shown["recipients"][0]["state"], "delivered", "{shown}");
    let listed = federation["a"].json(&["parcels"]).await;
    assert_eq!(listed["parcels"], Value::Array(Vec::new()), "{listed}");

    // It ends: who is only thanked does not thank in turn.
    pack(&federation, "a", "b", "4.bundle").await;
    unpack(&federation, "b", "4.bundle").await.expect_code(0);
    let packed = pack(&federation, "b", "a", "5.bundle").await;
    assert_eq!(packed["parcels"], 0, "{packed}");

    // And when the line is there one day, nothing comes twice.
    let before = (
        federation["a"].node().store.last(),
        federation["b"].node().store.last(),
    );
    federation.mend("a", "b").await;
    federation.settled().await;
    let after = (
        federation["a"].node().store.last(),
        federation["b"].node().store.last(),
    );
    assert_eq!(before, after);
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_opens_at_no_other_agency_and_not_twice() {
    let mut federation = apart(&["a", "b", "c"]).await;
    let id = federation["a"].push(&trend("For B"), &[]).await;
    pack(&federation, "a", "b", "for-b.bundle").await;
    let refused = unpack(&federation, "c", "for-b.bundle")
        .await
        .expect_code(1);
    let says = refused.json()["faults"][0].to_string();
    assert!(says.contains("it is for another agency"), "{says}");
    assert!(federation["c"].holds().is_empty());

    unpack(&federation, "b", "for-b.bundle")
        .await
        .expect_code(0);
    federation["b"].holds_all(&[id]).await;
    let before = federation["b"].node().store.last();
    let again = unpack(&federation, "b", "for-b.bundle")
        .await
        .expect_code(0)
        .json();
    assert_eq!(
        (&again["opened"], &again["again"]),
        (&0.into(), &1.into()),
        "{again}"
    );
    assert_eq!(federation["b"].node().store.last(), before);

    // From an agency that is no peer nothing is taken.
    federation["a"].push(&trend("Later"), &[]).await;
    pack(&federation, "a", "b", "later.bundle").await;
    let args = ["peer", "revoke", "a", "--reason", "test", "--yes"];
    federation["b"].cli(&args).await.expect_code(0);
    let refused = unpack(&federation, "b", "later.bundle")
        .await
        .expect_code(1);
    let says = refused.json()["faults"][0].to_string();
    assert!(says.contains("no peer of ours"), "{says}");
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_copy_gives_what_is_whole_and_the_next_copy_the_rest() {
    let mut federation = apart(&["a", "b"]).await;
    let first = federation["a"].push(&trend("First"), &[]).await;
    pack(&federation, "a", "b", "1.bundle").await;
    let second = federation["a"].push(&trend("Second"), &[]).await;
    // All of it once more, in two parcels' worth: the first bundle was lost.
    let file = path(&federation, "2.bundle");
    let shown = file.to_string_lossy();
    let args = ["bundle", "pack", "--to", "b", "--again", &shown];
    let packed = federation["a"].json(&args).await;
    assert_eq!(packed["records"], 2, "{packed}");
    let whole = std::fs::read(&file).expect("the bundle");
    let cut = path(&federation, "cut.bundle");
    std::fs::write(&cut, &whole[..whole.len() / 2]).expect("written");
    let ran = unpack(&federation, "b", "cut.bundle").await.expect_code(1);
    let says = ran.json()["faults"][0].to_string();
    assert!(says.contains("cut short"), "{says}");
    assert!(federation["b"].holds().is_empty());
    std::fs::write(&cut, &whole[..whole.len() - 1]).expect("written");
    let ran = unpack(&federation, "b", "cut.bundle").await.expect_code(1);
    assert_eq!(ran.json()["stored"], 2, "{ran:?}");
    let ran = unpack(&federation, "b", "2.bundle").await.expect_code(0);
    assert_eq!(ran.json()["again"], 1, "{ran:?}");
    federation["b"].holds_all(&[first, second]).await;
    // A damaged one is refused, and nothing of it is taken.
    let third = federation["a"].push(&trend("Third"), &[]).await;
    pack(&federation, "a", "b", "3.bundle").await;
    let mut bytes = std::fs::read(path(&federation, "3.bundle")).expect("the bundle");
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(path(&federation, "3.bundle"), bytes).expect("written");
    let ran = unpack(&federation, "b", "3.bundle").await.expect_code(1);
    let says = ran.json()["faults"][0].to_string();
    assert!(says.contains("damaged"), "{says}");
    assert!(!federation["b"].holds().contains(&third));
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e13_what_is_withdrawn_between_packing_and_unpacking_is_told_and_does_not_stay() {
    let mut federation = apart(&["a", "b"]).await;
    let stays = federation["a"].push(&trend("Stays"), &[]).await;
    let goes = federation["a"].push(&trend("Goes"), &[]).await;
    pack(&federation, "a", "b", "old.bundle").await;
    let args = ["retract", "--yes", &goes.full(), "--reason", "error"];
    let report = federation["a"].json(&args).await;
    // A file is out of reach, and the command says so, with its end.
    assert_eq!(report["parcels"][0]["to"], "b", "{report}");
    assert_eq!(report["parcels"][0]["hub"], Value::Null, "{report}");
    assert!(report["parcels"][0]["until"].is_string(), "{report}");
    // Of the old one nothing counts any more: the new one has the rest of it.
    let packed = pack(&federation, "a", "b", "new.bundle").await;
    assert_eq!(packed["records"], 2, "{packed}");

    // The retraction overtakes its record.
    unpack(&federation, "b", "new.bundle").await.expect_code(0);
    let opened = unpack(&federation, "b", "old.bundle")
        .await
        .expect_code(0)
        .json();
    assert_eq!(
        (&opened["stored"], &opened["again"]),
        (&0.into(), &1.into()),
        "{opened}"
    );
    federation["b"].holds_all(&[stays]).await;
    assert!(!federation["b"].holds().contains(&goes));
    assert!(!sealed::has_bytes(&federation["b"], &goes));
    federation.stop().await;
}

/// What B answered in a file that takes its time says less than what it said on the line since:
/// else B would never hear that the record is withdrawn.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_word_in_a_bundle_takes_nothing_from_a_newer_one() {
    let mut federation = apart(&["a", "b"]).await;
    federation["b"]
        .policy(
            r#"@id("share-all") @says("All goes out, and nothing comes in.")
            permit (principal, action == Action::"share", resource);"#,
        )
        .await;
    let id = federation["a"].push(&trend("Refused at first"), &[]).await;
    pack(&federation, "a", "b", "1.bundle").await;
    let opened = unpack(&federation, "b", "1.bundle").await.json();
    assert_eq!(opened["refused"], 1, "{opened}");
    let old = pack(&federation, "b", "a", "old.bundle").await;
    assert_eq!(old["parcels"], 1, "{old}");

    federation["b"].policy(OPEN).await;
    federation.mend("a", "b").await;
    federation["b"].holds_all(&[id]).await;
    federation.settled().await;
    let line = ledger(&federation["a"], &id.full(), "b").await;
    assert_eq!(line["answer"], "stored", "{line}");
    unpack(&federation, "a", "old.bundle").await.expect_code(0);
    let line = ledger(&federation["a"], &id.full(), "b").await;
    assert_eq!(line["answer"], "stored", "{line}");
    let args = ["retract", "--yes", &id.full(), "--reason", "error"];
    federation["a"].cli(&args).await.expect_code(0);
    federation.settled().await;
    assert!(!sealed::has_bytes(&federation["b"], &id));
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_opens_its_record_in_the_same_parcel() {
    let mut federation = apart(&["a", "b", "c"]).await;
    let mut draft = trend("With leave only");
    draft["tlp"] = "amber".into();
    draft["onward"] = "ask".into();
    let id = federation["a"].push(&draft, &["--to", "b"]).await;
    pack(&federation, "a", "b", "1.bundle").await;
    unpack(&federation, "b", "1.bundle").await.expect_code(0);
    federation["b"].holds_all(&[id]).await;
    let why = federation["b"].json(&["why", &id.full(), "c"]).await;
    assert_eq!(why["decision"]["allow"], false, "{why}");
    let until = Date::from_millis(Millis(SystemClock.now().0 + 30 * DAY_MS)).to_string();
    let args = ["permit", &id.full(), "--to", "c", "--until", &until];
    federation["a"].cli(&args).await.expect_code(0);
    pack(&federation, "a", "b", "2.bundle").await;
    unpack(&federation, "b", "2.bundle").await.expect_code(0);
    // B passes on both at once: the permit, and behind it what it opens.
    let packed = pack(&federation, "b", "c", "3.bundle").await;
    assert_eq!(packed["parcels"], 1, "{packed}");
    let opened = unpack(&federation, "c", "3.bundle")
        .await
        .expect_code(0)
        .json();
    assert_eq!(opened["refused"], 0, "{opened}");
    federation["c"].holds_all(&[id]).await;
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_record_crosses_in_a_bundle_and_stays_sealed_in_the_file() {
    let mut federation = apart(&["a", "b"]).await;
    let marker = "Zephyrine";
    let id = sealed::seal(
        &federation["a"],
        &[&federation["b"]],
        sealed::marked(marker),
    )
    .await;
    pack(&federation, "a", "b", "1.bundle").await;
    let file = std::fs::read(path(&federation, "1.bundle")).expect("the bundle");
    assert!(!sealed::stands_in(&file, marker.as_bytes()));
    unpack(&federation, "b", "1.bundle").await.expect_code(0);
    sealed::opens(&federation["b"], &id).await;
    assert_eq!(
        sealed::name_in(&federation["b"], &id).as_deref(),
        Some(marker)
    );
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_signing_key_is_learned_from_the_parcel_that_it_signs() {
    let mut federation = apart(&["a", "b"]).await;
    federation["a"]
        .cli(&["keys", "rotate", "--yes"])
        .await
        .expect_code(0);
    let id = federation["a"].push(&trend("Under the new key"), &[]).await;
    pack(&federation, "a", "b", "1.bundle").await;
    unpack(&federation, "b", "1.bundle").await.expect_code(0);
    federation["b"].holds_all(&[id]).await;
    federation.stop().await;
}

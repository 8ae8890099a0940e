//! Taking a record back is answered by everybody who had it, and its author sees how far it is.

use std::collections::BTreeMap;
use std::path::Path;
use std::task::Poll;
use std::time::{Duration, Instant};

use liaison_node::share::Route;
use liaison_node::store::{Flags, compact};
use liaison_protocol::fault::{Answer, Refused};
use liaison_protocol::id::RecordId;
use liaison_protocol::record::codes::{Kind, ReceiptWhat};
use liaison_protocol::record::kinds::{Content, Recall, Receipt};
use liaison_protocol::record::signed::SignedRecord;
use liaison_protocol::wire::{Item, Message, Outcome};
use liaison_tests::federation::{ACCEPT, OPEN, PATIENCE};
use liaison_tests::raw::{self, RawPeer};
use liaison_tests::{Federation, TestNode, sealed, sheet};
use serde_json::Value;

use crate::first::trend;
use crate::sharing::{author_and_reader, chain};

/// Waits until what a node says of a record is as it should be; looks at each arrival.
pub(crate) async fn until(
    node: &TestNode,
    id: &RecordId,
    what: &str,
    is: impl Fn(&Value) -> bool,
) -> Value {
    let mut arrivals = node.node().store.watch();
    let mut last = Value::Null;
    let seen = async {
        loop {
            arrivals.mark_unchanged();
            last = node.json(&["show", &id.full()]).await;
            if is(&last) {
                return;
            }
            // Marks and the ledger move without an arrival.
            let _more = tokio::time::timeout(Duration::from_millis(200), arrivals.changed()).await;
        }
    };
    let done = tokio::time::timeout(PATIENCE, seen).await.is_ok();
    assert!(done, "{}: {what}: {last:#}", node.name);
    last
}

fn recipient<'a>(view: &'a Value, peer: &str) -> &'a Value {
    let all = view["recipients"].as_array();
    all.and_then(|all| all.iter().find(|r| r["peer"] == peer))
        .unwrap_or(&Value::Null)
}

fn is_erased(view: &Value, peer: &str) -> bool {
    recipient(view, peer)["state"] == "erased"
}

/// Waits until a node's copy of a record is erased.
async fn erased(node: &TestNode, id: &RecordId) {
    until(node, id, "erased", |view| {
        view["retracted_by"]["erased"] == true
    })
    .await;
    assert!(!node.holds().contains(id), "{}", node.name);
}

/// Nodes of these names with these links, running, all with an open policy; everybody knows
/// the keys of `a`.
async fn tree(names: &[&str], links: &[(&str, &str)]) -> Federation {
    let mut federation = Federation::new();
    for name in names {
        federation.add(name, "border", "QN").await;
    }
    for (one, other) in links {
        federation.link_only(one, other).await;
    }
    for (one, other) in links {
        federation.connected(one, other).await;
    }
    let card = federation["a"].home.dir().join("card.liaison");
    for name in names {
        let known = *name == "a" || links.contains(&("a", name));
        if !known {
            federation[name]
                .cli(&["peer", "add", &card.to_string_lossy(), "--as", "a", "--yes"])
                .await
                .expect_code(0);
        }
        federation[name].policy(OPEN).await;
    }
    federation
}

#[tokio::test(flavor = "multi_thread")]
async fn e18_the_author_sees_how_far_a_retraction_is_with_each() {
    let mut federation = tree(&["a", "b", "c", "d"], &[("a", "b"), ("b", "c"), ("a", "d")]).await;
    let id = federation["a"].push(&trend("Quittenmarke"), &[]).await;
    for name in ["b", "c", "d"] {
        federation[name].holds_all(&[id]).await;
    }
    federation.settled().await;
    let view = federation["a"].json(&["show", &id.full()]).await;
    for peer in ["b", "d"] {
        let one = recipient(&view, peer);
        assert_eq!(one["state"], "delivered", "{view:#}");
        assert!(one["sent"].is_string(), "{view:#}");
    }
    federation.node("d").stop().await;
    let a = &federation["a"];
    let args = [
        "retract",
        "--yes",
        &id.full(),
        "--reason",
        "error",
        "--wait",
        "1",
        "--json",
    ];
    // d has not answered in time, and that is no success.
    let ran = a.cli(&args).await.expect_code(1);
    assert_eq!(
        recipient(&ran.json(), "d")["state"],
        "unreachable",
        "{ran:?}"
    );
    let view = until(a, &id, "b counts c", |view| {
        is_erased(view, "b") && recipient(view, "b")["passed_on"]["erased"] == 1
    })
    .await;
    assert_eq!(recipient(&view, "b")["passed_on"]["asked"], 1);
    assert!(recipient(&view, "b")["erased"].is_string());
    assert!(
        recipient(&view, "d")["unreachable_since"].is_string(),
        "{view:#}"
    );
    // b does not tell who c is.
    let (b, c) = (&federation["b"], federation["c"].agency);
    let receipts = b.tap.records_to(&a.agency).into_iter().filter(|bytes| {
        let signed = SignedRecord::parse(bytes.clone().into()).expect("a record");
        signed.kind() == Kind::Receipt
    });
    for bytes in receipts {
        let told = bytes.windows(32).any(|w| w == c.as_bytes());
        assert!(!told, "b tells a of c");
    }
    let table = a.cli(&["show", &id.full()]).await.expect_code(0).out;
    assert!(table.contains("passed on to 1, 1 erased"), "{table}");
    assert!(table.contains("unreachable since"), "{table}");

    federation.node("d").start().await;
    let a = &federation["a"];
    let view = until(a, &id, "d erased", |view| is_erased(view, "d")).await;
    assert!(
        recipient(&view, "d")["unreachable_since"].is_null(),
        "{view:#}"
    );
    // What is answered is answered once, also after a restart.
    federation.settled().await;
    let last = federation["b"].node().store.last();
    federation.node("b").stop().await;
    federation.node("b").start().await;
    federation.connected("a", "b").await;
    federation.settled().await;
    let again = federation["b"].node().store.last();
    assert_eq!(again, last, "b says something anew");
    federation.stop().await;
}

/// Nine nodes, eight of them holders at up to three steps from the author.
#[tokio::test(flavor = "multi_thread")]
async fn e13_eight_holders_confirm_within_five_seconds_and_nothing_of_it_is_left() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    let links = [
        ("a", "b"),
        ("a", "c"),
        ("a", "d"),
        ("a", "e"),
        ("b", "f"),
        ("b", "g"),
        ("f", "h"),
        ("c", "i"),
    ];
    let mut federation = tree(&names, &links).await;
    let holders = names.get(1..).expect("holders");
    let words = ["Quittenmarke", "Zwetschgenmarke", "Mirabellenmarke"];
    let mut best = (Duration::MAX, Duration::MAX);
    let mut ids = Vec::new();
    // What is promised is said of a machine with nothing else to do: there, which somebody has to
    // say, the best of three counts; elsewhere only that it comes to an end.
    for word in words {
        let id = federation["a"].push(&trend(word), &[]).await;
        for name in holders {
            federation[name].holds_all(&[id]).await;
        }
        federation.settled().await;
        federation.node("i").stop().await;
        let begun = Instant::now();
        let args = ["retract", "--yes", &id.full(), "--reason", "source-at-risk"];
        federation["a"].cli(&args).await.expect_code(0);
        until(
            &federation["a"],
            &id,
            "all that are online confirmed",
            |view| {
                ["b", "c", "d", "e"]
                    .iter()
                    .all(|peer| is_erased(view, peer))
                    && recipient(view, "b")["passed_on"]["erased"] == 3
            },
        )
        .await;
        let online = begun.elapsed();
        let view = federation["a"].json(&["show", &id.full()]).await;
        assert_eq!(recipient(&view, "b")["passed_on"]["asked"], 3, "{view:#}");
        assert_eq!(recipient(&view, "c")["passed_on"]["erased"], 0, "{view:#}");
        federation.node("i").start().await;
        federation.connected("c", "i").await;
        let back = Instant::now();
        until(
            &federation["a"],
            &id,
            "the one that was away confirmed",
            |view| recipient(view, "c")["passed_on"]["erased"] == 1,
        )
        .await;
        let returned = back.elapsed();
        best = (best.0.min(online), best.1.min(returned));
        for name in names {
            erased(&federation[name], &id).await;
        }
        ids.push(id);
    }
    println!("e13: confirmed by all that are online, and by the one that was away, in {best:.1?}");
    let bound = match std::env::var_os("LIAISON_QUIET_MACHINE") {
        Some(_) => Duration::from_secs(5),
        None => Duration::from_secs(60),
    };
    assert!(best.0 < bound && best.1 < bound, "{best:?}");
    let kept = federation["a"].push(&trend("Pflaumenmus"), &[]).await;
    for name in holders {
        federation[name].holds_all(&[kept]).await;
    }
    federation.settled().await;
    federation.stop().await;
    for name in names {
        let home = &federation[name].home;
        compact(&home.store_dir(), &home.dir().join("compacting")).expect("compaction");
        // The index holds nothing of its own: it is made anew from the store.
        std::fs::remove_dir_all(home.index_dir()).expect("index");
    }
    for name in names {
        federation.node(name).start().await;
        federation[name].node().search.flush().expect("index");
    }
    federation.stop().await;
    for name in names {
        let home = federation[name].home.dir();
        assert!(contains(home, "Pflaumenmus"), "{name}: nothing is found");
        for word in words {
            assert!(!contains(home, word), "{name} has {word} in its files");
            assert!(!contains(home, &word.to_lowercase()), "{name}: {word}");
        }
    }
}

/// Whether some file under a folder holds these bytes.
fn contains(dir: &Path, text: &str) -> bool {
    std::fs::read_dir(dir).expect("folder").any(|entry| {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            return contains(&path, text);
        }
        std::fs::read(&path)
            .is_ok_and(|bytes| bytes.windows(text.len()).any(|w| w == text.as_bytes()))
    })
}

/// A release that was decided under the old list gives nothing once the new one stands.
#[tokio::test(flavor = "multi_thread")]
async fn e14_a_release_under_way_does_not_outlive_its_list() {
    let mut federation = tree(&["a", "b"], &[("a", "b")]).await;
    federation.cut("a", "b").await;
    let (a, b) = (&federation["a"], federation["b"].agency);
    let (node, mut caught) = (a.node(), false);
    // One that was quicker than this loop was let go before, and is tried with another record.
    for n in 0..20 {
        let id = a.push(&trend(&format!("Record {n}")), &["--to", "b"]).await;
        let arrival = node.store.arrival_of(&id).expect("store").expect("held");
        let mut release = Box::pin(node.share.release(b, vec![arrival], Route::Direct));
        let mut early = None;
        while node
            .store
            .ledger_entry(&b, arrival)
            .expect("store")
            .is_none()
            && early.is_none()
        {
            early = std::future::poll_fn(|cx| match release.as_mut().poll(cx) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending => Poll::Ready(None),
            })
            .await;
            tokio::task::yield_now().await;
        }
        if early.is_some() {
            continue;
        }
        caught = true;
        // It is in the ledger, and its bytes were not given yet.
        let done = a.json(&["audience", &id.full(), "--to", ""]).await;
        assert_eq!(done["recalled"][0], "b", "{done:#}");
        let released = release.await.expect("a ledger");
        assert!(released.iter().all(Option::is_none), "{released:?}");
        break;
    }
    assert!(caught, "no release was caught under way");
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e14_a_narrower_list_erases_at_those_removed_and_a_wider_one_brings_it_back() {
    let mut federation = tree(
        &["a", "b", "c", "d"],
        &[("a", "b"), ("a", "c"), ("b", "d"), ("b", "c")],
    )
    .await;
    let id = federation["a"].push(&trend("Quittenmarke"), &[]).await;
    for name in ["b", "c", "d"] {
        federation[name].holds_all(&[id]).await;
    }
    federation.settled().await;
    // Whichever of a and b brought it to c, a takes back what a released.
    let a = &federation["a"];
    let preview = a
        .json(&["audience", &id.full(), "--to", "c", "--dry-run"])
        .await;
    assert_eq!(preview["recalled"][0], "b", "{preview:#}");
    let done = a.json(&["audience", &id.full(), "--to", "c"]).await;
    assert_eq!(done["recalled"], preview["recalled"]);
    for name in ["b", "d"] {
        erased(&federation[name], &id).await;
    }
    until(a, &id, "b erased it, and d behind it", |view| {
        is_erased(view, "b") && recipient(view, "b")["passed_on"]["erased"] == 1
    })
    .await;
    federation.settled().await;
    assert!(federation["a"].holds().contains(&id));
    for name in ["b", "d"] {
        let view = federation[name].json(&["show", &id.full()]).await;
        assert_eq!(view["retracted_by"]["reason"], "recalled", "{view:#}");
        let found = federation[name]
            .json(&["query", "quittenmarke", "--count"])
            .await;
        assert_eq!(found["count"], 0, "{name}");
    }
    // A node that is started anew does not fetch it again.
    federation.node("b").stop().await;
    federation.node("b").start().await;
    federation.connected("a", "b").await;
    federation.connected("b", "d").await;
    federation.settled().await;
    assert!(!federation["b"].holds().contains(&id));

    let wider = federation["a"]
        .json(&["audience", &id.full(), "--to", "b,c"])
        .await;
    assert!(
        wider["added"]
            .as_array()
            .is_some_and(|a| a.contains(&"b".into())),
        "{wider:#}"
    );
    for name in ["b", "c", "d"] {
        until(&federation[name], &id, "back", |view| {
            view["record"].is_object()
        })
        .await;
        assert!(federation[name].holds().contains(&id));
    }
    federation.settled().await;
    for name in ["b", "d"] {
        let found = federation[name]
            .json(&["query", "quittenmarke", "--count"])
            .await;
        assert_eq!(found["count"], 1, "{name} finds it again");
    }
    // And once more: a recall that was lifted is no recall.
    federation["a"]
        .json(&["audience", &id.full(), "--to", ""])
        .await;
    for name in ["b", "d"] {
        erased(&federation[name], &id).await;
    }
    // The author's word stands above a recall.
    let args = ["retract", "--yes", &id.full(), "--reason", "error"];
    federation["a"].cli(&args).await.expect_code(0);
    for name in ["b", "d"] {
        until(&federation[name], &id, "retracted", |view| {
            view["retracted_by"]["reason"] == "error"
        })
        .await;
    }
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e16_what_was_recalled_comes_back_only_by_whom_recalled_it_or_its_author() {
    let mut federation = chain().await;
    let id = federation["a"].push(&trend("Quittenmarke"), &[]).await;
    federation["c"].holds_all(&[id]).await;
    federation.settled().await;
    let stale = raw::stored(&federation["c"], &id);
    let only = format!(
        r#"{OPEN} @id("not-c") @says("Nothing to c.")
        forbid (principal, action == Action::"share", resource)
        when {{ principal == Agency::"c" }};"#
    );
    federation["b"].policy(&only).await;
    let (b, c) = (&federation["b"], &federation["c"]);
    let reason = "policy".parse().expect("reason");
    let made = b
        .node()
        .recall(&[id], &c.agency, reason)
        .await
        .expect("recall");
    assert_eq!(made.len(), 1);
    // Twice is once.
    let again = b
        .node()
        .recall(&[id], &c.agency, reason)
        .await
        .expect("recall");
    assert!(again.is_empty());
    erased(c, &id).await;
    let view = until(b, &id, "c erased it", |view| is_erased(view, "c")).await;
    assert!(
        view["retracted_by"].is_null(),
        "b keeps its own copy: {view:#}"
    );
    assert!(b.holds().contains(&id));

    let mut late = RawPeer::new(federation.dir(), "late").await;
    late.link(c).await;
    let answer = late.sender(c).await.give(&stale).await;
    assert_eq!(answer, Answer::Refused(Refused::Retracted));
    assert!(!c.holds().contains(&id));
    drop(late);

    federation["b"].policy(OPEN).await;
    until(&federation["c"], &id, "back", |view| {
        view["record"].is_object()
    })
    .await;
    federation.settled().await;
    let found = federation["c"]
        .json(&["query", "quittenmarke", "--count"])
        .await;
    assert_eq!(found["count"], 1);
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e16_an_import_of_the_same_rows_does_not_bring_back_what_was_retracted() {
    let mut federation = author_and_reader().await;
    let file = federation.dir().join("rows.csv");
    sheet::write(&file, &sheet::made_up(20));
    let a = &federation["a"];
    a.import(&file, &sheet::map()).await;
    let all = a.holds();
    federation["b"]
        .holds_all(&all.iter().copied().collect::<Vec<_>>())
        .await;
    let trends = a.json(&["query", "kind:trend", "--limit", "1"]).await;
    let id: RecordId = trends["rows"][0]["id"]
        .as_str()
        .expect("a row")
        .parse()
        .expect("id");
    let args = ["retract", "--yes", &id.full(), "--reason", "error"];
    a.cli(&args).await.expect_code(0);
    for name in ["a", "b"] {
        erased(&federation[name], &id).await;
    }
    // The same file is the same job, which is done.
    a.import(&file, &sheet::map()).await;
    let left = a.holds();
    assert_eq!(left.len(), all.len() - 1);
    // Another file with the same rows, a newer export say, is another job: of its rows the one
    // that says what was retracted is refused, by its line.
    let newer = federation.dir().join("newer.csv");
    sheet::write(&newer, &sheet::made_up(21));
    let ran = a
        .cli(&[
            "import",
            "csv",
            &newer.to_string_lossy(),
            "--map",
            &sheet::map().to_string_lossy(),
            "--yes",
            "--json",
        ])
        .await
        .expect_code(1);
    assert!(ran.out.contains(&id.short()), "{ran:?}");
    assert!(ran.out.contains("was retracted"), "{ran:?}");
    assert_eq!(
        ran.json()["bad"].as_array().map(Vec::len),
        Some(1),
        "{ran:?}"
    );
    federation.settled().await;
    assert!(!federation["b"].holds().contains(&id));
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recall_takes_only_the_copy_of_whoever_made_it() {
    let mut federation = Federation::new();
    federation.add("c", "border", "QN").await;
    federation["c"].policy(OPEN).await;
    let c = &federation["c"];
    let mut author = RawPeer::new(federation.dir(), "author").await;
    let mut courier = RawPeer::new(federation.dir(), "courier").await;
    let mut second = RawPeer::new(federation.dir(), "second").await;
    let mut stranger = RawPeer::new(federation.dir(), "stranger").await;
    for peer in [&mut author, &mut courier, &mut second, &mut stranger] {
        peer.link(c).await;
    }
    let record = author.sign(author.statement(&trend("Quittenmarke")));
    let item = Item {
        id: record.id(),
        created: record.unverified().envelope.created,
        size: u32::try_from(record.bytes().len()).expect("small"),
    };
    // Both are asked for its bytes, since neither has brought them yet.
    let mut streams = [courier.sender(c).await, second.sender(c).await];
    for stream in &mut streams {
        let items = vec![item];
        stream.send(&Message::Offer { batch: 1, items }).await;
        stream.expect("want").await;
    }
    for stream in &mut streams {
        let frames = vec![Some(record.bytes().to_vec())];
        let first = 0;
        stream
            .send(&Message::Records {
                batch: 1,
                first,
                frames,
            })
            .await;
        stream.expect("answers").await;
    }
    let (fields, _) = author.statement(&trend("Any"));
    let recall = |peer: &RawPeer| {
        let content = Content::Recall(Recall {
            of: record.id(),
            to: c.agency,
            reason: "policy".parse().expect("reason"),
        });
        let (envelope, _) = peer.retraction(record.id(), &fields);
        peer.sign((envelope, content))
    };
    // Of somebody who never brought it, be it its author.
    for peer in [&stranger, &author] {
        let theirs = peer.sender(c).await.give(&recall(peer)).await;
        assert_eq!(theirs, Answer::Refused(Refused::Handling));
    }
    let [mut first, mut last] = streams;
    let one = recall(&courier);
    let mut back = courier.receiver(c).await;
    let created = one.unverified().envelope.created;
    first.skip_to(2);
    assert_eq!(
        first.deliver(one.id(), created, one.bytes()).await.1,
        Answer::Stored
    );
    let kept = receipt(&mut back, &one.id()).await;
    assert_eq!(kept["what"], "refused", "{kept}");
    assert!(
        c.holds().contains(&record.id()),
        "the second released it as well"
    );
    last.skip_to(2);
    let other = recall(&second);
    let created = other.unverified().envelope.created;
    let mut back = second.receiver(c).await;
    let answer = last.deliver(other.id(), created, other.bytes()).await.1;
    assert_eq!(answer, Answer::Stored);
    let gone = receipt(&mut back, &other.id()).await;
    assert_eq!(gone["what"], "erased", "{gone}");
    let store = &c.node().store;
    let arrival = store
        .arrival_of(&record.id())
        .expect("store")
        .expect("place");
    let header = store.header(arrival).expect("store").expect("header");
    assert!(header.flags.contains(Flags::ERASED));
    federation.stop().await;
}

/// Takes what a node offers until a receipt for this withdrawal comes: what it says.
async fn receipt(stream: &mut raw::RawStream, of: &RecordId) -> Value {
    let mut sizes = BTreeMap::new();
    loop {
        match stream.next().await {
            Some(Message::Offer { batch, items }) => {
                sizes.insert(batch, items.len());
                let indices = (0..u32::try_from(items.len()).expect("small")).collect();
                stream.send(&Message::Want { batch, indices }).await;
            }
            Some(Message::Records { batch, frames, .. }) => {
                let count = sizes.get(&batch).copied().unwrap_or_default();
                let outcomes = vec![Outcome::Answered(Answer::Stored); count];
                stream.send(&Message::Answers { batch, outcomes }).await;
                for frame in frames.into_iter().flatten() {
                    let signed = SignedRecord::parse(frame.into()).expect("a record");
                    if let Content::Receipt(receipt) = &signed.unverified().content
                        && receipt.r#for == *of
                    {
                        return serde_json::to_value(receipt).expect("json");
                    }
                }
            }
            other => panic!("an offer or records were due, not {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e11_a_receipt_for_an_earlier_recall_closes_no_later_one() {
    let mut federation = Federation::new();
    federation.add("a", "border", "QN").await;
    federation["a"].policy(OPEN).await;
    let a = &federation["a"];
    let mut peer = RawPeer::new(federation.dir(), "p").await;
    peer.link(a).await;
    let mut inbound = peer.receiver(a).await;
    let id = a.push(&trend("Quittenmarke"), &[]).await;
    take(&mut inbound, id).await;
    let narrow = ["audience", &id.full(), "--to", ""];
    let recalled = async || {
        a.json(&narrow).await;
        let recall = a.node().store.recalled(&id, &peer.agency).expect("store");
        recall.expect("a recall")
    };
    let open = |recall| {
        let open = a.node().share.unanswered(&peer.agency).expect("store");
        open.iter().any(|(_, header)| header.id == recall)
    };
    let first = recalled().await;
    take(&mut inbound, first).await;
    assert!(open(first), "no receipt yet");
    let (fields, _) = peer.statement(&trend("Any"));
    let receipt = Receipt {
        r#for: first,
        of: id,
        what: ReceiptWhat::Erased,
        at: raw::from_now(0).wall(),
        why: None,
        further: None,
    };
    let (envelope, _) = peer.retraction(id, &fields);
    let receipt = peer.sign((envelope, Content::Receipt(receipt)));
    assert_eq!(peer.sender(a).await.give(&receipt).await, Answer::Stored);
    until(a, &id, "erased", |view| is_erased(view, "p")).await;
    assert!(!open(first));

    a.json(&["audience", &id.full(), "--to", "p"]).await;
    take(&mut inbound, id).await;
    until(a, &id, "it has it again", |view| {
        recipient(view, "p")["state"] == "delivered"
    })
    .await;
    let second = recalled().await;
    assert_ne!(second, first);
    take(&mut inbound, second).await;
    until(a, &id, "told", |view| {
        recipient(view, "p")["state"] == "told"
    })
    .await;
    assert!(open(second), "its receipt is not in");
    federation.stop().await;
}

/// Wants a record that a node offers, and says that it is stored.
async fn take(stream: &mut raw::RawStream, id: RecordId) {
    let (batch, place, count) = stream.offered(id).await;
    stream.want(batch, place).await.expect("its bytes");
    let outcomes = vec![Outcome::Answered(Answer::Stored); count];
    stream.send(&Message::Answers { batch, outcomes }).await;
}

/// Of a sealed copy that is taken back the key is gone before a receipt says that it is erased.
#[tokio::test(flavor = "multi_thread")]
async fn e16_a_sealed_copy_that_was_recalled_opens_no_more() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let (a, b) = (&federation["a"], &federation["b"]);
    let id = sealed::seal(a, &[b], sealed::marked("Quittenmarke")).await;
    sealed::opens(b, &id).await;
    federation.settled().await;
    a.policy(ACCEPT).await;
    let reason = "policy".parse().expect("reason");
    let made = a.node().recall(&[id], &b.agency, reason).await;
    assert_eq!(made.expect("recalled").len(), 1);
    until(a, &id, "b erased it", |view| is_erased(view, "b")).await;
    assert!(!b.node().keyring.holds(&id), "its key lies on b's disk");
    sealed::closed(b, &id).await;
    federation.stop().await;
}

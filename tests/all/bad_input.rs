//! Bad input: from a peer that keeps no rules, from files, from the command line. Always a
//! bounded read, a clear error at somebody's door, a store that is as it was, and a node that
//! goes on with everybody else.

use std::path::Path;
use std::sync::Arc;

use liaison_node::clock::{Clock, ManualClock, SystemClock};
use liaison_node::limits::{CARD_FILE_BYTES, SESSION_TICK_MS, SOCKET_PATH_BYTES};
use liaison_node::swarm::{Channel, FrameStream};
use liaison_protocol::clock::Hlc;
use liaison_protocol::fault::{Answer, Later, Refused};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::limits::{BATCH_RECORDS, CLOCK_AHEAD_MS, HELLO_MS};
use liaison_protocol::wire::{Hello, Item, Message, Outcome, Reason, Speaks};
use liaison_tests::federation::{OPEN, PATIENCE};
use liaison_tests::process::{INIT, Program, made, run};
use liaison_tests::raw::{from_now, stored};
use liaison_tests::{Federation, RawPeer, TestNode};
use serde_json::json;

use crate::first::trend;

const PROGRAM: &str = env!("CARGO_BIN_EXE_liaison-under-test");

/// Whatever a linked peer says out of turn ends that stream, is told at its door in `status`,
/// changes nothing in the store, and nobody else notices.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_breaks_the_protocol_is_named_and_the_others_go_on() {
    let mut federation = Federation::mesh(&["node", "good"], OPEN).await;
    let mut rogue = RawPeer::new(federation.dir(), "rogue").await;
    // Nothing waits for the rogue: what is told of it is what it did, not what it lacks.
    federation["node"]
        .policy(
            r#"@id("good") @says("Only to good.")
permit (principal == Agency::"good", action == Action::"share", resource);
@id("all") @says("From all.")
permit (principal, action == Action::"accept", resource);"#,
        )
        .await;
    federation.settled().await;
    rogue.link(&federation["node"]).await;
    let node = &federation["node"];
    let held = node.node().store.last();

    let hello = Message::Hello(Hello::new(Speaks::CURRENT, "raw", rogue.agency)).encode();
    let other = AgencyId::from_bytes([7; 32]);
    let stolen = Message::Hello(Hello::new(Speaks::CURRENT, "raw", other)).encode();
    let offer = |batch: u64, count: usize| {
        Message::Offer {
            batch,
            items: items(count),
        }
        .encode()
    };
    let records = |batch: u64| Message::Records {
        batch,
        first: 0,
        frames: vec![Some(vec![1])],
    };
    let answers = Message::Answers {
        batch: 1,
        outcomes: vec![Outcome::Answered(Answer::Stored)],
    };
    let twice = Message::Offer {
        batch: 1,
        items: [items(1), items(1)].concat(),
    }
    .encode();
    let one_more = BATCH_RECORDS + 1;
    let nested = vec![0x81; 200_000];
    let endless = [&[0x9b][..], &[0xff; 8]].concat();
    #[rustfmt::skip]
    let cases: Vec<(&str, Vec<Vec<u8>>, &str)> = vec![
        ("garbage",                vec![vec![0xff; 64]],                       "malformed message"),
        ("no hello",               vec![offer(1, 1)],                          "'offer' where"),
        ("an empty frame",         vec![vec![]],                               "malformed message"),
        ("two hellos",             vec![hello.clone(), hello.clone()],         "'hello' where"),
        ("deep nesting",           vec![nested],                               "malformed message"),
        ("somebody else's hello",  vec![stolen],                               "says that it is agency"),
        ("an array without end",   vec![endless],                              "items in a message"),
        ("a message of the other role", vec![hello.clone(), answers.encode()], "'answers' where"),
        ("trailing bytes",         vec![[hello.clone(), vec![0]].concat()],    "malformed message"),
        ("a message of repair",    vec![hello.clone(), Message::Done.encode()], "'done' where"),
        ("a frame of 1 MiB",       vec![vec![0; 1 << 20]],                     "malformed message"),
        ("a replayed batch",       vec![hello.clone(), offer(1, 1), offer(1, 1)], "numbered an offer 1; 2 was next"),
        ("a batch left out",       vec![hello.clone(), offer(2, 1)],           "numbered an offer 2; 1 was next"),
        ("201 items",              vec![hello.clone(), offer(1, one_more)],    "201"),
        ("no items",               vec![hello.clone(), offer(1, 0)],           "0"),
        ("one id twice",           vec![hello.clone(), twice],                 "named one record twice"),
        ("records not wanted",     vec![hello.clone(), records(9).encode()],   "batch 9, which is not open"),
    ];
    // No two neighbours are told in the same words, so that the one is not taken for the other.
    // In the other direction it keeps the rules, so that nothing waits for it.
    let mut taken = rogue.receiver(node).await;
    tokio::spawn(async move {
        while let Some(message) = taken.next().await {
            if let Message::Offer { batch, items } = message {
                let outcomes = vec![Outcome::Answered(Answer::Stored); items.len()];
                taken.send(&Message::Answers { batch, outcomes }).await;
            }
        }
    });
    federation.settled().await;
    for (what, bodies, says) in cases {
        let before = fault(node, &rogue);
        let mut stream = open(&rogue, node).await;
        for body in &bodies {
            // It may have hung up on us by now.
            let _cut = stream.send(body).await;
        }
        let _cut = stream.flush().await;
        ended(&mut stream).await;
        let fault = told(node, &rogue, before).await;
        assert!(fault.contains(says), "{what}: {fault}");
        assert_eq!(node.node().store.last(), held, "{what}: the store changed");
        assert!(
            federation["good"]
                .node()
                .swarm
                .link(&node.agency)
                .is_some_and(|l| l.is_up())
        );
    }
    let status = node.json(&["status"]).await;
    let peers = status["peers"].as_array().expect("peers");
    assert_eq!(
        peers
            .iter()
            .map(|p| p["behind"].as_u64())
            .sum::<Option<u64>>(),
        Some(0)
    );
    let of = |name: &str| {
        peers
            .iter()
            .find(|p| p["peer"] == name)
            .expect("a peer")
            .clone()
    };
    assert!(
        of("rogue")["last_error"]
            .as_str()
            .is_some_and(|e| e.contains("batch 9")),
        "{status}"
    );
    assert!(of("good")["last_error"].is_null(), "{status}");

    // The node serves the good peer, and the rogue as well once it keeps the rules.
    let id = node.push(&trend("Lorries"), &[]).await;
    federation["good"].holds_all(&[id]).await;
    let mut stream = rogue.sender(node).await;
    let record = rogue.sign(rogue.statement(&trend("Honest at last")));
    assert_eq!(stream.give(&record).await, Answer::Stored);
    federation.stop().await;
}

/// Records: malformed, changed, oversized, replayed, another than offered, from the future.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_record_is_refused_alone_and_its_id_is_not_poisoned() {
    let mut federation = Federation::mesh(&["node"], OPEN).await;
    let mut rogue = RawPeer::new(federation.dir(), "rogue").await;
    rogue.link(&federation["node"]).await;
    let node = &federation["node"];
    let mut stream = rogue.sender(node).await;
    let good = rogue.sign(rogue.statement(&trend("Good")));
    let (id, created) = (good.id(), good.unverified().envelope.created);
    let bytes = good.bytes().to_vec();
    let changed: Vec<u8> = bytes
        .iter()
        .enumerate()
        .map(|(i, b)| if i == bytes.len() - 1 { b ^ 1 } else { *b })
        .collect();
    let held = node.node().store.last();
    let other = rogue.sign(rogue.statement(&trend("Another")));
    #[rustfmt::skip]
    let cases: &[(&str, &[u8], Answer)] = &[
        ("garbage",        &[0xff; 100],              Answer::Refused(Refused::Form)),
        ("cut",            &bytes[..bytes.len() / 2], Answer::Refused(Refused::Form)),
        ("one byte more",  &[&bytes[..], &[0]].concat(), Answer::Refused(Refused::Form)),
        ("a changed bit",  &changed,                  Answer::Refused(Refused::Signature)),
        ("another record", other.bytes(),             Answer::Refused(Refused::Form)),
    ];
    for (what, bytes, answer) in cases {
        let got = stream.deliver(id, created, bytes).await;
        assert_eq!(got, (true, *answer), "{what}");
        assert_eq!(node.node().store.last(), held, "{what}: the store changed");
    }
    // From a clock that is far ahead: not now, and later perhaps.
    let ahead = from_now(i64::try_from(CLOCK_AHEAD_MS).expect("small") * 6);
    let future = rogue.sign_as(
        rogue.agency,
        ahead,
        rogue.statement(&trend("From tomorrow")),
    );
    assert_eq!(stream.give(&future).await, Answer::Later(Later::Clock));
    assert_eq!(node.node().store.last(), held);
    // The good id is as good as ever, and a replay is answered without asking for it again.
    assert_eq!(
        stream.deliver(id, created, &bytes).await,
        (true, Answer::Stored)
    );
    let after = node.node().store.last();
    let (wanted, answer) = stream.deliver(id, created, &bytes).await;
    assert_eq!((wanted, answer), (false, Answer::Stored), "a replay");
    assert_eq!(node.node().store.last(), after);
    assert_eq!(stored(node, &id).bytes(), good.bytes());
    let status = node.json(&["status"]).await;
    assert!(
        status["quarantined"].as_u64().is_some_and(|n| n > 0),
        "{status}"
    );
    assert!(
        status["alerts"].to_string().contains("set aside"),
        "{status}"
    );

    // More bytes than were offered are no bad record but a broken promise.
    let mut stream = open(&rogue, node).await;
    send(
        &mut stream,
        &Message::Hello(Hello::new(Speaks::CURRENT, "raw", rogue.agency)),
    )
    .await;
    let fresh = rogue.sign(rogue.statement(&trend("Longer than offered")));
    let created = fresh.unverified().envelope.created;
    let item = Item {
        id: fresh.id(),
        created,
        size: 10,
    };
    send(
        &mut stream,
        &Message::Offer {
            batch: 1,
            items: vec![item],
        },
    )
    .await;
    let frames = vec![Some(fresh.bytes().to_vec())];
    let want = async {
        while let Ok(Some(body)) = stream.next().await {
            if matches!(Message::decode(&body), Ok(Message::Want { .. })) {
                return true;
            }
        }
        false
    };
    assert!(tokio::time::timeout(PATIENCE, want).await.expect("a want"));
    send(
        &mut stream,
        &Message::Records {
            batch: 1,
            first: 0,
            frames,
        },
    )
    .await;
    ended(&mut stream).await;
    let fault = told(node, &rogue, None).await;
    assert!(
        fault.contains("for a record that it offered with 10"),
        "{fault}"
    );
    assert_eq!(node.node().store.last(), after);
    federation.stop().await;
}

/// A peer that never says hello: the stream ends by itself, at its door.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_peer_is_not_waited_for_for_ever() {
    let mut federation = Federation::new();
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let node = federation
        .prepare("node", "border", "QN")
        .with_clock(clock.clone());
    node.start().await;
    let mut rogue = RawPeer::new(federation.dir(), "rogue").await;
    rogue.link(&federation["node"]).await;
    let node = &federation["node"];
    let mut stream = open(&rogue, node).await;
    // Our own side opens the protocol; the node answers with its hello and waits for ours.
    let first = tokio::time::timeout(PATIENCE, stream.next())
        .await
        .expect("in time");
    let first = first.expect("a frame").expect("a frame");
    assert!(matches!(Message::decode(&first), Ok(Message::Hello(_))));
    // The node looks at its clock every few seconds, and its patience begins with its first
    // look: each time that nothing comes, the clock goes on.
    let look = std::time::Duration::from_millis(2 * SESSION_TICK_MS);
    let mut looks = 0;
    loop {
        clock.advance(HELLO_MS + 1);
        match tokio::time::timeout(look, stream.next()).await {
            Ok(Ok(Some(body))) => {
                let message = Message::decode(&body).expect("a message");
                assert_eq!(message, Message::Bye(Reason::Fault));
            }
            Ok(Ok(None) | Err(_)) => break,
            Err(_) => looks += 1,
        }
        assert!(looks < 6, "a peer that says nothing is waited for for ever");
    }
    let fault = told(node, &rogue, None).await;
    assert!(fault.contains("the peer left"), "{fault}");
    federation.stop().await;
}

/// Nobody whose key is on no linked peer's card gets a stream; a peer that is removed loses
/// the one it has.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_removed_peers_get_nothing() {
    let mut federation = Federation::mesh(&["node", "good"], OPEN).await;
    let mut stranger = RawPeer::new(federation.dir(), "stranger").await;
    stranger.dial(&federation["node"]).await;
    // Its call has come, and was refused.
    let mut links = stranger.swarm().links();
    let refused = links.wait_for(|all| all.iter().any(|l| l.attempts > 0));
    let refused = tokio::time::timeout(PATIENCE, refused).await;
    drop(refused.expect("it calls").expect("it runs"));
    assert!(federation["node"].node().swarm.refusals().total > 0);
    let opened = stranger
        .swarm()
        .open(federation["node"].agency, Channel::Live)
        .await;
    assert!(opened.is_err(), "a stranger got a stream");
    assert!(
        !federation["node"]
            .tap
            .frames()
            .iter()
            .any(|f| f.peer == stranger.agency)
    );

    let mut rogue = RawPeer::new(federation.dir(), "rogue").await;
    rogue.link(&federation["node"]).await;
    let mut stream = open(&rogue, &federation["node"]).await;
    federation["node"]
        .cli(&["peer", "remove", "--yes", "rogue"])
        .await
        .expect_code(0);
    let hello = Message::Hello(Hello::new(Speaks::CURRENT, "raw", rogue.agency)).encode();
    let _cut = stream.send(&hello).await;
    ended(&mut stream).await;
    let id = federation["node"]
        .push(&trend("After the removal"), &[])
        .await;
    federation["good"].holds_all(&[id]).await;
    federation.settled().await;
    assert!(
        !federation["node"]
            .tap
            .sent_contains(&rogue.agency, b"After the removal")
    );
    assert!(
        !federation["node"]
            .tap
            .sent_contains(&rogue.agency, id.as_bytes())
    );
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_card_files_are_refused_whole() {
    let mut federation = Federation::mesh(&["node"], OPEN).await;
    let other = RawPeer::new(federation.dir(), "other").await;
    let card = std::fs::read_to_string(other.card_path()).expect("card");
    let node = &federation["node"];
    let body = card.find("\n\n").map_or(card.len() / 2, |at| at + 40);
    let mut flipped = card.clone().into_bytes();
    let at = flipped.len() / 2;
    flipped[at] = if flipped[at] == b'A' { b'B' } else { b'A' };
    let huge = format!("{card}{}", "x".repeat(CARD_FILE_BYTES));
    let ten_mb = "x".repeat(10 << 20);
    let no_end = card.split("-----END").next().unwrap_or_default();
    #[rustfmt::skip]
    let cases: &[(&str, &[u8], &str)] = &[
        ("empty",      b"",                       "no card in it"),
        ("a letter",   b"Dear colleagues,\n",     "no card in it"),
        ("cut",        &card.as_bytes()[..body],  "no card in it"),
        ("no end",     no_end.as_bytes(),         "no card in it"),
        ("a bit",      &flipped,                  "card"),
        ("binary",     &[0xff, 0xfe, 0x00],       "not UTF-8"),
        ("too large",  huge.as_bytes(),           "a card file has at most 262144"),
        ("10 MB",      ten_mb.as_bytes(),         "a card file has at most 262144"),
    ];
    for (what, bytes, says) in cases {
        let file = federation.dir().join("bad.card");
        std::fs::write(&file, bytes).expect("written");
        for command in [&["peer", "add", "--yes"][..], &["card", "show"]] {
            let args: Vec<&str> = command
                .iter()
                .copied()
                .chain([file.to_str().expect("UTF-8")])
                .collect();
            let ran = node.cli(&args).await;
            assert_eq!(ran.code, 1, "{what} {command:?}: {ran:?}");
            assert!(ran.err.contains(says), "{what} {command:?}: {ran:?}");
            assert!(
                ran.err.len() < 2_000,
                "{what} {command:?} repeats its input"
            );
        }
        assert!(node.node().registry.peers().is_empty(), "{what} was added");
    }
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_drafts_policies_and_tables_are_refused_with_their_place() {
    let mut federation = Federation::mesh(&["node"], OPEN).await;
    let node = &federation["node"];
    let dir = federation.dir();
    let put = |name: &str, bytes: &[u8]| -> String {
        let path = dir.join(name);
        std::fs::write(&path, bytes).expect("written");
        path.to_string_lossy().into_owned()
    };
    let held = node.node().store.last();
    let policy = node.json(&["policy", "show"]).await;
    let deep = format!("{}1{}", "{\"a\":[".repeat(50_000), "]}".repeat(50_000));
    let mut long = trend("Long");
    long["title"] = "x".repeat(10 << 20).into();
    let mut summary = trend("Long");
    summary["summary"] = "x".repeat(5_000).into();
    let mut field = trend("Odd");
    field["colour"] = "red".into();
    let mut code = trend("Odd");
    code["tlp"] = "purple".into();
    let mut negative = trend("Odd");
    negative["body"]["cells"][0]["n"] = (-1).into();
    let mut many = trend("Many");
    many["body"]["cells"] = (0..401)
        .map(|n| json!({"dims": {"nationality": "QMM"}, "n": n + 1}))
        .collect();
    let map = put(
        "map.toml",
        include_bytes!("../../examples/maps/german-registry.toml"),
    );
    let head = "Stichtag;Ort;Staatsangehörigkeit;Verkehrsmittel;Anzahl;Bemerkung;Geändert am\n";
    let latin = |text: &str| -> Vec<u8> { text.chars().map(|c| c as u8).collect() };
    let table = |row: &[u8]| [&latin(head)[..], row, b"\n"].concat();
    let good = latin("1.3.2026;Übergang Nord;Meridonia;Lkw;318;;");
    let nul = latin("1.3.2026;Übergang Nord;Meridonia;Lkw;3\u{0}18;;");
    let huge = [&b"1.3.2026;"[..], &vec![b'x'; 2 << 20]].concat();
    let csv = |name: &str, row: &[u8]| put(name, &table(row));
    #[rustfmt::skip]
    let cases: Vec<(Vec<String>, &str)> = vec![
        (args(&["push", &put("deep.json", deep.as_bytes())]),                      "recursion limit"),
        (args(&["push", &put("long.json", long.to_string().as_bytes())]),          "at most 524288"),
        (args(&["push", &put("summary.json", summary.to_string().as_bytes())]),    "4000"),
        (args(&["push", &put("field.json", field.to_string().as_bytes())]),        "unknown field `colour`"),
        (args(&["push", &put("code.json", code.to_string().as_bytes())]),          "purple"),
        (args(&["push", &put("negative.json", negative.to_string().as_bytes())]),  "body.cells[0].n"),
        (args(&["push", &put("many.json", many.to_string().as_bytes())]),          "400"),
        (args(&["push", &put("empty.json", b"")]),                                 "it is empty"),
        (args(&["push", &put("binary.json", b"\x00\xff\x00\xff")]),                "not UTF-8"),
        (args(&["push", &put("cut.json", b"{\"kind\": \"tre")]),                   "line 1, column"),
        (args(&["push", "/"]),                                                     "cannot read /"),
        (args(&["verify", &put("random.cose", &[0xd2; 300])]),                     "no signed record"),
        (args(&["policy", "apply", &put("huge.cedar", &vec![b' '; 10 << 20])]),    "is larger than 4194304 bytes"),
        (args(&["policy", "apply", &put("nul.cedar", b"permit\0(principal);")]),   "nul.cedar:1"),
        (args(&["policy", "apply", &put("latin.cedar", b"// \xe4\n")]),            "not UTF-8"),
        (args(&["import", "csv", &csv("nul.csv", &nul), "--map", &map]),           ":2"),
        (args(&["import", "csv", &csv("huge.csv", &huge), "--map", &map]),         "line 2"),
        (args(&["import", "csv", &put("utf8.csv", &[head.as_bytes(), &good].concat()), "--map", &map]), "olumn"),
        (args(&["import", "csv", &put("none.csv", b""), "--map", &map]),           "none.csv"),
        (args(&["import", "csv", &csv("g.csv", &good), "--map", &put("bad.toml", b"[file]\ncolour = 1\n")]), "colour"),
    ];
    for (call, says) in &cases {
        let call: Vec<&str> = call.iter().map(String::as_str).collect();
        let ran = node.cli(&call).await;
        assert_eq!(ran.code, 1, "{call:?}: {ran:?}");
        let shown = format!("{}{}", ran.out, ran.err);
        assert!(shown.contains(says), "{call:?}: {ran:?}");
        assert!(
            shown.len() < 4_000,
            "{call:?} repeats its input: {} bytes",
            shown.len()
        );
        assert_eq!(node.node().store.last(), held, "{call:?} changed the store");
    }
    assert_eq!(node.json(&["policy", "show"]).await["hash"], policy["hash"]);
    // The good row beside bad ones goes in.
    let rows = [&good[..], b"\n", &nul].concat();
    let ran = node
        .cli(&["import", "csv", &csv("mixed.csv", &rows), "--map", &map])
        .await;
    assert_eq!((ran.code, node.holds().len()), (1, 1), "{ran:?}");
    federation.stop().await;
}

/// A home that can't be used: the program does not start, and says why and what to do.
#[test]
fn a_home_that_cannot_be_used_is_named_with_what_to_do() {
    let dir = tempfile::tempdir().expect("folder");
    let home = made(PROGRAM, dir.path(), "h");
    let start = |home: &Path| {
        let ran = run(
            PROGRAM.as_ref(),
            home,
            &["run", "--listen", "127.0.0.1:0"],
            "",
        );
        (
            ran.status.code(),
            String::from_utf8_lossy(&ran.stderr).into_owned(),
        )
    };
    let fails = |home: &Path, says: &[&str]| {
        let (code, shown) = start(home);
        assert_eq!(code, Some(1), "{shown}");
        assert!(says.iter().all(|s| shown.contains(s)), "{says:?}: {shown}");
    };
    let config = home.join("config.toml");
    for (text, says) in [
        (
            "cache_mb = 64\nlisten_on = [\"::\"]\n",
            &["listen_on", "config.toml", "2"][..],
        ),
        ("cache_mb = \"much\"\n", &["cache_mb", "invalid type"]),
        ("listen = [\n", &["config.toml"]),
        ("listen = [\"no port here:99999\"]\n", &["99999"]),
    ] {
        std::fs::write(&config, text).expect("written");
        // --listen stands for the configured addresses: leave it out.
        let ran = run(PROGRAM.as_ref(), &home, &["run"], "");
        let shown = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(1), "{text}: {shown}");
        assert!(says.iter().all(|s| shown.contains(s)), "{says:?}: {shown}");
    }
    std::fs::write(&config, "").expect("written");

    let key = home.join("keys/signing.key");
    let secret = std::fs::read(&key).expect("key");
    for damaged in [&b""[..], b"not hexadecimal", &secret[..20], &[0xff; 65]] {
        std::fs::write(&key, damaged).expect("written");
        fails(&home, &["signing.key"]);
    }
    std::fs::remove_file(&key).expect("removed");
    fails(&home, &["signing.key"]);
    std::fs::write(&key, &secret).expect("written");

    let card = home.join("card.liaison");
    let good = std::fs::read(&card).expect("card");
    std::fs::write(&card, &good[..good.len() / 2]).expect("written");
    fails(&home, &["card.liaison", "backup"]);
    std::fs::write(&card, &good).expect("written");

    // A second node in the same home: the first one goes on.
    let first = Program::start(PROGRAM, &home, "127.0.0.1:0");
    fails(&home, &["another"]);
    let still = first.cli(&["status"], "");
    assert_eq!(
        still.status.code(),
        Some(0),
        "the socket of the first is untouched: {still:?}"
    );
    assert_eq!(first.terminate(), Some(0));

    // A path that no socket can have: at init, and when a home is moved there.
    let long = dir.path().join("x".repeat(SOCKET_PATH_BYTES));
    let ran = run(PROGRAM.as_ref(), &long, &INIT, "");
    let shown = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(1), "{shown}");
    assert!(
        shown.contains("a socket's path may have 107") && shown.contains("--home"),
        "{shown}"
    );
    assert!(!long.exists(), "a refused init leaves nothing behind");
    std::fs::rename(&home, &long).expect("moved");
    fails(&long, &["a socket's path may have 107"]);

    // A folder in which nobody may write, also not root.
    let ran = run(PROGRAM.as_ref(), Path::new("/proc/liaison"), &INIT, "");
    let shown = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(1), "{shown}");
    assert!(
        shown.contains("/proc/liaison") && shown.contains("read and write"),
        "{shown}"
    );
    let file = dir.path().join("file");
    std::fs::write(&file, "in the way").expect("written");
    let ran = run(PROGRAM.as_ref(), &file, &INIT, "");
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
}

fn items(count: usize) -> Vec<Item> {
    (0..count)
        .map(|n| {
            let mut id = [9; 32];
            id[..8].copy_from_slice(&(n as u64).to_be_bytes());
            Item {
                id: RecordId::from_bytes(id),
                created: Hlc::new(SystemClock.now(), 0),
                size: 100,
            }
        })
        .collect()
}

async fn open(rogue: &RawPeer, node: &TestNode) -> FrameStream {
    rogue
        .swarm()
        .open(node.agency, Channel::Live)
        .await
        .expect("a stream")
}

async fn send(stream: &mut FrameStream, message: &Message) {
    stream.send(&message.encode()).await.expect("sent");
    stream.flush().await.expect("sent");
}

/// Waits until the node has ended the stream.
async fn ended(stream: &mut FrameStream) {
    let end = async { while let Ok(Some(_)) = stream.next().await {} };
    let end = tokio::time::timeout(PATIENCE, end).await;
    assert!(end.is_ok(), "the node keeps the stream open");
}

pub fn fault(node: &TestNode, peer: &RawPeer) -> Option<String> {
    let sync = node.node().sync.peers().of(&peer.agency);
    sync.fault().map(|(_, says)| says)
}

/// What the node says at this peer's door, other than before: it stands there a moment after
/// the stream has ended.
pub async fn told(node: &TestNode, peer: &RawPeer, before: Option<String>) -> String {
    let told = async {
        loop {
            match fault(node, peer) {
                Some(says) if Some(&says) != before.as_ref() => return says,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    let told = tokio::time::timeout(PATIENCE, told).await;
    told.unwrap_or_else(|_| panic!("nothing new is told after {before:?}"))
}

fn args(args: &[&str]) -> Vec<String> {
    args.iter().map(|a| (*a).to_owned()).collect()
}

/// A record with more places than a class may hold is refused by itself: the store would
/// refuse the whole batch with it, again and again.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_too_many_places_is_refused_alone() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let a = &federation["a"];
    let mut many = RawPeer::new(federation.dir(), "many").await;
    many.link(a).await;
    let mut stream = many.sender(a).await;
    let place = |n: u32| {
        let letter = |n: u32| char::from_digit(10 + n % 26, 36).map(|c| c.to_ascii_uppercase());
        let [x, y] = [n / 26, n].map(|n| letter(n).expect("a letter"));
        format!("Q{}-{x}{y}", ["M", "N", "O"][n as usize % 3])
    };
    let leg = |n: u32| {
        let hubs: Vec<String> = (0..40).map(|h| place(n * 40 + h)).collect();
        json!({"from": "QM", "to": "QN", "transport": "van", "hubs": hubs})
    };
    let route = json!({
        "kind": "route", "lang": "en", "title": "Everywhere", "tlp": "green",
        "purpose": "prevention",
        "body": {"legs": (0..14).map(leg).collect::<Vec<_>>(), "status": "active"}
    });
    let record = many.sign(many.statement(&route));
    assert_eq!(stream.give(&record).await, Answer::Refused(Refused::Form));
    let good = many.sign(many.statement(&trend("Lorries at night")));
    assert_eq!(stream.give(&good).await, Answer::Stored);
    federation.stop().await;
}

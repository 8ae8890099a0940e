//! What stands beside a record in its frame: one wrap beside a sealed one, and nothing else.

use liaison_protocol::fault::{Answer, Refused};
use liaison_protocol::limits;
use liaison_protocol::seal::frame;
use liaison_tests::Federation;
use liaison_tests::federation::OPEN;
use liaison_tests::raw::RawPeer;
use liaison_tests::sealed::{created, has_bytes, marked, opens, wrap};

use crate::first::trend;

/// Each is refused at its courier's door, which is written down; and none keeps the record out
/// when it comes as it should, nor is the wrap kept.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_wrap_beside_a_record_is_the_couriers_fault_and_poisons_nothing() {
    let mut federation = Federation::mesh(&["node"], OPEN).await;
    let mut rogue = RawPeer::new(federation.dir(), "rogue").await;
    rogue.link(&federation["node"]).await;
    let node = &federation["node"];
    let mut stream = rogue.sender(node).await;
    let (sealed, secret) = rogue.seal(&[node.agency], &marked("Marker Frame"));
    let clear = rogue.sign(rogue.statement(&trend("Good")));
    let right = wrap(&secret, node, &sealed.id());
    let beside = frame::join(&[], &right).to_vec();
    let (head, body) = beside.split_at(3);
    let room = limits::RECORD_FRAME_BYTES - sealed.bytes().len();
    let cases: [(&str, &[u8], Vec<u8>); 6] = [
        ("a wrap beside a trend", clear.bytes(), beside.clone()),
        ("two wraps", sealed.bytes(), beside.repeat(2)),
        ("as much as a frame holds", sealed.bytes(), vec![0x59; room]),
        (
            "a byte short",
            sealed.bytes(),
            beside[..beside.len() - 1].to_vec(),
        ),
        ("no head", sealed.bytes(), body.to_vec()),
        (
            "a longer head",
            sealed.bytes(),
            [&[0x5a, 0, 0], &head[1..], body].concat(),
        ),
    ];
    for (count, (what, record, rest)) in cases.iter().enumerate() {
        let of = if *record == clear.bytes().as_ref() {
            &clear
        } else {
            &sealed
        };
        let bytes = [*record, rest].concat();
        let answer = stream.deliver(of.id(), created(of), &bytes).await;
        assert_eq!(answer, (true, Answer::Refused(Refused::Form)), "{what}");
        assert!(!has_bytes(node, &of.id()), "{what} was kept");
        let set_aside = node.node().store.quarantine(100).expect("store");
        assert_eq!(set_aside.len(), count + 1, "{what}");
        for one in &set_aside {
            assert_eq!(one.courier, Some(rogue.agency), "{what}");
            assert!(one.reason.contains("wrapped key"), "{what}: {}", one.reason);
            let wrapped = &body[8..100];
            let kept = one.head.windows(wrapped.len()).any(|part| part == wrapped);
            assert!(!kept, "{what}: the wrap was kept");
        }
    }
    assert_eq!(stream.give(&clear).await, Answer::Stored);
    let bytes = frame::join(sealed.bytes(), &right);
    let answer = stream.deliver(sealed.id(), created(&sealed), &bytes).await;
    assert_eq!(answer, (true, Answer::Stored));
    opens(node, &sealed.id()).await;
    federation.stop().await;
}

//! What is looked at: `status`, `watch`, `show`.

use serde_json::{Value, json};

use crate::fake::{Answer, FakeNode};
use crate::harness::{err, liaison, made_home, out};

#[test]
fn watch_prints_each_event_as_it_comes() {
    let home = made_home();
    let _node = FakeNode::start(home.path(), |_| {
        Answer::text(
            "{\"event\":\"up\",\"peer\":\"qm-pol\"}\n{\"event\":\"down\",\"peer\":\"qm-pol\",\"says\":\"no route\"}\n",
        )
    });
    let watched = liaison(home.path(), &["watch"]);
    assert_eq!(out(&watched), "qm-pol is up\nqm-pol is down: no route\n");
    assert_eq!(watched.status.code(), Some(3), "the node went away");
}

#[test]
fn cose_is_written_byte_for_byte() {
    let home = made_home();
    let bytes: Vec<u8> = (0..=255).collect();
    let _node = FakeNode::start(home.path(), |call| {
        assert_eq!(call.path, "/v1/records/3F7K-9Q2M/cose");
        Answer {
            status: 200,
            body: (0..=255).collect(),
        }
    });
    assert_eq!(
        liaison(home.path(), &["show", "3F7K-9Q2M", "--cose"]).stdout,
        bytes
    );
}

#[test]
fn status_check_is_for_monitoring() {
    let home = made_home();
    let node = json!({
        "name": "Border Police of QN", "agency": "A", "fingerprint": "", "version": "0.1.0", "listening": [],
        "records": 1, "new": 0, "quarantined": 0, "unindexed": 0, "alerts": [], "uptime_s": 5,
        "policy": {"applied": true, "hash": "ab", "statements": 1, "differs": true}, "peers": [],
    });
    let _node = FakeNode::start(home.path(), move |_| Answer::json(&node));
    assert_eq!(liaison(home.path(), &["status"]).status.code(), Some(0));
    let check = liaison(home.path(), &["status", "--check", "--json"]);
    assert_eq!(check.status.code(), Some(1));
    let value: Value = serde_json::from_str(&out(&check)).expect("JSON");
    assert_eq!(value["problems"].as_array().map(Vec::len), Some(1));
    let screen = liaison(home.path(), &[]);
    assert!(screen.status.success(), "{}", err(&screen));
    assert!(
        out(&screen).contains("liaison policy check"),
        "{}",
        out(&screen)
    );
}

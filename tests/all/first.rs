//! The main job, end to end: a record pushed at one node is found at another.

use liaison_tests::Federation;
use liaison_tests::federation::OPEN;
use serde_json::{Value, json};

/// A valid trend with this title.
pub fn trend(title: &str) -> Value {
    json!({
        "kind": "trend", "lang": "en", "title": title, "tlp": "green", "purpose": "prevention",
        "body": {
            "period": {"from": "2026-03", "to": "2026-03"},
            "area": ["QN-02"],
            "measure": "detections",
            "method": "administrative",
            "cells": [{"dims": {"transport": "truck"}, "n": 41}]
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_record_is_found_at_the_peer() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let id = federation["a"].push(&trend("Lorries at night"), &[]).await;
    federation["b"].holds_all(&[id]).await;
    let found = federation["b"].json(&["query", "lorries", "--count"]).await;
    assert_eq!(found["count"], 1);
    let why = federation["a"].json(&["why", &id.full(), "b"]).await;
    assert_eq!(why["decision"]["rule"], "share-all");
    federation.settled().await;
    federation.stop().await;
}

//! An emergency is approved by an officer who is another user of the machine, as the kernel tells.

use liaison_node::officers::Role;
use liaison_tests::federation::OPEN;
use liaison_tests::process::succeeded;
use liaison_tests::{Federation, http, sealed};
use serde_json::{Value, json};

use crate::audit::Other;

/// A user of this machine who is not the one who wrote the referral.
const SECOND: u32 = 64_123;

#[tokio::test(flavor = "multi_thread")]
async fn e31_an_emergency_waits_for_an_officer_who_is_another_user_of_the_machine() {
    let mut federation = Federation::new();
    for (name, sector) in [("qn-bord", "border"), ("qn-lantern", "ngo")] {
        let node = federation.prepare(name, sector, "QN");
        std::fs::write(node.home.config_path(), "exercise = \"SARAJEVO-1\"\n").expect("config");
        node.start().await;
    }
    federation.link_all().await;
    for name in ["qn-bord", "qn-lantern"] {
        federation[name].policy(OPEN).await;
    }
    let bord = &federation["qn-bord"];
    let file = bord.home.officers_path();
    let all = Role::ALL.map(|role| format!("\"{role}\"")).join(", ");
    let officers = std::fs::read_to_string(&file).expect("officers");
    let own = officers
        .lines()
        .find(|line| line.starts_with("roles"))
        .expect("roles");
    let mut officers = officers.replace(own, &format!("roles = [{all}]"));
    officers.push_str(&format!(
        "\n[[officer]]\nuser = {SECOND}\nroles = [\"case-officer\"]\n"
    ));
    std::fs::write(&file, officers).expect("entered");
    // It takes another user of this machine, which takes root.
    let Some(other) = Other::new(federation.dir(), bord.home.dir(), SECOND) else {
        eprintln!("skipped: not root, so nobody can be a second user");
        return;
    };
    let post = |path: &str, body: &str| {
        let (socket, json) = (bord.home.socket_path(), "Content-Type: application/json");
        tokio::task::block_in_place(|| http::call(&socket, "POST", path, &[json], body.as_bytes()))
    };

    let referral = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../examples/exercises/sarajevo-1/29-referral-b-emergency.json"
    );
    let referral = std::fs::read_to_string(referral).expect("the file");
    let mut referral: Value = serde_json::from_str(&referral).expect("JSON");
    referral["candidates"] = json!(["qn-lantern"]);
    let before = bord.node().vault.count();
    let waits = post("/v1/referrals", &referral.to_string());
    assert_eq!(waits.status, 200, "{waits:?}");
    let waits = waits.json();
    assert_eq!(waits["state"], "waiting", "{waits}");
    assert_eq!(bord.node().vault.count(), before, "nothing is sealed yet");
    let path = format!(
        "/v1/drafts/{}/approve",
        waits["draft"].as_str().expect("a draft")
    );
    let own = post(&path, "");
    assert_ne!(own.status, 200, "nobody approves their own: {own:?}");
    assert_eq!(bord.node().vault.count(), before, "nothing is sealed yet");

    // What the colleague looked at is rewritten under the same name before they say yes: their
    // word does not count for what they never saw.
    let draft = waits["draft"].as_str().expect("a draft");
    let view = |path: &str| {
        let ran = tokio::task::block_in_place(|| other.get(path));
        serde_json::from_str::<Value>(&succeeded(&ran)).expect("JSON")
    };
    let looked_at = format!("/v1/drafts/{draft}");
    let seen = view(&looked_at);
    assert!(seen["referral"]["identity"].is_null(), "{seen}");
    let mut another = referral.clone();
    another["profile"]["region"] = json!("QN-03");
    let rewritten = post(
        &format!("/v1/referrals?draft={draft}"),
        &another.to_string(),
    );
    assert_eq!(rewritten.json()["state"], "waiting", "{rewritten:?}");
    let approved = |seen: &Value| {
        let path = format!("{path}?seen={}", seen["waits_ms"]);
        tokio::task::block_in_place(|| other.post(&path))
    };
    let ran = approved(&seen);
    assert!(!ran.status.success(), "{ran:?}");
    let says = String::from_utf8_lossy(&ran.stdout);
    assert!(says.contains("changed since you looked at it"), "{says}");
    assert_eq!(bord.node().vault.count(), before, "nothing is sealed yet");

    // Nor is anything looked at again that did not go out.
    let review = format!("/v1/drafts/{draft}/review");
    let ran = tokio::task::block_in_place(|| other.post(&review));
    assert!(!ran.status.success(), "{ran:?}");

    let seen = view(&looked_at);
    assert_eq!(seen["referral"]["profile"]["region"], "QN-03", "{seen}");
    let ran = approved(&seen);
    let sent: Value = serde_json::from_str(&succeeded(&ran)).expect("JSON");
    let id = sent["id"].as_str().expect("an id").parse().expect("id");
    sealed::opens(&federation["qn-lantern"], &id).await;
    federation.stop().await;
}

//! Services at real nodes: what one agency offers is suggested at another, with the reasons, and
//! the directory is printed from cards.

use liaison_protocol::record::date::Date;
use liaison_tests::federation::OPEN;
use liaison_tests::referral::desk;
use liaison_tests::{Federation, TestNode};
use serde_json::{Value, json};

fn service(node: &TestNode, title: &str, fields: Value) -> Value {
    let until = Date::from_millis(node.node().clock.now()).add_days(60);
    let mut body = json!({
        "stance": "offer", "types": ["shelter"], "area": "QN-02", "ages": ["18+"],
        "genders": ["female"], "statuses": ["asylum-seeker", "smuggled"], "languages": ["ar"],
        "capacity_band": "3-10", "access": "24h", "valid_until": until.to_string(),
    });
    for (key, value) in fields.as_object().expect("fields") {
        body[key] = value.clone();
    }
    json!({
        "kind": "service", "lang": "en", "title": title, "tlp": "green",
        "purpose": "protection", "body": body,
    })
}

async fn lantern_and_border() -> Federation {
    let federation = Federation::mesh(&["border", "lantern"], OPEN).await;
    desk(&federation["lantern"], &federation["border"]).await;
    federation
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_of_others_are_suggested_with_the_reasons_and_whom_to_call() {
    let mut federation = lantern_and_border().await;
    let lantern = &federation["lantern"];
    let push = async |title: &str, fields: Value| {
        lantern.push(&service(lantern, title, fields), &[]).await
    };
    let beds = push("Beds for women", json!({})).await;
    let full = push("Beds by the river", json!({"capacity_band": "0"})).await;
    let withdrawn = push("Beds that are gone", json!({})).await;
    lantern
        .json(&["retract", "--yes", &withdrawn.full(), "--reason", "error"])
        .await;
    let gap = push(
        "No legal aid",
        json!({
            "stance": "gap", "types": ["legal"], "capacity_band": null, "access": null,
            "unmet_band": "under-11",
        }),
    )
    .await;
    let border = &federation["border"];
    border.holds_all(&[beds, full, gap]).await;
    federation.settled().await;

    #[rustfmt::skip]
    let asked = ["service", "match", "--need", "shelter", "--age", "18-29", "--gender", "feminine",
        "--status", "asylum-seeker", "--lang", "ar", "--area", "QN-02", "--urgency", "critical"];
    let found = border.json(&asked).await;
    let listed: Vec<(&str, &str)> = found["suggestions"]
        .as_array()
        .expect("suggestions")
        .iter()
        .map(|s| {
            (
                s["record"].as_str().expect("id"),
                s["fits"].as_str().expect("fits"),
            )
        })
        .collect();
    assert_eq!(
        listed,
        [(&*beds.full(), "for"), (&*full.full(), "against")],
        "{found:#}"
    );
    let first = &found["suggestions"][0];
    assert_eq!(first["provider"], "lantern");
    assert_eq!(first["telephone"]["channel"], "+999 555 0101");
    assert_eq!(first["open"], true);
    // A child is not suggested to a house for adults.
    let child = border
        .json(&[
            "service", "match", "--need", "shelter", "--gender", "feminine",
        ])
        .await;
    assert_eq!(child["suggestions"][0]["fits"], "against", "{child:#}");
    let text = border.cli(&asked).await.expect_code(0).out;
    assert!(text.contains("1. fits  Beds for women"), "{text}");
    assert!(text.contains("no   has no places"), "{text}");

    let gaps = border.json(&["service", "gaps", "--area", "QN"]).await;
    assert_eq!(gaps["rows"][0]["need"], "legal", "{gaps:#}");
    assert_eq!(gaps["rows"][0]["supply"], "nowhere");
    assert_eq!(gaps["looked_at"], 3, "a retracted offer counts no more");
    for bad in [
        &["service", "match", "--need", "beds"][..],
        &["service", "match"],
        &["service", "gaps", "--need", "beds"],
    ] {
        border.cli(bad).await.expect_code(2);
    }
    border
        .cli(&["service", "match", "--need", "shelter", "--area", "nowhere"])
        .await
        .expect_code(1);
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_directory_is_a_page_of_80_columns_or_html() {
    let mut federation = lantern_and_border().await;
    let border = &federation["border"];
    let page = border.cli(&["contact", "print"]).await.expect_code(0).out;
    assert!(page.contains("+999 555 0101"), "{page}");
    assert!(
        page.lines().all(|line| line.chars().count() <= 80),
        "{page}"
    );
    let html = border
        .cli(&["contact", "print", "--html"])
        .await
        .expect_code(0)
        .out;
    assert!(html.starts_with("<!doctype html>") && html.contains("+999 555 0101"));
    let json = border
        .cli(&["contact", "print", "--json"])
        .await
        .expect_code(0)
        .out;
    let entries: Vec<Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[1]["contact"]["functions"][0]["urgent"], true);
    federation.stop().await;
}

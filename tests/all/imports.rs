//! An import that somebody starts twice.

use liaison_tests::{Federation, sheet};

use crate::crash::{args, import_args};

/// Of two at once, or one again whose first call is still at work, each row is taken once.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_started_twice_takes_each_row_once() {
    let mut federation = Federation::new();
    federation.add("a", "border", "QN").await;
    let rows = sheet::made_up(3_000);
    let file = federation.dir().join("rows.csv");
    sheet::write(&file, &rows);
    let import = import_args(&file);
    let import = args(&import);
    let a = &federation["a"];
    let (one, other) = tokio::join!(a.cli(&import), a.cli(&import));
    assert!(one.code == 0 || other.code == 0, "{one:?} {other:?}");
    for ran in [one, other] {
        let told = ran.code == 0 || ran.err.contains("goes on where it stood");
        assert!(told, "{ran:?}");
    }
    // Whatever one of them left to do.
    a.cli(&import).await.expect_code(0);
    let found = a.json(&["query", "kind:trend", "--count"]).await;
    assert_eq!(found["count"], rows.len());
    federation.stop().await;
}

/// A thousand rows that are more than the store takes in one write.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_of_long_rows_is_taken_in_as_many_steps_as_it_needs() {
    let mut federation = Federation::new();
    federation.add("a", "border", "QN").await;
    let rows = sheet::made_up(1_000);
    let file = federation.dir().join("rows.csv");
    sheet::write(&file, &rows);
    let map = std::fs::read_to_string(sheet::map()).expect("the map");
    let summary = format!("[record]\nsummary = \"{}\"", "Щ".repeat(3_500));
    let long = federation.dir().join("long.toml");
    std::fs::write(&long, map.replace("[record]", &summary)).expect("a map");
    let imported = federation["a"].import(&file, &long).await;
    assert_eq!(imported["records"], rows.len(), "{imported}");
    let found = federation["a"]
        .json(&["query", "kind:trend", "--count"])
        .await;
    assert_eq!(found["count"], rows.len());
    federation.stop().await;
}

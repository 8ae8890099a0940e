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

/// Whoever goes on with an import that broke off has not read which rows were not taken.
#[tokio::test(flavor = "multi_thread")]
async fn e26_an_import_that_goes_on_tells_again_which_rows_were_not_taken() {
    let mut federation = Federation::new();
    federation.add("a", "border", "QN").await;
    let file = federation.dir().join("rows.csv");
    sheet::write(&file, &sheet::made_up(5));
    let mut text = std::fs::read_to_string(&file).expect("rows");
    text.push_str("no month,nowhere,Sea,SYR,many\n");
    std::fs::write(&file, text).expect("rows");
    let import = import_args(&file);
    let import = args(&import);
    let first = federation["a"].cli(&import).await;
    assert!(first.out.contains("rows.csv:7"), "{first:?}");
    // Its answer was lost, or the terminal: the same again.
    let again = federation["a"].cli(&import).await.expect_code(first.code);
    assert!(again.out.contains("rows.csv:7"), "{again:?}");
    assert!(again.out.contains("--dry-run"), "{again:?}");
    assert_ne!(first.code, 0);
    federation.stop().await;
}

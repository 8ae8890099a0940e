//! Sheets to import: the form of the Frontex file, with made-up rows.

use std::path::{Path, PathBuf};

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `YYYY-MM`.
    pub month: String,
    /// Route.
    pub route: String,
    /// `Sea`, `Land`.
    pub border: String,
    /// Code of three letters.
    pub nationality: String,
    /// Detections.
    pub n: u64,
}

/// Routes of made-up rows, the two of the example policy first.
pub const ROUTES: [&str; 4] = [
    "Western Balkan Route",
    "Circular Route from Albania to Greece",
    "Black Sea Route",
    "Other",
];

/// The routes that the example policy lets B have.
pub const SHARED: [&str; 2] = [ROUTES[0], ROUTES[1]];

/// So many made-up rows, no two alike.
pub fn made_up(count: usize) -> Vec<Row> {
    let nationalities = ["OOO", "OOS", "STL"];
    (0..count)
        .map(|i| Row {
            month: format!("{}-{:02}", 2009 + i / 12 % 16, i % 12 + 1),
            route: ROUTES[i % 7 % 4].into(),
            border: ["Sea", "Land"][i % 2].into(),
            nationality: nationalities[i % 3].into(),
            n: 1 + i as u64,
        })
        .collect()
}

/// Writes rows as a file.
pub fn write(path: &Path, rows: &[Row]) {
    let mut text = String::from("month,route,border,nationality,detections\n");
    for Row {
        month,
        route,
        border,
        nationality,
        n,
    } in rows
    {
        text.push_str(&format!("{month},{route},{border},{nationality},{n}\n"));
    }
    std::fs::write(path, text).expect("the sheet");
}

/// Reads a file of this form, which has no quoted values.
pub fn read(path: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(path).expect("the sheet");
    text.lines()
        .skip(1)
        .map(|line| {
            let mut values = line.split(',').map(str::to_owned);
            let mut next = || values.next().unwrap_or_else(|| panic!("too short: {line}"));
            Row {
                month: next(),
                route: next(),
                border: next(),
                nationality: next(),
                n: next().parse().expect("a number"),
            }
        })
        .collect()
}

/// The workspace's folder.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a workspace")
        .to_owned()
}

/// The example map for sheets of this form.
pub fn map() -> PathBuf {
    workspace().join("examples/maps/frontex-detections.toml")
}

/// The real file, where it is at hand.
pub fn frontex() -> Option<PathBuf> {
    let file = workspace()
        .parent()?
        .join("shared/data/frontex-detections.csv");
    file.exists().then_some(file)
}

//! The program on a home: as a process, and with a person who types.

use std::io::Cursor;
use std::path::Path;
use std::process::{Command, Output};

use liaison_cli::{Kept, Style, Ui};
use serde_json::{Value, json};

/// Runs the binary on a home, without a terminal.
pub fn liaison(home: &Path, args: &[&str]) -> Output {
    liaison_with(home, args, |_| {})
}

pub fn liaison_with(home: &Path, args: &[&str], prepare: impl FnOnce(&mut Command)) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_liaison"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("TZ", "UTC")
        .stdin(std::process::Stdio::null());
    prepare(&mut command);
    command
        .arg("--home")
        .arg(home)
        .args(args)
        .output()
        .expect("the program starts")
}

pub fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn home() -> tempfile::TempDir {
    tempfile::tempdir().expect("tempdir")
}

/// A home with keys and a card.
pub fn made_home() -> tempfile::TempDir {
    let home = home();
    let args = [
        "init",
        "--name",
        "Border Police of QN",
        "--country",
        "qn",
        "--sector",
        "border",
    ];
    let made = liaison(home.path(), &args);
    assert!(made.status.success(), "{}", err(&made));
    home
}

/// The library's `run` with a person who types `input`.
pub fn person(home: &Path, args: &[&str], input: &'static str) -> (u8, String, String) {
    let (out, err) = (Kept::default(), Kept::default());
    let mut ui = Ui::with(
        Box::new(Cursor::new(input)),
        Box::new(out.clone()),
        Box::new(err.clone()),
    );
    ui.interactive = true;
    ui.style = Style {
        width: Some(80),
        colour: false,
    };
    let mut all = vec![
        "liaison".into(),
        "--home".into(),
        home.as_os_str().to_owned(),
    ];
    all.extend(args.iter().map(Into::into));
    let code = liaison_cli::run(all, ui);
    (code, out.text(), err.text())
}

pub fn push_report(id: Option<&str>) -> Value {
    json!({
        "id": id, "kind": "trend", "title": "Detections", "tlp": "green",
        "peers": [
            {"peer": "qm-pol", "agency": "A", "allow": true, "gate": "policy", "rule": "to-police", "says": "Police get trends."},
            {"peer": "qo-ngo", "agency": "B", "allow": false, "gate": "handling", "rule": "H0", "says": "Prevention only."},
        ],
    })
}

pub const ID: &str = "3F7K9Q2M3F7K9Q2M3F7K9Q2M3F7K9Q2M3F7K9Q2M3F7K9Q2M3F7K";

//! A referral at the terminal: the program itself, as a border officer and as a shelter worker
//! use it, at 80 columns.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use liaison_protocol::id::RecordId;
use liaison_protocol::personal::template::referral_toml;
use liaison_protocol::record::date::Date;
use liaison_tests::federation::{OPEN, PATIENCE};
use liaison_tests::referral::{desk, refers};
use liaison_tests::{Federation, TestNode, http, terminal};
use serde_json::{Value, json};

use crate::command_line::PROGRAM;

/// The name in the template.
const NAME: &str = "Amina Example";

/// Border police and a shelter whose desk is known.
async fn border_and_lantern() -> Federation {
    let mut federation = Federation::new();
    for (name, sector) in [("border", "border"), ("lantern", "ngo")] {
        let node = federation.add(name, sector, "QN").await;
        node.policy(OPEN).await;
        refers(node);
    }
    federation.link("border", "lantern").await;
    desk(&federation["lantern"], &federation["border"]).await;
    federation
}

/// Refers the person of the template to the shelter; the referral's id.
async fn refer(border: &TestNode) -> String {
    let today = Date::from_millis(border.node().clock.now());
    let toml = referral_toml(today).replace("[\"qn-lantern\", \"migro\"]", "[\"lantern\"]");
    let draft = as_json(toml::from_str(&toml).expect("the template"));
    let socket = border.home.dir().join("liaison.sock");
    let body = draft.to_string();
    let call = move || {
        let headers = ["Content-Type: application/json"];
        http::call(
            &socket,
            "POST",
            "/v1/referrals?wait_s=30",
            &headers,
            body.as_bytes(),
        )
    };
    let answer = tokio::task::spawn_blocking(call).await.expect("asked");
    let report = answer.json();
    assert_eq!(report["state"], "sent", "{report:#}");
    assert_eq!(report["delivered"], true, "{report:#}");
    let id: RecordId = report["id"]
        .as_str()
        .expect("an id")
        .parse()
        .expect("an id");
    let mut changes = border.node().referrals.changes();
    let listed = async {
        while border.node().referrals.thread(&id).is_none() {
            changes.changed().await.expect("the node runs");
        }
    };
    let listed = tokio::time::timeout(PATIENCE, listed).await;
    listed.expect("it is taken up");
    id.full()
}

/// TOML as JSON: a date is its text.
fn as_json(value: toml::Value) -> Value {
    match value {
        toml::Value::Datetime(date) => json!(date.to_string()),
        toml::Value::Array(items) => items.into_iter().map(as_json).collect(),
        toml::Value::Table(table) => {
            let fields = table
                .into_iter()
                .map(|(name, value)| (name, as_json(value)));
            Value::Object(fields.collect())
        }
        other => serde_json::to_value(other).expect("plain"),
    }
}

/// One command on a terminal of 80 columns, with what is typed when it asks; all that it shows.
async fn types(node: &TestNode, args: &[&str], typed: &str, code: i32) -> String {
    let home = node.home.dir().to_owned();
    let owned: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
    let typing = typed.to_owned();
    let run = move || {
        let args: Vec<&str> = owned.iter().map(String::as_str).collect();
        terminal::run(
            PROGRAM,
            &home,
            &args,
            &[("NO_COLOR", "1"), ("TZ", "UTC")],
            &typing,
        )
    };
    let (found, text) = tokio::task::spawn_blocking(run).await.expect("it runs");
    assert_eq!(found, Some(code), "{args:?}: {text}");
    println!("{}$ liaison {}\n{text}", node.name, args.join(" "));
    // What is typed stands before the questions: it was there before they were put.
    for line in text.lines().filter(|_| typed.is_empty()) {
        assert!(line.chars().count() <= 80, "{args:?}: {line:?} in {text}");
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_referral_goes_from_the_border_to_the_shelter_at_two_terminals() {
    let mut federation = border_and_lantern().await;
    let id = refer(&federation["border"]).await;
    let short = format!("{}-{}", &id[..4], &id[4..8]);
    let [border, lantern] = ["border", "lantern"].map(|name| &federation[name]);

    // The shelter worker comes to her desk.
    let home = types(lantern, &[], "", 0).await;
    let command = format!("liaison refer show {short}");
    assert!(home.contains(&command), "{home}");
    let inbox = types(lantern, &["inbox"], "", 0).await;
    assert!(
        inbox.contains(&short) && inbox.contains("from border"),
        "{inbox}"
    );
    assert!(inbox.contains("read it by "), "{inbox}");
    assert!(!inbox.contains(NAME), "{inbox}");
    let shown = types(lantern, &["refer", "show", &short], "", 0).await;
    assert!(
        shown.contains("Profile") && !shown.contains(NAME),
        "{shown}"
    );
    let open = shown.rsplit("You can now:").next().expect("steps");
    for verb in ["ack", "ask-info", "accept", "decline"] {
        assert!(
            open.contains(&format!("liaison refer {verb} {short}")),
            "{shown}"
        );
    }
    assert!(!open.contains("release-identity"), "{shown}");

    types(lantern, &["refer", "ack", &short], "", 0).await;
    // A question and its answer, typed, never as an argument.
    types(
        lantern,
        &["refer", "ask-info", &short],
        "languages\nOnly Arabic?\n",
        0,
    )
    .await;
    let answered = border
        .cli_in(
            &[
                "refer",
                "give-info",
                &short,
                "--about",
                "languages",
                "--json",
            ],
            "English too",
        )
        .await
        .expect_code(0)
        .json();
    assert_eq!(answered["state"], "info-given");
    assert_eq!(answered["delivered"], true, "{answered:#}");
    // She thinks twice before she declines; the reason is asked for by its number or name.
    let thought = types(lantern, &["refer", "decline", &short], "1\nn\n", 1).await;
    assert!(
        thought.contains("no-capacity") && thought.contains("nothing was done"),
        "{thought}"
    );
    let accepted = types(lantern, &["refer", "accept", &short], "y\n", 0).await;
    assert!(accepted.contains("is now: accepted"), "{accepted}");
    assert!(
        accepted.contains("delivered to the node of border"),
        "{accepted}"
    );

    // Back at the border.
    let released = types(border, &["refer", "release-identity", &short], "y\n", 0).await;
    assert!(released.contains("is now: identity-released"), "{released}");
    let shown = types(lantern, &["refer", "show", &short], "", 0).await;
    assert!(
        shown.contains("Identity") && shown.contains(NAME),
        "{shown}"
    );
    // A look at who the person is is another line than a look at the rest.
    let log = lantern.json(&["audit", "log", "--record", &id]).await;
    let looks = log["lines"].as_array().expect("lines").clone();
    let looks: Vec<_> = looks
        .iter()
        .filter(|line| line["by"] == "GET /v1/referrals/{id}")
        .map(|line| line["outcome"].as_str().unwrap_or_default())
        .collect();
    assert!(looks.len() > 1, "{log:#}");
    assert_eq!(
        looks.iter().filter(|o| **o == "identity").count(),
        1,
        "{log:#}"
    );
    types(lantern, &["refer", "assist", &short], "first\n", 0).await;
    let timeline = types(border, &["refer", "timeline", &short], "", 0).await;
    for step in [
        "acknowledged",
        "info-asked",
        "info-given",
        "accepted",
        "assisting",
    ] {
        assert!(timeline.contains(step), "{step}: {timeline}");
    }
    let found = lantern
        .json(&["refer", "find", "amina", "--reason", "her lawyer called"])
        .await;
    assert_eq!(found["rows"][0]["id"], id.as_str(), "{found:#}");
    let matching = types(border, &["service", "match", &short], "", 0).await;
    assert!(matching.contains("No offer here meets"), "{matching}");
    // Without a person to ask, a reason is needed, of the list.
    let lacks = border.cli(&["refer", "close", &short]).await.expect_code(2);
    assert!(
        lacks.err.contains("own-wish") && !lacks.err.contains("cooperate"),
        "{lacks:?}"
    );
    let closed = types(
        lantern,
        &["refer", "close", &short, "--reason", "own-wish"],
        "y\n",
        0,
    )
    .await;
    assert!(closed.contains("is now: closed"), "{closed}");
    // Taken back by either side, it is gone at both, and nobody is told to telephone for that.
    for officer in [lantern, border] {
        let short = refer(border).await[..8].to_owned();
        let args = ["refer", "withdraw", &short, "--reason", "consent-withdrawn"];
        let withdrawn = types(officer, &args, "y\n", 0).await;
        assert!(withdrawn.contains("is now: withdrawn"), "{withdrawn}");
        assert!(
            withdrawn.contains("delivered to the node of"),
            "{withdrawn}"
        );
        assert!(!withdrawn.contains("NOT DELIVERED"), "{withdrawn}");
    }
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_delivered_says_whom_to_telephone_and_stays_first() {
    let mut federation = border_and_lantern().await;
    let id = refer(&federation["border"]).await;
    federation.cut("border", "lantern").await;
    let border = &federation["border"];
    let args = ["refer", "reclassify", &id[..8], "--urgency", "critical"];
    let text = types(border, &args, "", 0).await;
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        one_line.contains("NOT DELIVERED: telephone lantern, duty desk, +999 555 0101, 24h"),
        "{text}"
    );
    let home = types(border, &[], "", 0).await;
    let first = home.lines().nth(2).expect("it is listed first");
    assert!(first.starts_with("unsent"), "{home}");
    assert!(first.contains("NOT DELIVERED"), "{home}");
    federation.stop().await;
}

/// What a login shell shows for these lines, or for `ssh HOST COMMAND`; and its exit code.
fn shell(node: &TestNode, args: &[&str], typed: &str) -> (Option<i32>, String) {
    let mut child = Command::new(PROGRAM)
        .arg0("-liaison-shell")
        .args(args)
        .env("LIAISON_HOME", node.home.dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("its input");
    input.write_all(typed.as_bytes()).expect("typed");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_shell_begins_at_home_and_takes_an_officers_commands_only() {
    let mut federation = Federation::mesh(&["a"], OPEN).await;
    let a = &federation["a"];
    let marker = federation.dir().join("escaped");
    let escape = marker.to_string_lossy().into_owned();
    let lines = format!(
        "liaison status\n!touch {escape}\nsh -c 'touch {escape}'\ncard export {escape}\n\
         query x > {escape}\ninbox --home /tmp\nhelp\nexit\nstatus\n"
    );
    let (code, text) = shell(a, &[], &lines);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("Fingerprint"), "{text}");
    for refused in [
        "'!touch' is no command",
        "'sh' is no command",
        "'card' is no command of this shell, but of a login that has more",
        "no files and no other programs",
        "--home is not for this shell",
    ] {
        assert!(text.contains(refused), "{refused}: {text}");
    }
    assert_eq!(
        text.matches("Fingerprint").count(),
        1,
        "exit ends it: {text}"
    );
    let (code, text) = shell(a, &["-c", "inbox --json"], "");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("\"rows\""), "{text}");
    for bad in [
        &["-c", "/usr/lib/openssh/sftp-server"][..],
        &["run"],
        &["-c", "keys rotate"],
    ] {
        let (code, text) = shell(a, bad, "");
        assert_eq!(code, Some(2), "{bad:?}: {text}");
    }
    assert!(!marker.exists());
    federation.stop().await;
}

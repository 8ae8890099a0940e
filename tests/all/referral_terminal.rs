//! A referral as it stands on two terminals, question by question. README.md and
//! `examples/terminal` show what is printed here: `LIAISON_BLESS=1` writes it there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use liaison_node::clock::{Clock, ManualClock, SystemClock};
use liaison_protocol::clock::Millis;
use liaison_tests::federation::OPEN;
use liaison_tests::referral::{desk, refers, until};
use liaison_tests::terminal::Seat;
use liaison_tests::{Federation, TestNode};

use crate::audit::Other;
use crate::command_line::PROGRAM;

const NAME: &str = "Amina Example";
const DAY: u64 = 24 * 60 * 60 * 1000;

/// A quarter past two at night: what is printed depends on no day.
const NIGHT: u64 = 135 * 60 * 1000;

/// A second officer at the border.
const COLLEAGUE: u32 = 64_123;

/// Border police and a shelter, at night.
pub(crate) async fn at_night() -> Federation {
    let today = SystemClock.now().0 / DAY * DAY;
    let night = match today + NIGHT {
        past if past < SystemClock.now().0 => past + DAY,
        to_come => to_come,
    };
    let clock = Arc::new(ManualClock::new(Millis(night)));
    let mut federation = Federation::new();
    for (name, sector) in [("qn-bord", "border"), ("qn-lantern", "ngo")] {
        let node = federation.prepare(name, sector, "QN");
        node.with_clock(clock.clone());
        node.start().await;
        node.policy(OPEN).await;
        refers(node);
    }
    federation.link("qn-bord", "qn-lantern").await;
    desk(&federation["qn-lantern"], &federation["qn-bord"]).await;
    federation
}

/// One command at a node's terminal, with an answer to each question; all that stands there.
pub(crate) async fn types(node: &TestNode, args: &[&str], answers: &[(&str, &str)]) -> String {
    types_as(node, PROGRAM, None, args, answers).await
}

async fn types_as(
    node: &TestNode,
    binary: &str,
    uid: Option<u32>,
    args: &[&str],
    answers: &[(&str, &str)],
) -> String {
    let (code, text) = ends(node, binary, uid, args, answers).await;
    assert_eq!(code, Some(0), "{args:?}: {text}");
    text
}

/// The same with its exit code. No line is wider than the terminal.
pub(crate) async fn ends(
    node: &TestNode,
    binary: &str,
    uid: Option<u32>,
    args: &[&str],
    answers: &[(&str, &str)],
) -> (Option<i32>, String) {
    let (code, text) = tokio::task::block_in_place(|| {
        let seat = Seat {
            binary,
            home: node.home.dir(),
            env: &[("NO_COLOR", "1"), ("TZ", "UTC")],
            uid,
        };
        seat.talk(args, answers)
    });
    // What somebody types is as long as it is.
    let typed = |line: &&str| {
        answers
            .iter()
            .any(|(_, typed)| !typed.is_empty() && line.ends_with(typed))
    };
    for line in text.lines().filter(|line| !typed(line)) {
        assert!(line.chars().count() <= 80, "{args:?}: {line:?} in {text}");
    }
    (code, format!("$ liaison {}\n{text}", args.join(" ")))
}

/// What two runs have different, as it stands in the documentation.
struct Plain(Vec<(String, &'static str)>);

impl Plain {
    fn of(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (from, to) in &self.0 {
            text = text.replace(from, to);
        }
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        format!("{}\n", lines.join("\n").trim_end())
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn is_blessed() -> bool {
    std::env::var_os("LIAISON_BLESS").is_some()
}

/// A file is what was printed.
fn shows(file: &str, text: &str) {
    let path = root().join(file);
    if is_blessed() {
        std::fs::write(&path, text).expect("written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, text, "{file} differs: LIAISON_BLESS=1");
}

/// A region of README.md is what was printed.
fn page_shows(region: &str, text: &str) {
    let path = root().join("README.md");
    let page = std::fs::read_to_string(&path).expect("README.md");
    let (begin, end) = (format!("<!-- terminal: {region} -->\n"), "<!-- end -->");
    let (before, rest) = page.split_once(&begin).expect("the region begins");
    let (found, after) = rest.split_once(end).expect("the region ends");
    let wanted = format!("```\n{text}```\n");
    if is_blessed() {
        let blessed = format!("{before}{begin}{wanted}{end}{after}");
        std::fs::write(&path, blessed).expect("written");
        return;
    }
    assert_eq!(found, wanted, "README.md, {region}: LIAISON_BLESS=1");
}

/// From this line on.
fn from<'a>(text: &'a str, line: &str) -> &'a str {
    let at = text.find(line).unwrap_or_else(|| panic!("{line}: {text}"));
    &text[at..]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentation_shows_a_referral_as_it_stands_on_two_terminals() {
    let mut federation = at_night().await;
    let [border, lantern] = ["qn-bord", "qn-lantern"].map(|name| &federation[name]);
    let made = types(
        border,
        &["refer", "new"],
        &[
            ("agree to be referred?", "given"),
            ("How old is the person?", "18-29"),
            ("How soon is help needed?", "critical"),
            ("Who agreed?", "self"),
            (
                "To what did they agree?",
                "assistance, share-profile, share-identity",
            ),
            ("Which of these did you explain?", "all"),
            ("On which day were they asked?", "2025-11-03"),
            ("In which language?", "ar"),
            ("Gender?", "feminine"),
            ("What is their status in this country?", "irregular-migrant"),
            ("are they a citizen?", "QM"),
            ("a presumed or an identified victim?", "possible"),
            ("Who says so?", "police"),
            ("What does the person need?", "shelter, psychosocial"),
            ("Which languages do they speak?", "ar"),
            ("Is an interpreter needed?", "y"),
            ("In which region are they?", "QN-02"),
            ("What threatens them now?", "trafficker-near"),
            ("How can they move?", ""),
            ("Whom shall be asked", "qn-lantern"),
            ("What is their name?", NAME),
            ("When were they born?", "2004"),
            ("How can they be reached?", ""),
            ("Send it?", "y"),
        ],
    )
    .await;
    assert!(made.contains("Delivered to the provider's node."), "{made}");
    let thread = until(lantern, "it came", |node| {
        Some(node.node().referrals.threads().first()?.id)
    })
    .await;
    let draft = made.split("Kept as draft ").nth(1).expect("a draft");
    let draft = draft.split(';').next().expect("its name");
    let short = thread.short().to_string();
    let plain = Plain(vec![
        (short.clone(), "3F7K-9Q2M"),
        (draft.to_owned(), "d-3f7k9q2m"),
        (liaison_node::officers::user_name(0), "mira"),
    ]);
    shows("examples/terminal/refer-new.txt", &plain.of(&made));
    let end = plain.of(from(&made, "Urgency: "));
    page_shows("refer new", &format!("$ liaison refer new\n…\n{end}"));

    let inbox = types(lantern, &["inbox"], &[]).await;
    page_shows("inbox", &plain.of(&inbox));
    let shown = types(lantern, &["refer", "show", &short], &[]).await;
    assert!(!shown.contains(NAME), "{shown}");
    page_shows("refer show", &plain.of(&shown));
    let yes = [("[y/N]", "y")];
    let accepted = types(lantern, &["refer", "accept", &short], &yes).await;
    assert!(accepted.contains("would be: accepted"), "{accepted}");
    page_shows("refer accept", &plain.of(&accepted));
    until(border, "accepted", |node| {
        let thread = node.node().referrals.thread(&thread)?;
        thread.folded.may_release_identity().then_some(())
    })
    .await;
    let args = ["refer", "release-identity", &short];
    let released = types(border, &args, &yes).await;
    page_shows("refer release-identity", &plain.of(&released));
    until(lantern, "named", |node| {
        let thread = node.node().referrals.thread(&thread)?;
        thread.may_read_identity().then_some(())
    })
    .await;
    let shown = types(lantern, &["refer", "show", &short], &[]).await;
    let who = plain.of(from(&shown, "Identity\n"));
    let (who, _) = who.split_once("\nYou can now:").expect("the steps");
    assert!(who.contains(NAME), "{shown}");
    page_shows(
        "the identity",
        &format!("$ liaison refer show 3F7K-9Q2M\n…\n{who}"),
    );
    federation.stop().await;
}

/// An emergency at the border: one officer writes it down, a colleague with an account of their
/// own reads and approves it.
#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_approves_an_emergency_at_their_own_terminal() {
    let mut federation = at_night().await;
    let border = &federation["qn-bord"];
    let officers = border.home.officers_path();
    let mut text = std::fs::read_to_string(&officers).expect("officers");
    text.push_str(&format!(
        "\n[[officer]]\nuser = {COLLEAGUE}\nroles = [\"referral-officer\"]\n"
    ));
    std::fs::write(&officers, text).expect("entered");
    let Some(_opened) = Other::new(federation.dir(), border.home.dir(), COLLEAGUE) else {
        return;
    };
    let binary = federation.dir().join("liaison").display().to_string();

    let args = ["refer", "new", "--emergency", "child-at-risk"];
    let made = types(
        border,
        &args,
        &[
            ("How old is the person?", "9-17"),
            ("How soon is help needed?", "1"),
            ("A sentence on the reason?", ""),
            ("On which day were they asked?", ""),
            ("In which language?", "fa"),
            ("Gender?", "masculine"),
            (
                "What is their status in this country?",
                "unaccompanied-child",
            ),
            ("are they a citizen?", ""),
            ("a presumed or an identified victim?", "possible"),
            ("Who says so?", "police"),
            ("What does the person need?", "shelter, guardianship"),
            ("Which languages do they speak?", "fa"),
            ("Is an interpreter needed?", "y"),
            ("In which region are they?", "QN-02"),
            ("What threatens them now?", "none"),
            ("How can they move?", ""),
            ("Who is the guardian?", ""),
            ("Whom shall be asked", "qn-lantern"),
            ("What is their name?", NAME),
            ("When were they born?", ""),
            ("How can they be reached?", ""),
            ("Send it?", "y"),
        ],
    )
    .await;
    let command = made.lines().rev().find(|line| line.contains("approve"));
    let draft = command.and_then(|line| line.split_whitespace().last());
    let draft = draft.expect("the command that a colleague types");
    assert!(
        made.contains("It waits for a second officer; nothing was sent."),
        "{made}"
    );
    assert_eq!(border.node().vault.count(), 0);

    let at = |args: Vec<String>, answers: &'static [(&'static str, &'static str)]| {
        let binary = binary.clone();
        async move {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            types_as(border, &binary, Some(COLLEAGUE), &args, answers).await
        }
    };
    let owned = |args: &[&str]| args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>();
    let waits = at(owned(&["refer", "approve"]), &[]).await;
    assert!(waits.contains(draft), "{waits}");
    let approved = at(owned(&["refer", "approve", draft]), &[("[y/N]", "y")]).await;
    assert!(
        approved.contains("9-17") && !approved.contains(NAME),
        "{approved}"
    );
    assert!(
        approved.contains("Delivered to the provider's node."),
        "{approved}"
    );
    assert!(
        approved.contains("Emergency: a second officer reviews it by"),
        "{approved}"
    );
    let thread = border.node().referrals.threads().first().expect("sent").id;
    let short = thread.short().to_string();
    let reviewed = at(owned(&["refer", "review", &short]), &[("[y/N]", "y")]).await;
    assert!(
        reviewed.contains(&short) || reviewed.contains(draft),
        "{reviewed}"
    );
    let (case, _) = border.node().cases.of_thread(&thread).expect("its case");
    let case = border
        .node()
        .cases
        .read(&case)
        .expect("read")
        .expect("kept");
    assert_eq!(case.review_by(), None);
    federation.stop().await;
}

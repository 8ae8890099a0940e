//! What officers read at the terminal when a referral does not go its straight way: at 80 columns,
//! each with what to do next.

use liaison_protocol::id::RecordId;
use liaison_protocol::personal::template::referral_toml;
use liaison_protocol::record::date::Date;
use liaison_tests::referral::{states, until};
use liaison_tests::{Federation, TestNode};

use crate::command_line::PROGRAM;
use crate::referral_terminal::{at_night, ends, types};

const YES: (&str, &str) = ("[y/N]", "y");

/// Refers the person of the template to the shelter from a file; the referral's short id.
async fn refer(federation: &Federation) -> String {
    let border = &federation["qn-bord"];
    let before: Vec<RecordId> = states(border).into_iter().map(|(id, _)| id).collect();
    let today = Date::from_millis(border.node().clock.now());
    let toml = referral_toml(today).replace("[\"qn-lantern\", \"migro\"]", "[\"qn-lantern\"]");
    let file = federation.dir().join("referral.toml");
    std::fs::write(&file, toml).expect("the file");
    let args = ["refer", "new", &file.to_string_lossy()];
    types(border, &args, &[("Send it?", "y")]).await;
    let mut threads = states(border).into_iter().map(|(id, _)| id);
    let newest = threads.find(|id| !before.contains(id)).expect("sent");
    let there = &federation["qn-lantern"];
    until(there, "it came", |node| {
        node.node().referrals.thread(&newest)
    })
    .await;
    newest.short().to_string()
}

/// Waits until the other side knows so many steps.
async fn hears(node: &TestNode, short: &str, steps: usize) {
    until(node, "it heard", |node| {
        let threads = node.node().referrals.threads();
        let thread = threads.iter().find(|t| t.id.short() == short)?;
        (thread.steps().len() >= steps).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_each_turn_an_officer_reads_what_to_do_next_at_eighty_columns() {
    let mut federation = at_night().await;
    let short = refer(&federation).await;
    let [border, lantern] = ["qn-bord", "qn-lantern"].map(|name| &federation[name]);
    let show = ["refer", "show", &short];
    let mut all = String::new();
    let mut say = |text: String| {
        println!("{text}");
        all.push_str(&text.replace('\n', " "));
    };
    say(types(lantern, &[], &[]).await);
    say(types(lantern, &["refer", "ack", &short], &[]).await);
    let asks = [
        ("About what?", "needs"),
        ("What do you need", "A room on the ground floor?"),
    ];
    say(types(lantern, &["refer", "ask-info", &short], &asks).await);
    hears(border, &short, 2).await;
    say(types(border, &[], &[]).await);
    say(types(border, &show, &[]).await);
    let answers = [("About what?", "needs"), ("Your answer", "Yes, please.")];
    say(types(border, &["refer", "give-info", &short], &answers).await);
    hears(lantern, &short, 3).await;
    let args = ["refer", "release-identity", &short];
    let (code, early) = ends(border, PROGRAM, None, &args, &[]).await;
    assert_eq!(code, Some(1));
    say(early);
    say(types(lantern, &["refer", "accept", &short], &[YES]).await);
    hears(border, &short, 4).await;
    say(types(border, &args, &[YES]).await);
    hears(lantern, &short, 5).await;
    say(types(
        lantern,
        &["refer", "assist", &short],
        &[("Which phase?", "1")],
    )
    .await);
    hears(border, &short, 6).await;
    say(types(lantern, &["refer", "missing", &short], &[]).await);
    hears(border, &short, 7).await;
    say(types(border, &["inbox"], &[]).await);
    say(types(border, &show, &[]).await);
    say(types(border, &["refer", "located", &short], &[]).await);
    hears(lantern, &short, 8).await;
    let scope = "assistance, share-profile, share-identity";
    let said = [
        ("What did the person say?", "given"),
        ("To what do they agree?", scope),
    ];
    let consent = ["refer", "consent", &short, "--keep-until", "2031-12-31"];
    say(types(lantern, &consent, &said).await);
    hears(border, &short, 9).await;
    say(types(border, &show, &[]).await);
    say(types(
        border,
        &["refer", "reclassify", &short],
        &[("How urgent", "critical")],
    )
    .await);
    hears(lantern, &short, 10).await;
    say(types(lantern, &["refer", "follow-up", &short], &[]).await);
    hears(border, &short, 11).await;
    say(types(border, &["refer", "timeline", &short], &[]).await);
    let close = [("Why?", "integrated"), YES];
    say(types(lantern, &["refer", "close", &short], &close).await);
    hears(border, &short, 12).await;
    say(types(border, &["inbox"], &[]).await);
    say(types(border, &show, &[]).await);

    let second = refer(&federation).await;
    let [border, lantern] = ["qn-bord", "qn-lantern"].map(|name| &federation[name]);
    let decline = [("Why?", "no-capacity"), YES];
    say(types(lantern, &["refer", "decline", &second], &decline).await);
    hears(border, &second, 1).await;
    say(types(border, &["inbox"], &[]).await);
    say(types(border, &["refer", "show", &second], &[]).await);
    say(types(lantern, &["refer", "show", &second], &[]).await);
    let (_, late) = ends(lantern, PROGRAM, None, &["refer", "accept", &second], &[]).await;
    say(late);

    let third = refer(&federation).await;
    federation.cut("qn-bord", "qn-lantern").await;
    let [border, lantern] = ["qn-bord", "qn-lantern"].map(|name| &federation[name]);
    let (_, cut) = ends(lantern, PROGRAM, None, &["refer", "accept", &third], &[YES]).await;
    say(cut);
    let (_, cut) = ends(border, PROGRAM, None, &["refer", "expire", &third], &[YES]).await;
    say(cut);
    say(types(border, &[], &[]).await);
    federation.mend("qn-bord", "qn-lantern").await;
    hears(border, &third, 2).await;
    hears(lantern, &third, 2).await;
    say(types(border, &["inbox"], &[]).await);
    say(types(border, &["refer", "show", &third], &[]).await);
    let back = [("Why?", "consent-withdrawn"), YES];
    say(types(lantern, &["refer", "withdraw", &third], &back).await);
    say(types(border, &["inbox"], &[]).await);
    let (_, gone) = ends(border, PROGRAM, None, &["refer", "show", &third], &[]).await;
    say(gone);
    for says in [
        // Early: what is open, and where to read it.
        "step 'identity-released' is not allowed from 'info-given'. Allowed to the originator now:",
        &format!("'liaison refer show {short}' ends with the steps"),
        &format!("{short}: the person is missing: telephone the other agency"),
        "Who they are may be kept until 2031-12-31, at most as long as the rest",
        "nobody could take the person: record the gap with 'liaison new service'",
        "NOT DELIVERED: telephone qn-lantern, duty desk, +999 555 0101, 24h",
        &format!("referral {third} is NOT DELIVERED to qn-lantern: telephone them"),
        "'accepted' and 'expired' were taken without knowing of each other. 'accepted' counts",
        &format!("{third} was taken back or has ended: it is erased here"),
        &format!("'liaison show {third}' tells what became of it"),
    ] {
        assert!(all.contains(says), "{says}");
    }
    federation.stop().await;
}

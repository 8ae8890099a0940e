//! One officer's scripts do not keep another officer out: connections and calls of each user are
//! bounded, and who has too many is told so. On real processes.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use liaison_node::limits::{API_BODY_BYTES, API_CONNECTIONS_OF_USER};
use liaison_tests::http;
use liaison_tests::process::{Program, Site};

use super::api::JSON;
use super::audit::Other;
use super::crash::BINARY;

/// Another officer of this machine.
const SECOND: u32 = 64_123;

fn words(ran: &Output) -> String {
    String::from_utf8_lossy(&[&ran.stdout[..], &ran.stderr[..]].concat()).into_owned()
}

/// So many connections, on which these bytes were sent.
fn all_of(socket: &Path, count: usize, bytes: &[u8]) -> Vec<UnixStream> {
    let connect = |_| {
        let mut stream = UnixStream::connect(socket).expect("the socket");
        stream.write_all(bytes).expect("sent");
        let patience = Some(Duration::from_secs(120));
        stream.set_read_timeout(patience).expect("a timeout");
        stream
    };
    (0..count).map(connect).collect()
}

/// Until a command is done, or refused for another reason than that there are too many.
fn once_there_is_room(node: &Program, args: &[&str]) -> Output {
    loop {
        let ran = node.cli(args, "");
        if ran.status.code() != Some(7) {
            return ran;
        }
    }
}

#[test]
fn a_user_who_takes_every_place_is_told_so_and_another_is_served() {
    let dir = tempfile::tempdir().expect("folder");
    let site = Site::init(BINARY, &dir.path().join("a"), "Border Police of Narova");
    let node = site.start();
    let socket = site.home.socket_path();
    let other = Other::new(dir.path(), site.home.dir(), SECOND);
    if other.is_some() {
        let file = site.home.officers_path();
        let mut officers = fs::read_to_string(&file).expect("officers");
        officers.push_str(&format!(
            "\n[[officer]]\nuser = {SECOND}\nroles = [\"analyst\"]\n"
        ));
        fs::write(&file, officers).expect("entered");
    }
    let is_told = |node: &Program| {
        let refused = node.cli(&["status"], "");
        assert_eq!(refused.status.code(), Some(7), "{refused:?}");
        let says = words(&refused);
        assert!(says.contains("32 calls under way"), "{says}");
        assert!(says.contains("nothing of this call was done"), "{says}");
        assert!(says.contains("try again"), "{says}");
        let refused = node.cli(&["status", "--json"], "");
        assert!(words(&refused).contains("\"code\":\"busy\""), "{refused:?}");
        // So is who sends much: it is read before it is answered.
        let large = vec![b' '; API_BODY_BYTES];
        let answer = http::call(&socket, "POST", "/v1/records", &[JSON], &large);
        assert_eq!(answer.status, 429, "{answer:?}");
    };
    let is_served = |when: &str| {
        if let Some(other) = &other {
            let ran = other.cli(&["status"]);
            assert_eq!(ran.status.code(), Some(0), "{when}: {ran:?}");
        }
    };

    // Calls that go on and on.
    let watch = b"GET /v1/watch HTTP/1.1\r\nHost: liaison\r\n\r\n";
    let mut watches = all_of(&socket, API_CONNECTIONS_OF_USER, watch);
    for watch in &mut watches {
        let mut status = [0; 12];
        watch.read_exact(&mut status).expect("an answer");
        assert_eq!(&status, b"HTTP/1.1 200");
    }
    is_told(&node);
    is_served("beside watches");
    watches.pop();
    let ran = once_there_is_room(&node, &["status"]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    drop(watches);

    // Heads that do not end, and connections on which nothing is asked: they are cut off.
    for bytes in [&b"GET /v1/status HTTP/1.1\r\nHost: lia"[..], b""] {
        once_there_is_room(&node, &["status"]);
        // Some more, in the place of what is about to be closed.
        let stuck = all_of(&socket, API_CONNECTIONS_OF_USER + 4, bytes);
        // At once, before they are.
        let answer = http::call(&socket, "GET", "/v1/status", &[], b"");
        assert_eq!(answer.status, 429, "{answer:?}");
        is_served("beside stuck connections");
        for mut stream in stuck {
            let mut rest = Vec::new();
            // Closed, whether with a word or without.
            let _reset = stream.read_to_end(&mut rest);
        }
        let ran = once_there_is_room(&node, &["status"]);
        assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    }
    assert_eq!(node.terminate(), Some(0));
}

/// What is in memory of calls is bounded as well: two large bodies of one user, no third.
#[test]
fn bodies_that_are_sent_at_once_are_bounded() {
    let dir = tempfile::tempdir().expect("folder");
    let site = Site::init(BINARY, &dir.path().join("a"), "Border Police of Narova");
    let node = site.start();
    let socket = site.home.socket_path();
    let head = format!(
        "POST /v1/records HTTP/1.1\r\nHost: liaison\r\n{JSON}\r\nContent-Length: {API_BODY_BYTES}\r\nExpect: 100-continue\r\n\r\n"
    );
    let begin = || {
        let mut stream = UnixStream::connect(&socket).expect("the socket");
        stream.write_all(head.as_bytes()).expect("sent");
        let patience = Some(Duration::from_secs(120));
        stream.set_read_timeout(patience).expect("a timeout");
        // It says so when it begins to read the body: from then on this has its share.
        let mut go_on = [0; 12];
        stream.read_exact(&mut go_on).expect("go on");
        (stream, go_on)
    };
    let first = begin();
    let second = begin();
    assert_eq!(&first.1, b"HTTP/1.1 100");
    assert_eq!(&second.1, b"HTTP/1.1 100");
    let large = vec![b' '; API_BODY_BYTES];
    let third = http::call(&socket, "POST", "/v1/records", &[JSON], &large);
    assert_eq!(third.status, 429, "{third:?}");
    assert_eq!(third.json()["code"], "busy");
    // Small calls go on.
    assert_eq!(node.cli(&["status"], "").status.code(), Some(0));
    drop(first);
    loop {
        let again = http::call(&socket, "POST", "/v1/records", &[JSON], &large);
        if again.status != 429 {
            assert_eq!(again.status, 400, "spaces are no record: {again:?}");
            break;
        }
    }
}

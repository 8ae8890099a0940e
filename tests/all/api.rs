//! The local API as other programs speak it: raw HTTP over the socket.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Stdio};

use liaison_node::limits::API_BODY_BYTES;
use liaison_tests::federation::OPEN;
use liaison_tests::http::{Answer, call, raw};
use liaison_tests::{Federation, TestNode};
use serde_json::{Value, json};

use crate::first::trend;

/// Method, path, headers and body of a call; status, code and words of its answer.
type Case<'a> = (
    &'a str,
    &'a str,
    &'a [&'a str],
    &'a [u8],
    u16,
    &'a str,
    &'a str,
);

pub const JSON: &str = "Content-Type: application/json";

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_call_is_said_in_json() {
    let mut federation = Federation::mesh(&["a"], OPEN).await;
    let node = &federation["a"];
    let held = node.node().store.last();
    let draft = json!({"draft": trend("Lorries")}).to_string();
    let big = vec![b' '; API_BODY_BYTES + 1];
    let deep = format!("{{\"draft\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    #[rustfmt::skip]
    let cases: &[Case] = &[
        ("GET",    "/v1/nothing",        &[],     b"",                 404, "not-found",  "no such call"),
        ("GET",    "/",                  &[],     b"",                 404, "not-found",  "no such call"),
        ("DELETE", "/v1/status",         &[],     b"",                 405, "method",     "another method"),
        ("PUT",    "/v1/records",        &[JSON], draft.as_bytes(),    405, "method",     "another method"),
        ("POST",   "/v1/records",        &[],     draft.as_bytes(),    415, "media-type", "not marked as JSON"),
        ("POST",   "/v1/records",        &["Content-Type: text/plain"], draft.as_bytes(), 415, "media-type", "not marked as JSON"),
        ("POST",   "/v1/records",        &[JSON], b"{\"draft\": ",     400, "invalid",    "EOF"),
        ("POST",   "/v1/records",        &[JSON], b"\xff\xfe",         400, "invalid",    "expected value"),
        ("POST",   "/v1/records",        &[JSON], b"",                 400, "invalid",    "EOF"),
        ("POST",   "/v1/records",        &[JSON], b"{}",               422, "invalid",    "missing field `draft`"),
        ("POST",   "/v1/records",        &[JSON], b"{\"draft\":7}",    422, "invalid",    "invalid type"),
        ("POST",   "/v1/records",        &[JSON], deep.as_bytes(),     400, "invalid",    "recursion limit"),
        ("POST",   "/v1/records",        &[JSON], &big,                413, "too-large",  "larger than 16777216 bytes"),
        ("POST",   "/v1/verify",         &[],     &big,                413, "too-large",  "larger than 16777216 bytes"),
        ("POST",   "/v1/verify",         &[],     b"\xd2\x84",         403, "refused",    "no signed record"),
        ("GET",    "/v1/records/zz%FF",  &[],     b"",                 400, "invalid",    "UTF-8"),
        ("GET",    "/v1/records/AAAA",   &[],     b"",                 404, "not-found",  "no record here"),
        ("GET",    "/v1/records/!!!!",   &[],     b"",                 422, "invalid",    ""),
        ("POST",   "/v1/peers/nobody/test", &[],  b"",                 404, "not-found",  "nobody"),
        ("POST",   "/v1/query",          &[JSON], b"{\"words\":[\"kin:trend\"]}", 422, "invalid", "kin"),
        ("POST",   "/v1/card",           &[JSON], b"{\"colour\":1}",   422, "invalid",    "unknown field `colour`"),
    ];
    for (method, path, headers, body, status, code, says) in cases {
        let answer = at(node, method, path, headers, body).await;
        let shown = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, *status, "{method} {path}: {shown}");
        assert!(
            answer.head.contains("content-type: application/json"),
            "{method} {path}: {answer:?}"
        );
        let error: Value = answer.json();
        assert_eq!(error["code"], *code, "{method} {path}: {shown}");
        let sentence = error["error"].as_str().expect("a sentence");
        assert!(sentence.contains(says), "{method} {path}: {sentence}");
        assert!(
            sentence.len() < 2_000,
            "{method} {path}: the sentence is as long as the input"
        );
    }
    assert!(
        at(node, "DELETE", "/v1/status", &[], b"")
            .await
            .head
            .contains("allow: get")
    );
    assert_eq!(node.node().store.last(), held, "nothing was stored");
    let good = at(node, "POST", "/v1/records", &[JSON], draft.as_bytes()).await;
    assert_eq!(good.status, 200, "it still serves");
    federation.stop().await;
}

/// What is no HTTP at all, or stops half way, ends that connection and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_ends_its_own_connection_only() {
    let mut federation = Federation::mesh(&["a"], OPEN).await;
    let node = &federation["a"];
    let endless = [b"GET /v1/status HTTP/1.1\r\nX: ", &vec![b'a'; 2 << 20][..]].concat();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"HELLO\r\n\r\n",
        &endless,
    ] {
        let socket = node.home.socket_path();
        let bytes = bytes.to_vec();
        let answer = tokio::task::spawn_blocking(move || raw(&socket, &bytes));
        let answer = answer.await.expect("a thread");
        let shown = String::from_utf8_lossy(&answer);
        assert!(
            shown.is_empty() || shown.starts_with("HTTP/1.1 4"),
            "{shown}"
        );
    }
    assert_eq!(at(node, "GET", "/v1/status", &[], b"").await.status, 200);
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_described_and_everything_described_is_there() {
    let mut federation = Federation::mesh(&["a"], OPEN).await;
    let node = &federation["a"];
    let described = at(node, "GET", "/v1/openapi.json", &[], b"").await.json();
    assert!(
        described["openapi"]
            .as_str()
            .is_some_and(|v| v.starts_with("3.")),
        "{described}"
    );
    let paths = described["paths"].as_object().expect("paths");
    let mut calls = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("operations") {
            assert!(operation["summary"].is_string(), "{method} {path}");
            let params = operation["parameters"].as_array().map_or(0, Vec::len);
            assert_eq!(params, path.matches('{').count(), "{method} {path}");
            calls.push(format!("{} {path}", method.to_uppercase()));
        }
    }
    // The contract of the command line, written out: a call that goes missing is missed.
    #[rustfmt::skip]
    let mut expected = [
        "GET /v1/approvals", "POST /v1/approvals/{number}/approve",
        "POST /v1/approvals/{number}/reject", "POST /v1/audit/log", "POST /v1/audit/verify", "POST /v1/audit/disclosures",
        "GET /v1/audit/export", "POST /v1/audit/key",
        "GET /v1/status", "GET /v1/officers", "GET /v1/expiry", "GET /v1/clock",
        "POST /v1/clock/confirm", "POST /v1/backup", "GET /v1/restore", "POST /v1/restore/release",
        "POST /v1/records", "GET /v1/records/{id}", "GET /v1/records/{id}/cose",
        "GET /v1/records/{id}/why/{peer}", "POST /v1/records/{id}/amend",
        "POST /v1/records/{id}/retract", "POST /v1/records/{id}/ask", "POST /v1/records/{id}/permit", "POST /v1/records/{id}/audience", "POST /v1/query", "GET /v1/peers", "POST /v1/peers",
        "POST /v1/peers/{name}/revoke", "GET /v1/revoked",
        "GET /v1/peers/{name}/card", "GET /v1/keys", "GET /v1/keys/{name}", "POST /v1/keys/rotate", "POST /v1/keys/compromised",
        "POST /v1/keys/affirm", "POST /v1/keys/revoke-all",
        "POST /v1/peers/{name}/remove", "POST /v1/peers/{name}/test", "GET /v1/card", "POST /v1/card",
        "GET /v1/policy", "POST /v1/policy/check", "POST /v1/policy/apply", "POST /v1/policy/prove",
        "POST /v1/policy/explain", "POST /v1/preview", "POST /v1/peers/{name}",
        "POST /v1/policy/revert", "GET /v1/policy/plain", "GET /v1/imports/{key}",
        "POST /v1/imports/{key}", "GET /v1/watch", "POST /v1/verify", "GET /v1/openapi.json",
        "GET /v1/drafts", "GET /v1/drafts/{name}", "GET /v1/inbox",
        "GET /v1/looks", "GET /v1/referrals/{id}", "GET /v1/referrals/{id}/services",
        "GET /v1/referrals/{id}/timeline", "GET /v1/sealing", "GET /v1/services/gaps",
        "GET /v1/stats/{figure}", "POST /v1/drafts/{name}/approve", "POST /v1/drafts/{name}/drop",
        "POST /v1/drafts/{name}/review", "POST /v1/looks/seen", "POST /v1/referrals",
        "POST /v1/referrals/find", "POST /v1/referrals/screen", "POST /v1/referrals/{id}/assign",
        "POST /v1/referrals/{id}/steps", "POST /v1/sealing/erase", "POST /v1/services/match",
        "GET /v1/parcels", "POST /v1/bundles", "POST /v1/bundles/open", "POST /v1/bundles/pack", "POST /v1/bundles/written", "GET /v1/hub",
    ];
    calls.sort();
    expected.sort_unstable();
    assert_eq!(calls, expected);
    // Everything described is routed: an unused method of the same path is refused as such.
    for path in paths.keys() {
        let path = path.replace(['{', '}'], "");
        let answer = at(node, "PATCH", &path, &[], b"").await;
        assert_eq!(answer.status, 405, "{path} is described and not routed");
    }
    // Every reference has its schema.
    let text = described.to_string();
    let schemas = described["components"]["schemas"]
        .as_object()
        .expect("schemas");
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().expect("a name");
        assert!(schemas.contains_key(name), "{name} has no schema");
    }
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_and_the_group_may_use_the_socket() {
    let mut federation = Federation::mesh(&["a"], OPEN).await;
    let socket = federation["a"].home.socket_path();
    let mode = std::fs::metadata(&socket)
        .expect("socket")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o660);
    let home = std::fs::metadata(federation["a"].home.dir()).expect("home");
    assert_eq!(
        home.permissions().mode() & 0o007,
        0,
        "others may not look into the home"
    );
    federation.stop().await;
    assert!(!socket.exists(), "the socket goes with its node");
}

/// A real process, whose log is read to its end: each call stands there with who made it,
/// also one that is refused; what was typed does not.
#[test]
fn every_call_is_logged_with_its_uid() {
    let dir = tempfile::tempdir().expect("folder");
    let program = env!("CARGO_BIN_EXE_liaison-under-test");
    let home = liaison_tests::process::made(program, dir.path(), "h");
    std::fs::write(home.join("config.toml"), "[log]\nformat = \"json\"\n").expect("config");
    let mut child = Command::new(program)
        .args([
            "--home",
            &home.to_string_lossy(),
            "run",
            "--listen",
            "127.0.0.1:0",
        ])
        .env("RUST_LOG", "liaison::api=info")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut ready = String::new();
    let out = child.stdout.take().expect("its output");
    BufReader::new(out)
        .read_line(&mut ready)
        .expect("its ready line");
    let socket = home.join("liaison.sock");
    let secret = b"{\"words\":[\"Marker-7f3a\"]}";
    let made = [
        ("GET", "/v1/status", "/v1/status", &b""[..], 200),
        ("POST", "/v1/query", "/v1/query", secret, 200),
        ("GET", "/v1/records/AAAA", "/v1/records/{id}", b"", 404),
        ("GET", "/v1/nothing", "", b"", 404),
        ("DELETE", "/v1/status", "/v1/status", b"", 405),
    ];
    for (method, path, _, body, status) in made {
        assert_eq!(
            call(&socket, method, path, &[JSON], body).status,
            status,
            "{method} {path}"
        );
    }
    let uid = std::fs::metadata(&home).expect("home").uid();
    let term = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status();
    assert!(term.expect("kill").success());
    let mut log = String::new();
    child
        .stderr
        .take()
        .expect("its log")
        .read_to_string(&mut log)
        .expect("its log");
    assert_eq!(child.wait().expect("reaped").code(), Some(0));
    let lines: Vec<Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    for (method, path, route, _, status) in made {
        let logged = lines.iter().any(|line| {
            let fields = &line["fields"];
            fields["uid"] == uid
                && fields["method"] == method
                && fields["route"] == route
                && fields["status"] == status
        });
        assert!(logged, "{method} {path} is not in the log:\n{log}");
    }
    assert!(
        !log.contains("Marker-7f3a") && !log.contains("AAAA"),
        "what was typed is logged"
    );
}

pub async fn at(
    node: &TestNode,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &[u8],
) -> Answer {
    let socket = node.home.socket_path();
    let (method, path, body) = (method.to_owned(), path.to_owned(), body.to_vec());
    let headers: Vec<String> = headers.iter().map(|h| (*h).to_owned()).collect();
    let made = tokio::task::spawn_blocking(move || {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        call(&socket, &method, &path, &headers, &body)
    });
    made.await.expect("a thread")
}

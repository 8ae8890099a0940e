//! What a watch goes on to tell.

use std::os::unix::fs::MetadataExt as _;

use liaison_tests::Federation;
use liaison_tests::federation::{OPEN, PATIENCE};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::first::trend;

/// The last bytes of an answer that has ended.
const END: &str = "\r\n0\r\n\r\n";

/// Reads until one of these was read.
async fn until(stream: &mut UnixStream, text: &mut String, any: &[&str]) {
    let read = async {
        while !any.iter().any(|word| text.contains(word)) {
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes).await.expect("it reads");
            assert!(count > 0, "closed: {text}");
            text.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    };
    let came = tokio::time::timeout(PATIENCE, read).await;
    assert!(came.is_ok(), "{any:?} did not come: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_no_officer_any_more_is_told_nothing_more() {
    let federation = Federation::mesh(&["a", "b"], OPEN).await;
    let [a, b] = ["a", "b"].map(|name| &federation[name]);
    let mut stream = UnixStream::connect(a.home.socket_path())
        .await
        .expect("the socket");
    let call = b"GET /v1/watch HTTP/1.1\r\nHost: liaison\r\n\r\n";
    stream.write_all(call).await.expect("sent");
    let mut text = String::new();
    until(&mut stream, &mut text, &["200 OK"]).await;
    let lorries = b.push(&trend("Lorries"), &[]).await;
    until(&mut stream, &mut text, &[&lorries.full()]).await;
    let uid = std::fs::metadata("/proc/self").expect("proc").uid();
    let file = a.home.officers_path();
    let other = format!(
        "waits_for = \"nobody\"\n[[officer]]\nuser = {}\nroles = [\"administrator\"]\n",
        uid + 1
    );
    std::fs::write(&file, other).expect("officers");
    let vans = b.push(&trend("Vans"), &[]).await;
    until(&mut stream, &mut text, &[END, "Vans"]).await;
    assert!(text.ends_with(END), "{text}");
    assert!(!text.contains("Vans"), "{text}");
    a.holds_all(&[vans]).await;
}

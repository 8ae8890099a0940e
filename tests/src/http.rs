//! Raw HTTP over a node's socket, as `curl --unix-socket` speaks it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::Value;

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its head, lower case.
    pub head: String,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Its body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        let shown = String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {shown}"))
    }
}

/// Makes one call with these header lines; blocks until the answer is whole.
pub fn call(socket: &Path, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
    let lines: String = headers.iter().map(|h| format!("{h}\r\n")).collect();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: liaison\r\nConnection: close\r\nContent-Length: {}\r\n{lines}\r\n",
        body.len()
    );
    read(raw(socket, &[head.as_bytes(), body].concat()))
}

/// Fetches a page that a node serves to its machine, such as its figures.
pub fn fetch(address: SocketAddr, path: &str) -> Answer {
    let mut stream = TcpStream::connect(address).expect("the address");
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("asked");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("answered");
    read(answer)
}

fn read(mut answer: Vec<u8>) -> Answer {
    let end = answer
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .expect("a head");
    let body = answer.split_off(end + 4);
    let head = String::from_utf8_lossy(&answer).to_lowercase();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|s| s.parse().ok())
        .expect("a status");
    Answer { status, head, body }
}

/// Sends these bytes and reads all that comes back until the node hangs up.
pub fn raw(socket: &Path, bytes: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(socket).expect("the socket");
    // A node that has read enough answers and closes before everything is sent.
    let _cut = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer);
    answer
}

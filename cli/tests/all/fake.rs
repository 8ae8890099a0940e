//! A node that is played by a test: HTTP/1.1 on a home's socket, one answer a call.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// One call as it came in.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    pub path: String,
    body: Vec<u8>,
}

impl Call {
    /// Its body as JSON; null if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What is answered.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(value: &serde_json::Value) -> Self {
        Self {
            status: 200,
            body: value.to_string().into_bytes(),
        }
    }

    pub fn refusal(value: &serde_json::Value) -> Self {
        Self {
            status: 422,
            body: value.to_string().into_bytes(),
        }
    }

    pub fn text(text: &str) -> Self {
        Self {
            status: 200,
            body: text.as_bytes().to_vec(),
        }
    }
}

/// Listens until the test ends.
pub struct FakeNode {
    calls: Arc<Mutex<Vec<Call>>>,
}

impl FakeNode {
    /// Listens on the socket of a home.
    pub fn start(home: &Path, answer: impl Fn(&Call) -> Answer + Send + 'static) -> Self {
        let listener = UnixListener::bind(home.join("liaison.sock")).expect("socket");
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&calls);
        // The thread ends with the process; the socket's file goes with the home.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                serve(stream, &seen, &answer);
            }
        });
        Self { calls }
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("lock").clone()
    }
}

fn serve(stream: UnixStream, calls: &Mutex<Vec<Call>>, answer: &impl Fn(&Call) -> Answer) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let Some(first) = head.first() else { return };
    let mut words = first.split(' ').map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return;
    };
    let length = head
        .iter()
        .find_map(|line| {
            line.to_lowercase()
                .strip_prefix("content-length:")
                .map(|n| n.trim().parse::<usize>())
        })
        .and_then(Result::ok)
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("body");
    let call = Call { method, path, body };
    let Answer { status, body } = answer(&call);
    calls.lock().expect("lock").push(call);
    let mut stream = reader.into_inner();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(&body));
}

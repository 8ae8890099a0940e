//! The node's local API: HTTP/1.1 over its Unix socket, one connection a call.

use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::Path;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, header};
use hyper_util::rt::TokioIo;
use liaison_node::control::api::ApiError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;

use crate::error::CommandError;
use crate::home::Place;
use crate::limits::{ANSWER_BYTES, EVENT_BYTES};
use crate::node::Home;

/// Speaks with the node of one home folder.
#[derive(Debug)]
pub struct Client {
    place: Place,
    runtime: Runtime,
}

impl Client {
    /// Prepares to speak; connects at each call.
    ///
    /// # Errors
    /// When the system gives no event queue.
    pub fn new(place: Place) -> Result<Self, CommandError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| {
                CommandError::failed(
                    format!("cannot start: {e}"),
                    "close other programs and try again",
                )
            })?;
        Ok(Self { place, runtime })
    }

    /// `GET path`, JSON.
    ///
    /// # Errors
    /// The node is not reachable, said no, or is not understood.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CommandError> {
        self.json(Method::GET, path, Bytes::new())
    }

    /// `POST path` with a JSON body, JSON.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CommandError> {
        self.json(Method::POST, path, encode(path, body)?)
    }

    /// `POST path` with bytes, JSON.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn post_bytes<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Vec<u8>,
    ) -> Result<T, CommandError> {
        self.json(Method::POST, path, body.into())
    }

    /// `GET path`, the bytes.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn get_bytes(&self, path: &str) -> Result<Bytes, CommandError> {
        self.bytes(Method::GET, path, Bytes::new())
    }

    /// `GET path`, line by line, until `each` breaks off or the node does.
    ///
    /// # Errors
    /// As [`Self::get`], and what `each` returns.
    pub fn lines(
        &self,
        path: &str,
        each: impl FnMut(&str) -> Result<ControlFlow<()>, CommandError>,
    ) -> Result<(), CommandError> {
        self.stream(Method::GET, path, Bytes::new(), each)
    }

    /// `POST path`, the answer line by line.
    ///
    /// # Errors
    /// As [`Self::lines`].
    pub fn post_lines(
        &self,
        path: &str,
        body: &impl Serialize,
        each: impl FnMut(&str) -> Result<ControlFlow<()>, CommandError>,
    ) -> Result<(), CommandError> {
        self.stream(Method::POST, path, encode(path, body)?, each)
    }

    fn stream(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        mut each: impl FnMut(&str) -> Result<ControlFlow<()>, CommandError>,
    ) -> Result<(), CommandError> {
        self.runtime.block_on(async {
            let response = self.send(method, path, body).await?;
            if !response.status().is_success() {
                return Err(refusal(
                    path,
                    response.status(),
                    &collect(path, response.into_body()).await?,
                ));
            }
            let mut body = response.into_body();
            let mut rest: Vec<u8> = Vec::new();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|e| CommandError::Broken { why: e.to_string() })?;
                let Ok(data) = frame.into_data() else {
                    continue;
                };
                rest.extend_from_slice(&data);
                while let Some(end) = rest.iter().position(|b| *b == b'\n') {
                    let line: Vec<u8> = rest.drain(..=end).collect();
                    let line = String::from_utf8_lossy(&line);
                    if !line.trim().is_empty() && each(line.trim())?.is_break() {
                        return Ok(());
                    }
                }
                if rest.len() > EVENT_BYTES {
                    return Err(CommandError::Answer {
                        path: path.to_owned(),
                        why: format!("a line is longer than {EVENT_BYTES} bytes"),
                    });
                }
            }
            Ok(())
        })
    }

    /// `POST path` with a JSON body; the bytes of the answer as they come, however many.
    ///
    /// # Errors
    /// As [`Self::get`], and what `each` returns.
    pub fn download(
        &self,
        path: &str,
        body: &impl Serialize,
        mut each: impl FnMut(&[u8]) -> Result<(), CommandError>,
    ) -> Result<(), CommandError> {
        let body = encode(path, body)?;
        self.runtime.block_on(async {
            let response = self.send(Method::POST, path, body).await?;
            if !response.status().is_success() {
                let status = response.status();
                let bytes = collect(path, response.into_body()).await?;
                return Err(refusal(path, status, &bytes));
            }
            let mut body = response.into_body();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|e| CommandError::Broken { why: e.to_string() })?;
                if let Ok(data) = frame.into_data() {
                    each(&data)?;
                }
            }
            Ok(())
        })
    }

    fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<T, CommandError> {
        let bytes = self.bytes(method, path, body)?;
        let text: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
        serde_json::from_slice(text).map_err(|e| CommandError::Answer {
            path: path.to_owned(),
            why: e.to_string(),
        })
    }

    fn bytes(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, CommandError> {
        self.runtime.block_on(async {
            let response = self.send(method, path, body).await?;
            let status = response.status();
            let bytes = collect(path, response.into_body()).await?;
            if status.is_success() {
                Ok(bytes)
            } else {
                Err(refusal(path, status, &bytes))
            }
        })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, CommandError> {
        let broken = |e: hyper::Error| CommandError::Broken { why: e.to_string() };
        let stream = UnixStream::connect(&self.place.socket)
            .await
            .map_err(|e| self.unreachable(&e))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        // The connection ends with the response's body; its error comes back through `sender`.
        drop(tokio::spawn(connection));
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "liaison");
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::new(body)).map_err(|_| {
            CommandError::usage(
                "a name holds characters that no name has",
                "check what you typed",
            )
        })?;
        sender.send_request(request).await.map_err(broken)
    }

    fn unreachable(&self, error: &std::io::Error) -> CommandError {
        let Place { home, socket } = self.place.clone();
        match error.kind() {
            ErrorKind::PermissionDenied => CommandError::NotAllowed { socket },
            ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::NotADirectory
                if is_home(&home) =>
            {
                CommandError::NotRunning { socket, home }
            }
            ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::NotADirectory => {
                CommandError::NoHome { home }
            }
            // The queue of those who wait to be taken is full.
            ErrorKind::WouldBlock => {
                ApiError::busy("more programs call this node at once than it takes").into()
            }
            _ => CommandError::Broken {
                why: format!("{}: {error}", socket.display()),
            },
        }
    }
}

/// A path segment for what a person typed: anything that is not plain is percent-encoded.
pub fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A folder that this user may not look into is somebody's home as well.
fn is_home(home: &Path) -> bool {
    let closed = std::fs::read_dir(home).is_err_and(|e| e.kind() == ErrorKind::PermissionDenied);
    closed || Home::at(home).exists()
}

fn encode(path: &str, body: &impl Serialize) -> Result<Bytes, CommandError> {
    serde_json::to_vec(body)
        .map(Bytes::from)
        .map_err(|e| CommandError::Answer {
            path: path.to_owned(),
            why: e.to_string(),
        })
}

async fn collect(path: &str, body: Incoming) -> Result<Bytes, CommandError> {
    let body = Limited::new(body, ANSWER_BYTES).collect().await;
    body.map(http_body_util::Collected::to_bytes).map_err(|e| {
        if e.is::<LengthLimitError>() {
            CommandError::Answer {
                path: path.to_owned(),
                why: format!("it is longer than {ANSWER_BYTES} bytes"),
            }
        } else {
            CommandError::Broken { why: e.to_string() }
        }
    })
}

fn refusal(path: &str, status: hyper::StatusCode, bytes: &[u8]) -> CommandError {
    match serde_json::from_slice::<ApiError>(bytes) {
        Ok(error) => error.into(),
        Err(_) => CommandError::Answer {
            path: path.to_owned(),
            why: format!("status {status}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn a_segment_cannot_leave_its_place() {
        assert_eq!(segment("3F7K-9Q2M"), "3F7K-9Q2M");
        assert_eq!(segment("../status?x"), "..%2Fstatus%3Fx");
        assert_eq!(segment("bord š"), "bord%20%C5%A1");
    }
}

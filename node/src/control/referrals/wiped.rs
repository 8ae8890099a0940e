//! Answers that hold something about a person: written once into a buffer of the right size,
//! which is wiped when the last byte of it is sent.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::control::api::ApiError;

/// A JSON object, with further fields that are JSON already.
pub(super) fn object<T: Serialize>(
    value: &T,
    further: &[(&str, Zeroizing<Vec<u8>>)],
) -> Result<Response, ApiError> {
    let mut count = Count(0);
    serde_json::to_writer(&mut count, value).map_err(internal)?;
    let more: usize = further
        .iter()
        .map(|(name, json)| name.len() + json.len() + ADDED)
        .sum();
    let mut out = Zeroizing::new(Vec::with_capacity(count.0.saturating_add(more)));
    serde_json::to_writer(&mut *out, value).map_err(internal)?;
    for (name, json) in further {
        // In front of the brace that closes the object.
        if out.pop() != Some(b'}') {
            return Err(ApiError::new("internal", "an answer is no JSON object"));
        }
        if out.last() != Some(&b'{') {
            out.push(b',');
        }
        out.push(b'"');
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        out.extend_from_slice(json);
        out.push(b'}');
    }
    let body = Body::from(Bytes::from_owner(Wiped(out)));
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// Comma, quotes, colon, and one to spare.
const ADDED: usize = 5;

struct Wiped(Zeroizing<Vec<u8>>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Counts bytes and keeps none.
struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn internal(error: serde_json::Error) -> ApiError {
    ApiError::new("internal", error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn further_fields_stand_in_the_object() {
        let json = |text: &str| Zeroizing::new(text.as_bytes().to_vec());
        let value = serde_json::json!({"id": "A", "n": 1});
        let further = [("profile", json("{\"x\":[1]}")), ("identity", json("null"))];
        for (value, further, wanted) in [
            (
                value.clone(),
                &further[..],
                r#"{"id":"A","n":1,"profile":{"x":[1]},"identity":null}"#,
            ),
            (value, &further[..0], r#"{"id":"A","n":1}"#),
            (serde_json::json!({}), &further[1..], r#"{"identity":null}"#),
        ] {
            let response = object(&value, further).expect("an object");
            let body = axum::body::to_bytes(response.into_body(), 1_000).await;
            assert_eq!(body.expect("body"), wanted.as_bytes());
        }
        assert!(object(&3, &further).is_err());
    }
}

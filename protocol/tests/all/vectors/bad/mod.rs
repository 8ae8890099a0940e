//! Bytes that are no record, each wrong in one way and otherwise signed rightly.

mod content;
mod cose;
mod limits;
mod payload;

use ciborium::Value;

use super::records::{RecordVector, refused};
use crate::cast;
use crate::raw::{self, Raw, payload_of};

type Case = (&'static str, RecordVector);

pub fn cases() -> Vec<Case> {
    [
        cose::cases(),
        payload::cases(),
        content::cases(),
        limits::cases(),
    ]
    .concat()
}

fn signed(payload: Vec<u8>) -> Raw {
    Raw::signed(payload, &raw::key("narova signing"))
}

fn base() -> Value {
    payload_of(&cast::small())
}

fn form(what: &str, fault: &str, mentions: &[&str], bytes: Vec<u8>) -> RecordVector {
    let blame = match fault {
        "Limit" | "Content" => "author",
        _ => "courier",
    };
    refused(what, fault, "refused: form", blame, mentions, bytes)
}

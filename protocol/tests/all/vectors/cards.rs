//! Cards that follow one another, and the file in which a card is handed over.

use ciborium::Value;
use liaison_protocol::card::AgencyKeys;

use super::records::{RecordVector, receive, refused};
use super::{bytes_of, good};
use crate::cast;
use crate::raw;

const BEGIN: &str = "-----BEGIN LIAISON CARD-----";
const END: &str = "-----END LIAISON CARD-----";

pub fn cases() -> Vec<(&'static str, RecordVector)> {
    let root = raw::key("narova root");
    let mut revoking = cast::card_of(9, "Narova border police");
    if let liaison_protocol::record::kinds::Content::Contact(contact) = &mut revoking.content {
        contact.keys = liaison_protocol::record::kinds::contact::CardKeys {
            revoke_all: true,
            ..Default::default()
        };
    }
    let revoke_all = good::good("A card that revokes all keys.", "narova root", &revoking);
    let fork = cast::card_of(1, "Narova border guard");
    let fork = raw::Raw::signed(raw::encode(&raw::payload_of(&fork)), &root).bytes();
    let small = raw::Raw::signed(
        raw::encode(&raw::payload_of(&cast::small())),
        &raw::key("narova signing"),
    );
    let renewed = cast::card_of(2, "Narova border police");
    vec![
        (
            "card-second-revision",
            good::good("The next revision of good/card.", "narova root", &renewed),
        ),
        ("card-revoking-all", revoke_all),
        (
            "card-fork",
            refused(
                "A second card of revision 1 that differs from good/card.",
                "Fork",
                "refused: signature",
                "author",
                &["revision 1", "telephone the agency"],
                fork,
            ),
        ),
        (
            "key-revoked-with-all",
            RecordVector {
                cards: vec!["good/card-revoking-all".into(), "good/card".into()],
                ..refused(
                    "All keys were revoked; an older card that comes later brings none back.",
                    "Revoked",
                    "refused: signature",
                    "author",
                    &["is revoked"],
                    small.bytes(),
                )
            },
        ),
    ]
}

/// The card file: text, and between two lines the base64 of a CBOR array of the card and
/// the keys statement.
pub fn file() -> String {
    let record = |name: &str| {
        let (_, vector) = good::cases()
            .into_iter()
            .find(|(n, _)| *n == name)
            .expect("a case");
        Value::Bytes(bytes_of(&vector.hex).to_vec())
    };
    let bytes = raw::encode(&Value::Array(vec![record("card"), record("keys")]));
    let base64 = data_encoding::BASE64.encode(&bytes);
    let lines: Vec<&str> = base64
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).expect("ASCII"))
        .collect();
    format!(
        "liaison card of Narova border police\n\
         Fingerprint: to be read out by telephone, never taken from a message.\n\n\
         {BEGIN}\n{}\n{END}\n",
        lines.join("\n")
    )
}

#[test]
fn the_card_file_reads_as_the_text_says() {
    if super::blessing() {
        return;
    }
    let text = std::fs::read_to_string(super::folder().join("cards/narova.txt")).expect("file");
    // As a mail program might hand it on.
    let quoted: String = text.lines().map(|line| format!("> {line}\r\n")).collect();
    for text in [text, quoted] {
        let (_, rest) = text.split_once(BEGIN).expect("a beginning");
        let (armour, _) = rest.split_once(END).expect("an end");
        let base64: String = armour
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '>')
            .collect();
        let bytes = data_encoding::BASE64
            .decode(base64.as_bytes())
            .expect("base64");
        let parts: Vec<serde_bytes::ByteBuf> =
            liaison_protocol::cbor::decode(&bytes).expect("deterministic CBOR");
        let mut keys = AgencyKeys::new(cast::narova());
        for part in parts {
            receive(part.into_vec().into(), &mut keys).expect("verifies");
        }
        assert_eq!(keys.newest().map(|(revision, _)| revision), Some(1));
        assert_eq!(keys.agency().fingerprint(), FINGERPRINT);
    }
}

/// What Narova's officer reads out.
pub const FINGERPRINT: &str = "79349 35398 29578 45170 97089 80447";

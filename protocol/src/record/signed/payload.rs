//! What stands inside the signature: envelope and body.

use ciborium::Value;

use super::{FormFault, Record};
use crate::cbor::direct::NotDirect;
use crate::cbor::{self, CborFault};
use crate::clock::Hlc;
use crate::id::AgencyId;
use crate::record::check::limits_of_record;
use crate::record::codes::Kind;
use crate::record::envelope::{Envelope, Fields, SCHEMA, StubFields};
use crate::record::kinds::{Content, read_signed};

pub(super) fn read_payload(payload: &[u8]) -> Result<Record, FormFault> {
    let record = match read_direct(payload) {
        Ok(record) => record,
        Err(NotDirect) => read_tree(payload)?,
    };
    limits_of_record(&record.envelope, &record.content)
        .map_err(|finding| FormFault::Limit(Box::new(finding)))?;
    Ok(record)
}

/// The entries of a payload, in no order yet.
pub(super) fn tree(record: &Record) -> Result<Vec<(Value, Value)>, FormFault> {
    let envelope = &record.envelope;
    let fields = match record.kind() {
        Kind::Sealed => Value::serialized(&StubFields {
            thread: envelope.fields.thread,
        }),
        _ => Value::serialized(&envelope.fields),
    };
    let fields = fields.map_err(|e| CborFault::Shape {
        says: e.to_string(),
    })?;
    let Value::Map(mut map) = fields else {
        return Err(CborFault::Shape {
            says: "the envelope is not a map".into(),
        }
        .into());
    };
    map.push(("schema".into(), envelope.schema.into()));
    map.push(("kind".into(), record.kind().as_str().into()));
    let author = envelope.author.as_bytes().to_vec();
    map.push(("author".into(), Value::Bytes(author)));
    map.push(("created".into(), envelope.created.to_wire().into()));
    map.push(("body".into(), record.content.to_value()?));
    Ok(map)
}

/// What a sealed record shows, as its content is bound to it: the payload without `text`.
pub(crate) fn stub_of(record: &Record) -> Result<Vec<u8>, FormFault> {
    let mut map = tree(record)?;
    for (key, body) in &mut map {
        if let (Some("body"), Value::Map(body)) = (key.as_text(), body) {
            body.retain(|(key, _)| key.as_text() != Some("text"));
        }
    }
    Ok(cbor::encode_value(Value::Map(map))?)
}

/// Keys of the payload that [`Fields`] does not have.
const OWN_KEYS: [&str; 5] = ["schema", "kind", "author", "created", "body"];

/// Reads a payload where it lies; gives no reasons.
pub(super) fn read_direct(payload: &[u8]) -> Result<Record, NotDirect> {
    let map = cbor::direct::map(payload)?;
    let schema = map.value("schema")?.read::<u64>()?;
    if schema != u64::from(SCHEMA) {
        return Err(NotDirect);
    }
    let kind: Kind = map.value("kind")?.text()?.parse().map_err(|_| NotDirect)?;
    let fields = map.entries_without(&OWN_KEYS)?;
    let fields = match kind {
        Kind::Sealed => Fields::of_stub(fields.read::<StubFields>()?.thread),
        _ => fields.read()?,
    };
    Ok(Record {
        envelope: Envelope {
            schema: SCHEMA,
            author: map.value("author")?.read()?,
            created: Hlc::from_wire(map.value("created")?.read()?),
            fields,
        },
        content: Content::read_direct(kind, map.value("body")?)?,
    })
}

/// Reads a payload as a tree, and says what is wrong with it.
pub(super) fn read_tree(payload: &[u8]) -> Result<Record, FormFault> {
    let Value::Map(mut map) = cbor::decode_value(payload)? else {
        return Err(missing("payload", "it is not a map"));
    };
    let mut take = |key: &str| {
        map.iter()
            .position(|(k, _)| k.as_text() == Some(key))
            .map(|at| map.remove(at).1)
            .ok_or_else(|| missing(key, "the field is missing"))
    };
    let schema = take("schema")?;
    let schema = schema
        .as_integer()
        .and_then(|i| u64::try_from(i).ok())
        .filter(|n| *n > 0)
        .ok_or_else(|| missing("schema", "it is not a number from 1"))?;
    if schema > u64::from(SCHEMA) {
        return Err(FormFault::SchemaTooNew { found: schema });
    }
    let kind = take("kind")?;
    let kind: Kind = kind
        .as_text()
        .ok_or_else(|| missing("kind", "it is not text"))?
        .parse()
        .map_err(|e| missing("kind", &format!("{e}")))?;
    let author: AgencyId = read_signed("author", &take("author")?)?;
    let created: u64 = read_signed("created", &take("created")?)?;
    let body = take("body")?;
    let fields = match kind {
        // A map without entries is no value of a record.
        Kind::Sealed if map.is_empty() => Fields::of_stub(None),
        Kind::Sealed => Fields::of_stub(read_signed::<StubFields>("", &Value::Map(map))?.thread),
        _ => read_signed("", &Value::Map(map))?,
    };
    let content = Content::from_value(kind, body)?;
    let envelope = Envelope {
        schema: SCHEMA,
        author,
        created: Hlc::from_wire(created),
        fields,
    };
    Ok(Record { envelope, content })
}

fn missing(place: &str, says: &str) -> FormFault {
    FormFault::Content {
        place: place.to_owned(),
        says: says.to_owned(),
    }
}

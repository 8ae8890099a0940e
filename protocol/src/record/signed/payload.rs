//! What stands inside the signature: envelope and body.

use ciborium::Value;

use super::{FormFault, Record};
use crate::cbor;
use crate::cbor::direct::NotDirect;
use crate::clock::Hlc;
use crate::id::AgencyId;
use crate::record::check::limits_of;
use crate::record::codes::Kind;
use crate::record::envelope::{Envelope, Fields, SCHEMA};
use crate::record::kinds::{Content, read_signed};

pub(super) fn read_payload(payload: &[u8]) -> Result<Record, FormFault> {
    let record = match read_direct(payload) {
        Ok(record) => record,
        Err(NotDirect) => read_tree(payload)?,
    };
    limits_of(&record.envelope.fields, &record.content)
        .map_err(|finding| FormFault::Limit(Box::new(finding)))?;
    Ok(record)
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
    let kind = map.value("kind")?.text()?.parse().map_err(|_| NotDirect)?;
    Ok(Record {
        envelope: Envelope {
            schema: SCHEMA,
            author: map.value("author")?.read()?,
            created: Hlc::from_wire(map.value("created")?.read()?),
            fields: map.entries_without(&OWN_KEYS)?.read()?,
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
    let fields: Fields = read_signed("", &Value::Map(map))?;
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

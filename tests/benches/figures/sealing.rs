//! Seals made and opened, of a referral's profile: what a node pays for each recipient, and a
//! recipient for each record.

use bytes::Bytes;
use liaison_protocol::clock::{Hlc, Millis};
use liaison_protocol::id::AgencyId;
use liaison_protocol::key::SecretKey;
use liaison_protocol::personal::{Inside, Part, Profile};
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::seal::{SealingSecret, Stub, frame, open_record, seal_record};
use serde_json::json;

use crate::Fallible;
use crate::table::{Table, Work};

/// Records sealed and opened.
const RECORDS: usize = 2_000;

/// Measures both ways, on one core.
pub fn measure(signer: &SecretKey, table: &mut Table) -> Fallible<()> {
    let mut rng = rand::rng();
    let secret = SealingSecret::random(&mut rng)?;
    let key = secret.public(Millis(0), Millis(u64::MAX));
    let (author, recipient) = (AgencyId::from_bytes([1; 32]), AgencyId::from_bytes([2; 32]));
    let inside = inside()?;
    let work = Work::begin();
    let frames = (0..RECORDS)
        .map(|n| {
            let stub = Stub {
                author,
                created: Hlc::new(Millis(n as u64), 0),
                thread: None,
                recipients: [recipient].into(),
                respond_by: None,
            };
            let (record, secret) = seal_record(stub, &inside, &mut rng)?;
            let record = record.sign(signer)?;
            let wrap = key.wrap(&secret, &recipient, &record.id(), &mut rng)?;
            Ok(frame::join(record.bytes(), &wrap))
        })
        .collect::<Fallible<Vec<Bytes>>>()?;
    table.rate("sealed, signed, wrapped, one core", RECORDS, work, None);
    let work = Work::begin();
    for bytes in &frames {
        let (record, wrap) = frame::read(bytes)?;
        let wrap = wrap.ok_or("no wrap")?;
        let secret = secret.open(&wrap, &recipient, &record.id())?;
        let opened = open_record(record.unverified(), &secret)?;
        assert!(opened == inside);
    }
    table.rate("opened, signature aside, one core", RECORDS, work, None);
    Ok(())
}

/// A profile as an officer sends it.
pub fn inside() -> Fallible<Inside> {
    let profile: Profile = serde_json::from_value(json!({
        "urgency": "high", "age_band": "18-29", "gender": "feminine",
        "status": "irregular-migrant",
        "trafficking": {"status": "possible", "decided_by": "police"},
        "needs": ["shelter", "health", "legal"], "languages": ["ar"], "interpreter": true,
        "region": "QN-02", "safety": ["trafficker-near"], "origin_contact_forbidden": true,
        "consent": {
            "state": "given", "by": "self", "date": "2031-04-10", "language": "ar",
            "scope": ["assistance", "share-profile", "share-identity"],
            "checklist": ["interview", "purpose", "data-use", "research-use", "access-right",
                          "storage-time", "withdrawal"],
        },
    }))?;
    let mut fields = Fields::of_stub(None);
    fields.title = "Referral".into();
    Ok(Inside {
        fields,
        subjects: Vec::new(),
        exclude: ["QM".parse()?].into(),
        content: Part::Profile(Box::new(profile)).into(),
    })
}

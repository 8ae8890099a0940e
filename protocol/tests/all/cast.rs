//! The agencies and keys of the vectors, made from fixed seeds, and what they say.

use liaison_protocol::clock::{Hlc, Millis};
use liaison_protocol::id::AgencyId;
use liaison_protocol::key::{PublicKey, SecretKey};
use liaison_protocol::personal::{Inside, Overdue, Part, Personal, VictimReferral};
use liaison_protocol::record::codes::Kind;
use liaison_protocol::record::date::Date;
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::Record;
use liaison_protocol::seal::{SealingSecret, Secret, Stub, seal_record};
use rand_core::TryRng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The day on which the vectors play.
pub const TODAY: &str = "2031-04-10";

/// A key whose seed is SHA-256 of "liaison vectors: " and its name.
pub fn secret(name: &str) -> SecretKey {
    let seed = Sha256::new()
        .chain_update(b"liaison vectors: ")
        .chain_update(name.as_bytes())
        .finalize();
    SecretKey::from_bytes(&seed.into())
}

pub fn agency(name: &str) -> AgencyId {
    AgencyId::from_bytes(*secret(name).public().as_bytes())
}

pub fn narova() -> AgencyId {
    agency("narova root")
}

pub fn day(text: &str) -> Date {
    text.parse().expect("day")
}

pub fn start(text: &str) -> Millis {
    day(text).start_ms()
}

/// A moment of the vectors' day; the counter tells records apart.
pub fn made(counter: u16) -> Hlc {
    Hlc::new(start(TODAY), counter)
}

/// Envelope fields as people write them, over the ones that must be there.
pub fn fields(title: &str, more: Value) -> Fields {
    let mut all = json!({
        "tlp": "green", "onward": "community", "purpose": "prevention", "lang": "en", "title": title,
    });
    for (key, value) in more.as_object().expect("a map") {
        all[key] = value.clone();
    }
    serde_json::from_value(all).expect("fields")
}

pub fn record(kind: Kind, created: Hlc, title: &str, more: Value, body: Value) -> Record {
    let content = Content::from_json(kind, body).expect("body");
    Record::new(narova(), created, fields(title, more), content)
}

fn entry(key: PublicKey, from: &str, until: &str) -> Value {
    json!({"key": key.to_string(), "from": start(from).0, "until": start(until).0})
}

/// The identity of the group, of order 1: `[k]A` is the identity for every `k`, so that
/// lax verification accepts (R = identity, S = 0) for every message.
pub const IDENTITY: [u8; 32] = {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes
};

/// Narova's card: a key in use, one whose time is over, one rotated, one compromised, and
/// one of small order.
pub fn card() -> Record {
    card_of(1, "Narova border police")
}

pub fn card_of(revision: u64, org: &str) -> Record {
    let key = |name: &str| secret(name).public();
    record(
        Kind::Contact,
        made(0),
        org,
        json!({"tlp": "clear"}),
        json!({
            "org": org,
            "sector": "border",
            "country": "QN",
            "route_roles": ["transit"],
            "regime": "led",
            "memberships": ["pcc-see"],
            "functions": [{
                "role": "Duty officer", "channel": "+999 10 555 0100", "hours": "24h",
                "languages": ["en", "sr-Latn"], "urgent": true,
            }],
            "keys": {
                "signing": [
                    entry(key("narova signing"), "2031-01-01", "2032-01-01"),
                    entry(key("narova past"), "2030-01-01", "2031-01-01"),
                    entry(key("narova rotated"), "2031-01-01", "2031-02-01"),
                    entry(key("narova lost"), "2031-01-01", "2031-03-01"),
                    entry(PublicKey::from_bytes(IDENTITY), "2031-01-01", "2032-01-01"),
                ],
                "revoked": [
                    {"key": key("narova rotated").to_string(), "state": "rotated", "at": start("2031-02-01").0},
                    {"key": key("narova lost").to_string(), "state": "compromised", "at": start("2031-03-01").0},
                ],
            },
            "revision": revision,
            "valid_until": "2032-01-01",
        }),
    )
}

pub fn keys() -> Record {
    keys_proven_for(7)
}

/// Statement 7, its node key's proof made for this number.
pub fn keys_proven_for(number: u64) -> Record {
    use ed25519_dalek::Signer;
    let node = crate::raw::key("narova node");
    let key = node.verifying_key().to_bytes();
    let message = [
        b"liaison/1 node key".as_slice(),
        narova().as_bytes(),
        &number.to_be_bytes(),
        &key,
    ]
    .concat();
    let proof = data_encoding::HEXLOWER.encode(&node.sign(&message).to_bytes());
    record(
        Kind::Keys,
        made(1),
        "Keys statement",
        json!({"tlp": "clear"}),
        json!({
            "number": 7,
            "nodes": [{
                "key": secret("narova node").public().to_string(),
                "proof": proof,
                "addresses": ["node.narova.example:4433", "/ip4/192.0.2.7/udp/4433/quic-v1"],
            }],
            "hubs": [agency("hub root").to_string()],
            "sealing": [serde_json::to_value(
                sealing("narova sealing").public(start(TODAY), start("2031-05-20")),
            ).expect("json")],
            "from": start(TODAY).0,
            "until": start("2031-05-20").0,
        }),
    )
}

pub fn trend() -> Record {
    record(
        Kind::Trend,
        made(2),
        "Presumed victims in Narova, by age",
        json!({"class": "trafficking"}),
        json!({
            "period": {"from": "2031-03", "to": "2031-03"},
            "area": ["QN"],
            "route": "Western corridor",
            "measure": "presumed-victims",
            "method": "administrative",
            "cells": [
                {"n": 60},
                {"dims": {"age": "0-17", "nationality": "QMM"}, "n": 24},
                {"dims": {"age": "18+", "nationality": "QMM"}, "n": 36},
            ],
            "direction": "up",
            "drivers": ["economy", "demand"],
            "factors": [{"level": "structural", "type": "risk", "code": "informal-work"}],
            "estimate": {"likelihood": "likely", "confidence": "moderate"},
            "caveats": "Counts of the national referral mechanism.",
        }),
    )
}

/// A trend with as little in it as a record may have, the base of most bad vectors.
pub fn small() -> Record {
    record(
        Kind::Trend,
        made(3),
        "Detections",
        json!({}),
        json!({
            "period": {"from": "2031-03", "to": "2031-03"},
            "area": ["QN"],
            "measure": "detections",
            "method": "registry",
            "cells": [{"n": 1240}],
        }),
    )
}

pub fn modus_operandi() -> Record {
    record(
        Kind::ModusOperandi,
        made(4),
        "Deceptive farm jobs with debt bondage",
        json!({"class": "trafficking", "tlp": "amber", "onward": "ask", "handling": ["H1"]}),
        json!({
            "techniques": ["deceptive-job-offer", "debt-bondage"],
            "phase": "recruitment",
            "act": ["recruitment", "transportation"],
            "means": ["deception"],
            "exploitation": ["forced-labour"],
            "actor_roles": ["recruiter", "money-handler"],
            "transport": ["van"],
            "control": ["debt-bondage", "withholds-documents"],
            "sectors": ["A"],
            "online_channel_types": ["job-board"],
            "indicators": ["The fee is held back from the first wage."],
            "victim_groups": [{"age": "18-29", "gender": "male"}],
            "countermeasures": ["Ask to see the contract in the worker's language."],
            "first_seen": "2031-01",
            "last_seen": "2031-03",
            "case_count_band": "under-11",
        }),
    )
}

pub fn route() -> Record {
    record(
        Kind::Route,
        made(5),
        "River crossing from Meridonia to Narova",
        json!({"class": "smuggling"}),
        json!({
            "legs": [
                {"from": "QM", "to": "QN", "transport": "boat", "border": "blue", "hubs": ["QM BLG"],
                 "duration_h": 6, "fee_band": "500-1999", "currency": "EUR"},
                {"from": "QN-02", "to": "QO", "transport": "truck"},
            ],
            "status": "active",
            "first_seen": "2030-11",
            "volume_band": "51-200",
            "risks": ["drowning", "cold"],
            "alternatives": ["On foot over the hills."],
        }),
    )
}

pub fn document_alert() -> Record {
    record(
        Kind::DocumentAlert,
        made(6),
        "Counterfeit Meridonian passport, wrong thread",
        json!({"class": "smuggling"}),
        json!({
            "doc_type": "passport",
            "icao_code": "P",
            "issuer": "QMM",
            "fraud": "counterfeit",
            "features": [{"page": "data page", "feature": "security thread", "genuine": "glows green",
                          "observed": "does not glow"}],
            "series_prefix": "QA7",
            "detection": "2",
            "image_hashes": ["ab".repeat(32)],
            "registers_checked": ["national"],
        }),
    )
}

pub fn service() -> Record {
    record(
        Kind::Service,
        made(7),
        "Shelter for women and girls in Narova",
        json!({"purpose": "protection"}),
        json!({
            "stance": "offer",
            "types": ["shelter", "psychosocial"],
            "area": "QN-02",
            "ages": ["9-17", "18+"],
            "genders": ["female"],
            "statuses": ["asylum-seeker", "irregular-migrant"],
            "languages": ["en"],
            "capacity_band": "3-10",
            "access": "referral-only",
            "accessibility": ["wheelchair"],
            "cost": "free",
            "accepts_from": ["police", "ngo"],
            "valid_until": "2031-06-30",
        }),
    )
}

pub fn retract() -> Record {
    let of = trend().sign(&secret("narova signing")).expect("signs").id();
    record(
        Kind::Retract,
        made(8),
        "Retraction",
        json!({"tlp": "clear"}),
        json!({"of": of.to_string(), "reason": "error", "erase": true, "notify": false}),
    )
}

/// Every field of the envelope in use.
pub fn every_field() -> Record {
    let trend = trend().sign(&secret("narova signing")).expect("signs").id();
    record(
        Kind::Trend,
        made(9),
        "Detections on the western corridor",
        json!({
            "thread": trend.to_string(),
            "supersedes": trend.to_string(),
            "tlp": "amber",
            "pap": "green",
            "handling": ["H0", "H3"],
            "handling_note": "Not for the press.",
            "onward": {"to": [agency("shelter root").to_string(), agency("hub root").to_string()]},
            "purpose": "statistics",
            "legal_basis": {"code": "pcc-see", "ref": "Article 27"},
            "class": "mixed",
            "crime": ["020322", "0906"],
            "basis": "assessment",
            "grade": {"scheme": "4x4", "source": "B", "info": "2"},
            "lang": "sr-Latn",
            "summary": "Two lines\nof text.",
            "review_by": "2031-10-01",
            "expires": "2032-04-10",
            "refs": [{"rel": "supports", "id": trend.to_string()}],
        }),
        json!({
            "period": {"from": "2031-03-01", "to": "2031-03-15"},
            "area": ["QN", "QM BLG"],
            "measure": "detections",
            "method": "survey",
            "cells": [{"dims": {"transport": "van", "border": "green"}, "n": 17}],
            "unit": "persons",
        }),
    )
}

fn trend_id() -> String {
    let trend = trend().sign(&secret("narova signing")).expect("signs");
    trend.id().to_string()
}

fn signed_id(record: &Record) -> String {
    let signed = record.sign(&secret("narova signing")).expect("signs");
    signed.id().to_string()
}

fn control(kind: Kind, counter: u16, title: &str, body: Value) -> Record {
    record(kind, made(counter), title, json!({"tlp": "clear"}), body)
}

pub fn recall() -> Record {
    control(
        Kind::Recall,
        13,
        "Recall",
        json!({"of": trend_id(), "to": agency("shelter root").to_string(), "reason": "policy"}),
    )
}

pub fn receipt() -> Record {
    control(
        Kind::Receipt,
        14,
        "Receipt",
        json!({
            "for": signed_id(&retract()), "of": trend_id(), "what": "erased", "at": start(TODAY).0,
            "why": "One copy is in a printed file.", "further": {"asked": 3, "erased": 2},
        }),
    )
}

pub fn permit() -> Record {
    control(
        Kind::Permit,
        15,
        "Permit",
        json!({
            "of": trend_id(), "to": [agency("shelter root").to_string(), agency("hub root").to_string()],
            "until": start("2031-07-01").0,
        }),
    )
}

pub fn ask() -> Record {
    control(
        Kind::Ask,
        16,
        "Request for a permit",
        json!({
            "of": trend_id(), "to": [agency("shelter root").to_string()],
            "why": "They meet the people who come this way.",
        }),
    )
}

pub fn affirm() -> Record {
    control(
        Kind::Affirm,
        17,
        "Affirmation",
        json!({"key": secret("narova lost").public().to_string(), "records": [trend_id()]}),
    )
}

/// Randomness of the vectors: SHA-256 over "liaison vectors: ", its name and a counter.
pub struct Fixed {
    name: &'static str,
    counter: u64,
}

impl Fixed {
    pub fn new(name: &'static str) -> Self {
        Self { name, counter: 0 }
    }
}

impl TryRng for Fixed {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for piece in out.chunks_mut(32) {
            let block = Sha256::new()
                .chain_update(b"liaison vectors: ")
                .chain_update(self.name.as_bytes())
                .chain_update(self.counter.to_be_bytes())
                .finalize();
            self.counter += 1;
            piece.copy_from_slice(&block[..piece.len()]);
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Fixed {}

/// A sealing key whose seed is made as those of signing keys.
pub fn sealing(name: &str) -> SealingSecret {
    SealingSecret::from_bytes(&secret(name).to_bytes()).expect("a sealing key")
}

pub fn shelter() -> AgencyId {
    agency("shelter root")
}

pub fn stub() -> Stub {
    Stub {
        author: narova(),
        created: made(18),
        thread: Some(trend().sign(&secret("narova signing")).expect("signs").id()),
        recipients: [shelter(), agency("hub root")].into(),
        respond_by: Some(start("2031-04-11")),
    }
}

/// Fields of a record about a victim.
fn personal_fields() -> Fields {
    fields(
        "Referral",
        json!({
            "tlp": "red", "onward": "none", "purpose": "protection", "handling": ["H2"],
            "legal_basis": {"code": "consent"}, "class": "trafficking", "expires": "2032-04-10",
        }),
    )
}

fn about_a_girl(content: impl Into<Personal>) -> Inside {
    Inside {
        fields: personal_fields(),
        subjects: vec![
            serde_json::from_value(json!({"category": "victim", "child": "yes"})).expect("subject"),
        ],
        exclude: ["QM".parse().expect("country")].into(),
        content: content.into(),
    }
}

fn part<T: serde::de::DeserializeOwned>(body: Value) -> Box<T> {
    Box::new(serde_json::from_value(body).expect("a part"))
}

pub fn profile() -> Inside {
    about_a_girl(Part::Profile(part(json!({
        "urgency": "critical", "age_band": "9-17", "gender": "feminine",
        "status": "unaccompanied-child",
        "trafficking": {"status": "possible", "decided_by": "police"},
        "needs": ["shelter", "guardianship", "interpretation"], "languages": ["ar"],
        "interpreter": true, "region": "QN-02",
        "accompanied_by": [{"age_band": "0-8", "count": 1}],
        "safety": ["trafficker-near"], "mobility": "free", "origin_contact_forbidden": true,
        "guardian": "appointed", "reflection_until": "2031-05-14",
        "consent": {
            "state": "given", "by": "guardian", "date": TODAY,
            "scope": ["assistance", "share-profile", "share-identity"],
            "checklist": ["interview", "purpose", "data-use", "research-use", "access-right",
                          "storage-time", "withdrawal"],
            "language": "ar", "interpreter": true, "keep_until": "2031-09-30",
            "form_hash": "cd".repeat(32),
        },
    }))))
}

pub fn emergency() -> Inside {
    let mut inside = profile();
    if let Personal::Referral(VictimReferral {
        part: Part::Profile(profile),
    }) = &mut inside.content
    {
        profile.consent = *part(json!({
            "state": "emergency", "date": TODAY, "language": "ar",
            "emergency": {"reason": "other", "note": "No interpreter could be found.", "approved": true},
        }));
    }
    inside
}

pub fn assessment() -> Inside {
    about_a_girl(Part::Assessment(part(json!({
        "factors": [
            {"level": "individual", "works": "risk", "code": "no-documents", "note": "Lost at sea."},
            {"level": "household", "works": "protective", "code": "sibling-near"},
        ],
        "assessor": "Social worker", "date": TODAY,
        "best_interests_officer": "Duty officer, +999 10 555 0100",
    }))))
}

pub fn identity() -> Inside {
    about_a_girl(Part::Identity(part(json!({
        "names": ["Mira Primer"], "birth_date": "2016-05", "citizenship": ["QM"],
        "documents": [{"doc_type": "passport", "number": "QA0000000", "issuer": "QM"}],
        "contact": ["+999 10 555 0101"], "address": "Room 4",
        "guardian": {"kind": "appointed", "name": "Office of guardians", "contact": "+999 10 555 0102"},
        "family": [{"relation": "sibling", "name": "Tarik Primer", "contact": "With her"}],
    }))))
}

/// Every step that there is, and every field that one may have; no one step has them all.
pub fn steps() -> Vec<(&'static str, Inside)> {
    let step = |data: Value| {
        let mut all = json!({"on": trend_id(), "seen": [signed_id(&small())]});
        for (key, value) in data.as_object().expect("a map") {
            all[key] = value.clone();
        }
        Inside {
            subjects: Vec::new(),
            ..about_a_girl(Personal::Step(*part(all)))
        }
    };
    let hub = agency("hub root").to_string();
    let steps = [
        ("step-acknowledged", json!({})),
        (
            "step-info-asked",
            json!({"topic": "languages", "note": "Which dialect?"}),
        ),
        (
            "step-info-given",
            json!({"topic": "languages", "note": "The coast's."}),
        ),
        ("step-accepted", json!({})),
        ("step-declined", json!({"reason": "no-capacity"})),
        ("step-expired", json!({})),
        ("step-identity-released", json!({})),
        ("step-assisting", json!({"phase": "first"})),
        ("step-transferred", json!({"to": hub, "date": TODAY})),
        ("step-followed-up", json!({"number": 2})),
        ("step-closed", json!({"reason": "own-wish"})),
        ("step-missing", json!({})),
        ("step-located", json!({})),
        ("step-withdrawn", json!({"reason": "subject-right"})),
        (
            "step-consent",
            json!({"state": "given", "scope": ["assistance"], "date": TODAY, "keep_until": "2031-09-30"}),
        ),
        ("step-guardian", json!({"date": TODAY})),
        ("step-best-interests", json!({"date": TODAY})),
        ("step-reclassified", json!({"urgency": "high"})),
    ];
    let steps = steps.map(|(name, mut data)| {
        data["action"] = json!(name.strip_prefix("step-").expect("a step's name"));
        (name, step(data))
    });
    steps.into()
}

/// What stands inside [`sealed`]: that the shelter is silent in a thread.
pub fn inside() -> Inside {
    Inside {
        fields: fields(
            "Overdue",
            json!({"tlp": "red", "onward": "none", "purpose": "protection", "handling": ["H2"]}),
        ),
        subjects: Vec::new(),
        exclude: ["QM".parse().expect("country")].into(),
        content: Personal::Overdue(Overdue {
            thread: trend().sign(&secret("narova signing")).expect("signs").id(),
            silent: shelter(),
        }),
    }
}

pub fn sealed_with_secret() -> (Record, Secret) {
    seal_record(stub(), &inside(), &mut Fixed::new("secret")).expect("seals")
}

pub fn sealed() -> Record {
    sealed_with_secret().0
}

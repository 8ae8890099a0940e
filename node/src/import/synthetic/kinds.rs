//! One fictional record of each kind.

use liaison_protocol::clock::Millis;
use liaison_protocol::key::SecretKey;
use liaison_protocol::record::codes::{
    BorderType, Direction, Driver, Kind, Measure, Method, Transport,
};
use liaison_protocol::record::date::{Date, Period};
use liaison_protocol::record::draft::{Defaults, Draft, Resolver};
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::kinds::trend::{Cell, DimValue, Dims};
use liaison_protocol::record::kinds::{Content, Trend};
use serde_json::{Value, json};

use super::dice::Dice;

const CORRIDORS: &[&str] = &[
    "Sava Corridor (fictional)",
    "Drina Corridor (fictional)",
    "Una Corridor (fictional)",
    "Neretva Corridor (fictional)",
    "Vrbas Corridor (fictional)",
    "Bosna Corridor (fictional)",
    "Northern Sea Crossing (fictional)",
    "Southern Islands Crossing (fictional)",
];

const COUNTRIES: &[(&str, &str, &str)] = &[
    ("QM", "QMM", "Meridonia"),
    ("QN", "QNN", "Narova"),
    ("QO", "QOO", "Ostenia"),
];

const AREAS: &[&str] = &[
    "QM-01", "QM-02", "QN-01", "QN-02", "QN-03", "QO-01", "QO-02", "QN BLG", "QM RAV",
];

/// Citizens of the three countries, of a few that nobody named, stateless and unspecified.
const NATIONALITIES: &[&str] = &[
    "QMM", "QNN", "QOO", "QPA", "QPB", "QRA", "QSA", "XXA", "XXX",
];

const CAVEATS: &[&str] = &[
    "Counts of detections, not of persons: one person may cross several times.",
    "Two of nine crossing points reported late; their counts are in the next month.",
    "Night hours were covered on weekdays only, so that the true figure lies higher.",
];

pub(super) fn trend(dice: &mut Dice, today: Date) -> Option<(Fields, Content)> {
    let route = dice.one(CORRIDORS)?;
    let month = dice.month(today);
    let (measure, method) = dice.pick(&[
        (Measure::Detections, Method::Administrative),
        (Measure::Detections, Method::Administrative),
        (Measure::TransitObservations, Method::Registry),
        (Measure::Arrivals, Method::Survey),
    ])?;
    let border = dice.pick(&[BorderType::Land, BorderType::River, BorderType::Sea])?;
    let nationality = dice.one(NATIONALITIES)?;
    let by_transport = dice.chance(25);
    let ways: &[Transport] = if by_transport {
        &[Transport::Foot, Transport::Van]
    } else {
        &[Transport::Foot]
    };
    let cells = ways
        .iter()
        .map(|way| {
            let mut dims: Dims = nationality
                .parse()
                .map(DimValue::Nationality)
                .into_iter()
                .collect();
            dims.set(DimValue::Border(border));
            if by_transport {
                dims.set(DimValue::Transport(*way));
            }
            Cell {
                dims,
                n: dice.count(),
            }
        })
        .collect();
    let content = Trend {
        period: Period::month(month),
        area: if dice.chance(30) {
            dice.one(AREAS)?.parse().into_iter().collect()
        } else {
            Vec::new()
        },
        route: Some(route.to_owned()),
        measure,
        method,
        cells,
        unit: None,
        direction: dice
            .pick(&[Direction::Up, Direction::Down, Direction::Stable])
            .filter(|_| dice.chance(30)),
        drivers: if dice.chance(20) {
            vec![Driver::Enforcement]
        } else {
            Vec::new()
        },
        factors: Vec::new(),
        estimate: None,
        caveats: dice
            .one(CAVEATS)
            .filter(|_| dice.chance(50))
            .map(str::to_owned),
    };
    let title = format!("{}, {route}, {nationality}, {month}", measure.label());
    let defaults = Defaults::of(Kind::Trend);
    let later = |months: Option<u16>| months.map(|months| today.add_months(months));
    let onward = Defaults::onward(Kind::Trend, defaults.tlp, defaults.handling);
    let fields = Fields {
        handling: defaults.handling.to_vec(),
        review_by: later(defaults.review_months),
        expires: later(defaults.keep_months),
        ..Fields::new(defaults.tlp, onward, defaults.purpose, "en", &title)
    };
    Some((fields, content.into()))
}

/// A record from its draft, as a person would write it.
fn written(
    kind: Kind,
    today: Date,
    title: &str,
    body: Value,
    more: impl FnOnce(&mut Draft),
) -> Option<(Fields, Content)> {
    let mut draft = Draft::new(kind, "en", title, body);
    more(&mut draft);
    let names = |_: &str| None;
    draft
        .resolve(&Resolver {
            today,
            names: &names,
        })
        .ok()
}

pub(super) fn modus_operandi(dice: &mut Dice, today: Date) -> Option<(Fields, Content)> {
    let seen = dice.month(today);
    let ways: [(&str, &str, Value); 3] = [
        (
            "Seasonal farm work promised, documents kept on arrival",
            "trafficking",
            json!({
                "techniques": ["deceptive-job-offer", "debt-bondage"],
                "phase": "exploitation",
                "act": ["recruitment", "harbouring"],
                "means": ["deception", "abuse-of-vulnerability"],
                "exploitation": ["forced-labour"],
                "actor_roles": ["recruiter", "exploiter"],
                "control": ["debt-bondage", "withholds-documents", "excessive-working-hours"],
                "sectors": ["A"],
                "online_channel_types": ["job-board", "messaging"],
                "indicators": ["Workers cannot say where their documents are.", "One person speaks for the whole group."],
                "victim_groups": [{"age": "18-29"}, {"age": "30-47", "gender": "male"}],
                "countermeasures": ["Joint inspection of labour inspectorate and police in the harvest season."],
                "case_count_band": "11-50",
            }),
        ),
        (
            "Rental vans in relay, one-way at night",
            "smuggling",
            json!({
                "techniques": ["rental-vehicle-relay", "cash-on-arrival"],
                "phase": "transport",
                "actor_roles": ["organiser", "driver", "scout"],
                "transport": ["van"],
                "sectors": ["H"],
                "indicators": ["One-way rentals in the evening, returned empty far away.", "A second car drives ahead."],
                "case_count_band": "51+",
            }),
        ),
        (
            "Concealment in trucks at rest areas",
            "smuggling",
            json!({
                "techniques": ["concealment"],
                "phase": "transport",
                "actor_roles": ["guide", "facilitator"],
                "transport": ["truck"],
                "sectors": ["H"],
                "indicators": ["Seals are cut and glued.", "Drivers often do not know."],
                "countermeasures": ["Seals are checked before each border."],
                "case_count_band": "under-11",
            }),
        ),
    ];
    let at = usize::try_from(dice.below(3)).ok()?;
    let (title, class, mut body) = ways.into_iter().nth(at)?;
    if let Some(body) = body.as_object_mut() {
        body.insert("first_seen".into(), json!(seen));
    }
    let corridor = dice.one(CORRIDORS)?;
    written(
        Kind::ModusOperandi,
        today,
        &format!("{title}, {corridor}"),
        body,
        |draft| {
            draft.class = class.parse().ok();
            draft.summary = Some(format!(
                "Seen on the {corridor} since {seen}. The pattern repeats with small changes, and other agencies are asked whether they see it too."
            ));
        },
    )
}

pub(super) fn route(dice: &mut Dice, today: Date) -> Option<(Fields, Content)> {
    let corridor = dice.one(CORRIDORS)?;
    let status = dice.one(&["potential", "new", "active", "displaced", "dormant"])?;
    let band = dice.one(&["under-11", "11-50", "51-200", "201-1000", "1001+"])?;
    let first = dice.month(today);
    let hours = 4 + dice.below(44);
    let body = json!({
        "legs": [
            {"from": "QM RAV", "to": "QN-02", "transport": "boat", "border": "blue", "duration_h": hours, "fee_band": "500-1999", "currency": "EUR"},
            {"from": "QN-02", "to": "QO-01", "transport": "van", "border": "green", "hubs": ["QN BLG"], "duration_h": hours + 6},
        ],
        "status": status,
        "first_seen": first,
        "volume_band": band,
        "risks": ["drowning", "cold"],
        "alternatives": ["By train through the north of Narova."],
    });
    written(
        Kind::Route,
        today,
        &format!("{corridor}: {status}"),
        body,
        |draft| {
            draft.class = "smuggling".parse().ok();
        },
    )
}

pub(super) fn document_alert(dice: &mut Dice, today: Date) -> Option<(Fields, Content)> {
    let (_, issuer, country) = dice.pick(COUNTRIES)?;
    let (doc_type, icao, name) = dice.pick(&[
        ("passport", "P", "passport"),
        ("id-card", "I", "identity card"),
        ("residence-permit", "IR", "residence permit"),
    ])?;
    let fraud = dice.one(&["counterfeit", "forged-altered", "stolen-blank"])?;
    let body = json!({
        "doc_type": doc_type,
        "icao_code": icao,
        "issuer": issuer,
        "fraud": fraud,
        "features": [
            {"page": "data page", "feature": "UV security thread", "genuine": "fluoresces in two colours", "observed": "printed, dull"},
            {"page": "cover", "feature": "embossing", "observed": "flat and off centre"},
        ],
        "series_prefix": "QX",
        "detection": "2",
        "registers_checked": ["national"],
    });
    written(
        Kind::DocumentAlert,
        today,
        &format!("{country}: {fraud} {name}"),
        body,
        |_| {},
    )
}

pub(super) fn service(dice: &mut Dice, today: Date) -> Option<(Fields, Content)> {
    let area = dice.one(&["QM-01", "QN-01", "QN-02", "QO-01"])?;
    let days = i64::try_from(20 + dice.below(60)).ok()?;
    let until = today.add_days(days);
    if dice.chance(25) {
        let since = dice.month(today);
        let body = json!({
            "stance": "gap", "types": ["shelter"], "area": area,
            "ages": ["9-17"], "genders": ["male"], "statuses": ["unaccompanied-child"],
            "valid_until": until, "unmet_band": "under-11", "since": since,
        });
        return written(
            Kind::Service,
            today,
            &format!("No shelter for boys in {area}"),
            body,
            |_| {},
        );
    }
    let (title, types) = dice.pick(&[
        ("Shelter for women and girls", "shelter"),
        ("Legal aid", "legal"),
        ("Interpretation by telephone", "interpretation"),
        ("Psychosocial support", "psychosocial"),
    ])?;
    let places = dice.one(&["1-2", "3-10", "11+"])?;
    let body = json!({
        "stance": "offer", "types": [types], "area": area,
        "ages": ["9-17", "18-29", "30-47"], "genders": ["female"],
        "statuses": ["asylum-seeker", "refugee", "unknown"],
        "languages": ["en", "sr-Latn"], "capacity_band": places, "access": "24h",
        "accessibility": ["wheelchair"], "cost": "free", "accepts_from": ["police", "border", "ngo"],
        "valid_until": until,
    });
    written(
        Kind::Service,
        today,
        &format!("{title}, {area}"),
        body,
        |_| {},
    )
}

pub(super) fn card(dice: &mut Dice, today: Date) -> Option<(Fields, Content)> {
    let (country, _, name) = dice.pick(COUNTRIES)?;
    let (sector, office, regime) = dice.pick(&[
        ("police", "Police", "led"),
        ("border", "Border Police", "led"),
        ("prosecution", "Prosecutor's Office", "led"),
        ("ngo", "Lantern House", "gdpr"),
        ("io", "Migrant Assistance Office", "io"),
    ])?;
    let mut seed = [0_u8; 32];
    for part in seed.chunks_mut(8) {
        part.copy_from_slice(&dice.roll().to_be_bytes());
    }
    let from = today.start_ms();
    let until = today.add_days(180);
    let body = json!({
        "org": format!("{name} {office} (fictional)"),
        "sector": sector,
        "country": country,
        "route_roles": ["transit"],
        "regime": regime,
        "functions": [{"role": "duty officer", "channel": "duty@liaison.example", "hours": "24h", "languages": ["en"], "urgent": true}],
        "keys": {"signing": [{
            "key": SecretKey::from_bytes(&seed).public(),
            "from": from,
            "until": Millis(until.end_ms().0),
        }]},
        "revision": 1 + dice.below(5),
        "valid_until": until,
    });
    written(
        Kind::Contact,
        today,
        &format!("{name} {office}"),
        body,
        |_| {},
    )
}

//! Each check, met and missed by one.

use serde_json::{Value, json};

use super::*;
use crate::clock::Millis;
use crate::record::codes::Kind;

fn today() -> Date {
    "2031-04-10".parse().expect("date")
}

fn fields(extra: Value) -> Fields {
    let mut all = json!({
        "tlp": "green", "onward": "ask", "purpose": "prevention", "lang": "en", "title": "A title",
        "class": "undetermined",
    });
    for (key, value) in extra.as_object().expect("map") {
        all[key] = value.clone();
    }
    serde_json::from_value(all).expect("fields")
}

fn body(kind: Kind, base: Value, extra: Value) -> Content {
    let mut all = base;
    for (key, value) in extra.as_object().expect("map") {
        all[key] = value.clone();
    }
    Content::from_json(kind, all).expect("body")
}

fn trend(extra: Value) -> Content {
    let base = json!({
        "period": {"from": "2031-03", "to": "2031-03"}, "area": ["QN"],
        "measure": "presumed-victims", "method": "administrative", "cells": [{"n": 118}],
    });
    body(Kind::Trend, base, extra)
}

fn cells(list: &[(Value, u64)]) -> Content {
    let cells: Vec<Value> = list
        .iter()
        .map(|(dims, n)| json!({"dims": dims, "n": n}))
        .collect();
    trend(json!({ "cells": cells }))
}

fn modus(extra: Value) -> Content {
    body(
        Kind::ModusOperandi,
        json!({"techniques": ["concealment"], "phase": "transport"}),
        extra,
    )
}

fn leg(from: &str, to: &str) -> Value {
    json!({"from": from, "to": to, "transport": "van"})
}

fn route(extra: Value) -> Content {
    body(
        Kind::Route,
        json!({"legs": [leg("QM", "QN")], "status": "active"}),
        extra,
    )
}

fn alert(extra: Value) -> Content {
    let base = json!({
        "doc_type": "passport", "issuer": "QMM", "fraud": "counterfeit",
        "features": [{"page": "data page", "feature": "UV thread", "observed": "wrong colour"}],
    });
    body(Kind::DocumentAlert, base, extra)
}

fn service(extra: Value) -> Content {
    let base = json!({
        "stance": "offer", "types": ["shelter"], "area": "QN-02", "ages": ["18-29"],
        "genders": ["female"], "statuses": ["unknown"], "valid_until": "2031-06-01",
    });
    body(Kind::Service, base, extra)
}

fn key(byte: u8) -> String {
    crate::id::RecordId::from_bytes([byte; 32]).full()
}

fn contact(extra: Value) -> Content {
    let base = json!({
        "org": "Narova border police", "sector": "border", "country": "QN", "regime": "led",
        "functions": [{"role": "duty desk", "channel": "+999 555 0101, desk@qn-bord.example"}],
        "keys": {"signing": [{"key": key(1), "from": 1, "until": 9}]},
        "revision": 1, "valid_until": "2032-03-01",
    });
    body(Kind::Contact, base, extra)
}

fn found(fields: &Fields, content: &Content) -> Vec<String> {
    check(fields, content, &CheckContext::on(today()))
        .iter()
        .map(Finding::to_string)
        .collect()
}

fn findings(content: &Content) -> Vec<String> {
    found(&fields(json!({})), content)
}

fn limit(fields: &Fields, content: &Content) -> String {
    limits_of(fields, content).map_or_else(|f| f.to_string(), |()| "none".to_owned())
}

#[test]
fn plain_records_have_no_findings() {
    for content in [
        trend(json!({})),
        modus(json!({})),
        route(json!({})),
        alert(json!({})),
        service(json!({})),
        contact(json!({})),
    ] {
        assert_eq!(
            findings(&content),
            Vec::<String>::new(),
            "{:?}",
            content.kind()
        );
        assert_eq!(limit(&fields(json!({})), &content), "none");
    }
}

#[test]
fn trd_01_a_trend_needs_area_or_route() {
    assert_eq!(
        findings(&trend(json!({"area": []}))),
        [
            "TRD-01 area and route are both missing. Say where: an area (QN, QN-02) or a route's name."
        ]
    );
    assert!(findings(&trend(json!({"area": [], "route": "Western Balkan Route"}))).is_empty());
}

#[test]
fn trd_02_small_counts_of_victims() {
    let content = cells(&[
        (json!({"area": "QN-01"}), 30),
        (
            json!({"area": "QN-02", "age": "9-17", "gender": "female"}),
            3,
        ),
    ]);
    assert_eq!(
        findings(&content),
        [
            "TRD-02 cells[1] {age: 9-17, gender: female, area: QN-02} has n=3; smallest shareable is 11. \
          Merge age bands, widen the area, or drop the cell."
        ]
    );
    assert_eq!(findings(&cells(&[(json!({}), 11)])).len(), 0);
    assert_eq!(findings(&cells(&[(json!({}), 10)])).len(), 1);
    assert!(
        findings(&trend(
            json!({"measure": "detections", "cells": [{"n": 1}]})
        ))
        .is_empty()
    );
}

#[test]
fn thresholds_rise_and_never_fall_below_the_floor() {
    let mut thresholds = Thresholds::default();
    thresholds
        .set(Measure::Referrals, 3)
        .set(Measure::Detections, 5)
        .set(Measure::PresumedVictims, 20);
    assert_eq!(thresholds.of(Measure::Referrals), 11);
    assert_eq!(thresholds.of(Measure::Detections), 5);
    assert_eq!(thresholds.of(Measure::PresumedVictims), 20);
    assert_eq!(thresholds.of(Measure::Arrivals), 1);
}

#[test]
fn trd_03_a_dropped_cell_can_be_computed() {
    let by_gender = |n| cells(&[(json!({}), 118), (json!({"gender": "female"}), n)]);
    assert_eq!(
        findings(&by_gender(115)),
        [
            "TRD-03 cells[0] dropping one cell lets a reader compute it from the total 118. \
          Drop a second cell or the total."
        ]
    );
    // Nothing left, and enough left.
    assert!(findings(&by_gender(118)).is_empty());
    assert!(findings(&by_gender(107)).is_empty());
}

#[test]
fn trd_03_knows_that_bands_and_areas_lie_in_one_another() {
    let bands = cells(&[(json!({"age": "0-17"}), 20), (json!({"age": "9-17"}), 18)]);
    assert_eq!(findings(&bands).len(), 1);
    let areas = cells(&[
        (json!({"area": "QN"}), 30),
        (json!({"area": "QN-01"}), 14),
        (json!({"area": "QN-02"}), 12),
    ]);
    assert_eq!(findings(&areas).len(), 1);
    // A margin of a table, and parts by different dimensions.
    let margin = cells(&[
        (json!({"age": "9-17"}), 25),
        (json!({"age": "9-17", "gender": "male"}), 22),
    ]);
    assert_eq!(findings(&margin).len(), 1);
    let mixed = cells(&[
        (json!({}), 93),
        (json!({"age": "0-17"}), 50),
        (json!({"age": "18+", "gender": "female"}), 40),
    ]);
    assert_eq!(findings(&mixed).len(), 1);
}

#[test]
fn trd_05_an_amendment_must_not_show_a_person() {
    let old = cells(&[(json!({"age": "0-17"}), 20), (json!({"age": "18+"}), 40)]);
    let new = cells(&[(json!({"age": "0-17"}), 21), (json!({"age": "18+"}), 42)]);
    let Content::Trend(previous) = &old else {
        unreachable!()
    };
    let ctx = CheckContext {
        previous: Some(previous),
        ..CheckContext::on(today())
    };
    let all = check(&fields(json!({})), &new, &ctx);
    assert_eq!(
        all.iter().map(Finding::to_string).collect::<Vec<_>>(),
        [
            "TRD-05 cells[0] this amendment changes 2 cells by 1 and 2: the difference identifies a person. \
          Publish at the next period."
        ]
    );
    let far = cells(&[(json!({"age": "0-17"}), 40), (json!({"age": "18+"}), 40)]);
    assert!(check(&fields(json!({})), &far, &ctx).is_empty());
    // A total that the old record lacked gives away what the old record left out.
    let total = cells(&[(json!({}), 63)]);
    assert_eq!(
        check(&fields(json!({})), &total, &ctx)
            .first()
            .map(|f| f.code),
        Some("TRD-05")
    );
}

#[test]
fn trd_05_an_overlapping_trend_must_not_show_a_person() {
    let quarter =
        trend(json!({"period": {"from": "2031-01", "to": "2031-03"}, "cells": [{"n": 40}]}));
    let two = trend(json!({"period": {"from": "2031-01", "to": "2031-02"}, "cells": [{"n": 37}]}));
    let Content::Trend(published) = &two else {
        unreachable!()
    };
    let overlapping = [published];
    let ctx = CheckContext {
        overlapping: &overlapping,
        ..CheckContext::on(today())
    };
    let all = check(&fields(json!({})), &quarter, &ctx);
    assert_eq!(
        all.first().map(Finding::to_string).as_deref(),
        Some(
            "TRD-05 cells[0] and your trend of 2031-01 to 2031-02 together let a reader compute a count under 11. \
              Use the same period, areas and bands as in that trend, or publish at the next period."
        )
    );
    let same = trend(json!({"period": {"from": "2031-01", "to": "2031-02"}, "cells": [{"n": 37}]}));
    assert!(check(&fields(json!({})), &same, &ctx).is_empty());
}

#[test]
fn trd_06_the_same_cell_twice() {
    let all = findings(&trend(json!({"measure": "detections", "cells": [
        {"dims": {"border": "sea"}, "n": 5}, {"dims": {"border": "sea"}, "n": 6}]})));
    assert_eq!(
        all,
        ["TRD-06 cells[1] {border: sea} counts the same as cells[0]. Add the two up, or drop one."]
    );
}

#[test]
fn trd_07_a_check_has_a_bound() {
    let cells: Vec<Value> = (0..400u64)
        .map(|i| {
            let a = char::from(b'A' + (i / 26 % 26) as u8);
            let b = char::from(b'A' + (i % 26) as u8);
            json!({"dims": {"nationality": format!("Q{a}{b}")}, "n": 1000 + i})
        })
        .chain(std::iter::once(json!({"n": 100_000_000})))
        .collect();
    let content = trend(json!({ "cells": cells }));
    assert!(
        findings(&content).is_empty(),
        "a large plain trend is within the bound"
    );
    let Content::Trend(one) = &content else {
        unreachable!()
    };
    let overlapping = vec![one; 200];
    let ctx = CheckContext {
        overlapping: &overlapping,
        ..CheckContext::on(today())
    };
    let all = check(&fields(json!({})), &content, &ctx);
    assert_eq!(all.first().map(|f| f.code), Some("TRD-07"));
}

#[test]
fn trd_04_what_must_not_be_summed() {
    let as_trend = |extra: Value| match trend(extra) {
        Content::Trend(trend) => trend,
        _ => unreachable!(),
    };
    let transit = |area: &str| as_trend(json!({"measure": "transit-observations", "area": [area]}));
    let mut guard = SumGuard::new();
    assert_eq!(guard.add(&transit("QN-01")), Ok(()));
    assert_eq!(guard.add(&transit("QN-02")), Ok(()));
    assert_eq!(
        guard.add(&transit("QO")).expect_err("country").to_string(),
        "TRD-04 --sum would add transit observations of QN and QO: one person is counted in each country. \
         Narrow the query to one country, or use --by area."
    );
    let error = guard
        .add(&as_trend(json!({"measure": "detections"})))
        .expect_err("measure");
    assert!(
        error.says.contains("transit-observations to detections"),
        "{error}"
    );
    let mut presence = SumGuard::new();
    assert_eq!(
        presence.add(&as_trend(json!({"measure": "presence"}))),
        Ok(())
    );
    let later =
        as_trend(json!({"measure": "presence", "period": {"from": "2031-04", "to": "2031-04"}}));
    assert!(presence.add(&later).is_err());
    assert!(
        SumGuard::new()
            .add(&as_trend(json!({"measure": "fee"})))
            .is_err()
    );
}

#[test]
fn txt_01_every_text_is_scanned() {
    let summary = fields(
        json!({"summary": "People were told to call the number +999 5550101 at the border."}),
    );
    assert_eq!(
        found(&summary, &trend(json!({}))),
        [
            "TXT-01 summary, characters 37-48, look like a phone number (+999…). \
          Strategic records must not hold identifiers; use 'sighting'."
        ]
    );
    let number = "write to x@mail.example";
    for (content, place) in [
        (trend(json!({"caveats": number})), "caveats"),
        (trend(json!({"route": number})), "route"),
        (
            modus(json!({"indicators": ["fine", number]})),
            "indicators[1]",
        ),
        (
            modus(json!({"countermeasures": [number]})),
            "countermeasures[0]",
        ),
        (route(json!({"alternatives": [number]})), "alternatives[0]"),
        (
            alert(json!({"features": [{"page": "1", "feature": number, "genuine": "x"}]})),
            "features[0].feature",
        ),
        (contact(json!({"org": number})), "org"),
        (
            contact(json!({"functions": [{"role": number, "channel": "x"}]})),
            "functions[0].role",
        ),
    ] {
        let all = findings(&content);
        assert_eq!(all.len(), 1, "{all:?}");
        assert!(
            all[0].starts_with(&format!(
                "TXT-01 {place}, characters 10-23, look like an e-mail"
            )),
            "{all:?}"
        );
    }
    let note = fields(json!({"handling_note": number, "handling": ["H3"]}));
    assert!(found(&note, &trend(json!({})))[0].starts_with("TXT-01 handling_note"));
}

#[test]
fn txt_01_check_digits_cannot_be_waived() {
    let ctx = CheckContext::on(today());
    let one = |title: &str| {
        let all = check(&fields(json!({ "title": title })), &trend(json!({})), &ctx);
        all.first().map(|f| (f.code, f.waivable))
    };
    assert_eq!(one("IBAN DE89370400440532013000"), Some(("TXT-01", false)));
    assert_eq!(one("call +999 555 0101"), Some(("TXT-01", true)));
}

#[test]
fn met_codes() {
    let of = |class: &str, content: Content| found(&fields(json!({ "class": class })), &content);
    let mut no_class = fields(json!({}));
    no_class.class = None;
    assert_eq!(
        found(&no_class, &modus(json!({}))),
        ["MET-01 class is missing. Set it to smuggling, trafficking, mixed or undetermined."]
    );
    let whole =
        json!({"act": ["recruitment"], "exploitation": ["forced-labour"], "means": ["deception"]});
    assert!(of("trafficking", modus(whole)).is_empty());
    let all = of("trafficking", modus(json!({})));
    assert_eq!(all.len(), 3);
    assert!(all[0].starts_with("MET-02 act ") && all[1].starts_with("MET-03 exploitation "));
    assert_eq!(
        all[2],
        "MET-04 means trafficking needs at least one means, unless every victim group is under 18. \
         Add means or set class 'undetermined'."
    );
    let groups = |ages: Value| json!({"act": ["recruitment"], "exploitation": ["begging"], "victim_groups": ages});
    assert!(
        of(
            "trafficking",
            modus(groups(json!([{"age": "0-8"}, {"age": "0-17"}])))
        )
        .is_empty()
    );
    assert_eq!(
        of(
            "trafficking",
            modus(groups(json!([{"age": "0-8"}, {"age": "unknown"}])))
        )
        .len(),
        1
    );
    assert!(of("smuggling", modus(json!({"exploitation": ["begging"]})))[0].starts_with("MET-05"));
    let abuse = |roles: Value| {
        modus(json!({"techniques": ["asylum-procedure-abuse"], "actor_roles": roles}))
    };
    assert_eq!(
        findings(&abuse(json!([]))),
        [
            "MET-06 actor_roles asylum-procedure-abuse must name a facilitator role; applicants are not the subject. \
          Add the role of who organises it, like 'facilitator'."
        ]
    );
    assert!(findings(&abuse(json!(["facilitator"]))).is_empty());
    assert!(findings(&modus(json!({"techniques": ["other"]})))[0].starts_with("MET-07"));
}

#[test]
fn rte_codes() {
    let legs = |list: Value| findings(&route(json!({ "legs": list })));
    assert_eq!(
        legs(json!([leg("QM", "QN-01"), leg("QN-02", "QO")])),
        [
            "RTE-01 legs[1] begins in QN-02, but the leg before ends in QN-01. \
          Put the legs in order, or add the one between."
        ]
    );
    assert!(legs(json!([leg("QM", "QN"), leg("QN-02", "QO")])).is_empty());
    assert!(legs(json!([leg("QM", "QM")]))[0].starts_with("RTE-02 legs[0] begins and ends in QM"));
    let mut fee = leg("QM", "QN");
    fee["fee_band"] = json!("under-500");
    assert!(legs(json!([fee]))[0].starts_with("RTE-03 legs[0]"));
}

#[test]
fn doc_codes() {
    assert!(
        findings(&alert(json!({"features": [{"page": "1", "feature": "x"}]})))[0]
            .starts_with("DOC-01 features[0]")
    );
    assert!(
        findings(&alert(json!({"registers_checked": ["none", "national"]})))[0]
            .starts_with("DOC-02")
    );
    let full = "DOC-03 series_prefix 'A12345678' is a full document number. Keep a prefix, or use 'sighting'.";
    assert_eq!(
        findings(&alert(json!({"series_prefix": "A12345678"}))),
        [full]
    );
    assert_eq!(
        findings(&alert(json!({"series_prefix": "12345678"}))).len(),
        1
    );
    assert!(findings(&alert(json!({"series_prefix": "A1234"}))).is_empty());
    let text = fields(json!({"summary": "Seen with A12345678."}));
    assert_eq!(
        found(&text, &alert(json!({}))),
        ["DOC-03 summary 'A12345678' is a full document number. Keep a prefix, or use 'sighting'."]
    );
}

#[test]
fn srv_codes() {
    let one = |extra: Value| findings(&service(extra)).join("|");
    assert!(
        one(json!({"valid_until": "2031-08-01"}))
            .starts_with("SRV-01 valid_until 2031-08-01 is 113 days ahead; at most 90")
    );
    assert!(one(json!({"valid_until": "2031-07-09"})).is_empty());
    assert!(one(json!({"valid_until": "2031-04-09"})).starts_with("SRV-02"));
    assert!(one(json!({"stance": "gap"})).starts_with("SRV-03 unmet_band is missing on a gap"));
    assert!(one(json!({"ages": []})).starts_with("SRV-04 ages"));
    assert!(
        one(json!({"types": ["training"], "ages": [], "genders": [], "statuses": []})).is_empty()
    );
    assert!(one(json!({"unmet_band": "11+"})).starts_with("SRV-05 unmet_band"));
    assert!(
        one(json!({"types": ["safe-house"], "area": "QN BLG"})).starts_with("SRV-06 area QN BLG")
    );
}

#[test]
fn con_codes() {
    let one = |extra: Value| findings(&contact(extra)).join("|");
    assert!(one(json!({"keys": {}})).starts_with("CON-01"));
    assert!(one(json!({"keys": {"revoke_all": true}})).is_empty());
    let both = json!({"signing": [{"key": key(1), "from": 1, "until": 9}],
        "revoked": [{"key": key(1), "state": "rotated", "at": 5}]});
    assert!(one(json!({ "keys": both })).starts_with("CON-02 keys.revoked[0]"));
    assert!(one(json!({"valid_until": "2033-01-01"})).starts_with("CON-03"));
    assert!(one(json!({"valid_until": "2031-01-01"})).starts_with("CON-04"));
    let named = json!([{"role": "desk", "channel": "x", "name": "A. Example"}]);
    assert!(one(json!({ "functions": named })).starts_with("CON-05 functions[0].name"));
    let Content::Contact(bare) = contact(json!({"functions": []})) else {
        unreachable!()
    };
    let codes: Vec<_> = missing(&bare).iter().map(|f| f.code).collect();
    assert_eq!(codes, ["CON-11", "CON-13"]);
    let Content::Contact(some) = contact(json!({})) else {
        unreachable!()
    };
    let codes: Vec<_> = missing(&some).iter().map(|f| f.code).collect();
    assert_eq!(codes, ["CON-12", "CON-13", "CON-14"]);
    let desk = json!([{"role": "desk", "channel": "x", "languages": ["en"], "urgent": true,
        "hours": "Mo-Fr 08-16"}]);
    let Content::Contact(zoneless) = contact(json!({"functions": desk})) else {
        unreachable!()
    };
    let told: Vec<_> = missing(&zoneless).iter().map(ToString::to_string).collect();
    assert!(
        told.iter()
            .any(|t| t.starts_with("CON-15") && t.contains("names no time zone")),
        "{told:?}"
    );
}

#[test]
fn hnd_codes() {
    let one = |extra: Value| found(&fields(extra), &trend(json!({}))).join("|");
    assert!(one(json!({"handling": ["H3"]})).starts_with("HND-01 handling has H3"));
    assert!(one(json!({"handling": ["H2"], "onward": "community"})).starts_with("HND-02"));
    assert!(one(json!({"handling": ["H2"], "onward": {"to": [key(1)]}})).starts_with("HND-02"));
    assert!(one(json!({"handling": ["H2"], "onward": "ask"})).is_empty());
    assert!(
        one(json!({"tlp": "amber", "onward": "community"}))
            .starts_with("HND-03 onward is 'community', but the record is amber")
    );
    assert!(one(json!({"tlp": "red", "onward": {"to": [key(1)]}})).starts_with("HND-04"));
}

#[test]
fn dat_codes() {
    let one = |extra: Value| found(&fields(extra), &trend(json!({}))).join("|");
    assert!(
        one(json!({"expires": "2031-04-09"}))
            .starts_with("DAT-01 expires 2031-04-09 has passed (today is 2031-04-10)")
    );
    assert!(one(json!({"expires": "2031-05-01", "review_by": "2031-05-02"})).starts_with("DAT-02"));
    let turned = trend(json!({"period": {"from": "2031-03", "to": "2031-02"}}));
    assert!(
        findings(&turned)[0].starts_with("DAT-03 period ends (2031-02) before it begins (2031-03)")
    );
    let ahead = trend(json!({"period": {"from": "2031-06", "to": "2031-06"}}));
    assert!(findings(&ahead)[0].starts_with("DAT-04"));
    assert!(found(&fields(json!({"exercise": "SARAJEVO-1"})), &ahead).is_empty());
    assert!(findings(&route(json!({"first_seen": "2031-05"})))[0].starts_with("DAT-05 first_seen"));
    let turned = modus(json!({"first_seen": "2031-03", "last_seen": "2031-02"}));
    assert!(findings(&turned)[0].starts_with("DAT-03 last_seen"));
}

#[test]
fn lim_codes() {
    let plain = trend(json!({}));
    let of = |extra: Value| limit(&fields(extra), &plain);
    assert!(
        of(json!({"title": "x".repeat(201)}))
            .starts_with("LIM-01 title has 201 characters; at most 200")
    );
    assert_eq!(of(json!({"title": "ü".repeat(200)})), "none");
    assert!(of(json!({"title": " "})).starts_with("LIM-03 title is empty"));
    assert!(
        of(json!({"title": "red\u{1b}[31m"}))
            .starts_with("LIM-06 title has a control character at 4")
    );
    assert!(of(json!({"title": "a\u{202e}b"})).starts_with("LIM-06"));
    assert_eq!(of(json!({"summary": "two\nlines"})), "none");
    assert!(of(json!({"lang": "english"})).starts_with("LIM-06 lang"));
    assert!(of(json!({"handling": ["H2", "H0"]})).starts_with("LIM-05 handling"));
    assert!(of(json!({"crime": ["trafficking"]})).starts_with("LIM-06 crime[0]"));
    assert!(
        of(json!({"grade": {"scheme": "4x4", "source": "E", "info": "1"}}))
            .starts_with("LIM-06 grade.source 'E'")
    );
    assert_eq!(
        of(json!({"grade": {"scheme": "admiralty", "source": "E", "info": "6"}})),
        "none"
    );
    assert!(of(json!({"onward": {"to": []}})).starts_with("LIM-03 onward.to"));
    let refs: Vec<Value> = (0..33)
        .map(|_| json!({"rel": "about", "id": key(1)}))
        .collect();
    assert!(of(json!({ "refs": refs })).starts_with("LIM-02 refs has 33 entries; at most 32"));

    let no_fields = fields(json!({}));
    let of = |content: Content| limit(&no_fields, &content);
    let many: Vec<Value> = (0..401).map(|_| json!({"n": 20})).collect();
    assert!(of(trend(json!({ "cells": many }))).starts_with("LIM-02 cells has 401 entries"));
    assert!(of(trend(json!({"cells": []}))).starts_with("LIM-03 cells is empty"));
    assert!(of(modus(json!({"techniques": []}))).starts_with("LIM-03 techniques"));
    let mut long = leg("QM", "QN");
    long["duration_h"] = json!(0);
    assert!(of(route(json!({"legs": [long]}))).starts_with("LIM-04 legs[0].duration_h"));
    let turned = json!({"signing": [{"key": key(1), "from": 9, "until": 1}]});
    assert!(of(contact(json!({ "keys": turned }))).starts_with("LIM-04 keys.signing[0]"));
    let day = 24 * 60 * 60 * 1000;
    let statement = |days: u64| {
        Content::Keys(crate::record::kinds::Keys {
            number: 1,
            nodes: Vec::new(),
            hubs: Vec::new(),
            sealing: Vec::new(),
            from: Millis(5),
            until: Millis(5 + days * day),
        })
    };
    assert_eq!(of(statement(45)), "none");
    assert!(of(statement(46)).starts_with("LIM-04 until"));
    assert!(of(statement(0)).starts_with("LIM-04 until"));
}

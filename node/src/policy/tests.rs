//! Tests of sets and engines, and what other tests here build on.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use liaison_protocol::id::AgencyId;

use super::*;

/// The agency of an alias in tests: derived from it.
pub(super) fn agency(alias: &str) -> AgencyId {
    use sha2::{Digest, Sha256};
    AgencyId::from_bytes(Sha256::digest(alias).into())
}

/// A plain strategic record of this agency, whose alias is `own`.
pub(super) fn attributes(kind: &str, tlp: &str) -> Attributes {
    Attributes {
        kind: kind.into(),
        plane: "strategic".into(),
        tlp: tlp.into(),
        handling: ["H0".to_owned()].into(),
        onward: "community".into(),
        purpose: "prevention".into(),
        author: agency("own"),
        author_country: "QN".into(),
        class: "none".into(),
        tags: BTreeSet::new(),
        marked: false,
        exercise: false,
    }
}

fn peer(alias: &str, sector: &str) -> PeerAttributes {
    PeerAttributes {
        agency: agency(alias),
        alias: alias.into(),
        sector: sector.into(),
        country: "QN".into(),
        route_roles: ["transit".to_owned()].into(),
        regime: "led".into(),
        circles: BTreeSet::new(),
    }
}

fn directory() -> Directory {
    let peers = vec![peer("b", "police"), peer("c", "private"), peer("d", "ngo")];
    Directory::new(peer("own", "border"), peers).expect("directory")
}

fn text(policy: &str, entities: Option<&str>) -> PolicyText {
    PolicyText::new(
        vec![("share.cedar".into(), policy.into())],
        entities.map(String::from),
    )
    .expect("text")
}

fn engine(policy: &str) -> Engine {
    engine_with(policy, None)
}

fn engine_with(policy: &str, entities: Option<&str>) -> Engine {
    let set = PolicySet::from_text(text(policy, entities)).unwrap_or_else(|e| panic!("{e}"));
    Engine::new(Arc::new(set), directory(), 1).expect("engine")
}

fn share(engine: &Engine, to: &str, record: &Attributes) -> Decision {
    engine.decide(Action::Share, &agency(to), record, false)
}

fn ids(decision: &Decision) -> Vec<&str> {
    decision.statements.iter().map(|s| s.id.as_str()).collect()
}

const TRENDS: &str = r#"
@id("trends") @says("Everyone gets our trends.")
permit (principal, action == Action::"share", resource)
when { resource.own && resource.kind == Kind::"trend" };
"#;

#[test]
fn nothing_is_allowed_by_default() {
    for policy in ["", "// nothing", TRENDS] {
        let engine = engine(policy);
        let decision = share(&engine, "b", &attributes("route", "green"));
        assert!(!decision.allow && decision.default_deny && decision.statements.is_empty());
        assert!(decision.in_words(Action::Share).contains("share nothing"));
    }
    for action in [Action::Accept, Action::Carry, Action::Match] {
        let record = attributes("trend", "green");
        assert!(
            !engine(TRENDS)
                .decide(action, &agency("b"), &record, true)
                .allow,
            "{action}"
        );
    }
}

#[test]
fn a_permit_allows_and_is_quoted_with_its_place() {
    let decision = share(&engine(TRENDS), "b", &attributes("trend", "green"));
    assert!(decision.allow);
    assert_eq!(
        decision.in_words(Action::Share),
        "Allowed by 'trends' (share.cedar, line 2): Everyone gets our trends."
    );
}

#[test]
fn forbid_wins() {
    let policy = format!(
        "{TRENDS}@id(\"not-c\") @says(\"C gets nothing.\")\nforbid (principal == Agency::\"c\", action, resource);"
    );
    let engine = engine(&policy);
    let record = attributes("trend", "green");
    assert!(share(&engine, "b", &record).allow);
    let denied = share(&engine, "c", &record);
    assert_eq!(
        (denied.allow, denied.default_deny, ids(&denied)),
        (false, false, vec!["not-c"])
    );
}

#[test]
fn a_statement_that_fails_denies_although_another_permits() {
    let policy = format!(
        "{TRENDS}@id(\"adds\") @says(\"Adds up.\")\npermit (principal, action, resource)\nwhen {{ resource.own && 9223372036854775807 + 1 == 1 }};"
    );
    let engine = engine(&policy);
    let decision = share(&engine, "b", &attributes("trend", "green"));
    assert!(!decision.allow && !decision.default_deny);
    assert_eq!(decision.errors.len(), 1);
    assert!(
        decision.errors[0].starts_with("statement 'adds' (share.cedar, line 5) failed:"),
        "{decision:?}"
    );
    assert!(
        decision.statements.is_empty(),
        "a permit does not explain a denial"
    );
    // Where the statement is not evaluated that far, it does no harm.
    let mut foreign = attributes("trend", "green");
    foreign.author = agency("b");
    assert!(share(&engine, "c", &foreign).errors.is_empty());
}

#[test]
fn strangers_and_unknown_codes_are_denied_with_a_reason() {
    let engine = engine("@id(\"all\") @says(\"All.\") permit (principal, action, resource);");
    let record = attributes("trend", "green");
    assert!(share(&engine, "b", &record).allow);
    assert!(share(&engine, "nobody", &record).errors[0].contains("is no peer"));
    assert!(share(&engine, "own", &record).errors[0].contains("is no peer"));
    let odd = attributes("horoscope", "green");
    assert!(share(&engine, "b", &odd).errors[0].contains("kind 'horoscope'"));
}

#[test]
fn circles_come_from_the_file_and_from_peers() {
    let policy = r#"@id("le") @says("LE.") permit (principal in Circle::"le", action, resource);"#;
    let set =
        |entities: &str| Arc::new(PolicySet::from_text(text(policy, Some(entities))).expect("set"));
    let record = attributes("trend", "green");
    let by_alias = engine_with(policy, Some(r#"{"circles": {"le": ["b"]}}"#));
    assert!(share(&by_alias, "b", &record).allow && !share(&by_alias, "c", &record).allow);
    let by_id = engine_with(
        policy,
        Some(&format!(r#"{{"circles": {{"le": ["{}"]}}}}"#, agency("c"))),
    );
    assert!(share(&by_id, "c", &record).allow && !share(&by_id, "b", &record).allow);
    let mut pinned = peer("b", "police");
    pinned.circles.insert("le".into());
    let agencies = Directory::new(peer("own", "border"), vec![pinned]).expect("directory");
    assert!(set("{}").check_names(&agencies).is_ok());
    assert!(
        share(
            &Engine::new(set("{}"), agencies, 1).expect("engine"),
            "b",
            &record
        )
        .allow
    );
}

#[test]
fn the_authors_attributes_are_known_or_unknown_but_never_missing() {
    let policy = r#"@id("ngo") @says("From NGOs.") permit (principal, action == Action::"accept", resource)
when { resource.author.sector == Sector::"ngo" && resource.author_country == "QN" };"#;
    let engine = engine(policy);
    let mut record = attributes("trend", "green");
    let mut accept = |author: &str| {
        record.author = agency(author);
        engine.decide(Action::Accept, &agency("b"), &record, false)
    };
    assert!(accept("d").allow);
    assert!(accept("c").default_deny);
    let stranger = accept("stranger");
    assert!(stranger.default_deny, "{stranger:?}");
}

#[test]
fn the_memo_agrees_with_a_cold_decision() {
    let policy = format!(
        "{TRENDS}@id(\"named\") @says(\"Named.\") permit (principal, action, resource) when {{ context.addressed }};
         @id(\"not-red\") @says(\"No red.\") forbid (principal, action == Action::\"share\", resource) when {{ resource.tlp == Tlp::\"red\" }};"
    );
    let engine = engine(&policy);
    let mut classes = Vec::new();
    for kind in codes("Kind") {
        for tlp in codes("Tlp") {
            classes.push(attributes(kind, tlp));
        }
    }
    for round in 0..2 {
        for (id, class) in (0u32..).zip(&classes) {
            for to in ["b", "c", "nobody"] {
                for action in Action::ALL {
                    for addressed in [false, true] {
                        let memo =
                            engine.decide_memo(action, &agency(to), ClassId(id), addressed, || {
                                assert_eq!(round, 0, "asked again what was decided");
                                class.clone()
                            });
                        let cold = engine.decide(action, &agency(to), class, addressed);
                        assert_eq!(*memo, cold, "{action} {to} {class:?}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn the_epoch_moves_with_every_change_and_only_then() {
    let set = |policy: &str| Arc::new(PolicySet::from_text(text(policy, None)).expect("set"));
    let policies = Policies::new(Engine::new(set(TRENDS), directory(), 7).expect("engine"));
    let mut told = policies.subscribe();
    let same = policies
        .apply(|_| (set(TRENDS), directory()))
        .expect("apply");
    assert_eq!(
        (same.epoch(), told.has_changed().expect("open")),
        (7, false)
    );
    let spaced = policies.apply(|now| (set(&format!("{TRENDS} ")), now.directory().clone()));
    assert_eq!(spaced.expect("apply").epoch(), 8);
    told.changed().await.expect("open");
    assert_eq!(told.borrow_and_update().epoch(), 8);
    let agencies =
        Directory::new(peer("own", "border"), vec![peer("b", "fiu")]).expect("directory");
    let fewer = policies
        .apply(|now| (Arc::clone(now.set()), agencies))
        .expect("apply");
    assert_eq!(fewer.epoch(), 9);
    assert!(!share(&fewer, "c", &attributes("trend", "green")).allow);
    let last = Some((fewer.epoch(), *fewer.fingerprint()));
    let again = Engine::resume(Arc::clone(fewer.set()), fewer.directory().clone(), last);
    assert_eq!(
        again.expect("resume").epoch(),
        9,
        "a restart alone moves nothing"
    );
    assert_eq!(
        Engine::resume(set(""), directory(), last)
            .expect("resume")
            .epoch(),
        10
    );
}

#[test]
fn every_problem_is_reported_with_its_place() {
    let files = vec![
        ("a.cedar".to_owned(), concat!(
            "permit (principal, action == Action::\"share\", resource);\n",
            "@id(\"twice\") @says(\"One.\") permit (principal, action, resource) when { resource.own };\n",
            "@id(\"quiet\") permit (principal, action, resource) when { resource.own };\n",
            "@id(\"Bad Name\") @says(\"x\") permit (principal, action, resource) when { resource.own };\n",
            "@id(\"tmpl\") @says(\"x\") permit (principal == ?principal, action, resource);\n",
        ).to_owned()),
        ("b.cedar".to_owned(), concat!(
            "@id(\"twice\") @says(\"Two.\") permit (principal, action, resource) when { resource.own };\n",
            "@id(\"code\") @says(\"x\") permit (principal, action, resource)\n  when { resource.tlp == Tlp::\"amberish\" };\n",
            "@id(\"attr\") @says(\"x\") permit (principal, action, resource) when { resource.titel == \"QN\" };\n",
            "@id(\"tag\") @says(\"x\") permit (principal, action, resource) when { resource.tags.contains(\"rout:B\") };\n",
            "@id(\"one\") @says(\"x\") permit (principal, action, resource == Record::\"3F7K\");\n",
            "@id(\"land\") @says(\"x\") permit (principal, action, resource) when { resource.author_country == \"qn\" };\n",
        ).to_owned()),
        ("c.cedar".to_owned(), "@id(\"c\") @says(\"x\")\npermit (principal, action resource);\n".to_owned()),
    ];
    let text = PolicyText::new(files, Some("{\"circles\": {\"LE\": []}}".into())).expect("text");
    let problems = PolicySet::from_text(text).expect_err("faulty");
    same_lines(&problems.to_string(), include_str!("problems.txt"));
}

#[test]
fn unknown_names_are_reported_with_what_there_is() {
    let policy = concat!(
        "@id(\"one\") @says(\"x\")\npermit (principal in Circle::\"elsewhere\", action, resource);\n",
        "@id(\"two\") @says(\"x\")\npermit (principal, action, resource)\n  unless { principal == Agency::\"zz\" };\n",
        "@id(\"three\") @says(\"x\")\npermit (principal == Agency::\"b\", action, resource) when { resource.author == Agency::\"self\" };\n",
    );
    let entities = "{\"circles\": {\n  \"le\": [\"b\", \"own\", \"self\", \"gone\"]}}";
    let set = PolicySet::from_text(text(policy, Some(entities))).expect("set");
    let problems = set
        .check_names(&directory())
        .expect_err("unknown")
        .to_string();
    assert_eq!(problems, "\
entities.json:2:30: circle 'le' lists 'gone', which is no peer. Peers are: b, c, d. Correct the alias, or add the peer first
share.cedar:2:28: statement 'one' names the circle 'elsewhere', which does not exist. Circles are: le. Add it to entities.json
share.cedar:5:31: statement 'two' names the agency 'zz', which is no peer. Peers are: b, c, d. Correct the alias, or add the peer first: liaison peer add FILE --as zz");
    // A peer that goes later must not stop the set.
    assert!(Engine::new(Arc::new(set), directory(), 1).is_ok());
}

#[test]
fn agencies_that_policies_could_confuse_are_refused() {
    let new = |peers: Vec<PeerAttributes>| Directory::new(peer("own", "border"), peers);
    let twice = || {
        let mut p = peer("b", "police");
        p.agency = agency("x");
        p
    };
    assert!(matches!(
        new(vec![peer("b", "police"), twice()]),
        Err(DirectoryError::AliasTwice { .. })
    ));
    let other = || {
        let mut p = peer("b", "police");
        p.alias = "b2".into();
        p
    };
    assert!(matches!(
        new(vec![peer("b", "police"), other()]),
        Err(DirectoryError::AgencyTwice { .. })
    ));
    for bad in ["self", "", "B", "a b", "é", &"a".repeat(41)] {
        assert!(
            matches!(
                new(vec![peer(bad, "police")]),
                Err(DirectoryError::Alias { .. })
            ),
            "{bad}"
        );
    }
    assert!(matches!(
        new(vec![peer("b", "circus")]),
        Err(DirectoryError::Code { .. })
    ));
    let land = || {
        let mut p = peer("b", "police");
        p.country = "qn".into();
        p
    };
    assert!(matches!(
        new(vec![land()]),
        Err(DirectoryError::Country { .. })
    ));
}

#[test]
fn the_nearest_permit_says_what_it_still_asks_for() {
    let engine = engine(&format!(
        "{TRENDS}@id(\"to-c\") @says(\"C gets red.\") permit (principal == Agency::\"c\", action == Action::\"share\", resource)
         when {{ resource.tlp == Tlp::\"red\" }} unless {{ resource.marked || resource.kind == Kind::\"route\" }};"
    ));
    let near = engine.nearest(
        Action::Share,
        &agency("b"),
        &attributes("route", "green"),
        false,
    );
    let seen: Vec<(&str, bool, Vec<&str>)> = near
        .iter()
        .map(|n| {
            (
                n.statement.id.as_str(),
                n.for_this_peer,
                n.unmet.iter().map(String::as_str).collect(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("trends", true, vec!["resource.kind == Kind::\"trend\""]),
            (
                "to-c",
                false,
                vec![
                    "principal == Agency::\"c\"",
                    "resource.tlp == Tlp::\"red\"",
                    "!(resource.kind == Kind::\"route\")",
                ]
            ),
        ]
    );
    assert!(
        engine
            .nearest(
                Action::Accept,
                &agency("b"),
                &attributes("trend", "green"),
                false
            )
            .is_empty()
    );
}

#[test]
fn the_plain_table_says_who_gets_what() {
    let dir = examples().join("routes");
    let set = Arc::new(PolicySet::load(&dir).expect("set"));
    let table = Engine::new(set, directory(), 1)
        .expect("engine")
        .plain(Action::Share);
    assert_eq!(table.rows.len(), 3 * 6);
    assert_eq!(table.to_string(), "\
b gets some of: trend (clear, green, amber, amber+strict, red).
    because: B gets our trends of the Western Balkan route and of the circular route from Albania to Greece.
    because: TLP red reaches named recipients only.
c gets nothing.
d gets nothing.
");
    let all = engine(TRENDS).plain(Action::Share).to_string();
    assert!(
        all.starts_with("b gets: trend (clear, green, amber, amber+strict, red).\n"),
        "{all}"
    );
}

#[test]
fn the_plain_table_of_a_hub_says_whose_parcels_it_keeps() {
    let set = Arc::new(PolicySet::load(&examples().join("hub")).expect("set"));
    let hub = Engine::new(set, directory(), 1).expect("engine");
    let private = |alias: &str| {
        let mut peers = hub.directory().peers().iter();
        peers.any(|p| p.alias == alias && p.sector == "private")
    };
    let carried = hub.carried();
    assert!(!carried.is_empty());
    for row in &carried {
        assert!(
            !private(&row.peer) && !row.of.contains(&row.peer),
            "{row:?}"
        );
        assert!(!row.of.iter().any(|of| private(of)), "{row:?}");
        let says = "We keep parcels for every peer, whoever deposits them; we cannot read them.";
        assert!(row.says.contains(says), "{row:?}");
    }
    assert!(engine(TRENDS).carried().is_empty(), "nothing by default");
}

#[test]
fn two_routes_reach_b_and_nothing_reaches_c() {
    let set = Arc::new(PolicySet::load(&examples().join("routes")).expect("set"));
    assert!(set.check_names(&directory()).is_ok());
    let engine = Engine::new(set, directory(), 1).expect("engine");
    let mut record = attributes("trend", "green");
    for (route, to_b) in [
        ("Western Balkan Route", true),
        ("Circular Route from Albania to Greece", true),
        ("Western Balkan Route 2", false),
        ("Eastern Mediterranean Route", false),
    ] {
        record.tags = [format!("route:{route}")].into();
        assert_eq!(share(&engine, "b", &record).allow, to_b, "{route}");
        assert!(!share(&engine, "c", &record).allow);
    }
    PolicySet::load(&examples().join("routes/receiver")).expect("the receivers' set");
}

#[test]
fn the_samples_are_valid_and_keep_their_promises() {
    for sample in ["police", "ngo", "fiu", "private-partner", "hub"] {
        let set =
            PolicySet::load(&examples().join(sample)).unwrap_or_else(|e| panic!("{sample}:\n{e}"));
        assert_eq!(set.warnings(), [], "{sample}");
        set.check_names(&directory())
            .unwrap_or_else(|e| panic!("{sample}:\n{e}"));
        let engine = Engine::new(Arc::new(set), directory(), 1).expect("engine");
        for kind in codes("Kind") {
            let strategic = [
                "trend",
                "modus-operandi",
                "route",
                "document-alert",
                "service",
                "contact",
            ];
            let mut record = attributes(kind, "red");
            assert!(
                !share(&engine, "b", &record).allow,
                "{sample}: red {kind} to nobody named"
            );
            record.tlp = "green".into();
            if !strategic.contains(&kind) {
                record.plane = "personal".into();
                assert!(
                    !share(&engine, "b", &record).allow,
                    "{sample}: {kind} to nobody named"
                );
            }
            if [
                "victim-referral",
                "case",
                "task",
                "evidence",
                "flow",
                "route",
            ]
            .contains(&kind)
            {
                let named = engine.decide(Action::Share, &agency("c"), &record, true);
                assert!(!named.allow, "{sample}: {kind} to a private company");
            }
            if kind == "contact" {
                assert!(share(&engine, "b", &record).allow, "{sample}: contact");
            }
        }
    }
}

#[test]
fn what_passes_the_scan_is_evaluated_on_a_small_stack() {
    let deep = format!(
        "{}resource.own{}",
        "(".repeat(limits::STATEMENT_NESTING - 2),
        ")".repeat(limits::STATEMENT_NESTING - 2)
    );
    let long = "resource.own && ".repeat(limits::STATEMENT_OPERATORS * 2 / 3 - 1);
    let ifs = "if resource.own then true else ".repeat(limits::STATEMENT_NESTING - 1);
    for condition in [deep, format!("{long}true"), format!("{ifs}true")] {
        let policy = format!(
            "@id(\"x\") @says(\"x\") permit (principal, action, resource) when {{ {condition} }};"
        );
        let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
        let allowed =
            thread.spawn(move || share(&engine(&policy), "b", &attributes("trend", "green")).allow);
        assert!(allowed.expect("thread").join().expect("no overflow"));
    }
}

fn examples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/policies")
}

fn same_lines(found: &str, expected: &str) {
    assert_eq!(found.trim_end(), expected.trim_end(), "found:\n{found}");
}

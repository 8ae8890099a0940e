//! `SPEC.md` against the code: lists, limits, checks, fields.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use liaison_protocol::lifecycle::rule::To;
use liaison_protocol::lifecycle::{DeadlineTable, TABLE};
use liaison_protocol::record::codes::{self, Kind};
use liaison_protocol::record::date::Period;
use liaison_protocol::record::envelope::{Grade, LegalBasis, Ref};
use liaison_protocol::record::kinds;
use liaison_protocol::{limits, personal, wire};

use crate::handling::VERDICTS;
use crate::vectors::blessing;

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("SPEC.md")
}

fn text() -> String {
    std::fs::read_to_string(path()).expect("SPEC.md")
}

/// What stands between the marks of a region.
fn region(text: &str, name: &str) -> String {
    let begin = format!("<!-- begin:{name} -->\n");
    let end = format!("<!-- end:{name} -->");
    let (_, rest) = text
        .split_once(&begin)
        .unwrap_or_else(|| panic!("no {begin}"));
    let (inside, _) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end}"));
    inside.to_owned()
}

/// The rows of the Markdown table in a region, without its head.
pub fn table(name: &str) -> Vec<Vec<String>> {
    region(&text(), name)
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            line.trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().trim_matches('`').to_owned())
                .collect()
        })
        .collect()
}

/// Compares the regions with what the code prints, or writes them. One test, so that two
/// never write the file at once.
#[test]
fn the_generated_regions_are_up_to_date() {
    let due = [
        ("codes", code_lists()),
        ("limits", limits_table()),
        ("verdicts", verdicts()),
        ("answers", answers()),
        ("planes", planes()),
        ("steps", steps()),
        ("ranks", ranks()),
        ("deadlines", deadlines()),
    ];
    let mut spec = text();
    for (name, text) in &due {
        let found = region(&spec, name);
        if blessing() {
            let begin = format!("<!-- begin:{name} -->\n");
            spec = spec.replacen(&format!("{begin}{found}"), &format!("{begin}{text}"), 1);
        } else {
            assert!(
                &found == text,
                "region '{name}' of SPEC.md differs: LIAISON_BLESS=1. It is to be:\n{text}"
            );
        }
    }
    if blessing() {
        std::fs::write(path(), spec).expect("written");
    }
}

/// Who may take which step, from where and to where.
fn steps() -> String {
    let mut out = String::from("| step | from | by | to |\n|---|---|---|---|\n");
    for rule in TABLE {
        let from: Vec<&str> = rule.from.iter().map(|state| state.as_str()).collect();
        let by: Vec<&str> = rule.by.iter().map(|party| party.as_str()).collect();
        let to = match rule.to {
            To::State(state) => state.as_str(),
            To::Same => "the same",
        };
        let (from, by) = (from.join(", "), by.join(", "));
        out.push_str(&format!("| `{}` | {from} | {by} | {to} |\n", rule.step));
    }
    out
}

/// The steps in the order in which those are taken that did not know of each other.
fn ranks() -> String {
    let mut all = codes::StepKind::ALL.to_vec();
    all.sort_by_key(|step| step.rank());
    let all: Vec<String> = all.iter().map(|step| format!("`{step}`")).collect();
    format!("{}.\n", all.join(", "))
}

/// The default table of deadlines.
fn deadlines() -> String {
    let table = DeadlineTable::default();
    let hours = |ms: u64| match ms / 3_600_000 {
        hours @ 0..48 => format!("{hours} h"),
        hours => format!("{} d", hours / 24),
    };
    let mut out = String::from(
        "| what | from | critical | high | standard | what follows |\n|---|---|---|---|---|---|\n",
    );
    for (what, from, spans, follows) in [
        (
            "acknowledge",
            "sent, or the candidate opens",
            table.acknowledge,
            "the hub is told, the thread is closed to the candidate and the next one is asked, if there is one",
        ),
        (
            "decide",
            "the same",
            table.decide,
            "the same; after the last candidate, the originator is asked to record a gap",
        ),
        (
            "first-assistance",
            "accepted",
            table.first_assistance,
            "both sides are reminded",
        ),
        (
            "follow-up",
            "assistance began",
            table.follow_up,
            "both sides are reminded; after as long again, the originator is asked to check on the person",
        ),
    ] {
        let [critical, high, standard] = [spans.critical, spans.high, spans.standard].map(hours);
        out.push_str(&format!(
            "| `{what}` | {from} | {critical} | {high} | {standard} | {follows} |\n"
        ));
    }
    let [second, later] = table.later.map(hours);
    out.push_str(&format!(
        "\nThe second follow-up is due {second} after the first, each later one {later} after the one before.\n"
    ));
    out
}

/// Closed lists as CDDL, the rule named after the list.
fn code_lists() -> String {
    let mut out = String::from("```cddl\n");
    macro_rules! lists {
        ($($rule:literal = $list:ident;)+) => {$(
            out.push_str(&rule($rule, codes::$list::WHAT, codes::$list::TEXTS));
        )+};
    }
    lists! {
        "kind" = Kind; "tlp" = Tlp; "pap" = Pap; "handling-code" = HandlingCode; "purpose" = Purpose;
        "legal-basis-code" = LegalBasisCode; "crime-class" = CrimeClass; "basis" = Basis;
        "grade-scheme" = GradeScheme; "ref-rel" = RefRel; "retract-reason" = RetractReason;
        "recall-reason" = RecallReason; "receipt-what" = ReceiptWhat;
        "revoked-state" = RevokedState; "sector" = Sector; "route-role" = RouteRole; "regime" = Regime;
        "age-band" = AgeBand; "aggregate-gender" = AggregateGender; "protection-status" = ProtectionStatus;
        "measure" = Measure; "method" = Method; "direction" = Direction; "driver" = Driver;
        "factor-level" = FactorLevel; "factor-type" = FactorType; "likelihood" = Likelihood;
        "confidence" = Confidence; "border-type" = BorderType; "dimension" = Dimension;
        "act" = Act; "means" = Means; "exploitation" = Exploitation; "control" = Control;
        "isic-section" = IsicSection; "actor-role" = ActorRole; "transport" = Transport;
        "technique" = Technique; "phase" = Phase; "online-channel" = OnlineChannel;
        "case-count-band" = CaseCountBand; "leg-border" = LegBorder; "route-status" = RouteStatus;
        "volume-band" = VolumeBand; "fee-band" = FeeBand; "risk" = Risk; "doc-type" = DocType;
        "fraud" = Fraud; "detection-line" = DetectionLine; "register" = Register; "stance" = Stance;
        "service-type" = ServiceType; "capacity-band" = CapacityBand; "access" = Access;
        "accessibility" = Accessibility; "cost" = Cost; "unmet-band" = UnmetBand;
        "personal-kind" = PersonalKind; "referral-part" = ReferralPart; "urgency" = Urgency;
        "subject-category" = SubjectCategory; "child-state" = ChildState; "gender" = Gender;
        "trafficking-status" = TraffickingStatus; "decided-by" = DecidedBy; "safety" = Safety;
        "mobility" = Mobility; "guardian-kind" = GuardianKind; "consent-state" = ConsentState;
        "consent-by" = ConsentBy; "consent-scope" = ConsentScope;
        "consent-question" = ConsentQuestion; "emergency-reason" = EmergencyReason;
        "vulnerability-level" = VulnerabilityLevel; "family-relation" = FamilyRelation;
        "step-kind" = StepKind; "info-topic" = InfoTopic; "assist-phase" = AssistPhase;
        "decline-reason" = DeclineReason; "closure-reason" = ClosureReason;
        "withdrawal-reason" = WithdrawalReason;
    }
    for scheme in codes::GradeScheme::ALL {
        out.push_str(&rule(
            &format!("source-{scheme}"),
            "a source's grade in this scheme",
            scheme.sources(),
        ));
        out.push_str(&rule(
            &format!("info-{scheme}"),
            "an information's grade in this scheme",
            scheme.infos(),
        ));
    }
    out.push_str("```\n");
    out
}

fn rule(name: &str, what: &str, texts: &[&str]) -> String {
    let mut out = format!("; {what}\n");
    let mut line = format!("{name} =");
    for (at, text) in texts.iter().enumerate() {
        let piece = if at == 0 {
            format!(" \"{text}\"")
        } else {
            format!(" / \"{text}\"")
        };
        if line.len() + piece.len() > 100 {
            out.push_str(line.trim_end());
            out.push('\n');
            line = "   ".to_owned();
        }
        line.push_str(&piece);
    }
    out.push_str(&line);
    out.push('\n');
    out
}

/// The limits with the words of their source.
fn limits_table() -> String {
    let classes = limits::SIZE_CLASSES.map(|class| thousands(class as u64));
    let parcels = limits::PARCEL_CLASSES.map(|class| thousands(class as u64));
    let mut values: Vec<(&str, String)> = vec![
        ("SIZE_CLASSES", classes.join("; ")),
        ("PARCEL_CLASSES", parcels.join("; ")),
    ];
    macro_rules! values {
        ($($name:ident)+) => {
            $(values.push((stringify!($name), thousands(limits::$name as u64)));)+
        };
    }
    values! {
        RECORD_BYTES FRAME_BYTES CBOR_DEPTH CLOCK_AHEAD_MS BATCH_RECORDS BATCHES_IN_FLIGHT
        RECORD_FRAME_BYTES BATCH_BYTES CREDIT_BYTES SOFTWARE_BYTES HELLO_MS REPLY_MS
        REPAIR_FRAME_BYTES REPAIR_MISSING REPAIR_ROUNDS REPAIR_BYTES TITLE_CHARS SUMMARY_CHARS
        NOTE_CHARS LIST_ITEMS TREND_CELLS ONWARD_AGENCIES PERMIT_AGENCIES
        AFFIRM_RECORDS AUDIT_HEAD_BYTES NOTICES_AT_ONCE REFS CARD_KEYS AGENCY_KEYS ADDRESSES
        KEYS_STATEMENT_DAYS SERVICE_DAYS CARD_DAYS VICTIM_THRESHOLD LEG_HOURS ADDRESS_CHARS
        NODE_KEYS HUBS NAME_CHARS CHANNEL_CHARS SERIES_PREFIX_CHARS TREND_COMPARISONS DRAFT_BYTES
        AFFIRMED_RECORDS RECIPIENTS RESPOND_DAYS SEALING_KEYS SEALING_KEY_DAYS
        INSIDE_BYTES SHOWN_BYTES PERSONAL_NOTE_CHARS PERSONAL_ITEMS COMPANIONS HOURS_SPANS
        PARCEL_BYTES PARCEL_DAYS PARCEL_RECORDS PARCEL_ANSWERS PARCEL_NUMBERS PARCEL_WINDOW PIECE_BYTES
        DEPOSIT_MS DEPOSITS_AT_ONCE WAITING_PARCELS MAILBOX_IDS BUNDLE_PARCELS
        STEP_SEEN THREAD_STEPS CANDIDATES EMERGENCY_REVIEW_HOURS REFERRAL_DRAFT_BYTES
    }
    let source = include_str!("../../src/limits.rs");
    let mut out = String::from("| limit | value | what and why |\n|---|---|---|\n");
    let mut doc = String::new();
    let mut seen = 0;
    for line in source.lines() {
        if let Some(text) = line.strip_prefix("///") {
            doc.push_str(text);
        } else if let Some(rest) = line.strip_prefix("pub const ") {
            let name = rest.split(':').next().unwrap_or_default();
            let (_, value) = values
                .iter()
                .find(|(n, _)| *n == name)
                .unwrap_or_else(|| panic!("add {name} to the list in tests/all/spec.rs"));
            out.push_str(&format!("| `{name}` | {} | {} |\n", value, doc.trim()));
            doc.clear();
            seen += 1;
        } else {
            doc.clear();
        }
    }
    assert_eq!(seen, values.len());
    out
}

fn thousands(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn verdicts() -> String {
    let mut out = String::from("| rule | gate | in words |\n|---|---|---|\n");
    for verdict in VERDICTS {
        let gate = if verdict.allows() { "open" } else { "closed" };
        out.push_str(&format!(
            "| `{}` | {gate} | {} |\n",
            verdict.as_str(),
            verdict.says()
        ));
    }
    out
}

fn answers() -> String {
    let mut out = String::from("| code | answer |\n|---|---|\n");
    for code in 0..=u8::MAX {
        let Ok(outcome) = wire::Outcome::from_code(code) else {
            continue;
        };
        let text = match outcome {
            wire::Outcome::Withdrawn => "withdrawn".to_owned(),
            wire::Outcome::Answered(answer) => answer.to_string(),
        };
        out.push_str(&format!("| {code} | {text} |\n"));
    }
    out
}

fn planes() -> String {
    let mut out = String::from("| kind | plane | signed by |\n|---|---|---|\n");
    for kind in Kind::ALL {
        let by = if *kind == Kind::Contact {
            "the root key"
        } else {
            "a signing key"
        };
        out.push_str(&format!(
            "| `{kind}` | {} | {by} |\n",
            kind.plane().as_str()
        ));
    }
    out
}

/// Codes of checks, as they stand in the source.
fn codes_in(source: &str) -> BTreeSet<String> {
    source
        .split('"')
        .filter(|piece| {
            piece.len() == 6
                && piece[..3].bytes().all(|b| b.is_ascii_uppercase())
                && piece.as_bytes()[3] == b'-'
                && piece[4..].bytes().all(|b| b.is_ascii_digit())
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_check_code_is_listed_with_whom_it_binds() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    // A refused step says its own code in its text.
    let mut found = BTreeSet::from(["REF-07".to_owned()]);
    for folder in ["record/check", "personal/checks"] {
        for file in std::fs::read_dir(source.join(folder)).expect("sources") {
            let path = file.expect("entry").path();
            if path.file_name().is_some_and(|name| name != "tests.rs") {
                found.extend(codes_in(&std::fs::read_to_string(path).expect("source")));
            }
        }
    }
    let rows = table("checks");
    let listed: BTreeSet<String> = rows.iter().map(|row| row[0].clone()).collect();
    assert_eq!(listed, found);
    assert_eq!(rows.len(), listed.len(), "no code twice");
    for row in rows {
        let everywhere = row[0].starts_with("LIM");
        assert_eq!(row[1] == "everywhere", everywhere, "{row:?}");
    }
}

/// The fields that serde knows of a type.
fn fields_of<T: serde::de::DeserializeOwned>() -> BTreeSet<String> {
    let error = serde_json::from_str::<T>(r#"{"?": 0}"#)
        .err()
        .expect("an unknown field")
        .to_string();
    let (_, list) = error.split_once("expected ").expect("a list of fields");
    list.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// The fields of a map in the CDDL of the spec.
fn fields_in_cddl(spec: &str, rule: &str) -> BTreeSet<String> {
    let begin = format!("\n{rule} = {{\n");
    let (_, rest) = spec
        .split_once(&begin)
        .unwrap_or_else(|| panic!("no rule {rule}"));
    let (inside, _) = rest.split_once("\n}").expect("an end");
    inside
        .lines()
        .filter(|line| !line.trim_start().starts_with(';'))
        .filter_map(|line| line.split_once(':'))
        .map(|(key, _)| key.trim().trim_start_matches("? ").trim().to_owned())
        .collect()
}

#[test]
fn every_map_in_the_cddl_has_the_fields_of_its_type() {
    let spec = text();
    macro_rules! same {
        ($($rule:literal = $of:ty;)+) => {$(
            assert_eq!(fields_in_cddl(&spec, $rule), fields_of::<$of>(), "rule {}", $rule);
        )+};
    }
    same! {
        "legal-basis" = LegalBasis; "grade" = Grade; "ref" = Ref; "period" = Period;
        "trend" = kinds::Trend; "cell" = kinds::trend::Cell; "factor" = kinds::trend::Factor;
        "estimate" = kinds::trend::Estimate; "modus-operandi" = kinds::ModusOperandi;
        "victim-group" = kinds::modus_operandi::VictimGroup; "route" = kinds::Route;
        "leg" = kinds::route::Leg; "document-alert" = kinds::DocumentAlert;
        "feature" = kinds::document_alert::Feature; "service" = kinds::Service;
        "contact" = kinds::Contact; "function" = kinds::contact::Function;
        "card-keys" = kinds::contact::CardKeys; "signing-key" = kinds::contact::SigningKeyEntry;
        "revoked-key" = kinds::contact::RevokedKey; "keys" = kinds::Keys;
        "node-key" = kinds::keys::NodeKey; "audit-head" = liaison_protocol::audit::AuditHead; "retract" = kinds::Retract;
        "recall" = kinds::Recall; "receipt" = kinds::Receipt; "further" = kinds::Further;
        "permit" = kinds::Permit; "ask" = kinds::Ask; "affirm" = kinds::Affirm;
        "sealed" = kinds::Sealed; "subject" = personal::Subject;
        "profile" = personal::Profile; "trafficking" = personal::Trafficking;
        "companions" = personal::Companions; "consent" = personal::Consent;
        "emergency" = personal::Emergency; "assessment" = personal::Assessment;
        "vulnerability" = personal::Factor; "identity" = personal::Identity;
        "identity-document" = personal::IdentityDocument; "guardian" = personal::Guardian;
        "relative" = personal::FamilyLink; "step" = personal::Step; "overdue" = personal::Overdue;
        "sealing-key" = liaison_protocol::seal::SealingKey;
    }
    let mut envelope = fields_of::<liaison_protocol::record::envelope::Fields>();
    envelope.extend(["schema", "kind", "author", "created", "body"].map(str::to_owned));
    assert_eq!(fields_in_cddl(&spec, "payload"), envelope);
}

#[test]
fn every_field_that_is_optional_in_the_cddl_may_be_left_out_and_no_other() {
    let spec = text();
    let optional = |rule: &str| -> BTreeSet<String> {
        let (_, rest) = spec
            .split_once(&format!("\n{rule} = {{\n"))
            .expect("a rule");
        let (inside, _) = rest.split_once("\n}").expect("an end");
        inside
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("? "))
            .filter_map(|line| line.split_once(':'))
            .map(|(key, _)| key.trim().to_owned())
            .collect()
    };
    for record in [
        crate::cast::card(),
        crate::cast::keys(),
        crate::cast::every_field(),
        crate::cast::modus_operandi(),
        crate::cast::route(),
        crate::cast::document_alert(),
        crate::cast::service(),
        crate::cast::retract(),
        crate::cast::recall(),
        crate::cast::receipt(),
        crate::cast::permit(),
        crate::cast::ask(),
        crate::cast::affirm(),
        crate::cast::sealed(),
    ] {
        let kind = record.kind();
        let full = record.content.to_json().expect("json");
        let may = optional(kind.as_str());
        for key in full.as_object().expect("a map").keys() {
            let mut less = full.clone();
            less.as_object_mut().expect("a map").remove(key);
            let taken = kinds::Content::from_json(kind, less).is_ok();
            assert_eq!(taken, may.contains(key), "{kind}: {key}");
        }
    }
    let record = crate::cast::every_field();
    let full = serde_json::to_value(&record.envelope.fields).expect("json");
    let may = optional("payload");
    for key in full.as_object().expect("a map").keys() {
        let mut less = full.clone();
        less.as_object_mut().expect("a map").remove(key);
        let taken =
            serde_json::from_value::<liaison_protocol::record::envelope::Fields>(less).is_ok();
        assert_eq!(taken, may.contains(key), "envelope: {key}");
    }
}

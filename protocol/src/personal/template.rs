//! A referral to fill in, with the allowed codes as comments.

use crate::record::codes::{
    AgeBand, ConsentBy, ConsentQuestion, ConsentScope, ConsentState, DecidedBy, DocType,
    EmergencyReason, FactorType, FamilyRelation, Gender, GuardianKind, Mobility, ProtectionStatus,
    Safety, ServiceType, TraffickingStatus, Urgency, VulnerabilityLevel,
};
use crate::record::date::Date;
use crate::record::template::wrap;

/// A fictional referral in TOML, valid as it stands.
pub fn referral_toml(today: Date) -> String {
    let bands: Vec<&str> = AgeBand::ALL
        .iter()
        .filter(|band| !matches!(band, AgeBand::Child | AgeBand::Adult))
        .map(|band| band.as_str())
        .collect();
    let mut out = Page(
        "# A referral. Lines that begin with # are comments. Fictional example.\n\
         # Write nothing about what was done to the person.\n"
            .to_owned(),
    );
    out.field(
        "candidates = [\"qn-lantern\", \"migro\"]",
        "Providers, asked one after another. `liaison service match` suggests some.",
    );
    out.field(
        "keep_order = false",
        "true: ask them in this order even if a later one is open now and the first is not.",
    );
    out.field("citizenship = [\"QM\"]", "Country of citizenship, two letters; [] if not known. Sent with the identity only; keeps everything from that country's authorities.");
    out.head("profile", "What candidates read.");
    out.one("urgency", "high", Urgency::TEXTS);
    out.one("age_band", "18-29", &bands);
    out.one("gender", "feminine", Gender::TEXTS);
    out.one("status", "irregular-migrant", ProtectionStatus::TEXTS);
    out.any("needs", &["shelter", "psychosocial"], ServiceType::TEXTS);
    out.field(
        "languages = [\"ar\"]",
        "Languages, the best first (BCP 47).",
    );
    out.field("interpreter = true", "Whether an interpreter is needed.");
    out.field(
        "region = \"QN-02\"",
        "Subdivision (ISO 3166-2); never a town.",
    );
    out.any("safety", &["trafficker-near"], Safety::TEXTS);
    out.one("mobility", "free", Mobility::TEXTS);
    out.field(
        "accompanied_by = [{ age_band = \"0-8\", count = 1 }]",
        "Who is with them, by age band.",
    );
    out.note(&format!(
        "guardian = \"appointed\"   # of a child; one of: {}",
        GuardianKind::TEXTS.join(", ")
    ));
    out.note("reflection_until = 2031-05-14   # last day of a reflection period, if granted");
    out.gap();
    out.head("profile.trafficking", "");
    out.one("status", "possible", TraffickingStatus::TEXTS);
    out.one("decided_by", "police", DecidedBy::TEXTS);
    out.head("profile.consent", "Nothing is sent without consent.");
    out.one("state", "given", ConsentState::TEXTS);
    out.one("by", "self", ConsentBy::TEXTS);
    out.field(
        &format!("date = {today}"),
        "The day on which they were asked.",
    );
    out.any(
        "scope",
        &["assistance", "share-profile", "share-identity"],
        ConsentScope::TEXTS,
    );
    out.any("checklist", ConsentQuestion::TEXTS, ConsentQuestion::TEXTS);
    out.field("language = \"ar\"", "Language in which they were asked.");
    out.field("interpreter = true", "Whether an interpreter was there.");
    out.note(
        "keep_until = 2031-09-30   # only if they agree that their name is kept for longer after the end",
    );
    out.note(&format!(
        "emergency = {{ reason = \"child-at-risk\" }}   # with state 'emergency'; one of: {}",
        EmergencyReason::TEXTS.join(", ")
    ));
    out.gap();
    out.head(
        "assessment",
        "For the provider that accepts. Leave it out if nobody has assessed.",
    );
    out.field(
        "assessor = \"social worker on duty\"",
        "A role, not a name.",
    );
    out.field(&format!("date = {today}"), "");
    out.note("best_interests_officer = \"…\"   # of a child");
    out.field(
        "factors = [\n  { level = \"individual\", works = \"risk\", code = \"no-income\" },\n  { level = \"household\", works = \"protective\", code = \"contact-with-sister\", note = \"calls every week\" },\n]",
        &format!(
            "level: {}. works: {}. code: a catch-word. note: a sentence, optional.",
            VulnerabilityLevel::TEXTS.join(", "),
            FactorType::TEXTS.join(", ")
        ),
    );
    out.head(
        "identity",
        "Sent only when a provider has accepted and you release it.",
    );
    out.field(
        "names = [\"Amina Example\"]",
        "The name that they use first.",
    );
    out.field(
        "birth_date = \"2005-04\"",
        "As far as known: 2005, 2005-04 or 2005-04-17.",
    );
    out.field("contact = [\"+999 55 010 44\"]", "");
    out.field(
        "documents = [{ doc_type = \"passport\", number = \"X0000000\", issuer = \"QM\" }]",
        &format!("doc_type: {}.", DocType::TEXTS.join(", ")),
    );
    out.field(
        "family = [{ relation = \"sibling\", name = \"Salma Example\" }]",
        &format!("relation: {}.", FamilyRelation::TEXTS.join(", ")),
    );
    out.note("address = \"…\"");
    out.note("guardian = { kind = \"appointed\", name = \"…\", contact = \"…\" }");
    out.0
}

struct Page(String);

impl Page {
    fn note(&mut self, note: &str) {
        for line in wrap(note) {
            self.0.push_str(&format!("# {line}\n"));
        }
    }

    fn gap(&mut self) {
        self.0.push('\n');
    }

    fn head(&mut self, table: &str, note: &str) {
        self.0.push_str(&format!("[{table}]\n"));
        self.note(note);
        self.gap();
    }

    fn field(&mut self, line: &str, note: &str) {
        if self.0.ends_with("person.\n") {
            self.gap();
        }
        self.note(note);
        self.0.push_str(line);
        self.0.push_str("\n\n");
    }

    fn one(&mut self, name: &str, value: &str, allowed: &[&str]) {
        self.field(
            &format!("{name} = \"{value}\""),
            &format!("one of: {}", allowed.join(", ")),
        );
    }

    fn any(&mut self, name: &str, values: &[&str], allowed: &[&str]) {
        let values: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
        self.field(
            &format!("{name} = [{}]", values.join(", ")),
            &format!("any of: {}", allowed.join(", ")),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::personal::checks::{Candidate, Circumstances, check_assessment, check_profile};
    use crate::personal::{ReferralDraft, limits_of};
    use crate::record::codes::{Country2, Sector};
    use crate::record::draft::toml_as_json;

    #[test]
    fn it_is_valid_as_it_stands() {
        let today: Date = "2031-03-02".parse().expect("date");
        let text = referral_toml(today);
        let (draft, json) = ReferralDraft::from_toml(&text).expect("draft");
        let again = ReferralDraft::from_json(json.to_string().as_bytes()).expect("json");
        assert!(draft == again);
        let qn: Country2 = "QN".parse().expect("country");
        let candidates = ["qn-lantern", "migro"].map(|name| Candidate {
            name,
            sector: Sector::Ngo,
            country: &qn,
            is_author: false,
            can_open: true,
        });
        let with = Circumstances {
            author: "qn-bord",
            author_country: &qn,
            today,
            citizenship: &draft.citizenship,
            candidates: &candidates,
            approved: false,
        };
        assert_eq!(check_profile(&draft.profile, &with), []);
        let assessment = draft.assessment.as_ref().expect("assessment");
        assert_eq!(check_assessment(&draft.profile, assessment, &with), []);
        for inside in [
            draft.profile_inside(today, false),
            draft.assessment_inside(today).expect("assessment"),
            draft.identity_inside(today).expect("identity"),
        ] {
            assert_eq!(limits_of(&inside), Ok(()));
            let bytes = inside.encode().expect("fits");
            assert!(crate::personal::Inside::decode(&bytes) == Ok(inside));
        }
        assert!(
            text.lines().all(|line| line.chars().count() <= 110),
            "{text}"
        );
    }

    #[test]
    fn an_error_names_the_line_and_never_what_was_typed_about_the_person() {
        let today: Date = "2031-03-02".parse().expect("date");
        let text = referral_toml(today);
        let says = |from: &str, to: &str| {
            ReferralDraft::from_toml(&text.replace(from, to))
                .expect_err("wrong")
                .to_string()
        };
        let error = says("names = [\"Amina Example\"]", "names = \"Amina Example\"");
        assert!(
            error.contains("identity.names") && error.contains("line "),
            "{error}"
        );
        assert!(!error.contains("Amina"), "{error}");
        let error = says("urgency = \"high\"", "urgency = \"soon\"");
        assert!(
            error.ends_with("it is not an urgency; allowed: critical, high, standard"),
            "{error}"
        );
        let error = says("urgency = \"high\"", "colour = \"red\"");
        assert!(
            error.contains("profile: has an entry that is not one of `urgency`"),
            "{error}"
        );
        assert!(error.contains("line "), "{error}");
        for (from, to) in [
            ("urgency = \"high\"", "urgency = \"Amina, expected it\""),
            ("urgency = \"high\"", "urgency = \"Amina' is not here\""),
            ("urgency = \"high\"", "\"Amina.Zebra\" = 1"),
            ("urgency = \"high\"", "\"Amina`, expected `a\" = 1"),
            (
                "urgency = \"high\"",
                "urgency = \"high\"\nAmina = 1\nAmina = 2",
            ),
            ("urgency = \"high\"", "urgency = Amina"),
            ("region = \"QN-02\"", "region = \"Amina's house\""),
            ("keep_order = false", "keep_order = \"Amina\""),
            ("keep_order = false", "Amina = false"),
            ("state = \"given\"", "state = \"Amina\""),
            ("interpreter = true", "interpreter = \"Amina\""),
            ("names = ", "Amina = "),
        ] {
            let error = says(from, to);
            let spoken = error.to_lowercase();
            assert!(!spoken.contains("amina"), "{to}: {error}");
            assert!(
                !spoken.contains("zebra") && !spoken.contains("house"),
                "{to}: {error}"
            );
            let json = |text: &str| match toml_as_json(text) {
                Ok(json) => ReferralDraft::from_json(json.to_string().as_bytes()).err(),
                Err(_) => None,
            };
            if let Some(error) = json(&text.replace(from, to)) {
                assert!(!error.to_string().contains("Amina"), "{to}: {error}");
            }
        }
    }
}

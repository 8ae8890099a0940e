//! The questions of a guided referral: few, in plain words, in the order in which an officer
//! can answer them. The answers make the JSON of a [`super::ReferralDraft`].

use serde_json::Value;

use crate::limits;
use crate::record::codes::{
    AgeBand, ConsentBy, ConsentQuestion, ConsentScope, ConsentState, DecidedBy, EmergencyReason,
    Gender, GuardianKind, Mobility, ProtectionStatus, Safety, ScreenIndicator, ServiceType,
    TraffickingStatus, Urgency,
};

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Where the answer stands in the draft: `profile.urgency`.
    pub field: &'static str,
    /// The question.
    pub ask: &'static str,
    /// A word of help; may be empty.
    pub hint: &'static str,
    /// What it takes.
    pub answer: Answer,
    /// When it is asked.
    pub when: When,
    /// Whether it may be left without an answer.
    pub optional: bool,
}

/// What a question takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// One of these.
    One(Vec<Choice>),
    /// Any of these, as a list.
    Many(Vec<Choice>),
    /// Yes or no.
    YesNo,
    /// A text of at most so many characters.
    Text(usize),
    /// A list of texts, separated by commas; `each` says what one is.
    List {
        /// What one of them is, with an example.
        each: &'static str,
    },
    /// A day; empty means today.
    Day,
    /// Names of providers, the first to be asked first.
    Providers,
}

/// A code and its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// As it is written.
    pub code: &'static str,
    /// As people read it.
    pub label: &'static str,
}

/// When a question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// When the person is, or may be, a child.
    Child,
    /// When consent was given.
    Consented,
    /// In an emergency.
    Emergency,
    /// When consent covers the identity, or in an emergency.
    Identity,
}

impl When {
    /// Whether the question is asked, after these answers.
    pub fn holds(self, draft: &Value) -> bool {
        let text = |path: &str| draft.pointer(path).and_then(Value::as_str);
        let state = text("/profile/consent/state");
        match self {
            When::Always => true,
            When::Child => matches!(
                text("/profile/age_band"),
                None | Some("0-8" | "9-17" | "unknown")
            ),
            When::Consented => state == Some("given"),
            When::Emergency => state == Some("emergency"),
            When::Identity => {
                let shared = draft
                    .pointer("/profile/consent/scope")
                    .and_then(Value::as_array)
                    .is_some_and(|scope| {
                        scope.iter().any(|s| s.as_str() == Some("share-identity"))
                    });
                shared || state == Some("emergency")
            }
        }
    }
}

macro_rules! choices {
    ($list:ty $(, without $($left_out:path)|+)?) => {
        <$list>::ALL
            .iter()
            $(.filter(|code| !matches!(code, $($left_out)|+)))?
            .map(|code| Choice { code: code.as_str(), label: code.label() })
            .collect()
    };
}

/// The questions of a guided referral, in their order.
pub fn questions() -> Vec<Question> {
    let ask = |field, ask, hint, answer| Question {
        field,
        ask,
        hint,
        answer,
        when: When::Always,
        optional: false,
    };
    let mut all = vec![
        ask(
            "profile.consent.state",
            "Did the person agree to be referred?",
            "Choose 'emergency' only if their life or health is in danger and they cannot be asked, or for a child without a guardian.",
            Answer::One(choices!(ConsentState, without ConsentState::Withdrawn)),
        ),
        ask(
            "profile.age_band",
            "How old is the person?",
            "If you are not sure, choose 'unknown': the person is then treated as a child.",
            Answer::One(choices!(AgeBand, without AgeBand::Child | AgeBand::Adult)),
        ),
        ask(
            "profile.urgency",
            "How soon is help needed?",
            "",
            Answer::One(choices!(Urgency)),
        ),
    ];
    all.extend(consent());
    all.extend([
        ask(
            "profile.gender",
            "Gender?",
            "As the person says.",
            Answer::One(choices!(Gender)),
        ),
        ask(
            "profile.status",
            "What is their status in this country?",
            "For those who asked for asylum nothing ever goes to the country of citizenship.",
            Answer::One(choices!(ProtectionStatus)),
        ),
        Question {
            optional: true,
            ..ask(
                "citizenship",
                "Of which country are they a citizen?",
                "Two letters. Candidates don't read it; it keeps the referral from that country. Empty: not known.",
                Answer::List {
                    each: "a country in two letters, like QM",
                },
            )
        },
        ask(
            "profile.trafficking.status",
            "Is the person a presumed or an identified victim?",
            "",
            Answer::One(choices!(TraffickingStatus)),
        ),
        ask(
            "profile.trafficking.decided_by",
            "Who says so?",
            "",
            Answer::One(choices!(DecidedBy)),
        ),
        ask(
            "profile.needs",
            "What does the person need?",
            "The most urgent first.",
            Answer::Many(choices!(ServiceType, without ServiceType::Training)),
        ),
        ask(
            "profile.languages",
            "Which languages do they speak?",
            "The best first.",
            Answer::List {
                each: "a language, like ar or sr-Latn",
            },
        ),
        ask(
            "profile.interpreter",
            "Is an interpreter needed?",
            "",
            Answer::YesNo,
        ),
        ask(
            "profile.region",
            "In which region are they?",
            "The subdivision only, like QN-02; never the town.",
            Answer::Text(6),
        ),
        ask(
            "profile.safety",
            "What threatens them now?",
            "",
            Answer::Many(choices!(Safety)),
        ),
        Question {
            optional: true,
            ..ask(
                "profile.mobility",
                "How can they move?",
                "",
                Answer::One(choices!(Mobility)),
            )
        },
        Question {
            when: When::Child,
            optional: true,
            ..ask(
                "profile.guardian",
                "Who is the guardian?",
                "Leave it empty if there is none yet.",
                Answer::One(choices!(GuardianKind)),
            )
        },
        ask(
            "candidates",
            "Whom shall be asked, in which order?",
            "One after another; the next only if the one before does not answer or cannot help.",
            Answer::Providers,
        ),
    ]);
    all.extend(identity());
    all
}

fn consent() -> Vec<Question> {
    let ask = |field, ask, hint, answer, when| Question {
        field,
        ask,
        hint,
        answer,
        when,
        optional: false,
    };
    vec![
        ask(
            "profile.consent.by",
            "Who agreed?",
            "For a child: the guardian or the legal representative.",
            Answer::One(choices!(ConsentBy)),
            When::Consented,
        ),
        ask(
            "profile.consent.scope",
            "To what did they agree?",
            "Needed to refer: assistance, share-profile. Needed to hand over: share-identity.",
            Answer::Many(choices!(ConsentScope)),
            When::Consented,
        ),
        ask(
            "profile.consent.checklist",
            "Which of these did you explain?",
            "All seven are needed.",
            Answer::Many(choices!(ConsentQuestion)),
            When::Consented,
        ),
        ask(
            "profile.consent.emergency.reason",
            "Why can it not wait?",
            "A colleague has to approve it from their own account.",
            Answer::One(choices!(EmergencyReason)),
            When::Emergency,
        ),
        Question {
            optional: true,
            ..ask(
                "profile.consent.emergency.note",
                "A sentence on the reason?",
                "No names, no places.",
                Answer::Text(limits::PERSONAL_NOTE_CHARS),
                When::Emergency,
            )
        },
        ask(
            "profile.consent.date",
            "On which day were they asked?",
            "Empty: today.",
            Answer::Day,
            When::Always,
        ),
        ask(
            "profile.consent.language",
            "In which language?",
            "Like en, ar or sr-Latn.",
            Answer::Text(35),
            When::Always,
        ),
    ]
}

fn identity() -> Vec<Question> {
    let ask = |field, ask, hint, answer| Question {
        field,
        ask,
        hint,
        answer,
        when: When::Identity,
        optional: true,
    };
    vec![
        ask(
            "identity.names",
            "What is their name?",
            "Stays on this machine until a provider has accepted and you release it. Empty: later.",
            Answer::List {
                each: "a name as the person uses it",
            },
        ),
        ask(
            "identity.birth_date",
            "When were they born?",
            "As far as known: 2008, 2008-05 or 2008-05-17.",
            Answer::Text(10),
        ),
        ask(
            "identity.contact",
            "How can they be reached?",
            "",
            Answer::List {
                each: "a telephone number or an e-mail address",
            },
        ),
    ]
}

/// The questions of a first screening.
pub fn screen_questions() -> Vec<Question> {
    vec![
        Question {
            field: "age_band",
            ask: "How old does the person seem?",
            hint: "If you are not sure, choose 'unknown'.",
            answer: Answer::One(choices!(AgeBand, without AgeBand::Child | AgeBand::Adult)),
            when: When::Always,
            optional: false,
        },
        Question {
            field: "indicators",
            ask: "What did you see or hear?",
            hint: "Ask alone, in a quiet place, with an interpreter. Do not ask what was done to them.",
            answer: Answer::Many(choices!(ScreenIndicator)),
            when: When::Always,
            optional: true,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::personal::ReferralDraft;
    use crate::record::date::Date;
    use serde_json::json;

    fn set(draft: &mut Value, field: &str, answer: Value) {
        let mut at = draft;
        for key in field.split('.') {
            if !at.is_object() {
                *at = json!({});
            }
            at = &mut at[key];
        }
        *at = answer;
    }

    /// Answers every question that is asked, with the first that it offers.
    fn answered(state: &str, age: &str, optional: bool) -> Value {
        let mut draft = json!({});
        for question in questions() {
            if !question.when.holds(&draft) || (question.optional && !optional) {
                continue;
            }
            let answer = match (question.field, &question.answer) {
                ("profile.consent.state", _) => json!(state),
                ("profile.age_band", _) => json!(age),
                ("profile.region", _) => json!("QN-02"),
                ("profile.consent.language", _) => json!("ar"),
                ("profile.languages", _) => json!(["ar"]),
                ("citizenship", _) => json!(["QM"]),
                ("identity.birth_date", _) => json!("2013"),
                (_, Answer::One(choices)) => json!(choices[0].code),
                (_, Answer::Many(choices)) => {
                    json!(
                        choices
                            .iter()
                            .map(|c| c.code)
                            .filter(|c| *c != "none")
                            .collect::<Vec<_>>()
                    )
                }
                (_, Answer::YesNo) => json!(true),
                (_, Answer::Text(_)) => json!("word"),
                (_, Answer::List { .. } | Answer::Providers) => json!(["qn-lantern"]),
                (_, Answer::Day) => json!("2031-03-01"),
            };
            set(&mut draft, question.field, answer);
        }
        draft
    }

    #[test]
    fn the_answers_make_a_draft_that_keeps_its_form() {
        let today: Date = "2031-03-02".parse().expect("date");
        for state in ["given", "emergency"] {
            for age in ["0-8", "18-29", "unknown"] {
                for optional in [true, false] {
                    let json = answered(state, age, optional).to_string();
                    let draft = ReferralDraft::from_json(json.as_bytes()).expect("draft");
                    let inside = draft.profile_inside(today, true);
                    assert_eq!(crate::personal::limits_of(&inside), Ok(()));
                    assert_eq!(draft.identity.is_some(), optional);
                }
            }
        }
    }

    #[test]
    fn who_said_no_is_asked_for_no_identity() {
        assert!(answered("refused", "18-29", true).get("identity").is_none());
    }

    #[test]
    fn a_question_is_short() {
        for question in questions().into_iter().chain(screen_questions()) {
            assert!(question.ask.chars().count() <= 70, "{}", question.ask);
            assert!(question.hint.chars().count() <= 140, "{}", question.hint);
        }
    }
}

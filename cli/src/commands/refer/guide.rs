//! The questions of a referral, put to an officer one after another. After each answer the
//! draft is kept by the node, so that nothing is lost if the terminal closes.

use liaison_node::control::api::ReferralReport;
use liaison_protocol::personal::questions::{Answer, Choice, Question};
use liaison_protocol::record::codes::{Area, Country2, Lang};
use liaison_protocol::record::date::Date;
use serde_json::{Value, json};

use super::make::keep;
use crate::client::Client;
use crate::commands::{Context, today};
use crate::error::CommandError;
use crate::output::Ui;

/// Times that an answer that does not fit is asked for again.
const TRIES: usize = 5;

/// Asks what the draft does not say yet; gives the name under which it is kept.
pub fn ask_all(
    context: &mut Context,
    client: &Client,
    draft: &mut Value,
    mut name: Option<String>,
    questions: Vec<Question>,
) -> Result<Option<String>, CommandError> {
    for question in questions {
        if has(draft, question.field) || !question.when.holds(draft) {
            continue;
        }
        let Some(answer) = ask(context.ui, &question)? else {
            continue;
        };
        set(draft, question.field, answer);
        let report: ReferralReport = keep(client, draft, name.as_deref())?;
        if name.is_none()
            && let Some(new) = &report.draft
        {
            context.ui.note(&format!(
                "Kept as draft {new}; if you are interrupted: `liaison refer new --draft {new}`"
            ))?;
        }
        name = report.draft.or(name);
    }
    Ok(name)
}

/// One answer; none: it was left open.
pub fn ask(ui: &mut Ui, question: &Question) -> Result<Option<Value>, CommandError> {
    ui.note("\n")?;
    let asked = if question.optional {
        format!("{} (Enter: leave it)", question.ask)
    } else {
        question.ask.to_owned()
    };
    if !question.hint.is_empty() {
        ui.note(&format!("  {}", question.hint))?;
    }
    match &question.answer {
        Answer::One(list) => one(ui, &asked, list, question.optional),
        Answer::Many(list) => many(ui, &asked, list, question),
        Answer::YesNo => Ok(Some(json!(ui.confirm(&asked, false)?))),
        Answer::Day => again(ui, &asked, |text| match text {
            "" => Ok(Some(json!(today().to_string()))),
            text => text
                .parse::<Date>()
                .map(|day| Some(json!(day.to_string())))
                .map_err(|e| e.to_string()),
        }),
        Answer::Text(most) => again(ui, &asked, |text| {
            if text.is_empty() {
                return if question.optional {
                    Ok(None)
                } else {
                    Err("Please type an answer.".into())
                };
            }
            if text.chars().count() > *most {
                return Err(format!("At most {most} characters."));
            }
            fits(question.field, text)?;
            Ok(Some(json!(text)))
        }),
        Answer::List { each } => again(ui, &asked, |text| {
            let items = listed(text);
            if items.is_empty() {
                return if question.optional {
                    Ok(None)
                } else {
                    Err(format!("Please type {each}; several with commas between."))
                };
            }
            for item in &items {
                fits(question.field, item)?;
            }
            Ok(Some(json!(items)))
        }),
        Answer::Providers => again(ui, &asked, |text| {
            let names: Vec<String> = listed(text).iter().map(|n| n.to_lowercase()).collect();
            if names.is_empty() {
                return Err(
                    "Please type a name as `liaison peer list` shows it; several with commas between."
                        .into(),
                );
            }
            Ok(Some(json!(names)))
        }),
    }
}

fn one(
    ui: &mut Ui,
    question: &str,
    list: &[Choice],
    optional: bool,
) -> Result<Option<Value>, CommandError> {
    show(ui, list)?;
    again(ui, question, |text| {
        if text.is_empty() && optional {
            return Ok(None);
        }
        chosen(list, text)
            .map(|code| Some(json!(code)))
            .ok_or_else(|| "Please type a number or a word of the list.".into())
    })
}

fn many(
    ui: &mut Ui,
    question: &str,
    list: &[Choice],
    of: &Question,
) -> Result<Option<Value>, CommandError> {
    show(ui, list)?;
    let asked = format!("{question} Several with commas, or 'all'.");
    again(ui, &asked, |text| {
        if text.is_empty() && of.optional {
            return Ok(None);
        }
        let mut codes: Vec<&str> = Vec::new();
        if text == "all" {
            codes.extend(list.iter().map(|choice| choice.code));
        }
        for word in text
            .split([',', ' '])
            .filter(|w| !w.is_empty() && *w != "all")
        {
            match chosen(list, word) {
                Some(code) if !codes.contains(&code) => codes.push(code),
                Some(_) => {}
                None => return Err("Please type numbers or words of the list.".into()),
            }
        }
        if codes.is_empty() {
            return Err("Please type at least one of the list.".into());
        }
        Ok(Some(json!(codes)))
    })
}

fn show(ui: &mut Ui, list: &[Choice]) -> Result<(), CommandError> {
    let widest = list.iter().map(|c| c.code.len()).max().unwrap_or(0);
    for (at, choice) in list.iter().enumerate() {
        let line = format!("{:>4}  {:<widest$}  {}", at + 1, choice.code, choice.label);
        // Where code and label say the same, once is enough.
        ui.note(line.trim_end())?;
    }
    Ok(())
}

fn chosen(list: &[Choice], word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    let by_code = list.iter().find(|choice| choice.code == word);
    let by_number = || {
        let at = word.parse::<usize>().ok()?.checked_sub(1)?;
        list.get(at)
    };
    by_code.or_else(by_number).map(|choice| choice.code)
}

/// Asks until the answer fits.
fn again(
    ui: &mut Ui,
    question: &str,
    read: impl Fn(&str) -> Result<Option<Value>, String>,
) -> Result<Option<Value>, CommandError> {
    for _ in 0..TRIES {
        let Some(text) = ui.read_answer(question)? else {
            break;
        };
        match read(text.trim()) {
            Ok(answer) => return Ok(answer),
            Err(says) => ui.note(&says)?,
        }
    }
    Err(CommandError::usage(
        format!("no answer to '{question}'"),
        "what you answered is kept: `liaison refer drafts` lists it, `liaison refer new --draft NAME` goes on",
    ))
}

fn listed(text: &str) -> Vec<String> {
    let items = text.split(',').map(str::trim);
    items
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Says at once what the node would say at the end.
fn fits(field: &str, text: &str) -> Result<(), String> {
    match field {
        "profile.region" => text.parse::<Area>().map(drop).map_err(|e| e.to_string()),
        "profile.consent.language" | "profile.languages" => {
            text.parse::<Lang>().map(drop).map_err(|e| e.to_string())
        }
        "citizenship" => text
            .parse::<Country2>()
            .map(drop)
            .map_err(|e| e.to_string()),
        _ => Ok(()),
    }
}

fn has(draft: &Value, field: &str) -> bool {
    draft
        .pointer(&format!("/{}", field.replace('.', "/")))
        .is_some()
}

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

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use liaison_protocol::personal::questions::{When, questions};

    use super::*;

    fn answer(question: &Question, typed: &'static str) -> Option<Value> {
        let mut ui = Ui::with(
            Box::new(Cursor::new(typed)),
            Box::new(std::io::sink()),
            Box::new(std::io::sink()),
        );
        ask(&mut ui, question).ok().flatten()
    }

    fn question(field: &str) -> Question {
        let found = questions().into_iter().find(|q| q.field == field);
        found.expect("question")
    }

    #[test]
    fn answers_are_numbers_or_words_and_bad_ones_are_asked_again() {
        assert_eq!(
            answer(&question("profile.urgency"), "soon\n2\n"),
            Some(json!("high"))
        );
        assert_eq!(
            answer(&question("profile.needs"), "1, legal 1\n"),
            Some(json!(["shelter", "legal"]))
        );
        let all = answer(&question("profile.consent.checklist"), "all\n").expect("all");
        assert_eq!(all.as_array().map(Vec::len), Some(7));
        assert_eq!(answer(&question("citizenship"), "\n"), None);
        assert_eq!(
            answer(&question("citizenship"), "Meridonia\nqm\n"),
            Some(json!(["qm"]))
        );
        assert_eq!(answer(&question("profile.urgency"), ""), None);
    }

    #[test]
    fn what_is_answered_is_not_asked_again() {
        let mut draft = json!({});
        set(&mut draft, "profile.consent.state", json!("given"));
        assert!(has(&draft, "profile.consent.state"));
        assert!(!has(&draft, "profile.consent.by"));
        assert!(When::Consented.holds(&draft));
    }
}

//! Questions to a person at a terminal. Nothing here is called when there is none.

use crate::error::{CommandError, Outcome};
use crate::output::Ui;

/// Times that a question is put again before the command gives up.
const TRIES: usize = 5;

impl Ui {
    /// Yes or no; Enter takes `default`, the end of input is no.
    ///
    /// # Errors
    /// When the terminal fails.
    pub fn confirm(&mut self, question: &str, default: bool) -> Result<bool, CommandError> {
        let hint = if default { "[Y/n]" } else { "[y/N]" };
        for _ in 0..TRIES {
            let Some(answer) = self.read_answer(&format!("{question} {hint}"))? else {
                return Ok(false);
            };
            match answer.to_lowercase().as_str() {
                "" => return Ok(default),
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => self.note("Please answer y or n.")?,
            }
        }
        Ok(false)
    }

    /// Whether to ask before what can't be undone: not where `--yes` was typed.
    ///
    /// # Errors
    /// Where nobody can be asked: standard input or standard error is no terminal.
    pub fn asks(&self, yes: bool) -> Result<bool, CommandError> {
        if yes || self.interactive {
            return Ok(!yes);
        }
        Err(CommandError::usage(
            "what can't be undone is not done without a question, and nobody can be asked here",
            "type it on a terminal, or add --yes",
        ))
    }

    /// Asks before what can't be undone, unless `--yes` was typed.
    ///
    /// # Errors
    /// A no, with what was not done; as [`Self::asks`].
    pub fn sure(&mut self, question: &str, yes: bool, not_done: &str) -> Outcome {
        if self.asks(yes)? && !self.confirm(question, false)? {
            return Err(CommandError::failed(not_done, "type y to do it"));
        }
        Ok(())
    }

    /// One line; asked again while it is empty and `required`.
    ///
    /// # Errors
    /// At the end of input, or when the terminal fails.
    pub fn line(&mut self, question: &str, required: bool) -> Result<String, CommandError> {
        for _ in 0..TRIES {
            let Some(answer) = self.read_answer(question)? else {
                break;
            };
            if !answer.is_empty() || !required {
                return Ok(answer);
            }
        }
        Err(given_up(question))
    }

    /// One or more of a closed list, which is shown.
    ///
    /// # Errors
    /// As [`Self::line`].
    pub fn choose(
        &mut self,
        question: &str,
        allowed: &[&str],
        many: bool,
    ) -> Result<Vec<String>, CommandError> {
        self.note(&format!("  {}", allowed.join(", ")))?;
        for _ in 0..TRIES {
            let Some(answer) = self.read_answer(question)? else {
                break;
            };
            let words: Vec<String> = answer
                .split([',', ' '])
                .filter(|w| !w.is_empty())
                .map(str::to_lowercase)
                .collect();
            let known = words.iter().all(|word| allowed.contains(&word.as_str()));
            if known && (words.len() == 1 || (many && !words.is_empty())) {
                return Ok(words);
            }
            self.note(if many {
                "Please type one or more of the list."
            } else {
                "Please type one of the list."
            })?;
        }
        Err(given_up(question))
    }

    /// One of a closed list of codes, which is shown with what each means; its number or the
    /// code itself is typed.
    ///
    /// # Errors
    /// As [`Self::line`].
    pub fn pick(&mut self, question: &str, list: &[(&str, &str)]) -> Result<String, CommandError> {
        let widest = list.iter().map(|(code, _)| code.len()).max().unwrap_or(0);
        for (at, (code, label)) in list.iter().enumerate() {
            self.note(&format!("{:>4}  {code:<widest$}  {label}", at + 1))?;
        }
        for _ in 0..TRIES {
            let Some(answer) = self.read_answer(question)? else {
                break;
            };
            let answer = answer.to_lowercase();
            let by_number = answer.parse().ok().and_then(|n: usize| n.checked_sub(1));
            let found = by_number
                .and_then(|at| list.get(at))
                .or_else(|| list.iter().find(|(code, _)| *code == answer));
            if let Some((code, _)) = found {
                return Ok((*code).to_owned());
            }
            self.note("Please type a number or a word of the list.")?;
        }
        Err(given_up(question))
    }

    /// One letter of a few.
    ///
    /// # Errors
    /// When the terminal fails.
    pub fn letter(
        &mut self,
        question: &str,
        allowed: &str,
        fallback: char,
    ) -> Result<char, CommandError> {
        for _ in 0..TRIES {
            let Some(answer) = self.read_answer(question)? else {
                return Ok(fallback);
            };
            if let Some(first) = answer.to_lowercase().chars().next()
                && allowed.contains(first)
            {
                return Ok(first);
            }
            let letters: Vec<String> = allowed.chars().map(String::from).collect();
            self.note(&format!("Please type one of {}.", letters.join(", ")))?;
        }
        Ok(fallback)
    }
}

fn given_up(question: &str) -> CommandError {
    CommandError::usage(
        format!(
            "no answer to '{}'",
            question.trim_end_matches([':', '?', ' '])
        ),
        "type the command again, or give the answer as a flag (see --help)",
    )
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn ui(input: &'static str) -> Ui {
        Ui::with(
            Box::new(Cursor::new(input)),
            Box::new(std::io::sink()),
            Box::new(std::io::sink()),
        )
    }

    #[test]
    fn the_end_of_input_is_never_yes() {
        assert!(!ui("").confirm("Send?", true).expect("answer"));
        assert!(ui("\n").confirm("Send?", true).expect("answer"));
        assert!(ui("what\nYES\n").confirm("Send?", false).expect("answer"));
    }

    #[test]
    fn one_of_a_list_is_picked_by_number_or_by_name() {
        let list = [("no-capacity", "No place free"), ("other", "Other")];
        for (typed, picked) in [("2\n", "other"), ("0\n3\nno-capacity\n", "no-capacity")] {
            assert_eq!(ui(typed).pick("Why?", &list).ok().as_deref(), Some(picked));
        }
        assert!(ui("").pick("Why?", &list).is_err());
    }

    #[test]
    fn a_choice_is_of_the_list() {
        assert_eq!(
            ui("spies\npolice\n")
                .choose("Sector:", &["police", "ngo"], false)
                .ok(),
            Some(vec!["police".into()])
        );
        assert!(
            ui("police ngo\n")
                .choose("Sector:", &["police", "ngo"], false)
                .is_err()
        );
    }
}

//! The query language.
//!
//! Words are joined by "and". `field:a,b` is met by either value, `-` or `not` before a
//! condition turns it round, `a..b` is a range (either end may be missing), quotes keep
//! spaces, colons and commas together, `*` at the end stands for any ending.

use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, IdPrefix};
use liaison_protocol::record::codes::{Area, Country2, Country3, Dimension, Lang, Nationality};

use super::document::{fold, words};
use super::field::{Field, Shape, UnknownField};
use super::limits;
use super::query::{Clause, Pattern, Query, Test};
use super::span;

/// What a query is read with.
pub struct Context<'a> {
    /// The time.
    pub now: Millis,
    /// Who an alias is.
    pub author: &'a dyn Fn(&str) -> Option<AgencyId>,
}

/// Why a text is not a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// More bytes than a query may have.
    #[error(
        "the query has {found} bytes; at most {} are read",
        limits::QUERY_BYTES
    )]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// More conditions or values than a query may have.
    #[error(
        "the query has too many parts: at most {} conditions with {} values are read. Split it.",
        limits::QUERY_CLAUSES,
        limits::QUERY_VALUES
    )]
    TooMany,
    /// A field that is none.
    #[error(transparent)]
    UnknownField(#[from] UnknownField),
    /// A value that the field cannot have.
    #[error("{field}: {says}")]
    Value {
        /// The field.
        field: Field,
        /// What is wrong, and what is allowed.
        says: String,
    },
    /// A field without a value.
    #[error("{field}: no value after the colon; '{field}:*' finds what has any")]
    Empty {
        /// The field.
        field: Field,
    },
    /// An alias or id that names no agency.
    #[error(
        "author: no agency is called '{given}', and it is not the beginning of an agency's id ({says}). 'liaison peer list' shows the names."
    )]
    Author {
        /// What was given.
        given: String,
        /// Why it is no id.
        says: String,
    },
    /// A quote that does not end.
    #[error("a quotation mark is open to the end; close it")]
    OpenQuote,
    /// A word with nothing to search for in it.
    #[error("'{word}' has no letter or digit to search for")]
    NoWord {
        /// The word.
        word: String,
    },
    /// A `*` after too little, or elsewhere than at the end.
    #[error(
        "'{word}': a star stands at the end of one word, after at least {} letters",
        limits::PREFIX_CHARS
    )]
    Star {
        /// The word.
        word: String,
    },
    /// `not` or `-` with nothing behind it.
    #[error("'{word}' has nothing behind it to turn round")]
    Dangling {
        /// The word.
        word: String,
    },
    /// An `OR`.
    #[error("conditions are joined by 'and' only; for one of several values write 'field:a,b'")]
    Or,
}

/// Puts the words of a command line together again: the shell has taken away the quotes
/// around the value in `route:"Western Balkan Route"`.
pub fn join<S: AsRef<str>>(words: &[S]) -> String {
    let words: Vec<String> = words.iter().map(|word| requote(word.as_ref())).collect();
    words.join(" ")
}

fn requote(word: &str) -> String {
    let untouched = || word.to_owned();
    let Some((name, value)) = word.split_once(':') else {
        return untouched();
    };
    let open = matches!(
        Field::parse(name.trim_start_matches('-')),
        Ok(Field::Route | Field::Exercise | Field::Author | Field::Area)
            | Ok(Field::Dim(Dimension::Area))
    );
    let more = value
        .split_whitespace()
        .skip(1)
        .any(|part| part.contains(':') || part.starts_with('-'));
    if open && value.contains(char::is_whitespace) && !value.contains('"') && !more {
        match value.strip_suffix('*') {
            Some(stem) => format!("{name}:\"{stem}\"*"),
            None => format!("{name}:\"{value}\""),
        }
    } else {
        untouched()
    }
}

pub(super) fn parse(text: &str, context: &Context<'_>) -> Result<Query, QueryError> {
    if text.len() > limits::QUERY_BYTES {
        return Err(QueryError::TooLong { found: text.len() });
    }
    let mut query = Query::default();
    let mut values = 0;
    let mut turned: Option<String> = None;
    for token in tokens(text)? {
        let (minus, token) = token.strip_minus();
        let plain = token.plain();
        if !minus {
            match plain.as_deref() {
                Some("AND") => continue,
                Some("OR") => return Err(QueryError::Or),
                Some("not" | "NOT") if turned.is_none() => {
                    turned = plain;
                    continue;
                }
                _ => {}
            }
        }
        if token.0.is_empty() {
            return Err(QueryError::Dangling { word: "-".into() });
        }
        let test = test(&token, context)?;
        values += match &test {
            Test::Value { any, .. } => any.len(),
            Test::Days(any) => any.len(),
            Test::Created(any) | Test::Received(any) | Test::N(any) => any.len(),
            Test::Word(_) => 1,
            Test::Phrase(words) => words.len(),
        };
        query.clauses.push(Clause {
            negated: minus != turned.take().is_some(),
            test,
        });
        if query.clauses.len() > limits::QUERY_CLAUSES || values > limits::QUERY_VALUES {
            return Err(QueryError::TooMany);
        }
    }
    match turned {
        Some(word) => Err(QueryError::Dangling { word }),
        None => Ok(query),
    }
}

/// Characters, each with whether it stood in quotes.
#[derive(Clone, Debug, Default)]
struct Token(Vec<(char, bool)>);

impl Token {
    fn strip_minus(mut self) -> (bool, Token) {
        let minus = self.0.first() == Some(&('-', false));
        if minus {
            self.0.remove(0);
        }
        (minus, self)
    }

    fn text(&self) -> String {
        self.0.iter().map(|(c, _)| c).collect()
    }

    /// The text, if nothing of it was quoted.
    fn plain(&self) -> Option<String> {
        (!self.is_quoted()).then(|| self.text())
    }

    fn is_quoted(&self) -> bool {
        self.0.iter().any(|(_, quoted)| *quoted)
    }

    fn split(&self, at: char) -> Vec<Token> {
        self.0
            .split(|c| *c == (at, false))
            .map(|part| Token(part.to_vec()))
            .collect()
    }

    /// Its text without a star at the end, and whether there was one.
    fn star(&self) -> (String, bool) {
        match self.0.split_last() {
            Some((('*', false), stem)) => (Token(stem.to_vec()).text(), true),
            _ => (self.text(), false),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, QueryError> {
    let mut tokens = Vec::new();
    let mut token = Token::default();
    let mut started = false;
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                started = true;
            }
            c if c.is_whitespace() && !quoted => {
                if started {
                    tokens.push(std::mem::take(&mut token));
                }
                started = false;
            }
            c => {
                token.0.push((c, quoted));
                started = true;
            }
        }
    }
    if quoted {
        return Err(QueryError::OpenQuote);
    }
    if started {
        tokens.push(token);
    }
    Ok(tokens)
}

fn test(token: &Token, context: &Context<'_>) -> Result<Test, QueryError> {
    let Some(colon) = token.0.iter().position(|c| *c == (':', false)) else {
        return free(token);
    };
    let (name, value) = token.0.split_at(colon);
    let field = Field::parse(&Token(name.to_vec()).text())?;
    let value = Token(value.get(1..).unwrap_or_default().to_vec());
    let parts = value.split(',');
    if parts.iter().any(|part| part.0.is_empty()) {
        return Err(QueryError::Empty { field });
    }
    let texts = || parts.iter().map(Token::text);
    let bad = |says: String| QueryError::Value { field, says };
    match field.shape() {
        Shape::Text => {
            let mut any = Vec::new();
            for part in &parts {
                patterns(field, part, context, &mut any)?;
                if any.len() > limits::QUERY_VALUES {
                    return Err(QueryError::TooMany);
                }
            }
            Ok(Test::Value { field, any })
        }
        Shape::Days => texts()
            .map(|text| span::days(&text, context.now).map_err(bad))
            .collect::<Result<_, _>>()
            .map(Test::Days),
        Shape::Number => texts()
            .map(|text| span::numbers(&text).map_err(bad))
            .collect::<Result<_, _>>()
            .map(Test::N),
        Shape::Time => {
            let spans = texts()
                .map(|text| span::times(&text, context.now).map_err(bad))
                .collect::<Result<_, _>>()?;
            Ok(match field {
                Field::Created => Test::Created(spans),
                _ => Test::Received(spans),
            })
        }
    }
}

/// Free text: a word, a word's beginning, or words in a row.
fn free(token: &Token) -> Result<Test, QueryError> {
    let (text, star) = token.star();
    let mut found: Vec<String> = words(&text).collect();
    let whole = || token.text();
    if found.len() > limits::QUERY_VALUES {
        return Err(QueryError::TooMany);
    }
    if star {
        let ends_in_word = text.ends_with(char::is_alphanumeric);
        return match found.pop() {
            Some(stem)
                if found.is_empty()
                    && ends_in_word
                    && stem.chars().count() >= limits::PREFIX_CHARS =>
            {
                Ok(Test::Word(Pattern::Starts(stem)))
            }
            _ => Err(QueryError::Star { word: whole() }),
        };
    }
    match found.len() {
        0 => Err(QueryError::NoWord { word: whole() }),
        1 => Ok(Test::Word(Pattern::Is(found.remove(0)))),
        _ => Ok(Test::Phrase(found)),
    }
}

fn patterns(
    field: Field,
    part: &Token,
    context: &Context<'_>,
    any: &mut Vec<Pattern>,
) -> Result<(), QueryError> {
    let (text, star) = part.star();
    if star && text.is_empty() {
        any.push(Pattern::Present);
        return Ok(());
    }
    let bad = |says: String| QueryError::Value { field, says };
    if let Some((what, codes)) = field.codes() {
        let before = any.len();
        let lower = text.to_lowercase();
        let fits = |code: &&&str| {
            let code = code.to_lowercase();
            if star {
                code.starts_with(&lower)
            } else {
                code == lower
            }
        };
        any.extend(
            codes
                .iter()
                .filter(fits)
                .map(|code| Pattern::Is((*code).into())),
        );
        return if any.len() > before {
            Ok(())
        } else {
            let shown: String = part.text().chars().take(64).collect();
            Err(bad(format!(
                "'{shown}' is not {what}; allowed: {}",
                codes.join(", ")
            )))
        };
    }
    let upper = text.to_uppercase();
    match field {
        Field::Author => any.push(author(&text, star, context)?),
        Field::Id | Field::Thread => any.push(id(&text).map_err(bad)?),
        Field::Crime => {
            let fits = (2..=6).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
            if !fits {
                return Err(bad(format!(
                    "'{text}' is not the beginning of an ICCS code: 2 to 6 digits, like 0204"
                )));
            }
            any.push(Pattern::Starts(text));
        }
        Field::Route | Field::Exercise => {
            let folded = fold(&text);
            if folded.is_empty() {
                return Err(QueryError::Empty { field });
            }
            any.push(pattern(folded, star));
        }
        Field::Lang if star => any.push(Pattern::Starts(fold(&text))),
        _ if star => any.push(Pattern::Starts(upper)),
        Field::Country => country(&text, any).map_err(bad)?,
        Field::Area | Field::Dim(Dimension::Area) => {
            let area: Area = text.parse().map_err(said).map_err(bad)?;
            any.push(Pattern::Is(area.as_str().to_owned()));
        }
        Field::Dim(_) => {
            let of: Nationality = text.parse().map_err(said).map_err(bad)?;
            any.push(Pattern::Is(of.as_str().to_owned()));
        }
        Field::Lang => {
            let lang: Lang = text.parse().map_err(said).map_err(bad)?;
            any.push(Pattern::Is(fold(lang.as_str())));
        }
        // Closed lists and other shapes were dealt with above.
        _ => any.push(pattern(text, star)),
    }
    Ok(())
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn pattern(text: String, star: bool) -> Pattern {
    if star {
        Pattern::Starts(text)
    } else {
        Pattern::Is(text)
    }
}

/// A country in two letters; an issuer of documents stands in three.
fn country(text: &str, any: &mut Vec<Pattern>) -> Result<(), String> {
    if let Ok(three) = text.parse::<Country3>() {
        any.push(Pattern::Is(three.as_str().to_owned()));
        return Ok(());
    }
    let two: Country2 = text.parse().map_err(said)?;
    any.push(Pattern::Is(two.as_str().to_owned()));
    if let Some(three) = two.alpha3() {
        any.push(Pattern::Is(three.as_str().to_owned()));
    }
    Ok(())
}

fn author(text: &str, star: bool, context: &Context<'_>) -> Result<Pattern, QueryError> {
    if !star && let Some(agency) = (context.author)(text) {
        return Ok(Pattern::Is(agency.full()));
    }
    id(text).map_err(|says| QueryError::Author {
        given: text.chars().take(64).collect(),
        says,
    })
}

/// An id or its beginning, as ids are written in full.
fn id(text: &str) -> Result<Pattern, String> {
    let prefix: IdPrefix = text.parse().map_err(said)?;
    Ok(Pattern::Starts(prefix.as_str().to_owned()))
}

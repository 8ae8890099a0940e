//! What a person reads: text fitted to the terminal, colour only on a terminal, JSON for
//! scripts.

pub mod approvals;
pub mod audit;
pub mod decisions;
pub mod demo;
pub mod digits;
pub mod directory;
pub mod drafts;
pub mod errors;
pub mod exercise;
pub mod expiry;
pub mod explain;
mod gates;
pub mod home;
pub mod hub;
pub mod imports;
mod kept;
pub mod keyring;
pub mod keys;
pub mod leave;
pub mod moment;
pub mod officers;
pub mod parcels;
pub mod parting;
pub mod peers;
pub mod policy;
pub mod preview;
pub mod proof;
pub mod recipients;
pub mod records;
pub mod referral;
pub mod services;
pub mod stats;
pub mod status;
mod table;
mod text;
mod wrap;

use std::io::{self, BufRead, IsTerminal, Write};

use serde::Serialize;

use crate::error::CommandError;

pub use kept::Kept;
pub use table::{Tone, cell, grid, number, short_id};
pub use text::{clean, comma, fingerprint_digits, list, plural, rows_word, when};

/// How text is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal; none: nothing is wrapped.
    pub width: Option<u16>,
    /// Whether colours may be used.
    pub colour: bool,
}

impl Style {
    /// Neither wrapped nor coloured.
    pub const PLAIN: Self = Self {
        width: None,
        colour: false,
    };

    /// Text in a tone, if colours are allowed.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        match (self.colour, tone.ansi()) {
            (true, Some(code)) => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            _ => text.to_owned(),
        }
    }
}

/// Where a command reads and writes, and how.
pub struct Ui {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    input: Box<dyn BufRead>,
    /// Layout of standard output.
    pub style: Style,
    /// Layout of standard error.
    pub err_style: Style,
    /// `--json`.
    pub json: bool,
    /// Whether a person can be asked: standard input and standard error are a terminal.
    pub interactive: bool,
    /// Whether standard output is a terminal.
    pub out_terminal: bool,
    /// Whether standard error is a terminal: progress goes there.
    pub err_terminal: bool,
}

impl std::fmt::Debug for Ui {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ui")
            .field("style", &self.style)
            .field("json", &self.json)
            .field("interactive", &self.interactive)
            .finish_non_exhaustive()
    }
}

impl Ui {
    /// The process's own input and output.
    pub fn process() -> Self {
        let out_terminal = io::stdout().is_terminal();
        let err_terminal = io::stderr().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let width = terminal_size::terminal_size().map(|(terminal_size::Width(width), _)| width);
        let style = |terminal: bool| Style {
            width: terminal.then(|| width.unwrap_or(80)),
            colour: terminal && !no_colour && !dumb,
        };
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            input: Box::new(io::BufReader::new(io::stdin())),
            style: style(out_terminal),
            err_style: style(err_terminal),
            json: false,
            interactive: io::stdin().is_terminal() && err_terminal,
            out_terminal,
            err_terminal,
        }
    }

    /// Other input and output, none of them a terminal: for tests.
    pub fn with(input: Box<dyn BufRead>, out: Box<dyn Write>, err: Box<dyn Write>) -> Self {
        Self {
            out,
            err,
            input,
            style: Style::PLAIN,
            err_style: Style::PLAIN,
            json: false,
            interactive: false,
            out_terminal: false,
            err_terminal: false,
        }
    }

    /// Prints text to standard output, ending its line; on a terminal broken between words.
    ///
    /// # Errors
    /// When standard output fails.
    pub fn print(&mut self, text: &str) -> Result<(), CommandError> {
        write_lines(&mut self.out, &wrap::wrap(text, self.style.width))
    }

    /// Prints text to standard output as it is, ending its line: what people copy, and JSON.
    ///
    /// # Errors
    /// When standard output fails.
    pub fn verbatim(&mut self, text: &str) -> Result<(), CommandError> {
        write_lines(&mut self.out, text)
    }

    /// Prints text to standard error, ending its line: what is not the result. On a terminal
    /// it is broken between words.
    ///
    /// # Errors
    /// When standard error fails.
    pub fn note(&mut self, text: &str) -> Result<(), CommandError> {
        let width = self.err_style.width.filter(|_| !self.json);
        write_lines(&mut self.err, &wrap::wrap(text, width))
    }

    /// Prints text to standard error as it is, ending its line: a file that people copy.
    ///
    /// # Errors
    /// When standard error fails.
    pub fn note_verbatim(&mut self, text: &str) -> Result<(), CommandError> {
        write_lines(&mut self.err, text)
    }

    /// Prints bytes as they are.
    ///
    /// # Errors
    /// When standard output fails.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), CommandError> {
        self.out.write_all(bytes)?;
        Ok(self.out.flush()?)
    }

    /// Standard output, for what writes by itself.
    pub fn writer(&mut self) -> &mut dyn Write {
        &mut *self.out
    }

    /// Prints one JSON object on one line.
    ///
    /// # Errors
    /// When standard output fails.
    pub fn object(&mut self, value: &impl Serialize) -> Result<(), CommandError> {
        let text = serde_json::to_string(value)
            .map_err(|e| CommandError::Terminal(io::Error::other(e)))?;
        self.verbatim(&text)
    }

    /// The object with `--json`, else the text.
    ///
    /// # Errors
    /// When standard output fails.
    pub fn either(
        &mut self,
        value: &impl Serialize,
        text: impl FnOnce(&Style) -> String,
    ) -> Result<(), CommandError> {
        if self.json {
            self.object(value)
        } else {
            let text = text(&self.style);
            self.print(&text)
        }
    }

    /// The whole of standard input, up to `limit` bytes; none if there is more.
    ///
    /// # Errors
    /// When standard input fails.
    pub fn read_input(&mut self, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        io::Read::read_to_end(
            &mut io::Read::take(&mut self.input, limit.saturating_add(1)),
            &mut bytes,
        )?;
        Ok((bytes.len() as u64 <= limit).then_some(bytes))
    }

    /// Asks on standard error and reads one line; none at the end of input.
    pub(crate) fn read_answer(&mut self, question: &str) -> Result<Option<String>, CommandError> {
        let question = wrap::wrap(question, self.err_style.width);
        write!(self.err, "{question} ")?;
        self.err.flush()?;
        let mut line = String::new();
        // A person's answer is short; a longer line is cut, and then is no valid answer.
        let mut limited = io::Read::take(&mut self.input, 4096);
        if limited.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        Ok(Some(line.trim().to_owned()))
    }
}

fn write_lines(to: &mut dyn Write, text: &str) -> Result<(), CommandError> {
    if text.is_empty() {
        return Ok(());
    }
    to.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        to.write_all(b"\n")?;
    }
    Ok(to.flush()?)
}

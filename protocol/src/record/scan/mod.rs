//! The text scanner: finds in open text what points at one person.
//!
//! It misses names and what is written around; it is a net, not a proof. One pass over the
//! characters for each sort of identifier, each with a bounded look to either side, so that
//! its time grows with the text only.

mod number;
mod word;

use std::fmt;

/// What an identifier looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// A telephone number.
    Phone,
    /// An e-mail address.
    Email,
    /// A bank account (ISO 13616).
    Iban,
    /// A line of a machine-readable zone (ICAO 9303).
    Mrz,
    /// A payment card.
    Card,
    /// A telephone's own number.
    Imei,
    /// A name on a social network.
    Handle,
    /// A date of birth.
    BirthDate,
    /// A licence plate.
    Plate,
    /// A vehicle's own number.
    Vin,
    /// A number of a passport or another document.
    Document,
    /// A long number of some register.
    LongNumber,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            What::Phone => "a phone number",
            What::Email => "an e-mail address",
            What::Iban => "a bank account (IBAN)",
            What::Mrz => "a machine-readable line of a document",
            What::Card => "a payment card number",
            What::Imei => "a phone's IMEI",
            What::Handle => "a social media handle",
            What::BirthDate => "a date of birth",
            What::Plate => "a licence plate",
            What::Vin => "a vehicle identification number",
            What::Document => "a document number",
            What::LongNumber => "an account or file number",
        })
    }
}

/// How sure the scanner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// It has the shape.
    Shape,
    /// Its check digits are right as well: nobody may override that.
    CheckDigit,
}

/// One find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// What it looks like.
    pub what: What,
    /// Its first character, counted from 0.
    pub from_char: usize,
    /// The first character after it.
    pub to_char: usize,
    /// How sure that is.
    pub certainty: Certainty,
}

/// All finds in a text, in its order, without overlaps.
pub fn scan(text: &str) -> Vec<Hit> {
    let mut page = Page::new(text);
    word::mrz(&mut page);
    word::mail(&mut page);
    word::iban(&mut page);
    word::birth_date(&mut page);
    word::plate(&mut page);
    number::numbers(&mut page);
    word::handle(&mut page);
    word::document(&mut page);
    page.hits.sort_by_key(|hit| hit.from_char);
    page.hits
}

/// The text and what was found in it so far.
struct Page {
    chars: Vec<char>,
    taken: Vec<bool>,
    hits: Vec<Hit>,
}

impl Page {
    fn new(text: &str) -> Self {
        let chars: Vec<char> = text.chars().map(plain).collect();
        let taken = vec![false; chars.len()];
        Self {
            chars,
            taken,
            hits: Vec::new(),
        }
    }

    fn at(&self, i: usize) -> Option<char> {
        self.chars.get(i).copied()
    }

    fn before(&self, i: usize) -> Option<char> {
        i.checked_sub(1).and_then(|i| self.at(i))
    }

    fn slice(&self, from: usize, to: usize) -> &[char] {
        self.chars
            .get(from..to.min(self.chars.len()))
            .unwrap_or_default()
    }

    /// Takes note of a find, unless part of it belongs to an earlier one.
    fn hit(&mut self, what: What, from_char: usize, to_char: usize, certainty: Certainty) {
        if let Some(range) = self.taken.get_mut(from_char..to_char)
            && !range.iter().any(|t| *t)
        {
            range.fill(true);
            self.hits.push(Hit {
                what,
                from_char,
                to_char,
                certainty,
            });
        }
    }

    /// Words of letters and digits: first character and the one after.
    fn words(&self) -> Vec<(usize, usize)> {
        let mut words = Vec::new();
        let mut from = None;
        for (i, c) in self.chars.iter().enumerate() {
            match (c.is_alphanumeric(), from) {
                (true, None) => from = Some(i),
                (false, Some(start)) => {
                    words.push((start, i));
                    from = None;
                }
                _ => {}
            }
        }
        if let Some(start) = from {
            words.push((start, self.chars.len()));
        }
        words
    }

    /// A word in small letters; long ones are cut, no keyword is longer.
    fn lower(&self, word: (usize, usize)) -> String {
        let to = word.1.min(word.0.saturating_add(24));
        self.slice(word.0, to)
            .iter()
            .flat_map(|c| c.to_lowercase())
            .collect()
    }
}

/// Digits of other scripts, spaces and hyphens of all widths, as ASCII has them.
fn plain(c: char) -> char {
    let digit = |base: u32| {
        (c as u32)
            .checked_sub(base)
            .and_then(|d| char::from_digit(d, 10))
            .unwrap_or(c)
    };
    match c {
        '\u{660}'..='\u{669}' => digit(0x660),
        '\u{6f0}'..='\u{6f9}' => digit(0x6f0),
        '\u{ff10}'..='\u{ff19}' => digit(0xff10),
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' => ' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{ff0b}' => '+',
        '\u{ff20}' => '@',
        other => other,
    }
}

#[cfg(test)]
mod tests;

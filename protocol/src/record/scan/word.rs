//! What is told by letters: addresses, handles, accounts, machine-readable lines, and what
//! follows a telling word.

use super::{Certainty, Page, What};

/// Shortest run that is taken for a machine-readable line; real ones have 30, 36 or 44.
const MRZ_CHARS: usize = 24;

/// Characters after "born" in which a date is looked for.
const BIRTH_WINDOW: usize = 28;

const BIRTH_WORDS: &[&str] = &[
    "born",
    "birth",
    "dob",
    "birthdate",
    "birthday",
    "geboren",
    "rođen",
    "rođena",
    "né",
    "née",
    "nato",
    "nata",
];

const PLATE_WORDS: &[&str] = &[
    "plate",
    "plates",
    "registration",
    "registered",
    "kennzeichen",
    "tablica",
    "tablice",
    "targa",
];

const FILLERS: &[&str] = &[
    "number", "no", "nr", "num", "is", "was", "with", "as", "code",
];

pub(super) fn mrz(page: &mut Page) {
    let is_mrz = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '<';
    let mut i = 0;
    while i < page.chars.len() {
        let from = i;
        let mut fill = 0;
        while let Some(c) = page.at(i).filter(|c| is_mrz(*c)) {
            fill += usize::from(c == '<');
            i += 1;
        }
        if i - from >= MRZ_CHARS && fill >= 2 {
            page.hit(What::Mrz, from, i, Certainty::Shape);
        }
        i = i.max(from + 1);
    }
}

pub(super) fn mail(page: &mut Page) {
    let local = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-');
    let host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-');
    for at in 0..page.chars.len() {
        if page.at(at) != Some('@') {
            continue;
        }
        let mut from = at;
        while from > 0 && at - from < 64 && page.before(from).is_some_and(local) {
            from -= 1;
        }
        let mut to = at + 1;
        while to - at <= 255 && page.at(to).is_some_and(host) {
            to += 1;
        }
        while to > at + 1 && matches!(page.before(to), Some('.' | '-')) {
            to -= 1;
        }
        let domain: String = page.slice(at + 1, to).iter().collect();
        let named = domain
            .rsplit_once('.')
            .is_some_and(|(name, top)| !name.is_empty() && top.chars().count() >= 2);
        if from < at && named {
            page.hit(What::Email, from, to, Certainty::Shape);
        }
    }
}

pub(super) fn handle(page: &mut Page) {
    for at in 0..page.chars.len() {
        let begins = !page
            .before(at)
            .is_some_and(|c| c.is_alphanumeric() || c == '@');
        if page.at(at) != Some('@') || !begins {
            continue;
        }
        let mut to = at + 1;
        while to - at <= 32
            && page
                .at(to)
                .is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))
        {
            to += 1;
        }
        while to > at + 1 && page.before(to) == Some('.') {
            to -= 1;
        }
        if to - at > 2 && page.slice(at, to).iter().any(|c| c.is_alphabetic()) {
            page.hit(What::Handle, at, to, Certainty::Shape);
        }
    }
}

pub(super) fn iban(page: &mut Page) {
    for (from, _) in page.words() {
        let head = page.slice(from, from + 4);
        let shaped = matches!(head, [a, b, c, d] if a.is_ascii_alphabetic()
            && b.is_ascii_alphabetic() && c.is_ascii_digit() && d.is_ascii_digit());
        if !shaped {
            continue;
        }
        let upper = page
            .slice(from, from + 2)
            .iter()
            .all(char::is_ascii_uppercase);
        let mut chars = String::new();
        let mut ends: Vec<(usize, usize)> = Vec::new();
        let mut i = from;
        while chars.len() < 34 {
            match page.at(i) {
                // In groups it is written in capitals, else any sentence would do.
                Some(c)
                    if c.is_ascii_digit()
                        || (c.is_ascii_alphabetic() && c.is_ascii_uppercase() == upper) =>
                {
                    chars.push(c.to_ascii_uppercase());
                    i += 1;
                    if !page.at(i).is_some_and(char::is_alphanumeric) {
                        ends.push((i, chars.len()));
                    }
                }
                Some(' ' | '-')
                    if upper && page.at(i + 1).is_some_and(|c| c.is_ascii_alphanumeric()) =>
                {
                    i += 1
                }
                _ => break,
            }
        }
        let digits = |n: usize| chars.bytes().take(n).filter(u8::is_ascii_digit).count();
        let valid = ends
            .iter()
            .rev()
            .find(|(_, n)| *n >= 15 && digits(*n) >= 8 && chars.get(..*n).is_some_and(mod97));
        if let Some((to, _)) = valid {
            page.hit(What::Iban, from, *to, Certainty::CheckDigit);
        } else if let Some((to, n)) = ends.last()
            && *n >= 15
            && digits(*n) * 2 > *n
            && digits(*n) >= 12
        {
            page.hit(What::Iban, from, *to, Certainty::Shape);
        }
    }
}

/// ISO 7064 mod 97-10 over the account with its first four characters at the end.
fn mod97(iban: &str) -> bool {
    let (head, tail) = iban.split_at(iban.len().min(4));
    let rest = tail
        .chars()
        .chain(head.chars())
        .fold(0u32, |rest, c| match c.to_digit(36) {
            Some(d) if d < 10 => (rest * 10 + d) % 97,
            Some(d) => (rest * 100 + d) % 97,
            None => rest,
        });
    rest == 1
}

pub(super) fn birth_date(page: &mut Page) {
    for word in page.words() {
        if !BIRTH_WORDS.contains(&page.lower(word).as_str()) {
            continue;
        }
        // Groups of digits in the window; one that goes on behind it is followed to its end.
        let mut groups: Vec<(usize, usize)> = Vec::new();
        let mut i = word.1;
        while i < word.1 + BIRTH_WINDOW {
            let from = i;
            while i - from < 12 && page.at(i).is_some_and(|c| c.is_ascii_digit()) {
                i += 1;
            }
            let inside_word = page.before(from).is_some_and(char::is_alphabetic);
            if i > from && !inside_word {
                groups.push((from, i));
            }
            if groups.len() == 3 || matches!(page.at(i), Some(';' | '\n') | None) {
                break;
            }
            i = i.max(from + 1);
        }
        let lens: Vec<usize> = groups.iter().map(|(a, b)| b - a).collect();
        let dated = match lens.as_slice() {
            [8] => true,
            [1 | 2, 4] | [4, 1 | 2] => month_between(page, &groups),
            [4, 1 | 2, 1 | 2] | [1 | 2, 1 | 2, 4] | [1 | 2, 1 | 2, 2] => true,
            [1 | 2, 4, _] => {
                groups.truncate(2);
                month_between(page, &groups)
            }
            _ => false,
        };
        if let (true, Some((from, _)), Some((_, to))) = (dated, groups.first(), groups.last()) {
            page.hit(What::BirthDate, *from, *to, Certainty::Shape);
        }
    }
}

/// "3 February 1999": a word stands between day and year.
fn month_between(page: &Page, groups: &[(usize, usize)]) -> bool {
    let [(_, a), (b, _)] = groups else {
        return false;
    };
    page.slice(*a, *b)
        .iter()
        .filter(|c| c.is_alphabetic())
        .count()
        >= 3
}

pub(super) fn plate(page: &mut Page) {
    let words = page.words();
    for (at, word) in words.iter().enumerate() {
        if !PLATE_WORDS.contains(&page.lower(*word).as_str()) {
            continue;
        }
        let next = words.iter().skip(at + 1).take(4).find(|w| {
            !FILLERS.contains(&page.lower(**w).as_str())
                && !PLATE_WORDS.contains(&page.lower(**w).as_str())
        });
        let Some((from, _)) = next.copied() else {
            continue;
        };
        let mut to = from;
        let mut letters = 0;
        let mut digits = 0;
        let mut i = from;
        while i - from < 14 {
            match page.at(i) {
                Some(c) if c.is_ascii_digit() => digits += 1,
                Some(c) if c.is_uppercase() => letters += 1,
                Some(' ' | '-' | '.') => {
                    i += 1;
                    continue;
                }
                _ => break,
            }
            i += 1;
            to = i;
        }
        let whole = !page.at(to).is_some_and(char::is_alphanumeric);
        if whole && letters >= 1 && digits >= 1 && (5..=10).contains(&(letters + digits)) {
            page.hit(What::Plate, from, to, Certainty::Shape);
        }
    }
}

pub(super) fn document(page: &mut Page) {
    for (from, to) in page.words() {
        let word = page.slice(from, to);
        if !word.iter().all(char::is_ascii_alphanumeric) {
            continue;
        }
        let digits = word.iter().filter(|c| c.is_ascii_digit()).count();
        let letters = word.len() - digits;
        let small = word.iter().any(char::is_ascii_lowercase);
        if word.len() == 17 && !small && letters >= 3 && digits >= 4 {
            page.hit(What::Vin, from, to, Certainty::Shape);
        } else if (7..=12).contains(&word.len())
            && digits >= 6
            && letters >= 1
            && (!small || letters <= 2)
        {
            page.hit(What::Document, from, to, Certainty::Shape);
        }
    }
}

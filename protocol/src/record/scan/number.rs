//! Runs of digits: telephones, cards, IMEIs, long numbers; not counts, dates or years.

use super::{Certainty, Page, What};

/// Words after which even a plain number is a telephone's.
const PHONE_WORDS: &[&str] = &[
    "tel",
    "phone",
    "telephone",
    "mobile",
    "cell",
    "call",
    "fax",
    "whatsapp",
    "viber",
    "sms",
    "msisdn",
    "telefon",
    "handy",
    "mob",
];

/// Digits of one group, and the separator before it.
struct Group {
    from: usize,
    to: usize,
    sep: Option<char>,
    digits: String,
}

pub(super) fn numbers(page: &mut Page) {
    let mut i = 0;
    while let Some(c) = page.at(i) {
        let inside_word = page.before(i).is_some_and(char::is_alphanumeric);
        if !c.is_ascii_digit() || inside_word {
            i += 1;
            continue;
        }
        let (groups, end) = run(page, i);
        // What is glued to letters is a word, not a number.
        let glued = page.at(end).is_some_and(char::is_alphanumeric);
        let groups = without_dates(groups);
        if !glued {
            classify(page, &groups);
        }
        i = end.max(i + 1);
    }
}

/// Groups of digits with at most two separators between them; the place after the last.
fn run(page: &Page, start: usize) -> (Vec<Group>, usize) {
    let mut groups = Vec::new();
    let mut i = start;
    let mut sep = None;
    loop {
        let from = i;
        let mut digits = String::new();
        while let Some(c) = page.at(i).filter(char::is_ascii_digit) {
            digits.push(c);
            i += 1;
        }
        groups.push(Group {
            from,
            to: i,
            sep,
            digits,
        });
        let first = page.at(i).filter(|c| is_separator(*c));
        let second = page.at(i + 1).filter(|c| is_separator(*c));
        let is_digit = |at: usize| page.at(at).is_some_and(|c| c.is_ascii_digit());
        match (first, second) {
            (Some(one), _) if is_digit(i + 1) => {
                sep = Some(one);
                i += 1;
            }
            (Some(one), Some(two)) if is_digit(i + 2) && !(one == ' ' && two == ' ') => {
                sep = Some(if one == ' ' { two } else { one });
                i += 2;
            }
            _ => return (groups, i),
        }
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '-' | '.' | '/' | '(' | ')')
}

/// Splits a run at the dates in it.
fn without_dates(groups: Vec<Group>) -> Vec<Vec<Group>> {
    let mut parts: Vec<Vec<Group>> = vec![Vec::new()];
    let mut rest = groups.into_iter().peekable();
    let mut window: Vec<Group> = Vec::new();
    loop {
        while window.len() < 3 {
            match rest.next() {
                Some(group) => window.push(group),
                None => break,
            }
        }
        if window.is_empty() {
            return parts;
        }
        if is_date(&window) {
            window.clear();
            parts.push(Vec::new());
        } else {
            let group = window.remove(0);
            if let Some(part) = parts.last_mut() {
                part.push(group);
            }
        }
    }
}

fn is_date(groups: &[Group]) -> bool {
    let [a, b, c] = groups else { return false };
    let small = |g: &Group, max: u32| {
        g.digits.len() <= 2
            && g.digits
                .parse::<u32>()
                .is_ok_and(|n| (1..=max).contains(&n))
    };
    b.sep == c.sep
        && matches!(b.sep, Some('-' | '.' | '/'))
        && ((is_year(a) && small(b, 12) && small(c, 31))
            || (is_year(c) && small(a, 31) && small(b, 31)))
}

fn is_year(group: &Group) -> bool {
    group.digits.len() == 4
        && group
            .digits
            .parse::<u32>()
            .is_ok_and(|n| (1900..2100).contains(&n))
}

fn classify(page: &mut Page, parts: &[Vec<Group>]) {
    for part in parts {
        let (Some(first), Some(last)) = (part.first(), part.last()) else {
            continue;
        };
        if let Some((what, certainty)) = kind_of(page, part) {
            let plus = page.before(first.from) == Some('+');
            let bracket = page.before(first.from) == Some('(');
            let from = first.from.saturating_sub(usize::from(plus || bracket));
            page.hit(what, from, last.to, certainty);
        }
    }
}

fn kind_of(page: &Page, part: &[Group]) -> Option<(What, Certainty)> {
    let first = part.first()?;
    let digits: String = part.iter().map(|g| g.digits.as_str()).collect();
    let n = digits.len();
    let plus = page.before(first.from) == Some('+')
        || (page.before(first.from) == Some('(')
            && first.from.checked_sub(2).and_then(|i| page.at(i)) == Some('+'));
    if plus && (7..=15).contains(&n) {
        return Some((What::Phone, Certainty::Shape));
    }
    if part.iter().all(is_year) {
        return None;
    }
    let seps: Vec<char> = part.iter().skip(1).filter_map(|g| g.sep).collect();
    if is_thousands(part, &seps) {
        return None;
    }
    let grouped_as_card = seps.iter().all(|s| matches!(s, ' ' | '-'))
        && part.iter().all(|g| g.digits.len() >= 3 || part.len() == 1);
    if luhn(&digits) && (grouped_as_card || n == 15) {
        let amex = digits.starts_with("34") || digits.starts_with("37");
        if n == 15 && !amex {
            return Some((What::Imei, Certainty::CheckDigit));
        }
        if (13..=19).contains(&n) && digits.starts_with(['2', '3', '4', '5', '6']) {
            return Some((What::Card, Certainty::CheckDigit));
        }
    }
    let phone = Some((What::Phone, Certainty::Shape));
    if digits.starts_with("00") && (9..=17).contains(&n) {
        return phone;
    }
    if first.digits.starts_with('0') && (8..=12).contains(&n) {
        return phone;
    }
    if (6..=15).contains(&n) && after_phone_word(page, first.from) {
        return phone;
    }
    if part.len() == 1 {
        return match n {
            9..=15 => phone,
            16.. => Some((What::LongNumber, Certainty::Shape)),
            _ => None,
        };
    }
    let hyphens = seps.iter().all(|s| *s == '-');
    if hyphens && (7..=15).contains(&n) && (part.len() >= 3 || !is_range(part)) {
        return phone;
    }
    None
}

/// 1 240 000 or 1.240.000.
fn is_thousands(part: &[Group], seps: &[char]) -> bool {
    let Some(sep) = seps.first() else {
        return false;
    };
    part.first()
        .is_some_and(|g| g.digits.len() <= 3 && !g.digits.starts_with('0'))
        && matches!(sep, ' ' | '.')
        && seps.iter().all(|s| s == sep)
        && part.iter().skip(1).all(|g| g.digits.len() == 3)
}

/// 201-1000: the second is larger and has no leading zero.
fn is_range(part: &[Group]) -> bool {
    let [a, b] = part else { return false };
    match (a.digits.parse::<u64>(), b.digits.parse::<u64>()) {
        (Ok(low), Ok(high)) => low < high && !b.digits.starts_with('0'),
        _ => false,
    }
}

/// Whether one of the two words before says "telephone".
fn after_phone_word(page: &Page, from: usize) -> bool {
    let back: String = page
        .slice(from.saturating_sub(24), from)
        .iter()
        .flat_map(|c| c.to_lowercase())
        .collect();
    back.split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .rev()
        .take(2)
        .any(|w| PHONE_WORDS.contains(&w))
}

/// Luhn's check digit (ISO/IEC 7812-1).
pub(super) fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, b)| {
            let d = u32::from(b.saturating_sub(b'0'));
            let d = if at % 2 == 1 { d * 2 } else { d };
            if d > 9 { d - 9 } else { d }
        })
        .sum();
    digits.len() >= 12 && digits.bytes().any(|b| b != b'0') && sum.is_multiple_of(10)
}

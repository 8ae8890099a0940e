//! Lines broken between words, for a terminal that would break them anywhere.

use unicode_width::UnicodeWidthChar;

/// Farthest column at which the second part of `name   text` may begin, for the lines that
/// follow to begin there too.
const HANGING: usize = 24;

/// Text with its lines broken so as to fit `width` columns; as it is without a width. A word
/// that does not fit stays whole, so that it can be copied.
pub fn wrap(text: &str, width: Option<u16>) -> String {
    let Some(width) = width.map(usize::from) else {
        return text.to_owned();
    };
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = match line.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (line, ""),
        };
        if columns(line) <= width {
            out.push_str(line);
        } else {
            fold(line, width, &mut out);
        }
        out.push_str(end);
    }
    out
}

fn fold(line: &str, width: usize, out: &mut String) {
    let indent = " ".repeat(hanging(line).min(width / 2));
    let mut column = 0;
    let mut is_first = true;
    for word in line.split_inclusive(' ') {
        let bare = columns(word.trim_end_matches(' '));
        if bare > 0 && !is_first && column + bare > width {
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
            out.push_str(&indent);
            column = indent.len();
        }
        is_first &= bare == 0;
        out.push_str(word);
        column += columns(word);
    }
}

/// Where the lines that follow begin: under the text of `name   text`, else under the first
/// word.
fn hanging(line: &str) -> usize {
    let mut at = 0;
    let mut blanks = 0;
    let mut found = 0;
    for (c, width) in visible(line) {
        if c == ' ' {
            blanks += 1;
        } else {
            if blanks >= 2 || at == blanks {
                found = at;
            }
            blanks = 0;
        }
        at += width;
        if at > HANGING {
            break;
        }
    }
    found
}

/// Columns that a text takes.
fn columns(text: &str) -> usize {
    visible(text).map(|(_, width)| width).sum()
}

/// Characters with their widths, without the sequences that set a colour.
fn visible(text: &str) -> impl Iterator<Item = (char, usize)> {
    let mut colour = false;
    text.chars().filter_map(move |c| {
        if colour {
            colour = c != 'm';
            return None;
        }
        if c == '\u{1b}' {
            colour = true;
            return None;
        }
        Some((c, c.width().unwrap_or(0)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_under_their_text() {
        let text = "short\nalert   one two three four five\n  TRD-02 at one: two three\n";
        assert_eq!(
            wrap(text, Some(20)),
            "short\nalert   one two\n        three four\n        five\n  TRD-02 at one: two\n  three\n"
        );
        assert_eq!(wrap(text, None), text);
    }

    #[test]
    fn a_long_word_stays_whole_and_colours_take_no_room() {
        let long = "x".repeat(30);
        assert_eq!(
            wrap(&format!("a {long} b"), Some(20)),
            format!("a\n{long}\nb")
        );
        let red = "\u{1b}[31m12345\u{1b}[0m 7890";
        assert_eq!(wrap(red, Some(10)), red);
    }
}

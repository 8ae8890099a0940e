//! A look at a policy file before Cedar parses it: how long and how deep its statements are.
//! Cedar's parser recurses without a bound, and an exhausted stack ends the process.

use super::limits;
use super::problem::{Problem, ProblemKind};

/// Runs `work` on a stack on which whatever [`scan`] lets pass can be parsed and evaluated.
pub(super) fn on_deep_stack<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(limits::STACK_LEFT_BYTES, limits::STACK_BYTES, work)
}

/// The first statement of a file that is too long, too deep or has too many operators.
pub(super) fn scan(file: &str, text: &str) -> Option<Problem> {
    let mut statement = Statement::default();
    let mut chars = text.char_indices().peekable();
    let mut word_start: Option<usize> = None;
    while let Some((at, c)) = chars.next() {
        if c.is_alphanumeric() || c == '_' {
            word_start.get_or_insert(at);
            continue;
        }
        if let Some(start) = word_start.take()
            && text.get(start..at) == Some("if")
        {
            statement.ifs += 1;
        }
        match c {
            '"' => {
                while let Some((_, c)) = chars.next() {
                    match c {
                        '\\' => drop(chars.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '/' if chars.peek().is_some_and(|(_, next)| *next == '/') => {
                for (_, c) in chars.by_ref() {
                    if c == '\n' {
                        break;
                    }
                }
            }
            '(' | '[' | '{' => statement.open += 1,
            ')' | ']' | '}' => statement.open = statement.open.saturating_sub(1),
            '&' | '|' | '+' | '-' | '*' | '.' | '!' => statement.operators += 1,
            ';' => {
                statement = Statement {
                    start: at + 1,
                    ..Statement::default()
                };
                continue;
            }
            _ => {}
        }
        if let Some(kind) = statement.problem(at) {
            return Some(Problem::at(file, text, at, kind));
        }
    }
    statement
        .problem(text.len())
        .map(|kind| Problem::at(file, text, statement.start, kind))
}

#[derive(Default)]
struct Statement {
    start: usize,
    open: usize,
    ifs: usize,
    operators: usize,
}

impl Statement {
    fn problem(&self, at: usize) -> Option<ProblemKind> {
        let counts = [
            (
                "bytes in one statement",
                at.saturating_sub(self.start),
                limits::STATEMENT_BYTES,
            ),
            (
                "brackets open at once",
                self.open,
                limits::STATEMENT_NESTING,
            ),
            (
                "'if's in one statement",
                self.ifs,
                limits::STATEMENT_NESTING,
            ),
            // '&&' and '||' count twice here.
            (
                "operators in one statement",
                self.operators / 2,
                limits::STATEMENT_OPERATORS,
            ),
        ];
        counts
            .into_iter()
            .find(|(_, found, max)| found > max)
            .map(|(what, found, max)| ProblemKind::TooMany {
                what,
                found,
                max,
                remedy: "Make several statements of it",
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permit(condition: &str) -> String {
        format!("permit (principal, action, resource) when {{ {condition} }};")
    }

    #[test]
    fn ordinary_statements_pass_and_strings_and_comments_do_not_count() {
        let brackets = "(".repeat(100);
        assert_eq!(scan("a", &permit("resource.own && !resource.marked")), None);
        assert_eq!(
            scan(
                "a",
                &permit(&format!("resource.tags.contains(\"area:{brackets}\")"))
            ),
            None
        );
        assert_eq!(
            scan("a", &format!("// {brackets}\n{}", permit("true"))),
            None
        );
        assert_eq!(scan("a", &permit("true").repeat(500)), None);
    }

    #[test]
    fn deep_and_long_statements_are_refused() {
        for condition in [
            format!("{}true{}", "(".repeat(10_000), ")".repeat(10_000)),
            format!("true{}", " && true".repeat(1_000)),
            format!("{}true", "if true then true else ".repeat(1_000)),
            format!("resource{}", ".own".repeat(5_000)),
            format!("[{}].isEmpty()", "\"area:QN\",".repeat(2_000)),
        ] {
            let problem = scan("a", &permit(&condition)).expect("refused");
            assert!(
                matches!(problem.kind, ProblemKind::TooMany { .. }),
                "{problem}"
            );
        }
    }
}

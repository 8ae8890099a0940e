//! A text with the values of a row's columns in it: `Detections, {route}, {month}`.

/// A text with places for columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Column(String),
}

impl Template {
    /// Reads a template. A brace of the text itself is doubled.
    ///
    /// # Errors
    /// A brace that does not close, or that nothing opened.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '{' | '}' if chars.peek() == Some(&c) => {
                    chars.next();
                    plain.push(c);
                }
                '{' => {
                    let mut name = String::new();
                    loop {
                        match chars.next() {
                            Some('}') => break,
                            Some(c) => name.push(c),
                            None => return Err(format!("'{{{name}' has no closing brace")),
                        }
                    }
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(Part::Column(name.trim().to_owned()));
                }
                '}' => {
                    return Err("a closing brace has no opening one; write }} for a brace".into());
                }
                c => plain.push(c),
            }
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self(parts))
    }

    /// The columns that it wants, in order.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Column(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text, with `value` asked for each column.
    pub fn fill<'v>(&self, value: impl Fn(&str) -> &'v str) -> String {
        let mut out = String::with_capacity(96);
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Column(name) => out.push_str(value(name)),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_filled_in_and_doubled_braces_stay() {
        let template = Template::parse("{{x}} {route}, { month }").expect("template");
        assert_eq!(template.columns().collect::<Vec<_>>(), ["route", "month"]);
        assert_eq!(
            template.fill(|c| if c == "route" { "R" } else { "M" }),
            "{x} R, M"
        );
        assert!(Template::parse("{route").is_err());
        assert!(Template::parse("route}").is_err());
    }
}

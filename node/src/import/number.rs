//! Whole numbers as tables write them: `1.234,50`, `1 234`, `1'234`.

/// How a column writes its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberForm {
    /// Between whole and fraction: a comma instead of a point.
    pub decimal_comma: bool,
    /// Between groups of three digits. A space stands for every kind of space.
    pub thousands: Option<char>,
    /// By what a number is multiplied, so that it becomes whole (100 for cents), 1 to 10^6.
    pub multiply: u64,
}

impl Default for NumberForm {
    fn default() -> Self {
        Self {
            decimal_comma: false,
            thousands: None,
            multiply: 1,
        }
    }
}

impl NumberForm {
    /// Reads a number of zero or more. It is never rounded.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn read(&self, text: &str) -> Result<u64, String> {
        let point = if self.decimal_comma { ',' } else { '.' };
        let (whole, fraction) = match text.split_once(point) {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return Err(self.refuse(text)),
            None => (text, ""),
        };
        let digits = self.ungroup(whole).ok_or_else(|| self.refuse(text))?;
        // 1.000 beside 950 is a thousand where points stand between groups.
        let is_a_group = (1..=3).contains(&whole.len()) && !whole.starts_with('0');
        if self.thousands.is_none() && self.multiply == 1 && fraction == "000" && is_a_group {
            let other = if self.decimal_comma { '.' } else { ',' };
            return Err(format!(
                "'{}' may be {whole}000 or {whole}: set thousands = \"{point}\"{} in the map if it is {whole}000, thousands = \"{other}\" if it is {whole}",
                short(text),
                if self.decimal_comma {
                    " and decimal_comma = false"
                } else {
                    " and decimal_comma = true"
                },
            ));
        }
        if !fraction.bytes().all(|b| b.is_ascii_digit()) {
            return Err(self.refuse(text));
        }
        let large = || format!("'{}' is larger than any count can be", short(text));
        let mut value: u64 = digits
            .parse::<u64>()
            .ok()
            .and_then(|n| n.checked_mul(self.multiply))
            .ok_or_else(large)?;
        // What a digit behind the point is worth shrinks tenfold from one to the next.
        let mut worth = self.multiply;
        for digit in fraction.bytes() {
            let digit = u64::from(digit.saturating_sub(b'0'));
            if !worth.is_multiple_of(10) {
                if digit != 0 {
                    return Err(format!(
                        "'{}' is not whole, and a count is never rounded: set multiply in the map (100 for cents) and say so in unit",
                        short(text)
                    ));
                }
                continue;
            }
            worth /= 10;
            value = digit
                .checked_mul(worth)
                .and_then(|part| value.checked_add(part))
                .ok_or_else(large)?;
        }
        Ok(value)
    }

    /// The digits of the whole part, if its groups are in order.
    fn ungroup(&self, whole: &str) -> Option<String> {
        let is_space = |c: char| matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}');
        let is_mark = |c: char| match self.thousands {
            Some(' ') => is_space(c),
            // Both apostrophes, as Swiss tables have them.
            Some('\'') => matches!(c, '\'' | '\u{2019}'),
            Some(mark) => c == mark,
            None => false,
        };
        let groups: Vec<&str> = whole.split(is_mark).collect();
        let digits = |group: &&str| group.bytes().all(|b| b.is_ascii_digit());
        if !groups.iter().all(digits) {
            return None;
        }
        let (first, others) = groups.split_first()?;
        let grouped = !others.is_empty();
        let fits = !first.is_empty()
            && (!grouped || first.len() <= 3)
            && others.iter().all(|group| group.len() == 3);
        fits.then(|| groups.concat())
    }

    fn refuse(&self, text: &str) -> String {
        let example = match (self.thousands, self.decimal_comma) {
            (Some(mark), true) => format!("1{mark}234 or 1{mark}234,00"),
            (Some(mark), false) => format!("1{mark}234"),
            (None, true) => "1234 or 1234,00".to_owned(),
            (None, false) => "1234".to_owned(),
        };
        format!(
            "'{}' is not a number of zero or more, written like {example}; thousands and decimal_comma in the map say how this column writes them",
            short(text)
        )
    }
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_their_form_and_never_rounded() {
        let german = NumberForm {
            decimal_comma: true,
            thousands: Some('.'),
            multiply: 1,
        };
        let cents = NumberForm {
            multiply: 100,
            ..german
        };
        let plain = NumberForm::default();
        let spaced = NumberForm {
            thousands: Some(' '),
            ..plain
        };
        let grouped = NumberForm {
            thousands: Some(','),
            ..plain
        };
        let comma = NumberForm {
            decimal_comma: true,
            ..plain
        };
        let thousandths = NumberForm {
            multiply: 1000,
            ..plain
        };
        for (form, text, number) in [
            (plain, "0", 0),
            (plain, "41", 41),
            (plain, "12.00", 12),
            (plain, "0.000", 0),
            (plain, "1234.000", 1234),
            (grouped, "12.000", 12),
            (thousandths, "1.000", 1000),
            (german, "1.234", 1234),
            (german, "1.234,0", 1234),
            (german, "1234", 1234),
            (cents, "1.234,5", 123_450),
            (cents, "0,05", 5),
            (cents, "7,500", 750),
            (spaced, "1\u{202f}234", 1234),
            (plain, "18446744073709551615", u64::MAX),
        ] {
            assert_eq!(form.read(text), Ok(number), "{text}");
        }
        for (form, text) in [
            (plain, ""),
            (plain, "-1"),
            (plain, "1e3"),
            (plain, "1.5"),
            (plain, "1."),
            (plain, ".5"),
            (plain, "1,234"),
            (plain, "1.000"),
            (plain, "950.000"),
            (comma, "1,000"),
            (plain, "18446744073709551616"),
            (german, "1.23"),
            (german, "1234.567"),
            (german, "1.234,5"),
            (cents, "0,005"),
            (cents, "18446744073709551615"),
        ] {
            assert!(form.read(text).is_err(), "{text}");
        }
    }
}

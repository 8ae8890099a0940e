//! Countries, places and currencies.
//!
//! Tables: ISO 3166-1 and ISO 4217 (`../data`). Codes that ISO leaves to users (QM to QZ,
//! XA to XZ, AA, ZZ and their alpha-3 ranges) are taken as well, so XKX and fictional
//! countries are; of subdivisions and UN/LOCODEs only the shape is checked.

use std::sync::LazyLock;

use super::shaped;

static COUNTRIES: LazyLock<Vec<(&'static str, &'static str)>> = LazyLock::new(|| {
    include_str!("../data/countries.csv")
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(','))
        .collect()
});

static CURRENCIES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    include_str!("../data/currencies.csv")
        .lines()
        .skip(1)
        .collect()
});

/// Issuers that ICAO 9303 lists and ISO 3166-1 doesn't; those that begin with X (XXA
/// stateless, XXB and XXC refugee, XXX unspecified) lie in a user-assigned range.
const ICAO_ISSUERS: &[&str] = &["EUE", "UNA", "UNK", "UNO"];

shaped! {
    /// A country, ISO 3166-1 alpha-2.
    Country2, "a country code of two letters (ISO 3166-1 alpha-2)", country2
}

shaped! {
    /// A country or issuer, ISO 3166-1 alpha-3 or ICAO 9303.
    Country3, "a country code of three letters (ISO 3166-1 alpha-3)", country3
}

shaped! {
    /// A nationality: a country of three letters, or a group code of a source's own, 2 to
    /// 12 capital letters.
    Nationality, "a country code of three letters (ISO 3166-1 alpha-3), or a group code of 2 to 12 letters", nationality
}

shaped! {
    /// A place: a country (`QN`), a subdivision (`QN-02`, ISO 3166-2) or a UN/LOCODE
    /// (`QN BLG`).
    Area, "a place: QN (country), QN-02 (ISO 3166-2) or QN BLG (UN/LOCODE)", area
}

shaped! {
    /// A currency, ISO 4217.
    Currency, "a currency code of three letters (ISO 4217)", currency
}

impl Country2 {
    /// Whether ISO leaves this code to its users.
    pub fn is_user_assigned(&self) -> bool {
        user_assigned2(self.as_str())
    }

    /// The same country in three letters; absent for a user-assigned code.
    pub fn alpha3(&self) -> Option<Country3> {
        COUNTRIES
            .binary_search_by_key(&self.as_str(), |row| row.0)
            .ok()
            .and_then(|at| COUNTRIES.get(at))
            .and_then(|row| row.1.parse().ok())
    }
}

impl Country3 {
    /// Whether ISO leaves this code to its users.
    pub fn is_user_assigned(&self) -> bool {
        user_assigned3(self.as_str())
    }
}

/// How fine an [`Area`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AreaLevel {
    /// A whole country.
    Country,
    /// A subdivision.
    Subdivision,
    /// A place.
    Place,
}

impl Area {
    /// The two letters of its country.
    pub fn country(&self) -> &str {
        self.as_str().get(..2).unwrap_or_default()
    }

    /// How fine it is.
    pub fn level(&self) -> AreaLevel {
        match self.as_str().as_bytes().get(2) {
            None => AreaLevel::Country,
            Some(b'-') => AreaLevel::Subdivision,
            Some(_) => AreaLevel::Place,
        }
    }

    /// Whether all of `other` lies in it, as far as the codes tell: in which subdivision a
    /// place lies, they don't.
    pub fn contains(&self, other: &Area) -> bool {
        self == other || (self.level() == AreaLevel::Country && self.country() == other.country())
    }

    /// Whether the codes tell that the two share no ground.
    pub fn is_apart_from(&self, other: &Area) -> bool {
        self.country() != other.country() || (self.level() == other.level() && self != other)
    }
}

fn user_assigned2(code: &str) -> bool {
    match code.as_bytes() {
        b"AA" | b"ZZ" => true,
        [b'Q', second] => (b'M'..=b'Z').contains(second),
        [b'X', second] => second.is_ascii_uppercase(),
        _ => false,
    }
}

fn user_assigned3(code: &str) -> bool {
    match code.as_bytes() {
        [b'A', b'A', c] | [b'X', _, c] | [b'Z', b'Z', c] => {
            c.is_ascii_uppercase() && code.bytes().all(|b| b.is_ascii_uppercase())
        }
        [b'Q', second, c] => (b'M'..=b'Z').contains(second) && c.is_ascii_uppercase(),
        _ => false,
    }
}

fn is_country2(code: &str) -> bool {
    user_assigned2(code) || COUNTRIES.binary_search_by_key(&code, |row| row.0).is_ok()
}

fn country2(text: &str) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    is_country2(&upper).then_some(upper)
}

fn country3(text: &str) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    let listed = user_assigned3(&upper)
        || ICAO_ISSUERS.contains(&upper.as_str())
        || COUNTRIES.iter().any(|row| row.1 == upper);
    listed.then_some(upper)
}

fn nationality(text: &str) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    let fits = (2..=12).contains(&upper.len()) && upper.bytes().all(|b| b.is_ascii_uppercase());
    fits.then_some(upper)
}

fn area(text: &str) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    if !upper.is_ascii() || upper.len() < 2 {
        return None;
    }
    let (country, rest) = upper.split_at(2);
    if !is_country2(country) {
        return None;
    }
    let alnum = |s: &str| {
        s.bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    };
    if rest.is_empty() {
        return Some(upper);
    }
    if let Some(sub) = rest.strip_prefix('-') {
        return ((1..=3).contains(&sub.len()) && alnum(sub)).then_some(upper);
    }
    let place = rest.strip_prefix(' ').unwrap_or(rest);
    (place.len() == 3 && alnum(place)).then(|| format!("{country} {place}"))
}

fn currency(text: &str) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    CURRENCIES
        .binary_search(&upper.as_str())
        .is_ok()
        .then_some(upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_whole_and_sorted() {
        assert_eq!(COUNTRIES.len(), 249);
        assert!(COUNTRIES.is_sorted());
        assert!(CURRENCIES.is_sorted() && CURRENCIES.len() > 150);
    }

    #[test]
    fn listed_and_user_assigned_countries_are_taken() {
        for good in ["AT", "QM", "QZ", "XK", "AA", "ZZ", "at"] {
            assert!(good.parse::<Country2>().is_ok(), "{good}");
        }
        for bad in ["QA1", "QL", "AB", "A", "Ä"] {
            assert!(bad.parse::<Country2>().is_err(), "{bad}");
        }
        for good in [
            "AFG", "XKX", "QMM", "XXA", "XXB", "XXC", "XXX", "UNO", "AAZ", "ZZA",
        ] {
            assert!(good.parse::<Country3>().is_ok(), "{good}");
        }
        for bad in ["OOO", "QLA", "AB", "ABCD", "X1X"] {
            assert!(bad.parse::<Country3>().is_err(), "{bad}");
        }
        assert_eq!(
            "AT".parse::<Country2>()
                .expect("AT")
                .alpha3()
                .expect("AUT")
                .as_str(),
            "AUT"
        );
    }

    #[test]
    fn places_are_country_subdivision_or_locode() {
        for (given, kept) in [
            ("qn", "QN"),
            ("QN-02", "QN-02"),
            ("qnblg", "QN BLG"),
            ("QN BLG", "QN BLG"),
        ] {
            assert_eq!(given.parse::<Area>().expect("area").as_str(), kept);
        }
        for bad in ["", "Q", "QN-", "QN-1234", "QN BL", "AB-01", "QN  BLG", "€€"] {
            assert!(bad.parse::<Area>().is_err(), "{bad}");
        }
        let area = |text: &str| text.parse::<Area>().expect("area");
        assert!(area("QN").contains(&area("QN-02")));
        assert!(!area("QN-02").contains(&area("QN")));
        assert!(area("QN-01").is_apart_from(&area("QN-02")));
        assert!(!area("QN-01").is_apart_from(&area("QN BLG")));
    }

    #[test]
    fn a_currency_is_listed() {
        assert!("EUR".parse::<Currency>().is_ok());
        assert!("EUX".parse::<Currency>().is_err());
    }

    #[test]
    fn people_may_write_small_letters_and_the_wire_may_not() {
        assert_eq!(
            serde_json::from_str::<Area>("\"qn-02\"")
                .expect("json")
                .as_str(),
            "QN-02"
        );
        let wire = ciborium::Value::Text("qn-02".into());
        let error = wire.deserialized::<Area>().expect_err("not canonical");
        assert!(error.to_string().contains("QN-02"), "{error}");
        assert!(
            ciborium::Value::Text("QN-02".into())
                .deserialized::<Area>()
                .is_ok()
        );
    }
}

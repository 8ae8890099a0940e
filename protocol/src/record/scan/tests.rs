//! What the scanner finds in texts, and what it leaves alone.

use proptest::prelude::*;

use super::*;

fn found(text: &str) -> Vec<(What, String)> {
    scan(text)
        .into_iter()
        .map(|hit| {
            let piece = text
                .chars()
                .skip(hit.from_char)
                .take(hit.to_char - hit.from_char)
                .collect();
            (hit.what, piece)
        })
        .collect()
}

#[test]
fn identifiers_are_found_where_they_stand() {
    for (text, what, piece) in [
        ("call +999 555 01 01 now", What::Phone, "+999 555 01 01"),
        ("call +9995550101.", What::Phone, "+9995550101"),
        ("reach 00999 5550101 at night", What::Phone, "00999 5550101"),
        ("office 0664/123 4567", What::Phone, "0664/123 4567"),
        ("tel. 555 0101", What::Phone, "555 0101"),
        ("call 0800-1234", What::Phone, "0800-1234"),
        ("ring 555-0101", What::Phone, "555-0101"),
        ("ring 555-123-4567 twice", What::Phone, "555-123-4567"),
        ("(+999) 555 0101", What::Phone, "+999) 555 0101"),
        ("to 9995550101234", What::Phone, "9995550101234"),
        (
            "\u{ff0b}999\u{a0}555\u{a0}0101",
            What::Phone,
            "\u{ff0b}999\u{a0}555\u{a0}0101",
        ),
        ("+٩٩٩ ٥٥٥ ٠١٠١", What::Phone, "+٩٩٩ ٥٥٥ ٠١٠١"),
        (
            "write to a.b@mail.example.",
            What::Email,
            "a.b@mail.example",
        ),
        (
            "paid to DE89 3704 0044 0532 0130 00 in cash",
            What::Iban,
            "DE89 3704 0044 0532 0130 00",
        ),
        (
            "gb82west12345698765432",
            What::Iban,
            "gb82west12345698765432",
        ),
        (
            "P<QMMDOE<<JANE<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<",
            What::Mrz,
            "P<QMMDOE<<JANE<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<",
        ),
        (
            "card 4111 1111 1111 1111",
            What::Card,
            "4111 1111 1111 1111",
        ),
        ("IMEI 490154203237518 seen", What::Imei, "490154203237518"),
        ("posts by @cheap_rides daily", What::Handle, "@cheap_rides"),
        ("born 1999-02-03 in", What::BirthDate, "1999-02-03"),
        ("DOB: 03.02.1999", What::BirthDate, "03.02.1999"),
        (
            "born on 3 February 1999",
            What::BirthDate,
            "3 February 1999",
        ),
        ("a van, plate NA 123-XY, white", What::Plate, "NA 123-XY"),
        ("registration number W12345A", What::Plate, "W12345A"),
        ("passport A12345678 used", What::Document, "A12345678"),
        ("chassis WVWZZZ1JZ3W386752", What::Vin, "WVWZZZ1JZ3W386752"),
        (
            "file 12345678901234567890",
            What::LongNumber,
            "12345678901234567890",
        ),
    ] {
        let hits = found(text);
        assert_eq!(hits, vec![(what, piece.to_owned())], "{text}");
    }
}

#[test]
fn check_digits_make_it_certain() {
    let certainty = |text: &str| scan(text).first().map(|hit| hit.certainty);
    assert_eq!(
        certainty("DE89370400440532013000"),
        Some(Certainty::CheckDigit)
    );
    assert_eq!(certainty("DE88370400440532013000"), Some(Certainty::Shape));
    assert_eq!(certainty("490154203237518"), Some(Certainty::CheckDigit));
    assert_eq!(certainty("490154203237519"), Some(Certainty::Shape));
}

#[test]
fn counts_dates_years_ranges_and_codes_are_no_identifiers() {
    for text in [
        "1,240 detections in March 2031, up from 1,102",
        "1 240 000 crossings, 1.240.000 crossings",
        "from 2015-2017 and 2019/2020",
        "between 2031-03-14 and 2031-04-15 at 08:00",
        "2031-03-14 2031-04-15",
        "bands 201-1000, 2000-4999, 11-50",
        "years 2019 2020 2021 2022",
        "QN-02, QN BLG, ICCS 02041, H2, 4x4",
        "in 2031 1240 people",
        "rows 11 18 20 9",
        "Directive 2016/680, Article 7; Regulation 2018/1725",
        "born between 2010 and 2015",
        "registration of 1240 persons in 2031",
        "registration QN-02",
        "24h, 3-10 places, 0-8, 9-17, 48+",
        "fees of 2000 to 4999 EUR",
        "Western Balkan Route",
        "e-mail @ the office",
        "open 08.00-16.00, or 0800-1600",
    ] {
        assert_eq!(found(text), vec![], "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_scanned_and_hits_lie_in_it(text in "\\PC{0,400}") {
        let n = text.chars().count();
        let mut last = 0;
        for hit in scan(&text) {
            prop_assert!(hit.from_char < hit.to_char && hit.to_char <= n && hit.from_char >= last);
            last = hit.to_char;
        }
    }

    #[test]
    fn dense_identifier_characters_do_no_harm(text in "[0-9A-Z@<+(). /-]{0,400}") {
        scan(&text);
    }

    #[test]
    fn a_planted_identifier_is_found(
        before in "[a-z ,;é]{0,60}",
        after in "[a-z ,;é]{0,60}",
        pick in 0usize..8,
    ) {
        let (planted, what) = [
            ("+999 555 0101", What::Phone),
            ("0664 123 4567", What::Phone),
            ("a.b@mail.example", What::Email),
            ("DE89 3704 0044 0532 0130 00", What::Iban),
            ("4111 1111 1111 1111", What::Card),
            ("490154203237518", What::Imei),
            ("A12345678", What::Document),
            ("born 1999-02-03", What::BirthDate),
        ][pick];
        let text = format!("{before} {planted} {after}");
        prop_assert!(scan(&text).iter().any(|hit| hit.what == what), "{}", text);
    }
}

#[test]
fn time_grows_with_the_text_only() {
    // A hundred times the largest text; quadratic time would need minutes.
    for piece in ["@", "a@", "1 ", "AB12 ", "born ", "plate ", "<", "1-2-3-4."] {
        scan(&piece.repeat(400_000 / piece.len()));
    }
}

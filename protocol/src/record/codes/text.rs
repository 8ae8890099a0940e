//! Open codes that have a shape but no list: languages, catch-words, hashes.

use super::shaped;

shaped! {
    /// A language tag (BCP 47): a language of ISO 639 in 2 or 3 letters, and subtags.
    Lang, "a language tag (BCP 47), like en or sr-Latn", lang
}

shaped! {
    /// A catch-word from an open list: 2 to 48 of a-z, 0-9 and hyphens, beginning with a
    /// letter.
    Slug, "a catch-word of 2 to 48 small letters, digits and hyphens, like pcc-see", slug
}

shaped! {
    /// SHA-256 of an image, 64 hexadecimal digits.
    ImageHash, "a SHA-256 hash of 64 hexadecimal digits", hash
}

shaped! {
    /// SHA-256 of a signed consent form, 64 hexadecimal digits.
    FormHash, "a SHA-256 hash of 64 hexadecimal digits", hash
}

shaped! {
    /// Document code of ICAO 9303: `P`, `ID`, `V<`; one or two of A-Z and `<`.
    IcaoCode, "a document code of ICAO 9303, one or two capital letters like P or ID", icao
}

fn lang(text: &str) -> Option<String> {
    let mut parts = text.split('-');
    let first = parts.next()?;
    if !(2..=3).contains(&first.len()) || !first.bytes().all(|b| b.is_ascii_alphabetic()) {
        return None;
    }
    let mut out = first.to_ascii_lowercase();
    for (at, part) in parts.enumerate() {
        let fits = (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        if !fits || at >= 4 {
            return None;
        }
        out.push('-');
        // Written as BCP 47 recommends: Latn for a script, RS for a region.
        match (part.len(), part.bytes().all(|b| b.is_ascii_alphabetic())) {
            (2, true) => out.push_str(&part.to_ascii_uppercase()),
            (4, true) => {
                let lower = part.to_ascii_lowercase();
                out.push_str(&lower[..1].to_ascii_uppercase());
                out.push_str(&lower[1..]);
            }
            _ => out.push_str(&part.to_ascii_lowercase()),
        }
    }
    Some(out)
}

fn slug(text: &str) -> Option<String> {
    let fits = (2..=48).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && text.starts_with(|c: char| c.is_ascii_lowercase());
    fits.then(|| text.to_owned())
}

fn hash(text: &str) -> Option<String> {
    let fits = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    fits.then(|| text.to_ascii_lowercase())
}

fn icao(text: &str) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    let fits = (1..=2).contains(&upper.len())
        && upper.starts_with(|c: char| c.is_ascii_uppercase())
        && upper.bytes().all(|b| b.is_ascii_uppercase() || b == b'<');
    fits.then_some(upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_written_one_way() {
        assert_eq!(
            "SR-latn-rs".parse::<Lang>().expect("lang").as_str(),
            "sr-Latn-RS"
        );
        for bad in ["", "e", "english", "en-", "e1", "en_GB", "a-b-c-d-e-f-g"] {
            assert!(bad.parse::<Lang>().is_err(), "{bad}");
        }
    }

    #[test]
    fn slugs_hashes_and_document_codes_have_their_shapes() {
        assert!("pcc-see".parse::<Slug>().is_ok());
        assert!("Pcc See".parse::<Slug>().is_err());
        assert!("99".parse::<Slug>().is_err());
        assert_eq!("id".parse::<IcaoCode>().expect("code").as_str(), "ID");
        assert!("P1".parse::<IcaoCode>().is_err());
        assert!("ab".repeat(32).parse::<ImageHash>().is_ok());
        assert!("ab".parse::<ImageHash>().is_err());
    }
}

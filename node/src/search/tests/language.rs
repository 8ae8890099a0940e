//! Reading queries.

use super::*;

#[test]
fn a_bad_query_is_answered_with_what_is_allowed() {
    for (text, says) in [
        ("rout:x", "did you mean 'route'?"),
        ("nationality:SYR", "did you mean 'dim.nationality'?"),
        (
            "kind:trendy",
            "'trendy' is not a kind of record; allowed: trend, modus-operandi",
        ),
        (
            "tlp:orange",
            "allowed: clear, green, amber, amber+strict, red",
        ),
        ("dim.age:7", "allowed: 0-8"),
        ("country:ZQ9", "country code of two letters"),
        ("author:nobody!", "no agency is called 'nobody!'"),
        ("period:soon", "2031-03"),
        ("period:2016..2015", "ends before it begins"),
        ("n:many", "whole number"),
        ("crime:x", "ICCS"),
        ("id:AB", "id"),
        ("kind:", "no value"),
        ("kind:trend,", "no value"),
        ("route:\"open", "quotation mark"),
        ("a*", "star"),
        ("lover-bo*", "star"),
        ("...", "no letter"),
        ("not", "nothing behind"),
        ("a OR b", "field:a,b"),
    ] {
        let error = try_parse(text).expect_err(text).to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
    let long = "x ".repeat(limits::QUERY_BYTES);
    assert!(matches!(try_parse(&long), Err(QueryError::TooLong { .. })));
    assert_eq!(try_parse(&"x ".repeat(65)), Err(QueryError::TooMany));
    let values = format!("kind:{}", ["t*"; 300].join(","));
    assert_eq!(try_parse(&values), Err(QueryError::TooMany));
}

#[test]
fn a_query_is_read_into_its_conditions() {
    let query = parse("kind:trend,route -tlp:red not border* \"Lover Boy\" period:2031 dim.age:*");
    let [kind, tlp, word, phrase, period, age] = query.clauses.as_slice() else {
        panic!("{query:?}");
    };
    let is = |text: &str| query::Pattern::Is(text.into());
    let value = |field, any| query::Test::Value { field, any };
    assert_eq!(
        kind.test,
        value(Field::Kind, vec![is("trend"), is("route")])
    );
    assert!(tlp.negated && word.negated && !phrase.negated);
    assert_eq!(
        word.test,
        query::Test::Word(query::Pattern::Starts("border".into()))
    );
    assert_eq!(
        phrase.test,
        query::Test::Phrase(vec!["lover".into(), "boy".into()])
    );
    assert!(matches!(&period.test, query::Test::Days(spans) if spans.len() == 1));
    let query::Test::Value { field, any } = &age.test else {
        panic!("{age:?}");
    };
    assert_eq!(field.to_string(), "dim.age");
    assert_eq!(any, &[query::Pattern::Present]);
    assert_eq!(
        parse("author:qm-pol").clauses[0].test,
        value(Field::Author, vec![is(&agency(2).full())])
    );
    // Without a kind, control traffic is left out.
    assert!(parse("").clauses[0].negated);
}

#[test]
fn the_words_of_a_shell_are_put_together() {
    let joined = query::join(&["kind:trend", "route:Western Balkan Route", "-area:QN BLG"]);
    assert_eq!(
        joined,
        "kind:trend route:\"Western Balkan Route\" -area:\"QN BLG\""
    );
    let whole = "route:Balkan kind:trend";
    assert_eq!(query::join(&[whole]), whole);
    assert_eq!(query::join(&["route:Western B*"]), "route:\"Western B\"*");
}

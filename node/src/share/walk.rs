//! One walk through the gates, with or without the words of each.

use std::sync::Arc;

use liaison_protocol::clock::Millis;
use liaison_protocol::record::date::Date;
use liaison_protocol::record::handling::Verdict;

use super::affirmed::KeyWord;
use super::decide::{Decided, Gate, GateWord, Permit};
use super::{Ahead, GIVEN_BACK, LeaveKind, Route};
use crate::policy::{Action, Ceiling, Decision};

/// One walk through the gates. Without words it ends at the first refusal.
pub(super) struct Walk {
    /// The way that it would go.
    pub(super) route: Route,
    /// Permits and affirmations that the peer is taken to have.
    pub(super) ahead: Ahead,
    /// Whether the handling gate is open by a permit.
    pub(super) permitted: bool,
    words: Option<Vec<GateWord>>,
    refused: Option<(Gate, Rule)>,
    last: (Gate, Rule),
}

/// A rule's name, made into text only at the end of a walk.
enum Rule {
    Fixed(&'static str),
    Handling(Verdict),
    Statement(Arc<str>),
}

impl Walk {
    pub(super) const fn quick() -> Self {
        Self {
            route: Route::Direct,
            ahead: Ahead::NONE,
            permitted: false,
            words: None,
            refused: None,
            last: (Gate::Link, Rule::Fixed("none")),
        }
    }

    /// For a peer that is taken to have these permits and affirmations, and what would go this
    /// way.
    pub(super) fn behind(ahead: Ahead, route: Route) -> Self {
        Self {
            ahead,
            route,
            ..Self::quick()
        }
    }

    pub(super) fn with_words() -> Self {
        let mut walk = Self::quick();
        walk.words = Some(Vec::new());
        walk
    }

    pub(super) fn link(&mut self, linked: bool) -> bool {
        let says = if linked {
            "it is a peer"
        } else {
            "it is no peer of ours"
        };
        self.fixed(
            Gate::Link,
            linked,
            if linked { "peer" } else { "no-peer" },
            says,
        )
    }

    pub(super) fn leaving(&mut self) -> bool {
        let says = "it is being removed: only what is owed to it still goes there";
        self.fixed(Gate::Link, false, "leaving", says)
    }

    pub(super) fn in_force(&mut self, gone: Option<(&'static str, &'static str)>) -> bool {
        let (rule, says) = gone.unwrap_or(("in-force", "it is in force"));
        self.fixed(Gate::Expired, gone.is_none(), rule, says)
    }

    pub(super) fn key(&mut self, word: KeyWord) -> bool {
        let (rule, says) = match word {
            KeyWord::Affirmed => (
                "key-affirmed",
                "the key that signed it was compromised; its author has affirmed it",
            ),
            KeyWord::OnItsWay => (
                "affirmation-on-its-way",
                "the key that signed it was compromised; that its author has affirmed it goes to the peer first",
            ),
            KeyWord::NotAffirmed => (
                "key-compromised",
                "the key that signed it was compromised, and its author has not affirmed it: everybody would refuse it",
            ),
            KeyWord::AllRevoked => (
                "keys-revoked",
                "all keys of its author are revoked: everybody would refuse it",
            ),
        };
        self.fixed(Gate::Key, word == KeyWord::Affirmed, rule, says)
    }

    pub(super) fn given_back(&mut self) -> bool {
        let says = "the peer wrote it and gave it to us: it may have it back";
        self.fixed(Gate::Owed, true, GIVEN_BACK, says)
    }

    pub(super) fn owed(&mut self, owed: bool) -> bool {
        let (rule, says) = if owed {
            (
                "owed",
                "what it concerns was released to the peer or came from it; no setting stops it",
            )
        } else {
            (
                "not-owed",
                "what it concerns was never released to the peer and did not come from it",
            )
        };
        self.fixed(Gate::Owed, owed, rule, says)
    }

    pub(super) fn unreadable(&mut self) -> bool {
        self.fixed(
            Gate::Handling,
            false,
            "unreadable",
            "its handling can't be read by this version",
        )
    }

    pub(super) fn handling(&mut self, verdict: Verdict, permit: Option<&Permit>) -> bool {
        self.permitted = verdict == Verdict::Permitted;
        let rule = Rule::Handling(verdict);
        self.note(Gate::Handling, verdict.allows(), rule, || {
            let mut says = verdict.says().to_owned();
            if let Some(Permit { leave, known }) = permit {
                let id = leave.id.short();
                if let LeaveKind::Permit { until } = leave.what {
                    let last = Date::from_millis(Millis(until.0.saturating_sub(1)));
                    says = if *known {
                        format!("{says}: {id}, until {last}")
                    } else {
                        format!("{says} yet: permit {id} is on its way to it")
                    };
                }
            }
            (says, None)
        })
    }

    /// The record is sealed, and its key is not here.
    pub(super) fn closed(&mut self) -> bool {
        let says = "it is sealed, and its key is not here: nobody here can seal it to the peer";
        self.fixed(Gate::Seal, false, "no-key", says)
    }

    /// A sealed record of another agency.
    pub(super) fn of_others(&mut self) -> bool {
        let says = "it is sealed, and only its author's node releases it";
        self.fixed(Gate::Handling, false, "author-only", says)
    }

    /// Whether the peer is kept from it by what its author's node derived at sealing.
    pub(super) fn exclude(&mut self, barred: Option<String>) -> bool {
        let allow = barred.is_none();
        let rule = if allow { "not-excluded" } else { "excluded" };
        self.note(Gate::Exclude, allow, Rule::Fixed(rule), || {
            let says = match barred {
                None => "no country is kept from it that the peer serves".to_owned(),
                Some(country) => format!("it may never reach an authority of {country} (REF-04)"),
            };
            (says, None)
        })
    }

    /// Whether the hub on its way is kept from it, or is one that nobody here knows.
    pub(super) fn path(&mut self, known: bool, barred: Option<String>) -> bool {
        let allow = known && barred.is_none();
        let rule = if allow { "way-open" } else { "way-barred" };
        self.note(Gate::Path, allow, Rule::Fixed(rule), || {
            let says = match (known, barred) {
                (false, _) => "the hub on its way is no peer of ours".to_owned(),
                (true, None) => "no country is kept from it that the hub on its way serves".into(),
                (true, Some(country)) => format!(
                    "it may not go by way of an authority of {country} (REF-04): by another hub, or on a connection of our own"
                ),
            };
            (says, None)
        })
    }

    /// Whether the peer has a key that it can be sealed to.
    pub(super) fn sealing_key(&mut self, has_one: bool) -> bool {
        let (rule, says) = if has_one {
            ("sealing-key", "the peer has a sealing key in force")
        } else {
            (
                "no-sealing-key",
                "the peer has no sealing key in force that is known here; it comes with its next keys statement",
            )
        };
        self.fixed(Gate::Seal, has_one, rule, says)
    }

    pub(super) fn ceiling(&mut self, withheld_by: Option<&Arc<Ceiling>>) -> bool {
        let Some(ceiling) = withheld_by else {
            return self.fixed(Gate::Ceiling, true, "below", "no ceiling withholds it");
        };
        let rule = Rule::Statement(ceiling.name.as_str().into());
        self.note(Gate::Ceiling, false, rule, || {
            let says = format!("{} ({})", ceiling.says, ceiling.rule());
            (says, Some(ceiling.place()))
        })
    }

    pub(super) fn audience(&mut self, listed: Option<bool>) -> bool {
        let (rule, says) = match listed {
            None => ("no-list", "it has no distribution list; policy decides"),
            Some(true) => ("listed", "the peer is on its distribution list"),
            Some(false) => (
                "not-listed",
                "the peer is not on its distribution list (push --to)",
            ),
        };
        self.fixed(Gate::Audience, listed != Some(false), rule, says)
    }

    pub(super) fn policy(&mut self, decision: &Decision) -> bool {
        let statement = decision.statements.first();
        let rule = match statement {
            Some(statement) => Rule::Statement(statement.id.as_str().into()),
            None if decision.errors.is_empty() => Rule::Fixed("default-deny"),
            None => Rule::Fixed("statement-failed"),
        };
        self.note(Gate::Policy, decision.allow, rule, || {
            let place = statement.map(|s| format!("{}:{}", s.file, s.line));
            (decision.in_words(Action::Share), place)
        })
    }

    fn fixed(&mut self, gate: Gate, allow: bool, rule: &'static str, says: &'static str) -> bool {
        self.note(gate, allow, Rule::Fixed(rule), || (says.to_owned(), None))
    }

    /// Notes a gate's word; says whether the next gate has to be asked.
    fn note(
        &mut self,
        gate: Gate,
        allow: bool,
        rule: Rule,
        says: impl FnOnce() -> (String, Option<String>),
    ) -> bool {
        if let Some(words) = &mut self.words {
            let (says, place) = says();
            words.push(GateWord {
                gate,
                allow,
                rule: rule.name(),
                says,
                place,
            });
        }
        if !allow && self.refused.is_none() {
            self.refused = Some((gate, rule));
        } else {
            self.last = (gate, rule);
        }
        allow || self.words.is_some()
    }

    pub(super) fn end(self) -> (Decided, Vec<GateWord>) {
        let allow = self.refused.is_none();
        let (gate, rule) = self.refused.unwrap_or(self.last);
        (
            Decided {
                allow,
                gate,
                rule: rule.name(),
            },
            self.words.unwrap_or_default(),
        )
    }
}

impl Rule {
    fn name(&self) -> Arc<str> {
        match self {
            Rule::Fixed(name) => (*name).into(),
            Rule::Handling(verdict) => verdict.as_str().into(),
            Rule::Statement(id) => id.clone(),
        }
    }
}

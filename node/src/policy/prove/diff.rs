//! What one set lets through that another does not, for all agencies, circles and records.

use serde::Serialize;

use super::super::decision::{Action, StatementRef};
use super::super::set::PolicySet;
use super::case::Case;
use super::invariant::{permits, with_world};
use super::report::Verdict;
use super::solver::{ProveError, Solver};
use super::symbolic::{Answer, Prover, of_action, on_own_thread};

/// Both directions.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// What the new set lets through and the old does not; one an action.
    pub wider: Vec<Widening>,
    /// What the old set lets through and the new does not; one an action.
    pub narrower: Vec<Widening>,
    /// Members that circles gain or lose, as sentences. The sets themselves are compared for
    /// any circles.
    pub circles: Vec<String>,
}

/// A case that one set allows and the other does not.
#[derive(Clone, Debug, Serialize)]
pub struct Widening {
    /// Which action.
    pub action: Action,
    /// The case in words, or why it is not known.
    pub words: String,
    /// The case; none where the solver found no answer.
    pub case: Option<Box<Case>>,
    /// The statements that let it through.
    pub statements: Vec<StatementRef>,
    /// Both engines were asked and do decide so.
    pub confirmed: bool,
}

/// Compares two sets. Takes a second or so: call it where waiting is allowed.
///
/// # Errors
/// [`ProveError`]: nothing is known then.
pub fn diff(old: &PolicySet, new: &PolicySet, solver: &Solver) -> Result<Difference, ProveError> {
    on_own_thread(|| async {
        let mut prover = Prover::start(solver)?;
        prover.test().await?;
        Ok(Difference {
            wider: wider(&mut prover, old, new).await?,
            narrower: wider(&mut prover, new, old).await?,
            circles: circles(old, new),
        })
    })
}

/// What `new` lets through and `old` does not.
async fn wider(
    prover: &mut Prover,
    old: &PolicySet,
    new: &PolicySet,
) -> Result<Vec<Widening>, ProveError> {
    let mut found = Vec::new();
    for action in Action::ALL {
        if !permits(new, action) {
            continue;
        }
        let policy = with_world(new, action).map_err(ProveError::set)?;
        let wanted = of_action(old, action)?;
        match prover.plainest(&policy, &wanted, action).await? {
            Answer::Holds => {}
            Answer::Fails(env) => match Case::read(&env, action, &[old, new]) {
                Ok(case) => found.push(widening(case, old, new)),
                Err(reason) => found.push(unknown(action, reason)),
            },
            Answer::Unknown(reason) => found.push(unknown(action, reason)),
        }
    }
    Ok(found)
}

fn widening(case: Case, old: &PolicySet, new: &PolicySet) -> Widening {
    let action = case.action;
    let decided = case
        .put_to(new)
        .and_then(|(_, by_new)| case.put_to(old).map(|(_, by_old)| (by_new, by_old)));
    let (by_new, by_old) = match decided {
        Ok(decided) => decided,
        Err(reason) => return unknown(action, reason),
    };
    let confirmed = by_new.allow && !by_old.allow;
    match case.into_verdict(&by_new, confirmed) {
        Verdict::Refuted {
            case,
            words,
            statements,
            confirmed,
        } => Widening {
            action,
            words,
            case,
            statements,
            confirmed,
        },
        _ => unknown(action, "no case".into()),
    }
}

fn unknown(action: Action, reason: String) -> Widening {
    Widening {
        action,
        words: format!("Not known: {reason}."),
        case: None,
        statements: Vec::new(),
        confirmed: false,
    }
}

fn circles(old: &PolicySet, new: &PolicySet) -> Vec<String> {
    let none = Vec::new();
    let mut said = Vec::new();
    let names: std::collections::BTreeSet<&String> =
        old.circles().keys().chain(new.circles().keys()).collect();
    for name in names {
        let before = old.circles().get(name).unwrap_or(&none);
        let after = new.circles().get(name).unwrap_or(&none);
        for member in after.iter().filter(|m| !before.contains(m)) {
            said.push(format!("Circle '{name}' gains '{member}'."));
        }
        for member in before.iter().filter(|m| !after.contains(m)) {
            said.push(format!("Circle '{name}' loses '{member}'."));
        }
    }
    said
}

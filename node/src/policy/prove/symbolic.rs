//! For all agencies, circles and records, by the solver.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cedar_policy::{PolicySet as Cedar, RequestEnv, Schema};
use cedar_policy_symcc::err::Error as SymError;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicy, CompiledPolicySet, Env};
use sha2::{Digest, Sha256};

use super::super::decision::Action;
use super::super::set::{PolicySet, Statement};
use super::super::{limits, schema};
use super::case::Case;
use super::invariant::{CIRCLE_KINDS, Invariant, NO_ERRORS, NO_ERRORS_SAYS, relevant, statements};
use super::report::{Finding, Origin, Part, Verdict};
use super::solver::{Process, ProveError, Solver};

/// The built-in bad policy, as a test of the solver.
const BAD_TEXT: &str = include_str!("bad.cedar");

/// Wishes for plain counterexamples.
const PLAIN_TEXT: &str = include_str!("plain.cedar");

/// Holds a set to every invariant, for all agencies, circles and records. Takes a second or so:
/// call it where waiting is allowed. The findings of a set are remembered.
///
/// # Errors
/// [`ProveError`]: nothing is known about the set then.
pub fn symbolic(set: &PolicySet, solver: &Solver) -> Result<Vec<Finding>, ProveError> {
    let key: [u8; 32] = Sha256::new_with_prefix(set.text().sha256())
        .chain_update(solver.program())
        .finalize()
        .into();
    if let Some(known) = remembered(&key) {
        return Ok(known.to_vec());
    }
    let findings: Arc<[Finding]> = on_own_thread(|| async {
        let mut prover = Prover::start(solver)?;
        prover.test().await?;
        prover.findings(set).await
    })?
    .into();
    remember(key, Arc::clone(&findings));
    Ok(findings.to_vec())
}

/// Runs on a thread with the stack that deep statements need, within the time for one proof.
pub(super) fn on_own_thread<T: Send, F: Future<Output = Result<T, ProveError>>>(
    work: impl FnOnce() -> F + Send,
) -> Result<T, ProveError> {
    let thread = |e: std::io::Error| ProveError::Thread {
        says: e.to_string(),
    };
    std::thread::scope(|scope| {
        let handle = std::thread::Builder::new()
            .name("prove".into())
            .stack_size(limits::STACK_BYTES)
            .spawn_scoped(scope, || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(thread)?;
                let most = Duration::from_millis(limits::SOLVER_TOTAL_MS);
                runtime.block_on(async {
                    match tokio::time::timeout(most, work()).await {
                        Ok(done) => done,
                        Err(_) => Err(ProveError::TooLong),
                    }
                })
            })
            .map_err(thread)?;
        handle.join().unwrap_or_else(|_| {
            Err(ProveError::Thread {
                says: "it broke off".into(),
            })
        })
    })
}

type Remembered = VecDeque<([u8; 32], Arc<[Finding]>)>;

static REMEMBERED: Mutex<Remembered> = Mutex::new(VecDeque::new());

fn remembered(key: &[u8; 32]) -> Option<Arc<[Finding]>> {
    let known = REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner);
    let found = known.iter().find(|(k, _)| k == key);
    found.map(|(_, findings)| Arc::clone(findings))
}

fn remember(key: [u8; 32], findings: Arc<[Finding]>) {
    let mut known = REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= limits::PROVEN_SETS {
        known.pop_front();
    }
    known.push_back((key, findings));
}

/// A running solver and what is put to it.
pub(super) struct Prover {
    solver: Solver,
    compiler: CedarSymCompiler<Process>,
    schema: &'static Schema,
    plain: Vec<Statement>,
}

/// What the solver says of an implication.
pub(super) enum Answer {
    /// It holds.
    Holds,
    /// It does not, and this is a case.
    Fails(Box<Env>),
    /// It does not know.
    Unknown(String),
}

impl Prover {
    pub(super) fn start(solver: &Solver) -> Result<Self, ProveError> {
        let process = solver.start()?;
        Ok(Self {
            compiler: CedarSymCompiler::new(process).map_err(|e| solver.broken(&e.to_string()))?,
            solver: solver.clone(),
            schema: schema::schema().map_err(ProveError::set)?,
            plain: statements(PLAIN_TEXT).map_err(ProveError::set)?,
        })
    }

    /// Has the built-in bad policy refuted.
    pub(super) async fn test(&mut self) -> Result<(), ProveError> {
        let bad = statements(BAD_TEXT).map_err(ProveError::set)?;
        let bad =
            Cedar::from_policies(bad.into_iter().map(|s| s.policy)).map_err(ProveError::set)?;
        let nobody =
            super::super::PolicyText::new(vec![("none.cedar".into(), String::new())], None)
                .and_then(PolicySet::from_text)
                .map_err(ProveError::set)?;
        let invariants = Invariant::all(&nobody).map_err(ProveError::set)?;
        let Some(first) = invariants.first() else {
            return Err(ProveError::set("there are no invariants"));
        };
        let wanted = first.as_set().map_err(ProveError::set)?;
        match self.implies(&bad, &wanted, Action::Share).await? {
            Answer::Fails(_) => Ok(()),
            Answer::Holds => Err(ProveError::Faulty {
                program: self.solver.program(),
            }),
            Answer::Unknown(reason) => Err(self.solver.broken(&reason)),
        }
    }

    async fn findings(&mut self, set: &PolicySet) -> Result<Vec<Finding>, ProveError> {
        let invariants = Invariant::all(set).map_err(ProveError::set)?;
        let mut findings = vec![self.no_errors(set).await?];
        for invariant in &invariants {
            let verdict = self.verdict(set, invariant).await?;
            findings.push(Finding {
                id: invariant.id.clone(),
                says: invariant.says.clone(),
                origin: invariant.origin,
                part: Part::Symbolic,
                verdict,
            });
        }
        if !invariants.iter().any(|i| i.origin == Origin::Circles) {
            findings.push(Finding {
                id: CIRCLE_KINDS.into(),
                says: "No kind is given to a circle in entities.json, so none is kept to one."
                    .into(),
                origin: Origin::Circles,
                part: Part::Symbolic,
                verdict: Verdict::Proven,
            });
        }
        Ok(findings)
    }

    async fn verdict(
        &mut self,
        set: &PolicySet,
        invariant: &Invariant,
    ) -> Result<Verdict, ProveError> {
        let wanted = invariant.as_set().map_err(ProveError::set)?;
        for action in Action::ALL {
            if !invariant.concerns(action) || !invariant.has_a_case(set, action) {
                continue;
            }
            let policy = invariant.held_against(set, action);
            let policy = policy.map_err(ProveError::set)?;
            match self.plainest(&policy, &wanted, action).await? {
                Answer::Holds => {}
                Answer::Fails(env) => return Ok(Case::refute(&env, action, set, invariant)),
                Answer::Unknown(reason) => return Ok(Verdict::Unknown { reason }),
            }
        }
        Ok(Verdict::Proven)
    }

    /// Whether some statement, of the policy or of an invariant, can fail.
    async fn no_errors(&mut self, set: &PolicySet) -> Result<Finding, ProveError> {
        let mut verdict = Verdict::Proven;
        'all: for statement in set.statements.values().chain(set.invariants.values()) {
            for action in Action::ALL {
                if !statement.concerns(action) {
                    continue;
                }
                let compiled =
                    CompiledPolicy::compile(&statement.policy, &environment(action)?, self.schema)
                        .map_err(ProveError::set)?;
                let asked = self
                    .compiler
                    .check_never_errors_with_counterexample_opt(&compiled)
                    .await;
                verdict = match self.answer(asked)? {
                    Answer::Holds => continue,
                    Answer::Fails(env) => Case::refute_error(&env, action, set, statement),
                    Answer::Unknown(reason) => Verdict::Unknown { reason },
                };
                break 'all;
            }
        }
        Ok(Finding {
            id: NO_ERRORS.into(),
            says: NO_ERRORS_SAYS.into(),
            origin: Origin::BuiltIn,
            part: Part::Symbolic,
            verdict,
        })
    }

    /// As [`Self::implies`], with the plainest case that there is.
    pub(super) async fn plainest(
        &mut self,
        policy: &Cedar,
        wanted: &Cedar,
        action: Action,
    ) -> Result<Answer, ProveError> {
        let any = self.implies(policy, wanted, action).await?;
        if !matches!(any, Answer::Fails(_)) {
            return Ok(any);
        }
        let mut found = any;
        let mut narrowed = policy.clone();
        let plain = self.plain.clone();
        let group = |s: &Statement| s.reference.id.split('-').next().map(str::to_owned);
        for wishes in plain.chunk_by(|a, b| group(a) == group(b)) {
            let whole = std::iter::once(wishes);
            for wishes in whole.chain(wishes.chunks(1)) {
                let mut tried = narrowed.clone();
                for wish in wishes {
                    tried.add(wish.policy.clone()).map_err(ProveError::set)?;
                }
                let answer = self.implies(&tried, wanted, action).await?;
                if matches!(answer, Answer::Fails(_)) {
                    found = answer;
                    narrowed = tried;
                    if wishes.len() > 1 {
                        break;
                    }
                }
            }
        }
        Ok(found)
    }

    /// Whether all that `policy` allows is allowed by `wanted`.
    pub(super) async fn implies(
        &mut self,
        policy: &Cedar,
        wanted: &Cedar,
        action: Action,
    ) -> Result<Answer, ProveError> {
        let environment = environment(action)?;
        let compile = |set: &Cedar| {
            CompiledPolicySet::compile(set, &environment, self.schema).map_err(ProveError::set)
        };
        let (policy, wanted) = (compile(policy)?, compile(wanted)?);
        let asked = self
            .compiler
            .check_implies_with_counterexample_opt(&policy, &wanted)
            .await;
        self.answer(asked)
    }

    fn answer(&self, asked: Result<Option<Env>, SymError>) -> Result<Answer, ProveError> {
        match asked {
            Ok(None) => Ok(Answer::Holds),
            Ok(Some(env)) => Ok(Answer::Fails(Box::new(env))),
            Err(SymError::SolverUnknown) => Ok(Answer::Unknown(format!(
                "the solver found no answer within {} seconds",
                limits::SOLVER_QUERY_MS / 1_000
            ))),
            Err(SymError::SolverError(e)) => Err(self.solver.broken(&e.to_string())),
            // A case that cannot be read back is a case all the same: not proven.
            Err(e) => Ok(Answer::Unknown(format!(
                "the solver's answer cannot be read: {e}"
            ))),
        }
    }
}

impl ProveError {
    pub(super) fn set(e: impl std::fmt::Display) -> Self {
        Self::Set {
            says: e.to_string(),
        }
    }
}

/// What a question is of: an agency, an action, a record.
fn environment(action: Action) -> Result<RequestEnv, ProveError> {
    let kind = |name: &str| name.parse().map_err(ProveError::set);
    let uid = format!("Action::\"{}\"", action.name());
    Ok(RequestEnv::new(
        kind("Agency")?,
        uid.parse().map_err(ProveError::set)?,
        kind("Record")?,
    ))
}

/// The statements of a set for one action, as the prover takes them.
pub(super) fn of_action(set: &PolicySet, action: Action) -> Result<Cedar, ProveError> {
    relevant(set, action).map_err(ProveError::set)
}

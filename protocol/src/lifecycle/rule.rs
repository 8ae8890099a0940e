//! One row of a lifecycle's table, whatever the lifecycle.

/// Who may take a step, from where and to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule<S: 'static, K, P: 'static> {
    /// The step.
    pub step: K,
    /// The states in which it may be taken.
    pub from: &'static [S],
    /// Who may take it.
    pub by: &'static [P],
    /// Where it leads.
    pub to: To<S>,
}

/// Where a step leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To<S> {
    /// Into this state.
    State(S),
    /// Nowhere: it notes something.
    Same,
}

/// Why a table does not allow a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Not {
    /// Nobody may take it in this state.
    Here,
    /// The other party may.
    Yours,
}

/// What the table says of a step.
///
/// # Errors
/// Why it is not allowed.
pub fn next<S, K, P>(table: &[Rule<S, K, P>], from: S, step: K, by: P) -> Result<To<S>, Not>
where
    S: Copy + PartialEq,
    K: Copy + PartialEq,
    P: Copy + PartialEq,
{
    let mut not = Not::Here;
    for rule in table {
        if rule.step == step && rule.from.contains(&from) {
            if rule.by.contains(&by) {
                return Ok(rule.to);
            }
            not = Not::Yours;
        }
    }
    Err(not)
}

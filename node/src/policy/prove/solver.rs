//! The solver: a process of `cvc5` that questions are written to.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use cedar_policy_symcc::SmtLibScript;
use cedar_policy_symcc::solver::{Decision, DecisionWithModel, Solver as Ask, SolverError};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::super::limits;

/// Which program the questions are put to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Solver {
    program: PathBuf,
}

impl Default for Solver {
    /// `cvc5`, wherever the PATH has it.
    fn default() -> Self {
        Self {
            program: PathBuf::from("cvc5"),
        }
    }
}

/// Why nothing can be said about a set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProveError {
    /// There is no such program.
    #[error(
        "the solver '{program}' is not installed here, so nothing can be proven. Install it: sudo apt-get install cvc5; or name it in config.toml: [policy] solver = \"/path/to/cvc5\""
    )]
    NoSolver {
        /// The program's name or path.
        program: String,
    },
    /// It does not do what a solver does.
    #[error(
        "the solver '{program}' does not work ({says}), so nothing is proven. Reinstall it: sudo apt-get install --reinstall cvc5"
    )]
    Broken {
        /// The program's name or path.
        program: String,
        /// What it did.
        says: String,
    },
    /// It proved of the built-in bad policy what is not so.
    #[error(
        "the solver '{program}' calls a policy safe that gives everything to everybody, so nothing that it says counts. Reinstall it: sudo apt-get install --reinstall cvc5"
    )]
    Faulty {
        /// The program's name or path.
        program: String,
    },
    /// All questions together took too long.
    #[error(
        "the proof was given up after {} seconds. Make the statements simpler, or try again when the machine is less busy", limits::SOLVER_TOTAL_MS / 1_000
    )]
    TooLong,
    /// A set that cannot be put to the solver.
    #[error("the policy cannot be put to the solver: {says}. Run 'liaison policy check'")]
    Set {
        /// Why.
        says: String,
    },
    /// The machine gave no thread.
    #[error("no thread for the proof: {says}. Close other programs and try again")]
    Thread {
        /// What the system said.
        says: String,
    },
}

impl Solver {
    /// A program that is called like `cvc5`; a name is looked for on the PATH.
    pub fn at(program: &Path) -> Self {
        Self {
            program: program.to_owned(),
        }
    }

    /// Name or path, for people.
    pub fn program(&self) -> String {
        self.program.display().to_string()
    }

    /// What it calls itself, as `cvc5 1.0.3`.
    ///
    /// # Errors
    /// [`ProveError::NoSolver`], [`ProveError::Broken`].
    pub fn version(&self) -> Result<String, ProveError> {
        let output = std::process::Command::new(&self.program)
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .map_err(|e| self.missing(&e))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let number = text
            .split_whitespace()
            .skip_while(|word| *word != "version")
            .nth(1);
        match number {
            Some(number) if text.contains("cvc5") => Ok(format!("cvc5 {}", quote(number))),
            _ => Err(self.broken("it does not tell its version")),
        }
    }

    /// Whether it is there.
    pub fn is_there(&self) -> bool {
        self.version().is_ok()
    }

    pub(super) fn start(&self) -> Result<Process, ProveError> {
        let mut child = Command::new(&self.program)
            .args(["--lang", "smt"])
            .arg(format!("--tlimit-per={}", limits::SOLVER_QUERY_MS))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| self.missing(&e))?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => Ok(Process {
                _child: child,
                input: BufWriter::new(input),
                output: BufReader::new(output),
            }),
            _ => Err(self.broken("it cannot be written to")),
        }
    }

    pub(super) fn broken(&self, says: &str) -> ProveError {
        ProveError::Broken {
            program: self.program(),
            says: quote(says),
        }
    }

    fn missing(&self, e: &std::io::Error) -> ProveError {
        if e.kind() == std::io::ErrorKind::NotFound {
            return ProveError::NoSolver {
                program: self.program(),
            };
        }
        self.broken(&e.to_string())
    }
}

/// Words of the solver, as far as a person reads them.
fn quote(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(limits::SOLVER_QUOTE_CHARS)
        .collect()
}

/// A running solver. What it answers is bounded, in time and in bytes; it ends when dropped.
#[derive(Debug)]
pub(super) struct Process {
    _child: Child,
    input: BufWriter<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Reads one line onto `text`.
    async fn line(&mut self, text: &mut String) -> Result<(), SolverError> {
        let room = limits::SOLVER_ANSWER_BYTES.saturating_sub(text.len()) as u64;
        // The solver's own limit is for one question; it may not start on it in time.
        let most = Duration::from_millis(limits::SOLVER_QUERY_MS * 2);
        let mut bounded = (&mut self.output).take(room);
        let read = tokio::time::timeout(most, bounded.read_line(text)).await;
        let length = read.map_err(|_| SolverError::Solver("it does not answer".into()))??;
        if length == 0 {
            return Err(SolverError::Solver(
                "it ended, or its answer is too long".into(),
            ));
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<(), SolverError> {
        self.input.flush().await.map_err(SolverError::from)
    }
}

impl Ask for Process {
    fn smtlib_input(&mut self) -> &mut (dyn AsyncWrite + Unpin + Send) {
        &mut self.input
    }

    async fn enable_models(&mut self) -> Result<(), SolverError> {
        let input = self.smtlib_input();
        input.set_option("produce-models", "true").await?;
        Ok(())
    }

    async fn check_sat(&mut self) -> Result<Decision, SolverError> {
        self.smtlib_input().check_sat().await?;
        self.send().await?;
        let mut answer = String::new();
        self.line(&mut answer).await?;
        match answer.trim() {
            "sat" => Ok(Decision::Sat),
            "unsat" => Ok(Decision::Unsat),
            "unknown" => Ok(Decision::Unknown),
            other => Err(SolverError::UnrecognizedSolverOutput(quote(other))),
        }
    }

    async fn check_sat_with_model(&mut self) -> Result<DecisionWithModel, SolverError> {
        match self.check_sat().await? {
            Decision::Unsat => return Ok(DecisionWithModel::Unsat),
            Decision::Unknown => return Ok(DecisionWithModel::Unknown),
            Decision::Sat => {}
        }
        self.smtlib_input().get_model().await?;
        self.send().await?;
        let mut model = String::new();
        self.line(&mut model).await?;
        if model.trim() != "(" {
            return Err(SolverError::UnrecognizedSolverOutput(quote(&model)));
        }
        loop {
            let from = model.len();
            self.line(&mut model).await?;
            if model.get(from..).is_some_and(|line| line.trim() == ")") {
                return Ok(DecisionWithModel::Sat { model });
            }
        }
    }
}

//! What went wrong, for people and scripts: class and exit code, a stable code, the message and the next step.

use std::fmt;

use serde_json::{Value, json};

use crate::shell::OutputError;

/// The classes of failure, with their exit codes: part of the output contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// It was tried and did not work.
    Failed = 1,
    /// The command line was not understood.
    Usage = 2,
    /// The configuration is wrong, or something named in it does not exist.
    Config = 3,
    /// Refused before anything was sent.
    Refused = 4,
    /// Sent, and the outcome is not known.
    Unknown = 5,
    /// Mined and reverted.
    Reverted = 6,
    /// An endpoint could not be reached.
    Unreachable = 7,
    /// A bug of lpctl.
    Bug = 70,
    /// Stopped by the operator.
    Interrupted = 130,
}

/// A failure as the operator is told it.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Class; decides the exit code.
    pub kind: Kind,
    /// Stable name for scripts.
    pub code: &'static str,
    /// What happened, to what.
    pub message: String,
    /// The next step.
    pub hint: Option<String>,
    /// Facts for scripts.
    pub details: Option<Box<Value>>,
    /// Further lines for people, printed as they are below the message.
    pub explanation: Option<String>,
    /// Whether the answer on stdout tells of it already: with `--json` nothing is added to that.
    pub is_told: bool,
}

impl Failure {
    /// A failure without hint or details yet.
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            code,
            message: message.into(),
            hint: None,
            details: None,
            explanation: None,
            is_told: false,
        }
    }

    /// Adds the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds facts for scripts.
    #[must_use]
    pub fn details(mut self, details: Value) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// Adds lines for people.
    #[must_use]
    pub fn explanation(mut self, explanation: impl Into<String>) -> Self {
        self.explanation = Some(explanation.into());
        self
    }

    /// Marks it as told by the answer on stdout.
    #[must_use]
    pub fn told(mut self) -> Self {
        self.is_told = true;
        self
    }

    /// The error envelope of `--json`.
    #[must_use]
    pub fn envelope(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message, "hint": self.hint });
        if let Some(details) = &self.details {
            error["details"] = Value::clone(details);
        }
        json!({ "schema": 1, "error": error })
    }

    /// What a command's error means: the [`Failure`] it holds, an engine error's own class, or plain failure.
    #[must_use]
    pub fn judge(report: &eyre::Report) -> Self {
        for cause in report.chain() {
            if let Some(failure) = cause.downcast_ref::<Self>() {
                let mut failure = failure.clone();
                failure.message = full_message(report);
                return failure;
            }
        }
        Self::new(Kind::Failed, "failed", full_message(report))
    }

    /// True if the failure is only that nobody reads stdout any more, which is success.
    #[must_use]
    pub fn is_closed_output(report: &eyre::Report) -> bool {
        report.chain().any(|cause| {
            cause
                .downcast_ref::<OutputError>()
                .is_some_and(OutputError::is_closed)
        })
    }
}

/// The causes in one line, without saying the same thing twice.
fn full_message(report: &eyre::Report) -> String {
    let mut message = String::new();
    for cause in report.chain() {
        let text = cause.to_string();
        if message.is_empty() {
            message = text;
        } else if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
    }
    message
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use eyre::WrapErr;

    use super::*;

    #[test]
    fn context_is_added_and_the_class_kept() {
        let failure = Failure::new(Kind::Unreachable, "rpc_unreachable", "no endpoint answered").hint("look");
        let report = Err::<(), _>(failure).wrap_err("reading the round").unwrap_err();
        let judged = Failure::judge(&report);
        assert_eq!(judged.kind, Kind::Unreachable);
        assert_eq!(judged.message, "reading the round: no endpoint answered");
        assert_eq!(judged.envelope()["error"]["hint"], "look");
    }

    #[test]
    fn only_a_closed_stdout_is_no_failure() {
        let closed = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        let report = eyre::Report::from(OutputError::from(closed())).wrap_err("showing the round");
        assert!(Failure::is_closed_output(&report));
        assert!(!Failure::is_closed_output(&closed().into()));
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert!(!Failure::is_closed_output(&OutputError::from(full).into()));
    }
}

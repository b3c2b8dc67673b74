//! The only door to stdout and stderr: the answer on one, everything said on the way on the other.

mod ask;
mod pager;
mod style;

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use alloy::primitives::Address;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::{Value, json};

use crate::failure::{Failure, Kind};
pub use style::{Style, escape, table};

/// An answer: its serde form for scripts, its text for people.
pub trait Report: Serialize {
    /// The people's form: sentences or a table, without a trailing newline.
    fn text(&self, style: &Style) -> String;
}

/// Stdout did not take the answer. An error of its own, so that no other pipe is taken for stdout.
#[derive(Debug, thiserror::Error)]
#[error("stdout cannot be written")]
pub struct OutputError(#[from] io::Error);

impl OutputError {
    /// Whether nobody reads stdout any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

/// How the shell behaves.
#[derive(Debug, Clone, Copy)]
pub struct ShellOptions {
    /// Envelopes instead of text.
    pub json: bool,
    /// Nothing on stderr but failures and questions.
    pub quiet: bool,
    /// Answer every question with yes.
    pub yes: bool,
    /// Colour and marks on stdout.
    pub out_style: Style,
    /// Colour and marks on stderr.
    pub err_style: Style,
}

/// Both output streams, and the questions asked on a terminal.
pub struct Shell {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    options: ShellOptions,
    warnings: Vec<String>,
}

impl Shell {
    /// The shell of this process.
    #[must_use]
    pub fn new(options: ShellOptions) -> Self {
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            options,
            warnings: Vec::new(),
        }
    }

    /// The one answer: the text, or `{"schema":1,"data":…,"warnings":[…]}`. `--quiet` does not touch it.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn report<R: Report>(&mut self, report: &R) -> Result<(), OutputError> {
        let answer = if self.options.json {
            let data = with_checksums(serde_json::to_value(report).map_err(io::Error::from)?);
            json!({ "schema": 1, "data": data, "warnings": self.warnings }).to_string()
        } else {
            report.text(&self.options.out_style)
        };
        if !self.options.json && self.is_too_long(&answer) && pager::show(&format!("{answer}\n")) {
            return Ok(());
        }
        self.raw(format!("{answer}\n").as_bytes())
    }

    /// Whether the answer goes to a terminal and is longer than its screen.
    fn is_too_long(&self, answer: &str) -> bool {
        let rows = crossterm::terminal::size().map_or(u16::MAX, |(_, rows)| rows);
        self.is_terminal() && self.is_interactive() && pager::is_longer_than(answer, rows)
    }

    /// One event of a command that streams: a JSON object a line with `--json`, else the line.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn event<E: Serialize + Display>(&mut self, event: &E) -> Result<(), OutputError> {
        let line = if self.options.json {
            with_checksums(serde_json::to_value(event).map_err(io::Error::from)?).to_string()
        } else {
            event.to_string()
        };
        self.raw(format!("{line}\n").as_bytes())
    }

    /// Raw text as the answer: scripts for other programs (completions, man pages), a rendered frame.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        self.out.write_all(bytes)?;
        Ok(self.out.flush()?)
    }

    /// Something said on the way, on stderr.
    pub fn status(&mut self, line: impl Display) {
        if !self.options.quiet {
            // Nobody reads stderr: nothing to be done, and no reason to fail the command.
            let _ = writeln!(self.err, "{line}");
        }
    }

    /// What is about to be asked about, on stderr. `--quiet` does not hide it from somebody who is asked: nobody agrees to
    /// what was not shown.
    pub fn show(&mut self, text: impl Display) {
        let is_asked = !self.options.yes && self.is_interactive();
        if is_asked || !self.options.quiet {
            // As for a status.
            let _ = writeln!(self.err, "{text}");
        }
    }

    /// Something that deserves attention: on stderr, and in the envelope's `warnings`.
    pub fn warn(&mut self, line: impl Display) {
        let line = line.to_string();
        let mark = self.options.err_style.warn_mark();
        self.status(format_args!("{mark} {line}"));
        self.warnings.push(line);
    }

    /// Puts something the operator was already shown into the envelope's `warnings`.
    pub fn note_warning(&mut self, line: impl Display) {
        self.warnings.push(line.to_string());
    }

    /// Says what failed: on stderr for people, as an envelope on stdout with `--json`.
    pub fn fail(&mut self, failure: &Failure) {
        if self.options.json && failure.is_told {
            return;
        }
        if self.options.json {
            let _ = writeln!(self.out, "{}", with_checksums(failure.envelope()));
            let _ = self.out.flush();
            return;
        }
        let style = self.options.err_style;
        let _ = writeln!(self.err, "{} {}", style.bad("error:"), failure.message);
        if let Some(explanation) = &failure.explanation {
            let _ = writeln!(self.err, "{explanation}");
        }
        if let Some(hint) = &failure.hint {
            let _ = writeln!(self.err, "{} {hint}", style.bold("hint:"));
        }
    }

    /// Asks before something is done. `--yes` answers; without a terminal nothing ever asks.
    ///
    /// # Errors
    /// A refusal (exit 4) when the answer is no or nobody can be asked.
    pub fn confirm(&mut self, question: &str) -> eyre::Result<()> {
        if self.options.yes {
            return Ok(());
        }
        if !self.is_interactive() {
            return Err(Failure::new(
                Kind::Refused,
                "confirmation_needed",
                format!("not done: {question}"),
            )
            .hint("there is no terminal to ask on; pass `--yes` to confirm")
            .into());
        }
        match inquire::Confirm::new(question).with_default(false).prompt() {
            Ok(true) => Ok(()),
            Ok(false) => {
                Err(Failure::new(Kind::Refused, "declined", "declined; nothing was sent or changed").into())
            }
            Err(error) => Err(prompt_failure(&error)),
        }
    }

    /// Asks for a word to be typed before something grave is done. `--yes` answers; without a terminal nothing ever asks.
    ///
    /// # Errors
    /// A refusal (exit 4) when another word is typed or nobody can be asked.
    pub fn confirm_typed(&mut self, question: &str, word: &str) -> eyre::Result<()> {
        if self.options.yes {
            return Ok(());
        }
        if !self.is_interactive() {
            let message = format!("not done: {question}");
            return Err(Failure::new(Kind::Refused, "confirmation_needed", message)
                .hint("there is no terminal to ask on; pass `--yes` to confirm")
                .into());
        }
        match inquire::Text::new(question).prompt() {
            Ok(typed) if typed.trim() == word => Ok(()),
            Ok(_) => Err(Failure::new(
                Kind::Refused,
                "declined",
                format!("that is not `{}`: nothing was changed", escape(word)),
            )
            .into()),
            Err(error) => Err(prompt_failure(&error)),
        }
    }

    /// Asks for a password on the terminal, twice if it is a new one.
    ///
    /// # Errors
    /// A refusal when there is no terminal, an interruption when it is cancelled.
    pub fn ask_password(&mut self, question: &str, is_new: bool) -> eyre::Result<engine::secret::Password> {
        if !self.is_interactive() {
            return Err(Failure::new(
                Kind::Refused,
                "password_needed",
                format!("{}: no terminal to ask on", question.trim_end_matches(':')),
            )
            .hint("pass `--password-file PATH`, or set LPCTL_PASSWORD_FILE")
            .into());
        }
        // Asked twice by ourselves: inquire's own second question cannot be left with Esc.
        let ask = |question: &str| {
            let prompt = inquire::Password::new(question)
                .with_display_mode(inquire::PasswordDisplayMode::Hidden)
                .without_confirmation();
            let answer = prompt.prompt().map(engine::secret::Password::new);
            answer.map_err(|error| prompt_failure(&error))
        };
        loop {
            let password = ask(question)?;
            if !is_new || ask("again:")?.expose() == password.expose() {
                return Ok(password);
            }
            self.status("they differ");
        }
    }

    /// A progress bar on stderr; invisible when stderr is no terminal.
    #[must_use]
    pub fn progress(&self, length: Option<u64>, what: &str) -> ProgressBar {
        let target = if self.options.quiet || !io::stderr().is_terminal() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(length, target).with_message(what.to_string());
        let template = if length.is_some() {
            "{msg} {wide_bar} {pos}/{len} {elapsed}"
        } else {
            "{spinner} {msg} {elapsed}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }

    /// Whether a question can be asked: stdin and stderr are terminals.
    #[must_use]
    pub fn is_interactive(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Whether stdout is a terminal.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Whether answers are envelopes.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.options.json
    }

    /// Colour and marks of stdout.
    #[must_use]
    pub fn out_style(&self) -> Style {
        self.options.out_style
    }

    /// Colour and marks of stderr.
    #[must_use]
    pub fn style(&self) -> Style {
        self.options.err_style
    }
}

/// Addresses in mixed case (EIP-55), as the output contract promises: serde writes them in lower case.
fn with_checksums(value: Value) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix("0x").filter(|digits| digits.len() == 40) {
            Some(digits) => Value::String(
                digits
                    .parse()
                    .map_or(text, |address: Address| address.to_string()),
            ),
            None => Value::String(text),
        },
        Value::Array(values) => Value::Array(values.into_iter().map(with_checksums).collect()),
        Value::Object(fields) => {
            let fields = fields
                .into_iter()
                .map(|(key, value)| (key, with_checksums(value)));
            Value::Object(fields.collect())
        }
        other => other,
    }
}

fn prompt_failure(error: &inquire::InquireError) -> eyre::Report {
    use inquire::InquireError::{OperationCanceled, OperationInterrupted};
    match error {
        OperationCanceled | OperationInterrupted => Failure::new(
            Kind::Interrupted,
            "interrupted",
            "interrupted; nothing was sent or changed",
        )
        .into(),
        other => Failure::new(Kind::Failed, "prompt_failed", format!("asking failed: {other}")).into(),
    }
}

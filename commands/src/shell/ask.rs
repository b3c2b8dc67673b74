//! Questions with other answers than yes and no: a line of text, one of several. Each can be answered by a flag instead, so
//! nobody who has no terminal ever needs one.

use std::fmt::Display;

use super::{Shell, prompt_failure};
use crate::failure::{Failure, Kind};

impl Shell {
    /// Whether questions are asked: there is a terminal, and nobody has said yes to everything.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.is_interactive() && !self.options.yes
    }

    /// A line of text. An empty one keeps what there is, which is told; none means that it is kept.
    ///
    /// # Errors
    /// An interruption when it is cancelled, a usage failure when nobody can be asked.
    pub fn ask_text(
        &mut self,
        question: &str,
        keep: Option<&str>,
        help: &str,
    ) -> eyre::Result<Option<String>> {
        self.check_terminal(question)?;
        let kept = keep.map(|keep| format!("keep {keep}"));
        loop {
            let mut prompt = inquire::Text::new(question).with_help_message(help);
            if let Some(kept) = &kept {
                prompt = prompt.with_placeholder(kept);
            }
            let answer = prompt.prompt().map_err(|error| prompt_failure(&error))?;
            match (answer.trim(), &kept) {
                ("", Some(_)) => return Ok(None),
                ("", None) => self.status("an answer is needed; Esc leaves"),
                (answer, _) => return Ok(Some(answer.to_string())),
            }
        }
    }

    /// One of several, filtered by what is typed. `start` is where the mark stands.
    ///
    /// # Errors
    /// An interruption when it is cancelled, a usage failure when nobody can be asked.
    pub fn choose<T: Display>(
        &mut self,
        question: &str,
        options: Vec<T>,
        start: usize,
        help: &str,
    ) -> eyre::Result<T> {
        self.check_terminal(question)?;
        let start = start.min(options.len().saturating_sub(1));
        inquire::Select::new(question, options)
            .with_starting_cursor(start)
            .with_page_size(12)
            .with_help_message(help)
            .prompt()
            .map_err(|error| prompt_failure(&error))
    }

    fn check_terminal(&self, question: &str) -> Result<(), Failure> {
        match self.is_interactive() {
            true => Ok(()),
            false => Err(Failure::new(
                Kind::Usage,
                "answer_needed",
                format!("{}: no terminal to ask on", question.trim_end_matches(':')),
            )
            .hint("add `--help` to see the flags that answer it")),
        }
    }
}

//! The values a choice needs: asked one by one, each checked by the command's own parser before the next.

use std::ffi::OsString;

use super::{
    command_line,
    entries::{Entry, Otherwise, Part},
    parse,
    state::State,
};
use crate::context::Context;

/// The words of the command line a choice stands for.
///
/// # Errors
/// An interruption when a question is cancelled.
pub fn fill(
    entry: &Entry,
    state: &State,
    typed: &[OsString],
    context: &mut Context,
) -> eyre::Result<Vec<String>> {
    let mut answers: Vec<Option<String>> = Vec::new();
    for part in entry.line {
        let Part::Ask(ask) = part else { continue };
        loop {
            let (keep, kept) = match ask.otherwise {
                Otherwise::Nothing => (None, None),
                Otherwise::Left(what) => (Some(what.to_string()), None),
                Otherwise::Now(now) => {
                    let now = now(state);
                    (now.clone(), now)
                }
            };
            let help = format!("like {}; {}", ask.example, entry.shown());
            let help: String = help.chars().take(76).collect();
            let answer = context.shell.ask_text(ask.question, keep.as_deref(), &help)?;
            answers.push(answer.or(kept));
            let words = entry.words(&answers);
            match parse(command_line(typed, &words)) {
                Ok(_) => break,
                Err(error) => {
                    let said = error.to_string();
                    let first: Vec<&str> = said.lines().take_while(|line| !line.is_empty()).collect();
                    context.shell.status(first.join(" "));
                    answers.pop();
                }
            }
        }
    }
    Ok(entry.words(&answers))
}

//! Answers longer than the screen go through a pager, on a terminal only.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

/// Keeps what fits on the screen, and colours.
const USUAL: &str = "less -FRX";
/// What a shell says when it does not find the program.
const NOT_FOUND: i32 = 127;

/// Whether a text has more lines than a screen, with room for the next prompt.
pub(super) fn is_longer_than(text: &str, rows: u16) -> bool {
    text.lines().count() >= usize::from(rows)
}

/// Shows a text in the pager of `LPCTL_PAGER` or `PAGER`, else in less. False if there is none, or none is wanted: then the
/// text was not shown.
pub(super) fn show(text: &str) -> bool {
    let set = |name: &str| std::env::var(name).ok();
    let pager = set("LPCTL_PAGER")
        .or_else(|| set("PAGER"))
        .unwrap_or_else(|| USUAL.to_string());
    if matches!(pager.trim(), "" | "cat") {
        return false;
    }
    // As git and man do it: the variable may hold options.
    let started = Command::new("sh")
        .arg("-c")
        .arg(&pager)
        .stdin(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else { return false };
    if let Some(mut input) = child.stdin.take() {
        // Whoever leaves the pager early has seen enough.
        let _ = input.write_all(text.as_bytes());
    }
    child.wait().is_ok_and(|status| status.code() != Some(NOT_FOUND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_needs_no_pager() {
        assert!(!is_longer_than(&"line\n".repeat(23), 24));
        assert!(is_longer_than(&"line\n".repeat(24), 24));
    }
}

//! Help texts as a terminal of 80 columns shows them: examples that can be copied, explanations below what they explain.
//!
//! clap wraps what comes after the options like prose, which breaks command lines in two and columns in half. Here each
//! such line is laid out before: a long command goes on behind a `\` as in a shell, a long explanation in its column.

/// What every terminal shows.
const WIDTH: usize = 80;
/// Explanations that would begin further right go below their line.
const LAST_COLUMN: usize = 36;
/// Where they go then.
const BELOW: usize = 6;

/// The whole tree of commands, its help laid out.
#[must_use]
pub fn command() -> clap::Command {
    laid_out(crate::cli::help_source())
}

fn laid_out(command: clap::Command) -> clap::Command {
    let command = match command.get_after_help().map(ToString::to_string) {
        Some(text) => command.after_help(lay_out(&text)),
        None => command,
    };
    // An amount below zero is told from an unknown option: its own message says what is wrong with it.
    command.allow_negative_numbers(true).mut_subcommands(laid_out)
}

fn lay_out(text: &str) -> String {
    let lines: Vec<String> = text.lines().flat_map(lay_out_line).collect();
    lines.join("\n")
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// One line, as one or more that fit. What is not indented is prose, which clap wraps rightly.
fn lay_out_line(line: &str) -> Vec<String> {
    if width(line) <= WIDTH || !line.starts_with("  ") {
        return vec![line.to_string()];
    }
    let indent = width(line) - width(line.trim_start());
    let content = line.trim();
    if indent > BELOW {
        return wrapped(content, BELOW);
    }
    let Some((left, right)) = content.split_once("  ") else {
        return continued(content, indent);
    };
    let right = right.trim();
    let column = width(line) - width(right);
    if left.is_empty() || column > LAST_COLUMN || indent + width(left) > LAST_COLUMN {
        let mut lines = continued(left, indent);
        lines.extend(wrapped(right, BELOW));
        return lines;
    }
    let mut lines = wrapped(right, column);
    if let Some(first) = lines.first_mut() {
        let label = format!("{}{left}", " ".repeat(indent));
        *first = format!("{label:<column$}{right}", right = first.trim_start());
    }
    lines
}

/// Prose within its column.
fn wrapped(text: &str, indent: usize) -> Vec<String> {
    fill(
        text.split_whitespace().map(str::to_string).collect(),
        indent,
        indent,
        "",
    )
}

/// A command line, broken as a shell lets it be.
fn continued(text: &str, indent: usize) -> Vec<String> {
    if indent + width(text) <= WIDTH {
        return vec![format!("{}{text}", " ".repeat(indent))];
    }
    fill(parts(text), indent, indent + 2, " \\")
}

/// Fills lines up to the width; `end` is what a line that goes on ends with.
fn fill(parts: Vec<String>, first: usize, other: usize, end: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = " ".repeat(first);
    let mut is_empty = true;
    for part in parts {
        let gap = usize::from(!is_empty);
        if !is_empty && width(&line) + gap + width(&part) + width(end) > WIDTH {
            lines.push(format!("{line}{end}"));
            line = " ".repeat(other);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(&part);
        is_empty = false;
    }
    lines.push(line);
    lines
}

/// The parts of a command line that stay together: an option with its value, a quoted word, a pipe with its command.
fn parts(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut quote = None;
    for piece in text.split(' ') {
        match (quote, words.last_mut()) {
            (Some(_), Some(word)) => {
                word.push(' ');
                word.push_str(piece);
            }
            _ => words.push(piece.to_string()),
        }
        for c in piece.chars().filter(|c| matches!(c, '\'' | '"')) {
            quote = match quote {
                None => Some(c),
                Some(open) if open == c => None,
                open => open,
            };
        }
    }
    let mut parts: Vec<String> = Vec::new();
    for word in words {
        let joins = parts.last().is_some_and(|last| {
            let is_option = last.starts_with('-') && !last.contains(' ') && !word.starts_with('-');
            let is_joint = |text: &str| matches!(text, "|" | "&&");
            (is_option && !is_joint(&word)) || is_joint(last)
        });
        match parts.last_mut().filter(|_| joins) {
            Some(last) => {
                last.push(' ');
                last.push_str(&word);
            }
            None => parts.push(word),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_stays_as_it_is() {
        let text = "Examples:\n  lpctl status     how things stand\n\nProse that is long enough to be wrapped by clap, which \
                    does that well where nobody needs columns.";
        assert_eq!(lay_out(text), text);
    }

    #[test]
    fn a_long_command_goes_on_as_in_a_shell() {
        let line = "  lpctl orch activate --bond 1000 --reward-cut 10 --fee-share 40 --service-uri https://o1.example.org:8935";
        assert_eq!(
            lay_out_line(line),
            [
                "  lpctl orch activate --bond 1000 --reward-cut 10 --fee-share 40 \\",
                "    --service-uri https://o1.example.org:8935",
            ]
        );
        let line = "  lpctl orch list --json | jq -r '.data.orchestrators[] | select(.reward_called | not) | .address'";
        let lines = lay_out_line(line);
        assert!(lines.iter().all(|line| width(line) <= WIDTH), "{lines:?}");
        assert!(lines[1].contains("'.data.orchestrators[] | select(.reward_called | not) | .address'"));
    }

    #[test]
    fn a_long_explanation_stays_in_its_column_or_goes_below() {
        let line = "  network        arbitrum-one, devnet, offchain, or a name of your own with controller";
        assert_eq!(
            lay_out_line(line),
            [
                "  network        arbitrum-one, devnet, offchain, or a name of your own with",
                "                 controller",
            ]
        );
        let line = "  lpctl run                                             off-chain, for this machine only";
        assert_eq!(
            lay_out_line(line),
            ["  lpctl run", "      off-chain, for this machine only"]
        );
    }
}

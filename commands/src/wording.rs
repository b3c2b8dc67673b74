//! Figures as people read them: addresses, durations, shares, changes. Sentences that several commands need.

use alloy::primitives::Address;
use engine::{
    units::{Lpt, Percent, Wei},
    view::{
        chain::{OrchestratorFacts, ReadAt, RoundFacts},
        transaction::Change,
    },
};

use crate::shell::{Style, escape};

/// `0x7099…79C8`
pub fn short(address: Address) -> String {
    let whole = address.to_string();
    format!("{}…{}", &whole[..6], &whole[38..])
}

/// `7 h 52 min`, `3 min`, `40 s`: the two largest units that are not zero.
pub fn duration(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut left = seconds;
    let mut parts = Vec::new();
    for (size, unit) in units {
        if left >= size && parts.len() < 2 {
            parts.push(format!("{} {unit}", left / size));
            left %= size;
        } else if !parts.is_empty() {
            break;
        }
    }
    if parts.is_empty() {
        "0 s".to_string()
    } else {
        parts.join(" ")
    }
}

/// A time in blocks, and in hours where blocks have a rhythm.
pub fn blocks(blocks: u64, seconds: Option<u64>) -> String {
    let unit = if blocks == 1 { "block" } else { "blocks" };
    match seconds {
        Some(seconds) => format!("{} ({} {unit})", duration(seconds), grouped(blocks)),
        None => format!("{} {unit}", grouped(blocks)),
    }
}

/// Digits in groups of three.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    text
}

/// The commission of an orchestrator from its own side.
pub fn commission(reward_cut: Percent, fee_share: Percent) -> String {
    format!("you keep {reward_cut} of rewards, delegators get {fee_share} of fees")
}

/// The commission of somebody else.
pub fn their_commission(orchestrator: &OrchestratorFacts) -> String {
    format!(
        "it keeps {} of rewards, delegators get {} of fees",
        orchestrator.reward_cut_percent, orchestrator.fee_share_percent
    )
}

/// Where the round stands, in one line: `61 % ▕████░░▏ 7 h 52 min (2 360 blocks) left · commission changes close in …`.
pub fn round_line(round: &RoundFacts, style: &Style) -> String {
    let percent = (round.elapsed.min(round.length) * 100)
        .checked_div(round.length)
        .unwrap_or(0);
    let bar = style.bar(round.elapsed, round.length, 20);
    if !round.initialized {
        return format!("{percent} % {bar} · {}", style.bad("not initialised yet"));
    }
    let left = blocks(round.blocks_left, round.seconds_left);
    let lock = if round.locked {
        style.warning("commission changes are closed")
    } else {
        let until = blocks(round.blocks_until_lock, round.seconds_until_lock);
        format!("commission changes close in {until}")
    };
    format!("{percent} % {bar} {left} left · {lock}")
}

/// Whether reward was called, as the status of one who has to.
pub fn reward_line(orchestrator: &OrchestratorFacts, style: &Style) -> String {
    if orchestrator.reward_called {
        format!("{} called this round", style.good_mark())
    } else if orchestrator.active {
        format!("{} not called this round: `lpctl reward call`", style.warn_mark())
    } else {
        "nothing to call: not active this round".to_string()
    }
}

/// Active, registered, or neither; with the place in the pool.
pub fn standing(orchestrator: &OrchestratorFacts, max_size: u32) -> String {
    let rank = orchestrator.rank.map_or_else(
        || "outside the pool".to_string(),
        |rank| format!("rank {rank} of {max_size}"),
    );
    let state = match (
        orchestrator.active,
        orchestrator.registered,
        orchestrator.activation_round,
    ) {
        (true, ..) => "active".to_string(),
        (false, true, Some(round)) if orchestrator.rank.is_some() => format!("active from round {round}"),
        (false, true, _) => "registered, not active".to_string(),
        (false, false, _) => return "not an orchestrator".to_string(),
    };
    format!("{state}, {rank}")
}

/// Where and when facts were read, for a last line.
pub fn read_at(at: &ReadAt) -> String {
    format!("read at block {} of {}", grouped(at.block), at.network)
}

/// A figure of a change as people read it: with its unit, which the key tells.
pub fn figure(key: &str, value: &str) -> String {
    if key.ends_with("_lpt") {
        value.parse::<Lpt>().map_or_else(|_| escape(value), Lpt::human)
    } else if key.ends_with("_wei") {
        let wei = value.parse().map(Wei);
        wei.map_or_else(|_| escape(value), Wei::human)
    } else if key.ends_with("_percent") {
        format!("{} %", escape(value))
    } else {
        match value.parse::<Address>() {
            Ok(address) => short(address),
            Err(_) => escape(value),
        }
    }
}

/// Changes as aligned rows: label, before → after, note. Figures that stay as they are stay out.
pub fn changes(changes: &[Change], indent: &str) -> String {
    let rows: Vec<[String; 4]> = changes
        .iter()
        .filter(|change| change.before != change.after)
        .map(|change| {
            [
                change.label.clone(),
                figure(change.key, &change.before),
                figure(change.key, &change.after),
                change.note.as_deref().map(escape).unwrap_or_default(),
            ]
        })
        .collect();
    let width = |column: usize, counts: fn(&str) -> bool| {
        let texts = rows
            .iter()
            .map(|row| row[column].as_str())
            .filter(|text| counts(text));
        texts.map(|text| text.chars().count()).max().unwrap_or(0)
    };
    let (label, before) = (width(0, |_| true), width(1, |_| true));
    // Numbers line up at their units, words at their beginning.
    let (number, after) = (width(2, is_number), width(2, |_| true));
    let has_notes = rows.iter().any(|row| !row[3].is_empty());
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let value = if is_number(&row[2]) {
                format!("{:>number$}", row[2])
            } else {
                row[2].clone()
            };
            let rest = if has_notes {
                format!("{value:after$}   {}", row[3])
            } else {
                value
            };
            let line = format!("{indent}{:label$}  {:>before$}  →  {rest}", row[0], row[1]);
            line.trim_end().to_string()
        })
        .collect();
    lines.join("\n")
}

fn is_number(text: &str) -> bool {
    let digits = text.starts_with(|first: char| first.is_ascii_digit());
    digits && !text.starts_with("0x")
}

/// The first letter large, for a sentence.
pub fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect()
    })
}

/// Counted things: `1 transaction`, `2 transactions`.
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::address;

    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        for (seconds, text) in [
            (0, "0 s"),
            (40, "40 s"),
            (180, "3 min"),
            (3_599, "59 min 59 s"),
            (28_320, "7 h 52 min"),
            (86_401, "1 d"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn figures_carry_the_unit_their_key_names() {
        assert_eq!(figure("stake_lpt", "1204.5"), "1\u{2009}204.5 LPT");
        assert_eq!(figure("deposit_wei", "20000000000000000"), "0.02 ETH");
        assert_eq!(figure("reward_cut_percent", "12.5"), "12.5 %");
        assert_eq!(figure("service_uri", "https://a\u{1b}[2J"), "https://a\\u{1b}[2J");
        let orchestrator = address!("0x70997970C51812dc3A010C7d01b50e0d17dc79C8");
        assert_eq!(figure("delegate", &orchestrator.to_string()), "0x7099…79C8");
    }

    #[test]
    fn changes_are_aligned_and_what_stays_is_left_out() {
        let change = |label: &str, before: &str, after: &str| Change {
            key: "stake_lpt",
            label: label.to_string(),
            before: before.to_string(),
            after: after.to_string(),
            note: None,
        };
        let rows = changes(
            &[
                change("a", "1", "20"),
                change("same", "1", "1"),
                change("longer", "300", "4"),
            ],
            "  ",
        );
        assert_eq!(rows, "  a         1 LPT  →  20 LPT\n  longer  300 LPT  →   4 LPT");
    }
}

//! `lpctl node log-level`.

use std::str::FromStr;

use clap::Args;
use engine::{
    config::LogLevel,
    node::SettingsChange,
    operator::{Found, GoCall},
};
use serde::Serialize;

use super::{
    fleet::{Answer, Teller, Verb},
    lasting,
    target::Node,
};
use crate::{
    failure::Failure,
    shell::{Report, Style},
};

/// Change how much a node logs
///
/// error, warn, info, debug and trace are 0, 1, 3, 5 and 6 of go-livepeer's nodes. Numbers are taken by either kind: of
/// lpctl's nodes 2 is warn and 4 is debug. The change is kept by lpctl's nodes: it holds at the next start too, unless -v,
/// -q or LPCTL_LOG says otherwise.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node log-level debug
  lpctl node log-level info
  lpctl --node http://127.0.0.1:5935 node log-level 6     a go-livepeer node, as with -v 6")]
pub struct LogLevelArgs {
    /// error, warn, info, debug or trace; or 0 to 6 as go-livepeer counts
    level: LevelChoice,
}

/// A level by name, or as go-livepeer counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LevelChoice {
    Named(LogLevel),
    Number(u8),
}

/// The most go-livepeer logs.
const MOST: u8 = 6;

impl FromStr for LevelChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<u8>() {
            Ok(number @ 0..=MOST) => Ok(Self::Number(number)),
            Ok(number) => Err(format!("{number} is not a level from 0 to {MOST}")),
            Err(_) => text.parse().map(Self::Named),
        }
    }
}

impl LevelChoice {
    /// What go-livepeer calls it.
    fn number(self) -> u8 {
        match self {
            Self::Number(number) => number,
            Self::Named(level) => level.go_number(),
        }
    }

    /// What lpctl calls it.
    fn level(self) -> LogLevel {
        match self {
            Self::Number(number) => LogLevel::from_go(number).unwrap_or(LogLevel::Trace),
            Self::Named(level) => level,
        }
    }
}

#[derive(Serialize)]
pub(super) struct LevelSet {
    log_level: Level,
    kept: bool,
}

/// What holds now, as the node calls it.
#[derive(Serialize)]
#[serde(untagged)]
enum Level {
    Named(LogLevel),
    Number(u8),
}

impl LevelSet {
    fn level(&self) -> String {
        match self.log_level {
            Level::Named(level) => level.to_string(),
            Level::Number(number) => number.to_string(),
        }
    }
}

impl Report for LevelSet {
    fn text(&self, style: &Style) -> String {
        format!(
            "{} the node logs at level {}. {}",
            style.good_mark(),
            self.level(),
            lasting(self.kept)
        )
    }
}

impl Answer for LevelSet {
    const COLUMNS: &'static [&'static str] = &["log level"];

    fn cells(&self, _: &Style) -> Vec<String> {
        vec![self.level()]
    }
}

impl Verb for LogLevelArgs {
    type Answer = LevelSet;

    fn question(&self) -> Option<String> {
        Some("change the log level".to_string())
    }

    async fn ask(&self, node: &Node, _: &Teller) -> Result<LevelSet, Failure> {
        match (&node.found, self.level) {
            (Found::Own(_), choice) => {
                let level = choice.level();
                let change = SettingsChange {
                    log_level: Some(level),
                    ..SettingsChange::default()
                };
                node.api()?
                    .change(&change)
                    .await
                    .map_err(|error| node.failed(&error))?;
                Ok(LevelSet {
                    log_level: Level::Named(level),
                    kept: true,
                })
            }
            (Found::OwnGateway(_), _) => Err(node.not_offered(
                "its log level is set when it starts",
                "start it again with `-v`, `-q` or LPCTL_LOG",
            )),
            (Found::Go(go), level) => {
                let wanted = level.number();
                node.go_change(go, &GoCall::log_level(wanted)).await?;
                let now = go.log_level().await.map_err(|error| node.failed(&error))?;
                match now == wanted {
                    true => Ok(LevelSet {
                        log_level: Level::Number(now),
                        kept: false,
                    }),
                    false => Err(node.not_taken("its log level", &now.to_string())),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_names_and_numbers() {
        let number = |text: &str| text.parse::<LevelChoice>().map(LevelChoice::number);
        assert_eq!(number("debug"), Ok(5));
        assert_eq!(number("4"), Ok(4));
        let level = |text: &str| text.parse::<LevelChoice>().map(LevelChoice::level);
        assert_eq!(level("2"), Ok(LogLevel::Warn));
        assert_eq!(level("6"), Ok(LogLevel::Trace));
        for wrong in ["7", "", "loud", "-1"] {
            assert!(number(wrong).is_err(), "{wrong}");
        }
    }
}

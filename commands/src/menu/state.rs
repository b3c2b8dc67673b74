//! How things stand, read in one go and never waited for long.

use std::{fmt::Write as _, time::Duration};

use engine::view::chain::StatusFacts;

use super::entries::Entry;
use crate::{
    account::select,
    connection::connect,
    context::Context,
    failure::Failure,
    settings::Settings,
    shell::Style,
    status::{gas_line, headline, next, own_orchestrator, stake_line},
    wording,
};

/// Nobody waits longer than this for a menu.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the menu knows.
pub struct State {
    /// What the chain says; none when it does not answer.
    pub facts: Option<StatusFacts>,
    /// Why there are no facts.
    missing: Option<String>,
    /// What is configured.
    pub settings: Settings,
    has_config: bool,
}

/// Reads it: account and chain, as far as they are there.
pub async fn read(context: &mut Context) -> State {
    let facts = match tokio::time::timeout(PATIENCE, facts(context)).await {
        Ok(Ok(facts)) => Ok(facts),
        Ok(Err(failure)) => Err(failure.message),
        Err(_) => Err(format!(
            "the chain did not answer within {} s",
            PATIENCE.as_secs()
        )),
    };
    let (facts, missing) = match facts {
        Ok(facts) => (Some(facts), None),
        Err(missing) => (None, Some(missing)),
    };
    State {
        facts,
        missing,
        settings: context.settings().clone(),
        has_config: context.directories().config_file.exists(),
    }
}

async fn facts(context: &mut Context) -> Result<StatusFacts, Failure> {
    let address = select::address(None, context)?;
    let chain = connect(context).await?;
    chain.status(address).await.map_err(Failure::from)
}

impl State {
    /// What is shown above the choices.
    pub fn text(&self, style: &Style) -> String {
        let Some(facts) = &self.facts else {
            let missing = self.missing.as_deref().unwrap_or("nothing is known");
            return match self.has_config {
                true => format!("{} how things stand is not known: {missing}", style.warn_mark()),
                false => "Nothing is set up yet: begin with the first choice.".to_string(),
            };
        };
        let mut text = format!("{}\n", headline(facts, style));
        let mut line = |label: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{label:<12} {value}");
        };
        line(
            &format!("round {}", facts.round.round),
            &wording::round_line(&facts.round, style),
        );
        if own_orchestrator(facts).is_some() {
            line("reward", &reward(facts));
        }
        line("stake", &stake_line(facts));
        line("fees", &format!("{} to withdraw", facts.stake.fees_wei.human()));
        line(
            "wallet",
            &format!("{} · {}", facts.wallet_lpt.human(), gas_line(facts)),
        );
        line("next", &next(facts));
        text.trim_end().to_string()
    }

    /// Where the mark stands at first: at what is to be done.
    pub fn first_choice(&self, entries: &[Entry]) -> usize {
        let wanted = match &self.facts {
            _ if !self.has_config => "init",
            None => "init",
            Some(facts) => match next(facts).trim_start_matches('`') {
                next if next.starts_with("lpctl round init") => "round init",
                next if next.starts_with("lpctl reward call") => "reward call",
                next if next.starts_with("lpctl stake bond") => "stake bond",
                next if next.starts_with("lpctl orch set-uri") => "orch set-uri",
                _ => "status",
            },
        };
        let is_it = |entry: &Entry| entry.command() == wanted;
        entries.iter().position(is_it).unwrap_or(0)
    }
}

/// Whether this round's reward was called.
pub fn reward(facts: &StatusFacts) -> String {
    let round = facts.round.round;
    match own_orchestrator(facts) {
        Some(own) if own.reward_called => format!("round {round}: called"),
        Some(own) if own.active => format!("round {round}: not called yet"),
        _ => format!("round {round}: not active"),
    }
}

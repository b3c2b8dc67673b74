//! The options of the guardian of rewards, wherever it runs.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use alloy::primitives::Address;
use clap::{ArgAction, Args, ValueHint};
use engine::{
    chain::Chain,
    config::{AlertParts, RewardLayer},
    process::Launcher,
    reward::{AlertSettings, Floor, GasLimit, GuardianSettings},
    secret::WebhookUrl,
    units::{Lpt, Wei},
    view::reward::RewardCaller,
};

use crate::{
    context::Context,
    failure::{Failure, Kind},
};

/// Seconds others are given to open a round, at most.
const USUAL_DELAY: u64 = 30;

/// How rewards are called
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Rewards")]
pub struct GuardianArgs {
    /// Orchestrator whose rewards are called, where the account is its reward caller (LIP-118)
    /// [default: reward.orchestrator of the config file, else the account itself]
    #[arg(
        long = "reward-orchestrator",
        value_name = "0x…",
        env = "LPCTL_REWARD_ORCHESTRATOR",
        hide_env = true
    )]
    reward_orchestrator: Option<Address>,
    /// Most to pay for gas at the beginning of a round; it rises to --max-gas-price until three quarters have passed
    /// [default: reward.patient_gas_price of the config file, else a quarter of --max-gas-price]
    #[arg(long, value_name = "AMOUNT", env = "LPCTL_PATIENT_GAS_PRICE", hide_env = true)]
    patient_gas_price: Option<Wei>,
    /// Leave a reward that brings less LPT than this [default: reward.min_reward of the config file]
    #[arg(long, value_name = "LPT", env = "LPCTL_MIN_REWARD", hide_env = true)]
    min_reward: Option<Lpt>,
    /// Leave a reward that brings less than its gas costs, at so many LPT for an ETH
    /// [default: reward.lpt_per_eth of the config file]
    #[arg(long, value_name = "LPT", env = "LPCTL_LPT_PER_ETH", hide_env = true)]
    lpt_per_eth: Option<Lpt>,
    /// Open rounds that nobody has opened: until then nobody can call reward or redeem tickets
    #[arg(long, env = "LPCTL_INITIALIZE_ROUNDS", hide_env = true)]
    #[arg(value_parser = clap::builder::FalseyValueParser::new(), action = ArgAction::SetTrue)]
    initialize_rounds: bool,
    /// Seconds others are given to open a round, at most: a random part of it passes
    /// [default: reward.initialize_max_delay of the config file, else 30]
    #[arg(
        long,
        value_name = "SECONDS",
        env = "LPCTL_INITIALIZE_MAX_DELAY",
        hide_env = true
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=3600))]
    initialize_max_delay: Option<u64>,
    /// Alert when so many percent of a round have passed and reward is not called, like 25,50,75, or none
    /// [default: reward.alert_at of the config file, else 25,50,75]
    #[arg(long, value_name = "PERCENT,…", env = "LPCTL_ALERT_AT", hide_env = true)]
    alert_at: Option<AlertParts>,
    /// URL that gets each alert as JSON in a POST [default: reward.alert_webhook of the config file]
    #[arg(
        long,
        value_name = "URL",
        env = "LPCTL_ALERT_WEBHOOK",
        hide_env = true,
        hide_env_values = true
    )]
    alert_webhook: Option<WebhookUrl>,
    /// Program to run for each alert, with its facts in the variables LPCTL_ALERT, LPCTL_ALERT_MESSAGE and others
    /// [default: reward.alert_program of the config file]
    #[arg(long, value_name = "PATH", env = "LPCTL_ALERT_PROGRAM", hide_env = true, value_hint = ValueHint::ExecutablePath)]
    alert_program: Option<PathBuf>,
}

impl GuardianArgs {
    /// Whose rewards are called by `account`.
    #[must_use]
    pub fn orchestrator(&self, account: Address, context: &Context) -> Address {
        self.reward_orchestrator
            .or(context.settings().reward.orchestrator)
            .unwrap_or(account)
    }

    /// What they come to with what the config file says.
    ///
    /// # Errors
    /// Usage for options that do not fit together, config for a program that is not there.
    pub fn settings(
        &self,
        orchestrator: Address,
        is_public: bool,
        context: &Context,
    ) -> Result<GuardianSettings, Failure> {
        let file = &context.settings().reward;
        let mut settings = GuardianSettings::new(orchestrator, is_public);
        let policy = &mut settings.policy;
        policy.gas = self.gas(context.settings().max_gas_price, file)?;
        policy.floor = Floor {
            min_reward: self.min_reward.or(file.min_reward.map(|least| least.0)),
            lpt_per_eth: self.lpt_per_eth.or(file.lpt_per_eth.map(|price| price.0)),
        };
        if self.initialize_rounds || file.initialize_rounds.unwrap_or_default() {
            let delay = self.initialize_max_delay.or(file.initialize_max_delay);
            policy.initialize = Some(Duration::from_secs(delay.unwrap_or(USUAL_DELAY).min(3600)));
        }
        if let Some(AlertParts(parts)) = self.alert_at.as_ref().or(file.alert_at.as_ref()) {
            policy.parts.clone_from(parts);
        }
        let program = self.alert_program.clone().or_else(|| file.alert_program.clone());
        if let Some(program) = program.as_ref().filter(|program| !program.is_file()) {
            let message = format!(
                "{}: there is no such program to run for alerts",
                program.display()
            );
            return Err(Failure::new(Kind::Config, "no_alert_program", message).hint(
                "name its whole path with `--alert-program` or `lpctl config set reward.alert_program`",
            ));
        }
        let variable = |name: &str| Some((OsString::from(name), std::env::var_os(name)?));
        settings.alerts = AlertSettings {
            webhook: self.alert_webhook.clone().or_else(|| file.alert_webhook.clone()),
            program,
            environment: ["PATH", "HOME", "LANG"]
                .into_iter()
                .filter_map(variable)
                .collect(),
            launcher: Launcher::through_this_program(),
        };
        Ok(settings)
    }

    fn gas(&self, ceiling: Option<Wei>, file: &RewardLayer) -> Result<GasLimit, Failure> {
        let typed = self.patient_gas_price;
        if typed.is_some() && ceiling.is_none() {
            return Err(Failure::new(
                Kind::Usage,
                "no_ceiling",
                "`--patient-gas-price` does nothing without a ceiling: any price is paid then",
            )
            .hint("add `--max-gas-price`, or `lpctl config set max_gas_price AMOUNT`"));
        }
        Ok(GasLimit {
            ceiling,
            patient: typed.or(file.patient_gas_price.map(|price| price.0)),
        })
    }
}

/// Makes sure that the account may call the orchestrator's reward, as far as that can be known.
///
/// # Errors
/// A refusal that says who may; unreachable when the chain does not answer.
pub async fn check_role(chain: &Chain, orchestrator: Address, account: Address) -> Result<(), Failure> {
    if orchestrator == account {
        return Ok(());
    }
    let message = match chain.reward_caller(orchestrator).await? {
        RewardCaller::Account(caller) if caller == account => return Ok(()),
        RewardCaller::Account(caller) => {
            format!("the reward caller of {orchestrator} is {caller}, not {account}")
        }
        RewardCaller::Nobody => format!("{orchestrator} has named no reward caller"),
        RewardCaller::Unsupported => {
            format!("the protocol on {} knows no reward callers", chain.network().name)
        }
    };
    Err(Failure::new(Kind::Refused, "not_reward_caller", message).hint(
        "choose the orchestrator's own account with `--account`, or let it name this one with `setRewardCaller`",
    ))
}

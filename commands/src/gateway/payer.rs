//! Who pays orchestrators: a gateway on a chain, within its operator's limits.

use std::{num::NonZeroU64, sync::Arc, time::Duration};

use clap::Args;
use engine::{
    chain::watch::{WatchSettings, Watcher},
    config::GatewayLayer,
    gateway::price::Price,
    payments::{SenderSettings, TicketSender},
    units::Wei,
    wire::signature::MessageSigner,
};
use tokio_util::sync::CancellationToken;

use super::failure;
use crate::{
    connection,
    context::Context,
    failure::{Failure, Kind},
    run,
    shell::escape,
};

/// How often the chain is read where blocks cost nothing and rounds are short.
const DEVNET_INTERVAL: Duration = Duration::from_secs(1);
/// How long the first reading of the chain may take.
const FIRST_READING: Duration = Duration::from_secs(20);

/// What orchestrators are paid at most.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Payment")]
pub struct PaymentArgs {
    /// Most to pay for a pixel, in wei, like 1200 or 0.5 or 1/3; orchestrators that ask more get no segments [default:
    /// gateway.max_price of the config file, else any price]
    #[arg(long, value_name = "WEI", env = "LPCTL_MAX_PRICE", hide_env = true)]
    max_price: Option<Price>,
    /// Most one ticket may be worth [default: gateway.max_ticket_ev of the config file, else 3000gwei]
    #[arg(long, value_name = "AMOUNT", env = "LPCTL_MAX_TICKET_EV", hide_env = true)]
    max_ticket_ev: Option<Wei>,
    /// Most all tickets of one segment may be worth [default: gateway.max_total_ev of the config file, else 20000gwei]
    #[arg(long, value_name = "AMOUNT", env = "LPCTL_MAX_TOTAL_EV", hide_env = true)]
    max_total_ev: Option<Wei>,
    /// How many winning tickets the deposit must cover [default: gateway.deposit_multiplier of the config file, else 1]
    #[arg(long, value_name = "COUNT", env = "LPCTL_DEPOSIT_MULTIPLIER", hide_env = true)]
    deposit_multiplier: Option<NonZeroU64>,
}

impl PaymentArgs {
    /// The most a pixel may cost; none for any price.
    pub(super) fn max_price(&self, file: &GatewayLayer) -> Option<Price> {
        self.max_price.or(file.max_price)
    }

    fn limits(&self, file: &GatewayLayer) -> SenderSettings {
        let usual = SenderSettings::default();
        let in_file = |amount: &Option<engine::config::Amount>| amount.map(|engine::config::Amount(wei)| wei);
        SenderSettings {
            max_ticket_ev: self
                .max_ticket_ev
                .or(in_file(&file.max_ticket_ev))
                .unwrap_or(usual.max_ticket_ev),
            max_total_ev: self
                .max_total_ev
                .or(in_file(&file.max_total_ev))
                .unwrap_or(usual.max_total_ev),
            deposit_multiplier: self
                .deposit_multiplier
                .or(file.deposit_multiplier)
                .unwrap_or(usual.deposit_multiplier),
        }
    }
}

/// Who pays: the account in use, from its deposit on the chain of the settings, which is followed until `stop`. Nobody
/// where no chain is named, or off-chain.
///
/// # Errors
/// A config failure for a chain that is not understood, unreachable for one that does not answer.
pub(super) async fn payer(
    args: &PaymentArgs,
    offchain: bool,
    signer: &Arc<dyn MessageSigner>,
    context: &mut Context,
    stop: &CancellationToken,
) -> eyre::Result<Option<TicketSender>> {
    if signer.address().is_zero() || !run::chain::wanted(offchain, context.settings()) {
        return Ok(None);
    }
    let chain = connection::connect(context).await?;
    let usual = WatchSettings::default();
    let settings = WatchSettings {
        interval: match context.settings().network == "devnet" {
            true => DEVNET_INTERVAL,
            false => usual.interval,
        },
        ..usual
    };
    let watcher = Watcher::start(chain, settings, stop.clone());
    if tokio::time::timeout(FIRST_READING, watcher.ready())
        .await
        .is_err()
    {
        let reason = watcher.outage().map_or_else(
            || "it does not answer".to_string(),
            |outage| escape(&outage.reason),
        );
        return Err(Failure::new(
            Kind::Unreachable,
            "chain_unread",
            format!(
                "the chain was not read within {} s: {reason}",
                FIRST_READING.as_secs()
            ),
        )
        .hint("`lpctl rpc test` tells which endpoints answer; `--offchain` does without a chain")
        .into());
    }
    let limits = args.limits(&context.settings().gateway);
    let sender = TicketSender::new(limits, Arc::clone(signer), watcher.clock(), watcher.senders());
    Ok(Some(sender))
}

/// Refuses to begin without funds: no orchestrator of a chain would be paid.
///
/// # Errors
/// Refused, with the step that changes it.
pub(super) async fn check_funds(sender: &TicketSender) -> Result<(), Failure> {
    let Err(error) = sender.check_funds().await else {
        return Ok(());
    };
    let message = format!("{} cannot pay: {}", sender.account(), escape(&error.to_string()));
    Err(failure::of_tickets(&error, |kind, code| {
        Failure::new(kind, code, message.clone())
    }))
}

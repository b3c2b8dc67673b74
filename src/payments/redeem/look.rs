//! One look at winners and the chain, for whoever asks: what the redeemer would do now, without doing it.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use alloy::primitives::Address;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{
    gas::GasPrices,
    review::{Outlook, facts, pending_of},
    schedule::{Pending, Policy, View, decide},
};
use crate::{
    chain::{Chain, ChainError, WatchSettings, Watcher, network::seconds_per_block},
    payments::{
        Books, ChainTime, SenderFacts, Senders as _,
        books::{BooksError, Winner, WinnerState},
    },
    view::ticket::TicketFacts,
};

/// How long the chain may take to be read.
const PATIENCE: Duration = Duration::from_secs(20);
/// Recipients of one look; a node has one.
const RECIPIENTS: usize = 8;

/// Why there was no look.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The chain did not answer.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The chain could not be read in time.
    #[error("the chain could not be read within {} s{}", .0.as_secs(), .1.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    Late(Duration, Option<String>),
    /// The books did not answer.
    #[error(transparent)]
    Books(#[from] BooksError),
}

/// What was seen.
#[derive(Debug, Clone)]
pub struct Look {
    /// The chain's clock.
    pub time: ChainTime,
    /// The winners, in the order asked for.
    pub tickets: Vec<TicketFacts>,
}

/// Looks. The books give the gas prices of earlier, so that what is dear is what the node calls dear.
///
/// # Errors
/// See [`LookError`].
pub async fn look(
    chain: &Chain,
    books: &Books,
    winners: &[Winner],
    policy: &Policy,
) -> Result<Look, LookError> {
    let kept = books.kept(super::driver::PRICES).await?;
    let mut prices = kept.map(|text| GasPrices::from_text(&text)).unwrap_or_default();
    let mut recipients: Vec<Address> = Vec::new();
    for winner in winners {
        let recipient = winner.ticket.ticket.recipient;
        if !recipients.contains(&recipient) && recipients.len() < RECIPIENTS {
            recipients.push(recipient);
        }
    }
    if recipients.is_empty() {
        recipients.push(Address::ZERO);
    }
    let mut told: HashMap<_, TicketFacts> = HashMap::new();
    let mut clock = None;
    for recipient in recipients {
        let of_recipient = |winner: &&Winner| winner.ticket.ticket.recipient == recipient;
        let own: Vec<&Winner> = winners.iter().filter(of_recipient).collect();
        let stop = CancellationToken::new();
        let _ends = stop.clone().drop_guard();
        let settings = WatchSettings {
            recipient: Some(recipient),
            ..WatchSettings::default()
        };
        let watcher = Watcher::start(chain.clone(), settings, stop);
        let Ok(time) = timeout(PATIENCE, watcher.ready()).await else {
            return Err(LookError::Late(
                PATIENCE,
                watcher.outage().map(|outage| outage.reason),
            ));
        };
        prices.observe(time.l1_block, time.gas_price);
        let pending: Vec<Pending> = own
            .iter()
            .filter(|winner| winner.state == WinnerState::Pending)
            .map(|winner| pending_of(winner))
            .collect();
        let senders = senders_of(&watcher, &pending).await;
        let standing = chain.standing(recipient).await?;
        let view = View {
            time: &time,
            prices: &prices,
            standing,
            senders: &senders,
        };
        let decision = decide(&view, policy, &pending);
        for winner in own {
            let outlook = Outlook {
                time: &time,
                decision: &decision,
                standing,
                sender: senders.get(&winner.ticket.ticket.sender),
                block_seconds: seconds_per_block(chain.chain_id()),
            };
            told.insert(winner.hash, facts(winner, policy.gas, Some(outlook)));
        }
        clock = Some(time);
    }
    let tickets = winners
        .iter()
        .map(|winner| {
            told.remove(&winner.hash)
                .unwrap_or_else(|| facts(winner, policy.gas, None))
        })
        .collect();
    match clock {
        Some(time) => Ok(Look { time, tickets }),
        None => Err(LookError::Late(PATIENCE, None)),
    }
}

/// Whoever cannot be read is left out.
async fn senders_of(watcher: &Watcher, pending: &[Pending]) -> HashMap<Address, SenderFacts> {
    let senders = watcher.senders();
    let wanted: HashSet<Address> = pending.iter().map(|ticket| ticket.sender).collect();
    let asked = wanted.into_iter().map(|sender| {
        let senders = &senders;
        async move {
            let facts = timeout(PATIENCE, senders.facts(sender)).await.ok()?.ok()?;
            Some((sender, facts))
        }
    });
    futures_util::future::join_all(asked)
        .await
        .into_iter()
        .flatten()
        .collect()
}

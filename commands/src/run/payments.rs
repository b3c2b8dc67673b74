//! A node that is paid: what it asks for, its books, and what runs beside it as long as it does.

mod advice;
mod beside;
pub(crate) mod price;

use std::{path::Path, sync::Arc, time::Duration};

use alloy::primitives::Address;
use clap::{ArgAction, Args};
use engine::{
    chain::{Outbox, PriceFeed, SubmitOptions, WatchSettings, Watcher, redemption_gas},
    config::Pixels,
    node::{Redeeming, Treasury},
    payments::{
        Books, BooksError, Cashier, PriceTag, Prices, Recipient, RecipientSecret, RecipientSettings, Senders,
        price::{Feed, PriceError},
        redeem::{RedeemParts, RedeemSettings, Redeemer, gas::GasUse},
        redeemer::RemoteRedeemer,
    },
    reward::Guardian,
    units::Wei,
};
use tokio::time::timeout;

use self::price::GatewayPrice;
pub use self::{beside::Beside, price::Asked};
use super::{chain::Joined, failure::with_cause, redeemer::RedeemerArgs};
use crate::{
    context::Context,
    failure::{Failure, Kind},
    reward::guardian::{GuardianArgs, check_role},
    transact::unusable_journal,
};

/// How long the chain may take to be read the first time.
const FIRST_READING: Duration = Duration::from_secs(60);
/// Where the last block that was looked at is kept.
const CHECKPOINT: &str = "watch.checkpoint";

/// What gateways pay
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Payments, on a chain")]
pub struct PaymentArgs {
    /// What gateways pay: wei for a pixel, or with a currency behind it, like 0.02usd [default: payments.price of the
    /// config file]
    ///
    /// It is for as many pixels as --pixels-per-unit says, or as stand behind a slash: 0.02usd/1000000. A node on a chain
    /// does not start without it; with 0 it works for nothing. Sessions keep the price they began with.
    #[arg(long, value_name = "PRICE", env = "LPCTL_PRICE", hide_env = true)]
    price: Option<PriceTag>,
    /// Pixels that prices are for [default: payments.pixels_per_unit of the config file, else 1]
    #[arg(long, value_name = "COUNT", env = "LPCTL_PIXELS_PER_UNIT", hide_env = true)]
    pixels_per_unit: Option<Pixels>,
    /// What single gateways pay; several with commas [default: payments.price_per_gateway of the config file]
    #[arg(
        long,
        value_name = "0x…=PRICE",
        value_delimiter = ',',
        env = "LPCTL_PRICE_PER_GATEWAY",
        hide_env = true
    )]
    price_per_gateway: Vec<GatewayPrice>,
    /// What each ticket is worth on average [default: payments.ticket_ev of the config file, else 8gwei]
    ///
    /// Gateways must have as much credit before a segment is taken. More makes fewer tickets; gateways refuse more than
    /// 3000gwei unless their operators allow it.
    #[arg(long, value_name = "AMOUNT", env = "LPCTL_TICKET_EV", hide_env = true)]
    ticket_ev: Option<Wei>,
    /// The most a winning ticket pays [default: payments.max_face_value of the config file, else what gas makes sensible]
    #[arg(long, value_name = "AMOUNT", env = "LPCTL_MAX_FACE_VALUE", hide_env = true)]
    max_face_value: Option<Wei>,
    /// Whether prices grow by what redeeming tickets costs [default: payments.auto_adjust_price of the config file, else
    /// true]
    #[arg(
        long,
        value_name = "BOOL",
        action = ArgAction::Set,
        num_args = 0..=1,
        default_missing_value = "true",
        env = "LPCTL_AUTO_ADJUST_PRICE",
        hide_env = true
    )]
    auto_adjust_price: Option<bool>,
    /// Contract that tells what ETH costs in a currency, as Chainlink's do [default: payments.price_feed of the config
    /// file, else on arbitrum-one the one for dollars]
    #[arg(long, value_name = "0x…", env = "LPCTL_PRICE_FEED", hide_env = true)]
    price_feed: Option<Address>,
}

impl PaymentArgs {
    /// Whether any of them is there.
    pub fn is_given(&self) -> bool {
        self.price.is_some()
            || self.pixels_per_unit.is_some()
            || !self.price_per_gateway.is_empty()
            || self.ticket_ev.is_some()
            || self.max_face_value.is_some()
            || self.auto_adjust_price.is_some()
            || self.price_feed.is_some()
    }
}

/// What is there once a node can be paid.
pub struct Paid {
    /// Takes the payments.
    pub cashier: Cashier,
    /// Sends the node's transactions.
    pub outbox: Outbox,
    /// What it does on the chain for whoever asks over its API.
    pub treasury: Treasury,
    /// What must run as long as the node does.
    pub beside: Beside,
}

/// Opens the books and everything that is needed to be paid, and to call reward with `rewards`. The node's directory must
/// be taken before.
///
/// # Errors
/// Usage for settings nobody can follow, unreachable for a chain that cannot be read, failed for books that cannot be used.
pub async fn open(
    asked: Asked,
    elsewhere: &RedeemerArgs,
    rewards: Option<&GuardianArgs>,
    joined: Joined,
    data_dir: &Path,
    context: &mut Context,
) -> eyre::Result<Paid> {
    let Joined {
        chain,
        signer,
        interval,
        ..
    } = joined;
    let account = signer.address();
    let path = Books::path(data_dir);
    let opening = tokio::task::spawn_blocking(move || Books::open(&path));
    let books = opening.await?.map_err(of_books)?;
    let mut beside = Beside::default();

    let resume = books.kept(CHECKPOINT).await.map_err(of_books)?;
    let settings = WatchSettings {
        recipient: Some(account),
        interval,
        resume: resume.and_then(|text| text.parse().ok()),
        ..WatchSettings::default()
    };
    let watcher = Watcher::start(chain.clone(), settings, beside.stop());
    let Ok(time) = timeout(FIRST_READING, watcher.ready()).await else {
        return Err(unread(&watcher).into());
    };
    advice::check(&asked, &chain, &time, context)?;

    let feed = asked.feed(&chain);
    let feed = feed.map(|address| Box::new(PriceFeed::new(chain.clone(), address)) as Box<dyn Feed>);
    let prices = Prices::new(asked.prices.clone(), feed);
    prices.refresh().await.map_err(of_price)?;
    advice::tell_price(&prices, account, context);

    let remote = remote_redeemer(elsewhere, &watcher, &beside, context).await?;
    let senders: Arc<dyn Senders> = match &remote {
        Some(remote) => Arc::new(remote.clone()),
        None => watcher.senders(),
    };
    let secret = books.secret("recipient").await.map_err(of_books)?;
    let recipient = Recipient::new(
        RecipientSettings {
            address: account,
            ticket_ev: asked.ticket_ev,
            max_face_value: asked.max_face_value,
            redeem_gas: redemption_gas(chain.chain_id()),
        },
        RecipientSecret::new(secret),
        watcher.clock(),
        senders,
    )
    .map_err(|error| advice::bad_ticket_ev(error.to_string()))?;
    let known = watcher.clone();
    let is_active = Arc::new(move || known.is_active());
    let cashier = Cashier::open(recipient, books.clone(), prices, watcher.clock(), is_active)
        .await
        .map_err(of_books)?;
    let is_registered = advice::tell_standing(&watcher, context).await;

    let state_dir = context.directories().state_dir.clone();
    let outbox = Outbox::open(chain.clone(), signer, &state_dir, asked.gas)
        .map_err(|error| unusable_journal(context, "written", &error))?;
    let parts = RedeemParts {
        books: books.clone(),
        chain: chain.clone(),
        outbox: outbox.clone(),
        clock: watcher.clock(),
        senders: watcher.senders(),
    };
    let mut treasury = Treasury {
        outbox: outbox.clone(),
        orchestrator: is_registered.then_some(account),
        reward: None,
        redeeming: None,
        patience: SubmitOptions::default(),
        orders: Arc::default(),
    };
    match remote {
        Some(remote) => {
            let handing = remote.hand_over(books.clone(), watcher.clock());
            beside.spawn("handing tickets over", handing);
        }
        None => {
            let settings = RedeemSettings {
                gas: GasUse::of_chain(chain.chain_id()),
                open_rounds: elsewhere.open_rounds,
                ..RedeemSettings::new(account)
            };
            let (redeemer, redeeming) = Redeemer::start(parts.clone(), settings.clone(), beside.stop());
            treasury.redeeming = Some(Redeeming {
                parts,
                settings,
                state: redeemer.state(),
            });
            beside.spawn("redeeming tickets", redeeming);
        }
    }
    let whose = rewards.map(|rewards| (rewards, rewards.orchestrator(account, context)));
    // An account that is no orchestrator has no reward, unless it calls another's.
    if let Some((rewards, orchestrator)) = whose.filter(|(_, it)| is_registered || *it != account) {
        check_role(&chain, orchestrator, account).await?;
        let settings = rewards.settings(orchestrator, chain.is_public(), context)?;
        let clock = Some(watcher.clock());
        let mut guardian = Guardian::start(chain, outbox.clone(), settings, clock, beside.stop());
        treasury.orchestrator = Some(orchestrator);
        treasury.reward = Some(guardian.state());
        beside.spawn("calling reward", async move {
            match guardian.ended().await {
                true => Ok(()),
                false => Err("it broke"),
            }
        });
    }
    beside.watch(watcher, books);
    Ok(Paid {
        cashier,
        outbox,
        treasury,
        beside,
    })
}

/// The redeemer elsewhere, if tickets are left with one.
async fn remote_redeemer(
    args: &RedeemerArgs,
    watcher: &Watcher,
    beside: &Beside,
    context: &mut Context,
) -> Result<Option<RemoteRedeemer>, Failure> {
    let Some(address) = args.redeemer.clone() else {
        return Ok(None);
    };
    let secret = args.secret(context).await?;
    let connected = RemoteRedeemer::connect(address, secret, watcher.senders(), beside.stop()).await;
    connected.map(Some).map_err(|error| {
        Failure::new(
            Kind::Unreachable,
            "no_redeemer",
            format!("the redeemer cannot be reached: {}", with_cause(&error)),
        )
        .hint("check `--redeemer` and that it runs; without it the node redeems its tickets itself")
    })
}

/// What it means that the chain could not be read at all.
fn unread(watcher: &Watcher) -> Failure {
    let why = watcher
        .outage()
        .map_or("it does not answer in time".to_string(), |outage| outage.reason);
    Failure::new(
        Kind::Unreachable,
        "chain_unread",
        format!("the chain cannot be read: {why}"),
    )
    .hint("check `--rpc-url`; `lpctl protocol show` tells whether the endpoints answer")
}

/// What books that cannot be used mean.
pub(crate) fn of_books(error: BooksError) -> Failure {
    let (code, hint) = match &error {
        BooksError::Open { .. } => (
            "books_closed",
            "make the file and its folder readable and writable for this user",
        ),
        BooksError::Missing { .. } => (
            "no_books",
            "a node on a chain makes them; name its folder with `--data-dir`",
        ),
        BooksError::Newer { .. } => (
            "books_newer",
            "run the lpctl that wrote them, or a later one: going back would lose what only it knows",
        ),
        BooksError::Older { .. } => (
            "books_older",
            "start the node once with this lpctl: it brings its books up to date",
        ),
        BooksError::Damaged { .. } => (
            "books_damaged",
            "bring the file back from a backup; move it away only if its winning tickets may be lost",
        ),
        BooksError::Full => ("disk_full", "make room on the disk, then start the node again"),
        BooksError::Storage(_)
        | BooksError::ReadOnly
        | BooksError::Unknown(_)
        | BooksError::NotPending(_)
        | BooksError::TooLong { .. }
        | BooksError::Closed => ("books", "check the disk the node's folder is on"),
    };
    Failure::new(Kind::Failed, code, error.to_string()).hint(hint)
}

/// What a price that cannot be named means.
fn of_price(error: PriceError) -> Failure {
    Failure::new(Kind::Refused, "price_unknown", format!("no price can be told: {error}")).hint(
        "give the price in wei or eth, or name another feed with `--price-feed`; a currency's price must not be stale",
    )
}

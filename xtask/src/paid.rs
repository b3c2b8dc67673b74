//! `cargo xtask paid`: a gateway that pays, an orchestrator that charges and its transcoder, three real processes on a
//! real chain, and every wei accounted for at the end, also when the orchestrator is killed again and again.

mod judge;
mod money;
mod sending;
mod stage;

use std::{
    io::{Write as _, stdout},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use engine::devnet::{Devnet, Parameters};
use eyre::ensure;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::time::sleep;

use self::{
    money::{Chain, NodeBooks},
    sending::{Sender, Tally},
    stage::{Homes, Node},
};

/// Blocks in a round: a ticket lives for two of them.
const ROUND_BLOCKS: u64 = 120;
/// Blocks after which no ticket's parameters hold any more (`go-livepeer pm/recipient.go`), and some.
const EXPIRY_BLOCKS: u64 = 45;
/// How long redeeming what is left may take.
const REDEEMING: Duration = Duration::from_secs(180);
/// How long the run may go without a segment that is done.
const STALLED: Duration = Duration::from_secs(120);

/// Pay for segments on a devnet: a gateway, an orchestrator and a transcoder as real processes
///
/// Every fourth ticket wins. At the end the gateway's books and the orchestrator's have to agree to the wei, the chain has
/// to have moved exactly the face values of the tickets that were redeemed, and every winner has to be redeemed once.
/// With --kills the orchestrator is killed (SIGKILL) at random moments and started again; what the gateway then never
/// heard of is decided by the orchestrator's books, ticket by ticket.
#[derive(Debug, Args)]
pub struct PaidArgs {
    /// Segments that have to come back
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    segments: u32,
    /// How often the orchestrator is killed on the way
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1000))]
    kills: u32,
    /// Streams at once
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=10))]
    streams: u32,
    /// What the random moments follow from; printed, to have the same ones again
    #[arg(long)]
    seed: Option<u64>,
    /// Keep homes, logs and books here, instead of in a folder that is removed
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

pub fn run(args: &PaidArgs) -> eyre::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(pay(args))
}

async fn pay(args: &PaidArgs) -> eyre::Result<()> {
    testbed::install_tls();
    let seed = args.seed.unwrap_or_else(rand::random);
    let begun = Instant::now();
    let temporary = tempfile::tempdir()?;
    let root = args.keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    say(&format!(
        "{} segments over {} streams, {} kills, seed {seed}",
        args.segments, args.streams, args.kills
    ))?;
    let homes = Homes::set_up(&root)?;
    let config = engine::devnet::DevnetConfig {
        parameters: Parameters::with_round_length(ROUND_BLOCKS),
        block_time: Some(1),
        ..testbed::devnet_config(&root).await
    };
    let devnet = Devnet::up(config, &|_| {}).await?;
    homes.connect(devnet.chain().rpc_url().expose().as_str())?;
    let chain = Chain::new(devnet.chain().clone());
    homes.onboard()?;
    chain.next_round().await?;
    let clock = tokio::spawn(chain.clone().keep_rounds_open());

    let before = chain.standing().await?;
    let transcoder = homes.transcoder()?;
    let mut node = homes.node()?;
    let gateway = homes.gateway()?;
    let books = NodeBooks::follow(homes.books());
    let sender = Sender::start(&gateway, args.streams, args.segments)?;
    let killed = kill_now_and_then(args, seed, &homes, &mut node, &sender, &books).await;
    let sent = match killed {
        Ok(()) => sender.finish(STALLED).await,
        Err(error) => Err(error),
    };
    let sent: Tally = sent.map_err(|error| error.wrap_err(homes.last_words()))?;
    say(&format!(
        "{} segments done, {} failed, in {} s",
        sent.done,
        sent.failed,
        begun.elapsed().as_secs()
    ))?;
    // What is on its way arrives before the books are closed.
    gateway.end()?;
    books.look().await?;
    redeem_the_rest(&chain, &books).await?;
    let after = chain.standing().await?;
    let redeemed = chain.redeemed().await?;
    let kept = books.close().await?;
    node.end()?;
    transcoder.end()?;
    clock.abort();

    let records = money::gateway_records(&homes.segment_log())?;
    let broken = judge::judge(&judge::Evidence {
        records: &records,
        kept: &kept,
        before: &before,
        after: &after,
        redeemed: &redeemed,
        kills: args.kills,
    })?;
    devnet.down().await;
    for line in &broken {
        say(&format!("✗ {line}"))?;
    }
    ensure!(broken.is_empty(), "{} things do not hold", broken.len());
    say(&format!("✓ all of it held, in {} s", begun.elapsed().as_secs()))?;
    Ok(())
}

/// Kills the node at random moments, spread over the whole run, and starts it again.
async fn kill_now_and_then(
    args: &PaidArgs,
    seed: u64,
    homes: &Homes,
    node: &mut Node,
    sender: &Sender,
    books: &NodeBooks,
) -> eyre::Result<()> {
    let mut random = StdRng::seed_from_u64(seed);
    let share = args.segments / (args.kills + 1);
    for kill in 1..=args.kills {
        let segment = share * kill;
        sender.until(segment, STALLED).await?;
        // Anywhere within the life of the segments under way.
        let moment = Duration::from_millis(random.random_range(0..1500));
        sleep(moment).await;
        node.kill()?;
        books.look().await?;
        *node = homes.node()?;
        say(&format!(
            "kill {kill}: after {} segments and {} ms",
            sender.done(),
            moment.as_millis()
        ))?;
    }
    Ok(())
}

/// Lets all parameters expire, and waits until no winner waits any more.
async fn redeem_the_rest(chain: &Chain, books: &NodeBooks) -> eyre::Result<()> {
    chain.mine(EXPIRY_BLOCKS).await?;
    let begun = Instant::now();
    loop {
        let waiting = books.waiting().await?;
        if waiting.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > REDEEMING {
            say(&format!("{} winners are not redeemed:", waiting.len()))?;
            for line in waiting.iter().take(10) {
                say(line)?;
            }
            return Ok(());
        }
        sleep(Duration::from_millis(500)).await;
    }
}

fn say(line: &str) -> eyre::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}

/// Shared by whoever runs at the same time.
type Shared<T> = Arc<std::sync::Mutex<T>>;

fn locked<T>(shared: &Shared<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

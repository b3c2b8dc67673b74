//! `lpctl devnet mine`.

use clap::Args;
use engine::{
    devnet::{ChainState, DevnetChain, DevnetError},
    view::devnet::{DevnetChainStatus, DevnetMined},
};
use indicatif::ProgressBar;

use super::{chain_status, failure, running};
use crate::{
    context::Context,
    shell::{Report, Style},
};

/// Blocks between two steps of the progress bar.
const STEP: u64 = 500;

/// Mine blocks, or whole rounds, without waiting for them
///
/// With --rounds the chain is taken to the first block of the round so many rounds ahead, and every round on the way is
/// opened (initialised) as it begins.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl devnet mine                       one block
  lpctl devnet mine 10
  lpctl devnet mine --rounds 1            into the next round, and open it
  lpctl devnet mine --initialize          open the round the chain is in
  lpctl devnet mine --rounds 2 --no-initialize   two rounds on, left for `lpctl round init`")]
pub struct MineArgs {
    /// How many blocks; 1 if nothing else is asked for
    #[arg(value_name = "BLOCKS", conflicts_with = "rounds")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub blocks: Option<u64>,
    /// How many round boundaries to cross instead
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub rounds: Option<u64>,
    /// Open the round the chain is in then, if nobody has; --rounds does it anyway
    #[arg(long)]
    pub initialize: bool,
    /// Leave new rounds to be opened by somebody else
    #[arg(long, requires = "rounds", conflicts_with = "initialize")]
    pub no_initialize: bool,
}

impl MineArgs {
    /// `--initialize` by itself only opens the round.
    fn blocks_to_mine(&self) -> u64 {
        self.blocks.unwrap_or(if self.initialize { 0 } else { 1 })
    }
}

/// Mines them.
///
/// # Errors
/// No devnet runs, or its chain does not do it.
pub async fn run(args: MineArgs, context: &mut Context) -> eyre::Result<()> {
    let (chain, _) = running(context).await?;
    let before = chain.state().await.map_err(failure::of)?;
    let total = match args.rounds {
        Some(rounds) => rounds.saturating_mul(before.round_length),
        None => args.blocks_to_mine(),
    };
    let bar = context.shell.progress(Some(total), "mining");
    let mined = mine(&args, &chain, &before, &bar).await;
    bar.finish_and_clear();
    mined.map_err(failure::of)?;
    let after = chain.state().await.map_err(failure::of)?;
    let answer = DevnetMined {
        before: chain_status(&before),
        after: chain_status(&after),
    };
    Ok(context.shell.report(&answer)?)
}

async fn mine(
    args: &MineArgs,
    chain: &DevnetChain,
    before: &ChainState,
    bar: &ProgressBar,
) -> Result<(), DevnetError> {
    match args.rounds {
        Some(rounds) => {
            for _ in 0..rounds {
                match args.no_initialize {
                    true => chain.enter_next_round().await?,
                    false => chain.next_round().await?,
                };
                bar.inc(before.round_length);
            }
        }
        None => {
            let mut left = args.blocks_to_mine();
            while left > 0 {
                let now = left.min(STEP);
                chain.mine(now).await?;
                bar.inc(now);
                left -= now;
            }
        }
    }
    if args.initialize {
        chain.initialize_round().await?;
    }
    Ok(())
}

/// `round 3, 12 of 50 blocks, open`.
pub(super) fn place(chain: &DevnetChainStatus) -> String {
    let opened = match chain.round_initialized {
        true => "open",
        false => "not opened yet",
    };
    format!(
        "round {}, {} of {} blocks, {opened}",
        chain.round, chain.round_elapsed, chain.round_length
    )
}

impl Report for DevnetMined {
    fn text(&self, style: &Style) -> String {
        let mut text = format!(
            "{} block {} → {}\n{}",
            style.good_mark(),
            self.before.block,
            self.after.block,
            place(&self.after)
        );
        if !self.after.round_initialized {
            text.push_str("\nnext: `lpctl --profile devnet round init`, or `lpctl devnet mine --initialize`");
        }
        text
    }
}

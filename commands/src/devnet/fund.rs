//! `lpctl devnet fund`.

use alloy::primitives::Address;
use clap::{ArgGroup, Args};
use engine::{
    devnet::Role,
    units::{Lpt, Wei},
    view::devnet::DevnetFunded,
    wallet::{KeystoreDir, keystore::parse_address},
};

use super::{failure, running};
use crate::{
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style, escape},
};

/// Give an account ETH and LPT out of nothing
///
/// The amounts come on top of what the account has. LPT are newly minted: the supply grows, and with it what a round
/// mints.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("amount").args(["eth", "lpt"]).required(true).multiple(true))]
#[command(after_help = "\
Examples:
  lpctl devnet fund orchestrator --lpt 1000
  lpctl devnet fund 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --eth 10eth --lpt 500")]
pub struct FundArgs {
    /// A role (orchestrator, second-orchestrator, delegator, gateway, treasury, deployer), an address or an account's name
    #[arg(value_name = "ACCOUNT")]
    pub account: String,
    /// ETH to give, like 10eth
    #[arg(long, value_name = "AMOUNT")]
    pub eth: Option<Wei>,
    /// LPT to give, like 1000
    #[arg(long, value_name = "AMOUNT")]
    pub lpt: Option<Lpt>,
}

/// Gives it.
///
/// # Errors
/// No devnet runs, the account is not known, or the amount is more than there can be.
pub async fn run(args: FundArgs, context: &mut Context) -> eyre::Result<()> {
    let address = address_of(&args.account, context)?;
    let (chain, _) = running(context).await?;
    let read = || async {
        let balances = chain.balances(&[address]).await.map_err(failure::of)?;
        balances.first().copied().ok_or_else(|| {
            Failure::new(
                Kind::Unreachable,
                "devnet_unreachable",
                "the devnet's chain tells no balance",
            )
        })
    };
    let before = read().await?;
    if let Some(eth) = args.eth {
        chain.fund_eth(address, eth).await.map_err(failure::of)?;
    }
    if let Some(lpt) = args.lpt {
        chain.fund_lpt(address, lpt).await.map_err(failure::of)?;
    }
    let after = read().await?;
    let answer = DevnetFunded {
        address,
        account: args.account,
        eth_before_wei: before.eth,
        eth_wei: after.eth,
        balance_before_lpt: before.lpt,
        balance_lpt: after.lpt,
    };
    Ok(context.shell.report(&answer)?)
}

/// A role's account first: on a devnet the roles' names are theirs. Then an address, then a name in the keystore.
fn address_of(account: &str, context: &Context) -> Result<Address, Failure> {
    if let Ok(role) = account.parse::<Role>() {
        return Ok(role.address());
    }
    let typed = parse_address(account)
        .map_err(|error| Failure::new(Kind::Usage, "bad_address", error.to_string()).hint("copy it again"))?;
    if let Some(address) = typed {
        return Ok(address);
    }
    let unknown = |message: String| {
        let roles = Role::ALL.map(Role::name).join(", ");
        Failure::new(Kind::Config, "unknown_account", message)
            .hint(format!("give an address, or one of the roles {roles}"))
    };
    let found = KeystoreDir::open(&context.directories().keystore_dir)
        .find(account)
        .map_err(|error| unknown(error.to_string()))?;
    found
        .address
        .ok_or_else(|| unknown(format!("{} does not tell its address", found.file.display())))
}

impl Report for DevnetFunded {
    fn text(&self, style: &Style) -> String {
        format!(
            "{} {} ({})\nETH  {} → {}\nLPT  {} → {}",
            style.good_mark(),
            escape(&self.account),
            self.address,
            self.eth_before_wei.human(),
            self.eth_wei.human(),
            self.balance_before_lpt.human(),
            self.balance_lpt.human(),
        )
    }
}

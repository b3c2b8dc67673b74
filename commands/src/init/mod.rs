//! `lpctl init`: from an empty home to a config that works, asked or by flags.
//!
//! | module | holds |
//! |---|---|
//! | `steps` | what is asked, in which order, and what is tested at once |
//! | `chain` | network and endpoints, tested live |
//! | `key` | the account: there, made or brought in |
//! | `price` | what a price means |
//! | `reach` | the address gateways are told, and who answers there |
//! | `written` | the config file, and the answer |

mod chain;
mod key;
mod price;
mod reach;
mod steps;
mod written;

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

pub(crate) use self::written::quoted;
use crate::context::Context;

/// Set lpctl up: network, endpoints, account, role and price, each tested at once
///
/// Asks on a terminal, and takes the answers from flags elsewhere; a flag that is given is not asked for. What is
/// configured already is kept unless you say otherwise. Nothing is written before you have seen all of it, the key
/// and then the config file at once and for your eyes only. Endpoints are asked for their chain and their latest
/// block, and the address for gateways whether a node answers there.
///
/// The settings go to the profile in use or the one named with --profile; without either, to a new one called as the
/// network, which is in use from then on.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl init
  lpctl init --role delegator --network arbitrum-one --rpc-url https://arb1.arbitrum.io/rpc --new-account --name cold --yes
  lpctl init --role orchestrator --network devnet --rpc-url http://127.0.0.1:8545 --account orchestrator --price 1200 --service-uri https://o1.example.org:8935 --yes --json
  lpctl init --role transcoder --orch-addr o1.example.org:8935 --orch-secret-file secret --yes")]
pub struct InitArgs {
    /// What this machine is to be
    #[arg(long, value_enum, value_name = "ROLE")]
    pub role: Option<Role>,
    /// Make a new key, called as --name says
    #[arg(long, conflicts_with = "import")]
    pub new_account: bool,
    /// Bring in the key of a keystore file, or of a file with a private key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub import: Option<PathBuf>,
    /// Name of the key that is made or brought in [default: the role]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Folder of keystore files; go-livepeer's works as it is
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub keystore_dir: Option<PathBuf>,
    /// What gateways pay for a pixel, or the most a gateway pays
    ///
    /// In wei, like 1200 or 1/3; in a currency of so many pixels, like 0.02usd/1000000; or for an hour of 1080p, like
    /// 0.5usd/h. A gateway's is in wei, and `any` takes every price.
    #[arg(long, value_name = "PRICE")]
    pub price: Option<String>,
    /// Address gateways are told to use, with its port
    #[arg(long, value_name = "URI")]
    pub service_uri: Option<String>,
    /// Where a transcoder finds its orchestrator
    #[arg(long, value_name = "HOST:PORT")]
    pub orch_addr: Option<String>,
    /// File whose first line orchestrator and transcoders share
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub orch_secret_file: Option<PathBuf>,
    /// Write endpoints that cannot be used now
    #[arg(long)]
    pub untested: bool,
}

/// What a machine is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Takes work from gateways, and is paid for it.
    Orchestrator,
    /// Lends this machine to an orchestrator elsewhere; needs no key.
    Transcoder,
    /// Sends streams to orchestrators, and pays.
    Gateway,
    /// Puts LPT behind an orchestrator; runs nothing.
    Delegator,
}

impl Role {
    const ALL: [Self; 4] = [
        Self::Orchestrator,
        Self::Transcoder,
        Self::Gateway,
        Self::Delegator,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Orchestrator => "orchestrator",
            Self::Transcoder => "transcoder",
            Self::Gateway => "gateway",
            Self::Delegator => "delegator",
        }
    }

    fn explained(self) -> &'static str {
        match self {
            Self::Orchestrator => "take work from gateways, and be paid for it",
            Self::Transcoder => "lend this machine to an orchestrator; needs no key",
            Self::Gateway => "send streams to orchestrators, and pay for them",
            Self::Delegator => "put LPT behind an orchestrator; run nothing",
        }
    }
}

/// Asks, tests and writes.
///
/// # Errors
/// A usage failure for answers that are missing, what a test found, a refusal when the writing is not confirmed.
pub async fn run(args: InitArgs, context: &mut Context) -> eyre::Result<()> {
    let answers = Box::pin(steps::take(args, context)).await?;
    Box::pin(written::write(answers, context)).await
}

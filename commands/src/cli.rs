//! The command tree and the options every command understands.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, ValueHint, builder::styling};
use clap_complete::engine::ArgValueCompleter;
use engine::units::Wei;

use crate::{complete, context::ConfigNeed};

const STYLES: styling::Styles = styling::Styles::styled()
    .header(styling::AnsiColor::Green.on_default().bold())
    .usage(styling::AnsiColor::Green.on_default().bold())
    .literal(styling::AnsiColor::Cyan.on_default())
    .placeholder(styling::AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  lpctl                                     a menu, on a terminal
  lpctl init                                set up network, account and role
  lpctl devnet up --detach                  a Livepeer protocol on this machine
  lpctl --profile devnet stake bond 100     put 100 LPT behind yourself
  lpctl run                                 the node, off-chain
  lpctl gateway push clip.mp4 --orch https://127.0.0.1:8935
  lpctl dashboard                           sessions, GPUs and stake, live

Every option has a variable: --rpc-url is LPCTL_RPC_URL. Settings come from
the flag, the variable, the profile, the config file's defaults, in this
order; `lpctl config show` tells which. Answers longer than the screen go
through LPCTL_PAGER, PAGER or less; PAGER=cat prints them.

Exit codes: 0 done, 1 failed, 2 usage, 3 config, 4 refused before anything
was sent, 5 sent and outcome unknown, 6 mined and reverted, 7 endpoint
unreachable, 70 a bug of lpctl, 130 interrupted.";

/// Run, fund, watch and command nodes on the Livepeer network
#[derive(Debug, Parser)]
#[command(name = "lpctl", version, styles = STYLES, after_help = EXAMPLES, max_term_width = 100)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub globals: GlobalArgs,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options every command understands
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Section of the config file to use
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "LPCTL_PROFILE",
        hide_env = true
    )]
    #[arg(add = ArgValueCompleter::new(complete::profiles))]
    pub profile: Option<String>,
    /// Config file to read
    #[arg(long, global = true, value_name = "PATH", env = "LPCTL_CONFIG", hide_env = true, value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "LPCTL_NETWORK",
        hide_env = true
    )]
    #[arg(add = ArgValueCompleter::new(complete::networks))]
    pub network: Option<String>,
    /// JSON-RPC endpoint; repeat it for failover
    // Kept as text here: a parse error of clap would repeat the value, which may hold a key.
    #[arg(
        long = "rpc-url",
        global = true,
        value_name = "URL",
        env = "LPCTL_RPC_URL",
        hide_env = true
    )]
    #[arg(value_delimiter = ',', action = ArgAction::Append, value_hint = ValueHint::Url)]
    pub rpc_urls: Vec<String>,
    /// Address of the protocol's Controller contract
    #[arg(
        long,
        global = true,
        value_name = "0x…",
        env = "LPCTL_CONTROLLER",
        hide_env = true
    )]
    pub controller: Option<alloy::primitives::Address>,
    /// Account to act for: a name, an address or a keystore file
    #[arg(
        long,
        global = true,
        value_name = "NAME|0x…",
        env = "LPCTL_ACCOUNT",
        hide_env = true
    )]
    #[arg(add = ArgValueCompleter::new(complete::accounts))]
    pub account: Option<String>,
    /// File whose first line unlocks the account
    #[arg(long, global = true, value_name = "PATH", env = "LPCTL_PASSWORD_FILE", hide_env = true, value_hint = ValueHint::FilePath)]
    pub password_file: Option<PathBuf>,
    /// Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    #[arg(
        long,
        global = true,
        value_name = "URL|NAME",
        env = "LPCTL_NODE",
        hide_env = true
    )]
    #[arg(value_delimiter = ',', action = ArgAction::Append)]
    #[arg(add = ArgValueCompleter::new(complete::nodes))]
    pub node: Vec<String>,
    /// Print one JSON envelope instead of text
    #[arg(long, global = true, env = "LPCTL_JSON", hide_env = true, value_parser = clap::builder::FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub json: bool,
    /// Answer every question with yes
    #[arg(long, short = 'y', global = true, env = "LPCTL_YES", hide_env = true, value_parser = clap::builder::FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub yes: bool,
    /// Stop before anything is signed or sent
    #[arg(long, global = true, env = "LPCTL_DRY_RUN", hide_env = true, value_parser = clap::builder::FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub dry_run: bool,
    /// Do not send while gas costs more than this, like 0.1gwei
    #[arg(
        long,
        global = true,
        value_name = "AMOUNT",
        env = "LPCTL_MAX_GAS_PRICE",
        hide_env = true
    )]
    pub max_gas_price: Option<Wei>,
    /// Say more; repeat it for still more
    #[arg(long, short = 'v', global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Say nothing but the answer and failures
    #[arg(long, short = 'q', global = true, env = "LPCTL_QUIET", hide_env = true, value_parser = clap::builder::FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub quiet: bool,
    /// When to use colour
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        env = "LPCTL_COLOR",
        hide_env = true,
        value_enum,
        default_value_t
    )]
    pub color: ColorChoice,
}

/// The tree of commands with its help as it is written, for those who read it and do not show it.
#[must_use]
pub fn help_source() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What lpctl can do.
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum Command {
    Init(Box<crate::init::InitArgs>),
    Status(crate::status::StatusArgs),
    /// Put LPT behind an orchestrator, and see how it stands
    #[command(subcommand)]
    Stake(crate::stake::StakeCommand),
    SetFees(crate::set_fees::SetFeesArgs),
    /// Become an orchestrator, and look at those there are
    #[command(subcommand)]
    Orch(crate::orch::OrchestratorCommand),
    /// Mint each round's reward
    #[command(subcommand)]
    Reward(crate::reward::RewardCommand),
    /// The protocol's clock
    #[command(subcommand)]
    Round(crate::round::RoundCommand),
    /// Put ETH behind a gateway's tickets, and take it out again
    #[command(subcommand)]
    Deposit(crate::deposit::DepositCommand),
    /// See and take out what tickets earned
    #[command(subcommand)]
    Fees(crate::fees::FeesCommand),
    /// Vote on the protocol and its treasury
    #[command(subcommand)]
    Gov(crate::gov::GovCommand),
    /// Look at transactions that were sent from here, hurry or cancel those that wait
    #[command(subcommand)]
    Tx(crate::tx::TransactionCommand),
    /// Winning tickets: what waits, why, and what was paid
    #[command(subcommand)]
    Ticket(crate::ticket::TicketCommand),
    /// What moved in and out of an account, for accounts and taxes
    #[command(subcommand)]
    Ledger(crate::ledger::LedgerCommand),
    /// Look at the protocol's history in its subgraph
    #[command(subcommand)]
    Explorer(crate::explorer::ExplorerCommand),
    /// Manage the streams, recordings and files of a Livepeer Studio account
    #[command(subcommand)]
    Studio(crate::studio::StudioCommand),
    /// LPT in the wallet
    #[command(subcommand)]
    Token(crate::token::TokenCommand),
    /// The protocol's contracts and parameters
    #[command(subcommand)]
    Protocol(crate::protocol::ProtocolCommand),
    /// Test the RPC endpoints, and offer them to any node as one
    #[command(subcommand)]
    Rpc(crate::rpc::RpcCommand),
    Run(Box<crate::run::RunArgs>),
    Node(crate::node::NodeArgs),
    /// See and test the GPUs that encode, and the CPU
    #[command(subcommand)]
    Gpu(crate::gpu::GpuCommand),
    Logs(crate::logs::LogsArgs),
    /// Who is told of what needs attention
    #[command(subcommand)]
    Alerts(crate::alerts::AlertsCommand),
    Doctor(crate::doctor::DoctorArgs),
    Why(crate::why::WhyArgs),
    /// Send video to orchestrators, as gateways do
    #[command(subcommand)]
    Gateway(crate::gateway::GatewayCommand),
    Dashboard(crate::dashboard::DashboardArgs),
    Exporter(crate::exporter::ExporterArgs),
    /// Measure what this machine can do
    #[command(subcommand)]
    Bench(crate::bench::BenchCommand),
    /// Make, import, list and choose the accounts that sign transactions
    #[command(subcommand)]
    Account(crate::account::AccountCommand),
    /// Run a whole Livepeer protocol on this machine: a real chain, the real contracts, funded accounts
    #[command(subcommand)]
    Devnet(crate::devnet::DevnetCommand),
    /// Show, check and change the configuration
    #[command(subcommand)]
    Config(crate::config::ConfigCommand),
    /// Come over from go-livepeer
    #[command(subcommand)]
    Migrate(crate::migrate::MigrateCommand),
    Explain(crate::explain::ExplainArgs),
    Menu(crate::menu::MenuArgs),
    Completions(crate::completions::CompletionsArgs),
    Man(crate::man::ManArgs),
}

impl Command {
    /// How much of the config file must be right.
    #[must_use]
    pub fn config_need(&self) -> ConfigNeed {
        match self {
            Self::Completions(_)
            | Self::Man(_)
            | Self::Explain(_)
            | Self::Migrate(crate::migrate::MigrateCommand::Flags(_)) => ConfigNeed::None,
            Self::Init(_) | Self::Devnet(_) | Self::Config(crate::config::ConfigCommand::Set(_)) => {
                ConfigNeed::MayAddProfile
            }
            _ => ConfigNeed::Whole,
        }
    }

    /// Whether `--dry-run` can be honoured: transactions stop before signing, and reading changes nothing.
    #[must_use]
    pub fn has_dry_run(&self) -> bool {
        use crate::{account::AccountCommand, config::ConfigCommand, reward::RewardCommand};
        if let Self::Node(args) = self {
            return args.command.only_looks();
        }
        !matches!(
            self,
            Self::Run(_)
                | Self::Exporter(_)
                | Self::Reward(RewardCommand::Watch(_))
                | Self::Rpc(crate::rpc::RpcCommand::Serve(_))
                | Self::Gateway(_)
                | Self::Bench(_)
                | Self::Alerts(crate::alerts::AlertsCommand::Test(_))
                | Self::Config(ConfigCommand::Set(_))
                | Self::Account(
                    AccountCommand::New(_)
                        | AccountCommand::Import(_)
                        | AccountCommand::Use(_)
                        | AccountCommand::Sign(_)
                        | AccountCommand::SignTyped(_)
                        | AccountCommand::ChangePassword(_)
                        | AccountCommand::Keyring(_)
                        | AccountCommand::Remove(_)
                )
        )
    }

    /// Whether `--node` may be there more than once.
    #[must_use]
    pub fn takes_several_nodes(&self) -> bool {
        matches!(self, Self::Node(_) | Self::Dashboard(_))
    }

    /// Long-running commands end themselves on Ctrl-C; the others are simply stopped.
    #[must_use]
    pub fn ends_itself(&self) -> bool {
        match self {
            Self::Run(_)
            | Self::Exporter(_)
            | Self::Gateway(_)
            | Self::Ledger(_)
            | Self::Rpc(crate::rpc::RpcCommand::Serve(_))
            | Self::Reward(crate::reward::RewardCommand::Watch(_)) => true,
            Self::Devnet(command) => command.ends_itself(),
            _ => false,
        }
    }
}

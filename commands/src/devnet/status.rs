//! `lpctl devnet status`.

use clap::Args;
use engine::{
    devnet::{CHAIN_ID, Contracts, DevnetChain, Home, Presence, Role, Running, SavedState},
    view::devnet::{DevnetAccount, DevnetStatus, RunningDevnet},
};

use super::{PROFILE, chain_status, failure, home, mine::place};
use crate::{
    context::Context,
    failure::Failure,
    shell::{Report, Style, table},
};

/// Show whether a devnet runs, its round, contracts and accounts
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl devnet status
  lpctl devnet status --json | jq -r .data.rpc_url")]
pub struct StatusArgs {}

/// Shows it.
///
/// # Errors
/// A devnet runs and its chain does not answer.
pub async fn run(_: StatusArgs, context: &mut Context) -> eyre::Result<()> {
    let home = home(context);
    let presence = home.presence().map_err(failure::of_home)?;
    let answer = status(&home, presence).await?;
    Ok(context.shell.report(&answer)?)
}

/// What is to be told about a devnet.
pub(super) async fn status(home: &Home, presence: Presence) -> Result<DevnetStatus, Failure> {
    let saved = matches!(SavedState::load(&home.state_dir()), Ok(Some(_)));
    Ok(match presence {
        Presence::Up { pid, running } => DevnetStatus {
            running: true,
            starting: false,
            saved,
            devnet: Some(describe(pid, running).await?),
        },
        Presence::Starting { .. } => DevnetStatus {
            running: false,
            starting: true,
            saved,
            devnet: None,
        },
        Presence::Down => DevnetStatus {
            running: false,
            starting: false,
            saved,
            devnet: None,
        },
    })
}

async fn describe(pid: u32, running: Running) -> Result<RunningDevnet, Failure> {
    let rpc_url = running.rpc_url.expose().to_string();
    let chain = DevnetChain::connect(running.rpc_url).await.map_err(failure::of)?;
    let state = chain.state().await.map_err(failure::of)?;
    let addresses = Role::ALL.map(Role::address);
    let balances = chain.balances(&addresses).await.map_err(failure::of)?;
    let accounts = Role::ALL
        .into_iter()
        .zip(balances)
        .map(|(role, balance)| DevnetAccount {
            name: role.name().to_string(),
            address: balance.address,
            eth_wei: balance.eth,
            balance_lpt: balance.lpt,
        });
    Ok(RunningDevnet {
        pid,
        anvil_pid: running.anvil_pid,
        started: running.started,
        rpc_url: rpc_url.trim_end_matches('/').to_string(),
        chain_id: CHAIN_ID,
        profile: PROFILE.to_string(),
        block_time: running.block_time,
        keep_rounds: running.keep_rounds,
        chain: chain_status(&state),
        contracts: Contracts::standard(),
        accounts: accounts.collect(),
    })
}

impl Report for DevnetStatus {
    fn text(&self, style: &Style) -> String {
        let Some(devnet) = &self.devnet else {
            return match (self.starting, self.saved) {
                (true, _) => "the devnet is being started".to_string(),
                (false, true) => {
                    "no devnet is running; the last one is saved\nnext: `lpctl devnet up` goes on with it"
                        .to_string()
                }
                (false, false) => "no devnet is running\nnext: `lpctl devnet up`".to_string(),
            };
        };
        let blocks = match devnet.block_time {
            Some(seconds) => format!("a block every {seconds} s"),
            None => "a block for every transaction".to_string(),
        };
        let rounds = match devnet.keep_rounds {
            true => ", rounds are opened as they come",
            false => "",
        };
        let chain = &devnet.chain;
        let mut lines = vec![
            format!(
                "{} devnet at {} · chain {} · process {}",
                style.good_mark(),
                devnet.rpc_url,
                devnet.chain_id,
                devnet.pid
            ),
            format!("block {} · {} · {blocks}{rounds}", chain.block, place(chain)),
            String::new(),
            accounts(&devnet.accounts),
            String::new(),
            contracts(&devnet.contracts),
            String::new(),
        ];
        lines.push(match chain.round_initialized {
            true => format!("next: `lpctl --profile {} status`", devnet.profile),
            false => "next: `lpctl devnet mine --initialize` opens the round".to_string(),
        });
        lines.join("\n")
    }
}

fn accounts(accounts: &[DevnetAccount]) -> String {
    let mut rows = table();
    rows.set_header(["account", "address", "ETH", "LPT"]);
    for account in accounts {
        rows.add_row([
            account.name.clone(),
            account.address.to_string(),
            account.eth_wei.human(),
            account.balance_lpt.human(),
        ]);
    }
    rows.trim_fmt()
}

fn contracts(contracts: &Contracts) -> String {
    let mut rows = table();
    rows.set_header(["contract", "address"]);
    let named = [
        ("Controller", contracts.controller),
        ("BondingManager", contracts.bonding_manager),
        ("TicketBroker", contracts.ticket_broker),
        ("RoundsManager", contracts.rounds_manager),
        ("ServiceRegistry", contracts.service_registry),
        ("Minter", contracts.minter),
        ("LivepeerToken", contracts.token),
        ("Faucet", contracts.faucet),
        ("PollCreator", contracts.poll_creator),
    ];
    for (name, address) in named {
        rows.add_row([name.to_string(), address.to_string()]);
    }
    rows.trim_fmt()
}

//! The money, from three sides: the chain, the node's books, the gateway's log.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use alloy::{
    network::TransactionBuilder as _,
    primitives::{Address, B256, U256, keccak256},
    providers::Provider as _,
    rpc::types::{Filter, TransactionRequest},
    sol,
    sol_types::{SolCall, SolEvent as _},
};
use engine::{
    devnet::{Contracts, DevnetChain, Role},
    payments::{
        Books,
        books::{Filter as Which, Tally, Winner, WinnerState},
    },
    units::{Round, Wei},
    view::ingest::SegmentRecord,
    wire::ticket::Ticket,
};
use eyre::{OptionExt as _, WrapErr as _};
use tokio::{task::JoinHandle, time::sleep};

use super::{Shared, locked};

sol! {
    struct Sender { uint256 deposit; uint256 withdrawRound; }
    struct ReserveInfo { uint256 fundsRemaining; uint256 claimedInCurrentRound; }
    function getSenderInfo(address sender) external view returns (Sender sender, ReserveInfo reserve);
    function pendingFees(address delegator, uint256 endRound) external view returns (uint256);
    event WinningTicketTransfer(address indexed sender, address indexed recipient, uint256 amount);
    event WinningTicketRedeemed(
        address indexed sender, address indexed recipient, uint256 faceValue, uint256 winProb, uint256 senderNonce,
        uint256 recipientRand, bytes auxData
    );
}

/// The chain, asked past everything that is tried here.
#[derive(Clone)]
pub(super) struct Chain {
    chain: DevnetChain,
    contracts: Contracts,
    pub(super) gateway: Address,
    pub(super) orchestrator: Address,
}

/// What both have on the chain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) deposit: Wei,
    pub(super) reserve: Wei,
    /// What the orchestrator can withdraw.
    pub(super) fees: Wei,
}

/// All redemptions there were.
#[derive(Debug, Default)]
pub(super) struct Redeemed {
    /// The tickets, with their face values, as often as they were redeemed.
    pub(super) tickets: Vec<(B256, Wei)>,
    /// What was paid for them.
    pub(super) paid: Wei,
}

impl Chain {
    pub(super) fn new(chain: DevnetChain) -> Self {
        Self {
            chain,
            contracts: Contracts::standard(),
            gateway: Role::Gateway.address(),
            orchestrator: Role::Orchestrator.address(),
        }
    }

    pub(super) async fn next_round(&self) -> eyre::Result<()> {
        self.chain.next_round().await?;
        Ok(())
    }

    pub(super) async fn mine(&self, blocks: u64) -> eyre::Result<()> {
        Ok(self.chain.mine(blocks).await?)
    }

    /// Opens every round, as somebody on the network always does.
    pub(super) async fn keep_rounds_open(self) {
        loop {
            // It is tried again in a moment.
            let _ = self.chain.initialize_round().await;
            sleep(Duration::from_millis(500)).await;
        }
    }

    async fn call<C: SolCall>(&self, to: Address, call: C) -> eyre::Result<C::Return> {
        let request = TransactionRequest::default()
            .with_to(to)
            .with_input(call.abi_encode());
        let output = self.chain.provider().call(request).await?;
        Ok(C::abi_decode_returns(&output)?)
    }

    pub(super) async fn standing(&self) -> eyre::Result<Standing> {
        let broker = self.contracts.ticket_broker;
        let sender = self
            .call(broker, getSenderInfoCall { sender: self.gateway })
            .await?;
        let fees = pendingFeesCall {
            delegator: self.orchestrator,
            endRound: U256::ZERO,
        };
        Ok(Standing {
            deposit: Wei(sender.sender.deposit),
            reserve: Wei(sender.reserve.fundsRemaining),
            fees: Wei(self.call(self.contracts.bonding_manager, fees).await?),
        })
    }

    pub(super) async fn redeemed(&self) -> eyre::Result<Redeemed> {
        let filter = Filter::new()
            .address(self.contracts.ticket_broker)
            .event_signature(vec![
                WinningTicketRedeemed::SIGNATURE_HASH,
                WinningTicketTransfer::SIGNATURE_HASH,
            ])
            .from_block(0);
        let mut redeemed = Redeemed::default();
        for log in self.chain.provider().get_logs(&filter).await? {
            if log.topic0() == Some(&WinningTicketTransfer::SIGNATURE_HASH) {
                let event = log.log_decode::<WinningTicketTransfer>()?.inner.data;
                redeemed.paid = redeemed.paid.saturating_add(Wei(event.amount));
                continue;
            }
            let event = log.log_decode::<WinningTicketRedeemed>()?.inner.data;
            let (round, block_hash) = event
                .auxData
                .split_at_checked(32)
                .filter(|(_, rest)| rest.len() == 32)
                .ok_or_eyre("a ticket without its round")?;
            let ticket = Ticket {
                recipient: event.recipient,
                sender: event.sender,
                face_value: Wei(event.faceValue),
                win_prob: event.winProb,
                sender_nonce: event.senderNonce.try_into()?,
                recipient_rand_hash: keccak256(event.recipientRand.to_be_bytes::<32>()),
                creation_round: Round(U256::from_be_slice(round).try_into()?),
                creation_round_block_hash: B256::from_slice(block_hash),
            };
            redeemed.tickets.push((ticket.hash(), ticket.face_value));
        }
        Ok(redeemed)
    }
}

/// A ticket's place among all: its parameters and its number.
pub(super) type Nonce = (B256, u32);

/// The node's books, looked into while it runs: what they forget in time is kept here.
pub(super) struct NodeBooks {
    path: PathBuf,
    nonces: Shared<BTreeSet<Nonce>>,
    following: JoinHandle<()>,
}

/// What the books say in the end.
pub(super) struct Kept {
    /// Every ticket that was ever accepted.
    pub(super) nonces: BTreeSet<Nonce>,
    pub(super) winners: Vec<Winner>,
    pub(super) tallies: Vec<Tally>,
}

/// How often the books are looked into: well within the life of a ticket's parameters.
const LOOK: Duration = Duration::from_secs(1);
/// More winners than any run has.
const MOST_WINNERS: usize = 1_000_000;

impl NodeBooks {
    pub(super) fn follow(path: PathBuf) -> Self {
        let nonces: Shared<BTreeSet<Nonce>> = Shared::default();
        let (place, seen) = (path.clone(), Arc::clone(&nonces));
        let following = tokio::spawn(async move {
            loop {
                // Not there yet, or the node is just starting.
                let _ = look(&place, &seen).await;
                sleep(LOOK).await;
            }
        });
        Self {
            path,
            nonces,
            following,
        }
    }

    /// Looks now: after this, what was accepted so far is known.
    pub(super) async fn look(&self) -> eyre::Result<()> {
        look(&self.path, &self.nonces).await
    }

    /// Winners that are not redeemed, a line each.
    pub(super) async fn waiting(&self) -> eyre::Result<Vec<String>> {
        let lines = winners(&self.path).await?.into_iter().filter_map(|winner| {
            let why = match (&winner.state, &winner.waiting) {
                (WinnerState::Settled { .. }, _) => return None,
                (_, Some(waiting)) => waiting.message.clone(),
                (state, None) => format!("{state:?}"),
            };
            Some(format!("{}: {why}", winner.hash))
        });
        Ok(lines.collect())
    }

    pub(super) async fn close(self) -> eyre::Result<Kept> {
        self.look().await?;
        self.following.abort();
        let winners = winners(&self.path).await?;
        let books = open(&self.path)?;
        let tallies = books.tally().await?;
        Ok(Kept {
            nonces: std::mem::take(&mut *locked(&self.nonces)),
            winners,
            tallies,
        })
    }
}

fn open(path: &Path) -> eyre::Result<Books> {
    Books::open_read_only(path).wrap_err("the node's books")
}

async fn look(path: &Path, nonces: &Shared<BTreeSet<Nonce>>) -> eyre::Result<()> {
    let seen = open(path)?.restore().await?;
    let seen = seen.into_iter().map(|seen| (seen.rand_hash, seen.nonce));
    locked(nonces).extend(seen);
    Ok(())
}

async fn winners(path: &Path) -> eyre::Result<Vec<Winner>> {
    let which = Which {
        limit: MOST_WINNERS,
        ..Which::default()
    };
    Ok(open(path)?.winners(which).await?)
}

/// Every line of the gateway's segment log.
pub(super) fn gateway_records(path: &Path) -> eyre::Result<Vec<SegmentRecord>> {
    let text = fs::read_to_string(path).wrap_err("the gateway's log")?;
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_str(line).wrap_err_with(|| line.to_string()))
        .collect()
}

//! Tests of redeeming, against the real contracts.

mod driver;
mod faults;
mod plans;
mod service;

use alloy::{
    network::TransactionBuilder,
    primitives::{Address, B256, U256, keccak256},
    providers::Provider,
    rpc::types::TransactionRequest,
    signers::{SignerSync as _, local::PrivateKeySigner},
    sol_types::SolCall,
};
use engine::{
    chain::{Chain, GasPolicy, Outbox},
    devnet::Parameters,
    payments::WinningTicket,
    units::{Round, Wei},
    wire::ticket::Ticket,
};
use testbed::Devnet;

use crate::chain::{activate, config};

mod protocol {
    #![allow(missing_docs)]
    alloy::sol! {
        function fundDepositAndReserve(uint256 deposit, uint256 reserve) external payable;
        function unlock() external;
        function withdraw() external;
        function blockHashForRound(uint256 round) external view returns (bytes32);
        function currentRound() external view returns (uint256);
        function pendingFees(address delegator, uint256 endRound) external view returns (uint256);
        function usedTickets(bytes32 hash) external view returns (bool);
    }
}

/// A devnet with an active orchestrator and a gateway.
struct Scene {
    devnet: Devnet,
    chain: Chain,
    recipient: PrivateKeySigner,
    gateway: PrivateKeySigner,
    /// The recipient's own sender.
    outbox: Outbox,
    nonce: u32,
    _folder: tempfile::TempDir,
}

/// A thousandth of an ETH.
fn finney(count: u64) -> Wei {
    Wei::gwei(count * 1_000_000)
}

impl Scene {
    /// Rounds of `length` blocks; the orchestrator is active from the round that has just begun.
    async fn with_rounds(length: u64) -> Self {
        let devnet = testbed::devnet_with(Parameters::with_round_length(length)).await;
        let chain = Chain::connect(config(&devnet, &[&devnet.rpc_url])).await.unwrap();
        let recipient = devnet.accounts.orchestrator.clone();
        let gateway = devnet.accounts.gateway.clone();
        activate(&chain, &recipient, 100).await;
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(
            chain.clone(),
            recipient.clone(),
            folder.path(),
            GasPolicy::default(),
        )
        .unwrap();
        devnet.next_round().await;
        Self {
            devnet,
            chain,
            recipient,
            gateway,
            outbox,
            nonce: 0,
            _folder: folder,
        }
    }

    async fn fund(&self, deposit: Wei, reserve: Wei) {
        let call = protocol::fundDepositAndReserveCall {
            deposit: deposit.0,
            reserve: reserve.0,
        };
        self.as_gateway(call, deposit.saturating_add(reserve)).await;
    }

    /// Has the gateway call the TicketBroker.
    async fn as_gateway<C: SolCall>(&self, call: C, value: Wei) {
        let request = TransactionRequest::default()
            .with_from(self.gateway.address())
            .with_to(self.devnet.contracts.ticket_broker)
            .with_value(value.0)
            .with_input(call.abi_encode())
            .with_gas_limit(1_000_000);
        let sent = self.devnet.provider().send_transaction(request).await.unwrap();
        assert!(sent.get_receipt().await.unwrap().status());
    }

    async fn call<C: SolCall>(&self, to: Address, call: C) -> C::Return {
        let request = TransactionRequest::default()
            .with_to(to)
            .with_input(call.abi_encode());
        let output = self.devnet.provider().call(request).await.unwrap();
        C::abi_decode_returns(&output).unwrap()
    }

    async fn block(&self) -> u64 {
        self.devnet.provider().get_block_number().await.unwrap()
    }

    async fn round(&self) -> Round {
        let round = self
            .call(
                self.devnet.contracts.rounds_manager,
                protocol::currentRoundCall {},
            )
            .await;
        Round(round.to())
    }

    /// What the orchestrator could withdraw.
    async fn fees(&self) -> Wei {
        let end = self.round().await;
        let call = protocol::pendingFeesCall {
            delegator: self.recipient.address(),
            endRound: U256::from(end.0),
        };
        Wei(self.call(self.devnet.contracts.bonding_manager, call).await)
    }

    /// Transactions of the orchestrator so far.
    async fn sent(&self) -> u64 {
        let account = self.recipient.address();
        self.devnet
            .provider()
            .get_transaction_count(account)
            .await
            .unwrap()
    }

    async fn is_used(&self, won: &WinningTicket) -> bool {
        let call = protocol::usedTicketsCall {
            hash: won.ticket.hash(),
        };
        self.call(self.devnet.contracts.ticket_broker, call).await
    }

    /// A ticket that wins for certain, made in this round, with parameters that expire at `expires`.
    async fn win(&mut self, face_value: Wei, expires: u64) -> WinningTicket {
        let round = self.round().await;
        let call = protocol::blockHashForRoundCall {
            round: U256::from(round.0),
        };
        let block_hash: B256 = self.call(self.devnet.contracts.rounds_manager, call).await;
        self.nonce += 1;
        let recipient_rand = U256::from(1_000_000 + u64::from(self.nonce));
        let ticket = Ticket {
            recipient: self.recipient.address(),
            sender: self.gateway.address(),
            face_value,
            win_prob: U256::MAX,
            sender_nonce: self.nonce,
            recipient_rand_hash: keccak256(recipient_rand.to_be_bytes::<32>()),
            creation_round: round,
            creation_round_block_hash: block_hash,
        };
        let signature = self.gateway.sign_hash_sync(&ticket.digest()).unwrap();
        WinningTicket {
            ticket,
            signature: signature.as_bytes(),
            recipient_rand,
            params_expiration_block: expires,
        }
    }
}

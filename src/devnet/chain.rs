//! A devnet's chain as its operator drives it: mining blocks, opening rounds, giving out money. Works on a devnet
//! of this process and on one another process runs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use alloy::{
    eips::{BlockId, eip2718::Encodable2718},
    network::{EthereumWallet, NetworkTransactionBuilder, TransactionBuilder},
    primitives::{Address, B256, Bytes, TxHash, TxKind, U64, U256, keccak256},
    providers::{DynProvider, Provider, ProviderBuilder, ext::AnvilApi},
    rpc::{
        client::{BatchRequest, RpcClient},
        types::{TransactionReceipt, TransactionRequest},
    },
    signers::local::PrivateKeySigner,
    sol,
    sol_types::SolCall,
    transports::http::Http,
};

use super::{
    accounts::Role, error::DevnetError, parameters::Contracts, process::CHAIN_ID, state::unpack_dump,
};
use crate::{
    secret::RpcUrl,
    units::{Lpt, Round, Wei},
};

sol! {
    // protocol contracts/rounds/RoundsManager.sol
    #[sol(rpc)]
    interface Rounds {
        function initializeRound() external;
        function currentRound() external view returns (uint256);
        function currentRoundInitialized() external view returns (bool);
        function currentRoundStartBlock() external view returns (uint256);
        function roundLength() external view returns (uint256);
    }
    // protocol contracts/Controller.sol
    #[sol(rpc)]
    interface Controller {
        function paused() external view returns (bool);
    }
    // protocol contracts/token/LivepeerToken.sol
    #[sol(rpc)]
    interface Token {
        function balanceOf(address account) external view returns (uint256);
        function grantRole(bytes32 role, address account) external;
        function revokeRole(bytes32 role, address account) external;
        function mint(address to, uint256 amount) external;
    }
}

/// Who may mint LPT. The id is the hash of the role's name.
pub(super) fn minter_role() -> B256 {
    keccak256("MINTER_ROLE")
}

/// How long one request may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(60);
/// How long transactions may wait to be mined.
const MINING_LIMIT: Duration = Duration::from_secs(30);
/// Blocks mined with one request: well within the time a request may take.
const BLOCKS_AT_ONCE: u64 = 1_000;

/// One transaction to be sent.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub step: String,
    pub to: TxKind,
    pub input: Bytes,
    pub gas: u64,
}

impl Call {
    pub fn new(step: impl Into<String>, to: Address, call: &impl SolCall) -> Self {
        Self {
            step: step.into(),
            to: TxKind::Call(to),
            input: call.abi_encode().into(),
            gas: 1_000_000,
        }
    }
}

/// Where a devnet's chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainState {
    /// The newest block.
    pub block: u64,
    /// When it was made, in seconds of the Unix epoch.
    pub time: u64,
    /// The round it is in.
    pub round: Round,
    /// Whether somebody has opened that round.
    pub round_initialized: bool,
    /// The round's first block.
    pub round_start: u64,
    /// Blocks in a round.
    pub round_length: u64,
}

/// What an account has on a devnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// The account.
    pub address: Address,
    /// ETH.
    pub eth: Wei,
    /// LPT in the account; stake is not part of it.
    pub lpt: Lpt,
}

/// A devnet's chain, reached over JSON-RPC.
#[derive(Debug, Clone)]
pub struct DevnetChain {
    provider: DynProvider,
    rpc_url: RpcUrl,
}

impl DevnetChain {
    /// Reaches the chain at an address, without asking it anything yet.
    pub(super) fn at(rpc_url: RpcUrl) -> Result<Self, DevnetError> {
        let client = loopback_client().map_err(|detail| DevnetError::Rpc {
            request: "anything",
            detail,
        })?;
        let transport = Http::with_client(client, rpc_url.expose().clone());
        let provider = ProviderBuilder::new()
            .disable_recommended_fillers()
            .connect_client(RpcClient::new(transport, true))
            .erased();
        Ok(Self { provider, rpc_url })
    }

    /// Reaches a devnet that runs already, and makes sure that it is one: the chain id, an anvil, the contracts.
    ///
    /// # Errors
    /// Nothing answers there, or something else than a devnet.
    pub async fn connect(rpc_url: RpcUrl) -> Result<Self, DevnetError> {
        let chain = Self::at(rpc_url)?;
        chain.verify().await?;
        Ok(chain)
    }

    pub(super) async fn verify(&self) -> Result<(), DevnetError> {
        let other = |detail: String| DevnetError::NotADevnet {
            url: self.rpc_url.to_string(),
            detail,
        };
        let chain_id = self
            .provider
            .get_chain_id()
            .await
            .map_err(DevnetError::rpc("for its chain id"))?;
        if chain_id != CHAIN_ID {
            return Err(other(format!("its chain id is {chain_id}, not {CHAIN_ID}")));
        }
        let client = self
            .provider
            .get_client_version()
            .await
            .map_err(DevnetError::rpc("for its name"))?;
        if !client.starts_with("anvil") {
            return Err(other("it is no anvil".into()));
        }
        let controller = Contracts::standard().controller;
        match Controller::new(controller, &self.provider).paused().call().await {
            Ok(false) => Ok(()),
            Ok(true) => Err(other("its protocol is paused".into())),
            Err(_) => Err(other(format!("there is no Controller at {controller}"))),
        }
    }

    /// Where it is reached.
    #[must_use]
    pub fn rpc_url(&self) -> &RpcUrl {
        &self.rpc_url
    }

    /// The connection itself, without fillers: for reads and anvil's own methods.
    #[must_use]
    pub fn provider(&self) -> &DynProvider {
        &self.provider
    }

    /// Where the chain stands, all of it at the newest block: asked for by name, since a call without a block is
    /// made in the block to come.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn state(&self) -> Result<ChainState, DevnetError> {
        let rounds = Rounds::new(Contracts::standard().rounds_manager, &self.provider);
        let (block, time, round, round_initialized, round_start, round_length) = self
            .provider
            .multicall()
            .get_block_number()
            .get_current_block_timestamp()
            .add(rounds.currentRound())
            .add(rounds.currentRoundInitialized())
            .add(rounds.currentRoundStartBlock())
            .add(rounds.roundLength())
            .block(BlockId::latest())
            .aggregate()
            .await
            .map_err(multicall("for its round"))?;
        Ok(ChainState {
            block: block.saturating_to(),
            time: time.saturating_to(),
            round: Round(round.saturating_to()),
            round_initialized,
            round_start: round_start.saturating_to(),
            round_length: round_length.saturating_to(),
        })
    }

    /// What accounts have, all at one block.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn balances(&self, accounts: &[Address]) -> Result<Vec<Balance>, DevnetError> {
        let token = Token::new(Contracts::standard().token, &self.provider);
        let mut balances = Vec::with_capacity(accounts.len());
        for &address in accounts {
            let (eth, lpt) = self
                .provider
                .multicall()
                .get_eth_balance(address)
                .add(token.balanceOf(address))
                .block(BlockId::latest())
                .aggregate()
                .await
                .map_err(multicall("for a balance"))?;
            balances.push(Balance {
                address,
                eth: Wei(eth),
                lpt: Lpt(lpt),
            });
        }
        Ok(balances)
    }

    /// Mines blocks at once, without waiting for their time.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn mine(&self, blocks: u64) -> Result<(), DevnetError> {
        let mut left = blocks;
        while left > 0 {
            let now = left.min(BLOCKS_AT_ONCE);
            self.provider
                .anvil_mine(Some(now), None)
                .await
                .map_err(DevnetError::rpc("to mine blocks"))?;
            left -= now;
        }
        Ok(())
    }

    /// Mines up to the first block of the next round and leaves that round to be opened by somebody.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn enter_next_round(&self) -> Result<Round, DevnetError> {
        let state = self.state().await?;
        let boundary = state.round_start + state.round_length;
        self.mine(boundary.saturating_sub(state.block)).await?;
        Ok(self.state().await?.round)
    }

    /// Mines up to the end of the round and opens the next one with its first block.
    ///
    /// # Errors
    /// The chain does not answer, or the round cannot be opened.
    pub async fn next_round(&self) -> Result<Round, DevnetError> {
        let state = self.state().await?;
        // The transaction is in the block after the newest: that is to be the first of the round.
        let last = state.round_start + state.round_length - 1;
        self.mine(last.saturating_sub(state.block)).await?;
        self.open_round().await?;
        Ok(self.state().await?.round)
    }

    /// Opens the current round if nobody has; tells whether it was this call that did.
    ///
    /// # Errors
    /// The chain does not answer, or the round cannot be opened.
    pub async fn initialize_round(&self) -> Result<bool, DevnetError> {
        // Before the first round boundary there is nothing to open, and the chain says so of itself.
        if self.state().await?.round_initialized {
            return Ok(false);
        }
        match self.open_round().await {
            Ok(()) => Ok(true),
            // Somebody was faster.
            Err(DevnetError::Reverted { .. }) if self.state().await?.round_initialized => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn open_round(&self) -> Result<(), DevnetError> {
        let rounds = Contracts::standard().rounds_manager;
        let call = Call::new("opening the round", rounds, &Rounds::initializeRoundCall {});
        self.send(&Role::Deployer.signer(), vec![call]).await?;
        Ok(())
    }

    /// Gives an account ETH out of nothing, on top of what it has; tells what it has then.
    ///
    /// # Errors
    /// The chain does not answer, or the sum is more than there can be.
    pub async fn fund_eth(&self, account: Address, amount: Wei) -> Result<Wei, DevnetError> {
        let before = self
            .provider
            .get_balance(account)
            .await
            .map_err(DevnetError::rpc("for a balance"))?;
        let after = before
            .checked_add(amount.0)
            .ok_or_else(|| DevnetError::Parameters("no account can hold that much ETH".into()))?;
        self.provider
            .anvil_set_balance(account, after)
            .await
            .map_err(DevnetError::rpc("to give out ETH"))?;
        Ok(Wei(after))
    }

    /// Gives an account newly minted LPT.
    ///
    /// # Errors
    /// The chain does not answer, or minting fails.
    pub async fn fund_lpt(&self, account: Address, amount: Lpt) -> Result<(), DevnetError> {
        let token = Contracts::standard().token;
        let (role, deployer) = (minter_role(), Role::Deployer);
        let grant = Token::grantRoleCall {
            role,
            account: deployer.address(),
        };
        let mint = Token::mintCall {
            to: account,
            amount: amount.0,
        };
        let revoke = Token::revokeRoleCall {
            role,
            account: deployer.address(),
        };
        let calls = vec![
            Call::new("allowing the deployer to mint", token, &grant),
            Call::new("minting LPT", token, &mint),
            Call::new("forbidding the deployer to mint", token, &revoke),
        ];
        self.send(&deployer.signer(), calls).await?;
        Ok(())
    }

    /// Makes the next block's time at least this far ahead of the newest block's. Time does not go back when the
    /// chain is saved and loaded, but anvil's clock does: not for a devnet that is to be kept.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn increase_time(&self, seconds: u64) -> Result<(), DevnetError> {
        self.provider
            .anvil_increase_time(seconds)
            .await
            .map_err(DevnetError::rpc("to move its clock"))?;
        Ok(())
    }

    /// The whole chain, as anvil's `--load-state` takes it.
    pub(super) async fn dump(&self) -> Result<Vec<u8>, DevnetError> {
        let dump = self
            .provider
            .anvil_dump_state()
            .await
            .map_err(DevnetError::rpc("for its state"))?;
        let unpacked = tokio::task::spawn_blocking(move || unpack_dump(&dump));
        unpacked
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    /// Makes a block every so many seconds; none makes one for every transaction.
    pub(super) async fn set_block_time(&self, seconds: Option<u64>) -> Result<(), DevnetError> {
        let failed = DevnetError::rpc("to set its block time");
        match seconds {
            Some(seconds) => self.provider.anvil_set_interval_mining(seconds).await,
            None => self.provider.anvil_set_auto_mine(true).await,
        }
        .map_err(failed)
    }

    /// Signs all calls ahead, sends them as one batch and waits until every one is mined and has done its work.
    pub(super) async fn send(
        &self,
        signer: &PrivateKeySigner,
        calls: Vec<Call>,
    ) -> Result<Vec<TransactionReceipt>, DevnetError> {
        let (first_nonce, fee) = self.nonce_and_fee(signer.address()).await?;
        let wallet = EthereumWallet::from(signer.clone());
        let mut batch = BatchRequest::new(self.provider.client());
        let mut answers = Vec::with_capacity(calls.len());
        for (nonce, call) in (first_nonce..).zip(&calls) {
            let mut request = TransactionRequest::default()
                .with_chain_id(CHAIN_ID)
                .with_nonce(nonce)
                .with_gas_limit(call.gas)
                .with_max_fee_per_gas(fee)
                .with_max_priority_fee_per_gas(1_000_000_000)
                .with_input(call.input.clone());
            request.to = Some(call.to);
            let signed = request.build(&wallet).await.map_err(|error| DevnetError::Rpc {
                request: "to sign",
                detail: error.to_string(),
            })?;
            let raw = Bytes::from(signed.encoded_2718());
            let answer = batch
                .add_call::<_, TxHash>("eth_sendRawTransaction", &(raw,))
                .map_err(DevnetError::rpc("a transaction"))?;
            answers.push(answer);
        }
        batch.send().await.map_err(DevnetError::rpc("a batch"))?;
        let mut hashes = Vec::with_capacity(answers.len());
        for answer in answers {
            hashes.push(answer.await.map_err(DevnetError::rpc("a transaction"))?);
        }
        self.receipts(&calls, &hashes).await
    }

    async fn nonce_and_fee(&self, account: Address) -> Result<(u64, u128), DevnetError> {
        let mut batch = BatchRequest::new(self.provider.client());
        let failed = || DevnetError::rpc("for nonce and price");
        let nonce = batch
            .add_call::<_, U64>("eth_getTransactionCount", &(account, "pending"))
            .map_err(failed())?;
        let price = batch.add_call::<_, U256>("eth_gasPrice", &()).map_err(failed())?;
        batch.send().await.map_err(failed())?;
        let nonce = nonce.await.map_err(failed())?.to::<u64>();
        let price: u128 = price.await.map_err(failed())?.saturating_to();
        Ok((nonce, price.saturating_mul(4).max(10_000_000_000)))
    }

    async fn receipts(
        &self,
        calls: &[Call],
        hashes: &[TxHash],
    ) -> Result<Vec<TransactionReceipt>, DevnetError> {
        let failed = || DevnetError::rpc("for a receipt");
        let automine = self
            .provider
            .anvil_get_auto_mine()
            .await
            .map_err(DevnetError::rpc("how it mines"))?;
        let started = Instant::now();
        let mut receipts = Vec::with_capacity(hashes.len());
        loop {
            if !automine {
                self.mine(1).await?;
            }
            let mut batch = BatchRequest::new(self.provider.client());
            let mut answers = Vec::new();
            for hash in &hashes[receipts.len()..] {
                let answer = batch
                    .add_call::<_, Option<TransactionReceipt>>("eth_getTransactionReceipt", &(*hash,))
                    .map_err(failed())?;
                answers.push(answer);
            }
            batch.send().await.map_err(failed())?;
            for answer in answers {
                match answer.await.map_err(failed())? {
                    Some(receipt) => receipts.push(receipt),
                    None => break,
                }
            }
            if receipts.len() == hashes.len() {
                break;
            }
            if started.elapsed() > MINING_LIMIT {
                return Err(DevnetError::NotMined {
                    step: calls[receipts.len()].step.clone(),
                    waited: started.elapsed(),
                });
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        match calls.iter().zip(&receipts).find(|(_, receipt)| !receipt.status()) {
            Some((call, receipt)) => Err(DevnetError::Reverted {
                step: call.step.clone(),
                block: receipt.block_number.unwrap_or_default(),
            }),
            None => Ok(receipts),
        }
    }
}

fn multicall(request: &'static str) -> impl FnOnce(alloy::providers::MulticallError) -> DevnetError {
    move |error| DevnetError::Rpc {
        request,
        detail: error.to_string(),
    }
}

/// An HTTP client for this machine alone: no proxy, no trust in any certificate, quick to build.
fn loopback_client() -> Result<reqwest::Client, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .timeout(REQUEST_LIMIT)
        .build()
        .map_err(|error| error.to_string())
}

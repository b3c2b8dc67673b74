//! A treasury for a devnet, whose contracts have none: OpenZeppelin's governor and timelock, compiled on the spot.

use std::{fs, process::Command};

use alloy::{
    hex,
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, FixedBytes, keccak256},
    providers::Provider,
    rpc::types::TransactionRequest,
    sol,
    sol_types::{SolCall, SolValue},
};

use crate::{Devnet, npm};

sol! {
    function setContractInfo(bytes32 id, address contractAddress, bytes20 gitCommitHash) external;
    function grantRole(bytes32 role, address account) external;
}

/// Where the treasury's contracts are; the Controller knows them.
#[derive(Debug, Clone, Copy)]
pub struct Governor {
    /// Takes proposals and votes: a round until voting, two rounds of it, 100 LPT to propose.
    pub governor: Address,
    /// Tells what votes weigh.
    pub votes: Address,
    /// Holds the money, and does what was voted for at once.
    pub treasury: Address,
}

impl Devnet {
    /// Puts a treasury on the devnet.
    ///
    /// # Panics
    /// It cannot be compiled or deployed; the message says why.
    pub async fn add_governor(&self) -> Governor {
        let code = tokio::task::spawn_blocking(compiled)
            .await
            .expect("compiled contracts");
        let code = |name: &str| -> Vec<u8> {
            hex::decode(code[name].as_str().expect("bytecode")).expect("bytecode")
        };
        let contracts = &self.contracts;
        let arguments = (contracts.rounds_manager, contracts.bonding_manager).abi_encode_params();
        let votes = self.create([code("TestVotes"), arguments].concat()).await;
        let nobody: Vec<Address> = Vec::new();
        let deployer = self.accounts.deployer.address();
        let arguments = (alloy::primitives::U256::ZERO, nobody.clone(), nobody, deployer).abi_encode_params();
        let treasury = self
            .create([code("TimelockController"), arguments].concat())
            .await;
        let arguments = (votes, treasury).abi_encode_params();
        let governor = self.create([code("TestGovernor"), arguments].concat()).await;
        for role in ["PROPOSER_ROLE", "EXECUTOR_ROLE", "CANCELLER_ROLE"] {
            let call = grantRoleCall {
                role: keccak256(role),
                account: governor,
            };
            self.call_as_deployer(treasury, call.abi_encode()).await;
        }
        for (name, address) in [
            ("BondingVotes", votes),
            ("LivepeerGovernor", governor),
            ("Treasury", treasury),
        ] {
            let call = setContractInfoCall {
                id: keccak256(name),
                contractAddress: address,
                gitCommitHash: FixedBytes::ZERO,
            };
            self.call_as_deployer(contracts.controller, call.abi_encode())
                .await;
        }
        Governor {
            governor,
            votes,
            treasury,
        }
    }

    async fn create(&self, code: Vec<u8>) -> Address {
        let request = TransactionRequest::default()
            .with_deploy_code(code)
            .with_gas_limit(9_000_000);
        let receipt = self.send_as_deployer(request).await;
        receipt.expect("a new contract")
    }

    async fn call_as_deployer(&self, to: Address, input: Vec<u8>) {
        let request = TransactionRequest::default()
            .with_to(to)
            .with_input(Bytes::from(input))
            .with_gas_limit(500_000);
        self.send_as_deployer(request).await;
    }

    async fn send_as_deployer(&self, request: TransactionRequest) -> Option<Address> {
        let request = request.with_from(self.accounts.deployer.address());
        let sent = self
            .provider()
            .send_transaction(request)
            .await
            .expect("it is taken");
        let receipt = sent.get_receipt().await.expect("it is mined");
        assert!(receipt.status(), "a transaction of the deployer's reverted");
        receipt.contract_address
    }
}

/// Creation bytecode by contract, in hexadecimal; kept for later tests under the hash of all it is made from.
fn compiled() -> serde_json::Value {
    let (contract, script) = (
        npm::source("governor/TestGovernor.sol"),
        npm::source("governor/compile.js"),
    );
    let (openzeppelin, solc) = (npm::openzeppelin(), npm::solc());
    let mut all = fs::read(&contract).expect("the contract");
    all.extend(fs::read(&script).expect("the script"));
    all.extend(format!("{}{}", openzeppelin.display(), solc.display()).into_bytes());
    let hash: B256 = keccak256(&all);
    let kept = crate::cache_dir().join(format!("npm/governor-{}.json", hex::encode(&hash[..8])));
    let text = fs::read_to_string(&kept).unwrap_or_else(|_| {
        let text = npm::run(
            Command::new("node")
                .arg(&script)
                .arg(solc.join("soljson.js"))
                .arg(&openzeppelin)
                .arg(&contract),
            "the governor is compiled",
        );
        let staged =
            tempfile::NamedTempFile::new_in(crate::cache_dir().join("npm")).expect("a temporary file");
        fs::write(staged.path(), &text).expect("a written file");
        staged.persist(&kept).expect("the file's place");
        text
    });
    serde_json::from_str(&text).expect("compiled contracts")
}

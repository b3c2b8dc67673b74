//! An operator on a devnet: a home with keys and a profile, and a real chain that dies with the test.

use std::{fs, os::unix::fs::PermissionsExt};

use alloy::{
    primitives::{Address, U256},
    providers::Provider,
    signers::local::PrivateKeySigner,
};
use engine::{
    secret::Password,
    wallet::{KeystoreDir, v3::Strength},
};
use testbed::Devnet;

use crate::environment::{Environment, Outcome};

/// A home whose profile points at a devnet of its own, with the keys of its accounts.
pub struct Operator {
    pub environment: Environment,
    pub devnet: Devnet,
}

impl Operator {
    /// Fresh rounds of 20 blocks, nobody bonded; acts for `orchestrator`.
    pub async fn new() -> Self {
        Self::on(testbed::devnet().await)
    }

    /// The same on this devnet.
    pub fn on(devnet: Devnet) -> Self {
        let operator = Self {
            environment: Environment::new(),
            devnet,
        };
        let accounts = &operator.devnet.accounts;
        operator.add_key("orchestrator", &accounts.orchestrator);
        operator.add_key("delegator", &accounts.delegator);
        let password = operator.environment.home().join("password");
        fs::write(&password, "open sesame\n").unwrap();
        fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
        operator.environment.write_config(&format!(
            "profile = \"devnet\"\n[profiles.devnet]\nnetwork = \"devnet\"\nrpc_urls = [\"{}\"]\ncontroller = \"{}\"\n\
             account = \"orchestrator\"\npassword_file = \"{}\"\nnode_url = \"http://127.0.0.1:9\"\n",
            operator.devnet.rpc_url,
            operator.devnet.controller,
            password.display()
        ));
        operator
    }

    /// Puts a key into the keystore.
    pub fn add_key(&self, name: &str, signer: &PrivateKeySigner) {
        let keystore = KeystoreDir::open(self.environment.home().join(".local/share/lpctl/keystore"));
        let password = Password::new("open sesame".to_string());
        keystore
            .add(signer, &password, Some(name), Strength::Light)
            .unwrap();
    }

    /// Runs `lpctl` with no terminal.
    pub fn lpctl(&self, arguments: &[&str]) -> Outcome {
        self.environment.lpctl(arguments)
    }

    pub fn orchestrator(&self) -> Address {
        self.devnet.accounts.orchestrator.address()
    }

    pub async fn nonce(&self) -> u64 {
        self.devnet
            .provider()
            .get_transaction_count(self.orchestrator())
            .await
            .unwrap()
    }

    /// Asks a contract directly, past everything lpctl has: the words of its answer.
    pub async fn words(&self, contract: Address, signature: &str, argument: Address) -> Vec<U256> {
        let selector = alloy::primitives::keccak256(signature);
        let mut data = selector[..4].to_vec();
        data.extend_from_slice(argument.into_word().as_slice());
        let call = alloy::rpc::types::TransactionRequest::default()
            .to(contract)
            .input(data.into());
        let answer = self.devnet.provider().call(call).await.unwrap();
        answer.chunks(32).map(U256::from_be_slice).collect()
    }

    /// What varies between runs, replaced.
    pub fn assert_snapshot(&self, name: &str, outcome: &Outcome) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("snapshots");
        settings.set_prepend_module_to_snapshot(false);
        let home = self.environment.home().display().to_string();
        let url = self.devnet.rpc_url.trim_end_matches('/').to_string();
        settings.add_filter(&home, "[home]");
        settings.add_filter(&url, "[rpc]");
        settings.add_filter(r"0x[0-9a-f]{64}", "[hash]");
        settings.add_filter(r"0x[0-9a-f]{8}…[0-9a-f]{4}", "[hash]");
        settings.add_filter("(0|[0-9\u{2009}]{4,})\\.[0-9]+ ETH|[0-9.]+ gwei", "[eth]");
        settings.add_filter(
            r#""(cost_wei|max_cost_wei|gas_price_wei|eth_wei)":"\d+""#,
            "\"$1\":\"[wei]\"",
        );
        settings.add_filter(r#""(gas_used|gas_limit)":\d+"#, "\"$1\":[gas]");
        settings.add_filter(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "[time]");
        settings.add_filter(r#""time":"[^"]+""#, "\"time\":\"[time]\"");
        settings.bind(|| {
            insta::assert_snapshot!(
                name,
                format!(
                    "exit {}\n--- stdout\n{}--- stderr\n{}",
                    outcome.code.unwrap(),
                    outcome.stdout,
                    outcome.stderr
                )
            );
        });
    }
}

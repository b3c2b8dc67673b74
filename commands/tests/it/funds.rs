//! A gateway's deposit and an orchestrator's fees from the command line, checked against the contracts themselves.

use alloy::{
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, U256, keccak256},
    providers::Provider,
    rpc::types::TransactionRequest,
    sol_types::{SolCall, SolValue},
};
use engine::{
    units::{Round, Wei},
    wire::{
        signature::{LocalSigner, MessageSigner},
        ticket::Ticket,
    },
};

use crate::operator::Operator;

alloy::sol! {
    struct Winner {
        address recipient;
        address sender;
        uint256 faceValue;
        uint256 winProb;
        uint256 senderNonce;
        bytes32 recipientRandHash;
        bytes auxData;
    }
    function redeemWinningTicket(Winner ticket, bytes sig, uint256 recipientRand) external;
    function blockHashForRound(uint256 round) external view returns (bytes32);
    function currentRound() external view returns (uint256);
}

impl Operator {
    /// Deposit, withdraw round, reserve and what was claimed of it, as the contract says.
    async fn sender_info(&self, account: Address) -> Vec<U256> {
        let broker = self.devnet.contracts.ticket_broker;
        self.words(broker, "getSenderInfo(address)", account).await
    }

    async fn read<C: SolCall>(&self, to: Address, call: C) -> C::Return {
        let request = TransactionRequest::default()
            .with_to(to)
            .with_input(call.abi_encode());
        let output = self.devnet.provider().call(request).await.unwrap();
        C::abi_decode_returns(&output).unwrap()
    }

    /// A ticket of the delegator's that wins for the orchestrator, redeemed without anything of lpctl.
    pub async fn win_once(&self, face_value: Wei) {
        let rounds = self.devnet.contracts.rounds_manager;
        let round = self.read(rounds, currentRoundCall {}).await;
        let hash: B256 = self.read(rounds, blockHashForRoundCall { round }).await;
        let rand = U256::from(7);
        let sender = self.devnet.accounts.delegator.clone();
        let ticket = Ticket {
            recipient: self.orchestrator(),
            sender: sender.address(),
            face_value,
            win_prob: U256::MAX,
            sender_nonce: 1,
            recipient_rand_hash: keccak256(rand.to_be_bytes::<32>()),
            creation_round: Round(round.to()),
            creation_round_block_hash: hash,
        };
        let call = redeemWinningTicketCall {
            ticket: Winner {
                recipient: ticket.recipient,
                sender: ticket.sender,
                faceValue: face_value.0,
                winProb: ticket.win_prob,
                senderNonce: U256::from(1),
                recipientRandHash: ticket.recipient_rand_hash,
                auxData: (round, hash).abi_encode().into(),
            },
            sig: Bytes::from(LocalSigner(sender).sign(&packed(&ticket, round, hash))),
            recipientRand: rand,
        };
        let request = TransactionRequest::default()
            .with_from(self.devnet.accounts.treasury.address())
            .with_to(self.devnet.contracts.ticket_broker)
            .with_input(call.abi_encode())
            .with_gas_limit(1_000_000);
        let sent = self.devnet.provider().send_transaction(request).await.unwrap();
        assert!(sent.get_receipt().await.unwrap().status());
    }
}

fn eth(text: &str) -> U256 {
    text.parse::<Wei>().unwrap().0
}

/// The bytes whose hash a ticket's sender signs, put together by hand.
fn packed(ticket: &Ticket, round: U256, hash: B256) -> Vec<u8> {
    let bytes = (
        ticket.recipient,
        ticket.sender,
        ticket.face_value.0,
        ticket.win_prob,
        U256::from(ticket.sender_nonce),
        ticket.recipient_rand_hash,
        round,
        hash,
    )
        .abi_encode_packed();
    assert_eq!(keccak256(&bytes), ticket.hash());
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_pays_in_unlocks_and_takes_its_funds_out() {
    let operator = Operator::new().await;
    let gateway = operator.devnet.accounts.delegator.address();
    let deposit = |arguments: &[&str]| {
        operator.lpctl(&[&["deposit"], arguments, &["--account", "delegator", "--json"]].concat())
    };
    for (arguments, code) in [
        (&["unlock", "-y"][..], "no_deposit"),
        (&["cancel-unlock", "-y"], "not_unlocking"),
        (&["withdraw", "-y"], "no_deposit"),
        (&["fund", "--deposit", "0eth", "-y"], "nothing_to_fund"),
        (&["fund", "--deposit", "1000000eth", "-y"], "insufficient_eth"),
    ] {
        assert_eq!(
            deposit(arguments).expect_code(4).error()["code"],
            code,
            "{arguments:?}"
        );
    }
    deposit(&["fund"]).expect_code(2);
    deposit(&["fund", "--deposit", "5"]).expect_code(2);
    let empty = deposit(&["show"]).expect_code(0).data();
    assert_eq!(empty["sizing"]["standing"], "empty");

    let funded = operator
        .lpctl(&[
            "deposit",
            "fund",
            "--deposit",
            "0.02eth",
            "--reserve",
            "1.5eth",
            "-y",
            "--account",
            "delegator",
        ])
        .expect_code(0);
    operator.assert_snapshot("deposit_fund", &funded);
    assert_eq!(
        operator.sender_info(gateway).await,
        [eth("0.02eth"), U256::ZERO, eth("1.5eth"), U256::ZERO]
    );
    deposit(&["fund", "--deposit", "0.000000000000000001eth", "-y"]).expect_code(0);
    deposit(&["fund", "--reserve", "1wei", "-y"]).expect_code(0);
    let info = operator.sender_info(gateway).await;
    assert_eq!(info[0], eth("0.02eth") + U256::from(1), "exact to the wei");
    assert_eq!(info[2], eth("1.5eth") + U256::from(1));
    let shown = operator.lpctl(&["deposit", "show", "delegator"]).expect_code(0);
    operator.assert_snapshot("deposit_show", &shown);

    let unlocking = deposit(&["unlock", "-y"]).expect_code(0).data();
    assert_eq!(unlocking["changes"][2]["key"], "withdraw_round");
    let info = operator.sender_info(gateway).await;
    assert!(info[1] > U256::ZERO);
    assert_eq!(unlocking["changes"][2]["after"], info[1].to_string());
    assert_eq!(
        deposit(&["unlock", "-y"]).expect_code(4).error()["code"],
        "unlocking_already"
    );
    assert_eq!(
        deposit(&["withdraw", "-y"]).expect_code(4).error()["code"],
        "still_locked"
    );
    deposit(&["cancel-unlock", "-y"]).expect_code(0);
    assert_eq!(operator.sender_info(gateway).await[1], U256::ZERO);
    deposit(&["unlock", "-y"]).expect_code(0);
    // Paying in ends it, and says so beforehand.
    let plan = deposit(&["fund", "--deposit", "1gwei", "--dry-run"])
        .expect_code(0)
        .data();
    assert_eq!(plan["plan"]["findings"][0]["code"], "ends_unlocking");
    deposit(&["fund", "--deposit", "1gwei", "-y"]).expect_code(0);
    assert_eq!(operator.sender_info(gateway).await[1], U256::ZERO);

    deposit(&["unlock", "-y"]).expect_code(0);
    let ready = operator.sender_info(gateway).await[1];
    while U256::from(operator.devnet.next_round().await) < ready {}
    let before = operator.devnet.provider().get_balance(gateway).await.unwrap();
    let info = operator.sender_info(gateway).await;
    let done = deposit(&["withdraw", "-y"]).expect_code(0).data();
    let cost: U256 = done["cost_wei"].as_str().unwrap().parse().unwrap();
    let after = operator.devnet.provider().get_balance(gateway).await.unwrap();
    assert_eq!(after, before + info[0] + info[2] - cost);
    let info = operator.sender_info(gateway).await;
    assert_eq!([info[0], info[2]], [U256::ZERO; 2]);
    // The contract keeps the round; nothing is being unlocked all the same.
    assert!(info[1] > U256::ZERO);
    let empty = deposit(&["show"]).expect_code(0).data();
    assert_eq!(
        (&empty["sizing"]["standing"], &empty["withdraw_round"]),
        (&"empty".into(), &serde_json::Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fees_of_a_redeemed_ticket_are_shown_and_taken_out() {
    let operator = Operator::new().await;
    operator.lpctl(&["stake", "bond", "100", "-y"]).expect_code(0);
    operator
        .lpctl(&["set-fees", "--reward-cut", "10", "--fee-share", "40", "-y"])
        .expect_code(0);
    let none = operator
        .lpctl(&["fees", "withdraw", "-y", "--json"])
        .expect_code(4);
    assert_eq!(none.error()["code"], "nothing_to_withdraw");
    operator
        .lpctl(&[
            "deposit",
            "fund",
            "--deposit",
            "2eth",
            "--reserve",
            "1eth",
            "-y",
            "--account",
            "delegator",
        ])
        .expect_code(0);
    operator.devnet.next_round().await;
    operator.lpctl(&["reward", "call", "-y"]).expect_code(0);
    operator.win_once("1eth".parse().unwrap()).await;
    // The delegators' part counts on the stake from before the round's reward: this first one multiplied it, and what
    // falls to the stake it added is lost to all.
    let shown = operator.lpctl(&["fees", "show", "--json"]).expect_code(0).data();
    let fees: U256 = shown["fees_wei"].as_str().unwrap().parse().unwrap();
    let manager = operator.devnet.contracts.bonding_manager;
    let pending = {
        let mut words = operator
            .words(manager, "getDelegator(address)", operator.orchestrator())
            .await;
        words.remove(1)
    };
    assert!(
        fees >= pending && fees > "0.6eth".parse::<Wei>().unwrap().0,
        "{fees}"
    );

    let too_much = operator
        .lpctl(&["fees", "withdraw", "2eth", "-y", "--json"])
        .expect_code(4);
    assert_eq!(too_much.error()["code"], "insufficient_fees");
    let lost = operator
        .lpctl(&[
            "fees",
            "withdraw",
            "--to",
            "0x0000000000000000000000000000000000000000",
            "-y",
            "--json",
        ])
        .expect_code(4);
    assert_eq!(lost.error()["code"], "bad_recipient");
    let contract = operator.devnet.contracts.ticket_broker.to_string();
    let warned = operator.lpctl(&["fees", "withdraw", "--to", &contract, "--dry-run", "--json"]);
    assert!(warned.stdout.contains("recipient_is_contract"), "{warned:?}");

    let delegator = operator.devnet.accounts.delegator.address();
    let before = operator.devnet.provider().get_balance(delegator).await.unwrap();
    operator
        .lpctl(&["fees", "withdraw", "0.25eth", "--to", "delegator", "-y"])
        .expect_code(0);
    let after = operator.devnet.provider().get_balance(delegator).await.unwrap();
    assert_eq!(after - before, eth("0.25eth"));

    let before = operator
        .devnet
        .provider()
        .get_balance(operator.orchestrator())
        .await
        .unwrap();
    let done = operator
        .lpctl(&["fees", "withdraw", "-y", "--json"])
        .expect_code(0)
        .data();
    let cost: U256 = done["cost_wei"].as_str().unwrap().parse().unwrap();
    let after = operator
        .devnet
        .provider()
        .get_balance(operator.orchestrator())
        .await
        .unwrap();
    let rest = fees - eth("0.25eth");
    assert_eq!(after, before + rest - cost, "to the wei");
    let shown = operator.lpctl(&["fees", "show"]).expect_code(0);
    assert!(shown.stdout.starts_with("0 ETH to withdraw"), "{shown:?}");

    // In the next round it would give the reward up.
    operator.devnet.next_round().await;
    operator.win_once("0.5eth".parse().unwrap()).await;
    let hasty = operator
        .lpctl(&["fees", "withdraw", "-y", "--json"])
        .expect_code(4);
    assert_eq!(hasty.error()["code"], "reward_not_called");
    operator
        .lpctl(&["fees", "withdraw", "-y", "--give-up-reward"])
        .expect_code(0);
}

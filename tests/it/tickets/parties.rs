//! A recipient and a sender with a chain between them that is told what to say.

use std::sync::{Arc, Mutex};

use alloy::{
    primitives::{Address, B256, U256},
    signers::local::PrivateKeySigner,
};
use engine::{
    payments::{
        ChainTime, Parameters, Price, Recipient, RecipientSecret, RecipientSettings, SenderFacts,
        SenderFailure, SenderSettings, Senders, TicketSender, senders::Asking,
    },
    units::{Round, Wei},
    wire::{
        net,
        signature::{LocalSigner, MessageSigner as _},
    },
};
use jiff::Timestamp;
use tokio::sync::watch;

/// What the chain says of every gateway.
pub struct Funds {
    pub facts: Mutex<Result<SenderFacts, SenderFailure>>,
    pub max_float: Mutex<Wei>,
    /// How often somebody asked.
    pub asked: Mutex<u32>,
}

impl Senders for Funds {
    fn facts(&self, _sender: Address) -> Asking<'_, SenderFacts> {
        *self.asked.lock().unwrap() += 1;
        let facts = self.facts.lock().unwrap().clone();
        Box::pin(async move { facts })
    }

    fn max_float(&self, _sender: Address) -> Asking<'_, Wei> {
        *self.asked.lock().unwrap() += 1;
        let float = *self.max_float.lock().unwrap();
        Box::pin(async move { Ok(float) })
    }
}

pub fn wei(amount: u64) -> Wei {
    Wei(U256::from(amount))
}

/// Block 1000 of round 10, gas at 0.01 gwei.
fn time() -> ChainTime {
    ChainTime {
        l1_block: 1000,
        block: 1000,
        round: Round(10),
        round_hash: B256::repeat_byte(0xaa),
        previous_round_hash: B256::repeat_byte(0x99),
        round_start: 950,
        round_length: 100,
        current_round: Round(10),
        ticket_validity: 2,
        pool_size: 1,
        gas_price: wei(10_000_000),
        read_at: Timestamp::UNIX_EPOCH,
    }
}

/// An orchestrator and a gateway.
pub struct Parties {
    pub clock: watch::Sender<Option<ChainTime>>,
    pub funds: Arc<Funds>,
    pub signer: LocalSigner,
    pub recipient: Recipient,
    pub sender: TicketSender,
    pub price: Price,
}

pub const RECIPIENT: Address = Address::repeat_byte(0x0c);
pub const SECRET: [u8; 32] = [7; 32];

impl Parties {
    /// A gateway with ten ether of deposit and of reserve, and an orchestrator with go-livepeer's wishes.
    pub fn new() -> Self {
        Self::with_ticket_ev(wei(8_000_000_000))
    }

    pub fn with_ticket_ev(ticket_ev: Wei) -> Self {
        let (clock, _) = watch::channel(Some(time()));
        let funds = Arc::new(Funds {
            facts: Mutex::new(Ok(SenderFacts {
                deposit: Wei::ether(10),
                reserve: Wei::ether(10),
                ..SenderFacts::default()
            })),
            max_float: Mutex::new(Wei::ether(10)),
            asked: Mutex::default(),
        });
        let signer = LocalSigner(PrivateKeySigner::random());
        let settings = RecipientSettings {
            address: RECIPIENT,
            ticket_ev,
            max_face_value: None,
            redeem_gas: 1_200_000,
        };
        let secret = RecipientSecret::new(SECRET);
        let senders: Arc<dyn Senders> = Arc::clone(&funds) as _;
        Self {
            recipient: Recipient::new(settings, secret, clock.subscribe(), Arc::clone(&senders)).unwrap(),
            sender: TicketSender::new(
                SenderSettings::default(),
                Arc::new(signer.clone()),
                clock.subscribe(),
                senders,
            ),
            price: Price::new(1200, 1).unwrap(),
            clock,
            funds,
            signer,
        }
    }

    /// Another recipient with the same secret: the node after a restart.
    pub fn restarted(&self, secret: [u8; 32]) -> Recipient {
        let settings = RecipientSettings {
            address: RECIPIENT,
            ticket_ev: self.recipient.ticket_ev(),
            max_face_value: None,
            redeem_gas: 1_200_000,
        };
        let senders: Arc<dyn Senders> = Arc::clone(&self.funds) as _;
        Recipient::new(
            settings,
            RecipientSecret::new(secret),
            self.clock.subscribe(),
            senders,
        )
        .unwrap()
    }

    pub fn account(&self) -> Address {
        self.signer.address()
    }

    /// Changes what time it is.
    pub fn at(&self, change: impl FnOnce(&mut ChainTime)) {
        self.clock.send_modify(|time| change(time.as_mut().unwrap()));
    }

    /// Changes what the chain says of the gateway.
    pub fn gateway_has(&self, change: impl FnOnce(&mut SenderFacts)) {
        change(self.funds.facts.lock().unwrap().as_mut().unwrap());
    }

    /// Fresh parameters at the price.
    pub async fn parameters(&self) -> Parameters {
        self.recipient
            .parameters(self.account(), &self.price)
            .await
            .unwrap()
    }

    /// Signed by the gateway, whatever the rules say.
    pub fn tickets(
        &self,
        parameters: &Parameters,
        nonces: impl IntoIterator<Item = u32>,
    ) -> Vec<net::TicketSenderParams> {
        let sign = |sender_nonce| net::TicketSenderParams {
            sender_nonce,
            sig: self
                .signer
                .sign(&parameters.ticket(self.account(), sender_nonce).message()),
        };
        nonces.into_iter().map(sign).collect()
    }
}

//! A contract's log, and what it says.

use std::{fmt, str::FromStr};

use alloy::{
    primitives::{Address, B256, Bytes, TxHash, U64, U256},
    sol_types::SolEvent,
};
use serde::Deserialize;

use super::{
    super::{Contracts, text::plain},
    contracts::{Bonding, Broker, Registry, Rounds},
};
use crate::units::{Lpt, Round, Wei};

/// Text of a published address is kept up to this length.
const LONGEST_URI: usize = 300;

/// Where something happened on the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    /// Block of the chain itself.
    pub block: u64,
    /// Place among the block's logs.
    pub log_index: u64,
    /// The transaction.
    pub transaction: TxHash,
}

/// Something that happened, in the order of the chain.
///
/// Only what the protocol's own contracts say: strangers' contracts can make logs that look the same.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainEvent {
    /// A round was initialised.
    NewRound {
        /// The round.
        round: Round,
        /// Its block hash; zero where the chain had none.
        block_hash: B256,
        /// Where.
        at: At,
    },
    /// A gateway's deposit grew.
    DepositFunded {
        /// The gateway.
        sender: Address,
        /// By how much.
        amount: Wei,
        /// Where.
        at: At,
    },
    /// A gateway's reserve grew.
    ReserveFunded {
        /// The gateway.
        sender: Address,
        /// By how much.
        amount: Wei,
        /// Where.
        at: At,
    },
    /// A winning ticket was paid.
    Redeemed {
        /// Who paid.
        sender: Address,
        /// Who was paid.
        recipient: Address,
        /// What was really paid, which is less than the face value for a gateway short of funds.
        paid: Wei,
        /// Where.
        at: At,
    },
    /// A winning ticket is used up, whatever was paid for it.
    TicketUsed {
        /// Who made it.
        sender: Address,
        /// For whom.
        recipient: Address,
        /// What it promised.
        face_value: Wei,
        /// Its chance, over 2²⁵⁶ − 1.
        win_prob: U256,
        /// The sender's number.
        sender_nonce: U256,
        /// The recipient's number.
        recipient_rand: U256,
        /// Round and block hash it named, 64 bytes.
        aux_data: Bytes,
        /// Where.
        at: At,
    },
    /// A gateway asked for its funds back.
    UnlockStarted {
        /// The gateway.
        sender: Address,
        /// Round from which it may take them.
        withdraw_round: Round,
        /// Where.
        at: At,
    },
    /// A gateway leaves its funds where they are.
    UnlockCancelled {
        /// The gateway.
        sender: Address,
        /// Where.
        at: At,
    },
    /// A gateway took its funds back.
    FundsWithdrawn {
        /// The gateway.
        sender: Address,
        /// Where.
        at: At,
    },
    /// An orchestrator called reward.
    Reward {
        /// The orchestrator.
        orchestrator: Address,
        /// What was minted for it, the treasury's part taken off.
        amount: Lpt,
        /// Where.
        at: At,
    },
    /// An orchestrator joined the pool.
    Activated {
        /// The orchestrator.
        orchestrator: Address,
        /// Round from which it is active.
        round: Round,
        /// Where.
        at: At,
    },
    /// An orchestrator left the pool.
    Deactivated {
        /// The orchestrator.
        orchestrator: Address,
        /// Round from which it is not active any more.
        round: Round,
        /// Where.
        at: At,
    },
    /// An orchestrator published another address.
    ServiceUri {
        /// The orchestrator.
        orchestrator: Address,
        /// The address, fit to be shown.
        uri: String,
        /// Where.
        at: At,
    },
    /// Stake of the watched account is on its way back.
    Unbonded {
        /// The account.
        delegator: Address,
        /// The lock's number.
        lock: u64,
        /// How much.
        amount: Lpt,
        /// Round from which it can be taken.
        withdraw_round: Round,
        /// Where.
        at: At,
    },
    /// A lock of the watched account was bonded again.
    Rebonded {
        /// The account.
        delegator: Address,
        /// The lock's number.
        lock: u64,
        /// Where.
        at: At,
    },
    /// A lock of the watched account was taken out.
    StakeWithdrawn {
        /// The account.
        delegator: Address,
        /// The lock's number.
        lock: u64,
        /// Where.
        at: At,
    },
    /// The chain took blocks back. What was said to have happened from this block on may not have; what did is said
    /// again after this.
    Reorganised {
        /// The first block that is not what it was.
        from_block: u64,
    },
    /// The chain was not watched for so long that these blocks are not gone through: ask the contracts instead.
    Gap {
        /// The first block of them.
        from_block: u64,
        /// The last one.
        to_block: u64,
    },
}

/// Where a watcher stopped. As text `BLOCK:HASH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last block whose events were told.
    pub block: u64,
    /// Its hash.
    pub hash: B256,
}

/// A text is no checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a block and its hash")]
pub struct ParseCheckpointError;

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.block, self.hash)
    }
}

impl FromStr for Checkpoint {
    type Err = ParseCheckpointError;

    fn from_str(text: &str) -> Result<Self, ParseCheckpointError> {
        let (block, hash) = text.split_once(':').ok_or(ParseCheckpointError)?;
        Ok(Self {
            block: block.parse().map_err(|_| ParseCheckpointError)?,
            hash: hash.parse().map_err(|_| ParseCheckpointError)?,
        })
    }
}

/// A log as endpoints give it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawLog {
    pub(crate) address: Address,
    pub(crate) topics: Vec<B256>,
    pub(crate) data: Bytes,
    pub(crate) block_number: U64,
    pub(crate) block_hash: B256,
    pub(crate) transaction_hash: TxHash,
    pub(crate) log_index: U64,
    /// Some endpoints give logs of blocks they have just taken back, and say so.
    #[serde(default)]
    pub(crate) removed: bool,
}

impl RawLog {
    pub(crate) fn block(&self) -> u64 {
        self.block_number.to()
    }

    pub(crate) fn place(&self) -> (u64, u64) {
        (self.block(), self.log_index.to())
    }

    fn at(&self) -> At {
        At {
            block: self.block(),
            log_index: self.log_index.to(),
            transaction: self.transaction_hash,
        }
    }

    fn decode<E: SolEvent>(&self) -> Option<E> {
        E::decode_raw_log(self.topics.iter().copied(), &self.data).ok()
    }

    /// What it says; nothing for one of a contract that is none of the protocol's, or that makes no sense.
    pub(crate) fn event(&self, contracts: &Contracts) -> Option<ChainEvent> {
        let at = self.at();
        let topic = *self.topics.first()?;
        if self.address == contracts.rounds_manager {
            self.round_event(topic, at)
        } else if self.address == contracts.ticket_broker {
            self.broker_event(topic, at)
        } else if self.address == contracts.bonding_manager {
            self.bonding_event(topic, at)
        } else if self.address == contracts.service_registry
            && topic == Registry::ServiceURIUpdate::SIGNATURE_HASH
        {
            let event: Registry::ServiceURIUpdate = self.decode()?;
            Some(ChainEvent::ServiceUri {
                orchestrator: event.addr,
                uri: plain(&event.serviceURI, LONGEST_URI),
                at,
            })
        } else {
            None
        }
    }

    fn round_event(&self, topic: B256, at: At) -> Option<ChainEvent> {
        if topic != Rounds::NewRound::SIGNATURE_HASH {
            return None;
        }
        let event: Rounds::NewRound = self.decode()?;
        Some(ChainEvent::NewRound {
            round: round(event.round)?,
            block_hash: event.blockHash,
            at,
        })
    }

    fn broker_event(&self, topic: B256, at: At) -> Option<ChainEvent> {
        Some(match topic {
            Broker::DepositFunded::SIGNATURE_HASH => {
                let event: Broker::DepositFunded = self.decode()?;
                ChainEvent::DepositFunded {
                    sender: event.sender,
                    amount: Wei(event.amount),
                    at,
                }
            }
            Broker::ReserveFunded::SIGNATURE_HASH => {
                let event: Broker::ReserveFunded = self.decode()?;
                ChainEvent::ReserveFunded {
                    sender: event.reserveHolder,
                    amount: Wei(event.amount),
                    at,
                }
            }
            Broker::WinningTicketTransfer::SIGNATURE_HASH => {
                let event: Broker::WinningTicketTransfer = self.decode()?;
                ChainEvent::Redeemed {
                    sender: event.sender,
                    recipient: event.recipient,
                    paid: Wei(event.amount),
                    at,
                }
            }
            Broker::WinningTicketRedeemed::SIGNATURE_HASH => {
                let event: Broker::WinningTicketRedeemed = self.decode()?;
                ChainEvent::TicketUsed {
                    sender: event.sender,
                    recipient: event.recipient,
                    face_value: Wei(event.faceValue),
                    win_prob: event.winProb,
                    sender_nonce: event.senderNonce,
                    recipient_rand: event.recipientRand,
                    aux_data: event.auxData,
                    at,
                }
            }
            Broker::Unlock::SIGNATURE_HASH => {
                let event: Broker::Unlock = self.decode()?;
                ChainEvent::UnlockStarted {
                    sender: event.sender,
                    withdraw_round: round(event.endRound)?,
                    at,
                }
            }
            Broker::UnlockCancelled::SIGNATURE_HASH => {
                let event: Broker::UnlockCancelled = self.decode()?;
                ChainEvent::UnlockCancelled {
                    sender: event.sender,
                    at,
                }
            }
            Broker::Withdrawal::SIGNATURE_HASH => {
                let event: Broker::Withdrawal = self.decode()?;
                ChainEvent::FundsWithdrawn {
                    sender: event.sender,
                    at,
                }
            }
            _ => return None,
        })
    }

    fn bonding_event(&self, topic: B256, at: At) -> Option<ChainEvent> {
        Some(match topic {
            Bonding::Reward::SIGNATURE_HASH => {
                let event: Bonding::Reward = self.decode()?;
                ChainEvent::Reward {
                    orchestrator: event.transcoder,
                    amount: Lpt(event.amount),
                    at,
                }
            }
            Bonding::TranscoderActivated::SIGNATURE_HASH => {
                let event: Bonding::TranscoderActivated = self.decode()?;
                ChainEvent::Activated {
                    orchestrator: event.transcoder,
                    round: round(event.activationRound)?,
                    at,
                }
            }
            Bonding::TranscoderDeactivated::SIGNATURE_HASH => {
                let event: Bonding::TranscoderDeactivated = self.decode()?;
                ChainEvent::Deactivated {
                    orchestrator: event.transcoder,
                    round: round(event.deactivationRound)?,
                    at,
                }
            }
            Bonding::Unbond::SIGNATURE_HASH => {
                let event: Bonding::Unbond = self.decode()?;
                ChainEvent::Unbonded {
                    delegator: event.delegator,
                    lock: u64::try_from(event.unbondingLockId).ok()?,
                    amount: Lpt(event.amount),
                    withdraw_round: round(event.withdrawRound)?,
                    at,
                }
            }
            Bonding::Rebond::SIGNATURE_HASH => {
                let event: Bonding::Rebond = self.decode()?;
                ChainEvent::Rebonded {
                    delegator: event.delegator,
                    lock: u64::try_from(event.unbondingLockId).ok()?,
                    at,
                }
            }
            Bonding::WithdrawStake::SIGNATURE_HASH => {
                let event: Bonding::WithdrawStake = self.decode()?;
                ChainEvent::StakeWithdrawn {
                    delegator: event.delegator,
                    lock: u64::try_from(event.unbondingLockId).ok()?,
                    at,
                }
            }
            _ => return None,
        })
    }
}

fn round(value: U256) -> Option<Round> {
    u64::try_from(value).ok().map(Round)
}

impl ChainEvent {
    /// Whether it changes what the contracts say about `account` as an orchestrator or delegator.
    pub(crate) fn concerns(&self, account: Address) -> bool {
        match self {
            Self::Reward { orchestrator, .. }
            | Self::Activated { orchestrator, .. }
            | Self::Deactivated { orchestrator, .. }
            | Self::ServiceUri { orchestrator, .. } => *orchestrator == account,
            Self::Unbonded { delegator, .. }
            | Self::Rebonded { delegator, .. }
            | Self::StakeWithdrawn { delegator, .. } => *delegator == account,
            _ => false,
        }
    }

    /// Whether the size of the pool, or the round, may be another one after it.
    pub(crate) fn moves_the_clock(&self) -> bool {
        matches!(
            self,
            Self::NewRound { .. } | Self::Activated { .. } | Self::Deactivated { .. }
        )
    }

    /// Whether others' locks are none of ours to tell.
    pub(crate) fn is_strangers_lock(&self, account: Option<Address>) -> bool {
        match self {
            Self::Unbonded { delegator, .. }
            | Self::Rebonded { delegator, .. }
            | Self::StakeWithdrawn { delegator, .. } => Some(*delegator) != account,
            _ => false,
        }
    }
}

/// The first topics of all logs that are watched.
pub(crate) const TOPICS: [B256; 15] = [
    Rounds::NewRound::SIGNATURE_HASH,
    Broker::DepositFunded::SIGNATURE_HASH,
    Broker::ReserveFunded::SIGNATURE_HASH,
    Broker::WinningTicketTransfer::SIGNATURE_HASH,
    Broker::WinningTicketRedeemed::SIGNATURE_HASH,
    Broker::Unlock::SIGNATURE_HASH,
    Broker::UnlockCancelled::SIGNATURE_HASH,
    Broker::Withdrawal::SIGNATURE_HASH,
    Bonding::Reward::SIGNATURE_HASH,
    Bonding::TranscoderActivated::SIGNATURE_HASH,
    Bonding::TranscoderDeactivated::SIGNATURE_HASH,
    Bonding::Unbond::SIGNATURE_HASH,
    Bonding::Rebond::SIGNATURE_HASH,
    Bonding::WithdrawStake::SIGNATURE_HASH,
    Registry::ServiceURIUpdate::SIGNATURE_HASH,
];

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn contracts() -> Contracts {
        Contracts {
            controller: Address::repeat_byte(1),
            bonding_manager: Address::repeat_byte(2),
            livepeer_token: Address::repeat_byte(3),
            minter: Address::repeat_byte(4),
            rounds_manager: Address::repeat_byte(5),
            service_registry: Address::repeat_byte(6),
            ticket_broker: Address::repeat_byte(7),
        }
    }

    /// `payments-and-chain` 9.7: the topics of the deployed contracts.
    #[test]
    fn topics_are_those_of_the_deployed_contracts() {
        let known = [
            "22f2fc17c5daf07db2379b3a03a8ef20a183f761097a58fce219c8a14619e786",
            "5159e237d952190e68d5215430f305831be7c9c8776d1377c76679ae4773413f",
            "b52b99b9e83551fcbd069b559cc3e823e2a1a3bad8ece46561ea77524394c850",
            "8b87351a208c06e3ceee59d80725fd77a23b4129e1b51ca231fc89b40712649c",
            "c389eb51ed006dbf2528507f010efdf5225ea596e1e1741d74f550dab1925ee7",
            "f7870c5b224cbc19873599e46ccfc7103934650509b1af0c3ce90138377c2004",
            "fa044b7b93a40365dc68049797c2eb06918523d694e5d56e406cac3eb35578e5",
            "df273cb619d95419a9cd0ec88123a0538c85064229baa6363788f743fff90deb",
            "619caafabdd75649b302ba8419e48cccf64f37f1983ac4727cfb38b57703ffc9",
            "65d72d782835d64c3287844a829608d5abdc7e864cc9affe96d910ab3db665e9",
            "fee3e693fc72d0a0a673805f3e606c551f4c677b9072444b90dd2d0406bc995c",
            "2d5d98d189bee5496a08db2a5948cb7e5e786f09d17d0c3f228eb41776c24a06",
            "9f5b64cc71e1e26ff178caaa7877a04d8ce66fde989251870e80e6fbee690c17",
            "1340f1a8f3d456a649e1a12071dfa15655e3d09252131d0f980c3b405cc8dd2e",
            "fbb63068732c85741c9f8e61caffaabe038d577bfafd2d2dcc0e352a4f653a4c",
        ];
        for (topic, expected) in TOPICS.iter().zip(known) {
            assert_eq!(alloy::hex::encode(topic), expected);
        }
    }

    fn deposit(address: Address) -> RawLog {
        let event = Broker::DepositFunded {
            sender: Address::repeat_byte(0xaa),
            amount: U256::from(5),
        };
        let data = event.encode_log_data();
        RawLog {
            address,
            topics: data.topics().to_vec(),
            data: data.data.clone(),
            block_number: U64::from(9),
            block_hash: B256::repeat_byte(9),
            transaction_hash: B256::repeat_byte(8),
            log_index: U64::from(3),
            removed: false,
        }
    }

    /// Trap 43: anybody can deploy a contract whose logs look like the TicketBroker's.
    #[test]
    fn trap_43_a_strangers_contract_funds_nobody() {
        let contracts = contracts();
        assert_eq!(
            deposit(contracts.ticket_broker).event(&contracts),
            Some(ChainEvent::DepositFunded {
                sender: Address::repeat_byte(0xaa),
                amount: Wei(U256::from(5)),
                at: At {
                    block: 9,
                    log_index: 3,
                    transaction: B256::repeat_byte(8)
                },
            })
        );
        for stranger in [contracts.bonding_manager, Address::repeat_byte(0x66)] {
            assert_eq!(deposit(stranger).event(&contracts), None);
        }
    }

    #[test]
    fn a_log_that_makes_no_sense_says_nothing() {
        let contracts = contracts();
        let mut short = deposit(contracts.ticket_broker);
        short.data = Bytes::new();
        assert_eq!(short.event(&contracts), None);
        let mut bare = deposit(contracts.ticket_broker);
        bare.topics.clear();
        assert_eq!(bare.event(&contracts), None);
    }

    #[test]
    fn a_checkpoint_comes_back_as_it_was_written() {
        let checkpoint = Checkpoint {
            block: 7,
            hash: B256::repeat_byte(3),
        };
        assert_eq!(checkpoint.to_string().parse(), Ok(checkpoint));
        for bad in ["", "7", "7:", "x:0x00", "7:0x12"] {
            assert_eq!(bad.parse::<Checkpoint>(), Err(ParseCheckpointError), "{bad}");
        }
    }
}

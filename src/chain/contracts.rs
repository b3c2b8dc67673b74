//! Interfaces of the protocol's contracts, only what is called, each naming its source file in `livepeer/protocol`.
//!
//! Foreign words end here: the contracts say transcoder, everything above says orchestrator.

#![allow(missing_docs, reason = "the macro's items are the contracts' own names")]

use alloy::{primitives::B256, primitives::keccak256, sol};

sol! {
    /// `protocol contracts/Controller.sol`
    interface Controller {
        function getContract(bytes32 id) external view returns (address);
        function paused() external view returns (bool);
    }

    /// `protocol contracts/rounds/RoundsManager.sol`
    interface RoundsManager {
        function initializeRound() external;
        function blockNum() external view returns (uint256);
        function currentRound() external view returns (uint256);
        function currentRoundInitialized() external view returns (bool);
        function currentRoundLocked() external view returns (bool);
        function currentRoundStartBlock() external view returns (uint256);
        function lastInitializedRound() external view returns (uint256);
        function roundLength() external view returns (uint256);
        function roundLockAmount() external view returns (uint256);
    }

    /// `protocol contracts/bonding/BondingManager.sol`
    interface BondingManager {
        function bondWithHint(
            uint256 amount,
            address to,
            address oldDelegateNewPosPrev,
            address oldDelegateNewPosNext,
            address currDelegateNewPosPrev,
            address currDelegateNewPosNext
        ) external;
        function transcoder(uint256 rewardCut, uint256 feeShare) external;
        function transcoderWithHint(uint256 rewardCut, uint256 feeShare, address newPosPrev, address newPosNext) external;
        function rewardWithHint(address newPosPrev, address newPosNext) external;

        function getTranscoder(address transcoder) external view returns (
            uint256 lastRewardRound,
            uint256 rewardCut,
            uint256 feeShare,
            uint256 lastActiveStakeUpdateRound,
            uint256 activationRound,
            uint256 deactivationRound,
            uint256 activeCumulativeRewards,
            uint256 cumulativeRewards,
            uint256 cumulativeFees,
            uint256 lastFeeRound
        );
        function getDelegator(address delegator) external view returns (
            uint256 bondedAmount,
            uint256 fees,
            address delegateAddress,
            uint256 delegatedAmount,
            uint256 startRound,
            uint256 lastClaimRound,
            uint256 nextUnbondingLockId
        );
        function getDelegatorUnbondingLock(address delegator, uint256 lockId)
            external view returns (uint256 amount, uint256 withdrawRound);
        function getTranscoderEarningsPoolForRound(address transcoder, uint256 round) external view returns (
            uint256 totalStake,
            uint256 transcoderRewardCut,
            uint256 transcoderFeeShare,
            uint256 cumulativeRewardFactor,
            uint256 cumulativeFeeFactor
        );
        function pendingStake(address delegator, uint256 endRound) external view returns (uint256);
        function pendingFees(address delegator, uint256 endRound) external view returns (uint256);
        function transcoderTotalStake(address transcoder) external view returns (uint256);
        function delegatorStatus(address delegator) external view returns (uint8);
        function isRegisteredTranscoder(address transcoder) external view returns (bool);
        function isActiveTranscoder(address transcoder) external view returns (bool);
        function getFirstTranscoderInPool() external view returns (address);
        function getNextTranscoderInPool(address transcoder) external view returns (address);
        function getTranscoderPoolSize() external view returns (uint256);
        function getTranscoderPoolMaxSize() external view returns (uint256);
        function currentRoundTotalActiveStake() external view returns (uint256);
        function nextRoundTotalActiveStake() external view returns (uint256);
        function unbondingPeriod() external view returns (uint64);
        function treasuryRewardCutRate() external view returns (uint256);
        function treasuryBalanceCeiling() external view returns (uint256);
    }

    /// `protocol contracts/token/Minter.sol`
    interface Minter {
        function inflation() external view returns (uint256);
        function inflationChange() external view returns (uint256);
        function targetBondingRate() external view returns (uint256);
        function currentMintableTokens() external view returns (uint256);
        function currentMintedTokens() external view returns (uint256);
        function getGlobalTotalSupply() external view returns (uint256);
    }

    /// `protocol contracts/token/LivepeerToken.sol`
    interface LivepeerToken {
        function allowance(address owner, address spender) external view returns (uint256);
        function approve(address spender, uint256 amount) external returns (bool);
        function balanceOf(address account) external view returns (uint256);
        function totalSupply() external view returns (uint256);
    }

    /// `protocol contracts/ServiceRegistry.sol`
    interface ServiceRegistry {
        function getServiceURI(address account) external view returns (string);
        function setServiceURI(string serviceURI) external;
    }

    /// `protocol contracts/pm/TicketBroker.sol`
    interface TicketBroker {
        function ticketValidityPeriod() external view returns (uint256);
        function unlockPeriod() external view returns (uint256);
    }

    /// `protocol contracts/pm/mixins/MixinTicketBrokerCore.sol`, `MixinWrappers.sol`: redeeming
    interface TicketRedemption {
        struct Ticket {
            address recipient;
            address sender;
            uint256 faceValue;
            uint256 winProb;
            uint256 senderNonce;
            bytes32 recipientRandHash;
            bytes auxData;
        }
        struct Sender {
            uint256 deposit;
            uint256 withdrawRound;
        }
        struct ReserveInfo {
            uint256 fundsRemaining;
            uint256 claimedInCurrentRound;
        }

        event WinningTicketTransfer(address indexed sender, address indexed recipient, uint256 amount);
        event WinningTicketRedeemed(
            address indexed sender,
            address indexed recipient,
            uint256 faceValue,
            uint256 winProb,
            uint256 senderNonce,
            uint256 recipientRand,
            bytes auxData
        );

        function redeemWinningTicket(Ticket ticket, bytes signature, uint256 recipientRand) external;
        function batchRedeemWinningTickets(Ticket[] tickets, bytes[] signatures, uint256[] recipientRands) external;
        function usedTickets(bytes32 hash) external view returns (bool);
        function getSenderInfo(address sender) external view returns (Sender sender, ReserveInfo reserve);
        function claimableReserve(address reserveHolder, address claimant) external view returns (uint256);
    }
}

/// A contract the Controller knows by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContractName {
    /// Stake, pool, rewards and fees.
    BondingManager,
    /// LPT.
    LivepeerToken,
    /// Mints rewards and holds all stake and deposits.
    Minter,
    /// The clock of the protocol.
    RoundsManager,
    /// Where orchestrators publish their address.
    ServiceRegistry,
    /// Deposits and winning tickets.
    TicketBroker,
}

impl ContractName {
    /// Every contract looked up on connecting.
    pub const ALL: [Self; 6] = [
        Self::BondingManager,
        Self::LivepeerToken,
        Self::Minter,
        Self::RoundsManager,
        Self::ServiceRegistry,
        Self::TicketBroker,
    ];

    /// The name as registered.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BondingManager => "BondingManager",
            Self::LivepeerToken => "LivepeerToken",
            Self::Minter => "Minter",
            Self::RoundsManager => "RoundsManager",
            Self::ServiceRegistry => "ServiceRegistry",
            Self::TicketBroker => "TicketBroker",
        }
    }

    /// The id under which the Controller keeps it: keccak256 of the name (`protocol contracts/Controller.sol`).
    #[must_use]
    pub fn id(self) -> B256 {
        keccak256(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use alloy::{
        hex,
        sol_types::{SolCall, SolEvent},
    };

    use super::*;

    #[test]
    fn ids_and_selectors_are_those_of_the_deployed_contracts() {
        assert_eq!(
            ContractName::BondingManager.id(),
            "0x2517d59a36a86548e38734e8ab416f42afff4bca78706a66ad65750dae7f9e37"
                .parse::<B256>()
                .unwrap()
        );
        assert_eq!(
            ContractName::TicketBroker.id(),
            "0xbd1aa3e8d2464256d7fd3dcf645c16418d5d8c51d971f1ad7d57e7b1b5eee239"
                .parse::<B256>()
                .unwrap()
        );
        let selectors = [
            (Controller::getContractCall::SELECTOR, "e16c7d98"),
            (Controller::pausedCall::SELECTOR, "5c975abb"),
            (RoundsManager::initializeRoundCall::SELECTOR, "d4807fb2"),
            (RoundsManager::currentRoundLockedCall::SELECTOR, "6841f253"),
            (RoundsManager::currentRoundStartBlockCall::SELECTOR, "8fa148f2"),
            (BondingManager::bondWithHintCall::SELECTOR, "6bd9add4"),
            (BondingManager::transcoderCall::SELECTOR, "43d3461a"),
            (BondingManager::transcoderWithHintCall::SELECTOR, "3550aa10"),
            (BondingManager::rewardWithHintCall::SELECTOR, "81871056"),
            (BondingManager::getTranscoderCall::SELECTOR, "5dce9948"),
            (BondingManager::getDelegatorCall::SELECTOR, "a64ad595"),
            (
                BondingManager::getDelegatorUnbondingLockCall::SELECTOR,
                "412f83b6",
            ),
            (
                BondingManager::getTranscoderEarningsPoolForRoundCall::SELECTOR,
                "24454fc4",
            ),
            (BondingManager::pendingStakeCall::SELECTOR, "9d0b2c7a"),
            (BondingManager::pendingFeesCall::SELECTOR, "f595f1cc"),
            (BondingManager::transcoderTotalStakeCall::SELECTOR, "9ef9df94"),
            (BondingManager::delegatorStatusCall::SELECTOR, "1544fc67"),
            (BondingManager::isRegisteredTranscoderCall::SELECTOR, "68ba170c"),
            (BondingManager::isActiveTranscoderCall::SELECTOR, "08802374"),
            (BondingManager::getFirstTranscoderInPoolCall::SELECTOR, "88a6c749"),
            (BondingManager::getNextTranscoderInPoolCall::SELECTOR, "235c9603"),
            (BondingManager::getTranscoderPoolSizeCall::SELECTOR, "2a4e0d55"),
            (ServiceRegistry::setServiceURICall::SELECTOR, "5f11301b"),
            (ServiceRegistry::getServiceURICall::SELECTOR, "214c2a4b"),
            (TicketRedemption::redeemWinningTicketCall::SELECTOR, "ec8b3cb6"),
            (
                TicketRedemption::batchRedeemWinningTicketsCall::SELECTOR,
                "d01b808e",
            ),
            (TicketRedemption::usedTicketsCall::SELECTOR, "59a515ba"),
            (TicketRedemption::getSenderInfoCall::SELECTOR, "e1a589da"),
            (TicketRedemption::claimableReserveCall::SELECTOR, "81779f38"),
        ];
        for (selector, expected) in selectors {
            assert_eq!(hex::encode(selector), expected);
        }
        let topics = [
            (
                TicketRedemption::WinningTicketTransfer::SIGNATURE_HASH,
                "8b87351a208c06e3ceee59d80725fd77a23b4129e1b51ca231fc89b40712649c",
            ),
            (
                TicketRedemption::WinningTicketRedeemed::SIGNATURE_HASH,
                "c389eb51ed006dbf2528507f010efdf5225ea596e1e1741d74f550dab1925ee7",
            ),
        ];
        for (topic, expected) in topics {
            assert_eq!(hex::encode(topic), expected);
        }
    }
}

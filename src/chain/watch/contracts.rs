//! What is watched on the contracts, and read beside: events and views, each naming its source file in
//! `livepeer/protocol`.
#![allow(missing_docs, reason = "the macro's items are the contracts' own names")]

use alloy::sol;

sol! {
    /// `protocol contracts/rounds/RoundsManager.sol`
    interface Rounds {
        event NewRound(uint256 indexed round, bytes32 blockHash);
        function blockHashForRound(uint256 round) external view returns (bytes32);
    }

    /// `protocol contracts/pm/TicketBroker.sol`, `pm/mixins/MixinTicketBrokerCore.sol`, `MixinReserve.sol`
    interface Broker {
        struct SenderInfo {
            uint256 deposit;
            uint256 withdrawRound;
        }
        struct ReserveInfo {
            uint256 fundsRemaining;
            uint256 claimedInCurrentRound;
        }
        event DepositFunded(address indexed sender, uint256 amount);
        event ReserveFunded(address indexed reserveHolder, uint256 amount);
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
        event Unlock(address indexed sender, uint256 startRound, uint256 endRound);
        event UnlockCancelled(address indexed sender);
        event Withdrawal(address indexed sender, uint256 deposit, uint256 reserve);
        function getSenderInfo(address sender) external view returns (SenderInfo info, ReserveInfo reserve);
        function claimedReserve(address reserveHolder, address claimant) external view returns (uint256);
    }

    /// `protocol contracts/bonding/BondingManager.sol`
    interface Bonding {
        event Reward(address indexed transcoder, uint256 amount);
        event TranscoderActivated(address indexed transcoder, uint256 activationRound);
        event TranscoderDeactivated(address indexed transcoder, uint256 deactivationRound);
        event Unbond(
            address indexed delegate,
            address indexed delegator,
            uint256 unbondingLockId,
            uint256 amount,
            uint256 withdrawRound
        );
        event Rebond(address indexed delegate, address indexed delegator, uint256 unbondingLockId, uint256 amount);
        event WithdrawStake(
            address indexed delegator,
            uint256 unbondingLockId,
            uint256 amount,
            uint256 withdrawRound
        );
    }

    /// `protocol contracts/ServiceRegistry.sol`
    interface Registry {
        event ServiceURIUpdate(address indexed addr, string serviceURI);
    }
}

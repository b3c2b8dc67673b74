// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import "@openzeppelin/contracts/governance/Governor.sol";
import "@openzeppelin/contracts/governance/TimelockController.sol";
import "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import "@openzeppelin/contracts/governance/extensions/GovernorSettings.sol";
import "@openzeppelin/contracts/governance/extensions/GovernorTimelockControl.sol";
import "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";

interface IRounds {
    function currentRound() external view returns (uint256);
}

interface IStake {
    function isRegisteredTranscoder(address account) external view returns (bool);
    function transcoderTotalStake(address account) external view returns (uint256);
    function pendingStake(address account, uint256 round) external view returns (uint256);
    function currentRoundTotalActiveStake() external view returns (uint256);
    function getDelegator(address account)
        external
        view
        returns (uint256, uint256, address, uint256, uint256, uint256, uint256);
}

/// Voting power from the stake as it is now, whatever round is asked about: enough where nobody moves stake meanwhile.
contract TestVotes {
    IRounds private immutable rounds;
    IStake private immutable stake;

    error FutureLookup(uint256 queryRound, uint256 maxAllowed);

    constructor(IRounds rounds_, IStake stake_) {
        rounds = rounds_;
        stake = stake_;
    }

    function clock() public view returns (uint48) {
        return uint48(rounds.currentRound());
    }

    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() external pure returns (string memory) {
        return "mode=livepeer_round";
    }

    function getVotes(address account) public view returns (uint256) {
        if (stake.isRegisteredTranscoder(account)) return stake.transcoderTotalStake(account);
        return stake.isRegisteredTranscoder(delegates(account)) ? stake.pendingStake(account, 0) : 0;
    }

    function getPastVotes(address account, uint256 round) external view returns (uint256) {
        if (round >= clock()) revert FutureLookup(round, clock() - 1);
        return getVotes(account);
    }

    function getPastTotalSupply(uint256) external view returns (uint256) {
        return stake.currentRoundTotalActiveStake();
    }

    function delegates(address account) public view returns (address delegate) {
        (, , delegate, , , , ) = stake.getDelegator(account);
    }

    function delegatedAt(address account, uint256) external view returns (address) {
        return delegates(account);
    }
}

/// A governor with the timelock as treasury, and the quota and quorum of the real one.
contract TestGovernor is Governor, GovernorSettings, GovernorCountingSimple, GovernorVotes, GovernorTimelockControl {
    constructor(IERC5805 votes_, TimelockController treasury_)
        Governor("LivepeerGovernor")
        GovernorSettings(1, 2, 100 ether)
        GovernorVotes(votes_)
        GovernorTimelockControl(treasury_)
    {}

    function quota() public pure returns (uint256) {
        return 500000;
    }

    function quorum(uint256 round) public view override returns (uint256) {
        return (token.getPastTotalSupply(round) * 333300) / 1000000;
    }

    function votingDelay() public view override(IGovernor, GovernorSettings) returns (uint256) {
        return super.votingDelay();
    }

    function votingPeriod() public view override(IGovernor, GovernorSettings) returns (uint256) {
        return super.votingPeriod();
    }

    function proposalThreshold() public view override(Governor, GovernorSettings) returns (uint256) {
        return super.proposalThreshold();
    }

    function state(uint256 id) public view override(Governor, GovernorTimelockControl) returns (ProposalState) {
        return super.state(id);
    }

    function supportsInterface(bytes4 id) public view override(Governor, GovernorTimelockControl) returns (bool) {
        return super.supportsInterface(id);
    }

    function _execute(
        uint256 id,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) {
        super._execute(id, targets, values, calldatas, descriptionHash);
    }

    function _cancel(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint256) {
        return super._cancel(targets, values, calldatas, descriptionHash);
    }

    function _executor() internal view override(Governor, GovernorTimelockControl) returns (address) {
        return super._executor();
    }
}

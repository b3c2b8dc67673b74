//! What is passed on: the methods nodes need, and no others.

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Treatment {
    /// Asked of one endpoint after the other.
    Forward,
    /// Handed to all endpoints.
    Broadcast,
    /// Not passed on.
    Refuse,
}

/// Reads that need no account, no filter kept by an endpoint, and none of an endpoint's own affairs.
const READS: [&str; 28] = [
    "eth_blobBaseFee",
    "eth_blockNumber",
    "eth_call",
    "eth_chainId",
    "eth_createAccessList",
    "eth_estimateGas",
    "eth_feeHistory",
    "eth_gasPrice",
    "eth_getBalance",
    "eth_getBlockByHash",
    "eth_getBlockByNumber",
    "eth_getBlockReceipts",
    "eth_getBlockTransactionCountByHash",
    "eth_getBlockTransactionCountByNumber",
    "eth_getCode",
    "eth_getLogs",
    "eth_getProof",
    "eth_getStorageAt",
    "eth_getTransactionByBlockHashAndIndex",
    "eth_getTransactionByBlockNumberAndIndex",
    "eth_getTransactionByHash",
    "eth_getTransactionCount",
    "eth_getTransactionReceipt",
    "eth_maxPriorityFeePerGas",
    "eth_syncing",
    "net_listening",
    "net_version",
    "web3_clientVersion",
];

pub(super) fn treatment(method: &str) -> Treatment {
    match method {
        "eth_sendRawTransaction" => Treatment::Broadcast,
        _ if READS.contains(&method) => Treatment::Forward,
        _ => Treatment::Refuse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_needs_an_account_or_rules_a_node_is_passed_on() {
        for method in [
            "eth_accounts",
            "eth_sendTransaction",
            "eth_sign",
            "eth_signTransaction",
            "eth_newFilter",
            "eth_subscribe",
            "personal_unlockAccount",
            "admin_addPeer",
            "debug_traceTransaction",
            "miner_start",
            "anvil_setBalance",
            "evm_mine",
            "hardhat_impersonateAccount",
            "ETH_CALL",
            "",
        ] {
            assert_eq!(treatment(method), Treatment::Refuse, "{method}");
        }
        assert_eq!(treatment("eth_sendRawTransaction"), Treatment::Broadcast);
        assert!(READS.iter().all(|method| treatment(method) == Treatment::Forward));
        assert!(READS.is_sorted());
    }
}

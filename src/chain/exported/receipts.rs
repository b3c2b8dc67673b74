//! When transactions were mined and what their gas cost: asked once for what is settled, a line each.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use alloy::primitives::{B256, U64, U256};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    chain::{
        Chain, ChainError, LedgerError,
        ledger::{AT_ONCE, Block},
    },
    units::Wei,
};

/// A file larger than this is none of ours.
const MOST_BYTES: u64 = 256 << 20;

/// What a transaction cost, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Receipt {
    transaction: B256,
    pub(crate) block: u64,
    /// Its block's time, in seconds of the Unix epoch.
    pub(crate) time: u64,
    pub(crate) gas_used: u64,
    gas_price: U256,
}

impl Receipt {
    /// What a unit of gas cost.
    pub(crate) fn gas_price(&self) -> Wei {
        Wei(self.gas_price)
    }

    /// What its gas cost.
    pub(crate) fn cost(&self) -> Wei {
        Wei(U256::from(self.gas_used).saturating_mul(self.gas_price))
    }

    #[cfg(test)]
    pub(crate) fn of_test(time: u64, gas_used: u64, gas_price: u64) -> Self {
        Self {
            transaction: B256::ZERO,
            block: time,
            time,
            gas_used,
            gas_price: U256::from(gas_price),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    block_number: U64,
    gas_used: U64,
    #[serde(default)]
    effective_gas_price: U256,
}

/// Those that are known, and their file.
#[derive(Debug)]
pub(super) struct Receipts {
    path: PathBuf,
    known: Option<HashMap<B256, Receipt>>,
}

impl Receipts {
    /// Kept beside the logs of this file.
    pub(super) fn beside(logs: &Path) -> Self {
        Self {
            path: logs.with_extension("receipts.jsonl"),
            known: None,
        }
    }

    /// They are another chain's.
    pub(super) fn forget(&mut self) {
        self.known = Some(HashMap::new());
        if let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "the receipts of another chain stay on disk");
        }
    }

    /// Those of these transactions, each of a block; what is mined up to `settled` is kept.
    pub(super) async fn of(
        &mut self,
        chain: &Chain,
        wanted: &BTreeMap<B256, u64>,
        settled: u64,
    ) -> Result<BTreeMap<B256, Receipt>, LedgerError> {
        let known = self.known.get_or_insert_with(|| load(&self.path));
        let mut found = BTreeMap::new();
        let mut missing = Vec::new();
        for (transaction, block) in wanted {
            match known.get(transaction).filter(|receipt| receipt.block == *block) {
                Some(receipt) => drop(found.insert(*transaction, *receipt)),
                None => missing.push((*transaction, *block)),
            }
        }
        for some in missing.chunks(AT_ONCE / 2) {
            let read = chain.receipts(some).await?;
            let kept: Vec<Receipt> = read.iter().copied().filter(|one| one.block <= settled).collect();
            append(&self.path, &kept).map_err(|source| LedgerError::Checkpoint {
                path: self.path.clone(),
                source,
            })?;
            known.extend(kept.into_iter().map(|receipt| (receipt.transaction, receipt)));
            found.extend(read.into_iter().map(|receipt| (receipt.transaction, receipt)));
        }
        Ok(found)
    }
}

impl Chain {
    async fn receipts(&self, transactions: &[(B256, u64)]) -> Result<Vec<Receipt>, ChainError> {
        let mut batch = self.rpc.new_batch();
        let mut asked = Vec::new();
        for (hash, block) in transactions {
            let receipt = batch.add_call::<_, Option<Answer>>("eth_getTransactionReceipt", &json!([hash]))?;
            let params = json!([U64::from(*block), false]);
            let header = batch.add_call::<_, Option<Block>>("eth_getBlockByNumber", &params)?;
            asked.push((*hash, *block, receipt, header));
        }
        batch.send().await?;
        let mut found = Vec::with_capacity(asked.len());
        for (hash, block, receipt, header) in asked {
            let missing = || {
                ChainError::Garbage(format!(
                    "no transaction {hash} in block {block}, whose event there is"
                ))
            };
            let (receipt, header) = (
                receipt.await?.ok_or_else(missing)?,
                header.await?.ok_or_else(missing)?,
            );
            if receipt.block_number.to::<u64>() != block {
                return Err(missing());
            }
            found.push(Receipt {
                transaction: hash,
                block,
                time: header.timestamp.to(),
                gas_used: receipt.gas_used.to(),
                gas_price: receipt.effective_gas_price,
            });
        }
        Ok(found)
    }
}

/// What is in the file, as far as it is whole.
fn load(path: &Path) -> HashMap<B256, Receipt> {
    let Ok(file) = File::open(path) else {
        return HashMap::new();
    };
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return HashMap::new();
    }
    BufReader::new(file.take(MOST_BYTES))
        .lines()
        .map_while(Result::ok)
        // A line that was torn is asked for again; those after it are whole.
        .filter_map(|line| serde_json::from_str::<Receipt>(&line).ok())
        .map(|receipt| (receipt.transaction, receipt))
        .collect()
}

fn append(path: &Path, receipts: &[Receipt]) -> io::Result<()> {
    if receipts.is_empty() {
        return Ok(());
    }
    let mut text = String::new();
    for receipt in receipts {
        // A line of its own also after one that was torn.
        text.push('\n');
        text.push_str(&serde_json::to_string(receipt)?);
    }
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_are_there_again_around_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.receipts.jsonl");
        assert!(load(&path).is_empty());
        let receipt = |number: u8| Receipt {
            transaction: B256::repeat_byte(number),
            ..Receipt::of_test(u64::from(number), 21_000, 7)
        };
        append(&path, &[receipt(1)]).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"\n{\"transaction\":\"0x02").unwrap();
        append(&path, &[receipt(3)]).unwrap();
        let found = load(&path);
        assert_eq!(found.len(), 2);
        assert_eq!(found[&B256::repeat_byte(3)].cost(), Wei(U256::from(147_000)));
    }
}

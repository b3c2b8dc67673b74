//! A transaction's content: built, signed, and read back from signed bytes or from what a node says of it.

use alloy::{
    consensus::{SignableTransaction, Transaction as _, TxEip1559, TxEnvelope, TxLegacy},
    eips::{
        eip2718::{Decodable2718, Encodable2718},
        eip2930::AccessList,
    },
    network::TxSignerSync,
    primitives::{Address, Bytes, TxHash, TxKind, U64, U256},
    signers::local::PrivateKeySigner,
};
use serde::Deserialize;

use super::gas::Offer;

/// Everything of a transaction but its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) to: Address,
    pub(super) data: Bytes,
    pub(super) value: U256,
    pub(super) gas_limit: u64,
    pub(super) nonce: u64,
    pub(super) offer: Offer,
}

/// A transaction ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) hash: TxHash,
    pub(super) raw: Bytes,
    pub(super) body: Body,
    /// It only takes the nonce.
    pub(super) cancels: bool,
}

/// A transaction as a node tells it, what we use of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    pub(super) from: Address,
    to: Option<Address>,
    input: Bytes,
    value: U256,
    gas: U64,
    nonce: U64,
    gas_price: Option<U256>,
    max_fee_per_gas: Option<U256>,
    max_priority_fee_per_gas: Option<U256>,
}

impl Told {
    /// Its content; none for one that makes a contract.
    pub(super) fn body(&self) -> Option<Body> {
        let offer = match self.max_fee_per_gas {
            Some(cap) => Offer {
                cap,
                tip: Some(self.max_priority_fee_per_gas.unwrap_or_default()),
            },
            None => Offer {
                cap: self.gas_price.unwrap_or_default(),
                tip: None,
            },
        };
        Some(Body {
            to: self.to?,
            data: self.input.clone(),
            value: self.value,
            gas_limit: self.gas.to(),
            nonce: self.nonce.to(),
            offer,
        })
    }
}

impl Body {
    /// Nothing, to oneself: takes the nonce of this one.
    pub(super) fn emptied(&self, account: Address, offer: Offer, gas_limit: u64) -> Self {
        Self {
            to: account,
            data: Bytes::new(),
            value: U256::ZERO,
            gas_limit,
            nonce: self.nonce,
            offer,
        }
    }

    pub(super) fn sign(
        self,
        chain_id: u64,
        signer: &PrivateKeySigner,
        cancels: bool,
    ) -> Result<Attempt, String> {
        let number = |value: U256| u128::try_from(value).map_err(|_| format!("a gas price of {value} wei"));
        let cap = number(self.offer.cap)?;
        let to = TxKind::Call(self.to);
        let envelope: TxEnvelope = match self.offer.tip {
            Some(tip) => {
                let mut transaction = TxEip1559 {
                    chain_id,
                    nonce: self.nonce,
                    gas_limit: self.gas_limit,
                    max_fee_per_gas: cap,
                    max_priority_fee_per_gas: number(tip)?,
                    to,
                    value: self.value,
                    access_list: AccessList::default(),
                    input: self.data.clone(),
                };
                let signature = signer
                    .sign_transaction_sync(&mut transaction)
                    .map_err(|error| error.to_string())?;
                transaction.into_signed(signature).into()
            }
            None => {
                let mut transaction = TxLegacy {
                    chain_id: Some(chain_id),
                    nonce: self.nonce,
                    gas_price: cap,
                    gas_limit: self.gas_limit,
                    to,
                    value: self.value,
                    input: self.data.clone(),
                };
                let signature = signer
                    .sign_transaction_sync(&mut transaction)
                    .map_err(|error| error.to_string())?;
                transaction.into_signed(signature).into()
            }
        };
        Ok(Attempt {
            hash: *envelope.tx_hash(),
            raw: envelope.encoded_2718().into(),
            body: self,
            cancels,
        })
    }
}

impl Attempt {
    /// Reads signed bytes; none for what is no transaction of ours.
    pub(super) fn read(raw: &Bytes, cancels: bool) -> Option<Self> {
        let envelope = TxEnvelope::decode_2718(&mut raw.as_ref()).ok()?;
        let offer = Offer {
            cap: U256::from(envelope.max_fee_per_gas()),
            tip: envelope.max_priority_fee_per_gas().map(U256::from),
        };
        Some(Self {
            hash: *envelope.tx_hash(),
            raw: raw.clone(),
            body: Body {
                to: envelope.to()?,
                data: envelope.input().clone(),
                value: envelope.value(),
                gas_limit: envelope.gas_limit(),
                nonce: envelope.nonce(),
                offer,
            },
            cancels,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_bytes_are_read_back_as_what_was_signed() {
        let signer = PrivateKeySigner::random();
        for tip in [Some(U256::from(3)), None] {
            let body = Body {
                to: Address::repeat_byte(7),
                data: Bytes::from_static(&[1, 2, 3]),
                value: U256::from(5),
                gas_limit: 90_000,
                nonce: 11,
                offer: Offer {
                    cap: U256::from(1_000),
                    tip,
                },
            };
            let signed = body.clone().sign(42161, &signer, false).unwrap();
            let read = Attempt::read(&signed.raw, false).unwrap();
            assert_eq!((read.hash, &read.body), (signed.hash, &body));
        }
        assert!(Attempt::read(&Bytes::from_static(b"no transaction"), false).is_none());
    }
}

//! Many contract reads as one: collected, sent as a single Multicall3 call at one block, answered by type.

use std::marker::PhantomData;

use alloy::{
    primitives::{Address, Bytes, U256},
    providers::{MULTICALL3_ADDRESS, bindings::IMulticall3},
    sol_types::SolCall,
};
use serde_json::{Value, json};

use super::{errors::ChainError, reverts::Revert};

/// Reads to be made together.
#[derive(Debug, Default)]
pub(crate) struct Calls(Vec<IMulticall3::Call3>);

/// Where a read's answer will be.
#[derive(Debug)]
pub(crate) struct Slot<C>(usize, PhantomData<fn() -> C>);

impl<C> Clone for Slot<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Slot<C> {}

impl Calls {
    /// Adds a read.
    pub(crate) fn add<C: SolCall>(&mut self, to: Address, call: &C) -> Slot<C> {
        self.0.push(IMulticall3::Call3 {
            target: to,
            allowFailure: true,
            callData: call.abi_encode().into(),
        });
        Slot(self.0.len() - 1, PhantomData)
    }

    /// Adds the ETH balance of an account.
    pub(crate) fn add_eth_balance(&mut self, account: Address) -> Slot<IMulticall3::getEthBalanceCall> {
        self.add(
            MULTICALL3_ADDRESS,
            &IMulticall3::getEthBalanceCall { addr: account },
        )
    }

    /// The input of the one call.
    pub(crate) fn input(self) -> Bytes {
        IMulticall3::aggregate3Call { calls: self.0 }.abi_encode().into()
    }
}

/// The answers, in the order of the reads.
#[derive(Debug)]
pub(crate) struct Answers(Vec<IMulticall3::Result>);

impl Answers {
    /// Reads the output of the one call.
    pub(crate) fn decode(output: &[u8]) -> Result<Self, ChainError> {
        IMulticall3::aggregate3Call::abi_decode_returns(output)
            .map(Self)
            .map_err(|_| ChainError::Garbage(format!("{} bytes for a batch of reads", output.len())))
    }

    /// One answer.
    pub(crate) fn get<C: SolCall>(&self, slot: Slot<C>) -> Result<C::Return, ChainError> {
        let result = self
            .0
            .get(slot.0)
            .ok_or_else(|| ChainError::Garbage(format!("no answer for `{}`", C::SIGNATURE)))?;
        if !result.success {
            return Err(ChainError::Reverted {
                call: C::SIGNATURE,
                reason: Revert::decode(&result.returnData),
            });
        }
        C::abi_decode_returns(&result.returnData).map_err(|_| {
            ChainError::Garbage(format!(
                "{} bytes for `{}`",
                result.returnData.len(),
                C::SIGNATURE
            ))
        })
    }

    /// An answer a contract of another version may not have.
    pub(crate) fn find<C: SolCall>(&self, slot: Slot<C>) -> Option<C::Return> {
        self.get(slot).ok()
    }
}

/// Parameters of an `eth_call` of Multicall3; its code is lent to the call where the chain lacks it.
pub(crate) fn multicall_params(input: &Bytes, block: &str, deployed: bool) -> Value {
    let call = json!({ "to": MULTICALL3_ADDRESS, "data": input });
    if deployed {
        json!([call, block])
    } else {
        json!([call, block, { MULTICALL3_ADDRESS.to_string(): { "code": multicall_code() } }])
    }
}

/// Multicall3's code as it lies on a chain: what its creation code returns, which is all but the first 32 bytes.
fn multicall_code() -> Bytes {
    IMulticall3::BYTECODE.slice(32..)
}

/// A 256-bit number that counts something countable.
pub(crate) fn count(value: U256, what: &str) -> Result<u64, ChainError> {
    u64::try_from(value).map_err(|_| ChainError::Garbage(format!("{value} as {what}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lent_code_has_the_length_its_creation_code_announces() {
        // PUSH2 of the length and PUSH1 32, the offset, in the creation code.
        let creation = &IMulticall3::BYTECODE;
        let length = u16::from_be_bytes([creation[19], creation[20]]);
        assert_eq!(usize::from(length), multicall_code().len());
    }

    #[test]
    fn answers_that_are_none_are_said_to_be_garbage() {
        assert!(matches!(Answers::decode(&[]), Err(ChainError::Garbage(_))));
        assert!(matches!(
            Answers::decode(&[0xff; 64]),
            Err(ChainError::Garbage(_))
        ));
        let mut calls = Calls::default();
        let slot = calls.add_eth_balance(Address::ZERO);
        assert!(matches!(Answers(vec![]).get(slot), Err(ChainError::Garbage(_))));
        let short = IMulticall3::Result {
            success: true,
            returnData: Bytes::new(),
        };
        assert!(matches!(
            Answers(vec![short]).get(slot),
            Err(ChainError::Garbage(_))
        ));
    }
}

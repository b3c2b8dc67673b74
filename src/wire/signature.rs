//! What nodes sign for each other and how it is checked (`go-livepeer eth/accountmanager.go`, `crypto/crypto.go`).
//!
//! Every signature is over the Ethereum signed-message digest of a Keccak-256 hash, so the length in the prefix is
//! always 32. On the wire it is 65 bytes: R, S (not above half the curve's order), V (27 or 28). A node without an
//! account signs with no bytes at all and accepts anything.

use alloy::{
    primitives::{Address, B256, Signature, eip191_hash_message, keccak256},
    signers::{SignerSync, local::PrivateKeySigner},
};

/// Length of a signature on the wire.
pub const SIGNATURE_LENGTH: usize = 65;

/// An account that signs protocol messages, or nobody.
pub trait MessageSigner: Send + Sync {
    /// The account; the zero address off-chain.
    fn address(&self) -> Address;

    /// The wire signature over `message`; no bytes off-chain.
    fn sign(&self, message: &[u8]) -> Vec<u8>;
}

impl<S: MessageSigner + ?Sized> MessageSigner for std::sync::Arc<S> {
    fn address(&self) -> Address {
        (**self).address()
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        (**self).sign(message)
    }
}

/// Nobody: a node that is not on a chain.
#[derive(Debug, Clone, Copy, Default)]
pub struct Offchain;

impl MessageSigner for Offchain {
    fn address(&self) -> Address {
        Address::ZERO
    }

    fn sign(&self, _message: &[u8]) -> Vec<u8> {
        Vec::new()
    }
}

/// An account whose key is in this process.
#[derive(Debug, Clone)]
pub struct LocalSigner(pub PrivateKeySigner);

impl MessageSigner for LocalSigner {
    fn address(&self) -> Address {
        self.0.address()
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        #[expect(
            clippy::expect_used,
            reason = "a valid secp256k1 key signs every 32-byte digest; there is no input to blame"
        )]
        let signature = self
            .0
            .sign_hash_sync(&message_digest(message))
            .expect("a local key signs every digest");
        signature.normalized_s().as_bytes().to_vec()
    }
}

/// The digest signed for an application message: the signed-message digest of the message's hash.
#[must_use]
pub fn message_digest(message: &[u8]) -> B256 {
    hash_digest(keccak256(message))
}

/// The digest signed for something already hashed, like a ticket.
#[must_use]
pub fn hash_digest(hash: B256) -> B256 {
    eip191_hash_message(hash)
}

/// Signs `message`; the same as [`MessageSigner::sign`].
#[must_use]
pub fn sign(signer: &(impl MessageSigner + ?Sized), message: &[u8]) -> Vec<u8> {
    signer.sign(message)
}

/// Whether `signature` over `message` was made by `address`.
#[must_use]
pub fn verify(address: Address, message: &[u8], signature: &[u8]) -> bool {
    verify_hash(address, keccak256(message), signature)
}

/// Whether `signature` over something already hashed was made by `address`.
#[must_use]
pub fn verify_hash(address: Address, hash: B256, signature: &[u8]) -> bool {
    recover(hash_digest(hash), signature) == Some(address)
}

/// Who signed `digest`. None if the bytes are no acceptable signature: wrong length, V other than 27 or 28, or S
/// above half the order, which would let anyone make a second signature out of a first.
#[must_use]
pub fn recover(digest: B256, signature: &[u8]) -> Option<Address> {
    let bytes: &[u8; SIGNATURE_LENGTH] = signature.try_into().ok()?;
    let parity = match bytes[64] {
        27 => false,
        28 => true,
        _ => return None,
    };
    let parsed = Signature::from_bytes_and_parity(&bytes[..64], parity);
    if parsed.normalize_s().is_some() {
        return None;
    }
    parsed.recover_address_from_prehash(&digest).ok()
}

/// What a gateway signs to ask an orchestrator for a session: the text of its own checksummed address, not its bytes
/// (`go-livepeer core/broadcaster.go`).
#[must_use]
pub fn orchestrator_request_message(address: Address) -> String {
    address.to_checksum(None)
}

/// What an orchestrator signs to vouch for a segment's renditions: their hashes one after the other, in the order of
/// the profiles (`go-livepeer core/orchestrator.go`).
#[must_use]
pub fn renditions_message<R: AsRef<[u8]>>(renditions: impl IntoIterator<Item = R>) -> Vec<u8> {
    renditions
        .into_iter()
        .flat_map(|rendition| keccak256(rendition.as_ref()).0)
        .collect()
}

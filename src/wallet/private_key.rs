//! Private keys as text: 64 hexadecimal digits.

use alloy::signers::local::PrivateKeySigner;
use zeroize::Zeroizing;

use super::WalletError;

/// Reads a private key as other tools export it: 64 hexadecimal digits, with or without `0x`, white space around allowed.
///
/// # Errors
/// When it is none, zero, or not below the curve's order. The text is never repeated.
pub fn parse(text: &str) -> Result<PrivateKeySigner, WalletError> {
    let digits = text.trim();
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    let mut bytes = Zeroizing::new([0u8; 32]);
    hex::decode_to_slice(digits, bytes.as_mut_slice()).map_err(|_| WalletError::NotAPrivateKey)?;
    PrivateKeySigner::from_slice(bytes.as_slice()).map_err(|_| WalletError::NotAPrivateKey)
}

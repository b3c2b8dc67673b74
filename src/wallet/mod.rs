//! Keystore files and signers.

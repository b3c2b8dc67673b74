//! Signatures over texts and typed data, for whoever wants proof that an account says something.
//!
//! Both are prefixed so that they can never be a transaction (EIP-191, EIP-712), and are what go-livepeer's `signMessage`
//! answers (`go-livepeer eth/accountmanager.go`): r, s and v, with v 27 or 28.

use alloy::{
    dyn_abi::TypedData,
    primitives::{Address, B256, Bytes, Signature, U256, eip191_hash_message},
    signers::{SignerSync, local::PrivateKeySigner},
};
use serde_json::{Map, Value};

/// How deep types may lie in one another; real ones are three or four deep.
const DEEPEST: u32 = 32;

/// The fields a domain may have, in the order in which they are hashed (EIP-712).
const DOMAIN: [(&str, &str); 5] = [
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
    ("salt", "bytes32"),
];

/// Why a text is not typed data that can be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TypedError {
    /// Not JSON of that shape.
    #[error("its JSON does not have the shape of typed data: {0}")]
    Shape(String),
    /// What is called the domain's type is not what would be hashed.
    #[error("its `EIP712Domain` does not name the fields of its domain in the standard's order")]
    Domain,
    /// The kind of message it names is none of its types, or the domain itself: nothing of the message would be signed.
    #[error("`{0}` is no type of a message in it: nothing of the message would be signed")]
    NoMessage(String),
    /// A value no type speaks of: it would be shown and not signed.
    #[error("`{0}` is in the message and in none of its types: it would not be signed")]
    Extra(String),
    /// A value does not fit its type, or a type is missing.
    #[error("it cannot be encoded: {0}")]
    Encoding(String),
    /// The key cannot sign; never seen.
    #[error("the key cannot sign")]
    Key,
}

/// A signature and what it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The 32 bytes that were signed.
    pub hash: B256,
    /// r, s and v.
    pub signature: Bytes,
}

/// Signs bytes as a personal message (EIP-191).
///
/// # Errors
/// [`TypedError::Key`], for a key no curve point comes out of.
pub fn sign_message(signer: &PrivateKeySigner, message: &[u8]) -> Result<Signed, TypedError> {
    let signature = signer.sign_message_sync(message).map_err(|_| TypedError::Key)?;
    Ok(signed(eip191_hash_message(message), &signature))
}

fn signed(hash: B256, signature: &Signature) -> Signed {
    Signed {
        hash,
        signature: Bytes::copy_from_slice(&signature.as_bytes()),
    }
}

/// Typed data that can be hashed, checked to show nothing that is not signed.
#[derive(Debug, Clone)]
pub struct TypedMessage {
    data: TypedData,
    hash: B256,
}

impl TypedMessage {
    /// Reads typed data as JSON: `types`, `primaryType`, `domain`, `message`.
    ///
    /// # Errors
    /// [`TypedError`], for what would not be signed as it is written.
    pub fn parse(text: &str) -> Result<Self, TypedError> {
        let shape = |error: serde_json::Error| TypedError::Shape(error.to_string());
        let json: Value = serde_json::from_str(text).map_err(shape)?;
        let field = |name: &str| {
            json.get(name)
                .ok_or_else(|| TypedError::Shape(format!("`{name}` is missing")))
        };
        let object = |name: &str| {
            field(name)?
                .as_object()
                .ok_or_else(|| TypedError::Shape(format!("`{name}` is no object")))
        };
        let (types, domain) = (object("types")?, object("domain")?);
        check_domain(types, domain)?;
        let primary = field("primaryType")?
            .as_str()
            .ok_or_else(|| TypedError::Shape("`primaryType` is no text".to_string()))?;
        if primary == "EIP712Domain" || !types.contains_key(primary) {
            return Err(TypedError::NoMessage(primary.chars().take(100).collect()));
        }
        if let Some(extra) = extra_field(types, primary, field("message")?, 0) {
            return Err(TypedError::Extra(extra));
        }
        let data: TypedData = serde_json::from_value(json.clone()).map_err(shape)?;
        let hash = data
            .eip712_signing_hash()
            .map_err(|error| TypedError::Encoding(error.to_string()))?;
        Ok(Self { data, hash })
    }

    /// What kind of message it is, like `Permit`.
    #[must_use]
    pub fn primary_type(&self) -> &str {
        &self.data.primary_type
    }

    /// Who it is for, as it says itself.
    #[must_use]
    pub fn application(&self) -> Option<&str> {
        self.data.domain.name.as_deref()
    }

    /// The version of who it is for.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.data.domain.version.as_deref()
    }

    /// What else tells who it is for from others.
    #[must_use]
    pub fn salt(&self) -> Option<B256> {
        self.data.domain.salt
    }

    /// The chain it is for.
    #[must_use]
    pub fn chain_id(&self) -> Option<U256> {
        self.data.domain.chain_id
    }

    /// The contract it is for.
    #[must_use]
    pub fn contract(&self) -> Option<Address> {
        self.data.domain.verifying_contract
    }

    /// What it says.
    #[must_use]
    pub fn message(&self) -> &Value {
        &self.data.message
    }

    /// Signs it.
    ///
    /// # Errors
    /// [`TypedError::Key`], for a key no curve point comes out of.
    pub fn sign(&self, signer: &PrivateKeySigner) -> Result<Signed, TypedError> {
        let signature = signer.sign_hash_sync(&self.hash).map_err(|_| TypedError::Key)?;
        Ok(signed(self.hash, &signature))
    }
}

/// Whether the domain's declared type, where there is one, is what is hashed: other tools hash by the declaration.
fn check_domain(types: &Map<String, Value>, domain: &Map<String, Value>) -> Result<(), TypedError> {
    if domain
        .keys()
        .any(|key| !DOMAIN.iter().any(|(name, _)| name == key))
    {
        return Err(TypedError::Domain);
    }
    let Some(declared) = types.get("EIP712Domain").and_then(Value::as_array) else {
        return Ok(());
    };
    let text = |field: &Value, key: &str| field.get(key).and_then(Value::as_str).map(str::to_string);
    let declared: Vec<_> = declared
        .iter()
        .map(|field| (text(field, "name"), text(field, "type")))
        .collect();
    let there = DOMAIN
        .iter()
        .filter(|(name, _)| domain.get(*name).is_some_and(|value| !value.is_null()));
    let hashed: Vec<_> = there
        .map(|(name, kind)| (Some((*name).to_string()), Some((*kind).to_string())))
        .collect();
    if declared == hashed {
        Ok(())
    } else {
        Err(TypedError::Domain)
    }
}

/// A member of the message that its type does not have, by its name.
fn extra_field(types: &Map<String, Value>, kind: &str, value: &Value, depth: u32) -> Option<String> {
    if depth > DEEPEST {
        return Some("too many types in one another".to_string());
    }
    if let (Some(element), Value::Array(values)) = (
        kind.strip_suffix(']').and_then(|kind| kind.rsplit_once('[')),
        value,
    ) {
        return values
            .iter()
            .find_map(|value| extra_field(types, element.0, value, depth + 1));
    }
    let (fields, members) = (types.get(kind)?.as_array()?, value.as_object()?);
    members.iter().find_map(|(name, value)| {
        let is_it = |field: &&Value| field.get("name").and_then(Value::as_str) == Some(name);
        match fields.iter().find(is_it) {
            Some(field) => extra_field(types, field.get("type")?.as_str()?, value, depth + 1),
            None => Some(name.clone()),
        }
    })
}

#[cfg(test)]
mod tests {
    use alloy::primitives::keccak256;

    use super::*;

    /// The example of EIP-712, with the key it is signed by there: keccak256 of `cow`.
    const MAIL: &str = r#"{"types":{"EIP712Domain":[{"name":"name","type":"string"},{"name":"version","type":"string"},
        {"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],
        "Person":[{"name":"name","type":"string"},{"name":"wallet","type":"address"}],
        "Mail":[{"name":"from","type":"Person"},{"name":"to","type":"Person"},{"name":"contents","type":"string"}]},
        "primaryType":"Mail","domain":{"name":"Ether Mail","version":"1","chainId":1,
        "verifyingContract":"0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"},
        "message":{"from":{"name":"Cow","wallet":"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},
        "to":{"name":"Bob","wallet":"0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},"contents":"Hello, Bob!"}}"#;

    #[test]
    fn the_example_of_the_standard_comes_out() {
        let cow = PrivateKeySigner::from_bytes(&keccak256("cow")).unwrap();
        let mail = TypedMessage::parse(MAIL).unwrap();
        assert_eq!(
            (mail.primary_type(), mail.application()),
            ("Mail", Some("Ether Mail"))
        );
        let signed = mail.sign(&cow).unwrap();
        assert_eq!(
            signed.hash.to_string(),
            "0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2"
        );
        assert_eq!(
            signed.signature.to_string(),
            "0x4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d\
             07299936d304c153f6443dfa05f40ff007d72911b6f72307f996231605b915621c"
        );
    }

    #[test]
    fn what_would_not_be_signed_as_it_is_written_is_refused() {
        let changed = |old: &str, new: &str| TypedMessage::parse(&MAIL.replace(old, new)).unwrap_err();
        let extra = changed(r#""contents":"Hello"#, r#""amount":"1","contents":"Hello"#);
        assert_eq!(extra, TypedError::Extra("amount".to_string()));
        let deep = changed(r#"{"name":"Bob""#, r#"{"iban":"1","name":"Bob""#);
        assert_eq!(deep, TypedError::Extra("iban".to_string()));
        assert_eq!(changed(r#""chainId":1,"#, ""), TypedError::Domain);
        assert_eq!(
            changed(r#""domain":{"#, r#""domain":{"colour":"red","#),
            TypedError::Domain
        );
        assert!(matches!(changed("0xCD2a", "0xZZ2a"), TypedError::Encoding(_)));
        assert!(matches!(
            changed(r#""primaryType":"Mail","#, ""),
            TypedError::Shape(_)
        ));
        for other in ["EIP712Domain", "Letter"] {
            let named = format!(r#""primaryType":"{other}""#);
            assert_eq!(
                changed(r#""primaryType":"Mail""#, &named),
                TypedError::NoMessage(other.to_string())
            );
        }
        let bare =
            r#"{"types":{},"primaryType":"EIP712Domain","domain":{"name":"X"},"message":{"text":"login"}}"#;
        assert_eq!(
            TypedMessage::parse(bare).unwrap_err(),
            TypedError::NoMessage("EIP712Domain".to_string())
        );
        assert!(matches!(TypedMessage::parse("<html>"), Err(TypedError::Shape(_))));
    }
}

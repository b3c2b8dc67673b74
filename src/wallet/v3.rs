//! The Web3 Secret Storage format, version 3: one private key, encrypted by a password.
//!
//! Reading takes what geth, go-livepeer, Foundry and others write and bounds the work a file can ask for. Writing uses
//! geth's own parameters and its `address` field, so geth and go-livepeer list the file.

use std::fmt;

use aes::Aes128;
use alloy::{
    primitives::{Address, B256, keccak256},
    signers::local::PrivateKeySigner,
};
use ctr::cipher::{KeyIvInit, StreamCipher};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::secret::Password;

/// AES-128 in counter mode with a 128-bit big-endian counter: the format's one cipher.
type Aes128Ctr = ctr::Ctr128BE<Aes128>;

/// The most memory a file's scrypt parameters may ask for; geth's ask for 256 MiB.
const MAX_SCRYPT_BYTES: u64 = 1 << 30;
/// The most scrypt work (n·r·p) a file may ask for: 32 times geth's.
const MAX_SCRYPT_WORK: u64 = 1 << 26;
/// The most PBKDF2 rounds a file may ask for; the definition's example has 262 144.
const MAX_PBKDF2_ROUNDS: u32 = 50_000_000;

/// Why a text is not a keystore file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Not JSON, or JSON of another shape.
    #[error("its JSON does not have the shape of one ({0})")]
    Shape(String),
    /// Another version of the format.
    #[error("it has version {0}, only version 3 is known")]
    Version(u32),
    /// A field that has no usable value.
    #[error("its `{0}` cannot be used")]
    Field(&'static str),
    /// Opening it would take unreasonable memory or time.
    #[error("opening it would take an unreasonable amount of work")]
    TooMuchWork,
}

/// Why a keystore file was not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecryptError {
    /// The checksum over the encrypted key differs: another password, or a damaged file.
    #[error("wrong password")]
    WrongPassword,
    /// Opened, but what is inside is no private key.
    #[error("the file holds no valid private key")]
    NoKey,
    /// Opened, but the key belongs to another account.
    #[error("the file says {written}, the key is that of {actual}")]
    AddressMismatch {
        /// What the file says.
        written: Address,
        /// Whose key it is.
        actual: Address,
    },
}

/// How expensive a new file makes guessing its password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strength {
    /// geth's and go-livepeer's: scrypt with n = 262 144, about a second and 256 MiB a guess.
    #[default]
    Standard,
    /// scrypt with n = 8192, some 20 ms a guess: for keys that hold nothing, as on a devnet.
    Light,
}

impl Strength {
    fn log_n(self) -> u8 {
        match self {
            Self::Standard => 18,
            Self::Light => 13,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct FileJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(alias = "Crypto")]
    crypto: CryptoJson,
    #[serde(default)]
    id: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct CryptoJson {
    cipher: String,
    cipherparams: CipherParamsJson,
    ciphertext: String,
    kdf: String,
    kdfparams: KdfParamsJson,
    mac: String,
}

#[derive(Serialize, Deserialize)]
struct CipherParamsJson {
    iv: String,
}

/// Both functions' parameters in one: which are needed follows from `kdf`.
#[derive(Default, Serialize, Deserialize)]
struct KdfParamsJson {
    dklen: u32,
    salt: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    c: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prf: Option<String>,
}

/// How the encryption key follows from the password, checked to be affordable.
enum Derivation {
    Scrypt(scrypt::Params),
    Pbkdf2 { rounds: u32 },
}

/// A keystore file whose parameters were checked, still locked.
pub struct KeyFile {
    address: Option<Address>,
    derivation: Derivation,
    salt: Vec<u8>,
    iv: [u8; 16],
    ciphertext: [u8; 32],
    mac: [u8; 32],
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl KeyFile {
    /// Reads a file's text.
    ///
    /// # Errors
    /// When it is not a keystore file of version 3, or asks for more memory or time than any real one.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let file: FileJson = serde_json::from_str(text).map_err(|error| shape(&error))?;
        if file.version != 3 {
            return Err(FormatError::Version(file.version));
        }
        let crypto = file.crypto;
        if !crypto.cipher.eq_ignore_ascii_case("aes-128-ctr") {
            return Err(FormatError::Field("cipher"));
        }
        let address = match file.address.as_deref() {
            None | Some("") => None,
            Some(text) => Some(text.parse().map_err(|_| FormatError::Field("address"))?),
        };
        let salt = hex::decode(unprefixed(&crypto.kdfparams.salt)).map_err(|_| FormatError::Field("salt"))?;
        if salt.len() > 1024 {
            return Err(FormatError::Field("salt"));
        }
        Ok(Self {
            address,
            derivation: derivation(&crypto.kdf, &crypto.kdfparams)?,
            salt,
            iv: fixed(&crypto.cipherparams.iv, "iv")?,
            ciphertext: fixed(&crypto.ciphertext, "ciphertext")?,
            mac: fixed(&crypto.mac, "mac")?,
        })
    }

    /// The account the file says it holds; files of some tools do not say.
    #[must_use]
    pub fn address(&self) -> Option<Address> {
        self.address
    }

    /// Opens the file. Takes up to a second and hundreds of megabytes: not for an async thread.
    ///
    /// # Errors
    /// On a wrong password, and when the key is not that of the account the file names.
    pub fn decrypt(&self, password: &Password) -> Result<PrivateKeySigner, DecryptError> {
        let mut key = Zeroizing::new([0u8; 32]);
        derive(&self.derivation, password, &self.salt, &mut key);
        if mac(&key, &self.ciphertext) != self.mac {
            return Err(DecryptError::WrongPassword);
        }
        let mut private = Zeroizing::new(self.ciphertext);
        apply_cipher(&key, &self.iv, &mut private);
        let signer = PrivateKeySigner::from_slice(private.as_slice()).map_err(|_| DecryptError::NoKey)?;
        match self.address {
            Some(written) if written != signer.address() => Err(DecryptError::AddressMismatch {
                written,
                actual: signer.address(),
            }),
            _ => Ok(signer),
        }
    }
}

/// Encrypts a key into a file's text. Takes up to a second and hundreds of megabytes: not for an async thread.
#[must_use]
pub fn encrypt(signer: &PrivateKeySigner, password: &Password, strength: Strength) -> String {
    let (salt, iv, id): ([u8; 32], [u8; 16], [u8; 16]) = (rand::random(), rand::random(), rand::random());
    let mut key = Zeroizing::new([0u8; 32]);
    let log_n = strength.log_n();
    #[expect(
        clippy::expect_used,
        reason = "both strengths are valid parameters, and tests use both"
    )]
    let params = scrypt::Params::new(log_n, 8, 1).expect("valid scrypt parameters");
    derive(&Derivation::Scrypt(params), password, &salt, &mut key);
    let mut text = Zeroizing::new(signer.to_bytes().0);
    apply_cipher(&key, &iv, &mut text);
    let file = FileJson {
        address: Some(hex::encode(signer.address())),
        crypto: CryptoJson {
            cipher: "aes-128-ctr".into(),
            cipherparams: CipherParamsJson { iv: hex::encode(iv) },
            ciphertext: hex::encode(text.as_slice()),
            kdf: "scrypt".into(),
            kdfparams: KdfParamsJson {
                dklen: 32,
                salt: hex::encode(salt),
                n: Some(1 << log_n),
                r: Some(8),
                p: Some(1),
                ..KdfParamsJson::default()
            },
            mac: hex::encode(mac(&key, &text)),
        },
        id: random_uuid(id),
        version: 3,
    };
    #[expect(
        clippy::expect_used,
        reason = "strings and numbers only: writing them as JSON cannot fail"
    )]
    serde_json::to_string(&file).expect("plain values become JSON")
}

/// Says what is wrong without repeating the file's content, which may be a key put in the wrong place.
fn shape(error: &serde_json::Error) -> FormatError {
    let what = match error.classify() {
        serde_json::error::Category::Data => "a field is missing or of another type",
        serde_json::error::Category::Eof => "it ends too early",
        _ => "not JSON",
    };
    FormatError::Shape(format!("{what}, line {}", error.line()))
}

fn unprefixed(text: &str) -> &str {
    text.strip_prefix("0x").unwrap_or(text)
}

fn fixed<const LENGTH: usize>(text: &str, field: &'static str) -> Result<[u8; LENGTH], FormatError> {
    let mut bytes = [0u8; LENGTH];
    hex::decode_to_slice(unprefixed(text), &mut bytes).map_err(|_| FormatError::Field(field))?;
    Ok(bytes)
}

fn derivation(kdf: &str, params: &KdfParamsJson) -> Result<Derivation, FormatError> {
    // 16 bytes of the derived key are for the cipher and 16 for the checksum; nothing uses what is beyond.
    if !(32..=64).contains(&params.dklen) {
        return Err(FormatError::Field("dklen"));
    }
    match kdf.to_ascii_lowercase().as_str() {
        "scrypt" => {
            let field = FormatError::Field("kdfparams");
            let (Some(n), Some(r), Some(p)) = (params.n, params.r, params.p) else {
                return Err(field);
            };
            if n < 2 || !n.is_power_of_two() || r == 0 || p == 0 {
                return Err(field);
            }
            let memory = n.saturating_mul(u64::from(r)).saturating_mul(128);
            let work = n.saturating_mul(u64::from(r)).saturating_mul(u64::from(p));
            if memory > MAX_SCRYPT_BYTES || work > MAX_SCRYPT_WORK {
                return Err(FormatError::TooMuchWork);
            }
            let log_n = u8::try_from(n.trailing_zeros()).map_err(|_| field.clone())?;
            Ok(Derivation::Scrypt(
                scrypt::Params::new(log_n, r, p).map_err(|_| field)?,
            ))
        }
        "pbkdf2" => match (params.c, params.prf.as_deref()) {
            (Some(rounds), Some("hmac-sha256")) if rounds > 0 => {
                if rounds > MAX_PBKDF2_ROUNDS {
                    return Err(FormatError::TooMuchWork);
                }
                Ok(Derivation::Pbkdf2 { rounds })
            }
            _ => Err(FormatError::Field("kdfparams")),
        },
        _ => Err(FormatError::Field("kdf")),
    }
}

/// The first 32 bytes of the derived key: both functions give the same ones whatever length is asked for.
fn derive(derivation: &Derivation, password: &Password, salt: &[u8], key: &mut [u8; 32]) {
    let password = password.expose().as_bytes();
    match derivation {
        Derivation::Scrypt(params) => {
            #[expect(clippy::expect_used, reason = "32 bytes are a valid length")]
            scrypt::scrypt(password, salt, params, key).expect("a valid key length");
        }
        Derivation::Pbkdf2 { rounds } => pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password, salt, *rounds, key),
    }
}

fn apply_cipher(key: &[u8; 32], iv: &[u8; 16], text: &mut [u8; 32]) {
    let mut cipher_key = Zeroizing::new([0u8; 16]);
    cipher_key.copy_from_slice(&key[..16]);
    Aes128Ctr::new((&*cipher_key).into(), iv.into()).apply_keystream(text);
}

/// Checksum over the second half of the derived key and the encrypted private key.
fn mac(key: &[u8; 32], ciphertext: &[u8; 32]) -> B256 {
    let mut input = Zeroizing::new([0u8; 48]);
    input[..16].copy_from_slice(&key[16..]);
    input[16..].copy_from_slice(ciphertext);
    keccak256(input.as_slice())
}

/// A random (version 4) UUID: the format wants one and nothing reads it.
fn random_uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex::encode(bytes);
    format!(
        "{}-{}-{}-{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..]
    )
}

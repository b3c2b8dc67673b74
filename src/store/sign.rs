//! Upload policies and their signatures: AWS Signature Version 4 over a policy's text, and Google's RSA.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use ring::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PKCS1_SHA256};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use serde_json::json;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::secret::Password;

/// What is signed is good for a day.
const POLICY_LIFETIME: SignedDuration = SignedDuration::from_hours(24);
/// The only way of signing there is.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// A policy as it travels: base64 of its JSON. It allows public files of any type whose key begins with `key`, and asks
/// for the fields in `more`.
pub(super) fn policy(bucket: &str, key: &str, now: Timestamp, more: &[(&str, &str)]) -> String {
    let expiration = now.checked_add(POLICY_LIFETIME).unwrap_or(now);
    let mut conditions = vec![
        json!({ "bucket": bucket }),
        json!({ "acl": "public-read" }),
        json!(["starts-with", "$Content-Type", ""]),
        json!(["starts-with", "$key", key]),
    ];
    for (name, value) in more {
        conditions.push(json!({ *name: value }));
    }
    let policy = json!({
        "expiration": expiration.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(),
        "conditions": conditions,
    });
    STANDARD.encode(policy.to_string())
}

/// The Version 4 signature of a policy; `date` is like `20151229`, the service always S3.
pub(super) fn version_4(secret: &Password, date: &str, region: &str, policy: &str) -> String {
    let mut key = Zeroizing::new(format!("AWS4{}", secret.expose()).into_bytes());
    for part in [date, region, "s3", "aws4_request"] {
        key = Zeroizing::new(keyed(&key, part.as_bytes()));
    }
    hex::encode(keyed(&key, policy.as_bytes()))
}

fn keyed(key: &[u8], message: &[u8]) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// The key of a Google service account.
pub(super) struct GoogleKey(KeyPair);

impl GoogleKey {
    /// From PEM, as key files hold it; none if it is no RSA key.
    pub(super) fn from_pem(pem: &str) -> Option<Self> {
        let key = match PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()? {
            PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()).ok()?,
            PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()).ok()?,
            _ => return None,
        };
        Some(Self(key))
    }

    /// The signature of a policy, in base64; none if the key does not sign.
    pub(super) fn sign(&self, policy: &str) -> Option<String> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        let random = SystemRandom::new();
        let signed = self
            .0
            .sign(&RSA_PKCS1_SHA256, &random, policy.as_bytes(), &mut signature);
        signed.ok().map(|()| STANDARD.encode(signature))
    }
}

impl fmt::Debug for GoogleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GoogleKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_amazons_example() {
        // "Example: Browser-Based Upload using HTTP POST", Amazon S3 API reference.
        let policy = concat!(
            "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1",
            "Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8i",
            "XSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDov",
            "L3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0",
            "YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUx",
            "MjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFy",
            "dHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZP",
            "RE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGht",
            "IjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9",
        );
        let secret = Password::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into());
        assert_eq!(
            version_4(&secret, "20151229", "us-east-1", policy),
            "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"
        );
    }

    #[test]
    fn a_policy_says_what_may_be_put_where_and_until_when() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let text = STANDARD
            .decode(policy("bucket", "a/\"b", now, &[("x-amz-date", "d")]))
            .unwrap();
        let policy: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(policy["expiration"], "2023-11-15T22:13:20.000Z");
        let conditions = policy["conditions"].as_array().unwrap();
        assert!(conditions.contains(&json!({ "bucket": "bucket" })));
        assert!(conditions.contains(&json!(["starts-with", "$key", "a/\"b"])));
        assert!(conditions.contains(&json!({ "x-amz-date": "d" })));
    }

    #[test]
    fn what_is_no_rsa_key_is_none() {
        for text in [
            "",
            "key",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ] {
            assert!(GoogleKey::from_pem(text).is_none(), "{text}");
        }
    }
}

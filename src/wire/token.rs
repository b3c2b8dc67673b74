//! Session tokens: what an orchestrator hands out in `GetOrchestrator` and wants back with every segment
//! (`go-livepeer core/orchestrator.go`).

use std::{fmt, time::Duration};

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::net;

/// How long a token is good for.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// Why a token is refused. `Display` is the text the gateway gets, byte for byte
/// (`go-livepeer server/segment_rpc.go`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is none.
    #[error("missing auth token")]
    Missing,
    /// This orchestrator did not make it, or something in it was changed.
    #[error("invalid auth token")]
    Invalid,
    /// Its time is over.
    #[error("expired auth token")]
    Expired,
}

/// Makes and checks one orchestrator's tokens.
#[derive(Clone)]
pub struct AuthTokens {
    secret: Zeroizing<[u8; 32]>,
}

/// When a token was issued, in seconds of Unix time: all are good for the same time.
#[must_use]
pub fn issued(token: &net::AuthToken) -> i64 {
    let lifetime = i64::try_from(TOKEN_LIFETIME.as_secs()).unwrap_or(i64::MAX);
    token.expiration.saturating_sub(lifetime)
}

impl AuthTokens {
    /// With the secret of an earlier run, so that its sessions live on.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        Self {
            secret: Zeroizing::new(secret),
        }
    }

    /// With a new secret from the cryptographic generator.
    #[must_use]
    pub fn generate() -> Self {
        Self::new(rand::random())
    }

    /// A token for a new session, good for [`TOKEN_LIFETIME`] from `now`.
    #[must_use]
    pub fn issue(&self, now: Timestamp) -> net::AuthToken {
        let id: [u8; 4] = rand::random();
        let lifetime = i64::try_from(TOKEN_LIFETIME.as_secs()).unwrap_or(i64::MAX);
        self.make(hex::encode(id), now.as_second().saturating_add(lifetime))
    }

    /// The token of a session with an expiration in Unix seconds.
    #[must_use]
    pub fn make(&self, session_id: String, expiration: i64) -> net::AuthToken {
        net::AuthToken {
            token: self.mac(&session_id, expiration).finalize().into_bytes().to_vec(),
            session_id,
            expiration,
        }
    }

    /// Whether this orchestrator made the token, expired or not: enough for ending a session.
    #[must_use]
    pub fn is_ours(&self, token: &net::AuthToken) -> bool {
        // `verify_slice` takes the same time whatever differs.
        self.mac(&token.session_id, token.expiration)
            .verify_slice(&token.token)
            .is_ok()
    }

    /// Whether a segment may use the token at `now`.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] before [`TokenError::Expired`].
    pub fn check(&self, token: &net::AuthToken, now: Timestamp) -> Result<(), TokenError> {
        if !self.is_ours(token) {
            return Err(TokenError::Invalid);
        }
        if now.as_second() > token.expiration {
            return Err(TokenError::Expired);
        }
        Ok(())
    }

    fn mac(&self, session_id: &str, expiration: i64) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.secret).expect("a key of 32 bytes");
        mac.update(session_id.as_bytes());
        mac.update(&minimal_big_endian(expiration.unsigned_abs()));
        mac
    }
}

impl fmt::Debug for AuthTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthTokens(…)")
    }
}

/// Big-endian bytes without leading zeros; none for zero.
fn minimal_big_endian(value: u64) -> Vec<u8> {
    let skip = value.leading_zeros() as usize / 8;
    value.to_be_bytes()[skip..].to_vec()
}

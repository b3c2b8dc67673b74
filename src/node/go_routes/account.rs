//! The node's account: what it has, gives away and signs.

use super::{
    Ask,
    answer::{Answer, Refused, Reply},
    number,
    stake::receiver,
    transact::{done, options},
};
use crate::{chain::TokenChange, units::Lpt, wallet::sign::TypedMessage};

pub(super) async fn address(ask: Ask) -> Reply {
    Answer::text(&ask.account()?.to_checksum(None))
}

pub(super) async fn token_balance(ask: Ask) -> Reply {
    let balances = ask.chain()?.balances(ask.account()?).await;
    let balances = balances.map_err(|error| Refused::failed(error.to_string()))?;
    Answer::text(&balances.wallet_lpt.0)
}

pub(super) async fn eth_balance(ask: Ask) -> Reply {
    let balances = ask.chain()?.balances(ask.account()?).await;
    let balances = balances.map_err(|error| Refused::failed(error.to_string()))?;
    Answer::text(&balances.eth_wei.0)
}

pub(super) async fn transfer(ask: Ask) -> Reply {
    let amount = Lpt(number::amount(&ask.form.value("amount"))?);
    let to = receiver("to", &ask.form.value("to"))?;
    let outbox = ask.outbox()?;
    let options = options(&ask, outbox);
    let change = TokenChange::Transfer { to, amount };
    let plan = outbox.chain().plan_token(outbox.account(), change, options).await;
    done(&ask, "", plan).await
}

pub(super) async fn request_tokens(ask: Ask) -> Reply {
    let outbox = ask.outbox()?;
    let options = options(&ask, outbox);
    let plan = outbox
        .chain()
        .plan_token(outbox.account(), TokenChange::Faucet, options)
        .await;
    done(&ask, "Error requesting tokens from faucet: ", plan).await
}

/// The header that says what a message is.
const FORMAT: &str = "SigFormat";

pub(super) async fn sign(ask: Ask) -> Reply {
    let outbox = ask.outbox()?;
    let message = ask.form.bytes("message");
    let format = ask.headers.get(FORMAT).and_then(|format| format.to_str().ok());
    let signed = match format {
        Some("data/typed") => {
            let text = std::str::from_utf8(message);
            let typed = text
                .map_err(|error| error.to_string())
                .and_then(|text| TypedMessage::parse(text).map_err(|error| error.to_string()));
            let typed = typed
                .map_err(|error| Refused::bad(format!("could not unmarshal typed data - err={error:?}")))?;
            outbox.sign_typed(&typed)
        }
        _ if is_hash(message) => {
            return Err(Refused::bad(
                "these 32 bytes are no text but look like a hash: signed they could be a payment of yours",
            ));
        }
        _ => outbox.sign_message(message),
    };
    match signed {
        Ok(signed) => Ok(Answer::Bytes(signed.signature.to_vec())),
        Err(error) => Err(Refused::failed(format!(
            "could not sign message - err={:?}",
            error.to_string()
        ))),
    }
}

/// Whether a message could be the hash of a ticket, which is signed in the same way.
fn is_hash(message: &[u8]) -> bool {
    let is_text = std::str::from_utf8(message).is_ok_and(|text| !text.chars().any(char::is_control));
    message.len() == 32 && !is_text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_no_message() {
        assert!(is_hash(&[0x9f; 32]) && is_hash(&[0; 32]));
        assert!(!is_hash(b"thirty-two letters are no hash..") && !is_hash(&[0x9f; 31]) && !is_hash(b""));
    }
}

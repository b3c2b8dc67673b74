//! A winning ticket on the wire, as orchestrators leave it with a redeemer.

use alloy::primitives::{Address, B256, U256, keccak256};

use crate::{
    payments::WinningTicket,
    units::{Round, Wei},
    wire::{net, signature, ticket::Ticket},
};

/// Why a message is no winning ticket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketFault {
    /// Something is not there, or not as long as it must be.
    #[error("invalid ticket: {0}")]
    Malformed(&'static str),
    /// The sender did not sign it.
    #[error("invalid ticket signature")]
    Signature,
    /// The recipient's number does not fit its hash.
    #[error("invalid recipientRand for recipientRandHash")]
    RecipientRand,
    /// It did not win.
    #[error("ticket did not win")]
    Lost,
}

/// A number of at most 256 bits, without leading zeros on the wire; zero is the empty string.
fn number(bytes: &[u8], what: &'static str) -> Result<U256, TicketFault> {
    if bytes.len() > 32 {
        return Err(TicketFault::Malformed(what));
    }
    Ok(U256::from_be_slice(bytes))
}

fn small_number(bytes: &[u8], what: &'static str) -> Result<u64, TicketFault> {
    u64::try_from(number(bytes, what)?).map_err(|_| TicketFault::Malformed(what))
}

/// An account on the wire.
///
/// # Errors
/// [`TicketFault::Malformed`] for anything but 20 bytes.
pub fn account(bytes: &[u8], what: &'static str) -> Result<Address, TicketFault> {
    Address::try_from(bytes).map_err(|_| TicketFault::Malformed(what))
}

fn hash(bytes: &[u8], what: &'static str) -> Result<B256, TicketFault> {
    B256::try_from(bytes).map_err(|_| TicketFault::Malformed(what))
}

/// The shortest bytes of a number: none for zero.
#[must_use]
pub fn shortest(value: U256) -> Vec<u8> {
    value.to_be_bytes_trimmed_vec()
}

/// A winner as it travels. The seed stays at home: the redeemer has no use for it.
#[must_use]
pub fn to_wire(won: &WinningTicket) -> net::Ticket {
    let ticket = &won.ticket;
    let expiration = net::TicketExpirationParams {
        creation_round: i64::try_from(ticket.creation_round.0).unwrap_or(i64::MAX),
        creation_round_block_hash: ticket.creation_round_block_hash.to_vec(),
    };
    net::Ticket {
        ticket_params: Some(net::TicketParams {
            recipient: ticket.recipient.to_vec(),
            face_value: shortest(ticket.face_value.0),
            win_prob: shortest(ticket.win_prob),
            recipient_rand_hash: ticket.recipient_rand_hash.to_vec(),
            seed: Vec::new(),
            expiration_block: shortest(U256::from(won.params_expiration_block)),
            expiration_params: Some(expiration.clone()),
        }),
        sender: ticket.sender.to_vec(),
        expiration_params: Some(expiration),
        sender_params: Some(net::TicketSenderParams {
            sender_nonce: ticket.sender_nonce,
            sig: won.signature.to_vec(),
        }),
        recipient_rand: shortest(won.recipient_rand),
    }
}

/// The winner in a message; nothing of it is checked but its form.
///
/// # Errors
/// [`TicketFault::Malformed`].
pub fn from_wire(message: &net::Ticket) -> Result<WinningTicket, TicketFault> {
    let parameters = message
        .ticket_params
        .as_ref()
        .ok_or(TicketFault::Malformed("no parameters"))?;
    let expiration = message
        .expiration_params
        .as_ref()
        .or(parameters.expiration_params.as_ref())
        .ok_or(TicketFault::Malformed("no expiration parameters"))?;
    let from_sender = message
        .sender_params
        .as_ref()
        .ok_or(TicketFault::Malformed("no sender parameters"))?;
    let round =
        u64::try_from(expiration.creation_round).map_err(|_| TicketFault::Malformed("creation round"))?;
    Ok(WinningTicket {
        ticket: Ticket {
            recipient: account(&parameters.recipient, "recipient")?,
            sender: account(&message.sender, "sender")?,
            face_value: Wei(number(&parameters.face_value, "face value")?),
            win_prob: number(&parameters.win_prob, "win probability")?,
            sender_nonce: from_sender.sender_nonce,
            recipient_rand_hash: hash(&parameters.recipient_rand_hash, "recipientRandHash")?,
            creation_round: Round(round),
            creation_round_block_hash: hash(&expiration.creation_round_block_hash, "block hash")?,
        },
        signature: from_sender
            .sig
            .as_slice()
            .try_into()
            .map_err(|_| TicketFault::Malformed("signature"))?,
        recipient_rand: number(&message.recipient_rand, "recipientRand")?,
        params_expiration_block: small_number(&parameters.expiration_block, "expiration block")?,
    })
}

/// Checks what the contract would: the number, the signature, the draw.
///
/// # Errors
/// The first [`TicketFault`] found.
pub fn check(won: &WinningTicket) -> Result<(), TicketFault> {
    let ticket = &won.ticket;
    let rand = won.recipient_rand.to_be_bytes::<32>();
    if keccak256(rand) != ticket.recipient_rand_hash {
        return Err(TicketFault::RecipientRand);
    }
    if !signature::verify_hash(ticket.sender, ticket.hash(), &won.signature) {
        return Err(TicketFault::Signature);
    }
    let draw = keccak256([won.signature.as_slice(), &rand].concat());
    if U256::from_be_bytes(draw.0) >= ticket.win_prob {
        return Err(TicketFault::Lost);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use alloy::signers::{SignerSync as _, local::PrivateKeySigner};

    use super::*;

    pub(crate) fn winner() -> WinningTicket {
        let signer: PrivateKeySigner = format!("0x{:064x}", 1).parse().unwrap();
        let recipient_rand = U256::from(1_234_567);
        let ticket = Ticket {
            recipient: Address::repeat_byte(1),
            sender: signer.address(),
            face_value: Wei::gwei(100),
            win_prob: U256::MAX,
            sender_nonce: 7,
            recipient_rand_hash: keccak256(recipient_rand.to_be_bytes::<32>()),
            creation_round: Round(42),
            creation_round_block_hash: B256::repeat_byte(4),
        };
        let signature = signer.sign_hash_sync(&ticket.digest()).unwrap();
        WinningTicket {
            ticket,
            signature: signature.as_bytes(),
            recipient_rand,
            params_expiration_block: 70_000,
        }
    }

    #[test]
    fn a_winner_comes_back_as_it_went() {
        let won = winner();
        let message = to_wire(&won);
        assert_eq!(from_wire(&message), Ok(won.clone()));
        assert_eq!(
            message.ticket_params.as_ref().unwrap().expiration_block,
            [1, 0x11, 0x70]
        );
        assert_eq!(check(&won), Ok(()));
    }

    #[test]
    fn trap_47_what_the_contract_would_refuse_is_refused() {
        let mut forged = winner();
        forged.ticket.face_value = Wei::ether(5);
        assert_eq!(check(&forged), Err(TicketFault::Signature));
        let mut guessed = winner();
        guessed.recipient_rand = U256::from(1);
        assert_eq!(check(&guessed), Err(TicketFault::RecipientRand));
        let mut loser = winner();
        loser.ticket.win_prob = U256::ZERO;
        let signer: PrivateKeySigner = format!("0x{:064x}", 1).parse().unwrap();
        loser.signature = signer.sign_hash_sync(&loser.ticket.digest()).unwrap().as_bytes();
        assert_eq!(check(&loser), Err(TicketFault::Lost));
    }

    #[test]
    fn what_is_missing_or_misshapen_is_said_and_never_panics() {
        assert_eq!(
            from_wire(&net::Ticket::default()),
            Err(TicketFault::Malformed("no parameters"))
        );
        let whole = to_wire(&winner());
        let spoil: [fn(&mut net::Ticket); 6] = [
            |message| message.sender_params = None,
            |message| message.sender = vec![1; 19],
            |message| message.recipient_rand = vec![1; 33],
            |message| message.sender_params.as_mut().unwrap().sig.push(0),
            |message| message.ticket_params.as_mut().unwrap().expiration_block = vec![255; 9],
            |message| message.expiration_params.as_mut().unwrap().creation_round = -1,
        ];
        for spoil in spoil {
            let mut message = whole.clone();
            spoil(&mut message);
            assert!(matches!(from_wire(&message), Err(TicketFault::Malformed(_))));
        }
    }
}

//! The recipient's numbers: each is worked out again from what the gateway sends back, so that none is kept.
//!
//! Whoever can name a number before its tickets are redeemed can choose tickets that lose, and whoever can change what
//! goes into one without changing it can pay less than was agreed. So each number is a MAC under a secret of the node's,
//! over everything that was agreed. Other nodes never see how it is made; go-livepeer joins the fields without telling
//! where one ends (`go-livepeer pm/recipient.go`), and here each one has its length before it, behind a name of what
//! the number is for, so that no two agreements and no other use of the secret can meet in one message.

use std::fmt;

use alloy::primitives::{Address, U256};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::payments::{Parameters, Price};

/// What the numbers are for, and the version of how they are made.
const PURPOSE: &[u8] = b"lpctl/ticket/recipient-rand/1";

/// What the recipient's numbers are made with. Who has it can cheat the node: it is never shown.
#[derive(Clone)]
pub struct RecipientSecret(Zeroizing<[u8; 32]>);

impl RecipientSecret {
    /// A secret that was kept, so that parameters given before a restart are good after it.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        Self(Zeroizing::new(secret))
    }

    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self::new(rand::random())
    }

    /// The number for what was agreed with a gateway. Every field of the parameters counts but the recipient, which is
    /// always this node, and the number's own hash.
    #[must_use]
    pub fn recipient_rand(&self, sender: Address, parameters: &Parameters, price: &Price) -> U256 {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.0).expect("a key of 32 bytes");
        let mut field = |bytes: &[u8]| {
            mac.update(&(bytes.len() as u64).to_be_bytes());
            mac.update(bytes);
        };
        field(PURPOSE);
        field(&parameters.seed.to_be_bytes::<32>());
        field(sender.as_slice());
        field(&parameters.face_value.0.to_be_bytes::<32>());
        field(&parameters.win_prob.to_be_bytes::<32>());
        field(&parameters.expiration_block.to_be_bytes());
        // In lowest terms: 1200/2 and 600/1 are one price.
        field(&price.as_ratio().numer().to_signed_bytes_be());
        field(&price.as_ratio().denom().to_signed_bytes_be());
        field(&parameters.creation_round.0.to_be_bytes());
        field(parameters.creation_round_block_hash.as_slice());
        U256::from_be_slice(&mac.finalize().into_bytes())
    }
}

impl fmt::Debug for RecipientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecipientSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;

    use super::*;
    use crate::units::{Round, Wei};

    #[test]
    fn every_part_of_an_agreement_changes_the_number() {
        let agreed = Parameters {
            recipient: Address::repeat_byte(1),
            face_value: Wei(U256::from(1000)),
            win_prob: U256::from(77),
            recipient_rand_hash: B256::ZERO,
            seed: U256::from(5),
            expiration_block: 140,
            creation_round: Round(9),
            creation_round_block_hash: B256::repeat_byte(2),
        };
        let (secret, price) = (RecipientSecret::new([7; 32]), Price::new(1200, 1).unwrap());
        let sender = Address::repeat_byte(3);
        let number = |change: fn(&mut Parameters)| {
            let mut parameters = agreed.clone();
            change(&mut parameters);
            secret.recipient_rand(sender, &parameters, &price)
        };
        let numbers = [
            number(|_| {}),
            number(|agreed| agreed.face_value = Wei(U256::from(1001))),
            number(|agreed| agreed.win_prob = U256::from(78)),
            number(|agreed| agreed.seed = U256::from(6)),
            number(|agreed| agreed.expiration_block = 141),
            number(|agreed| agreed.creation_round = Round(10)),
            number(|agreed| agreed.creation_round_block_hash = B256::repeat_byte(3)),
            secret.recipient_rand(Address::repeat_byte(4), &agreed, &price),
            secret.recipient_rand(sender, &agreed, &Price::new(1, 1200).unwrap()),
            secret.recipient_rand(sender, &agreed, &Price::new(1201, 1).unwrap()),
            RecipientSecret::new([8; 32]).recipient_rand(sender, &agreed, &price),
        ];
        let distinct: std::collections::HashSet<_> = numbers.iter().collect();
        assert_eq!(distinct.len(), numbers.len());
        // The same agreement in other words is the same.
        let same = secret.recipient_rand(sender, &agreed, &Price::new(2400, 2).unwrap());
        assert_eq!(same, numbers[0]);
        assert_eq!(
            number(|agreed| agreed.recipient_rand_hash = B256::repeat_byte(1)),
            numbers[0]
        );
    }

    #[test]
    fn the_secret_is_not_shown() {
        assert_eq!(
            format!("{:?}", RecipientSecret::new([0xab; 32])),
            "RecipientSecret(…)"
        );
    }
}

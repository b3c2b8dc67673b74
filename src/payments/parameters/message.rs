//! Parameters as protocol messages. Whole numbers travel big-endian without leading zeros, and are read with any number
//! of them (`go-livepeer net/lp_rpc.proto`, `server/rpc.go`).

use alloy::primitives::{B256, U256};

use crate::{
    payments::Parameters,
    units::{Round, Wei},
    wire::net,
};

/// Longest number that is read, leading zeros included.
const NUMBER_BYTES: usize = 1024;

/// Why parameters in a message are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParametersFault {
    /// A field holds too many bytes, or too few.
    #[error("ticket parameters with {length} bytes for the {field}")]
    Length {
        /// The field.
        field: &'static str,
        /// How many there are.
        length: usize,
    },
    /// They do not say when they were made.
    #[error("ticket parameters without creation round")]
    NoCreation,
    /// The round is below zero.
    #[error("ticket parameters with creation round {0}")]
    Round(i64),
}

impl Parameters {
    /// As an orchestrator offers them.
    #[must_use]
    pub fn to_wire(&self) -> net::TicketParams {
        net::TicketParams {
            expiration_params: Some(self.creation()),
            ..self.without_creation()
        }
    }

    /// As a payment names them: when they were made is told beside them.
    #[must_use]
    pub fn without_creation(&self) -> net::TicketParams {
        net::TicketParams {
            recipient: self.recipient.to_vec(),
            face_value: minimal(self.face_value.0),
            win_prob: minimal(self.win_prob),
            recipient_rand_hash: self.recipient_rand_hash.to_vec(),
            seed: minimal(self.seed),
            expiration_block: minimal(U256::from(self.expiration_block)),
            expiration_params: None,
        }
    }

    /// When they were made.
    #[must_use]
    pub fn creation(&self) -> net::TicketExpirationParams {
        net::TicketExpirationParams {
            creation_round: i64::try_from(self.creation_round.0).unwrap_or(i64::MAX),
            creation_round_block_hash: self.creation_round_block_hash.to_vec(),
        }
    }

    /// What an orchestrator offers. Old ones do not say when it was made: round and block are zero then.
    ///
    /// # Errors
    /// [`ParametersFault`].
    pub fn from_wire(message: &net::TicketParams) -> Result<Self, ParametersFault> {
        let nothing = net::TicketExpirationParams::default();
        read(message, message.expiration_params.as_ref().unwrap_or(&nothing))
    }

    /// What a payment is made by; none in a payment without tickets.
    ///
    /// # Errors
    /// [`ParametersFault`]; a payment that does not say when its parameters were made is one.
    pub fn from_payment(payment: &net::Payment) -> Result<Option<Self>, ParametersFault> {
        let Some(parameters) = &payment.ticket_params else {
            return Ok(None);
        };
        let creation = payment.expiration_params.as_ref();
        read(parameters, creation.ok_or(ParametersFault::NoCreation)?).map(Some)
    }
}

fn read(
    message: &net::TicketParams,
    creation: &net::TicketExpirationParams,
) -> Result<Parameters, ParametersFault> {
    let expiration_block = number("expiration block", &message.expiration_block)?;
    Ok(Parameters {
        recipient: fixed::<20>("recipient", &message.recipient)?.into(),
        face_value: Wei(number("face value", &message.face_value)?),
        win_prob: number("win prob", &message.win_prob)?,
        recipient_rand_hash: hash("recipient rand hash", &message.recipient_rand_hash)?,
        seed: number("seed", &message.seed)?,
        expiration_block: expiration_block.saturating_to(),
        creation_round: Round(
            u64::try_from(creation.creation_round)
                .map_err(|_| ParametersFault::Round(creation.creation_round))?,
        ),
        creation_round_block_hash: hash("creation round block hash", &creation.creation_round_block_hash)?,
    })
}

/// Exactly so many bytes, or none at all for zero.
fn fixed<const N: usize>(field: &'static str, bytes: &[u8]) -> Result<[u8; N], ParametersFault> {
    if bytes.is_empty() {
        return Ok([0; N]);
    }
    bytes.try_into().map_err(|_| ParametersFault::Length {
        field,
        length: bytes.len(),
    })
}

fn hash(field: &'static str, bytes: &[u8]) -> Result<B256, ParametersFault> {
    Ok(fixed::<32>(field, bytes)?.into())
}

fn number(field: &'static str, bytes: &[u8]) -> Result<U256, ParametersFault> {
    let wrong = || ParametersFault::Length {
        field,
        length: bytes.len(),
    };
    if bytes.len() > NUMBER_BYTES {
        return Err(wrong());
    }
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    U256::try_from_be_slice(&bytes[zeros..]).ok_or_else(wrong)
}

/// Big-endian bytes without leading zeros; none for zero.
fn minimal(value: U256) -> Vec<u8> {
    value.to_be_bytes_trimmed_vec()
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;

    use super::*;

    fn parameters() -> Parameters {
        Parameters {
            recipient: Address::repeat_byte(7),
            face_value: Wei(U256::from(0x1_00_u64)),
            win_prob: U256::MAX >> 3,
            recipient_rand_hash: B256::repeat_byte(9),
            seed: U256::from(0xff11),
            expiration_block: 19_000_040,
            creation_round: Round(3400),
            creation_round_block_hash: B256::repeat_byte(3),
        }
    }

    fn payment() -> net::Payment {
        net::Payment {
            ticket_params: Some(parameters().without_creation()),
            expiration_params: Some(parameters().creation()),
            ..net::Payment::default()
        }
    }

    #[test]
    fn parameters_come_back_as_they_went() {
        assert_eq!(Parameters::from_wire(&parameters().to_wire()), Ok(parameters()));
        assert_eq!(Parameters::from_payment(&payment()), Ok(Some(parameters())));
        assert_eq!(Parameters::from_payment(&net::Payment::default()), Ok(None));
        let message = parameters().to_wire();
        assert_eq!(message.face_value, [1, 0]);
        assert_eq!(message.seed, [0xff, 0x11]);
        assert_eq!(message.expiration_block, [1, 0x21, 0xea, 0xe8]);
    }

    #[test]
    fn numbers_are_read_with_any_number_of_zeros_and_no_more_than_fit() {
        let mut message = parameters().to_wire();
        message.seed = [vec![0; 40], vec![0xff, 0x11]].concat();
        message.face_value = Vec::new();
        let read = Parameters::from_wire(&message).unwrap();
        assert_eq!((read.seed, read.face_value), (U256::from(0xff11), Wei::ZERO));
        message.win_prob = vec![1; 33];
        assert_eq!(
            Parameters::from_wire(&message),
            Err(ParametersFault::Length {
                field: "win prob",
                length: 33
            })
        );
        message.win_prob = vec![0; 2000];
        assert!(Parameters::from_wire(&message).is_err());
    }

    #[test]
    fn trap_21_a_payment_that_does_not_say_when_its_parameters_were_made_is_refused() {
        let without = net::Payment {
            expiration_params: None,
            ..payment()
        };
        assert_eq!(
            Parameters::from_payment(&without),
            Err(ParametersFault::NoCreation)
        );
    }

    #[test]
    fn what_is_no_address_hash_or_round_is_refused() {
        let with = |change: fn(&mut net::Payment)| {
            let mut payment = payment();
            change(&mut payment);
            Parameters::from_payment(&payment).is_err()
        };
        assert!(with(|payment| payment
            .expiration_params
            .as_mut()
            .unwrap()
            .creation_round = -1));
        assert!(with(|payment| payment
            .ticket_params
            .as_mut()
            .unwrap()
            .recipient = vec![1; 21]));
        assert!(with(|payment| {
            payment.ticket_params.as_mut().unwrap().recipient_rand_hash = vec![1; 31];
        }));
    }
}

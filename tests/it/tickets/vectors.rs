//! Golden values of tickets: made, signed and drawn as everybody else does.

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    signers::local::PrivateKeySigner,
};
use engine::{
    payments::{Exact, Parameters, Terms, parameters::win_prob},
    units::{Round, Wei},
    wire::{
        signature::{LocalSigner, MessageSigner as _, recover},
        ticket::{Ticket, draw, rand_hash},
    },
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha2::Sha256;

use crate::wire::vectors;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    #[serde(rename = "origin")]
    _origin: String,
    hashes: Vec<Hashed>,
    agreed: Agreed,
    contract: Contract,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hashed {
    face_value: u64,
    win_prob: u64,
    sender_nonce: u32,
    creation_round: u64,
    creation_round_block_hash: B256,
    hash: B256,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Agreed {
    sender_key: B256,
    sender: Address,
    recipient: Address,
    secret: B256,
    seed: U256,
    ticket_ev: u64,
    face_value: u64,
    win_prob: U256,
    expiration_block: u64,
    price_per_unit: u64,
    pixels_per_unit: u64,
    creation_round: u64,
    creation_round_block_hash: B256,
    recipient_rand: U256,
    recipient_rand_hash: B256,
    sender_nonce: u32,
    hash: B256,
    digest: B256,
    signature: Bytes,
    draw: U256,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contract {
    sender_key: B256,
    recipient: Address,
    face_value: u64,
    win_prob: U256,
    sender_nonce: u32,
    recipient_rand: u64,
    creation_round: u64,
    creation_round_block_hash: B256,
    hash: B256,
    signature: Bytes,
    draw: U256,
}

fn read() -> Vectors {
    vectors::read("payments.json")
}

fn wei(amount: u64) -> Wei {
    Wei(U256::from(amount))
}

fn signer(key: &B256) -> LocalSigner {
    LocalSigner(PrivateKeySigner::from_bytes(key).unwrap())
}

fn signature(bytes: &Bytes) -> [u8; 65] {
    bytes.as_ref().try_into().unwrap()
}

#[test]
fn tickets_hash_as_others_hash_them() {
    for one in read().hashes {
        let ticket = Ticket {
            recipient: Address::ZERO,
            sender: Address::ZERO,
            face_value: wei(one.face_value),
            win_prob: U256::from(one.win_prob),
            sender_nonce: one.sender_nonce,
            recipient_rand_hash: B256::ZERO,
            creation_round: Round(one.creation_round),
            creation_round_block_hash: one.creation_round_block_hash,
        };
        assert_eq!(ticket.hash(), one.hash);
    }
}

/// How go-livepeer makes the recipient's number: the fields joined, without leading zeros and without lengths.
fn number_of_go_livepeer(agreed: &Agreed, parameters: &Parameters) -> U256 {
    let mut mac = Hmac::<Sha256>::new_from_slice(agreed.secret.as_slice()).unwrap();
    mac.update(&parameters.seed.to_be_bytes_trimmed_vec());
    mac.update(agreed.sender.as_slice());
    for number in [
        parameters.face_value.0,
        parameters.win_prob,
        U256::from(parameters.expiration_block),
        U256::from(agreed.price_per_unit),
        U256::from(agreed.pixels_per_unit),
    ] {
        mac.update(&number.to_be_bytes_trimmed_vec());
    }
    mac.update(&U256::from(parameters.creation_round.0).to_be_bytes::<32>());
    mac.update(parameters.creation_round_block_hash.as_slice());
    U256::from_be_slice(&mac.finalize().into_bytes())
}

#[test]
fn a_ticket_is_made_signed_and_drawn_from_end_to_end() {
    let agreed = read().agreed;
    let ev = wei(agreed.ticket_ev);
    let terms = Terms {
        ticket_ev: ev,
        max_face_value: None,
        redeem_gas: 1_200_000,
        gas_price: wei(10_000_000),
        max_float: Wei::ether(1),
    };
    let face_value = terms.face_value().unwrap();
    assert_eq!(face_value, wei(agreed.face_value));
    let mut parameters = Parameters {
        recipient: agreed.recipient,
        face_value,
        win_prob: win_prob(face_value, ev),
        recipient_rand_hash: B256::ZERO,
        seed: agreed.seed,
        expiration_block: agreed.expiration_block,
        creation_round: Round(agreed.creation_round),
        creation_round_block_hash: agreed.creation_round_block_hash,
    };
    assert_eq!(parameters.win_prob, agreed.win_prob);
    assert!(parameters.expected_value() >= Exact::from(ev));
    let number = number_of_go_livepeer(&agreed, &parameters);
    assert_eq!(number, agreed.recipient_rand);
    parameters.recipient_rand_hash = rand_hash(number);
    assert_eq!(parameters.recipient_rand_hash, agreed.recipient_rand_hash);
    let signer = signer(&agreed.sender_key);
    assert_eq!(signer.address(), agreed.sender);
    let ticket = parameters.ticket(agreed.sender, agreed.sender_nonce);
    assert_eq!((ticket.hash(), ticket.digest()), (agreed.hash, agreed.digest));
    let signed = signer.sign(&ticket.message());
    assert_eq!(signed, agreed.signature);
    assert_eq!(recover(ticket.digest(), &signed), Some(agreed.sender));
    let signature = signature(&agreed.signature);
    assert_eq!(draw(&signature, number), agreed.draw);
    assert!(!ticket.wins(&signature, number));
}

#[test]
fn a_ticket_is_what_the_contract_pays_for() {
    let contract = read().contract;
    let signer = signer(&contract.sender_key);
    let number = U256::from(contract.recipient_rand);
    let ticket = Ticket {
        recipient: contract.recipient,
        sender: signer.address(),
        face_value: wei(contract.face_value),
        win_prob: contract.win_prob,
        sender_nonce: contract.sender_nonce,
        recipient_rand_hash: rand_hash(number),
        creation_round: Round(contract.creation_round),
        creation_round_block_hash: contract.creation_round_block_hash,
    };
    assert_eq!(ticket.hash(), contract.hash);
    assert_eq!(signer.sign(&ticket.message()), contract.signature);
    let signature = signature(&contract.signature);
    assert_eq!(draw(&signature, number), contract.draw);
    assert!(ticket.wins(&signature, number));
}

#[test]
fn trap_11_the_draw_is_strictly_below_the_chance_and_depends_on_v() {
    let contract = read().contract;
    let signature = signature(&contract.signature);
    let number = U256::from(contract.recipient_rand);
    let with_chance = |win_prob| {
        Ticket {
            recipient: contract.recipient,
            sender: Address::ZERO,
            face_value: wei(1),
            win_prob,
            sender_nonce: 1,
            recipient_rand_hash: rand_hash(number),
            creation_round: Round(1),
            creation_round_block_hash: B256::ZERO,
        }
        .wins(&signature, number)
    };
    assert!(!with_chance(contract.draw));
    assert!(with_chance(contract.draw + U256::from(1)));
    assert!(with_chance(U256::MAX));
    assert!(!with_chance(U256::ZERO));
    // A V of 0 or 1 would be another draw, and the contract takes none of them.
    let mut normalised = signature;
    normalised[64] -= 27;
    assert_ne!(draw(&normalised, number), contract.draw);
    assert_eq!(recover(contract.hash, &normalised), None);
    // The other half of the curve's order would be a second draw with the same ticket.
    let order = U256::from_be_slice(
        &hex::decode("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141").unwrap(),
    );
    let mut twin = signature;
    let s = U256::from_be_slice(&signature[32..64]);
    twin[32..64].copy_from_slice(&(order - s).to_be_bytes::<32>());
    twin[64] = 27 + 28 - twin[64];
    let digest = engine::wire::signature::hash_digest(contract.hash);
    assert_eq!(recover(digest, &twin), None);
    assert!(recover(digest, &signature).is_some());
    assert_eq!(recover(digest, &signature[..64]), None);
}

//! The side that pays: what it accepts, and what it sends.

use alloy::primitives::{B256, U256};
use engine::{
    payments::{Parameters, Payment, Price, SenderError, SenderFailure, SenderSettings, TicketSender},
    units::{Round, Wei},
    wire::{net, signature::Offchain},
};

use super::parties::{Parties, wei};

fn price() -> net::PriceInfo {
    net::PriceInfo {
        price_per_unit: 1200,
        pixels_per_unit: 1,
        ..net::PriceInfo::default()
    }
}

#[tokio::test]
async fn what_a_gateway_sends_an_orchestrator_takes() {
    let parties = Parties::new();
    let offered = Parameters::from_wire(&parties.parameters().await.to_wire()).unwrap();
    for first in [1, 4] {
        let batch = parties.sender.make(&offered, 3).await.unwrap();
        let numbers: Vec<u32> = batch.tickets.iter().map(|ticket| ticket.sender_nonce).collect();
        assert_eq!(numbers, [first, first + 1, first + 2]);
        let payment = batch.into_payment(parties.account(), price());
        assert_eq!(payment.sender, parties.account().to_vec());
        assert_eq!(payment.ticket_params.as_ref().unwrap().expiration_params, None);
        let parameters = Parameters::from_payment(&payment).unwrap().unwrap();
        let received = parties
            .recipient
            .receive(Payment {
                sender: parties.account(),
                price: &Price::new(1200, 1).unwrap(),
                parameters: &parameters,
                tickets: &payment.ticket_sender_params,
            })
            .await;
        assert_eq!(received.failure, None);
        assert_eq!(received.credit, offered.expected_value().times(3));
    }
    // Others begin at 1 again.
    let fresh = parties.parameters().await;
    assert_eq!(
        parties.sender.make(&fresh, 1).await.unwrap().tickets[0].sender_nonce,
        1
    );
}

#[tokio::test]
async fn a_payment_without_tickets_names_sender_and_price_alone() {
    let parties = Parties::new();
    let parameters = parties.parameters().await;
    let batch = parties.sender.make(&parameters, 0).await.unwrap();
    let payment = batch.into_payment(parties.account(), price());
    let expected = net::Payment {
        sender: parties.account().to_vec(),
        expected_price: Some(price()),
        ..net::Payment::default()
    };
    assert_eq!(payment, expected);
    assert_eq!(Parameters::from_payment(&payment), Ok(None));
}

#[tokio::test]
async fn tickets_made_at_once_have_numbers_of_their_own() {
    let parties = Parties::new();
    let parameters = parties.parameters().await;
    let made = (0..20).map(|_| {
        let (sender, parameters) = (parties.sender.clone(), parameters.clone());
        tokio::spawn(async move { sender.make(&parameters, 5).await.unwrap().tickets })
    });
    let mut numbers = Vec::new();
    for tickets in made.collect::<Vec<_>>() {
        numbers.extend(
            tickets
                .await
                .unwrap()
                .into_iter()
                .map(|ticket| ticket.sender_nonce),
        );
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=100).collect::<Vec<u32>>());
}

#[tokio::test]
async fn no_more_tickets_are_made_than_are_taken() {
    let parties = Parties::new();
    let parameters = parties.parameters().await;
    assert_eq!(
        parties.sender.make(&parameters, 600).await.unwrap().tickets.len(),
        600
    );
    let error = parties.sender.make(&parameters, 1).await.unwrap_err();
    assert_eq!(error, SenderError::UsedUp { made: 600 });
    assert!(error.wants_refresh());
}

#[tokio::test]
async fn an_orchestrator_of_old_leaves_the_round_to_the_gateway() {
    let parties = Parties::new();
    let mut parameters = parties.parameters().await;
    parameters.creation_round = Round(0);
    parameters.creation_round_block_hash = B256::ZERO;
    let batch = parties.sender.make(&parameters, 1).await.unwrap();
    assert_eq!(batch.parameters.creation_round, Round(10));
    assert_eq!(
        batch.parameters.creation_round_block_hash,
        B256::repeat_byte(0xaa)
    );
}

#[tokio::test]
async fn parameters_are_judged_in_the_order_others_have() {
    let parties = Parties::new();
    let judged = async |change: fn(&mut Parameters), tickets: u32| {
        let mut parameters = parties.parameters().await;
        change(&mut parameters);
        match parties.sender.check(&parameters, tickets).await {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        }
    };
    assert_eq!(judged(|_| {}, 1).await, "");
    assert_eq!(
        judged(|parameters| parameters.expiration_block = 0, 1).await,
        "ticketParams expiration block is 0"
    );
    // Block 1000: 1002 will do.
    assert_eq!(
        judged(|parameters| parameters.expiration_block = 1002, 1).await,
        ""
    );
    for block in [1001, 1000, 999, 1] {
        let mut parameters = parties.parameters().await;
        parameters.expiration_block = block;
        let error = parties.sender.check(&parameters, 1).await.unwrap_err();
        assert_eq!(error.to_string(), "TicketParams expired");
        assert!(error.wants_refresh() && parties.sender.is_ending(&parameters));
    }
    // Worth nothing: the rest does not matter.
    parties.gateway_has(|facts| facts.deposit = Wei::ZERO);
    assert_eq!(judged(|parameters| parameters.win_prob = U256::ZERO, 1).await, "");
    assert_eq!(
        judged(|parameters| parameters.win_prob = U256::MAX, 1).await,
        "ticket faceValue too low faceValue=1200000000000000"
    );
    let dear = |parameters: &mut Parameters| parameters.win_prob = U256::MAX / U256::from(3);
    assert_eq!(
        judged(dear, 1).await,
        "ticket EV 400000000000000.00000 > max ticket EV 3000000000000.00000"
    );
    parties.gateway_has(|facts| facts.withdraw_round = Round(11));
    assert_eq!(
        judged(|_| {}, 1).await,
        "unable to validate sender: deposit and reserve is set to unlock soon"
    );
    parties.gateway_has(|facts| {
        facts.withdraw_round = Round(12);
        facts.reserve = Wei::ZERO;
    });
    assert_eq!(judged(|_| {}, 9999).await, "no sender reserve");
    parties.gateway_has(|facts| facts.reserve = wei(1));
    assert_eq!(judged(|_| {}, 9999).await, "no sender deposit");
    parties.gateway_has(|facts| facts.deposit = wei(1));
    assert_eq!(
        judged(|_| {}, 2499).await,
        "ticket faceValue 1200000000000000 > max faceValue 1"
    );
    let total = judged(|_| {}, 2500).await;
    assert!(
        total.starts_with("total ticket EV 20000000000000.")
            && total.ends_with(" for 2500 tickets > max total ticket EV 20000000000000.00000"),
        "{total}"
    );
}

#[tokio::test]
async fn the_deposit_covers_a_winner_as_often_as_the_operator_wants() {
    let parties = Parties::new();
    let parameters = parties.parameters().await;
    let careful = TicketSender::new(
        SenderSettings {
            deposit_multiplier: 3.try_into().unwrap(),
            ..SenderSettings::default()
        },
        std::sync::Arc::new(parties.signer.clone()),
        parties.clock.subscribe(),
        parties.funds.clone(),
    );
    let face_value = 1_200_000_000_000_000;
    parties.gateway_has(|facts| facts.deposit = wei(3 * face_value));
    assert_eq!(careful.check(&parameters, 1).await, Ok(()));
    parties.gateway_has(|facts| facts.deposit = wei(3 * face_value - 1));
    let error = careful.check(&parameters, 1).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("ticket faceValue {face_value} > max faceValue {}", face_value - 1)
    );
    assert!(!error.is_own_fault());
}

#[tokio::test]
async fn without_chain_funds_or_account_nothing_is_made() {
    let parties = Parties::new();
    let parameters = parties.parameters().await;
    let nobody = TicketSender::new(
        SenderSettings::default(),
        std::sync::Arc::new(Offchain),
        parties.clock.subscribe(),
        parties.funds.clone(),
    );
    let error = nobody.make(&parameters, 1).await.unwrap_err();
    assert_eq!(error, SenderError::NotSigned);
    *parties.funds.facts.lock().unwrap() = Err(SenderFailure("no endpoint answers".into()));
    let error = parties.sender.make(&parameters, 1).await.unwrap_err();
    assert!(
        error.is_own_fault() && error.to_string().contains("no endpoint answers"),
        "{error}"
    );
    parties.clock.send_replace(None);
    let error = parties.sender.make(&parameters, 1).await.unwrap_err();
    assert!(
        error.is_own_fault() && error.to_string().contains("has not been read"),
        "{error}"
    );
}

//! The side that is paid: what it asks for, and what it takes.

use alloy::{
    primitives::{Address, B256, U256},
    signers::local::PrivateKeySigner,
};
use engine::{
    payments::{
        Exact, Parameters, Payment, Price, Received, Recipient, RecipientSecret, RecipientSettings,
        SenderFailure, TicketFailure,
        recipient::{NONCES, SeenNonce},
    },
    units::{Round, Wei},
    wire::{
        net,
        signature::{LocalSigner, MessageSigner as _},
        ticket::rand_hash,
    },
};

use super::parties::{Parties, RECIPIENT, SECRET, wei};

impl Parties {
    async fn pays(&self, parameters: &Parameters, tickets: &[net::TicketSenderParams]) -> Received {
        self.pays_to(&self.recipient, parameters, tickets).await
    }

    async fn pays_to(
        &self,
        recipient: &Recipient,
        parameters: &Parameters,
        tickets: &[net::TicketSenderParams],
    ) -> Received {
        let payment = Payment {
            sender: self.account(),
            price: &self.price,
            parameters,
            tickets,
        };
        recipient.receive(payment).await
    }
}

/// Parameters every ticket wins with, made the recipient's way.
async fn certain(parties: &Parties) -> Parameters {
    let mut parameters = parties.parameters().await;
    parameters.win_prob = U256::MAX;
    agree(parties, &mut parameters);
    parameters
}

/// Has the recipient agree to changed parameters.
fn agree(parties: &Parties, parameters: &mut Parameters) {
    let secret = RecipientSecret::new(SECRET);
    let number = secret.recipient_rand(parties.account(), parameters, &parties.price);
    parameters.recipient_rand_hash = rand_hash(number);
}

#[tokio::test]
async fn parameters_ask_for_what_the_operator_wishes() {
    let parties = Parties::new();
    let parameters = parties.parameters().await;
    assert_eq!(parameters.recipient, RECIPIENT);
    assert_eq!(parameters.face_value, wei(1_200_000_000_000_000));
    assert_eq!(parameters.expiration_block, 1040);
    assert_eq!(parameters.creation_round, Round(10));
    assert_eq!(parameters.creation_round_block_hash, B256::repeat_byte(0xaa));
    let another = parties.parameters().await;
    assert_ne!(parameters.seed, another.seed);
    assert_ne!(parameters.recipient_rand_hash, another.recipient_rand_hash);
    let multiplier = parties
        .recipient
        .tx_cost_multiplier(parties.account())
        .await
        .unwrap();
    assert_eq!(multiplier.unwrap().to_string(), "100");
    parties
        .recipient
        .set_max_face_value(Some(wei(500_000_000_000_000)));
    assert_eq!(parties.parameters().await.face_value, wei(500_000_000_000_000));
    parties.recipient.set_ticket_ev(wei(16_000_000_000)).unwrap();
    let dearer = parties.parameters().await.expected_value();
    assert!(dearer >= wei(16_000_000_000).into());
    parties.at(|time| time.gas_price = Wei::ZERO);
    assert_eq!(
        parties.recipient.tx_cost_multiplier(parties.account()).await,
        Ok(None)
    );
}

#[tokio::test]
async fn work_for_nothing_takes_tickets_worth_nothing_and_asks_nobody() {
    let parties = Parties::new();
    *parties.funds.max_float.lock().unwrap() = Wei::ZERO;
    let free = parties
        .recipient
        .parameters(parties.account(), &Price::free())
        .await
        .unwrap();
    assert_eq!((free.face_value, free.win_prob), (Wei::ZERO, U256::ZERO));
    assert_eq!(*parties.funds.asked.lock().unwrap(), 0);
    let refused = parties
        .recipient
        .parameters(parties.account(), &parties.price)
        .await;
    assert_eq!(refused.unwrap_err().to_string(), "insufficient sender reserve");
}

#[tokio::test]
async fn nothing_is_agreed_or_taken_before_the_chain_was_read() {
    let parties = Parties::new();
    let parameters = parties.parameters().await;
    let tickets = parties.tickets(&parameters, [1]);
    parties.clock.send_replace(None);
    assert!(
        parties
            .recipient
            .parameters(parties.account(), &parties.price)
            .await
            .is_err()
    );
    let received = parties.pays(&parameters, &tickets).await;
    assert!(received.failure.unwrap().is_fatal());
    assert!(received.accepted.is_empty() && received.credit.is_zero());
}

#[test]
fn trap_50_tickets_worth_nothing_are_not_asked_for() {
    let parties = Parties::new();
    assert!(parties.recipient.set_ticket_ev(Wei::ZERO).is_err());
    assert_eq!(parties.recipient.ticket_ev(), wei(8_000_000_000));
    let settings = RecipientSettings {
        address: RECIPIENT,
        ticket_ev: Wei::ZERO,
        max_face_value: None,
        redeem_gas: 1,
    };
    let secret = RecipientSecret::random();
    let senders = std::sync::Arc::clone(&parties.funds);
    assert!(Recipient::new(settings, secret, parties.clock.subscribe(), senders).is_err());
}

#[tokio::test]
async fn trap_17_tickets_name_the_round_before_where_the_contract_has_no_hash() {
    let parties = Parties::new();
    parties.at(|time| time.round_hash = B256::ZERO);
    let parameters = parties.parameters().await;
    assert_eq!(parameters.creation_round, Round(9));
    assert_eq!(parameters.creation_round_block_hash, B256::repeat_byte(0x99));
    let received = parties
        .pays(&parameters, &parties.tickets(&parameters, [1]))
        .await;
    assert_eq!(received.failure, None);
}

#[tokio::test]
async fn a_payment_is_worth_its_tickets() {
    let parties = Parties::new();
    let parameters = parties.parameters().await;
    // In any order, many at once.
    let nonces = (1..=100).rev();
    let received = parties
        .pays(&parameters, &parties.tickets(&parameters, nonces))
        .await;
    assert_eq!(received.failure, None);
    assert_eq!(received.credit, parameters.expected_value().times(100));
    assert!(received.credit >= Exact::from(wei(800_000_000_000)));
    assert_eq!(received.accepted.len(), 100);
    let kept = SeenNonce {
        rand_hash: parameters.recipient_rand_hash,
        nonce: 100,
        expiration_block: 1040,
    };
    assert_eq!(received.accepted[0], kept);
    assert_eq!(parties.recipient.remembered(), 100);
}

#[tokio::test]
async fn a_winner_has_all_that_redeeming_takes() {
    let parties = Parties::new();
    let parameters = certain(&parties).await;
    let tickets = parties.tickets(&parameters, [1, 2]);
    let received = parties.pays(&parameters, &tickets).await;
    assert_eq!(received.winners.len(), 2);
    for (winner, sent) in received.winners.iter().zip(&tickets) {
        assert_eq!(
            winner.ticket,
            parameters.ticket(parties.account(), sent.sender_nonce)
        );
        assert_eq!(winner.signature.as_slice(), sent.sig);
        assert_eq!(winner.params_expiration_block, 1040);
        assert_eq!(rand_hash(winner.recipient_rand), parameters.recipient_rand_hash);
        assert!(winner.ticket.wins(&winner.signature, winner.recipient_rand));
    }
}

#[tokio::test]
async fn about_as_many_win_as_should() {
    let parties = Parties::new();
    let mut parameters = parties.parameters().await;
    parameters.win_prob = U256::MAX / U256::from(2);
    agree(&parties, &mut parameters);
    let received = parties
        .pays(&parameters, &parties.tickets(&parameters, 1..=600))
        .await;
    // Ten standard deviations: one run in 10^22 is outside of it.
    assert!(
        (178..=422).contains(&received.winners.len()),
        "{}",
        received.winners.len()
    );
}

/// What a payment with one thing wrong is told, and whether that ends it.
async fn told(parties: &Parties, parameters: &Parameters) -> (String, bool) {
    let received = parties.pays(parameters, &parties.tickets(parameters, [1])).await;
    assert!(received.credit.is_zero());
    let failure = received.failure.unwrap();
    (failure.to_string(), failure.is_fatal())
}

#[tokio::test]
async fn whatever_was_agreed_cannot_be_changed() {
    let parties = Parties::new();
    let agreed = parties.parameters().await;
    let changes: [fn(&mut Parameters); 7] = [
        |parameters| parameters.face_value = parameters.face_value.saturating_add(wei(1)),
        |parameters| parameters.win_prob -= U256::from(1),
        |parameters| parameters.seed += U256::from(1),
        |parameters| parameters.expiration_block += 1,
        |parameters| parameters.creation_round = Round(11),
        |parameters| parameters.creation_round_block_hash = B256::repeat_byte(1),
        |parameters| parameters.recipient_rand_hash = B256::repeat_byte(1),
    ];
    let forged = "invalid recipientRand for ticket recipientRandHash".to_string();
    for change in changes {
        let mut parameters = agreed.clone();
        change(&mut parameters);
        assert_eq!(told(&parties, &parameters).await, (forged.clone(), true));
    }
    let cheaper = Parties {
        price: Price::new(1199, 1).unwrap(),
        ..parties
    };
    assert_eq!(told(&cheaper, &agreed).await, (forged.clone(), true));
    // What was agreed with one gateway is not agreed with another.
    let another = Parties {
        signer: LocalSigner(PrivateKeySigner::random()),
        price: Price::new(1200, 1).unwrap(),
        ..cheaper
    };
    assert_eq!(told(&another, &agreed).await, (forged, true));
}

#[tokio::test]
async fn trap_14_a_gateway_that_takes_its_funds_out_soon_is_refused() {
    let parties = Parties::new();
    let parameters = parties.parameters().await;
    // Round 10 is the last one: from 11 on the funds may be gone.
    for (withdraw_round, is_refused) in [(9, true), (10, true), (11, true), (12, false), (0, false)] {
        parties.gateway_has(|facts| facts.withdraw_round = Round(withdraw_round));
        let received = parties
            .pays(
                &parameters,
                &parties.tickets(&parameters, [withdraw_round as u32]),
            )
            .await;
        match is_refused {
            true => {
                let failure = received.failure.unwrap();
                assert!(failure.is_fatal());
                assert_eq!(
                    failure.to_string(),
                    format!(
                        "deposit and reserve for sender {} is set to unlock soon",
                        parties.account()
                    )
                );
            }
            false => assert_eq!(received.failure, None),
        }
    }
}

#[tokio::test]
async fn refusals_come_in_the_order_others_have_them() {
    let parties = Parties::new();
    let mut parameters = parties.parameters().await;
    parameters.recipient_rand_hash = B256::ZERO;
    parameters.recipient = Address::ZERO;
    parties.gateway_has(|facts| facts.withdraw_round = Round(1));
    assert!(
        told(&parties, &parameters)
            .await
            .0
            .ends_with("is set to unlock soon")
    );
    parties.gateway_has(|facts| facts.withdraw_round = Round(0));
    assert_eq!(
        told(&parties, &parameters).await,
        ("invalid ticket recipient".into(), true)
    );
    parameters.recipient = RECIPIENT;
    let nobody = Payment {
        sender: Address::ZERO,
        price: &parties.price,
        parameters: &parameters,
        tickets: &[],
    };
    let received = parties.recipient.receive(nobody).await;
    assert_eq!(received.failure, Some(TicketFailure::Sender));
    *parties.funds.facts.lock().unwrap() = Err(SenderFailure("no endpoint answers".into()));
    assert_eq!(
        told(&parties, &parameters).await,
        (
            format!(
                "could not get sender info for {}: no endpoint answers",
                parties.account()
            ),
            true
        )
    );
}

#[tokio::test]
async fn after_the_first_bad_ticket_nothing_is_credited_and_winners_still_win() {
    let parties = Parties::new();
    let parameters = certain(&parties).await;
    let mut tickets = parties.tickets(&parameters, 1..=30);
    let foreign = LocalSigner(PrivateKeySigner::random());
    tickets[4].sig = foreign.sign(&parameters.ticket(parties.account(), 5).message());
    let received = parties.pays(&parameters, &tickets).await;
    assert_eq!(received.failure, Some(TicketFailure::Signature));
    assert_eq!(received.failure.unwrap().to_string(), "invalid ticket signature");
    assert_eq!(received.credit, parameters.expected_value().times(4));
    assert_eq!(received.winners.len(), 29);
    // Those after it were taken all the same: they are worth nothing a second time.
    let again = parties
        .pays(&parameters, &parties.tickets(&parameters, [30]))
        .await;
    assert!(matches!(
        again.failure,
        Some(TicketFailure::NonceSeen { nonce: 30, .. })
    ));
}

#[tokio::test]
async fn a_signature_has_65_bytes_a_low_s_and_a_v_of_27_or_28() {
    let parties = Parties::new();
    let parameters = parties.parameters().await;
    let good = parties.tickets(&parameters, [1]).remove(0);
    let with = |change: fn(&mut Vec<u8>)| {
        let mut ticket = good.clone();
        change(&mut ticket.sig);
        ticket
    };
    let bad = [
        with(|sig| sig.push(0)),
        with(|sig| sig.truncate(64)),
        with(Vec::clear),
        with(|sig| sig[64] -= 27),
        with(|sig| sig[64] += 2),
        with(|sig| sig[64] = 27 + 28 - sig[64]),
        with(|sig| sig[32] |= 0x80),
        with(|sig| sig[..32].fill(0)),
    ];
    for ticket in bad {
        let received = parties.pays(&parameters, std::slice::from_ref(&ticket)).await;
        assert_eq!(
            received.failure,
            Some(TicketFailure::Signature),
            "{:?}",
            ticket.sig
        );
    }
    assert_eq!(parties.pays(&parameters, &[good]).await.failure, None);
}

#[tokio::test]
async fn a_ticket_is_credited_once() {
    let parties = Parties::new();
    let parameters = certain(&parties).await;
    let tickets = parties.tickets(&parameters, [1, 2]);
    assert_eq!(parties.pays(&parameters, &tickets).await.failure, None);
    let again = parties.pays(&parameters, &tickets).await;
    assert_eq!(
        again.failure.unwrap().to_string(),
        format!(
            "invalid ticket senderNonce: already seen sender={} nonce=1",
            parties.account()
        )
    );
    assert!(again.credit.is_zero() && again.accepted.is_empty());
    // Whether it was kept the first time is the books' business.
    assert_eq!(again.winners.len(), 2);
    // Twice in one payment is no better.
    let fresh = parties.parameters().await;
    let twice = parties.tickets(&fresh, [1, 1]);
    let received = parties.pays(&fresh, &twice).await;
    assert_eq!(received.credit, fresh.expected_value());
    assert!(matches!(
        received.failure,
        Some(TicketFailure::NonceSeen { nonce: 1, .. })
    ));
}

#[tokio::test]
async fn the_same_ticket_many_times_at_once_is_credited_once() {
    let parties = std::sync::Arc::new(Parties::new());
    let parameters = parties.parameters().await;
    let tickets = parties.tickets(&parameters, 1..=20);
    let payments = (0..16).map(|_| {
        let (parties, parameters, tickets) = (parties.clone(), parameters.clone(), tickets.clone());
        tokio::spawn(async move { parties.pays(&parameters, &tickets).await.accepted.len() })
    });
    let mut accepted = 0;
    for payment in payments.collect::<Vec<_>>() {
        accepted += payment.await.unwrap();
    }
    assert_eq!(accepted, 20);
}

#[tokio::test]
async fn two_gateways_have_numbers_of_their_own() {
    let one = Parties::new();
    let other = Parties {
        signer: LocalSigner(PrivateKeySigner::random()),
        ..Parties::new()
    };
    for parties in [&one, &other] {
        let parameters = one
            .recipient
            .parameters(parties.account(), &one.price)
            .await
            .unwrap();
        let tickets = parties.tickets(&parameters, 1..=3);
        let received = parties.pays_to(&one.recipient, &parameters, &tickets).await;
        assert_eq!((received.failure, received.accepted.len()), (None, 3));
    }
}

#[tokio::test]
async fn no_more_than_six_hundred_tickets_are_taken_by_the_same_parameters() {
    let parties = Parties::new();
    let parameters = parties.parameters().await;
    let received = parties
        .pays(&parameters, &parties.tickets(&parameters, 1..=601))
        .await;
    assert_eq!(received.accepted.len(), NONCES);
    assert_eq!(received.credit, parameters.expected_value().times(600));
    assert_eq!(
        received.failure.unwrap().to_string(),
        format!(
            "invalid ticket senderNonce: too many values sender={} nonce=601",
            parties.account()
        )
    );
    let more = parties
        .pays(&parameters, &parties.tickets(&parameters, [700]))
        .await;
    assert!(matches!(
        more.failure,
        Some(TicketFailure::TooManyNonces { nonce: 700, .. })
    ));
}

#[tokio::test]
async fn tickets_are_taken_to_the_last_block_and_win_after_it() {
    let parties = Parties::new();
    let parameters = certain(&parties).await;
    parties.at(|time| time.l1_block = 1039);
    let tickets = parties.tickets(&parameters, [1]);
    assert_eq!(parties.pays(&parameters, &tickets).await.failure, None);
    parties.at(|time| time.l1_block = 1040);
    let late = parties
        .pays(&parameters, &parties.tickets(&parameters, [2]))
        .await;
    assert_eq!(late.failure.unwrap().to_string(), "TicketParams expired");
    assert!(late.credit.is_zero() && late.accepted.is_empty());
    assert_eq!(late.winners.len(), 1);
    assert!(parties.recipient.is_over(1040) && !parties.recipient.is_over(1041));
}

#[tokio::test]
async fn trap_9_the_memory_of_numbers_does_not_grow_for_ever() {
    let parties = Parties::new();
    for block in 0..200 {
        parties.at(|time| time.l1_block = 1000 + block);
        let parameters = parties.parameters().await;
        let received = parties
            .pays(&parameters, &parties.tickets(&parameters, 1..=3))
            .await;
        assert_eq!(received.failure, None);
    }
    assert_eq!(parties.recipient.remembered(), 40 * 3);
}

#[tokio::test]
async fn an_endpoint_that_lags_behind_brings_no_number_back() {
    let parties = Parties::new();
    let parameters = parties.parameters().await;
    let tickets = parties.tickets(&parameters, [1]);
    assert_eq!(parties.pays(&parameters, &tickets).await.failure, None);
    parties.at(|time| time.l1_block = 1040);
    parties.parameters().await;
    parties.at(|time| time.l1_block = 1000);
    let again = parties.pays(&parameters, &tickets).await;
    assert_eq!(again.failure, Some(TicketFailure::Expired));
}

#[tokio::test]
async fn trap_8_a_restart_costs_nobody_anything() {
    let parties = Parties::new();
    let parameters = parties.parameters().await;
    let before = parties
        .pays(&parameters, &parties.tickets(&parameters, [1, 2]))
        .await;
    // With secret and numbers kept, what was agreed is good and nothing is credited twice.
    let kept = parties.restarted(SECRET);
    kept.restore(before.accepted.clone());
    let replayed = parties
        .pays_to(&kept, &parameters, &parties.tickets(&parameters, [2]))
        .await;
    assert!(matches!(
        replayed.failure,
        Some(TicketFailure::NonceSeen { nonce: 2, .. })
    ));
    let next = parties
        .pays_to(&kept, &parameters, &parties.tickets(&parameters, [3]))
        .await;
    assert_eq!((next.failure, next.credit), (None, parameters.expected_value()));
    // Without the numbers they would be credited again: what the trap is about.
    let forgetful = parties.restarted(SECRET);
    let replayed = parties
        .pays_to(&forgetful, &parameters, &parties.tickets(&parameters, [2]))
        .await;
    assert_eq!(replayed.failure, None);
    // Without the secret nothing that was agreed is good any more.
    let stranger = parties.restarted([8; 32]);
    let refused = parties
        .pays_to(&stranger, &parameters, &parties.tickets(&parameters, [4]))
        .await;
    assert_eq!(refused.failure, Some(TicketFailure::RecipientRand));
}

#[tokio::test]
async fn what_the_books_could_not_keep_may_be_paid_again() {
    let parties = Parties::new();
    let parameters = parties.parameters().await;
    let tickets = parties.tickets(&parameters, [1]);
    let received = parties.pays(&parameters, &tickets).await;
    parties.recipient.forget(&received.accepted);
    assert_eq!(parties.pays(&parameters, &tickets).await.failure, None);
}

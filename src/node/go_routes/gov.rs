//! Votes. They answer with the hash of the transaction, in bytes.

use alloy::primitives::U256;

use super::{
    Ask,
    answer::{Answer, Refused, Reply},
    number,
    transact::{Failed, options, send},
};
use crate::chain::{ChainError, Plan, Support};

async fn voted(ask: &Ask, what: &str, plan: Result<Plan, ChainError>) -> Reply {
    let sent = match plan {
        Ok(plan) => send(ask.outbox()?, plan).await,
        Err(error) => Err(error.into()),
    };
    let nothing = "there was nothing to send".to_string();
    match sent.and_then(|hash| hash.ok_or(Failed::NotSent(nothing))) {
        Ok(hash) => Ok(Answer::Bytes(hash.to_vec())),
        Err(Failed::NotSent(text)) => Err(Refused::failed(format!(
            "unable to submit {what} transaction err={text:?}"
        ))),
        Err(Failed::Sent(text)) => Err(Refused::failed(format!(
            "unable to mine {what} transaction err={text:?}"
        ))),
    }
}

pub(super) async fn vote(ask: Ask) -> Reply {
    let poll = number::account(&ask.form.value("poll"))
        .ok_or_else(|| Refused::failed("invalid poll contract address"))?;
    let choice = number::whole(&ask.form.value("choiceID"))
        .ok_or_else(|| Refused::failed("choiceID is not a valid integer value"))?;
    let yes = match choice {
        U256::ZERO => true,
        U256::ONE => false,
        _ => return Err(Refused::failed("invalid choiceID")),
    };
    let outbox = ask.outbox()?;
    let options = options(&ask, outbox);
    let plan = outbox
        .chain()
        .plan_vote(outbox.account(), poll, yes, options)
        .await;
    voted(&ask, "vote", plan).await
}

pub(super) async fn vote_on_proposal(ask: Ask) -> Reply {
    let id = number::whole(&ask.form.value("proposalID"))
        .ok_or_else(|| Refused::failed("proposalID is not a valid integer value"))?;
    let support = number::whole(&ask.form.value("support"))
        .ok_or_else(|| Refused::failed("support is not a valid integer value"))?;
    let support = match u8::try_from(support) {
        Ok(0) => Support::Against,
        Ok(1) => Support::For,
        Ok(2) => Support::Abstain,
        _ => return Err(Refused::failed("invalid support")),
    };
    let reason = ask.form.value("reason");
    let outbox = ask.outbox()?;
    let options = options(&ask, outbox);
    let plan = outbox
        .chain()
        .plan_cast_vote(outbox.account(), id, support, &reason, options)
        .await;
    voted(&ask, "proposal vote", plan).await
}

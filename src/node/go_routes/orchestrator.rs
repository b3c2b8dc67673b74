//! An orchestrator's registration, prices and limits.

use alloy::primitives::Address;
use serde::Serialize;

use super::{
    Ask, Role,
    answer::{Answer, Big, Refused, Reply, shown},
    number,
    transact::{Failed, check, options, send},
};
use crate::{
    chain::{Activation, ChainError, OrchestratorUpdate, OrchestratorWords, Outbox, Plan, StakeChange},
    config::{Amount, SessionLimit, SessionsChoice},
    node::settings::{Limit, PriceChange, SettingsChange, SettingsError},
    payments::PriceTag,
    units::{Lpt, Percent, Wei},
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Transcoder {
    address: Address,
    #[serde(rename = "ServiceURI")]
    service_uri: String,
    last_reward_round: Big,
    reward_cut: Big,
    fee_share: Big,
    delegated_stake: Big,
    activation_round: Big,
    deactivation_round: Big,
    last_active_stake_update_round: Big,
    active: bool,
    status: &'static str,
    price_per_pixel: Option<String>,
}

impl Transcoder {
    pub(super) fn new(words: OrchestratorWords, price_per_pixel: Option<String>) -> Self {
        Self {
            address: words.address,
            service_uri: words.service_uri,
            last_reward_round: Big(words.last_reward_round),
            reward_cut: Big(words.reward_cut),
            fee_share: Big(words.fee_share),
            delegated_stake: Big(words.total_stake),
            activation_round: Big(words.activation_round),
            deactivation_round: Big(words.deactivation_round),
            last_active_stake_update_round: Big(words.last_stake_update),
            active: words.active,
            status: match words.registered {
                true => "Registered",
                false => "Not Registered",
            },
            price_per_pixel,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    transcoder: Transcoder,
    price_info: Option<String>,
}

pub(super) async fn info(ask: Ask) -> Reply {
    let words = ask.chain()?.orchestrator_words(ask.account()?).await;
    let words = words.map_err(|_| Refused::failed("could not get transcoder"))?;
    Answer::json(&Info {
        transcoder: Transcoder::new(words, None),
        price_info: ask.go.front().prices().remove("default"),
    })
}

/// Everybody in the pool. What others ask for is known to gateways only; its own price the node knows.
pub(super) async fn all(ask: Ask) -> Reply {
    let own = ask.account()?;
    let pool = ask.chain()?.pool_words().await;
    let pool = pool.map_err(|error| Refused::failed(error.to_string()))?;
    let price = ask.go.front().prices().remove("default");
    let price_of = |address: Address| match address == own {
        true => price.clone(),
        false => None,
    };
    let all: Vec<Transcoder> = pool
        .into_iter()
        .map(|words| {
            let price = price_of(words.address).unwrap_or_else(|| "0".to_string());
            Transcoder::new(words, Some(price))
        })
        .collect();
    // Go's list without members is null.
    Answer::json(&(!all.is_empty()).then_some(all))
}

/// What a changed setting means to whoever asked.
fn changed(result: Result<(), SettingsError>) -> Result<(), Refused> {
    match result {
        Ok(()) => Ok(()),
        // go-livepeer keeps none of them.
        Err(error @ SettingsError::NotKept { .. }) => {
            tracing::warn!("{error}");
            Ok(())
        }
        Err(SettingsError::Price(error)) => Err(Refused::bad(format!("error converting price: {error}"))),
        Err(error @ SettingsError::NotHere(_)) => Err(Refused::bad(error.to_string())),
        Err(error) => Err(Refused::failed(error.to_string())),
    }
}

async fn set_price(ask: &Ask, gateway: Option<Address>, price: PriceTag) -> Result<(), Refused> {
    let change = SettingsChange {
        price: Some(PriceChange {
            gateway,
            price: Some(price),
        }),
        ..SettingsChange::default()
    };
    changed(ask.change(change).await)
}

fn price_of(ask: &Ask) -> Result<PriceTag, Refused> {
    let value = |name| ask.form.value(name);
    let (price, pixels) = (value("pricePerUnit"), value("pixelsPerUnit"));
    number::price("error parsing", &price, &pixels, &value("currency")).map_err(Refused::bad)
}

/// An address for gateways, as far as its form goes; the plan checks the rest.
fn service_uri(uri: &str) -> Result<String, Refused> {
    let parsed = url::Url::parse(uri).ok();
    let host = parsed.as_ref().and_then(url::Url::host_str);
    match host {
        None => Err(Refused::bad(format!(
            "parse \"{}\": invalid URI for request",
            shown(uri)
        ))),
        Some(host) if host.contains("0.0.0.0") => Err(Refused::failed(
            "service address must be a public IP address or hostname",
        )),
        Some(_) => Ok(uri.to_string()),
    }
}

fn in_words(error: ChainError) -> Refused {
    Refused::failed(error.to_string())
}

fn failed(failed: Failed) -> Refused {
    Refused::failed(failed.text())
}

pub(super) async fn activate(ask: Ask) -> Reply {
    let outbox = ask.outbox()?;
    let (chain, account) = (outbox.chain(), outbox.account());
    let words = chain.orchestrator_words(account).await.map_err(in_words)?;
    if words.registered {
        return Err(Refused::bad("orchestrator already registered"));
    }
    if chain.round().await.map_err(in_words)?.round.locked {
        return Err(Refused::failed("current round is locked"));
    }
    let form = &ask.form;
    let percent = |name| number::percent(&form.value(name)).map_err(Refused::bad);
    let activation = Activation {
        reward_cut: percent("blockRewardCut")?,
        fee_share: percent("feeShare")?,
        service_uri: service_uri(&form.value("serviceURI"))?,
        amount: match &*form.value("amount") {
            "" => None,
            text => Some(Lpt(number::amount(text)?)).filter(|amount| *amount > Lpt::ZERO),
        },
    };
    let price = price_of(&ask)?;
    let lock = match &*form.value("unbondingLockId") {
        "" => None,
        text => Some(number::lock(text)?),
    };
    let options = options(&ask, outbox);
    let activate = || chain.plan_activate(account, activation.clone(), options);
    let first = match lock {
        Some(lock) => {
            let to = Some(account);
            let rebond = StakeChange::Rebond { lock, to };
            chain.plan_stake(account, rebond, options).await
        }
        None => activate().await,
    };
    let first = first.map_err(in_words)?;
    check(&first).map_err(failed)?;
    // Everything that can be known before is right: a price that cannot be asked for still stops it.
    set_price(&ask, None, price).await?;
    send(outbox, first).await.map_err(failed)?;
    if lock.is_some() {
        let rest = activate().await.map_err(in_words)?;
        send(outbox, rest).await.map_err(failed)?;
    }
    Ok(Answer::Nothing)
}

/// Two parameters that mean something only together. Go leaves out one that is alone, without a word.
fn both<'a>(
    ask: &'a Ask,
    first: &str,
    second: &str,
) -> Result<Option<[std::borrow::Cow<'a, str>; 2]>, Refused> {
    let values = [ask.form.value(first), ask.form.value(second)];
    match values.each_ref().map(|value| value.is_empty()) {
        [true, true] => Ok(None),
        [false, false] => Ok(Some(values)),
        _ => Err(Refused::bad(format!(
            "{first} and {second} have to be given together: nothing was changed"
        ))),
    }
}

pub(super) async fn set_config(ask: Ask) -> Reply {
    let price = match both(&ask, "pricePerUnit", "pixelsPerUnit")? {
        Some(_) => Some(price_of(&ask)?),
        None => None,
    };
    let cuts = match both(&ask, "blockRewardCut", "feeShare")? {
        Some([reward_cut, fee_share]) => {
            let read = |what: &str, text: &str| -> Result<Percent, Refused> {
                number::percent(text).map_err(|error| Refused::bad(format!("Cannot convert {what}: {error}")))
            };
            Some((
                read("block reward cut", &reward_cut)?,
                read("fee share", &fee_share)?,
            ))
        }
        None => None,
    };
    let uri = match &*ask.form.value("serviceURI") {
        "" => None,
        text => Some(service_uri(text)?),
    };
    let outbox = ask.outbox()?;
    let plan = update(&ask, outbox, cuts, uri).await?;
    if let Some(price) = price {
        set_price(&ask, None, price).await?;
    }
    if let Some(plan) = plan {
        send(outbox, plan).await.map_err(failed)?;
    }
    Ok(Answer::Nothing)
}

/// What there is to send; nothing stands in its way.
async fn update(
    ask: &Ask,
    outbox: &Outbox,
    cuts: Option<(Percent, Percent)>,
    service_uri: Option<String>,
) -> Result<Option<Plan>, Refused> {
    let update = OrchestratorUpdate {
        reward_cut: cuts.map(|(reward_cut, _)| reward_cut),
        fee_share: cuts.map(|(_, fee_share)| fee_share),
        service_uri,
    };
    if update == OrchestratorUpdate::default() {
        return Ok(None);
    }
    let options = options(ask, outbox);
    let plan = outbox.chain().plan_update(outbox.account(), update, options);
    let plan = plan.await.map_err(in_words)?;
    if plan.is_empty() {
        return Ok(None);
    }
    check(&plan).map_err(failed)?;
    Ok(Some(plan))
}

pub(super) async fn set_max_face_value(ask: Ask) -> Reply {
    if ask.go.front().role() != Role::Orchestrator {
        return Err(Refused::bad("node must be orchestrator node to set maxfacevalue"));
    }
    let limit = number::whole(&ask.form.value("maxfacevalue"))
        .ok_or_else(|| Refused::bad("maxfacevalue not set to number"))?;
    // Off-chain there are no tickets.
    ask.outbox()?;
    let limit = (!limit.is_zero()).then_some(Wei(limit));
    let change = SettingsChange {
        max_face_value: Some(Limit(limit)),
        ..SettingsChange::default()
    };
    changed(ask.change(change).await)?;
    Answer::text(&"ticket max face value set")
}

pub(super) async fn set_gateway_price(ask: Ask) -> Reply {
    if ask.go.front().role() != Role::Orchestrator {
        return Err(Refused::bad(
            "Node must be orchestrator node to set price for broadcaster",
        ));
    }
    let whose = ask.form.value("broadcasterEthAddr");
    let gateway = match &*whose {
        "default" => None,
        text => Some(number::account(text).ok_or_else(|| {
            Refused::bad(format!(
                "broadcasterEthAddr is not a valid eth address, provided {}",
                shown(text)
            ))
        })?),
    };
    let price = price_of(&ask)?;
    let unit = price.currency().to_string();
    set_price(&ask, gateway, price).await?;
    Answer::text(&format!(
        "Price per pixel set to {} {unit} for {} pixels for broadcaster {whose}\n",
        ask.form.value("pricePerUnit"),
        ask.form.value("pixelsPerUnit"),
    ))
}

pub(super) async fn set_max_sessions(ask: Ask) -> Reply {
    let text = ask.form.value("maxSessions");
    let (choice, said) = match &*text {
        "auto" => (SessionsChoice::Auto, "auto".to_string()),
        text => {
            let number: i64 = text.parse().map_err(|_| {
                Refused::bad(format!(
                    "strconv.Atoi: parsing \"{}\": invalid syntax",
                    shown(text)
                ))
            })?;
            if number <= 0 {
                return Err(Refused::bad("Max Sessions must be 'auto' or greater than zero"));
            }
            let limit = SessionLimit::try_from(number).map_err(|error| Refused::bad(error.to_string()))?;
            (SessionsChoice::Most(limit), number.to_string())
        }
    };
    let change = SettingsChange {
        max_sessions: Some(choice),
        ..SettingsChange::default()
    };
    changed(ask.change(change).await)?;
    Answer::text(&format!("Max sessions set to {said}\n"))
}

pub(super) async fn set_max_gas_price(ask: Ask) -> Reply {
    let text = ask.form.value("amount");
    let limit = number::whole(&text)
        .ok_or_else(|| Refused::bad(format!("Parsing failed for price: {}", number::NO_NUMBER)))?;
    let limit = (!limit.is_zero()).then_some(Wei(limit));
    let change = SettingsChange {
        max_gas_price: Some(Limit(limit)),
        ..SettingsChange::default()
    };
    changed(ask.change(change).await)?;
    Ok(Answer::Nothing)
}

pub(super) async fn set_min_gas_price(ask: Ask) -> Reply {
    let price = number::whole(&ask.form.value("minGasPrice"))
        .ok_or_else(|| Refused::bad(format!("invalid minGasPrice: {}", number::NO_NUMBER)))?;
    let change = SettingsChange {
        min_gas_price: Some(Amount(Wei(price))),
        ..SettingsChange::default()
    };
    changed(ask.change(change).await)?;
    Ok(Answer::Nothing)
}

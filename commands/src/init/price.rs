//! A price, and what it means.

use alloy::primitives::U256;
use engine::{
    chain::price_feed::PriceFeed,
    payments::{
        Price, PriceTag,
        price::{Currency, Feed as _, Reading},
    },
    units::Wei,
};

use super::{InitArgs, Role, steps::Answers};
use crate::{
    context::Context,
    failure::{Failure, Kind},
    run::payments::price::usual_feed,
};

/// Pixels of an hour of 1080p at 30 frames a second.
const HOUR: u64 = 1920 * 1080 * 30 * 3600;
/// What stands for no limit.
const ANY: &str = "any";

/// The price that was given, and what it means as far as somebody knows.
pub struct Asked {
    /// None: a gateway that pays any.
    pub tag: Option<PriceTag>,
    pub meaning: String,
}

/// A price as operators write it; `…/h` is for an hour of 1080p at 30 frames a second.
pub fn parse(text: &str) -> Result<PriceTag, String> {
    let text = text.trim();
    // `1/3` is a third of a wei, as everywhere else.
    let text = match text.split_once('/') {
        Some((amount, "h" | "hour")) => format!("{}/{HOUR}", amount.trim()),
        _ => text.to_string(),
    };
    text.parse::<PriceTag>().map_err(|error| error.to_string())
}

/// Takes the price from the flag, or asks until it is one.
pub async fn take(
    args: &InitArgs,
    answers: &mut Answers,
    asks: bool,
    again: bool,
    context: &mut Context,
) -> eyre::Result<bool> {
    let is_gateway = answers.role == Some(Role::Gateway);
    let reading = reading(answers).await;
    let current = match (&answers.price, is_gateway) {
        (Some(asked), _) => Some(asked.tag.as_ref().map_or(ANY.to_string(), ToString::to_string)),
        (None, true) => {
            let limit = answers.before.gateway.max_price.as_ref();
            Some(limit.map_or(ANY.to_string(), ToString::to_string))
        }
        (None, false) => {
            let pixels = answers.before.payments.pixels_per_unit.unwrap_or_default().get();
            let price = answers.before.payments.price.clone();
            price.map(|price| price.per(pixels).to_string())
        }
    };
    if let Some(text) = args.price.as_deref().filter(|_| !again) {
        let asked = understand(text, is_gateway, reading.as_ref())
            .map_err(|error| Failure::new(Kind::Usage, "bad_price", error).hint(WRITTEN_LIKE))?;
        context.shell.status(&asked.meaning);
        answers.price = Some(asked);
        return Ok(true);
    }
    let question = match is_gateway {
        true => "Most to pay for a pixel:",
        false => "Price of a pixel:",
    };
    let mut text = match (asks, &current) {
        (true, _) => None,
        (false, Some(current)) => Some(current.clone()),
        (false, None) => return Ok(false),
    };
    loop {
        let given = match text.take() {
            Some(text) => text,
            None => {
                let help = match is_gateway {
                    true => "in wei, like 1200 or 1/3, or any; later: --price",
                    false => "1200 (wei), 0.02usd/1000000 (pixels) or 0.5usd/h (of 1080p); later: --price",
                };
                let answer = context.shell.ask_text(question, current.as_deref(), help)?;
                answer.or_else(|| current.clone()).unwrap_or_default()
            }
        };
        match understand(&given, is_gateway, reading.as_ref()) {
            Ok(asked) => {
                context.shell.status(&asked.meaning);
                answers.price = Some(asked);
                return Ok(true);
            }
            Err(error) if asks => context.shell.status(error),
            Err(error) => {
                return Err(Failure::new(Kind::Config, "bad_price", error)
                    .hint(WRITTEN_LIKE)
                    .into());
            }
        }
    }
}

const WRITTEN_LIKE: &str = "write it like `1200` (wei a pixel), `0.02usd/1000000` or `0.5usd/h`";

fn understand(text: &str, is_gateway: bool, reading: Option<&Reading>) -> Result<Asked, String> {
    if is_gateway && text == ANY {
        return Ok(Asked {
            tag: None,
            meaning: "any price is paid that an orchestrator asks for".to_string(),
        });
    }
    let tag = parse(text)?.per(1);
    if is_gateway && !matches!(tag.currency(), Currency::Wei | Currency::Eth) {
        return Err("a gateway's limit is in wei: currencies are for orchestrators".to_string());
    }
    let meaning = meaning(&tag, reading);
    Ok(Asked {
        tag: Some(tag),
        meaning,
    })
}

/// The sentence: what an hour of 1080p brings.
fn meaning(tag: &PriceTag, reading: Option<&Reading>) -> String {
    if tag.is_free() {
        return format!("{tag}: nobody pays anything");
    }
    let hour = tag.in_wei(reading).ok().and_then(|price| hour(&price));
    let Some(hour) = hour else {
        return format!(
            "{tag}: turned into wei by a price feed while the node runs (none can be read now); an hour of 1080p at 30 \
             frames a second is 223 949 million pixels"
        );
    };
    let mut text = format!(
        "{tag}: an hour of 1080p at 30 frames a second, made once, is worth {}",
        hour.human()
    );
    let dollar = "1usd".parse::<PriceTag>().ok();
    let dollar = dollar.and_then(|one| one.per(1).in_wei(reading).ok());
    if let Some(cents) = dollar.and_then(|one| in_ten_thousandths(hour, &one)) {
        text.push_str(&format!(
            " ({}.{:04} USD at what ETH costs now)",
            cents / 10_000,
            cents % 10_000
        ));
    }
    text
}

fn hour(price: &Price) -> Option<Wei> {
    price.fee(HOUR).floor()
}

/// How many ten-thousandths of a currency an amount is, with the price of one in wei.
fn in_ten_thousandths(amount: Wei, one: &Price) -> Option<u64> {
    let one = one.fee(1).floor()?;
    let parts = amount.0.checked_mul(U256::from(10_000))?.checked_div(one.0)?;
    u64::try_from(parts).ok()
}

/// What ETH costs, where a feed tells it.
async fn reading(answers: &Answers) -> Option<Reading> {
    let chain = answers.chain.as_ref()?;
    let address = answers.before.payments.price_feed.or_else(|| usual_feed(chain))?;
    let feed = PriceFeed::new(chain.clone(), address);
    let read = tokio::time::timeout(std::time::Duration::from_secs(5), feed.read()).await;
    Reading::new(&read.ok()?.ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_says_what_an_hour_is_worth() {
        let tag = parse("1200").unwrap().per(1);
        assert_eq!(
            meaning(&tag, None).replace('\u{2009}', " "),
            "1200wei: an hour of 1080p at 30 frames a second, made once, is worth 0.000268738560000000 ETH"
                .replace("0.000268738560000000", &hour_eth())
        );
        assert!(meaning(&parse("0").unwrap().per(1), None).contains("nobody pays"));
        assert!(meaning(&parse("0.5usd/h").unwrap(), None).contains("price feed"));
    }

    fn hour_eth() -> String {
        let wei = Wei(U256::from(1200_u64) * U256::from(HOUR));
        wei.human().trim_end_matches(" ETH").replace('\u{2009}', " ")
    }

    #[test]
    fn an_hours_price_is_a_pixels() {
        assert_eq!(parse("0.5usd/h").unwrap().to_string(), format!("0.5usd/{HOUR}"));
        assert_eq!(parse("1/3").unwrap().to_string(), "1wei/3");
        for wrong in ["", "h", "-1", "1/0", "dear"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_gateways_limit_is_in_wei() {
        assert!(understand("1200", true, None).is_ok());
        assert!(understand("any", true, None).unwrap().tag.is_none());
        assert!(understand("0.5usd/h", true, None).is_err());
        assert!(understand("any", false, None).is_err());
    }
}

//! What gateways are asked to pay: prices that are none, and tickets they refuse.

use std::collections::BTreeMap;

use alloy::primitives::{Address, U256};
use engine::{
    config::{Amount, PaymentsLayer},
    payments::{Price, PriceSettings, Prices},
    units::Wei,
};

use super::Check;
use crate::shell::escape;

/// Gateways refuse tickets worth more, unless told otherwise (`go-livepeer cmd/livepeer/starter`, `-maxTicketEV`).
pub(crate) const MOST_TICKET_EV: u64 = 3_000;
/// And all tickets of a segment together (`-maxTotalEV`).
pub(crate) const MOST_TOTAL_EV: u64 = 20_000;
/// What a ticket is worth unless somebody says otherwise, in gwei.
const TICKET_EV: u64 = 8;

/// Price and ticket parameters of the settings. `redemption` is what redeeming a ticket costs now, where that is known.
pub(super) fn check(payments: &PaymentsLayer, redemption: Option<Wei>) -> Vec<Check> {
    let mut checks = vec![price(payments)];
    checks.push(tickets(payments, redemption));
    checks
}

fn price(payments: &PaymentsLayer) -> Check {
    const NAME: &str = "price";
    let Some(tag) = payments.price.clone() else {
        return Check::good(
            NAME,
            "none in the config file; `lpctl run` takes it with `--price`",
        );
    };
    let pixels = payments.pixels_per_unit.unwrap_or_default().get();
    let prices = Prices::new(
        PriceSettings {
            usual: tag.clone().per(pixels),
            gateways: BTreeMap::new(),
            auto_adjust: false,
        },
        None,
    );
    if tag.is_free() {
        return Check::warning(
            NAME,
            "0: the node works for nothing for every gateway",
            "set `payments.price`, like `1200wei` or `0.02usd` with `pixels_per_unit = 1000000`",
        );
    }
    let tag = tag.per(pixels);
    match prices.base(Address::ZERO) {
        Err(_) => Check::good(
            NAME,
            format!(
                "{}: worked out when the node reads the feed",
                escape(&tag.to_string())
            ),
        ),
        Ok((price, _)) if price < Price::new(1, 1000).unwrap_or_default() => Check::warning(
            NAME,
            format!("{price} wei for a pixel rounds to 0 where nodes count in thousandths of a wei"),
            "raise `payments.price`, or lower `payments.pixels_per_unit`",
        ),
        Ok((price, _)) => Check::good(NAME, format!("{price} wei for a pixel")),
    }
}

fn tickets(payments: &PaymentsLayer, redemption: Option<Wei>) -> Check {
    const NAME: &str = "ticket_terms";
    let amount = |amount: Option<Amount>| amount.map(|Amount(wei)| wei);
    let worth = amount(payments.ticket_ev).unwrap_or_else(|| Wei::gwei(TICKET_EV));
    let face_value = amount(payments.max_face_value).filter(|most| *most > Wei::ZERO);
    let (most, most_in_all) = (Wei::gwei(MOST_TICKET_EV), Wei::gwei(MOST_TOTAL_EV));
    if worth == Wei::ZERO {
        return Check::bad(
            NAME,
            "a ticket is worth nothing: gateways would send none",
            "take `payments.ticket_ev` out, or set it to `8gwei`",
        );
    }
    if let Some(face_value) = face_value.filter(|face_value| *face_value <= worth) {
        return Check::bad(
            NAME,
            format!(
                "a ticket that pays at most {} cannot be worth {}: gateways refuse every one",
                face_value.human(),
                worth.human()
            ),
            "take `payments.max_face_value` out, or make it many times `payments.ticket_ev`",
        );
    }
    if worth > most {
        return Check::warning(
            NAME,
            format!(
                "a ticket is worth {}: gateways refuse more than {} a ticket and {} a segment unless told otherwise",
                worth.human(),
                most.human(),
                most_in_all.human()
            ),
            "take `payments.ticket_ev` out: 8gwei is usual",
        );
    }
    let dear = face_value
        .zip(redemption)
        .filter(|(face_value, cost)| face_value < cost);
    if let Some((face_value, cost)) = dear {
        return Check::warning(
            NAME,
            format!(
                "a winning ticket pays at most {}, and redeeming it costs {} now",
                face_value.human(),
                cost.human()
            ),
            "take `payments.max_face_value` out, or raise it: while gas is that dear, gateways are offered nothing",
        );
    }
    Check::good(
        NAME,
        format!("a ticket is worth {}, which gateways take", worth.human()),
    )
}

/// What redeeming a ticket costs.
pub(super) fn redemption(gas_price: Wei, gas: u64) -> Wei {
    Wei(gas_price.0.saturating_mul(U256::from(gas)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn verdicts(text: &str) -> [Verdict; 2] {
        let layer: PaymentsLayer = toml::from_str(text).unwrap();
        let checks = check(&layer, Some("0.000012eth".parse().unwrap()));
        [checks[0].verdict, checks[1].verdict]
    }

    #[test]
    fn terms_nobody_pays_are_named() {
        use Verdict::{Bad, Good, Warning};
        for (text, expected) in [
            ("", [Good, Good]),
            ("price = \"1200\"", [Good, Good]),
            ("price = \"0\"", [Warning, Good]),
            ("price = \"1\"\npixels_per_unit = 1001", [Warning, Good]),
            ("price = \"1\"\npixels_per_unit = 1000", [Good, Good]),
            ("price = \"0.02usd\"", [Good, Good]),
            ("ticket_ev = \"0wei\"", [Good, Bad]),
            ("ticket_ev = \"3000gwei\"", [Good, Good]),
            ("ticket_ev = \"3001gwei\"", [Good, Warning]),
            ("max_face_value = \"8gwei\"", [Good, Bad]),
            ("max_face_value = \"0.00001eth\"", [Good, Warning]),
            ("max_face_value = \"0.001eth\"", [Good, Good]),
        ] {
            assert_eq!(verdicts(text), expected, "{text}");
        }
    }
}

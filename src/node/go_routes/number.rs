//! Numbers, prices and addresses as they come in parameters, read exactly.

use alloy::primitives::{Address, U256};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed as _, Zero as _};

use super::answer::{Refused, shown};
use crate::{payments::PriceTag, units::Percent};

/// A longer number is none.
const MOST_DIGITS: usize = 80;
/// The largest power of ten behind an `e`.
const MOST_POWER: u32 = 80;
/// What Go says of a number that is none.
pub(super) const NO_NUMBER: &str = "failed to parse big integer";

/// A whole number that is not negative, to the base of ten.
pub(super) fn whole(text: &str) -> Option<U256> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_number =
        (1..=MOST_DIGITS).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| U256::from_str_radix(digits, 10).ok()).flatten()
}

/// A whole number, or Go's words.
pub(super) fn amount(text: &str) -> Result<U256, Refused> {
    whole(text).ok_or_else(|| Refused::bad(NO_NUMBER))
}

/// The number of an unbonding lock.
pub(super) fn lock(text: &str) -> Result<u64, Refused> {
    let number = whole(text).and_then(|number| u64::try_from(number).ok());
    number.ok_or_else(|| Refused::bad(format!("Cannot convert unbondingLockId: {NO_NUMBER}")))
}

/// An account: forty hexadecimal digits, with `0x` or without. Of large and small letters mixed, those that its checksum
/// wants (EIP-55). Go reads anything, and makes the zero address or another one of it.
pub(super) fn account(text: &str) -> Option<Address> {
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .unwrap_or(text);
    let is_one = digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let address: Address = is_one.then(|| digits.parse().ok()).flatten()?;
    let has = |kind: fn(&u8) -> bool| digits.bytes().any(|byte| kind(&byte));
    let is_mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    let is_right = !is_mixed || address.to_checksum(None).get(2..) == Some(digits);
    (is_right && !address.is_zero()).then_some(address)
}

/// A fraction as Go's `big.Rat` reads it: `3`, `0.5`, `1e-3`, `1/3`.
pub(super) fn ratio(text: &str) -> Option<BigRational> {
    if text.is_empty() || text.len() > MOST_DIGITS {
        return None;
    }
    let (sign, text) = match text.split_at_checked(1)? {
        ("-", rest) => (-1, rest),
        ("+", rest) => (1, rest),
        _ => (1, text),
    };
    let value = match text.split_once('/') {
        Some((over, under)) => {
            let under = digits(under)?;
            (!under.is_zero()).then_some(())?;
            BigRational::new(digits(over)?, under)
        }
        None => decimal(text)?,
    };
    Some(value * BigRational::from_integer(BigInt::from(sign)))
}

fn digits(text: &str) -> Option<BigInt> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn decimal(text: &str) -> Option<BigRational> {
    let (number, power) = match text.split_once(['e', 'E']) {
        None => (text, 0),
        Some((number, power)) => (number, power.parse::<i32>().ok()?),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let power = power.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let number = digits(&format!("{whole}{fraction}"))?;
    if power.unsigned_abs() > MOST_POWER {
        return None;
    }
    let scale = BigInt::from(10).pow(power.unsigned_abs());
    Some(match power < 0 {
        true => BigRational::new(number, scale),
        false => BigRational::from_integer(number * scale),
    })
}

/// A share in percent, to the nearest part in a million: what binary fractions make of a tenth is a tenth again.
pub(super) fn percent(text: &str) -> Result<Percent, String> {
    let wrong = || format!("strconv.ParseFloat: parsing \"{}\": invalid syntax", shown(text));
    let share = ratio(text).filter(|_| !text.contains('/')).ok_or_else(wrong)?;
    let millionths = (share * BigRational::from_integer(10_000.into())).round();
    let known = u32::try_from(millionths.to_integer())
        .ok()
        .filter(|_| !millionths.is_negative());
    known
        .and_then(Percent::from_ppm)
        .ok_or_else(|| format!("{} is not a percentage from 0 to 100", shown(text)))
}

/// A price of three parameters: so much, in some currency, for so many pixels. `what` begins what is said of a number that
/// is none, which Go writes in two ways.
pub(super) fn price(what: &str, price: &str, pixels: &str, currency: &str) -> Result<PriceTag, String> {
    let unreadable = |name: &str, text: &str| format!("{what} {name} value: {}", shown(text));
    let of = ratio(price).ok_or_else(|| unreadable("pricePerUnit", price))?;
    let per = ratio(pixels).ok_or_else(|| unreadable("pixelsPerUnit", pixels))?;
    if of.is_negative() {
        return Err(format!(
            "price unit must be greater than or equal to 0, provided {}",
            shown(price)
        ));
    }
    if !per.is_positive() {
        return Err(format!(
            "pixels per unit must be greater than 0, provided {}",
            shown(pixels)
        ));
    }
    if !currency.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(format!(
            "error converting price: `{}` is no currency",
            shown(currency)
        ));
    }
    let currency = if currency.is_empty() { "wei" } else { currency };
    // As it was written where that can be kept; else as a fraction in lowest terms.
    let reduced = &of / &per;
    let texts = [
        format!("{price}{currency}/{pixels}"),
        format!("{}{currency}/{}", reduced.numer(), reduced.denom()),
    ];
    let tags = texts.iter().filter(|text| text.matches('/').count() == 1);
    let same = |tag: &PriceTag| {
        let (amount, pixels) = (ratio(tag.amount()), BigInt::from(tag.pixels()));
        amount.is_some_and(|amount| amount / BigRational::from_integer(pixels) == reduced)
            && tag.currency().to_string() == currency.to_ascii_lowercase()
    };
    let mut tags = tags.filter_map(|text| text.parse().ok());
    tags.find(same)
        .ok_or_else(|| format!("error converting price: {} is too long", shown(&texts[1])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_or_none() {
        assert_eq!(
            whole("115792089237316195423570985008687907853269984665640564039457584007913129639935"),
            Some(U256::MAX)
        );
        for wrong in [
            "",
            "-1",
            "0x10",
            "1e3",
            "1.0",
            " 1",
            "1_000",
            "+",
            "115792089237316195423570985008687907853269984665640564039457584007913129639936",
        ] {
            assert_eq!(whole(wrong), None, "{wrong}");
        }
        for (text, shown) in [
            ("3", "3"),
            ("0.5", "1/2"),
            ("1e-3", "1/1000"),
            ("2E2", "200"),
            ("4/6", "2/3"),
            ("-1.5", "-3/2"),
            (".5", "1/2"),
        ] {
            assert_eq!(ratio(text).unwrap().to_string(), shown, "{text}");
        }
        for wrong in [
            "",
            "a",
            "1/0",
            "1e999999999",
            "1e-2147483648",
            "1e-999",
            "--1",
            "1/2/3",
            "1.2.3",
            "0x1",
            ".",
        ] {
            assert_eq!(ratio(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn addresses_are_whole_or_none() {
        let known = "0x52908400098527886E0F7030069857D2E4169EE7";
        for text in [
            known,
            "52908400098527886e0f7030069857d2e4169ee7",
            "0x52908400098527886e0f7030069857d2e4169ee7",
        ] {
            assert_eq!(account(text), Some(known.parse().unwrap()), "{text}");
        }
        for wrong in [
            "",
            "0x",
            "0x529084",
            "0x52908400098527886e0F7030069857d2e4169ee7",
            "0x0000000000000000000000000000000000000000",
            "0x52908400098527886E0F7030069857D2E4169EE7ab",
            "livepeer.eth",
        ] {
            assert_eq!(account(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn percentages_are_rounded_to_what_the_contracts_know() {
        for (text, ppm) in [
            ("10", 100_000),
            ("0.09999999999999432", 1_000),
            ("99.9", 999_000),
            ("100", 1_000_000),
            ("0", 0),
            ("1e-05", 0),
            ("33.33335", 333_334),
        ] {
            assert_eq!(percent(text).unwrap().ppm(), ppm, "{text}");
        }
        assert_eq!(
            percent("ten").unwrap_err(),
            "strconv.ParseFloat: parsing \"ten\": invalid syntax"
        );
        for wrong in ["100.1", "-1", "1e9", "1/2"] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn prices_keep_their_value_whatever_they_are_written_as() {
        for (of, pixels, currency, shown) in [
            ("1200", "1", "", "1200wei"),
            ("0.02", "1000000", "USD", "0.02usd/1000000"),
            ("1/3", "1", "wei", "1wei/3"),
            ("1e3", "0.5", "Wei", "2000wei"),
            ("0", "1", "ETH", "0eth"),
        ] {
            assert_eq!(
                price("error parsing", of, pixels, currency).unwrap().to_string(),
                shown
            );
        }
        for (of, pixels, currency, said) in [
            ("x", "1", "", "error parsing pricePerUnit value: x"),
            ("1", "", "", "error parsing pixelsPerUnit value: "),
            (
                "-1",
                "1",
                "",
                "price unit must be greater than or equal to 0, provided -1",
            ),
            ("1", "0", "", "pixels per unit must be greater than 0, provided 0"),
            ("1", "1", "us d", "error converting price: `us d` is no currency"),
        ] {
            assert_eq!(price("error parsing", of, pixels, currency).unwrap_err(), said);
        }
        // A currency cannot be smuggled into the number, nor the other way round.
        assert!(price("error parsing", "1", "1", "e5").is_err());
        assert!(price("error parsing", "1", "1/7", "wei").unwrap().to_string() == "7wei");
    }
}

//! Amounts, percentages and rounds as types: parsed as people write them, shown with their unit, never floats.
//!
//! In JSON every amount is a decimal string and its key names the unit: [`Lpt`] in whole LPT (`amount_lpt`),
//! [`Wei`] in wei (`fees_wei`), [`Percent`] in percent (`reward_cut_percent`).

use std::{fmt, str::FromStr};

use alloy::primitives::U256;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseAmountError {
    /// Not digits with at most one point.
    #[error("`{0}` is not a number; write it like `100` or `0.5`")]
    NotANumber(String),
    /// More digits after the point than the unit has.
    #[error("`{text}` has more than {decimals} digits after the point")]
    TooPrecise {
        /// What was typed.
        text: String,
        /// How many digits the unit allows.
        decimals: usize,
    },
    /// Larger than 256 bits.
    #[error("`{0}` is too large")]
    TooLarge(String),
    /// The unit is not one of this quantity.
    #[error("`{text}` needs a unit: one of {allowed}")]
    Unit {
        /// What was typed.
        text: String,
        /// The units that are understood.
        allowed: &'static str,
    },
    /// A percentage above one hundred.
    #[error("`{0}` is more than 100 %")]
    AboveHundred(String),
}

/// Reads digits with at most one point into an integer of `decimals` places, exactly.
fn parse_fixed(text: &str, decimals: usize) -> Result<U256, ParseAmountError> {
    let not_a_number = || ParseAmountError::NotANumber(text.to_string());
    let compact: String = text
        .chars()
        .filter(|c| !matches!(c, '_' | '\u{2009}' | '\u{202f}'))
        .collect();
    let (whole, fraction) = compact.split_once('.').unwrap_or((&compact, ""));
    let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits_only(whole) || !digits_only(fraction) {
        return Err(not_a_number());
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > decimals {
        return Err(ParseAmountError::TooPrecise {
            text: text.to_string(),
            decimals,
        });
    }
    let digits = format!("{whole}{fraction}{}", "0".repeat(decimals - fraction.len()));
    U256::from_str_radix(&digits, 10).map_err(|_| ParseAmountError::TooLarge(text.to_string()))
}

/// Writes an integer of `decimals` places without trailing zeros.
fn format_fixed(value: U256, decimals: usize) -> String {
    let digits = value.to_string();
    let padded = format!("{digits:0>width$}", width = decimals + 1);
    let (whole, fraction) = padded.split_at(padded.len() - decimals);
    match fraction.trim_end_matches('0') {
        "" => whole.to_string(),
        fraction => format!("{whole}.{fraction}"),
    }
}

/// Groups the whole part by thin spaces and keeps at most `places` digits after the point, rounding down.
fn format_grouped(value: U256, decimals: usize, places: usize) -> String {
    let exact = format_fixed(value, decimals);
    let (whole, fraction) = exact.split_once('.').unwrap_or((&exact, ""));
    let mut grouped = String::new();
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position) % 3 == 0 {
            grouped.push('\u{2009}');
        }
        grouped.push(digit);
    }
    match fraction
        .get(..places.min(fraction.len()))
        .unwrap_or_default()
        .trim_end_matches('0')
    {
        "" => grouped,
        fraction => format!("{grouped}.{fraction}"),
    }
}

/// Splits `12.5eth` or `12.5 ETH` into number and lower-case unit. No unit has digits: `1e18` and `0x10` are none.
fn split_unit(text: &str) -> Result<(&str, String), ParseAmountError> {
    let text = text.trim();
    let end = text
        .find(|c: char| c.is_alphabetic() || c == '%')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    if unit.contains(|c: char| c.is_ascii_digit()) {
        return Err(ParseAmountError::NotANumber(text.to_string()));
    }
    Ok((number.trim_end(), unit.to_ascii_lowercase()))
}

/// Serialises through `Display`-like text and reads it back.
macro_rules! serde_as_text {
    ($type:ty, $write:expr, $read:expr) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&$write(*self))
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                $read(&text).map_err(de::Error::custom)
            }
        }
    };
}

/// Livepeer tokens, in base units of 10⁻¹⁸ LPT.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lpt(pub U256);

impl Lpt {
    /// No tokens.
    pub const ZERO: Self = Self(U256::ZERO);

    /// A whole number of LPT.
    #[must_use]
    pub fn whole(lpt: u64) -> Self {
        Self(U256::from(lpt) * U256::from(10u64).pow(U256::from(18)))
    }

    /// The exact decimal number of LPT, without unit or grouping: the JSON form.
    #[must_use]
    pub fn decimal(self) -> String {
        format_fixed(self.0, 18)
    }

    /// For screens: grouped, at most four digits after the point (rounded down), with unit.
    #[must_use]
    pub fn human(self) -> String {
        format!("{} LPT", format_grouped(self.0, 18, 4))
    }

    /// The difference, or zero if `other` is larger.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The sum, or the largest amount there is.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Lpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} LPT", self.decimal())
    }
}

impl FromStr for Lpt {
    type Err = ParseAmountError;

    /// Reads `100`, `100.5`, `100.5lpt` or `100.5 LPT`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, unit) = split_unit(text)?;
        match unit.as_str() {
            "" | "lpt" => Ok(Self(parse_fixed(number, 18)?)),
            _ if number.is_empty() => Err(ParseAmountError::NotANumber(text.to_string())),
            _ => Err(ParseAmountError::Unit {
                text: text.to_string(),
                allowed: "lpt",
            }),
        }
    }
}

serde_as_text!(Lpt, Lpt::decimal, |text: &str| parse_fixed(text, 18).map(Lpt));

/// ETH amounts, in wei.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wei(pub U256);

impl Wei {
    /// Nothing.
    pub const ZERO: Self = Self(U256::ZERO);

    /// So many gwei (10⁹ wei).
    #[must_use]
    pub fn gwei(gwei: u64) -> Self {
        Self(U256::from(gwei) * U256::from(1_000_000_000u64))
    }

    /// A whole number of ETH.
    #[must_use]
    pub fn ether(eth: u64) -> Self {
        Self(U256::from(eth) * U256::from(10u64).pow(U256::from(18)))
    }

    /// The exact decimal number of ETH, without unit.
    #[must_use]
    pub fn eth_decimal(self) -> String {
        format_fixed(self.0, 18)
    }

    /// For screens: ETH with at most six digits after the point (rounded down); smaller amounts in gwei or wei.
    #[must_use]
    pub fn human(self) -> String {
        let wei = self.0;
        if wei.is_zero() {
            "0 ETH".to_string()
        } else if wei >= U256::from(1_000_000_000_000u64) {
            format!("{} ETH", format_grouped(wei, 18, 6))
        } else if wei >= U256::from(100_000u64) {
            format!("{} gwei", format_grouped(wei, 9, 4))
        } else {
            format!("{wei} wei")
        }
    }

    /// The exact decimal number of gwei, without unit or grouping.
    #[must_use]
    pub fn gwei_decimal(self) -> String {
        format_fixed(self.0, 9)
    }

    /// For screens that show gas prices: always in gwei.
    #[must_use]
    pub fn human_gwei(self) -> String {
        let places = if self.0 < U256::from(100_000u64) { 9 } else { 4 };
        format!("{} gwei", format_grouped(self.0, 9, places))
    }

    /// The difference, or zero if `other` is larger.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The sum, or the largest amount there is.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Wei {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ETH", self.eth_decimal())
    }
}

impl FromStr for Wei {
    type Err = ParseAmountError;

    /// Reads `0.02eth`, `8 gwei` or `21000wei`. The unit is required: a bare number could mean any of them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, unit) = split_unit(text)?;
        let decimals = match unit.as_str() {
            "eth" | "ether" => 18,
            "gwei" => 9,
            "wei" => 0,
            _ => {
                return Err(ParseAmountError::Unit {
                    text: text.to_string(),
                    allowed: "eth, gwei, wei",
                });
            }
        };
        Ok(Self(parse_fixed(number, decimals)?))
    }
}

serde_as_text!(Wei, |wei: Wei| wei.0.to_string(), |text: &str| parse_fixed(
    text, 0
)
.map(Wei));

/// A share of a whole, in parts per million as the contracts count it (`protocol contracts/libraries/MathUtils.sol`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u32);

impl Percent {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// All of it.
    pub const HUNDRED: Self = Self(1_000_000);

    /// From parts per million; above a million there is no such share.
    #[must_use]
    pub fn from_ppm(ppm: u32) -> Option<Self> {
        (ppm <= 1_000_000).then_some(Self(ppm))
    }

    /// Parts per million: the contracts' unit.
    #[must_use]
    pub fn ppm(self) -> u32 {
        self.0
    }

    /// What is left of the whole: turns a fee cut into a fee share and back.
    #[must_use]
    pub fn complement(self) -> Self {
        Self(1_000_000 - self.0)
    }

    /// The decimal number of percent, without unit: the JSON form.
    #[must_use]
    pub fn decimal(self) -> String {
        format_fixed(U256::from(self.0), 4)
    }

    /// The same as a fraction from 0 to 1, exactly.
    #[must_use]
    pub fn fraction(self) -> String {
        format_fixed(U256::from(self.0), 6)
    }

    fn parse_number(number: &str) -> Result<Self, ParseAmountError> {
        let ppm = parse_fixed(number, 4)?;
        u32::try_from(ppm)
            .ok()
            .and_then(Self::from_ppm)
            .ok_or_else(|| ParseAmountError::AboveHundred(number.to_string()))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.decimal())
    }
}

impl FromStr for Percent {
    type Err = ParseAmountError;

    /// Reads `12.5`, `12.5%` or `12.5 %`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, unit) = split_unit(text)?;
        match unit.as_str() {
            "" | "%" => Self::parse_number(number),
            _ => Err(ParseAmountError::Unit {
                text: text.to_string(),
                allowed: "%",
            }),
        }
    }
}

serde_as_text!(Percent, Percent::decimal, Percent::parse_number);

/// A protocol round: a period counted in L1 blocks, initialised by a transaction, locked towards its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Round(pub u64);

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_read_like_people_write_them() {
        assert_eq!("100".parse(), Ok(Lpt::whole(100)));
        assert_eq!("100.5 LPT".parse::<Lpt>().unwrap().decimal(), "100.5");
        assert_eq!(
            "0.02eth".parse::<Wei>().unwrap().0,
            U256::from(20_000_000_000_000_000u64)
        );
        assert_eq!("8gwei".parse(), Ok(Wei::gwei(8)));
        assert_eq!("12.5%".parse::<Percent>().unwrap().ppm(), 125_000);
        assert_eq!("1_000".parse(), Ok(Lpt::whole(1000)));
    }

    #[test]
    fn what_is_ambiguous_or_impossible_is_refused() {
        assert!(matches!("5".parse::<Wei>(), Err(ParseAmountError::Unit { .. })));
        assert!(matches!(
            "5eth".parse::<Lpt>(),
            Err(ParseAmountError::Unit { .. })
        ));
        assert!(matches!(
            "101".parse::<Percent>(),
            Err(ParseAmountError::AboveHundred(_))
        ));
        assert!(matches!(
            "0.0000000000000000001".parse::<Lpt>(),
            Err(ParseAmountError::TooPrecise { .. })
        ));
        assert!(matches!(
            "abc".parse::<Lpt>(),
            Err(ParseAmountError::NotANumber(_))
        ));
        assert_eq!(
            "0.0000001gwei".parse::<Wei>().unwrap().human_gwei(),
            "0.0000001 gwei"
        );
        for bad in ["", ".", "1.2.3", "-1", "lpt"] {
            assert!(bad.parse::<Lpt>().is_err(), "{bad:?} was read");
        }
        for bad in ["1e18", "0x10", "1e18wei"] {
            let refused = ParseAmountError::NotANumber(bad.to_string());
            assert_eq!(bad.parse::<Lpt>(), Err(refused.clone()));
            assert_eq!(bad.parse::<Wei>(), Err(refused));
        }
        assert!(matches!(
            "9".repeat(80).parse::<Lpt>(),
            Err(ParseAmountError::TooLarge(_))
        ));
    }

    #[test]
    fn screens_group_and_round_down() {
        assert_eq!(
            "1204567.123456".parse::<Lpt>().unwrap().human(),
            "1\u{2009}204\u{2009}567.1234 LPT"
        );
        assert_eq!("0.0000319eth".parse::<Wei>().unwrap().human(), "0.000031 ETH");
        assert_eq!(Wei::gwei(3).human(), "3 gwei");
    }

    /// Digits before and after the point as one integer, by nothing but text.
    fn scaled(whole: &str, fraction: &str, decimals: usize) -> U256 {
        format!("{whole}{fraction:0<decimals$}").parse().unwrap()
    }

    proptest! {
        #[test]
        fn digits_are_read_as_they_stand(whole in "[0-9]{1,30}", fraction in "[0-9]{1,18}") {
            let text = format!("{whole}.{fraction}");
            let exact = scaled(&whole, &fraction, 18);
            prop_assert_eq!(text.parse(), Ok(Lpt(exact)));
            prop_assert_eq!(format!("{text} eth").parse(), Ok(Wei(exact)));
            let read = format!("{text}gwei").parse::<Wei>();
            match fraction.trim_end_matches('0') {
                kept if kept.len() > 9 => prop_assert!(read.is_err()),
                kept => prop_assert_eq!(read, Ok(Wei(scaled(&whole, kept, 9)))),
            }
        }

        #[test]
        fn whatever_is_typed_is_read_or_refused(text in "\\PC{0,40}", number in "[-+0-9._ ,e]{0,30}(lpt|eth|gwei|wei|%)?") {
            for text in [text, number] {
                if let Ok(amount) = text.parse::<Lpt>() {
                    prop_assert_eq!(amount.to_string().parse(), Ok(amount));
                    prop_assert!(!text.contains(['-', 'e']), "{:?}", text);
                }
                if let Ok(amount) = text.parse::<Wei>() {
                    prop_assert_eq!(amount.to_string().parse(), Ok(amount));
                }
                let _ = text.parse::<Percent>();
            }
        }

        #[test]
        fn people_are_never_shown_more_than_there_is(limbs: [u64; 2]) {
            let value = U256::from_limbs([limbs[0], limbs[1], 0, 0]);
            let shown: String = Lpt(value).human().chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
            let read = shown.parse::<Lpt>().unwrap();
            prop_assert!(read.0 <= value && value - read.0 < U256::from(10u64).pow(U256::from(18)));
        }

        #[test]
        fn shown_and_read_again_is_the_same(limbs: [u64; 4], ppm in 0u32..=1_000_000) {
            let value = U256::from_limbs(limbs);
            prop_assert_eq!(Lpt(value).to_string().parse(), Ok(Lpt(value)));
            prop_assert_eq!(Wei(value).to_string().parse(), Ok(Wei(value)));
            let percent = Percent::from_ppm(ppm).unwrap();
            prop_assert_eq!(percent.to_string().parse(), Ok(percent));
            let json = serde_json::to_string(&(Lpt(value), Wei(value), percent)).unwrap();
            prop_assert_eq!(serde_json::from_str::<(Lpt, Wei, Percent)>(&json).unwrap(), (Lpt(value), Wei(value), percent));
        }
    }
}

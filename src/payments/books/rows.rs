//! Between values and columns.

use alloy::primitives::{Address, B256, U256};
use jiff::Timestamp;
use num_bigint::BigInt;
use rusqlite::{Row, types::Type};

use crate::{payments::amount::Exact, units::Wei};

/// Parts of a wei in totals.
pub(super) const PARTS: u64 = 1_000_000_000_000_000_000;

/// A column that does not hold what was written to it.
fn broken(index: usize, kind: Type, reason: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, kind, reason.into())
}

/// A whole number below 2⁶³ for a column; larger ones cannot happen and become the largest.
pub(super) fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The number in a column.
pub(super) fn number(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(index)?;
    u64::try_from(value).map_err(|_| broken(index, Type::Integer, "a number below zero"))
}

/// The number in a column, if there is one.
pub(super) fn number_if_any(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<u64>> {
    match row.get::<_, Option<i64>>(index)? {
        None => Ok(None),
        Some(_) => number(row, index).map(Some),
    }
}

/// A text that stands for a value.
pub(super) fn text<T: std::str::FromStr>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    let text: String = row.get(index)?;
    text.parse()
        .map_err(|_| broken(index, Type::Text, "a text that stands for nothing"))
}

/// Whole wei.
pub(super) fn wei(row: &Row<'_>, index: usize) -> rusqlite::Result<Wei> {
    let digits: String = row.get(index)?;
    U256::from_str_radix(&digits, 10)
        .map(Wei)
        .map_err(|_| broken(index, Type::Text, "no amount"))
}

/// Bytes of a fixed length.
pub(super) fn bytes<const LENGTH: usize>(row: &Row<'_>, index: usize) -> rusqlite::Result<[u8; LENGTH]> {
    let found: Vec<u8> = row.get(index)?;
    found
        .try_into()
        .map_err(|_| broken(index, Type::Blob, "bytes of another length"))
}

/// An account.
pub(super) fn address(row: &Row<'_>, index: usize) -> rusqlite::Result<Address> {
    bytes::<20>(row, index).map(Address::from)
}

/// A hash.
pub(super) fn hash(row: &Row<'_>, index: usize) -> rusqlite::Result<B256> {
    bytes::<32>(row, index).map(B256::from)
}

/// A number of 256 bits.
pub(super) fn big(row: &Row<'_>, index: usize) -> rusqlite::Result<U256> {
    bytes::<32>(row, index).map(U256::from_be_bytes)
}

/// A moment.
pub(super) fn time(row: &Row<'_>, index: usize) -> rusqlite::Result<Timestamp> {
    let seconds: i64 = row.get(index)?;
    Timestamp::from_second(seconds).map_err(|_| broken(index, Type::Integer, "no moment"))
}

/// Now, for a column.
pub(super) fn now() -> i64 {
    Timestamp::now().as_second()
}

/// An amount in parts of a wei, rounded down.
pub(super) fn parts(amount: &Exact) -> BigInt {
    (amount.as_ratio() * BigInt::from(PARTS)).floor().to_integer()
}

/// A total in parts of a wei.
pub(super) fn total(row: &Row<'_>, index: usize) -> rusqlite::Result<Exact> {
    let parts: BigInt = text(row, index)?;
    Exact::ratio(parts, BigInt::from(PARTS)).ok_or_else(|| broken(index, Type::Text, "no total"))
}

//! What lpctl tells Prometheus.
//!
//! | module | holds |
//! |---|---|
//! | `table` | every metric there is, with its meaning; documents, dashboards and rules are held against it; what the exporter tells in `table::exported` |
//! | `sheet` | the values of one scrape, and their text |
//! | `recorder` | counters and histograms that are written when something happens |
//! | `bounded` | label values from outside, as few as may be |
//! | `machine` | this process and this machine |
//! | `endpoints` | RPC endpoints as label values |
//! | `document` | `docs/metrics.md` |
//!
//! Names, labels, units and bounds that go-livepeer has are taken over (`go-livepeer monitor/census.go`), so that
//! dashboards and rules made for it work; where it is wrong or stale the table says what was put right. Amounts of money
//! are floating point here and nowhere else: Prometheus knows no other numbers. The exporter writes its own as exact decimals.

mod bounded;
mod document;
mod endpoints;
mod machine;
mod recorder;
mod sheet;
pub(crate) mod table;

pub use document::document;
pub use table::{ALL, Kind, Metric, Origin, Role, find};

pub(crate) use bounded::Bounded;
pub(crate) use endpoints::told_apart;
pub(crate) use machine::{node_id, process};
pub(crate) use recorder::Recorder;
pub(crate) use sheet::Sheet;
pub(crate) use table as names;

use axum::{
    body::Body,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};

use crate::units::{Lpt, Wei};

/// The type of the text.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// An amount for Prometheus, in gwei.
pub(crate) fn gwei(amount: Wei) -> f64 {
    f64::from(amount.0) / 1e9
}

/// An amount for Prometheus, in LPT.
pub(crate) fn lpt(amount: Lpt) -> f64 {
    f64::from(amount.0) / 1e18
}

/// A whole number for Prometheus: exact up to nine quadrillions.
#[expect(clippy::cast_precision_loss, reason = "Prometheus knows no other numbers")]
pub(crate) fn count(number: u64) -> f64 {
    number as f64
}

/// A fraction of whole numbers like `7/2`, or one of them, for Prometheus.
pub(crate) fn fraction(text: &str) -> Option<f64> {
    let (above, below) = text.split_once('/').unwrap_or((text, "1"));
    let (above, below): (f64, f64) = (above.trim().parse().ok()?, below.trim().parse().ok()?);
    Some(above / below).filter(|ratio| ratio.is_finite())
}

/// Prometheus' text as an answer.
pub(crate) fn text(body: Body) -> Response {
    ([(CONTENT_TYPE, TEXT), (CACHE_CONTROL, "no-store")], body).into_response()
}

/// The answer to who asks for metrics.
pub(crate) fn answer(text: Result<String, prometheus::Error>) -> Response {
    match text {
        Ok(text) => self::text(text.into()),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be told");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Yes or no.
pub(crate) fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_a_fraction_or_a_number() {
        assert_eq!(fraction("1200"), Some(1200.0));
        assert_eq!(fraction("7/2"), Some(3.5));
        assert_eq!(fraction("1/0"), None);
        assert_eq!(fraction("dear"), None);
        assert!((gwei(Wei::gwei(7)) - 7.0).abs() < 1e-9 && (lpt(Lpt::whole(3)) - 3.0).abs() < 1e-9);
    }
}

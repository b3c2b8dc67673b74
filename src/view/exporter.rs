//! What the exporter told in one scrape.

use std::collections::BTreeMap;

use serde::Serialize;

/// All of it, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// In the order of the names.
    pub samples: Vec<Sample>,
}

/// One value of a series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// The metric's name.
    pub name: &'static str,
    /// Its labels.
    pub labels: BTreeMap<&'static str, String>,
    /// Its value: a decimal number, exact where the chain's is.
    pub value: String,
}

//! The values of one scrape.

use std::collections::{BTreeMap, HashSet};

use prometheus::{
    TextEncoder,
    proto::{Counter, Gauge, LabelPair, MetricFamily, MetricType},
};

use super::{
    Recorder,
    table::{Kind, Metric},
};

/// Values read for one scrape, by metric. A value that is told twice counts once: Prometheus refuses a whole scrape that
/// has one twice.
pub(crate) struct Sheet {
    base: Vec<(&'static str, String)>,
    families: BTreeMap<&'static str, Family>,
}

struct Family {
    metric: &'static Metric,
    told: HashSet<String>,
    values: Vec<prometheus::proto::Metric>,
}

impl Sheet {
    /// Nothing yet; all values get these labels.
    pub(crate) fn new(base: Vec<(&'static str, String)>) -> Self {
        Self {
            base,
            families: BTreeMap::new(),
        }
    }

    /// Tells the value of a metric, with its labels' values in their order. What is no number is not told.
    pub(crate) fn set(&mut self, metric: &'static Metric, labels: &[&str], value: f64) {
        debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
        debug_assert_ne!(metric.kind, Kind::Histogram, "{}", metric.name);
        if !value.is_finite() {
            return;
        }
        let family = self.families.entry(metric.name).or_insert_with(|| Family {
            metric,
            told: HashSet::new(),
            values: Vec::new(),
        });
        if !family.told.insert(labels.join("\u{0}")) {
            return;
        }
        let own = metric.labels.iter().zip(labels);
        let pairs = own
            .map(|(name, value)| pair(name, value))
            .chain(self.base.iter().map(|(name, value)| pair(name, value)));
        let mut told = prometheus::proto::Metric::from_label(pairs.collect());
        match metric.kind {
            Kind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(value);
                told.set_counter(counter);
            }
            Kind::Gauge | Kind::Histogram => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                told.set_gauge(gauge);
            }
        }
        family.values.push(told);
    }

    /// The same for a metric without labels of its own, if there is a value.
    pub(crate) fn maybe(&mut self, metric: &'static Metric, value: Option<f64>) {
        if let Some(value) = value {
            self.set(metric, &[], value);
        }
    }

    /// The text Prometheus reads: what was told here and what was recorded, in the order of the names.
    pub(crate) fn text(self, recorder: &Recorder) -> Result<String, prometheus::Error> {
        let mut families = recorder.gather();
        families.extend(self.families.into_values().map(|family| {
            let mut told = MetricFamily::default();
            told.set_name(family.metric.name.to_string());
            told.set_help(family.metric.help.to_string());
            told.set_field_type(match family.metric.kind {
                Kind::Counter => MetricType::COUNTER,
                Kind::Gauge | Kind::Histogram => MetricType::GAUGE,
            });
            told.set_metric(family.values);
            told
        }));
        families.sort_by(|one, other| one.name().cmp(other.name()));
        TextEncoder::new().encode_to_string(&families)
    }
}

fn pair(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_string());
    pair.set_value(value.to_string());
    pair
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::names;

    #[test]
    fn a_value_told_twice_counts_once_and_text_from_outside_is_escaped() {
        let base = vec![("node_id", "a\"b\\c\nd".to_string())];
        let mut sheet = Sheet::new(base.clone());
        sheet.set(&names::RPC_UP, &["https://one"], 1.0);
        sheet.set(&names::RPC_UP, &["https://one"], 0.0);
        sheet.set(&names::RPC_LATENCY, &["https://one"], f64::NAN);
        let text = sheet.text(&Recorder::new(base)).unwrap();
        let values: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            values,
            [r#"lpctl_rpc_up{endpoint="https://one",node_id="a\"b\\c\nd"} 1"#]
        );
    }
}

//! The values of one scrape as decimal text, so that an amount of the chain stays what it is.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write as _,
};

use crate::{
    metrics::{Kind, Metric},
    view::exporter::{Exported, Sample},
};

/// Values by metric.
#[derive(Debug, Default)]
pub(super) struct Page(BTreeMap<&'static str, Family>);

#[derive(Debug)]
struct Family {
    metric: &'static Metric,
    told: HashSet<String>,
    samples: Vec<Sample>,
}

impl Page {
    /// Tells a value of a metric, with its labels' values in their order. One that is told twice counts once: Prometheus
    /// refuses a whole scrape that has one twice.
    pub(super) fn set(&mut self, metric: &'static Metric, labels: &[&str], value: impl ToString) {
        debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
        debug_assert_ne!(metric.kind, Kind::Histogram, "{}", metric.name);
        let family = self.0.entry(metric.name).or_insert_with(|| Family {
            metric,
            told: HashSet::new(),
            samples: Vec::new(),
        });
        if family.told.insert(labels.join("\u{0}")) {
            let values = labels.iter().map(ToString::to_string);
            family.samples.push(Sample {
                name: metric.name,
                labels: metric.labels.iter().copied().zip(values).collect(),
                value: value.to_string(),
            });
        }
    }

    /// As Prometheus reads it (text format 0.0.4).
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for Family { metric, samples, .. } in self.0.values() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# HELP {} {}", metric.name, metric.help);
            let _ = writeln!(text, "# TYPE {} {}", metric.name, metric.kind.name());
            for sample in samples {
                let labels: Vec<String> = sample
                    .labels
                    .iter()
                    .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
                    .collect();
                let labels = match labels.is_empty() {
                    true => String::new(),
                    false => format!("{{{}}}", labels.join(",")),
                };
                let _ = writeln!(text, "{}{labels} {}", sample.name, sample.value);
            }
        }
        text
    }

    /// The same as a list.
    pub(super) fn list(self) -> Exported {
        Exported {
            samples: self.0.into_values().flat_map(|family| family.samples).collect(),
        }
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::names::{RPC_UP, exported::UP};

    #[test]
    fn what_is_told_twice_counts_once_and_text_from_outside_is_escaped() {
        let mut page = Page::default();
        page.set(&RPC_UP, &["a\"b\\c\nd"], 1);
        page.set(&RPC_UP, &["a\"b\\c\nd"], 0);
        page.set(&UP, &[], "1");
        let text = page.text();
        let values: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            values,
            ["lpctl_exporter_up 1", r#"lpctl_rpc_up{endpoint="a\"b\\c\nd"} 1"#]
        );
        assert_eq!(page.list().samples.len(), 2);
    }
}

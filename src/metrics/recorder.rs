//! Counters and histograms that are written when something happens: an atomic addition each.

use prometheus::{
    CounterVec, GaugeVec, HistogramOpts, HistogramVec, Opts, Registry, core::Collector, proto::MetricFamily,
};

use super::table::Metric;

/// Makes what is recorded, and reads it for a scrape.
pub(crate) struct Recorder(Registry);

impl Recorder {
    /// All that is recorded gets these labels.
    pub(crate) fn new(base: Vec<(&'static str, String)>) -> Self {
        let labels = base.into_iter().map(|(name, value)| (name.to_string(), value));
        let registry = Registry::new_custom(None, Some(labels.collect()));
        Self(registry.unwrap_or_default())
    }

    /// A counter of the table.
    pub(crate) fn counter(&self, metric: &'static Metric) -> CounterVec {
        self.keep(CounterVec::new(
            Opts::new(metric.name, metric.help),
            metric.labels,
        ))
    }

    /// A gauge of the table that is written when something happens.
    pub(crate) fn gauge(&self, metric: &'static Metric) -> GaugeVec {
        self.keep(GaugeVec::new(Opts::new(metric.name, metric.help), metric.labels))
    }

    /// A histogram of the table.
    pub(crate) fn histogram(&self, metric: &'static Metric) -> HistogramVec {
        let settings = HistogramOpts::new(metric.name, metric.help).buckets(metric.bounds.to_vec());
        self.keep(HistogramVec::new(settings, metric.labels))
    }

    #[expect(
        clippy::expect_used,
        reason = "names, labels and bounds are those of the table, which a test makes all of"
    )]
    fn keep<T: Collector + Clone + 'static>(&self, made: prometheus::Result<T>) -> T {
        let made = made.expect("the table's metrics are well-formed");
        self.0
            .register(Box::new(made.clone()))
            .expect("the table names each metric once");
        made
    }

    pub(super) fn gather(&self) -> Vec<MetricFamily> {
        self.0.gather()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{ALL, Kind};

    #[test]
    fn every_metric_of_the_table_can_be_recorded() {
        let recorder = Recorder::new(vec![("node_id", "here".to_string())]);
        for metric in ALL {
            match metric.kind {
                Kind::Counter => drop(recorder.counter(metric)),
                Kind::Gauge => drop(recorder.gauge(metric)),
                Kind::Histogram => drop(recorder.histogram(metric)),
            }
        }
    }
}

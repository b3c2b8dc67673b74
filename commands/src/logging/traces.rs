//! Traces of segments' ways through the node, for a collector of OpenTelemetry: off unless somebody names one.
//!
//! What is collected waits in a bounded queue of its own thread. A collector that is slow or dead loses spans and costs
//! no segment anything.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use engine::secret::WebhookUrl;
use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider},
};
use tracing::{
    Event, Metadata,
    span::{Attributes, Id, Record},
};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::{Layer, filter::filter_fn, layer::Context};

use super::{Ground, LOG};
use crate::failure::{Failure, Kind};

/// Spans that may wait for the collector.
const WAITING: usize = 4096;
/// Spans in one message.
const AT_ONCE: usize = 256;
/// How often they are sent.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long a collector may take for one message.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// How long the last spans may take when everything ends.
const GRACE: Duration = Duration::from_secs(3);

/// Where the layer will be, once somebody wants traces.
#[derive(Default)]
pub struct Slot(OnceLock<OpenTelemetryLayer<Ground, SdkTracer>>);

/// Spans of segments, and nothing else, for what may be put into `slot` later.
pub fn layer(slot: Arc<Slot>) -> impl Layer<Ground> + Send + Sync {
    let is_way = |metadata: &Metadata<'_>| metadata.is_span() && metadata.target() == engine::way::TARGET;
    Later(slot).with_filter(filter_fn(is_way))
}

/// Hands everything on to the layer, as soon as there is one.
struct Later(Arc<Slot>);

impl Layer<Ground> for Later {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, Ground>) {
        if let Some(layer) = self.0.0.get() {
            layer.on_new_span(attributes, id, context);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, Ground>) {
        if let Some(layer) = self.0.0.get() {
            layer.on_record(id, values, context);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, Ground>) {
        if let Some(layer) = self.0.0.get() {
            layer.on_event(event, context);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, Ground>) {
        if let Some(layer) = self.0.0.get() {
            layer.on_enter(id, context);
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, Ground>) {
        if let Some(layer) = self.0.0.get() {
            layer.on_exit(id, context);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, Ground>) {
        if let Some(layer) = self.0.0.get() {
            layer.on_close(id, context);
        }
    }
}

/// Traces that are being sent; ending them sends the last ones.
#[must_use]
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Sends what still waits, for a moment.
    pub async fn finish(self) {
        if let Some(provider) = self.0 {
            let ending = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(GRACE));
            // A collector that is not there has lost them.
            if let Ok(Err(error)) = ending.await {
                tracing::warn!(%error, "the last traces were not sent");
            }
        }
    }
}

/// The collector that is named: by OpenTelemetry's variables, else by the config.
fn endpoint(configured: Option<&WebhookUrl>) -> Result<Option<WebhookUrl>, Failure> {
    let is_off = std::env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
    if is_off {
        return Ok(None);
    }
    let variables = [
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    ];
    for name in variables {
        if let Some(text) = std::env::var(name).ok().filter(|text| !text.is_empty()) {
            let url = text.parse().map_err(|_| {
                let message = format!("{name} is no address; write it like http://127.0.0.1:4317");
                Failure::new(Kind::Config, "bad_otel_endpoint", message).hint("correct it, or unset it")
            })?;
            return Ok(Some(url));
        }
    }
    Ok(configured.cloned())
}

/// Sends traces from now on, if a collector is named; `role` is what this process is. Within the runtime.
///
/// # Errors
/// Config for an address that cannot be used.
pub fn send_traces(configured: Option<&WebhookUrl>, role: &str) -> Result<Traces, Failure> {
    let Some(url) = endpoint(configured)? else {
        return Ok(Traces(None));
    };
    let hint = "name a collector on this machine, like http://127.0.0.1:4317; it can pass them on over TLS";
    let bad = |what: String| Failure::new(Kind::Config, "bad_otel_endpoint", what).hint(hint);
    if url.expose().scheme() != "http" {
        return Err(bad(format!("traces are sent without TLS, and {url} wants it")));
    }
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(url.expose().as_str())
        .with_timeout(ANSWER_TIME)
        .build()
        .map_err(|_| bad(format!("traces cannot be sent to {url}")))?;
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(WAITING)
        .with_max_export_batch_size(AT_ONCE)
        .with_scheduled_delay(INTERVAL)
        .build();
    let sending = BatchSpanProcessor::builder(exporter)
        .with_batch_config(batches)
        .build();
    let resource = Resource::builder()
        .with_service_name("lpctl")
        .with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("lpctl.role", role.to_string()),
        ])
        .build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(sending)
        .with_resource(resource)
        .build();
    let Some(log) = LOG.get() else {
        return Ok(Traces(Some(provider)));
    };
    let layer = OpenTelemetryLayer::new(provider.tracer("lpctl"))
        .with_location(false)
        .with_threads(false)
        .with_context_activation(false)
        .with_tracked_inactivity(false);
    // Set already: this process sends them elsewhere.
    let _ = log.traces.0.set(layer);
    tracing::info!(collector = %url, "traces of segments are sent");
    Ok(Traces(Some(provider)))
}

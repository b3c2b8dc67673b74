//! Lines of the log on their way into the ring, with what the work they belong to is about.

use std::{collections::BTreeMap, fmt};

use engine::{
    config::LogLevel,
    node::{LogRing, NewLine},
};
use jiff::Timestamp;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

/// Longest value that is looked at, in bytes; the ring cuts it further.
const LONGEST: usize = 4096;

/// Puts each line into the ring.
pub struct Lines(LogRing);

impl Lines {
    /// Into this one.
    pub fn new(ring: LogRing) -> Self {
        Self(ring)
    }
}

/// The fields of an event or a span, as text.
#[derive(Default)]
struct Fields {
    message: String,
    others: BTreeMap<String, String>,
}

impl Fields {
    fn put(&mut self, field: &Field, mut text: String) {
        text.truncate(text.floor_char_boundary(LONGEST));
        match field.name() {
            "message" => self.message = text,
            name => drop(self.others.insert(name.to_string(), text)),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value[..value.floor_char_boundary(LONGEST)].to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().replace(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        if let Some(fields) = extensions.get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        // What is nearer to the event stands over what is farther away.
        for span in context
            .event_scope(event)
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
        {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.others.extend(outer.others.clone());
            }
        }
        event.record(&mut fields);
        let metadata = event.metadata();
        self.0.push(NewLine {
            time: Timestamp::now(),
            level: match *metadata.level() {
                Level::ERROR => LogLevel::Error,
                Level::WARN => LogLevel::Warn,
                Level::INFO => LogLevel::Info,
                Level::DEBUG => LogLevel::Debug,
                Level::TRACE => LogLevel::Trace,
            },
            target: metadata.target().to_string(),
            message: fields.message,
            fields: fields.others,
        });
    }
}

#[cfg(test)]
mod tests {
    use engine::node::LogQuery;
    use tracing::{error_span, field::Empty};
    use tracing_subscriber::{layer::SubscriberExt as _, util::SubscriberInitExt as _};

    use super::*;

    #[test]
    fn a_line_carries_what_its_spans_are_about() {
        let ring = LogRing::new();
        let _guard = tracing_subscriber::registry()
            .with(Lines::new(ring.clone()))
            .set_default();
        let outer = error_span!("segment", segment = Empty, session = "ab", seq = 0);
        outer.record("segment", "ab/7");
        let inner = outer.in_scope(|| error_span!("stage", seq = 7));
        inner.in_scope(|| tracing::warn!(uri = %"https://user:SECRET@h.example/SECRET", "it\u{1b}[2Jfailed"));
        tracing::info!("alone");
        let page = ring.page(&LogQuery::default());
        let [first, second] = &page.lines[..] else {
            panic!("{page:?}")
        };
        assert_eq!(first.segment.as_deref(), Some("ab/7"));
        assert_eq!(first.session.as_deref(), Some("ab"));
        assert_eq!(first.fields["seq"], "7");
        assert_eq!(first.fields["uri"], "https://h.example/…");
        assert_eq!(
            (first.level, first.message.as_str()),
            (LogLevel::Warn, "it\\u{1b}[2Jfailed")
        );
        assert_eq!(
            (second.segment.as_deref(), second.message.as_str()),
            (None, "alone")
        );
    }
}

//! Traces of a segment's way, for a real receiver of OpenTelemetry; and none in the way of a segment.

use std::time::{Duration, Instant};

use engine::wire::signature::Offchain;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value as AnyValue,
    trace::v1::Span,
};
use testbed::clip::{ClipSpec, segment};
use tokio::sync::mpsc;
use tonic::{Request, Response, Status, transport::server::TcpIncoming};

use crate::{environment::Environment, run::Node};

/// A test that waits longer than this for anything hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Takes what comes.
struct Collector(mpsc::UnboundedSender<Span>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for resource in request.into_inner().resource_spans {
            for scope in resource.scope_spans {
                for span in scope.spans {
                    let _ = self.0.send(span);
                }
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn attribute(span: &Span, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.clone()?.value? {
        AnyValue::StringValue(text) => Some(text),
        AnyValue::IntValue(number) => Some(number.to_string()),
        other => panic!("{other:?}"),
    }
}

fn node(environment: &Environment, endpoint: &str) -> Node {
    let mut command = environment.command(&["run", "--json", "--offchain", "--gpus", "none"]);
    command
        .args([
            "--preset",
            "ultrafast",
            "--bind",
            "127.0.0.1:0",
            "--operator-addr",
            "127.0.0.1:0",
        ])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    Node::spawn(command)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_the_stages_of_a_segment() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (sender, mut spans) = mpsc::unbounded_channel();
    let serving = tonic::transport::Server::builder()
        .add_service(TraceServiceServer::new(Collector(sender)))
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(serving);

    let environment = Environment::new();
    let node = node(&environment, &endpoint);
    let answer = node.push(&Offchain, &segment(ClipSpec::default())).await;
    assert!(answer.bytes().await.unwrap().len() > 100);
    let mut all = Vec::new();
    while !all.iter().any(|span: &Span| span.name == "segment") {
        let span = tokio::time::timeout(PATIENCE, spans.recv())
            .await
            .expect("the spans come")
            .unwrap();
        all.push(span);
    }
    let whole = all.iter().find(|span| span.name == "segment").unwrap();
    assert_eq!(attribute(whole, "manifest").as_deref(), Some("stream"));
    assert_eq!(attribute(whole, "seq").as_deref(), Some("0"));
    let session = attribute(whole, "session").unwrap();
    assert_eq!(attribute(whole, "segment"), Some(format!("{session}/0")));
    for stage in ["check", "receive", "wait", "transcode", "answer"] {
        let span = all
            .iter()
            .find(|span| span.name == stage)
            .unwrap_or_else(|| panic!("no {stage}: {all:#?}"));
        assert_eq!(span.trace_id, whole.trace_id, "{stage}");
        assert_eq!(span.parent_span_id, whole.span_id, "{stage}");
        assert!(span.start_time_unix_nano >= whole.start_time_unix_nano, "{stage}");
        assert!(span.end_time_unix_nano <= whole.end_time_unix_nano, "{stage}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_dead_or_silent_costs_a_segment_nothing() {
    // Connections are taken, and nothing ever answered.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_url = format!("http://{}", silent.local_addr().unwrap());
    for endpoint in [silent_url.as_str(), "http://127.0.0.1:9"] {
        let environment = Environment::new();
        let node = node(&environment, endpoint);
        let clip = segment(ClipSpec::default());
        let since = Instant::now();
        for _ in 0..3 {
            let answer = node.push(&Offchain, &clip).await;
            assert!(answer.bytes().await.unwrap().len() > 100);
        }
        assert!(since.elapsed() < PATIENCE / 2);
    }
    let environment = Environment::new();
    environment.write_config("[defaults.otel]\nendpoint = \"https://collector.example/SECRET\"\n");
    let refused = environment.lpctl(&["run", "--offchain", "--json"]).expect_code(3);
    assert_eq!(refused.error()["code"], "bad_otel_endpoint");
    assert!(!refused.stdout.contains("SECRET") && !refused.stderr.contains("SECRET"));
}

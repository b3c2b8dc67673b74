//! What a gateway tells Prometheus.

use std::collections::BTreeSet;

use engine::metrics::{ALL, Role};

use super::harness::{Rig, clip, later_clip, scripted_rig};
use crate::{gateway::scripted::Deed, node::metrics::assert_promtool_is_content};

async fn scrape(rig: &Rig) -> String {
    let answer = rig.client.get(rig.operator_url("/metrics")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

fn of(text: &str, beginning: &str) -> f64 {
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(beginning)).collect();
    assert_eq!(lines.len(), 1, "{beginning}: {lines:?}");
    lines[0].rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn pushed_segments_are_told_as_go_livepeer_tells_them() {
    // The second segment goes wrong once.
    let rig = scripted_rig(
        |seq, attempt| match (seq, attempt) {
            (1, 1) => Deed::NotThere,
            _ => Deed::Honest,
        },
        |_| {},
    )
    .await;
    assert_eq!(of(&scrape(&rig).await, "livepeer_stream_started_total"), 0.0);
    assert_eq!(rig.push("/live/one/0.ts", &[], clip()).await.0, 200);
    assert_eq!(rig.push("/live/one/1.ts", &[], later_clip(0)).await.0, 200);
    let text = scrape(&rig).await;
    assert_promtool_is_content(&text);
    for (beginning, wanted) in [
        ("livepeer_stream_started_total", 1.0),
        ("livepeer_current_sessions_total", 1.0),
        ("livepeer_segment_source_emerged_total", 2.0),
        ("livepeer_segment_source_emerged_unprocessed_total", 2.0),
        ("livepeer_segment_source_appeared_total", 2.0),
        ("livepeer_segment_transcoded_all_appeared_total", 2.0),
        ("livepeer_transcode_overall_latency_seconds_count", 2.0),
        (
            "livepeer_http_client_segment_transcoded_realtime_ratio_count",
            2.0,
        ),
        ("livepeer_transcode_retried{", 1.0),
        ("livepeer_success_rate", 1.0),
        ("lpctl_segments_total{outcome=\"done\"", 2.0),
    ] {
        assert_eq!(of(&text, beginning), wanted, "{beginning}");
    }
    let states = text
        .lines()
        .filter(|line| line.starts_with("lpctl_gateway_orchestrators{"));
    assert_eq!(states.count(), 3);
    assert!(
        !text.contains("\"one\""),
        "names of streams are no labels: {text}"
    );

    let told: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let known: BTreeSet<&str> = ALL
        .iter()
        .filter(|metric| metric.told_by.contains(&Role::Gateway))
        .map(|metric| metric.name)
        .collect();
    assert!(told.is_subset(&known), "{:?}", told.difference(&known));
    let missing: BTreeSet<&str> = known.difference(&told).copied().collect();
    // Nobody is paid here, and no upload failed.
    assert_eq!(
        missing,
        BTreeSet::from([
            "livepeer_segment_source_upload_failed_total",
            "livepeer_ticket_value_sent",
            "livepeer_tickets_sent",
            "lpctl_gateway_fees_gwei_total",
        ])
    );
}

#[tokio::test]
async fn segments_nobody_takes_are_told_with_their_code() {
    let rig = scripted_rig(|_, _| Deed::Refuse(403, "OrchestratorCapped"), |_| {}).await;
    rig.push("/live/one/0.ts", &[], clip()).await;
    let text = scrape(&rig).await;
    assert_eq!(of(&text, "livepeer_success_rate"), 0.0);
    assert_eq!(of(&text, "lpctl_segments_total{outcome=\"failed\""), 1.0);
    let failed = text
        .lines()
        .filter(|line| line.starts_with("livepeer_segment_transcode_failed_total{") && line.ends_with(" 1"));
    assert_eq!(failed.count(), 1, "{text}");
    assert!(
        text.contains("livepeer_segment_source_upload_failed_total{error_code=\"OrchestratorCapped\""),
        "{text}"
    );
}

//! `docs/metrics.md`, made from the table.

use std::fmt::Write;

use super::table::{ALL, Metric, Origin, Role};

const HEAD: &str = "\
# Metrics

This page is made from the code: `cargo xtask gen` writes it, `make check` holds it against the code.

`lpctl run` and `lpctl gateway run` answer `GET /metrics` on their operator's port (7935 for a node, 6935 for a
transcoder, 5935 for a gateway) in Prometheus' text format:

```yaml
scrape_configs:
  - job_name: lpctl
    static_configs:
      - targets: [\"127.0.0.1:7935\"]
rule_files: [lpctl-alerts.yml]
```

`assets/prometheus/lpctl-alerts.yml` holds alert rules, `assets/grafana/node.json` and `assets/grafana/earnings.json`
dashboards to import. `lpctl explain METRIC` tells the same as this page about one metric.

`lpctl exporter` answers on port 9153, for orchestrators whoever runs their node.

All metrics of nodes and gateways have the labels `node_id` (`ACCOUNT-HOST`, or the host alone) and `node_type` (`orch`,
`trcr`, `bctr`), as go-livepeer's. Label values from outside are bounded in number and length; names of streams, sessions and
clients are no labels at all, so that ten thousand streams make as many series as one. Counters whose labels are known
beforehand begin at 0, so that `rate` sees the first event; go-livepeer's series begin with their first event.

";

const EXPORTED: &str = "
## What the exporter puts right, and what it leaves out

livepeer-exporter's data source was shut down; `lpctl exporter` reads the contracts and their events. Names, units and labels are
livepeer-exporter's, and `orchestrator` on each, since there may be several. Eleven of its 69 series are not on the chain and not
here: `livepeer_orch_price_per_pixel`, `livepeer_orch_success_rate`, `livepeer_orch_round_trip_score`, `livepeer_orch_total_score`,
the five `livepeer_orch_test_stream_…`, `LPT_price` and `ETH_price`. Sums of all time begin with the block of `--from`.
`promtool check metrics` finds fault with one name, which is livepeer-exporter's: `livepeer_orch_delegator_count` is no histogram.

";

/// The whole page.
#[must_use]
pub fn document() -> String {
    let mut text = HEAD.to_string();
    let of = |wanted: fn(&Origin) -> bool| ALL.iter().copied().filter(move |metric| wanted(&metric.origin));
    table(
        &mut text,
        "go-livepeer's names",
        of(|origin| matches!(origin, Origin::GoLivepeer { .. })),
    );
    table(
        &mut text,
        "lpctl's own",
        of(|origin| matches!(origin, Origin::Lpctl)),
    );
    table(
        &mut text,
        "livepeer-exporter's names",
        of(|origin| matches!(origin, Origin::LivepeerExporter { .. })),
    );
    table(
        &mut text,
        "The process",
        of(|origin| matches!(origin, Origin::Process)),
    );
    text.push_str(
        "## What was put right\n\nWhere go-livepeer's metric is wrong, stale or without bound, lpctl's differs:\n\n",
    );
    for metric in ALL {
        if let Origin::GoLivepeer { meant, corrected } = metric.origin
            && !corrected.is_empty()
        {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "- `{}`: go-livepeer has {meant}. Here: {corrected}.",
                metric.name
            );
        }
    }
    text.push_str(
        "\nBounds of histograms are go-livepeer's, also those that mistyped decimals left: stored series and recorded \
         quantiles go on as they were.\n",
    );
    text.push_str(EXPORTED);
    for metric in ALL {
        if let Origin::LivepeerExporter { meant, corrected } = metric.origin
            && !corrected.is_empty()
        {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "- `{}`: livepeer-exporter has {meant}. Here: {corrected}.",
                metric.name
            );
        }
    }
    text
}

fn table<'a>(text: &mut String, title: &str, metrics: impl Iterator<Item = &'a Metric>) {
    let _ = write!(
        text,
        "## {title}\n\n| metric | type | unit | labels | told by | meaning | example |\n|---|---|---|---|---|---|---|\n"
    );
    for metric in metrics {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let roles: Vec<&str> = metric.told_by.iter().copied().map(Role::name).collect();
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} | {} | `{}` |",
            metric.name,
            metric.kind.name(),
            metric.unit,
            labels.join(", "),
            roles.join(", "),
            metric.help,
            metric.example.replace('|', "\\|"),
        );
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_the_one_that_is_checked_in() {
        let kept = include_str!("../../docs/metrics.md");
        assert_eq!(kept, document(), "run `cargo xtask gen`");
    }

    #[test]
    fn every_row_has_its_cells() {
        for line in document().lines().filter(|line| line.starts_with("| `")) {
            let bars = line.replace("\\|", "").matches('|').count();
            assert_eq!(bars, 8, "{line}");
        }
    }
}

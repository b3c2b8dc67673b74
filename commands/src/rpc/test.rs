//! `lpctl rpc test`.

use std::fmt::Write as _;

use clap::Args;
use comfy_table::CellAlignment;
use engine::{
    chain::provider::MOST_READS,
    view::rpc::{RpcEndpoint, RpcTest},
};

use crate::{
    connection,
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style, escape, table},
    wording,
};

/// Test the RPC endpoints: whether they answer, how fast, and how far behind they are
///
/// Each endpoint is asked on its own: its chain, a few timed reads, its latest block beside the others', and what it
/// can do. Endpoints are shown without path and query, which may hold a key. The exit code is 0 if all can be used, 1
/// if some cannot, 3 if all are on another chain, 7 if none can be used.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl rpc test
  lpctl rpc test --rpc-url https://one.example --rpc-url https://two.example
  lpctl rpc test --json | jq '.data.endpoints[] | select(.lagging)'")]
pub struct TestArgs {
    /// Timed reads of each endpoint
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_READS)))]
    reads: u32,
}

/// Tests them.
///
/// # Errors
/// Failed if some endpoint cannot be used, config if all are on another chain, unreachable if none can be used; for
/// scripts the whole report is in the details.
pub async fn run(args: TestArgs, context: &mut Context) -> eyre::Result<()> {
    let endpoints = connection::endpoints(context)?;
    let spinner = context.shell.progress(None, "asking the endpoints");
    let report = endpoints.test(args.reads).await;
    spinner.finish_and_clear();
    let Some(failure) = failure(&report) else {
        for endpoint in report.endpoints.iter().filter(|endpoint| endpoint.lagging) {
            context.shell.warn(format_args!(
                "{} is {} behind",
                endpoint.endpoint,
                wording::blocks(endpoint.lag_blocks.unwrap_or_default(), None)
            ));
        }
        return Ok(context.shell.report(&report)?);
    };
    if !context.shell.is_json() {
        context.shell.report(&report)?;
    }
    Err(failure.details(serde_json::to_value(&report)?).into())
}

/// What the test says as a whole; none if all can be used.
pub(crate) fn failure(report: &RpcTest) -> Option<Failure> {
    let bad = report.endpoints.iter().filter(|endpoint| !endpoint.usable);
    let bad: Vec<&RpcEndpoint> = bad.collect();
    if bad.is_empty() {
        return None;
    }
    let all = bad.len() == report.endpoints.len();
    let is_elsewhere =
        |endpoint: &&RpcEndpoint| endpoint.chain_id.is_some() && endpoint.chain_id != report.chain_id;
    let names: Vec<&str> = bad.iter().map(|endpoint| endpoint.endpoint.as_str()).collect();
    let failure = if all && bad.iter().all(is_elsewhere) {
        Failure::new(
            Kind::Config,
            "wrong_chain",
            format!("no endpoint is on the chain of {}", report.network),
        )
        .hint("correct `--rpc-url` or `--network`: they must be the same chain")
    } else if all {
        Failure::new(
            Kind::Unreachable,
            "rpc_unreachable",
            format!(
                "none of {} can be used",
                wording::counted(bad.len(), "RPC endpoint")
            ),
        )
        .hint("check the URLs and the network, or add another endpoint with a further `--rpc-url`")
    } else {
        Failure::new(
            Kind::Failed,
            "endpoint_unusable",
            format!(
                "{} of {} cannot be used: {}",
                bad.len(),
                wording::counted(report.endpoints.len(), "RPC endpoint"),
                names.join(", ")
            ),
        )
        .hint("lpctl works with the others; correct or remove these with `--rpc-url` or `rpc_urls`")
    };
    Some(failure)
}

impl Report for RpcTest {
    fn text(&self, style: &Style) -> String {
        let mut rows = table();
        rows.set_header([
            "", "endpoint", "chain", "median", "p95", "block", "age", "behind", "batch", "logs", "archive",
        ]);
        let dash = || "-".to_string();
        let able = |able: Option<bool>| match able {
            Some(true) => style.good_mark(),
            Some(false) => style.bad_mark(),
            None => dash(),
        };
        for endpoint in &self.endpoints {
            let mark = match (endpoint.usable, endpoint.lagging) {
                (false, _) => style.bad_mark(),
                (true, true) => style.warn_mark(),
                (true, false) => style.good_mark(),
            };
            let time = |milliseconds: Option<f64>| milliseconds.map_or_else(dash, shown_time);
            rows.add_row([
                mark,
                endpoint.endpoint.clone(),
                endpoint.chain_id.map_or_else(dash, |id| id.to_string()),
                time(endpoint.latency_median_ms),
                time(endpoint.latency_p95_ms),
                endpoint.block.map_or_else(dash, wording::grouped),
                endpoint.head_age_seconds.map_or_else(dash, wording::duration),
                endpoint.lag_blocks.map_or_else(dash, wording::grouped),
                able(endpoint.batch),
                endpoint.log_range_blocks.map_or_else(dash, wording::grouped),
                endpoint.archive.map_or_else(dash, |archive| {
                    let kept = if archive { "yes" } else { "no" };
                    kept.to_string()
                }),
            ]);
        }
        for column in 3..=7 {
            if let Some(column) = rows.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        if let Some(column) = rows.column_mut(9) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let mut text = rows.trim_fmt();
        for endpoint in &self.endpoints {
            // Writing to a String cannot fail.
            if let Some(failure) = &endpoint.failure {
                let _ = write!(text, "\n{}: {}", endpoint.endpoint, escape(failure));
            } else if endpoint.failed_reads > 0 {
                let failed = wording::counted(endpoint.failed_reads as usize, "read");
                let _ = write!(text, "\n{}: {failed} of {} failed", endpoint.endpoint, self.reads);
            }
        }
        text
    }
}

fn shown_time(milliseconds: f64) -> String {
    if milliseconds < 10.0 {
        format!("{milliseconds:.1} ms")
    } else {
        format!("{milliseconds:.0} ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(name: &str) -> RpcEndpoint {
        RpcEndpoint {
            endpoint: name.to_string(),
            usable: true,
            lagging: false,
            chain_id: Some(42161),
            latency_median_ms: Some(23.4),
            latency_p95_ms: Some(61.0),
            failed_reads: 0,
            block: Some(412_345_678),
            head_age_seconds: Some(1),
            lag_blocks: Some(0),
            batch: Some(true),
            log_range_blocks: Some(10_000),
            archive: Some(false),
            failure: None,
        }
    }

    fn report(endpoints: Vec<RpcEndpoint>) -> RpcTest {
        RpcTest {
            network: "arbitrum-one".to_string(),
            chain_id: Some(42161),
            reads: 10,
            best_block: Some(412_345_678),
            endpoints,
        }
    }

    fn dead() -> RpcEndpoint {
        RpcEndpoint {
            usable: false,
            chain_id: None,
            latency_median_ms: None,
            latency_p95_ms: None,
            block: None,
            head_age_seconds: None,
            lag_blocks: None,
            batch: None,
            log_range_blocks: None,
            archive: None,
            failure: Some("no connection (\u{1b}[31mrefused)".to_string()),
            ..good("https://three.example")
        }
    }

    #[test]
    fn the_table_shows_what_is_wrong_with_whom() {
        let late = RpcEndpoint {
            lagging: true,
            latency_median_ms: Some(3.25),
            head_age_seconds: Some(310),
            lag_blocks: Some(1_240),
            block: Some(412_344_438),
            log_range_blocks: Some(10),
            failed_reads: 1,
            ..good("https://two.example:8443")
        };
        let report = report(vec![good("https://one.example"), late, dead()]);
        insta::assert_snapshot!(report.text(&Style::plain()));
    }

    #[test]
    fn the_exit_code_tells_some_from_none() {
        let kind = |endpoints| failure(&report(endpoints)).map(|failure| failure.kind);
        let elsewhere = || RpcEndpoint {
            usable: false,
            chain_id: Some(1),
            ..good("https://two.example")
        };
        assert_eq!(kind(vec![good("a"), good("b")]), None);
        assert_eq!(kind(vec![good("a"), dead()]), Some(Kind::Failed));
        assert_eq!(kind(vec![elsewhere(), dead()]), Some(Kind::Unreachable));
        assert_eq!(kind(vec![elsewhere(), elsewhere()]), Some(Kind::Config));
    }
}

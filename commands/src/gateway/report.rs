//! The outcome of a push, for people.

use std::fmt::Write as _;

use engine::{
    payments::Exact,
    units::Wei,
    view::{gateway::LedgerView, push::PushReport},
};

use crate::{
    shell::{Report, Style, escape, table},
    wording::{counted, grouped},
};

/// Failures that are listed one by one.
const LISTED: usize = 20;

impl Report for PushReport {
    fn text(&self, style: &Style) -> String {
        let mut text = format!("{}\n{}\n\n", verdict(self, style), origin(self));
        text.push_str(&rungs(self));
        text.push('\n');
        text.push_str(&figures(self));
        if !self.failures.is_empty() || self.not_sent.is_some() {
            text.push('\n');
            text.push_str(&failures(self, style));
        }
        text.trim_end().to_string()
    }
}

/// The first line answers the question.
fn verdict(report: &PushReport, style: &Style) -> String {
    let counts = &report.segments;
    let segments = counted(usize::try_from(counts.cut).unwrap_or(usize::MAX), "segment");
    let renditions = &report.renditions;
    if !report.is_complete() {
        let mark = style.bad_mark();
        let rest = if report.interrupted {
            ", then it was interrupted"
        } else {
            ""
        };
        return format!("{mark} {} of {segments} failed{rest}", counts.failed);
    }
    let mark = style.good_mark();
    let retried = match counts.retried {
        0 => String::new(),
        retried => format!(" ({retried} sent more than once)"),
    };
    match renditions.verified {
        0 => format!(
            "{mark} {segments} sent{retried}, {} renditions received, none checked",
            renditions.received
        ),
        verified => format!("{mark} {segments} sent{retried}, {verified} renditions came back right"),
    }
}

fn origin(report: &PushReport) -> String {
    let source = &report.source;
    let audio = source.audio_codec.as_deref().unwrap_or("no sound");
    let mut text = format!(
        "  {} ({} {}x{}, {}) through {}",
        escape(&report.input),
        escape(&source.codec),
        source.width,
        source.height,
        escape(audio),
        escape(&report.orchestrator)
    );
    if report.orchestrators.len() > 1 {
        for share in &report.orchestrators {
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "\n  {} of its segments by {}",
                share.segments,
                escape(&share.url)
            );
        }
    } else if let Some(account) = report.orchestrator_account {
        let _ = write!(text, " of {account}");
    }
    if let Some(reason) = &source.encoded_because {
        let _ = write!(
            text,
            "\n  the video was encoded again before it was sent: {}",
            escape(reason)
        );
    }
    text
}

fn rungs(report: &PushReport) -> String {
    let mut rows = table();
    rows.set_header(["rendition", "size", "received", "right", "frames", "data"]);
    for rung in &report.ladder {
        rows.add_row([
            escape(&rung.name),
            rung.size.clone().unwrap_or_else(|| "-".to_string()),
            format!("{} of {}", rung.received, report.segments.cut),
            rung.verified.to_string(),
            grouped(rung.frames),
            bytes(rung.bytes),
        ]);
    }
    format!("{}\n", rows.trim_fmt())
}

fn figures(report: &PushReport) -> String {
    let mut lines = Vec::new();
    let pixels = match (
        report.renditions.verified,
        report.pixels_reported == report.pixels_verified,
    ) {
        (0, _) => "not checked".to_string(),
        (_, true) => "exactly as many found by decoding".to_string(),
        (_, false) => format!("{} found by decoding", grouped(report.pixels_verified)),
    };
    lines.push((
        "pixels",
        format!("{} reported, {pixels}", grouped(report.pixels_reported)),
    ));
    if report.orchestrator_account.is_some() {
        lines.push(("signatures", format!("{} checked", report.signatures_verified)));
    }
    if let Some(permille) = report.real_time_permille {
        lines.push((
            "real time",
            format!(
                "{}.{:02}x: {} of video in {}",
                permille / 1000,
                permille % 1000 / 10,
                seconds(report.media_ms),
                seconds(report.transfer_ms)
            ),
        ));
    }
    if let Some(latency) = report.latency {
        let text = format!(
            "p50 {} ms, p90 {} ms, p99 {} ms",
            latency.p50_ms, latency.p90_ms, latency.p99_ms
        );
        lines.push(("latency", text));
    }
    let data = format!(
        "{} sent, {} received",
        bytes(report.bytes_sent),
        bytes(report.bytes_received)
    );
    lines.push(("data", data));
    if let Some(payments) = &report.payments
        && payments.total.payments > 0
    {
        lines.push(("paid", paid(&payments.total)));
    }
    if let Some(output) = &report.output {
        lines.push(("written to", format!("{}/master.m3u8", escape(output))));
    }
    let lines = lines
        .into_iter()
        .map(|(name, value)| format!("{name:<12}{value}\n"));
    lines.collect()
}

fn paid(total: &LedgerView) -> String {
    let worth = |text: &str| {
        let whole = text.parse::<Exact>().ok().and_then(|exact| exact.floor());
        whole.map_or_else(|| escape(text), Wei::human)
    };
    let doubt = match total.in_doubt_wei.as_str() {
        "0" => String::new(),
        doubt => format!(", {} nobody answered for", worth(doubt)),
    };
    format!(
        "{} worth {}: {} worked off{doubt}",
        counted(usize::try_from(total.tickets).unwrap_or(usize::MAX), "ticket"),
        worth(&total.sent_wei),
        worth(&total.fees_wei),
    )
}

fn failures(report: &PushReport, style: &Style) -> String {
    let mark = style.bad_mark();
    let mut text = String::new();
    for failure in report.failures.iter().take(LISTED) {
        let rendition = failure
            .rendition
            .as_deref()
            .map(|name| format!(" {}", escape(name)))
            .unwrap_or_default();
        let attempts = match failure.attempts {
            0 | 1 => String::new(),
            attempts => format!(" ({attempts} attempts)"),
        };
        let _ = writeln!(
            text,
            "{mark} segment {}{rendition}, {}: {}{attempts}",
            failure.seq,
            failure.stage,
            escape(&failure.message)
        );
    }
    let more = report.failures.len().saturating_sub(LISTED);
    if more > 0 {
        let _ = writeln!(text, "  and {more} more; `--json` lists them all");
    }
    if let Some(reason) = &report.not_sent {
        let _ = writeln!(
            text,
            "{mark} the rest of the file was not sent: {}",
            escape(reason)
        );
    }
    text
}

/// Seconds with one digit after the point.
fn seconds(millis: u64) -> String {
    format!("{}.{} s", millis / 1000, millis % 1000 / 100)
}

/// Bytes in the unit people would use, with one digit after the point.
fn bytes(count: u64) -> String {
    let (unit, name) = match count {
        0..1_000 => return format!("{count} B"),
        1_000..1_000_000 => (1_000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    };
    format!("{}.{} {name}", count / unit, count % unit / (unit / 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_rounded_down() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_250_000), "1.2 MB");
        assert_eq!(bytes(3_999_999_999), "3.9 GB");
        assert_eq!(seconds(9_312), "9.3 s");
    }
}

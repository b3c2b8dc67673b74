//! What the config says of alerts, as the engine takes it; and the desktop, which the engine does not know.

use std::{ffi::OsString, path::Path, sync::Arc, time::Duration};

use engine::{
    SecretHeader,
    config::AlertsLayer,
    node::alerts::{AlertChannel, AlertSettings, TellOnDesktop},
    process::Launcher,
};
use notify_rust::{Notification, Timeout, Urgency};

use crate::failure::{Failure, Kind};

/// A file longer than this holds no header.
const MOST_BYTES: u64 = 16 << 10;

/// Who is told of what, as the config says.
///
/// # Errors
/// Config for a program or a file that is not there, or a header that is none.
pub fn settings(layer: &AlertsLayer) -> Result<AlertSettings, Failure> {
    let mut channels = Vec::new();
    let header = layer.webhook_header_file.as_deref().map(header).transpose()?;
    match &layer.webhook {
        Some(url) => channels.push(AlertChannel::Webhook {
            url: url.clone(),
            header,
            within: None,
        }),
        None if header.is_some() => {
            let message = "alerts.webhook_header_file is for a webhook, and alerts.webhook names none";
            return Err(Failure::new(Kind::Config, "no_alert_webhook", message)
                .hint("name it with `lpctl config set alerts.webhook URL`, or take the file out"));
        }
        None => {}
    }
    if let Some(program) = &layer.program {
        if !program.is_file() {
            let message = format!(
                "{}: there is no such program to run for alerts",
                program.display()
            );
            return Err(Failure::new(Kind::Config, "no_alert_program", message)
                .hint("name its whole path with `lpctl config set alerts.program PATH`"));
        }
        let variable = |name: &str| Some((OsString::from(name), std::env::var_os(name)?));
        channels.push(AlertChannel::Exec {
            program: program.clone(),
            environment: ["PATH", "HOME", "LANG"]
                .into_iter()
                .filter_map(variable)
                .collect(),
            launcher: Launcher::through_this_program(),
            within: None,
        });
    }
    if layer.desktop.unwrap_or_default() {
        channels.push(AlertChannel::Desktop(desktop()));
    }
    let minutes = layer.repeat_minutes.unwrap_or_default();
    Ok(AlertSettings {
        channels,
        repeat: (minutes > 0).then(|| Duration::from_secs(60 * u64::from(minutes))),
        choices: layer
            .rules
            .iter()
            .map(|(code, rule)| (code.as_str().to_string(), rule.choice()))
            .collect(),
        tick: None,
    })
}

fn header(path: &Path) -> Result<SecretHeader, Failure> {
    let bad = |what: String| {
        Failure::new(
            Kind::Config,
            "bad_header_file",
            format!("{}: {what}", path.display()),
        )
        .hint("its first line is the header that lets alerts in, like `Authorization: Bearer TOKEN`")
    };
    let size = std::fs::metadata(path)
        .map_err(|error| bad(error.to_string()))?
        .len();
    if size > MOST_BYTES {
        return Err(bad("too large for one line".to_string()));
    }
    let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    let line = text.lines().next().unwrap_or_default();
    line.parse()
        .map_err(|error: engine::ParseHeaderError| bad(error.to_string()))
}

/// Shows notifications through the session's bus.
fn desktop() -> TellOnDesktop {
    Arc::new(|title, text, is_critical| {
        Box::pin(async move {
            let showing = tokio::task::spawn_blocking(move || {
                let urgency = match is_critical {
                    true => Urgency::Critical,
                    false => Urgency::Normal,
                };
                Notification::new()
                    .appname("lpctl")
                    .summary(&title)
                    // Desktops read the text as markup.
                    .body(
                        &text
                            .replace('&', "&amp;")
                            .replace('<', "&lt;")
                            .replace('>', "&gt;"),
                    )
                    .urgency(urgency)
                    .timeout(Timeout::Default)
                    .show()
                    .map(drop)
                    .map_err(|error| error.to_string())
            });
            match showing.await {
                Ok(shown) => shown,
                Err(error) => Err(error.to_string()),
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_told_with_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("header");
        std::fs::write(&file, "X-Token: s3cret\nmore").unwrap();
        let layer = |webhook: Option<&str>, file: Option<&Path>, program: Option<&str>| AlertsLayer {
            webhook: webhook.map(|url| url.parse().unwrap()),
            webhook_header_file: file.map(Path::to_path_buf),
            program: program.map(Into::into),
            ..AlertsLayer::default()
        };
        let url = Some("http://127.0.0.1:1/SECRET");
        let good = settings(&layer(url, Some(&file), Some("/bin/sh"))).unwrap();
        assert_eq!(good.channels.len(), 2);
        assert!(!format!("{good:?}").contains("s3cret") && !format!("{good:?}").contains("SECRET"));
        let code = |layer: &AlertsLayer| settings(layer).unwrap_err().code.to_string();
        assert_eq!(code(&layer(None, Some(&file), None)), "no_alert_webhook");
        assert_eq!(code(&layer(None, None, Some("/no/such"))), "no_alert_program");
        std::fs::write(&file, "s3cret").unwrap();
        let failure = settings(&layer(url, Some(&file), None)).unwrap_err();
        assert_eq!(failure.code, "bad_header_file");
        assert!(!failure.message.contains("s3cret"));
    }
}

//! Ways to tell: a webhook, a program, the desktop. Each has a bounded queue and a task of its own.

use std::{ffi::OsString, fmt, path::PathBuf, pin::Pin, str::FromStr, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use super::{Alert, AlertState, Origin};
use crate::{
    process::Launcher,
    secret::WebhookUrl,
    telling::{self, PROGRAM_TIME, SecretHeader},
};

/// Alerts that may wait for one channel; there are a few a day.
const WAITING: usize = 64;
/// How long the last ones may take when everything ends.
const GRACE: Duration = Duration::from_secs(5);
/// How long a desktop may take for one alert.
const DESKTOP_TIME: Duration = Duration::from_secs(10);

/// What kind of channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// JSON in a POST.
    Webhook,
    /// A program is run.
    Exec,
    /// A notification on the desktop.
    Desktop,
}

impl ChannelKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Webhook, Self::Exec, Self::Desktop];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Exec => "exec",
            Self::Desktop => "desktop",
        }
    }
}

impl fmt::Display for ChannelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ChannelKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|kind| kind.name() == text);
        known.ok_or_else(|| "a channel is webhook, exec or desktop".to_string())
    }
}

/// What a desktop is given to show.
pub type Telling = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// Shows a title and a text on the desktop; made by whoever has one.
pub type TellOnDesktop = Arc<dyn Fn(String, String, bool) -> Telling + Send + Sync>;

/// A way to tell.
#[derive(Clone)]
pub enum AlertChannel {
    /// Gets each alert as JSON in a POST.
    Webhook {
        /// Where.
        url: WebhookUrl,
        /// What lets it in.
        header: Option<SecretHeader>,
    },
    /// Is run for each alert, without arguments: the facts are in its environment and, as JSON, on its standard input.
    Exec {
        /// The program.
        program: PathBuf,
        /// What else its environment holds, like a search path.
        environment: Vec<(OsString, OsString)>,
        /// How it is started.
        launcher: Launcher,
        /// How long it may take; none: 30 seconds.
        within: Option<Duration>,
    },
    /// Shows a title and a text; true for what is critical.
    Desktop(TellOnDesktop),
}

impl fmt::Debug for AlertChannel {
    /// Without the environment, in which others keep what they will.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Webhook { url, header } => f
                .debug_struct("Webhook")
                .field("url", url)
                .field("header", header)
                .finish(),
            Self::Exec { program, .. } => f
                .debug_struct("Exec")
                .field("program", program)
                .finish_non_exhaustive(),
            Self::Desktop(_) => f.write_str("Desktop(…)"),
        }
    }
}

impl AlertChannel {
    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> ChannelKind {
        match self {
            Self::Webhook { .. } => ChannelKind::Webhook,
            Self::Exec { .. } => ChannelKind::Exec,
            Self::Desktop(_) => ChannelKind::Desktop,
        }
    }

    /// Tells one alert, and waits until it is told.
    ///
    /// # Errors
    /// Why nobody took it, without what may be secret in an address.
    pub async fn tell(&self, alert: &Alert, origin: &Origin) -> Result<(), String> {
        match self {
            Self::Webhook { url, header } => {
                telling::post(url, header.as_ref(), body(alert, origin).to_string()).await
            }
            Self::Exec {
                program,
                environment,
                launcher,
                within,
            } => {
                let facts = variables(alert, origin).into_iter();
                let facts = facts.map(|(name, value)| (name.into(), value.into()));
                let variables = environment.iter().cloned().chain(facts);
                let input = format!("{}\n", body(alert, origin));
                let within = within.unwrap_or(PROGRAM_TIME);
                telling::run(program, launcher.clone(), variables, Some(input), within).await
            }
            Self::Desktop(show) => {
                let title = format!("lpctl: {}", title(alert));
                let is_critical = alert.severity == super::Severity::Critical
                    && matches!(alert.state, AlertState::Began | AlertState::Lasts);
                let shown = show(title, alert.message.clone(), is_critical);
                match timeout(DESKTOP_TIME, shown).await {
                    Ok(outcome) => outcome,
                    Err(_) => Err(format!("no answer within {} s", DESKTOP_TIME.as_secs())),
                }
            }
        }
    }
}

/// A few words on where it stands.
fn title(alert: &Alert) -> String {
    match alert.state {
        AlertState::Began => alert.code.to_string(),
        AlertState::Lasts => format!("{} (still)", alert.code),
        AlertState::Recovered => format!("{} is over", alert.code),
        AlertState::Test => "test".to_string(),
    }
}

/// The alert as it is posted. Chat services show `text` or `content`.
fn body(alert: &Alert, origin: &Origin) -> Value {
    let mut body = json!(alert);
    body["node"] = json!(origin.node);
    body["network"] = json!(origin.network);
    body["account"] = json!(origin.account.map(|account| account.to_checksum(None)));
    let sign = match alert.state {
        AlertState::Recovered => "✓",
        AlertState::Test => "·",
        AlertState::Began | AlertState::Lasts => "⚠",
    };
    let line = format!(
        "{sign} lpctl {}: {}: {}",
        origin.node,
        title(alert),
        alert.message
    );
    body["text"] = json!(line);
    body["content"] = json!(line);
    body
}

/// The facts as variables.
fn variables(alert: &Alert, origin: &Origin) -> Vec<(&'static str, String)> {
    let account = origin.account.map(|account| account.to_checksum(None));
    vec![
        ("LPCTL_ALERT", alert.code.to_string()),
        ("LPCTL_ALERT_STATE", alert.state.name().to_string()),
        (
            "LPCTL_ALERT_RECOVERED",
            (alert.state == AlertState::Recovered).to_string(),
        ),
        ("LPCTL_ALERT_SEVERITY", alert.severity.to_string()),
        // A variable ends at a zero byte.
        ("LPCTL_ALERT_MESSAGE", alert.message.replace('\0', " ")),
        ("LPCTL_ALERT_NEXT", alert.next.to_string()),
        ("LPCTL_ALERT_SINCE", alert.since.to_string()),
        ("LPCTL_ALERT_TIME", alert.time.to_string()),
        ("LPCTL_ALERT_NODE", origin.node.clone()),
        ("LPCTL_ALERT_NETWORK", origin.network.clone()),
        ("LPCTL_ALERT_ACCOUNT", account.unwrap_or_default()),
    ]
}

/// A channel's queue, and who works it off.
pub(super) struct Queue {
    kind: ChannelKind,
    queue: mpsc::Sender<(Alert, Origin)>,
    task: JoinHandle<()>,
}

impl Queue {
    pub(super) fn start(channel: AlertChannel) -> Self {
        let (queue, mut waiting) = mpsc::channel::<(Alert, Origin)>(WAITING);
        let kind = channel.kind();
        let task = tokio::spawn(async move {
            while let Some((alert, origin)) = waiting.recv().await {
                if let Err(reason) = channel.tell(&alert, &origin).await {
                    tracing::warn!(
                        alert = alert.code,
                        channel = kind.name(),
                        reason,
                        "an alert did not get through"
                    );
                }
            }
        });
        Self { kind, queue, task }
    }

    pub(super) fn kind(&self) -> ChannelKind {
        self.kind
    }

    /// Never waits: what a channel that hangs cannot take is a line in the log.
    pub(super) fn hand_over(&self, alert: &Alert, origin: &Origin) {
        if self.queue.try_send((alert.clone(), origin.clone())).is_err() {
            let reason = "too many wait already";
            tracing::warn!(
                alert = alert.code,
                channel = self.kind.name(),
                reason,
                "an alert did not get through"
            );
        }
    }

    /// Lets the last ones through, for a while.
    pub(super) async fn finish(self) {
        drop(self.queue);
        let mut task = self.task;
        if timeout(GRACE, &mut task).await.is_err() {
            task.abort();
        }
    }
}

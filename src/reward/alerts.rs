//! Alerts handed over: by webhook, by a program, each bounded in number and time. The guardian never waits for them.

use std::{ffi::OsString, fmt, path::PathBuf, time::Duration};

use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use crate::{
    process::Launcher,
    secret::WebhookUrl,
    telling::{self, ANSWER_TIME, PROGRAM_TIME},
    view::reward::Alert,
};

/// Alerts that may wait; there are a few a day.
const WAITING: usize = 64;
/// How long the last ones may take when everything ends.
const GRACE: Duration = Duration::from_secs(5);

/// Who is told.
#[derive(Clone)]
pub struct AlertSettings {
    /// Gets each alert as JSON in a POST.
    pub webhook: Option<WebhookUrl>,
    /// Is run for each alert, with its facts in the environment.
    pub program: Option<PathBuf>,
    /// What else the program's environment holds, like a search path.
    pub environment: Vec<(OsString, OsString)>,
    /// How the program is started.
    pub launcher: Launcher,
}

impl AlertSettings {
    /// Nobody is told.
    #[must_use]
    pub fn none() -> Self {
        Self {
            webhook: None,
            program: None,
            environment: Vec::new(),
            launcher: Launcher::Direct,
        }
    }
}

impl fmt::Debug for AlertSettings {
    /// Without the environment, in which others keep what they will.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertSettings")
            .field("webhook", &self.webhook)
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

/// The queue, and who works it off.
pub(super) struct Alerts {
    queue: mpsc::Sender<Alert>,
    task: JoinHandle<()>,
}

/// By which way an alert did not get through, and why.
pub(super) type Lost = (&'static str, String);

impl Alerts {
    /// `lost` is told of each alert that did not get through.
    pub(super) fn start(settings: AlertSettings, lost: impl Fn(Lost) + Send + 'static) -> Self {
        let (queue, mut waiting) = mpsc::channel(WAITING);
        let task = tokio::spawn(async move {
            while let Some(alert) = waiting.recv().await {
                let (posted, ran) = tokio::join!(
                    async {
                        match &settings.webhook {
                            Some(webhook) => {
                                telling::post(webhook, None, body(&alert).to_string(), ANSWER_TIME).await
                            }
                            None => Ok(()),
                        }
                    },
                    async {
                        match &settings.program {
                            Some(_) => run(&settings, &alert).await,
                            None => Ok(()),
                        }
                    }
                );
                for (way, outcome) in [("webhook", posted), ("program", ran)] {
                    if let Err(reason) = outcome {
                        lost((way, reason));
                    }
                }
            }
        });
        Self { queue, task }
    }

    /// Hands an alert over; false if too many wait already.
    pub(super) fn hand_over(&self, alert: Alert) -> bool {
        self.queue.try_send(alert).is_ok()
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

/// The alert as it is posted. Chat services show `text` or `content`.
fn body(alert: &Alert) -> Value {
    let mut body = json!(alert);
    body["orchestrator"] = json!(alert.orchestrator.to_checksum(None));
    body["account"] = json!(alert.account.to_checksum(None));
    let sign = if alert.recovered { "✓" } else { "⚠" };
    let line = format!("{sign} lpctl, {}: {}", alert.network, alert.message);
    body["text"] = json!(line);
    body["content"] = json!(line);
    body
}

/// The facts as variables.
fn variables(alert: &Alert) -> Vec<(&'static str, String)> {
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    vec![
        ("LPCTL_ALERT", alert.alert.as_str().to_string()),
        ("LPCTL_ALERT_RECOVERED", alert.recovered.to_string()),
        ("LPCTL_ALERT_MESSAGE", alert.message.clone()),
        ("LPCTL_ALERT_NETWORK", alert.network.clone()),
        ("LPCTL_ALERT_ORCHESTRATOR", alert.orchestrator.to_string()),
        ("LPCTL_ALERT_ACCOUNT", alert.account.to_string()),
        ("LPCTL_ALERT_ROUND", number(alert.round.map(|round| round.0))),
        ("LPCTL_ALERT_ROUND_PERCENT", number(alert.round_percent)),
        ("LPCTL_ALERT_BLOCKS_LEFT", number(alert.blocks_left)),
        ("LPCTL_ALERT_SECONDS_LEFT", number(alert.seconds_left)),
        ("LPCTL_ALERT_TIME", alert.time.to_string()),
        ("LPCTL_ALERT_JSON", body(alert).to_string()),
    ]
}

async fn run(settings: &AlertSettings, alert: &Alert) -> Result<(), String> {
    let Some(program) = &settings.program else {
        return Ok(());
    };
    let facts = variables(alert).into_iter();
    let variables = settings.environment.iter().cloned();
    let variables = variables.chain(facts.map(|(name, value)| (name.into(), value.into())));
    telling::run(program, settings.launcher.clone(), variables, None, PROGRAM_TIME).await
}

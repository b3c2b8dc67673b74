//! Ways to tell: a webhook, a program, the desktop. Each has a bounded queue and a task of its own.

use std::{ffi::OsString, fmt, path::PathBuf, pin::Pin, str::FromStr, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use super::{Alert, AlertState, Origin};
use crate::{
    process::Launcher,
    secret::WebhookUrl,
    telling::{self, ANSWER_TIME, PROGRAM_TIME, SecretHeader},
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
        /// How long one of its three tries may take; none: 10 seconds.
        within: Option<Duration>,
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
            Self::Webhook { url, header, .. } => f
                .debug_struct("Webhook")
                .field("url", url)
                .field("header", header)
                .finish_non_exhaustive(),
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
            Self::Webhook { url, header, within } => {
                let within = within.unwrap_or(ANSWER_TIME);
                telling::post(url, header.as_ref(), body(alert, origin).to_string(), within).await
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

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Mutex};

    use axum::{Router, routing::post};
    use jiff::Timestamp;
    use tokio::net::TcpListener;
    use tracing::{Metadata, field::Visit, span};

    use super::*;

    /// A test that waits longer than this for anything hangs.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// The log's lines: their fields, each behind its name.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    struct Fields(String);

    impl Visit for Fields {
        fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
            self.0.push_str(&format!("{}={value:?} ", field.name()));
        }
    }

    impl tracing::Subscriber for Lines {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata
                .target()
                .starts_with(module_path!().trim_end_matches("::tests"))
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn event(&self, event: &tracing::Event<'_>) {
            let mut fields = Fields(String::new());
            event.record(&mut fields);
            self.0.lock().unwrap().push(fields.0);
        }

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    async fn until(what: &str, fits: impl Fn() -> bool) {
        let waiting = async {
            while !fits() {
                tokio::task::yield_now().await;
            }
        };
        assert!(timeout(PATIENCE, waiting).await.is_ok(), "{what}");
    }

    fn lives(pid: &str) -> bool {
        fs::read_to_string(Path::new("/proc").join(pid).join("stat"))
            .is_ok_and(|stat| !stat.rsplit_once(')').unwrap().1.starts_with(" Z"))
    }

    #[tokio::test]
    async fn channels_that_hang_are_ended_named_and_delay_no_other() {
        let lines = Lines::default();
        let _logging = tracing::subscriber::set_default(lines.clone());
        let folder = tempfile::tempdir().unwrap();
        // It has children, and takes no hint.
        let (program, pids) = (folder.path().join("hangs"), folder.path().join("pids"));
        let script = "trap '' TERM HUP\nsleep 1000 & first=$!\nsleep 1000 & second=$!\n\
            echo $$ $first $second > pids.new\nmv pids.new pids\nwait\nwait\n";
        fs::write(
            &program,
            format!("#!/bin/sh\ncd {}\n{script}", folder.path().display()),
        )
        .unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        // Connections are made, and never answered.
        let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let good = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = |address: std::net::SocketAddr| format!("http://{address}/TOKEN").parse().unwrap();
        let webhook = |address, within| AlertChannel::Webhook {
            url: url(address),
            header: None,
            within,
        };
        let channels = [
            webhook(deaf.local_addr().unwrap(), Some(Duration::from_millis(200))),
            AlertChannel::Exec {
                program,
                environment: vec![("PATH".into(), std::env::var_os("PATH").unwrap_or_default())],
                launcher: Launcher::Direct,
                within: Some(Duration::from_secs(1)),
            },
            webhook(good.local_addr().unwrap(), None),
        ];
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let taken = Arc::clone(&told);
        let take = post(async move |body: String| taken.lock().unwrap().push(body));
        let serving = tokio::spawn(async move {
            let router = Router::new().route("/TOKEN", take);
            axum::serve(good, router).await
        });

        let queues = channels.map(Queue::start);
        let origin = Origin {
            node: "here".to_string(),
            network: "offchain".to_string(),
            account: None,
        };
        let alert = Alert::test(Timestamp::now());
        for queue in &queues {
            queue.hand_over(&alert, &origin);
        }
        let failed = |channel: &str, reason: &str| {
            let lines = lines.0.lock().unwrap();
            let fits = |line: &&String| line.contains(channel) && line.contains(reason);
            lines.iter().filter(fits).count()
        };
        until("the good one is told", || told.lock().unwrap().len() == 1).await;
        assert_eq!(failed("", ""), 0, "before the others have given up");
        until("the program runs", || pids.exists()).await;
        let pids = fs::read_to_string(&pids).unwrap();
        assert!(
            pids.split_whitespace().count() == 3 && pids.split_whitespace().all(lives),
            "{pids}"
        );
        // The next one is told while they still hang.
        queues[2].hand_over(&alert, &origin);
        until("the good one is told again", || told.lock().unwrap().len() == 2).await;
        until("the webhook is given up", || {
            failed("webhook", "no answer within 0.2 s") == 1
        })
        .await;
        until("the program is given up", || {
            failed("exec", "hangs: not done after 1 s") == 1
        })
        .await;
        until("nothing of it is left", || !pids.split_whitespace().any(lives)).await;
        assert_eq!(failed("did not get through", ""), 2);
        assert_eq!(failed("TOKEN", ""), 0, "what may be secret is not told");
        for queue in queues {
            queue.finish().await;
        }
        serving.abort();
    }
}

//! One node asked, or several at once.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::target::{Node, Target, Targets};
use crate::{
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style, escape, table},
    wording::counted,
};

/// So many nodes are asked at once.
const AT_ONCE: usize = 32;
/// Lines said on the way that may wait to be shown.
const LINES: usize = 64;

/// What a command does with one node.
pub(super) trait Verb: Sync {
    /// What comes of it.
    type Answer: Answer;

    /// What is confirmed before it is done to several nodes; none: it changes nothing.
    fn question(&self) -> Option<String> {
        None
    }

    /// Does it.
    fn ask(&self, node: &Node, teller: &Teller)
    -> impl Future<Output = Result<Self::Answer, Failure>> + Send;
}

/// An answer, as a whole and as a row of a fleet's table.
pub(super) trait Answer: Report + Send {
    /// What stands above the row, beside the node's name.
    const COLUMNS: &'static [&'static str];

    /// The row, as many cells as columns. Texts from outside are escaped.
    fn cells(&self, style: &Style) -> Vec<String>;
}

/// Takes what is said on the way.
#[derive(Debug, Clone)]
pub(super) struct Teller {
    node: Option<String>,
    lines: mpsc::Sender<String>,
}

impl Teller {
    /// Says a line, unless too many wait: it is about the way, not about the outcome.
    pub(super) fn tell(&self, line: &str) {
        let line = match &self.node {
            Some(node) => format!("{node}: {line}"),
            None => line.to_string(),
        };
        let _ = self.lines.try_send(line);
    }
}

/// What came of each node.
#[derive(Serialize)]
#[serde(transparent)]
struct Rows<A>(Vec<Row<A>>);

struct Row<A> {
    target: Target,
    outcome: Result<A, Failure>,
}

impl<A: Serialize> Serialize for Row<A> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shape<'a, A> {
            node: &'a str,
            url: &'a engine::operator::NodeUrl,
            data: Option<&'a A>,
            error: Option<Value>,
        }
        let error = self.outcome.as_ref().err().map(|failure| {
            let mut error = failure.envelope()["error"].take();
            error["exit_code"] = json!(failure.kind as u8);
            error
        });
        Shape {
            node: &self.target.name,
            url: &self.target.url,
            data: self.outcome.as_ref().ok(),
            error,
        }
        .serialize(serializer)
    }
}

impl<A: Answer> Report for Rows<A> {
    fn text(&self, style: &Style) -> String {
        let mut rows = table();
        rows.set_header([&["node", ""], A::COLUMNS].concat());
        let mut explanations = String::new();
        for Row { target, outcome } in &self.0 {
            let mut cells = vec![escape(&target.name)];
            match outcome {
                Ok(answer) => {
                    cells.push(style.good_mark());
                    cells.extend(answer.cells(style));
                }
                Err(failure) => {
                    cells.push(style.bad_mark());
                    cells.extend(A::COLUMNS.iter().map(|_| "-".to_string()));
                    let line = format!(
                        "\n{} {}: {}",
                        style.bad_mark(),
                        escape(&target.name),
                        failure.message
                    );
                    explanations.push_str(&line);
                    if let Some(hint) = &failure.hint {
                        explanations.push_str(&format!("\n  {} {hint}", style.bold("hint:")));
                    }
                }
            }
            rows.add_row(cells);
        }
        let separator = if explanations.is_empty() { "" } else { "\n" };
        format!("{}{separator}{explanations}", rows.trim_fmt())
    }
}

impl<A> Rows<A> {
    /// What the command as a whole failed with: the class of all if all failed alike, else that some did.
    fn failure(&self) -> Option<Failure> {
        let failures: Vec<&Failure> = self
            .0
            .iter()
            .filter_map(|row| row.outcome.as_ref().err())
            .collect();
        let first = failures.first()?;
        let all_alike =
            failures.len() == self.0.len() && failures.iter().all(|failure| failure.kind == first.kind);
        let (kind, code) = match all_alike {
            true => (first.kind, first.code),
            false => (Kind::Failed, "some_nodes_failed"),
        };
        let message = format!(
            "{} of {} did not do it; the others did",
            failures.len(),
            counted(self.0.len(), "node")
        );
        let message = match failures.len() == self.0.len() {
            true if failures.len() == 1 => "the one node did not do it".to_string(),
            true => format!("none of {} did it", counted(self.0.len(), "node")),
            false => message,
        };
        Some(
            Failure::new(kind, code, message)
                .hint("the table says why for each")
                .told(),
        )
    }
}

/// Asks them, and reports.
///
/// # Errors
/// What the one node failed with; of several, the class they have in common, else failed.
pub(super) async fn run<V: Verb>(verb: &V, targets: Targets, context: &mut Context) -> eyre::Result<()> {
    let (lines, mut heard) = mpsc::channel(LINES);
    match targets {
        Targets::One(target) => {
            let teller = Teller { node: None, lines };
            let asking = async {
                let node = Node::open(&target).await?;
                verb.ask(&node, &teller).await
            };
            let answer = Box::pin(listen(asking, &mut heard, context)).await?;
            Ok(context.shell.report(&answer)?)
        }
        Targets::Fleet(targets) => {
            if let Some(what) = verb.question() {
                context
                    .shell
                    .confirm(&format!("{what} on {}?", counted(targets.len(), "node")))?;
            }
            let asking = stream::iter(targets.into_iter().map(|target| {
                let teller = Teller {
                    node: Some(escape(&target.name)),
                    lines: lines.clone(),
                };
                async move {
                    let outcome = match Node::open(&target).await {
                        Ok(node) => verb.ask(&node, &teller).await,
                        Err(failure) => Err(failure),
                    };
                    Row { target, outcome }
                }
            }))
            .buffered(AT_ONCE)
            .collect::<Vec<_>>();
            let rows = Rows(Box::pin(listen(asking, &mut heard, context)).await);
            context.shell.report(&rows)?;
            match rows.failure() {
                Some(failure) => Err(failure.into()),
                None => Ok(()),
            }
        }
    }
}

/// Waits for the outcome, and says what comes on the way.
async fn listen<T>(
    asking: impl Future<Output = T>,
    heard: &mut mpsc::Receiver<String>,
    context: &mut Context,
) -> T {
    let mut asking = Box::pin(asking);
    loop {
        tokio::select! {
            outcome = &mut asking => return outcome,
            Some(line) = heard.recv() => context.shell.status(line),
        }
    }
}

/// How often a node is asked again by who waits for something.
pub(super) const INTERVAL: Duration = Duration::from_millis(250);

//! The log of a node of lpctl's: its newest lines, and then those that come, through losses and restarts of the node.

use std::time::Duration;

use engine::{
    node::{LogLine, LogQuery},
    operator::{ApiError, LogEvent, LogLines, NodeApi, NodeUrl},
};

use super::{Gap, Reader, line::Line};
use crate::{
    failure::{Failure, Kind},
    shell::escape,
};

/// Lines that are shown before following, where nothing is said.
const USUAL_LINES: usize = 100;
/// How often a node that does not tell lines as they come is asked for more, and one that is away whether it is back.
const INTERVAL: Duration = Duration::from_millis(500);
/// How long a node may be away while it is followed, before somebody is told; it may be starting again.
const AWAY: u32 = 10;

/// Shows the last lines of the node's log, and what comes if it is followed.
pub async fn show(
    reader: &mut Reader<'_>,
    url: &str,
    lines: Option<usize>,
    follow: bool,
) -> eyre::Result<()> {
    let url: NodeUrl = url.parse().map_err(Failure::from)?;
    let api = NodeApi::new(&url).map_err(|error| no_log(&url, &error))?;
    let query = LogQuery {
        limit: Some(lines.unwrap_or(USUAL_LINES)),
        ..reader.query.clone()
    };
    let page = api.log(&query).await.map_err(|error| no_log(&url, &error))?;
    reader.missed(page.missed)?;
    reader.lines(page.lines)?;
    if !follow {
        return Ok(());
    }
    let follower = Follower {
        reader,
        api,
        url,
        position: page.next,
        away: 0,
    };
    follower.follow().await
}

impl Reader<'_> {
    fn missed(&mut self, lines: u64) -> eyre::Result<()> {
        if lines > 0 {
            let gap = Gap::Missed { lines };
            match self.context.shell.is_json() {
                true => self.context.shell.event(&gap)?,
                false => self.context.shell.status(&gap),
            }
        }
        Ok(())
    }

    fn lines(&mut self, lines: impl IntoIterator<Item = LogLine>) -> eyre::Result<()> {
        for line in lines {
            let line = Line::from(line);
            if self.wants(&line) {
                self.show(&line)?;
            }
        }
        Ok(())
    }
}

/// Somebody who wants every line after a position once.
struct Follower<'a, 'b> {
    reader: &'a mut Reader<'b>,
    api: NodeApi,
    url: NodeUrl,
    /// Everything up to here was told.
    position: u64,
    /// Attempts in a row that found no node.
    away: u32,
}

impl Follower<'_, '_> {
    /// Lines as the node tells them; where it does not, by asking again and again.
    async fn follow(mut self) -> eyre::Result<()> {
        let mut has_streamed = false;
        loop {
            match self.api.log_after(&self.reader.query, self.position).await {
                Ok(lines) => {
                    has_streamed = true;
                    self.is_there();
                    self.read(lines).await?;
                }
                Err(error) if is_away(&error) => {}
                // What stands before the node says that it is not there, or it has too many readers for the moment.
                Err(ApiError::Status(status)) if has_streamed && status.is_server_error() => {}
                // Whatever it is, the answer to a plain question tells it.
                Err(_) => return self.poll().await,
            }
            self.wait().await;
        }
    }

    /// Reads until the stream breaks.
    async fn read(&mut self, mut lines: LogLines) -> eyre::Result<()> {
        loop {
            let told = lines.next().await;
            self.position = lines.position();
            match told {
                Ok(LogEvent::Line(line)) => self.reader.lines([line])?,
                Ok(LogEvent::Missed(lines)) => self.reader.missed(lines)?,
                Err(error) if is_away(&error) => return Ok(()),
                Err(error) => return Err(no_log(&self.url, &error).into()),
            }
        }
    }

    async fn poll(mut self) -> eyre::Result<()> {
        let mut query = self.reader.query.clone();
        loop {
            query.since = Some(self.position);
            match self.api.log(&query).await {
                Ok(page) => {
                    self.is_there();
                    // Of a full page the rest is waiting already.
                    let is_more = !page.lines.is_empty() && page.next > self.position;
                    self.position = page.next;
                    self.reader.missed(page.missed)?;
                    self.reader.lines(page.lines)?;
                    if is_more {
                        continue;
                    }
                }
                Err(error) if is_away(&error) => {}
                Err(error) => return Err(no_log(&self.url, &error).into()),
            }
            self.wait().await;
        }
    }

    fn is_there(&mut self) {
        if self.away >= AWAY {
            self.reader.context.shell.status("the node answers again");
        }
        self.away = 0;
    }

    /// Before it is asked again.
    async fn wait(&mut self) {
        self.away += 1;
        if self.away == AWAY {
            let url = &self.url;
            let message = format!("no answer from {url}: waiting for it");
            self.reader.context.shell.status(message);
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Whether the node may just be starting again: its positions go on.
fn is_away(error: &ApiError) -> bool {
    matches!(
        error,
        ApiError::Connection(_) | ApiError::NoAnswer(_) | ApiError::Silent(_) | ApiError::Closed
    )
}

/// What it means that no node tells its log.
fn no_log(url: &NodeUrl, error: &ApiError) -> Failure {
    let message = format!("no log from the node at {url}: {}", escape(&error.to_string()));
    match error {
        ApiError::NotANode | ApiError::Status(_) | ApiError::Garbled(_) => {
            Failure::new(Kind::Refused, "no_log_here", message).hint(
                "only `lpctl run` keeps its last lines; pipe another node's log in: `journalctl -u livepeer -o cat | lpctl logs --file -`",
            )
        }
        ApiError::Refused(_) => Failure::new(Kind::Refused, "no_log_here", message)
            .hint("away from this machine the API wants a token: `lpctl explain node_token_file`"),
        _ => Failure::new(Kind::Unreachable, "node_unreachable", message)
            .hint("start one with `lpctl run`, name another with `--node URL`, or read a file with `--file`"),
    }
}

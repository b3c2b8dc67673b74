//! A message handed to a webhook or to a program, bounded in time, tries and size.

use std::{
    ffi::OsString,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use tokio::{
    io::AsyncWriteExt as _,
    time::{sleep, timeout},
};

use crate::{
    process::{Launcher, Limits, Spawner, Streams},
    secret::WebhookUrl,
    wire::client::{innermost, read_at_most, verifying_client},
};

/// How long a webhook may take for one try.
pub(crate) const ANSWER_TIME: Duration = Duration::from_secs(10);
/// As much of its answer is read.
const MOST_ANSWER: usize = 16 << 10;
/// Pauses between tries, none of them longer than a try may take; there is one try more than there are pauses.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];
/// How long a program may take for one message.
pub(crate) const PROGRAM_TIME: Duration = Duration::from_secs(30);

/// A header that lets a message in; shown by its name alone.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHeader {
    name: HeaderName,
    value: HeaderValue,
}

/// A text is no header; never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a header is one line like `Authorization: Bearer TOKEN`")]
pub struct ParseHeaderError;

impl std::str::FromStr for SecretHeader {
    type Err = ParseHeaderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.trim().split_once(':').ok_or(ParseHeaderError)?;
        let name = name.trim().parse().map_err(|_| ParseHeaderError)?;
        let value = value.trim();
        if value.is_empty() {
            return Err(ParseHeaderError);
        }
        let mut value: HeaderValue = value.parse().map_err(|_| ParseHeaderError)?;
        value.set_sensitive(true);
        Ok(Self { name, value })
    }
}

impl std::fmt::Debug for SecretHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretHeader({}: …)", self.name)
    }
}

/// Posts a JSON text, with a few tries of so long. Redirects are not followed: who is told is said by the operator alone.
///
/// # Errors
/// What became of the last try, without what may be secret in the address.
pub(crate) async fn post(
    webhook: &WebhookUrl,
    header: Option<&SecretHeader>,
    body: String,
    within: Duration,
) -> Result<(), String> {
    let client = verifying_client(webhook.expose(), within, reqwest::redirect::Policy::none());
    let client = client.map_err(|error| error.to_string())?;
    let mut pauses = PAUSES.iter();
    loop {
        let sent = post_once(&client, webhook, header, body.clone(), within).await;
        match (sent, pauses.next()) {
            (Ok(()), _) => return Ok(()),
            (Err(reason), None) => return Err(format!("{webhook}: {reason}")),
            (Err(_), Some(pause)) => sleep(within.min(*pause)).await,
        }
    }
}

async fn post_once(
    client: &reqwest::Client,
    webhook: &WebhookUrl,
    header: Option<&SecretHeader>,
    body: String,
    within: Duration,
) -> Result<(), String> {
    let failed = |error: reqwest::Error| match error.is_timeout() {
        true => format!("no answer within {} s", within.as_secs_f32()),
        false => innermost(&error.without_url()),
    };
    let mut request = client
        .post(webhook.expose().clone())
        .header(CONTENT_TYPE, "application/json")
        .body(body);
    if let Some(SecretHeader { name, value }) = header {
        request = request.header(name, value);
    }
    let mut answer = request.send().await.map_err(failed)?;
    let status = answer.status();
    // Read for the connection's sake; what it says is nobody's business here.
    let _ = read_at_most(&mut answer, MOST_ANSWER).await;
    match status.is_success() {
        true => Ok(()),
        false => Err(format!("HTTP status {}", status.as_u16())),
    }
}

/// Runs a program without arguments, with the message in its environment and on its standard input.
///
/// # Errors
/// Why it did not end well; one that takes too long is killed with all it started.
pub(crate) async fn run(
    program: &Path,
    launcher: Launcher,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    input: Option<String>,
    within: Duration,
) -> Result<(), String> {
    let mut command = Command::new(program);
    command.envs(variables);
    let streams = Streams {
        stdin: match input {
            Some(_) => Stdio::piped(),
            None => Stdio::null(),
        },
        stdout: Stdio::null(),
        stderr: Stdio::null(),
    };
    let failed = |error: std::io::Error| format!("{}: {error}", program.display());
    let spawner = Spawner::start(launcher).map_err(failed)?;
    let mut job = spawner
        .spawn(&command, streams, &Limits::default())
        .await
        .map_err(failed)?;
    let stdin = job.take_stdin();
    let running = async {
        let told = async {
            if let (Some(mut stdin), Some(input)) = (stdin, input) {
                // A program need not read it.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
        };
        tokio::join!(told, job.wait()).1
    };
    match timeout(within, running).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("{}: {status}", program.display())),
        Ok(Err(error)) => Err(failed(error)),
        Err(_) => {
            job.kill().await;
            Err(format!(
                "{}: not done after {} s",
                program.display(),
                within.as_secs_f32()
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_one_line_and_is_not_shown() {
        let header: SecretHeader = " Authorization: Bearer s3cret\n".parse().unwrap();
        assert_eq!(format!("{header:?}"), "SecretHeader(authorization: …)");
        assert_eq!(header.value.to_str().unwrap(), "Bearer s3cret");
        for wrong in [
            "",
            "Authorization",
            "Authorization:",
            "two words: x",
            "X: a\nb",
            ": x",
        ] {
            assert!(wrong.parse::<SecretHeader>().is_err(), "{wrong}");
        }
    }
}

//! Livepeer Studio's REST interface: an account's streams, recordings, files and who is told of them.

use std::{fmt, str::FromStr, time::Duration};

use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use crate::{
    media::ladder::Profile,
    secret::{Password, RpcUrl},
    view::studio::{
        StudioAsset, StudioImport, StudioList, StudioPlayback, StudioSession, StudioStream, StudioTarget,
        StudioTask, StudioWebhook,
    },
    web::{Reply, Rows, Web, WebError},
};

/// Where Studio is.
pub const STUDIO_URL: &str = "https://livepeer.studio/api";
/// Rows of a page.
const PAGE: usize = 100;
/// Pages read for one answer.
const MAX_PAGES: usize = 50;
/// An id is shorter.
const LONGEST_ID: usize = 128;

/// The id of a thing at Studio: letters, digits, `-` and `_`, so that it is one part of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudioId(String);

/// A text is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is letters, digits, `-` and `_`")]
pub struct ParseStudioIdError;

impl FromStr for StudioId {
    type Err = ParseStudioIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if text.is_empty() || text.len() > LONGEST_ID || !text.bytes().all(fits) {
            return Err(ParseStudioIdError);
        }
        Ok(Self(text.to_string()))
    }
}

impl fmt::Display for StudioId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What Studio keeps lists of.
pub trait Listed: DeserializeOwned {
    /// The path of the list, whose parts are joined by `/`.
    const PATH: &'static str;
    /// What is asked for besides the page.
    const QUERY: &'static [(&'static str, &'static str)] = &[];
}

impl Listed for StudioStream {
    const PATH: &'static str = "stream";
    // Otherwise sessions are among them.
    const QUERY: &'static [(&'static str, &'static str)] = &[("streamsonly", "1")];
}

impl Listed for StudioSession {
    const PATH: &'static str = "session";
}

impl Listed for StudioAsset {
    const PATH: &'static str = "asset";
}

impl Listed for StudioTask {
    const PATH: &'static str = "task";
}

impl Listed for StudioWebhook {
    const PATH: &'static str = "webhook";
}

impl Listed for StudioTarget {
    const PATH: &'static str = "multistream/target";
}

/// What is changed of a stream; what is none stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamChange {
    /// Whether its sessions are kept.
    pub record: Option<bool>,
    /// Whether it is refused.
    pub suspended: Option<bool>,
}

/// A webhook that is to be made.
#[derive(Debug, Clone)]
pub struct NewWebhook<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where it goes.
    pub url: &'a Url,
    /// What it is told of.
    pub events: &'a [String],
    /// The stream it is told of; none: all.
    pub stream: Option<&'a StudioId>,
    /// What its calls are signed with.
    pub secret: Option<&'a Password>,
}

/// A client of one account.
#[derive(Debug)]
pub struct Studio {
    web: Web,
}

impl Studio {
    /// Nothing is sent yet. `patience` is for each request.
    ///
    /// # Errors
    /// A key that cannot be a header, or would travel unencrypted.
    pub fn new(url: &RpcUrl, key: &Password, patience: Duration) -> Result<Self, WebError> {
        Ok(Self {
            web: Web::new(url, Some(key), patience)?,
        })
    }

    /// The first rows of a list, at most `limit`.
    ///
    /// # Errors
    /// As [`WebError`] says; a row that cannot be read is left out and counted.
    pub async fn list<T: Listed>(&self, limit: usize) -> Result<StudioList<T>, WebError> {
        let url = self.web.beneath(&T::PATH.split('/').collect::<Vec<_>>());
        self.pages(url, T::QUERY, limit).await
    }

    /// A stream's sessions, at most `limit`.
    ///
    /// # Errors
    /// As [`Studio::list`].
    pub async fn sessions_of(
        &self,
        stream: &StudioId,
        limit: usize,
    ) -> Result<StudioList<StudioSession>, WebError> {
        let url = self.web.beneath(&["stream", &stream.0, "sessions"]);
        self.pages(url, &[], limit).await
    }

    /// One of a list.
    ///
    /// # Errors
    /// As [`WebError`] says: [`WebError::NotFound`] if it is not there.
    pub async fn one<T: Listed>(&self, id: &StudioId) -> Result<T, WebError> {
        let reply = self.web.send(Method::GET, self.of::<T>(id, &[]), None).await?;
        self.read(&reply)
    }

    /// Takes one out of a list.
    ///
    /// # Errors
    /// As [`Studio::one`].
    pub async fn delete<T: Listed>(&self, id: &StudioId) -> Result<(), WebError> {
        let url = self.of::<T>(id, &[]);
        self.web.send(Method::DELETE, url, None).await.map(|_| ())
    }

    /// Makes a stream. Without profiles Studio chooses them.
    ///
    /// # Errors
    /// As [`WebError`] says.
    pub async fn create_stream(
        &self,
        name: &str,
        record: bool,
        profiles: Option<&[Profile]>,
    ) -> Result<StudioStream, WebError> {
        let mut order = json!({ "name": name, "record": record });
        if let Some(profiles) = profiles {
            order["profiles"] = profiles.iter().map(profile).collect();
        }
        self.post(&["stream"], &order, &[]).await
    }

    /// Changes a stream.
    ///
    /// # Errors
    /// As [`Studio::one`].
    pub async fn change_stream(&self, id: &StudioId, change: StreamChange) -> Result<(), WebError> {
        let mut order = json!({});
        for (name, value) in [("record", change.record), ("suspended", change.suspended)] {
            if let Some(value) = value {
                order[name] = value.into();
            }
        }
        let url = self.of::<StudioStream>(id, &[]);
        self.web.send(Method::PATCH, url, Some(&order)).await.map(|_| ())
    }

    /// Ends what is sent to a stream now; its sender may begin again.
    ///
    /// # Errors
    /// As [`Studio::one`].
    pub async fn terminate_stream(&self, id: &StudioId) -> Result<(), WebError> {
        let url = self.of::<StudioStream>(id, &["terminate"]);
        self.web.send(Method::DELETE, url, None).await.map(|_| ())
    }

    /// Has Studio fetch a file.
    ///
    /// # Errors
    /// As [`WebError`] says.
    pub async fn import(&self, from: &Url, name: &str) -> Result<StudioImport, WebError> {
        let order = json!({ "url": from.as_str(), "name": name });
        let secrets = hidden_in(from);
        self.post(&["asset", "upload", "url"], &order, &secrets).await
    }

    /// How something is played.
    ///
    /// # Errors
    /// As [`Studio::one`].
    pub async fn playback(&self, id: &StudioId) -> Result<StudioPlayback, WebError> {
        let url = self.web.beneath(&["playback", &id.0]);
        let reply = self.web.send(Method::GET, url, None).await?;
        self.read(&reply)
    }

    /// Makes a webhook.
    ///
    /// # Errors
    /// As [`WebError`] says.
    pub async fn create_webhook(&self, new: &NewWebhook<'_>) -> Result<StudioWebhook, WebError> {
        let mut order = json!({ "name": new.name, "url": new.url.as_str(), "events": new.events });
        if let Some(stream) = new.stream {
            order["streamId"] = stream.0.clone().into();
        }
        let mut secrets = hidden_in(new.url);
        if let Some(secret) = new.secret {
            order["sharedSecret"] = secret.expose().into();
            secrets.push(secret.expose());
        }
        self.post(&["webhook"], &order, &secrets).await
    }

    fn of<T: Listed>(&self, id: &StudioId, more: &[&str]) -> Url {
        let list = T::PATH.split('/');
        let parts: Vec<&str> = list.chain([id.0.as_str()]).chain(more.iter().copied()).collect();
        self.web.beneath(&parts)
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        order: &Value,
        secrets: &[&str],
    ) -> Result<T, WebError> {
        let url = self.web.beneath(path);
        let reply = self
            .web
            .send_secretly(Method::POST, url, Some(order), secrets)
            .await?;
        self.read(&reply)
    }

    fn read<T: DeserializeOwned>(&self, reply: &Reply) -> Result<T, WebError> {
        serde_json::from_slice(&reply.body).map_err(|error| self.web.garbled(&error))
    }

    async fn pages<T: DeserializeOwned>(
        &self,
        url: Url,
        query: &[(&str, &str)],
        limit: usize,
    ) -> Result<StudioList<T>, WebError> {
        let mut all: Rows<T> = Rows::new();
        let mut cursor: Option<String> = None;
        let mut has_more = true;
        for _ in 0..MAX_PAGES {
            let mut page = url.clone();
            let left = limit - all.good.len();
            page.query_pairs_mut()
                .extend_pairs(query)
                .append_pair("limit", &left.min(PAGE).to_string());
            if let Some(cursor) = &cursor {
                page.query_pairs_mut().append_pair("cursor", cursor);
            }
            let reply = self.web.send(Method::GET, page, None).await?;
            let rows: Vec<Value> = self.read(&reply)?;
            let is_empty = rows.is_empty();
            all.take::<T>(&self.web, rows);
            // A server may send more than it was asked for.
            has_more = all.good.len() > limit;
            match reply.next {
                None => break,
                // Otherwise a server could have us read the same page again and again.
                Some(next) if Some(&next) == cursor.as_ref() => {
                    return Err(WebError::Garbled("the pages go in circles".to_string()));
                }
                Some(_) if is_empty => break,
                Some(next) => {
                    has_more = true;
                    if all.good.len() >= limit {
                        break;
                    }
                    cursor = Some(next);
                }
            }
        }
        let (mut rows, unreadable) = all.judged()?;
        rows.truncate(limit);
        Ok(StudioList {
            rows,
            has_more,
            unreadable,
        })
    }
}

/// What of an address may be a key: all behind its host.
fn hidden_in(url: &Url) -> Vec<&str> {
    let path = Some(url.path()).filter(|path| *path != "/");
    [url.query(), url.fragment(), url.password(), path]
        .into_iter()
        .flatten()
        .collect()
}

/// A rendition as Studio wants it.
fn profile(profile: &Profile) -> Value {
    let mut order = json!({
        "name": profile.name,
        "width": profile.width,
        "height": profile.height,
        "bitrate": profile.bitrate,
        "fps": profile.fps,
    });
    if profile.fps_den > 1 {
        order["fpsDen"] = profile.fps_den.into();
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_leave_its_place_in_a_path_is_no_id() {
        for good in ["0", "6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f", "a_b"] {
            assert!(good.parse::<StudioId>().is_ok(), "{good}");
        }
        let long = "x".repeat(LONGEST_ID + 1);
        for bad in ["", "..", ".", "a/b", "a?b", "a%2fb", "ä", " ", long.as_str()] {
            assert!(bad.parse::<StudioId>().is_err(), "{bad}");
        }
    }
}

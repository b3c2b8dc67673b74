//! A right to put files under a prefix of somebody's store, and putting them there: a form with a signed policy, which
//! needs no keys (`go-tools drivers/s3.go`).

use std::{fmt, time::Duration};

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::CONTENT_TYPE;
use url::Url;

use super::sign::ALGORITHM;
use crate::wire::{
    client::innermost,
    net::{self, os_info::StorageType},
};

/// How long one file may take (`go-tools drivers/s3.go`).
pub const PUT_TIME: Duration = Duration::from_secs(10);
/// Longest host, key and credential of a right, in bytes.
const MOST_TEXT: usize = 1024;
/// Longest policy and signature.
const MOST_POLICY: usize = 16 << 10;
/// As much of what a store says is read.
const MOST_ANSWER: usize = 4 << 10;
/// As much of what a store says is told.
const MOST_TOLD: usize = 200;

/// What stays as it is in a URL's path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// Why a file was not put into a store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// The store cannot be reached, or broke off.
    #[error("the object store cannot be reached: {0}")]
    Unreachable(String),
    /// It took too long.
    #[error("the object store took longer than {PUT_TIME:?}")]
    TooSlow,
    /// The store would not take it. Text from outside, bounded.
    #[error("the object store refused: {0}")]
    Refused(String),
}

/// A right to put files under a prefix, for about a day.
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    kind: Kind,
    host: Url,
    info: net::S3osInfo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    S3,
    Google,
}

impl Grant {
    /// What another node hands over; none if it has no store of its own, or what it sent cannot be used: then the
    /// receiver's own is.
    #[must_use]
    pub fn read(offer: &net::OsInfo) -> Option<Self> {
        let kind = match StorageType::try_from(offer.storage_type) {
            Ok(StorageType::S3) => Kind::S3,
            Ok(StorageType::Google) => Kind::Google,
            Ok(StorageType::Direct) | Err(_) => return None,
        };
        let info = offer.s3info.clone()?;
        let is_short = [&info.host, &info.key, &info.credential, &info.x_amz_date]
            .iter()
            .all(|text| text.len() <= MOST_TEXT)
            && info.policy.len() <= MOST_POLICY
            && info.signature.len() <= MOST_POLICY;
        let host: Url = info.host.parse().ok()?;
        let is_plain = matches!(host.scheme(), "http" | "https")
            && host.has_host()
            && host.username().is_empty()
            && host.password().is_none()
            && host.query().is_none()
            && host.fragment().is_none();
        (is_short && is_plain).then_some(Self { kind, host, info })
    }

    /// Where files are put.
    #[must_use]
    pub fn host(&self) -> &Url {
        &self.host
    }

    /// The URL a file of this name is found under.
    #[must_use]
    pub fn url_of(&self, name: &str) -> String {
        let path = self.key_of(name);
        format!(
            "{}/{}",
            self.info.host.trim_end_matches('/'),
            utf8_percent_encode(&path, PATH)
        )
    }

    fn key_of(&self, name: &str) -> String {
        match self.info.key.trim_matches('/') {
            "" => name.to_string(),
            key => format!("{key}/{name}"),
        }
    }

    /// Puts one file there, under a name like `P240p30fps16x9/7.ts`, and tells its URL. Whether the store may be talked
    /// to at all is for whoever made the client to say.
    ///
    /// # Errors
    /// See [`PutError`]; the file may be there all the same.
    pub async fn put(&self, client: &reqwest::Client, name: &str, data: &Bytes) -> Result<String, PutError> {
        let boundary = hex::encode(rand::random::<[u8; 10]>());
        let form = self.form(&boundary, name, data);
        let sending = Box::pin(self.send(client, &boundary, form));
        tokio::time::timeout(PUT_TIME, sending)
            .await
            .unwrap_or(Err(PutError::TooSlow))?;
        Ok(self.url_of(name))
    }

    async fn send(&self, client: &reqwest::Client, boundary: &str, form: Vec<u8>) -> Result<(), PutError> {
        let unreachable = |error: reqwest::Error| PutError::Unreachable(innermost(&error.without_url()));
        let mut response = client
            .post(self.host.clone())
            .header(CONTENT_TYPE, format!("multipart/form-data; boundary={boundary}"))
            .body(form)
            .send()
            .await
            .map_err(unreachable)?;
        let mut said = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            said.extend_from_slice(&chunk[..chunk.len().min(MOST_ANSWER - said.len())]);
            if said.len() == MOST_ANSWER {
                break;
            }
        }
        // Stores say nothing when all is well, and why not when it is not.
        match (said.is_empty(), response.status()) {
            (true, status) if status.is_success() => Ok(()),
            (true, status) => Err(PutError::Refused(format!("status {status}"))),
            (false, _) => Err(PutError::Refused(told(&said))),
        }
    }

    /// The form: text fields, then the file.
    fn form(&self, boundary: &str, name: &str, data: &Bytes) -> Vec<u8> {
        let path = self.key_of(name);
        let (directory, file) = path
            .rsplit_once('/')
            .map_or(("", &*path), |(directory, file)| (directory, file));
        let key = match directory {
            "" => "${filename}".to_string(),
            directory => format!("{directory}/${{filename}}"),
        };
        let content_type = content_type(file);
        let info = &self.info;
        let mut fields = vec![
            ("acl", "public-read"),
            ("Content-Type", content_type),
            ("key", &key),
            ("policy", &info.policy),
        ];
        match self.kind {
            Kind::S3 => fields.extend([
                ("x-amz-algorithm", ALGORITHM),
                ("x-amz-credential", &info.credential),
                ("x-amz-date", &info.x_amz_date),
                ("x-amz-signature", &info.signature),
            ]),
            Kind::Google => fields.extend([
                ("GoogleAccessId", &*info.credential),
                ("signature", &info.signature),
            ]),
        }
        let mut form = Vec::with_capacity(data.len() + 4096 + info.policy.len());
        for (name, value) in fields {
            let head =
                format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            form.extend_from_slice(head.as_bytes());
        }
        let file: String = file
            .chars()
            .map(|c| if c == '"' || c.is_control() { '_' } else { c })
            .collect();
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file}\"\r\nContent-Type: {content_type}\r\n\r\n"
        );
        form.extend_from_slice(head.as_bytes());
        form.extend_from_slice(data);
        form.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        form
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Policy and signature are a right anybody could use.
        f.debug_struct("Grant")
            .field("host", &self.info.host)
            .field("key", &self.info.key)
            .finish_non_exhaustive()
    }
}

fn content_type(file: &str) -> &'static str {
    match file.rsplit_once('.').map(|(_, extension)| extension) {
        Some("ts") => "video/mp2t",
        Some("mp4") => "video/mp4",
        _ => "application/octet-stream",
    }
}

/// The beginning of what a store says, on one line.
fn told(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    line.chars().filter(|c| !c.is_control()).take(MOST_TOLD).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(kind: StorageType, host: &str, key: &str) -> net::OsInfo {
        net::OsInfo {
            storage_type: kind.into(),
            s3info: Some(net::S3osInfo {
                host: host.into(),
                key: key.into(),
                policy: "POLICY".into(),
                signature: "SIGNATURE".into(),
                credential: "CREDENTIAL".into(),
                x_amz_date: "20260101T000000Z".into(),
            }),
        }
    }

    #[test]
    fn only_a_store_that_can_be_used_is_a_right() {
        let host = "https://bucket.s3.amazonaws.com";
        assert!(Grant::read(&offer(StorageType::S3, host, "a")).is_some());
        assert!(Grant::read(&offer(StorageType::Google, host, "a")).is_some());
        assert!(Grant::read(&offer(StorageType::Direct, host, "a")).is_none());
        assert!(Grant::read(&net::OsInfo::default()).is_none());
        let mut strange = offer(StorageType::S3, host, "a");
        strange.storage_type = 9;
        assert!(Grant::read(&strange).is_none());
        for host in [
            "",
            "bucket",
            "ftp://x",
            "http://k:s@x",
            "http://x/?a",
            "file:///etc",
        ] {
            assert!(
                Grant::read(&offer(StorageType::S3, host, "a")).is_none(),
                "{host}"
            );
        }
        let long = "k".repeat(MOST_TEXT + 1);
        assert!(Grant::read(&offer(StorageType::S3, host, &long)).is_none());
    }

    #[test]
    fn the_file_comes_last_and_the_key_ends_in_a_placeholder() {
        let data = Bytes::from_static(b"media");
        let grant = Grant::read(&offer(StorageType::S3, "http://x/bucket", "stream/id")).unwrap();
        let form = String::from_utf8(grant.form("B", "P240p/7.ts", &data)).unwrap();
        let field = |name: &str| {
            let head = format!("name=\"{name}\"\r\n\r\n");
            let begin = form.find(&head)? + head.len();
            form[begin..].split("\r\n").next()
        };
        assert_eq!(field("key"), Some("stream/id/P240p/${filename}"));
        assert_eq!(field("acl"), Some("public-read"));
        assert_eq!(field("Content-Type"), Some("video/mp2t"));
        assert_eq!(field("x-amz-algorithm"), Some("AWS4-HMAC-SHA256"));
        assert_eq!(field("x-amz-date"), Some("20260101T000000Z"));
        let file = "name=\"file\"; filename=\"7.ts\"\r\nContent-Type: video/mp2t\r\n\r\nmedia\r\n--B--\r\n";
        assert!(form.ends_with(file), "{form}");
        assert_eq!(
            grant.url_of("P 240p/7.ts"),
            "http://x/bucket/stream/id/P%20240p/7.ts"
        );

        let google = Grant::read(&offer(StorageType::Google, "http://x", "")).unwrap();
        let form = String::from_utf8(google.form("B", "7.mp4", &data)).unwrap();
        assert!(form.contains("name=\"GoogleAccessId\"\r\n\r\nCREDENTIAL\r\n"));
        assert!(form.contains("name=\"signature\"\r\n\r\nSIGNATURE\r\n") && !form.contains("x-amz"));
        assert!(form.contains("name=\"key\"\r\n\r\n${filename}\r\n"));
    }

    #[test]
    fn a_right_does_not_show_itself() {
        let grant = Grant::read(&offer(StorageType::S3, "http://x/bucket", "stream")).unwrap();
        let shown = format!("{grant:?}");
        assert!(
            !shown.contains("POLICY") && !shown.contains("SIGNATURE"),
            "{shown}"
        );
    }

    #[test]
    fn what_a_store_says_is_one_short_line() {
        assert_eq!(
            told(b"<Error>\n  <Code>Denied\x1b</Code>"),
            "<Error> <Code>Denied</Code>"
        );
        assert_eq!(told(&[b'x'; 1000]).len(), MOST_TOLD);
    }
}

//! What Livepeer Studio tells of an account's streams, recordings and files. Texts are from outside: escape before drawing.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

/// A moment: milliseconds since 1970 in Studio's answers, RFC 3339 in ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let milliseconds = i64::deserialize(deserializer)?;
        Timestamp::from_millisecond(milliseconds)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = Timestamp::from_second(self.0.as_second()).unwrap_or(self.0);
        fmt::Display::fmt(&whole, f)
    }
}

/// What lets anybody send as a stream. Printing for debugging redacts it; its serialised form is for who asked to see it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamKey(String);

impl StreamKey {
    /// The key itself, for who asked to see it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamKey(…)")
    }
}

/// Where something is sent, without what may be a key in it: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Destination(String);

impl<'de> Deserialize<'de> for Destination {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let url = Url::parse(&String::deserialize(deserializer)?).ok();
        let shown = url.and_then(|url| {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            Some(format!("{}://{}{port}", url.scheme(), url.host_str()?))
        });
        Ok(Self(shown.unwrap_or_else(|| "not a URL".to_string())))
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Rows of a list, as many as were asked for at most.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StudioList<T> {
    /// In Studio's order.
    pub rows: Vec<T>,
    /// Whether there are more.
    pub has_more: bool,
    /// Rows that could not be read and are left out.
    pub unreadable: usize,
}

/// A live stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct StudioStream {
    /// Its id.
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// What players ask for.
    pub playback_id: Option<String>,
    /// Whether somebody sends now.
    #[serde(default)]
    pub is_active: bool,
    /// Whether what is sent is well; none while that is not known.
    pub is_healthy: Option<bool>,
    /// What is not well with it.
    #[serde(default, deserialize_with = "list")]
    pub issues: Vec<String>,
    /// Whether it is refused.
    #[serde(default)]
    pub suspended: bool,
    /// Whether its sessions are kept.
    #[serde(default)]
    pub record: bool,
    /// Bytes a second that come in.
    pub ingest_rate: Option<f64>,
    /// Bytes a second that go out.
    pub outgoing_rate: Option<f64>,
    /// When it was made.
    pub created_at: Option<Moment>,
    /// When somebody last sent.
    pub last_seen: Option<Moment>,
    /// What is made of it.
    #[serde(default, deserialize_with = "list")]
    pub profiles: Vec<StudioProfile>,
    /// What lets anybody send as it; none unless it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_key: Option<StreamKey>,
}

/// One rendition of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudioProfile {
    /// Its name.
    pub name: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Bits a second.
    pub bitrate: u64,
    /// Frames a second; 0 keeps the source's.
    #[serde(default)]
    pub fps: u32,
}

/// One time that somebody sent a stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct StudioSession {
    /// Its id.
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// The stream's id.
    pub parent_id: Option<String>,
    /// What players ask for.
    pub playback_id: Option<String>,
    /// When it began.
    pub created_at: Option<Moment>,
    /// When it was last seen.
    pub last_seen: Option<Moment>,
    /// Seconds of video that came in.
    pub source_segments_duration: Option<f64>,
    /// Seconds of video that were transcoded.
    pub transcoded_segments_duration: Option<f64>,
    /// How far its recording is: waiting, ready or none.
    pub recording_status: Option<String>,
    /// Where its recording is.
    pub recording_url: Option<String>,
}

/// How far something is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct StudioProgress {
    /// Studio's word: waiting, processing, ready, completed, failed and others.
    #[serde(default)]
    pub phase: String,
    /// The part that is done, 0 to 1.
    pub progress: Option<f64>,
    /// Why it failed.
    pub error_message: Option<String>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct StudioAsset {
    /// Its id.
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// How far it is.
    pub status: Option<StudioProgress>,
    /// What players ask for.
    pub playback_id: Option<String>,
    /// Where it plays.
    pub playback_url: Option<String>,
    /// Where it is to be had whole.
    pub download_url: Option<String>,
    /// Bytes.
    pub size: Option<u64>,
    /// What is in it.
    pub video_spec: Option<StudioVideo>,
    /// When it was made.
    pub created_at: Option<Moment>,
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudioVideo {
    /// Its container.
    pub format: Option<String>,
    /// Seconds.
    pub duration: Option<f64>,
    /// Bits a second.
    pub bitrate: Option<f64>,
}

/// Work of Studio's on a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct StudioTask {
    /// Its id.
    pub id: String,
    /// What it does: import, upload, transcode and others.
    #[serde(default, rename(deserialize = "type"))]
    pub kind: String,
    /// How far it is.
    pub status: Option<StudioProgress>,
    /// The file it reads.
    pub input_asset_id: Option<String>,
    /// The file it makes.
    pub output_asset_id: Option<String>,
    /// When it was made.
    pub created_at: Option<Moment>,
}

/// A file that Studio fetches now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudioImport {
    /// What it becomes.
    pub asset: StudioAsset,
    /// The work on it.
    pub task: StudioTask,
}

/// How something is played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudioPlayback {
    /// live, vod or recording.
    #[serde(default, rename(deserialize = "type"))]
    pub kind: String,
    /// The rest.
    #[serde(default)]
    pub meta: StudioPlaybackMeta,
}

/// What players need.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StudioPlaybackMeta {
    /// 1 while it is live.
    pub live: Option<u8>,
    /// Every way to play it.
    #[serde(default, deserialize_with = "list")]
    pub source: Vec<StudioSource>,
}

/// A way to play something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudioSource {
    /// What people call it.
    #[serde(default)]
    pub hrn: String,
    /// Its media type.
    #[serde(default, rename(deserialize = "type"))]
    pub kind: String,
    /// Where.
    #[serde(default)]
    pub url: String,
}

/// Who is told of what happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct StudioWebhook {
    /// Its id.
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Where it goes.
    pub url: Destination,
    /// What it is told of.
    #[serde(default, deserialize_with = "list")]
    pub events: Vec<String>,
    /// The stream it is told of; none: all.
    pub stream_id: Option<String>,
    /// When it was made.
    pub created_at: Option<Moment>,
    /// What became of it.
    pub status: Option<StudioWebhookStatus>,
}

/// What became of a webhook's calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct StudioWebhookStatus {
    /// When it was last called.
    pub last_triggered_at: Option<Moment>,
    /// The last call that failed.
    pub last_failure: Option<StudioWebhookFailure>,
}

/// A webhook's call that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct StudioWebhookFailure {
    /// When.
    pub timestamp: Option<Moment>,
    /// The status of the answer.
    pub status_code: Option<u16>,
    /// Why.
    pub error: Option<String>,
}

/// Where streams are sent on to. Its address holds the key there, so only its host is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct StudioTarget {
    /// Its id.
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Where to.
    pub url: Option<Destination>,
    /// Whether nothing is sent there.
    #[serde(default)]
    pub disabled: bool,
    /// When it was made.
    pub created_at: Option<Moment>,
}

/// Something was done and there is nothing more to tell of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StudioDone {
    /// What it was done to.
    pub id: String,
    /// What was done: deleted or terminated.
    pub done: &'static str,
}

/// A list, or nothing where Studio says null.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_target_is_told_without_the_key_in_its_address() {
        let target: StudioTarget = serde_json::from_value(json!({
            "id": "t", "name": "there", "url": "rtmp://live.example:1936/app/secret-key?x=secret"
        }))
        .unwrap();
        assert_eq!(
            serde_json::to_value(&target).unwrap()["url"],
            "rtmp://live.example:1936"
        );
        assert!(!format!("{target:?}").contains("secret"));
        let odd: StudioTarget = serde_json::from_value(json!({ "id": "t", "url": "secret" })).unwrap();
        assert_eq!(odd.url.unwrap().to_string(), "not a URL");
    }

    #[test]
    fn moments_are_milliseconds_there_and_text_here() {
        let moment: Moment = serde_json::from_value(json!(1_700_000_000_123_i64)).unwrap();
        assert_eq!(serde_json::to_value(moment).unwrap(), "2023-11-14T22:13:20.123Z");
        assert_eq!(moment.to_string(), "2023-11-14T22:13:20Z");
        assert!(serde_json::from_value::<Moment>(json!(i64::MAX)).is_err());
    }

    #[test]
    fn a_key_is_not_printed_by_accident() {
        let stream: StudioStream =
            serde_json::from_value(json!({ "id": "s", "streamKey": "very-secret", "issues": null })).unwrap();
        assert!(!format!("{stream:?}").contains("very-secret"));
        assert_eq!(stream.stream_key.unwrap().expose(), "very-secret");
    }
}

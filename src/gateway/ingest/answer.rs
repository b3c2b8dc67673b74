//! What the auth webhook, or the header in its place, says of a stream (`go-livepeer server/auth.go`,
//! `server/mediaserver.go`). Names of keys are taken in any case, as Go's decoder takes them.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    gateway::output::is_path_name,
    media::ladder::{Ladder, LadderError, Profile, preset},
};

/// Longest name of a stream.
const LONGEST_NAME: usize = 200;
/// The keys of a profile, as they are written.
const PROFILE_KEYS: [&str; 12] = [
    "name",
    "width",
    "height",
    "bitrate",
    "fps",
    "fpsDen",
    "profile",
    "gop",
    "encoder",
    "colorDepth",
    "chromaFormat",
    "quality",
];

/// Why an answer cannot be followed.
#[derive(Debug, thiserror::Error)]
pub(super) enum AnswerError {
    /// Not JSON, or a value of the wrong kind.
    #[error("it is no readable JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The webhook must name the stream.
    #[error("empty manifest id not allowed")]
    NoManifest,
    /// A name that has no place in an address.
    #[error("`{0}` is no name for a stream")]
    Name(String),
    /// Its profiles cannot be made.
    #[error("its profiles cannot be made: {0}")]
    Profiles(#[from] LadderError),
    /// A profile's name that has no place in an address, or that Go nodes cannot serve.
    #[error("`{0}` cannot be a profile's name")]
    ProfileName(String),
    /// It wants something done that this gateway does not do; going on without would lose the operator's data.
    #[error("it sets `{0}`, which this gateway does not support")]
    Unsupported(&'static str),
}

/// What is wanted for a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// The stream's own name; none: that of the address.
    pub manifest_id: Option<String>,
    /// The name the operator's systems know it by.
    pub stream_id: Option<String>,
    /// The session the operator's systems know it by.
    pub session_id: Option<String>,
    /// What to make of it; none: what the gateway makes of any.
    pub profiles: Option<Vec<Profile>>,
    /// How often results are compared between orchestrators; 0 for never.
    pub verification_frequency: u32,
    /// By how much all time limits are multiplied; header form only.
    pub timeout_multiplier: u32,
    /// Whether encoders start anew with this segment; header form only.
    pub force_reinit: bool,
    /// The custom profiles as they were written: two sources must agree on them.
    pub custom: Vec<Map<String, Value>>,
    /// Keys that have no effect here, for a warning.
    pub without_effect: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Written {
    manifestid: String,
    streamid: String,
    sessionid: String,
    streamkey: String,
    presets: Option<Vec<String>>,
    profiles: Option<Vec<Map<String, Value>>>,
    objectstore: String,
    recordobjectstore: String,
    recordobjectstoreurl: String,
    previoussessions: Vec<String>,
    verificationfreq: u32,
    timeoutmultiplier: i64,
    forcesessionreinit: bool,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl Answer {
    /// Reads the answer of a webhook, which must name the stream.
    pub(super) fn of_webhook(text: &[u8]) -> Result<Self, AnswerError> {
        let mut answer = Self::read(text)?;
        if answer.manifest_id.is_none() {
            return Err(AnswerError::NoManifest);
        }
        // These two are for the header alone.
        if answer.timeout_multiplier != 0 {
            answer.without_effect.push("timeoutMultiplier".into());
            answer.timeout_multiplier = 0;
        }
        if std::mem::take(&mut answer.force_reinit) {
            answer.without_effect.push("forceSessionReinit".into());
        }
        Ok(answer)
    }

    /// Reads the header `Livepeer-Transcode-Configuration`.
    pub(super) fn of_header(text: &[u8]) -> Result<Self, AnswerError> {
        Self::read(text)
    }

    fn read(text: &[u8]) -> Result<Self, AnswerError> {
        let keys: Map<String, Value> = serde_json::from_slice(text)?;
        let lowered = keys
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.to_lowercase(), value))
            .collect();
        let written: Written = serde_json::from_value(Value::Object(lowered))?;
        let stores = [
            ("objectStore", &written.objectstore),
            ("recordObjectStore", &written.recordobjectstore),
            ("recordObjectStoreUrl", &written.recordobjectstoreurl),
        ];
        if let Some((key, _)) = stores.into_iter().find(|(_, value)| !value.is_empty()) {
            return Err(AnswerError::Unsupported(key));
        }
        let mut without_effect: Vec<String> = Vec::new();
        if !written.streamkey.is_empty() {
            without_effect.push("streamKey".into());
        }
        if !written.previoussessions.is_empty() {
            without_effect.push("previousSessions".into());
        }
        without_effect.extend(written.others.keys().take(8).map(|key| bounded(key)));
        // As in Go only what comes before a slash is the name.
        let manifest = written.manifestid.trim_start_matches('/');
        let manifest = manifest.split('/').next().unwrap_or_default();
        if !manifest.is_empty() && !is_stream_name(manifest) {
            return Err(AnswerError::Name(bounded(manifest)));
        }
        let custom = written.profiles.clone().unwrap_or_default();
        let custom = custom.into_iter().map(with_known_keys).collect();
        let given = |text: String| (!text.is_empty()).then(|| bounded(&text));
        Ok(Self {
            manifest_id: (!manifest.is_empty()).then(|| manifest.to_string()),
            stream_id: given(written.streamid),
            session_id: given(written.sessionid),
            profiles: profiles(written.presets.as_deref().unwrap_or_default(), written.profiles)?,
            verification_frequency: written.verificationfreq,
            timeout_multiplier: u32::try_from(written.timeoutmultiplier).unwrap_or(0).min(100),
            force_reinit: written.forcesessionreinit,
            custom,
            without_effect,
        })
    }
}

fn bounded(text: &str) -> String {
    text.chars()
        .take(LONGEST_NAME)
        .flat_map(char::escape_debug)
        .collect()
}

/// Presets that are known, then custom profiles. None of either: the gateway's own choice.
fn profiles(
    presets: &[String],
    custom: Option<Vec<Map<String, Value>>>,
) -> Result<Option<Vec<Profile>>, AnswerError> {
    let mut all: Vec<Profile> = presets.iter().filter_map(|name| preset(name.trim())).collect();
    if presets.is_empty() && custom.is_none() {
        return Ok(None);
    }
    let custom = custom.unwrap_or_default();
    if !custom.is_empty() {
        let custom: Vec<_> = custom.into_iter().map(with_known_keys).collect();
        let ladder = Ladder::parse(&serde_json::to_string(&custom)?)?;
        all.extend(ladder.profiles().iter().cloned());
    }
    if all.is_empty() {
        return Ok(Some(all));
    }
    check_names(&all)?;
    Ok(Some(Ladder::new(all)?.into()))
}

/// Keys as the ladder's parser wants them. Those nobody knows are passed over, as Go's decoder does.
fn with_known_keys(profile: Map<String, Value>) -> Map<String, Value> {
    let known = profile.into_iter().filter_map(|(key, value)| {
        let known = PROFILE_KEYS
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(&key))?;
        (!value.is_null()).then(|| (known.to_string(), value))
    });
    known.collect()
}

/// Whether every profile can be part of an address, also on Go nodes: these cut `live/` out of paths.
///
/// # Errors
/// [`AnswerError::ProfileName`].
pub(super) fn check_names(profiles: &[Profile]) -> Result<(), AnswerError> {
    let bad = profiles
        .iter()
        .find(|profile| !is_path_name(&profile.name) || profile.name.ends_with("live"));
    match bad {
        Some(profile) => Err(AnswerError::ProfileName(bounded(&profile.name))),
        None => Ok(()),
    }
}

/// Whether a text can be a stream's name: it becomes part of addresses, of lines in a log and of playlists.
pub(super) fn is_stream_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte);
    !name.is_empty()
        && name.len() <= LONGEST_NAME
        && name.bytes().all(allowed)
        && !name.bytes().all(|byte| byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::ladder::{CodecProfile, Gop, VideoCodec};

    fn webhook(text: &str) -> Result<Answer, AnswerError> {
        Answer::of_webhook(text.as_bytes())
    }

    fn refused(text: &str) -> String {
        webhook(text).unwrap_err().to_string()
    }

    #[test]
    fn every_key_is_read() {
        let answer = webhook(
            r#"{"manifestID":"m/ignored","streamID":"s","sessionID":"t","streamKey":"k","presets":["P144p30fps16x9"," P240p30fps16x9 ","P999p"],
                "profiles":[{"name":"hd","width":1280,"height":720,"bitrate":3000000,"fps":30,"fpsDen":1,
                             "profile":"H264Main","gop":"2.5","encoder":"hevc","quality":23,"unknown":1},
                            {"width":64,"height":36,"bitrate":1000,"gop":"intra","FPSDEN":1001,"fps":30000}],
                "previousSessions":["a"],"verificationFreq":5,"timeoutMultiplier":3,"forceSessionReinit":true,"foo":1}"#,
        )
        .unwrap();
        assert_eq!(answer.manifest_id.as_deref(), Some("m"));
        assert_eq!(
            (answer.stream_id.as_deref(), answer.session_id.as_deref()),
            (Some("s"), Some("t"))
        );
        assert_eq!(answer.verification_frequency, 5);
        // For the header alone.
        assert_eq!((answer.timeout_multiplier, answer.force_reinit), (0, false));
        assert_eq!(
            answer.without_effect,
            [
                "streamKey",
                "previousSessions",
                "foo",
                "timeoutMultiplier",
                "forceSessionReinit"
            ]
        );
        let profiles = answer.profiles.unwrap();
        let names: Vec<_> = profiles.iter().map(|profile| profile.name.as_str()).collect();
        assert_eq!(
            names,
            ["P144p30fps16x9", "P240p30fps16x9", "hd", "custom_64x36_1000"]
        );
        let hd = &profiles[2];
        assert_eq!(
            (hd.codec, hd.codec_profile, hd.gop, hd.fps_den, hd.quality),
            (VideoCodec::H265, CodecProfile::H264Main, Gop::Millis(2500), 1, 23)
        );
        assert_eq!(
            (profiles[3].gop, profiles[3].fps, profiles[3].fps_den),
            (Gop::Intra, 30_000, 1001)
        );
    }

    #[test]
    fn no_profiles_no_list_and_an_empty_list_differ() {
        let profiles = |more: &str| {
            webhook(&format!(r#"{{"manifestID":"m"{more}}}"#))
                .unwrap()
                .profiles
                .map(|profiles| profiles.len())
        };
        assert_eq!(profiles(""), None);
        assert_eq!(profiles(r#","profiles":null,"presets":[]"#), None);
        assert_eq!(profiles(r#","profiles":[]"#), Some(0));
        assert_eq!(profiles(r#","presets":["unknown"]"#), Some(0));
        assert_eq!(
            profiles(r#","presets":["P144p30fps16x9"],"profiles":[]"#),
            Some(1)
        );
    }

    #[test]
    fn the_header_need_not_name_the_stream_and_may_say_more() {
        let header =
            Answer::of_header(br#"{"timeoutMultiplier":4,"forceSessionReinit":true,"MANIFESTID":"x"}"#)
                .unwrap();
        assert_eq!((header.timeout_multiplier, header.force_reinit), (4, true));
        assert_eq!(header.manifest_id.as_deref(), Some("x"));
        assert_eq!(Answer::of_header(b"{}").unwrap(), Answer::default());
    }

    #[test]
    fn what_cannot_be_followed_is_told_why() {
        assert_eq!(refused("{}"), "empty manifest id not allowed");
        assert_eq!(
            refused(r#"{"manifestID":"/","profiles":[]}"#),
            "empty manifest id not allowed"
        );
        for text in [
            "",
            "[]",
            "nonsense",
            r#"{"manifestID":1}"#,
            r#"{"manifestID":"m","presets":"P144p"}"#,
        ] {
            assert!(matches!(webhook(text), Err(AnswerError::Json(_))), "{text}");
        }
        let with = |more: &str| refused(&format!(r#"{{"manifestID":"m",{more}}}"#));
        for key in ["objectStore", "recordObjectStore", "recordObjectStoreUrl"] {
            assert_eq!(
                with(&format!(r#""{key}":"s3://a""#)),
                format!("it sets `{key}`, which this gateway does not support")
            );
        }
        for (profile, said) in [
            (r#"{"width":1}"#, "it needs a width and a height"),
            (
                r#"{"width":64,"height":36,"gop":"-1"}"#,
                "gop is a number of seconds",
            ),
            (r#"{"width":64,"height":36,"profile":"x"}"#, "profile is one of"),
            (r#"{"width":64,"height":36,"encoder":"AV1"}"#, "encoder is one of"),
            (
                r#"{"width":64,"height":36,"colorDepth":2}"#,
                "8 bits and 4:2:0 only",
            ),
            (
                r#"{"width":64,"height":36,"chromaFormat":1}"#,
                "8 bits and 4:2:0 only",
            ),
            (r#"{"width":"64","height":36}"#, "no readable JSON"),
            (
                r#"{"name":"a/b","width":64,"height":36}"#,
                "cannot be a profile's name",
            ),
            (
                r#"{"name":"tolive","width":64,"height":36}"#,
                "cannot be a profile's name",
            ),
        ] {
            let error = with(&format!(r#""profiles":[{profile}]"#));
            assert!(error.contains(said), "{profile}: {error}");
        }
        let twice = with(
            r#""presets":["P144p30fps16x9"],"profiles":[{"name":"P144p30fps16x9","width":64,"height":36}]"#,
        );
        assert!(twice.contains("two rungs are called"), "{twice}");
    }

    #[test]
    fn names_of_streams_fit_into_addresses() {
        for good in ["a", "video+abc", "live", "a.b", "~1"] {
            assert!(is_stream_name(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "a b",
            "a%",
            "ü",
            "a\n",
            "\"",
            &"x".repeat(201),
        ] {
            assert!(!is_stream_name(bad), "{bad:?}");
        }
    }
}

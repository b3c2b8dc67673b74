//! A store we have the keys of.

use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr, sync::Arc};

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use url::{Host, Url};
use zeroize::Zeroizing;

use super::{
    Grant,
    sign::{self, ALGORITHM, GoogleKey},
};
use crate::{
    private_file,
    secret::Password,
    wire::net::{self, os_info::StorageType},
};

/// The region a store is asked in that names none.
const USUAL_REGION: &str = "us-east-1";

/// What is wrong with a store's description. Never repeats it: it holds a key.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not a URL of a store.
    #[error("the object store's URL is none: {0}")]
    Url(&'static str),
    /// The key file of a Google store.
    #[error("the object store's key file {path} cannot be used: {reason}")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

/// A store as operators write it: `s3://KEY:SECRET@region/bucket/prefix`, `s3+https://KEY:SECRET@host/bucket/prefix` or
/// `gs://bucket?keyfile=PATH`. Shown without what is secret.
#[derive(Clone)]
pub struct StoreUrl {
    place: Place,
    access: Access,
}

/// Where files go.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    /// Where forms are posted, and what files' URLs begin with.
    host: String,
    bucket: String,
    /// In front of every key; empty, or without slashes at its ends.
    prefix: String,
}

#[derive(Clone)]
enum Access {
    S3 {
        key: String,
        secret: Password,
        region: String,
    },
    Google {
        key_file: PathBuf,
    },
}

impl FromStr for StoreUrl {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url: Url = text
            .trim()
            .parse()
            .map_err(|_| StoreError::Url("it cannot be read; write `/` in keys as `%2F`"))?;
        match url.scheme() {
            "s3" | "s3+http" | "s3+https" => s3(&url),
            "gs" => google(&url),
            _ => Err(StoreError::Url(
                "it must begin with s3://, s3+https://, s3+http:// or gs://",
            )),
        }
    }
}

fn s3(url: &Url) -> Result<StoreUrl, StoreError> {
    let decode = |part: &str| {
        let decoded = percent_decode_str(part).decode_utf8();
        decoded
            .map(|text| text.into_owned())
            .ok()
            .filter(|text| !text.is_empty())
    };
    let no_keys = || StoreError::Url("it has no keys; write `s3://KEY:SECRET@region/bucket`");
    let key = decode(url.username()).ok_or_else(no_keys)?;
    let secret = url.password().and_then(decode).ok_or_else(no_keys)?;
    let host = url
        .host_str()
        .filter(|host| !host.is_empty())
        .ok_or(StoreError::Url("it has no region or host"))?;
    let mut path = url
        .path_segments()
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty());
    let bucket = path.next().and_then(decode).filter(|bucket| is_bucket(bucket));
    let bucket = bucket.ok_or(StoreError::Url("it has no bucket, or one of no such name"))?;
    let prefix: Option<Vec<String>> = path.map(decode).collect();
    let prefix = prefix.ok_or(StoreError::Url("its prefix is no text"))?.join("/");
    let (host, region) = match url.scheme().strip_prefix("s3+") {
        None => (format!("https://{bucket}.s3.amazonaws.com"), host.to_string()),
        Some(scheme) => {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            (format!("{scheme}://{host}{port}/{bucket}"), region_of(host))
        }
    };
    Ok(StoreUrl {
        place: Place { host, bucket, prefix },
        access: Access::S3 {
            key,
            secret: Password::new(secret),
            region,
        },
    })
}

/// `s3.eu-west-2.provider.example` names its region.
fn region_of(host: &str) -> String {
    let labels: Vec<&str> = host.split('.').collect();
    match labels.as_slice() {
        [_, region, _, _, ..] if host.parse::<IpAddr>().is_err() => (*region).to_string(),
        _ => USUAL_REGION.to_string(),
    }
}

fn google(url: &Url) -> Result<StoreUrl, StoreError> {
    let bucket = match url.host() {
        Some(Host::Domain(bucket)) if is_bucket(bucket) => bucket.to_string(),
        _ => return Err(StoreError::Url("it has no bucket, or one of no such name")),
    };
    if !matches!(url.path(), "" | "/") {
        return Err(StoreError::Url("a gs:// store has no prefix"));
    }
    let key_file = url.query_pairs().find(|(name, _)| name == "keyfile");
    let (_, key_file) = key_file.ok_or(StoreError::Url("write `gs://bucket?keyfile=PATH`"))?;
    Ok(StoreUrl {
        place: Place {
            host: format!("https://{bucket}.storage.googleapis.com"),
            bucket,
            prefix: String::new(),
        },
        access: Access::Google {
            key_file: PathBuf::from(key_file.into_owned()),
        },
    })
}

fn is_bucket(text: &str) -> bool {
    (3..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { host, prefix, .. } = &self.place;
        match prefix.as_str() {
            "" => f.write_str(host),
            prefix => write!(f, "{host}/{prefix}"),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is used of a Google service account's key file.
#[derive(Deserialize)]
struct KeyFile {
    client_email: String,
    private_key: String,
}

/// A store we have the keys of, ready for use. A clone is another handle on it.
#[derive(Clone)]
pub struct ObjectStore {
    url: Arc<StoreUrl>,
    google: Option<Arc<Google>>,
}

struct Google {
    email: String,
    key: GoogleKey,
}

impl ObjectStore {
    /// Reads the key file, if the store has one.
    ///
    /// # Errors
    /// [`StoreError::KeyFile`] if it cannot be used.
    pub fn open(url: StoreUrl) -> Result<Self, StoreError> {
        let google = match &url.access {
            Access::S3 { .. } => None,
            Access::Google { key_file } => {
                let failed = |reason: String| StoreError::KeyFile {
                    path: key_file.clone(),
                    reason,
                };
                let (text, _) = private_file::read(key_file).map_err(|error| failed(error.to_string()))?;
                let file: KeyFile = serde_json::from_str(&text)
                    .map_err(|_| failed("it is no service account's JSON key".to_string()))?;
                let pem = Zeroizing::new(file.private_key);
                let key = GoogleKey::from_pem(&pem)
                    .filter(|key| key.sign("").is_some())
                    .ok_or_else(|| failed("its private key is no RSA key".to_string()))?;
                Some(Arc::new(Google {
                    email: file.client_email,
                    key,
                }))
            }
        };
        Ok(Self {
            url: Arc::new(url),
            google,
        })
    }

    /// The right to put files under `directory`, as nodes hand it to each other.
    #[must_use]
    pub fn offer(&self, directory: &str, now: Timestamp) -> net::OsInfo {
        let Place { host, bucket, prefix } = &self.url.place;
        let key = match prefix.as_str() {
            "" => directory.to_string(),
            prefix => format!("{prefix}/{directory}"),
        };
        let (kind, info) = match (&self.url.access, &self.google) {
            (
                Access::S3 {
                    key: account,
                    secret,
                    region,
                },
                _,
            ) => {
                let date = now.strftime("%Y%m%d").to_string();
                let credential = format!("{account}/{date}/{region}/s3/aws4_request");
                let x_amz_date = format!("{date}T000000Z");
                let fields = [
                    ("x-amz-algorithm", ALGORITHM),
                    ("x-amz-credential", &credential),
                    ("x-amz-date", &x_amz_date),
                ];
                let policy = sign::policy(bucket, &key, now, &fields);
                let info = net::S3osInfo {
                    host: host.clone(),
                    signature: sign::version_4(secret, &date, region, &policy),
                    key,
                    policy,
                    credential,
                    x_amz_date,
                };
                (StorageType::S3, info)
            }
            (Access::Google { .. }, google) => {
                let policy = sign::policy(bucket, &key, now, &[]);
                let signature = google.as_ref().and_then(|google| google.key.sign(&policy));
                let info = net::S3osInfo {
                    host: host.clone(),
                    signature: signature.unwrap_or_default(),
                    key,
                    policy,
                    credential: google
                        .as_ref()
                        .map(|google| google.email.clone())
                        .unwrap_or_default(),
                    x_amz_date: String::new(),
                };
                (StorageType::Google, info)
            }
        };
        net::OsInfo {
            storage_type: kind.into(),
            s3info: Some(info),
        }
    }

    /// The same right, for our own use.
    #[must_use]
    pub fn grant(&self, directory: &str, now: Timestamp) -> Option<Grant> {
        Grant::read(&self.offer(directory, now))
    }

    /// Whether a URL is one of a file in this store.
    #[must_use]
    pub fn holds(&self, url: &Url) -> bool {
        let rest = url.as_str().strip_prefix(self.url.place.host.as_str());
        rest.is_some_and(|rest| rest.starts_with('/'))
    }
}

impl fmt::Debug for ObjectStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.url, f)
    }
}

impl fmt::Display for ObjectStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.url, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(text: &str) -> ObjectStore {
        ObjectStore::open(text.parse().unwrap()).unwrap()
    }

    #[test]
    fn each_kind_of_store_has_its_host_region_and_keys() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let rows = [
            (
                "s3://AK:S%2FK@eu-west-1/bucket",
                "https://bucket.s3.amazonaws.com",
                "id",
                "eu-west-1",
            ),
            (
                "s3+http://AK:SK@127.0.0.1:9000/bucket/a/b/",
                "http://127.0.0.1:9000/bucket",
                "a/b/id",
                "us-east-1",
            ),
            (
                "s3+https://AK:SK@s3.eu-2.store.example/bucket",
                "https://s3.eu-2.store.example/bucket",
                "id",
                "eu-2",
            ),
        ];
        for (url, host, key, region) in rows {
            let offer = opened(url).offer("id", now);
            assert_eq!(offer.storage_type(), StorageType::S3);
            let info = offer.s3info.unwrap();
            assert_eq!((info.host.as_str(), info.key.as_str()), (host, key));
            assert_eq!(info.credential, format!("AK/20231114/{region}/s3/aws4_request"));
            assert_eq!(info.x_amz_date, "20231114T000000Z");
        }
    }

    #[test]
    fn a_description_that_cannot_be_used_is_refused_without_repeating_it() {
        for text in [
            "",
            "bucket",
            "https://AK:HIDDEN@x/bucket",
            "s3://region/bucket",
            "s3://AK@region/bucket",
            "s3://AK:HIDDEN@region",
            "s3://AK:HIDDEN@region/b",
            "s3://AK:HIDDEN@region/a bucket",
            "gs://bucket",
            "gs://bucket/prefix?keyfile=x",
            "gs://?keyfile=x",
        ] {
            let error = text.parse::<StoreUrl>().unwrap_err().to_string();
            assert!(!error.contains("HIDDEN@"), "{error}");
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        let store = opened("s3+https://AK:SECRETKEY@minio.example/bucket/prefix");
        for shown in [
            format!("{store:?}"),
            store.to_string(),
            format!("{:?}", store.url),
        ] {
            assert_eq!(shown, "https://minio.example/bucket/prefix");
        }
    }

    #[test]
    fn a_store_knows_its_files() {
        let store = opened("s3+http://AK:SK@127.0.0.1:9000/bucket");
        let holds = |url: &str| store.holds(&url.parse().unwrap());
        assert!(holds("http://127.0.0.1:9000/bucket/source/0.ts"));
        for other in [
            "http://127.0.0.1:9000/bucket-2/0.ts",
            "https://127.0.0.1:9000/bucket/0.ts",
            "http://127.0.0.1:9000/bucket/../0.ts",
            "http://127.0.0.1:9001/bucket/0.ts",
        ] {
            assert!(!holds(other), "{other}");
        }
    }

    #[test]
    fn a_google_store_needs_its_key_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.json");
        let open = || {
            let url = format!("gs://bucket?keyfile={}", file.display());
            ObjectStore::open(url.parse().unwrap())
        };
        assert!(matches!(open(), Err(StoreError::KeyFile { .. })));
        for text in ["{}", r#"{"client_email":"a@b","private_key":"SECRETKEY"}"#] {
            std::fs::write(&file, text).unwrap();
            let error = open().unwrap_err().to_string();
            assert!(!error.contains("SECRETKEY"), "{error}");
        }
    }
}

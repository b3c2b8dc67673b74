//! `PUT|POST /live/<manifest>/<seq>.ts|.mp4`: one segment in, its renditions out (`go-livepeer server/mediaserver.go`
//! `HandlePush`).

use std::{
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, Method, Response, StatusCode,
        header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, RETRY_AFTER, WWW_AUTHENTICATE},
        request::Parts,
    },
};
use futures_util::stream;

use super::{
    Shared,
    admit::NotAdmitted,
    answer::{Answer, is_stream_name},
    body,
    keys::KeyRefusal,
    multipart,
    probe::{ProbeError, Probed, probe},
    stream::{CarryError, Renditions, Segment},
    streams::NoEntry,
};
use crate::{
    media::{job::Clip, ladder::Container, size::Size},
    node::http::{Refusal, unescape},
    view::ingest::Origin,
};

/// How long a segment plays whose sender does not say.
const USUAL_DURATION: Duration = Duration::from_secs(2);
/// The longest segment there is (`go-livepeer common/types.go`).
pub(super) const LONGEST_DURATION: Duration = Duration::from_secs(300);

/// Takes one segment and waits for its renditions.
pub(super) async fn push(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let arrived = Instant::now();
    let (parts, mut body) = request.into_parts();
    match Box::pin(take(&shared, &parts, &mut body, arrived)).await {
        Ok((asked, renditions)) => answer(&asked, renditions),
        Err(refused) => {
            tracing::debug!(path = parts.uri.path(), status = %refused.status, text = refused.text, "a push was refused");
            let retry = refused.retry;
            let status = refused.status;
            let refusal = Refusal::new(status, refused.text);
            let mut response = match refused.is_read {
                true => refusal.into_response(),
                false => refusal.while_sending(parts.version, body),
            };
            let headers = response.headers_mut();
            if status == StatusCode::UNAUTHORIZED {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            if let Some(retry) = retry {
                headers.insert(RETRY_AFTER, HeaderValue::from(retry.as_secs().max(1)));
            }
            response
        }
    }
}

/// A push that comes to nothing.
struct Refused {
    status: StatusCode,
    text: String,
    /// When to try again.
    retry: Option<Duration>,
    /// Whether the body was read to its end.
    is_read: bool,
}

impl Refused {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
            retry: None,
            is_read: false,
        }
    }

    fn after_reading(mut self) -> Self {
        self.is_read = true;
        self
    }
}

/// What a request asks for.
struct Asked {
    external: String,
    seq: u64,
    container: Container,
    /// Its address, as the webhook and errors name it.
    address: String,
    duration: Duration,
    size: Option<Size>,
    clip: Option<Clip>,
    header: Option<Answer>,
    wants_renditions: bool,
}

impl Asked {
    /// Its address without the segment's name: the same for all segments of one who sends.
    fn sender(&self) -> &str {
        self.address
            .rsplit_once('/')
            .map_or(&self.address, |(stream, _)| stream)
    }
}

async fn take(
    shared: &Arc<Shared>,
    parts: &Parts,
    body: &mut Body,
    arrived: Instant,
) -> Result<(Asked, Renditions), Refused> {
    let asked = read_head(parts)?;
    let key = shared
        .key(bearer(&parts.headers), &asked.external)
        .map_err(|error| of_admission(&asked, error.into()))?;
    let refuse = |error: NotAdmitted| of_admission(&asked, error);
    let visit = shared
        .streams
        .enter(&asked.external)
        .map_err(|error| refuse(error.into()))?;
    if let Some(live) = visit.live.get() {
        live.touch();
    }
    if visit.is_published.load(Ordering::Acquire) {
        return Err(refuse(NotAdmitted::OtherOrigin));
    }
    let said = shared
        .admit(&visit, asked.sender(), &asked.address, asked.header.as_ref())
        .await
        .map_err(refuse)?;
    let announced = header(&parts.headers, CONTENT_LENGTH.as_str()).and_then(|text| text.parse().ok());
    let (data, held) = body::read(body, announced, &shared.room, shared.limits.upload_time)
        .await
        .map_err(|error| {
            Refused::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("Error reading http request body: {error}"),
            )
        })?;
    let mut probed = look(&data, &asked.address)
        .await
        .map_err(Refused::after_reading)?;
    if let (Probed::Pictures(facts), None) = (&mut probed, visit.live.get()) {
        facts.size = facts.size.or(asked.size);
    }
    let force_reinit = said.force_reinit;
    let live = shared
        .stream(&visit, Origin::Push, said, key.as_ref(), asked.container, probed)
        .await
        .map_err(|error| refuse(error).after_reading())?;
    let segment = Segment {
        seq: asked.seq,
        data,
        held,
        duration: asked.duration,
        container: asked.container,
        probed,
        clip: asked.clip,
        force_reinit,
        arrived,
    };
    let carried = match live.carry(segment) {
        Ok(carrying) => carrying.await.unwrap_or(Err(CarryError::Ended)),
        Err(error) => Err(error),
    };
    match carried {
        Ok(renditions) => Ok((asked, renditions)),
        Err(error) => Err(of_carry(&asked, live.manifest(), &error).after_reading()),
    }
}

/// Reads everything but the body.
fn read_head(parts: &Parts) -> Result<Asked, Refused> {
    let bad = |text: String| Refused::new(StatusCode::BAD_REQUEST, text);
    let path = parts.uri.path();
    let host = parts
        .uri
        .authority()
        .map(|authority| authority.as_str())
        .or_else(|| header(&parts.headers, HOST.as_str()))
        .unwrap_or_default();
    let address = format!("http://{host}{path}");
    if !matches!(parts.method, Method::PUT | Method::POST) {
        return Err(Refused::new(
            StatusCode::METHOD_NOT_ALLOWED,
            format!(
                "http push request wrong method={} url={path} host={host}",
                parts.method
            ),
        ));
    }
    let configuration = parts
        .headers
        .get("Livepeer-Transcode-Configuration")
        .map(HeaderValue::as_bytes)
        .filter(|text| !text.is_empty());
    let configuration = configuration
        .map(Answer::of_header)
        .transpose()
        .map_err(|error| bad(format!("failed to parse transcode config header: {error}")))?;
    let (stem, ending) = split_ending(path);
    let container = match ending {
        ".ts" => Container::MpegTs,
        ".mp4" => Container::Mp4,
        other => return Err(bad(format!("ignoring file extension: {other}"))),
    };
    let external = stream_name(stem).ok_or_else(|| bad(format!("Bad URL url={address}")))?;
    let number = stem.rsplit('/').next().unwrap_or_default();
    let whole = |name: &str| header(&parts.headers, name).and_then(|text| text.parse::<u64>().ok());
    let from = Duration::from_millis(whole("Content-Slice-From").unwrap_or(0));
    let to = Duration::from_millis(whole("Content-Slice-To").unwrap_or(0));
    if !from.is_zero() && !to.is_zero() && from > to {
        return Err(bad(format!("Invalid slice config from={from:?} to={to:?}")));
    }
    let duration = whole("Content-Duration").filter(|millis| *millis > 0);
    Ok(Asked {
        external,
        // What is no number is the first segment's (`go-livepeer server/mediaserver.go`).
        seq: number.parse().unwrap_or(0),
        container,
        duration: duration.map_or(USUAL_DURATION, |millis| {
            Duration::from_millis(millis).min(LONGEST_DURATION)
        }),
        size: header(&parts.headers, "Content-Resolution").and_then(read_size),
        clip: (!from.is_zero() || !to.is_zero()).then_some(Clip { from, to }),
        header: configuration,
        wants_renditions: header(&parts.headers, ACCEPT.as_str()) == Some("multipart/mixed"),
        address,
    })
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The key in `Authorization: Bearer KEY`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = header(headers, AUTHORIZATION.as_str())?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// A path without the ending of its last part, and the ending with its dot.
fn split_ending(path: &str) -> (&str, &str) {
    let last = path.rfind('/').map_or(0, |slash| slash + 1);
    match path[last..].rfind('.') {
        Some(dot) => path.split_at(last + dot),
        None => (path, ""),
    }
}

/// The first part after `/live/`.
fn stream_name(stem: &str) -> Option<String> {
    let first = stem.strip_prefix("/live/")?.split('/').next()?;
    unescape(first).filter(|name| is_stream_name(name))
}

/// `WxH`.
fn read_size(text: &str) -> Option<Size> {
    let (width, height) = text.split_once('x')?;
    let size = Size {
        width: width.parse().ok()?,
        height: height.parse().ok()?,
    };
    (size.width > 0 && size.height > 0).then_some(size)
}

async fn look(data: &bytes::Bytes, address: &str) -> Result<Probed, Refused> {
    let (data, address) = (data.clone(), address.to_string());
    let probed = tokio::task::spawn_blocking(move || probe(&data, &address)).await;
    match probed {
        Ok(Ok(probed)) => Ok(probed),
        Ok(Err(error @ (ProbeError::Unreadable { .. } | ProbeError::Codec))) => {
            Err(Refused::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))
        }
        // Reading untrusted bytes panicked: our fault, which is not told.
        Err(_) => Err(Refused::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Internal Server Error",
        )),
    }
}

fn of_admission(asked: &Asked, error: NotAdmitted) -> Refused {
    let address = &asked.address;
    match error {
        NotAdmitted::Key(error) => {
            let status = match &error {
                KeyRefusal::Missing | KeyRefusal::Unknown => StatusCode::UNAUTHORIZED,
                KeyRefusal::Prefix(_) | KeyRefusal::OtherKey => StatusCode::FORBIDDEN,
                KeyRefusal::Streams(_) | KeyRefusal::Pixels(_) => StatusCode::TOO_MANY_REQUESTS,
            };
            Refused {
                retry: match &error {
                    KeyRefusal::Pixels(wait) => Some(*wait),
                    _ => None,
                },
                ..Refused::new(status, error.to_string())
            }
        }
        // Why is the operator's business: it is in the log.
        NotAdmitted::Webhook(error) => {
            let status = match NotAdmitted::Webhook(error) {
                error if error.is_operators_fault() => {
                    tracing::warn!(%address, %error, "a stream is not taken");
                    StatusCode::INTERNAL_SERVER_ERROR
                }
                error => {
                    tracing::info!(%address, %error, "a stream is not taken");
                    StatusCode::FORBIDDEN
                }
            };
            Refused::new(status, format!("Could not create stream ID: url={address}"))
        }
        NotAdmitted::OtherOrigin | NotAdmitted::OtherStream => {
            Refused::new(StatusCode::FORBIDDEN, error.to_string())
        }
        NotAdmitted::OtherProfiles => {
            tracing::info!(%address, %error, "a stream is not taken");
            Refused::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("Could not create stream ID: url={address}: {error}"),
            )
        }
        NotAdmitted::Full(NoEntry::Full(_)) => {
            Refused::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
        }
        NotAdmitted::Full(NoEntry::Stopping) => {
            Refused::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
        }
        NotAdmitted::PixelFormat(_) => Refused::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
    }
}

fn of_carry(asked: &Asked, manifest: &str, error: &CarryError) -> Refused {
    let status = match error {
        CarryError::NoSessions => {
            return Refused::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string());
        }
        CarryError::Transcode(_) => StatusCode::UNPROCESSABLE_ENTITY,
        CarryError::Busy | CarryError::Ended => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let address = &asked.address;
    Refused::new(
        status,
        format!(
            "http push error processing segment url={address} manifestID={manifest} err={:?}",
            error.to_string()
        ),
    )
}

fn answer(asked: &Asked, renditions: Renditions) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    if renditions.is_empty() || !asked.wants_renditions {
        return response;
    }
    let boundary = multipart::boundary();
    if let Ok(kind) = HeaderValue::try_from(format!("multipart/mixed; boundary={boundary}")) {
        response.headers_mut().insert(CONTENT_TYPE, kind);
    }
    let pieces = multipart::body(&boundary, asked.seq, &renditions);
    *response.body_mut() = Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, Infallible>)));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> Result<Asked, (u16, String)> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("Host", "gateway.example:9935");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        read_head(&parts).map_err(|refused| (refused.status.as_u16(), refused.text))
    }

    #[test]
    fn the_address_names_stream_segment_and_container() {
        for (path, name, seq, container) in [
            ("/live/movie/7.ts", "movie", 7, Container::MpegTs),
            ("/live/movie/0012.mp4", "movie", 12, Container::Mp4),
            (
                "/live/movie/a/b/18446744073709551615.ts",
                "movie",
                u64::MAX,
                Container::MpegTs,
            ),
            // What is no number is 0.
            ("/live/movie/seg.ts", "movie", 0, Container::MpegTs),
            ("/live/movie/-1.ts", "movie", 0, Container::MpegTs),
            (
                "/live/movie/18446744073709551616.ts",
                "movie",
                0,
                Container::MpegTs,
            ),
            ("/live/movie.ts", "movie", 0, Container::MpegTs),
            ("/live/my.video%2Babc/1.ts", "my.video+abc", 1, Container::MpegTs),
        ] {
            let asked = head("PUT", path, &[]).map_err(|(_, text)| text).unwrap();
            assert_eq!(
                (asked.external.as_str(), asked.seq, asked.container),
                (name, seq, container),
                "{path}"
            );
            assert_eq!(asked.address, format!("http://gateway.example:9935{path}"));
        }
        for path in [
            "/live//1.ts",
            "/live/.ts",
            "/live/a%2Fb/1.ts",
            "/live/a%00/1.ts",
            "/live/../1.ts",
        ] {
            let (status, text) = head("PUT", path, &[]).err().unwrap();
            assert_eq!(status, 400, "{path}");
            assert_eq!(text, format!("Bad URL url=http://gateway.example:9935{path}"));
        }
        for (path, ending) in [
            ("/live/m/1.m3u8", ".m3u8"),
            ("/live/m/1", ""),
            ("/live/m.ts/1", ""),
        ] {
            let (status, text) = head("POST", path, &[]).err().unwrap();
            assert_eq!(
                (status, text),
                (400, format!("ignoring file extension: {ending}"))
            );
        }
        assert_eq!(head("GET", "/live/m/1.ts", &[]).err().unwrap().0, 405);
    }

    #[test]
    fn headers_are_read_as_go_reads_them() {
        let read = |headers: &[(&str, &str)]| head("POST", "/live/m/1.ts", headers);
        let asked = read(&[]).ok().unwrap();
        assert_eq!(
            (asked.duration, asked.clip, asked.size),
            (USUAL_DURATION, None, None)
        );
        assert!(!asked.wants_renditions && asked.header.is_none());
        let asked = read(&[
            ("Content-Duration", "4170"),
            ("Content-Resolution", "1920x1080"),
            ("Accept", "multipart/mixed"),
            ("Content-Slice-From", "500"),
            ("Content-Slice-To", "500"),
        ])
        .ok()
        .unwrap();
        assert_eq!(asked.duration, Duration::from_millis(4170));
        assert_eq!(
            asked.size.map(|size| (size.width, size.height)),
            Some((1920, 1080))
        );
        assert_eq!(
            asked
                .clip
                .map(|clip| (clip.from.as_millis(), clip.to.as_millis())),
            Some((500, 500))
        );
        assert!(asked.wants_renditions);
        // Only the exact word, and what is no number is as if it were not there.
        let asked = read(&[
            ("Accept", "multipart/mixed, */*"),
            ("Content-Duration", "2.5"),
            ("Content-Slice-From", "x"),
            ("Content-Slice-To", "100"),
        ])
        .ok()
        .unwrap();
        assert!(!asked.wants_renditions);
        assert_eq!(asked.duration, USUAL_DURATION);
        assert_eq!(
            asked
                .clip
                .map(|clip| (clip.from.as_millis(), clip.to.as_millis())),
            Some((0, 100))
        );
        let wrong = read(&[("Content-Slice-From", "501"), ("Content-Slice-To", "500")]);
        assert_eq!(wrong.err().unwrap().0, 400);
        let wrong = read(&[("Livepeer-Transcode-Configuration", "{")]).err().unwrap();
        assert_eq!(wrong.0, 400);
        assert!(
            wrong.1.starts_with("failed to parse transcode config header: "),
            "{}",
            wrong.1
        );
    }

    #[test]
    fn the_key_is_behind_the_word_bearer() {
        let key = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::try_from(value).unwrap());
            bearer(&headers).map(str::to_string)
        };
        assert_eq!(key("Bearer lpk_1"), Some("lpk_1".into()));
        assert_eq!(key("bearer  lpk_1 "), Some("lpk_1".into()));
        assert_eq!(key("Basic lpk_1"), None);
        assert_eq!(key("lpk_1"), None);
    }
}

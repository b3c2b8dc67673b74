//! HLS from memory: `/stream/<manifest>.m3u8`, `/stream/<manifest>/<track>.m3u8` and
//! `/stream/<manifest>/<track>/<seq>.ts` (`go-livepeer server/mediaserver.go`).

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{
        HeaderValue, Method, Response, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE,
        },
    },
};
use bytes::Bytes;

use super::Shared;
use crate::node::http::{Refusal, unescape};

const PLAYLIST: &str = "application/vnd.apple.mpegurl";

/// Answers players.
pub(super) async fn play(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let mut response = match *request.method() {
        Method::OPTIONS => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            let headers = response.headers_mut();
            headers.insert(
                ACCESS_CONTROL_ALLOW_METHODS,
                HeaderValue::from_static("GET, HEAD, OPTIONS"),
            );
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
            response
        }
        Method::GET | Method::HEAD => match find(&shared, request.uri().path()) {
            Some(found) => found.into_response(request.method()),
            None => Refusal::new(StatusCode::NOT_FOUND, "ErrNotFound").into_response(),
        },
        _ => Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").into_response(),
    };
    let headers = response.headers_mut();
    // Players are web pages anywhere.
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("Content-Length"),
    );
    response
}

struct Found {
    data: Bytes,
    kind: &'static str,
    cache: &'static str,
}

impl Found {
    fn playlist(text: String) -> Self {
        Self {
            data: text.into(),
            kind: PLAYLIST,
            cache: "no-cache",
        }
    }

    fn into_response(self, method: &Method) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(self.data.len()));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(self.cache));
        if method == Method::GET {
            *response.body_mut() = Body::from(self.data);
        }
        response
    }
}

fn find(shared: &Shared, path: &str) -> Option<Found> {
    let parts: Vec<&str> = path.strip_prefix("/stream/")?.splitn(4, '/').collect();
    match *parts.as_slice() {
        [master] => {
            let manifest = unescape(master.strip_suffix(".m3u8")?)?;
            let live = shared.streams.find(&manifest)?;
            let text = live.playlists().master(&manifest);
            Some(Found::playlist(text))
        }
        [manifest, media] => {
            let track = unescape(media.strip_suffix(".m3u8")?)?;
            let live = shared.streams.find(&unescape(manifest)?)?;
            let text = live.playlists().media(&track)?;
            Some(Found::playlist(text))
        }
        [manifest, track, file] => {
            let kind = match file.rsplit_once('.')?.1 {
                "ts" => "video/mp2t",
                "mp4" => "video/mp4",
                _ => return None,
            };
            let data = shared
                .store
                .fetch(&unescape(manifest)?, &unescape(track)?, &unescape(file)?)?;
            Some(Found {
                data,
                kind,
                cache: "max-age=5",
            })
        }
        _ => None,
    }
}

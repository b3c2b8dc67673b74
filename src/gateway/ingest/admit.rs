//! The way from an address to a stream: its key, the webhook's word, its first segment (`go-livepeer
//! server/mediaserver.go` `createRTMPStreamIDHandler`).

use std::sync::Arc;

use super::{
    Shared,
    answer::{Answer, AnswerError},
    keys::{Key, KeyRefusal},
    probe::Probed,
    stream::{LiveStream, Opening},
    streams::{NoEntry, Visit},
    webhook::WebhookError,
};
use crate::{media::ladder::Container, view::ingest::Origin, wire::capability::UnsupportedPixelFormat};

/// Why a stream is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotAdmitted {
    #[error(transparent)]
    Key(#[from] KeyRefusal),
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// What came with the segment and what the webhook says are two things.
    #[error("the profiles of the request are not those of the auth webhook")]
    OtherProfiles,
    /// The same name, and another stream.
    #[error("the auth webhook names another stream than for who began it")]
    OtherStream,
    /// It comes in over HTTP and RTMP at the same time.
    #[error("the stream comes in another way already")]
    OtherOrigin,
    #[error(transparent)]
    Full(#[from] NoEntry),
    #[error(transparent)]
    PixelFormat(#[from] UnsupportedPixelFormat),
}

impl Shared {
    /// The key of whoever sends; none where no keys are in use.
    pub(super) fn key(&self, key: Option<&str>, external: &str) -> Result<Option<Arc<Key>>, KeyRefusal> {
        let Some(ring) = &self.keys else {
            return Ok(None);
        };
        let key = ring.find(key)?;
        key.admits(external)?;
        key.has_pixels()?;
        Ok(Some(key))
    }

    /// Whether the stream at this address is taken at all, and what is wanted of it. The webhook is asked once for
    /// everybody who sends it, told apart by `sender`: the address without what changes from segment to segment.
    /// `header` is what came with the segment and goes before what the webhook says.
    pub(super) async fn admit(
        &self,
        visit: &Visit<'_>,
        sender: &str,
        address: &str,
        header: Option<&Answer>,
    ) -> Result<Answer, NotAdmitted> {
        let ask = async || match &self.webhook {
            Some(webhook) => webhook.ask(address).await,
            None => Ok(None),
        };
        let first = async || Ok::<_, NotAdmitted>((sender.to_string(), ask().await?));
        let (first_sender, said) = visit.admission.get_or_try_init(first).await?;
        let said_of_another;
        let said = match self.webhook.is_none() || first_sender == sender {
            true => said,
            false => {
                // A yes to one is none to the next.
                said_of_another = ask().await?;
                let named = |said: &Option<Answer>| said.as_ref().and_then(|said| said.manifest_id.clone());
                if named(&said_of_another) != named(said) {
                    return Err(NotAdmitted::OtherStream);
                }
                &said_of_another
            }
        };
        match (said, header) {
            (Some(said), Some(header)) if !is_same(said, header) => Err(NotAdmitted::OtherProfiles),
            // Whose stream it is, the webhook decides: a header that names another would take that one over.
            (Some(said), Some(header)) => Ok(Answer {
                manifest_id: said.manifest_id.clone(),
                stream_id: said.stream_id.clone(),
                session_id: said.session_id.clone(),
                ..header.clone()
            }),
            (None, Some(header)) => Ok(header.clone()),
            (Some(said), None) => Ok(said.clone()),
            (None, None) => Ok(Answer::default()),
        }
    }

    /// The stream behind a door, opened with its first segment if there is none yet.
    pub(super) async fn stream(
        self: &Arc<Self>,
        visit: &Visit<'_>,
        origin: Origin,
        answer: Answer,
        key: Option<&Arc<Key>>,
        container: Container,
        probed: Probed,
    ) -> Result<Arc<LiveStream>, NotAdmitted> {
        let live = visit
            .live
            .get_or_try_init(|| async {
                let external = visit.external();
                let keyed = key.map(Key::open_stream).transpose()?;
                let manifest = answer.manifest_id.clone().unwrap_or_else(|| external.to_string());
                if !answer.without_effect.is_empty() {
                    tracing::warn!(
                        manifest,
                        keys = answer.without_effect.join(", "),
                        "what was said of this stream has keys without effect here"
                    );
                }
                // The name may come with the segment: it is no way around the key.
                if let (Some(key), None) = (key, &self.webhook) {
                    key.admits(&manifest)?;
                }
                let before = self.streams.find(&manifest);
                if let Some(before) = &before {
                    if !before.has_ended() && !before.belongs_to(key) {
                        return Err(KeyRefusal::OtherKey.into());
                    }
                    // Another address leads to the same stream: the newer one has it.
                    self.end(before, "another stream of the same name has begun");
                }
                let opening = Opening {
                    manifest,
                    external: external.to_string(),
                    origin,
                    answer,
                    keyed,
                };
                let live = LiveStream::open(self, opening, container, probed, before.as_deref())?;
                if let Some(displaced) = self.streams.add(&live) {
                    // Two doors opened at once; one that has ended already stays as it is.
                    self.end(&displaced, "another stream of the same name has begun");
                }
                Ok::<_, NotAdmitted>(live)
            })
            .await?;
        if live.origin() != origin {
            return Err(NotAdmitted::OtherOrigin);
        }
        if !live.belongs_to(key) {
            return Err(KeyRefusal::OtherKey.into());
        }
        Ok(Arc::clone(live))
    }
}

/// Whether both ask for the same custom profiles; presets are not compared (`go-livepeer server/auth.go`).
fn is_same(one: &Answer, other: &Answer) -> bool {
    one.custom == other.custom
}

impl NotAdmitted {
    /// Whether the webhook's answer was a yes that cannot be followed, which is the operator's fault.
    pub(super) fn is_operators_fault(&self) -> bool {
        matches!(
            self,
            Self::Webhook(WebhookError::Answer(
                AnswerError::Profiles(_)
                    | AnswerError::ProfileName(_)
                    | AnswerError::Name(_)
                    | AnswerError::Unsupported(_)
            ))
        )
    }
}

//! What became of a status, so that who follows many sessions need not be told all of them four times a second.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{NodeStatus, StreamSession};

/// Last segments of a session that are taken from a node; it tells far fewer.
const MOST_SEGMENTS: usize = 1024;

/// A `change` event of `GET /api/v1/events?changes=true`: what the status of the event before it became.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StatusChange {
    /// The status now, without its sessions.
    pub status: NodeStatus,
    /// Sessions that are new, or not what they were.
    pub sessions: Vec<SessionChange>,
    /// The ids of all sessions running now, in their order. Others have ended.
    pub order: Vec<String>,
}

/// A session that is new, or not what it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionChange {
    /// How many of the last segments told before stay, the newest ones; those in `session.recent` come after them.
    pub kept: usize,
    /// The session now; its `recent` holds only what was added.
    pub session: StreamSession,
}

impl StatusChange {
    /// What `now` changes for who knows these sessions, and the sessions for the next time.
    #[must_use]
    pub fn since(before: &[StreamSession], mut now: NodeStatus) -> (Self, Vec<StreamSession>) {
        let sessions = std::mem::take(&mut now.sessions);
        let before: HashMap<&str, &StreamSession> = by_id(before);
        let changes = sessions.iter().filter_map(|session| {
            let known = before.get(session.id.as_str()).copied();
            (known != Some(session)).then(|| SessionChange::since(known, session))
        });
        let change = Self {
            sessions: changes.collect(),
            order: sessions.iter().map(|session| session.id.clone()).collect(),
            status: now,
        };
        (change, sessions)
    }

    /// The status after the change; none if it is not a change of `before`.
    #[must_use]
    pub fn apply(self, before: NodeStatus) -> Option<NodeStatus> {
        let mut known: HashMap<String, StreamSession> = before
            .sessions
            .into_iter()
            .map(|session| (session.id.clone(), session))
            .collect();
        for SessionChange { kept, mut session } in self.sessions {
            let before = known.remove(&session.id);
            let mut recent = before.map_or_else(Vec::new, |before| before.recent);
            recent.drain(..recent.len().checked_sub(kept)?);
            recent.append(&mut session.recent);
            if recent.len() > MOST_SEGMENTS {
                return None;
            }
            session.recent = recent;
            known.insert(session.id.clone(), session);
        }
        let mut status = self.status;
        let in_order = self.order.iter().map(|id| known.remove(id));
        status.sessions = in_order.collect::<Option<_>>()?;
        Some(status)
    }
}

impl SessionChange {
    fn since(known: Option<&StreamSession>, now: &StreamSession) -> Self {
        let told = known.map_or(&[][..], |known| &known.recent);
        let most = told.len().min(now.recent.len());
        let kept = (0..=most)
            .rev()
            .find(|kept| told[told.len() - kept..] == now.recent[..*kept])
            .unwrap_or_default();
        let mut session = now.clone();
        session.recent.drain(..kept);
        Self { kept, session }
    }
}

fn by_id(sessions: &[StreamSession]) -> HashMap<&str, &StreamSession> {
    sessions
        .iter()
        .map(|session| (session.id.as_str(), session))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn status(sessions: Vec<StreamSession>, done: u64) -> NodeStatus {
        serde_json::from_value(json!({
            "time": "2026-03-14T12:41:07Z", "version": "0.1.0", "started": "2026-03-14T10:00:00Z", "service_uri": "",
            "address": null, "network": "devnet", "draining": false, "max_sessions": 1, "sessions": sessions,
            "work": {
                "segments_done": done, "segments_failed": 0, "renditions": 0, "pixels": 0, "bytes_in": 0, "media_ms": 0,
                "latency": null, "real_time_permille": null, "sessions_refused": 0,
            },
            "devices": [], "chain": null, "notices": [],
        }))
        .unwrap()
    }

    fn session(id: u8, from: u64, until: u64) -> StreamSession {
        let recent: Vec<_> = (from..until)
            .map(|seq| {
                json!({
                    "seq": seq, "duration_ms": 2000, "upload_ms": 1, "wait_ms": 0, "transcode_ms": 9, "total_ms": 10,
                    "ok": true,
                })
            })
            .collect();
        serde_json::from_value(json!({
            "id": id.to_string(), "manifest_id": "m", "gateway": null, "started": "2026-03-14T12:00:00Z",
            "last_active": "2026-03-14T12:41:06Z", "source": null, "rungs": [], "segments_done": until,
            "segments_failed": 0, "segments_in_flight": 0, "pixels": 0, "recent": recent, "device": "cpu",
            "last_error": null,
        }))
        .unwrap()
    }

    #[test]
    fn of_a_session_that_goes_on_only_the_new_segments_are_told() {
        let before = [session(1, 0, 60), session(2, 0, 60)];
        let now = status(vec![session(2, 1, 61), session(1, 0, 60)], 1);
        let (change, sessions) = StatusChange::since(&before, now.clone());
        assert_eq!(sessions, now.sessions);
        assert_eq!(change.order, ["2", "1"]);
        assert_eq!(change.sessions.len(), 1);
        assert_eq!(change.sessions[0].kept, 59);
        assert_eq!(change.sessions[0].session.recent.len(), 1);
        assert_eq!(change.apply(status(before.to_vec(), 0)), Some(now));
    }

    #[test]
    fn a_change_of_another_status_is_refused() {
        let before = status(vec![session(1, 0, 3)], 0);
        let (more, _) = StatusChange::since(&before.sessions, status(vec![session(1, 0, 4)], 1));
        assert_eq!(more.clone().apply(status(vec![session(1, 0, 2)], 0)), None);
        assert_eq!(more.apply(status(Vec::new(), 0)), None);
        let (same, _) = StatusChange::since(&before.sessions, before.clone());
        assert_eq!(same.clone().apply(status(vec![session(2, 0, 3)], 0)), None);
        let twice = StatusChange {
            order: vec!["1".to_string(); 2],
            ..same
        };
        assert_eq!(twice.apply(before), None);
    }

    #[test]
    fn a_session_does_not_grow_without_end() {
        let grown = StatusChange {
            status: status(Vec::new(), 0),
            sessions: vec![SessionChange {
                kept: MOST_SEGMENTS,
                session: session(1, 0, 1),
            }],
            order: vec!["1".to_string()],
        };
        let before = status(vec![session(1, 0, MOST_SEGMENTS as u64)], 0);
        assert_eq!(grown.apply(before), None);
    }

    fn some() -> impl Strategy<Value = NodeStatus> {
        let sessions = prop::collection::btree_map(0..6u8, (0..8u64, 0..8u64), 0..6);
        (sessions, any::<bool>(), 0..3u64).prop_map(|(sessions, is_turned, done)| {
            let mut sessions: Vec<_> = sessions
                .into_iter()
                .map(|(id, (from, count))| session(id, from, from + count))
                .collect();
            if is_turned {
                sessions.reverse();
            }
            status(sessions, done)
        })
    }

    proptest! {
        #[test]
        fn what_is_told_of_a_change_gives_the_status_after_it(before in some(), now in some()) {
            let (change, _) = StatusChange::since(&before.sessions, now.clone());
            let told = serde_json::to_string(&change).unwrap();
            let heard: StatusChange = serde_json::from_str(&told).unwrap();
            prop_assert_eq!(heard.apply(before), Some(now));
        }
    }
}

//! The operator's say in who is offered anything.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use alloy::signers::local::PrivateKeySigner;
use axum::{Router, body::Bytes, http::StatusCode, routing::post};
use engine::wire::{
    net,
    signature::{LocalSigner, MessageSigner, orchestrator_request_message},
};
use tokio_util::{sync::CancellationToken, sync::DropGuard};
use tonic::Code;

use super::harness::{Gate, Rig, node_of, node_with};

type Answer = Arc<Mutex<(StatusCode, String)>>;

/// A webhook, its next answers, and what it was asked last.
struct Hook {
    address: SocketAddr,
    answer: Answer,
    asked: Arc<Mutex<String>>,
    _alive: DropGuard,
}

impl Hook {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer: Answer = Arc::new(Mutex::new((StatusCode::OK, "{}".into())));
        let asked = Arc::new(Mutex::new(String::new()));
        let (answers, questions) = (Arc::clone(&answer), Arc::clone(&asked));
        let router = Router::new().route(
            "/admit",
            post(move |body: Bytes| async move {
                *questions.lock().unwrap() = String::from_utf8_lossy(&body).into_owned();
                answers.lock().unwrap().clone()
            }),
        );
        let stop = CancellationToken::new();
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            axum::serve(listener, router).await.unwrap();
        }));
        Self {
            address,
            answer,
            asked,
            _alive: stop.drop_guard(),
        }
    }

    fn url(&self) -> String {
        format!("http://{}/admit?key=SECRET", self.address)
    }

    fn answers(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap() = (StatusCode::from_u16(status).unwrap(), body.into());
    }
}

async fn refusal(rig: &Rig, request: &net::OrchestratorRequest) -> String {
    let refused = rig
        .grpc()
        .await
        .get_orchestrator(request.clone())
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unknown);
    refused.message().to_string()
}

#[tokio::test]
async fn a_webhook_decides_who_is_served() {
    let hook = Hook::start().await;
    let rig = node_of(
        LocalSigner(PrivateKeySigner::random()),
        Gate::new(true),
        |config| {
            config.discovery_webhook = Some(hook.url().parse().unwrap());
        },
    )
    .await;
    let gateway = LocalSigner(PrivateKeySigner::random());
    let request = net::OrchestratorRequest {
        address: gateway.address().to_vec(),
        sig: gateway.sign(orchestrator_request_message(gateway.address()).as_bytes()),
        ..net::OrchestratorRequest::default()
    };
    rig.grpc().await.get_orchestrator(request.clone()).await.unwrap();
    let asked = format!("{{\"id\":\"{}\"}}", gateway.address().to_checksum(None));
    assert_eq!(*hook.asked.lock().unwrap(), asked);
    hook.answers(200, r#"{"priceInfo":{"pricePerUnit":1,"pixelsPerUnit":1}}"#);
    rig.grpc().await.get_orchestrator(request.clone()).await.unwrap();

    hook.answers(403, "not with us\n");
    assert_eq!(
        refusal(&rig, &request).await,
        "authentication failed: not with us"
    );
    hook.answers(201, "{}");
    assert_eq!(refusal(&rig, &request).await, "authentication failed: {}");
    hook.answers(403, &"x".repeat(10_000));
    assert_eq!(
        refusal(&rig, &request).await.len(),
        "authentication failed: ".len() + 500
    );
    for strange in ["", "no json", "[]"] {
        hook.answers(200, strange);
        let told = refusal(&rig, &request).await;
        assert_eq!(
            told,
            "authentication failed: the webhook's answer is no JSON object"
        );
    }
    hook.answers(200, &" ".repeat(1 << 20));
    assert_eq!(
        refusal(&rig, &request).await,
        "authentication failed: the webhook's answer is too long"
    );

    // Who did not sign is not asked about.
    *hook.asked.lock().unwrap() = String::new();
    let unsigned = net::OrchestratorRequest::default();
    assert!(refusal(&rig, &unsigned).await.contains("sig check failed"));
    assert!(hook.asked.lock().unwrap().is_empty());
    let address = hook.address;
    drop(hook);
    let told = refusal(&rig, &request).await;
    assert!(told.starts_with("authentication failed: "), "{told}");
    assert!(
        !told.contains("SECRET") && !told.contains(&address.to_string()),
        "{told}"
    );
}

#[tokio::test]
async fn a_full_node_asks_nobody() {
    let hook = Hook::start().await;
    let rig = node_with(|config| config.discovery_webhook = Some(hook.url().parse().unwrap())).await;
    rig.gate.set_full(true);
    let request = net::OrchestratorRequest::default();
    assert_eq!(
        refusal(&rig, &request).await,
        "Invalid orchestrator request: OrchestratorCapped"
    );
    assert!(hook.asked.lock().unwrap().is_empty());
    rig.gate.set_full(false);
    rig.offer().await;
    assert!(
        hook.asked
            .lock()
            .unwrap()
            .contains("0x0000000000000000000000000000000000000000")
    );
}

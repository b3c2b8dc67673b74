//! What gateways are told over gRPC.

use alloy::signers::local::PrivateKeySigner;
use engine::wire::{
    capability::{CapabilitySet, satisfies},
    client,
    net::{self, orchestrator_client::OrchestratorClient, transcoder_client::TranscoderClient},
    signature::{self, LocalSigner, MessageSigner},
};
use tonic::Code;

use super::harness::{Gate, PATIENCE, h1, h2, node, node_of, node_with};

#[tokio::test]
async fn a_gateway_learns_where_what_and_for_how_long() {
    let rig = node().await;
    let info = rig.offer().await;
    assert_eq!(info.transcoder, format!("https://{}", rig.node.service_addr()));
    assert_eq!(info.address, [0; 20]);
    assert!(info.ticket_params.is_none() && info.price_info.is_none() && info.storage.is_empty());
    let capabilities = info.capabilities.unwrap();
    assert_eq!(capabilities.bitstring, CapabilitySet::default_set().words());
    assert!(capabilities.mandatories.is_empty());
    assert!(
        satisfies(&capabilities.version, "0.9.1"),
        "{}",
        capabilities.version
    );
    let token = info.auth_token.unwrap();
    assert_eq!(token.session_id.len(), 8);
    let left = token.expiration - jiff::Timestamp::now().as_second();
    assert!((1790..=1800).contains(&left), "{left}");
    assert_ne!(rig.token().await.session_id, token.session_id);
}

#[tokio::test]
async fn grpc_and_http_share_the_port_with_tls_and_without() {
    for tls in [true, false] {
        let rig = node_with(|config| config.tls = tls).await;
        assert_eq!(rig.node.service_uri().starts_with("https://"), tls);
        rig.offer().await;
        for client in [h1(), h2()] {
            let answer = client.get(rig.url("/healthz")).send().await.unwrap();
            assert_eq!(
                (answer.status().as_u16(), answer.text().await.unwrap()),
                (200, String::new())
            );
        }
        let missing = h1().get(rig.url("/nowhere")).send().await.unwrap();
        assert_eq!(missing.status(), 404);
    }
}

#[tokio::test]
async fn a_node_with_an_account_signs_and_wants_signatures() {
    let account = LocalSigner(PrivateKeySigner::random());
    let rig = node_of(account.clone(), Gate::new(true), |_| {}).await;
    let mut grpc = rig.grpc().await;

    let unsigned = grpc
        .get_orchestrator(net::OrchestratorRequest::default())
        .await
        .unwrap_err();
    assert_eq!(unsigned.code(), Code::Unknown);
    assert_eq!(
        unsigned.message(),
        "Invalid orchestrator request: orchestrator req sig check failed"
    );

    let gateway = LocalSigner(PrivateKeySigner::random());
    let signed = net::OrchestratorRequest {
        address: gateway.address().to_vec(),
        sig: gateway.sign(signature::orchestrator_request_message(gateway.address()).as_bytes()),
        ..net::OrchestratorRequest::default()
    };
    let info = grpc.get_orchestrator(signed).await.unwrap().into_inner();
    assert_eq!(info.address, account.address().to_vec());

    let pong = grpc
        .ping(net::PingPong {
            value: b"proof".to_vec(),
        })
        .await
        .unwrap()
        .into_inner();
    assert!(signature::verify(account.address(), b"proof", &pong.value));
    let offchain = node().await;
    let pong = offchain
        .grpc()
        .await
        .ping(net::PingPong {
            value: b"proof".to_vec(),
        })
        .await
        .unwrap();
    assert!(pong.into_inner().value.is_empty());
}

#[tokio::test]
async fn only_own_tokens_end_sessions() {
    let rig = node().await;
    let mut grpc = rig.grpc().await;
    let foreign = node().await.token().await;
    for auth_token in [None, Some(foreign)] {
        let status = grpc
            .end_transcoding_session(net::EndTranscodingSessionRequest { auth_token })
            .await
            .unwrap_err();
        assert_eq!(
            (status.code(), status.message()),
            (Code::Unknown, "Invalid auth token")
        );
    }
    // A session that never began is fine to end.
    rig.end_session(rig.token().await).await;
}

#[tokio::test]
async fn a_node_that_transcodes_itself_takes_no_transcoders() {
    let rig = node().await;
    let uri = rig.node.service_uri().parse().unwrap();
    let channel = client::connect_grpc(&uri, PATIENCE).await.unwrap();
    let status = TranscoderClient::new(channel.clone())
        .register_transcoder(net::RegisterRequest::default())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    // The connection lives on.
    OrchestratorClient::new(channel)
        .ping(net::PingPong::default())
        .await
        .unwrap();
}

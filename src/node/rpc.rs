//! The gRPC half of the node's port: the `Orchestrator` service (`go-livepeer server/rpc.go`). The `Transcoder`
//! service is in `transcoders`, and only on nodes that have a pool of them: elsewhere callers get `UNIMPLEMENTED`.

use std::sync::Arc;

use jiff::Timestamp;
use tonic::{Request, Response, Status};

use super::{Node, credentials::address};
use crate::wire::{
    net::{self, orchestrator_server::Orchestrator},
    signature,
};

/// Answers gateways. Every failure has status `UNKNOWN` and the text go-livepeer uses.
pub(super) struct OrchestratorService {
    node: Arc<Node>,
}

impl OrchestratorService {
    pub(super) fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

#[tonic::async_trait]
impl Orchestrator for OrchestratorService {
    async fn get_orchestrator(
        &self,
        request: Request<net::OrchestratorRequest>,
    ) -> Result<Response<net::OrchestratorInfo>, Status> {
        let request = request.into_inner();
        let invalid = |reason: &str| Status::unknown(format!("Invalid orchestrator request: {reason}"));
        let gateway = address(&request.address);
        if self.node.is_on_chain() {
            let message = signature::orchestrator_request_message(gateway);
            if !signature::verify(gateway, message.as_bytes(), &request.sig) {
                return Err(invalid("orchestrator req sig check failed"));
            }
        }
        self.node
            .sessions()
            .has_room(None)
            .map_err(|full| invalid(&full.to_string()))?;
        if let Some(webhook) = &self.node.webhook {
            let price = webhook.admit(gateway).await.map_err(|reason| {
                tracing::info!(%gateway, reason, "a gateway was refused");
                Status::unknown(format!("authentication failed: {reason}"))
            })?;
            if let Some(cashier) = self.node.cashier() {
                cashier.prices().hear(gateway, price);
            }
        }
        let token = self.node.tokens().issue(Timestamp::now());
        let offer = match self.node.cashier() {
            None => None,
            Some(cashier) => {
                let offer = cashier.offer(gateway, &token.session_id).await;
                Some(offer.map_err(|error| {
                    tracing::info!(%gateway, %error, "a gateway is offered nothing");
                    Status::unknown(error.to_string())
                })?)
            }
        };
        let with_hardware = request.capabilities.is_none();
        Ok(Response::new(self.node.info(Some(token), with_hardware, offer)))
    }

    async fn end_transcoding_session(
        &self,
        request: Request<net::EndTranscodingSessionRequest>,
    ) -> Result<Response<net::EndTranscodingSessionResponse>, Status> {
        let token = request.into_inner().auth_token.unwrap_or_default();
        if !self.node.tokens().is_ours(&token) {
            return Err(Status::unknown("Invalid auth token"));
        }
        if self.node.sessions().end(&token.session_id) {
            tracing::info!(session = %token.session_id, "the gateway ended a session");
        }
        Ok(Response::new(net::EndTranscodingSessionResponse {}))
    }

    async fn ping(&self, request: Request<net::PingPong>) -> Result<Response<net::PingPong>, Status> {
        let value = request.into_inner().value;
        self.node.reaching.heard(&value);
        let value = self.node.signer().sign(&value);
        Ok(Response::new(net::PingPong { value }))
    }
}

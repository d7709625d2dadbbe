//! Owns the effects that are one call and one answer.

use std::sync::Arc;

use vision_batch::v1;
use vision_batch::v1::refusal::Reason;

use super::Inner;
use crate::net::error::NetError;
use crate::state::{NetEffect, NetMessage, Refusal};

impl Inner {
    /// One call and its answer. An error that means the session is over is told as that, too.
    pub(super) async fn call(self: &Arc<Self>, effect: NetEffect) {
        let client = self.client();
        let session = client.session();
        let mut ended = None;
        let mut refused = |error: NetError| {
            if error.is_unauthenticated()
                && error.known_reason() != Some(Reason::CredentialsInvalid)
            {
                ended = Some(error.clone());
            }
            Refusal::from(error)
        };
        let message = match effect {
            NetEffect::ChangePassword { current, new } => {
                match client.change_password(&current, &new).await {
                    Ok(response) => {
                        self.keep_session();
                        Some(NetMessage::PasswordChanged {
                            user: response.user.unwrap_or_default(),
                        })
                    }
                    Err(error) => Some(NetMessage::PasswordRefused(refused(error))),
                }
            }
            NetEffect::LoadServiceInfo => {
                match client.get_service_info(v1::GetServiceInfoRequest {}).await {
                    Ok(info) => Some(NetMessage::ServiceInfo(Box::new(info))),
                    Err(error) => {
                        refused(error);
                        Some(NetMessage::ServiceInfoLost)
                    }
                }
            }
            NetEffect::AcknowledgeFailures { batch_id } => {
                let request = v1::GetBatchRequest {
                    batch_id,
                    acknowledge_failures: true,
                };
                if let Err(error) = client.get_batch(request).await {
                    refused(error);
                }
                None
            }
            NetEffect::LoadItem(request) => {
                let item_id = request.item_id.clone();
                let result = client.get_item(request).await;
                Some(NetMessage::Item {
                    item_id,
                    result: result.map(Box::new).map_err(refused),
                })
            }
            NetEffect::Quote { number, request } => {
                let result = client.quote_batch(request).await.map_err(refused);
                Some(NetMessage::Quoted { number, result })
            }
            NetEffect::ListBatches { number, request } => {
                let result = client.list_batches(request).await;
                Some(NetMessage::BatchPage {
                    number,
                    result: result.map(Box::new).map_err(refused),
                })
            }
            NetEffect::ListUsers { number, request } => {
                let result = client.list_users(request).await;
                Some(NetMessage::UserPage {
                    number,
                    result: result.map(Box::new).map_err(refused),
                })
            }
            NetEffect::CreateUser(ticket, request) => {
                let result = client.create_user(request).await;
                Some(NetMessage::UserMade(
                    ticket,
                    result.map(Box::new).map_err(refused),
                ))
            }
            NetEffect::UpdateUser(request) => {
                let result = client.update_user(*request).await;
                let user = result.map(|answer| Box::new(answer.user.unwrap_or_default()));
                Some(NetMessage::UserChanged(user.map_err(refused)))
            }
            NetEffect::ResetPassword(request) => {
                let result = client.reset_password(request).await;
                Some(NetMessage::PasswordReset(
                    result.map(Box::new).map_err(refused),
                ))
            }
            NetEffect::ListAudit { number, request } => {
                let result = client.list_audit_events(request).await;
                Some(NetMessage::AuditPage {
                    number,
                    result: result.map(Box::new).map_err(refused),
                })
            }
            NetEffect::ListApiKeys { number, request } => {
                let result = client.list_api_keys(request).await;
                Some(NetMessage::ApiKeyPage {
                    number,
                    result: result.map(Box::new).map_err(refused),
                })
            }
            NetEffect::CreateApiKey(ticket, request) => {
                let result = client.create_api_key(request).await;
                Some(NetMessage::ApiKeyMade(
                    ticket,
                    result.map(Box::new).map_err(refused),
                ))
            }
            NetEffect::RevokeApiKey(request) => {
                let result = client.revoke_api_key(request).await;
                Some(NetMessage::ApiKeyRevoked(result.map(drop).map_err(refused)))
            }
            NetEffect::AdjustCredits(ticket, request) => {
                let result = client.adjust_credits(request).await;
                let user = result.map(|answer| Box::new(answer.user.unwrap_or_default()));
                Some(NetMessage::CreditsMoved(ticket, user.map_err(refused)))
            }
            NetEffect::SetCredits(ticket, request) => {
                let result = client.set_credits(request).await;
                let user = result.map(|answer| Box::new(answer.user.unwrap_or_default()));
                Some(NetMessage::CreditsMoved(ticket, user.map_err(refused)))
            }
            NetEffect::ListLedger { number, request } => {
                let user_id = request.user_id.clone();
                let result = client.list_ledger_entries(request).await;
                Some(NetMessage::LedgerPage {
                    user_id,
                    number,
                    result: result.map(Box::new).map_err(refused),
                })
            }
            NetEffect::SetDispatch(request) => {
                let result = client.set_dispatch(request).await;
                let dispatch = result.map(|answer| Box::new(answer.dispatch.unwrap_or_default()));
                Some(NetMessage::Dispatched(dispatch.map_err(refused)))
            }
            NetEffect::UpdateToken(ticket, request) => {
                let result = client.update_upstream_token(request).await;
                Some(NetMessage::TokenPutIn(
                    ticket,
                    result.map(Box::new).map_err(refused),
                ))
            }
            NetEffect::LoadThumbnail { request, cells } => {
                let item_id = request.item_id.clone();
                let thumbnail = super::picture::fetch(&client, &request, cells).await;
                Some(NetMessage::Thumbnail {
                    item_id,
                    cells,
                    thumbnail: thumbnail.map(Arc::new),
                })
            }
            NetEffect::RerunBatch(ticket, request) => {
                let result = client.rerun_batch(request).await;
                Some(NetMessage::Rerun(
                    ticket,
                    result.map(Box::new).map_err(refused),
                ))
            }
            NetEffect::CancelBatch(request) => {
                let result = client.cancel_batch(request).await;
                Some(NetMessage::Cancelled(
                    result.map(|answer| answer.item_count).map_err(refused),
                ))
            }
            NetEffect::DeleteBatch(request) => {
                let batch_id = request.batch_id.clone();
                let result = client.delete_batch(request).await;
                Some(NetMessage::Deleted {
                    batch_id,
                    result: result.map(|answer| answer.freed_bytes).map_err(refused),
                })
            }
            NetEffect::CancelItems(request) => {
                let result = client.cancel_items(request).await;
                Some(NetMessage::Cancelled(
                    result.map(|answer| answer.item_count).map_err(refused),
                ))
            }
            NetEffect::RetryItems(ticket, request) => {
                let result = client.retry_items(request).await;
                Some(NetMessage::Retried(
                    ticket,
                    result.map(Box::new).map_err(refused),
                ))
            }
            NetEffect::SignIn { .. }
            | NetEffect::Resume
            | NetEffect::Trust { .. }
            | NetEffect::SignOut
            | NetEffect::WatchBatches(_)
            | NetEffect::WatchBatch(_)
            | NetEffect::UnwatchBatch
            | NetEffect::WatchSystem
            | NetEffect::UnwatchSystem
            | NetEffect::CreateBatch { .. }
            | NetEffect::Download { .. }
            | NetEffect::Export { .. }
            | NetEffect::Abort(_) => {
                unreachable!("these are no single calls and have tasks of their own")
            }
        };
        if let Some(message) = message {
            self.tell(message).await;
        }
        if let Some(error) = ended {
            self.end_session(session.as_ref(), error).await;
        }
    }
}

//! Owns the session of the screen: signing in, going on with a kept session, renewing it, and telling its end once.

use std::sync::{Arc, PoisonError};

use jiff::Timestamp;
use vision_batch::v1;
use vision_batch::v1::refusal::Reason;

use super::{Connection, Inner, spawn};
use crate::net::address::Address;
use crate::net::backoff::{Backoff, jitter};
use crate::net::client::Client;
use crate::net::error::NetError;
use crate::net::session::Session;
use crate::state::{Cause, NetMessage, Refusal};

impl Inner {
    pub(super) async fn sign_in(self: &Arc<Self>, server: &str, username: &str, password: &str) {
        let connection = match self.connection_to(server) {
            Ok(connection) => connection,
            Err(error) => return self.tell(NetMessage::SignInRefused(error.into())).await,
        };
        match connection.client.sign_in(username, password).await {
            Ok(response) => {
                self.end_what_was_asked().await;
                *self
                    .connection
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner) = connection;
                self.keep_session();
                let mut user = response.user.unwrap_or_default();
                user.password_change_required |= response.password_change_required;
                self.tell(NetMessage::SignedIn { user }).await;
            }
            Err(error) => self.tell(NetMessage::SignInRefused(error.into())).await,
        }
    }

    /// Ends the streams and the calls of the session before, so that nothing they say comes after whoever signs in now: it may
    /// be another user.
    async fn end_what_was_asked(&self) {
        let (streams, mut calls) = {
            let mut tasks = self.tasks();
            let streams = [tasks.list.take(), tasks.batch.take(), tasks.system.take()];
            (streams, std::mem::take(&mut tasks.calls))
        };
        for stream in streams.into_iter().flatten() {
            stream.abort();
            // Ended by the abort, or by itself: either way it says nothing more.
            let _ = stream.await;
        }
        calls.shutdown().await;
    }

    /// The connection there is, when it goes to that server; else a new one.
    fn connection_to(&self, server: &str) -> Result<Connection, NetError> {
        let current = self.connection();
        let Some(address) = &current.address else {
            return Ok(current);
        };
        let wanted: Address = server.parse()?;
        if *address == wanted {
            return Ok(current);
        }
        let trust = self.kept.trusted(&wanted);
        Ok(Connection {
            client: Client::connect_trusting(&wanted, &trust)?,
            trust,
            address: Some(wanted),
        })
    }

    /// Trusts the certificate that a server has shown, at once and from now on.
    pub(super) fn trust(&self, server: &str, fingerprint: &str) {
        let (Ok(address), Ok(fingerprint)) = (server.parse::<Address>(), fingerprint.parse())
        else {
            return;
        };
        self.kept.trust(&address, fingerprint);
        let current = self.connection();
        if current.address.as_ref() == Some(&address) {
            current.trust.pin(fingerprint);
        }
    }

    pub(super) async fn resume(self: &Arc<Self>) {
        let connection = self.connection();
        if connection.client.session().is_none() {
            let stored = match (&self.kept.credentials, &connection.address) {
                (Some(credentials), Some(address)) => credentials.load(address),
                _ => Ok(None),
            };
            match stored {
                Ok(Some(session)) => drop(connection.client.clone().with_session(session)),
                Ok(None) => {
                    let error = NetError::token(Reason::TokenMissing, "Nobody is signed in.");
                    return self.tell(NetMessage::SessionEnded(error.into())).await;
                }
                Err(error) => {
                    let refusal = Refusal::new(Cause::LocalFile, error.to_string());
                    return self.tell(NetMessage::SessionEnded(refusal)).await;
                }
            }
        }
        let mut backoff = Backoff::default();
        let mut told = false;
        loop {
            let session = connection.client.session();
            match connection
                .client
                .get_profile(v1::GetProfileRequest {})
                .await
            {
                Ok(response) => {
                    self.renew_in_background();
                    let user = response.user.unwrap_or_default();
                    return self.tell(NetMessage::SignedIn { user }).await;
                }
                Err(error) if error.is_retryable() => {
                    // Whoever looks at the screen learns it once; it goes on by itself when the server is there, unless a
                    // sign-in takes this task's place first.
                    let wait = backoff.next(jitter(), error.retry_after);
                    if !told {
                        told = true;
                        self.tell(NetMessage::SessionEnded(error.into())).await;
                    }
                    tokio::time::sleep(wait).await;
                }
                Err(error) if error.is_unauthenticated() => {
                    return self.end_session(session.as_ref(), error).await;
                }
                Err(error) => return self.tell(NetMessage::SessionEnded(error.into())).await,
            }
        }
    }

    /// Writes the session of the connection to disk and has it renewed from now on.
    pub(super) fn keep_session(self: &Arc<Self>) {
        self.store_session();
        self.renew_in_background();
    }

    pub(super) fn store_session(&self) {
        let connection = self.connection();
        if let (Some(credentials), Some(address), Some(session)) = (
            &self.kept.credentials,
            &connection.address,
            connection.client.session(),
        ) && let Err(error) = credentials.save(address, &session)
        {
            tracing::warn!(%error, "the session is not kept");
        }
    }

    /// The fresh token takes the place of the one it was exchanged for.
    fn store_renewed(&self, before: &Session) {
        let connection = self.connection();
        if let (Some(credentials), Some(address), Some(session)) = (
            &self.kept.credentials,
            &connection.address,
            connection.client.session(),
        ) && let Err(error) = credentials.save_after(address, before, &session)
        {
            tracing::warn!(%error, "the session is not kept");
        }
    }

    pub(super) fn forget_session(&self) {
        let connection = self.connection();
        let session = connection.client.session();
        connection.client.sign_out();
        if let (Some(credentials), Some(address), Some(session)) =
            (&self.kept.credentials, &connection.address, session)
            && let Err(error) = credentials.forget_only(address, &session)
        {
            tracing::warn!(%error, "the session is not forgotten");
        }
    }

    fn renew_in_background(self: &Arc<Self>) {
        let inner = Arc::clone(self);
        let renewal = spawn(async move { inner.renew_for_ever().await });
        self.tasks().renewal = Some(renewal);
    }

    async fn renew_for_ever(self: &Arc<Self>) {
        let client = self.client();
        let mut backoff = Backoff::default();
        while let Some(session) = client.session() {
            let Some(wait) = session.renewal_in(Timestamp::now()) else {
                return;
            };
            tokio::time::sleep(wait).await;
            match client.renew().await {
                Ok(_) => {
                    backoff.reset();
                    self.store_renewed(&session);
                }
                Err(error) if error.is_unauthenticated() => {
                    return self.end_session(Some(&session), error).await;
                }
                Err(error) => {
                    tokio::time::sleep(backoff.next(jitter(), error.retry_after)).await;
                }
            }
        }
    }

    /// Says once that a session has ended: not when another has taken its place since the call that found out.
    pub(super) async fn end_session(&self, session: Option<&Session>, error: NetError) {
        let current = self.client().session();
        let same = |one: &Session| {
            current
                .as_ref()
                .is_some_and(|now| now.access_token == one.access_token)
        };
        if session.is_some_and(same) {
            self.forget_session();
            self.tell(NetMessage::SessionEnded(error.into())).await;
        }
    }
}

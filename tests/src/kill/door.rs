//! What clients know of the running server, and calls that outlive it.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Response, Status};

use super::report::Report;
use crate::programs::{DEADLINE, Session};

/// After an answer that was lost, the call is repeated in the same life no sooner.
const PAUSE: Duration = Duration::from_millis(15);

/// A call that gets no answer so often is given up: the server lives and says nothing.
const PATIENCE: u32 = 2_000;

/// Where the server is reached, while it is.
pub struct Door(watch::Sender<Option<Entry>>);

/// A server that listens.
#[derive(Clone)]
pub struct Entry {
    /// Which life of it, from 1.
    pub life: u32,
    /// A channel to it.
    pub channel: Channel,
}

impl Default for Door {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Door {
    /// A life of the server listens there.
    pub fn open(&self, life: u32, address: SocketAddr) {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        let channel = endpoint.connect_lazy();
        self.0.send_replace(Some(Entry { life, channel }));
    }

    /// Nobody listens.
    pub fn close(&self) {
        self.0.send_replace(None);
    }

    /// The server, as soon as one listens.
    pub async fn enter(&self) -> Entry {
        let mut open = self.0.subscribe();
        let entry = open.wait_for(Option::is_some).await.expect("a sender");
        entry.clone().expect("just looked at")
    }

    /// Waits until this life is over, or for a little.
    pub async fn step_back(&self, life: u32) {
        let mut open = self.0.subscribe();
        let over = open.wait_for(|entry| entry.as_ref().is_none_or(|it| it.life != life));
        let _ = timeout(PAUSE, over).await;
    }

    /// Calls until the server has said something: repeats what was lost, over as many lives as it takes.
    ///
    /// # Errors
    /// What the server has refused with.
    pub async fn until_said<T, Answer>(
        &self,
        token: &str,
        report: &Report,
        mut call: impl FnMut(Session) -> Answer,
    ) -> Result<T, Status>
    where
        Answer: Future<Output = Result<Response<T>, Status>>,
    {
        for _ in 0..PATIENCE {
            let entry = self.enter().await;
            let session = Session {
                channel: entry.channel,
                token: token.to_owned(),
            };
            match timeout(DEADLINE, call(session)).await {
                Ok(Ok(response)) => return Ok(response.into_inner()),
                Ok(Err(status)) if is_said(&status) => return Err(status),
                Ok(Err(_)) => {}
                Err(_) => report.finding("a call hangs for a minute"),
            }
            report.count("answers that clients lost");
            self.step_back(entry.life).await;
        }
        report.finding("a call is never answered");
        Err(Status::deadline_exceeded("never answered"))
    }
}

/// Whether the server has said this; else the connection broke, or it was not reached.
pub fn is_said(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::Unknown | Code::Cancelled | Code::DeadlineExceeded => false,
        // Of its own errors the server tells a reason.
        Code::Internal => !status.details().is_empty(),
        _ => true,
    }
}

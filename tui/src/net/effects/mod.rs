//! Owns [`Network`], which carries out what the screen asks of the network, each effect in a task of its own.
//!
//! Answers go to the application's channel, which is bounded: a stream whose screen falls behind waits, and so
//! does the server; progress of transfers is dropped instead, for newer progress follows. The session is renewed in the
//! background. Dropping the `Network` ends every task.
//!
//! Not here: what an effect is for, and what its answer means ([`crate::state`]).

mod call;
mod picture;
mod session;
mod transfer;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;
use vision_batch::v1;

use self::transfer::Save;
use super::address::Address;
use super::client::Client;
use super::error::NetError;
use super::fingerprint::Fingerprint;
use super::live::{Feed, Live, News};
use super::trust::Trust;
use crate::credentials::Credentials;
use crate::files::LocalFiles;
use crate::known_servers::KnownServers;
use crate::state::{Effects, Message, NetEffect, NetMessage, Stream, TransferId};

/// The network as the screen sees it.
pub struct Network {
    inner: Arc<Inner>,
}

struct Inner {
    messages: mpsc::Sender<Message>,
    files: Option<Arc<dyn LocalFiles>>,
    kept: Kept,
    connection: Mutex<Connection>,
    tasks: Mutex<Tasks>,
}

/// What is known from before, and where what is new is kept.
#[derive(Debug, Default)]
pub struct Kept {
    /// The sessions; absent when none is kept.
    pub credentials: Option<Credentials>,
    /// The certificates that are trusted; absent when none is kept.
    pub known_servers: Option<KnownServers>,
    /// The certificate of the first server, given by hand, which alone is trusted.
    pub fingerprint: Option<Fingerprint>,
}

/// Whom effects go to.
#[derive(Clone)]
struct Connection {
    client: Client,
    trust: Trust,
    /// Absent when the client was handed in: then there is no other server to sign in at, and nothing is kept on disk.
    address: Option<Address>,
}

/// What runs now. A task that is replaced or taken out is aborted.
#[derive(Default)]
struct Tasks {
    list: Option<AbortOnDropHandle<()>>,
    batch: Option<AbortOnDropHandle<()>>,
    system: Option<AbortOnDropHandle<()>>,
    renewal: Option<AbortOnDropHandle<()>>,
    sign_in: Option<AbortOnDropHandle<()>>,
    transfers: HashMap<TransferId, AbortOnDropHandle<()>>,
    calls: JoinSet<()>,
}

impl Network {
    /// A network that begins at this server, with what is kept. Messages go to `messages`; `files` is absent where the
    /// user's disk is elsewhere.
    ///
    /// # Errors
    /// When no channel can be made of the address.
    pub fn to_server(
        address: Address,
        kept: Kept,
        files: Option<Arc<dyn LocalFiles>>,
        messages: mpsc::Sender<Message>,
    ) -> Result<Self, NetError> {
        let trust = match kept.fingerprint {
            Some(given) => {
                // It was said by hand and is the truth from now on, also for what is started later.
                kept.trust(&address, given);
                Trust::only(given)
            }
            None => kept.trusted(&address),
        };
        Ok(Self::new(
            Connection {
                client: Client::connect_trusting(&address, &trust)?,
                trust,
                address: Some(address),
            },
            kept,
            files,
            messages,
        ))
    }

    /// A network over a client that was handed in, with or without a session; nothing is kept on disk.
    #[must_use]
    pub fn over(
        client: Client,
        files: Option<Arc<dyn LocalFiles>>,
        messages: mpsc::Sender<Message>,
    ) -> Self {
        let connection = Connection {
            client,
            trust: Trust::default(),
            address: None,
        };
        Self::new(connection, Kept::default(), files, messages)
    }

    fn new(
        connection: Connection,
        kept: Kept,
        files: Option<Arc<dyn LocalFiles>>,
        messages: mpsc::Sender<Message>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                messages,
                files,
                kept,
                connection: Mutex::new(connection),
                tasks: Mutex::default(),
            }),
        }
    }
}

impl Network {
    /// The same with a token given by hand.
    #[must_use]
    pub fn with_token(self, token: impl Into<String>) -> Self {
        // The connection's own client shares the session.
        drop(self.inner.client().with_token(token));
        self
    }
}

impl Kept {
    /// What is trusted at a server that nothing was said about by hand.
    fn trusted(&self, address: &Address) -> Trust {
        let known = self.known_servers.as_ref();
        let pinned = known.map_or(Ok(None), |known| known.load(address));
        Trust::pinned(pinned.unwrap_or_else(|error| {
            tracing::warn!(%error, "what was trusted before is not known");
            None
        }))
    }

    fn trust(&self, address: &Address, fingerprint: Fingerprint) {
        if let Some(known) = &self.known_servers
            && let Err(error) = known.save(address, fingerprint)
        {
            tracing::warn!(%error, "the trust in a server is not kept");
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // The tasks hold `inner`: without this they would hold themselves alive.
        *self.inner.tasks() = Tasks::default();
    }
}

impl Effects for Network {
    fn start(&self, effect: NetEffect) {
        let inner = Arc::clone(&self.inner);
        let mut tasks = self.inner.tasks();
        while tasks.calls.try_join_next().is_some() {}
        tasks.transfers.retain(|_, task| !task.is_finished());
        match effect {
            NetEffect::SignIn {
                server,
                username,
                password,
            } => {
                tasks.sign_in = Some(spawn(async move {
                    inner.sign_in(&server, &username, &password).await;
                }));
            }
            NetEffect::Resume => {
                tasks.sign_in = Some(spawn(async move { inner.resume().await }));
            }
            NetEffect::Trust {
                server,
                fingerprint,
            } => inner.trust(&server, &fingerprint),
            NetEffect::SignOut => {
                *tasks = Tasks::default();
                inner.forget_session();
            }
            NetEffect::WatchBatches(request) => {
                let live = Live::new(inner.client(), request);
                tasks.list = Some(spawn(async move {
                    inner
                        .follow(live, Stream::Batches, |event| {
                            NetMessage::Batches(Box::new(event))
                        })
                        .await;
                }));
            }
            NetEffect::WatchBatch(request) => {
                let batch_id = request.batch_id.clone();
                let live = Live::new(inner.client(), request);
                tasks.batch = Some(spawn(async move {
                    inner
                        .follow(live, Stream::Batch(batch_id.clone()), |event| {
                            NetMessage::Batch {
                                batch_id: batch_id.clone(),
                                event: Box::new(event),
                            }
                        })
                        .await;
                }));
            }
            NetEffect::UnwatchBatch => tasks.batch = None,
            NetEffect::WatchSystem => {
                let live = Live::new(inner.client(), v1::WatchSystemRequest::default());
                tasks.system = Some(spawn(async move {
                    inner
                        .follow(live, Stream::System, |event| {
                            NetMessage::System(Box::new(event))
                        })
                        .await;
                }));
            }
            NetEffect::UnwatchSystem => tasks.system = None,
            NetEffect::CreateBatch {
                transfer,
                spec,
                audio,
                images,
            } => {
                let task = spawn(async move { inner.upload(transfer, spec, audio, images).await });
                tasks.transfers.insert(transfer, task);
            }
            NetEffect::Download {
                transfer,
                request,
                directory,
            } => {
                let what = Save::File(request);
                let task = spawn(async move { inner.save(transfer, what, directory).await });
                tasks.transfers.insert(transfer, task);
            }
            NetEffect::Export {
                transfer,
                request,
                directory,
            } => {
                let what = Save::Export(request);
                let task = spawn(async move { inner.save(transfer, what, directory).await });
                tasks.transfers.insert(transfer, task);
            }
            NetEffect::Abort(transfer) => {
                tasks.transfers.remove(&transfer);
            }
            call => {
                tasks.calls.spawn(async move { inner.call(call).await });
            }
        }
    }
}

fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(task))
}

impl Inner {
    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connection(&self) -> Connection {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn client(&self) -> Client {
        self.connection().client
    }

    async fn tell(&self, message: NetMessage) {
        // Nobody listens any more: the application is ending, and this task with it.
        let _ = self.messages.send(Message::Net(message)).await;
    }

    async fn follow<F: Feed>(
        &self,
        mut live: Live<F>,
        stream: Stream,
        event_message: impl Fn(F::Event) -> NetMessage,
    ) {
        while let Some(news) = live.next().await {
            match news {
                News::Opened => self.tell(NetMessage::StreamOpened(stream.clone())).await,
                News::Event(event) => self.tell(event_message(event)).await,
                News::Lost { error, retry_in } => {
                    self.tell(NetMessage::StreamLost {
                        stream: stream.clone(),
                        refusal: error.into(),
                        retry_in: Some(retry_in),
                    })
                    .await;
                }
                News::Closed(None) => {}
                News::Closed(Some(error)) => {
                    let session = self.client().session();
                    self.tell(NetMessage::StreamLost {
                        stream: stream.clone(),
                        refusal: error.clone().into(),
                        retry_in: None,
                    })
                    .await;
                    if error.is_unauthenticated() {
                        self.end_session(session.as_ref(), error).await;
                    }
                }
            }
        }
    }
}

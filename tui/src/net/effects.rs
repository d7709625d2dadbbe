//! Owns [`Network`], which carries out what the screen asks of the network, each effect in a task of its own.
//!
//! Answers go to the application's channel, which is bounded: a stream whose screen falls behind waits, and so
//! does the server; progress of transfers is dropped instead, for newer progress follows. The session is renewed in the
//! background. Dropping the `Network` ends every task.
//!
//! Not here: what an effect is for, and what its answer means ([`crate::state`]).

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;
use vision_batch::v1;
use vision_batch::v1::refusal::Reason;

use super::address::Address;
use super::backoff::{Backoff, jitter};
use super::client::Client;
use super::download::{Destination, DownloadProgress, Resume, download_file, export_batch};
use super::error::NetError;
use super::live::{Feed, Live, News};
use super::session::Session;
use super::upload;
use crate::credentials::Credentials;
use crate::files::{LocalFiles, NewFile};
use crate::state::{Cause, Effects, Message, NetEffect, NetMessage, Refusal, Stream, TransferId};

/// Least time between two messages about the progress of one transfer.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// The network as the screen sees it.
pub struct Network {
    inner: Arc<Inner>,
}

struct Inner {
    messages: mpsc::Sender<Message>,
    files: Option<Arc<dyn LocalFiles>>,
    credentials: Option<Credentials>,
    connection: Mutex<Connection>,
    tasks: Mutex<Tasks>,
}

/// Whom effects go to.
#[derive(Clone)]
struct Connection {
    client: Client,
    /// Absent when the client was handed in: then there is no other server to sign in at, and nothing is kept on disk.
    address: Option<Address>,
}

/// What runs now. A task that is replaced or taken out is aborted.
#[derive(Default)]
struct Tasks {
    list: Option<AbortOnDropHandle<()>>,
    batch: Option<AbortOnDropHandle<()>>,
    renewal: Option<AbortOnDropHandle<()>>,
    sign_in: Option<AbortOnDropHandle<()>>,
    transfers: HashMap<TransferId, AbortOnDropHandle<()>>,
    calls: JoinSet<()>,
}

impl Network {
    /// A network that begins at this server, with sessions kept in this file (or not at all). Messages go to `messages`;
    /// `files` is absent where the user's disk is elsewhere.
    ///
    /// # Errors
    /// When no channel can be made of the address.
    pub fn to_server(
        address: Address,
        credentials: Option<Credentials>,
        files: Option<Arc<dyn LocalFiles>>,
        messages: mpsc::Sender<Message>,
    ) -> Result<Self, NetError> {
        let client = Client::connect(&address)?;
        Ok(Self::new(
            Connection {
                client,
                address: Some(address),
            },
            credentials,
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
            address: None,
        };
        Self::new(connection, None, files, messages)
    }

    fn new(
        connection: Connection,
        credentials: Option<Credentials>,
        files: Option<Arc<dyn LocalFiles>>,
        messages: mpsc::Sender<Message>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                messages,
                files,
                credentials,
                connection: Mutex::new(connection),
                tasks: Mutex::default(),
            }),
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

enum Save {
    File(v1::DownloadFileRequest),
    Export(v1::ExportBatchRequest),
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

    // Sessions.

    async fn sign_in(self: &Arc<Self>, server: &str, username: &str, password: &str) {
        let connection = match self.connection_to(server) {
            Ok(connection) => connection,
            Err(error) => return self.tell(NetMessage::SignInRefused(error.into())).await,
        };
        match connection.client.sign_in(username, password).await {
            Ok(response) => {
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
        Ok(Connection {
            client: Client::connect(&wanted)?,
            address: Some(wanted),
        })
    }

    async fn resume(self: &Arc<Self>) {
        let connection = self.connection();
        if connection.client.session().is_none() {
            let stored = match (&self.credentials, &connection.address) {
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
    fn keep_session(self: &Arc<Self>) {
        self.store_session();
        self.renew_in_background();
    }

    fn store_session(&self) {
        let connection = self.connection();
        if let (Some(credentials), Some(address), Some(session)) = (
            &self.credentials,
            &connection.address,
            connection.client.session(),
        ) && let Err(error) = credentials.save(address, &session)
        {
            tracing::warn!(%error, "the session is not kept");
        }
    }

    fn forget_session(&self) {
        let connection = self.connection();
        connection.client.sign_out();
        if let (Some(credentials), Some(address)) = (&self.credentials, &connection.address)
            && let Err(error) = credentials.forget(address)
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
                    self.store_session();
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
    async fn end_session(&self, session: Option<&Session>, error: NetError) {
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

    // Streams.

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

    // Calls.

    /// One call and its answer. An error that means the session is over is told as that, too.
    async fn call(self: &Arc<Self>, effect: NetEffect) {
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
                        None
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
            NetEffect::CancelBatch(request) => {
                let result = client.cancel_batch(request).await;
                Some(NetMessage::Cancelled(
                    result.map(|answer| answer.item_count).map_err(refused),
                ))
            }
            NetEffect::CancelItems(request) => {
                let result = client.cancel_items(request).await;
                Some(NetMessage::Cancelled(
                    result.map(|answer| answer.item_count).map_err(refused),
                ))
            }
            NetEffect::RetryItems(request) => {
                let result = client.retry_items(request).await;
                Some(NetMessage::Retried(result.map(Box::new).map_err(refused)))
            }
            NetEffect::SignIn { .. }
            | NetEffect::Resume
            | NetEffect::SignOut
            | NetEffect::WatchBatches(_)
            | NetEffect::WatchBatch(_)
            | NetEffect::UnwatchBatch
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

    // Transfers.

    fn local_files(&self) -> Result<Arc<dyn LocalFiles>, Refusal> {
        self.files.clone().ok_or_else(|| {
            Refusal::new(
                Cause::LocalFile,
                "This session cannot reach the files of your own machine.",
            )
        })
    }

    async fn upload(
        &self,
        transfer: TransferId,
        spec: v1::BatchSpec,
        audio: PathBuf,
        images: Vec<PathBuf>,
    ) {
        let client = self.client();
        let session = client.session();
        let result = match self.local_files() {
            Err(refusal) => Err(refusal),
            Ok(files) => {
                let pace = Pace::new(self.messages.clone(), transfer);
                let progress = move |progress: upload::UploadProgress| match progress.step {
                    upload::UploadStep::Reading => {}
                    _ => pace.report(progress.done_bytes, Some(progress.total_bytes)),
                };
                upload::create_batch(&client, files, spec, &audio, &images, &progress)
                    .await
                    .map(Box::new)
                    .map_err(Refusal::from)
            }
        };
        let ended = result.as_ref().err().and_then(token_refused);
        self.tell(NetMessage::Uploaded { transfer, result }).await;
        if let Some(error) = ended {
            self.end_session(session.as_ref(), error).await;
        }
    }

    async fn save(&self, transfer: TransferId, what: Save, directory: PathBuf) {
        let client = self.client();
        let session = client.session();
        let result = match self.local_files() {
            Err(refusal) => Err(refusal),
            Ok(files) => {
                self.save_to(&client, files, transfer, what, directory)
                    .await
            }
        };
        let ended = result.as_ref().err().and_then(token_refused);
        self.tell(NetMessage::Saved { transfer, result }).await;
        if let Some(error) = ended {
            self.end_session(session.as_ref(), error).await;
        }
    }

    async fn save_to(
        &self,
        client: &Client,
        files: Arc<dyn LocalFiles>,
        transfer: TransferId,
        what: Save,
        directory: PathBuf,
    ) -> Result<PathBuf, Refusal> {
        let mut saving = Saving {
            files,
            directory,
            name: String::new(),
            file: None,
        };
        let pace = Pace::new(self.messages.clone(), transfer);
        let progress = move |progress: DownloadProgress| {
            pace.report(progress.done_bytes, Some(progress.total_bytes));
        };
        match what {
            Save::File(request) => {
                download_file(client, &request, &mut saving, Resume::default(), &progress).await?;
            }
            Save::Export(request) => {
                export_batch(client, &request, &mut saving, &progress).await?;
            }
        }
        saving.finish().await
    }
}

/// The refusal as an error again, when it says that the session is over.
fn token_refused(refusal: &Refusal) -> Option<NetError> {
    match refusal.cause {
        Cause::Server(
            reason @ (Reason::TokenMissing
            | Reason::TokenInvalid
            | Reason::TokenExpired
            | Reason::TokenRevoked),
        ) => Some(NetError::token(reason, refusal.message.clone())),
        _ => None,
    }
}

/// A new file of the user's own, which begins when its name is known.
struct Saving {
    files: Arc<dyn LocalFiles>,
    directory: PathBuf,
    name: String,
    file: Option<Box<dyn NewFile>>,
}

impl Saving {
    async fn finish(self) -> Result<PathBuf, Refusal> {
        let path = self.path();
        let Some(file) = self.file else {
            return Err(Refusal::new(Cause::Unknown, "The server sent nothing."));
        };
        file.finish().await.map_err(|error| {
            Refusal::new(Cause::LocalFile, error.to_string())
                .with("file", path.display().to_string())
        })
    }
}

#[async_trait::async_trait]
impl Destination for Saving {
    async fn begin(&mut self, filename: &str) -> std::io::Result<()> {
        filename.clone_into(&mut self.name);
        self.file = Some(self.files.write(&self.directory, filename).await?);
        Ok(())
    }

    async fn append(&mut self, chunk: bytes::Bytes) -> std::io::Result<()> {
        match &mut self.file {
            Some(file) => file.append(chunk).await,
            None => Err(std::io::Error::other("bytes came before the name")),
        }
    }

    async fn restart(&mut self) -> std::io::Result<bool> {
        // What was written goes with the dropped file.
        self.file = None;
        self.file = Some(self.files.write(&self.directory, &self.name).await?);
        Ok(true)
    }

    fn path(&self) -> PathBuf {
        self.directory.join(&self.name)
    }
}

/// Reports progress, but not too often, and never waits.
struct Pace {
    messages: mpsc::Sender<Message>,
    transfer: TransferId,
    last: Mutex<Option<tokio::time::Instant>>,
}

impl Pace {
    const fn new(messages: mpsc::Sender<Message>, transfer: TransferId) -> Self {
        Self {
            messages,
            transfer,
            last: Mutex::new(None),
        }
    }

    fn report(&self, done_bytes: u64, total_bytes: Option<u64>) {
        let now = tokio::time::Instant::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let whole = total_bytes == Some(done_bytes);
        if !whole && last.is_some_and(|last| now - last < PROGRESS_INTERVAL) {
            return;
        }
        *last = Some(now);
        // A full channel drops it: newer progress follows, and the answer at the end is waited for.
        let _ = self.messages.try_send(Message::Net(NetMessage::Progress {
            transfer: self.transfer,
            done_bytes,
            total_bytes,
        }));
    }
}

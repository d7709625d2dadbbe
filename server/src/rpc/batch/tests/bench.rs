//! A server's inside with three users, and the means to upload and to play the dispatcher.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status};
use vision_batch::v1;
use vision_batch::v1::batch_service_server::BatchService;
use vision_batch::v1::create_batch_request::Part;

use crate::clock::Clock;
use crate::config::Config;
use crate::domain::batch::EngineKind;
use crate::domain::failure::{Failure, FailureReason};
use crate::domain::ids::{Account, BatchId, TaskId, UserId};
use crate::domain::item::VideoItem;
use crate::domain::ledger::Actor;
use crate::domain::transition::AttemptEvent;
use crate::domain::user::Role;
use crate::engine::VideoSink;
use crate::feed::engine_status::{EngineStatus, EngineStatuses, TokenState};
use crate::media::Media;
use crate::media::full_disk::FullDisk;
use crate::rpc::batch::{BatchFace, upload};
use crate::rpc::stream::Life;
use crate::service::accounts::{Accounts, blank_user};
use crate::service::batches::Batches;
use crate::service::error::{Reason, ServiceError};
use crate::service::session::Session;
use crate::store::redb::failing_disk::Disk;
use crate::store::redb::{RedbStore, Writing};
use crate::store::{AttemptChange, Claim, Store, UserChange};
use crate::verify;

/// Credits each user begins with.
pub const CREDITS: i32 = 100;

pub struct Bench {
    pub folder: TempDir,
    /// Of the database, where it is in a file.
    database: Option<TempDir>,
    pub store: Arc<RedbStore>,
    /// Of the media; has room until it is told otherwise.
    pub disk: FullDisk,
    pub media: Media,
    pub clock: Clock,
    pub accounts: Arc<Accounts>,
    pub face: BatchFace,
    pub shutdown: CancellationToken,
    pub wang: Session,
    pub li: Session,
    pub admin: Session,
}

impl Bench {
    pub async fn new() -> Self {
        Self::with(Config {
            upstream: Some(upstream()),
            ..Config::default()
        })
        .await
    }

    pub async fn with(config: Config) -> Self {
        let clock = Clock::simulated(Timestamp::from_second(1_800_000_000).unwrap(), 5);
        let store = Arc::new(RedbStore::in_memory(clock.clone()).unwrap());
        let folder = tempfile::tempdir().unwrap();
        Self::over(config, clock, store, folder, None).await
    }

    /// On a database of this disk.
    pub async fn on(disk: &Disk, writing: Writing) -> Self {
        let clock = Clock::simulated(Timestamp::from_second(1_800_000_000).unwrap(), 5);
        let store = Arc::new(disk.open(clock.clone(), writing).unwrap());
        let config = Config {
            upstream: Some(upstream()),
            ..Config::default()
        };
        let folder = tempfile::tempdir().unwrap();
        Self::over(config, clock, store, folder, None).await
    }

    /// On a database in a file, with a writer of its own: for several threads in real time, and for restarts.
    pub async fn on_disk() -> Self {
        let database = tempfile::tempdir().unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self::opened(folder, database, 1_800_000_000).await
    }

    async fn opened(folder: TempDir, database: TempDir, seconds: i64) -> Self {
        let clock = Clock::simulated(Timestamp::from_second(seconds).unwrap(), seconds as u64);
        let path = database.path().join("state.redb");
        let store = Arc::new(RedbStore::open(&path, clock.clone()).unwrap());
        let config = Config {
            upstream: Some(upstream()),
            ..Config::default()
        };
        Self::over(config, clock, store, folder, Some(database)).await
    }

    /// The server's next life on the same files.
    pub async fn restarted(self) -> Self {
        let Self {
            folder,
            database,
            store,
            clock,
            accounts,
            face,
            ..
        } = self;
        drop((accounts, face));
        let seconds = clock.now().as_second() + 60;
        assert_eq!(
            Arc::strong_count(&store),
            1,
            "nobody else has the file open"
        );
        drop(store);
        Self::opened(folder, database.unwrap(), seconds).await
    }

    async fn over(
        config: Config,
        clock: Clock,
        store: Arc<RedbStore>,
        folder: TempDir,
        database: Option<TempDir>,
    ) -> Self {
        let disk = FullDisk::default();
        let media = Media::over(Arc::new(disk.clone()), folder.path()).unwrap();
        let feed = store.feed().clone();
        let accounts = Accounts::open(store.clone(), feed.clone(), clock.clone()).await;
        let accounts = Arc::new(accounts.unwrap());
        let shutdown = CancellationToken::new();
        let batches = Batches::new(store.clone(), media.clone(), feed, clock.clone(), &config);
        let face = BatchFace::new(batches, Arc::clone(&accounts), shutdown.clone());
        let mut sessions = Vec::new();
        for (name, role) in [
            ("wang", Role::User),
            ("li", Role::User),
            ("admin", Role::Admin),
        ] {
            let known = store.user_by_name(name).await.unwrap();
            let id = match known {
                Some(user) => user.id,
                None => {
                    let user = blank_user(clock.user_id(), name, role, clock.now());
                    let made = store.create_user(user, CREDITS, Actor::System).await;
                    made.unwrap().id
                }
            };
            sessions.push(signed_in(&accounts, id).await);
        }
        let [wang, li, admin] = sessions.try_into().unwrap();
        Self {
            folder,
            database,
            store,
            disk,
            media,
            clock,
            accounts,
            face,
            shutdown,
            wang,
            li,
            admin,
        }
    }

    /// Everything that is stored agrees with itself, files included.
    pub async fn assert_agrees(&self) {
        let report = verify::look(self.store.as_ref(), &self.media)
            .await
            .unwrap();
        assert!(report.is_clean(), "{}", report.in_words(20));
    }

    /// Sends an upload as wang.
    pub async fn upload(&self, parts: Vec<Part>) -> Result<v1::CreateBatchResponse, ServiceError> {
        self.upload_then(&self.wang, parts, None).await
    }

    /// Sends an upload that ends with an error of the connection, if one is given.
    pub async fn upload_then(
        &self,
        session: &Session,
        parts: Vec<Part>,
        broken: Option<Status>,
    ) -> Result<v1::CreateBatchResponse, ServiceError> {
        let messages = parts
            .into_iter()
            .map(|part| Ok(v1::CreateBatchRequest { part: Some(part) }))
            .chain(broken.map(Err));
        let messages = stream::iter(messages.collect::<Vec<_>>());
        let created = upload::receive(
            &self.face.batches,
            &session.caller,
            messages,
            &self.life(session),
        )
        .await?;
        self.face.created(created).await
    }

    /// What a stream of that session lives on.
    pub fn life(&self, session: &Session) -> Life {
        let open = self.face.accounts.open_stream(session.clone()).unwrap();
        Life::new(open, self.face.shutdown.clone())
    }

    /// A batch of wang's with so many items.
    pub async fn batch(&self, engine: &str, items: usize) -> v1::Batch {
        let mut spec = spec(items);
        spec.engine = engine.to_owned();
        let created = self.upload(whole(spec, items)).await.unwrap();
        created.batch.unwrap()
    }

    pub async fn balance(&self, session: &Session) -> i32 {
        let user = self.store.user(session.caller.user).await.unwrap();
        user.unwrap().credit_balance
    }

    /// A new session of the same user, when the one before has expired.
    pub async fn signed_in_again(&self, session: &Session) -> Session {
        signed_in(&self.accounts, session.caller.user).await
    }

    /// An administrator keeps the user of this session out.
    pub async fn disable(&self, session: &Session) {
        let change = UserChange {
            user: session.caller.user,
            expected_version: None,
            role: None,
            disabled: Some(true),
            display_name: None,
            language: None,
            actor: Actor::System,
            now: self.clock.now(),
        };
        self.store.update_user(change).await.unwrap();
    }

    /// Names of all stored files and temporaries.
    pub fn files(&self) -> Vec<String> {
        fn collect(path: &Path, names: &mut Vec<String>) {
            for entry in std::fs::read_dir(path).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    collect(&path, names);
                } else {
                    names.push(path.display().to_string());
                }
            }
        }
        let mut names = Vec::new();
        collect(self.folder.path(), &mut names);
        names
    }

    /// Nothing is stored, charged or left.
    pub async fn assert_untouched(&self) {
        assert_eq!(self.files(), Vec::<String>::new());
        assert_eq!(self.store.counts(None).await.unwrap().total(), 0);
        assert_eq!(self.balance(&self.wang).await, CREDITS);
    }

    /// Gives the next item to an attempt.
    pub async fn claim(&self, engine: EngineKind) -> VideoItem {
        let claim = Claim {
            engine,
            account: Account::local(),
            instance: self.clock.instance_id(),
            slots: Some(100),
            after_batch: None,
            now: self.clock.now(),
        };
        self.store.claim(claim).await.unwrap().unwrap().1
    }

    pub async fn apply(&self, item: &VideoItem, event: AttemptEvent) -> VideoItem {
        let change = AttemptChange {
            item: item.id,
            attempt: item.last_attempt,
            event,
        };
        let applied = self.store.apply(vec![change], self.clock.now()).await;
        applied.unwrap().pop().unwrap().unwrap()
    }

    /// Claims the next preview and makes its video.
    pub async fn complete_one(&self) -> VideoItem {
        self.complete_with(sample("film.mp4")).await
    }

    /// Claims the next preview; its video is this one.
    pub async fn complete_with(&self, film: Vec<u8>) -> VideoItem {
        let item = self.claim(EngineKind::Preview).await;
        let task = TaskId(item.id.to_string());
        let submitted = AttemptEvent::Submitted {
            task,
            expected_wait: None,
        };
        self.apply(&item, submitted).await;
        self.apply(&item, AttemptEvent::Succeeded).await;
        let mut sink = self.media.video_sink(1 << 30, None);
        sink.start(None).await.unwrap();
        sink.write(film.into()).await.unwrap();
        let stored = sink.finish().await.unwrap();
        let video = stored.video.clone();
        self.apply(&item, AttemptEvent::Completed { video }).await
    }

    /// Claims the next preview and lets it fail for good.
    pub async fn fail_one(&self) -> VideoItem {
        let item = self.claim(EngineKind::Preview).await;
        let failure = Failure::new(FailureReason::EngineFailed, "It failed. Retry it.", "");
        let failed = AttemptEvent::Failed {
            failure,
            try_again: None,
        };
        self.apply(&item, failed).await
    }

    /// What the dispatcher would say of the engines.
    pub fn tell_engines(&self, edit: impl FnOnce(&mut EngineStatuses)) {
        let mut statuses = EngineStatuses::default();
        statuses.engines.insert(
            EngineKind::Preview,
            EngineStatus::new(2, TokenState::NotNeeded),
        );
        statuses.engines.insert(
            EngineKind::LightX2v,
            EngineStatus::new(3, TokenState::Missing),
        );
        edit(&mut statuses);
        self.store.feed().set_engines(statuses);
    }

    pub async fn get_batch(&self, session: &Session, id: &str) -> Result<v1::Batch, Status> {
        let request = v1::GetBatchRequest {
            batch_id: id.to_owned(),
            acknowledge_failures: false,
        };
        let answer = self.face.get_batch(by(session, request)).await?;
        Ok(answer.into_inner().batch.unwrap())
    }

    pub async fn items(&self, id: &str) -> Vec<v1::VideoItem> {
        let request = v1::ListItemsRequest {
            batch_id: id.to_owned(),
            page_size: 200,
            ..Default::default()
        };
        let answer = self.face.list_items(by(&self.wang, request)).await;
        answer.unwrap().into_inner().items
    }
}

/// An upstream that is configured and never called.
pub fn upstream() -> crate::config::Upstream {
    crate::config::Upstream {
        base_url: "http://127.0.0.1:9".to_owned(),
        token: None,
        model_cls: "m".to_owned(),
        stage: "s".to_owned(),
        cfg_scale: 5.into(),
        duration: 360.into(),
    }
}

async fn signed_in(accounts: &Accounts, user: UserId) -> Session {
    let issued = accounts.mint(user).await.unwrap();
    let token = issued.token.expose_secret();
    accounts.authenticate(token, None).await.unwrap()
}

/// A message as a session sends it.
pub fn by<T>(session: &Session, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(session.clone());
    request
}

pub fn id(text: &str) -> BatchId {
    text.parse().unwrap()
}

/// A media sample of the project.
pub fn sample(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/media");
    std::fs::read(Path::new(folder).join(name)).unwrap()
}

pub fn spec(images: usize) -> v1::BatchSpec {
    v1::BatchSpec {
        name: "三八 greetings".to_owned(),
        engine: "lightx2v".to_owned(),
        image_count: i32::try_from(images).unwrap(),
        ..Default::default()
    }
}

/// A file's header and chunks.
pub fn file(kind: v1::FileKind, filename: &str, content: &[u8]) -> Vec<Part> {
    let header = v1::FileHeader {
        kind: kind.into(),
        filename: filename.to_owned(),
        size_bytes: i64::try_from(content.len()).unwrap(),
        sha256: None,
    };
    let chunks = content
        .chunks(10_000)
        .map(|chunk| Part::Chunk(Bytes::copy_from_slice(chunk)));
    std::iter::once(Part::File(header)).chain(chunks).collect()
}

pub fn audio(filename: &str, content: &[u8]) -> Vec<Part> {
    file(v1::FileKind::Audio, filename, content)
}

pub fn image(filename: &str, content: &[u8]) -> Vec<Part> {
    file(v1::FileKind::SourceImage, filename, content)
}

pub fn good_audio() -> Vec<Part> {
    audio("speech.mp3", &sample("speech.mp3"))
}

pub fn good_image() -> Vec<Part> {
    image("face.png", &sample("face.png"))
}

/// The spec and its files.
pub fn whole(spec: v1::BatchSpec, images: usize) -> Vec<Part> {
    let mut parts = vec![Part::Spec(spec)];
    parts.extend(good_audio());
    for number in 1..=images {
        let name = format!("face {number}.png");
        parts.extend(image(&name, &sample("face.png")));
    }
    parts
}

/// A fact of a refusal.
pub fn fact<'a>(refusal: &'a ServiceError, key: &str) -> Option<&'a str> {
    let mut facts = refusal.metadata.iter();
    let fact = facts.find(|(name, _)| *name == key);
    fact.map(|(_, value)| value.as_str())
}

/// The reason of a status.
pub fn reason(status: &Status) -> String {
    use tonic_types::StatusExt;
    status.get_details_error_info().unwrap().reason
}

pub fn assert_reason<T: std::fmt::Debug>(result: Result<T, Status>, expected: Reason) {
    assert_eq!(reason(&result.unwrap_err()), expected.name());
}

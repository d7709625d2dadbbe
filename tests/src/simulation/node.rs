//! One process of the server: everything between the users and the disk but the transport, wired as the program wires it.
//!
//! A process ends in three ways: gracefully, at whatever await its tasks are, or by itself when its storage has failed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use vbatch_server::auth::passwords::Passwords;
use vbatch_server::clock::Clock;
use vbatch_server::config::{Config, Upstream as UpstreamSettings};
use vbatch_server::dispatch::files::StoredFiles;
use vbatch_server::dispatch::{EngineSetup, Parts, run};
use vbatch_server::domain::batch::EngineKind;
use vbatch_server::engine::Engine;
use vbatch_server::feed::{Commit, Feed};
use vbatch_server::media::Media;
use vbatch_server::service::accounts::{Accounts, DEFAULT_ADMIN};
use vbatch_server::service::admin::{self, Admin};
use vbatch_server::service::batches::Batches;
use vbatch_server::service::overview::Offer;
use vbatch_server::store::redb::{RedbStore, Writing};
use vbatch_server::store::{Store, StoreError};
use vbatch_server::verify;

use super::disk::{Disk, Handle};
use crate::upstream::service::Upstream;
use crate::upstream::simulated::SimulatedUpstream;

/// The first password of the admin.
pub const ADMIN_PASSWORD: &str = "correct horse battery";

/// Where the files are.
pub const ROOT: &str = "/data";

/// A process that runs.
pub struct Node {
    /// What remembers.
    pub store: Arc<dyn Store>,
    /// The stored files.
    pub media: Media,
    /// What the store's commits are told to.
    pub feed: Feed,
    /// Signing in.
    pub accounts: Arc<Accounts>,
    /// The operations on batches.
    pub batches: Batches,
    /// Administration.
    pub admin: Arc<Admin>,
    /// Calls under way.
    pub calls: JoinSet<()>,
    clock: Clock,
    gone: CancellationToken,
    shutdown: CancellationToken,
    dispatcher: JoinHandle<Result<(), StoreError>>,
}

/// A store that is open and not served yet.
pub struct Opened {
    handle: Handle,
    /// What remembers.
    pub store: Arc<dyn Store>,
    feed: Feed,
}

/// Opens the database on the disk.
///
/// # Errors
/// When it does not open.
pub fn open(disk: &Disk, clock: &Clock) -> Result<Opened, String> {
    let handle = disk.take();
    let theirs = handle.clone();
    let backends = move || Ok(theirs.database());
    let store = RedbStore::with_backend(backends, clock.clone(), Writing::Interleaved)
        .map_err(|error| error.to_string())?;
    handle.database_is_made();
    let feed = store.feed().clone();
    Ok(Opened {
        handle,
        store: Arc::new(store),
        feed,
    })
}

impl Opened {
    /// Serves what is stored. `observer` sees every commit from here on.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn serve(
        self,
        upstream: &Arc<Upstream>,
        clock: &Clock,
        observer: impl Fn(&Commit) + Send + Sync + 'static,
    ) -> Result<Node, String> {
        let Self {
            handle,
            store,
            feed,
        } = self;
        let words = |error: &dyn std::error::Error| error.to_string();
        feed.observe(observer);
        let media =
            Media::over(Arc::new(handle), Path::new(ROOT)).map_err(|error| words(&error))?;
        let passwords = Passwords::simulated(clock.clone()).await;
        let passwords = passwords.map_err(|error| words(&error))?;
        let accounts =
            Accounts::over(Arc::clone(&store), feed.clone(), clock.clone(), passwords).await;
        let accounts = Arc::new(accounts.map_err(|error| words(&error))?);
        let first = accounts.bootstrap(Some(ADMIN_PASSWORD.into())).await;
        first.map_err(|error| words(&error))?;
        let config = Config {
            default_engine: Some(EngineKind::LightX2v),
            upstream: Some(UpstreamSettings {
                base_url: "http://upstream.invalid".to_owned(),
                token: None,
                model_cls: String::new(),
                stage: String::new(),
                cfg_scale: 1.0,
                duration: 1.0,
            }),
            ..Config::default()
        };
        let gone = CancellationToken::new();
        let engine: Arc<dyn Engine> =
            Arc::new(SimulatedUpstream::of_process(upstream, gone.clone()));
        let batches = Batches::new(
            Arc::clone(&store),
            media.clone(),
            feed.clone(),
            clock.clone(),
            &config,
        );
        let instance = clock.instance_id();
        let admin = Arc::new(Admin::new(admin::Parts {
            store: Arc::clone(&store),
            feed: feed.clone(),
            clock: clock.clone(),
            accounts: Arc::clone(&accounts),
            upstream: Some(Arc::clone(&engine)),
            offer: Offer::of(&config),
            instance,
            start_time: clock.now(),
            data_dir: ROOT.into(),
        }));
        let shutdown = CancellationToken::new();
        let files = StoredFiles::new(media.clone(), Arc::clone(&store), config.limits.video_bytes);
        let parts = Parts {
            store: Arc::clone(&store),
            feed: feed.clone(),
            clock: clock.clone(),
            instance,
            files: Arc::new(files),
            engines: vec![EngineSetup {
                kind: EngineKind::LightX2v,
                engine,
                slots: None,
                in_process: false,
            }],
            item_deadline: Duration::from_secs(2 * 3600),
        };
        let dispatcher = tokio::spawn(run(parts, shutdown.clone()));
        Ok(Node {
            store,
            media,
            feed,
            accounts,
            batches,
            admin,
            calls: JoinSet::new(),
            clock: clock.clone(),
            gone,
            shutdown,
            dispatcher,
        })
    }
}

impl Node {
    /// Whether it has ended by itself.
    pub fn has_ended(&self) -> bool {
        self.dispatcher.is_finished()
    }

    /// The server's own self-check.
    ///
    /// # Errors
    /// What it finds.
    pub async fn verify(&self) -> Result<(), String> {
        let report = verify::look(self.store.as_ref(), &self.media).await;
        let report = report.map_err(|error| error.to_string())?;
        match report.is_clean() {
            true => Ok(()),
            false => Err(format!("the self-check finds {:?}", report.differences)),
        }
    }

    /// Removes the files that nothing refers to, as the program does once a day.
    pub fn sweep(&mut self) {
        let (store, media) = (Arc::clone(&self.store), self.media.clone());
        let (now, stop) = (self.clock.now(), self.gone.clone());
        self.calls.spawn(async move {
            let is_referenced = |blob| store.is_referenced(blob);
            let _swept = media.sweep(now, is_referenced, &stop).await;
        });
    }

    /// Ends it at whatever await it is. What it had under way is dropped; the disk is to be cut off before.
    pub async fn crash(mut self) {
        self.gone.cancel();
        self.dispatcher.abort();
        self.calls.shutdown().await;
        let _ = (&mut self.dispatcher).await;
    }

    /// Ends it gracefully.
    ///
    /// # Errors
    /// What the dispatcher ended with.
    pub async fn stop(mut self) -> Result<(), String> {
        self.shutdown.cancel();
        let ended = (&mut self.dispatcher).await;
        self.gone.cancel();
        self.calls.shutdown().await;
        match ended {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The admin's name.
pub fn admin_name() -> &'static str {
    DEFAULT_ADMIN
}

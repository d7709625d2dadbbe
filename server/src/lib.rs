//! `vbatchd`: the server of AI Vision Batch, as a library.
//!
//! [`Server::start`] is the only wiring: it opens what is stored, builds each room from the ones below it, and serves.

pub mod auth;
pub mod backup;
pub mod clock;
pub mod commands;
pub mod config;
pub mod demo;
pub mod disk;
pub mod dispatch;
pub mod domain;
pub mod engine;
pub mod feed;
pub mod log;
pub mod media;
pub mod metrics;
pub mod owner;
pub mod rpc;
pub mod service;
pub mod ssh;
pub mod store;
pub mod systemd;
pub mod transport;
pub mod verify;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use clock::Clock;
use config::Config;
use dispatch::files::StoredFiles;
use dispatch::{EngineSetup, Parts};
use domain::batch::EngineKind;
use domain::dispatching::{DispatchSettings, UpstreamToken};
use domain::ledger::Actor;
use engine::Engine;
use engine::lightx2v::LightX2v;
use engine::lightx2v::account::account_of;
use engine::lightx2v::config::LightX2vConfig;
use engine::preview::PreviewEngine;
use media::Media;
use metrics::Metrics;
use metrics::upstream::CountedEngine;
use rpc::batch::BatchFace;
use rpc::calls::{Calls, Moment};
use service::accounts::Accounts;
use service::accounts::FirstStart;
use service::admin::Admin;
use service::batches::Batches;
use service::health::Standing;
use service::overview::Offer;
use store::redb::RedbStore;
use store::{Store, StoreError};
use transport::certificate::{Certificate, CertificateError};

/// The setting that remembers the environment's token, as a digest: an unchanged one does not win over what an
/// administrator has set since.
const ENVIRONMENT_TOKEN: &str = "environment_token_sha256";

/// The setting that says that the configured concurrency was taken over once; from then on an administrator sets it.
const CONCURRENCY_TAKEN: &str = "configured_concurrency";

/// Streams, requests and running submits get this long to end, so that the whole end takes no more than 10 s.
const DRAIN: Duration = Duration::from_millis(9_500);

/// How often files that nothing refers to are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(24 * 3_600);

/// A server that runs.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where Prometheus is told, if it is.
    pub metrics_address: Option<SocketAddr>,
    /// Where SSH clients are taken, if they are, and the fingerprint of the key that they are shown.
    pub ssh: Option<(SocketAddr, String)>,
    /// Signing in, for screens that this process opens itself.
    pub accounts: Arc<Accounts>,
    /// What the start found of the first admin.
    pub first_start: FirstStart,
    /// The engine of batches that name none.
    pub default_engine: EngineKind,
    /// What encrypts; absent: nothing does.
    pub certificate: Option<Arc<Certificate>>,
    /// The connections that are open.
    pub places: transport::Places,
    shutdown: CancellationToken,
    /// Connections are let go of after everything else has ended, so that calls are refused in words until then.
    closing: CancellationToken,
    dispatcher: JoinHandle<Result<(), StoreError>>,
    transport: JoinHandle<Result<(), tonic::transport::Error>>,
    /// The sessions over SSH, and the calls they make.
    console: Option<Console>,
    owner: JoinHandle<()>,
    standing: JoinHandle<()>,
    store: Arc<RedbStore>,
}

/// The console over SSH, while it is served.
struct Console {
    sessions: JoinHandle<()>,
    calls: JoinHandle<Result<(), tonic::transport::Error>>,
}

/// Why a server does not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The data directory cannot be made or used.
    #[error("the data directory {path} cannot be used: {message}")]
    DataDirectory {
        /// Which.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// The database does not open.
    #[error(transparent)]
    Database(#[from] store::redb::OpenError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// The engine of the upstream cannot be built.
    #[error("the upstream {base_url} cannot be used: {message}")]
    Upstream {
        /// Its base URL.
        base_url: String,
        /// Why.
        message: String,
    },
    /// The key for SSH clients cannot be used.
    #[error(transparent)]
    HostKey(#[from] ssh::host_key::HostKeyError),
    /// The certificate cannot be shown.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Others would reach a server whose password everyone knows.
    #[error(
        "{address} can be reached from other machines while `admin` has the password `admin`, which everyone knows. Run \
         `vbatchd reset-admin-password`, or start with VBATCH_ADMIN_PASSWORD_FILE; or listen on 127.0.0.1, \
         sign in and change it"
    )]
    FirstPasswordStands {
        /// Where it would listen.
        address: SocketAddr,
    },
    /// A rule refused something at the start.
    #[error(transparent)]
    Refused(#[from] service::error::ServiceError),
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Anything else that ends a server.
    #[error("{0}")]
    Ended(String),
}

impl Server {
    /// Opens what is stored in the data directory and serves it until [`Server::stop`].
    ///
    /// Boxed, so that it is compiled here once, and not once more in every program that waits for it.
    pub fn start(config: Config, clock: Clock) -> BoxFuture<'static, Result<Self, ServerError>> {
        Box::pin(Self::begin(config, clock))
    }

    async fn begin(config: Config, clock: Clock) -> Result<Self, ServerError> {
        prepare(&config.data_dir)?;
        // The database first: its lock proves that no other process uses the directory.
        let redb = RedbStore::open(&config.data_dir.join(store::redb::DATABASE), clock.clone())?;
        let feed = redb.feed().clone();
        let redb = Arc::new(redb);
        let store: Arc<dyn Store> = Arc::<RedbStore>::clone(&redb);
        let media =
            Media::open(&config.data_dir).map_err(|error| unusable(&config.data_dir, error))?;
        let (listener, address) = listen(config.listen).await?;
        let metrics = Metrics::new();
        let metrics_listener = match config.metrics_listen {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let metrics_address = metrics_listener.as_ref().map(|(_, address)| *address);

        let ssh_listener = match config.ssh.listen {
            Some(address) => {
                let host_key = ssh::host_key::open(&config.data_dir, &clock)?;
                Some((listen(address).await?, host_key))
            }
            None => None,
        };
        let certificate =
            Certificate::open(&config.encryption, &config.data_dir, address, clock.now())?;
        let instance = clock.instance_id();
        let upstream = upstream_engine(&config)?
            .map(|engine| CountedEngine::over(engine, EngineKind::LightX2v, metrics.clone()));
        take_over_settings(store.as_ref(), &config, &clock).await?;

        let accounts =
            Arc::new(Accounts::open(Arc::clone(&store), feed.clone(), clock.clone()).await?);
        let first_start = accounts.bootstrap(config.admin_password.clone()).await?;
        let ssh_address = ssh_listener.as_ref().map(|((_, address), _)| *address);
        let mut exposed = std::iter::once(address).chain(ssh_address);
        let exposed = exposed.find(|address| !config::network::is_local(*address));
        if let (true, Some(address)) = (first_start.default_password_stands, exposed) {
            return Err(ServerError::FirstPasswordStands { address });
        }
        let batches = Batches::new(
            Arc::clone(&store),
            media.clone(),
            feed.clone(),
            clock.clone(),
            &config,
        );
        let kept = batches.clone();
        if let Err(error) = batches.remove_doomed().await {
            tracing::warn!(%error, "files of deleted batches are left for later");
        }
        let offer = Offer::of(&config);
        let start_time = clock.now();
        let admin = Arc::new(Admin::new(service::admin::Parts {
            store: Arc::clone(&store),
            feed: feed.clone(),
            clock: clock.clone(),
            accounts: Arc::clone(&accounts),
            upstream: upstream.clone(),
            offer: offer.clone(),
            instance,
            start_time,
            data_dir: config.data_dir.clone(),
        }));

        let shutdown = CancellationToken::new();
        let closing = CancellationToken::new();
        let places = transport::Places::default();
        let proxies = rpc::origin::TrustedProxies::new(config.trusted_proxies.clone());
        let health = tonic_health::server::HealthReporter::new();
        let (standing, told) = watch::channel(Standing::default());
        let data_dir = config.data_dir.clone();
        let followed = service::health::follow(
            standing,
            feed.engines(),
            move || disk::space(&data_dir),
            shutdown.clone(),
        );
        let reported = rpc::health::follow(health.clone(), told.clone());
        let standing = tokio::spawn(async {
            tokio::join!(followed, reported);
        });
        let services = rpc::Services {
            accounts: Arc::clone(&accounts),
            admin,
            health: health.clone(),
            proxies: proxies.clone(),
            shutdown: shutdown.clone(),
        };
        let routes = rpc::routes(
            &services,
            BatchFace::new(batches, Arc::clone(&accounts), shutdown.clone()),
        )
        .map_err(|error| ServerError::Ended(error.to_string()))?;

        let mut engines = vec![EngineSetup {
            kind: EngineKind::Preview,
            engine: CountedEngine::over(
                Arc::new(PreviewEngine::new(
                    config.preview_slots as usize,
                    config.limits.image_bytes.max(config.limits.audio_bytes),
                )),
                EngineKind::Preview,
                metrics.clone(),
            ),
            slots: Some(config.preview_slots),
            in_process: true,
        }];
        engines.extend(upstream.map(|engine| EngineSetup {
            kind: EngineKind::LightX2v,
            engine,
            slots: None,
            in_process: false,
        }));
        #[cfg(unix)]
        let owner = owner::serve::start(
            owner::serve::Parts {
                store: Arc::clone(&redb),
                media: media.clone(),
                accounts: Arc::clone(&accounts),
                clock: clock.clone(),
                instance,
                data_dir: config.data_dir.clone(),
                standing: told.clone(),
            },
            shutdown.clone(),
        )
        .await;
        #[cfg(not(unix))]
        let owner = tokio::spawn(async {});
        let files = StoredFiles::new(media.clone(), Arc::clone(&store), config.limits.video_bytes);
        let housekeeping = Housekeeping {
            store: Arc::clone(&store),
            media,
            clock: clock.clone(),
            checks_at_start: config.verify_at_start,
        };
        let dispatcher = tokio::spawn(dispatch::run(
            Parts {
                store,
                feed: feed.clone(),
                clock: clock.clone(),
                instance,
                files: Arc::new(files),
                engines,
                item_deadline: config.item_deadline,
            },
            shutdown.clone(),
        ));
        // Nobody is served before every engine has said whether it can be used: it decides the default engine.
        let mut statuses = feed.engines();
        let engine_count = 1 + usize::from(config.upstream.is_some());
        let default_engine = tokio::select! {
            known = statuses.wait_for(|known| known.engines.len() == engine_count) => match known {
                Ok(known) => offer.default_engine(&known),
                Err(_) => EngineKind::Preview,
            },
            () = shutdown.cancelled() => EngineKind::Preview,
        };
        let ssh = ssh_listener.map(|((listener, address), host_key)| {
            let fingerprint = ssh::host_key::fingerprint(&host_key);
            let (within, calls) = transport::within::serve(
                routes.clone(),
                config.network,
                counted_calls(metrics.clone()),
                closing.clone(),
            );
            let sessions = ssh::serve(ssh::Parts {
                listener,
                host_key,
                sessions: config.ssh.sessions as usize,
                accounts: Arc::clone(&accounts),
                within,
                screen: ssh::screen(),
                data_dir: config.data_dir.clone(),
                shutdown: shutdown.clone(),
            });
            ((address, fingerprint), Console { sessions, calls })
        });
        let (ssh, console) = ssh.unzip();
        let transport = transport::serve(
            transport::Parts {
                listener,
                certificate: certificate.clone(),
                limits: config.network,
                places: places.clone(),
                proxies,
                calls: counted_calls(metrics.clone()),
            },
            routes,
            closing.clone(),
        );
        // Nobody waits for these.
        drop(tokio::spawn(housekeeping.run(shutdown.clone())));
        drop(tokio::spawn(service::retention::run(
            kept,
            config.retention,
            shutdown.clone(),
        )));
        let connections = places.clone();
        if let Some((listener, _)) = metrics_listener {
            let sources = metrics::scrape::Sources {
                store: Arc::<RedbStore>::clone(&redb),
                feed,
                clock: clock.clone(),
                accounts: Arc::clone(&accounts),
                offer,
                data_dir: config.data_dir.clone(),
                start_time,
                connections: Box::new(move || counted(&connections)),
            };
            let stop = shutdown.clone();
            drop(tokio::spawn(metrics::serve::run(
                listener, metrics, sources, stop,
            )));
        }
        Ok(Self {
            address,
            metrics_address,
            ssh,
            accounts,
            first_start,
            default_engine,
            certificate,
            places,
            shutdown,
            closing,
            dispatcher,
            transport,
            console,
            owner,
            standing,
            store: redb,
        })
    }

    /// Resolves when the server is ending by itself: its storage has failed.
    pub async fn ending(&self) {
        self.shutdown.cancelled().await;
    }

    /// Ends the server: no new work begins, running submits get their answers recorded, streams are told why they end;
    /// at most 10 s. Boxed for the same reason.
    pub fn stop(self) -> BoxFuture<'static, Result<(), ServerError>> {
        Box::pin(self.end())
    }

    async fn end(self) -> Result<(), ServerError> {
        self.shutdown.cancel();
        let Self {
            mut dispatcher,
            mut transport,
            mut console,
            mut owner,
            standing,
            store,
            closing,
            accounts,
            ..
        } = self;
        // Said before anything else ends: nobody is to be sent here any more.
        drop(standing.await);
        let all = async {
            let (dispatched, _) = tokio::join!(&mut dispatcher, &mut owner);
            if let Some(console) = &mut console {
                // They still make calls while they are told.
                drop((&mut console.sessions).await);
            }
            closing.cancel();
            if let Some(console) = &mut console {
                drop((&mut console.calls).await);
            }
            (dispatched, (&mut transport).await)
        };
        let Ok((dispatched, served)) = tokio::time::timeout(DRAIN, all).await else {
            dispatcher.abort();
            transport.abort();
            owner.abort();
            if let Some(console) = console {
                console.sessions.abort();
                console.calls.abort();
            }
            // Who does not let go of its connection still holds the store.
            accounts.refusals().close().await;
            store.close().await;
            return Ok(());
        };
        accounts.refusals().close().await;
        store.close().await;
        let ended = |error: tokio::task::JoinError| ServerError::Ended(error.to_string());
        dispatched.map_err(ended)??;
        served
            .map_err(ended)?
            .map_err(|error| ServerError::Ended(error.to_string()))
    }
}

#[async_trait::async_trait]
impl systemd::Life for Server {
    async fn is_alive(&self) -> bool {
        !self.dispatcher.is_finished() && self.store.setting(CONCURRENCY_TAKEN).await.is_ok()
    }
}

/// Binds an address; which one it is when that leaves it open.
async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServerError> {
    let failed = |error| ServerError::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Connections as they are told.
fn counted(places: &transport::Places) -> metrics::scrape::Connections {
    let turned = places.turned();
    metrics::scrape::Connections {
        open: places.open(),
        turned_away: [
            ("crowded", turned.crowded),
            ("crowded_address", turned.crowded_address),
            ("no_handshake", turned.no_handshake),
            ("too_many_pings", turned.too_many_pings),
        ],
    }
}

/// Counts every call.
fn counted_calls(metrics: Metrics) -> Calls {
    Calls::new(Arc::new(move |moment| match moment {
        Moment::Began => metrics.rpc_began(),
        Moment::Ended(call) => metrics.rpc_ended(&call.method, call.code, call.took),
    }))
}

/// What is done in the background: nobody waits for it, and nothing depends on it.
struct Housekeeping {
    store: Arc<dyn Store>,
    media: Media,
    clock: Clock,
    checks_at_start: bool,
}

impl Housekeeping {
    /// Looks at everything once; then removes files that nothing refers to, at once and every day.
    async fn run(self, stop: CancellationToken) {
        if self.checks_at_start {
            verify::check_at_start(
                Arc::clone(&self.store),
                self.media.clone(),
                self.clock.clone(),
                stop.clone(),
            )
            .await;
        }
        loop {
            let store = &self.store;
            let swept = self
                .media
                .sweep(self.clock.now(), |blob| store.is_referenced(blob), &stop)
                .await;
            if swept.removed > 0 {
                tracing::info!(
                    files = swept.removed,
                    bytes = swept.bytes,
                    "removed files that nothing refers to"
                );
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(SWEEP_EVERY) => {}
            }
        }
    }
}

/// Makes the data directory, readable by its owner alone.
fn prepare(path: &Path) -> Result<(), ServerError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .map_err(|error| unusable(path, error))?;
    // What is in a folder is no more durable than the folder's own name.
    #[cfg(unix)]
    if let Some(above) = path.canonicalize().ok().as_deref().and_then(Path::parent)
        && let Ok(above) = std::fs::File::open(above)
    {
        // Not every file system can, and not everyone may: then it is as durable as it gets.
        let _ = above.sync_all();
    }
    Ok(())
}

fn unusable(path: &Path, error: impl std::fmt::Display) -> ServerError {
    ServerError::DataDirectory {
        path: path.to_owned(),
        message: error.to_string(),
    }
}

/// The engine of the configured upstream.
fn upstream_engine(config: &Config) -> Result<Option<Arc<dyn Engine>>, ServerError> {
    let Some(upstream) = &config.upstream else {
        return Ok(None);
    };
    let engine = LightX2v::new(LightX2vConfig {
        model_cls: upstream.model_cls.clone(),
        stage: upstream.stage.clone(),
        cfg_scale: upstream.cfg_scale,
        duration: upstream.duration,
        ..LightX2vConfig::at(&upstream.base_url)
    })
    .map_err(|error| ServerError::Upstream {
        base_url: upstream.base_url.clone(),
        message: error.to_string(),
    })?;
    Ok(Some(Arc::new(engine)))
}

/// Takes over the configured concurrency on the first start, and the environment's token when it has changed.
async fn take_over_settings(
    store: &dyn Store,
    config: &Config,
    clock: &Clock,
) -> Result<(), StoreError> {
    let concurrency = config.concurrency.to_be_bytes().to_vec();
    if store.setting(CONCURRENCY_TAKEN).await?.as_ref() != Some(&concurrency) {
        let settings = store.dispatch_settings().await?;
        store
            .set_dispatch_settings(DispatchSettings {
                concurrency: config.concurrency,
                changed_by: Actor::System,
                change_time: clock.now(),
                ..settings
            })
            .await?;
        store.set_setting(CONCURRENCY_TAKEN, concurrency).await?;
    }
    let Some(token) = config
        .upstream
        .as_ref()
        .and_then(|upstream| upstream.token.as_ref())
    else {
        return Ok(());
    };
    let digest = Sha256::digest(token.expose_secret().as_bytes()).to_vec();
    if store.setting(ENVIRONMENT_TOKEN).await?.as_ref() == Some(&digest) {
        return Ok(());
    }
    let new = UpstreamToken {
        account: account_of(token),
        token: token.expose_secret().to_owned(),
        set_time: clock.now(),
        current: true,
        refused_since: None,
    };
    store.set_upstream_token(new, Actor::System).await?;
    store.set_setting(ENVIRONMENT_TOKEN, digest).await
}

//! The gRPC face over a [`World`]: what a client would be answered, without a connection.
//!
//! Not here: tokens that end; each request comes with a new one.

use std::path::Path;
use std::sync::Arc;

use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tonic::Request;
use tonic::service::Routes;
use tonic_health::server::HealthReporter;
use vbatch_server::config::{Config, Upstream};
use vbatch_server::domain::ids::UserId;
use vbatch_server::media::Media;
use vbatch_server::rpc::admin::AdminRpc;
use vbatch_server::rpc::auth::AuthRpc;
use vbatch_server::rpc::batch::BatchFace;
use vbatch_server::rpc::origin::TrustedProxies;
use vbatch_server::rpc::{Services, routes};
use vbatch_server::service::accounts::Accounts;
use vbatch_server::service::admin::{Admin, Parts};
use vbatch_server::service::batches::Batches;
use vbatch_server::service::overview::Offer;
use vbatch_server::service::session::Session;

use crate::world::World;

/// See the module's page.
pub struct Face {
    /// BatchService.
    pub batches: BatchFace,
    /// AdminService.
    pub admin: AdminRpc,
    /// AuthService.
    pub auth: AuthRpc,
    /// All of them behind the gate, as a connection would call them.
    pub routes: Routes,
    /// Who may call them.
    pub accounts: Arc<Accounts>,
    /// The configuration that the services were given.
    pub config: Config,
    folder: TempDir,
}

impl Face {
    /// The face of what this world's store holds. Its media are an empty folder.
    pub async fn over(world: &World) -> Self {
        let config = Config {
            upstream: Some(Upstream {
                base_url: "http://upstream.invalid".to_owned(),
                token: None,
                model_cls: "SekoTalk".to_owned(),
                stage: "single_stage".to_owned(),
                cfg_scale: 5.0,
                duration: 7.0,
            }),
            ..Config::default()
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let media = Media::open(folder.path()).expect("an empty folder");
        let (store, feed, clock) = (
            Arc::clone(&world.store),
            world.feed().clone(),
            world.clock.clone(),
        );
        let accounts = Accounts::open(Arc::clone(&store), feed.clone(), clock.clone());
        let accounts = Arc::new(accounts.await.expect("the store is readable"));
        let admin = Admin::new(Parts {
            store: Arc::clone(&store),
            feed: feed.clone(),
            clock: clock.clone(),
            accounts: Arc::clone(&accounts),
            upstream: None,
            offer: Offer::of(&config),
            instance: clock.instance_id(),
            start_time: clock.now(),
            data_dir: folder.path().to_owned(),
        });
        let batches = Batches::new(store, media, feed, clock, &config);
        let shutdown = CancellationToken::new();
        let batches = BatchFace::new(batches, Arc::clone(&accounts), shutdown.clone());
        let services = Services {
            accounts: Arc::clone(&accounts),
            admin: Arc::new(admin),
            health: HealthReporter::new(),
            proxies: TrustedProxies::default(),
            shutdown: shutdown.clone(),
        };
        Self {
            routes: routes(&services, batches.clone()).expect("the contract's own descriptors"),
            batches,
            auth: AuthRpc::new(Arc::clone(&accounts)),
            admin: AdminRpc::new(services.admin, Arc::clone(&accounts), shutdown),
            accounts,
            config,
            folder,
        }
    }

    /// How many files its media are.
    ///
    /// # Panics
    /// When their folder cannot be read.
    pub fn stored_files(&self) -> usize {
        fn below(path: &Path) -> usize {
            let entries = std::fs::read_dir(path).expect("a folder of ours");
            let paths = entries.map(|entry| entry.expect("a folder of ours").path());
            paths
                .map(|path| if path.is_dir() { below(&path) } else { 1 })
                .sum()
        }
        below(self.folder.path())
    }

    /// A new session of a user.
    ///
    /// # Panics
    /// When the user is disabled.
    pub async fn session(&self, user: UserId) -> Session {
        let issued = self.accounts.mint(user).await.expect("not disabled");
        let token = issued.token.expose_secret();
        self.accounts
            .authenticate(token, None)
            .await
            .expect("a new token is good")
    }

    /// A message as that user sends it.
    pub async fn request<T>(&self, user: UserId, message: T) -> Request<T> {
        as_sent_in(&self.session(user).await, message)
    }
}

/// A message as the gate hands it on.
pub fn as_sent_in<T>(session: &Session, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(session.clone());
    request
}

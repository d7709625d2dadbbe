//! The gRPC face over a [`World`]: what a client would be answered, without a connection.
//!
//! Not here: tokens that end; each request comes with a new one.

use std::sync::Arc;

use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tonic::Request;
use vbatch_server::config::{Config, Upstream};
use vbatch_server::domain::ids::UserId;
use vbatch_server::media::Media;
use vbatch_server::rpc::admin::AdminRpc;
use vbatch_server::rpc::batch::BatchFace;
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
    /// Who may call them.
    pub accounts: Arc<Accounts>,
    /// The configuration that the services were given.
    pub config: Config,
    _folder: TempDir,
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
        Self {
            batches: BatchFace::new(batches, Arc::clone(&accounts), shutdown.clone()),
            admin: AdminRpc::new(Arc::new(admin), Arc::clone(&accounts), shutdown),
            accounts,
            config,
            _folder: folder,
        }
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

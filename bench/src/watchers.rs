//! A commit until it is received by each of a thousand watchers, against a bare stream that a watch channel feeds.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use vbatch_server::clock::Clock;
use vbatch_server::config::network::NetworkLimits;
use vbatch_server::domain::ids::BatchId;
use vbatch_server::domain::user::Role;
use vbatch_server::rpc::calls::Calls;
use vbatch_server::rpc::origin::TrustedProxies;
use vbatch_server::store::Store as _;
use vbatch_server::store::redb::{RedbStore, Writing};
use vbatch_server::transport::{self, Places};
use vbatch_tests::face::Face;
use vbatch_tests::programs::Session;
use vbatch_tests::upstream::config::UpstreamConfig;
use vbatch_tests::world::World;
use vision_batch::v1;
use vision_batch::v1::batch_service_client::BatchServiceClient;
use vision_batch::v1::batch_status_response::{Event, Update};

use crate::commits::{advance, claimed};
use crate::figure::{Figure, Target, quantile};
use crate::{bare, fill};

const WATCHERS: usize = 1_000;
/// Watchers of one connection, and of one user.
const TOGETHER: usize = 25;
const ITEMS: u32 = 8;
const COMMITS: usize = 100;
/// Longer than the server's own pause between two updates, so that none is held back.
const BETWEEN: Duration = Duration::from_millis(250);

/// When each revision was published.
type Published = Arc<Mutex<HashMap<i64, Instant>>>;
/// An update was received: its revision, and when.
type Received = mpsc::UnboundedSender<(i64, Instant)>;

/// Watches with many streams, each in a task of its own; returns when all have their snapshot.
async fn watch_all(address: SocketAddr, tokens: &[String], batch: BatchId, received: Received) {
    let mut channels: Vec<Channel> = Vec::new();
    let mut opened = Vec::new();
    for number in 0..WATCHERS {
        if number % TOGETHER == 0 {
            let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
            channels.push(endpoint.connect().await.unwrap());
        }
        let session = Session {
            channel: channels.last().unwrap().clone(),
            token: tokens[number / TOGETHER % tokens.len()].clone(),
        };
        let received = received.clone();
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        opened.push(is_ready);
        tokio::spawn(async move {
            let request = v1::BatchStatusRequest {
                batch_id: batch.0.to_string(),
                ..v1::BatchStatusRequest::default()
            };
            let mut client = BatchServiceClient::new(session.channel.clone());
            let mut stream = client
                .batch_status(session.request(request))
                .await
                .unwrap()
                .into_inner();
            let mut ready = Some(ready);
            while let Ok(Some(message)) = stream.message().await {
                let now = Instant::now();
                match message.event {
                    Some(Event::SnapshotComplete(_)) => {
                        if let Some(ready) = ready.take() {
                            let _ = ready.send(());
                        }
                    }
                    Some(Event::Update(update)) => {
                        let _ = received.send((update.revision, now));
                    }
                    _ => {}
                }
            }
        });
    }
    for is_ready in opened {
        is_ready.await.unwrap();
    }
}

/// Publishes, waits until everybody has it, and so on; the milliseconds each took.
async fn run(
    published: &Published,
    mut received: mpsc::UnboundedReceiver<(i64, Instant)>,
    mut publish: impl AsyncFnMut(usize),
) -> Vec<f64> {
    let mut taken = Vec::new();
    for commit in 0..COMMITS {
        publish(commit).await;
        for _ in 0..WATCHERS {
            let (revision, at) = received.recv().await.unwrap();
            let published = published.lock().unwrap_or_else(PoisonError::into_inner)[&revision];
            taken.push(at.saturating_duration_since(published).as_secs_f64() * 1e3);
        }
        tokio::time::sleep(BETWEEN).await;
    }
    taken
}

/// What a server of ours takes, and what a message of it is.
async fn ours() -> (Vec<f64>, v1::BatchStatusResponse) {
    let clock = Clock::system();
    let memory = std::sync::Mutex::new(Some(redb::backends::InMemoryBackend::new()));
    let backends = move || {
        let memory = memory.lock().unwrap_or_else(PoisonError::into_inner).take();
        let memory = memory.ok_or(std::io::ErrorKind::NotFound)?;
        Ok(Box::new(memory) as Box<dyn redb::StorageBackend>)
    };
    let store = RedbStore::with_backend(backends, clock.clone(), Writing::Inline).unwrap();
    let items = claimed(&store, &clock, ITEMS).await;
    let batch = store.item(items[0]).await.unwrap().unwrap().0.id;
    let mut users = Vec::new();
    for number in 0..WATCHERS / TOGETHER {
        users.push(fill::user(&store, &clock, &format!("admin{number}"), Role::Admin).await);
    }
    let world = World::asleep_on(store, UpstreamConfig::default(), clock.clone());
    let face = Face::over(&world).await;
    let mut tokens = Vec::new();
    for user in users {
        let issued = face.accounts.mint(user).await.unwrap();
        tokens.push(issued.token.expose_secret().to_owned());
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let closing = CancellationToken::new();
    let serving = transport::serve(
        transport::Parts {
            listener,
            certificate: None,
            limits: NetworkLimits::default(),
            places: Places::default(),
            proxies: TrustedProxies::default(),
            calls: Calls::new(Arc::new(|_| {})),
        },
        face.routes.clone(),
        closing.clone(),
    );
    let published = Published::default();
    let told = Arc::clone(&published);
    world.feed().observe(move |commit| {
        for batch in &commit.batches {
            let revision = i64::try_from(batch.revision).unwrap_or(i64::MAX);
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            told.insert(revision, Instant::now());
        }
    });
    let (sender, received) = mpsc::unbounded_channel();
    watch_all(address, &tokens, batch, sender).await;
    let store = Arc::clone(&world.store);
    let taken = run(&published, received, async |commit| {
        let item = items[commit % items.len()];
        advance(
            store.as_ref(),
            &clock,
            item,
            commit as f32 / COMMITS as f32 * 0.9,
        )
        .await;
    })
    .await;

    let session = Session {
        channel: Endpoint::from_shared(format!("http://{address}"))
            .unwrap()
            .connect()
            .await
            .unwrap(),
        token: tokens[0].clone(),
    };
    let request = v1::GetBatchRequest {
        batch_id: batch.0.to_string(),
        ..v1::GetBatchRequest::default()
    };
    let mut client = BatchServiceClient::new(session.channel.clone());
    let shown = client
        .get_batch(session.request(request))
        .await
        .unwrap()
        .into_inner();
    let request = v1::ListItemsRequest {
        batch_id: batch.0.to_string(),
        page_size: 1,
        ..v1::ListItemsRequest::default()
    };
    let listed = client
        .list_items(session.request(request))
        .await
        .unwrap()
        .into_inner();
    closing.cancel();
    serving.abort();
    let message = v1::BatchStatusResponse {
        event: Some(Event::Update(Update {
            batch: shown.batch,
            items: listed.items,
            revision: 0,
        })),
    };
    (taken, message)
}

/// What a bare stream of the same message takes.
async fn least(message: v1::BatchStatusResponse) -> Vec<f64> {
    let (newest, told) = watch::channel(None);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    bare::serve(listener, told, None);
    let complete = v1::BatchStatusResponse {
        event: Some(Event::SnapshotComplete(Default::default())),
    };
    newest.send_replace(Some(Arc::new(complete)));
    let published = Published::default();
    let (sender, received) = mpsc::unbounded_channel();
    watch_all(
        address,
        &[String::new()],
        BatchId(uuid::Uuid::nil()),
        sender,
    )
    .await;
    run(&published, received, async |commit| {
        let mut message = message.clone();
        let revision = commit as i64 + 1;
        if let Some(Event::Update(update)) = &mut message.event {
            update.revision = revision;
        }
        published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(revision, Instant::now());
        newest.send_replace(Some(Arc::new(message)));
    })
    .await
}

/// See the module's page.
///
/// # Panics
/// When a stream breaks.
pub async fn figures() -> Vec<Figure> {
    let (mut taken, message) = ours().await;
    let mut least = least(message).await;
    let (p99, bare) = (quantile(&mut taken, 0.99), quantile(&mut least, 0.99));
    vec![
        Figure::ratio(
            "commit → received by 1,000 watchers, p99",
            "a bare tonic stream fed by a watch channel",
            p99 / bare,
            Target::AtMost(2.0),
        )
        .with(format!(
            "{p99:.0} ms, {bare:.0} ms; medians {:.0} ms, {:.0} ms",
            quantile(&mut taken, 0.5),
            quantile(&mut least, 0.5)
        )),
    ]
}

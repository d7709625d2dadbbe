//! What a watcher and a connection take of the server's memory while nothing happens.

use std::time::Duration;

use tempfile::TempDir;
use tonic::Streaming;
use vbatch_server::clock::Clock;
use vbatch_server::domain::user::Role;
use vbatch_server::store::Store as _;
use vbatch_server::store::redb::{DATABASE, RedbStore};
use vision_batch::v1;
use vision_batch::v1::auth_service_client::AuthServiceClient;
use vision_batch::v1::batch_service_client::BatchServiceClient;
use vision_batch::v1::batch_status_response::Event;

use crate::child::Child;
use crate::figure::{Figure, Target};
use crate::fill;

/// Connections that pay for what is made once.
const FIRST: usize = 40;
const CONNECTIONS: usize = 400;
const WATCHERS: usize = 2_000;
/// Watchers of one connection, and of one user.
const TOGETHER: usize = 25;

/// What arrived is dealt with a moment later.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// See the module's page.
///
/// # Panics
/// When a call fails.
pub async fn figures() -> Vec<Figure> {
    let folder = TempDir::new().unwrap();
    let clock = Clock::system();
    let store = RedbStore::open(&folder.path().join(DATABASE), clock.clone()).unwrap();
    let mut users = Vec::new();
    for number in 0..=WATCHERS / TOGETHER {
        users.push(fill::user(&store, &clock, &format!("admin{number}"), Role::Admin).await);
    }
    let new = fill::batch(&clock, users[0], 0, vec![fill::pending()]);
    let batch = store.create_batch(new).await.unwrap().batch.id;
    store.close().await;
    drop(store);

    let child = Child::server(folder.path(), &users);
    let mut sessions = Vec::new();
    for number in 0..FIRST {
        sessions.push(child.session(number % users.len()).await);
    }
    settle().await;
    let before = child.resident();
    for number in 0..CONNECTIONS {
        sessions.push(child.session(number % users.len()).await);
        let session = sessions.last().unwrap();
        let mut client = AuthServiceClient::new(session.channel.clone());
        client
            .get_profile(session.request(v1::GetProfileRequest {}))
            .await
            .unwrap();
    }
    settle().await;
    let connection = (child.resident() - before) as f64 / CONNECTIONS as f64;

    let mut streams: Vec<Streaming<v1::BatchStatusResponse>> = Vec::new();
    let mut before = 0;
    for number in 0..WATCHERS + TOGETHER {
        if number == TOGETHER {
            settle().await;
            before = child.resident();
        }
        let session = &sessions[FIRST + number / TOGETHER];
        let request = v1::BatchStatusRequest {
            batch_id: batch.0.to_string(),
            ..v1::BatchStatusRequest::default()
        };
        let mut client = BatchServiceClient::new(session.channel.clone());
        let opened = client.batch_status(session.request(request)).await;
        let mut stream = opened.unwrap().into_inner();
        while let Some(message) = stream.message().await.unwrap() {
            if matches!(message.event, Some(Event::SnapshotComplete(_))) {
                break;
            }
        }
        streams.push(stream);
    }
    settle().await;
    let watcher = (child.resident() - before) as f64 / WATCHERS as f64;
    vec![
        Figure::count(
            "memory of an idle watcher",
            watcher / 1024.0,
            "KiB",
            Target::AtMost(32.0),
        )
        .with(format!("of {WATCHERS}")),
        Figure::count(
            "memory of an idle connection",
            connection / 1024.0,
            "KiB",
            Target::AtMost(128.0),
        )
        .with(format!("of {CONNECTIONS}, each after a call")),
    ]
}

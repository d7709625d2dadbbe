//! Somebody who watches one batch over all lives of the server, and remembers what was told.
//!
//! What is told is committed: nothing that comes later may contradict it. So revisions never fall, one revision shows
//! one state, and an item that has ended stays as it ended until a new round of it begins.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_stream::StreamExt as _;
use vision_batch::v1;
use vision_batch::v1::batch_service_client::BatchServiceClient;
use vision_batch::v1::batch_status_response::Event;
use vision_batch::v1::video_item::State;

use super::door::is_said;
use super::moments::Sight;
use super::round::World;
use crate::programs::Session;

/// What a watcher was told last of each item, and of the batch.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// By position.
    pub items: BTreeMap<i32, Told>,
    /// The batch's revision.
    pub revision: i64,
}

/// One item as it was told.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The item's revision.
    pub revision: i64,
    /// Its state.
    pub state: State,
    /// Its round.
    pub round: i32,
    life: u32,
}

/// Watches until the task is aborted. What is remembered is sent on with each message.
pub async fn watch(
    world: Arc<World>,
    token: String,
    batch: String,
    uses_known_revision: bool,
    remembered: watch::Sender<Memory>,
) {
    loop {
        let entry = world.door.enter().await;
        let session = Session {
            channel: entry.channel.clone(),
            token: token.clone(),
        };
        let known_revision = match uses_known_revision {
            true => remembered.borrow().revision,
            false => 0,
        };
        let request = v1::BatchStatusRequest {
            batch_id: batch.clone(),
            known_revision,
            min_interval: Some(prost_types::Duration::default()),
            follow: true,
            ..v1::BatchStatusRequest::default()
        };
        let ended = look(&world, &session, request, entry.life, &remembered).await;
        if let Err(status) = ended
            && is_said(&status)
        {
            world
                .report
                .finding(format!("a watcher of {batch} is told {status}"));
            return;
        }
        world.report.count("streams that broke off");
        world.door.step_back(entry.life).await;
    }
}

async fn look(
    world: &World,
    session: &Session,
    request: v1::BatchStatusRequest,
    life: u32,
    remembered: &watch::Sender<Memory>,
) -> Result<(), tonic::Status> {
    let mut client = BatchServiceClient::new(session.channel.clone());
    let batch = request.batch_id.clone();
    let stream = client.batch_status(session.request(request)).await?;
    let mut stream = stream.into_inner();
    while let Some(message) = stream.next().await {
        let (told, items, revision) = match message?.event {
            Some(Event::Snapshot(snapshot)) => (snapshot.batch, snapshot.items, None),
            Some(Event::SnapshotComplete(complete)) => (None, Vec::new(), Some(complete.revision)),
            Some(Event::Update(update)) => (update.batch, update.items, Some(update.revision)),
            Some(Event::Heartbeat(_) | Event::End(_)) | None => continue,
        };
        world.sights.note(Sight::Seen);
        let mut memory = remembered.borrow().clone();
        let mut contradictions = Vec::new();
        let newest = revision.into_iter().chain(told.map(|it| it.revision)).max();
        if let Some(newest) = newest {
            if newest < memory.revision {
                contradictions.push(format!("revision {newest} after {}", memory.revision));
            }
            // A part of a snapshot is no promise of the whole.
            if let Some(reached) = revision {
                memory.revision = reached;
            }
        }
        for item in items {
            let now = Told {
                revision: item.revision,
                state: item.state(),
                round: item.round,
                life,
            };
            if let Some(before) = memory.items.get(&item.position) {
                contradictions.extend(contradiction(before, &now));
            }
            memory.items.insert(item.position, now);
        }
        for words in contradictions {
            world
                .report
                .finding(format!("a watcher of {batch} in life {life}: {words}"));
        }
        remembered.send_replace(memory);
    }
    Ok(())
}

fn contradiction(before: &Told, now: &Told) -> Option<String> {
    let has_ended = matches!(
        before.state,
        State::Completed | State::Failed | State::Cancelled
    );
    let holds = now.revision >= before.revision
        && now.round >= before.round
        && (now.revision > before.revision
            || (now.state == before.state && now.round == before.round))
        && (!has_ended || now.round > before.round || now.state == before.state)
        && (before.state != State::Completed || now.state == State::Completed);
    (!holds).then(|| format!("{now:?} after {before:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_not_taken_back() {
        let told = |revision, state, round| Told {
            revision,
            state,
            round,
            life: 1,
        };
        let failed = told(7, State::Failed, 1);
        for (now, holds) in [
            (failed.clone(), true),
            (told(8, State::Failed, 1), true),
            (told(8, State::Pending, 2), true),
            (told(8, State::Pending, 1), false),
            (told(6, State::Failed, 1), false),
            (told(7, State::Completed, 1), false),
        ] {
            assert_eq!(contradiction(&failed, &now).is_none(), holds, "{now:?}");
        }
        let completed = told(7, State::Completed, 1);
        assert!(contradiction(&completed, &told(9, State::Pending, 2)).is_some());
    }
}

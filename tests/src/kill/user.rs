//! One user at work, in life after life of the server: each call is repeated until it is answered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;
use tokio_stream::StreamExt as _;
use tonic::{Code, Status};
use vision_batch::v1;
use vision_batch::v1::batch_service_client::BatchServiceClient;
use vision_batch::v1::create_batch_request::Part;
use vision_batch::v1::video_item::State;

use super::download;
use super::ground::Person;
use super::moments::Sight;
use super::round::{Accepted, World};
use super::weather::Climate;
use crate::programs::media;
use crate::simulation::dice::Dice;
use crate::uploads::upload;

/// Chunks of an upload; small, so that there is a middle to be killed in.
const CHUNK_BYTES: usize = 2_048;

/// Changes of one user in a round, so that it drains in time.
const CHANGES: usize = 18;

/// Somebody who works.
pub struct User {
    world: Arc<World>,
    person: Person,
    dice: Dice,
    own: Vec<String>,
}

impl User {
    /// Somebody who decides by `dice`.
    pub fn new(world: Arc<World>, person: Person, dice: Dice) -> Self {
        Self {
            world,
            person,
            dice,
            own: Vec::new(),
        }
    }

    /// Works until the world calms down.
    pub async fn work(mut self) {
        for _ in 0..CHANGES {
            if self.world.is_calm() {
                return;
            }
            match self.dice.below(10) {
                0..=2 => self.create().await,
                3..=5 => self.cancel().await,
                6..=8 => self.retry().await,
                _ => self.download().await,
            }
            let pause = self.dice.below(match self.world.climate {
                Climate::Changing => 80,
                // Wishes take their time to be granted.
                Climate::Deaf => 300,
            });
            sleep(Duration::from_millis(pause)).await;
        }
    }

    async fn create(&mut self) {
        let count = 1 + self.dice.below(4) as usize;
        let request_id = self.uuid();
        let prompt = format!("{request_id}");
        let mut parts = self.batch(count, &request_id, &prompt);
        let pause = match self.dice.chance(30) {
            true => Duration::from_millis(1 + self.dice.below(3)),
            false => Duration::ZERO,
        };
        let sent = match self.dice.chance(15) {
            true => self.send_twice(&parts, pause).await,
            false => self.send(&parts, pause).await,
        };
        let made = match sent {
            Ok(made) => made,
            Err(status) => {
                // A lost answer is repeated, so a refusal says that there is no batch.
                return self.refused("a creation", &status, &[Code::FailedPrecondition]);
            }
        };
        self.world.sights.note(Sight::Replied);
        let batch = made.batch.expect("a batch");
        self.world.report.count(match made.replayed {
            true => "batches, told by a repeated request",
            false => "batches, told by the first answer",
        });
        if self.dice.chance(30) {
            match self.send(&parts, Duration::ZERO).await {
                Ok(again) => {
                    let id = again.batch.expect("a batch").id;
                    if id != batch.id || !again.replayed {
                        self.finding(format!("{request_id} made {} and {id}", batch.id));
                    }
                }
                Err(status) => self.refused("a repeated creation", &status, &[]),
            }
        }
        if self.dice.chance(10) {
            parts = self.batch(count, &request_id, "something else");
            match self.send(&parts, Duration::ZERO).await {
                Ok(_) => self.finding(format!("{request_id} was taken with other content")),
                Err(status) => {
                    self.refused("another creation", &status, &[Code::AlreadyExists]);
                }
            }
        }
        self.own.push(batch.id.clone());
        let watched = self.dice.chance(70).then(|| self.dice.chance(50));
        let accepted = Accepted {
            owner: self.person.clone(),
            images: count,
            retries: BTreeMap::new(),
            cancels: Default::default(),
        };
        World::accept(&self.world, batch.id, accepted, watched);
    }

    /// The same twice at once, as an impatient client does.
    async fn send_twice(
        &self,
        parts: &[v1::CreateBatchRequest],
        pause: Duration,
    ) -> Result<v1::CreateBatchResponse, Status> {
        let (one, other) = tokio::join!(self.send(parts, pause), self.send(parts, Duration::ZERO));
        match (one, other) {
            (Ok(one), Ok(other)) => {
                let id = |made: &v1::CreateBatchResponse| made.batch.clone().expect("a batch").id;
                if id(&one) != id(&other) || one.replayed == other.replayed && !one.replayed {
                    self.finding(format!("twins made {one:?} and {other:?}"));
                }
                self.world.report.count("twins");
                Ok(one)
            }
            // Both are refused, or one of them was before credits came back.
            (Ok(one), Err(_)) | (Err(_), Ok(one)) => Ok(one),
            (Err(one), Err(_)) => Err(one),
        }
    }

    async fn send(
        &self,
        parts: &[v1::CreateBatchRequest],
        pause: Duration,
    ) -> Result<v1::CreateBatchResponse, Status> {
        let (middle, last) = (parts.len() / 2, parts.len() - 1);
        let world = Arc::clone(&self.world);
        self.world
            .door
            .until_said(&self.person.token, &self.world.report, |session| {
                let world = Arc::clone(&world);
                let stream = tokio_stream::iter(parts.to_vec().into_iter().enumerate()).then(
                    move |(index, part)| {
                        let world = Arc::clone(&world);
                        async move {
                            if index == middle {
                                world.sights.note(Sight::Uploading);
                            }
                            if !pause.is_zero() {
                                sleep(pause).await;
                            }
                            if index == last {
                                world.sights.note(Sight::Asked);
                            }
                            part
                        }
                    },
                );
                async move {
                    let mut client = BatchServiceClient::new(session.channel.clone());
                    client.create_batch(session.request(stream)).await
                }
            })
            .await
    }

    fn batch(
        &mut self,
        count: usize,
        request_id: &str,
        prompt: &str,
    ) -> Vec<v1::CreateBatchRequest> {
        let pictures = ["face.png", "face_rotated.jpg", "face_lossy.webp"];
        let names: Vec<&str> = (0..count).map(|number| pictures[number % 3]).collect();
        let contents: Vec<(&str, Bytes)> = names.iter().map(|name| (*name, read(name))).collect();
        let spec = v1::BatchSpec {
            prompt: prompt.to_owned(),
            engine: "lightx2v".to_owned(),
            request_id: request_id.to_owned(),
            ..v1::BatchSpec::default()
        };
        let whole = upload(spec, ("speech.mp3", read("speech.mp3")), &contents);
        whole.into_iter().flat_map(pieces).collect()
    }

    async fn cancel(&mut self) {
        let open = [State::Pending, State::Processing];
        let Some((batch, items, mut item_ids)) = self.one_with(&open).await else {
            return;
        };
        let whole = self.dice.chance(30);
        if !whole {
            item_ids.truncate(1 + self.dice.below(2) as usize);
        }
        // Asked for from here on, whether an answer comes or not.
        let reached = match whole {
            true => items.iter().map(|it| it.id.clone()).collect(),
            false => item_ids.clone(),
        };
        self.world
            .of_batch(&batch, |accepted| accepted.cancels.extend(reached));
        let (token, report) = (&self.person.token, &self.world.report);
        self.world.sights.note(Sight::Asked);
        let said = if whole {
            self.world
                .door
                .until_said(token, report, |session| {
                    let request = v1::CancelBatchRequest {
                        batch_id: batch.clone(),
                    };
                    async move {
                        let mut client = BatchServiceClient::new(session.channel.clone());
                        let said = client.cancel_batch(session.request(request)).await;
                        said.map(|response| response.map(drop))
                    }
                })
                .await
        } else {
            self.world
                .door
                .until_said(token, report, |session| {
                    let request = v1::CancelItemsRequest {
                        batch_id: batch.clone(),
                        item_ids: item_ids.clone(),
                        ..v1::CancelItemsRequest::default()
                    };
                    async move {
                        let mut client = BatchServiceClient::new(session.channel.clone());
                        let said = client.cancel_items(session.request(request)).await;
                        said.map(|response| response.map(drop))
                    }
                })
                .await
        };
        match said {
            Ok(()) => {
                self.world.sights.note(Sight::Replied);
                self.world.report.count("cancels");
            }
            Err(status) => self.refused("a cancel", &status, &[Code::FailedPrecondition]),
        }
    }

    async fn retry(&mut self) {
        let ended = [State::Failed, State::Cancelled];
        let Some((batch, _, mut item_ids)) = self.one_with(&ended).await else {
            return;
        };
        item_ids.truncate(1 + self.dice.below(3) as usize);
        let request = v1::RetryItemsRequest {
            batch_id: batch.clone(),
            item_ids: item_ids.clone(),
            request_id: self.uuid(),
            ..v1::RetryItemsRequest::default()
        };
        let times = 1 + usize::from(self.dice.chance(30));
        for time in 0..times {
            match self.ask_retry(&request).await {
                Ok(made) => {
                    let mut asked = item_ids.clone();
                    let mut told = made.item_ids.clone();
                    asked.sort();
                    told.sort();
                    if asked != told || (time > 0 && !made.replayed) {
                        self.finding(format!("asked for {request:?}, got {made:?}"));
                    }
                    if time > 0 {
                        continue;
                    }
                    self.world.sights.note(Sight::Replied);
                    self.world.report.count(match made.replayed {
                        true => "retries, told by a repeated request",
                        false => "retries, told by the first answer",
                    });
                    self.world.of_batch(&batch, |accepted| {
                        for item in &item_ids {
                            *accepted.retries.entry(item.clone()).or_default() += 1;
                        }
                    });
                }
                Err(status) => {
                    let allowed: &[Code] = match time {
                        0 => &[Code::FailedPrecondition],
                        _ => &[],
                    };
                    return self.refused("a retry", &status, allowed);
                }
            }
        }
    }

    async fn ask_retry(
        &self,
        request: &v1::RetryItemsRequest,
    ) -> Result<v1::RetryItemsResponse, Status> {
        let call = |session: crate::programs::Session| {
            let request = request.clone();
            async move {
                let mut client = BatchServiceClient::new(session.channel.clone());
                client.retry_items(session.request(request)).await
            }
        };
        let (token, report) = (&self.person.token, &self.world.report);
        self.world.sights.note(Sight::Asked);
        self.world.door.until_said(token, report, call).await
    }

    async fn download(&mut self) {
        let Some((_, items, item_ids)) = self.one_with(&[State::Completed]).await else {
            return;
        };
        let chosen = self.dice.pick_some(&item_ids);
        if let Some(item) = items.iter().find(|item| Some(&item.id) == chosen) {
            let token = self.person.token.clone();
            let outcome = download::video(&self.world, &token, item).await;
            self.world.report.check("a download", outcome.map(drop));
            self.world.report.count("downloads while it is killed");
        }
    }

    /// A batch of this user that has items in such a state, all its items, and the ids of those.
    async fn one_with(
        &mut self,
        states: &[State],
    ) -> Option<(String, Vec<v1::VideoItem>, Vec<String>)> {
        let count = self.own.len();
        let first = self.dice.below(count as u64) as usize;
        for index in 0..count {
            let batch = self.own[(first + index) % count].clone();
            let items = self.items(&batch).await;
            let chosen: Vec<String> = items
                .iter()
                .filter(|item| states.contains(&item.state()))
                .map(|item| item.id.clone())
                .collect();
            if !chosen.is_empty() {
                return Some((batch, items, chosen));
            }
        }
        None
    }

    async fn items(&self, batch: &str) -> Vec<v1::VideoItem> {
        let said = self.world.items(&self.person.token, batch).await;
        said.unwrap_or_else(|status| {
            self.refused("a list of items", &status, &[]);
            Vec::new()
        })
    }

    fn refused(&self, what: &str, status: &Status, allowed: &[Code]) {
        match allowed.contains(&status.code()) {
            true => self.world.report.count(&format!("{what} refused")),
            false => self.finding(format!("{what} is refused: {status:?}")),
        }
    }

    fn finding(&self, words: String) {
        self.world.report.finding(words);
    }

    fn uuid(&mut self) -> String {
        let (high, low) = (self.dice.bits(), self.dice.bits());
        uuid::Builder::from_random_bytes(((u128::from(high) << 64) | u128::from(low)).to_be_bytes())
            .into_uuid()
            .to_string()
    }
}

/// A chunk in smaller ones.
fn pieces(message: v1::CreateBatchRequest) -> Vec<v1::CreateBatchRequest> {
    match message.part {
        Some(Part::Chunk(chunk)) => (0..chunk.len())
            .step_by(CHUNK_BYTES)
            .map(|start| v1::CreateBatchRequest {
                part: Some(Part::Chunk(
                    chunk.slice(start..chunk.len().min(start + CHUNK_BYTES)),
                )),
            })
            .collect(),
        part => vec![v1::CreateBatchRequest { part }],
    }
}

fn read(name: &str) -> Bytes {
    std::fs::read(media(name))
        .expect("a file of tests/media")
        .into()
}

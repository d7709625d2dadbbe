//! One user at work, in life after life of the server.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tonic::{Code, Status};
use vision_batch::v1;
use vision_batch::v1::video_item::State;

use super::download;
use super::ground::Person;
use super::moments::Sight;
use super::requests::{Requests, batch};
use super::round::{Accepted, World};
use super::weather::Climate;
use crate::simulation::dice::Dice;

/// Changes of one user in a round, so that it drains in time.
const CHANGES: usize = 18;

const OPEN: [State; 2] = [State::Pending, State::Processing];
const RETRYABLE: [State; 2] = [State::Failed, State::Cancelled];

/// Somebody who works.
pub struct User {
    world: Arc<World>,
    requests: Requests,
    dice: Dice,
    own: Vec<String>,
}

impl User {
    /// Somebody who decides by `dice`.
    pub fn new(world: Arc<World>, person: Person, dice: Dice) -> Self {
        let requests = Requests {
            world: Arc::clone(&world),
            person,
        };
        Self {
            world,
            requests,
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
            if self.world.climate == Climate::Deaf && self.dice.chance(40) {
                self.insist().await;
            }
            match self.dice.below(10) {
                0..=2 => self.create().await,
                3..=5 => self.cancel().await,
                6..=8 => self.retry().await,
                _ => self.download().await,
            }
            let pause = self.dice.below(80);
            sleep(Duration::from_millis(pause)).await;
        }
    }

    async fn create(&mut self) {
        let count = 1 + self.dice.below(4) as usize;
        let request_id = self.uuid();
        let parts = batch(count, &request_id, &request_id);
        let pause = match self.dice.chance(30) {
            true => Duration::from_millis(1 + self.dice.below(3)),
            false => Duration::ZERO,
        };
        let sent = match self.dice.chance(15) {
            true => self.send_twice(&parts, pause).await,
            false => self.requests.create(&parts, pause).await,
        };
        let made = match sent {
            Ok(made) => made,
            // A lost answer is repeated, so a refusal says that there is no batch.
            Err(status) => {
                return self.refused("a creation", &status, &[Code::FailedPrecondition]);
            }
        };
        self.world.sights.note(Sight::Replied);
        self.world.report.count(match made.replayed {
            true => "batches, told by a repeated request",
            false => "batches, told by the first answer",
        });
        let id = id_of(&made);
        if self.dice.chance(30) {
            match self.requests.create(&parts, Duration::ZERO).await {
                Ok(again) if id_of(&again) == id && again.replayed => {}
                Ok(again) => self.finding(format!("{request_id} made {made:?}, {again:?}")),
                Err(status) => self.refused("a repeated creation", &status, &[]),
            }
        }
        if self.dice.chance(10) {
            let other = batch(count, &request_id, "something else");
            match self.requests.create(&other, Duration::ZERO).await {
                Ok(_) => self.finding(format!("{request_id} was taken with other content")),
                Err(status) => self.refused("another creation", &status, &[Code::AlreadyExists]),
            }
        }
        self.own.push(id.clone());
        let watched = self.dice.chance(70).then(|| self.dice.chance(50));
        let accepted = Accepted {
            owner: self.requests.person.clone(),
            images: count,
            retries: BTreeMap::new(),
            cancels: BTreeSet::new(),
        };
        World::accept(&self.world, id, accepted, watched);
    }

    /// The same twice at once, as an impatient client does.
    async fn send_twice(
        &self,
        parts: &[v1::CreateBatchRequest],
        pause: Duration,
    ) -> Result<v1::CreateBatchResponse, Status> {
        let (one, other) = tokio::join!(
            self.requests.create(parts, pause),
            self.requests.create(parts, Duration::ZERO)
        );
        match (one, other) {
            (Ok(one), Ok(other)) => {
                if id_of(&one) != id_of(&other) || !(one.replayed || other.replayed) {
                    self.finding(format!("twins made {one:?} and {other:?}"));
                }
                self.world.report.count("twins");
                Ok(one)
            }
            // One was refused before credits came back.
            (Ok(one), Err(_)) | (Err(_), Ok(one)) => Ok(one),
            (Err(one), Err(_)) => Err(one),
        }
    }

    async fn cancel(&mut self) {
        let Some((batch, items, mut chosen)) = self.one_with(&OPEN).await else {
            return;
        };
        if self.dice.chance(30) {
            let all = items.into_iter().map(|item| item.id).collect();
            self.wish(&batch, all);
            let said = self.requests.cancel_batch(&batch).await;
            return self.cancelled(said.map(drop));
        }
        chosen.truncate(1 + self.dice.below(2) as usize);
        self.wish(&batch, chosen.clone());
        let said = self.requests.cancel_items(&batch, &chosen).await;
        self.cancelled(said.map(drop));
    }

    /// Cancels an item that is being worked on, and asks for it again as soon as it has ended: its first task may
    /// still run.
    async fn insist(&mut self) {
        let Some((batch, _, mut chosen)) = self.one_with(&[State::Processing]).await else {
            return;
        };
        chosen.truncate(1);
        self.wish(&batch, chosen.clone());
        let said = self.requests.cancel_items(&batch, &chosen).await;
        self.cancelled(said.map(drop));
        while !self.world.is_calm() {
            let items = self.items(&batch).await;
            let state = items
                .iter()
                .find(|item| chosen.contains(&item.id))
                .map(v1::VideoItem::state);
            match state {
                Some(State::Cancelled) => {
                    self.world.report.count("cancels that were waited for");
                    return self.begin_round(&batch, chosen).await;
                }
                Some(state) if OPEN.contains(&state) => {}
                _ => return,
            }
            self.world.sights.soon(Sight::Seen).await;
        }
    }

    /// Notes what is about to be cancelled: from here on it is asked for, whether an answer comes or not.
    fn wish(&self, batch: &str, items: Vec<String>) {
        self.world
            .of_batch(batch, |accepted| accepted.cancels.extend(items));
    }

    fn cancelled(&self, said: Result<(), Status>) {
        match said {
            Ok(()) => {
                self.world.sights.note(Sight::Replied);
                self.world.report.count("cancels");
            }
            Err(status) => self.refused("a cancel", &status, &[Code::FailedPrecondition]),
        }
    }

    async fn retry(&mut self) {
        if let Some((batch, _, mut chosen)) = self.one_with(&RETRYABLE).await {
            chosen.truncate(1 + self.dice.below(3) as usize);
            self.begin_round(&batch, chosen).await;
        }
    }

    async fn begin_round(&mut self, batch: &str, item_ids: Vec<String>) {
        let request = v1::RetryItemsRequest {
            batch_id: batch.to_owned(),
            item_ids: item_ids.clone(),
            request_id: self.uuid(),
            ..v1::RetryItemsRequest::default()
        };
        let made = match self.requests.retry(&request).await {
            Ok(made) => made,
            Err(status) => {
                return self.refused("a retry", &status, &[Code::FailedPrecondition]);
            }
        };
        self.world.sights.note(Sight::Replied);
        self.world.report.count(match made.replayed {
            true => "retries, told by a repeated request",
            false => "retries, told by the first answer",
        });
        let as_set = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<_>>();
        if as_set(&made.item_ids) != as_set(&item_ids) {
            self.finding(format!("asked for {request:?}, got {made:?}"));
        }
        self.world.of_batch(batch, |accepted| {
            for item in item_ids {
                *accepted.retries.entry(item).or_default() += 1;
            }
        });
        if self.dice.chance(30) {
            match self.requests.retry(&request).await {
                Ok(again) if again.replayed && again.item_ids == made.item_ids => {}
                Ok(again) => self.finding(format!("{made:?}, and again {again:?}")),
                Err(status) => self.refused("a repeated retry", &status, &[]),
            }
        }
    }

    async fn download(&mut self) {
        let Some((_, items, chosen)) = self.one_with(&[State::Completed]).await else {
            return;
        };
        let chosen = self.dice.pick_some(&chosen);
        if let Some(item) = items.iter().find(|item| Some(&item.id) == chosen) {
            let outcome = download::video(&self.world, &self.requests.person.token, item).await;
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
        let said = self.world.items(&self.requests.person.token, batch).await;
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
        let bits = (u128::from(high) << 64) | u128::from(low);
        uuid::Builder::from_random_bytes(bits.to_be_bytes())
            .into_uuid()
            .to_string()
    }
}

fn id_of(made: &v1::CreateBatchResponse) -> String {
    made.batch.as_ref().expect("a batch").id.clone()
}

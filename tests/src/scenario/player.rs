//! The steps of a story, in virtual time.

use std::future::Future;
use std::time::Duration;

use vbatch_server::domain::ids::{BatchId, UserId};
use vbatch_server::domain::item::{ItemState, Stage, VideoItem};
use vision_batch::v1;
use vision_batch::v1::batch_service_server::BatchService;

use super::file::{Scenario, Step, Turn, Until};
use super::outcome;
use super::screen::Viewer;
use crate::face::Face;
use crate::upstream::tasks::{Script, Status};
use crate::world::World;

/// What no step takes longer than: more than a day, because of the daily limit.
const PATIENCE: Duration = Duration::from_secs(30 * 3600);

/// A story under way.
pub(super) struct Player {
    pub world: World,
    pub face: Face,
    pub user: UserId,
    /// The user's batch, once there is one.
    pub batch: Option<BatchId>,
    /// The token that the admin has put in last.
    token: String,
}

/// Plays a whole scenario; what differs, or nothing.
pub(super) async fn play(scenario: &Scenario) -> Vec<String> {
    let world = World::new(scenario.upstream.config()).await;
    for task in &scenario.upstream.tasks {
        world.upstream.script_next(task.script());
    }
    for fault in &scenario.upstream.faults {
        world.upstream.fault(fault.fault());
    }
    let user = world.user("operator", scenario.story.credits).await;
    let mut player = Player {
        face: Face::over(&world).await,
        token: world.upstream.token(),
        world,
        user,
        batch: None,
    };
    let mut differences = Vec::new();
    for (number, step) in scenario.story.steps.iter().enumerate() {
        match player.step(step).await {
            Ok(found) => differences.extend(
                found
                    .into_iter()
                    .map(|found| format!("step {}: {found}", number + 1)),
            ),
            Err(problem) => {
                differences.push(format!("step {}: {problem}", number + 1));
                return differences;
            }
        }
    }
    match player.finish().await {
        Ok(ended) => {
            differences.extend(outcome::compare(&player, &scenario.expect, ended).await);
        }
        Err(problem) => differences.push(problem),
    }
    differences
}

impl Player {
    /// What differs, or why the story cannot go on.
    async fn step(&mut self, step: &Step) -> Result<Vec<String>, String> {
        match step {
            Step::UserSubmits(images) => {
                if self.batch.is_some() {
                    return Err("a story has one batch".to_owned());
                }
                let made = self.world.try_batch(self.user, *images).await;
                self.batch = Some(made.map_err(|refused| refused.to_string())?);
            }
            Step::UserCancels(items) => {
                let message = v1::CancelItemsRequest {
                    batch_id: self.batch()?.to_string(),
                    item_ids: self.ids(items).await?,
                    states: Vec::new(),
                };
                let request = self.face.request(self.user, message).await;
                let refused = |refused: tonic::Status| refused.message().to_owned();
                self.face
                    .batches
                    .cancel_items(request)
                    .await
                    .map_err(refused)?;
            }
            Step::UserRetries(items) => {
                let message = v1::RetryItemsRequest {
                    batch_id: self.batch()?.to_string(),
                    item_ids: self.ids(items).await?,
                    ..v1::RetryItemsRequest::default()
                };
                let request = self.face.request(self.user, message).await;
                let refused = |refused: tonic::Status| refused.message().to_owned();
                self.face
                    .batches
                    .retry_items(request)
                    .await
                    .map_err(refused)?;
            }
            Step::AdminPutsInATokenOf(account) => {
                self.token = self.world.upstream.give_token(account);
                self.world.set_token(&self.token).await;
            }
            Step::TokenExpires(_) => self.world.upstream.expire_token(&self.token),
            Step::Upstream(Turn::Down) => self.world.upstream.set_down(true),
            Step::Upstream(Turn::Back) => self.world.upstream.set_down(false),
            Step::Upstream(Turn::Behaves) => self.world.upstream.clear_faults(),
            Step::UpstreamBegins(fault) => self.world.upstream.fault(fault.fault()),
            Step::TaskVanishes(position) => {
                let task = self.task(*position).await?;
                self.world.upstream.vanish(&task);
            }
            Step::SomebodyElseCancelsTheTaskOf(position) => {
                let task = self.task(*position).await?;
                self.world.upstream.set_state(&task, Status::Cancel, None);
            }
            Step::SomebodyElseSubmits(foreign) => {
                for _ in 0..foreign.tasks {
                    self.world.upstream.script_next(Script {
                        run: Some(foreign.run.0),
                        ..Script::default()
                    });
                    self.world.upstream.foreign_task(&foreign.account);
                }
            }
            Step::WaitUntil(until) => self.wait_until(until).await?,
            Step::TimePasses(span) => tokio::time::sleep(span.0).await,
            Step::CallsSoFar(calls) => return Ok(outcome::compare_calls(self, calls)),
            Step::Screen(says) => return Ok(self.viewer().check_item(says).await),
            Step::List(says) => return Ok(self.viewer().check_list(says).await),
        }
        Ok(Vec::new())
    }

    pub fn viewer(&self) -> Viewer<'_> {
        Viewer {
            world: &self.world,
            face: &self.face,
            user: self.user,
        }
    }

    pub fn batch(&self) -> Result<BatchId, String> {
        self.batch
            .ok_or_else(|| "nothing was submitted yet".to_owned())
    }

    /// The items as the server tells them.
    pub async fn told(&self) -> Result<Vec<v1::VideoItem>, String> {
        let message = v1::ListItemsRequest {
            batch_id: self.batch()?.to_string(),
            page_size: 200,
            ..v1::ListItemsRequest::default()
        };
        let request = self.face.request(self.user, message).await;
        let answer = self.face.batches.list_items(request).await;
        Ok(answer.expect("the own batch").into_inner().items)
    }

    async fn item(&self, position: u32) -> Result<VideoItem, String> {
        let items = self.world.items(self.batch()?).await;
        let item = items.into_iter().find(|item| item.position == position);
        item.ok_or(format!("there is no item {position}"))
    }

    /// The upstream's name of an item's newest task.
    async fn task(&self, position: u32) -> Result<String, String> {
        let item = self.item(position).await?;
        let task = item.attempts().last().and_then(|it| it.task.clone());
        let task = task.ok_or(format!("item {position} has no task"))?;
        Ok(task.0)
    }

    async fn ids(&self, positions: &[u32]) -> Result<Vec<String>, String> {
        let mut ids = Vec::new();
        for position in positions {
            ids.push(self.item(*position).await?.id.to_string());
        }
        Ok(ids)
    }

    async fn wait_until(&self, until: &Until) -> Result<(), String> {
        let what = format!("items {:?} are {}", until.items, until.are);
        self.wait(&what, || async {
            for position in &until.items {
                let item = self.item(*position).await?;
                if !self.is(&item, &until.are).await? {
                    return Ok(false);
                }
            }
            Ok(true)
        })
        .await
    }

    async fn is(&self, item: &VideoItem, word: &str) -> Result<bool, String> {
        if let Some(reason) = word.strip_prefix("waits: ") {
            let told = self.told().await?;
            let told = told.iter().find(|told| told.id == item.id.to_string());
            let wait = told.and_then(|told| told.wait);
            let name = format!("REASON_{reason}");
            let known = v1::wait::Reason::from_str_name(&name);
            let reason = known.ok_or(format!("{reason} is no reason to wait"))?;
            return Ok(wait.is_some_and(|wait| wait.reason() == reason));
        }
        let words: &[&str] = match &item.state {
            ItemState::Pending(_) => &["pending"],
            ItemState::Completed { .. } => &["completed", "ended"],
            ItemState::Failed { .. } => &["failed", "ended"],
            ItemState::Cancelled { .. } => &["cancelled", "ended"],
            ItemState::Processing(running) => match running.stage {
                Stage::Submitting => &["submitting"],
                Stage::Unresolved { .. } => &["unresolved"],
                Stage::Queued { .. } => &["queued"],
                Stage::Generating { .. } => &["generating"],
                Stage::Fetching { .. } => &["fetching"],
            },
        };
        const KNOWN: [&str; 10] = [
            "pending",
            "submitting",
            "unresolved",
            "queued",
            "generating",
            "fetching",
            "completed",
            "failed",
            "cancelled",
            "ended",
        ];
        if !KNOWN.contains(&word) {
            return Err(format!("an item is never `{word}`"));
        }
        Ok(words.contains(&word))
    }

    /// Looks after each commit, and whenever the engines do something else.
    async fn wait<F>(&self, what: &str, holds: impl Fn() -> F) -> Result<(), String>
    where
        F: Future<Output = Result<bool, String>>,
    {
        let mut commits = self.world.feed().revision();
        let mut engines = self.world.feed().engines();
        let waiting = async {
            loop {
                commits.mark_unchanged();
                engines.mark_unchanged();
                if holds().await? {
                    return Ok(());
                }
                tokio::select! {
                    changed = commits.changed() => changed.expect("the feed lives"),
                    changed = engines.changed() => changed.expect("the feed lives"),
                }
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(waited) => waited,
            Err(_) => Err(format!(
                "never came true: {what}; the items are {:#?}",
                self.told().await?
            )),
        }
    }

    /// Waits until every item has ended and no cleanup is left, and says when the last item had.
    async fn finish(&self) -> Result<Duration, String> {
        let batch = self.batch()?;
        self.wait("every item has ended", || async {
            let items = self.world.items(batch).await;
            Ok(items.iter().all(VideoItem::is_terminal))
        })
        .await?;
        let ended = self.world.upstream.now();
        self.wait("no cleanup is left", || async {
            let cleanups = self.world.store.cleanups().await;
            Ok(cleanups.expect("readable").is_empty())
        })
        .await?;
        Ok(ended)
    }
}

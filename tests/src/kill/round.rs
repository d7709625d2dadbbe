//! One round, from its seed to its report.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_stream::StreamExt as _;
use tonic::Status;
use vision_batch::v1;
use vision_batch::v1::batch_service_client::BatchServiceClient;
use vision_batch::v1::video_item::State;

use super::door::Door;
use super::ground::{Ground, Person};
use super::moments::{Moment, Sights};
use super::program::{Program, SPEED, Setting, last_words};
use super::report::{Counts, Report};
use super::user::User;
use super::watcher::{self, Memory};
use super::weather::Climate;
use super::{books, download, files, weather};
use crate::programs::{DEADLINE, Session, folder, media};
use crate::simulation::dice::Dice;
use crate::upstream::config::{Limits, UpstreamConfig};
use crate::upstream::fake::FakeUpstream;

/// The upstream takes more tasks than `vbatchd` may have there, so that one too many is seen.
const UPSTREAM_ACTIVE: usize = 12;

/// Each video is so long at least: several pieces of a body.
const VIDEO_BYTES: usize = 64 * 1024;

/// After a kill the upstream may take so long to see that nobody is there any more.
const LEFT_ALONE: Duration = Duration::from_secs(5);

/// What a round came to.
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// What did not hold.
    pub findings: Vec<String>,
    /// What was counted.
    pub counts: Counts,
    /// The programs' last words; empty where all held.
    pub last_words: String,
}

/// A batch that a user was told of.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// Whose.
    pub owner: Person,
    /// How many items it was asked to have.
    pub images: usize,
    /// Retries that were answered, by item.
    pub retries: BTreeMap<String, u32>,
    /// Items that somebody asked to cancel, answered or not.
    pub cancels: BTreeSet<String>,
}

/// Everything that the clients of a round share.
pub struct World {
    /// What lasts until the last life.
    pub climate: Climate,
    /// Tasks that may be active upstream at once.
    pub slots: u32,
    /// The upstream.
    pub fake: FakeUpstream,
    /// The way to the server.
    pub door: Door,
    /// What clients do and see.
    pub sights: Sights,
    /// Findings and counts.
    pub report: Report,
    accepted: Mutex<BTreeMap<String, Accepted>>,
    watched: Mutex<Vec<Watched>>,
    calm: AtomicBool,
}

struct Watched {
    batch: String,
    memory: watch::Receiver<Memory>,
    task: JoinHandle<()>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl World {
    /// Nothing is killed any more: users finish.
    pub fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    /// A user was told of a batch; somebody watches it, if at all, with known revisions or without.
    pub fn accept(world: &Arc<Self>, batch: String, accepted: Accepted, watched: Option<bool>) {
        let token = accepted.owner.token.clone();
        if lock(&world.accepted)
            .insert(batch.clone(), accepted)
            .is_some()
        {
            world.report.finding(format!("{batch} was made twice"));
        }
        if let Some(known) = watched {
            let (sender, memory) = watch::channel(Memory::default());
            let watching = watcher::watch(Arc::clone(world), token, batch.clone(), known, sender);
            lock(&world.watched).push(Watched {
                batch,
                memory,
                task: tokio::spawn(watching),
            });
        }
    }

    /// Changes what is known of a batch.
    pub fn of_batch(&self, batch: &str, change: impl FnOnce(&mut Accepted)) {
        if let Some(accepted) = lock(&self.accepted).get_mut(batch) {
            change(accepted);
        }
    }

    /// All batches that users were told of.
    pub fn accepted(&self) -> BTreeMap<String, Accepted> {
        lock(&self.accepted).clone()
    }

    /// The items of a batch.
    ///
    /// # Errors
    /// What the server refuses with.
    pub async fn items(&self, token: &str, batch: &str) -> Result<Vec<v1::VideoItem>, Status> {
        let call = |session: Session| {
            let request = v1::ListItemsRequest {
                batch_id: batch.to_owned(),
                page_size: 200,
                ..v1::ListItemsRequest::default()
            };
            async move {
                let mut client = BatchServiceClient::new(session.channel.clone());
                client.list_items(session.request(request)).await
            }
        };
        let said = self.door.until_said(token, &self.report, call).await?;
        Ok(said.items)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Plays the round of a seed.
pub async fn play(ground: Arc<Ground>, seed: u64) -> Outcome {
    let begun = Instant::now();
    let mut dice = Dice::new(seed);
    let folder = folder();
    let origin = Timestamp::now();
    let climate = Climate::roll(&mut dice);
    let slots = match climate {
        Climate::Changing => 1 + dice.below(4) as u32,
        // More than there are tasks that run long.
        Climate::Deaf => weather::LONG_TASKS as u32 + 2,
    };
    let fake = FakeUpstream::start(upstream(&mut dice, origin))
        .await
        .expect("two free ports");
    let setting = Setting {
        data: folder.path().join("data"),
        base_url: fake.base_url(),
        token: fake.token(),
        origin,
        log: folder.path().join("log"),
        config: folder.path().join("vbatchd.toml"),
    };
    let world = Arc::new(World {
        climate,
        slots,
        fake,
        door: Door::default(),
        sights: Sights::default(),
        report: Report::default(),
        accepted: Mutex::default(),
        watched: Mutex::default(),
        calm: AtomicBool::new(false),
    });
    let played = async {
        let words = |error: std::io::Error| error.to_string();
        ground.copy_to(&setting.data).map_err(words)?;
        let told = format!("[upstream]\nconcurrency = {}\n", world.slots);
        std::fs::write(&setting.config, told).map_err(words)?;
        live(&world, &ground, &setting, &mut dice).await
    };
    world.report.check("the round", played.await);
    // Its watchers hold the world; they end with this.
    lock(&world.watched).clear();
    world.report.count("rounds");
    if world.climate == Climate::Deaf {
        world.report.count("rounds without cancels");
    }
    world.report.add(
        "milliseconds of all rounds",
        begun.elapsed().as_millis() as usize,
    );
    let (findings, counts) = world.report.taken();
    let last_words = match findings.is_empty() {
        true => String::new(),
        false => last_words(&setting.log, 400),
    };
    Outcome {
        seed,
        findings,
        counts,
        last_words,
    }
}

fn upstream(dice: &mut Dice, origin: Timestamp) -> UpstreamConfig {
    UpstreamConfig {
        limits: Limits {
            active: UPSTREAM_ACTIVE,
            ..Limits::none()
        },
        queue: dice.seconds(0, 4),
        run: dice.seconds(2, 20),
        workers: 1 + dice.below(4) as usize,
        video: Bytes::from(std::fs::read(media("film.mp4")).expect("a film")),
        signature_bytes: VIDEO_BYTES,
        epoch: origin,
        speed: SPEED,
        ..UpstreamConfig::default()
    }
}

async fn live(
    world: &Arc<World>,
    ground: &Ground,
    setting: &Setting,
    dice: &mut Dice,
) -> Result<(), String> {
    weather::script_tasks(&world.fake, world.climate, dice);
    let mut users = JoinSet::new();
    for person in &ground.users {
        let own = Dice::new(dice.bits());
        users.spawn(User::new(Arc::clone(world), person.clone(), own).work());
    }
    let kills = 2 + dice.below(4) as u32;
    for life in 1..=kills {
        die(world, setting, dice, life).await?;
    }

    world.calm.store(true, Ordering::Relaxed);
    weather::clear(&world.fake);
    let last = kills + 1;
    let mut program = Program::start(setting).map_err(|error| error.to_string())?;
    let address = program.listening().await?;
    world.door.open(last, address);
    timeout(DEADLINE, async {
        while let Some(ended) = users.join_next().await {
            world
                .report
                .check("a user", ended.map_err(|it| it.to_string()));
        }
    })
    .await
    .map_err(|_| "the users do not come to an end")?;
    timeout(DEADLINE, drain(world, &ground.admin))
        .await
        .map_err(|_| format!("it does not drain: {:?}", world.fake.tasks()))??;
    look_around(world, &ground.users).await?;
    world.door.close();
    if dice.chance(30) {
        // Nothing is under way: the next start has nothing to take over.
        program.kill().await?;
        program = Program::start(setting).map_err(|error| error.to_string())?;
        program.listening().await?;
    }
    program.terminate().await?;

    let report = &world.report;
    report.check("the files", files::are_tidy(&setting.data));
    report.check("the files", files::are_whole(&setting.data, report));
    let view = books::View {
        accepted: world.accepted(),
        users: ground.users.clone(),
        upstream: world.fake.upstream(),
        slots: world.slots as usize,
    };
    books::compare(&setting.data, &view, report).await
}

/// One life that ends by a kill.
async fn die(world: &World, setting: &Setting, dice: &mut Dice, life: u32) -> Result<(), String> {
    let moment = Moment::roll(dice);
    let delay = moment.delay(dice);
    weather::break_out(&world.fake, world.climate, dice);
    let mut program = Program::start(setting).map_err(|error| error.to_string())?;
    if moment != Moment::Starting {
        let address = program.listening().await?;
        world.door.open(life, address);
        if !moment.comes(&world.fake, &world.sights).await {
            world.report.count("kills, the moment did not come");
        }
    }
    sleep(delay).await;
    program.kill().await?;
    world.door.close();
    world.fake.clear_faults();
    // What the dead have sent may still be on its way; a real upstream is through with it long before 60 s.
    world.fake.until_left_alone(LEFT_ALONE).await;
    if moment != Moment::Starting {
        // A start that was cut off may not have made the folders yet.
        let whole = files::are_whole(&setting.data, &world.report);
        world.report.check("the files after a kill", whole);
    }
    world.report.count(&format!("kills {moment}"));
    world.report.count("kills");
    Ok(())
}

/// Waits until every batch has ended and nothing is left upstream.
async fn drain(world: &World, admin: &str) -> Result<(), String> {
    let entry = world.door.enter().await;
    let session = Session {
        channel: entry.channel,
        token: admin.to_owned(),
    };
    let words = |status: Status| format!("while it drains: {status:?}");
    let mut client = BatchServiceClient::new(session.channel.clone());
    let request = v1::WatchBatchesRequest {
        owner_id: "-".to_owned(),
        page_size: 1,
        min_interval: Some(prost_types::Duration::default()),
        ..v1::WatchBatchesRequest::default()
    };
    let stream = client.watch_batches(session.request(request)).await;
    let mut stream = stream.map_err(words)?.into_inner();
    let mut all_ended = false;
    let mut slots_held = true;
    while !all_ended || slots_held {
        use v1::watch_batches_response::Event;
        let message = stream.next().await.ok_or("the live list ends")?;
        let (counts, status) = match message.map_err(words)?.event {
            Some(Event::SnapshotComplete(complete)) => (complete.counts, complete.status),
            Some(Event::Update(update)) => (update.counts, update.status),
            _ => continue,
        };
        all_ended = counts.is_some_and(|counts| counts.created + counts.processing == 0);
        if let Some(status) = status {
            let held =
                |engine: &v1::EngineInfo| engine.slots.is_none_or(|it| it.running + it.cleanup > 0);
            slots_held = status.engines.iter().any(held);
        }
    }
    Ok(())
}

/// What users see when all has ended: their batches and no others, every video, and what watchers were told last.
async fn look_around(world: &World, users: &[Person]) -> Result<(), String> {
    let words = |status: Status| format!("when all has ended: {status:?}");
    let accepted = world.accepted();
    for person in users {
        let call = |session: Session| async move {
            let request = v1::ListBatchesRequest {
                page_size: 200,
                ..v1::ListBatchesRequest::default()
            };
            let mut client = BatchServiceClient::new(session.channel.clone());
            client.list_batches(session.request(request)).await
        };
        let said = world.door.until_said(&person.token, &world.report, call);
        let listed: BTreeSet<String> = said
            .await
            .map_err(words)?
            .batches
            .into_iter()
            .map(|it| it.id)
            .collect();
        let told: BTreeSet<String> = accepted
            .iter()
            .filter(|(_, batch)| batch.owner.id == person.id)
            .map(|(id, _)| id.clone())
            .collect();
        if listed != told {
            world
                .report
                .finding(format!("a user was told of {told:?} and has {listed:?}"));
        }
    }
    let watched = std::mem::take(&mut *lock(&world.watched));
    for (batch, known) in &accepted {
        let items = world
            .items(&known.owner.token, batch)
            .await
            .map_err(words)?;
        if items.len() != known.images {
            world.report.finding(format!(
                "{batch} has {} of {} items",
                items.len(),
                known.images
            ));
        }
        for item in items.iter().filter(|it| it.state() == State::Completed) {
            let video = download::video(world, &known.owner.token, item).await;
            world.report.check("a finished video", video.map(drop));
        }
        for watcher in watched.iter().filter(|it| it.batch == *batch) {
            converged(world, watcher, &items).await;
        }
    }
    Ok(())
}

async fn converged(world: &World, watcher: &Watched, items: &[v1::VideoItem]) {
    let shows = |memory: &Memory| {
        items.iter().all(|item| {
            memory.items.get(&item.position).is_some_and(|told| {
                told.revision == item.revision
                    && told.state == item.state()
                    && told.round == item.round
            })
        })
    };
    let mut memory = watcher.memory.clone();
    let reached = timeout(Duration::from_secs(10), memory.wait_for(shows)).await;
    if !matches!(reached, Ok(Ok(_))) {
        let memory = watcher.memory.borrow().clone();
        world.report.finding(format!(
            "a watcher of {} ends with {memory:?}, the truth is {items:?}",
            watcher.batch
        ));
    }
    world.report.count("watchers");
}

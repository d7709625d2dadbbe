//! What users ask for with a request id, over and over until they are told what became of it, and what they were told.
//!
//! Invariants that are checked: what was granted is there ever after; the same request again is granted the same; of what
//! was refused nothing is there; nothing is there twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use uuid::Uuid;
use vbatch_server::domain::ids::{BatchId, EntryId, ItemId, RequestId, UserId};
use vbatch_server::domain::ledger::Entry;
use vbatch_server::domain::media::{BlobKind, Sha256 as Digested};
use vbatch_server::service::Caller;
use vbatch_server::service::accounts::Accounts;
use vbatch_server::service::admin::Admin;
use vbatch_server::service::batches::Batches;
use vbatch_server::service::batches::change::Retry;
use vbatch_server::service::batches::rerun::Rerun;
use vbatch_server::service::batches::spec::{BatchSpec, FileDigest};
use vbatch_server::service::batches::upload::{Begun, FileHeader};
use vbatch_server::service::error::{Reason, ServiceError};
use vbatch_server::store::query::{ItemSelection, ItemStateName};

use super::books::Books;
use super::dice::Dice;
use super::media::{picture, recording};
use super::node::{ADMIN_PASSWORD, Node, admin_name};

/// Who acts.
pub const USERS: [&str; 3] = ["wang", "amara", "diego"];

/// Something asked for.
#[derive(Debug, Clone)]
pub enum Ask {
    /// A batch of these pictures and this recording.
    Create {
        /// Pictures, by number.
        pictures: Vec<u64>,
        /// The recording.
        recording: u64,
        /// The digests come first.
        announced: bool,
        /// What is wrong with it.
        flaw: Option<Flaw>,
    },
    /// A new round of these items, or of all that failed or were cancelled.
    Retry(BatchId, Vec<ItemId>),
    /// A new batch of the same media.
    Rerun(BatchId, Vec<ItemId>),
    /// So many credits for that user.
    Adjust(usize, i32),
}

/// What is wrong with an upload.
#[derive(Debug, Clone, Copy)]
pub enum Flaw {
    /// It ends too early.
    CutOff,
    /// The last picture is none.
    NoPicture,
}

/// What was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// This batch.
    Batch(BatchId),
    /// A round of these items.
    Rounds(BTreeSet<ItemId>),
    /// This entry.
    Entry(EntryId),
}

/// What became of a wish, as far as its user knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Unknown.
    Open,
    /// It was answered.
    Granted(Grant),
    /// It was refused for good.
    Refused(Reason),
}

/// A request that must happen once.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Who asks, by number; beyond the users: the admin.
    pub who: usize,
    /// For what.
    pub ask: Ask,
    /// What became of it.
    pub standing: Standing,
    id: RequestId,
    /// A name that nothing else has.
    tag: String,
    /// Calls that may still come through.
    under_way: u32,
    /// Calls so far.
    calls: u32,
    /// What was said last, if not what became of it.
    said: Option<ServiceError>,
    /// Rounds of the items when it was granted.
    rounds: BTreeMap<ItemId, u32>,
}

/// All wishes of a life, and who is signed in.
#[derive(Default)]
pub struct Wishes {
    all: Vec<Wish>,
    tokens: BTreeMap<usize, String>,
    wrong: Option<String>,
}

/// Shared by the calls that are under way.
pub type Shared = Arc<Mutex<Wishes>>;

/// The service of one process, as users reach it.
#[derive(Clone)]
pub struct Door {
    /// Signing in.
    pub accounts: Arc<Accounts>,
    /// The operations on batches.
    pub batches: Batches,
    /// Administration.
    pub admin: Arc<Admin>,
    /// What is asked for.
    pub wishes: Shared,
    /// What is committed.
    pub books: Arc<Mutex<Books>>,
}

/// Locks what one thread shares with itself.
pub fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The password of a user.
pub fn password_of(who: usize) -> String {
    match USERS.get(who) {
        Some(name) => format!("{name}, a secret"),
        None => ADMIN_PASSWORD.to_owned(),
    }
}

fn name_of(who: usize) -> &'static str {
    USERS.get(who).copied().unwrap_or(admin_name())
}

impl Wishes {
    /// A new one; answers its place.
    pub fn add(&mut self, who: usize, ask: Ask, dice: &mut Dice) -> usize {
        self.all.push(Wish {
            who,
            ask,
            standing: Standing::Open,
            id: RequestId(Uuid::from_u64_pair(dice.bits(), dice.bits())),
            tag: format!("wish {}", self.all.len()),
            under_way: 0,
            calls: 0,
            said: None,
            rounds: BTreeMap::new(),
        });
        self.all.len() - 1
    }

    /// Those whose users do not know what became of them.
    pub fn open(&self) -> Vec<usize> {
        let open = |place: &usize| self.all[*place].standing == Standing::Open;
        (0..self.all.len()).filter(open).collect()
    }

    /// The first of those, whole.
    pub fn first_open(&self) -> Option<&Wish> {
        self.all.iter().find(|wish| wish.standing == Standing::Open)
    }

    /// Those that were granted.
    pub fn granted(&self) -> Vec<usize> {
        let granted = |place: &usize| matches!(self.all[*place].standing, Standing::Granted(_));
        (0..self.all.len()).filter(granted).collect()
    }

    /// Nothing that is under way comes through any more: the process is gone.
    pub fn all_calls_are_lost(&mut self) {
        for wish in &mut self.all {
            wish.under_way = 0;
        }
    }

    /// What was found wrong first.
    ///
    /// # Errors
    /// In words.
    pub fn found(&self) -> Result<(), String> {
        self.wrong.clone().map_or(Ok(()), Err)
    }

    /// Notes what is wrong.
    pub fn complain(&mut self, words: String) {
        self.wrong.get_or_insert(words);
    }

    fn answered(&mut self, place: usize, answer: Result<Grant, ServiceError>, books: &Books) {
        let wish = &mut self.all[place];
        wish.under_way = wish.under_way.saturating_sub(1);
        let complaint = match (answer, &wish.standing) {
            (Ok(grant), Standing::Granted(before)) if grant != *before => {
                Some(format!("granted {grant:?} and before {wish:?}"))
            }
            (Ok(grant), _) => {
                if let Grant::Rounds(items) = &grant
                    && wish.rounds.is_empty()
                {
                    let round = |id: &ItemId| books.items.get(id).map_or(0, |item| item.round);
                    wish.rounds = items.iter().map(|id| (*id, round(id))).collect();
                }
                wish.standing = Standing::Granted(grant);
                None
            }
            (Err(refusal), _) if says_nothing(refusal.reason) => {
                wish.said = Some(refusal);
                None
            }
            (Err(refusal), _) if refusal.reason == Reason::RequestIdReused => {
                Some(format!("the same request is another: {wish:?}"))
            }
            (Err(refusal), Standing::Granted(_)) => {
                Some(format!("{refusal} after it was granted: {wish:?}"))
            }
            (Err(refusal), _) if wish.under_way == 0 => {
                wish.standing = Standing::Refused(refusal.reason);
                None
            }
            (Err(_), _) => None,
        };
        if let Some(words) = complaint {
            self.complain(words);
        }
    }

    /// Holds what users were told against what is there. `entries` are all of every ledger.
    ///
    /// # Errors
    /// In words, what does not hold.
    pub fn verify(
        &self,
        books: &Books,
        entries: &BTreeMap<UserId, Vec<Entry>>,
    ) -> Result<(), String> {
        self.found()?;
        let mut batches: BTreeMap<&str, BatchId> = BTreeMap::new();
        for batch in books.batches.values() {
            if let Some(other) = batches.insert(&batch.name, batch.id) {
                return Err(format!("made twice: {other} and {batch:?}"));
            }
        }
        let mut notes: BTreeMap<&str, EntryId> = BTreeMap::new();
        let entries = entries.values().flatten();
        for entry in entries.filter(|entry| !entry.note.is_empty()) {
            if let Some(other) = notes.insert(&entry.note, entry.id) {
                return Err(format!("entered twice: {other} and {entry:?}"));
            }
        }
        let mut rounds: BTreeMap<ItemId, u32> = BTreeMap::new();
        for wish in &self.all {
            let batch = batches.remove(wish.tag.as_str());
            let entry = notes.get(wish.tag.as_str()).copied();
            let holds = match &wish.standing {
                Standing::Granted(Grant::Batch(id)) => batch == Some(*id),
                Standing::Granted(Grant::Entry(id)) => entry == Some(*id),
                Standing::Granted(Grant::Rounds(_)) => wish.rounds.iter().all(|(id, round)| {
                    books.items.get(id).is_some_and(|item| item.round >= *round)
                }),
                Standing::Refused(_) => batch.is_none() && entry.is_none(),
                Standing::Open => true,
            };
            if !holds {
                return Err(format!("{batch:?}, {entry:?} for {wish:?}"));
            }
            if let (Some(id), Ask::Create { pictures, .. }) = (batch, &wish.ask) {
                let made = books.items_of(id).count();
                if made != pictures.len() {
                    return Err(format!("{made} items of {wish:?}"));
                }
            }
            if let Ask::Retry(batch, items) = &wish.ask
                && !matches!(wish.standing, Standing::Refused(_))
            {
                let all: Vec<ItemId> = books.items_of(*batch).map(|item| item.id).collect();
                for id in if items.is_empty() { &all } else { items } {
                    *rounds.entry(*id).or_default() += 1;
                }
            }
        }
        if let Some(unasked) = batches.first_key_value() {
            return Err(format!("nobody asked for {unasked:?}"));
        }
        for item in books.items.values() {
            let asked = rounds.get(&item.id).copied().unwrap_or_default();
            if item.round > asked + 1 {
                return Err(format!("asked {asked} times for a round of {item:?}"));
            }
        }
        Ok(())
    }
}

/// Whether a refusal leaves open what became of the request, or comes before anything was looked at.
fn says_nothing(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Internal
            | Reason::StorageFull
            | Reason::ShuttingDown
            | Reason::TooManyUploads
            | Reason::SignInThrottled
            | Reason::BlobCorrupt
            | Reason::FileRemoved
    )
}

impl Door {
    /// The door of a process.
    pub fn of(node: &Node, wishes: &Shared, books: &Arc<Mutex<Books>>) -> Self {
        Self {
            accounts: Arc::clone(&node.accounts),
            batches: node.batches.clone(),
            admin: Arc::clone(&node.admin),
            wishes: Arc::clone(wishes),
            books: Arc::clone(books),
        }
    }

    /// Signs in, or goes on with the token from before.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn caller(&self, who: usize) -> Result<Caller, ServiceError> {
        let token = lock(&self.wishes).tokens.get(&who).cloned();
        if let Some(token) = token {
            match self.accounts.authenticate(&token, None).await {
                Ok(session) => return Ok(session.caller),
                Err(refusal) if refusal.reason == Reason::TokenExpired => {}
                Err(refusal) => return Err(refusal),
            }
        }
        let login = self
            .accounts
            .login(name_of(who), password_of(who).into(), None);
        let signed_in = login.await?;
        let token = secrecy::ExposeSecret::expose_secret(&signed_in.issued.token).to_owned();
        lock(&self.wishes).tokens.insert(who, token.clone());
        Ok(self.accounts.authenticate(&token, None).await?.caller)
    }

    /// Asks once. What is answered is noted; a call that is dropped is lost.
    pub async fn ask(self, place: usize, seed: u64) {
        let wish = {
            let mut wishes = lock(&self.wishes);
            let wish = &mut wishes.all[place];
            wish.under_way += 1;
            wish.calls += 1;
            wish.clone()
        };
        let answer = match self.caller(wish.who).await {
            Ok(caller) => self.perform(&caller, &wish, &mut Dice::new(seed)).await,
            Err(refusal) => {
                if !says_nothing(refusal.reason) {
                    lock(&self.wishes).complain(format!("not let in: {refusal}"));
                }
                Err(ServiceError::new(Reason::Internal, refusal.to_string()))
            }
        };
        let books = lock(&self.books);
        lock(&self.wishes).answered(place, answer, &books);
    }

    async fn perform(
        &self,
        caller: &Caller,
        wish: &Wish,
        dice: &mut Dice,
    ) -> Result<Grant, ServiceError> {
        let request_id = Some(wish.id);
        match &wish.ask {
            Ask::Create { .. } => self.create(caller, wish, dice).await,
            Ask::Retry(batch, items) => {
                let states = match items.is_empty() {
                    true => vec![ItemStateName::Failed, ItemStateName::Cancelled],
                    false => Vec::new(),
                };
                let retry = Retry {
                    batch: *batch,
                    selection: ItemSelection {
                        ids: items.clone(),
                        states,
                    },
                    request_id,
                    max_credits: None,
                };
                let retried = self.batches.retry(caller, retry).await?;
                Ok(Grant::Rounds(retried.changed.items.into_iter().collect()))
            }
            Ask::Rerun(batch, items) => {
                let rerun = Rerun {
                    batch: *batch,
                    engine: None,
                    prompt: None,
                    negative_prompt: None,
                    name: Some(wish.tag.clone()),
                    items: items.clone(),
                    labels: std::collections::HashMap::new(),
                    request_id,
                    max_credits: None,
                };
                let made = self.batches.rerun(caller, rerun).await?;
                Ok(Grant::Batch(made.batch.id))
            }
            Ask::Adjust(user, delta) => {
                let id = lock(&self.books).user(USERS[*user]).map(|user| user.id);
                let Some(id) = id else {
                    return Err(ServiceError::new(Reason::Internal, "nobody is there yet"));
                };
                let note = wish.tag.clone();
                let adjust = self
                    .admin
                    .adjust_credits(caller, id, *delta, note, request_id);
                Ok(Grant::Entry(adjust.await?.1.id))
            }
        }
    }

    async fn create(
        &self,
        caller: &Caller,
        wish: &Wish,
        dice: &mut Dice,
    ) -> Result<Grant, ServiceError> {
        let Ask::Create {
            pictures,
            recording: sound,
            announced,
            flaw,
        } = &wish.ask
        else {
            return Err(ServiceError::new(Reason::Internal, "no creation"));
        };
        let mut files = vec![(BlobKind::Audio, "speech.wav".to_owned(), recording(*sound))];
        for (place, number) in pictures.iter().enumerate() {
            files.push((BlobKind::Image, format!("{place}.png"), picture(*number)));
        }
        if let (Some(Flaw::NoPicture), Some(last)) = (flaw, files.last_mut()) {
            last.2 = b"no picture at all".to_vec();
        }
        let digests = files.iter().map(|(kind, filename, content)| FileDigest {
            kind: *kind,
            filename: filename.clone(),
            size_bytes: content.len() as u64,
            sha256: Digested(Sha256::digest(content).into()),
        });
        let spec = BatchSpec {
            name: wish.tag.clone(),
            image_count: pictures.len() as i64,
            request_id: Some(wish.id),
            files: digests
                .take(if *announced { usize::MAX } else { 0 })
                .collect(),
            ..BatchSpec::default()
        };
        let mut upload = match self.batches.begin(caller, spec).await? {
            Begun::Replayed(made) => return Ok(Grant::Batch(made.batch.id)),
            Begun::Upload(upload) => upload,
        };
        let count = files.len();
        for (place, (kind, filename, content)) in files.into_iter().enumerate() {
            if place + 1 == count && matches!(flaw, Some(Flaw::CutOff)) {
                break;
            }
            upload
                .file_header(FileHeader {
                    kind,
                    filename,
                    size_bytes: content.len() as i64,
                    sha256: None,
                })
                .await?;
            let middle = dice.below(content.len() as u64) as usize;
            for chunk in [&content[..middle], &content[middle..]] {
                if !chunk.is_empty() {
                    upload.chunk(chunk).await?;
                }
                if dice.chance(10) {
                    tokio::time::sleep(dice.between(Duration::ZERO, Duration::from_millis(400)))
                        .await;
                }
            }
        }
        Ok(Grant::Batch(upload.finish().await?.batch.id))
    }
}

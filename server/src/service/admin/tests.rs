//! Administration over a store in memory, in virtual time, with an upstream that answers as it is told.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::ledger::{LedgerFilter, Whose};
use super::upstream::{Standing, TokenUpdate};
use super::users::{NewAccount, NewUser, ONE_TIME_LIFETIME};
use super::warnings::{Warning, WarningReason};
use super::*;
use crate::domain::batch::EngineKind;
use crate::domain::books::last_look::{self, LastLook};
use crate::domain::dispatching::DispatchState;
use crate::domain::ids::{RequestId, TaskId, UserId};
use crate::domain::ledger::EntryKind;
use crate::domain::pricing::Pricing;
use crate::domain::user::{ADMIN_CREDITS, INITIAL_CREDITS, MAX_CREDITS, Role, User};
use crate::engine::{
    CancelAnswer, Credentials, FetchError, NewTask, QueryAnswer, ReadError, SubmitError, Submitted,
    TaskPage, VideoSink,
};
use crate::feed::engine_status::{EngineStatus, EngineStatuses, TokenState};
use crate::service::Access;
use crate::store::redb::RedbStore;

/// An upstream of which only the answer to a check is asked.
#[derive(Default)]
struct Upstream {
    answer: Mutex<Option<ReadError>>,
}

#[async_trait]
impl Engine for Upstream {
    async fn submit(&self, _: &Credentials, _: NewTask) -> Result<Submitted, SubmitError> {
        panic!("administration submits nothing")
    }

    async fn query(
        &self,
        _: &Credentials,
        _: &[TaskId],
    ) -> Result<Vec<(TaskId, QueryAnswer)>, ReadError> {
        panic!("administration asks for no task")
    }

    async fn list(&self, _: &Credentials, _: u32) -> Result<TaskPage, ReadError> {
        panic!("administration lists no tasks")
    }

    async fn cancel(&self, _: &Credentials, _: &TaskId) -> Result<CancelAnswer, ReadError> {
        panic!("administration cancels nothing")
    }

    async fn fetch(
        &self,
        _: &Credentials,
        _: &TaskId,
        _: &mut dyn VideoSink,
    ) -> Result<(), FetchError> {
        panic!("administration fetches nothing")
    }

    async fn check(&self, _: &Credentials) -> Result<(), ReadError> {
        self.answer.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

struct Office {
    admin: Admin,
    upstream: Arc<Upstream>,
    chief: Caller,
}

impl Office {
    async fn new() -> Self {
        Self::with_upstream(true).await
    }

    async fn with_upstream(is_configured: bool) -> Self {
        let clock = Clock::simulated(Timestamp::from_second(1_800_000_000).unwrap(), 1);
        let store = Arc::new(RedbStore::in_memory(clock.clone()).unwrap());
        Self::over(store, clock, is_configured).await
    }

    async fn over(store: Arc<RedbStore>, clock: Clock, is_configured: bool) -> Self {
        let feed = store.feed().clone();
        let accounts = Accounts::open(store.clone(), feed.clone(), clock.clone()).await;
        let accounts = Arc::new(accounts.unwrap());
        accounts.bootstrap(None).await.unwrap();
        let chief = store.user_by_name("admin").await.unwrap().unwrap();
        let upstream = Arc::new(Upstream::default());
        let engine: Arc<dyn Engine> = upstream.clone();
        let admin = Admin::new(Parts {
            store,
            feed,
            accounts,
            upstream: is_configured.then_some(engine),
            offer: Offer {
                default_engine: None,
                upstream_host: is_configured.then(|| "x2v.example.com".to_owned()),
                pricing: Pricing::default(),
            },
            instance: clock.instance_id(),
            start_time: clock.now(),
            data_dir: ".".into(),
            clock,
        });
        Self {
            admin,
            upstream,
            chief: caller(&chief),
        }
    }

    async fn create(&self, new: NewUser) -> Result<NewAccount, ServiceError> {
        self.admin.create_user(&self.chief, new).await
    }

    async fn user(&self, name: &str) -> User {
        self.create(new_user(name)).await.ok().unwrap().user
    }

    async fn adjust(
        &self,
        user: &User,
        delta: i32,
        request: Option<u128>,
    ) -> Result<i32, ServiceError> {
        let request = request.map(|id| RequestId(Uuid::from_u128(id)));
        let changed = self
            .admin
            .adjust_credits(&self.chief, user.id, delta, "gift".to_owned(), request)
            .await;
        changed.map(|(user, _)| user.credit_balance)
    }

    async fn set(
        &self,
        user: &User,
        credits: i32,
        expected: Option<i32>,
    ) -> Result<Option<i32>, ServiceError> {
        let changed = self
            .admin
            .set_credits(&self.chief, user.id, credits, expected, String::new())
            .await;
        changed.map(|(_, entry)| entry.map(|entry| entry.delta))
    }

    /// All pages of a ledger, as (username, kind, delta).
    async fn ledger(&self, filter: &LedgerFilter, page_size: i32) -> Vec<(String, EntryKind, i32)> {
        let mut lines = Vec::new();
        let mut token = String::new();
        loop {
            let (page, next) = self
                .admin
                .list_ledger_entries(&self.chief, filter, page_size, &token)
                .await
                .unwrap();
            assert!(page.len() <= usize::try_from(page_size).unwrap());
            lines.extend(page);
            if next.is_empty() {
                break;
            }
            token = next;
        }
        let times: Vec<_> = lines.iter().map(|line| line.entry.id).collect();
        assert!(times.is_sorted_by(|newer, older| newer > older));
        lines
            .into_iter()
            .map(|line| (line.username, line.entry.kind, line.entry.delta))
            .collect()
    }

    fn answer(&self, answer: Option<ReadError>) {
        *self.upstream.answer.lock().unwrap() = answer;
    }

    async fn put(&self, token: &str, force: bool) -> Result<TokenUpdate, ServiceError> {
        self.admin
            .update_upstream_token(&self.chief, token.into(), force)
            .await
    }

    async fn warnings(&self) -> Vec<WarningReason> {
        let report = self.admin.system_status(&self.chief).await.unwrap();
        let kept = report.warnings.into_iter().map(|warning| warning.reason);
        // What the disk of whoever runs the test has to say is another matter.
        kept.filter(|reason| !matches!(reason, WarningReason::DiskLow | WarningReason::StorageFull))
            .collect()
    }
}

fn caller(user: &User) -> Caller {
    Caller {
        user: user.id,
        username: user.username.clone(),
        role: user.role,
        address: None,
        access: Access::SignIn,
    }
}

fn new_user(name: &str) -> NewUser {
    NewUser {
        username: name.to_owned(),
        display_name: String::new(),
        role: Role::User,
        credits: None,
        language: String::new(),
        password: None,
    }
}

fn of(whose: Whose) -> LedgerFilter {
    LedgerFilter {
        whose,
        batch: None,
        kinds: Vec::new(),
    }
}

fn jwt(subject: &str, expire_time: Timestamp) -> String {
    let claims = format!(r#"{{"sub":"{subject}","exp":{}}}"#, expire_time.as_second());
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
}

fn reason<T>(result: Result<T, ServiceError>) -> Option<Reason> {
    result.err().map(|error| error.reason)
}

#[tokio::test(start_paused = true)]
async fn a_new_user_gets_credits_and_a_password_for_a_week() {
    let office = Office::new().await;
    let made = office.create(new_user(" Wang.Fang ")).await.ok().unwrap();
    assert_eq!(made.user.username, "wang.fang");
    assert_eq!(made.user.credit_balance, INITIAL_CREDITS);
    assert!(made.user.password_change_required);
    let (password, expire_time) = made.one_time_password.unwrap();
    assert_eq!(expire_time, made.user.create_time + ONE_TIME_LIFETIME);
    assert_eq!(made.user.password_expire_time, Some(expire_time));
    let accounts = &office.admin.parts.accounts;
    let signed_in = accounts.login("wang.fang", password, None).await.unwrap();
    assert!(signed_in.user.password_change_required);

    let given = NewUser {
        password: Some("correct horse".into()),
        role: Role::Admin,
        credits: Some(0),
        ..new_user("li")
    };
    let made = office.create(given).await.ok().unwrap();
    assert!(made.one_time_password.is_none() && made.user.password_change_required);
    assert_eq!((made.user.credit_balance, made.user.role), (0, Role::Admin));
    assert_eq!(made.user.password_expire_time, None);
}

#[tokio::test(start_paused = true)]
async fn a_user_who_cannot_be_is_refused_by_field() {
    let office = Office::new().await;
    office.user("wang").await;
    let taken = office.create(new_user("WANG")).await.err().unwrap();
    assert_eq!(taken.reason, Reason::UsernameTaken);
    assert_eq!(taken.metadata, [("username", "wang".to_owned())]);
    let long = "x".repeat(201);
    for (field, new) in [
        ("username", new_user("a b")),
        ("username", new_user("")),
        (
            "display_name",
            NewUser {
                display_name: long,
                ..new_user("li")
            },
        ),
        (
            "language",
            NewUser {
                language: "xx".to_owned(),
                ..new_user("li")
            },
        ),
        (
            "credits",
            NewUser {
                credits: Some(-1),
                ..new_user("li")
            },
        ),
        (
            "credits",
            NewUser {
                credits: Some(MAX_CREDITS + 1),
                ..new_user("li")
            },
        ),
        (
            "password",
            NewUser {
                password: Some("li".into()),
                ..new_user("li")
            },
        ),
    ] {
        let error = office.create(new).await.err().unwrap();
        assert_eq!(error.field.as_deref(), Some(field));
    }
    let (users, _) = office
        .admin
        .list_users(&office.chief, "li", 0, "")
        .await
        .unwrap();
    assert_eq!(users.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn users_are_listed_by_name_in_pages_bound_to_their_filter() {
    let office = Office::new().await;
    for name in ["wang1", "wang2", "wang3", "li"] {
        office.user(name).await;
    }
    let list = async |text: &str, size, token: &str| {
        let listed = office
            .admin
            .list_users(&office.chief, text, size, token)
            .await;
        listed.map(|(users, next)| {
            let names: Vec<_> = users.into_iter().map(|user| user.username).collect();
            (names.join(" "), next)
        })
    };
    let (names, next) = list("", 0, "").await.unwrap();
    assert_eq!(
        (names.as_str(), next.as_str()),
        ("admin li wang1 wang2 wang3", "")
    );
    let (names, next) = list("WANG", 2, "").await.unwrap();
    assert_eq!(names, "wang1 wang2");
    assert_eq!(list("WANG", 2, &next).await.unwrap().0, "wang3");
    assert_eq!(
        reason(list("li", 2, &next).await),
        Some(Reason::PageTokenInvalid)
    );
    assert_eq!(
        reason(list("", 2, "broken").await),
        Some(Reason::PageTokenInvalid)
    );
    assert_eq!(reason(list("", -1, "").await), Some(Reason::FieldInvalid));
    assert_eq!(
        reason(list(&"x".repeat(201), 0, "").await),
        Some(Reason::FieldInvalid)
    );
}

#[tokio::test(start_paused = true)]
async fn a_balance_is_set_only_from_the_one_that_was_seen() {
    let office = Office::new().await;
    let wang = office.user("wang").await;
    assert_eq!(office.set(&wang, 250, Some(100)).await.unwrap(), Some(150));
    assert_eq!(office.set(&wang, 250, Some(250)).await.unwrap(), None);
    let changed = office.set(&wang, 0, Some(100)).await.unwrap_err();
    assert_eq!(changed.reason, Reason::BalanceChanged);
    let facts = [
        ("expected", "100".to_owned()),
        ("available", "250".to_owned()),
    ];
    assert_eq!(changed.metadata, facts);
    for (credits, expected, field) in [
        (-1, Some(250), "credits"),
        (MAX_CREDITS + 1, Some(250), "credits"),
        (5, None, "expected_balance"),
    ] {
        let error = office.set(&wang, credits, expected).await.unwrap_err();
        assert_eq!(error.field.as_deref(), Some(field));
    }
    let nobody = User {
        id: UserId(Uuid::from_u128(1)),
        ..wang
    };
    assert_eq!(
        reason(office.set(&nobody, 5, Some(0)).await),
        Some(Reason::UserNotFound)
    );
}

#[tokio::test(start_paused = true)]
async fn an_adjustment_happens_once_however_often_it_is_sent() {
    let office = Office::new().await;
    let wang = office.user("wang").await;
    assert_eq!(office.adjust(&wang, 50, Some(7)).await.unwrap(), 150);
    assert_eq!(office.adjust(&wang, 50, Some(7)).await.unwrap(), 150);
    assert_eq!(
        office.adjust(&wang, 51, Some(7)).await.unwrap_err().reason,
        Reason::RequestIdReused
    );
    assert_eq!(office.adjust(&wang, 50, Some(8)).await.unwrap(), 200);
    assert_eq!(office.adjust(&wang, -200, None).await.unwrap(), 0);
    let error = office.adjust(&wang, -1, None).await.unwrap_err();
    assert_eq!(error.reason, Reason::InsufficientCredits);
    let facts = [("required", "1".to_owned()), ("available", "0".to_owned())];
    assert_eq!(error.metadata, facts);
    for bad in [0, i32::MAX, i32::MIN] {
        assert_eq!(
            reason(office.adjust(&wang, bad, None).await),
            Some(Reason::FieldInvalid)
        );
    }
    let long = office
        .admin
        .adjust_credits(&office.chief, wang.id, 1, "钱".repeat(501), None)
        .await;
    assert_eq!(long.unwrap_err().field.as_deref(), Some("note"));
    let lines = office.ledger(&of(Whose::One(wang.id)), 200).await;
    let deltas: Vec<_> = lines.iter().map(|(_, _, delta)| *delta).collect();
    assert_eq!(deltas, [-200, 50, 50, 100]);
}

/// Each change of a balance names who made it, of whom, and what it came to; a refusal leaves no word.
#[tokio::test(start_paused = true)]
async fn changes_of_credits_are_audited() {
    let office = Office::new().await;
    let wang = office.user("wang").await;
    office.adjust(&wang, 50, Some(7)).await.unwrap();
    office.adjust(&wang, 50, Some(7)).await.unwrap();
    office.set(&wang, 20, Some(150)).await.unwrap();
    assert!(office.set(&wang, 5, Some(150)).await.is_err());
    assert!(office.adjust(&wang, -21, None).await.is_err());
    let events = office.admin.parts.store.audit(None, 2).await.unwrap();
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event.action.as_str(),
                event.target.as_ref().unwrap().name.as_str(),
                event.detail.as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("credits.set", "wang", "from 150 to 20"),
            ("credits.adjust", "wang", "+50, now 150"),
        ]
    );
    assert!(
        events
            .iter()
            .all(|event| event.actor == office.chief.actor())
    );
}

/// Twins at the same moment, on several threads and a writer of their own, make one entry; after a restart it is still
/// that entry, and other content is still refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_adjustment_happens_once_among_twins_and_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let clock = |seconds| Clock::simulated(Timestamp::from_second(seconds).unwrap(), 1);
    let open = async |seconds| {
        let clock = clock(seconds);
        let store = Arc::new(RedbStore::open(&path, clock.clone()).unwrap());
        Arc::new(Office::over(store, clock, true).await)
    };
    let office = open(1_800_000_000).await;
    let wang = office.user("wang").await;
    let twins = (0..8).map(|_| {
        let (office, wang) = (Arc::clone(&office), wang.clone());
        tokio::spawn(async move { office.adjust(&wang, 50, Some(7)).await.unwrap() })
    });
    for twin in twins.collect::<Vec<_>>() {
        assert_eq!(twin.await.unwrap(), 150);
    }
    drop(office);

    let office = open(1_800_000_100).await;
    assert_eq!(office.adjust(&wang, 50, Some(7)).await.unwrap(), 150);
    assert_eq!(
        reason(office.adjust(&wang, 5, Some(7)).await),
        Some(Reason::RequestIdReused)
    );
    let lines = office.ledger(&of(Whose::One(wang.id)), 200).await;
    assert_eq!(lines.len(), 2, "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn everyones_ledger_is_one_list_whatever_the_page() {
    let office = Office::new().await;
    let (wang, li) = (office.user("wang").await, office.user("li").await);
    office.user("poor").await;
    for round in 1..=20 {
        let user = if round % 3 == 0 { &li } else { &wang };
        office.adjust(user, round, None).await.unwrap();
    }
    let all = office.ledger(&of(Whose::Everyone), 200).await;
    assert_eq!(all.len(), 24);
    assert_eq!(all[0], ("wang".to_owned(), EntryKind::Adjustment, 20));
    assert_eq!(all[2], ("li".to_owned(), EntryKind::Adjustment, 18));
    assert_eq!(
        all[23],
        ("admin".to_owned(), EntryKind::Grant, ADMIN_CREDITS)
    );
    for size in [1, 3, 7, 23, 24] {
        assert_eq!(
            office.ledger(&of(Whose::Everyone), size).await,
            all,
            "pages of {size}"
        );
    }

    let grants = LedgerFilter {
        kinds: vec![EntryKind::Grant],
        ..of(Whose::Everyone)
    };
    let names = office.ledger(&grants, 2).await;
    let names: Vec<_> = names.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["poor", "li", "wang", "admin"]);

    let page = async |filter: &LedgerFilter, token: &str| {
        let (admin, chief) = (&office.admin, &office.chief);
        admin.list_ledger_entries(chief, filter, 1, token).await
    };
    let (_, next) = page(&of(Whose::Everyone), "").await.unwrap();
    assert!(!next.is_empty());
    let elsewhere = page(&of(Whose::One(wang.id)), &next).await;
    assert_eq!(reason(elsewhere), Some(Reason::PageTokenInvalid));
}

#[tokio::test(start_paused = true)]
async fn dispatch_is_set_in_its_bounds_and_what_is_absent_stays() {
    let office = Office::new().await;
    let set = async |state, concurrency| {
        let set = office
            .admin
            .set_dispatch(&office.chief, state, concurrency)
            .await;
        set.map(|settings| (settings.state, settings.concurrency))
    };
    let (_, standing) = set(None, None).await.unwrap();
    let paused = set(Some(DispatchState::Paused), None).await.unwrap();
    assert_eq!(paused, (DispatchState::Paused, standing));
    assert!(
        office
            .warnings()
            .await
            .contains(&WarningReason::DispatchPaused)
    );
    assert_eq!(
        set(None, Some(1_000)).await.unwrap(),
        (DispatchState::Paused, 1_000)
    );
    for bad in [0, -1, 1_001] {
        assert_eq!(
            reason(set(None, Some(bad)).await),
            Some(Reason::FieldInvalid)
        );
    }
    let settings = office.admin.parts.store.dispatch_settings().await.unwrap();
    assert_eq!(settings.concurrency, 1_000);
    assert_eq!(settings.changed_by, office.chief.actor());
    set(Some(DispatchState::Running), None).await.unwrap();
    assert!(
        !office
            .warnings()
            .await
            .contains(&WarningReason::DispatchPaused)
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_is_tried_before_it_is_taken() {
    let office = Office::new().await;
    let now = office.admin.parts.clock.now();
    let in_a_week = now + std::time::Duration::from_secs(7 * 24 * 3_600);
    assert!(
        office
            .warnings()
            .await
            .contains(&WarningReason::UpstreamTokenNotSet)
    );

    let first = jwt("alice", in_a_week);
    let update = office
        .put(&format!(" Bearer {first}\n"), false)
        .await
        .unwrap();
    assert_eq!(update.account.0, "alice");
    assert_eq!(
        (update.standing, update.expire_time),
        (Standing::Good, Some(in_a_week))
    );
    assert_eq!(update.previous, None);
    let tokens = office.admin.parts.store.upstream_tokens().await.unwrap();
    assert_eq!(
        (tokens.len(), tokens[0].token.as_str()),
        (1, first.as_str())
    );
    assert_eq!(office.warnings().await, [WarningReason::DefaultPassword]);

    let message = || "Token has expired".to_owned();
    let refusals = [
        (ReadError::Token { message: message() }, Standing::Refused),
        (
            ReadError::Weather {
                message: message(),
                reached: false,
            },
            Standing::Untried,
        ),
    ];
    for (answer, standing) in refusals {
        office.answer(Some(answer));
        let error = office.put(&jwt("bob", in_a_week), false).await.unwrap_err();
        assert_eq!(error.reason, Reason::UpstreamTokenRejected);
        assert_eq!(error.metadata, [("upstream_message", message())]);
        let kept = office.admin.parts.store.upstream_tokens().await.unwrap();
        assert_eq!(kept[0].account.0, "alice");

        let forced = office.put(&jwt("bob", in_a_week), true).await.unwrap();
        assert_eq!(
            (forced.standing, forced.upstream_message),
            (standing, message())
        );
        assert_eq!(forced.previous.unwrap().account.0, "alice");
        office.answer(None);
        assert_eq!(
            office
                .put(&first, false)
                .await
                .unwrap()
                .previous
                .unwrap()
                .account
                .0,
            "bob"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_near_its_end_and_one_that_is_refused_are_warned_of() {
    let office = Office::new().await;
    let now = office.admin.parts.clock.now();
    let soon = jwt("alice", now + std::time::Duration::from_secs(3_600));
    office.put(&soon, false).await.unwrap();
    assert!(
        office
            .warnings()
            .await
            .contains(&WarningReason::UpstreamTokenExpiring)
    );
    let past = jwt("alice", now - std::time::Duration::from_secs(1));
    office.put(&past, true).await.unwrap();
    assert!(
        office
            .warnings()
            .await
            .contains(&WarningReason::UpstreamTokenExpired)
    );
    office.answer(Some(ReadError::Token {
        message: String::new(),
    }));
    office.put("opaque", true).await.unwrap();
    assert!(
        office
            .warnings()
            .await
            .contains(&WarningReason::UpstreamTokenRefused)
    );
}

#[tokio::test(start_paused = true)]
async fn an_address_where_nothing_is_known_and_books_that_do_not_agree_are_warned_of() {
    let office = Office::new().await;
    office.put("opaque", false).await.unwrap();
    let now = office.admin.now();
    let mut status = EngineStatus::new(3, TokenState::Ok);
    status.unavailable_since = Some(now);
    let mut statuses = EngineStatuses::default();
    statuses.engines.insert(EngineKind::LightX2v, status);
    let told = || async {
        let report = office.admin.system_status(&office.chief).await.unwrap();
        let told = report.warnings.into_iter().filter(|warning| {
            use WarningReason::{UpstreamAddressWrong, VerifyFailed};
            matches!(warning.reason, UpstreamAddressWrong | VerifyFailed)
        });
        (report.last_verify, told.collect::<Vec<_>>())
    };
    assert_eq!(told().await, (None, Vec::new()));
    office.admin.feed().set_engines(statuses);
    let (_, warnings) = told().await;
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].reason, WarningReason::UpstreamAddressWrong);
    assert_eq!(warnings[0].since, Some(now));
    assert!(warnings[0].message.contains("LIGHTX2V_BASE_URL"));
    office.admin.feed().set_engines(EngineStatuses::default());

    for (detail, count) in [("", 0), ("user 1: its balance is 3, not 4", 1)] {
        let look = LastLook {
            finish_time: now,
            detail: detail.to_owned(),
        };
        let store = &office.admin.parts.store;
        store
            .set_setting(last_look::SETTING, look.to_bytes())
            .await
            .unwrap();
        let (last, warnings) = told().await;
        assert_eq!(last, Some(look));
        assert_eq!(warnings.len(), count);
        let of_books = |warning: &Warning| warning.reason == WarningReason::VerifyFailed;
        assert!(warnings.iter().all(of_books));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_token_and_an_upstream_that_is_not_there_are_refused() {
    let office = Office::new().await;
    for bad in [
        "",
        "  ",
        "Bearer ",
        "two words",
        "王芳",
        "a\nb",
        &"x".repeat(4_097),
    ] {
        let error = office.put(bad, true).await.unwrap_err();
        assert_eq!(error.field.as_deref(), Some("token"), "{bad:.20}");
    }
    let bare = Office::with_upstream(false).await;
    assert_eq!(
        reason(bare.put("opaque", true).await),
        Some(Reason::EngineUnavailable)
    );
    assert_eq!(bare.warnings().await, [WarningReason::DefaultPassword]);
}

#[tokio::test(start_paused = true)]
async fn the_one_time_password_is_not_the_same_for_two_users() {
    let office = Office::new().await;
    let password = async |name| {
        let made = office.create(new_user(name)).await.ok().unwrap();
        let (password, _) = made.one_time_password.unwrap();
        password.expose_secret().to_owned()
    };
    assert_ne!(password("wang").await, password("li").await);
}

//! Accounts over a store in memory, in virtual time.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, advance};

use super::*;
use crate::auth::throttle::FREE_BY_NAME;
use crate::auth::tokens::{LIFETIME, RENEWABLE};
use crate::domain::ledger::Actor;
use crate::domain::user::{ADMIN_CREDITS, Role};
use crate::service::Access;
use crate::service::session::{Session, SessionEnd};
use crate::store::UserChange;
use crate::store::redb::RedbStore;

const PASSWORD: &str = "correct horse";

struct House {
    store: Arc<RedbStore>,
    clock: Clock,
    accounts: Arc<Accounts>,
}

impl House {
    async fn new() -> Self {
        let clock = Clock::simulated(Timestamp::from_second(1_800_000_000).unwrap(), 1);
        let store = Arc::new(RedbStore::in_memory(clock.clone()).unwrap());
        let accounts = open(&store, &clock).await;
        Self {
            store,
            clock,
            accounts,
        }
    }

    /// A user with [`PASSWORD`].
    async fn user(&self, name: &str) -> User {
        let now = self.clock.now();
        let user = User {
            password_hash: self.accounts.passwords.hash(PASSWORD.into()).await.unwrap(),
            ..blank_user(self.clock.user_id(), name, Role::User, now)
        };
        self.store
            .create_user(user, 5, Actor::System)
            .await
            .unwrap()
    }

    async fn login(&self, name: &str, password: &str) -> Result<SignIn, ServiceError> {
        self.accounts.login(name, password.into(), None).await
    }

    async fn change(&self, user: &User, new: &str) -> Result<SignIn, ServiceError> {
        let caller = caller(user);
        self.accounts
            .change_password(&caller, PASSWORD.into(), new.into(), None)
            .await
    }

    async fn reason(&self, issued: &IssuedToken) -> Option<Reason> {
        let session = self
            .accounts
            .authenticate(issued.token.expose_secret(), None)
            .await;
        session.err().map(|error| error.reason)
    }

    async fn session(&self, issued: &IssuedToken) -> Session {
        self.accounts
            .authenticate(issued.token.expose_secret(), None)
            .await
            .unwrap()
    }
}

async fn open(store: &Arc<RedbStore>, clock: &Clock) -> Arc<Accounts> {
    let feed = store.feed().clone();
    let accounts = Accounts::open(store.clone(), feed, clock.clone()).await;
    Arc::new(accounts.unwrap())
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

fn reason<T>(result: Result<T, ServiceError>) -> Option<Reason> {
    result.err().map(|error| error.reason)
}

#[tokio::test(start_paused = true)]
async fn the_first_start_makes_an_admin_who_must_change_the_password() {
    let house = House::new().await;
    let first = house.accounts.bootstrap(None).await.unwrap();
    assert!(first.created && first.default_password_stands);
    let again = open(&house.store, &house.clock).await;
    let second = again.bootstrap(None).await.unwrap();
    assert!(!second.created && second.default_password_stands);
    assert!(again.default_password_stands());

    let admin = again.login("Admin", "admin".into(), None).await.unwrap();
    assert_eq!(admin.user.credit_balance, ADMIN_CREDITS);
    assert_eq!(admin.user.role, Role::Admin);
    assert!(house.session(&admin.issued).await.password_change_required);

    let changed = again
        .change_password(&caller(&admin.user), "admin".into(), PASSWORD.into(), None)
        .await
        .unwrap();
    assert!(
        !house
            .session(&changed.issued)
            .await
            .password_change_required
    );
    assert!(!again.default_password_stands());
    let third = open(&house.store, &house.clock).await;
    let found = third.bootstrap(Some("ignored later".into())).await.unwrap();
    assert!(!found.created && !found.default_password_stands);
    assert!(third.login("admin", PASSWORD.into(), None).await.is_ok());
}

/// Who was refused to be served to others with the default password gives one, and starts again.
#[tokio::test(start_paused = true)]
async fn a_first_password_that_comes_late_still_replaces_the_default() {
    let house = House::new().await;
    house.accounts.bootstrap(None).await.unwrap();
    let session = house.login("admin", "admin").await.unwrap();
    let again = open(&house.store, &house.clock).await;
    let weak = again.bootstrap(Some("admin".into())).await;
    assert_eq!(reason(weak), Some(Reason::PasswordTooWeak));
    let found = again.bootstrap(Some(PASSWORD.into())).await.unwrap();
    assert!(!found.default_password_stands && !again.default_password_stands());
    let token = session.issued.token.expose_secret();
    assert_eq!(
        reason(again.authenticate(token, None).await),
        Some(Reason::TokenRevoked)
    );
    assert!(again.login("admin", "admin".into(), None).await.is_err());
    let admin = again.login("admin", PASSWORD.into(), None).await.unwrap();
    assert!(!admin.user.password_change_required);
}

#[tokio::test(start_paused = true)]
async fn a_given_first_password_leaves_no_duty_and_must_be_strong() {
    let house = House::new().await;
    let weak = house.accounts.bootstrap(Some("admin".into())).await;
    assert_eq!(reason(weak), Some(Reason::PasswordTooWeak));
    assert!(house.store.user_by_name("admin").await.unwrap().is_none());

    let first = house.accounts.bootstrap(Some(PASSWORD.into())).await;
    assert!(!first.unwrap().default_password_stands);
    let admin = house.login("admin", PASSWORD).await.unwrap();
    assert!(!admin.user.password_change_required);
    assert_eq!(
        reason(house.login("admin", "admin").await),
        Some(Reason::CredentialsInvalid)
    );
}

#[tokio::test(start_paused = true)]
async fn an_unknown_name_and_a_wrong_password_get_the_same_answer_for_the_same_work() {
    let house = House::new().await;
    house.user("wang").await;
    let count = || house.accounts.passwords.work_count();
    for (name, password) in [
        ("wang", "wrong"),
        ("nobody", PASSWORD),
        ("no such/name", PASSWORD),
        ("", ""),
        (&"x".repeat(100_000), PASSWORD),
    ] {
        let before = count();
        let error = house.login(name, password).await.unwrap_err();
        assert_eq!(error.reason, Reason::CredentialsInvalid);
        assert_eq!(error.message, credentials_invalid().message);
        assert_eq!(count() - before, 1, "{name:.20}");
    }
    let signed_in = house.login(" WANG ", PASSWORD).await.unwrap();
    assert_eq!(signed_in.user.last_sign_in_time, Some(house.clock.now()));
}

#[tokio::test(start_paused = true)]
async fn a_user_made_without_a_password_gets_in_by_a_minted_token_alone() {
    let house = House::new().await;
    let demo = house
        .accounts
        .ensure_user("demo", Role::User, 50)
        .await
        .unwrap();
    let same = house
        .accounts
        .ensure_user("demo", Role::User, 50)
        .await
        .unwrap();
    assert_eq!((demo.id, same.credit_balance), (same.id, 50));
    for password in ["", "demo"] {
        assert_eq!(
            reason(house.login("demo", password).await),
            Some(Reason::CredentialsInvalid)
        );
    }
    let session = house
        .session(&house.accounts.mint(demo.id).await.unwrap())
        .await;
    assert_eq!(session.caller, caller(&demo));
    assert!(!session.password_change_required);
    let nobody = house.accounts.mint(house.clock.user_id()).await;
    assert_eq!(reason(nobody), Some(Reason::UserNotFound));
}

#[tokio::test(start_paused = true)]
async fn a_token_ends_after_twelve_hours_and_can_be_renewed_for_thirty_days() {
    let house = House::new().await;
    house.user("wang").await;
    let first = house.login("wang", PASSWORD).await.unwrap().issued;
    advance(LIFETIME - Duration::from_secs(1)).await;
    let session = house.session(&first).await;
    let renewed = house.accounts.renew(&session).unwrap();
    advance(Duration::from_secs(1)).await;
    assert_eq!(house.reason(&first).await, Some(Reason::TokenExpired));
    assert_eq!(house.reason(&renewed).await, None);
    assert_eq!(
        renewed.claims.renewable_until(),
        first.claims.renewable_until()
    );

    let mut newest = renewed;
    let started = Instant::now();
    while started.elapsed() < RENEWABLE - 2 * LIFETIME {
        advance(LIFETIME / 2).await;
        newest = house.accounts.renew(&house.session(&newest).await).unwrap();
    }
    assert_eq!(newest.claims.expire_time, first.claims.renewable_until());
    let session = house.session(&newest).await;
    advance(LIFETIME).await;
    assert_eq!(house.reason(&newest).await, Some(Reason::TokenExpired));
    assert_eq!(
        reason(house.accounts.renew(&session)),
        Some(Reason::TokenExpired)
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_password_ends_every_older_token_and_open_streams() {
    let house = House::new().await;
    let user = house.user("wang").await;
    let other = house.login("wang", PASSWORD).await.unwrap().issued;
    let stream = house
        .accounts
        .open_stream(house.session(&other).await)
        .unwrap();
    assert_eq!(house.accounts.sessions().streams(), 1);

    let before = house.clock.now();
    let (end, changed) = tokio::join!(stream.ended(), house.change(&user, "another horse"));
    assert_eq!(end, SessionEnd::Revoked);
    assert_eq!(house.clock.now(), before, "told at once, not by a timer");
    let changed = changed.unwrap();
    assert_eq!(house.reason(&other).await, Some(Reason::TokenRevoked));
    assert_eq!(house.reason(&changed.issued).await, None);
    assert_eq!(
        reason(house.login("wang", PASSWORD).await),
        Some(Reason::CredentialsInvalid)
    );
    assert!(house.login("wang", "another horse").await.is_ok());
    drop(stream);
    assert_eq!(house.accounts.sessions().streams(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_open_stream_ends_with_its_token_and_not_for_other_changes() {
    let house = House::new().await;
    let user = house.user("wang").await;
    let issued = house.login("wang", PASSWORD).await.unwrap().issued;
    let session = house.session(&issued).await;
    let ending = house.accounts.session_end(&session);
    tokio::pin!(ending);
    let other_changes = async {
        house.user("li").await;
        let now = house.clock.now();
        let sign_in = SignInNote {
            user: user.id,
            method: SignInMethod::Password,
            address: None,
            now,
        };
        house.store.record_sign_in(sign_in).await.unwrap();
        tokio::time::sleep(LIFETIME / 2).await;
    };
    tokio::select! {
        biased;
        end = &mut ending => panic!("ended as {end:?}"),
        () = other_changes => {}
    }
    assert_eq!(ending.await, SessionEnd::Expired);
    assert!(house.clock.now() >= issued.claims.expire_time);
    assert!(house.clock.now() < issued.claims.expire_time + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_new_password_must_be_strong_another_and_follow_the_current_one() {
    let house = House::new().await;
    let user = house.user("wangfang").await;
    for weak in ["short", "WangFang", PASSWORD] {
        let error = house.change(&user, weak).await.unwrap_err();
        assert_eq!(error.reason, Reason::PasswordTooWeak, "{weak}");
        assert_eq!(error.field.as_deref(), Some("new_password"));
    }
    let wrong = house
        .accounts
        .change_password(&caller(&user), "wrong".into(), "another horse".into(), None)
        .await;
    assert_eq!(reason(wrong), Some(Reason::CredentialsInvalid));
    assert!(house.login("wangfang", PASSWORD).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn trying_passwords_gets_slower_even_for_the_right_one() {
    let house = House::new().await;
    let user = house.user("wang").await;
    for _ in 0..FREE_BY_NAME {
        assert_eq!(
            reason(house.login("wang", "wrong").await),
            Some(Reason::CredentialsInvalid)
        );
    }
    let before = house.accounts.passwords.work_count();
    let throttled = house.login("wang", PASSWORD).await.unwrap_err();
    assert_eq!(throttled.reason, Reason::SignInThrottled);
    assert_eq!(throttled.retry_after, Some(Duration::from_secs(1)));
    assert_eq!(
        reason(house.change(&user, "another horse").await),
        Some(Reason::SignInThrottled)
    );
    assert_eq!(
        house.accounts.passwords.work_count(),
        before,
        "no hash for nothing"
    );
    advance(Duration::from_secs(1)).await;
    assert!(house.login("wang", PASSWORD).await.is_ok());
    assert_eq!(
        reason(house.login("wang", "wrong").await),
        Some(Reason::CredentialsInvalid)
    );
}

#[tokio::test(start_paused = true)]
async fn an_address_that_tries_many_names_is_slowed_down() {
    let house = House::new().await;
    house.user("wang").await;
    let address = Some(IpAddr::from([192, 0, 2, 1]));
    let mut refused = None;
    for number in 0..100 {
        let name = format!("guess{number}");
        let tried = house.accounts.login(&name, "wrong".into(), address).await;
        if reason(tried) == Some(Reason::SignInThrottled) {
            refused = Some(number);
            break;
        }
    }
    assert_eq!(refused, Some(crate::auth::throttle::FREE_BY_ADDRESS));
    let same = house.accounts.login("wang", PASSWORD.into(), address).await;
    assert_eq!(reason(same), Some(Reason::SignInThrottled));
    assert!(house.login("wang", PASSWORD).await.is_ok());
}

/// An administrator resets a password while its owner changes it, with the old one, which was right when it was looked at:
/// the reset stands, and the change makes no token.
#[tokio::test(start_paused = true)]
async fn a_password_that_was_set_meanwhile_stands() {
    let house = House::new().await;
    let user = house.user("wang").await;
    let hash = house.accounts.passwords.hash("third horse".into()).await;
    let reset = PasswordChange {
        user: user.id,
        expected_epoch: None,
        password_hash: hash.unwrap(),
        change_required: false,
        expire_time: None,
        actor: Actor::System,
        now: house.clock.now(),
    };
    // The first goes as far as the check of the old password, which is made on another thread.
    let (changed, reset) = tokio::join!(
        house.change(&user, "another horse"),
        house.store.set_password(reset)
    );
    assert!(reset.unwrap().is_some());
    assert_eq!(reason(changed), Some(Reason::TokenRevoked));
    assert!(house.login("wang", "third horse").await.is_ok());
    assert_eq!(
        reason(house.login("wang", "another horse").await),
        Some(Reason::CredentialsInvalid)
    );
}

#[tokio::test(start_paused = true)]
async fn a_one_time_password_ends_with_its_time() {
    let house = House::new().await;
    let user = house.user("wang").await;
    let expire_time = house.clock.now() + Duration::from_secs(60);
    let change = PasswordChange {
        user: user.id,
        expected_epoch: None,
        password_hash: house
            .accounts
            .passwords
            .hash(PASSWORD.into())
            .await
            .unwrap(),
        change_required: true,
        expire_time: Some(expire_time),
        actor: Actor::System,
        now: house.clock.now(),
    };
    house.store.set_password(change).await.unwrap();
    assert!(house.login("wang", PASSWORD).await.is_ok());
    advance(Duration::from_secs(60)).await;
    let expired = house.login("wang", PASSWORD).await.unwrap_err();
    assert_eq!(expired.reason, Reason::CredentialsInvalid);
    assert!(expired.message.contains("expired"));
    assert_eq!(
        reason(house.change(&user, "another horse").await),
        Some(Reason::CredentialsInvalid)
    );
}

#[tokio::test(start_paused = true)]
async fn tokens_outlive_a_restart_and_are_no_good_elsewhere() {
    let house = House::new().await;
    house.user("wang").await;
    let issued = house.login("wang", PASSWORD).await.unwrap().issued;
    let restarted = open(&house.store, &house.clock).await;
    let token: &SecretString = &issued.token;
    assert!(
        restarted
            .authenticate(token.expose_secret(), None)
            .await
            .is_ok()
    );

    let clock = Clock::simulated(house.clock.now(), 2);
    let elsewhere = Arc::new(RedbStore::in_memory(clock.clone()).unwrap());
    let stranger = open(&elsewhere, &clock).await;
    let refused = stranger.authenticate(token.expose_secret(), None).await;
    assert_eq!(reason(refused), Some(Reason::TokenInvalid));
}

#[tokio::test(start_paused = true)]
async fn a_disabled_user_does_not_get_in() {
    let house = House::new().await;
    let disabled = User {
        disabled: true,
        password_hash: house
            .accounts
            .passwords
            .hash(PASSWORD.into())
            .await
            .unwrap(),
        ..blank_user(house.clock.user_id(), "wang", Role::User, house.clock.now())
    };
    let disabled = house.store.create_user(disabled, 0, Actor::System).await;
    let id = disabled.unwrap().id;
    let refused = house.login("wang", PASSWORD).await.unwrap_err();
    assert_eq!(refused.reason, Reason::CredentialsInvalid);
    assert_eq!(refused.message, credentials_invalid().message);
    assert_eq!(
        reason(house.accounts.mint(id).await),
        Some(Reason::TokenRevoked)
    );
}

#[tokio::test(start_paused = true)]
async fn another_role_and_a_disabling_end_tokens_and_open_streams_at_once() {
    let house = House::new().await;
    house.accounts.bootstrap(None).await.unwrap();
    let user = house.user("wang").await;
    let promote = UserChange {
        user: user.id,
        expected_version: None,
        role: Some(Role::Admin),
        disabled: None,
        display_name: None,
        language: None,
        actor: Actor::System,
        now: house.clock.now(),
    };
    let disable = UserChange {
        role: None,
        disabled: Some(true),
        ..promote.clone()
    };
    for change in [promote, disable] {
        let issued = house.login("wang", PASSWORD).await.unwrap().issued;
        let session = house.session(&issued).await;
        let stream = house.accounts.open_stream(session).unwrap();
        let before = house.clock.now();
        let (end, changed) = tokio::join!(stream.ended(), house.store.update_user(change));
        changed.unwrap();
        assert_eq!(end, SessionEnd::Revoked);
        assert_eq!(house.clock.now(), before, "told at once, not by a timer");
        assert_eq!(house.reason(&issued).await, Some(Reason::TokenRevoked));
    }
    assert_eq!(
        reason(house.login("wang", PASSWORD).await),
        Some(Reason::CredentialsInvalid)
    );
}

#[tokio::test(start_paused = true)]
async fn a_name_in_full_width_or_capitals_is_the_same_name() {
    let house = House::new().await;
    house.user("wang_01").await;
    for typed in ["wang_01", "ＷＡＮＧ＿０１", " Wang_０１ "] {
        assert!(house.login(typed, PASSWORD).await.is_ok(), "{typed}");
    }
    // And tries of it are counted together.
    for _ in 0..FREE_BY_NAME {
        let tried = house.login("ｗａｎｇ_01", "wrong").await;
        assert_eq!(reason(tried), Some(Reason::CredentialsInvalid));
    }
    let throttled = house.login("wang_01", PASSWORD).await;
    assert_eq!(reason(throttled), Some(Reason::SignInThrottled));
}

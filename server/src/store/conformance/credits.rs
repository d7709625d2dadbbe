//! Credits: the ledger, the balance, requests that come twice.

use futures::future::join_all;

use crate::domain::ids::{BatchId, ItemId, RequestId};
use crate::domain::ledger::{Actor, BalanceError};
use crate::domain::user::{Role, SignInMethod, User};
use crate::store::query::{EntryPage, UserPage};
use crate::store::{
    ChangeItemsError, CreateBatchError, CreateUserError, CreditAssignment, CreditChange,
    CreditError, Made, PasswordChange, RecordedRequest, Request, RequestKey, RetryItems,
    SignInNote, UserChange, UserChangeError,
};

use super::world::World;

/// A user's balance is the sum of the ledger through creation, completion, failure, cancel and retry.
pub async fn balances_are_ledger_sums(world: World) {
    let user = world.user("wang", 100).await;
    let batch = world.batch(&user, 4, 3).await;
    assert_eq!(world.stored(&user).await.credit_balance, 88);
    assert_eq!(world.stored(&user).await.credits_held, 12);
    assert_eq!(world.stored(&user).await.active_item_count, 4);

    let first = world.claim(3).await.unwrap();
    let second = world.claim(3).await.unwrap();
    world.complete(&first).await;
    world.fail(&second).await;
    assert_eq!(world.stored(&user).await.credit_balance, 91);
    world.cancel(batch.id, &[]).await.unwrap();
    let after = world.stored(&user).await;
    assert_eq!(after.credit_balance, 97);
    assert_eq!(after.credits_held, 0);
    assert_eq!(after.active_item_count, 0);
    assert_eq!(after.completed_video_count, 1);

    let changed = world.retry(batch.id, &[second.id]).await.unwrap();
    assert_eq!(changed.balance, 94);
    let again = world.claim(3).await.unwrap();
    assert_eq!(
        (again.id, again.round, again.last_attempt),
        (second.id, 2, 2)
    );
    world.fail(&again).await;
    assert_eq!(world.stored(&user).await.credit_balance, 97);
    let batch = world.store.batch(batch.id).await.unwrap().unwrap();
    assert_eq!((batch.credits_charged, batch.credits_refunded), (15, 12));
    world.check_books(&user).await;
}

/// However many creations run at once, no more is spent than is there.
pub async fn concurrent_creations_never_overspend(world: World) {
    let user = world.user("wang", 10).await;
    let creations = (0..25).map(|_| world.try_batch(&user, 2, 1, None));
    let mut made = 0;
    for outcome in join_all(creations).await {
        match outcome {
            Ok(created) => {
                made += 1;
                assert!(!created.replayed);
            }
            Err(CreateBatchError::Balance(BalanceError::Insufficient { required, .. })) => {
                assert_eq!(required, 2);
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(made, 5);
    let after = world.stored(&user).await;
    assert_eq!((after.credit_balance, after.credits_held), (0, 10));
    let totals = world.store.totals().await.unwrap();
    assert_eq!((totals.batches, totals.items), (5, 10));
    assert_eq!(
        totals.revision, 6,
        "a refusal changes nothing, so it has no revision"
    );
    world.check_books(&user).await;
}

fn request(world: &World, user: &User, method: &'static str, digest: u8) -> Request {
    Request {
        key: RequestKey {
            user: user.id,
            method,
            id: RequestId(world.clock.uuid()),
        },
        digest: [digest; 32],
    }
}

/// A request that comes again, also at the same moment, makes nothing new; with other content it is refused.
pub async fn a_request_id_makes_one_thing(world: World) {
    let user = world.user("wang", 10).await;
    let request = request(&world, &user, "CreateBatch", 1);
    assert_eq!(
        world.store.request(request.key.clone()).await.unwrap(),
        None
    );
    let twins = (0..3).map(|_| world.try_batch(&user, 1, 1, Some(request.clone())));
    let created: Vec<_> = join_all(twins)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(
        created.iter().filter(|created| !created.replayed).count(),
        1
    );
    assert!(
        created
            .iter()
            .all(|twin| twin.batch.id == created[0].batch.id)
    );
    assert!(created.iter().all(|twin| twin.balance == 9));
    let batch = created[0].batch.id;
    assert_eq!(
        world.store.request(request.key.clone()).await.unwrap(),
        Some(RecordedRequest {
            digest: [1; 32],
            made: Made::Batch(batch)
        })
    );
    let other = Request {
        digest: [2; 32],
        ..request
    };
    assert!(matches!(
        world.try_batch(&user, 1, 1, Some(other)).await,
        Err(CreateBatchError::RequestReused)
    ));
    world.check_books(&user).await;
}

/// A retry that comes again answers its rounds; an adjustment its entry.
pub async fn retries_and_adjustments_are_not_repeated(world: World) {
    let user = world.user("wang", 10).await;
    let batch = world.batch(&user, 2, 1).await;
    world.cancel(batch.id, &[]).await.unwrap();
    let retry = RetryItems {
        request: Some(request(&world, &user, "RetryItems", 1)),
        ..world.new_retry(batch.id, &[])
    };
    let first = world.store.retry_items(retry.clone()).await.unwrap();
    world.cancel(batch.id, &[]).await.unwrap();
    let again = world.store.retry_items(retry.clone()).await.unwrap();
    assert_eq!((first.items.len(), &first.items), (2, &again.items));
    assert_eq!((first.balance, again.balance), (8, 10));
    let other = RetryItems {
        request: retry.request.map(|request| Request {
            digest: [9; 32],
            ..request
        }),
        ..world.new_retry(batch.id, &[])
    };
    assert!(matches!(
        world.store.retry_items(other).await,
        Err(ChangeItemsError::RequestReused)
    ));

    let change = CreditChange {
        user: user.id,
        delta: 5,
        note: "谢谢".to_owned(),
        actor: Actor::System,
        request: Some(request(&world, &user, "AdjustCredits", 1)),
        now: world.clock.now(),
    };
    let (_, entry) = world.store.adjust_credits(change.clone()).await.unwrap();
    let (after, same) = world.store.adjust_credits(change).await.unwrap();
    assert_eq!(entry, same);
    assert_eq!(after.credit_balance, 15);
    world.check_books(&user).await;
}

/// A retry starts all of its rounds or none.
pub async fn retries_are_all_or_nothing(world: World) {
    let user = world.user("wang", 6).await;
    let batch = world.batch(&user, 3, 2).await;
    let claimed = world.claim(3).await.unwrap();
    let video = world.complete(&claimed).await;
    world.cancel(batch.id, &[]).await.unwrap();
    let items = world.items(batch.id).await;
    let ids: Vec<ItemId> = items.iter().map(|item| item.id).collect();

    assert!(matches!(
        world.retry(batch.id, &ids).await,
        Err(ChangeItemsError::NotRetryable(id)) if id == video.id
    ));
    let limited = RetryItems {
        max_credits: Some(3),
        ..world.new_retry(batch.id, &[])
    };
    assert!(matches!(
        world.store.retry_items(limited).await,
        Err(ChangeItemsError::TooExpensive {
            required: 4,
            allowed: 3
        })
    ));
    world.batch(&user, 1, 1).await;
    assert!(matches!(
        world.retry(batch.id, &[]).await,
        Err(ChangeItemsError::Balance(BalanceError::Insufficient {
            required: 4,
            available: 3
        }))
    ));
    assert_eq!(world.items(batch.id).await, items, "nothing was changed");
    assert!(matches!(
        world.retry(batch.id, &[ItemId(world.clock.uuid())]).await,
        Err(ChangeItemsError::ItemNotFound(_))
    ));
    assert!(matches!(
        world.retry(BatchId(world.clock.uuid()), &[]).await,
        Err(ChangeItemsError::BatchNotFound)
    ));
    let one = world.retry(batch.id, &[items[1].id]).await.unwrap();
    assert_eq!((one.items.len(), one.balance), (1, 1));
    assert!(matches!(
        world.retry(batch.id, &[items[1].id]).await,
        Err(ChangeItemsError::NotRetryable(_))
    ));
    world.check_books(&user).await;
}

/// A user who is disabled has no session left and everything else; the last enabled admin stays; a change that was
/// meant for another state is refused.
pub async fn a_changed_user_keeps_credits_and_loses_sessions(world: World) {
    let user = world.user("wang", 10).await;
    let of = |user: &User| UserChange {
        user: user.id,
        expected_version: None,
        display_name: None,
        role: None,
        disabled: None,
        language: None,
        actor: Actor::System,
        now: world.clock.now(),
    };
    let disable = UserChange {
        disabled: Some(true),
        ..of(&user)
    };
    let disabled = world.store.update_user(disable.clone()).await.unwrap();
    assert_eq!(disabled, world.stored(&user).await);
    assert!(disabled.disabled);
    assert_eq!(disabled.token_epoch, user.token_epoch + 1);
    assert_eq!(disabled.version, user.version + 1);
    assert_eq!(disabled.credit_balance, 10);
    // Once more changes nothing, and is in no audit.
    let events = world.store.audit(None, 100).await.unwrap().len();
    assert_eq!(world.store.update_user(disable).await.unwrap(), disabled);
    let audit = world.store.audit(None, 100).await.unwrap();
    assert_eq!(audit.len(), events);
    assert_eq!(
        (audit[0].action.as_str(), audit[0].detail.as_str()),
        ("user.update", "disabled")
    );

    let stale = UserChange {
        expected_version: Some(user.version),
        display_name: Some("王".to_owned()),
        disabled: Some(false),
        ..of(&user)
    };
    let refused = world.store.update_user(stale.clone()).await;
    assert!(matches!(refused, Err(UserChangeError::Changed)));
    let fresh = UserChange {
        expected_version: Some(disabled.version),
        ..stale
    };
    let enabled = world.store.update_user(fresh).await.unwrap();
    assert_eq!(enabled.display_name, "王");
    assert!(!enabled.disabled);
    // The sessions that ended stay ended.
    assert_eq!(enabled.token_epoch, disabled.token_epoch);

    let role = |user: &User, role| UserChange {
        role: Some(role),
        ..of(user)
    };
    let admin = world.store.update_user(role(&user, Role::Admin)).await;
    assert_eq!(admin.unwrap().token_epoch, enabled.token_epoch + 1);
    let refused = world.store.update_user(role(&user, Role::User)).await;
    assert!(matches!(refused, Err(UserChangeError::LastAdmin)));
    let off = UserChange {
        disabled: Some(true),
        ..of(&user)
    };
    let refused = world.store.update_user(off.clone()).await;
    assert!(matches!(refused, Err(UserChangeError::LastAdmin)));
    let second = world.user("li", 0).await;
    let promoted = world.store.update_user(role(&second, Role::Admin)).await;
    promoted.unwrap();
    // Two admins at once who both would leave: one stays.
    let (one, other) = tokio::join!(
        world.store.update_user(off),
        world.store.update_user(role(&second, Role::User))
    );
    assert!(one.is_ok() ^ other.is_ok(), "{one:?} {other:?}");

    let nobody = UserChange {
        user: world.new_user("nobody").id,
        ..of(&user)
    };
    let refused = world.store.update_user(nobody).await;
    assert!(matches!(refused, Err(UserChangeError::NotFound)));
}

/// Accounts: names are unique, passwords raise the epoch, credits are set only from what was expected; each change
/// is in the audit, in order.
pub async fn account_changes_are_audited(world: World) {
    let user = world.user("wang", 10).await;
    assert!(matches!(
        world
            .store
            .create_user(world.new_user("wang"), 5, Actor::System)
            .await,
        Err(CreateUserError::UsernameTaken)
    ));
    assert_eq!(world.user("poor", 0).await.ledger_sequence, 0);
    let found = world.store.user_by_name("wang").await.unwrap().unwrap();
    assert_eq!(found, world.stored(&user).await);

    let password = PasswordChange {
        user: user.id,
        expected_epoch: None,
        password_hash: "new".to_owned(),
        change_required: false,
        expire_time: None,
        actor: Actor::System,
        now: world.clock.now(),
    };
    let changed = world.store.set_password(password).await.unwrap().unwrap();
    assert_eq!(changed.token_epoch, user.token_epoch + 1);
    assert!(!changed.password_change_required);
    assert_eq!(changed.password_expire_time, None);
    let now = world.clock.now();
    let sign_in = SignInNote {
        user: user.id,
        method: SignInMethod::Password,
        address: None,
        now,
    };
    world.store.record_sign_in(sign_in).await.unwrap();
    assert_eq!(world.stored(&user).await.last_sign_in_time, Some(now));

    let set = |credits, expected| CreditAssignment {
        user: user.id,
        credits,
        expected,
        note: String::new(),
        actor: Actor::System,
        now: world.clock.now(),
    };
    assert!(matches!(
        world.store.set_credits(set(5, 9)).await,
        Err(CreditError::Changed { actual: 10 })
    ));
    assert!(matches!(
        world.store.set_credits(set(-1, 10)).await,
        Err(CreditError::Balance(_))
    ));
    let (_, none) = world.store.set_credits(set(10, 10)).await.unwrap();
    assert_eq!(none, None);
    let (after, entry) = world.store.set_credits(set(3, 10)).await.unwrap();
    assert_eq!((after.credit_balance, entry.unwrap().delta), (3, -7));
    assert_eq!(after.version, changed.version + 1);

    let audit = world.store.audit(None, 100).await.unwrap();
    let actions: Vec<&str> = audit.iter().map(|event| event.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "credits.set",
            "sign_in",
            "password.reset",
            "user.create",
            "user.create"
        ]
    );
    let sequences: Vec<u64> = audit.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, [5, 4, 3, 2, 1]);
    let older = world.store.audit(Some(3), 1).await.unwrap();
    assert_eq!(older, audit[3..4]);
    world.check_books(&user).await;
}

/// Pages of users by name, of entries newest first.
pub async fn users_and_entries_come_in_pages(world: World) {
    for name in ["zhao", "chen", "wang", "li"] {
        world.user(name, 100).await;
    }
    let names = |page: &UserPage| -> Vec<String> {
        let users = page.users.iter();
        users.map(|user| user.username.clone()).collect()
    };
    let first = world.store.users("", None, 3).await.unwrap();
    assert_eq!(names(&first), ["chen", "li", "wang"]);
    let next = first.next_after.unwrap();
    let second = world.store.users("", Some(&next), 3).await.unwrap();
    assert_eq!(names(&second), ["zhao"]);
    assert_eq!(second.next_after, None);
    let some = world.store.users("AN", None, 3).await.unwrap();
    assert_eq!(names(&some), ["wang"]);

    let user = world.store.user_by_name("li").await.unwrap().unwrap();
    world.batch(&user, 4, 1).await;
    let page = world.store.entries(user.id, None, 2).await.unwrap();
    let sequences = |page: &EntryPage| -> Vec<u64> {
        let entries = page.entries.iter();
        entries.map(|entry| entry.sequence).collect()
    };
    assert_eq!((sequences(&page), page.has_more), (vec![5, 4], true));
    let page = world.store.entries(user.id, Some(3), 2).await.unwrap();
    assert_eq!((sequences(&page), page.has_more), (vec![2, 1], false));
}

//! Users that are changed, API keys, and what the audit keeps of it all.

use std::net::IpAddr;
use std::time::Duration;

use crate::domain::audit::{AuditEvent, Outcome, Target, TargetKind};
use crate::domain::ids::KeyId;
use crate::domain::key::{ApiKey, KEYS_PER_USER, Scope};
use crate::domain::ledger::Actor;
use crate::domain::user::{Role, SignInMethod, User};
use crate::store::{
    CreateKeyError, NewApiKey, PasswordChange, RevokeApiKey, SignInNote, UserChange,
    UserChangeError,
};

use super::world::World;

fn change(world: &World, user: &User) -> UserChange {
    UserChange {
        user: user.id,
        expected_version: None,
        role: None,
        disabled: None,
        display_name: None,
        language: None,
        actor: Actor::System,
        now: world.clock.now(),
    }
}

/// A user as an actor that calls from somewhere.
fn actor(user: &User) -> Actor {
    Actor::User {
        id: user.id,
        name: user.username.clone(),
        address: Some(IpAddr::from([192, 0, 2, 7])),
    }
}

async fn admin(world: &World, name: &str) -> User {
    let admin = User {
        role: Role::Admin,
        ..world.new_user(name)
    };
    let made = world.store.create_user(admin, 0, Actor::System).await;
    made.unwrap()
}

/// A user changes only from what was seen; another role and a disabling end the tokens, a name to show does not; what is
/// so already is left.
pub async fn users_change_from_what_was_seen(world: World) {
    let user = world.user("wang", 10).await;
    let named = UserChange {
        display_name: Some("王芳".to_owned()),
        language: Some("zh".to_owned()),
        expected_version: Some(user.version),
        ..change(&world, &user)
    };
    let changed = world.store.update_user(named.clone()).await.unwrap();
    assert_eq!(changed, world.stored(&user).await);
    assert_eq!(
        (changed.display_name.as_str(), changed.language.as_str()),
        ("王芳", "zh")
    );
    assert_eq!(changed.version, user.version + 1);
    assert_eq!(changed.token_epoch, user.token_epoch);

    let revision = *world.feed.revision().borrow();
    assert!(matches!(
        world.store.update_user(named.clone()).await,
        Err(UserChangeError::Changed)
    ));
    let same = UserChange {
        expected_version: None,
        ..named
    };
    assert_eq!(world.store.update_user(same).await.unwrap(), changed);
    assert_eq!(*world.feed.revision().borrow(), revision, "nothing to tell");

    let mut accounts = world.feed.accounts();
    accounts.mark_unchanged();
    let disabled = UserChange {
        disabled: Some(true),
        ..change(&world, &user)
    };
    let disabled = world.store.update_user(disabled).await.unwrap();
    assert!(accounts.has_changed().unwrap(), "open streams look at it");
    assert_eq!(disabled.token_epoch, changed.token_epoch + 1);
    let enabled = UserChange {
        disabled: Some(false),
        ..change(&world, &user)
    };
    let enabled = world.store.update_user(enabled).await.unwrap();
    assert_eq!(enabled.token_epoch, disabled.token_epoch);
    let promoted = UserChange {
        role: Some(Role::Admin),
        actor: actor(&user),
        ..change(&world, &user)
    };
    let promoted = world.store.update_user(promoted).await.unwrap();
    assert_eq!(promoted.token_epoch, enabled.token_epoch + 1);
    assert_eq!(promoted.credit_balance, 10);

    let newest = world.store.audit(None, 1).await.unwrap().remove(0);
    assert_eq!(
        (newest.action.as_str(), newest.detail.as_str()),
        ("user.update", "role Admin")
    );
    assert_eq!(newest.target, Some(Target::user(&promoted)));
    let nobody = UserChange {
        user: world.clock.user_id(),
        role: Some(Role::User),
        ..change(&world, &user)
    };
    assert!(matches!(
        world.store.update_user(nobody).await,
        Err(UserChangeError::NotFound)
    ));
}

/// At least one admin stays who can sign in, also when two would go at the same moment.
pub async fn an_admin_always_stays(world: World) {
    let (first, second) = (admin(&world, "first").await, admin(&world, "second").await);
    // Admins who cannot sign in do not count.
    let keyless = User {
        role: Role::Admin,
        password_hash: String::new(),
        ..world.new_user("keyless")
    };
    let made = world.store.create_user(keyless, 0, Actor::System).await;
    let keyless = made.unwrap();
    let demote = |user: &User| UserChange {
        role: Some(Role::User),
        ..change(&world, user)
    };
    let disable = |user: &User| UserChange {
        disabled: Some(true),
        ..change(&world, user)
    };
    let (one, other) = tokio::join!(
        world.store.update_user(demote(&first)),
        world.store.update_user(disable(&second)),
    );
    let refused = [one.err(), other.err()];
    let refused: Vec<_> = refused.into_iter().flatten().collect();
    assert!(
        matches!(refused[..], [UserChangeError::LastAdmin]),
        "{refused:?}"
    );
    let last = match world.stored(&first).await.is_working_admin() {
        true => first,
        false => second,
    };
    for change in [demote(&last), disable(&last)] {
        assert!(matches!(
            world.store.update_user(change).await,
            Err(UserChangeError::LastAdmin)
        ));
    }
    let renamed = UserChange {
        display_name: Some("last".to_owned()),
        ..change(&world, &last)
    };
    world.store.update_user(renamed).await.unwrap();
    world.store.update_user(disable(&keyless)).await.unwrap();
}

/// A key of a user; its digest is told by one number.
pub fn key(world: &World, user: &User, number: u8) -> ApiKey {
    ApiKey {
        id: world.clock.key_id(),
        user: user.id,
        name: format!("key {number}"),
        prefix: "vbk_abcdefgh".to_owned(),
        digest: [number; 32],
        scopes: vec![Scope::Read, Scope::Submit],
        create_time: world.clock.now(),
        expire_time: None,
        last_used_time: None,
    }
}

/// A key is found by its digest until it is revoked, belongs to its user, and there are only so many.
pub async fn keys_are_found_by_their_digest_and_bounded(world: World) {
    let (user, other) = (world.user("wang", 1).await, world.user("li", 1).await);
    let make = async |key: ApiKey| {
        let new = NewApiKey {
            key,
            actor: actor(&user),
        };
        world.store.create_api_key(new).await
    };
    let mut keys = Vec::new();
    for number in 0..KEYS_PER_USER {
        let key = key(&world, &user, number as u8);
        make(key.clone()).await.unwrap();
        keys.insert(0, key);
    }
    assert!(matches!(
        make(key(&world, &user, 99)).await,
        Err(CreateKeyError::TooMany)
    ));
    let nobody = User {
        id: world.clock.user_id(),
        ..user.clone()
    };
    assert!(matches!(
        make(key(&world, &nobody, 99)).await,
        Err(CreateKeyError::UserNotFound)
    ));
    make(key(&world, &other, 200)).await.unwrap();
    let newest = world.store.audit(None, 1).await.unwrap().remove(0);
    assert_eq!(newest.action, "key.create");
    assert_eq!(newest.detail, "for li, scopes READ SUBMIT");

    assert_eq!(world.store.api_keys(user.id).await.unwrap(), keys);
    let find = async |digest: u8| world.store.api_key_by_digest(&[digest; 32]).await.unwrap();
    let wanted = keys[3].clone();
    assert_eq!(find(wanted.digest[0]).await, Some(wanted.clone()));
    assert_eq!(find(99).await, None);

    let used = world.clock.now() + Duration::from_secs(60);
    let note = world.store.note_key_use(user.id, wanted.id, used);
    note.await.unwrap();
    let found = world.store.api_key(user.id, wanted.id).await.unwrap();
    assert_eq!(found.unwrap().last_used_time, Some(used));
    let stored = world.stored(&user).await;
    assert_eq!(stored.last_sign_in_time, Some(used));
    assert_eq!(stored.last_sign_in_method, Some(SignInMethod::ApiKey));

    let revoke = |user: &User, id: KeyId| RevokeApiKey {
        user: user.id,
        id,
        actor: actor(user),
        now: world.clock.now(),
    };
    let not_theirs = world.store.revoke_api_key(revoke(&other, wanted.id)).await;
    assert!(!not_theirs.unwrap());
    let mut accounts = world.feed.accounts();
    accounts.mark_unchanged();
    let revoked = world.store.revoke_api_key(revoke(&user, wanted.id)).await;
    assert!(revoked.unwrap());
    assert!(accounts.has_changed().unwrap(), "open streams look at it");
    let again = world.store.revoke_api_key(revoke(&user, wanted.id)).await;
    assert!(!again.unwrap());
    assert_eq!(find(wanted.digest[0]).await, None);
    assert_eq!(world.store.api_key(user.id, wanted.id).await.unwrap(), None);
    // Noting the use of a key that is gone does not bring it back.
    let note = world.store.note_key_use(user.id, wanted.id, used);
    note.await.unwrap();
    assert_eq!(world.store.api_keys(user.id).await.unwrap().len(), 19);
    make(key(&world, &user, 99)).await.unwrap();
    let audit = world.store.audit(None, 2).await.unwrap();
    assert_eq!(audit[1].action, "key.revoke");
    assert_eq!(audit[1].target, Some(Target::key(&wanted)));
}

/// The audit keeps who, from where, on what, and how it came out.
pub async fn the_audit_keeps_whence_and_on_what(world: World) {
    let user = world.user("wang", 10).await;
    let now = world.clock.now();
    let sign_in = SignInNote {
        user: user.id,
        method: SignInMethod::Ssh,
        address: Some("2001:db8::7".parse().unwrap()),
        now,
    };
    world.store.record_sign_in(sign_in).await.unwrap();
    assert_eq!(
        world.stored(&user).await.last_sign_in_method,
        Some(SignInMethod::Ssh)
    );
    let password = |actor| PasswordChange {
        user: user.id,
        expected_epoch: None,
        password_hash: "new".to_owned(),
        change_required: true,
        expire_time: None,
        actor,
        now,
    };
    for actor in [actor(&user), Actor::Owner] {
        world.store.set_password(password(actor)).await.unwrap();
    }
    let refused = AuditEvent {
        sequence: 0,
        time: now,
        actor: Actor::Anonymous {
            address: Some(IpAddr::from([198, 51, 100, 1])),
        },
        action: "sign_in".to_owned(),
        target: None,
        outcome: Outcome::Refused,
        detail: "no such user".to_owned(),
    };
    world.store.record_audit(refused.clone()).await.unwrap();
    let batch = world.batch(&user, 1, 1).await;

    let audit = world.store.audit(None, 5).await.unwrap();
    assert_eq!(audit[0].target, Some(Target::batch(&batch)));
    assert_eq!(audit[0].target.as_ref().unwrap().kind, TargetKind::Batch);
    let kept = AuditEvent {
        sequence: audit[1].sequence,
        ..refused
    };
    assert_eq!(audit[1], kept);
    assert_eq!(audit[2].actor, Actor::Owner);
    let actions: Vec<&str> = audit.iter().map(|event| event.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "batch.create",
            "sign_in",
            "password.reset",
            "password.change",
            "sign_in"
        ]
    );
    assert_eq!(audit[3].actor, actor(&user));
    assert_eq!(audit[4].actor.address(), sign_in.address);
    assert!(
        audit[2..]
            .iter()
            .all(|event| event.target == Some(Target::user(&user)))
    );
}

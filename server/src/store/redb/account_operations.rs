//! What is done to accounts: users, passwords, credits; and the server's own settings.

use jiff::Timestamp;

use crate::domain::audit::{AuditEvent, Target, TargetKind};
use crate::domain::dispatching::{DispatchSettings, UpstreamToken};
use crate::domain::ids::{Account, UserId};
use crate::domain::ledger::{Actor, BalanceError, Entry, EntryKind, balance_after};
use crate::domain::user::{Credits, MAX_CREDITS, SignInMethod, User};
use crate::store::{
    CreateUserError, CreditAssignment, CreditChange, CreditError, Made, PasswordChange, SignInNote,
    StoreError, UserChange, UserChangeError,
};

use prost::Message;
use redb::ReadableTable;

use super::error::{corrupt, failed};
use super::ledger::{Posting, Replay};
use super::work::Work;
use super::{decode, encode, load};

pub(super) fn create_user(
    work: &mut Work<'_>,
    user: &User,
    credits: Credits,
    actor: &Actor,
) -> Result<User, CreateUserError> {
    let taken = work
        .read()
        .user_names
        .get(user.username.as_str())
        .map_err(failed)?
        .is_some();
    if taken {
        return Err(CreateUserError::UsernameTaken);
    }
    let credits = credits.clamp(0, MAX_CREDITS);
    let user = User {
        credit_balance: 0,
        ledger_sequence: 0,
        version: user.version.max(1),
        ..user.clone()
    };
    let (id, now) = (user.id, user.create_time);
    work.note(
        now,
        actor,
        "user.create",
        Target::user(&user),
        format!("role {:?}, credits {credits}", user.role),
    )?;
    work.add_user(user)?;
    work.post(Posting {
        user: id,
        kind: EntryKind::Grant,
        delta: credits,
        subject: None,
        actor: actor.clone(),
        note: String::new(),
        now,
    })?;
    Ok(work.user_mut(id)?.clone())
}

pub(super) fn set_password(
    work: &mut Work<'_>,
    change: &PasswordChange,
) -> Result<Option<User>, StoreError> {
    let known = work.user(change.user)?;
    let is_meant = |user: &User| {
        change
            .expected_epoch
            .is_none_or(|it| it == user.token_epoch)
    };
    if !known.is_some_and(is_meant) {
        return Ok(None);
    }
    let user = work.user_mut(change.user)?;
    user.password_hash.clone_from(&change.password_hash);
    user.password_change_required = change.change_required;
    user.password_expire_time = change.expire_time;
    user.token_epoch += 1;
    user.version += 1;
    let user = user.clone();
    // Whoever sets another's password does not know the one before.
    let action = if change.actor.user() == Some(user.id) {
        "password.change"
    } else {
        "password.reset"
    };
    work.note(change.now, &change.actor, action, Target::user(&user), "")?;
    Ok(Some(user))
}

pub(super) fn update_user(
    work: &mut Work<'_>,
    change: &UserChange,
) -> Result<User, UserChangeError> {
    let before = work
        .user(change.user)?
        .ok_or(UserChangeError::NotFound)?
        .clone();
    if change
        .expected_version
        .is_some_and(|version| version != before.version)
    {
        return Err(UserChangeError::Changed);
    }
    let after = changed(&before, change);
    if after == before {
        return Ok(before);
    }
    if before.is_working_admin() && !after.is_working_admin() && !has_other_admin(work, before.id)?
    {
        return Err(UserChangeError::LastAdmin);
    }
    let detail = differences(&before, &after);
    let ends_tokens = after.role != before.role || (after.disabled && !before.disabled);
    let user = work.user_mut(change.user)?;
    *user = after;
    user.version += 1;
    if ends_tokens {
        user.token_epoch += 1;
    }
    let user = user.clone();
    let target = Target::user(&user);
    work.note(change.now, &change.actor, "user.update", target, detail)?;
    Ok(user)
}

/// The user as asked for.
fn changed(before: &User, change: &UserChange) -> User {
    let mut after = before.clone();
    if let Some(role) = change.role {
        after.role = role;
    }
    if let Some(disabled) = change.disabled {
        after.disabled = disabled;
    }
    if let Some(name) = &change.display_name {
        after.display_name.clone_from(name);
    }
    if let Some(language) = &change.language {
        after.language.clone_from(language);
    }
    after
}

fn differences(before: &User, after: &User) -> String {
    let mut parts = Vec::new();
    if before.role != after.role {
        parts.push(format!("role {:?}", after.role));
    }
    if before.disabled != after.disabled {
        parts.push(
            if after.disabled {
                "disabled"
            } else {
                "enabled"
            }
            .to_owned(),
        );
    }
    if before.display_name != after.display_name {
        parts.push(format!("display name {:?}", after.display_name));
    }
    if before.language != after.language {
        parts.push(format!("language {:?}", after.language));
    }
    parts.join(", ")
}

/// Whether an admin other than this one can sign in. Looked for only when one is about to go.
fn has_other_admin(work: &mut Work<'_>, one: UserId) -> Result<bool, StoreError> {
    let mut others = Vec::new();
    for entry in work.read().users.iter().map_err(failed)? {
        let (key, _) = entry.map_err(failed)?;
        others.push(load::user_id(key.value()));
    }
    for id in others {
        // Through the transaction's own state: another change of it may have come before this one.
        if id != one && work.user(id)?.is_some_and(User::is_working_admin) {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn record_sign_in(work: &mut Work<'_>, sign_in: &SignInNote) -> Result<(), StoreError> {
    if work.user(sign_in.user)?.is_none() {
        return Ok(());
    }
    let user = work.user_mut(sign_in.user)?;
    user.last_sign_in_time = Some(sign_in.now);
    user.last_sign_in_method = Some(sign_in.method);
    let actor = Actor::User {
        id: user.id,
        name: user.username.clone(),
        address: sign_in.address,
    };
    let target = Target::user(user);
    let how = match sign_in.method {
        SignInMethod::Ssh => "over SSH",
        SignInMethod::Password | SignInMethod::ApiKey => "",
    };
    work.note(sign_in.now, &actor, "sign_in", target, how)
}

impl From<Replay> for CreditError {
    fn from(replay: Replay) -> Self {
        match replay {
            Replay::Reused => Self::RequestReused,
            Replay::Store(error) => Self::Store(error),
        }
    }
}

pub(super) fn adjust_credits(
    work: &mut Work<'_>,
    change: &CreditChange,
) -> Result<(User, Entry), CreditError> {
    if let Some(made) = work.replay(change.request.as_ref())? {
        return replayed_adjustment(work, &made);
    }
    let user = work.user(change.user)?.ok_or(CreditError::NotFound)?;
    balance_after(user.credit_balance, change.delta)?;
    let (target, available) = (Target::user(user), user.credit_balance);
    let posted = work.post(Posting {
        user: change.user,
        kind: EntryKind::Adjustment,
        delta: change.delta,
        subject: None,
        actor: change.actor.clone(),
        note: change.note.clone(),
        now: change.now,
    })?;
    // Only a difference of zero makes no entry; it is refused, for there is none to answer with.
    let entry = posted.ok_or(BalanceError::Insufficient {
        required: 0,
        available,
    })?;
    let detail = format!("{:+}, now {}", entry.delta, entry.balance_after);
    work.note(change.now, &change.actor, "credits.adjust", target, detail)?;
    work.record(
        change.request.as_ref(),
        Made::Entry(change.user, entry.sequence),
    )?;
    let user = work.user_mut(change.user)?;
    user.version += 1;
    Ok((user.clone(), entry))
}

fn replayed_adjustment(work: &mut Work<'_>, made: &Made) -> Result<(User, Entry), CreditError> {
    let Made::Entry(id, sequence) = *made else {
        return Err(CreditError::RequestReused);
    };
    let place = format!("entries {id}/{sequence}");
    let entry = match work
        .read()
        .entries
        .get((id.0.as_u128(), sequence))
        .map_err(failed)?
    {
        Some(guard) => load::decoded(&place, guard.value(), |record| {
            decode::entry(id, sequence, record)
        })?,
        None => return Err(corrupt(place, "a request made it, and it is missing").into()),
    };
    let user = work.user(id)?.ok_or(CreditError::NotFound)?;
    Ok((user.clone(), entry))
}

pub(super) fn set_credits(
    work: &mut Work<'_>,
    change: &CreditAssignment,
) -> Result<(User, Option<Entry>), CreditError> {
    let user = work.user(change.user)?.ok_or(CreditError::NotFound)?;
    let actual = user.credit_balance;
    if actual != change.expected {
        return Err(CreditError::Changed { actual });
    }
    let delta = change
        .credits
        .checked_sub(actual)
        .ok_or(BalanceError::TooLarge)?;
    balance_after(actual, delta)?;
    if delta == 0 {
        return Ok((user.clone(), None));
    }
    let target = Target::user(user);
    let entry = work.post(Posting {
        user: change.user,
        kind: EntryKind::Adjustment,
        delta,
        subject: None,
        actor: change.actor.clone(),
        note: change.note.clone(),
        now: change.now,
    })?;
    let detail = format!("from {actual} to {}", change.credits);
    work.note(change.now, &change.actor, "credits.set", target, detail)?;
    let user = work.user_mut(change.user)?;
    user.version += 1;
    Ok((user.clone(), entry))
}

pub(super) fn record_audit(work: &mut Work<'_>, event: &AuditEvent) -> Result<(), StoreError> {
    work.write_audit(event.clone())
}

pub(super) fn set_dispatch_settings(
    work: &mut Work<'_>,
    settings: &DispatchSettings,
) -> Result<(), StoreError> {
    let bytes = encode::dispatch(settings).encode_to_vec();
    work.write()
        .singles
        .insert(load::DISPATCH, bytes.as_slice())
        .map_err(failed)?;
    work.wake_dispatch();
    work.note(
        settings.change_time,
        &settings.changed_by,
        "dispatch.set",
        Target::only(TargetKind::Dispatch),
        format!("{:?}, concurrency {}", settings.state, settings.concurrency),
    )
}

/// Every token, the current one first, then the newest.
pub(super) fn tokens(
    table: &impl ReadableTable<&'static str, super::tables::Bytes>,
) -> Result<Vec<UpstreamToken>, StoreError> {
    let mut tokens = Vec::new();
    for entry in table.iter().map_err(failed)? {
        let (key, value) = entry.map_err(failed)?;
        let account = Account(key.value().to_owned());
        tokens.push(load::decoded(
            format_args!("tokens {account}"),
            value.value(),
            |record| decode::token(account.clone(), record),
        )?);
    }
    tokens.sort_by_key(|token| (!token.current, std::cmp::Reverse(token.set_time)));
    Ok(tokens)
}

fn put_token(work: &mut Work<'_>, token: &UpstreamToken) -> Result<(), StoreError> {
    let bytes = encode::token(token).encode_to_vec();
    work.write()
        .tokens
        .insert(token.account.0.as_str(), bytes.as_slice())
        .map_err(failed)?;
    work.wake_dispatch();
    Ok(())
}

pub(super) fn set_upstream_token(
    work: &mut Work<'_>,
    token: &UpstreamToken,
    actor: &Actor,
) -> Result<(), StoreError> {
    for mut other in tokens(&work.read().tokens)? {
        if other.current && other.account != token.account {
            other.current = false;
            put_token(work, &other)?;
        }
    }
    let token = UpstreamToken {
        current: true,
        ..token.clone()
    };
    put_token(work, &token)?;
    work.note(
        token.set_time,
        actor,
        "upstream_token.set",
        Target::new(TargetKind::Upstream, "", &token.account.0),
        "",
    )
}

pub(super) fn mark_token(
    work: &mut Work<'_>,
    account: &Account,
    refused_since: Option<Timestamp>,
) -> Result<(), StoreError> {
    let known = tokens(&work.read().tokens)?;
    match known.into_iter().find(|token| token.account == *account) {
        // Refused again is refused since the first time: the account is lost by that.
        Some(token) if token.refused_since.is_some() && refused_since.is_some() => Ok(()),
        Some(mut token) if token.refused_since != refused_since => {
            token.refused_since = refused_since;
            put_token(work, &token)
        }
        _ => Ok(()),
    }
}

pub(super) fn drop_token(work: &mut Work<'_>, account: &Account) -> Result<(), StoreError> {
    let known = tokens(&work.read().tokens)?;
    if known
        .iter()
        .any(|token| token.account == *account && !token.current)
    {
        work.write()
            .tokens
            .remove(account.0.as_str())
            .map_err(failed)?;
        work.wake_dispatch();
    }
    Ok(())
}

pub(super) fn set_setting(work: &mut Work<'_>, name: &str, value: &[u8]) -> Result<(), StoreError> {
    work.write().settings.insert(name, value).map_err(failed)?;
    Ok(())
}

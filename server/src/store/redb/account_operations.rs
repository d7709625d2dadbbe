//! What is done to accounts: users, passwords, credits; and the server's own settings.

use jiff::Timestamp;

use crate::domain::audit::AuditEvent;
use crate::domain::dispatching::{DispatchSettings, UpstreamToken};
use crate::domain::ids::{Account, UserId};
use crate::domain::ledger::{Actor, BalanceError, Entry, EntryKind, balance_after};
use crate::domain::user::{Credits, MAX_CREDITS, Role, User};
use crate::store::{
    CreateUserError, CreditAssignment, CreditChange, CreditError, Made, PasswordChange, StoreError,
    UserChange, UserChangeError,
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
        &user.username,
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
    if work.user(change.user)?.is_none() {
        return Ok(None);
    }
    let user = work.user_mut(change.user)?;
    user.password_hash.clone_from(&change.password_hash);
    user.password_change_required = change.change_required;
    user.password_expire_time = change.expire_time;
    user.token_epoch += 1;
    user.version += 1;
    let user = user.clone();
    work.note(
        change.now,
        &change.actor,
        "password.change",
        &user.username,
        "",
    )?;
    Ok(Some(user))
}

pub(super) fn update_user(
    work: &mut Work<'_>,
    change: &UserChange,
) -> Result<User, UserChangeError> {
    let user = work.user(change.user)?.ok_or(UserChangeError::NotFound)?;
    if change
        .expected_version
        .is_some_and(|expected| expected != user.version)
    {
        return Err(UserChangeError::Changed);
    }
    let before = user.clone();
    let mut after = before.clone();
    if let Some(name) = &change.display_name {
        after.display_name.clone_from(name);
    }
    after.role = change.role.unwrap_or(before.role);
    after.disabled = change.disabled.unwrap_or(before.disabled);
    if after == before {
        return Ok(before);
    }
    let administrates = |user: &User| user.role == Role::Admin && !user.disabled;
    if administrates(&before) && !administrates(&after) && !another_admin(work, change.user)? {
        return Err(UserChangeError::LastAdmin);
    }
    let loses_sessions = (after.disabled && !before.disabled) || after.role < before.role;
    if loses_sessions {
        after.token_epoch += 1;
    }
    after.version += 1;
    let mut said = Vec::new();
    if after.display_name != before.display_name {
        said.push("display name".to_owned());
    }
    if after.role != before.role {
        said.push(format!("role {:?}", after.role));
    }
    if after.disabled != before.disabled {
        said.push(
            if after.disabled {
                "disabled"
            } else {
                "enabled"
            }
            .to_owned(),
        );
    }
    work.user_mut(change.user)?.clone_from(&after);
    work.note(
        change.now,
        &change.actor,
        "user.update",
        &after.username,
        said.join(", "),
    )?;
    Ok(after)
}

/// Whether an enabled admin is left beside this one. Names are written at once, so a user made in this very transaction
/// counts.
fn another_admin(work: &mut Work<'_>, except: UserId) -> Result<bool, StoreError> {
    let mut ids = Vec::new();
    for entry in work.read().user_names.iter().map_err(failed)? {
        let (_, id) = entry.map_err(failed)?;
        ids.push(load::user_id(id.value()));
    }
    for id in ids.into_iter().filter(|id| *id != except) {
        if let Some(user) = work.user(id)?
            && user.role == Role::Admin
            && !user.disabled
        {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn record_sign_in(
    work: &mut Work<'_>,
    id: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    if work.user(id)?.is_none() {
        return Ok(());
    }
    let user = work.user_mut(id)?;
    user.last_sign_in_time = Some(now);
    let name = user.username.clone();
    let actor = Actor::User {
        id,
        name: name.clone(),
    };
    work.note(now, &actor, "sign_in", name, "")
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
    let (name, available) = (user.username.clone(), user.credit_balance);
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
    work.note(change.now, &change.actor, "credits.adjust", name, detail)?;
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
    let name = user.username.clone();
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
    work.note(change.now, &change.actor, "credits.set", name, detail)?;
    let user = work.user_mut(change.user)?;
    user.version += 1;
    Ok((user.clone(), entry))
}

pub(super) fn record_audit(work: &mut Work<'_>, event: &AuditEvent) -> Result<(), StoreError> {
    work.note(
        event.time,
        &event.actor,
        &event.action,
        &event.target,
        event.detail.clone(),
    )
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
        "dispatch",
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
        &token.account,
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

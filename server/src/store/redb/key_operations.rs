//! What is done to API keys: made, taken away, used.
//!
//! Invariant: a key and the entry of its digest come and go together.

use jiff::Timestamp;
use prost::Message;
use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata};

use crate::domain::audit::{Target, TargetKind};
use crate::domain::ids::{KeyId, UserId};
use crate::domain::key::{ApiKey, KEYS_PER_USER, Scope};
use crate::domain::ledger::Actor;
use crate::domain::user::SignInMethod;
use crate::store::{CreateKeyError, NewApiKey, RevokeApiKey, StoreError};

use super::error::{corrupt, failed};
use super::tables::{API_KEY_DIGESTS, API_KEYS, Bytes, readable};
use super::work::Work;
use super::{decode, encode, load};

pub(super) fn key_id(key: u128) -> KeyId {
    KeyId(uuid::Uuid::from_u128(key))
}

fn place(user: UserId, id: KeyId) -> (u128, u128) {
    (user.0.as_u128(), id.0.as_u128())
}

fn one(
    table: &impl ReadableTable<(u128, u128), Bytes>,
    user: UserId,
    id: KeyId,
) -> Result<Option<ApiKey>, StoreError> {
    match table.get(place(user, id)).map_err(failed)? {
        Some(guard) => read(user, id, guard.value()).map(Some),
        None => Ok(None),
    }
}

pub(super) fn read(user: UserId, id: KeyId, bytes: &[u8]) -> Result<ApiKey, StoreError> {
    load::decoded(format_args!("api_keys {user}/{id}"), bytes, |record| {
        decode::api_key(user, id, record)
    })
}

/// The keys of a user, newest first.
fn all_of(
    table: &impl ReadableTable<(u128, u128), Bytes>,
    user: UserId,
) -> Result<Vec<ApiKey>, StoreError> {
    let owner = user.0.as_u128();
    let range = table
        .range((owner, 0)..=(owner, u128::MAX))
        .map_err(failed)?;
    range
        .rev()
        .map(|entry| {
            let (key, value) = entry.map_err(failed)?;
            read(user, key_id(key.value().1), value.value())
        })
        .collect()
}

fn put(work: &mut Work<'_>, key: &ApiKey) -> Result<(), StoreError> {
    let bytes = encode::api_key(key).encode_to_vec();
    work.write()
        .api_keys
        .insert(place(key.user, key.id), bytes.as_slice())
        .map_err(failed)?;
    Ok(())
}

pub(super) fn create(work: &mut Work<'_>, new: &NewApiKey) -> Result<(), CreateKeyError> {
    let key = &new.key;
    let user = work
        .user(key.user)?
        .ok_or(CreateKeyError::UserNotFound)?
        .username
        .clone();
    if all_of(&work.read().api_keys, key.user)?.len() >= KEYS_PER_USER {
        return Err(CreateKeyError::TooMany);
    }
    put(work, key)?;
    work.write()
        .api_key_digests
        .insert(&key.digest, place(key.user, key.id))
        .map_err(failed)?;
    let scopes: Vec<&str> = key.scopes.iter().copied().map(Scope::name).collect();
    let detail = format!("for {user}, scopes {}", scopes.join(" "));
    let target = Target::key(key);
    work.note(key.create_time, &new.actor, "key.create", target, detail)?;
    Ok(())
}

pub(super) fn revoke(work: &mut Work<'_>, revoke: &RevokeApiKey) -> Result<bool, StoreError> {
    let Some(key) = one(&work.read().api_keys, revoke.user, revoke.id)? else {
        return Ok(false);
    };
    let tables = work.write();
    tables
        .api_keys
        .remove(place(key.user, key.id))
        .map_err(failed)?;
    tables.api_key_digests.remove(&key.digest).map_err(failed)?;
    // Streams that are open on the key look at it when its user changes.
    let user = work.user_mut(key.user)?.username.clone();
    let target = Target::key(&key);
    let detail = format!("of {user}");
    work.note(revoke.now, &revoke.actor, "key.revoke", target, detail)?;
    Ok(true)
}

/// Takes every key away, with one audit event.
pub(super) fn end_all(work: &mut Work<'_>, now: Timestamp) -> Result<(), StoreError> {
    let count = work.read().api_keys.len().map_err(failed)?;
    if count == 0 {
        return Ok(());
    }
    let tables = work.write();
    tables.api_keys.retain(|_, _| false).map_err(failed)?;
    tables
        .api_key_digests
        .retain(|_, _| false)
        .map_err(failed)?;
    let target = Target::only(TargetKind::Key);
    let detail = format!("all {count}, with a restored copy");
    work.note(now, &Actor::System, "key.revoke", target, detail)
}

pub(super) fn note_use(
    work: &mut Work<'_>,
    user: UserId,
    id: KeyId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(mut key) = one(&work.read().api_keys, user, id)? else {
        return Ok(());
    };
    key.last_used_time = Some(now);
    put(work, &key)?;
    let user = work.user_mut(user)?;
    user.last_sign_in_time = Some(now);
    user.last_sign_in_method = Some(SignInMethod::ApiKey);
    Ok(())
}

pub(super) fn of_user(snapshot: &ReadTransaction, user: UserId) -> Result<Vec<ApiKey>, StoreError> {
    all_of(&readable(snapshot, API_KEYS)?, user)
}

pub(super) fn find(
    snapshot: &ReadTransaction,
    user: UserId,
    id: KeyId,
) -> Result<Option<ApiKey>, StoreError> {
    one(&readable(snapshot, API_KEYS)?, user, id)
}

pub(super) fn by_digest(
    snapshot: &ReadTransaction,
    digest: &[u8; 32],
) -> Result<Option<ApiKey>, StoreError> {
    let digests = readable(snapshot, API_KEY_DIGESTS)?;
    let Some(place) = digests.get(digest).map_err(failed)? else {
        return Ok(None);
    };
    let (user, id) = place.value();
    let (user, id) = (load::user_id(user), key_id(id));
    one(&readable(snapshot, API_KEYS)?, user, id)?
        .map(Some)
        .ok_or_else(|| corrupt(format_args!("api_keys {user}/{id}"), "it is missing"))
}

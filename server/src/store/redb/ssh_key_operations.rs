//! What is done to SSH keys: added, taken away, used.

use jiff::Timestamp;
use prost::Message as _;
use redb::{ReadTransaction, ReadableTable};

use crate::domain::audit::{Target, TargetKind};
use crate::domain::ids::{KeyId, UserId};
use crate::domain::key::{SSH_KEYS_PER_USER, SshKey};
use crate::store::{AddSshKeyError, NewSshKey, RemoveSshKey, StoreError};

use super::error::failed;
use super::key_operations::key_id;
use super::tables::{Bytes, SSH_KEYS, readable};
use super::work::Work;
use super::{decode, encode, load};

fn place(user: UserId, id: KeyId) -> (u128, u128) {
    (user.0.as_u128(), id.0.as_u128())
}

pub(super) fn read(user: UserId, id: KeyId, bytes: &[u8]) -> Result<SshKey, StoreError> {
    load::decoded(format_args!("ssh_keys {user}/{id}"), bytes, |record| {
        decode::ssh_key(user, id, record)
    })
}

fn one(
    table: &impl ReadableTable<(u128, u128), Bytes>,
    user: UserId,
    id: KeyId,
) -> Result<Option<SshKey>, StoreError> {
    match table.get(place(user, id)).map_err(failed)? {
        Some(guard) => read(user, id, guard.value()).map(Some),
        None => Ok(None),
    }
}

/// The keys of a user, newest first.
fn all_of(
    table: &impl ReadableTable<(u128, u128), Bytes>,
    user: UserId,
) -> Result<Vec<SshKey>, StoreError> {
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

fn put(work: &mut Work<'_>, key: &SshKey) -> Result<(), StoreError> {
    let bytes = encode::ssh_key(key).encode_to_vec();
    work.write()
        .ssh_keys
        .insert(place(key.user, key.id), bytes.as_slice())
        .map_err(failed)?;
    Ok(())
}

fn target(key: &SshKey) -> Target {
    Target::new(TargetKind::Key, key.id, &key.name)
}

pub(super) fn add(work: &mut Work<'_>, new: &NewSshKey) -> Result<(), AddSshKeyError> {
    let key = &new.key;
    let user = work
        .user(key.user)?
        .ok_or(AddSshKeyError::UserNotFound)?
        .username
        .clone();
    let there = all_of(&work.read().ssh_keys, key.user)?;
    if there.iter().any(|it| it.fingerprint == key.fingerprint) {
        return Err(AddSshKeyError::Known);
    }
    if there.len() >= SSH_KEYS_PER_USER {
        return Err(AddSshKeyError::TooMany);
    }
    put(work, key)?;
    let detail = format!("for {user}, {}", key.fingerprint);
    work.note(
        key.create_time,
        &new.actor,
        "ssh_key.add",
        target(key),
        detail,
    )?;
    Ok(())
}

pub(super) fn remove(work: &mut Work<'_>, remove: &RemoveSshKey) -> Result<bool, StoreError> {
    let Some(key) = one(&work.read().ssh_keys, remove.user, remove.id)? else {
        return Ok(false);
    };
    work.write()
        .ssh_keys
        .remove(place(key.user, key.id))
        .map_err(failed)?;
    let user = work
        .user(key.user)?
        .map(|user| user.username.clone())
        .unwrap_or_default();
    let detail = format!("of {user}, {}", key.fingerprint);
    work.note(
        remove.now,
        &remove.actor,
        "ssh_key.remove",
        target(&key),
        detail,
    )?;
    Ok(true)
}

pub(super) fn note_use(
    work: &mut Work<'_>,
    user: UserId,
    id: KeyId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(mut key) = one(&work.read().ssh_keys, user, id)? else {
        return Ok(());
    };
    key.last_used_time = Some(now);
    put(work, &key)
}

pub(super) fn of_user(snapshot: &ReadTransaction, user: UserId) -> Result<Vec<SshKey>, StoreError> {
    all_of(&readable(snapshot, SSH_KEYS)?, user)
}

//! What must hold whenever nothing is under way: ledgers against rounds, files against what refers to them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use vbatch_server::domain::ids::{ItemId, UserId};
use vbatch_server::domain::item::{ItemState, VideoItem};
use vbatch_server::domain::ledger::{Entry, EntryKind};
use vbatch_server::domain::media::{Blob, BlobKind};
use vbatch_server::domain::user::User;

use super::books::Books;
use super::disk::Disk;
use super::node::ROOT;

/// Each user's ledger, newest entry first, against the rounds of the items.
///
/// # Errors
/// In words, what does not hold.
pub fn ledgers<'a>(
    users: impl Iterator<Item = &'a User>,
    items: impl Iterator<Item = &'a VideoItem>,
    entries: &BTreeMap<UserId, Vec<Entry>>,
) -> Result<(), String> {
    let mut entered: BTreeMap<(ItemId, u32, EntryKind), i32> = BTreeMap::new();
    for user in users {
        let mut balance = 0;
        for entry in entries.get(&user.id).into_iter().flatten().rev() {
            balance += entry.delta;
            if balance < 0 || balance != entry.balance_after {
                return Err(format!(
                    "the balance of {} is {balance} at {entry:?}",
                    user.id
                ));
            }
            if let Some(subject) = entry.subject {
                let key = (subject.item, subject.round, entry.kind);
                if entered.insert(key, entry.delta).is_some() {
                    return Err(format!("entered twice: {entry:?}"));
                }
            }
        }
        if balance != user.credit_balance {
            return Err(format!("the ledger has {balance}: {user:?}"));
        }
    }
    for item in items {
        rounds_are_settled(item, &mut entered)?;
    }
    match entered.first_key_value() {
        Some(entry) => Err(format!("an entry of no round: {entry:?}")),
        None => Ok(()),
    }
}

/// Takes an item's entries out: a charge a round, and a refund where the round ended without a video.
fn rounds_are_settled(
    item: &VideoItem,
    entered: &mut BTreeMap<(ItemId, u32, EntryKind), i32>,
) -> Result<(), String> {
    for round in 1..=item.round {
        let charge = entered.remove(&(item.id, round, EntryKind::Charge));
        let refund = entered.remove(&(item.id, round, EntryKind::Refund));
        let given_back = round < item.round
            || matches!(
                item.state,
                ItemState::Failed { .. } | ItemState::Cancelled { .. }
            );
        if charge != Some(-1) || refund != given_back.then_some(1) {
            return Err(format!("round {round}: {charge:?}, {refund:?} of {item:?}"));
        }
    }
    Ok(())
}

/// What is referred to is there, whole. Answers the files that nothing refers to.
///
/// # Errors
/// In words, what is missing or damaged.
pub fn files(books: &Books, disk: &Disk) -> Result<BTreeSet<PathBuf>, String> {
    let mut found = disk.files();
    let mut whole: BTreeSet<Blob> = BTreeSet::new();
    let mut referred: Vec<Blob> = Vec::new();
    for batch in books.batches.values() {
        referred.push(batch.audio.blob);
    }
    for item in books.items.values() {
        referred.push(item.source_image.blob);
        if let ItemState::Completed { video, .. } = &item.state {
            referred.push(video.blob);
        }
    }
    for blob in referred {
        if !whole.insert(blob) {
            continue;
        }
        let path = path_of(blob);
        let Some(content) = found.remove(&path) else {
            return Err(format!("{} is gone", path.display()));
        };
        let is_whole = content.len() as u64 == blob.size_bytes
            && <[u8; 32]>::from(Sha256::digest(&content)) == blob.sha256.0;
        if !is_whole {
            return Err(format!("{} is not what it was", path.display()));
        }
    }
    Ok(found.into_keys().collect())
}

fn path_of(blob: Blob) -> PathBuf {
    let digest = blob.sha256.to_string();
    let folder = match blob.kind {
        BlobKind::Image => "images",
        BlobKind::Audio => "audios",
        BlobKind::Video => "videos",
    };
    Path::new(ROOT).join(folder).join(&digest[..2]).join(digest)
}

//! How often each blob is referred to.
//!
//! To count references for each of a million blobs would take memory for a million digests. Instead each reference adds
//! its digest to the sum of its group, and each row of BLOBS takes its digest away as often as it says. A group that
//! does not come out at nothing is read again, with a counter for each of its blobs.

use std::collections::BTreeMap;

use crate::domain::books::Check;
use crate::domain::item::ItemState;
use crate::domain::media::{Blob, BlobKind, Sha256};
use crate::store::StoreError;

use super::super::code::Coded;
use super::super::error::failed;
use super::super::load;
use super::{Walk, rows, unless_corrupt};

/// Groups of blobs, by the first two bytes of the digest.
pub(super) const BUCKETS: usize = 1 << 16;

/// Groups that are read again at most; the others are only counted.
const NAMED: usize = 32;

/// The sums of the groups.
pub(super) struct References(Vec<u128>);

impl Default for References {
    fn default() -> Self {
        Self(vec![0; BUCKETS])
    }
}

fn bucket(sha256: &[u8; 32]) -> usize {
    usize::from(u16::from_be_bytes([sha256[0], sha256[1]]))
}

/// What stands for a blob in a sum: 126 bits of its digest, and never zero, so that no number of references vanishes.
fn weight(kind: u8, sha256: &[u8; 32]) -> u128 {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&sha256[16..]);
    (u128::from_be_bytes(bytes) << 2) | u128::from(kind)
}

impl References {
    fn add(&mut self, kind: u8, sha256: &[u8; 32], times: u64) {
        let sum = &mut self.0[bucket(sha256)];
        *sum = sum.wrapping_add(weight(kind, sha256).wrapping_mul(times.into()));
    }

    fn take(&mut self, kind: u8, sha256: &[u8; 32], times: u64) {
        let sum = &mut self.0[bucket(sha256)];
        *sum = sum.wrapping_sub(weight(kind, sha256).wrapping_mul(times.into()));
    }
}

impl Walk {
    /// Counts a reference, whose blob must be known with that size.
    pub(super) fn refer(
        &mut self,
        references: &mut References,
        place: &str,
        blob: &Blob,
    ) -> Result<(), StoreError> {
        let kind = blob.kind.code();
        references.add(kind, &blob.sha256.0, 1);
        let row = self
            .tables
            .blobs
            .get((kind, &blob.sha256.0))
            .map_err(failed)?;
        let words = match row.map(|guard| guard.value().1) {
            Some(bytes) if bytes == blob.size_bytes => return Ok(()),
            Some(bytes) => format!(
                "blob {} has {} bytes, the index `blobs` says {bytes}",
                blob.sha256, blob.size_bytes
            ),
            None => format!("blob {} is missing in the index `blobs`", blob.sha256),
        };
        self.differ(Check::Index, place, words);
        Ok(())
    }

    /// Compares the rows of BLOBS with all references, and their bytes with the sums. After all batches were seen.
    pub(super) fn blobs(&mut self, mut references: References) -> Result<(), StoreError> {
        let mut bytes: BTreeMap<u8, u64> = BTreeMap::new();
        let mut count = 0;
        for row in rows(&self.tables.blobs)? {
            let (key, value) = row.map_err(failed)?;
            let ((kind, sha256), (times, size)) = (key.value(), value.value());
            count += 1;
            references.take(kind, sha256, times);
            *bytes.entry(kind).or_default() += size;
            if times == 0 {
                let place = format!("blob {}", Sha256(*sha256));
                self.differ(Check::Index, place, "nothing refers to it");
            }
        }
        self.inspector.compared("blobs", count);
        let unequal: Vec<usize> = (0..BUCKETS)
            .filter(|bucket| references.0[*bucket] != 0)
            .collect();
        drop(references);
        if !unequal.is_empty() {
            self.recount(&unequal)?;
        }
        let totals = load::totals(&self.tables.singles);
        let Some(totals) = unless_corrupt(totals)? else {
            return Ok(());
        };
        for (kind, what, said) in [
            (BlobKind::Image, "bytes of images", totals.image_bytes),
            (BlobKind::Audio, "bytes of audios", totals.audio_bytes),
            (BlobKind::Video, "bytes of videos", totals.video_bytes),
        ] {
            let counted = bytes.get(&kind.code()).copied().unwrap_or_default();
            if said != counted {
                let words = format!("it says {said}, a recount gives {counted}");
                self.differ(Check::Counts, format_args!("totals, {what}"), words);
            }
        }
        Ok(())
    }

    /// Counts the references of some groups one by one.
    fn recount(&mut self, unequal: &[usize]) -> Result<(), StoreError> {
        let named = &unequal[..unequal.len().min(NAMED)];
        let mut counted: BTreeMap<(u8, [u8; 32]), i64> = BTreeMap::new();
        for row in rows(&self.tables.blobs)? {
            let (key, value) = row.map_err(failed)?;
            let (kind, sha256) = key.value();
            if named.contains(&bucket(sha256)) {
                let times = i64::try_from(value.value().0).unwrap_or(i64::MAX);
                counted.insert((kind, *sha256), -times);
            }
        }
        let mut count = |blob: &Blob| {
            if named.contains(&bucket(&blob.sha256.0)) {
                *counted
                    .entry((blob.kind.code(), blob.sha256.0))
                    .or_default() += 1;
            }
        };
        for row in rows(&self.tables.batches)? {
            let id = load::batch_id(row.map_err(failed)?.0.value());
            let batch = load::batch(&self.tables.batches, &self.tables.progress, id);
            let Some(batch) = unless_corrupt(batch)?.flatten() else {
                continue;
            };
            if batch.audio.removed_time.is_none() {
                count(&batch.audio.blob);
            }
            let key = id.0.as_u128();
            let items = self.tables.items.range((key, 0)..=(key, u32::MAX));
            for row in items.map_err(failed)? {
                let (key, value) = row.map_err(failed)?;
                let item = load::item(id, key.value().1, value.value());
                let Some(item) = unless_corrupt(item)? else {
                    continue;
                };
                if item.source_image.removed_time.is_none() {
                    count(&item.source_image.blob);
                }
                if let ItemState::Completed { video, .. } = &item.state
                    && video.removed_time.is_none()
                {
                    count(&video.blob);
                }
            }
        }
        for ((_, sha256), more) in counted.into_iter().filter(|(_, more)| *more != 0) {
            let words = if more > 0 {
                format!("it is referred to {more} times more than the index `blobs` says")
            } else {
                format!(
                    "it is referred to {} times less than the index `blobs` says",
                    -more
                )
            };
            self.differ(
                Check::Counts,
                format_args!("blob {}", Sha256(sha256)),
                words,
            );
        }
        if unequal.len() > named.len() {
            let words = format!(
                "references are miscounted in {} more groups of blobs",
                unequal.len() - named.len()
            );
            self.differ(Check::Counts, "blobs", words);
        }
        Ok(())
    }
}

//! The index behind every list of batches, and the counts beside it.
//!
//! A batch stands in one range for its owner and in one for everyone, by attention rank, state and whether it has
//! failures; within a range newest first. A list is a merge of the ranges its order and filter ask for, so its cost
//! does not grow with history. Both are touched only when one of the three changes.

use std::collections::BTreeSet;
use std::iter::Peekable;

use prost::Message;
use redb::{Range, ReadOnlyTable, ReadableTable};

use crate::domain::batch::{AttentionRank, Batch, BatchState, EngineKind};
use crate::domain::ids::{BatchId, UserId};
use crate::store::StoreError;
use crate::store::query::{BatchFilter, BatchOrder, waits_for_any};

use super::code::Coded;
use super::error::failed;
use super::load::{self, batch_id};
use super::record::CountsRecord;
use super::tables::{Bytes, Tables};

/// Which range of the index a batch is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Class {
    rank: AttentionRank,
    state: BatchState,
    has_failures: bool,
}

impl Class {
    pub fn of(batch: &Batch) -> Self {
        Self {
            rank: batch.attention(),
            state: batch.state(),
            has_failures: batch.counts.failed > 0,
        }
    }

    /// Its key in that range.
    pub fn key(self, scope: u128, batch: BatchId) -> (u128, u8, u8, bool, u128) {
        let inverted = !batch.0.as_u128();
        (
            scope,
            self.rank.code(),
            self.state.code(),
            self.has_failures,
            inverted,
        )
    }

    /// Counts it in.
    pub fn count(self, counts: &mut CountsRecord, step: impl Fn(&mut u64)) {
        step(match self.state {
            BatchState::Created => &mut counts.created,
            BatchState::Processing => &mut counts.processing,
            BatchState::Completed => &mut counts.completed,
            BatchState::Failed => &mut counts.failed,
            BatchState::Cancelled => &mut counts.cancelled,
        });
        if self.has_failures {
            step(&mut counts.with_failures);
        }
        if self.rank == AttentionRank::NeedsAttention {
            step(&mut counts.needs_attention);
        }
    }
}

/// The key of a scope: an owner, or everyone.
pub(super) fn scope(owner: Option<UserId>) -> u128 {
    owner.map_or(0, |owner| owner.0.as_u128())
}

/// Moves a batch to the range where it belongs now.
pub(super) fn follow(
    tables: &mut Tables<'_>,
    batch: &Batch,
    listed: Option<Class>,
) -> Result<(), StoreError> {
    let class = Class::of(batch);
    if listed == Some(class) {
        return Ok(());
    }
    for scope in [scope(None), scope(Some(batch.owner))] {
        let mut counts = counts(&tables.counts, scope)?;
        if let Some(old) = listed {
            tables
                .lists
                .remove(old.key(scope, batch.id))
                .map_err(failed)?;
            old.count(&mut counts, |count| *count = count.saturating_sub(1));
        }
        tables
            .lists
            .insert(class.key(scope, batch.id), ())
            .map_err(failed)?;
        class.count(&mut counts, |count| *count += 1);
        let bytes = counts.encode_to_vec();
        tables
            .counts
            .insert(scope, bytes.as_slice())
            .map_err(failed)?;
    }
    Ok(())
}

/// Takes a batch out of the range where it is listed.
pub(super) fn leave(
    tables: &mut Tables<'_>,
    batch: &Batch,
    listed: Option<Class>,
) -> Result<(), StoreError> {
    let Some(old) = listed else {
        return Ok(());
    };
    for scope in [scope(None), scope(Some(batch.owner))] {
        let mut counts = counts(&tables.counts, scope)?;
        tables
            .lists
            .remove(old.key(scope, batch.id))
            .map_err(failed)?;
        old.count(&mut counts, |count| *count = count.saturating_sub(1));
        let bytes = counts.encode_to_vec();
        tables
            .counts
            .insert(scope, bytes.as_slice())
            .map_err(failed)?;
    }
    Ok(())
}

pub(super) fn counts(
    table: &impl ReadableTable<u128, Bytes>,
    scope: u128,
) -> Result<CountsRecord, StoreError> {
    match table.get(scope).map_err(failed)? {
        Some(guard) => load::decoded(format_args!("counts {scope}"), guard.value(), Ok),
        None => Ok(CountsRecord::default()),
    }
}

/// Ranges that are read together, newest first.
pub(super) struct Merge {
    heads: Vec<Peekable<Inverted>>,
}

/// The ids of one range, inverted as they are in the keys, so that the smallest is the newest.
type Inverted = Box<dyn Iterator<Item = Result<u128, StoreError>> + Send>;

impl Merge {
    /// The batches of a scope in these classes from `from` on (inverted, included).
    pub fn open(
        lists: &ReadOnlyTable<(u128, u8, u8, bool, u128), ()>,
        scope: u128,
        classes: &[Class],
        from: u128,
    ) -> Result<Self, StoreError> {
        let mut heads = Vec::with_capacity(classes.len());
        for class in classes {
            let (rank, state) = (class.rank.code(), class.state.code());
            let range = lists
                .range(
                    (scope, rank, state, class.has_failures, from)
                        ..=(scope, rank, state, class.has_failures, u128::MAX),
                )
                .map_err(failed)?;
            let mut head = inverted(range).peekable();
            if head.peek().is_some() {
                heads.push(head);
            }
        }
        Ok(Self { heads })
    }

    /// The next batch.
    pub fn next(&mut self) -> Result<Option<BatchId>, StoreError> {
        let mut newest: Option<(usize, u128)> = None;
        for (index, head) in self.heads.iter_mut().enumerate() {
            match head.peek() {
                Some(Ok(id)) if newest.is_none_or(|(_, found)| *id < found) => {
                    newest = Some((index, *id));
                }
                Some(Err(error)) => return Err(error.clone()),
                _ => {}
            }
        }
        Ok(newest.map(|(index, id)| {
            self.heads[index].next();
            batch_id(!id)
        }))
    }
}

fn inverted(range: Range<'static, (u128, u8, u8, bool, u128), ()>) -> Inverted {
    Box::new(range.map(|entry| entry.map(|(key, _)| key.value().4).map_err(failed)))
}

/// The classes that a list consists of: groups that follow each other, each with its rank for the cursor.
///
/// With `halted` engines, open batches may need attention: the first group has all of them too, and who reads it takes
/// those that do.
pub(super) fn groups(
    order: BatchOrder,
    filter: &BatchFilter,
    halted: &[EngineKind],
) -> Vec<(u8, Vec<Class>)> {
    let states: BTreeSet<BatchState> = if filter.states.is_empty() {
        BatchState::ALL.into()
    } else {
        filter.states.iter().copied().collect()
    };
    let ranks = [
        AttentionRank::NeedsAttention,
        AttentionRank::Open,
        AttentionRank::Settled,
    ];
    let classes = |rank: AttentionRank| {
        let states = states.clone();
        states.into_iter().flat_map(move |state| {
            [false, true]
                .into_iter()
                .filter(move |has| filter.has_failures.is_none_or(|wanted| wanted == *has))
                .map(move |has_failures| Class {
                    rank,
                    state,
                    has_failures,
                })
        })
    };
    match order {
        BatchOrder::Newest => vec![(0, ranks.into_iter().flat_map(classes).collect())],
        BatchOrder::Attention => ranks
            .into_iter()
            .map(|rank| {
                let also = (rank == AttentionRank::NeedsAttention && !halted.is_empty())
                    .then_some(AttentionRank::Open);
                let ranks = std::iter::once(rank).chain(also);
                (rank.code(), ranks.flat_map(classes).collect())
            })
            .collect(),
    }
}

/// Where a batch stands in the order of attention while these engines go on only by a person.
pub(super) fn rank(batch: &Batch, halted: &[EngineKind]) -> AttentionRank {
    match batch.attention() {
        AttentionRank::Open if waits_for_any(batch, halted) => AttentionRank::NeedsAttention,
        rank => rank,
    }
}

/// The classes of batches that may need attention only for the sake of halted engines.
pub(super) fn open_classes() -> Vec<Class> {
    let states = BatchState::ALL.into_iter();
    let classes = states.flat_map(|state| {
        [false, true].map(|has_failures| Class {
            rank: AttentionRank::Open,
            state,
            has_failures,
        })
    });
    classes.collect()
}

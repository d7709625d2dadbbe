//! Batches, where they are listed, and how many there are of each kind.

use std::collections::BTreeMap;

use crate::domain::batch::Batch;
use crate::domain::books::Check;
use crate::domain::ids::UserId;
use crate::store::StoreError;

use super::super::error::failed;
use super::super::expiry::Standing;
use super::super::lists::{self, Class};
use super::super::load;
use super::super::record::CountsRecord;
use super::blobs::References;
use super::{Walk, has_strays, rows, unless_corrupt};

/// Batches by state: of everyone under 0, and of each owner.
type Scopes = BTreeMap<u128, CountsRecord>;

impl Walk {
    pub(super) fn batches(&mut self, references: &mut References) -> Result<(), StoreError> {
        let mut scopes = Scopes::new();
        for row in rows(&self.tables.batches)? {
            self.go_on()?;
            let id = load::batch_id(row.map_err(failed)?.0.value());
            self.found.batches += 1;
            let has_progress = self.tables.progress.get(id.0.as_u128()).map_err(failed)?;
            self.found.progress += u64::from(has_progress.is_some());
            let batch = load::batch(&self.tables.batches, &self.tables.progress, id);
            let Some(batch) = self.read(batch)?.flatten() else {
                self.items_that_do_not_tell(id)?;
                continue;
            };
            if batch.id != id {
                let words = format!("its id says {}", batch.id);
                self.differ(Check::Record, format_args!("batch {id}"), words);
            }
            self.owner(&batch)?;
            self.listed(&batch, &mut scopes)?;
            self.expiring(&batch)?;
            if batch.audio.removed_time.is_none() {
                self.refer(references, &format!("batch {id}"), &batch.audio.blob)?;
            }
            self.items(&batch, references)?;
            self.inspector.batch(&batch);
        }
        self.stray_progress()?;
        self.stray_lists()?;
        self.stray_expiring()?;
        self.stray_items()?;
        self.stray_places()?;
        self.stray_rounds()?;
        self.counts(&scopes)
    }

    fn owner(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let owner = batch.owner;
        let known = self.tables.users.get(owner.0.as_u128()).map_err(failed)?;
        if known.is_none() {
            self.differ(
                Check::Reference,
                format_args!("batch {}", batch.id),
                format!("its owner {owner} does not exist"),
            );
        }
        Ok(())
    }

    fn listed(&mut self, batch: &Batch, scopes: &mut Scopes) -> Result<(), StoreError> {
        let class = Class::of(batch);
        for scope in [lists::scope(None), lists::scope(Some(batch.owner))] {
            let key = class.key(scope, batch.id);
            let is_there = self.tables.lists.get(key).map_err(failed)?.is_some();
            let place = format!("batch {}", batch.id);
            self.expect(is_there, |found| &mut found.lists, place, "lists");
            class.count(scopes.entry(scope).or_default(), |count| *count += 1);
        }
        Ok(())
    }

    /// Where an ended batch waits for retention.
    fn expiring(&mut self, batch: &Batch) -> Result<(), StoreError> {
        for key in Standing::of(batch).keys(batch.id) {
            let is_there = self.tables.expiring.get(key).map_err(failed)?.is_some();
            let place = format!("batch {}", batch.id);
            self.expect(is_there, |found| &mut found.expiring, place, "expiring");
        }
        Ok(())
    }

    fn stray_expiring(&mut self) -> Result<(), StoreError> {
        if !has_strays(&self.tables.expiring, self.found.expiring)? {
            return Ok(());
        }
        for row in rows(&self.tables.expiring)? {
            let key = row.map_err(failed)?.0.value();
            let id = load::batch_id(key.2);
            let batch = load::batch(&self.tables.batches, &self.tables.progress, id);
            let belongs = unless_corrupt(batch)?
                .flatten()
                .is_some_and(|batch| Standing::of(&batch).keys(id).any(|other| other == key));
            if !belongs {
                self.differ(
                    Check::Index,
                    format_args!("expiring, batch {id}"),
                    "the batch does not exist, has not ended then, or has no such files",
                );
            }
        }
        Ok(())
    }

    fn counts(&mut self, scopes: &Scopes) -> Result<(), StoreError> {
        let said = |scope: u128| lists::counts(&self.tables.counts, scope);
        let mut wrong = Vec::new();
        for (scope, counted) in scopes {
            match said(*scope) {
                Ok(said) if said == *counted => {}
                Ok(said) => wrong.push((*scope, words(&said, counted))),
                Err(error) => wrong.push((*scope, error.to_string())),
            }
        }
        for row in rows(&self.tables.counts)? {
            let scope = row.map_err(failed)?.0.value();
            let empty = CountsRecord::default();
            match said(scope) {
                Ok(said) if said != empty && !scopes.contains_key(&scope) => {
                    wrong.push((scope, words(&said, &empty)));
                }
                _ => {}
            }
        }
        for (scope, words) in wrong {
            let place = if scope == lists::scope(None) {
                "counts of everyone's batches".to_owned()
            } else {
                format!("counts of the batches of user {}", load::user_id(scope))
            };
            self.differ(Check::Counts, place, words);
        }
        Ok(())
    }

    fn stray_progress(&mut self) -> Result<(), StoreError> {
        if !has_strays(&self.tables.progress, self.found.progress)? {
            return Ok(());
        }
        for row in rows(&self.tables.progress)? {
            let key = row.map_err(failed)?.0.value();
            if self.tables.batches.get(key).map_err(failed)?.is_none() {
                let id = load::batch_id(key);
                self.differ(
                    Check::Index,
                    format_args!("progress {id}"),
                    "there is no such batch",
                );
            }
        }
        Ok(())
    }

    fn stray_lists(&mut self) -> Result<(), StoreError> {
        if !has_strays(&self.tables.lists, self.found.lists)? {
            return Ok(());
        }
        for row in rows(&self.tables.lists)? {
            let key = row.map_err(failed)?.0.value();
            let (scope, id) = (key.0, load::batch_id(!key.4));
            let batch = load::batch(&self.tables.batches, &self.tables.progress, id);
            let belongs = unless_corrupt(batch)?.flatten().is_some_and(|batch| {
                let mine = lists::scope(Some(batch.owner));
                (scope == lists::scope(None) || scope == mine)
                    && Class::of(&batch).key(scope, id) == key
            });
            if !belongs {
                self.differ(
                    Check::Index,
                    format_args!("lists {}, batch {id}", UserId(uuid::Uuid::from_u128(scope))),
                    "the batch does not exist, or belongs elsewhere in the lists",
                );
            }
        }
        Ok(())
    }
}

fn words(said: &CountsRecord, counted: &CountsRecord) -> String {
    let list = |counts: &CountsRecord| {
        format!(
            "created {}, processing {}, completed {}, failed {}, cancelled {}, with failures {}, needing attention {}",
            counts.created,
            counts.processing,
            counts.completed,
            counts.failed,
            counts.cancelled,
            counts.with_failures,
            counts.needs_attention
        )
    };
    format!("they say {}; a recount gives {}", list(said), list(counted))
}

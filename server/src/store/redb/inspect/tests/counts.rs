//! Numbers that a recount does not confirm.

use super::*;
use record::{CountsRecord, ItemRecord, ProgressRecord, TotalsRecord, UserRecord};

finds! {
    credits_held: Counts, "credits held is 13, a recount gives 15", |world, tables| {
        edit(&mut tables.users, &world.wang.0.as_u128(), |user: &mut UserRecord| {
            user.credits_held -= 2;
        });
    }
    active_items: Counts, "the number of active items is 6, a recount gives 5", |world, tables| {
        edit(&mut tables.users, &world.wang.0.as_u128(), |user: &mut UserRecord| {
            user.active_item_count += 1;
        });
    }
    completed_videos: Counts, "the number of completed videos is 0, a recount gives 1", |world, tables| {
        edit(&mut tables.users, &world.wang.0.as_u128(), |user: &mut UserRecord| {
            user.completed_video_count = 0;
        });
    }
    items_of_a_batch: Counts, "the number of COMPLETED items is 2, a recount gives 1", |world, tables| {
        edit(&mut tables.progress, &world.paid.0.as_u128(), |batch: &mut ProgressRecord| {
            batch.completed += 1;
        });
    }
    credits_of_a_batch: Counts, "credits refunded is 8, a recount gives 9", |world, tables| {
        edit(&mut tables.progress, &world.paid.0.as_u128(), |batch: &mut ProgressRecord| {
            batch.credits_refunded -= 1;
        });
    }
    progress_of_a_batch: Counts, "the sum of progress", |world, tables| {
        edit(&mut tables.progress, &world.paid.0.as_u128(), |batch: &mut ProgressRecord| {
            batch.progress_permille_sum += 1;
        });
    }
    an_end_that_is_none: Counts, "whether it has ended is true, a recount gives false", |world, tables| {
        edit(&mut tables.progress, &world.paid.0.as_u128(), |batch: &mut ProgressRecord| {
            batch.finish_time = Some(0);
        });
    }
    a_start_that_is_none: Counts, "whether it has started is false", |world, tables| {
        edit(&mut tables.progress, &world.paid.0.as_u128(), |batch: &mut ProgressRecord| {
            batch.start_time = None;
        });
    }
    failures_that_were_looked_at: Counts, "failures were looked at", |world, tables| {
        edit(&mut tables.progress, &world.preview.0.as_u128(), |batch: &mut ProgressRecord| {
            batch.failures_seen = 9;
        });
    }
    a_position_that_is_missing: Counts, "its position is 8, the one before has 6", |world, tables| {
        tables.items.remove((world.paid.0.as_u128(), 7)).unwrap();
    }
    an_item_in_another_state: Counts, "the number of FAILED items", |world, tables| {
        let key = (world.paid.0.as_u128(), world.failed.position);
        edit(&mut tables.items, &key, |item: &mut ItemRecord| item.state = 5);
    }
    batches_of_a_user_by_state: Counts, "counts of the batches of user", |world, tables| {
        edit(&mut tables.counts, &world.wang.0.as_u128(), |counts: &mut CountsRecord| {
            counts.processing += 1;
        });
    }
    batches_of_everyone_by_state: Counts, "counts of everyone's batches", |world, tables| {
        edit(&mut tables.counts, &0, |counts: &mut CountsRecord| counts.with_failures = 0);
    }
    items_in_all: Counts, "totals, items: it says 11, a recount gives 10", |world, tables| {
        edit(&mut tables.singles, &"totals", |totals: &mut TotalsRecord| totals.items += 1);
    }
    bytes_in_all: Counts, "totals, bytes of videos", |world, tables| {
        edit(&mut tables.singles, &"totals", |totals: &mut TotalsRecord| totals.video_bytes += 1);
    }
    references_to_a_blob: Counts, "2 times less than the index `blobs` says", |world, tables| {
        let sha256 = world.completed.source_image.blob.sha256.0;
        let row = tables.blobs.get((1, &sha256)).unwrap().unwrap().value();
        tables.blobs.insert((1, &sha256), (row.0 + 2, row.1)).unwrap();
    }
    those_that_wait_by_reason: Counts, "held, engine 2, wait 0", |world, tables| {
        tables.held.insert((2, 0), 5).unwrap();
    }
    an_audit_event_that_is_missing: Index, "audit 3: the one before is 1", |world, tables| {
        tables.audit.remove(2).unwrap();
    }
    the_newest_audit_event: Counts, "totals, the newest audit event", |world, tables| {
        let last = tables.audit.last().unwrap().unwrap().0.value();
        tables.audit.remove(last).unwrap();
    }
}

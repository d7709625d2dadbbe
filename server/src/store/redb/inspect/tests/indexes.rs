//! Indexes that do not say what the records do.

use super::*;

finds! {
    a_user_without_a_name: Index, "missing in the index `user_names`", |world, tables| {
        tables.user_names.remove("wang").unwrap();
    }
    a_name_of_nobody: Index, "user_names ghost: user", |world, tables| {
        tables.user_names.insert("ghost", 5).unwrap();
    }
    a_batch_that_is_not_listed: Index, "missing in the index `lists`", |world, tables| {
        let key = tables.lists.first().unwrap().unwrap().0.value();
        tables.lists.remove(key).unwrap();
    }
    a_batch_that_is_listed_twice: Index, "belongs elsewhere in the lists", |world, tables| {
        let key = tables.lists.first().unwrap().unwrap().0.value();
        tables.lists.insert((key.0, key.1, key.2, !key.3, key.4), ()).unwrap();
    }
    a_batch_without_an_owner: Reference, "its owner", |world, tables| {
        tables.users.remove(world.wang.0.as_u128()).unwrap();
    }
    a_batch_without_progress: Record, "its progress is missing", |world, tables| {
        tables.progress.remove(world.paid.0.as_u128()).unwrap();
    }
    progress_without_a_batch: Index, "there is no such batch", |world, tables| {
        let key = world.paid.0.as_u128();
        let bytes = tables.progress.get(key).unwrap().unwrap().value().to_vec();
        tables.progress.insert(3, bytes.as_slice()).unwrap();
    }
    items_without_a_batch: Reference, "of a batch that does not exist", |world, tables| {
        let key = (world.paid.0.as_u128(), 1);
        let bytes = tables.items.get(key).unwrap().unwrap().value().to_vec();
        tables.items.insert((3, 1), bytes.as_slice()).unwrap();
    }
    an_item_without_its_place: Index, "missing in the index `places`", |world, tables| {
        tables.places.remove(id(world.ready.id)).unwrap();
    }
    a_place_of_no_item: Index, "is not at position 1", |world, tables| {
        tables.places.insert(4, (world.paid.0.as_u128(), 1)).unwrap();
    }
    an_item_that_would_never_be_claimed: Index, "nowhere in the queue", |world, tables| {
        let key = (2, world.wang.0.as_u128(), world.paid.0.as_u128(), world.ready.position);
        tables.ready.remove(key).unwrap().unwrap();
    }
    an_item_that_is_not_waiting: Index, "missing in the index `waiting`", |world, tables| {
        tables.waiting.remove((2, id(world.ready.id))).unwrap();
    }
    a_waiting_item_that_runs: Index, "waiting, item", |world, tables| {
        tables.waiting.insert((2, id(world.queued.id)), ()).unwrap();
    }
    a_ready_item_that_has_ended: Index, "ready, item", |world, tables| {
        let key = (2, world.wang.0.as_u128(), world.paid.0.as_u128(), world.failed.position);
        tables.ready.insert(key, id(world.failed.id)).unwrap();
    }
    an_item_that_is_ready_and_delayed: Index, "more than once", |world, tables| {
        let key = (2, world.wang.0.as_u128(), world.paid.0.as_u128(), world.delayed.position);
        tables.ready.insert(key, id(world.delayed.id)).unwrap();
    }
    a_delayed_item_that_waits_for_another_time: Index, "delayed, item", |world, tables| {
        let row = (world.wang.0.as_u128(), world.paid.0.as_u128(), world.delayed.position, 7);
        tables.delayed.insert((2, 5, id(world.delayed.id)), row).unwrap();
    }
    a_running_item_that_is_not_active: Index, "missing in the index `active`", |world, tables| {
        tables.active.remove((2, id(world.queued.id))).unwrap();
    }
    an_active_item_that_has_ended: Index, "no attempt of that engine owns it", |world, tables| {
        tables.active.insert((2, id(world.failed.id)), ()).unwrap();
    }
    a_task_without_a_slot: Index, "missing in the index `slots`", |world, tables| {
        let key = (account().0, 1, id(world.queued.id), 1, "");
        tables.slots.remove((key.0.as_str(), key.1, key.2, key.3, key.4)).unwrap().unwrap();
    }
    a_slot_without_a_task: Index, "has no task to hold a slot for", |world, tables| {
        tables.slots.insert(("factory", 1, id(world.failed.id), 1, ""), ()).unwrap();
    }
    a_cleanup_without_a_slot: Index, "cleanup", |world, tables| {
        let key = ("factory", 2, id(world.blocked.id), 1, "old");
        tables.slots.remove(key).unwrap().unwrap();
    }
    a_cleanup_of_no_item: Reference, "its item does not exist", |world, tables| {
        let key = (id(world.blocked.id), 1, "old");
        let bytes = tables.cleanups.get(key).unwrap().unwrap().value().to_vec();
        tables.cleanups.insert((6, 1, "old"), bytes.as_slice()).unwrap();
    }
    a_cleanup_that_nobody_left: Reference, "its item has made 1 attempts", |world, tables| {
        let key = (id(world.blocked.id), 1, "old");
        let bytes = tables.cleanups.get(key).unwrap().unwrap().value().to_vec();
        tables.cleanups.insert((id(world.blocked.id), 2, "old"), bytes.as_slice()).unwrap();
    }
    a_watch_of_no_item: Reference, "its item does not exist", |world, tables| {
        let key = (id(world.watched.id), 1);
        let bytes = tables.watches.get(key).unwrap().unwrap().value().to_vec();
        tables.watches.insert((6, 1), bytes.as_slice()).unwrap();
    }
    an_item_behind_nothing: Reference, "none of its old tasks is on record", |world, tables| {
        tables.cleanups.remove((id(world.blocked.id), 1, "old")).unwrap();
    }
    a_submit_without_its_time: Index, "missing in the index `submit_times`", |world, tables| {
        tables.submit_times.remove((id(world.queued.id), 1)).unwrap();
    }
    a_submit_time_without_its_submit: Index, "does not have the same ones", |world, tables| {
        tables.submit_times.insert((id(world.ready.id), 1), 5).unwrap();
    }
    a_blob_that_is_not_known: Index, "is missing in the index `blobs`", |world, tables| {
        let sha256 = world.completed.source_image.blob.sha256.0;
        tables.blobs.remove((1, &sha256)).unwrap();
    }
    a_blob_of_another_size: Index, "the index `blobs` says 1", |world, tables| {
        let sha256 = world.completed.source_image.blob.sha256.0;
        tables.blobs.insert((1, &sha256), (2, 1)).unwrap();
    }
    a_blob_of_nothing: Index, "nothing refers to it", |world, tables| {
        tables.blobs.insert((1, &[0xab; 32]), (0, 10)).unwrap();
    }
    a_request_that_made_no_batch: Reference, "which does not exist", |world, tables| {
        tables.batches.remove(world.paid.0.as_u128()).unwrap();
    }
    a_request_of_nobody: Reference, "its user does not exist", |world, tables| {
        let (key, bytes) = {
            let row = tables.requests.first().unwrap().unwrap();
            (row.0.value().2, row.1.value().to_vec())
        };
        tables.requests.insert((8, "CreateBatch", key), bytes.as_slice()).unwrap();
    }
    two_tokens_that_are_current: Index, "2 tokens are said to be the current one", |world, tables| {
        edit(&mut tables.tokens, &"a", |token: &mut record::TokenRecord| token.current = true);
    }
    settings_that_are_missing: Record, "dispatch", |world, tables| {
        tables.singles.remove("dispatch").unwrap();
    }
}

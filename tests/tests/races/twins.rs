//! One submit has made two tasks, and the server dies between the two things that it writes down about them.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use vbatch_tests::upstream::faults::{Call, Fault};
use vbatch_tests::upstream::tasks::{Script, Status};
use vbatch_tests::world::World;

use crate::setup::*;

/// Where the dispatcher is when its end comes is a matter of chance: of so many lives some end in between.
const LIVES: u64 = 16;
const IN_BETWEEN: usize = 4;

/// The dispatcher ends once it has written something down about a list that was read at this time or later.
async fn crash_after_the_first_commit_of_a_list(world: &mut World, read: Duration) {
    let upstream = Arc::clone(&world.upstream);
    world.crash_after_a_commit(move |_| {
        let lists = upstream.calls_of(Call::List);
        lists.iter().any(|call| call.at >= read)
    });
    world.until_crashed().await;
}

/// The item's task is adopted, the other is to end, whichever came first: and a second life, for which the two have
/// changed places, does not take the one that is to end.
#[tokio::test(start_paused = true)]
async fn a_crash_between_the_adoption_of_a_task_and_the_cleanup_of_its_twin_leaves_neither_unowned()
{
    let mut in_between = 0;
    for seed in 0..LIVES {
        let mut world = World::interleaved(upstream(), seed).await;
        let user = world.user("wang", 1).await;
        // Both wait when the list is read; which of them comes to its turn first is told by the next list alone.
        let mut queues = [90, 600];
        queues.rotate_left((seed % 2) as usize);
        for queue in queues {
            world.upstream.script_next(Script {
                queue: Some(Duration::from_secs(queue)),
                run: Some(Duration::from_secs(900)),
                ..Script::default()
            });
        }
        let twice = Fault::on(Call::Submit).lose_answer_twice(Duration::ZERO);
        world.upstream.fault(twice);
        let batch = world.batch(user, 1).await;
        crash_after_the_first_commit_of_a_list(&mut world, Duration::ZERO).await;
        let cleanups = world.store.cleanups().await.unwrap().len();
        let is_adopted = !is_unresolved(&world.items(batch).await);
        in_between += usize::from((cleanups == 1) != is_adopted);

        tokio::time::sleep(Duration::from_secs(60)).await;
        // The one that is to end runs on for a while, and looks like the better of the two.
        let weather = Fault::on(Call::Cancel).times(3).error(500, "weather");
        world.upstream.fault(weather);
        world.start();
        world.until(batch, "one is adopted", is_generating).await;
        world.assert_no_task_is_unowned(&[batch]).await;
        let items = world.finished(batch).await;
        assert!(is_completed(&items[0]), "seed {seed}: {items:#?}");
        world.until_all_ended().await;
        let mut ends = tasks(&world);
        ends.sort_by_key(|status| *status == Status::Cancel);
        assert_eq!(ends, [Status::Succeed, Status::Cancel], "seed {seed}");
        assert_eq!(rounds(&world, user).await, PAID);
    }
    assert!(in_between >= IN_BETWEEN, "{in_between}");
}

/// The same where the item went on without them, and both are to end.
#[tokio::test(start_paused = true)]
async fn a_crash_between_the_cleanups_of_late_twins_leaves_neither_unowned() {
    const LATE: Duration = Duration::from_secs(300);
    let mut in_between = 0;
    for seed in 0..LIVES {
        let mut world = World::interleaved(upstream(), seed).await;
        let user = world.user("wang", 1).await;
        world.upstream.script_next(running_for(3_000));
        world.upstream.script_next(running_for(3_000));
        world
            .upstream
            .fault(Fault::on(Call::Submit).lose_answer_twice(LATE));
        let batch = world.batch(user, 1).await;
        let items = world.finished(batch).await;
        assert!(is_completed(&items[0]), "seed {seed}: {items:#?}");
        crash_after_the_first_commit_of_a_list(&mut world, LATE).await;
        in_between += usize::from(world.store.cleanups().await.unwrap().len() == 1);

        world.start();
        world.until_all_ended().await;
        let ends = [Status::Cancel, Status::Cancel, Status::Succeed];
        assert_eq!(tasks(&world), ends, "seed {seed}");
        assert_eq!(world.store.watches().await.unwrap(), []);
        assert_eq!(rounds(&world, user).await, PAID);
    }
    assert!(in_between >= IN_BETWEEN, "{in_between}");
}

//! A submit on a slow line, which outlives the wish to end its item.

use std::time::Duration;

use vbatch_server::domain::ledger::EntryKind;
use vbatch_tests::upstream::faults::{Call, Fault};
use vbatch_tests::upstream::tasks::Status;

use crate::setup::*;

#[tokio::test(start_paused = true)]
async fn a_retry_waits_until_the_submit_before_it_has_ended() {
    // Far longer than a wish is waited for, and than a list is believed after.
    let slow = Fault::on(Call::Submit)
        .after(Duration::from_secs(900))
        .pass();
    let (world, user, batch) = one_item(|world| world.upstream.fault(slow)).await;
    world.until(batch, "it is submitted", is_submitting).await;
    cancel(&world, batch).await;
    let items = world.finished(batch).await;
    assert!(is_cancelled(&items[0]), "{items:#?}");
    assert_eq!(rounds(&world, user).await, GIVEN_BACK);

    world.retry(batch, vec![items[0].id]).await;
    let items = world.finished(batch).await;
    assert!(is_completed(&items[0]), "{items:#?}");
    // The task of the first submit is what the retry asked for: nothing is paid twice.
    assert_eq!(tasks(&world), [Status::Succeed]);
    let mut expected = GIVEN_BACK.to_vec();
    expected.push((EntryKind::Charge, -1, 2));
    assert_eq!(rounds(&world, user).await, expected);
}

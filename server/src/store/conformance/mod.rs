//! What every store must do, whichever database is behind it: one suite, run by each driver with its own way to
//! open one.
//!
//! A driver calls `conformance_suite!(name, open)`, where `open()` gives a fresh [`world::World`].

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test may panic"
)]

pub mod accounts;
pub mod credits;
pub mod deletion;
pub mod dispatching;
pub mod endings;
pub mod leftovers;
pub mod lists;
pub mod restored;
pub mod retention;
pub mod watching;
pub mod world;

/// Runs every case against one driver.
macro_rules! conformance_suite {
    ($name:ident, $open:expr) => {
        mod $name {
            use $crate::store::conformance::{
                accounts, credits, deletion, dispatching, endings, leftovers, lists, restored,
                retention, watching,
            };
            $crate::store::conformance::cases! {
                $open =>
                accounts::users_change_from_what_was_seen,
                accounts::an_admin_always_stays,
                accounts::keys_are_found_by_their_digest_and_bounded,
                accounts::the_audit_keeps_whence_and_on_what,
                deletion::a_deleted_batch_is_gone_and_its_books_stay,
                deletion::blobs_are_doomed_with_their_last_reference,
                deletion::what_a_deleted_batch_left_upstream_stays,
                deletion::watchers_are_told_of_a_deletion,
                deletion::pages_go_on_behind_a_deleted_batch,
                retention::the_batch_that_ended_longest_ago_loses_its_files_first,
                retention::what_is_open_or_shared_stays,
                retention::a_batch_without_uploads_begins_nothing_anew,
                credits::balances_are_ledger_sums,
                credits::concurrent_creations_never_overspend,
                credits::a_request_id_makes_one_thing,
                credits::retries_and_adjustments_are_not_repeated,
                credits::retries_are_all_or_nothing,
                credits::account_changes_are_audited,
                credits::a_changed_user_keeps_credits_and_loses_sessions,
                credits::users_and_entries_come_in_pages,
                dispatching::an_item_goes_its_whole_way,
                dispatching::turns_go_round_the_users_then_their_batches,
                dispatching::slots_are_held_until_the_task_has_ended,
                dispatching::claims_follow_the_settings_at_once,
                dispatching::a_delayed_item_is_ready_when_its_time_has_come,
                dispatching::events_of_an_old_attempt_are_dropped,
                dispatching::a_cancel_is_a_wish_while_an_attempt_runs,
                dispatching::a_submit_counts_once_towards_its_day,
                dispatching::settings_and_tokens_persist,
                endings::a_batch_remembers_which_item_ended_last,
                endings::a_batch_remembers_its_source,
                endings::hours_count_what_ended,
                leftovers::a_retry_waits_behind_a_cleanup,
                leftovers::a_lost_account_blocks_nothing,
                leftovers::a_watch_is_settled_once,
                leftovers::a_watch_that_was_matched_holds_nothing,
                restored::a_mark_pauses_and_forgets,
                restored::a_copy_of_a_copy_inherits_what_is_not_matched,
                restored::what_the_other_life_submitted_is_taken_over_once,
                restored::only_batches_after_a_floor_are_claimed,
                watching::a_watcher_misses_nothing,
                watching::what_changes_nothing_is_not_told,
            }

            #[test]
            fn pages_match_a_naive_model() {
                lists::pages_match_a_naive_model(|| $open);
            }
        }
    };
}
pub(crate) use conformance_suite;

/// One test a case.
macro_rules! cases {
    ($open:expr => $($room:ident::$case:ident,)*) => {
        $(#[tokio::test]
        async fn $case() {
            $room::$case($open).await;
        })*
    };
}
pub(crate) use cases;

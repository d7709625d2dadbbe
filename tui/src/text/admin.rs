//! Owns which words the screens of admins need.

use vision_batch::v1;

use super::Clock;
use crate::state::{Disclosed, Entry, Flaw, Note, Purpose};

/// The words of one language for users, credits and the running of the service.
pub(crate) struct AdminTexts {
    // Users.
    pub(crate) users: &'static str,
    pub(crate) count_users: fn(i64) -> String,
    pub(crate) col_username: &'static str,
    pub(crate) col_display_name: &'static str,
    pub(crate) col_role: &'static str,
    pub(crate) col_state: &'static str,
    pub(crate) col_credits: &'static str,
    pub(crate) col_held: &'static str,
    pub(crate) col_active: &'static str,
    pub(crate) col_videos: &'static str,
    pub(crate) col_last_sign_in: &'static str,
    pub(crate) role: fn(v1::user::Role) -> &'static str,
    pub(crate) disabled: &'static str,
    /// What is done to a disabled user by the key that disables.
    pub(crate) let_in: &'static str,
    pub(crate) first_password: &'static str,
    /// The first password was not used in time.
    pub(crate) password_expired: &'static str,
    pub(crate) active: &'static str,
    pub(crate) now: &'static str,
    pub(crate) never: &'static str,
    pub(crate) ago: fn(&str) -> String,
    pub(crate) by_method: fn(v1::user::SignInMethod) -> &'static str,

    // Movements of credits.
    pub(crate) ledger_of: fn(&str) -> String,
    pub(crate) balance_and_held: fn(i32, i32) -> String,
    pub(crate) no_movements: &'static str,
    pub(crate) col_time: &'static str,
    pub(crate) col_kind: &'static str,
    pub(crate) col_delta: &'static str,
    pub(crate) col_balance: &'static str,
    pub(crate) col_by: &'static str,
    pub(crate) col_about: &'static str,
    pub(crate) kind: fn(v1::ledger_entry::Kind) -> &'static str,
    pub(crate) n_items: fn(i32) -> String,
    pub(crate) the_system: &'static str,

    // Forms.
    pub(crate) dialog_title: fn(&Purpose) -> String,
    pub(crate) entry: fn(Entry) -> &'static str,
    pub(crate) entry_hint: fn(Entry) -> &'static str,
    pub(crate) flaw: fn(&Flaw) -> String,
    pub(crate) balance_from_to: fn(i32, i32) -> String,
    pub(crate) sending: &'static str,
    pub(crate) copy: &'static str,
    pub(crate) note_title: fn(Disclosed) -> &'static str,
    pub(crate) note_lines: fn(&Note, &Clock) -> Vec<String>,

    // The service.
    pub(crate) system: &'static str,
    pub(crate) dispatch: &'static str,
    pub(crate) upstream: &'static str,
    pub(crate) server: &'static str,
    pub(crate) state: &'static str,
    pub(crate) dispatch_state: fn(v1::dispatch::State) -> &'static str,
    /// Who changed it, and how long ago.
    pub(crate) changed_by: fn(&str, &str) -> String,
    pub(crate) slots: &'static str,
    pub(crate) taken_of: fn(i32, i32) -> String,
    pub(crate) cleanup: fn(i32) -> String,
    pub(crate) foreign: fn(i32) -> String,
    pub(crate) waiting: &'static str,
    /// Items, and how long the oldest waits.
    pub(crate) waiting_items: fn(i32, Option<&str>) -> String,
    pub(crate) drains_in: &'static str,
    /// Tasks the upstream takes in a day.
    pub(crate) a_day: fn(i32) -> String,
    pub(crate) preview: &'static str,
    pub(crate) health_is: &'static str,
    pub(crate) health: fn(v1::engine_info::Health) -> &'static str,
    pub(crate) answered: fn(&str) -> String,
    pub(crate) token: &'static str,
    pub(crate) token_state: fn(v1::upstream::TokenState) -> &'static str,
    pub(crate) ends_in: fn(&str) -> String,
    pub(crate) day_use: &'static str,
    pub(crate) next_free: fn(&str) -> String,
    pub(crate) unlimited: &'static str,
    pub(crate) account: &'static str,
    pub(crate) account_work: fn(&v1::UpstreamAccount) -> String,
    pub(crate) errors: &'static str,
    pub(crate) no_errors: &'static str,
    pub(crate) error_class: fn(v1::upstream_error_count::Class) -> &'static str,
    pub(crate) no_upstream: &'static str,
    pub(crate) throughput: &'static str,
    /// Completed and failed in all.
    pub(crate) throughput_sum: fn(i64, i64) -> String,
    pub(crate) up_for: fn(&str) -> String,
    pub(crate) sessions: fn(i32, i32) -> String,
    pub(crate) disk: &'static str,
    pub(crate) disk_free: fn(&str, &str) -> String,
    pub(crate) files: fn(&str, &str, &str) -> String,
    pub(crate) database: fn(&str) -> String,
    pub(crate) last_backup: &'static str,
    pub(crate) balances: &'static str,
    pub(crate) balances_are: fn(Option<(bool, &str)>) -> String,
    pub(crate) warning: fn(&v1::Warning, &Clock) -> String,
}

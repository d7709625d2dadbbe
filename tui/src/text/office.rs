//! Owns which words the commands of admins need, and those about keys.

use vision_batch::v1;

use crate::cli::csv::CsvProblem;

/// The words of one language for `admin` and `keys`. Names are printable already.
pub(crate) struct OfficeTexts {
    pub(crate) cols_users: [&'static str; 9],
    pub(crate) cols_ledger: [&'static str; 7],
    pub(crate) cols_audit: [&'static str; 7],
    pub(crate) cols_keys: [&'static str; 7],
    pub(crate) cols_ssh_keys: [&'static str; 6],

    // Users.
    pub(crate) role: fn(v1::user::Role) -> &'static str,
    /// Whether disabled, and whether the first password still stands.
    pub(crate) standing: fn(bool, bool) -> &'static str,
    pub(crate) online: &'static str,
    pub(crate) never: &'static str,
    pub(crate) user_made: fn(&v1::User) -> String,
    pub(crate) user_changed: fn(&v1::User) -> String,
    pub(crate) first_password: &'static str,
    /// Until when.
    pub(crate) one_time_password: fn(&str) -> String,
    pub(crate) password_reset: fn(&str) -> String,
    pub(crate) ledger_kind: fn(v1::ledger_entry::Kind) -> &'static str,

    // Many users.
    /// Where the file is wrong, and how.
    pub(crate) csv_problem: fn(&CsvProblem) -> String,
    pub(crate) csv_wrong: fn(usize) -> String,
    pub(crate) csv_and_more: fn(usize) -> String,
    /// Those to be made, and those there already.
    pub(crate) csv_right: fn(usize, usize) -> String,
    /// Line and name.
    pub(crate) exists: fn(usize, &str) -> String,
    /// Line and name of whom it broke off at, and how many were made.
    pub(crate) broke_off: fn(usize, &str, usize) -> String,
    /// Made, and there already.
    pub(crate) users_made: fn(usize, usize) -> String,

    // What was done.
    pub(crate) outcome: fn(v1::audit_event::Outcome) -> &'static str,
    pub(crate) actor: fn(v1::actor::Kind) -> &'static str,
    /// The sort of object something was done to.
    pub(crate) target_kind: fn(&str) -> String,

    // The service.
    /// Version, time up, and dispatch.
    pub(crate) running: fn(&str, &str, &v1::Dispatch) -> String,
    pub(crate) dispatch: fn(&v1::Dispatch) -> String,
    pub(crate) oldest_since: fn(&str) -> String,
    /// Sizes of images, audios, videos and database, and of the disk what is free and all.
    pub(crate) storage: fn([&str; 6]) -> String,
    pub(crate) sessions: fn(i32, i32) -> String,
    pub(crate) recent_error: fn(&v1::UpstreamErrorCount) -> String,
    /// A status in one line.
    pub(crate) status_line: fn(&v1::SystemStatus) -> String,
    pub(crate) warning: fn(&v1::Warning) -> String,
    pub(crate) upstream_token: &'static str,
    /// The answer, the account, and when it ends.
    pub(crate) token_set: fn(v1::upstream::TokenState, &str, Option<&str>) -> String,
    pub(crate) old_account: fn(&str, &v1::UpstreamAccount) -> String,

    // Keys.
    pub(crate) scopes: fn(&[v1::api_key::Scope]) -> String,
    pub(crate) for_ever: &'static str,
    /// Name, and until when.
    pub(crate) key_made: fn(&str, Option<&str>) -> String,
    pub(crate) key_revoked: fn(&str) -> String,
    /// Name and fingerprint.
    pub(crate) ssh_key_added: fn(&str, &str) -> String,
    pub(crate) ssh_key_removed: fn(&str) -> String,
    pub(crate) private_key: &'static str,
}

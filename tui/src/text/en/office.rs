//! Owns the English words of the commands of admins, and of those about keys.

use vision_batch::v1;
use vision_batch::v1::api_key::Scope;

use super::plural;
use crate::cli::csv::{CsvFlaw, CsvProblem};
use crate::cli::words::plain;
use crate::text::office::OfficeTexts;

pub(super) static OFFICE: OfficeTexts = OfficeTexts {
    cols_users: [
        "ID",
        "USERNAME",
        "NAME",
        "ROLE",
        "STATE",
        "CREDITS",
        "HELD",
        "VIDEOS",
        "LAST SIGN-IN",
    ],
    cols_ledger: ["TIME", "USER", "KIND", "CREDITS", "BALANCE", "BY", "ABOUT"],
    cols_audit: ["TIME", "WHO", "WHAT", "ABOUT", "OUTCOME", "FROM", "DETAIL"],
    cols_keys: ["ID", "NAME", "BEGINS", "MAY", "MADE", "USED", "ENDS"],
    cols_ssh_keys: ["ID", "NAME", "KIND", "FINGERPRINT", "ADDED", "USED"],

    role: |role| match role {
        v1::user::Role::Admin => "admin",
        v1::user::Role::User | v1::user::Role::Unspecified => "user",
    },
    standing: |disabled, first_password| match (disabled, first_password) {
        (true, _) => "disabled",
        (false, true) => "first password",
        (false, false) => "active",
    },
    online: "now",
    never: "never",
    user_made: |user| {
        format!(
            "User {} is made with {}.",
            user.username,
            plural(user.credit_balance.into(), "credit", "credits")
        )
    },
    user_changed: |user| {
        let standing = match user.disabled {
            true => "and cannot sign in",
            false => "and can sign in",
        };
        let role = match user.role() {
            v1::user::Role::Admin => "an admin",
            _ => "a user",
        };
        format!("{} is {role} {standing}.", user.username)
    },
    first_password: "First password",
    one_time_password: |until| {
        format!("The one-time password, shown this once and good until {until}:")
    },
    password_reset: |name| format!("{name} is signed out everywhere."),
    ledger_kind: |kind| match kind {
        v1::ledger_entry::Kind::Unspecified => "",
        v1::ledger_entry::Kind::Grant => "grant",
        v1::ledger_entry::Kind::Charge => "charge",
        v1::ledger_entry::Kind::Refund => "refund",
        v1::ledger_entry::Kind::Adjustment => "adjustment",
    },

    csv_problem: |problem: &CsvProblem| {
        let what = match &problem.flaw {
            CsvFlaw::Empty => "there is no line with the names of the columns".to_owned(),
            CsvFlaw::OpenQuote => "a quote is opened and never closed".to_owned(),
            CsvFlaw::QuoteWithin => {
                "text follows a closed quote; a quote within quotes is written twice".to_owned()
            }
            CsvFlaw::UnknownColumn(name) => format!(
                "there is no column {name}; known are username, display_name, role, credits, language, password"
            ),
            CsvFlaw::ColumnTwice(name) => format!("the column {name} is there twice"),
            CsvFlaw::NoUsername => "the column username is missing".to_owned(),
            CsvFlaw::Cells { found, wanted } => format!("{found} cells, where {wanted} are named"),
            CsvFlaw::UsernameInvalid(name) if name.is_empty() => "the username is empty".to_owned(),
            CsvFlaw::UsernameInvalid(name) => {
                format!("{name}: a username has 1 to 64 letters, digits and . _ - @")
            }
            CsvFlaw::UsernameTwice(name, line) => format!("{name} is in line {line} already"),
            CsvFlaw::RoleInvalid(text) => format!("{text}: a role is user or admin"),
            CsvFlaw::CreditsInvalid(text) => {
                format!("{text}: credits are a whole number from 0 to 1000000000")
            }
            CsvFlaw::LanguageInvalid(text) => format!("{text}: a language is en or zh"),
            CsvFlaw::NameTooLong => "a name to show has at most 200 characters".to_owned(),
            CsvFlaw::PasswordTooShort(least) => {
                format!("a password has at least {least} characters")
            }
        };
        match &problem.column {
            Some(column) => format!("line {}, column {column}: {what}", problem.line),
            None => format!("line {}: {what}", problem.line),
        }
    },
    csv_wrong: |count| {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        format!(
            "{} in the file; nobody was made",
            plural(count, "mistake", "mistakes")
        )
    },
    csv_and_more: |count| format!("... and {count} more"),
    csv_right: |new, there| format!("The file is right: {new} to be made, {there} there already."),
    exists: |line, name| format!("line {line}: {name} is there already and stays as he is"),
    broke_off: |line, name, made| {
        format!(
            "line {line}: {name} was not made for certain; {made} before him were. The same command goes on from here; should he be there by then, vbatch admin reset-password {name} gives him a password."
        )
    },
    users_made: |made, there| format!("{made} made, {there} there already."),

    outcome: |outcome| match outcome {
        v1::audit_event::Outcome::Unspecified => "",
        v1::audit_event::Outcome::Succeeded => "succeeded",
        v1::audit_event::Outcome::Refused => "refused",
        v1::audit_event::Outcome::Failed => "failed",
    },
    actor: |kind| match kind {
        v1::actor::Kind::System => "system",
        v1::actor::Kind::Owner => "owner",
        v1::actor::Kind::Anonymous => "anonymous",
        v1::actor::Kind::User | v1::actor::Kind::Unspecified => "unknown",
    },
    target_kind: str::to_owned,

    running: |version, up, dispatch| {
        format!(
            "vbatchd {version}  up {up}  dispatch {}, concurrency {}",
            plain(dispatch.state().as_str_name(), "STATE_"),
            dispatch.concurrency
        )
    },
    dispatch: |dispatch| {
        format!(
            "dispatch {}, concurrency {}",
            plain(dispatch.state().as_str_name(), "STATE_"),
            dispatch.concurrency
        )
    },
    oldest_since: |span| format!("the oldest since {span}"),
    storage: |[images, audios, videos, database, free, total]| {
        format!(
            "images {images}  audios {audios}  videos {videos}  database {database}  disk {free} free of {total}"
        )
    },
    sessions: |sessions, streams| {
        format!(
            "{}, {}",
            plural(sessions.into(), "session", "sessions"),
            plural(streams.into(), "stream", "streams")
        )
    },
    recent_error: |error| {
        format!(
            "within 1 h: {} x {}",
            error.count,
            plain(error.class().as_str_name(), "CLASS_")
        )
    },
    status_line: |status| {
        let dispatch = status.dispatch.clone().unwrap_or_default();
        let slots = status.slots.unwrap_or_default();
        let waiting: i32 = status.waiting.iter().map(|waiting| waiting.count).sum();
        let mut line = format!(
            "{}  {}/{} slots  {waiting} wait",
            plain(dispatch.state().as_str_name(), "STATE_"),
            slots.running + slots.cleanup,
            slots.limit,
        );
        if let Some(upstream) = &status.upstream {
            line += &format!(
                "  upstream {}, token {}",
                plain(upstream.health().as_str_name(), "HEALTH_"),
                plain(upstream.token_state().as_str_name(), "TOKEN_STATE_")
            );
        }
        line
    },
    warning: |warning| {
        format!(
            "! {}  {}",
            plain(warning.reason().as_str_name(), "REASON_"),
            warning.message
        )
    },
    upstream_token: "Upstream token",
    token_set: |state, account, ends| {
        let ends = ends.map_or(String::new(), |ends| format!(", ends {ends}"));
        format!(
            "token {} of account {account}{ends}",
            plain(state.as_str_name(), "TOKEN_STATE_")
        )
    },
    old_account: |account, work| {
        format!(
            "The old account {account} is kept for {} attempts, {} unresolved submits, {} cleanups and {} fetches.",
            work.running_attempts, work.unresolved_submits, work.cleanups, work.fetches
        )
    },

    scopes: |scopes| {
        let words: Vec<&str> = scopes
            .iter()
            .map(|scope| match scope {
                Scope::Unspecified => "?",
                Scope::Read => "read",
                Scope::Submit => "submit",
                Scope::Admin => "admin",
            })
            .collect();
        words.join("+")
    },
    for_ever: "never",
    key_made: |name, until| {
        let until = until.map_or(String::new(), |until| format!(" It ends {until}."));
        format!(
            "Key {name} is made.{until} Its secret is shown this once; programs give it as VBATCH_TOKEN:"
        )
    },
    key_revoked: |name| format!("Key {name} has ended."),
    ssh_key_added: |name, fingerprint| {
        format!("The key {name} may sign in over SSH: {fingerprint}")
    },
    ssh_key_removed: |name| format!("The key {name} no longer signs in."),
    private_key: "this is a private key, which nobody else should have; name the file that ends in .pub",
};

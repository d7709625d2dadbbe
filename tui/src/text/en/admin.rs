//! Owns the English words of the screens of admins.

use vision_batch::v1;
use vision_batch::v1::upstream_error_count::Class;
use vision_batch::v1::warning::Reason;

use super::refusals::refusal_words;
use super::{credits, items, plural};
use crate::state::{DAYS_MOST, Disclosed, Entry, Flaw, Note, Purpose, moment};
use crate::text::admin::AdminTexts;
use crate::text::format::count;
use crate::text::{Clock, span};

pub(super) static ADMIN: AdminTexts = AdminTexts {
    users: "Users",
    count_users: |number| plural(number, "user", "users"),
    col_username: "USERNAME",
    col_display_name: "NAME",
    col_role: "ROLE",
    col_state: "STATE",
    col_credits: "CREDITS",
    col_held: "HELD",
    col_active: "ACTIVE",
    col_videos: "VIDEOS",
    col_last_sign_in: "LAST SIGN-IN",
    role: |role| match role {
        v1::user::Role::Admin => "admin",
        v1::user::Role::User | v1::user::Role::Unspecified => "user",
    },
    disabled: "disabled",
    let_in: "let in",
    first_password: "1st pwd",
    password_expired: "pwd over",
    active: "active",
    now: "now",
    never: "never",
    ago: |span| format!("{span} ago"),
    by_method: |method| match method {
        v1::user::SignInMethod::Ssh => "ssh",
        v1::user::SignInMethod::ApiKey => "key",
        _ => "",
    },

    ledger_of: |name| format!("{name}  ledger, newest first"),
    balance_and_held: |balance, held| match held {
        0 => credits(balance),
        _ => format!(
            "{}, {} more held for items that run",
            credits(balance),
            count(held)
        ),
    },
    no_movements: "No movement yet.",
    col_time: "TIME",
    col_kind: "KIND",
    col_delta: "CREDITS",
    col_balance: "BALANCE",
    col_by: "BY",
    col_about: "ABOUT",
    kind: |kind| match kind {
        v1::ledger_entry::Kind::Unspecified => "",
        v1::ledger_entry::Kind::Grant => "grant",
        v1::ledger_entry::Kind::Charge => "charge",
        v1::ledger_entry::Kind::Refund => "refund",
        v1::ledger_entry::Kind::Adjustment => "adjusted",
    },
    n_items: items,
    the_system: "system",

    dialog_title: |purpose| match purpose {
        Purpose::NewUser => "New user".to_owned(),
        Purpose::Give(user) => format!("Give credits to {}, or take some", user.username),
        Purpose::Set(user) => format!("Set the credits of {}", user.username),
        Purpose::Token => "Another upstream token".to_owned(),
        Purpose::NewKey { .. } => "New API key".to_owned(),
    },
    entry: |entry| match entry {
        Entry::Username => "Username",
        Entry::DisplayName => "Name",
        Entry::Role => "Role",
        Entry::Credits => "Credits",
        Entry::Delta => "Credits",
        Entry::Note => "Why",
        Entry::Token => "Token",
        Entry::KeyName => "Name",
        Entry::Scope => "May",
        Entry::Days => "Days",
    },
    entry_hint: |entry| match entry {
        Entry::Username => "to sign in with",
        Entry::DisplayName => "to show; may be empty",
        Entry::Role | Entry::Scope => "Space switches",
        Entry::KeyName => "the program it is for",
        Entry::Days => "how long it lives; for ever when empty",
        Entry::Credits => "the server's default when empty",
        Entry::Delta => "50 gives, -50 takes",
        Entry::Note => "goes into the ledger",
        Entry::Token => "it is tried before it is taken",
    },
    flaw: |flaw| match flaw {
        Flaw::Empty(Entry::Token) => "Put the token in.".to_owned(),
        Flaw::Empty(Entry::KeyName) => "A name is needed, to know the key by.".to_owned(),
        Flaw::NoNumber(Entry::Days) => {
            format!("A whole number from 1 to {} is needed.", count(DAYS_MOST))
        }
        Flaw::Empty(_) => "A username is needed.".to_owned(),
        Flaw::NoNumber(Entry::Delta) => "A whole number is needed: 50 gives, -50 takes.".to_owned(),
        Flaw::NoNumber(_) => "A whole number from 0 is needed.".to_owned(),
        Flaw::BelowZero => "That is more than there is: a balance never goes below 0.".to_owned(),
        Flaw::Refused(refusal) => refusal_words(refusal),
    },
    balance_from_to: |from, to| format!("Balance {} -> {}", count(from), count(to)),
    sending: "Asking the server ...",
    copy: "copy",
    note_title: |what| match what {
        Disclosed::NewUser | Disclosed::Reset => "One-time password",
        Disclosed::ApiKey => "API key",
    },
    note_lines: |note: &Note, clock: &Clock| {
        let name = &note.name;
        let until = note.until.map_or(String::new(), |until| {
            // A key may live for years.
            let until = match note.what {
                Disclosed::ApiKey => clock.on(until),
                _ => clock.at(until),
            };
            format!(" It is good until {until}.")
        });
        let first = match note.what {
            Disclosed::NewUser => format!("User {name} is made. This password is shown this once:"),
            Disclosed::Reset => {
                format!("{name} is signed out everywhere. This password is shown this once:")
            }
            Disclosed::ApiKey => format!("Key {name} is made. Its secret is shown this once:"),
        };
        let last = match note.what {
            Disclosed::ApiKey => {
                format!("It is never shown again: put it where only the program reads it.{until}")
            }
            _ => format!("It must be changed at the first sign-in.{until}"),
        };
        vec![
            first,
            String::new(),
            note.secret().to_owned(),
            String::new(),
            last,
        ]
    },

    system: "System",
    dispatch: "dispatch",
    upstream: "upstream",
    server: "server",
    state: "state",
    dispatch_state: |state| match state {
        v1::dispatch::State::Unspecified => "unknown",
        v1::dispatch::State::Running => "RUNNING",
        v1::dispatch::State::Paused => "PAUSED",
        v1::dispatch::State::Draining => "DRAINING",
    },
    changed_by: |who, ago| format!("by {who}, {ago} ago"),
    slots: "slots",
    taken_of: |taken, limit| format!("{taken} of {limit}"),
    cleanup: |number| format!("{number} ending"),
    foreign: |number| format!("{number} not ours"),
    waiting: "waiting",
    waiting_items: |number, oldest| match oldest {
        Some(oldest) => format!("{}, the oldest {oldest}", items(number)),
        None => items(number),
    },
    drains_in: "drains in",
    a_day: |limit| format!("at most {} a day", count(limit)),
    preview: "preview",
    health_is: "health",
    health: |health| match health {
        v1::engine_info::Health::Unspecified => "not known yet",
        v1::engine_info::Health::Ok => "ok",
        v1::engine_info::Health::Degraded => "slow or busy",
        v1::engine_info::Health::Unreachable => "NOT ANSWERING",
        v1::engine_info::Health::TokenNeeded => "needs a token",
        v1::engine_info::Health::Unavailable => "not configured",
    },
    answered: |ago| format!("answered {ago} ago"),
    token: "token",
    token_state: |state| match state {
        v1::upstream::TokenState::Unspecified => "not tried yet",
        v1::upstream::TokenState::NotSet => "NOT SET",
        v1::upstream::TokenState::Ok => "ok",
        v1::upstream::TokenState::Expired => "EXPIRED",
        v1::upstream::TokenState::Refused => "REFUSED",
    },
    ends_in: |span| format!("ends in {span}"),
    day_use: "24 h use",
    next_free: |at| format!("next at {at}"),
    unlimited: "no limit",
    account: "account",
    account_work: |account| {
        let parts = [
            (account.running_attempts, "running"),
            (account.unresolved_submits, "without an answer"),
            (account.cleanups, "ending"),
            (account.fetches, "being fetched"),
        ];
        words_of(parts, "nothing left to do")
    },
    errors: "errors 1 h",
    no_errors: "none",
    error_class: |class| match class {
        Class::Unspecified => "other",
        Class::Busy => "busy",
        Class::Rate => "too fast",
        Class::DailyLimit => "day limit",
        Class::Authentication => "token",
        Class::Unreachable => "not reached",
        Class::Reset => "broke off",
        Class::Timeout => "too slow",
        Class::Server => "its own",
        Class::Malformed => "no sense",
        Class::BadInput => "bad input",
        Class::NotFound => "not found",
    },
    no_upstream: "not configured: previews only",
    throughput: "videos an hour, last 24 h",
    throughput_sum: |completed, failed| match failed {
        0 => format!("{} done", count(completed)),
        _ => format!("{} done, {} failed", count(completed), count(failed)),
    },
    up_for: |span| format!("up {span}"),
    sessions: |sessions, watchers| {
        format!(
            "{}, {}",
            plural(sessions.into(), "session", "sessions"),
            plural(watchers.into(), "stream", "streams")
        )
    },
    disk: "disk",
    disk_free: |free, total| format!("{free} free of {total}"),
    files: |images, audios, videos| format!("images {images}  audio {audios}  videos {videos}"),
    database: |size| format!("database {size}"),
    last_backup: "last backup",
    balances: "check",
    balances_are: |result| match result {
        None => "never".to_owned(),
        Some((true, ago)) => format!("all agreed {ago} ago"),
        Some((false, ago)) => format!("DID NOT AGREE {ago} ago"),
    },
    warning,
};

fn words_of(parts: [(i32, &str); 4], otherwise: &str) -> String {
    let words: Vec<String> = parts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    if words.is_empty() {
        otherwise.to_owned()
    } else {
        words.join(", ")
    }
}

fn warning(warning: &v1::Warning, clock: &Clock) -> String {
    let since = warning.since.as_ref().map_or(String::new(), |since| {
        format!(" since {}", clock.at(moment(since)))
    });
    let expires = || {
        let until = warning.metadata.get("expire_time")?.parse().ok()?;
        Some(format!(
            "The upstream token expires in {} ({}). Press t to put in a new one.",
            span(clock.seconds_until(until)),
            clock.at(until)
        ))
    };
    let known = match warning.reason() {
        Reason::DefaultPassword => {
            "The admin's first password still stands. Change it: vbatch passwd"
        }
        Reason::NoTls => "The server listens beyond this machine without TLS.",
        Reason::UpstreamTokenNotSet => "There is no upstream token. Press t to put one in.",
        Reason::UpstreamTokenExpiring => {
            return expires().unwrap_or_else(|| {
                "The upstream token expires soon. Press t to put in a new one.".to_owned()
            });
        }
        Reason::UpstreamTokenExpired => {
            "The upstream token has expired. Press t to put in a new one."
        }
        Reason::UpstreamTokenRefused => {
            return format!("The upstream refuses its token{since}. Press t to put in a new one.");
        }
        Reason::UpstreamUnreachable => return format!("The upstream does not answer{since}."),
        Reason::UpstreamDailyLimit => "The upstream's daily limit is reached; items wait.",
        Reason::UpstreamAccountLost => {
            "A former upstream account still has work and no usable token. Press t and give it one."
        }
        Reason::DispatchPaused => return format!("Dispatch is paused{since}. p resumes."),
        Reason::DispatchDraining => return format!("Dispatch drains{since}. p resumes."),
        Reason::DiskLow => "The disk is getting full.",
        Reason::StorageFull => "The disk is full: uploads are refused and items wait.",
        Reason::BackupMissing => "There was no backup for long, or never.",
        Reason::VerifyFailed => "The last check found data that does not agree.",
        Reason::RestoredCopy => "This is a restored copy that was not let run yet.",
        Reason::UpstreamAddressWrong => {
            "The upstream answers 403, 404 or 405 to everything. Look at LIGHTX2V_BASE_URL."
        }
        Reason::Unspecified => "",
    };
    if known.is_empty() {
        warning.message.clone()
    } else {
        known.to_owned()
    }
}

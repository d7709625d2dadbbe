//! Owns the English words of the audit and of the keys for programs.

use vision_batch::v1::actor::Kind;
use vision_batch::v1::api_key::Scope;
use vision_batch::v1::audit_event::Outcome;

use super::plural;
use crate::text::format::count;
use crate::text::records::RecordTexts;

pub(super) static RECORDS: RecordTexts = RecordTexts {
    audit: "Audit",
    count_events: |number, more| match more {
        true => format!("{}+ events", count(number)),
        false => plural(number, "event", "events"),
    },
    only_newest: |number| format!("the newest {} looked through", count(number)),
    no_events: "Nothing of the kind was done or tried.",
    col_what: "WHAT",
    col_outcome: "OUTCOME",
    col_from: "FROM",
    outcome: |outcome| match outcome {
        Outcome::Unspecified => "",
        Outcome::Succeeded => "done",
        Outcome::Refused => "refused",
        Outcome::Failed => "failed",
    },
    action: |action| {
        Some(match action {
            "sign_in" => "sign-in",
            "access" => "access",
            "refusals" => "many refusals",
            "password.change" => "password changed",
            "password.reset" => "password reset",
            "user.create" => "user made",
            "user.update" => "user changed",
            "user.rename" => "user renamed",
            "credits.adjust" => "credits moved",
            "credits.set" => "credits set",
            "batch.create" => "batch made",
            "batch.cancel" => "batch cancelled",
            "batch.delete" => "batch deleted",
            "items.cancel" => "items cancelled",
            "items.retry" => "items retried",
            "key.create" => "API key made",
            "key.revoke" => "API key ended",
            "dispatch.set" => "dispatch set",
            "upstream_token.set" => "upstream token",
            _ => return None,
        })
    },
    actor: |kind| match kind {
        Kind::System => "system",
        Kind::Owner => "owner",
        Kind::Anonymous | Kind::User | Kind::Unspecified => "unknown",
    },
    target_kind: |kind| {
        Some(match kind {
            "user" => "user",
            "batch" => "batch",
            "item" => "item",
            "key" => "API key",
            "dispatch" => "dispatch",
            "upstream" => "upstream",
            "system" => "server",
            _ => return None,
        })
    },
    only_by: |name| format!("by {name}"),
    only_about: |name| format!("about {name}"),
    only_kind: |action| format!("only {action}"),
    from_address: |address| format!("from {address}"),
    from_itself: "on the server itself",

    api_keys: "API keys",
    api_keys_of: |name| format!("API keys of {name}"),
    no_keys_of: |name| format!("{name} has no API key."),
    count_keys: |number| plural(number, "key", "keys"),
    no_keys: "No key yet. n makes one.",
    no_keys_here: "No key yet.",
    col_begins: "BEGINS WITH",
    col_may: "MAY",
    col_made: "MADE",
    col_used: "USED",
    col_ends: "ENDS",
    scope: |scope| match scope {
        Scope::Unspecified => "",
        Scope::Read => "read",
        Scope::Submit => "submit",
        Scope::Admin => "admin",
    },
    in_span: |span| format!("in {span}"),
    ended: "ended",
    for_ever: "never",
    about_keys: [
        "VBATCH_TOKEN=vbk_... vbatch ls  lets a program in by a key",
        "read: look and download.  submit: make and end batches, too",
        "admin: all that admins may.  A key ends on its day, or by x",
    ],
};

//! Owns the English words of the commands.

use vision_batch::v1;
use vision_batch::v1::video_item::Stage;
use vision_batch::v1::wait::Reason as Wait;

use super::office::OFFICE;
use crate::cli::words::{plain, short};
use crate::text::commands::{CommandTexts, ElsewhereTexts, InfoWords, NameProblem, UploadWords};

pub(super) static COMMANDS: CommandTexts = CommandTexts {
    office: &OFFICE,
    usage: None,
    value_flaw: |flaw| flaw.to_string(),
    help_headings: &[],
    help: None,
    after_help: None,
    see_help: "For more information, try '--help'.",
    comma: ", ",

    stdin_lacks: |what| format!("stdin has no line for: {what}"),
    cannot_ask: |what| {
        format!(
            "{what} is needed and nobody can be asked here; see --help for how to give it on stdin"
        )
    },
    needs_yes: "this must be confirmed and nobody can be asked here; --yes does without",
    token: "Token",
    token_is_seen: "a token in the arguments is seen by everyone on this machine; better: VBATCH_TOKEN, or --token - and the token on stdin",
    yes: &["y", "yes"],
    elsewhere: ElsewhereTexts {
        signed_in: "SSH has signed you in already; to be somebody else, connect as them",
        no_pictures: "no file of the server can be read; send yours: tar c PICTURES AUDIO | ssh HOST submit --tar -",
        no_file: "no file of the server can be read; send yours on stdin, and write - for it",
        no_audio: "no file of the server can be read; say how long it plays: --duration 48s",
        no_directory: "nothing can be written on the server; without the option it goes to stdout: ssh HOST download BATCH ITEM > FILE",
        no_archive: |why| format!("this is no tar archive, or not all of one: {why}"),
        too_large: "the archive holds more than a batch may",
        one_audio: "the archive must have exactly one audio: WAV, MP3, M4A/AAC, FLAC or OGG",
        no_picture_in_archive: "the archive has no picture: PNG, JPEG or WebP",
        left_out: |names| format!("Left out, neither picture nor audio: {names}"),
    },
    one_stdin: "only one thing can come from stdin",
    interrupted: "Interrupted.",

    username: "Username",
    password: "Password",
    old_password: "Old password",
    new_password: "New password",
    new_password_again: "New password again",
    passwords_differ: "the two new passwords differ",
    password_due: "This password must be changed before anything else.",
    password_due_hint: "The password must be changed before anything else: vbatch passwd",
    signed_in: |name, server| format!("Signed in as {name} at {server}."),
    signed_out: |server, was_there| match was_there {
        true => format!("The session at {server} is forgotten."),
        false => format!("There was no session at {server}."),
    },
    profile: |user| {
        let role = match user.role() {
            v1::user::Role::Admin => ", admin",
            _ => "",
        };
        format!(
            "{}{role}  {} credits, {} held  {} videos",
            user.username, user.credit_balance, user.credits_held, user.completed_video_count
        )
    },
    password_changed: "The password is changed; all other sessions have ended.",

    upload_interrupted: |request_id| {
        format!(
            "Interrupted. Should the batch have been made all the same, this shows it and charges nothing more:\n  the same command with --request-id {request_id}"
        )
    },
    upload: |step| match step {
        UploadWords::Reading(file, files) => format!("reading file {file} of {files}"),
        UploadWords::Sending(file, files) => format!("sending file {file} of {files}"),
        UploadWords::Checking => "the server checks the files".to_owned(),
        UploadWords::Waiting => "waiting".to_owned(),
    },
    upload_again: "The connection broke; the upload begins again under the same request id.",
    begun: |batch, balance, replayed| {
        let made = match replayed {
            true => "was made before",
            false => "is made",
        };
        format!(
            "Batch {} {made}: {} with {}, {} charged, {balance} left. Follow it: vbatch watch {}",
            short(&batch.id),
            items(batch.item_counts.map_or(0, |counts| counts.total)),
            engine(&batch.engine),
            credits(batch.credits_charged),
            short(&batch.id),
        )
    },
    duration_needed: "--audio or --duration is needed",
    quote: |images, quote| {
        format!(
            "{images} x {} = {} credits with {}, balance {} -> {}",
            quote.credits_per_item,
            quote.credits,
            engine(&quote.engine),
            quote.balance_before,
            quote.balance_after
        )
    },
    quote_finish: |at, quote| {
        format!(
            "finished about {at}: {} slots, {} items ahead",
            quote.slot_limit, quote.items_ahead
        )
    },
    tasks_left: |number| format!("{number} upstream tasks left within 24 h"),
    not_affordable: "The credits do not suffice.",
    no_pictures: "stdin has no line with a picture",

    detached: |command| {
        format!("Detached; the batch goes on in the server. Return with: {command}")
    },
    connected_again: "Connected again.",
    connection_lost: "The connection is lost",
    goes_on: |why| format!("{why}; the batch goes on, trying again."),
    not_finished: |batch| format!("Batch {batch} is not finished yet; it goes on."),
    summary: |counts| {
        let mut text = format!("{}/{} completed", counts.completed, counts.total);
        if counts.failed > 0 {
            text += &format!(", {} failed", counts.failed);
        }
        if counts.cancelled > 0 {
            text += &format!(", {} cancelled", counts.cancelled);
        }
        text
    },
    done_in: |span| format!("done in about {span}"),
    outcome: |batch| {
        let counts = batch.item_counts.unwrap_or_default();
        let refunded = match batch.credits_refunded {
            0 => String::new(),
            refunded => format!(", {} given back", credits(refunded)),
        };
        format!(
            "Batch {} {}: {} of {} completed, {} failed, {} cancelled{refunded}.",
            short(&batch.id),
            plain(batch.state().as_str_name(), "STATE_"),
            counts.completed,
            counts.total,
            counts.failed,
            counts.cancelled
        )
    },
    cancelled: |batch, count| {
        format!(
            "Batch {batch}: {} cancelled or being cancelled; their credits come back when they have ended.",
            items(count)
        )
    },
    retried: |batch, answer| {
        format!(
            "Batch {batch}: {} tried again, {} charged, {} left.",
            items(answer.item_count),
            credits(answer.credits_charged),
            answer.credit_balance
        )
    },
    ask_delete: |batch| {
        let counts = batch.item_counts.unwrap_or_default();
        format!(
            "Delete batch {} {} for good, with {} and {} finished videos?",
            short(&batch.id),
            batch.name,
            items(counts.total),
            counts.completed
        )
    },
    not_deleted: "Nothing is deleted.",
    deleted: |batch, size| format!("Batch {batch} is deleted; {size} are free again."),

    cols_batches: [
        "ID", "NAME", "OWNER", "ENGINE", "STATE", "PROGRESS", "DONE", "FAIL", "CREDITS", "AGE",
    ],
    cols_items: ["#", "ID", "SOURCE IMAGE", "STATE", "TRY", "CREDITS"],
    cols_attempts: [
        "ATTEMPT", "ROUND", "OUTCOME", "STARTED", "FINISHED", "SEED", "TASK", "WHY",
    ],
    cols_engines: ["ENGINE", "HEALTH", "PRICE", "SLOTS", "CLEANUP", "FOREIGN"],
    more: "There are more; --all lists them all.",
    many_items: |name| format!("{name} means more than one item"),
    batch_counts: |share, counts| {
        format!(
            "{share}  {} of {} completed, {} failed, {} cancelled",
            counts.completed, counts.total, counts.failed, counts.cancelled
        )
    },
    batch_credits: |batch| {
        format!(
            "engine {}  {} charged, {} refunded, {} an item  owner {}",
            engine(&batch.engine),
            credits(batch.credits_charged),
            batch.credits_refunded,
            batch.credits_per_item,
            batch.owner_name
        )
    },
    audio: |name, time, size| format!("audio  {name}  {time}  {size}"),
    prompt: |text| format!("prompt {text}"),
    negative_prompt: |text| format!("not    {text}"),
    labels: |text| format!("labels {text}"),
    created: |at| format!("created {at}"),
    started: |at| format!("started {at}"),
    finished: |at| format!("finished {at}"),
    expected: |at| format!("expected {at}"),
    upstream_said: |words| format!("upstream said: {words}"),
    submit_unanswered: "its submit had no answer",

    engine: |name| engine(name).to_owned(),
    batch_state: |state| plain(state.as_str_name(), "STATE_"),
    outcome_of: |outcome| plain(outcome.as_str_name(), "OUTCOME_"),
    pending: "pending",
    stage: |stage| match stage {
        Stage::Unspecified => "processing",
        Stage::Submitting => "submitting",
        Stage::UpstreamQueued => "upstream queue",
        Stage::Generating => "generating",
        Stage::Fetching => "fetching",
        Stage::Cancelling => "cancelling",
    },
    queue_position: |position| format!("upstream queue {position}"),
    generating: |share| format!("generating ~{share}"),
    fetching: |fetched, total| format!("fetching {fetched}/{total}"),
    completed: |size| match size {
        "" => "completed".to_owned(),
        size => format!("completed, {size}"),
    },
    file_removed: "completed, file removed",
    failed: "failed",
    failed_for: |why| format!("failed: {why}"),
    item_cancelled: "cancelled",
    unknown: "unknown",
    failure: |reason, message| {
        let reason = plain(reason.as_str_name(), "REASON_");
        match message {
            "" => reason.to_owned(),
            message => format!("{reason}, {message}"),
        }
    },
    waits: |reason, span| {
        let about = span.map_or(String::new(), |span| format!(", about {span}"));
        format!("waits for {}{about}", wait_reason(reason))
    },
    items_wait: |count, reason| match count {
        1 => format!("1 item waits for {}", wait_reason(reason)),
        _ => format!("{count} items wait for {}", wait_reason(reason)),
    },

    no_video_yet: |batch| {
        format!("batch {batch} has no finished video yet; vbatch watch {batch} follows it")
    },
    one_to_stdout: "only one file can go to stdout; name one item, or use vbatch export -o -",
    resumable: "Interrupted; the same command goes on where it broke off.",
    there_already: |path| format!("{path} is there already."),
    another_file: "another file of this name is there; --overwrite replaces it",
    export: "export",
    videos_saved: |count| match count {
        1 => "1 video saved.".to_owned(),
        _ => format!("{count} videos saved."),
    },
    stdout_is_terminal: "stdout is a terminal; send it to a file or a program",
    local_file: |doing, path, said| format!("{doing} {path}: {said}"),
    file_changed: |path| {
        format!("{path} changed while it was being read; try again when it is whole")
    },
    file_differs: |file, actual, expected| {
        format!(
            "{file}: what arrived is not what the server announced (SHA-256 {actual} instead of {expected})"
        )
    },
    sessions_malformed: |path, said| {
        format!("{path}: not a file of sessions ({said}); remove it and sign in again")
    },

    info: |info: &InfoWords| {
        [
            format!(
                "vbatchd {} at {}, dispatch {}",
                info.version,
                info.address,
                plain(info.dispatch.as_str_name(), "STATE_")
            ),
            format!(
                "images to {} and {} megapixels, {} a batch; audio to {} and {}",
                info.image_size, info.megapixels, info.images, info.audio_size, info.audio_time
            ),
        ]
    },
    price: |engine| match (engine.credits_per_item, engine.seconds_per_credit) {
        (0, _) => "free".to_owned(),
        (credits, Some(seconds)) => format!("{credits} an item and {seconds} s"),
        (credits, None) => format!("{credits} an item"),
    },
    is_default: " (default)",
    health: |health| plain(health.as_str_name(), "HEALTH_"),
    upstream: |upstream, times| {
        let mut line = format!(
            "upstream {}  token {}",
            plain(upstream.health().as_str_name(), "HEALTH_"),
            plain(upstream.token_state().as_str_name(), "TOKEN_STATE_")
        );
        if let Some(ends) = &times.token_ends {
            line += &format!(" until {ends}");
        }
        if upstream.daily_limit > 0 {
            line += &format!(
                "  {}/{} tasks within 24 h",
                upstream.daily_used, upstream.daily_limit
            );
        }
        if let Some(free) = &times.next_free {
            line += &format!(", the next at {free}");
        }
        line
    },

    name_problem: |problem| match problem {
        NameProblem::NotABatch(text, fewest) => {
            format!("{text}: a batch is named by its id or at least {fewest} of its last digits")
        }
        NameProblem::NoBatch(text) => format!("no batch has an id that ends in {text}"),
        NameProblem::ManyBatches(text, list) => {
            format!("{text} is the end of more than one id; give more digits:{list}")
        }
        NameProblem::NoItem(name) => format!("the batch has no item {name}"),
        NameProblem::NotAnItem(name, fewest) => format!(
            "{name}: an item is named by its position, a range of positions, its id, or at least {fewest} of the id's last digits"
        ),
        NameProblem::ManyItems(name, list) => format!("{name} means more than one item: {list}"),
        NameProblem::NoUser(name) => format!("there is no user {name}"),
        NameProblem::NoKey(name) => format!("there is no key {name}"),
        NameProblem::ManySshKeys(name) => {
            format!("{name} means more than one key; vbatch ssh-keys ls shows their ids")
        }
        NameProblem::ManyKeys(name) => {
            format!("{name} means more than one key; vbatch keys ls shows their ids")
        }
    },
    unreachable: |server, why| format!("the server at {server} is not reached: {why}"),
    sign_in_first: "Sign in first: vbatch login",
    set_password_first: "Set a new password first: vbatch passwd",
    try_again_in: |span| format!("Try again in {span}."),
};

fn items(count: i32) -> String {
    match count {
        1 => "1 item".to_owned(),
        _ => format!("{count} items"),
    }
}

fn credits(count: i32) -> String {
    match count {
        1 => "1 credit".to_owned(),
        _ => format!("{count} credits"),
    }
}

/// The built-in preview is never shown as if it were the real thing.
fn engine(name: &str) -> &str {
    match name {
        "preview" => "PREVIEW",
        name => name,
    }
}

/// After "waits for".
const fn wait_reason(reason: Wait) -> &'static str {
    match reason {
        Wait::Unspecified => "an unknown reason",
        Wait::Slot => "a slot",
        Wait::Turn => "its turn",
        Wait::Paused => "an admin to resume dispatch",
        Wait::BackOff => "the pause before another attempt",
        Wait::UpstreamToken => "an upstream token",
        Wait::UpstreamDailyLimit => "the upstream's daily limit",
        Wait::UpstreamBusy => "the upstream, which is busy or silent",
        Wait::Cleanup => "the end of its old upstream task",
        Wait::StorageFull => "room on the server's disk",
    }
}

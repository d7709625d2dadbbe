//! Owns the English words.

mod actions;
mod admin;
mod commands;
mod failures;
mod office;
mod questions;
mod records;
mod refusals;

use vision_batch::v1;
use vision_batch::v1::wait::Reason as Wait;

use self::actions::{action, action_short, mode, sort_by};
use self::failures::{advice, failure, warning};
use self::questions::{ask_lines, ask_title, notice};
use self::refusals::refusal_words;
use super::Texts;
use super::format::{bytes, count, play_time};
use crate::files::Unusable;
use crate::state::{PasswordProblem, Problem};

fn plural(number: i64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

fn credits(number: i32) -> String {
    plural(number.into(), "credit", "credits")
}

fn items(number: i32) -> String {
    plural(number.into(), "item", "items")
}

pub(super) static TEXTS: Texts = Texts {
    admin: &admin::ADMIN,
    records: &records::RECORDS,
    commands: &commands::COMMANDS,
    sign_in: "Sign in",
    sign_in_again: "Sign in again",
    slogan: "Pictures and a voice in, speaking videos out",
    server: "Server",
    username: "User",
    password: "Password",
    signing_in: "Signing in ...",
    resuming: "Resuming your session ...",
    session_ended: "Your session has ended. Everything stays as it was.",
    trust_question: |server, shown| {
        format!(
            "Nothing on this machine vouches for {server}. Its SHA-256 fingerprint, which the server prints at its start: {shown} Trust it?"
        )
    },
    session_resumed: "Your kept session is good again: Esc goes on.",
    new_password_title: "Choose a new password",
    new_password_why: "You came in with a first password. Set your own before you go on.",
    current_password: "Current",
    new_password: "New",
    new_password_again: "New again",
    changing_password: "Changing the password ...",
    password_problem: |problem| match problem {
        PasswordProblem::Empty => "Fill in every field.".to_owned(),
        PasswordProblem::Different => "The two new passwords differ.".to_owned(),
        PasswordProblem::Same => "The new password must differ from the current one.".to_owned(),
        PasswordProblem::Refused(refusal) => refusal_words(refusal),
    },

    credits: |number| format!("{} cr", count(number)),
    slots: |used, limit| format!("{used}/{limit} slots"),
    live: "live",
    connecting: "connecting",
    stale: |span| format!("no news for {span}"),
    offline: |since, retry| match retry {
        Some(retry) => format!("offline {since}, trying in {retry}"),
        None => format!("offline {since}"),
    },
    offline_because: |why, at| format!("As of {at}. {why}"),
    read_only: "read-only",

    batches: "Batches",
    count_all: |number| format!("all {}", count(number)),
    count_active: |number| format!("active {}", count(number)),
    count_failures: |number| format!("with failures {}", count(number)),
    count_attention: |number| format!("attention {}", count(number)),
    count_marked: |number| format!("{number} marked"),
    count_shown: |shown, total| format!("{} of {} shown", count(shown), count(total)),
    col_name: "NAME",
    col_owner: "OWNER",
    col_state: "STATE",
    col_progress: "PROGRESS",
    col_done: "DONE",
    col_failed: "FAIL",
    col_eta: "ETA",
    col_age: "AGE",
    col_engine: "ENGINE",
    col_credits: "CREDITS",
    preview_mark: "PREVIEW",
    loading: "Loading ...",
    no_batches: "No batches yet. Press n to make the first one.",
    no_batches_here: "No batches yet.",
    nothing_matches: "Nothing matches the filter. Esc shows everything.",
    images_by_audio: |images, time| {
        format!("{} x {time}", plural(images.into(), "image", "images"))
    },
    charged: |charged, refunded| match (charged, refunded) {
        (0, _) => "free of charge".to_owned(),
        (_, 0) => format!("{} cr charged", count(charged)),
        _ => format!(
            "{} cr charged, {} refunded",
            count(charged),
            count(refunded)
        ),
    },
    waits_for: |what| format!("waits for {what}"),
    wait: |reason| match reason {
        Wait::Unspecified => "waits",
        Wait::Slot => "waits: slot",
        Wait::Turn => "waits: its turn",
        Wait::Paused => "waits: paused",
        Wait::BackOff => "waits: back-off",
        Wait::UpstreamToken => "waits: token",
        Wait::UpstreamDailyLimit => "waits: day limit",
        Wait::UpstreamBusy => "waits: engine",
        Wait::Cleanup => "waits: old task",
        Wait::StorageFull => "waits: disk full",
    },
    wait_long: |reason| match reason {
        Wait::Unspecified => "something",
        Wait::Slot => "a free slot",
        Wait::Turn => "its turn",
        Wait::Paused => "an admin to resume dispatch",
        Wait::BackOff => "the pause after a failed attempt",
        Wait::UpstreamToken => "an admin to put in a usable upstream token",
        Wait::UpstreamDailyLimit => "the upstream's daily limit",
        Wait::UpstreamBusy => "the upstream, which is busy or silent",
        Wait::Cleanup => "its old task to end upstream",
        Wait::StorageFull => "an admin to make room on the server's disk",
    },
    again_in: |span| format!("again in {span}"),
    last_ended: |file, how, ago| format!("last: {file} {how} {ago} ago"),
    prompt_is: |prompt| format!("prompt: {prompt}"),
    warning,

    batch_state: |state| match state {
        v1::batch::State::Unspecified => "unknown",
        v1::batch::State::Created => "created",
        v1::batch::State::Processing => "processing",
        v1::batch::State::Completed => "completed",
        v1::batch::State::Failed => "failed",
        v1::batch::State::Cancelled => "cancelled",
    },
    partial: "partial",
    n_failed: |number| format!("{} failed", count(number)),
    done_in: |span, at| format!("done in ~{span} ({at})"),
    took: |span| format!("took {span}"),
    no_estimate: "no estimate yet",
    col_image: "SOURCE IMAGE",
    col_stage: "STAGE",
    col_clock: "CLOCK",
    col_try: "TRY",
    col_size: "SIZE",
    pending: "pending",
    item_completed: "done",
    item_cancelled: "cancelled",
    stage: |stage| match stage {
        v1::video_item::Stage::Unspecified => "processing",
        v1::video_item::Stage::Submitting => "submitting",
        v1::video_item::Stage::UpstreamQueued => "upstream queue",
        v1::video_item::Stage::Generating => "generating",
        v1::video_item::Stage::Fetching => "fetching",
        v1::video_item::Stage::Cancelling => "cancelling",
    },
    failed_because: |reason| format!("failed: {}", failure(reason)),
    queue_position: |position| format!("upstream queue {position}"),
    about: |span| format!("~{span}"),
    asked: "asked ...",
    video_removed: "video removed",

    item: |number| format!("item {number}"),
    task: "task",
    seed: "seed",
    video: "video",
    attempt: |number| format!("attempt {number}"),
    outcome: |outcome| match outcome {
        v1::attempt::Outcome::Unspecified => "",
        v1::attempt::Outcome::Running => "running",
        v1::attempt::Outcome::Completed => "made the video",
        v1::attempt::Outcome::Failed => "failed",
        v1::attempt::Outcome::TriedAgain => "tried again",
        v1::attempt::Outcome::Cancelled => "cancelled",
    },
    unresolved: "no answer yet",
    unresolved_what: "The upstream did not answer. Its list of tasks is looked through first, so that none is paid twice.",
    cancelling_what: "It ends when the upstream agrees, or after 2 minutes without a word. A video that is finished all the same is kept.",
    failure,
    upstream_said: |words| format!("upstream said: \"{words}\""),
    what_to_do: "What to do",
    advice,
    given_back: |number| {
        format!(
            "{} {} given back.",
            credits(number),
            if number == 1 { "was" } else { "were" }
        )
    },
    no_attempts: "No attempt yet.",
    no_item: "No item under the cursor.",

    new_batch: "New batch",
    name: "Name",
    engine: "Engine",
    audio: "Audio",
    prompt: "Prompt",
    name_hint: "the audio's name when left empty",
    audio_hint: "path of a voice, or Enter on an audio file below",
    engine_name: |name| match name {
        "preview" => "preview".to_owned(),
        "lightx2v" => "LightX2V".to_owned(),
        other => other.to_owned(),
    },
    engine_health: |health| match health {
        v1::engine_info::Health::Unspecified | v1::engine_info::Health::Ok => "",
        v1::engine_info::Health::Degraded => "slow",
        v1::engine_info::Health::Unreachable => "not answering",
        v1::engine_info::Health::TokenNeeded => "needs a token: items wait",
        v1::engine_info::Health::Unavailable => "not configured",
    },
    price: |price, seconds| match (price, seconds) {
        (0, _) => "free".to_owned(),
        (_, None) => format!("{price} cr a video"),
        (_, Some(seconds)) => format!("{price} cr a video and {seconds} s"),
    },
    checking: "checking ...",
    unusable: |unusable| match unusable {
        Unusable::Kind => "not PNG/JPEG/WebP".to_owned(),
        Unusable::Corrupt(_) => "damaged or cut off".to_owned(),
        Unusable::TooLarge {
            found_bytes,
            limit_bytes,
        } => format!("{} > {}", bytes(*found_bytes), bytes(*limit_bytes)),
        Unusable::TooManyPixels {
            width_px,
            height_px,
            limit_pixels,
        } => format!("{width_px}x{height_px} > {} MP", limit_pixels / 1_000_000),
        Unusable::Duration {
            found,
            minimum,
            maximum,
        } => {
            if found > maximum {
                format!(
                    "{} long, at most {}",
                    play_time(*found),
                    play_time(*maximum)
                )
            } else {
                format!(
                    "{} long, at least {}",
                    play_time(*found),
                    play_time(*minimum)
                )
            }
        }
        Unusable::Unreadable(words) => format!("cannot read: {words}"),
    },
    pattern: "pattern",
    use_as_audio: "Enter: use as audio",
    empty_directory: "Nothing here. Backspace goes up.",
    cannot_list: |words| format!("This directory cannot be read: {words}"),
    marked_images: |number, size| match number {
        0 => "no image marked".to_owned(),
        _ => {
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            format!("{} marked, {size}", plural(number, "image", "images"))
        }
    },
    n_checking: |number| format!("{number} being checked"),
    cost: "Cost",
    balance: "balance",
    finish: "Finish",
    free: "free",
    cost_of: |images, each, all| {
        format!("{} x {} cr = {} cr", count(images), count(each), count(all))
    },
    finish_about: |at, span| format!("about {at} ({span})"),
    slots_are: |slots| plural(slots.into(), "slot", "slots"),
    ahead: |number| match number {
        0 => "nothing ahead".to_owned(),
        _ => format!("{} ahead", items(number)),
    },
    tasks_left: |number| format!("{} tasks left today", count(number)),
    quote_needs: "shown once there is an audio and an image",
    quoting: "asking the server ...",
    left_out: |number| match number {
        1 => "1 marked file cannot be used (see the list). It is left out.".to_owned(),
        _ => format!("{number} marked files cannot be used (see the list). They are left out."),
    },
    not_enough: "not enough",
    problem: |problem| match problem {
        Problem::NoAudio => "Choose an audio file first.".to_owned(),
        Problem::AudioUnusable => "The audio cannot be used; choose another.".to_owned(),
        Problem::NoImages => "Mark at least one usable image: Space, or * for all.".to_owned(),
        Problem::NoPrice => "The price is not known yet. Try again in a moment.".to_owned(),
        Problem::Checking => {
            "Some files are still being checked. Try again in a moment.".to_owned()
        }
        Problem::TooManyImages { count, limit } => {
            format!("{count} images are marked, a batch takes at most {limit}.")
        }
        Problem::Unaffordable {
            required,
            available,
        } => format!(
            "It costs {} and you have {}. Mark fewer images, or ask an admin for credits.",
            credits(*required),
            count(*available)
        ),
        Problem::NameTooLong { limit } => format!("The name is longer than {limit} characters."),
        Problem::PromptTooLong { limit } => {
            format!(
                "The prompt is longer than {} characters.",
                count(i64::try_from(*limit).unwrap_or(0))
            )
        }
        Problem::Refused(refusal) => refusal_words(refusal),
    },
    uploading: "Uploading",
    upload_goes_on: "Esc leaves it running in the background, x in the list breaks it off.",

    ask_title,
    ask_lines,
    yes: "Yes",
    no: "No",
    notice,
    refusal: refusal_words,
    action,
    action_short,
    mode,
    keys: "Keys",
    palette_hint: "type to find an action",
    filter: "filter",
    type_number: |number| format!("Type {number} to go on:"),
    sort: "Sort by",
    sort_by,
    sort_hint: "Enter chooses; once more turns it round",
    fetching: |there, all| format!("Loading ... {} of {}", count(there), count(all)),
    transfers: "Transfers",
    no_transfers: "Nothing is being uploaded or saved.",
    transfer_waits: "waits for its turn",
    left: |span| format!("{span} left"),
    batch_ended: |name, done, failed| match failed {
        0 => format!("{name}: {} done", count(done)),
        _ => format!("{name}: {} done, {} failed", count(done), count(failed)),
    },
    too_small: |width, height| {
        format!("This terminal is too small: {width}x{height} cells are needed.")
    },
};

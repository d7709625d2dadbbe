//! Owns the English words.

use vision_batch::v1;
use vision_batch::v1::item_failure::Reason as Failure;
use vision_batch::v1::refusal::Reason;
use vision_batch::v1::wait::Reason as Wait;

use super::format::{bytes, count, play_time, span};
use super::{Clock, Texts};
use crate::files::Unusable;
use crate::keymap::{Action, Mode};
use crate::state::{Ask, Cause, Notice, PasswordProblem, Problem, Refusal, Warning};

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
    sign_in: "Sign in",
    sign_in_again: "Sign in again",
    slogan: "Pictures and a voice in, speaking videos out",
    server: "Server",
    username: "User",
    password: "Password",
    signing_in: "Signing in ...",
    resuming: "Resuming your session ...",
    session_ended: "Your session has ended. Everything stays as it was.",
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
    offline_because: |why, at| format!("{why} What you see is from {at}."),
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

    ask_title: |ask| match ask {
        Ask::Cancel {
            targets,
            pending,
            running,
            ..
        } => match targets.as_slice() {
            [target] if !target.name.is_empty() => format!("Cancel {}?", target.name),
            _ => format!("Cancel {}?", items(pending + running)),
        },
        Ask::Retry { count, targets, .. } => match targets.as_slice() {
            [target] if *count == 1 && !target.name.is_empty() => {
                format!("Try {} again?", target.name)
            }
            _ => format!("Try {} again?", items(*count)),
        },
        Ask::Quit { .. } => "Quit?".to_owned(),
    },
    ask_lines,
    yes: "Yes",
    no: "No",
    notice: |notice| match notice {
        Notice::Refused(refusal) => refusal_words(refusal),
        Notice::CancelAsked(number) => format!("Cancelling {}.", items(*number)),
        Notice::Retried {
            count,
            credits: cost,
        } => match cost {
            0 => format!("Trying {} again, free of charge.", items(*count)),
            _ => format!("Trying {} again for {}.", items(*count), credits(*cost)),
        },
        Notice::Submitted(name) => format!("Submitted {name}."),
        Notice::Saved(path) => format!("Saved {}", path.display()),
        Notice::Saving(1) => "Saving in the background.".to_owned(),
        Notice::Saving(number) => format!("Saving {number} files in the background."),
        Notice::Aborted(label) => format!("Broke off {label}."),
        Notice::Copied(id) => format!("Copied {id}"),
        Notice::NothingToCancel => "Nothing to cancel here: it has ended.".to_owned(),
        Notice::NothingToRetry => {
            "Nothing to try again: no failed or cancelled item here.".to_owned()
        }
        Notice::NothingToSave => "No finished video here yet.".to_owned(),
        Notice::Command(command) => format!("On your own machine: {command}"),
        Notice::ReadOnly => "This screen only looks (read-only).".to_owned(),
        Notice::PasswordChanged => "The new password stands.".to_owned(),
    },
    refusal: refusal_words,
    action: |action| match action {
        Action::Up => "one row up",
        Action::Down => "one row down",
        Action::Top => "to the first row",
        Action::Bottom => "to the last row",
        Action::PageUp => "one page up",
        Action::PageDown => "one page down",
        Action::Open => "open what is under the cursor",
        Action::Back => "back, or clear marks and filter",
        Action::Quit => "quit",
        Action::Mark => "mark or unmark",
        Action::MarkAll => "mark all or none",
        Action::Filter => "filter while typing",
        Action::Glob => "narrow the files by a pattern",
        Action::Help => "this help",
        Action::Palette => "find an action by name",
        Action::NewBatch => "new batch",
        Action::Retry => "try failed items again",
        Action::RetryAll => "try all failed items again",
        Action::Cancel => "cancel",
        Action::CancelBatch => "cancel the whole batch",
        Action::Download => "save the video",
        Action::Export => "save all finished videos as ZIP",
        Action::AbortTransfer => "break off the newest transfer",
        Action::CopyId => "copy the id",
        Action::NextField => "next field",
        Action::PreviousField => "field before",
        Action::Submit => "submit",
        Action::ParentDirectory => "directory above",
        Action::Accept => "yes",
        Action::Decline => "no, leave",
        Action::SwitchAnswer => "other answer",
        Action::Language => "English / 中文",
        Action::Redraw => "draw anew",
    },
    action_short: |action| match action {
        Action::Open => "open",
        Action::Back => "back",
        Action::Quit => "quit",
        Action::Mark => "mark",
        Action::MarkAll => "all",
        Action::Filter => "filter",
        Action::Glob => "pattern",
        Action::Help => "help",
        Action::Palette => "actions",
        Action::NewBatch => "new",
        Action::Retry => "retry",
        Action::RetryAll => "all failed",
        Action::Cancel => "cancel",
        Action::CancelBatch => "cancel all",
        Action::Download => "save",
        Action::Export => "save ZIP",
        Action::AbortTransfer => "stop",
        Action::CopyId => "id",
        Action::NextField => "next",
        Action::PreviousField => "before",
        Action::Submit => "submit",
        Action::ParentDirectory => "up",
        Action::Accept => "keep",
        Action::Decline => "clear",
        Action::Language => "中文",
        _ => "",
    },
    mode: |mode| match mode {
        Mode::Form => "Sign-in",
        Mode::Batches => "Batches",
        Mode::Batch => "Batch",
        Mode::Fields => "New batch: fields",
        Mode::FileList => "New batch: files",
        Mode::Filter => "Filter",
        Mode::Confirm => "Question",
        Mode::Help => "Help",
        Mode::Palette => "Actions",
    },
    keys: "Keys",
    palette_hint: "type to find an action",
    filter: "filter",
    too_small: |width, height| {
        format!("This terminal is too small: {width}x{height} cells are needed.")
    },
};

fn failure(reason: Failure) -> &'static str {
    match reason {
        Failure::Unspecified => "unknown reason",
        Failure::UpstreamBadInput => "bad input",
        Failure::WorkerLost => "worker lost",
        Failure::UpstreamFailed => "engine failed",
        Failure::UpstreamCancelled => "ended upstream",
        Failure::UpstreamAccountLost => "account lost",
        Failure::TaskVanished => "task vanished",
        Failure::ItemDeadline => "took too long",
        Failure::ResultInvalid => "bad video",
        Failure::EngineFailed => "preview failed",
        Failure::SourceLost => "source lost",
    }
}

fn advice(reason: Failure) -> &'static str {
    match reason {
        Failure::Unspecified => "Retry; if it fails again, tell an admin what is said above.",
        Failure::UpstreamBadInput => {
            "Export the picture again as PNG or JPEG and submit it in a new batch; retrying sends the same file."
        }
        Failure::WorkerLost => {
            "The engine lost its workers several times. Retry (r) when it has calmed down; the files are fine."
        }
        Failure::UpstreamFailed => {
            "The engine gave up on it. Retry (r) once; if it fails again, try another picture or prompt."
        }
        Failure::UpstreamCancelled => {
            "Somebody ended the task at the engine itself, not here. Retry (r) starts it anew."
        }
        Failure::UpstreamAccountLost => {
            "The engine's account had no usable token for too long. Retry (r) once an admin has put in a new one."
        }
        Failure::TaskVanished => "The engine forgot the task. Retry (r) starts a new one.",
        Failure::ItemDeadline => {
            "The engine did not finish in time. Retry (r) later, or use a shorter audio."
        }
        Failure::ResultInvalid => {
            "What the engine delivered does not play. Retry (r); tell an admin if it happens again."
        }
        Failure::EngineFailed => {
            "The preview could not be drawn. Retry (r); if it fails again, export the picture anew."
        }
        Failure::SourceLost => {
            "The stored files are gone or damaged. Submit them again in a new batch, and tell an admin."
        }
    }
}

fn warning(warning: &Warning, clock: &Clock) -> String {
    let wait = |waiting: i32| match waiting {
        0 => String::new(),
        1 => " 1 item waits, nothing is lost.".to_owned(),
        _ => format!(" {} wait, none is lost.", items(waiting)),
    };
    let since = |since: &Option<jiff::Timestamp>| {
        since.map_or(String::new(), |it| format!(" since {}", clock.at(it)))
    };
    match warning {
        Warning::TokenMissing { waiting } => {
            format!("The upstream token is not set.{}", wait(*waiting))
        }
        Warning::TokenRefused { since: it, waiting } => {
            format!("Upstream refuses its token{}.{}", since(it), wait(*waiting))
        }
        Warning::TokenExpired { since: it, waiting } => {
            format!(
                "The upstream token has expired{}.{}",
                since(it),
                wait(*waiting)
            )
        }
        Warning::DailyLimit { until, waiting } => match until {
            Some(until) => format!(
                "The upstream's daily limit is reached; it goes on at {}.{}",
                clock.at(*until),
                wait(*waiting)
            ),
            None => format!("The upstream's daily limit is reached.{}", wait(*waiting)),
        },
        Warning::Unreachable { since: it } => {
            format!(
                "The upstream has not answered{}. Items wait, none is lost.",
                since(it)
            )
        }
        Warning::StorageFull { waiting } => {
            format!("The server's disk is full.{}", wait(*waiting))
        }
        Warning::Paused { waiting } => format!("Dispatch is paused.{}", wait(*waiting)),
        Warning::Draining { waiting } => {
            format!(
                "Dispatch is draining: running items finish, none begins.{}",
                wait(*waiting)
            )
        }
    }
}

fn ask_lines(ask: &Ask) -> Vec<String> {
    match ask {
        Ask::Cancel {
            pending,
            running,
            pending_credits,
            running_credits,
            owner,
            ..
        } => {
            let whose = owner
                .as_ref()
                .map_or("to you".to_owned(), |owner| format!("to {owner}"));
            let mut lines = Vec::new();
            if *pending > 0 {
                lines.push(match pending_credits {
                    0 => format!("{} waiting: cancelled at once.", items(*pending)),
                    _ => format!(
                        "{} waiting: {} back {whose} at once.",
                        items(*pending),
                        credits(*pending_credits)
                    ),
                });
            }
            if *running > 0 {
                lines.push(match running_credits {
                    0 => format!("{} running: cancelled as soon as the engine agrees.", items(*running)),
                    _ => format!(
                        "{} running: {} back {whose} if the engine stops in time; a video that is finished all the same is kept and paid.",
                        items(*running),
                        credits(*running_credits)
                    ),
                });
            }
            lines
        }
        Ask::Retry {
            credits: cost,
            balance,
            owner,
            ..
        } => {
            let mut lines = vec![match (cost, owner) {
                (0, _) => "It costs nothing.".to_owned(),
                (_, None) => format!("It costs {}.", credits(*cost)),
                (_, Some(owner)) => format!("It costs {owner} {}.", credits(*cost)),
            }];
            if let (Some(balance), true) = (balance, *cost > 0) {
                lines.push(format!(
                    "Balance {} -> {}.",
                    count(*balance),
                    count(balance - cost)
                ));
            }
            lines
        }
        Ask::Quit { transfers } => vec![format!(
            "{} still running; quitting breaks {} off.",
            plural(
                i64::try_from(*transfers).unwrap_or(i64::MAX),
                "transfer is",
                "transfers are"
            ),
            if *transfers == 1 { "it" } else { "them" }
        )],
    }
}

fn refusal_words(refusal: &Refusal) -> String {
    let file = refusal.fact("file");
    let limit = refusal.fact("limit");
    let in_bytes = |name: &str| {
        refusal
            .number(name)
            .map_or("?".to_owned(), |it| bytes(it.unsigned_abs()))
    };
    let known = match refusal.cause {
        Cause::Unreachable => {
            "The server cannot be reached. Is the address right, and is it running?".to_owned()
        }
        Cause::TimedOut => "The server did not answer in time.".to_owned(),
        Cause::Untrusted => "The server's certificate is not trusted.".to_owned(),
        Cause::AddressInvalid => "This is no address of a server. Write host:port.".to_owned(),
        Cause::LocalFile => format!("{file}: {}", refusal.message),
        Cause::Unknown => String::new(),
        Cause::Server(reason) => match reason {
            Reason::CredentialsInvalid => "User or password is wrong.".to_owned(),
            Reason::TokenMissing => "Please sign in.".to_owned(),
            Reason::TokenInvalid | Reason::TokenExpired => {
                "The session has expired. Please sign in again.".to_owned()
            }
            Reason::TokenRevoked => "The session was ended. Please sign in again.".to_owned(),
            Reason::AdminRequired => "Only admins may do this.".to_owned(),
            Reason::KeyScopeInsufficient => "This API key may not be used for that.".to_owned(),
            Reason::BatchNotFound => "There is no such batch (any more).".to_owned(),
            Reason::ItemNotFound => "There is no such item (any more).".to_owned(),
            Reason::FileRemoved => "The file was removed from the server.".to_owned(),
            Reason::PasswordTooWeak if limit.is_empty() => {
                "The new password is too weak.".to_owned()
            }
            Reason::PasswordTooWeak => {
                format!("The new password needs at least {limit} characters, other than before.")
            }
            Reason::UploadOutOfOrder | Reason::UploadIncomplete => {
                "The upload broke off. Nothing was stored or charged; submit again.".to_owned()
            }
            Reason::FileKindUnsupported => format!("{file} is of no kind that is taken."),
            Reason::FileCorrupt => format!("{file} is damaged or cut off."),
            Reason::FileTooLarge => format!("{file} is larger than {}.", in_bytes("limit")),
            Reason::ImageDimensionsExceeded => format!("{file} has too many pixels."),
            Reason::ImageCountInvalid => format!("A batch takes 1 to {limit} images."),
            Reason::AudioCountInvalid => "A batch takes exactly one audio.".to_owned(),
            Reason::AudioDurationInvalid => format!("{file} is too long or too short."),
            Reason::DigestMismatch => format!("{file} changed on its way. Submit again."),
            Reason::PasswordChangeRequired => "Set a new password first.".to_owned(),
            Reason::InsufficientCredits => {
                match (refusal.number("required"), refusal.number("available")) {
                    (Some(required), Some(available)) => format!(
                        "Not enough credits: {} needed, {} there. Nothing was charged.",
                        count(required),
                        count(available)
                    ),
                    _ => "Not enough credits. Nothing was charged.".to_owned(),
                }
            }
            Reason::PriceChanged => match refusal.number("required") {
                Some(required) => format!(
                    "It costs {} cr now. Nothing was charged; look and submit again.",
                    count(required)
                ),
                None => {
                    "The price has changed. Nothing was charged; look and submit again.".to_owned()
                }
            },
            Reason::AlreadyFinished => "Nothing is left to cancel.".to_owned(),
            Reason::BatchNotFinished => "The batch has not ended yet.".to_owned(),
            Reason::NotRetryable => "Nothing here can be tried again.".to_owned(),
            Reason::VideoNotReady => "The video is not ready yet.".to_owned(),
            Reason::NothingToExport => "No item has a video yet.".to_owned(),
            Reason::EngineUnavailable => {
                "This engine is not configured on the server; choose another.".to_owned()
            }
            Reason::RequestIdReused => {
                "This was submitted before with other content. Submit again.".to_owned()
            }
            Reason::SignInThrottled | Reason::RateLimited => match refusal.retry_after {
                Some(wait) => format!(
                    "Too many tries. Wait {}.",
                    span(i64::try_from(wait.as_secs()).unwrap_or(i64::MAX).max(1))
                ),
                None => "Too many tries. Wait a moment.".to_owned(),
            },
            Reason::TooManyStreams => "Too many screens of yours are open.".to_owned(),
            Reason::TooManyUploads => {
                "Too many uploads of yours are running. Wait for one to end.".to_owned()
            }
            Reason::StorageFull => "The server's disk is full. Tell an admin.".to_owned(),
            Reason::UploadTooSlow => {
                "The upload stood still for too long. Nothing was charged; submit again.".to_owned()
            }
            Reason::ShuttingDown => "The server is stopping. Try again in a moment.".to_owned(),
            Reason::BlobCorrupt => format!("{file} is damaged on the server. Tell an admin."),
            Reason::Internal => format!(
                "The server failed (incident {}). Tell an admin.",
                refusal.fact("incident_id")
            ),
            Reason::Unspecified
            | Reason::UserNotFound
            | Reason::KeyNotFound
            | Reason::FieldInvalid
            | Reason::PageTokenInvalid
            | Reason::UsernameTaken
            | Reason::LastAdmin
            | Reason::UpstreamTokenRejected
            | Reason::EtagMismatch
            | Reason::BalanceChanged
            | Reason::OffsetInvalid => String::new(),
        },
    };
    match (known.is_empty(), refusal.message.is_empty()) {
        (false, _) => known,
        (true, false) => refusal.message.clone(),
        (true, true) => "The server refused, and did not say why.".to_owned(),
    }
}

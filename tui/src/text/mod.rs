//! Owns the words: everything the screen has to say, in every language there is.
//!
//! A language is one [`Texts`] value. A text that one language lacks, or a new reason it has no words for, does not
//! compile. Not here: names of files, batches and users, and what the server says in its own words.

mod admin;
pub(crate) mod command_help;
pub(crate) mod commands;
mod en;
mod format;
pub(crate) mod office;
mod records;
mod zh;

use vision_batch::v1;

use crate::files::Unusable;
use crate::keymap::{self, Action, Mode};
use crate::state::{Ask, Language, Notice, PasswordProblem, Problem, Refusal, SortBy, Warning};

pub(crate) use format::{Clock, bytes, count, play_time, rate, span, span_seconds};

/// The words of one language. Functions put numbers and names in.
pub(crate) struct Texts {
    /// Of the screens of admins.
    pub(crate) admin: &'static admin::AdminTexts,
    /// Of the audit and of keys for programs.
    pub(crate) records: &'static records::RecordTexts,
    /// Of the commands.
    pub(crate) commands: &'static commands::CommandTexts,

    // Signing in.
    pub(crate) sign_in: &'static str,
    pub(crate) sign_in_again: &'static str,
    pub(crate) slogan: &'static str,
    pub(crate) server: &'static str,
    pub(crate) username: &'static str,
    pub(crate) password: &'static str,
    pub(crate) signing_in: &'static str,
    pub(crate) resuming: &'static str,
    pub(crate) session_ended: &'static str,
    /// The server, and the fingerprint that it shows; answered with y, or with anything else for No.
    pub(crate) trust_question: fn(&str, &str) -> String,
    pub(crate) session_resumed: &'static str,
    pub(crate) new_password_title: &'static str,
    pub(crate) new_password_why: &'static str,
    pub(crate) current_password: &'static str,
    pub(crate) new_password: &'static str,
    pub(crate) new_password_again: &'static str,
    pub(crate) changing_password: &'static str,
    pub(crate) password_problem: fn(&PasswordProblem) -> String,

    // The header.
    pub(crate) credits: fn(i32) -> String,
    pub(crate) slots: fn(i32, i32) -> String,
    pub(crate) live: &'static str,
    pub(crate) connecting: &'static str,
    pub(crate) stale: fn(&str) -> String,
    /// Since how long, and in how long the next try comes.
    pub(crate) offline: fn(&str, Option<&str>) -> String,
    /// Why the connection is lost, and from when what is shown is.
    pub(crate) offline_because: fn(&str, &str) -> String,
    pub(crate) read_only: &'static str,

    // The list of batches.
    pub(crate) batches: &'static str,
    pub(crate) count_all: fn(i32) -> String,
    pub(crate) count_active: fn(i32) -> String,
    pub(crate) count_failures: fn(i32) -> String,
    pub(crate) count_attention: fn(i32) -> String,
    pub(crate) count_marked: fn(usize) -> String,
    pub(crate) count_shown: fn(i64, i64) -> String,
    pub(crate) col_name: &'static str,
    pub(crate) col_owner: &'static str,
    pub(crate) col_state: &'static str,
    pub(crate) col_progress: &'static str,
    pub(crate) col_done: &'static str,
    pub(crate) col_failed: &'static str,
    pub(crate) col_eta: &'static str,
    pub(crate) col_age: &'static str,
    pub(crate) col_engine: &'static str,
    pub(crate) col_credits: &'static str,
    pub(crate) preview_mark: &'static str,
    pub(crate) loading: &'static str,
    pub(crate) no_batches: &'static str,
    /// The same where none can be made.
    pub(crate) no_batches_here: &'static str,
    pub(crate) nothing_matches: &'static str,
    /// Number of images and playing time.
    pub(crate) images_by_audio: fn(i32, &str) -> String,
    pub(crate) charged: fn(i32, i32) -> String,
    pub(crate) waits_for: fn(&str) -> String,
    pub(crate) wait: fn(v1::wait::Reason) -> &'static str,
    pub(crate) wait_long: fn(v1::wait::Reason) -> &'static str,
    pub(crate) again_in: fn(&str) -> String,
    /// A file, how it ended, and how long ago.
    pub(crate) last_ended: fn(&str, &str, &str) -> String,
    pub(crate) prompt_is: fn(&str) -> String,
    pub(crate) warning: fn(&Warning, &Clock) -> String,

    // One batch.
    pub(crate) batch_state: fn(v1::batch::State) -> &'static str,
    pub(crate) partial: &'static str,
    pub(crate) n_failed: fn(i32) -> String,
    /// In how long, and at what time.
    pub(crate) done_in: fn(&str, &str) -> String,
    pub(crate) took: fn(&str) -> String,
    pub(crate) no_estimate: &'static str,
    pub(crate) col_image: &'static str,
    pub(crate) col_stage: &'static str,
    pub(crate) col_clock: &'static str,
    pub(crate) col_try: &'static str,
    pub(crate) col_size: &'static str,
    pub(crate) pending: &'static str,
    pub(crate) item_completed: &'static str,
    pub(crate) item_cancelled: &'static str,
    pub(crate) stage: fn(v1::video_item::Stage) -> &'static str,
    pub(crate) failed_because: fn(v1::item_failure::Reason) -> String,
    pub(crate) queue_position: fn(i32) -> String,
    pub(crate) about: fn(&str) -> String,
    pub(crate) asked: &'static str,
    pub(crate) video_removed: &'static str,

    // The details of an item.
    pub(crate) item: fn(i32) -> String,
    pub(crate) task: &'static str,
    pub(crate) seed: &'static str,
    pub(crate) video: &'static str,
    pub(crate) attempt: fn(i32) -> String,
    pub(crate) outcome: fn(v1::attempt::Outcome) -> &'static str,
    pub(crate) unresolved: &'static str,
    /// What happens by itself while a submit is unresolved.
    pub(crate) unresolved_what: &'static str,
    /// What happens by itself while an item is being cancelled.
    pub(crate) cancelling_what: &'static str,
    pub(crate) failure: fn(v1::item_failure::Reason) -> &'static str,
    pub(crate) upstream_said: fn(&str) -> String,
    pub(crate) what_to_do: &'static str,
    /// What to do, and what was given back.
    pub(crate) advice: fn(v1::item_failure::Reason) -> &'static str,
    pub(crate) given_back: fn(i32) -> String,
    pub(crate) no_attempts: &'static str,
    pub(crate) no_item: &'static str,

    // A new batch.
    pub(crate) new_batch: &'static str,
    pub(crate) name: &'static str,
    pub(crate) engine: &'static str,
    pub(crate) audio: &'static str,
    pub(crate) prompt: &'static str,
    pub(crate) name_hint: &'static str,
    pub(crate) audio_hint: &'static str,
    pub(crate) engine_name: fn(&str) -> String,
    pub(crate) engine_health: fn(v1::engine_info::Health) -> &'static str,
    /// Price of one video, and the audio it pays for, in seconds.
    pub(crate) price: fn(i32, Option<i32>) -> String,
    pub(crate) checking: &'static str,
    pub(crate) unusable: fn(&Unusable) -> String,
    pub(crate) pattern: &'static str,
    pub(crate) use_as_audio: &'static str,
    pub(crate) empty_directory: &'static str,
    pub(crate) cannot_list: fn(&str) -> String,
    /// Number and size.
    pub(crate) marked_images: fn(usize, &str) -> String,
    pub(crate) n_checking: fn(usize) -> String,
    pub(crate) cost: &'static str,
    pub(crate) balance: &'static str,
    pub(crate) finish: &'static str,
    pub(crate) free: &'static str,
    /// Images, price of one, and price of all.
    pub(crate) cost_of: fn(i32, i32, i32) -> String,
    pub(crate) finish_about: fn(&str, &str) -> String,
    pub(crate) slots_are: fn(i32) -> String,
    pub(crate) ahead: fn(i32) -> String,
    pub(crate) tasks_left: fn(i32) -> String,
    pub(crate) quote_needs: &'static str,
    pub(crate) quoting: &'static str,
    pub(crate) left_out: fn(usize) -> String,
    pub(crate) not_enough: &'static str,
    pub(crate) problem: fn(&Problem) -> String,
    pub(crate) uploading: &'static str,
    pub(crate) upload_goes_on: &'static str,

    // Questions, notices, help.
    pub(crate) ask_title: fn(&Ask) -> String,
    pub(crate) ask_lines: fn(&Ask, &Clock) -> Vec<String>,
    pub(crate) yes: &'static str,
    pub(crate) no: &'static str,
    pub(crate) notice: fn(&Notice) -> String,
    pub(crate) refusal: fn(&Refusal) -> String,
    pub(crate) action: fn(Action) -> &'static str,
    /// A shorter name for the foot of the screen.
    pub(crate) action_short: fn(Action) -> &'static str,
    pub(crate) mode: fn(Mode) -> &'static str,
    pub(crate) keys: &'static str,
    pub(crate) palette_hint: &'static str,
    pub(crate) filter: &'static str,
    /// The number to be typed.
    pub(crate) type_number: fn(i32) -> String,
    pub(crate) sort: &'static str,
    pub(crate) sort_by: fn(SortBy) -> &'static str,
    pub(crate) sort_hint: &'static str,
    /// Rows that are there of all there are, while more are fetched.
    pub(crate) fetching: fn(i64, i64) -> String,
    pub(crate) transfers: &'static str,
    pub(crate) no_transfers: &'static str,
    pub(crate) transfer_waits: &'static str,
    /// How long something still takes.
    pub(crate) left: fn(&str) -> String,
    /// What the terminal is told to say when a batch has ended: its name, items done, items failed.
    pub(crate) batch_ended: fn(&str, i32, i32) -> String,
    /// Needed width and height.
    pub(crate) too_small: fn(u16, u16) -> String,
}

/// The keys of a mode as the rows of a Markdown table, made from the keymap: for the pages that tell about the screen.
#[must_use]
pub fn key_table(language: Language, mode: Mode) -> String {
    let words = texts(language);
    keymap::of_mode(mode)
        .map(|binding| {
            let keys: Vec<String> = binding.keys.iter().map(|key| format!("`{key}`")).collect();
            format!(
                "| {} | {} |\n",
                keys.join(" "),
                (words.action)(binding.action)
            )
        })
        .collect()
}

/// The words of a language.
pub(crate) const fn texts(language: Language) -> &'static Texts {
    match language {
        Language::English => &en::TEXTS,
        Language::Chinese => &zh::TEXTS,
    }
}

//! Owns which words the commands need, apart from those of admins and of the help.

use vision_batch::v1;

use super::command_help::{HelpTexts, UsageProblem};
use super::office::OfficeTexts;
use crate::cli::args::values::ValueFlaw;

/// What an upload is doing at the moment: the file, from 1, and how many there are.
pub(crate) enum UploadWords {
    Reading(usize, usize),
    Sending(usize, usize),
    Checking,
    Waiting,
}

/// Why an item or a batch was not found, or is not the one.
pub(crate) enum NameProblem<'a> {
    /// The text is no id of a batch; fewest digits.
    NotABatch(&'a str, usize),
    NoBatch(&'a str),
    /// Digits, and the batches that end so.
    ManyBatches(&'a str, &'a str),
    NoItem(&'a str),
    NotAnItem(&'a str, usize),
    ManyItems(&'a str, &'a str),
    NoUser(&'a str),
    NoKey(&'a str),
    ManyKeys(&'a str),
    ManySshKeys(&'a str),
}

/// The words of one language for users whose disk is elsewhere, and for archives in place of files.
pub(crate) struct ElsewhereTexts {
    pub(crate) signed_in: &'static str,
    pub(crate) no_pictures: &'static str,
    pub(crate) no_file: &'static str,
    pub(crate) no_audio: &'static str,
    pub(crate) no_directory: &'static str,
    /// What is wrong with it.
    pub(crate) no_archive: fn(&str) -> String,
    pub(crate) too_large: &'static str,
    pub(crate) one_audio: &'static str,
    pub(crate) no_picture_in_archive: &'static str,
    /// Names.
    pub(crate) left_out: fn(&str) -> String,
}

/// The words of one language for commands. Functions put numbers and names in; names are printable already.
pub(crate) struct CommandTexts {
    /// Of what admins do, and of keys.
    pub(crate) office: &'static OfficeTexts,
    /// How wrong usage is said; nothing where that is left to the parser's own words.
    pub(crate) usage: Option<fn(&UsageProblem) -> String>,
    pub(crate) value_flaw: fn(ValueFlaw) -> String,
    /// What is exchanged in the rendered help; nothing where the parser's own words are right.
    pub(crate) help_headings: &'static [(&'static str, &'static str)],
    /// The help; nothing for the one that is written at the arguments.
    pub(crate) help: Option<&'static HelpTexts>,
    /// What stands below it; nothing likewise.
    pub(crate) after_help: Option<&'static str>,
    pub(crate) see_help: &'static str,

    /// Between two things that are told in one line.
    pub(crate) comma: &'static str,

    /// Of users whose disk is elsewhere, and of archives.
    pub(crate) elsewhere: ElsewhereTexts,

    // Asking, and being asked.
    pub(crate) stdin_lacks: fn(&str) -> String,
    pub(crate) cannot_ask: fn(&str) -> String,
    pub(crate) needs_yes: &'static str,
    /// What a token is called where it is asked for.
    pub(crate) token: &'static str,
    /// That a token in the arguments is no secret any more.
    pub(crate) token_is_seen: &'static str,
    /// What counts as yes, in lower case.
    pub(crate) yes: &'static [&'static str],
    pub(crate) one_stdin: &'static str,
    pub(crate) interrupted: &'static str,

    // Signing in.
    pub(crate) username: &'static str,
    pub(crate) password: &'static str,
    pub(crate) old_password: &'static str,
    pub(crate) new_password: &'static str,
    pub(crate) new_password_again: &'static str,
    pub(crate) passwords_differ: &'static str,
    pub(crate) password_due: &'static str,
    pub(crate) password_due_hint: &'static str,
    pub(crate) signed_in: fn(&str, &str) -> String,
    /// The server, and whether there was a session.
    pub(crate) signed_out: fn(&str, bool) -> String,
    pub(crate) profile: fn(&v1::User) -> String,
    pub(crate) password_changed: &'static str,

    // How batches begin.
    pub(crate) upload_interrupted: fn(&str) -> String,
    pub(crate) upload: fn(&UploadWords) -> String,
    pub(crate) upload_again: &'static str,
    /// The batch, the balance, and whether it had been made before.
    pub(crate) begun: fn(&v1::Batch, i32, bool) -> String,
    pub(crate) duration_needed: &'static str,
    /// The number of images, and what they cost.
    pub(crate) quote: fn(i32, &v1::QuoteBatchResponse) -> String,
    pub(crate) quote_finish: fn(&str, &v1::QuoteBatchResponse) -> String,
    pub(crate) tasks_left: fn(i32) -> String,
    pub(crate) not_affordable: &'static str,
    pub(crate) no_pictures: &'static str,

    // How they go, and are changed.
    /// The command by which one returns.
    pub(crate) detached: fn(&str) -> String,
    pub(crate) connected_again: &'static str,
    pub(crate) connection_lost: &'static str,
    pub(crate) goes_on: fn(&str) -> String,
    pub(crate) not_finished: fn(&str) -> String,
    pub(crate) summary: fn(&v1::ItemCounts) -> String,
    pub(crate) done_in: fn(&str) -> String,
    pub(crate) outcome: fn(&v1::Batch) -> String,
    pub(crate) cancelled: fn(&str, i32) -> String,
    pub(crate) retried: fn(&str, &v1::RetryItemsResponse) -> String,
    pub(crate) ask_delete: fn(&v1::Batch) -> String,
    pub(crate) not_deleted: &'static str,
    /// Digits of the batch, and the size of what was removed.
    pub(crate) deleted: fn(&str, &str) -> String,

    // Lists.
    pub(crate) cols_batches: [&'static str; 10],
    pub(crate) cols_items: [&'static str; 6],
    pub(crate) cols_attempts: [&'static str; 8],
    pub(crate) cols_engines: [&'static str; 6],
    pub(crate) more: &'static str,
    pub(crate) many_items: fn(&str) -> String,
    /// The share done, and the counts.
    pub(crate) batch_counts: fn(&str, &v1::ItemCounts) -> String,
    pub(crate) batch_credits: fn(&v1::Batch) -> String,
    /// Name, playing time and size.
    pub(crate) audio: fn(&str, &str, &str) -> String,
    pub(crate) prompt: fn(&str) -> String,
    pub(crate) negative_prompt: fn(&str) -> String,
    pub(crate) labels: fn(&str) -> String,
    pub(crate) created: fn(&str) -> String,
    pub(crate) started: fn(&str) -> String,
    pub(crate) finished: fn(&str) -> String,
    pub(crate) expected: fn(&str) -> String,
    pub(crate) upstream_said: fn(&str) -> String,
    pub(crate) submit_unanswered: &'static str,

    // States.
    pub(crate) engine: fn(&str) -> String,
    pub(crate) batch_state: fn(v1::batch::State) -> &'static str,
    pub(crate) outcome_of: fn(v1::attempt::Outcome) -> &'static str,
    pub(crate) pending: &'static str,
    pub(crate) stage: fn(v1::video_item::Stage) -> &'static str,
    pub(crate) queue_position: fn(i32) -> String,
    pub(crate) generating: fn(&str) -> String,
    pub(crate) fetching: fn(&str, &str) -> String,
    pub(crate) completed: fn(&str) -> String,
    pub(crate) file_removed: &'static str,
    pub(crate) failed: &'static str,
    pub(crate) failed_for: fn(&str) -> String,
    pub(crate) item_cancelled: &'static str,
    pub(crate) unknown: &'static str,
    /// The reason, and what the server says of it, which may be nothing.
    pub(crate) failure: fn(v1::item_failure::Reason, &str) -> String,
    /// What is waited for, and about how long still.
    pub(crate) waits: fn(v1::wait::Reason, Option<&str>) -> String,
    pub(crate) items_wait: fn(i32, v1::wait::Reason) -> String,

    // Files.
    pub(crate) no_video_yet: fn(&str) -> String,
    pub(crate) one_to_stdout: &'static str,
    pub(crate) resumable: &'static str,
    pub(crate) there_already: fn(&str) -> String,
    pub(crate) another_file: &'static str,
    pub(crate) export: &'static str,
    pub(crate) videos_saved: fn(i32) -> String,
    pub(crate) stdout_is_terminal: &'static str,
    /// What was tried, the file, and what the system said.
    pub(crate) local_file: fn(&str, &str, &str) -> String,
    pub(crate) file_changed: fn(&str) -> String,
    pub(crate) file_differs: fn(&str, &str, &str) -> String,
    pub(crate) sessions_malformed: fn(&str, &str) -> String,

    // The service.
    pub(crate) info: fn(&InfoWords) -> [String; 2],
    pub(crate) price: fn(&v1::EngineInfo) -> String,
    pub(crate) is_default: &'static str,
    pub(crate) health: fn(v1::engine_info::Health) -> &'static str,
    pub(crate) upstream: fn(&v1::Upstream, &UpstreamTimes) -> String,

    // What is not as it should be.
    pub(crate) name_problem: fn(&NameProblem) -> String,
    pub(crate) unreachable: fn(&str, &str) -> String,
    pub(crate) sign_in_first: &'static str,
    pub(crate) set_password_first: &'static str,
    pub(crate) try_again_in: fn(&str) -> String,
}

/// What `info` has to say, measured and written already.
pub(crate) struct InfoWords<'a> {
    pub(crate) version: &'a str,
    pub(crate) address: &'a str,
    pub(crate) dispatch: v1::dispatch::State,
    pub(crate) image_size: &'a str,
    pub(crate) megapixels: i32,
    pub(crate) images: i32,
    pub(crate) audio_size: &'a str,
    pub(crate) audio_time: &'a str,
}

/// Times of the upstream as this machine's clock shows them.
pub(crate) struct UpstreamTimes {
    pub(crate) token_ends: Option<String>,
    pub(crate) next_free: Option<String>,
}

//! Owns the English questions, and what is said at the foot of the screen.

use vision_batch::v1;
use vision_batch::v1::dispatch::State as Dispatch;

use super::refusals::refusal_words;
use super::{credits, items, plural};
use crate::state::{Ask, Carries, Notice, Rerun, moment};
use crate::text::Clock;
use crate::text::format::{bytes, count, span};

pub(super) fn ask_title(ask: &Ask) -> String {
    match ask {
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
        Ask::Delete { batches, .. } => match batches.as_slice() {
            [(_, name)] => format!("Delete {name}?"),
            several => format!("Delete {} batches?", several.len()),
        },
        Ask::Rerun(rerun) => format!("Make {} for real?", rerun.name),
        Ask::Disable { user, .. } if user.disabled => format!("Let {} in again?", user.username),
        Ask::Disable { user, .. } => format!("Disable {}?", user.username),
        Ask::Role { user, role, .. } => match role {
            v1::user::Role::Admin => format!("Make {} an admin?", user.username),
            _ => format!("Make {} a user?", user.username),
        },
        Ask::ResetPassword { user, .. } => format!("New password for {}?", user.username),
        Ask::RevokeKey { name, .. } => format!("End the key {name}?"),
        Ask::Dispatch { state, .. } => match state {
            Dispatch::Paused => "Pause dispatch?",
            Dispatch::Draining => "Drain dispatch?",
            Dispatch::Running | Dispatch::Unspecified => "Resume dispatch?",
        }
        .to_owned(),
        Ask::Concurrency { to, .. } => {
            format!("{} upstream?", plural((*to).into(), "slot", "slots"))
        }
        Ask::ForceToken { .. } => "Take the refused token?".to_owned(),
        Ask::Quit { .. } => "Quit?".to_owned(),
        Ask::Abort { label, .. } => format!("Break off {label}?"),
    }
}

pub(super) fn ask_lines(ask: &Ask, clock: &Clock) -> Vec<String> {
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
        Ask::Delete {
            videos,
            left_out,
            owner,
            ..
        } => delete_lines(*videos, *left_out, owner.as_deref()),
        Ask::Rerun(rerun) => rerun_lines(rerun, clock),
        Ask::Disable { user, me } => disable_lines(user, *me),
        Ask::Role { user, role, me } => {
            let mut lines = vec![match role {
                v1::user::Role::Admin => {
                    "Admins see everyone's batches, move credits, change users and run the service."
                }
                _ => "Only the own batches are left to see. Those that are open go on.",
            }
            .to_owned()];
            lines.push(sessions_end(user, *me));
            lines
        }
        Ask::ResetPassword { user, me } => vec![
            "The password there is now ends, and a one-time password is shown to you.".to_owned(),
            sessions_end(user, *me),
        ],
        Ask::RevokeKey { .. } => vec![
            "Whatever uses it is refused at once, and its open streams end. This cannot be undone."
                .to_owned(),
        ],
        Ask::Dispatch { state, running } => vec![match state {
            Dispatch::Paused => format!(
                "No item begins until somebody resumes. {} running: they go on.",
                items(*running)
            ),
            Dispatch::Draining => format!(
                "{} running: they finish, and none begins after them. New batches are still taken.",
                items(*running)
            ),
            Dispatch::Running | Dispatch::Unspecified => {
                "Waiting items begin as slots are free, for everyone.".to_owned()
            }
        }],
        Ask::Concurrency { from, to } => vec![format!(
            "At most {} at a time on the account upstream, up to now {from}. Running items go on.",
            plural((*to).into(), "task", "tasks")
        )],
        Ask::ForceToken { said, .. } => vec![
            format!("The upstream refused it: {said}"),
            "Taken all the same, items wait until the upstream accepts it. The one before is replaced."
                .to_owned(),
        ],
        Ask::Abort { carries, .. } => vec![match carries {
            Carries::Upload => "What was sent so far is thrown away. The draft stays as it is.",
            Carries::Video | Carries::Export => "What was saved so far is thrown away.",
        }
        .to_owned()],
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

/// That tokens end at once, and whose.
fn sessions_end(user: &v1::User, me: bool) -> String {
    match me {
        true => "This is you: your session ends, too, and you sign in again.".to_owned(),
        false => format!("{} is signed out everywhere at once.", user.username),
    }
}

fn disable_lines(user: &v1::User, me: bool) -> Vec<String> {
    if user.disabled {
        return vec!["The password is as it was. Signing in works again at once.".to_owned()];
    }
    let mut lines = vec![sessions_end(user, me)];
    if me {
        lines = vec!["This is you: your session ends, and you cannot come back.".to_owned()];
    }
    lines.push(match user.active_item_count {
        0 => "Nobody can sign in by this name until it is let in again.".to_owned(),
        number => format!(
            "{} of open batches go on, and what fails is given back.",
            items(number)
        ),
    });
    lines
}

fn delete_lines(videos: i32, left_out: usize, owner: Option<&str>) -> Vec<String> {
    let mut lines = vec![match videos {
        0 => "Pictures and audio go from the server for good.".to_owned(),
        _ => format!(
            "Pictures, audio and {} go from the server for good.",
            plural(videos.into(), "finished video", "finished videos")
        ),
    }];
    lines.push(match owner {
        None => "Credits stay as they are, and so does the ledger.".to_owned(),
        Some(owner) => {
            format!("Owned by {owner}. Credits stay as they are, and so does the ledger.")
        }
    });
    if left_out > 0 {
        let left_out = i64::try_from(left_out).unwrap_or(i64::MAX);
        lines.push(match left_out {
            1 => "1 chosen batch has not ended and stays.".to_owned(),
            _ => format!(
                "{} chosen batches have not ended and stay.",
                count(left_out)
            ),
        });
    }
    lines
}

fn rerun_lines(rerun: &Rerun, clock: &Clock) -> Vec<String> {
    let what = format!(
        "{} with the stored files, as a new batch.",
        plural(rerun.count.into(), "video", "videos")
    );
    let quote = match &rerun.quote {
        None => return vec![what, "Asking the server what it costs ...".to_owned()],
        Some(Err(refusal)) => return vec![what, refusal_words(refusal)],
        Some(Ok(quote)) => quote,
    };
    let mut lines = vec![what];
    lines.push(match (quote.credits, &rerun.owner) {
        (0, _) => "It costs nothing.".to_owned(),
        (cost, Some(owner)) => format!("It costs {owner} {}.", credits(cost)),
        (cost, None) => format!(
            "It costs {}. Balance {} -> {}.",
            credits(cost),
            count(quote.balance_before),
            count(quote.balance_after)
        ),
    });
    if !quote.affordable && rerun.owner.is_none() {
        lines.push("That is more than you have; ask an admin for credits.".to_owned());
    }
    if let Some(time) = &quote.expected_finish_time {
        let at = moment(time);
        lines.push(format!(
            "Finished about {} (in {}); {}, {} ahead.",
            clock.at(at),
            span(clock.seconds_until(at).max(60)),
            plural(quote.slot_limit.into(), "slot", "slots"),
            items(quote.items_ahead)
        ));
    }
    if let Some(wait) = &quote.wait {
        lines.push(format!(
            "It waits first for {}.",
            (super::TEXTS.wait_long)(wait.reason())
        ));
    }
    lines
}

pub(super) fn notice(notice: &Notice) -> String {
    match notice {
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
        Notice::CopiedSecret => "Copied. It is not shown again.".to_owned(),
        Notice::KeyRevoked => "The key has ended.".to_owned(),
        Notice::NothingToNarrow => "This event does not name one.".to_owned(),
        Notice::CreditsAre { username, balance } => {
            format!("{username} has {} now.", credits(*balance))
        }
        Notice::UserIs { username, disabled } => match disabled {
            true => format!("{username} is disabled."),
            false => format!("{username} may sign in again."),
        },
        Notice::RoleIs { username, role } => match role {
            v1::user::Role::Admin => format!("{username} is an admin now."),
            _ => format!("{username} is a user now."),
        },
        Notice::DispatchIs { state, concurrency } => format!(
            "Dispatch {}, {}.",
            (super::admin::ADMIN.dispatch_state)(*state),
            plural((*concurrency).into(), "slot", "slots")
        ),
        Notice::TokenIsIn { account, said, .. } if said.is_empty() => {
            format!("The token of {account} is in use.")
        }
        Notice::TokenIsIn { said, .. } => format!("The token is in; the upstream said: {said}"),
        Notice::NothingToDelete => {
            "Only what has ended can be deleted: cancel it first, or wait.".to_owned()
        }
        Notice::Deleted {
            count,
            bytes: freed,
        } => format!(
            "Deleted {}, {} freed.",
            plural(*count, "batch", "batches"),
            bytes(*freed)
        ),
        Notice::BatchGone => "The batch was deleted.".to_owned(),
        Notice::NothingToRerun => "This is no preview that could be made for real.".to_owned(),
        Notice::NoRealEngine => "This server has no engine but the preview.".to_owned(),
        Notice::NothingToPlay => "No finished video here to play.".to_owned(),
        Notice::NotPlayed(words) => format!("No player could be started: {words}"),
        Notice::OneAtATime => "One at a time: unmark, and choose one.".to_owned(),
        Notice::Bell(true) => "The bell rings when a batch of yours ends or fails.".to_owned(),
        Notice::Bell(false) => "The bell is silent.".to_owned(),
        Notice::Mouse(true) => "The mouse selects and scrolls; Shift selects text.".to_owned(),
        Notice::Mouse(false) => "The mouse is the terminal's own again.".to_owned(),
        Notice::Command(command) => format!("On your own machine: {command}"),
        Notice::ReadOnly => "This screen only looks (read-only).".to_owned(),
        Notice::PasswordChanged => "The new password stands.".to_owned(),
    }
}

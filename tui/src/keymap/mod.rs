//! Owns the keys: which key means which action in which mode, as data. The help and the README's table are made from it.
//!
//! Invariants: within one mode a key means one action. In modes where text is typed only keys that are no text are bound.
//! Not here: what an action does (`state`), what it is called (`text`).

mod bindings;
mod key;

pub use bindings::BINDINGS;
pub use key::Key;

use Mode::{Dialog, Fields, Filter, Form, Palette, Typed};

/// What the keyboard is about at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Signing in, or setting a password.
    Form,
    /// The list of batches.
    Batches,
    /// One batch.
    Batch,
    /// The fields of a new batch.
    Fields,
    /// The choice of the engine of a new batch.
    Engine,
    /// The file list of a new batch.
    FileList,
    /// The users.
    Users,
    /// The movements of one user's credits.
    Ledger,
    /// The service as it is now.
    System,
    /// What was done and tried.
    Audit,
    /// The keys for programs.
    ApiKeys,
    /// Typing a filter or a glob.
    Filter,
    /// A question.
    Confirm,
    /// A question that wants a number typed.
    Typed,
    /// A form over a screen.
    Dialog,
    /// A choice in a form over a screen.
    Choice,
    /// Something to be read once, over a screen.
    Note,
    /// The help.
    Help,
    /// The palette of actions.
    Palette,
    /// The choice of an order.
    Sort,
    /// The transfers.
    Transfers,
}

impl Mode {
    /// Every mode there is.
    pub const ALL: [Self; 21] = [
        Self::Form,
        Self::Batches,
        Self::Batch,
        Self::Fields,
        Self::Engine,
        Self::FileList,
        Self::Users,
        Self::Ledger,
        Self::System,
        Self::Audit,
        Self::ApiKeys,
        Self::Filter,
        Self::Confirm,
        Self::Typed,
        Self::Dialog,
        Self::Choice,
        Self::Note,
        Self::Help,
        Self::Palette,
        Self::Sort,
        Self::Transfers,
    ];

    /// Whether characters are text here, not commands.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Form | Fields | Filter | Palette | Typed | Dialog)
    }
}

/// What the user wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// To the first row.
    Top,
    /// To the last row.
    Bottom,
    /// One page up.
    PageUp,
    /// One page down.
    PageDown,
    /// Into what is under the cursor.
    Open,
    /// Out of where one is.
    Back,
    /// End the program.
    Quit,
    /// Put the program aside, as Ctrl-Z does everywhere.
    Suspend,
    /// Mark or unmark what is under the cursor.
    Mark,
    /// Mark everything that is listed, or unmark it.
    MarkAll,
    /// Narrow the list while typing.
    Filter,
    /// Choose the order of the list.
    Sort,
    /// Narrow the files by a pattern.
    Glob,
    /// Show the keys.
    Help,
    /// Find an action by its name.
    Palette,
    /// Make a new batch.
    NewBatch,
    /// Make a preview for real: a new batch of the same files with the paid engine.
    Rerun,
    /// Try failed items again: the marked ones, else the one under the cursor.
    Retry,
    /// Try all failed items of the batch again.
    RetryAll,
    /// Cancel: the marked ones, else the one under the cursor.
    Cancel,
    /// Cancel the whole batch.
    CancelBatch,
    /// Take ended batches away for good, with their files: the marked ones, else the one under the cursor.
    DeleteBatch,
    /// Save finished videos: the marked ones, else the one under the cursor.
    Download,
    /// Save a ZIP of all finished videos.
    Export,
    /// Play a finished video with the system's own player.
    Play,
    /// Break off the transfer that began last, or the one under the cursor.
    AbortTransfer,
    /// Show the transfers.
    Transfers,
    /// Copy the id.
    CopyId,
    /// To the next field.
    NextField,
    /// To the field before.
    PreviousField,
    /// Send the form, or the batch.
    Submit,
    /// To the directory above.
    ParentDirectory,
    /// Yes.
    Accept,
    /// No.
    Decline,
    /// To the other answer.
    SwitchAnswer,
    /// To the next of a few choices.
    NextChoice,
    /// To the one before.
    PreviousChoice,
    /// To the list of batches.
    Batches,
    /// To the users.
    Users,
    /// To the service as it is now.
    System,
    /// To what was done and tried.
    Audit,
    /// To what the user under the cursor did and tried.
    AuditOf,
    /// To the keys for programs.
    ApiKeys,
    /// To the keys of the user under the cursor.
    ApiKeysOf,
    /// Make a key for a program.
    NewKey,
    /// End a key for a program.
    RevokeKey,
    /// Only what the same one did.
    OnlyActor,
    /// Only the same kind of action.
    OnlyAction,
    /// Only what was done to the same object.
    OnlyTarget,
    /// Only what was refused, or did not work.
    OnlyOutcome,
    /// Make a user.
    NewUser,
    /// Give credits to a user, or take some.
    GiveCredits,
    /// Set the credits of a user.
    SetCredits,
    /// Keep a user out, or let one in again.
    DisableUser,
    /// Make a user an admin, or an admin a user.
    ChangeRole,
    /// Give a user another one-time password.
    ResetPassword,
    /// Pause dispatch, or let it run again.
    PauseResume,
    /// Let running items finish and begin none.
    Drain,
    /// One slot upstream more.
    MoreSlots,
    /// One slot upstream fewer.
    FewerSlots,
    /// Put in another upstream token.
    Token,
    /// The other language.
    Language,
    /// Colours for dark or for light ground.
    Ground,
    /// Whether a bell tells the end of a batch.
    Bell,
    /// Whether the mouse selects and scrolls.
    Mouse,
    /// Draw everything anew.
    Redraw,
}

impl Action {
    /// Whether it changes something on the server: what a read-only screen leaves out.
    #[must_use]
    pub const fn changes_server(self) -> bool {
        matches!(
            self,
            Self::NewBatch
                | Self::Rerun
                | Self::Retry
                | Self::RetryAll
                | Self::Cancel
                | Self::CancelBatch
                | Self::DeleteBatch
                | Self::NewUser
                | Self::GiveCredits
                | Self::SetCredits
                | Self::DisableUser
                | Self::ChangeRole
                | Self::ResetPassword
                | Self::PauseResume
                | Self::Drain
                | Self::MoreSlots
                | Self::FewerSlots
                | Self::Token
                | Self::NewKey
                | Self::RevokeKey
        )
    }

    /// Whether only admins have it.
    #[must_use]
    pub const fn is_for_admins(self) -> bool {
        matches!(
            self,
            Self::Users
                | Self::System
                | Self::Audit
                | Self::AuditOf
                | Self::ApiKeysOf
                | Self::NewUser
                | Self::GiveCredits
                | Self::SetCredits
                | Self::DisableUser
                | Self::ChangeRole
                | Self::ResetPassword
                | Self::PauseResume
                | Self::Drain
                | Self::MoreSlots
                | Self::FewerSlots
                | Self::Token
        )
    }
}

/// Keys that mean one action in some modes.
#[derive(Debug)]
pub struct Binding {
    /// Where it holds.
    pub modes: &'static [Mode],
    /// The keys, the one to show first.
    pub keys: &'static [Key],
    /// What they mean.
    pub action: Action,
}

/// What a key means in a mode. Where no text is typed, full-width keys of an input method mean what their ASCII twins do.
#[must_use]
pub fn action(mode: Mode, key: Key) -> Option<Action> {
    let key = match key {
        Key::Char(typed) if !mode.is_text() => Key::Char(key::ascii_twin(typed)),
        other => other,
    };
    BINDINGS
        .iter()
        .find(|binding| binding.modes.contains(&mode) && binding.keys.contains(&key))
        .map(|binding| binding.action)
}

/// The first key of an action in a mode, for footers.
#[must_use]
pub fn key_of(mode: Mode, action: Action) -> Option<Key> {
    BINDINGS
        .iter()
        .find(|binding| binding.modes.contains(&mode) && binding.action == action)
        .and_then(|binding| binding.keys.first().copied())
}

/// All bindings of a mode, in the order of the help.
pub fn of_mode(mode: Mode) -> impl Iterator<Item = &'static Binding> {
    BINDINGS
        .iter()
        .filter(move |binding| binding.modes.contains(&mode))
}

#[cfg(test)]
mod tests {
    use Key::{Char, Ctrl};
    use Mode::{Batch, Batches};

    use super::*;

    #[test]
    fn a_key_means_one_action_in_a_mode() {
        for mode in Mode::ALL {
            let mut seen = std::collections::HashMap::new();
            for binding in of_mode(mode) {
                for key in binding.keys {
                    assert_eq!(seen.insert(*key, binding.action), None, "{mode:?} {key}");
                }
            }
        }
    }

    #[test]
    fn no_character_is_a_command_where_text_is_typed() {
        for mode in Mode::ALL.into_iter().filter(|mode| mode.is_text()) {
            for binding in of_mode(mode) {
                assert!(
                    !binding.keys.iter().any(|key| matches!(key, Char(_))),
                    "{mode:?} {:?}",
                    binding.action
                );
            }
        }
    }

    #[test]
    fn every_mode_can_be_left() {
        for mode in Mode::ALL {
            assert_eq!(action(mode, Ctrl('c')), Some(Action::Quit), "{mode:?}");
            assert_eq!(action(mode, Ctrl('z')), Some(Action::Suspend), "{mode:?}");
        }
    }

    #[test]
    fn full_width_keys_are_their_ascii_twins_outside_of_text() {
        assert_eq!(action(Batches, Char('？')), Some(Action::Help));
        assert_eq!(action(Batches, Char('：')), Some(Action::Palette));
        assert_eq!(action(Batches, Char('、')), Some(Action::Filter));
        assert_eq!(action(Batches, Char('×')), Some(Action::MarkAll));
        assert_eq!(action(Batches, Char('ｊ')), Some(Action::Down));
        assert_eq!(action(Batch, Char('Ｒ')), Some(Action::RetryAll));
        assert_eq!(action(Batches, Char('\u{3000}')), Some(Action::Mark));
        assert_eq!(action(Mode::Users, Char('＋')), Some(Action::GiveCredits));
        assert_eq!(action(Filter, Char('？')), None);
    }
}

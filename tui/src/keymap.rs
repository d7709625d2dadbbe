//! Owns the keys: which key means which action in which mode, as data. The help and the README's table are made from it.
//!
//! Invariants: within one mode a key means one action. In modes where text is typed only keys that are no text are bound.
//! Not here: what an action does (`state`), what it is called (`text`).

use Key::{Alt, BackTab, Backspace, Char, Ctrl, Down, Enter, Esc, Left, Right, Tab, Up};
use Mode::{Batch, Batches, Confirm, Fields, FileList, Filter, Form, Help, Palette};

/// A key as the screen sees it, whatever terminal it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A character, shift already applied.
    Char(char),
    /// A letter with Ctrl, in lower case.
    Ctrl(char),
    /// A character with Alt.
    Alt(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Shift-Tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// A function key, 1 to 24.
    F(u8),
}

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
    /// The file list of a new batch.
    FileList,
    /// Typing a filter or a glob.
    Filter,
    /// A question.
    Confirm,
    /// The help.
    Help,
    /// The palette of actions.
    Palette,
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
    /// Mark or unmark what is under the cursor.
    Mark,
    /// Mark everything that is listed, or unmark it.
    MarkAll,
    /// Narrow the list while typing.
    Filter,
    /// Narrow the files by a pattern.
    Glob,
    /// Show the keys.
    Help,
    /// Find an action by its name.
    Palette,
    /// Make a new batch.
    NewBatch,
    /// Try failed items again: the marked ones, else the one under the cursor.
    Retry,
    /// Try all failed items of the batch again.
    RetryAll,
    /// Cancel: the marked ones, else the one under the cursor.
    Cancel,
    /// Cancel the whole batch.
    CancelBatch,
    /// Save finished videos: the marked ones, else the one under the cursor.
    Download,
    /// Save a ZIP of all finished videos.
    Export,
    /// Break off the transfer that began last.
    AbortTransfer,
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
    /// The other language.
    Language,
    /// Draw everything anew.
    Redraw,
}

impl Action {
    /// Whether it changes something on the server: what a read-only screen leaves out.
    #[must_use]
    pub const fn changes_server(self) -> bool {
        matches!(
            self,
            Self::NewBatch | Self::Retry | Self::RetryAll | Self::Cancel | Self::CancelBatch
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

const fn bind(modes: &'static [Mode], keys: &'static [Key], action: Action) -> Binding {
    Binding {
        modes,
        keys,
        action,
    }
}

/// Every key there is, in the order the help shows them.
pub const BINDINGS: &[Binding] = &[
    bind(
        &[Batches, Batch, FileList, Help],
        &[Up, Char('k')],
        Action::Up,
    ),
    bind(
        &[Batches, Batch, FileList, Help],
        &[Down, Char('j')],
        Action::Down,
    ),
    bind(&[Palette], &[Up, Ctrl('p')], Action::Up),
    bind(&[Palette], &[Down, Ctrl('n')], Action::Down),
    bind(
        &[Batches, Batch, Help],
        &[Char('g'), Key::Home],
        Action::Top,
    ),
    bind(
        &[Batches, Batch, Help],
        &[Char('G'), Key::End],
        Action::Bottom,
    ),
    bind(&[FileList], &[Key::Home], Action::Top),
    bind(&[FileList], &[Char('G'), Key::End], Action::Bottom),
    bind(
        &[Batches, Batch, FileList, Help],
        &[Key::PageUp, Ctrl('b')],
        Action::PageUp,
    ),
    bind(
        &[Batches, Batch, FileList, Help],
        &[Key::PageDown, Ctrl('f')],
        Action::PageDown,
    ),
    bind(&[Batches], &[Enter, Right, Char('l')], Action::Open),
    bind(&[FileList], &[Enter, Right, Char('l')], Action::Open),
    bind(
        &[FileList],
        &[Backspace, Left, Char('h')],
        Action::ParentDirectory,
    ),
    bind(&[Batch], &[Esc, Left, Char('h'), Backspace], Action::Back),
    bind(&[Fields, FileList], &[Esc], Action::Back),
    bind(&[Batches], &[Esc], Action::Back),
    bind(&[Batches], &[Char('n')], Action::NewBatch),
    bind(&[Batches, Batch], &[Char('/')], Action::Filter),
    bind(&[FileList], &[Char('g'), Char('/')], Action::Glob),
    bind(&[Batches, Batch, FileList], &[Char(' ')], Action::Mark),
    bind(&[Batches, Batch, FileList], &[Char('*')], Action::MarkAll),
    bind(&[Batches, Batch], &[Char('r')], Action::Retry),
    bind(&[Batch], &[Char('R')], Action::RetryAll),
    bind(&[Batches, Batch], &[Char('c')], Action::Cancel),
    bind(&[Batch], &[Char('C')], Action::CancelBatch),
    bind(&[Batch], &[Char('d')], Action::Download),
    bind(&[Batch], &[Char('e')], Action::Export),
    bind(&[Batches], &[Char('d'), Char('e')], Action::Export),
    bind(&[Batches, Batch], &[Char('x')], Action::AbortTransfer),
    bind(&[Batches, Batch], &[Char('y')], Action::CopyId),
    bind(&[Form, Fields], &[Tab, Down], Action::NextField),
    bind(&[Form, Fields], &[BackTab, Up], Action::PreviousField),
    bind(&[Fields], &[Enter], Action::NextField),
    bind(&[FileList], &[Tab], Action::NextField),
    bind(&[FileList], &[BackTab], Action::PreviousField),
    bind(&[Form], &[Enter], Action::Submit),
    bind(&[Fields, FileList], &[Ctrl('s'), Alt('s')], Action::Submit),
    bind(&[Form], &[Esc], Action::Back),
    bind(&[Filter], &[Enter, Down, Tab], Action::Accept),
    bind(&[Filter], &[Esc], Action::Decline),
    bind(&[Confirm], &[Char('y')], Action::Accept),
    bind(&[Confirm], &[Char('n'), Esc, Char('q')], Action::Decline),
    bind(
        &[Confirm],
        &[Tab, Left, Right, Up, Down, BackTab, Char('h'), Char('l')],
        Action::SwitchAnswer,
    ),
    bind(&[Confirm], &[Enter], Action::Submit),
    bind(&[Palette], &[Enter], Action::Submit),
    bind(&[Palette], &[Esc], Action::Decline),
    bind(&[Help], &[Esc, Char('q'), Char('?'), Enter], Action::Back),
    bind(&[Batches, Batch], &[Char('L')], Action::Language),
    bind(&[Form, Fields], &[Key::F(2)], Action::Language),
    bind(&[Batches, Batch, FileList], &[Char(':')], Action::Palette),
    bind(&[Batches, Batch, FileList], &[Char('?')], Action::Help),
    bind(&[Form, Fields], &[Ctrl('g'), Key::F(1)], Action::Help),
    bind(&[Batches, Batch], &[Char('q')], Action::Quit),
    bind(
        &[
            Form, Batches, Batch, Fields, FileList, Filter, Confirm, Help, Palette,
        ],
        &[Ctrl('c')],
        Action::Quit,
    ),
    bind(
        &[
            Form, Batches, Batch, Fields, FileList, Filter, Confirm, Help, Palette,
        ],
        &[Ctrl('l')],
        Action::Redraw,
    ),
];

impl Mode {
    /// Whether characters are text here, not commands.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Form | Fields | Filter | Palette)
    }
}

/// What a key means in a mode. Where no text is typed, full-width keys of an input method mean what their ASCII twins do.
#[must_use]
pub fn action(mode: Mode, key: Key) -> Option<Action> {
    let key = match key {
        Char(typed) if !mode.is_text() => Char(ascii_twin(typed)),
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

/// What a Chinese input method makes of an ASCII key, turned back.
fn ascii_twin(typed: char) -> char {
    match typed {
        '\u{3000}' => ' ',
        // Chinese punctuation of the keys `/`, `.` and `\`.
        '、' => '/',
        '。' => '.',
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(typed) - 0xff01 + 0x21).unwrap_or(typed)
        }
        other => other,
    }
}

impl std::fmt::Display for Key {
    /// As the help shows it: `j`, `^S`, `Enter`, `PgDn`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self {
            Char(' ') => "Space",
            Char(c) => return write!(f, "{c}"),
            Ctrl(c) => return write!(f, "^{}", c.to_ascii_uppercase()),
            Alt(c) => return write!(f, "Alt-{c}"),
            Key::F(number) => return write!(f, "F{number}"),
            Enter => "Enter",
            Esc => "Esc",
            Tab => "Tab",
            BackTab => "S-Tab",
            Backspace => "Bksp",
            Key::Delete => "Del",
            Up => "Up",
            Down => "Down",
            Left => "Left",
            Right => "Right",
            Key::Home => "Home",
            Key::End => "End",
            Key::PageUp => "PgUp",
            Key::PageDown => "PgDn",
        };
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODES: [Mode; 9] = [
        Form, Batches, Batch, Fields, FileList, Filter, Confirm, Help, Palette,
    ];

    #[test]
    fn a_key_means_one_action_in_a_mode() {
        for mode in MODES {
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
        for mode in MODES.into_iter().filter(|mode| mode.is_text()) {
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
        for mode in MODES {
            assert_eq!(action(mode, Ctrl('c')), Some(Action::Quit), "{mode:?}");
        }
    }

    #[test]
    fn full_width_keys_are_their_ascii_twins_outside_of_text() {
        assert_eq!(action(Batches, Char('？')), Some(Action::Help));
        assert_eq!(action(Batches, Char('：')), Some(Action::Palette));
        assert_eq!(action(Batches, Char('、')), Some(Action::Filter));
        assert_eq!(action(Batches, Char('ｊ')), Some(Action::Down));
        assert_eq!(action(Batch, Char('Ｒ')), Some(Action::RetryAll));
        assert_eq!(action(Batches, Char('\u{3000}')), Some(Action::Mark));
        assert_eq!(action(Filter, Char('？')), None);
    }
}

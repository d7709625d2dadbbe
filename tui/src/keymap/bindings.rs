//! Owns the table of keys.

use super::Key::{self, BackTab, Backspace, Char, Ctrl, Down, Enter, Esc, Left, Right, Tab, Up};
use super::Mode::{
    self, ApiKeys, Audit, Batch, Batches, Choice, Confirm, Dialog, Engine, Fields, FileList,
    Filter, Form, Help, Ledger, Note, Palette, Sort, System, Transfers, Typed, Users,
};
use super::{Action, Binding};

const fn bind(modes: &'static [Mode], keys: &'static [Key], action: Action) -> Binding {
    Binding {
        modes,
        keys,
        action,
    }
}

/// Where a cursor goes up and down by letters.
const ROWS: &[Mode] = &[
    Batches, Batch, FileList, Users, Ledger, Audit, ApiKeys, Help, Sort, Transfers,
];
/// The same where `g` is nothing else.
const LONG: &[Mode] = &[
    Batches, Batch, Users, Ledger, Audit, ApiKeys, Help, Sort, Transfers,
];
/// The screens, not what lies over them.
const SCREENS: &[Mode] = &[Batches, Batch, Users, Ledger, System, Audit, ApiKeys];
/// Where letters are commands.
const COMMANDS: &[Mode] = &[
    Batches, Batch, Users, Ledger, System, Audit, ApiKeys, FileList,
];

/// Every key there is, in the order the help shows them.
pub const BINDINGS: &[Binding] = &[
    bind(ROWS, &[Up, Char('k')], Action::Up),
    bind(ROWS, &[Down, Char('j')], Action::Down),
    bind(&[Palette], &[Up, Ctrl('p')], Action::Up),
    bind(&[Palette], &[Down, Ctrl('n')], Action::Down),
    bind(LONG, &[Char('g'), Key::Home], Action::Top),
    bind(LONG, &[Char('G'), Key::End], Action::Bottom),
    bind(&[FileList], &[Key::Home], Action::Top),
    bind(&[FileList], &[Char('G'), Key::End], Action::Bottom),
    bind(ROWS, &[Key::PageUp, Ctrl('b')], Action::PageUp),
    bind(ROWS, &[Key::PageDown, Ctrl('f')], Action::PageDown),
    bind(
        &[Batches, FileList, Users, Audit],
        &[Enter, Right, Char('l')],
        Action::Open,
    ),
    bind(
        &[FileList],
        &[Backspace, Left, Char('h')],
        Action::ParentDirectory,
    ),
    bind(
        &[Batch, Ledger, Audit, ApiKeys],
        &[Esc, Left, Char('h'), Backspace],
        Action::Back,
    ),
    bind(
        &[Fields, Engine, FileList, Batches, Users, System],
        &[Esc],
        Action::Back,
    ),
    bind(&[Batches], &[Char('n')], Action::NewBatch),
    bind(&[Users], &[Char('n')], Action::NewUser),
    bind(
        &[Users, Ledger],
        &[Char('+'), Char('-')],
        Action::GiveCredits,
    ),
    bind(&[Users, Ledger], &[Char('=')], Action::SetCredits),
    bind(&[Users], &[Char('x')], Action::DisableUser),
    bind(&[Users], &[Char('r')], Action::ChangeRole),
    bind(&[Users], &[Char('w')], Action::ResetPassword),
    bind(&[System], &[Char('p')], Action::PauseResume),
    bind(&[System], &[Char('D')], Action::Drain),
    bind(&[System], &[Char('+'), Char('=')], Action::MoreSlots),
    bind(&[System], &[Char('-')], Action::FewerSlots),
    bind(&[System], &[Char('t')], Action::Token),
    bind(&[ApiKeys], &[Char('n')], Action::NewKey),
    bind(&[ApiKeys], &[Char('x')], Action::RevokeKey),
    bind(&[Audit], &[Char('w')], Action::OnlyActor),
    bind(&[Audit], &[Char('t')], Action::OnlyAction),
    bind(&[Audit], &[Char('o')], Action::OnlyTarget),
    bind(&[Audit], &[Char('f')], Action::OnlyOutcome),
    bind(
        &[Batches, Batch, Users, Audit],
        &[Char('/')],
        Action::Filter,
    ),
    bind(&[Batches, Batch, Users], &[Char('s')], Action::Sort),
    bind(&[FileList], &[Char('g'), Char('/')], Action::Glob),
    bind(&[Batches, Batch, FileList], &[Char(' ')], Action::Mark),
    bind(&[Batches, Batch, FileList], &[Char('*')], Action::MarkAll),
    bind(&[Batches, Batch], &[Char('r')], Action::Retry),
    bind(&[Batch], &[Char('R')], Action::RetryAll),
    bind(&[Batches, Batch], &[Char('p')], Action::Rerun),
    bind(&[Batches, Batch], &[Char('c')], Action::Cancel),
    bind(&[Batch], &[Char('C')], Action::CancelBatch),
    bind(&[Batches, Batch], &[Char('D')], Action::DeleteBatch),
    bind(&[Batch], &[Char('d')], Action::Download),
    bind(&[Batch], &[Char('e')], Action::Export),
    bind(&[Batches], &[Char('d'), Char('e')], Action::Export),
    bind(&[Batch], &[Char('o'), Enter], Action::Play),
    bind(SCREENS, &[Char('T')], Action::Transfers),
    bind(
        &[Batches, Batch, Transfers],
        &[Char('x')],
        Action::AbortTransfer,
    ),
    bind(
        &[Batches, Batch, Users, Ledger, Audit, ApiKeys, Note],
        &[Char('y')],
        Action::CopyId,
    ),
    bind(SCREENS, &[Char('1')], Action::Batches),
    bind(SCREENS, &[Char('u'), Char('2')], Action::Users),
    bind(SCREENS, &[Char('S'), Char('3')], Action::System),
    bind(&[System], &[Char('a'), Char('4')], Action::Audit),
    bind(
        &[Batches, Batch, Users, Ledger, Audit, ApiKeys],
        &[Char('4')],
        Action::Audit,
    ),
    bind(&[Users, Ledger], &[Char('a')], Action::AuditOf),
    bind(
        &[Batches, Batch, System, Audit, ApiKeys],
        &[Char('K'), Char('5')],
        Action::ApiKeys,
    ),
    bind(&[Users, Ledger], &[Char('K')], Action::ApiKeysOf),
    bind(&[Users, Ledger], &[Char('5')], Action::ApiKeys),
    bind(
        &[Form, Fields, Engine, Dialog, Choice],
        &[Tab, Down],
        Action::NextField,
    ),
    bind(
        &[Form, Fields, Engine, Dialog, Choice],
        &[BackTab, Up],
        Action::PreviousField,
    ),
    bind(
        &[Engine, Choice],
        &[Right, Char(' '), Char('l')],
        Action::NextChoice,
    ),
    bind(
        &[Engine, Choice],
        &[Left, Char('h')],
        Action::PreviousChoice,
    ),
    bind(&[Fields, Engine], &[Enter], Action::NextField),
    bind(&[FileList], &[Tab], Action::NextField),
    bind(&[FileList], &[BackTab], Action::PreviousField),
    bind(
        &[Form, Dialog, Choice, Typed, Sort],
        &[Enter],
        Action::Submit,
    ),
    bind(
        &[Fields, Engine, FileList, Dialog, Choice],
        &[Ctrl('s')],
        Action::Submit,
    ),
    bind(&[Form], &[Esc], Action::Back),
    bind(&[Filter], &[Enter, Down, Tab], Action::Accept),
    bind(&[Filter, Dialog, Choice, Typed], &[Esc], Action::Decline),
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
    bind(&[Sort], &[Esc, Char('q')], Action::Decline),
    bind(&[Sort], &[Char('s')], Action::Down),
    bind(&[Transfers], &[Esc, Char('q'), Char('T')], Action::Back),
    // Not Enter: what brought the note was sent with it, and a second one would close it unread.
    bind(&[Note], &[Esc, Char('q')], Action::Back),
    bind(&[Help], &[Esc, Char('q'), Char('?'), Enter], Action::Back),
    bind(SCREENS, &[Char('L')], Action::Language),
    bind(&[Form, Fields, Engine], &[Key::F(2)], Action::Language),
    bind(SCREENS, &[Char('I')], Action::Ground),
    bind(SCREENS, &[Char('B')], Action::Bell),
    bind(SCREENS, &[Char('M')], Action::Mouse),
    bind(COMMANDS, &[Char(':')], Action::Palette),
    bind(COMMANDS, &[Char('?')], Action::Help),
    bind(
        &[Form, Fields, Engine, Dialog, Choice],
        &[Ctrl('g'), Key::F(1)],
        Action::Help,
    ),
    bind(SCREENS, &[Char('q')], Action::Quit),
    bind(&Mode::ALL, &[Ctrl('c')], Action::Quit),
    bind(&Mode::ALL, &[Ctrl('z')], Action::Suspend),
    bind(&Mode::ALL, &[Ctrl('l')], Action::Redraw),
];

//! Owns the symbols of states. The pretty ones are of Unicode's neutral width: one cell in every terminal, also where
//! ambiguous characters take two.

use vision_batch::v1;

use super::theme::Role;
use crate::state::{SymbolSet, is_open};

/// One cell and its colour.
pub(crate) type Symbol = (&'static str, Role);

const fn pick(set: SymbolSet, safe: &'static str, ascii: &'static str) -> &'static str {
    match set {
        SymbolSet::Safe => safe,
        SymbolSet::Ascii => ascii,
    }
}

pub(crate) const fn running(set: SymbolSet) -> &'static str {
    pick(set, "▸", ">")
}

pub(crate) const fn done(set: SymbolSet) -> &'static str {
    pick(set, "✓", "v")
}

pub(crate) const fn failed(set: SymbolSet) -> &'static str {
    pick(set, "✗", "x")
}

/// The mark of a live stream.
pub(crate) const fn live(set: SymbolSet) -> &'static str {
    pick(set, "▪", "*")
}

/// What leads back.
pub(crate) const fn back(set: SymbolSet) -> &'static str {
    pick(set, "‹", "<")
}

/// What a rule is made of.
pub(crate) const fn rule(set: SymbolSet) -> &'static str {
    pick(set, "╌", "-")
}

/// Behind the title of the column a list is ordered by.
pub(crate) const fn ordered(set: SymbolSet, reversed: bool) -> &'static str {
    if reversed {
        pick(set, "▴", "^")
    } else {
        pick(set, "▾", "v")
    }
}

pub(crate) fn batch(set: SymbolSet, batch: &v1::Batch) -> Symbol {
    use v1::batch::State;
    match batch.state() {
        State::Created | State::Unspecified => (".", Role::Dim),
        State::Processing if batch.wait.is_some() && is_open(batch) => (running(set), Role::Warn),
        State::Processing => (running(set), Role::Busy),
        State::Completed if batch.has_failures => (done(set), Role::Warn),
        State::Completed => (done(set), Role::Good),
        State::Failed => (failed(set), Role::Bad),
        State::Cancelled => ("-", Role::Dim),
    }
}

pub(crate) fn item(set: SymbolSet, item: &v1::VideoItem) -> Symbol {
    use v1::video_item::State;
    match item.state() {
        State::Pending | State::Unspecified => (".", Role::Dim),
        State::Processing => (running(set), Role::Busy),
        State::Completed => (done(set), Role::Good),
        State::Failed => (failed(set), Role::Bad),
        State::Cancelled => ("-", Role::Dim),
    }
}

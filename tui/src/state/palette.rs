//! Owns [`Palette`]: finding an action by its name.

use super::State;
use super::field::Field;
use super::fuzzy::Fuzzy;
use super::look::Language;
use crate::keymap::{self, Action, Mode};
use crate::text::texts;

/// The palette over a screen.
#[derive(Debug)]
pub(crate) struct Palette {
    /// The mode of the screen below: its actions are offered.
    mode: Mode,
    pub(crate) field: Field,
    pub(crate) cursor: usize,
}

/// An action that fits what was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) action: Action,
    /// Its keys, the usual one first.
    pub(crate) keys: String,
}

impl Palette {
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            mode,
            field: Field::default(),
            cursor: 0,
        }
    }

    /// What was typed.
    pub(crate) fn typed(&self) -> Fuzzy {
        Fuzzy::new(self.field.text())
    }

    /// The actions whose name or key fits what was typed, the best first, else in the order of the help.
    pub(crate) fn offered(&self, state: &State) -> Vec<Offer> {
        let typed = self.typed();
        let words = texts(state.look.language);
        let mut offered: Vec<_> = keymap::of_mode(self.mode)
            .filter(|binding| binding.action != Action::Palette && state.offers(binding.action))
            .filter_map(|binding| {
                let keys: Vec<String> = binding.keys.iter().map(ToString::to_string).collect();
                let name = (words.action)(binding.action);
                let named = keys.iter().any(|key| key == self.field.text());
                // Whoever types without an input method finds it by its English name, too.
                let english = (texts(Language::English).action)(binding.action);
                let rank = typed.rank(&[name, english], &[], "");
                if rank.is_none() && !named {
                    return None;
                }
                let offer = Offer {
                    action: binding.action,
                    keys: keys.join(" "),
                };
                Some((!named, rank, offer))
            })
            .collect();
        offered.sort_by_key(|(named, rank, _)| (*named, *rank));
        offered.into_iter().map(|(.., offer)| offer).collect()
    }

    pub(crate) fn step(&mut self, down: bool, last: usize) {
        self.cursor = if down {
            (self.cursor + 1).min(last)
        } else {
            self.cursor.saturating_sub(1)
        };
    }
}

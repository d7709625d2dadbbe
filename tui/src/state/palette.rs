//! Owns [`Palette`]: finding an action by its name.

use super::field::Field;
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

impl Palette {
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            mode,
            field: Field::default(),
            cursor: 0,
        }
    }

    /// The actions whose name or key has the typed letters, in their order.
    pub(crate) fn offered(&self, language: Language) -> Vec<(Action, String)> {
        let typed = self.field.text().to_lowercase();
        keymap::of_mode(self.mode)
            .filter(|binding| binding.action != Action::Palette)
            .filter_map(|binding| {
                let name = (texts(language).action)(binding.action);
                let key = binding.keys.first()?.to_string();
                (letters_occur(&typed, &name.to_lowercase()) || key == self.field.text())
                    .then_some((binding.action, key))
            })
            .collect()
    }

    pub(crate) fn step(&mut self, down: bool, language: Language) {
        let last = self.offered(language).len().saturating_sub(1);
        self.cursor = if down {
            (self.cursor + 1).min(last)
        } else {
            self.cursor.saturating_sub(1)
        };
    }
}

/// Whether the letters occur one after the other.
fn letters_occur(letters: &str, text: &str) -> bool {
    let mut rest = text.chars();
    letters
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .all(|letter| rest.any(|it| it == letter))
}

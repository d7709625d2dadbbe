//! Owns [`Field`]: one line of text being typed.
//!
//! Invariant: the cursor stands between grapheme clusters, so that a character is never cut.

use unicode_segmentation::UnicodeSegmentation as _;

use crate::keymap::Key;

/// One line of text and a cursor in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    text: String,
    /// Byte offset, always at a boundary of graphemes.
    cursor: usize,
}

impl Field {
    /// With some text, the cursor behind it.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let cursor = text.len();
        Self { text, cursor }
    }

    /// What is typed so far.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text before the cursor.
    #[must_use]
    pub fn before_cursor(&self) -> &str {
        &self.text[..self.cursor]
    }

    /// Puts text in at the cursor; line breaks become spaces, other control characters go.
    pub fn insert(&mut self, text: &str) {
        let clean: String = text
            .replace("\r\n", " ")
            .chars()
            // Many terminals paste a line break as a carriage return.
            .map(|c| {
                if matches!(c, '\n' | '\r' | '\t') {
                    ' '
                } else {
                    c
                }
            })
            .filter(|c| !c.is_control())
            .collect();
        self.text.insert_str(self.cursor, &clean);
        self.cursor += clean.len();
        // What was put in may have joined with what follows.
        self.cursor = self.boundary_at_or_after(self.cursor);
    }

    /// Applies a key of editing; `false` when it is none.
    pub fn edit(&mut self, key: Key) -> bool {
        match key {
            Key::Char(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            Key::Backspace | Key::Ctrl('h') => {
                let start = self.boundary_before(self.cursor);
                self.text.replace_range(start..self.cursor, "");
                self.cursor = start;
            }
            Key::Delete | Key::Ctrl('d') => {
                let end = self.boundary_at_or_after(self.cursor + 1);
                self.text.replace_range(self.cursor..end, "");
            }
            Key::Left | Key::Ctrl('b') => self.cursor = self.boundary_before(self.cursor),
            Key::Right | Key::Ctrl('f') => {
                self.cursor = self.boundary_at_or_after(self.cursor + 1);
            }
            Key::Home | Key::Ctrl('a') => self.cursor = 0,
            Key::End | Key::Ctrl('e') => self.cursor = self.text.len(),
            Key::Ctrl('u') => {
                self.text.replace_range(..self.cursor, "");
                self.cursor = 0;
            }
            Key::Ctrl('k') => self.text.truncate(self.cursor),
            Key::Ctrl('w') => {
                let kept = self
                    .before_cursor()
                    .trim_end_matches(|c: char| c.is_whitespace() || c == '/');
                let start = kept
                    .rfind(|c: char| c.is_whitespace() || c == '/')
                    .map_or(0, |at| {
                        at + kept[at..].chars().next().map_or(0, char::len_utf8)
                    });
                self.text.replace_range(start..self.cursor, "");
                self.cursor = start;
            }
            _ => return false,
        }
        true
    }

    fn boundary_before(&self, at: usize) -> usize {
        self.text
            .grapheme_indices(true)
            .map(|(start, _)| start)
            .take_while(|start| *start < at)
            .last()
            .unwrap_or(0)
    }

    fn boundary_at_or_after(&self, at: usize) -> usize {
        self.text
            .grapheme_indices(true)
            .map(|(start, _)| start)
            .find(|start| *start >= at)
            .unwrap_or(self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(start: &str, keys: &[Key]) -> Field {
        let mut field = Field::new(start);
        for key in keys {
            field.edit(*key);
        }
        field
    }

    #[test]
    fn edits_whole_graphemes() {
        let family = "a👨‍👩‍👧王";
        assert_eq!(typed(family, &[Key::Backspace]).text(), "a👨‍👩‍👧");
        assert_eq!(typed(family, &[Key::Backspace, Key::Backspace]).text(), "a");
        let field = typed(family, &[Key::Left, Key::Left, Key::Delete]);
        assert_eq!((field.text(), field.before_cursor()), ("a王", "a"));
        assert_eq!(
            typed("ab", &[Key::Home, Key::Right, Key::Char('x')]).text(),
            "axb"
        );
    }

    #[test]
    fn pasted_line_ends_part_words() {
        for pasted in ["one\ntwo", "one\rtwo", "one\r\ntwo", "one\ttwo"] {
            let mut field = Field::default();
            field.insert(pasted);
            assert_eq!(field.text(), "one two", "{pasted:?}");
        }
    }

    #[test]
    fn erases_words_and_lines() {
        assert_eq!(
            typed("/home/wang/a b.png", &[Key::Ctrl('w')]).text(),
            "/home/wang/a "
        );
        assert_eq!(typed("/home/wang/", &[Key::Ctrl('w')]).text(), "/home/");
        assert_eq!(typed("春季 宣传", &[Key::Ctrl('w')]).text(), "春季 ");
        assert_eq!(typed("abc", &[Key::Left, Key::Ctrl('u')]).text(), "c");
        assert_eq!(typed("abc", &[Key::Left, Key::Ctrl('k')]).text(), "ab");
    }

    #[test]
    fn pasted_lines_become_one() {
        let mut field = Field::default();
        field.insert("two\r\nlines\u{1b}[31m");
        assert_eq!(field.text(), "two lines[31m");
    }
}

//! Owns [`Key`], a key as the screen sees it, and its name.

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

/// What a Chinese input method makes of an ASCII key, turned back.
pub(super) fn ascii_twin(typed: char) -> char {
    match typed {
        '\u{3000}' => ' ',
        // Chinese punctuation of the keys `/`, `.` and `\`.
        '、' => '/',
        '。' => '.',
        '×' => '*',
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
            Self::Char(' ') => "Space",
            Self::Char(c) => return write!(f, "{c}"),
            Self::Ctrl(c) => return write!(f, "^{}", c.to_ascii_uppercase()),
            Self::Alt(c) => return write!(f, "Alt-{c}"),
            Self::F(number) => return write!(f, "F{number}"),
            Self::Enter => "Enter",
            Self::Esc => "Esc",
            Self::Tab => "Tab",
            Self::BackTab => "S-Tab",
            Self::Backspace => "Bksp",
            Self::Delete => "Del",
            Self::Up => "Up",
            Self::Down => "Down",
            Self::Left => "Left",
            Self::Right => "Right",
            Self::Home => "Home",
            Self::End => "End",
            Self::PageUp => "PgUp",
            Self::PageDown => "PgDn",
        };
        f.write_str(name)
    }
}

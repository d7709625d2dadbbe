//! Asks the terminal what only it knows.

use std::io::{self, Write as _};

use crossterm::cursor::{self, MoveTo};
use crossterm::execute;
use crossterm::terminal::{Clear, ClearType};

use crate::state::AmbiguousWidth;

/// A character that is one cell wide in most terminals, and two in those set for Chinese, Japanese or Korean.
const AMBIGUOUS: char = '§';

/// How wide characters of ambiguous width are: one is written, and the terminal is asked where its cursor is then. A
/// terminal that does not answer within 2 s counts as one of the many that draw them narrow.
///
/// To be called while the terminal is ours and before its input is read by anybody else.
#[must_use]
pub fn ambiguous_width() -> AmbiguousWidth {
    let asked = execute!(io::stdout(), MoveTo(0, 0))
        .and_then(|()| write!(io::stdout(), "{AMBIGUOUS}"))
        .and_then(|()| io::stdout().flush())
        .and_then(|()| cursor::position());
    // Whatever the answer, the character must not stay.
    let _ = execute!(io::stdout(), MoveTo(0, 0), Clear(ClearType::All));
    match asked {
        Ok((2.., _)) => AmbiguousWidth::Wide,
        _ => AmbiguousWidth::Narrow,
    }
}

//! Owns [`Position`]: where a list stands, and moving within it.

/// Where a list stands: which row the cursor is on, and which is the first on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) cursor: usize,
    pub(crate) top: usize,
}

/// How far to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
}

impl Position {
    /// Moves within `length` rows of which `height` are seen.
    pub(crate) fn step(&mut self, step: Step, length: usize, height: usize) {
        let page = height.saturating_sub(1).max(1);
        self.cursor = match step {
            Step::Up => self.cursor.saturating_sub(1),
            Step::Down => self.cursor.saturating_add(1),
            Step::PageUp => self.cursor.saturating_sub(page),
            Step::PageDown => self.cursor.saturating_add(page),
            Step::Top => 0,
            Step::Bottom => length,
        };
        self.keep_within(length, height);
    }

    /// Brings the cursor onto a row and the row onto the screen.
    pub(crate) fn keep_within(&mut self, length: usize, height: usize) {
        self.cursor = self.cursor.min(length.saturating_sub(1));
        let height = height.max(1);
        if self.cursor < self.top {
            self.top = self.cursor;
        } else if self.cursor >= self.top + height {
            self.top = self.cursor + 1 - height;
        }
        self.top = self.top.min(length.saturating_sub(height));
    }
}

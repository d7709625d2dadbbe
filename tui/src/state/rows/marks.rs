//! Marks: what is done next is done to the marked rows, else to the one under the cursor.

use super::{Row, Rows};
use crate::state::position::Step;

impl<T: Row> Rows<T> {
    /// The marked rows that are visible, else the one under the cursor.
    pub(crate) fn chosen(&self) -> Vec<&T> {
        if self.marks.is_empty() {
            return self.current().into_iter().collect();
        }
        self.visible
            .iter()
            .map(|place| &self.rows[*place])
            .filter(|row| self.marks.contains(row.id()))
            .collect()
    }

    pub(crate) fn is_marked(&self, id: &str) -> bool {
        self.marks.contains(id)
    }

    pub(crate) fn mark_count(&self) -> usize {
        self.marks.len()
    }

    /// Marks or unmarks the row under the cursor and goes on to the next.
    pub(crate) fn toggle_mark(&mut self) {
        let Some(id) = self.current().map(|row| row.id().to_owned()) else {
            return;
        };
        if !self.marks.remove(&id) {
            self.marks.insert(id);
        }
        self.step(Step::Down);
    }

    /// Marks every visible row, or unmarks all when they are marked already.
    pub(crate) fn toggle_all_marks(&mut self) {
        let ids: Vec<String> = self
            .visible
            .iter()
            .map(|place| self.rows[*place].id().to_owned())
            .collect();
        if ids.iter().all(|id| self.marks.contains(id)) {
            self.marks.clear();
        } else {
            self.marks.extend(ids);
        }
    }

    /// Something was done to these rows: the others stay marked.
    pub(crate) fn unmark_only<'a>(&mut self, ids: impl IntoIterator<Item = &'a String>) {
        for id in ids {
            self.marks.remove(id);
        }
    }

    pub(crate) fn unmark(&mut self) {
        self.marks.clear();
    }
}

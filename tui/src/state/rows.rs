//! Owns [`Rows`]: a live, ordered, filtered list with a cursor and marks.
//!
//! Invariants: the cursor stays on its row when rows move, come or go; of two states of a row the one with the higher
//! revision stays; a new snapshot takes the old one's place only when it is complete.

use std::collections::{HashMap, HashSet};

/// What a list can hold.
pub(crate) trait Row {
    /// What rows are ordered by, smallest first.
    type Order: Ord;
    fn id(&self) -> &str;
    fn revision(&self) -> i64;
    fn order(&self) -> Self::Order;
    /// Whether the lower-case text occurs in what is shown of the row.
    fn contains(&self, text: &str) -> bool;
}

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

/// A live list.
#[derive(Debug)]
pub(crate) struct Rows<T> {
    rows: Vec<T>,
    /// Id to place in `rows`.
    places: HashMap<String, usize>,
    /// Places in `rows` of what the filter lets through, in order.
    visible: Vec<usize>,
    filter: String,
    position: Position,
    height: usize,
    /// The row the cursor is on; none until the user has moved, so that a fresh list stays at its top.
    held: Option<String>,
    marks: HashSet<String>,
    /// Rows something was asked for, with the revision they had then.
    asked: HashMap<String, i64>,
    /// Parts of a snapshot that is not complete yet.
    incoming: Option<Vec<T>>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            places: HashMap::new(),
            visible: Vec::new(),
            filter: String::new(),
            position: Position::default(),
            height: 1,
            held: None,
            marks: HashSet::new(),
            asked: HashMap::new(),
            incoming: None,
        }
    }
}

impl<T: Row> Rows<T> {
    /// How many rows the filter lets through, and how many there are.
    pub(crate) fn shown_of(&self) -> (i64, i64) {
        let number = |it: usize| i64::try_from(it).unwrap_or(i64::MAX);
        (number(self.visible.len()), number(self.rows.len()))
    }

    /// How many rows there are, filter or not.
    pub(crate) fn total(&self) -> usize {
        self.rows.len()
    }

    /// How many rows the filter lets through.
    pub(crate) fn len(&self) -> usize {
        self.visible.len()
    }

    pub(crate) fn all(&self) -> &[T] {
        &self.rows
    }

    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.places.get(id).map(|place| &self.rows[*place])
    }

    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// The rows on the screen: at most `height` of them.
    pub(crate) fn on_screen(&self, height: usize) -> impl Iterator<Item = (usize, &T)> {
        self.visible
            .iter()
            .enumerate()
            .skip(self.position.top)
            .take(height)
            .map(|(index, place)| (index, &self.rows[*place]))
    }

    /// The row under the cursor.
    pub(crate) fn current(&self) -> Option<&T> {
        let place = self.visible.get(self.position.cursor)?;
        self.rows.get(*place)
    }

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

    pub(crate) fn unmark(&mut self) {
        self.marks.clear();
    }

    pub(crate) fn step(&mut self, step: Step) {
        self.position.step(step, self.visible.len(), self.height);
        self.held = self.current().map(|row| row.id().to_owned());
    }

    /// Tells how many rows are seen at a time.
    pub(crate) fn set_height(&mut self, height: usize) {
        self.height = height.max(1);
        self.position.keep_within(self.visible.len(), self.height);
    }

    pub(crate) fn filter(&self) -> &str {
        &self.filter
    }

    pub(crate) fn set_filter(&mut self, filter: &str) {
        self.filter = filter.to_lowercase();
        self.arrange();
    }

    /// Something was asked for these rows: they show it until they change.
    pub(crate) fn ask(&mut self, ids: impl IntoIterator<Item = String>) {
        for id in ids {
            if let Some(revision) = self.get(&id).map(Row::revision) {
                self.asked.insert(id, revision);
            }
        }
    }

    pub(crate) fn forget_asked(&mut self) {
        self.asked.clear();
    }

    pub(crate) fn is_asked(&self, row: &T) -> bool {
        self.asked.get(row.id()) == Some(&row.revision())
    }

    /// A stream was opened: what may have come of an older snapshot is void.
    pub(crate) fn begin(&mut self) {
        self.incoming = None;
    }

    /// A part of a snapshot.
    pub(crate) fn add_part(&mut self, part: Vec<T>) {
        self.incoming.get_or_insert_default().extend(part);
    }

    /// The snapshot is complete; `unchanged` means that none was sent because ours is the newest.
    pub(crate) fn complete(&mut self, unchanged: bool) {
        let incoming = self.incoming.take();
        if !unchanged {
            self.rows = incoming.unwrap_or_default();
            self.asked.clear();
            self.rearrange();
            let places = &self.places;
            self.marks.retain(|id| places.contains_key(id));
        }
    }

    /// New states of rows, known or not.
    pub(crate) fn update(&mut self, changed: Vec<T>) {
        for row in changed {
            match self.places.get(row.id()).copied() {
                Some(place) if self.rows[place].revision() > row.revision() => {}
                Some(place) => self.rows[place] = row,
                None => {
                    self.places.insert(row.id().to_owned(), self.rows.len());
                    self.rows.push(row);
                }
            }
        }
        self.rearrange();
    }

    /// Rows that are gone.
    pub(crate) fn remove(&mut self, ids: &HashSet<String>) {
        if ids.is_empty() {
            return;
        }
        self.rows.retain(|row| !ids.contains(row.id()));
        self.marks.retain(|id| !ids.contains(id));
        self.rearrange();
    }

    /// Puts the rows in order, which costs little as they nearly are.
    fn rearrange(&mut self) {
        self.rows.sort_by_cached_key(Row::order);
        self.places = self
            .rows
            .iter()
            .enumerate()
            .map(|(place, row)| (row.id().to_owned(), place))
            .collect();
        self.arrange();
    }

    /// Applies the filter, and puts the cursor back where it was.
    fn arrange(&mut self) {
        self.visible = self
            .rows
            .iter()
            .enumerate()
            .filter(|(_, row)| self.filter.is_empty() || row.contains(&self.filter))
            .map(|(place, _)| place)
            .collect();
        if let Some(held) = &self.held
            && let Some(place) = self.places.get(held)
            && let Some(index) = self.visible.iter().position(|it| it == place)
        {
            // The row stays at its line of the screen as far as possible.
            let line = self.position.cursor.saturating_sub(self.position.top);
            self.position.cursor = index;
            self.position.top = index.saturating_sub(line);
        }
        self.position.keep_within(self.visible.len(), self.height);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug)]
    struct Letter(&'static str, i64, i32);

    impl Row for Letter {
        type Order = i32;
        fn id(&self) -> &str {
            self.0
        }
        fn revision(&self) -> i64 {
            self.1
        }
        fn order(&self) -> i32 {
            self.2
        }
        fn contains(&self, text: &str) -> bool {
            self.0.contains(text)
        }
    }

    fn rows() -> Rows<Letter> {
        let mut rows = Rows::default();
        rows.set_height(2);
        rows.add_part(vec![Letter("b", 1, 2), Letter("a", 1, 1)]);
        rows.add_part(vec![Letter("c", 1, 3)]);
        rows.complete(false);
        rows
    }

    fn ids(rows: &Rows<Letter>) -> Vec<&str> {
        rows.all().iter().map(|row| row.0).collect()
    }

    #[test]
    fn the_cursor_stays_on_its_row() {
        let mut rows = rows();
        assert_eq!(ids(&rows), ["a", "b", "c"]);
        rows.step(Step::Down);
        assert_eq!(rows.current().map(Row::id), Some("b"));
        rows.update(vec![Letter("z", 1, 0), Letter("y", 1, 0)]);
        assert_eq!(rows.current().map(Row::id), Some("b"));
        rows.remove(&HashSet::from(["b".to_owned()]));
        assert_eq!(rows.current().map(Row::id), Some("c"));
    }

    #[test]
    fn a_cursor_that_was_never_moved_stays_at_the_top() {
        let mut rows = rows();
        rows.update(vec![Letter("z", 1, 0)]);
        assert_eq!(rows.current().map(Row::id), Some("z"));
    }

    #[test]
    fn an_older_state_never_takes_the_place_of_a_newer() {
        let mut rows = rows();
        rows.update(vec![Letter("a", 5, 9)]);
        rows.update(vec![Letter("a", 4, 0)]);
        assert_eq!(ids(&rows), ["b", "c", "a"]);
    }

    #[test]
    fn half_a_snapshot_shows_nothing() {
        let mut rows = rows();
        rows.add_part(vec![Letter("q", 1, 1)]);
        assert_eq!(ids(&rows), ["a", "b", "c"]);
        rows.begin();
        rows.complete(true);
        assert_eq!(ids(&rows), ["a", "b", "c"]);
        rows.complete(false);
        assert_eq!(ids(&rows), Vec::<&str>::new());
        assert_eq!(rows.current().map(Row::id), None);
    }

    #[test]
    fn what_was_asked_shows_until_the_row_changes() {
        let mut rows = rows();
        rows.ask(["a".to_owned()]);
        assert!(rows.is_asked(&Letter("a", 1, 1)));
        rows.update(vec![Letter("a", 2, 1)]);
        assert!(!rows.current().is_some_and(|row| rows.is_asked(row)));
    }

    #[test]
    fn marks_act_on_what_the_filter_shows() {
        let mut rows = rows();
        rows.toggle_all_marks();
        rows.set_filter("B");
        assert_eq!(
            rows.chosen().iter().map(|row| row.0).collect::<Vec<_>>(),
            ["b"]
        );
        rows.set_filter("");
        assert_eq!(rows.chosen().len(), 3);
    }
}

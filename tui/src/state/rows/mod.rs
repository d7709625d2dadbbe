//! Owns [`Rows`]: a live, ordered, filtered list with a cursor and marks.
//!
//! Invariants: the cursor stays on its row when rows move, come or go; of two states of a row the one with the higher
//! revision stays; a new snapshot takes the old one's place only when it is complete. A change that moves no row costs
//! nothing but that row, however long the list is.

mod marks;
mod reading;

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use super::fuzzy::{Fuzzy, Rank};
use super::position::{Position, Step};
use super::sort::{Order, SortBy};

/// What a list can hold.
pub(crate) trait Row {
    fn id(&self) -> &str;
    fn revision(&self) -> i64;
    /// How two rows stand to each other; [`Rows`] settles what is equal by their ids.
    fn compare(&self, other: &Self, by: SortBy) -> Ordering;
    /// How well what is shown of the row fits what was typed.
    fn rank(&self, filter: &Fuzzy) -> Option<Rank>;
}

/// A live list.
#[derive(Debug)]
pub(crate) struct Rows<T> {
    /// In no order.
    rows: Vec<T>,
    /// How well each row fits the filter.
    ranks: Vec<Option<Rank>>,
    /// Id to place in `rows`.
    places: HashMap<String, usize>,
    /// Places in `rows` of what the filter lets through, in order.
    visible: Vec<usize>,
    filter: Fuzzy,
    order: Order,
    position: Position,
    height: usize,
    /// The row the cursor is on; none until the user has moved, so that a fresh list stays at its top.
    held: Option<String>,
    marks: HashSet<String>,
    /// Rows something was asked for, with the revision they had then.
    asked: HashMap<String, i64>,
    /// Parts of a snapshot that is not complete yet.
    incoming: Option<Vec<T>>,
    /// Rows that were there before the last snapshot and were not heard of since.
    stale: HashSet<String>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            ranks: Vec::new(),
            places: HashMap::new(),
            visible: Vec::new(),
            filter: Fuzzy::default(),
            order: Order::default(),
            position: Position::default(),
            height: 1,
            held: None,
            marks: HashSet::new(),
            asked: HashMap::new(),
            incoming: None,
            stale: HashSet::new(),
        }
    }
}

impl<T: Row> Rows<T> {
    /// In another order than the usual one.
    pub(crate) fn ordered(by: SortBy) -> Self {
        Self {
            order: Order {
                by,
                reversed: false,
            },
            ..Self::default()
        }
    }

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

    /// All rows, in no order.
    pub(crate) fn all(&self) -> &[T] {
        &self.rows
    }

    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.places.get(id).map(|place| &self.rows[*place])
    }

    /// How many rows are seen at a time.
    pub(crate) fn height(&self) -> usize {
        self.height
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

    /// Whether the end of what is there is at most so many rows below what is seen.
    pub(crate) fn is_near_end(&self, rows: usize) -> bool {
        self.position.top + self.height + rows >= self.visible.len()
    }

    /// The row under the cursor.
    pub(crate) fn current(&self) -> Option<&T> {
        let place = self.visible.get(self.position.cursor)?;
        self.rows.get(*place)
    }

    pub(crate) fn step(&mut self, step: Step) {
        self.position.step(step, self.visible.len(), self.height);
        self.held = self.current().map(|row| row.id().to_owned());
    }

    /// Puts the cursor on the row that is so many lines below the top of the list; nothing when there is none.
    pub(crate) fn point_at(&mut self, line: usize) {
        let index = self.position.top + line;
        if line < self.height && index < self.visible.len() {
            self.position.cursor = index;
            self.held = self.current().map(|row| row.id().to_owned());
        }
    }

    /// Tells how many rows are seen at a time.
    pub(crate) fn set_height(&mut self, height: usize) {
        self.height = height.max(1);
        self.position.keep_within(self.visible.len(), self.height);
    }

    pub(crate) fn filter(&self) -> &Fuzzy {
        &self.filter
    }

    pub(crate) fn set_filter(&mut self, filter: &str) {
        self.filter = Fuzzy::new(filter);
        self.ranks = self.rows.iter().map(|row| row.rank(&self.filter)).collect();
        self.arrange_anew();
    }

    pub(crate) fn order(&self) -> Order {
        self.order
    }

    pub(crate) fn set_order(&mut self, order: Order) {
        self.order = order;
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

    /// New states of rows, known or not.
    pub(crate) fn update(&mut self, changed: Vec<T>) {
        let mut moved = false;
        for row in changed {
            self.stale.remove(row.id());
            let rank = row.rank(&self.filter);
            match self.places.get(row.id()).copied() {
                Some(place) if self.rows[place].revision() > row.revision() => {}
                Some(place) => {
                    moved |= self.ranks[place] != rank
                        || self.rows[place].compare(&row, self.order.by) != Ordering::Equal;
                    self.ranks[place] = rank;
                    self.rows[place] = row;
                }
                None => {
                    let place = self.rows.len();
                    self.places.insert(row.id().to_owned(), place);
                    self.visible.push(place);
                    self.rows.push(row);
                    self.ranks.push(rank);
                    moved = true;
                }
            }
        }
        if moved && self.filter.is_empty() {
            self.arrange();
        } else if moved {
            self.arrange_anew();
        }
    }

    /// Rows that are gone.
    pub(crate) fn remove(&mut self, ids: &HashSet<String>) {
        if !ids.iter().any(|id| self.places.contains_key(id)) {
            return;
        }
        self.rows.retain(|row| !ids.contains(row.id()));
        self.marks.retain(|id| !ids.contains(id));
        self.stale.retain(|id| !ids.contains(id));
        self.ranks = self.rows.iter().map(|row| row.rank(&self.filter)).collect();
        self.places = self
            .rows
            .iter()
            .enumerate()
            .map(|(place, row)| (row.id().to_owned(), place))
            .collect();
        self.arrange_anew();
    }

    /// Applies the filter, and puts everything in order.
    fn arrange_anew(&mut self) {
        self.visible = (0..self.rows.len())
            .filter(|place| self.ranks[*place].is_some())
            .collect();
        self.arrange();
    }

    /// Puts the visible rows in order, which costs little as they nearly are, and the cursor back where it was.
    fn arrange(&mut self) {
        let (rows, ranks, order) = (&self.rows, &self.ranks, self.order);
        self.visible.sort_by(|a, b| {
            let (one, other) = (&rows[*a], &rows[*b]);
            let compared = one.compare(other, order.by);
            let compared = if order.reversed {
                compared.reverse()
            } else {
                compared
            };
            // What fits the filter best comes first.
            ranks[*a]
                .cmp(&ranks[*b])
                .then(compared)
                .then_with(|| other.id().cmp(one.id()))
        });
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
mod tests;

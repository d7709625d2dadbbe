//! What a list keeps when rows move, come and go.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::*;

#[derive(Clone, Debug)]
struct Letter(&'static str, i64, i32);

impl Row for Letter {
    fn id(&self) -> &str {
        self.0
    }
    fn revision(&self) -> i64 {
        self.1
    }
    fn compare(&self, other: &Self, by: SortBy) -> Ordering {
        match by {
            SortBy::Name => self.0.cmp(other.0),
            _ => self.2.cmp(&other.2),
        }
    }
    fn rank(&self, filter: &Fuzzy) -> Option<Rank> {
        filter.rank(&[self.0], &[], "")
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
    rows.visible.iter().map(|it| rows.rows[*it].0).collect()
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
fn the_order_is_chosen_and_turned_round() {
    let mut rows = rows();
    rows.update(vec![Letter("d", 1, 0)]);
    rows.set_order(Order::default().chosen(SortBy::Name));
    assert_eq!(ids(&rows), ["a", "b", "c", "d"]);
    rows.set_order(rows.order().chosen(SortBy::Name));
    assert_eq!(ids(&rows), ["d", "c", "b", "a"]);
    rows.update(vec![Letter("bb", 1, 0)]);
    assert_eq!(ids(&rows), ["d", "c", "bb", "b", "a"]);
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
fn a_beginning_leaves_what_is_behind_it_until_it_is_known_to_be_gone() {
    let mut rows = rows();
    rows.step(Step::Bottom);
    rows.add_part(vec![Letter("a", 2, 1), Letter("n", 1, 0)]);
    rows.complete_beginning();
    assert_eq!(ids(&rows), ["n", "a", "b", "c"]);
    assert_eq!(rows.current().map(Row::id), Some("c"));
    assert_eq!(rows.stale_count(), 2);
    rows.update(vec![Letter("c", 1, 3)]);
    rows.drop_stale();
    assert_eq!(ids(&rows), ["n", "a", "c"]);
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

#[test]
fn what_fits_as_it_is_comes_before_scattered_letters() {
    let mut rows = Rows::default();
    rows.update(vec![
        Letter("axb", 1, 0),
        Letter("cab", 1, 1),
        Letter("q", 1, 2),
    ]);
    rows.set_filter("ab");
    assert_eq!(ids(&rows), ["cab", "axb"]);
}

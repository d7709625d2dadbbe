//! Long lists: pages as far as they are wanted, and only rows on the screen built.

use vbatch_tui::keymap::Key;
use vbatch_tui::state::{Cause, Message, NetEffect, NetMessage, Refusal};
use vision_batch::v1;
use vision_batch::v1::refusal::Reason;
use vision_batch::v1::upstream::TokenState;

use super::samples::{self, Driver, list, list_of};
use super::{drawn, shown, user};

/// Signed in, with nothing in the list.
fn empty() -> Driver {
    let mut driver = user();
    list_of(&mut driver, Vec::new(), 0, TokenState::Ok);
    driver.effects.clear();
    driver
}

/// A server with so many batches, which answers page by page.
struct Pages {
    all: Vec<v1::Batch>,
    asked: usize,
}

impl Pages {
    fn of(count: i64) -> Self {
        let all = (0..count)
            .rev()
            .map(|number| {
                let name = format!("batch {number:05}");
                samples::batch(number, &name, "zhangwei", [1, 1, 0, 0, 0], 9_000)
            })
            .collect();
        Self { all, asked: 0 }
    }

    fn snapshot(&self, driver: &mut Driver) {
        let total = i32::try_from(self.all.len()).unwrap();
        list_of(driver, self.all[..200].to_vec(), total, TokenState::Ok);
    }

    /// Answers every question until there is none.
    fn answer(&mut self, driver: &mut Driver) {
        while let Some((number, request)) = driver.asked().into_iter().find_map(|it| match it {
            NetEffect::ListBatches { number, request } => Some((number, request)),
            _ => None,
        }) {
            assert_eq!(
                (request.page_size, request.order_by.as_str()),
                (200, "attention")
            );
            self.asked += 1;
            let from: usize = request.page_token.parse().unwrap_or(0);
            let to = (from + 200).min(self.all.len());
            let next = if to < self.all.len() {
                to.to_string()
            } else {
                String::new()
            };
            driver.net(NetMessage::BatchPage {
                number,
                result: Ok(Box::new(v1::ListBatchesResponse {
                    batches: self.all[from..to].to_vec(),
                    next_page_token: next,
                    counts: None,
                })),
            });
        }
    }
}

#[test]
fn pages_are_fetched_as_far_as_one_scrolls() {
    let mut driver = empty();
    let mut pages = Pages::of(10_000);
    pages.snapshot(&mut driver);
    pages.answer(&mut driver);
    assert_eq!(pages.asked, 0, "at the top nothing more is wanted");
    assert!(shown(&driver).contains("1/10,000"));
    for _ in 0..7 {
        driver.press(Key::PageDown);
    }
    pages.answer(&mut driver);
    // The first page is the snapshot again, for a stream gives no token to go on from.
    assert_eq!(pages.asked, 2);
    for _ in 0..80 {
        driver.press(Key::PageDown);
        pages.answer(&mut driver);
    }
    let row = 87 * 15;
    assert!(shown(&driver).contains(&format!("batch {:05}", 9_999 - row)));
    assert_eq!(pages.asked, (row + 1 + 100_usize).div_ceil(200));
    driver.keys("G");
    pages.answer(&mut driver);
    assert_eq!(pages.asked, 50);
    let screen = shown(&driver);
    assert!(screen.contains("batch 00000"), "{screen}");
    assert!(screen.contains("10,000/10,000"), "{screen}");
    driver.keys("G");
    pages.answer(&mut driver);
    assert_eq!(pages.asked, 50, "what is there is not fetched again");
}

#[test]
fn the_end_is_followed_until_the_user_moves() {
    let mut driver = empty();
    let mut pages = Pages::of(1_000);
    pages.snapshot(&mut driver);
    driver.keys("G");
    let screen = shown(&driver);
    assert!(screen.contains("batch 00800"), "{screen}");
    driver.keys("k");
    pages.answer(&mut driver);
    let screen = shown(&driver);
    assert!(screen.contains("batch 00801"), "{screen}");
    assert!(pages.asked < 5, "{} pages", pages.asked);
}

#[test]
fn a_filter_looks_through_all_of_them() {
    let mut driver = empty();
    let mut pages = Pages::of(2_000);
    pages.snapshot(&mut driver);
    driver.keys("/00042");
    assert!(!shown(&driver).contains("batch 00042"));
    pages.answer(&mut driver);
    let screen = shown(&driver);
    assert!(screen.contains("batch 00042"), "{screen}");
    assert_eq!(pages.asked, 10);
}

#[test]
fn a_page_that_does_not_come_is_asked_for_again_later() {
    let mut driver = empty();
    let pages = Pages::of(1_000);
    pages.snapshot(&mut driver);
    driver.keys("G");
    let number = |driver: &mut Driver| {
        driver.asked().into_iter().find_map(|it| match it {
            NetEffect::ListBatches { number, request } => Some((number, request.page_token)),
            _ => None,
        })
    };
    let (first, _) = number(&mut driver).unwrap();
    driver.net(NetMessage::BatchPage {
        number: first,
        result: Err(Refusal::new(Cause::TimedOut, "")),
    });
    assert_eq!(number(&mut driver), None);
    driver.send(Message::Tick(
        jiff::Timestamp::from_second(samples::NOW + 4).unwrap(),
    ));
    let (second, _) = number(&mut driver).unwrap();
    // A token the server does not know any more begins anew; an answer to an old question changes nothing.
    driver.net(NetMessage::BatchPage {
        number: first,
        result: Ok(Box::default()),
    });
    driver.net(NetMessage::BatchPage {
        number: second,
        result: Err(Refusal::new(Cause::Server(Reason::PageTokenInvalid), "")),
    });
    driver.send(Message::Tick(
        jiff::Timestamp::from_second(samples::NOW + 8).unwrap(),
    ));
    assert_eq!(number(&mut driver).unwrap().1, "");
}

#[test]
fn after_a_break_the_rows_below_are_checked_and_the_cursor_stays() {
    let mut driver = empty();
    let mut pages = Pages::of(1_000);
    pages.snapshot(&mut driver);
    driver.keys("G");
    pages.answer(&mut driver);
    driver.keys("kkk");
    assert!(shown(&driver).contains("997/1,000"));
    // While the connection was lost a batch far down went away.
    pages.all.remove(500);
    pages.snapshot(&mut driver);
    assert!(shown(&driver).contains("997/"), "nothing jumps");
    pages.answer(&mut driver);
    let screen = shown(&driver);
    assert!(screen.contains("996/999"), "{screen}");
}

#[test]
fn only_rows_on_the_screen_are_built() {
    let mut driver = empty();
    let mut pages = Pages::of(10_000);
    pages.snapshot(&mut driver);
    let small = drawn(&driver).1;
    driver.keys("G");
    pages.answer(&mut driver);
    let large = drawn(&driver).1;
    assert_eq!(small.rows, 16, "as many as are seen");
    assert_eq!(large.rows, small.rows);
    assert!(large.texts <= small.texts + 20, "{large:?} after {small:?}");

    let mut driver = user();
    driver.press(Key::Enter);
    let id = samples::batches()[0].id.clone();
    let items: Vec<v1::VideoItem> = (1..=1_000)
        .map(|position| {
            let mut item = samples::items().swap_remove(0);
            item.id = format!("item-{position}");
            item.position = position;
            item
        })
        .collect();
    samples::fill_batch(&mut driver, &id, items);
    driver.keys("G");
    let work = drawn(&driver).1;
    assert!(work.rows < 14 && work.texts < 200, "{work:?}");
    assert!(shown(&driver).contains("1000  portrait_01.png"));
}

#[test]
fn an_update_that_moves_no_row_leaves_the_order_alone() {
    let mut driver = user();
    list(&mut driver, samples::batches(), TokenState::Ok);
    let before = shown(&driver);
    let mut batch = samples::batches().swap_remove(0);
    batch.revision = 2;
    driver.net(NetMessage::Batches(Box::new(
        v1::watch_batches_response::Event::Update(v1::watch_batches_response::Update {
            batches: vec![batch],
            counts: Some(samples::counts()),
            credit_balance: 9_979,
            revision: 10,
            ..v1::watch_batches_response::Update::default()
        }),
    )));
    assert_eq!(before, shown(&driver));
}

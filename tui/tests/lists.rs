//! Lists as people work with them: order, filter, pages, coming back, and how little of them is built.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod samples;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Modifier;
use samples::{Driver, list, list_of, open_batch, signed_in, start};
use vbatch_tui::keymap::{Key, Mode};
use vbatch_tui::state::{
    Cause, Effect, Look, Message, Mouse, NetEffect, NetMessage, Refusal, TerminalEffect,
};
use vbatch_tui::view::{self, Work};
use vision_batch::v1;
use vision_batch::v1::refusal::Reason;
use vision_batch::v1::upstream::TokenState;
use vision_batch::v1::user::Role;

const SIZE: (u16, u16) = (80, 24);

fn user() -> Driver {
    signed_in(start(Look::default(), SIZE), "zhangwei", Role::User)
}

/// On a screen wide enough that no name is cut.
fn wide() -> Driver {
    signed_in(start(Look::default(), (140, 24)), "zhangwei", Role::User)
}

fn drawn(driver: &Driver) -> (ratatui::buffer::Buffer, Work) {
    let (width, height) = driver.state.size();
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let mut work = Work::default();
    terminal
        .draw(|frame| work = view::paint(&driver.state, frame))
        .unwrap();
    (terminal.backend().buffer().clone(), work)
}

fn shown(driver: &Driver) -> String {
    samples::text(&drawn(driver).0)
}

/// The lines of the screen that have one of these words, in order.
fn order_of<'a>(driver: &Driver, words: &[&'a str]) -> Vec<&'a str> {
    let screen = shown(driver);
    let mut found: Vec<(usize, &str)> = words
        .iter()
        .filter_map(|word| {
            let line = screen.lines().position(|line| line.contains(word))?;
            Some((line, *word))
        })
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, word)| word).collect()
}

/// The letters that stand out as what a filter means.
fn marked_letters(driver: &Driver) -> String {
    let (picture, _) = drawn(driver);
    let wanted = Modifier::BOLD | Modifier::UNDERLINED;
    picture
        .content
        .iter()
        .filter(|cell| cell.modifier.contains(wanted))
        .map(|cell| cell.symbol())
        .collect()
}

#[test]
fn an_order_is_chosen_turned_round_and_kept() {
    let mut driver = wide();
    let names = ["onboarding-en", "product-tour-de", "bad-audio-test"];
    assert_eq!(
        order_of(&driver, &names),
        ["bad-audio-test", "product-tour-de", "onboarding-en"]
    );
    driver.keys("s");
    assert_eq!(driver.state.mode(), Mode::Sort);
    assert!(
        !shown(&driver).contains("  owner"),
        "one's own need no owner"
    );
    driver.keys("ss").press(Key::Enter);
    assert_eq!(
        order_of(&driver, &names),
        ["bad-audio-test", "onboarding-en", "product-tour-de"]
    );
    assert!(shown(&driver).contains("NAME▾"));
    driver.keys("s").press(Key::Enter);
    assert_eq!(
        order_of(&driver, &names),
        ["product-tour-de", "onboarding-en", "bad-audio-test"]
    );
    assert!(shown(&driver).contains("Sort by: name▴"));
    // Into a batch and back: the list is as it was, and the items have an order of their own that every batch keeps.
    driver.keys("/onb").press(Key::Enter).press(Key::Enter);
    driver.keys("sj").press(Key::Enter).press(Key::Esc);
    assert!(shown(&driver).contains("/onb"));
    driver.keys("j").press(Key::Enter);
    assert!(shown(&driver).contains("#▾"));
}

#[test]
fn who_comes_back_to_a_batch_finds_it_as_it_was() {
    let mut driver = user();
    open_batch(&mut driver);
    driver.keys("/portrait").press(Key::Enter).keys("jjjj");
    driver.keys(" ");
    let before = shown(&driver);
    assert!(before.contains("1 marked"), "{before}");
    driver.press(Key::Esc).press(Key::Esc).press(Key::Esc);
    assert_eq!(driver.state.mode(), Mode::Batches);
    let mut driver = user();
    open_batch(&mut driver);
    driver.keys("jjjj");
    let id = "item-11";
    driver.press(Key::Esc).press(Key::Enter);
    // Before anything came of the stream the items are there, and the cursor is where it was.
    driver.effects.clear();
    driver.keys("y");
    assert_eq!(
        driver.effects[0],
        Effect::Terminal(TerminalEffect::Copy(id.to_owned()))
    );
}

#[test]
fn a_filter_finds_scattered_letters_and_shows_them() {
    let mut driver = wide();
    driver.keys("/ptde");
    let screen = shown(&driver);
    assert!(screen.contains("product-tour-de"), "{screen}");
    assert!(!screen.contains("onboarding"), "{screen}");
    assert_eq!(marked_letters(&driver), "ptde");
    // What stands there as it is comes first, whatever the order says.
    driver.press(Key::Ctrl('u')).keys("on");
    assert_eq!(
        order_of(&driver, &["onboarding-en", "product-tour-de"]),
        ["onboarding-en"]
    );
    driver.press(Key::Ctrl('u')).keys("宣片");
    assert_eq!(marked_letters(&driver), "宣片");
    // Letters that were cut away are shown by what stands in their place.
    let mut driver = signed_in(start(Look::default(), (60, 24)), "zhangwei", Role::User);
    driver.keys("/培");
    assert_eq!(marked_letters(&driver), "~", "{}", shown(&driver));
}

#[test]
fn the_palette_shows_what_it_found() {
    let mut driver = user();
    driver.keys(":zip");
    let screen = shown(&driver);
    assert!(
        screen.contains("save all finished videos as ZIP"),
        "{screen}"
    );
    assert!(screen.contains("d e"), "{screen}");
    assert_eq!(marked_letters(&driver), "ZIP");
}

fn preview() -> v1::Batch {
    samples::batches().swap_remove(2)
}

#[track_caller]
fn quote_question(driver: &mut Driver) -> (u64, v1::QuoteBatchRequest) {
    driver
        .asked()
        .into_iter()
        .find_map(|effect| match effect {
            NetEffect::Quote { number, request } => Some((number, request)),
            _ => None,
        })
        .unwrap()
}

#[test]
fn a_preview_is_made_for_real_with_one_key() {
    let mut driver = user();
    driver.keys("p");
    assert!(shown(&driver).contains("This is no preview"));
    driver.keys("jjp");
    let (number, request) = quote_question(&mut driver);
    assert_eq!(
        (request.engine.as_str(), request.image_count),
        ("lightx2v", 12)
    );
    assert_eq!(request.audio_duration.unwrap().seconds, 28);
    let screen = shown(&driver);
    assert!(
        screen.contains("Make product-tour-de for real?"),
        "{screen}"
    );
    // Nobody says yes before it is known what it costs.
    driver.keys("y");
    assert_eq!(driver.asked(), []);
    assert_eq!(driver.state.mode(), Mode::Confirm);
    driver.net(NetMessage::Quoted {
        number,
        result: Ok(samples::quote(12)),
    });
    let screen = shown(&driver);
    assert!(
        screen.contains("It costs 24 credits. Balance 214 -> 190."),
        "{screen}"
    );
    assert!(
        screen.contains("Finished about 03:55 (in 35m); 3 slots, 31 items"),
        "{screen}"
    );
    // No is the default.
    driver.press(Key::Enter);
    assert_eq!(driver.asked(), []);
    driver.keys("p");
    let (number, _) = quote_question(&mut driver);
    driver.net(NetMessage::Quoted {
        number,
        result: Ok(samples::quote(12)),
    });
    driver.keys("y");
    let asked = driver.asked();
    let [NetEffect::RerunBatch(request)] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(request.batch_id, preview().id);
    assert_eq!(request.engine.as_deref(), Some("lightx2v"));
    assert_eq!(request.max_credits, Some(24));
    assert_eq!(request.request_id.len(), 36);
    assert!(request.item_ids.is_empty());
    let mut made = samples::batch(12, "product-tour-de", "zhangwei", [12, 0, 0, 0, 0], 0);
    made.source_batch_id = Some(preview().id);
    driver.net(NetMessage::Rerun(Ok(Box::new(v1::RerunBatchResponse {
        batch: Some(made),
        credit_balance: 190,
        replayed: false,
    }))));
    let screen = shown(&driver);
    assert!(screen.contains("Submitted product-tour-de."), "{screen}");
    assert!(screen.contains("190 cr"), "{screen}");
}

#[test]
fn what_cannot_be_paid_is_not_made_for_real() {
    let mut driver = user();
    driver.keys("jjp");
    let (number, _) = quote_question(&mut driver);
    let mut dear = samples::quote(12);
    dear.affordable = false;
    driver.net(NetMessage::Quoted {
        number,
        result: Ok(dear),
    });
    assert!(shown(&driver).contains("more than you have"));
    driver.keys("y");
    assert_eq!(driver.asked(), []);
    driver.press(Key::Esc);
    assert_eq!(driver.state.mode(), Mode::Batches);
}

#[test]
fn a_video_is_played_when_it_is_there() {
    let mut driver = user();
    open_batch(&mut driver);
    driver.keys("o");
    assert!(shown(&driver).contains("No finished video here to play."));
    driver.keys("/01").press(Key::Enter).effects.clear();
    driver.keys("o");
    let asked = driver.asked();
    let [NetEffect::Download { transfer, .. }] = &asked[..] else {
        panic!("{asked:?}");
    };
    let path = std::path::PathBuf::from("/home/wang/Downloads/portrait_01.mp4");
    driver.net(NetMessage::Saved {
        transfer: *transfer,
        result: Ok(path.clone()),
    });
    let play = Effect::Terminal(TerminalEffect::Play(path));
    assert_eq!(driver.effects[..], std::slice::from_ref(&play)[..]);
    // Once saved it is not fetched again.
    driver.effects.clear();
    driver.keys("o");
    assert_eq!(driver.effects, [play]);
}

#[test]
fn transfers_show_pace_and_rest_and_can_be_broken_off() {
    let mut driver = user();
    open_batch(&mut driver);
    driver.keys("*d").effects.clear();
    for (second, done) in [(2, 2u64 << 20), (4, 4 << 20)] {
        driver.send(Message::Tick(
            jiff::Timestamp::from_second(samples::NOW + second).unwrap(),
        ));
        driver.net(NetMessage::Progress {
            transfer: vbatch_tui::state::TransferId(2),
            done_bytes: done,
            total_bytes: Some(10 << 20),
        });
    }
    let screen = shown(&driver);
    assert!(screen.contains("40% 1.0 MiB/s ~6s"), "{screen}");
    driver.keys("T");
    let screen = shown(&driver);
    assert!(screen.contains("MiB  1.0 MiB/s  6s left"), "{screen}");
    assert!(screen.contains("waits for its turn"), "{screen}");
    driver.keys("jx");
    let asked = driver.asked();
    assert!(
        matches!(asked[..], [NetEffect::Abort(_), NetEffect::Download { .. }]),
        "{asked:?}"
    );
    driver.press(Key::Esc);
    assert_eq!(driver.state.mode(), Mode::Batch);
}

#[test]
fn the_mouse_selects_and_scrolls_when_it_is_on() {
    let mut driver = user();
    let press = Message::Mouse(Mouse::Press { x: 10, y: 5 });
    driver.send(press);
    driver.keys("M");
    assert_eq!(
        driver.effects,
        [Effect::Terminal(TerminalEffect::Mouse(true))]
    );
    driver.effects.clear();
    driver.send(Message::Mouse(Mouse::Press { x: 10, y: 5 }));
    driver.keys("y");
    let third = samples::batches()[2].id.clone();
    assert_eq!(
        driver.effects,
        [Effect::Terminal(TerminalEffect::Copy(third))]
    );
    driver.effects.clear();
    driver.send(Message::Mouse(Mouse::WheelDown)).keys("y");
    let sixth = samples::batches()[5].id.clone();
    assert_ne!(
        driver.effects,
        [Effect::Terminal(TerminalEffect::Copy(sixth.clone()))],
        "the sample order is not the list's"
    );
    // Outside of the list it does nothing.
    driver.effects.clear();
    driver.send(Message::Mouse(Mouse::Press { x: 0, y: 0 }));
    assert_eq!(driver.effects, []);
}

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

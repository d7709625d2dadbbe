//! Order, filter, coming back, and the mouse.

use vbatch_tui::keymap::{Key, Mode};
use vbatch_tui::state::{Effect, Look, Message, Mouse, TerminalEffect};
use vision_batch::v1::user::Role;

use super::samples::{self, open_batch, signed_in, start};
use super::{marked_letters, order_of, shown, user, wide};

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

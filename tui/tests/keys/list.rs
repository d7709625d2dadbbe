//! The list of batches, its questions, and keys that are the same everywhere.

use vbatch_tui::keymap::{Key, Mode};
use vbatch_tui::state::{Cause, Language, Look, NetEffect, NetMessage, Refusal};
use vision_batch::v1;
use vision_batch::v1::refusal::Reason;
use vision_batch::v1::upstream::TokenState;
use vision_batch::v1::user::Role;

use super::samples::{self, list, open_batch, signed_in, start};
use super::{SIZE, assert_hides, assert_shows, shown, user};

#[test]
fn jjc_asks_before_it_cancels_the_third_batch() {
    let mut driver = user();
    driver.keys("jjc");
    assert_shows(&driver, "Cancel product-tour-de?");
    // No is the default answer.
    driver.press(Key::Enter);
    assert_eq!(driver.asked(), []);
    assert_eq!(driver.state.mode(), Mode::Batches);
    driver.keys("c12").press(Key::Enter);
    let id = samples::batches()[2].id.clone();
    let wanted = NetEffect::CancelBatch(v1::CancelBatchRequest { batch_id: id });
    assert_eq!(driver.asked(), [wanted]);
    // The row shows that it was asked for until the stream says what became of it.
    assert_shows(&driver, "asked ...");
    driver.net(NetMessage::Cancelled(Err(Refusal::new(
        Cause::Server(Reason::AlreadyFinished),
        "",
    ))));
    assert_hides(&driver, "asked ...");
    assert_shows(&driver, "Nothing is left to cancel.");
}

#[test]
fn full_width_keys_work_like_their_twins() {
    let mut driver = user();
    driver.keys("ｊｊｃ１２").press(Key::Enter);
    assert!(matches!(driver.asked()[..], [NetEffect::CancelBatch(_)]));
    driver.keys("？");
    assert_eq!(driver.state.mode(), Mode::Help);
}

#[test]
fn esc_and_a_key_that_arrive_together_are_two_keys() {
    let mut driver = user();
    open_batch(&mut driver);
    driver.press(Key::Alt('n'));
    assert_eq!(driver.state.mode(), Mode::Fields);
}

#[test]
fn the_question_says_what_happens_to_whose_credits() {
    let mut driver = signed_in(start(Look::default(), SIZE), "admin", Role::Admin);
    driver.keys("c");
    assert_shows(
        &driver,
        "7 items waiting: 7 credits back to zhangwei at once.",
    );
    assert_shows(
        &driver,
        "3 items running: 3 credits back to zhangwei if the",
    );
    driver.press(Key::Esc).keys("r");
    assert_shows(&driver, "It costs zhangwei 1 credit.");
    driver.press(Key::Esc);
    let mut driver = user();
    driver.keys("r");
    assert_shows(&driver, "Balance 9,979 -> 9,978.");
    assert_eq!(driver.asked(), []);
}

#[test]
fn marked_batches_are_acted_on_together() {
    let mut driver = user();
    // The second has ended: of the three marked ones two can be cancelled.
    driver.keys("   c");
    assert_shows(&driver, "Cancel 22 items?");
    assert_shows(&driver, "Type 22 to go on:");
    // Neither a letter nor another number is an answer.
    driver.keys("y2").press(Key::Enter);
    assert_eq!(driver.state.mode(), Mode::Typed);
    assert_eq!(driver.asked(), []);
    driver.keys("２").press(Key::Enter);
    assert_eq!(driver.asked().len(), 2);
    // What was left out is still marked; what was asked for is not.
    assert_shows(&driver, "1 marked");
    // Enter alone is No.
    driver.keys("  c").press(Key::Enter);
    assert_eq!(driver.state.mode(), Mode::Batches);
    assert_eq!(driver.asked(), []);
}

#[test]
fn a_filter_narrows_while_typing_and_esc_shows_everything_again() {
    let mut driver = user();
    driver.keys("/宣传q");
    assert_eq!(driver.state.mode(), Mode::Filter);
    assert_shows(&driver, "Nothing matches the filter");
    driver.press(Key::Backspace);
    assert_shows(&driver, "春季宣传片");
    assert_hides(&driver, "onboarding-en");
    driver.press(Key::Enter);
    assert_eq!(driver.state.mode(), Mode::Batches);
    assert_hides(&driver, "onboarding-en");
    driver.press(Key::Esc);
    assert_shows(&driver, "onboarding-en");
}

#[test]
fn the_palette_finds_an_action_by_its_name() {
    let mut driver = user();
    open_batch(&mut driver);
    driver.effects.clear();
    driver.keys(":tryall").press(Key::Enter);
    assert_shows(&driver, "Try portrait_07.png again?");
    // Its key finds it, too.
    driver.press(Key::Esc).keys(":R").press(Key::Enter);
    assert_shows(&driver, "Try portrait_07.png again?");
}

#[test]
fn names_cannot_steer_the_terminal() {
    let mut driver = user();
    let evil = "\u{1b}]0;owned\u{7}\u{202e}gnp.exe";
    let batch = samples::batch(11, evil, "zhangwei", [1, 0, 0, 0, 0], 0);
    list(&mut driver, vec![batch], TokenState::Ok);
    let screen = shown(&driver);
    assert!(screen.contains("owned"));
    assert!(!screen.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'));
}

#[test]
fn the_palette_finds_chinese_actions_by_their_english_names_too() {
    let look = Look {
        language: Language::Chinese,
        ..Look::default()
    };
    let mut driver = signed_in(start(look, SIZE), "zhangwei", Role::User);
    driver.keys(":API");
    assert_shows(&driver, "到您的 API 密钥");
    driver.press(Key::Ctrl('u')).keys("new batch");
    assert_shows(&driver, "新建批次");
    driver.press(Key::Enter);
    assert_eq!(driver.state.mode(), Mode::Fields);
}

//! The screen driven by keys and by what a server would say: what it asks for, and what it then shows.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod samples;

use std::time::Duration;

use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use samples::{
    Driver, NOW, answer_detail, items, list, new_batch, open_batch, quote, signed_in, start,
};
use vbatch_tui::keymap::{Key, Mode};
use vbatch_tui::state::{
    Cause, Effect, FilesEffect, Look, Message, NetEffect, NetMessage, Refusal, Stream,
    TerminalEffect, TransferId,
};
use vbatch_tui::view;
use vision_batch::v1;
use vision_batch::v1::refusal::Reason;
use vision_batch::v1::upstream::TokenState;
use vision_batch::v1::user::Role;

const SIZE: (u16, u16) = (80, 24);

fn user() -> Driver {
    signed_in(start(Look::default(), SIZE), "zhangwei", Role::User)
}

/// What the screen shows, one line a row.
fn shown(driver: &Driver) -> String {
    let (width, height) = driver.state.size();
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| view::draw(&driver.state, frame))
        .unwrap();
    samples::text(terminal.backend().buffer())
}

#[track_caller]
fn assert_shows(driver: &Driver, words: &str) {
    let screen = shown(driver);
    assert!(screen.contains(words), "{words:?} is not on\n{screen}");
}

#[track_caller]
fn assert_hides(driver: &Driver, words: &str) {
    let screen = shown(driver);
    assert!(!screen.contains(words), "{words:?} is on\n{screen}");
}

#[test]
fn signing_in_goes_through_the_fields() {
    let mut driver = Driver::new(start(Look::default(), SIZE));
    driver.keys("zhangwei").press(Key::Enter).keys("秘密?q");
    assert_hides(&driver, "秘密");
    driver.press(Key::Enter);
    let wanted = NetEffect::SignIn {
        server: "127.0.0.1:50051".to_owned(),
        username: "zhangwei".to_owned(),
        password: "秘密?q".to_owned(),
    };
    assert_eq!(driver.asked(), [wanted]);
    // While it is on its way nothing is sent twice.
    driver.press(Key::Enter);
    assert_eq!(driver.asked(), []);
    let refusal = Refusal::new(Cause::Server(Reason::CredentialsInvalid), "no");
    driver.net(NetMessage::SignInRefused(refusal));
    assert_shows(&driver, "User or password is wrong.");
}

#[test]
fn a_first_password_is_changed_before_anything_else() {
    let mut driver = Driver::new(start(Look::default(), SIZE));
    driver
        .keys("admin")
        .press(Key::Enter)
        .keys("admin")
        .press(Key::Enter);
    let mut admin = samples::user("admin", Role::Admin);
    admin.password_change_required = true;
    driver.net(NetMessage::SignedIn {
        user: admin.clone(),
    });
    driver.effects.clear();
    assert_shows(&driver, "Choose a new password");
    driver
        .keys("long enough")
        .press(Key::Enter)
        .keys("long enouhg")
        .press(Key::Enter);
    assert_shows(&driver, "The two new passwords differ.");
    assert_eq!(driver.asked(), []);
    driver
        .press(Key::Ctrl('u'))
        .keys("long enough")
        .press(Key::Enter);
    let wanted = NetEffect::ChangePassword {
        current: "admin".to_owned(),
        new: "long enough".to_owned(),
    };
    assert_eq!(driver.asked(), [wanted]);
    admin.password_change_required = false;
    driver.net(NetMessage::PasswordChanged { user: admin });
    assert_eq!(driver.state.mode(), Mode::Batches);
    // An admin watches everyone's batches.
    assert!(driver.asked().iter().any(
        |effect| matches!(effect, NetEffect::WatchBatches(request) if request.owner_id == "-")
    ));
}

#[test]
fn jjc_asks_before_it_cancels_the_third_batch() {
    let mut driver = user();
    driver.keys("jjc");
    assert_shows(&driver, "Cancel product-tour-de?");
    // No is the default answer.
    driver.press(Key::Enter);
    assert_eq!(driver.asked(), []);
    assert_eq!(driver.state.mode(), Mode::Batches);
    driver.keys("cy");
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
    driver.keys("ｊｊｃｙ");
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
fn a_batch_is_watched_while_it_is_open() {
    let mut driver = user();
    driver.press(Key::Enter);
    let id = samples::batches()[0].id.clone();
    let asked = driver.asked();
    assert!(
        matches!(&asked[..], [NetEffect::WatchBatch(request), NetEffect::AcknowledgeFailures { .. }]
        if request.batch_id == id && request.follow)
    );
    samples::fill_batch(&mut driver, &id, items());
    // Failures come first; the details of the one under the cursor are asked for once.
    assert!(
        matches!(&driver.asked()[..], [NetEffect::LoadItem(request)] if request.item_id == "item-7")
    );
    driver.press(Key::Esc);
    assert_eq!(driver.asked(), [NetEffect::UnwatchBatch]);
    assert_eq!(driver.state.mode(), Mode::Batches);
}

#[test]
fn moving_fast_asks_for_the_details_of_the_last_row_alone() {
    let mut driver = user();
    open_batch(&mut driver);
    driver.effects.clear();
    driver.keys("jjjj");
    assert_eq!(driver.asked().len(), 1, "one question at a time");
    driver.effects.clear();
    driver.net(NetMessage::Item {
        item_id: "item-9".to_owned(),
        result: Err(Refusal::new(Cause::TimedOut, "")),
    });
    let asked = driver.asked();
    assert!(matches!(&asked[..], [NetEffect::LoadItem(request)] if request.item_id == "item-11"));
}

#[test]
fn a_failed_item_says_what_to_do() {
    let mut driver = user();
    open_batch(&mut driver);
    assert_shows(
        &driver,
        "What to do: Export the picture again as PNG or JPEG",
    );
    assert_shows(&driver, "1 credit was given back.");
    assert_shows(&driver, "cannot identify image file");
    driver.keys("R");
    assert_shows(&driver, "Try portrait_07.png again?");
    driver.effects.clear();
    driver.keys("y");
    let asked = driver.asked();
    let [NetEffect::RetryItems(request)] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(request.item_ids, ["item-7"]);
    assert_eq!(request.max_credits, Some(1));
    assert_eq!(request.request_id.len(), 36);
}

#[test]
fn the_cursor_stays_on_its_item_when_rows_move() {
    let mut driver = user();
    open_batch(&mut driver);
    driver.keys("jj");
    let mut done = items().swap_remove(8);
    done.state = v1::video_item::State::Completed.into();
    done.stage = 0;
    done.revision = 2;
    let event = v1::batch_status_response::Event::Update(v1::batch_status_response::Update {
        batch: None,
        items: vec![done],
        revision: 2,
    });
    driver.net(NetMessage::Batch {
        batch_id: samples::batches()[0].id.clone(),
        event: Box::new(event),
    });
    driver.effects.clear();
    driver.keys("y");
    assert_eq!(
        driver.effects,
        [Effect::Terminal(TerminalEffect::Copy("item-8".to_owned()))]
    );
}

#[test]
fn videos_are_saved_two_at_a_time() {
    let mut driver = user();
    open_batch(&mut driver);
    driver.effects.clear();
    driver.keys("*d");
    let asked = driver.asked();
    assert_eq!(asked.len(), 2);
    assert!(
        matches!(&asked[0], NetEffect::Download { request, directory, .. }
        if request.kind == i32::from(v1::FileKind::Video) && directory.ends_with("Downloads"))
    );
    driver.net(NetMessage::Saved {
        transfer: TransferId(1),
        result: Ok("/home/wang/Downloads/portrait_01.mp4".into()),
    });
    assert_shows(&driver, "Saved /home/wang/Downloads/portrait_01.mp4");
    assert_eq!(driver.asked().len(), 1);
    // Leaving while they run asks first.
    driver.keys("q");
    assert_eq!(driver.state.mode(), Mode::Confirm);
    driver.keys("y");
    assert!(driver.state.has_ended());
}

#[test]
fn without_a_disk_the_ready_command_is_shown() {
    let mut without = start(Look::default(), SIZE);
    without.directories = None;
    let mut driver = signed_in(without, "zhangwei", Role::User);
    driver.keys("n");
    assert_shows(&driver, "vbatch submit");
    open_batch(&mut driver);
    driver.keys("Gd");
    assert_shows(&driver, "vbatch download");
    assert!(
        !driver
            .asked()
            .iter()
            .any(|it| matches!(it, NetEffect::Download { .. }))
    );
}

#[test]
fn a_draft_is_quoted_while_it_is_marked_and_kept_on_esc() {
    let mut driver = user();
    new_batch(&mut driver);
    assert_shows(&driver, "2 x 2 cr = 4 cr");
    assert_shows(&driver, "balance 214 -> 210");
    assert_shows(&driver, "not PNG/JPEG/WebP");
    assert_shows(&driver, "30.6 MiB > 20 MiB");
    driver.press(Key::Esc);
    assert_eq!(driver.state.mode(), Mode::Batches);
    driver.keys("n");
    assert_shows(&driver, "春季宣传片 第二批");
    assert_shows(&driver, "2 images marked");
}

#[test]
fn submitting_twice_after_a_lost_answer_is_the_same_request() {
    let mut driver = user();
    new_batch(&mut driver);
    driver.effects.clear();
    driver.press(Key::Ctrl('s'));
    let first = upload(&mut driver);
    assert_eq!(first.1.name, "春季宣传片 第二批");
    assert_eq!(first.1.engine, "lightx2v");
    assert_eq!(first.1.max_credits, Some(4));
    driver.net(NetMessage::Progress {
        transfer: first.0,
        done_bytes: 1 << 20,
        total_bytes: Some(4 << 20),
    });
    assert_shows(&driver, "Uploading");
    assert_shows(&driver, "25%");
    let lost = Refusal::new(Cause::Unreachable, "reset");
    driver.net(NetMessage::Uploaded {
        transfer: first.0,
        result: Err(lost.clone()),
    });
    assert_shows(&driver, "The server cannot be reached");
    driver.press(Key::Ctrl('s'));
    let second = upload(&mut driver);
    assert_eq!(first.1.request_id, second.1.request_id);
    driver.net(NetMessage::Uploaded {
        transfer: second.0,
        result: Err(lost),
    });
    // Another content is another request.
    driver.keys(" ").press(Key::Ctrl('s'));
    let third = upload(&mut driver);
    assert_ne!(first.1.request_id, third.1.request_id);
    let made = samples::batch(99, "春季宣传片 第二批", "zhangwei", [2, 0, 0, 0, 0], 0);
    driver.net(NetMessage::Uploaded {
        transfer: third.0,
        result: Ok(Box::new(v1::CreateBatchResponse {
            batch: Some(made),
            credit_balance: 210,
            replayed: false,
        })),
    });
    assert_eq!(driver.state.mode(), Mode::Batch);
    assert_shows(&driver, "Submitted 春季宣传片 第二批.");
    assert_shows(&driver, "210 cr");
}

#[track_caller]
fn upload(driver: &mut Driver) -> (TransferId, v1::BatchSpec) {
    driver
        .asked()
        .into_iter()
        .find_map(|effect| match effect {
            NetEffect::CreateBatch { transfer, spec, .. } => Some((transfer, spec)),
            _ => None,
        })
        .unwrap()
}

#[test]
fn a_draft_says_what_is_missing() {
    let mut driver = user();
    driver.keys("n").press(Key::Ctrl('s'));
    assert_shows(&driver, "Choose an audio file first.");
    let mut driver = user();
    new_batch(&mut driver);
    let mut poor = quote(2);
    poor.affordable = false;
    poor.balance_before = 3;
    poor.balance_after = -1;
    driver.send(Message::Tick(Timestamp::from_second(NOW + 60).unwrap()));
    let number = driver
        .asked()
        .into_iter()
        .rev()
        .find_map(|effect| match effect {
            NetEffect::Quote { number, .. } => Some(number),
            _ => None,
        })
        .unwrap();
    driver.net(NetMessage::Quoted {
        number,
        result: Ok(poor),
    });
    assert_shows(&driver, "not enough");
    driver.press(Key::Ctrl('s'));
    assert_shows(&driver, "It costs 4 credits and you have 3.");
}

#[test]
fn dropped_files_are_marked_and_looked_at() {
    let mut driver = user();
    new_batch(&mut driver);
    driver.effects.clear();
    driver.send(Message::Paste(
        "'/tmp/my picture.png' /tmp/other.mp3".to_owned(),
    ));
    let probes: Vec<String> = driver
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Files(FilesEffect::ProbeAudio { path, .. }) => Some(path.display().to_string()),
            Effect::Files(FilesEffect::ProbeImages { paths, .. }) => {
                paths.first().map(|path| path.display().to_string())
            }
            _ => None,
        })
        .collect();
    assert_eq!(probes, ["/tmp/other.mp3", "/tmp/my picture.png"]);
}

#[test]
fn an_ended_session_asks_over_the_same_view() {
    let mut driver = user();
    open_batch(&mut driver);
    driver.keys("/07");
    let refusal = Refusal::new(Cause::Server(Reason::TokenRevoked), "");
    driver.net(NetMessage::SessionEnded(refusal));
    assert_shows(&driver, "Sign in again");
    assert_shows(&driver, "春季宣传片");
    driver.effects.clear();
    driver.keys("secret").press(Key::Enter);
    assert!(
        matches!(&driver.asked()[..], [NetEffect::SignIn { username, .. }] if username == "zhangwei")
    );
    driver.net(NetMessage::SignedIn {
        user: samples::user("zhangwei", Role::User),
    });
    // The batch is watched again, and what was typed is there.
    assert!(
        driver
            .asked()
            .iter()
            .any(|it| matches!(it, NetEffect::WatchBatch(_)))
    );
    assert_eq!(driver.state.mode(), Mode::Filter);
    assert_shows(&driver, "07");
}

#[test]
fn a_lost_connection_says_for_how_long_and_comes_back() {
    let mut driver = user();
    driver.net(NetMessage::StreamLost {
        stream: Stream::Batches,
        refusal: Refusal::new(Cause::Unreachable, "refused"),
        retry_in: Some(Duration::from_secs(9)),
    });
    driver.send(Message::Tick(Timestamp::from_second(NOW + 5).unwrap()));
    assert_shows(&driver, "offline 5s, trying in 4s");
    assert_shows(&driver, "The server cannot be reached");
    // What was known is still there to look at.
    assert_shows(&driver, "onboarding-en");
    list(&mut driver, samples::batches(), TokenState::Ok);
    assert_shows(&driver, "live");
}

#[test]
fn only_what_is_seen_to_pass_makes_a_picture() {
    let mut driver = user();
    let later = |seconds| Timestamp::from_second(NOW + seconds).unwrap();
    assert!(!driver.state.shows_passing(later(1)));
    assert!(driver.state.shows_passing(later(60)), "minutes are shown");
    assert!(driver.state.shows_passing(later(39)), "silence is shown");
    open_batch(&mut driver);
    assert!(
        !driver.state.shows_passing(later(1)),
        "a failed item has ended"
    );
    driver.keys("j");
    answer_detail(&mut driver);
    assert!(
        driver.state.shows_passing(later(1)),
        "a running item counts seconds"
    );
}

#[test]
fn a_read_only_screen_changes_nothing() {
    let mut looking = start(Look::default(), SIZE);
    looking.read_only = true;
    let mut driver = signed_in(looking, "zhangwei", Role::User);
    driver.keys("crn");
    assert_eq!(driver.asked(), []);
    assert_eq!(driver.state.mode(), Mode::Batches);
    assert_shows(&driver, "only looks");
    // What changes something is not offered anywhere.
    let later = Timestamp::from_second(NOW + 20).unwrap();
    driver.send(Message::Tick(later));
    assert_shows(&driver, "Enter open");
    assert_hides(&driver, "c cancel");
    driver.keys("?");
    assert_hides(&driver, "try failed items again");
    assert_shows(&driver, "copy the id");
    driver.press(Key::Esc).keys(":cancel");
    assert_shows(&driver, "Nothing matches");
    // Nor does looking tell the server that it was looked.
    driver.press(Key::Esc).press(Key::Enter);
    assert!(
        !driver
            .asked()
            .iter()
            .any(|it| matches!(it, NetEffect::AcknowledgeFailures { .. }))
    );
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

//! How the screen is laid out: in another language, only looking, and in a window that changes its size.

use vbatch_tests::programs::{Daemon, folder};

use super::modes::assert_given_back;
use super::person::{first_sign_in, open, run};

#[test]
fn a_session_is_kept_and_chinese_columns_stay_aligned() {
    let data = folder();
    let home = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let mut terminal = open(&daemon, home.path(), &[], 100, 30);
    first_sign_in(&mut terminal);
    terminal.type_keys("q");
    assert_eq!(terminal.ended().0, 0);

    let terminal = open(&daemon, home.path(), &[("LANG", "zh_CN.UTF-8")], 80, 24);
    let screen = terminal.until_text("批次");
    assert!(screen.contains("点"), "{screen}");
    terminal.resize(120, 40);
    terminal.until("the wide screen is drawn", |screen| {
        screen
            .lines()
            .next()
            .is_some_and(|line| line.trim_end().chars().count() > 80)
    });
}

#[test]
fn a_screen_that_only_looks_says_so_and_offers_no_change() {
    let data = folder();
    let home = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let mut terminal = open(&daemon, home.path(), &[], 80, 24);
    first_sign_in(&mut terminal);
    terminal.type_keys("q");
    assert_eq!(terminal.ended().0, 0);
    let server = format!("http://{}", daemon.address);
    let arguments = [
        "--server",
        &server,
        "--read-only",
        "--lang",
        "zh",
        "--ascii",
    ];
    let mut terminal = run(&arguments, home.path(), &[], 80, 24);
    let screen = terminal.until_text("只读");
    assert!(!screen.contains("n 新建"), "{screen}");
    terminal.type_keys("n");
    terminal.until_text("此界面为只读");
    terminal.type_keys("q");
    assert_eq!(terminal.ended().0, 0);
}

#[test]
fn a_storm_of_resizes_leaves_the_screen_as_it_was() {
    let (data, home) = (folder(), folder());
    let daemon = Daemon::start(data.path(), &[], &[]);
    let mut terminal = open(&daemon, home.path(), &[], 100, 30);
    first_sign_in(&mut terminal);
    terminal.type_keys("?");
    let before = terminal.until("the help", |screen| {
        screen.contains("live") && screen.contains("to what was done and tried")
    });
    // From a window that shows nothing at all to the largest; numbers that look thrown, and are the same each time.
    let mut thrown: u32 = 0x2545_f491;
    for _ in 0..400 {
        thrown ^= thrown << 13;
        thrown ^= thrown >> 17;
        thrown ^= thrown << 5;
        let columns = u16::try_from(thrown % 300).unwrap() + 1;
        let rows = u16::try_from(thrown / 300 % 100).unwrap() + 1;
        terminal.resize(columns, rows);
    }
    terminal.resize(100, 30);
    terminal.until("the same screen again", |screen| screen == before);
    terminal.type_keys("\x1b");
    terminal.until_text("No batches yet");
    // Too small is said, and is no end.
    terminal.resize(30, 5);
    terminal.until_text("too small");
    terminal.resize(60, 15);
    terminal.until_text("No batches yet");
    terminal.type_keys("q");
    assert_eq!(terminal.ended().0, 0);
    assert_given_back(&terminal);
}

//! The whole screen as a person uses it: the real programs, a terminal, keys.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use tempfile::TempDir;
use vbatch_tests::programs::{Daemon, folder, media, program};
use vbatch_tests::terminal::Terminal;

const ENTER: &str = "\r";
const TAB: &str = "\t";
const CTRL_S: &str = "\x13";

/// A folder with a voice and two pictures, one of them with a Chinese name.
fn material() -> TempDir {
    let material = folder();
    std::fs::copy(media("speech.mp3"), material.path().join("speech.mp3")).unwrap();
    let pictures = material.path().join("pics");
    std::fs::create_dir(&pictures).unwrap();
    std::fs::copy(media("face.png"), pictures.join("portrait_01.png")).unwrap();
    std::fs::copy(media("face.png"), pictures.join("王芳-正面照.png")).unwrap();
    material
}

/// `vbatch` in a terminal, with a home of its own.
fn open(
    daemon: &Daemon,
    home: &Path,
    variables: &[(&str, &str)],
    columns: u16,
    rows: u16,
) -> Terminal {
    let server = format!("http://{}", daemon.address);
    let home = home.to_str().unwrap();
    let mut all = vec![
        ("HOME", home),
        ("XDG_CONFIG_HOME", home),
        ("XDG_DATA_HOME", home),
        ("XDG_STATE_HOME", home),
    ];
    all.extend(variables);
    Terminal::start(
        &program("vbatch"),
        &["--server", &server],
        &all,
        columns,
        rows,
    )
}

fn sign_in(terminal: &mut Terminal, password: &str) {
    terminal.until_text("Sign in");
    for text in ["admin", ENTER, password, ENTER] {
        terminal.type_keys(text);
    }
}

/// Types the first password's change and arrives at the empty list.
fn first_sign_in(terminal: &mut Terminal) {
    sign_in(terminal, "admin");
    terminal.until_text("Choose a new password");
    for text in ["quiet-Lantern-42", ENTER, "quiet-Lantern-42", ENTER] {
        terminal.type_keys(text);
    }
    terminal.until_text("No batches yet");
}

/// Fills in a new batch of the material's pictures and submits it.
fn submit(terminal: &mut Terminal, name: &str, material: &Path) {
    terminal.type_keys("n");
    terminal.until_text("New batch");
    terminal.type_keys(name);
    terminal.type_keys(TAB);
    terminal.type_keys(TAB);
    terminal.type_keys(material.join("speech.mp3").to_str().unwrap());
    terminal.until_text("MP3 0:0");
    terminal.type_keys(TAB);
    terminal.type_keys(TAB);
    terminal.until_text("pics/");
    terminal.type_keys("j");
    terminal.type_keys(ENTER);
    terminal.until_text("portrait_01.png");
    terminal.type_keys("*");
    let form = terminal.until("the price of both pictures", |screen| {
        screen.contains("2 images marked") && screen.contains("balance 9,999 -> 9,999")
    });
    assert!(form.contains("王芳-正面照.png"), "{form}");
    terminal.type_keys(CTRL_S);
}

#[test]
fn from_sign_in_to_completed_by_keys_alone() {
    let data = folder();
    let home = folder();
    let material = material();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let working = material.path().to_str().unwrap().to_owned();
    let mut terminal = open(&daemon, home.path(), &[("PWD", &working)], 80, 24);

    first_sign_in(&mut terminal);
    submit(&mut terminal, "Spring", material.path());
    let batch = terminal.until("both are done", |screen| {
        screen.contains("2/2") && screen.matches(" done").count() >= 2
    });
    assert!(batch.contains("Spring"), "{batch}");
    assert!(batch.contains("王芳-正面照.png"), "{batch}");

    // The list says that these are previews, and the terminal is given back as it was found.
    terminal.type_keys("\x1b");
    let list = terminal.until_text("completed");
    assert!(list.contains("PREVIEW"), "{list}");
    terminal.type_keys("q");
    let (code, bytes) = terminal.ended();
    assert_eq!(code, 0);
    let written = String::from_utf8_lossy(&bytes);
    assert!(
        written.contains("\x1b[?1049h"),
        "the alternate screen was entered"
    );
    let left = written
        .rfind("\x1b[?1049l")
        .expect("the alternate screen was left");
    assert!(left > written.rfind("\x1b[?1049h").unwrap());
    assert!(
        written.rfind("\x1b[?25h").unwrap() > written.rfind("\x1b[?25l").unwrap_or(0),
        "the cursor is back"
    );
}

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
fn a_wrong_password_is_told_and_a_lost_server_too() {
    let data = folder();
    let home = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let mut terminal = open(&daemon, home.path(), &[], 80, 24);
    sign_in(&mut terminal, "wrong-password");
    terminal.until_text("password");
    let refused = terminal.until("the refusal", |screen| {
        let screen = screen.to_lowercase();
        screen.contains("wrong") || screen.contains("not right") || screen.contains("do not match")
    });
    assert!(refused.contains("Sign in"), "{refused}");

    let home = folder();
    let mut terminal = open(&daemon, home.path(), &[], 80, 24);
    first_sign_in(&mut terminal);
    terminal.until_text("live");
    daemon.kill();
    terminal.until("the loss is told", |screen| !screen.contains("live"));
    terminal.type_keys("q");
    assert_eq!(terminal.ended().0, 0);
}

/// How often something was written.
fn times(terminal: &Terminal, what: &str) -> usize {
    String::from_utf8_lossy(&terminal.written())
        .matches(what)
        .count()
}

const ENTERED: &str = "\x1b[?1049h";
const LEFT: &str = "\x1b[?1049l";

#[test]
fn put_aside_and_called_back_the_terminal_is_given_back_and_taken_again() {
    let data = folder();
    let home = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let mut terminal = open(&daemon, home.path(), &[], 80, 24);
    first_sign_in(&mut terminal);
    terminal.type_keys("M");
    terminal.until_text("The mouse selects");
    for (round, aside) in ["key", "signal"].into_iter().enumerate() {
        let before = times(&terminal, ENTERED);
        if aside == "key" {
            terminal.type_keys("\x1a");
        } else {
            terminal.signal("TSTP");
        }
        terminal.until_written("the terminal is given back", |written| {
            written.matches(LEFT).count() > round
                && written.rfind(LEFT) > written.rfind(ENTERED)
                && written.rfind("\x1b[?1000l") > written.rfind("\x1b[?1000h")
        });
        terminal.until_stopped();
        terminal.signal("CONT");
        terminal.until_written("it is taken again", |written| {
            written.matches(ENTERED).count() > before
                && written.rfind("\x1b[?1000h") > written.rfind("\x1b[?1000l")
        });
        terminal.until_text("No batches yet");
    }
    terminal.type_keys("q");
    let (code, bytes) = terminal.ended();
    assert_eq!(code, 0);
    let written = String::from_utf8_lossy(&bytes);
    assert!(written.rfind(LEFT) > written.rfind(ENTERED));
    assert!(written.rfind("\x1b[?1000l") > written.rfind("\x1b[?1000h"));
}

#[test]
fn ended_by_a_signal_the_terminal_is_given_back() {
    let data = folder();
    let home = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    for name in ["TERM", "HUP"] {
        let mut terminal = open(&daemon, home.path(), &[], 80, 24);
        terminal.until_text("Sign in");
        terminal.signal(name);
        let (code, bytes) = terminal.ended();
        assert_eq!(code, 0, "{name}");
        let written = String::from_utf8_lossy(&bytes);
        assert!(written.rfind(LEFT) > written.rfind(ENTERED), "{name}");
        assert!(
            written.rfind("\x1b[?25h") > written.rfind("\x1b[?25l"),
            "{name}"
        );
    }
}

#[test]
fn an_admin_makes_a_user_gives_credits_and_pauses_dispatch() {
    let data = folder();
    let home = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let mut terminal = open(&daemon, home.path(), &[], 130, 30);
    first_sign_in(&mut terminal);
    terminal.type_keys("u");
    terminal.until_text("1 user");
    terminal.type_keys("n");
    terminal.until_text("New user");
    for text in ["wang.fang", ENTER, "王芳", ENTER, ENTER, "100", ENTER] {
        terminal.type_keys(text);
    }
    terminal.until_text("One-time password");
    terminal.type_keys("\x1b");
    terminal.until("two users", |screen| {
        screen.contains("2 users") && screen.contains("1st pwd") && screen.contains("王芳")
    });
    terminal.type_keys("j");
    terminal.until_text("wang.fang  ledger");
    terminal.type_keys("+");
    terminal.until_text("Give credits to wang.fang");
    for text in ["50", ENTER, "welcome", ENTER] {
        terminal.type_keys(text);
    }
    terminal.until("the new balance and its entry", |screen| {
        screen.contains("wang.fang has 150 credits now.") && screen.contains("welcome")
    });
    terminal.type_keys("S");
    terminal.until_text("RUNNING");
    terminal.type_keys("p");
    terminal.until_text("Pause dispatch?");
    terminal.type_keys("y");
    terminal.until_text("PAUSED");
    terminal.type_keys("q");
    assert_eq!(terminal.ended().0, 0);
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
    let path = home.path().to_str().unwrap();
    let mut terminal = Terminal::start(
        &program("vbatch"),
        &[
            "--server",
            &server,
            "--read-only",
            "--lang",
            "zh",
            "--ascii",
        ],
        &[
            ("HOME", path),
            ("XDG_CONFIG_HOME", path),
            ("XDG_DATA_HOME", path),
            ("XDG_STATE_HOME", path),
        ],
        80,
        24,
    );
    let screen = terminal.until_text("只读");
    assert!(!screen.contains("n 新建"), "{screen}");
    terminal.type_keys("n");
    terminal.until_text("此界面为只读");
    terminal.type_keys("q");
    assert_eq!(terminal.ended().0, 0);
}

//! The terminal is given back as it was found, however the program ends or is put aside: the modes of its line, as `stty -a`
//! prints them, and what was switched on by sequences.

use std::io::Write as _;

use tokio::signal::unix::{SignalKind, signal};
use vbatch_tui::screen::{self, Options, Server};

use vbatch_tests::programs::{Daemon, folder};
use vbatch_tests::terminal::{Terminal, modes_on};

use super::person::{first_sign_in, open, run, sign_in};

/// Nothing is otherwise than the program found it.
pub fn assert_given_back(terminal: &Terminal) {
    assert_eq!(terminal.line_modes(), terminal.found_line_modes());
    assert_eq!(terminal.modes_on(), Vec::<String>::new());
}

/// The program has the terminal for itself: a comparison that finds no difference there would find none anywhere.
fn assert_taken(terminal: &Terminal) {
    assert_ne!(terminal.line_modes(), terminal.found_line_modes());
    let on = terminal.modes_on();
    for mode in ["?1049h", "?2004h"] {
        assert!(on.iter().any(|one| one == mode), "{mode} of {on:?}");
    }
}

#[test]
fn put_aside_and_called_back_the_terminal_is_given_back_and_taken_again() {
    let (data, home) = (folder(), folder());
    let daemon = Daemon::start(data.path(), &[], &[]);
    let mut terminal = open(&daemon, home.path(), &[], 80, 24);
    first_sign_in(&mut terminal);
    terminal.type_keys("M");
    terminal.until_text("The mouse selects");
    assert_taken(&terminal);
    let taken = (terminal.line_modes(), terminal.modes_on());
    assert!(taken.1.iter().any(|mode| mode == "?1000h"), "{taken:?}");
    for aside in ["key", "signal"] {
        if aside == "key" {
            terminal.type_keys("\x1a");
        } else {
            terminal.signal("TSTP");
        }
        terminal.until_stopped();
        terminal.until_written("the terminal is given back", |written| {
            modes_on(written).is_empty()
        });
        assert_given_back(&terminal);
        terminal.signal("CONT");
        terminal.until_written("it is taken again", |written| modes_on(written) == taken.1);
        terminal.until_text("No batches yet");
        assert_eq!(terminal.line_modes(), taken.0, "{aside}");
    }
    terminal.type_keys("q");
    assert_eq!(terminal.ended().0, 0);
    assert_given_back(&terminal);
}

#[test]
fn ended_by_a_signal_the_terminal_is_given_back() {
    let (data, home) = (folder(), folder());
    let daemon = Daemon::start(data.path(), &[], &[]);
    for name in ["TERM", "HUP", "INT"] {
        let mut terminal = open(&daemon, home.path(), &[], 80, 24);
        terminal.until_text("Sign in");
        assert_taken(&terminal);
        terminal.signal(name);
        assert_eq!(terminal.ended().0, 0, "{name}");
        assert_given_back(&terminal);
    }
}

#[test]
fn ended_by_an_error_the_terminal_is_as_it_was() {
    let (data, home) = (folder(), folder());
    let mut terminal = run(&["--server", "no address"], home.path(), &[], 80, 24);
    assert_eq!(terminal.ended().0, 2);
    assert_given_back(&terminal);

    // A server that is lost while somebody works is no end; leaving then is one like any other.
    let daemon = Daemon::start(data.path(), &[], &[]);
    let mut terminal = open(&daemon, home.path(), &[], 80, 24);
    sign_in(&mut terminal, "admin", "wrong-password");
    terminal.until_text("wrong");
    daemon.kill();
    terminal.type_keys("\x03");
    assert_eq!(terminal.ended().0, 0);
    assert_given_back(&terminal);
}

#[test]
fn a_password_that_is_asked_for_leaves_no_terminal_without_echo() {
    let (data, home) = (folder(), folder());
    let daemon = Daemon::start(data.path(), &[], &[]);
    let server = format!("http://{}", daemon.address);
    let login = ["login", "admin", "--server", &server];
    for (end, code) in [("\x03", 130), ("TERM", 130), ("HUP", 130), ("", 3)] {
        let mut terminal = run(&login, home.path(), &[], 80, 24);
        terminal.until_text("Password:");
        // The echo is off.
        terminal.until_line_modes_change();
        match end {
            "" => terminal.type_keys("not the password\r"),
            "\x03" => terminal.type_keys(end),
            name => terminal.signal(name),
        }
        let (ended, written) = terminal.ended();
        assert_eq!(ended, code, "{end}");
        let written = String::from_utf8_lossy(&written);
        assert!(!written.contains("not the password"), "{written}");
        assert_given_back(&terminal);
    }
}

/// The screen in a program of which a part breaks when it is told to; run by the test below in a terminal.
#[test]
#[ignore = "no test: the program of the test below"]
fn a_screen_of_which_a_part_breaks() {
    let Ok(server) = std::env::var("BREAKING_SCREEN") else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let ended = runtime.block_on(async {
        let mut told = signal(SignalKind::user_defined1()).unwrap();
        tokio::spawn(async move {
            told.recv().await;
            panic!("planted in the background");
        });
        let server = Server::At {
            address: server.parse().unwrap(),
            token: None,
            fingerprint: None,
        };
        screen::run(server, Options::default()).await
    });
    let error = ended.unwrap_err();
    writeln!(std::io::stderr(), "ended: {error}").unwrap();
    runtime.shutdown_background();
}

#[test]
fn a_panic_in_the_background_ends_the_screen_with_its_words_and_nothing_is_drawn_over_them() {
    let (data, home) = (folder(), folder());
    let daemon = Daemon::start(data.path(), &[], &[]);
    let server = format!("http://{}", daemon.address);
    let home = home.path().to_str().unwrap();
    let program = std::env::current_exe().unwrap();
    let arguments = [
        "--exact",
        "modes::a_screen_of_which_a_part_breaks",
        "--ignored",
        "--nocapture",
    ];
    let variables = [
        ("BREAKING_SCREEN", server.as_str()),
        ("HOME", home),
        ("XDG_CONFIG_HOME", home),
        ("XDG_DATA_HOME", home),
        ("XDG_STATE_HOME", home),
    ];
    let mut terminal = Terminal::start(&program, &arguments, &variables, 80, 24);
    terminal.until_text("Sign in");
    assert_taken(&terminal);
    terminal.signal("USR1");
    let (_, written) = terminal.ended();
    assert_given_back(&terminal);
    let written = String::from_utf8_lossy(&written);
    let given_back = "\x1b[?1049l";
    assert_eq!(written.matches(given_back).count(), 1, "{written}");
    let (_, after) = written.split_once(given_back).unwrap();
    assert!(after.contains("planted in the background"), "{after}");
    assert!(
        after.contains("ended: a part of the program broke"),
        "{after}"
    );
    assert!(!after.contains("Sign in"), "{after}");
}

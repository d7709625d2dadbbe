//! What the program tells of itself: help, completions, the manual; and errors in both languages.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use vbatch_tui::cli;
use vbatch_tui::cli::exit::Exit;
use vbatch_tui::cli::io::{Io, Output};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn run(arguments: &[&str]) -> (Exit, String, String) {
    let (out, err) = (Written::default(), Written::default());
    let mut io = Io {
        stdin: Box::new(io::empty()),
        stdout: Output::new(out.clone()),
        stderr: Output::new(err.clone()),
        can_ask: false,
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        width: None,
        credentials: None,
        elsewhere: None,
    };
    let arguments: Vec<&str> = ["vbatch"].iter().chain(arguments).copied().collect();
    let cli::Task::Ended(exit) = cli::run(arguments, &mut io, None).await else {
        panic!("the screen was asked for");
    };
    let text = |written: &Written| String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    (exit, text(&out), text(&err))
}

#[tokio::test]
async fn shells_get_completions_of_every_command() {
    for (shell, sign) in [
        ("bash", "complete -F _vbatch"),
        ("zsh", "#compdef vbatch"),
        ("fish", "complete -c vbatch"),
    ] {
        let (exit, out, _) = run(&["completions", shell]).await;
        assert_eq!(exit, Exit::Done);
        assert!(out.contains(sign), "{shell}: {}", &out[..200]);
        for command in ["rerun", "export", "quote", "create-user", "read-only"] {
            assert!(out.contains(command), "{command} in {shell}");
        }
    }
    assert_eq!(run(&["completions", "tcsh"]).await.0, Exit::Usage);
}

#[tokio::test]
async fn the_manual_has_a_page_for_every_command() {
    let (exit, out, _) = run(&["man"]).await;
    assert_eq!(exit, Exit::Done);
    assert!(
        out.contains(".TH vbatch 1") && out.contains("Exit codes"),
        "{out}"
    );
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("man1");
    let (exit, ..) = run(&["man", "--out", path.to_str().unwrap()]).await;
    assert_eq!(exit, Exit::Done);
    for page in [
        "vbatch.1",
        "vbatch-submit.1",
        "vbatch-wait.1",
        "vbatch-admin-credits.1",
    ] {
        assert!(path.join(page).is_file(), "{page}");
    }
}

#[tokio::test]
async fn the_help_documents_every_exit_code() {
    let (exit, out, _) = run(&["--help"]).await;
    assert_eq!(exit, Exit::Done);
    for code in [
        "0 done",
        "1 items failed",
        "2 wrong usage",
        "3 not signed in",
        "4 server not",
        "5 not enough",
        "6 not found",
        "7 refused",
        "8 a file",
        "124",
        "130",
    ] {
        let flat = out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(code), "{code}");
    }
}

#[tokio::test]
async fn errors_are_said_in_the_language_asked_for() {
    // Nothing listens there any more.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let (exit, _, err) = run(&["--server", &address, "--lang", "zh", "ls"]).await;
    assert_eq!(exit, Exit::Unreachable);
    assert!(err.contains("连不上服务器"), "{err}");
    let (exit, _, err) = run(&["--server", &address, "--lang", "en", "ls"]).await;
    assert_eq!(exit, Exit::Unreachable);
    assert!(err.contains("is not reached"), "{err}");
}

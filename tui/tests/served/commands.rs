//! Whole commands: what they print, where, and how they exit.

use std::io::{self, Cursor, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use tonic::Code;
use vbatch_tui::cli;
use vbatch_tui::cli::exit::Exit;
use vbatch_tui::cli::io::{Io, Output};
use vbatch_tui::credentials::Credentials;
use vision_batch::v1;
use vision_batch::v1::video_item::State;

use super::fake::{BATCH_ID, Fake, batch, item, refusal, sha256};
use super::streams::{complete, end, snapshot, update};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Captured {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

struct Ran {
    exit: Exit,
    out: String,
    err: String,
}

/// Runs a command line on the fake. `~` stands for a space within an argument.
async fn run_with(fake: &Fake, line: &str, stdin: &str, credentials: Option<Credentials>) -> Ran {
    let (out, err) = (Captured::default(), Captured::default());
    let mut io = Io {
        stdin: Box::new(Cursor::new(stdin.to_owned().into_bytes())),
        stdout: Output::new(out.clone()),
        stderr: Output::new(err.clone()),
        can_ask: false,
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        width: None,
        credentials,
        elsewhere: None,
    };
    let args = std::iter::once("vbatch").chain(line.split(' '));
    let args: Vec<String> = args.map(|arg| arg.replace('~', " ")).collect();
    let exit = match cli::run(args, &mut io, Some(fake.client().with_token("t"))).await {
        cli::Task::Ended(exit) => exit,
        cli::Task::Screen { .. } => panic!("the screen was asked for"),
    };
    Ran {
        exit,
        out: out.text(),
        err: err.text(),
    }
}

async fn run(fake: &Fake, line: &str) -> Ran {
    run_with(fake, line, "", None).await
}

fn with_batch(state: v1::batch::State, completed: i32, failed: i32) -> Fake {
    let fake = Fake::default();
    fake.script().batches = vec![batch(state, completed, failed, 2)];
    fake.script().items = vec![item(1, State::Completed), item(2, State::Failed)];
    fake
}

#[tokio::test]
async fn ls_lines_up_and_goes_through_all_pages() {
    let fake = with_batch(v1::batch::State::Completed, 2, 0);
    fake.script().batches.push(v1::Batch {
        id: "0198c0de-0000-7000-8000-0000aaaabbbb".into(),
        name: "onboarding".into(),
        engine: "lightx2v".into(),
        ..batch(v1::batch::State::Processing, 1, 0, 2)
    });
    let ran = run(&fake, "ls").await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.len(), 3, "{}", ran.out);
    assert!(
        lines[1].starts_with("d3a17b1f  春季宣传片  PREVIEW "),
        "{}",
        lines[1]
    );
    // Ten cells each: five wide characters, ten narrow ones.
    assert!(
        lines[2].starts_with("aaaabbbb  onboarding  lightx2v"),
        "{}",
        lines[2]
    );

    let ran = run(&fake, "ls --json --all").await;
    assert_eq!(ran.out.lines().count(), 2);
    for line in ran.out.lines() {
        let page: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(page["batches"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn batches_are_found_by_their_last_digits() {
    let fake = with_batch(v1::batch::State::Completed, 1, 1);
    // Has the digits in its name only: it is not meant.
    fake.script().batches.push(v1::Batch {
        id: "0198c0de-0000-7000-8000-0000aaaabbbb".into(),
        name: "about 7b1f".into(),
        ..v1::Batch::default()
    });
    let ran = run(&fake, "show 7b1f").await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    assert!(ran.out.starts_with(BATCH_ID), "{}", ran.out);
    assert!(ran.out.contains("portrait_02.png"), "{}", ran.out);

    fake.script().batches.push(v1::Batch {
        id: "0198c0de-0000-7000-8000-0000cccc7b1f".into(),
        name: "twin".into(),
        ..v1::Batch::default()
    });
    let ran = run(&fake, "show 7b1f").await;
    assert_eq!(ran.exit, Exit::Usage);
    assert!(ran.err.contains("0000cccc7b1f"), "{}", ran.err);
    assert_eq!(run(&fake, "show d3a17b1f").await.exit, Exit::Done);
    assert_eq!(run(&fake, "show eeee").await.exit, Exit::NotFound);
    assert_eq!(run(&fake, "show 7b").await.exit, Exit::Usage);
}

#[tokio::test]
async fn refusals_become_exit_codes_and_words() {
    let fake = with_batch(v1::batch::State::Completed, 1, 1);
    let ran = run(&fake, "cancel 7b1f").await;
    assert_eq!(ran.exit, Exit::Refused);
    assert!(ran.err.contains("ALREADY_FINISHED"), "{}", ran.err);
    assert_eq!(ran.out, "");

    let ran = run(&fake, "retry 7b1f").await;
    assert_eq!(ran.exit, Exit::NoCredits);
    assert!(ran.err.contains("required 2"), "{}", ran.err);
    assert_eq!(fake.script().retried[0].states, [i32::from(State::Failed)]);
    assert!(!fake.script().retried[0].request_id.is_empty());

    let ran = run(&fake, "cancel 7b1f 2 1 --json").await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    assert_eq!(fake.script().cancelled[0].item_ids.len(), 2);
    let answer: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(answer["itemCount"], 2);

    assert_eq!(
        run(&fake, &format!("show {}", BATCH_ID.replace('d', "e")))
            .await
            .exit,
        Exit::NotFound
    );
    fake.script().refuse_all = Some(refusal(Code::Unauthenticated, "TOKEN_EXPIRED", &[]));
    let ran = run(&fake, "whoami").await;
    assert_eq!(ran.exit, Exit::NotSignedIn);
    assert!(ran.err.contains("vbatch login"), "{}", ran.err);
    fake.script().refuse_all = Some(tonic::Status::unavailable("connection refused"));
    assert_eq!(run(&fake, "whoami").await.exit, Exit::Unreachable);
}

#[tokio::test]
async fn a_quote_that_is_not_affordable_exits_so() {
    let fake = Fake::default();
    let ran = run(&fake, "quote --count 2 --duration 48s").await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    assert!(ran.out.starts_with("2 x 2 = 4 credits"), "{}", ran.out);
    assert_eq!(
        run(&fake, "quote --count 3 --duration 48s").await.exit,
        Exit::NoCredits
    );
}

#[tokio::test]
async fn wait_and_watch_tell_success_from_failure() {
    use v1::stream_end::Reason::BatchFinished;

    for (failed, exit) in [(0, Exit::Done), (1, Exit::ItemsFailed)] {
        let fake = with_batch(v1::batch::State::Processing, 0, 0);
        let finished = batch(v1::batch::State::Completed, 2 - failed, failed, 2);
        let play = || {
            vec![
                snapshot(batch(v1::batch::State::Processing, 0, 0, 2)),
                complete(1),
                update(finished.clone(), vec![item(1, State::Completed)], 2),
                end(BatchFinished),
            ]
        };
        fake.script().streams.extend([play(), play(), play()]);
        let ran = run(&fake, "wait 7b1f").await;
        assert_eq!(ran.exit, exit, "{}", ran.err);
        assert_eq!(ran.out, "");
        let ran = run(&fake, "watch 7b1f").await;
        assert_eq!(ran.exit, exit, "{}", ran.err);
        assert!(
            ran.out.contains("portrait_01.png  completed"),
            "{}",
            ran.out
        );
        let ran = run(&fake, "watch 7b1f --json -q").await;
        assert_eq!((ran.exit, ran.err.as_str()), (exit, ""));
        let events: Vec<serde_json::Value> = ran
            .out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(events.len(), 4);
        assert_eq!(events[3]["end"]["reason"], "REASON_BATCH_FINISHED");
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_with_its_time() {
    let fake = with_batch(v1::batch::State::Processing, 0, 0);
    fake.script().streams.extend([vec![
        snapshot(batch(v1::batch::State::Processing, 0, 0, 2)),
        super::fake::Step::Hang,
    ]]);
    let ran = run(&fake, &format!("wait {BATCH_ID} --timeout 20s")).await;
    assert_eq!(ran.exit, Exit::TimedOut, "{}", ran.err);
    assert_eq!(ran.exit.code(), 124);
}

#[tokio::test]
async fn submit_uploads_waits_and_saves() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    std::fs::write(path("a.png"), "image").unwrap();
    std::fs::write(path("v.mp3"), "audio").unwrap();
    let fake = with_batch(v1::batch::State::Completed, 2, 0);
    let video = vec![7; 4_000];
    {
        let mut script = fake.script();
        script.file = video.clone();
        script.items = vec![item(1, State::Completed)];
        script.streams.extend([vec![
            snapshot(batch(v1::batch::State::Completed, 2, 0, 2)),
            complete(1),
            end(v1::stream_end::Reason::BatchFinished),
        ]]);
    }
    let ran = run(
        &fake,
        &format!(
            "submit {} --audio {} --name 春季~一 --label k=v --max-credits 1 --download {}",
            path("a.png"),
            path("v.mp3"),
            path("out")
        ),
    )
    .await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines, [BATCH_ID, &path("out/portrait_01.mp4")]);
    assert_eq!(std::fs::read(path("out/portrait_01.mp4")).unwrap(), video);
    let script = fake.script();
    assert_eq!(script.specs[0].name, "春季 一");
    assert_eq!(script.specs[0].max_credits, Some(1));
    assert_eq!(script.headers[1].filename, "a.png");
}

fn with_video(video: &[u8]) -> Fake {
    let fake = with_batch(v1::batch::State::Completed, 1, 1);
    let mut first = item(1, State::Completed);
    first.result = Some(v1::VideoResult {
        size_bytes: i64::try_from(video.len()).unwrap(),
        sha256: sha256(video),
        ..v1::VideoResult::default()
    });
    fake.script().items[0] = first;
    fake.script().file = video.to_vec();
    fake
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_download_goes_on_with_what_an_earlier_one_left() {
    let directory = tempfile::tempdir().unwrap();
    let video: Vec<u8> = (0..9_000_u32).map(|byte| (byte % 253) as u8).collect();
    let fake = with_video(&video);
    std::fs::write(
        directory.path().join("portrait_01.mp4.part"),
        &video[..3_500],
    )
    .unwrap();
    let line = format!("download 7b1f --out {}", directory.path().display());
    let ran = run(&fake, &line).await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    assert_eq!(fake.script().offsets, [3_500]);
    assert_eq!(names(directory.path()), ["portrait_01.mp4"]);
    assert_eq!(
        std::fs::read(directory.path().join("portrait_01.mp4")).unwrap(),
        video
    );

    // It is there: nothing is asked for again.
    let ran = run(&fake, &line).await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    assert_eq!(fake.script().offsets.len(), 1);
    assert!(ran.err.contains("already"), "{}", ran.err);
}

#[tokio::test]
async fn what_is_left_of_another_file_is_thrown_away() {
    let video = vec![1; 2_000];
    // Of the same length or shorter: found out by the digest. Longer: the server says so.
    for stale in [vec![2; 1_000], vec![2; 5_000]] {
        let directory = tempfile::tempdir().unwrap();
        let fake = with_video(&video);
        std::fs::write(directory.path().join("portrait_01.mp4.part"), &stale).unwrap();
        let ran = run(
            &fake,
            &format!("download 7b1f 1 --out {}", directory.path().display()),
        )
        .await;
        assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
        assert_eq!(
            fake.script().offsets,
            [i64::try_from(stale.len()).unwrap(), 0]
        );
        assert_eq!(
            std::fs::read(directory.path().join("portrait_01.mp4")).unwrap(),
            video
        );
    }
}

#[tokio::test]
async fn a_video_that_arrives_damaged_gets_no_name() {
    let directory = tempfile::tempdir().unwrap();
    let fake = with_video(&[1; 2_000]);
    fake.script().announced_sha256 = Some(sha256(b"another"));
    let ran = run(
        &fake,
        &format!("download 7b1f --out {}", directory.path().display()),
    )
    .await;
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("SHA-256"), "{}", ran.err);
    assert_eq!(names(directory.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_file_of_the_users_own_is_not_replaced_unasked() {
    let directory = tempfile::tempdir().unwrap();
    let mine = directory.path().join("portrait_01.mp4");
    std::fs::write(&mine, "my own").unwrap();
    let fake = with_video(&[1; 2_000]);
    let line = format!("download 7b1f --out {}", directory.path().display());
    assert_eq!(run(&fake, &line).await.exit, Exit::Refused);
    assert_eq!(std::fs::read(&mine).unwrap(), b"my own");
    assert_eq!(
        run(&fake, &format!("{line} --overwrite")).await.exit,
        Exit::Done
    );
    assert_eq!(std::fs::read(&mine).unwrap(), [1; 2_000]);
}

#[tokio::test]
async fn bytes_go_to_stdout_when_asked_to() {
    let fake = with_video(b"the video");
    let ran = run(&fake, "download 7b1f --out - -q").await;
    assert_eq!(
        (ran.exit, ran.out.as_str(), ran.err.as_str()),
        (Exit::Done, "the video", "")
    );
    let ran = run(&fake, "export 7b1f -o - -q").await;
    assert_eq!((ran.exit, ran.out.as_str()), (Exit::Done, "the video"));
    fake.script().items[1].state = State::Completed.into();
    assert_eq!(run(&fake, "download 7b1f --out -").await.exit, Exit::Usage);
}

#[tokio::test]
async fn login_changes_the_password_that_is_due_and_prints_no_token() {
    let fake = Fake::default();
    fake.script().password_due = true;
    let ran = run_with(
        &fake,
        "login wang --password-stdin --new-password-stdin --json",
        "right\nbetter than right\n",
        None,
    )
    .await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    assert_eq!(fake.script().passwords, ["right", "better than right"]);
    assert!(!ran.out.contains("token-of"), "{}", ran.out);

    let ran = run_with(&fake, "login wang --password-stdin", "wrong\n", None).await;
    assert_eq!(ran.exit, Exit::NotSignedIn);
    // Nobody can be asked here.
    assert_eq!(run(&fake, "login wang").await.exit, Exit::Usage);
    assert_eq!(run(&fake, "login").await.exit, Exit::Usage);
}

#[tokio::test]
async fn sessions_are_kept_used_and_forgotten_over_a_real_socket() {
    let fake = Fake::default();
    fake.script().token_life = 3_600;
    let server = fake.listen().await;
    let directory = tempfile::tempdir().unwrap();
    let credentials = Credentials::at(directory.path().join("credentials.json"));
    let command = async |line: &str, stdin: &str| {
        let (out, err) = (Captured::default(), Captured::default());
        let mut io = Io {
            stdin: Box::new(Cursor::new(stdin.to_owned().into_bytes())),
            stdout: Output::new(out.clone()),
            stderr: Output::new(err.clone()),
            can_ask: false,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            width: None,
            credentials: Some(credentials.clone()),
            elsewhere: None,
        };
        let line = format!("vbatch --server {server} {line}");
        match cli::run(line.split(' '), &mut io, None).await {
            cli::Task::Ended(exit) => (exit, out.text()),
            cli::Task::Screen { .. } => panic!("the screen was asked for"),
        }
    };
    let (exit, _) = command("login wang --password-stdin", "right\n").await;
    assert_eq!(exit, Exit::Done);
    let (exit, out) = command("whoami", "").await;
    assert_eq!(exit, Exit::Done);
    assert!(out.starts_with("wang  42 credits"), "{out}");
    assert_eq!(fake.script().tokens, ["Bearer token-of-login"]);
    assert_eq!(command("logout", "").await.0, Exit::Done);
    assert_eq!(credentials.load(&server.parse().unwrap()).unwrap(), None);
}

#[tokio::test]
async fn nobody_listening_is_an_exit_code_of_its_own() {
    // A port that was free a moment ago, and that nobody took since: it is bound, but does not listen.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let err = Captured::default();
    let mut io = Io {
        stdin: Box::new(Cursor::new(Vec::new())),
        stdout: Output::new(io::sink()),
        stderr: Output::new(err.clone()),
        can_ask: false,
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        width: None,
        credentials: None,
        elsewhere: None,
    };
    let line = format!("vbatch --server {address} ls");
    let task = cli::run(line.split(' '), &mut io, None).await;
    assert!(
        matches!(task, cli::Task::Ended(Exit::Unreachable)),
        "{}",
        err.text()
    );
    assert!(err.text().contains(&address.to_string()), "{}", err.text());
}

#[tokio::test]
async fn a_closed_pipe_is_success() {
    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    let fake = with_video(b"the video");
    for line in [
        "ls",
        "ls --json",
        "show 7b1f",
        "download 7b1f --out -",
        "--help",
    ] {
        let err = Captured::default();
        let mut io = Io {
            stdin: Box::new(Cursor::new(Vec::new())),
            stdout: Output::new(Closed),
            stderr: Output::new(err.clone()),
            can_ask: false,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            width: None,
            credentials: None,
            elsewhere: None,
        };
        let args: Vec<&str> = std::iter::once("vbatch").chain(line.split(' ')).collect();
        let task = cli::run(args, &mut io, Some(fake.client())).await;
        assert!(
            matches!(task, cli::Task::Ended(Exit::Done)),
            "{line}: {}",
            err.text()
        );
        assert!(!err.text().contains("vbatch:"), "{line}: {}", err.text());
    }
}

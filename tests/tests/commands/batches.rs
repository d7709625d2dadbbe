//! Batches by commands: from stdin and from files, quietly, with a time limit, put aside and deleted.

use vbatch_tests::programs::{Daemon, folder, media};

use super::desk::Desk;

#[test]
fn submit_and_wait_need_nothing_else_when_signed_in() {
    let data = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let desk = Desk::of_admin(&daemon);
    let ran = desk.run(&format!("{} --wait", desk.submission()));
    assert_eq!(ran.code, 0, "{ran:?}");
    // Data on stdout, words on stderr.
    let id = ran.out.trim_end();
    assert_eq!((ran.out.lines().count(), id.len()), (1, 36), "{ran:?}");
    assert!(ran.err.contains("2 of 2 completed"), "{ran:?}");

    let quiet = desk.run(&format!("wait {id} -q"));
    assert_eq!(
        (quiet.code, quiet.out.as_str(), quiet.err.as_str()),
        (0, "", "")
    );
    // By its last digits, and as a line of JSON a message.
    let short = &id[id.len() - 8..];
    let batch = desk.run(&format!("wait {short} --json")).json();
    assert_eq!(batch["batch"]["itemCounts"]["completed"], 2, "{batch}");

    let saved = desk
        .run(&format!("download {short} --out videos -q"))
        .done();
    assert_eq!(saved, "videos/portrait_01.mp4\nvideos/王芳.mp4\n");
    // One video goes through a pipe, byte for byte.
    let desk_file = std::fs::read(desk.path("videos/王芳.mp4")).unwrap();
    assert_eq!(&desk_file[4..8], b"ftyp");
    let table = desk.run("ls").done();
    let row = table.lines().nth(1).unwrap();
    assert!(
        row.starts_with(short) && row.contains("COMPLETED"),
        "{table}"
    );
}

#[test]
fn a_hyphen_stands_for_stdin_once() {
    let data = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let desk = Desk::of_admin(&daemon);
    desk.submission();
    let voice = std::fs::read(media("speech.mp3")).unwrap();
    let id = desk
        .type_in("submit pics/王芳.png --audio - --wait -q", voice)
        .done();
    let batch = desk.run(&format!("show {} --json", id.trim_end())).done();
    let batch: serde_json::Value = serde_json::from_str(batch.lines().next().unwrap()).unwrap();
    assert_eq!(batch["batch"]["audio"]["filename"], "stdin", "{batch}");

    let list = "pics/portrait_01.png\npics/王芳.png\n";
    let answer = desk.type_in("submit - --audio a.mp3 --json", list).json();
    assert_eq!(answer["batch"]["itemCounts"]["total"], 2, "{answer}");

    let prompt = "站在春天里，\n微笑\n";
    let answer = desk
        .type_in(
            "submit pics/王芳.png --audio a.mp3 --prompt - --json",
            prompt,
        )
        .json();
    assert_eq!(answer["batch"]["prompt"], "站在春天里，\n微笑", "{answer}");

    let twice = desk.type_in("submit - --audio - ", "");
    assert_eq!(twice.code, 2, "{twice:?}");
    assert_eq!(desk.type_in("submit - --audio a.mp3", "\n").code, 2);
}

#[test]
fn every_exit_code_means_what_the_help_says() {
    let data = folder();
    // Never called: what is asked for is refused before, or waits while dispatch is paused.
    let upstream = [
        ("LIGHTX2V_BASE_URL", "http://127.0.0.1:9"),
        ("LIGHTX2V_ACCESS_TOKEN", "no.such.token"),
    ];
    let daemon = Daemon::start(data.path(), &upstream, &[]);
    let desk = Desk::at(&daemon);
    assert_eq!(desk.run("ls").code, 3, "nobody has signed in");
    let wrong = desk.type_in("login admin --password-stdin", "wrong\n");
    assert_eq!(wrong.code, 3, "{wrong:?}");
    let first = desk.type_in("login admin --password-stdin --no-input", "admin\n");
    assert_eq!(
        first.code, 2,
        "a new password is due and nobody can be asked: {first:?}"
    );
    let due = desk.run("ls");
    assert_eq!(due.code, 3, "{due:?}");
    assert!(due.err.contains("vbatch passwd"), "{due:?}");
    desk.sign_in("admin", "admin");

    desk.run("admin pause").done();
    let submission = desk.submission();
    let id = desk.run(&format!("{submission} -q")).done();
    let id = id.trim_end();
    let waited = desk.run(&format!("wait {id} --timeout 0"));
    assert_eq!(waited.code, 124, "{waited:?}");
    assert!(waited.err.contains("goes on"), "{waited:?}");
    assert_eq!(
        desk.run(&format!("delete {id} --yes")).code,
        7,
        "not finished"
    );
    desk.run(&format!("cancel {id}")).done();
    assert_eq!(
        desk.run(&format!("wait {id}")).code,
        1,
        "its items are cancelled"
    );
    assert_eq!(
        desk.run(&format!("cancel {id}")).code,
        7,
        "finished already"
    );
    desk.run("admin credits admin =1").done();
    let poor = desk.run(&submission);
    assert_eq!(poor.code, 5, "{poor:?}");
    assert!(poor.err.contains("INSUFFICIENT_CREDITS"), "{poor:?}");
    assert_eq!(desk.run(&format!("retry {id} --cancelled")).code, 5);
    assert_eq!(
        desk.run("show 0198c0de-0000-7000-8000-000000000000").code,
        6
    );
    assert_eq!(desk.run("submit no.png --audio a.mp3").code, 8);
    assert_eq!(desk.run("fly").code, 2);
    daemon.kill();
    let unreachable = desk.run("ls");
    assert_eq!(unreachable.code, 4, "{unreachable:?}");
}

#[test]
fn ctrl_c_detaches_and_says_how_to_return() {
    let data = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let desk = Desk::of_admin(&daemon);
    desk.run("admin pause").done();
    let id = desk.run(&format!("{} -q", desk.submission())).done();
    let short = id.trim_end()[28..].to_owned();
    for (command, begun) in [("watch", "pending"), ("wait", "0/2 completed")] {
        let mut terminal = desk.at_terminal(&format!("{command} {short}"));
        terminal.until_text(begun);
        terminal.type_keys("\x03");
        let (code, written) = terminal.ended();
        assert_eq!(code, 130);
        let written = String::from_utf8_lossy(&written);
        let way_back = format!("watch {short}");
        assert!(
            written.contains("Detached") && written.contains(&way_back),
            "{written}"
        );
        assert!(written.contains(&daemon.address.to_string()), "{written}");
    }
    // It went on: nothing was cancelled.
    let batch = desk.run(&format!("show {short} --json")).done();
    assert!(batch.contains("\"pending\":2"), "{batch}");
}

#[test]
fn a_batch_is_deleted_when_that_is_said_and_not_before() {
    let data = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let desk = Desk::of_admin(&daemon);
    let id = desk.finished_batch();
    for line in [format!("delete {id}"), format!("delete {id} --no-input")] {
        let refused = desk.type_in(&line, "y\n");
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.err.contains("--yes"), "{refused:?}");
    }
    let mut terminal = desk.at_terminal(&format!("delete {id}"));
    let question = terminal.until_text("[y/N]");
    assert!(
        question.contains("2 items") && question.contains("2 finished videos"),
        "{question}"
    );
    terminal.type_keys("\r");
    let (code, written) = terminal.ended();
    assert_eq!(code, 130, "{}", String::from_utf8_lossy(&written));
    desk.run(&format!("show {id}")).done();

    let mut terminal = desk.at_terminal(&format!("delete {id}"));
    terminal.until_text("[y/N]");
    terminal.type_keys("y\r");
    assert_eq!(terminal.ended().0, 0);
    assert_eq!(desk.run(&format!("show {id}")).code, 6);

    let id = desk.finished_batch();
    let answer = desk
        .run(&format!("delete {id} --yes --json --no-input"))
        .json();
    let freed: i64 = answer["freedBytes"].as_str().unwrap().parse().unwrap();
    assert!(freed > 1_000, "{answer}");
}

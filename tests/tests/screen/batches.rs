//! A batch from its submission to its videos, by keys alone.

use vbatch_tests::programs::{Daemon, folder};
use vbatch_tests::upstream::config::UpstreamConfig;
use vbatch_tests::upstream::tasks::Script;

use super::modes::assert_given_back;
use super::person::{ESC, first_sign_in, material, open, submit, upstream, variables_of};

#[test]
fn from_sign_in_to_completed_by_keys_alone() {
    let data = folder();
    let home = folder();
    let material = material();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let working = material.path().to_str().unwrap().to_owned();
    let mut terminal = open(&daemon, home.path(), &[("PWD", &working)], 80, 24);

    first_sign_in(&mut terminal);
    submit(
        &mut terminal,
        "Spring",
        material.path(),
        "balance 9,999 -> 9,999",
    );
    let batch = terminal.until("both are done", |screen| {
        screen.contains("2/2") && screen.matches(" done").count() >= 2
    });
    assert!(batch.contains("Spring"), "{batch}");
    assert!(batch.contains("王芳-正面照.png"), "{batch}");

    // The list says that these are previews, and the terminal is given back as it was found.
    terminal.type_keys(ESC);
    let list = terminal.until_text("completed");
    assert!(list.contains("PREVIEW"), "{list}");
    terminal.type_keys("q");
    assert_eq!(terminal.ended().0, 0);
    assert_given_back(&terminal);
}

#[test]
fn a_finished_video_is_saved_where_the_person_works() {
    let (data, home, material) = (folder(), folder(), material());
    let daemon = Daemon::start(data.path(), &[], &[]);
    let working = material.path().to_str().unwrap().to_owned();
    let mut terminal = open(&daemon, home.path(), &[("PWD", &working)], 100, 30);
    first_sign_in(&mut terminal);
    submit(
        &mut terminal,
        "Spring",
        material.path(),
        "balance 9,999 -> 9,999",
    );
    terminal.until("both are done", |screen| {
        screen.contains("2/2") && screen.matches(" done").count() >= 2
    });
    terminal.type_keys("d");
    terminal.until("it is saved", |screen| {
        screen.contains("Saved ") && screen.contains(".mp4")
    });
    terminal.type_keys("q");
    assert_eq!(terminal.ended().0, 0);

    let saved: Vec<_> = std::fs::read_dir(material.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && !path.ends_with("speech.mp3"))
        .collect();
    let [video] = saved.as_slice() else {
        panic!("one video and nothing half there: {saved:?}")
    };
    let name = video.file_name().unwrap().to_str().unwrap();
    assert!(
        ["portrait_01.mp4", "王芳-正面照.mp4"].contains(&name),
        "{name}"
    );
    let film = std::fs::read(video).unwrap();
    assert_eq!(&film[4..8], b"ftyp", "an MP4");
    assert!(
        film.windows(4).any(|bytes| bytes == b"moov"),
        "with its index"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_given_back_and_tried_again() {
    let (data, home, material) = (folder(), folder(), material());
    let upstream = upstream(UpstreamConfig::default()).await;
    upstream.script_next(Script::failing("CUDA out of memory"));
    let variables = variables_of(&upstream);
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let daemon = Daemon::start(data.path(), &variables, &[]);
    let working = material.path().to_str().unwrap().to_owned();
    let mut terminal = open(&daemon, home.path(), &[("PWD", &working)], 100, 30);
    first_sign_in(&mut terminal);
    submit(
        &mut terminal,
        "Spring",
        material.path(),
        "balance 9,999 -> 9,997",
    );
    terminal.until("one failed and its credit is back", |screen| {
        screen.contains("1/2") && screen.contains("1 failed") && screen.contains("9,998 cr")
    });
    terminal.type_keys("R");
    terminal.until("what it costs", |screen| {
        screen.contains("again?")
            && screen.contains("It costs 1 credit.")
            && screen.contains("Balance 9,998 -> 9,997.")
    });
    // What spends asks, and the answer is No unless it is said.
    terminal.type_keys(ESC);
    terminal.until("nothing is asked", |screen| !screen.contains("again?"));
    terminal.type_keys("R");
    terminal.until_text("again?");
    terminal.type_keys("y");
    terminal.until("both are done and paid", |screen| {
        screen.contains("2/2") && screen.contains("9,997 cr") && !screen.contains("1 failed")
    });
    assert_eq!(upstream.tasks().len(), 3, "two, and one again");
    terminal.type_keys("q");
    assert_eq!(terminal.ended().0, 0);
}

//! Commands over SSH: their answers and exit codes, what streams through them, and what they cannot reach.

use std::path::Path;
use std::process::Command;

use vbatch_tests::programs::{folder, media};
use vision_batch::v1;

use super::console::{Console, said};

/// An archive of two pictures, a voice, and what is neither.
fn archive(home: &Path) -> std::path::PathBuf {
    let material = folder();
    let pictures = material.path().join("pics");
    std::fs::create_dir(&pictures).unwrap();
    std::fs::copy(media("face.png"), pictures.join("portrait_01.png")).unwrap();
    std::fs::copy(media("face_lossy.webp"), pictures.join("王芳-正面照.webp")).unwrap();
    std::fs::copy(media("speech.mp3"), material.path().join("voice.mp3")).unwrap();
    std::fs::write(material.path().join("notes.txt"), "neither").unwrap();
    // A link to the server's own file, should anything follow it.
    std::os::unix::fs::symlink("/etc/passwd", pictures.join("portrait_02.png")).unwrap();
    let path = home.join("material.tar");
    let made = Command::new("tar")
        .arg("cf")
        .arg(&path)
        .arg("-C")
        .arg(material.path())
        .args(["pics", "voice.mp3", "notes.txt"])
        .status();
    assert!(made.unwrap().success());
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_goes_in_and_videos_come_out() {
    let Some(console) = Console::with_key(&[]).await else {
        return;
    };
    let archive = archive(console.home.path());
    let submitted = console.run(
        &[
            "submit", "--tar", "-", "--name", "spring", "--engine", "preview", "--wait",
        ],
        Some(&archive),
    );
    assert_eq!(submitted.status.code(), Some(0), "{}", said(&submitted));
    let stderr = String::from_utf8_lossy(&submitted.stderr);
    assert!(stderr.contains("notes.txt"), "{stderr}");
    let id = String::from_utf8(submitted.stdout.clone()).unwrap();
    let id = id.lines().next().unwrap().trim();

    // As JSON, a message a line.
    let listed = console.run(&["ls", "--json"], None);
    assert_eq!(listed.status.code(), Some(0), "{}", said(&listed));
    let line = String::from_utf8(listed.stdout).unwrap();
    let page: serde_json::Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    let batch = &page["batches"][0];
    assert_eq!(batch["id"], id);
    assert_eq!(batch["state"], "STATE_COMPLETED");
    assert_eq!(batch["itemCounts"]["completed"], 2, "{batch}");

    let video = console.run(&["download", id, "1"], None);
    assert_eq!(
        video.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&video.stderr)
    );
    assert_eq!(&video.stdout[4..8], b"ftyp");
    let zip = console.run(&["export", id], None);
    assert_eq!(
        zip.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&zip.stderr)
    );
    assert!(zip.stdout.starts_with(b"PK\x03\x04"));
    // The video is in it as it is, stored and not packed again.
    let whole = zip
        .stdout
        .windows(video.stdout.len())
        .any(|part| part == video.stdout);
    assert!(whole, "the first video is in the archive");
    assert!(String::from_utf8_lossy(&zip.stdout).contains("王芳-正面照"));

    // Nothing was left where archives wait.
    let left: Vec<_> = std::fs::read_dir(console.data.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(".tmp"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_end_with_their_own_exit_codes() {
    let Some(console) = Console::with_key(&[]).await else {
        return;
    };
    for (line, code, words) in [
        ("whoami", 0, "admin"),
        ("vbatch whoami --json", 0, "\"username\""),
        ("vbatch --help", 0, "Usage"),
        (
            "show 01980000-0000-7000-8000-000000000000",
            6,
            "no such batch",
        ),
        ("show", 2, "Usage"),
        ("cat /etc/passwd", 2, "cat"),
        ("ls 'unended", 2, "quotation mark"),
        ("login wang", 2, "SSH has signed you in already"),
        ("vbatch --lang zh show", 2, "用法"),
    ] {
        let ran = console.run(&[line], None);
        assert_eq!(ran.status.code(), Some(code), "{line}: {}", said(&ran));
        assert!(said(&ran).contains(words), "{line}: {}", said(&ran));
    }
    // An archive that ends in the middle is refused, and nothing is made of it.
    let archive = archive(console.home.path());
    let whole = std::fs::read(&archive).unwrap();
    let cut = console.path("cut.tar");
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let ran = console.run(&["submit", "--tar", "-", "--engine", "preview"], Some(&cut));
    assert_eq!(ran.status.code(), Some(2), "{}", said(&ran));
    assert!(said(&ran).contains("no tar archive"), "{}", said(&ran));
    let listed = console.run(&["ls", "--json"], None);
    assert!(!said(&listed).contains("itemCounts"), "{}", said(&listed));
}

/// Whatever takes a path is given one of the server's: none is opened, and nothing is written.
#[tokio::test(flavor = "multi_thread")]
async fn no_command_reaches_a_file_of_the_server() {
    let Some(console) = Console::with_key(&[]).await else {
        return;
    };
    let session = console.daemon.sign_in().await;
    let outside = folder();
    let there = outside.path().join("written");
    let there = there.to_str().unwrap();
    let secret = outside.path().join("secret.png");
    std::fs::copy(media("face.png"), &secret).unwrap();
    let secret = secret.to_str().unwrap();
    let nothing = "01980000-0000-7000-8000-000000000000";
    for line in [
        "cat /etc/passwd".to_owned(),
        "sh -c 'cat /etc/passwd'".to_owned(),
        "; cat /etc/passwd".to_owned(),
        "$(cat /etc/passwd)".to_owned(),
        format!("submit {secret} --audio /etc/passwd"),
        format!("submit {secret} --audio {secret} --wait --download {there}"),
        "submit --tar /etc/passwd".to_owned(),
        format!("submit --tar - --wait --download {there}"),
        "quote x.png --audio /etc/passwd".to_owned(),
        format!("download {nothing} --out {there}"),
        format!("export {nothing} --out {there}"),
        format!("rerun {nothing} --wait --download {there}"),
        "admin create-users /etc/passwd".to_owned(),
        "ssh-keys add /etc/passwd".to_owned(),
        format!("man --out {there}"),
        "vbatch --server unix:/etc/passwd ls".to_owned(),
    ] {
        let ran = console.run(&[&line], None);
        assert_ne!(ran.status.code(), Some(0), "{line}: {}", said(&ran));
        assert!(!said(&ran).contains("root:"), "{line}: {}", said(&ran));
    }
    assert!(!outside.path().join("written").exists());
    // Nor is anything stored of what was named.
    let mut batches = v1::batch_service_client::BatchServiceClient::new(session.channel.clone());
    let list = batches.list_batches(session.request(v1::ListBatchesRequest::default()));
    assert_eq!(list.await.unwrap().into_inner().batches, []);
}

//! The program `vbatchd` from outside: what it says when it cannot start.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn vbatchd(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vbatchd"));
    command
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data_dir)
        .stdin(Stdio::null());
    for name in [
        "LIGHTX2V_BASE_URL",
        "LIGHTX2V_ACCESS_TOKEN",
        "VBATCH_CONFIG",
        "VBATCH_ENGINE",
    ] {
        command.env_remove(name);
    }
    command
}

/// Runs one that is expected to end by itself.
fn ended(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

/// Starts one and waits until it listens.
fn running(data_dir: &Path) -> Child {
    let mut child = vbatchd(data_dir).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.starts_with("vbatchd listens on 127.0.0.1:"), "{line}");
    child
}

#[test]
fn a_data_directory_in_use_is_refused_in_words() {
    let data = tempfile::tempdir().unwrap();
    let mut first = running(data.path());
    let (code, words) = ended(&mut vbatchd(data.path()));
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(code, Some(1));
    assert!(words.contains("in use"), "{words}");
}

#[test]
fn an_address_that_others_reach_is_refused_until_there_is_encryption() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("never-made");
    let (code, words) = ended(vbatchd(&folder).args(["--listen", "0.0.0.0:0"]));
    // The flag may be given once only; the configuration file says it instead.
    assert_eq!(code, Some(2), "{words}");
    let file = data.path().join("config.toml");
    std::fs::write(&file, "listen = '0.0.0.0:0'\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_vbatchd"));
    command.args(["check-config", "--config"]).arg(&file);
    let (code, words) = ended(command.env_remove("LIGHTX2V_ACCESS_TOKEN"));
    assert_eq!(code, Some(1));
    assert!(words.contains("does not encrypt yet"), "{words}");
    assert!(!folder.exists());
}

#[test]
fn a_damaged_database_is_refused_and_left_as_it_is() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("vbatch.redb");
    std::fs::write(&file, "not a database").unwrap();
    let (code, words) = ended(&mut vbatchd(data.path()));
    assert_eq!(code, Some(1));
    assert!(words.contains("vbatch.redb"), "{words}");
    assert_eq!(std::fs::read(&file).unwrap(), b"not a database");
}

#[cfg(unix)]
#[test]
fn what_is_stored_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    let mut child = running(&data);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("vbatch.redb")), 0o600);
    child.kill().unwrap();
    child.wait().unwrap();
}

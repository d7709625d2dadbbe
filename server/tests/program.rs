//! The program `vbatchd` from outside: what it says when it cannot start, and its look at what is stored.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn vbatchd(data_dir: &Path) -> Command {
    vbatchd_at(data_dir, "127.0.0.1:0")
}

fn vbatchd_at(data_dir: &Path, listen: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vbatchd"));
    command
        .args(["--listen", listen, "--data-dir"])
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
fn an_address_that_others_reach_needs_encryption_and_a_password_of_its_own() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("data");
    let exposed = |arguments: &[&str]| {
        let mut command = vbatchd_at(&folder, "0.0.0.0:0");
        command.args(arguments);
        ended(&mut command)
    };
    let (code, words) = exposed(&[]);
    assert_eq!(code, Some(1));
    for way_out in ["--tls", "--tls-cert FILE", "--insecure-no-tls", "127.0.0.1"] {
        assert!(words.contains(way_out), "{words}");
    }
    assert!(!folder.exists());
    for arguments in [&["--tls"][..], &["--insecure-no-tls"]] {
        let (code, words) = exposed(arguments);
        assert_eq!(code, Some(1));
        assert!(words.contains("the password `admin`"), "{words}");
        assert!(words.contains("reset-admin-password"), "{words}");
    }
    // Files that are none are named before anything is served.
    let (code, words) = exposed(&["--tls-cert", "/nowhere.pem", "--tls-key", "/nowhere.key"]);
    assert_eq!(code, Some(1));
    assert!(
        words.contains("cannot read a certificate in /nowhere.pem"),
        "{words}"
    );
}

#[cfg(unix)]
#[test]
fn a_certificate_is_made_once_and_said_at_each_start() {
    let data = tempfile::tempdir().unwrap();
    let said = || {
        let mut child = vbatchd(data.path())
            .arg("--tls")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let found: Vec<String> = lines
            .map_while(Result::ok)
            .skip_while(|line| !line.starts_with("certificate in "))
            .take(2)
            .collect();
        child.kill().unwrap();
        child.wait().unwrap();
        found
    };
    let first = said();
    assert!(first[0].ends_with("tls/certificate.pem"), "{first:?}");
    let fingerprint = first[1].strip_prefix("its SHA-256 fingerprint ").unwrap();
    assert_eq!(fingerprint.split(':').count(), 32, "{first:?}");
    assert_eq!(said(), first);
}

#[cfg(unix)]
#[test]
fn the_admins_password_is_reset_while_the_server_runs_and_when_it_does_not() {
    let data = tempfile::tempdir().unwrap();
    let reset = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vbatchd"));
        command
            .arg("reset-admin-password")
            .arg("--data-dir")
            .arg(data.path())
            .env_remove("VBATCH_CONFIG");
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().unwrap();
        let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
        (status.code(), stdout, stderr)
    };
    let (code, password, words) = reset();
    assert_eq!((code, password.as_str()), (Some(1), ""));
    assert!(words.contains("there is no database in"), "{words}");

    let mut child = running(data.path());
    let (code, while_it_runs, words) = reset();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("must be changed"), "{words}");
    let (code, when_it_does_not, words) = reset();
    assert_eq!(code, Some(0), "{words}");
    for password in [&while_it_runs, &when_it_does_not] {
        assert_eq!(password.trim_end().len(), 23, "{password}");
        assert!(!words.contains(password.trim_end()));
    }
    assert_ne!(while_it_runs, when_it_does_not);
    // With it, the password that everyone knows is gone: others may reach the server.
    let mut command = vbatchd(data.path());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said: Vec<String> = lines.map_while(Result::ok).take(3).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        said.iter()
            .all(|line| !line.contains("with the password `admin`")),
        "{said:?}"
    );
}

fn check_config(text: &str) -> (Option<i32>, String, String) {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("config.toml");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_vbatchd"));
    command.args(["check-config", "--engine", "preview", "--config"]);
    command.arg(&file).env("VBATCH_DATA_DIR", "/tmp/elsewhere");
    command.env("VBATCH_ADMIN_PASSWORD", "hush-hush");
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn check_config_says_every_value_and_whence() {
    let (code, said, errors) = check_config("preview_slots = 2\n");
    assert_eq!(code, Some(0), "{errors}");
    for (key, value, origin) in [
        ("engine", "preview", "flag"),
        ("data_dir", "/tmp/elsewhere", "environment"),
        ("preview_slots", "2", "file"),
        ("listen", "127.0.0.1:50051", "default"),
        ("VBATCH_ADMIN_PASSWORD", "set", "environment"),
    ] {
        let line = said.lines().find(|line| line.starts_with(key)).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words, [key, value, origin]);
    }
    assert!(!said.contains("hush"), "{said}");
}

#[test]
fn check_config_names_each_key_that_there_is_not() {
    let (code, _, errors) = check_config("listne = 1\n[limits]\nimage_bites = 2\n");
    assert_eq!(code, Some(1));
    assert!(
        errors.contains("line 1: there is no key `listne`"),
        "{errors}"
    );
    let second = "line 3: there is no key `limits.image_bites`";
    assert!(errors.contains(second), "{errors}");
    let (code, _, errors) = check_config("[metrics]\nlisten = '0.0.0.0:9464'\n");
    assert_eq!(code, Some(1));
    assert!(errors.contains("--metrics-beyond-loopback"), "{errors}");
}

/// A database as a server leaves it that was killed: not closed, and with an account in it.
fn killed_database() -> Vec<u8> {
    let data = tempfile::tempdir().unwrap();
    let mut child = running(data.path());
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::read(data.path().join("vbatch.redb")).unwrap()
}

/// Whatever is wrong with the file: it is refused with its name and what to do, and stays as it is.
#[test]
fn a_damaged_database_is_refused_and_left_as_it_is() {
    let good = killed_database();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at..at + 8].iter_mut().for_each(|byte| *byte ^= 0xff);
        bytes
    };
    let mut cases = vec![
        ("empty".to_owned(), Vec::new()),
        ("no database".to_owned(), b"not a database".to_vec()),
        (
            "a longer text".to_owned(),
            b"not a database, ".repeat(10_000),
        ),
        ("zeros".to_owned(), vec![0; good.len()]),
        ("its name flipped".to_owned(), flipped(0)),
    ];
    for length in [
        1,
        9,
        64,
        320,
        4_095,
        4_096,
        8_192,
        good.len() / 2,
        good.len() - 1,
    ] {
        cases.push((format!("cut to {length}"), good[..length].to_vec()));
    }
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("vbatch.redb");
    for (name, bytes) in cases {
        std::fs::write(&file, &bytes).unwrap();
        for (command, expected) in [
            (&mut vbatchd(data.path()), 1),
            (&mut verify(data.path()), 2),
        ] {
            let (code, words) = ended(command);
            assert_eq!(code, Some(expected), "{name}: {words}");
            assert!(words.contains("vbatch.redb"), "{name}: {words}");
            assert!(words.contains("restore a backup"), "{name}: {words}");
            assert!(
                std::fs::read(&file).unwrap() == bytes,
                "{name}: it was written"
            );
        }
    }
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let (code, words) = ended(&mut vbatchd(data.path()));
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("it is a folder"), "{words}");
    assert!(file.is_dir());
}

/// Flipped bytes anywhere: the program does not crash; what it does not refuse it has repaired from an older commit or
/// not come across, and then `verify`, which reads every page, either refuses the file or finds nothing wrong.
#[test]
fn flipped_bytes_are_refused_or_harmless_and_never_a_crash() {
    let good = killed_database();
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("vbatch.redb");
    let mut refused = 0;
    let places = [16, 64, 100, 128, 200, 256, 320, 400].into_iter().chain(
        // One in each of many pages.
        (1..good.len() / 4_096).map(|page| page * 4_096 + 40),
    );
    for at in places.take(60) {
        let mut bytes = good.clone();
        bytes[at..at + 8].iter_mut().for_each(|byte| *byte ^= 0xff);
        std::fs::write(&file, &bytes).unwrap();
        let (code, words) = ended(&mut verify(data.path()));
        match code {
            Some(0) => {}
            Some(2) => {
                refused += 1;
                assert!(words.contains("restore a backup"), "{at}: {words}");
            }
            code => panic!("{at}: {code:?} {words}"),
        }
        assert!(
            std::fs::read(&file).unwrap() == bytes,
            "{at}: it was written"
        );
    }
    assert!(refused > 0, "no page that is in use was hit");
}

fn verify(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vbatchd"));
    command
        .arg("verify")
        .arg("--data-dir")
        .arg(data_dir)
        .env_remove("VBATCH_CONFIG")
        .env_remove("VBATCH_DATA_DIR");
    command
}

fn words_of(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// After a clean end and after a kill: everything agrees, and nothing was written.
#[test]
fn a_look_at_a_stopped_server_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("vbatch.redb");
    let mut child = running(data.path());
    child.kill().unwrap();
    child.wait().unwrap();
    let before = std::fs::read(&file).unwrap();
    let output = verify(data.path()).output().unwrap();
    let words = words_of(&output);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(
        words.starts_with("Looked at 1 users, 1 ledger entries, 0 batches"),
        "{words}"
    );
    assert!(words.ends_with("Everything agrees.\n"), "{words}");
    let output = verify(data.path()).arg("--json").output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (output.status.code(), json["ok"].as_bool()),
        (Some(0), Some(true))
    );
    assert_eq!(json["looked_at"]["ledger_entries"], 1);
    assert!(std::fs::read(&file).unwrap() == before, "it was written");
}

#[test]
fn a_look_that_cannot_be_had_says_why() {
    let data = tempfile::tempdir().unwrap();
    let nowhere = data.path().join("nowhere");
    let (code, words) = ended(&mut verify(&nowhere));
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("cannot be opened"), "{words}");
    assert!(!nowhere.exists(), "it makes nothing");
    let (code, _) = ended(verify(&nowhere).arg("--no-such-flag"));
    assert_eq!(code, Some(2));
}

/// Names were put into the database behind the server's back.
#[test]
fn a_look_that_finds_something_names_it_and_exits_with_1() {
    let data = tempfile::tempdir().unwrap();
    let mut child = running(data.path());
    child.kill().unwrap();
    child.wait().unwrap();
    plant(&data.path().join("vbatch.redb"));
    let output = verify(data.path()).output().unwrap();
    let words = words_of(&output);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(words.contains("index: user_names ghost: user"), "{words}");
    assert!(
        words.ends_with("5 differences. Nothing was changed.\n"),
        "{words}"
    );
    let output = verify(data.path()).args(["--most", "2"]).output().unwrap();
    let words = words_of(&output);
    assert_eq!(words.lines().count(), 5, "{words}");
    assert!(words.contains("… and 3 more\n"), "{words}");
    let output = verify(data.path())
        .args(["--json", "--most", "1"])
        .output()
        .unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        (json["ok"].as_bool(), json["difference_count"].as_u64()),
        (Some(false), Some(5))
    );
    assert_eq!(json["differences"][0]["check"], "index");
    assert_eq!(json["differences"].as_array().unwrap().len(), 1);
}

/// Five names of nobody.
fn plant(file: &Path) {
    let database = redb::Database::open(file).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let names = redb::TableDefinition::<&str, u128>::new("user_names");
        let mut names = transaction.open_table(names).unwrap();
        for ghost in ["ghost", "ghost2", "ghost3", "ghost4", "ghost5"] {
            names.insert(ghost, 7).unwrap();
        }
    }
    transaction.commit().unwrap();
}

/// The self-check looks after the server listens, and says in one line what it found.
#[test]
fn a_start_looks_at_everything_and_serves_all_the_same() {
    let data = tempfile::tempdir().unwrap();
    for (planted, level, words) in [
        (false, "INFO", "self-check: everything agrees: 1 users"),
        (true, "ERROR", "self-check: 5 differences in 1 users"),
    ] {
        if planted {
            plant(&data.path().join("vbatch.redb"));
        }
        let mut command = vbatchd(data.path());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut listening = BufReader::new(child.stdout.take().unwrap());
        listening.read_line(&mut line).unwrap();
        assert!(line.starts_with("vbatchd listens on"), "{line}");
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        let told = log
            .map_while(Result::ok)
            .find(|line| line.contains("self-check"));
        child.kill().unwrap();
        child.wait().unwrap();
        let told = told.unwrap();
        assert!(told.contains(level) && told.contains(words), "{told}");
    }
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

//! The server as systemd runs it.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;

use vbatch_tests::programs::{DEADLINE, Daemon, folder};

use crate::packaged;

/// The next word to the service manager.
fn told(manager: &UnixDatagram) -> String {
    let mut word = [0; 256];
    let length = manager.recv(&mut word).unwrap();
    String::from_utf8_lossy(&word[..length]).trim().to_owned()
}

fn manager(path: &Path) -> UnixDatagram {
    let socket = UnixDatagram::bind(path).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket
}

#[test]
fn the_manager_is_told_of_the_start_of_life_and_of_the_end() {
    let data = folder();
    let path = data.path().join("notify");
    let manager = manager(&path);
    let daemon = Daemon::start(
        &data.path().join("data"),
        &[
            ("NOTIFY_SOCKET", path.to_str().unwrap()),
            ("WATCHDOG_USEC", "20000"),
        ],
        &[],
    );
    assert_eq!(told(&manager), "READY=1");
    for _ in 0..3 {
        assert_eq!(told(&manager), "WATCHDOG=1");
    }
    daemon.signal("TERM");
    let last = std::iter::repeat_with(|| told(&manager)).find(|word| word != "WATCHDOG=1");
    assert_eq!(last.as_deref(), Some("STOPPING=1"));
    assert_eq!(daemon.ended(), Some(0));
}

#[test]
fn a_manager_that_does_not_listen_stops_nothing() {
    let data = folder();
    let nowhere = data.path().join("nobody");
    let variables = [("NOTIFY_SOCKET", nowhere.to_str().unwrap())];
    let daemon = Daemon::start(&data.path().join("data"), &variables, &[]);
    assert_eq!(daemon.terminate(), Some(0));
}

/// `systemd-analyze` finds unknown keys and bad values; it is not on every machine.
#[test]
fn systemd_takes_every_line_of_the_unit() {
    let unit = std::fs::read_to_string(packaged("vbatchd.service")).unwrap();
    let folder = folder();
    let copy = folder.path().join("vbatchd.service");
    // It also wants to see the program.
    std::fs::write(
        &copy,
        unit.replace("/usr/local/bin/vbatchd --config", "/bin/true --config"),
    )
    .unwrap();
    let Ok(output) = Command::new("systemd-analyze")
        .arg("verify")
        .arg(&copy)
        .output()
    else {
        eprintln!("skipped: systemd-analyze is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}

//! What is not here: a shell, forwarding, the agent, SFTP; each is refused in words.

use std::process::{Command, Stdio};

use super::console::{By, Console, said};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_and_a_command_it_is_told_how() {
    let Some(console) = Console::with_key(&[]).await else {
        return;
    };
    let ran = console.run(&[], None);
    assert_eq!(ran.status.code(), Some(2), "{}", said(&ran));
    for words in ["not a shell", "ssh -t HOST", "submit --tar -"] {
        assert!(said(&ran).contains(words), "{}", said(&ran));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_forwarded_and_there_is_no_sftp() {
    let Some(console) = Console::with_key(&[]).await else {
        return;
    };
    let by = By::Key("key");
    // Somewhere behind the server, which must not be reached.
    let behind = console.daemon.address.to_string();
    let ran = console.run_as(
        "admin",
        by,
        &["-o", "LogLevel=INFO", "-W", &behind],
        &[],
        None,
    );
    assert_eq!(ran.status.code(), Some(255), "{}", said(&ran));
    assert!(said(&ran).contains("open failed"), "{}", said(&ran));

    let backwards = format!("0:{behind}");
    let options = ["-R", &backwards, "-o", "ExitOnForwardFailure=yes"];
    let ran = console.run_as("admin", by, &options, &["whoami"], None);
    assert_eq!(ran.status.code(), Some(255), "{}", said(&ran));
    assert!(said(&ran).contains("forwarding failed"), "{}", said(&ran));

    let ran = console.run_as("admin", by, &["-s"], &["sftp"], None);
    assert_eq!(ran.status.code(), Some(2), "{}", said(&ran));
    assert!(
        said(&ran).contains("there is no sftp here"),
        "{}",
        said(&ran)
    );

    let socket = console.path("agent");
    let mut agent = Command::new("ssh-agent")
        .arg("-D")
        .arg("-a")
        .arg(&socket)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !socket.exists() {
        std::thread::yield_now();
    }
    let identities = format!("IdentityAgent={}", socket.display());
    let options = ["-A", "-o", &identities];
    let ran = console.run_as("admin", by, &options, &["whoami"], None);
    agent.kill().unwrap();
    agent.wait().unwrap();
    assert!(
        said(&ran).contains("the agent is not forwarded"),
        "{}",
        said(&ran)
    );
    assert_eq!(
        ran.status.code(),
        Some(0),
        "the command runs all the same: {}",
        said(&ran)
    );
}

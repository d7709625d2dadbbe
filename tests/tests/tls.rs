//! TLS between the real programs: what `vbatch` trusts, and what it refuses.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{self, Cursor, Write};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::sync::mpsc;
use vbatch_tests::programs::{DEADLINE, Daemon, PASSWORD, program};
use vbatch_tui::cli;
use vbatch_tui::cli::exit::Exit;
use vbatch_tui::cli::io::{Io, Output};
use vbatch_tui::credentials::Credentials;
use vbatch_tui::known_servers::KnownServers;
use vbatch_tui::net::address::Address;
use vbatch_tui::net::effects::Kept;
use vbatch_tui::net::tls::meet;
use vbatch_tui::net::{Fingerprint, Network, Trust};
use vbatch_tui::state::{Cause, Effects as _, Message, NetEffect, NetMessage};

/// The first password of `admin`.
const ADMIN: [(&str, &str); 1] = [("VBATCH_ADMIN_PASSWORD", PASSWORD)];

struct Server {
    daemon: Daemon,
    data: TempDir,
}

impl Server {
    fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let daemon = Daemon::start(data.path(), &ADMIN, &["--tls"]);
        Self { daemon, data }
    }

    fn address(&self) -> Address {
        format!("https://{}", self.daemon.address).parse().unwrap()
    }

    fn fingerprint(&self) -> String {
        let pem = self.data.path().join("tls/certificate.pem");
        let digest = Sha256::digest(CertificateDer::from_pem_file(pem).unwrap());
        let pairs: Vec<_> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        pairs.join(":")
    }

    /// Takes over the certificate of another, as a renewal does, and waits until it is shown.
    async fn renew(&self, other: &Self) {
        for file in ["key.pem", "certificate.pem"] {
            let from = other.data.path().join("tls").join(file);
            std::fs::copy(from, self.data.path().join("tls").join(file)).unwrap();
        }
        self.daemon.signal("HUP");
        let trust = Trust::only(self.fingerprint().parse().unwrap());
        let shown = async {
            while meet(&self.address(), &trust, DEADLINE).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, shown).await.unwrap();
    }
}

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

/// One user of `vbatch`, with a home.
struct User {
    home: TempDir,
}

impl User {
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
        }
    }

    fn credentials(&self) -> Credentials {
        Credentials::at(self.home.path().join("vbatch/credentials.json"))
    }

    fn kept(&self, server: &Server) -> Option<String> {
        let known = KnownServers::beside(&self.credentials());
        let kept = known.load(&server.address()).unwrap();
        kept.map(|fingerprint| fingerprint.to_string())
    }

    /// Runs a command line with these lines typed; its exit, and the words on standard error.
    async fn runs(&self, server: &Server, line: &str, typed: &str) -> (Exit, String) {
        let err = Captured::default();
        let mut io = Io {
            stdin: Box::new(Cursor::new(typed.to_owned().into_bytes())),
            stdout: Output::new(io::sink()),
            stderr: Output::new(err.clone()),
            can_ask: true,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            width: None,
            credentials: Some(self.credentials()),
            elsewhere: None,
        };
        let line = format!("vbatch --lang en --server {} {line}", server.address());
        let task = cli::run(line.split(' ').map(str::to_owned), &mut io, None).await;
        let cli::Task::Ended(exit) = task else {
            panic!("the screen was asked for")
        };
        let words = String::from_utf8(err.0.lock().unwrap().clone()).unwrap();
        (exit, words)
    }
}

const LOGIN: &str = "login admin --password-stdin";

#[tokio::test]
async fn an_unknown_certificate_is_asked_about_once_and_a_changed_one_is_refused() {
    let server = Server::start();
    let shown = server.fingerprint();
    let user = User::new();

    // Nobody to ask, or the answer is not a clear Yes: nothing is sent, nothing kept.
    let typed = format!("{PASSWORD}\n");
    for (line, typed) in [
        (format!("--no-input {LOGIN}"), typed.clone()),
        (LOGIN.to_owned(), format!("n\n{typed}")),
        (LOGIN.to_owned(), format!("\n{typed}")),
    ] {
        let (exit, words) = user.runs(&server, &line, &typed).await;
        assert_eq!((exit, exit.code()), (Exit::Untrusted, 9), "{words}");
        assert!(words.contains(&shown), "{words}");
        assert_eq!(user.kept(&server), None);
    }

    let (exit, words) = user.runs(&server, LOGIN, &format!("y\n{typed}")).await;
    assert_eq!(exit, Exit::Done, "{words}");
    assert!(words.contains("Trust it? [y/N]"), "{words}");
    assert_eq!(user.kept(&server), Some(shown.clone()));
    let (exit, words) = user.runs(&server, "--no-input whoami", "").await;
    assert_eq!(exit, Exit::Done, "{words}");
    assert!(!words.contains("Trust it?"), "{words}");

    // Another one is refused with both, and with what to do; no answer helps.
    let other = Server::start();
    server.renew(&other).await;
    let new = server.fingerprint();
    assert_ne!(new, shown);
    let (exit, words) = user.runs(&server, "whoami", "y\ny\n").await;
    assert_eq!(exit, Exit::Untrusted, "{words}");
    assert!(words.contains("HAS CHANGED"), "{words}");
    assert!(words.contains(&format!("--fingerprint {new}")), "{words}");
    assert_eq!(user.kept(&server), Some(shown));

    // That is done, and holds from then on.
    let line = format!("--no-input --fingerprint {new} whoami");
    let (exit, words) = user.runs(&server, &line, "").await;
    assert_eq!(exit, Exit::Done, "{words}");
    let (exit, words) = user.runs(&server, "--no-input whoami", "").await;
    assert_eq!(exit, Exit::Done, "{words}");
}

#[tokio::test]
async fn a_fingerprint_given_by_hand_pins_without_asking_and_a_wrong_one_is_not_kept() {
    let server = Server::start();
    let user = User::new();
    let wrong = "AB".repeat(32);
    let line = format!("--no-input --fingerprint {wrong} {LOGIN}");
    let (exit, words) = user.runs(&server, &line, PASSWORD).await;
    assert_eq!(exit, Exit::Untrusted, "{words}");
    assert_eq!(user.kept(&server), None);
    let (exit, words) = user.runs(&server, "--fingerprint 12 whoami", "").await;
    assert_eq!(exit, Exit::Usage, "{words}");

    let right = server.fingerprint().to_lowercase().replace(':', "");
    let line = format!("--no-input --fingerprint {right} {LOGIN}");
    let (exit, words) = user.runs(&server, &line, PASSWORD).await;
    assert_eq!(exit, Exit::Done, "{words}");
    assert_eq!(user.kept(&server), Some(server.fingerprint()));
}

/// The environment says which roots a machine has, so it takes a process of its own.
#[test]
fn what_the_machine_vouches_for_is_accepted_and_not_kept() {
    let server = Server::start();
    let home = tempfile::tempdir().unwrap();
    let run = |roots: Option<&Path>, arguments: &[&str]| {
        let mut command = Command::new(program("vbatch"));
        command
            .args(["--no-input", "--lang", "en", "--server"])
            .arg(server.address().as_str())
            .args(arguments)
            .env("HOME", home.path())
            .env("XDG_CONFIG_HOME", home.path())
            .env("VBATCH_TOKEN", "nobody's")
            .env_remove("VBATCH_FINGERPRINT")
            .env_remove("SSL_CERT_DIR")
            .env_remove("SSL_CERT_FILE");
        if let Some(roots) = roots {
            command.env("SSL_CERT_FILE", roots);
        }
        let output = command.output().unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), words)
    };
    let pem = server.data.path().join("tls/certificate.pem");
    // It is spoken to, and refuses the token: the certificate was accepted.
    let (code, words) = run(Some(&pem), &["whoami"]);
    assert_eq!(code, Some(3), "{words}");
    assert!(!home.path().join("vbatch/known_servers.json").exists());
    let (code, words) = run(None, &["whoami"]);
    assert_eq!(code, Some(9), "{words}");
    assert!(words.contains(&server.fingerprint()), "{words}");
}

#[tokio::test]
async fn the_screen_asks_and_goes_on_over_the_same_connection() {
    let server = Server::start();
    let user = User::new();
    let (sender, mut messages) = mpsc::channel(64);
    let kept = Kept {
        known_servers: Some(KnownServers::beside(&user.credentials())),
        credentials: Some(user.credentials()),
        fingerprint: None,
    };
    let network = Network::to_server(server.address(), kept, None, sender).unwrap();
    let sign_in = NetEffect::SignIn {
        server: server.address().to_string(),
        username: "admin".to_owned(),
        password: PASSWORD.to_owned(),
    };
    let mut next = async || {
        let message = tokio::time::timeout(DEADLINE, messages.recv()).await;
        match message.unwrap().unwrap() {
            Message::Net(message) => message,
            other => panic!("{other:?}"),
        }
    };
    network.start(sign_in.clone());
    let NetMessage::SignInRefused(refusal) = next().await else {
        panic!("signed in without trust")
    };
    assert_eq!(refusal.cause, Cause::Untrusted);
    let fingerprint = refusal.metadata["fingerprint"].clone();
    assert_eq!(fingerprint, server.fingerprint());

    network.start(NetEffect::Trust {
        server: server.address().to_string(),
        fingerprint: fingerprint.clone(),
    });
    network.start(sign_in);
    let message = next().await;
    assert!(
        matches!(message, NetMessage::SignedIn { .. }),
        "{message:?}"
    );
    assert_eq!(user.kept(&server), Some(fingerprint));
}

#[tokio::test]
async fn whoever_is_not_trusted_gets_no_password() {
    // Somebody between with a certificate of its own.
    let between = Server::start();
    let server = Server::start();
    let wanted: Fingerprint = server.fingerprint().parse().unwrap();
    let met = meet(&between.address(), &Trust::only(wanted), DEADLINE).await;
    assert!(met.unwrap_err().message.contains("HAS CHANGED"));
    let pinned = Trust::pinned(Some(wanted));
    let met = meet(&between.address(), &pinned, DEADLINE).await;
    let error = met.unwrap_err();
    assert_eq!(error.unknown_certificate(), None);
    assert_eq!(error.metadata["trusted"], server.fingerprint());
    meet(&server.address(), &pinned, DEADLINE).await.unwrap();

    // Nobody answers: that is no matter of trust.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}", silent.local_addr().unwrap());
    let (address, nobody) = (address.parse().unwrap(), Trust::default());
    let met = meet(&address, &nobody, Duration::from_millis(50)).await;
    assert!(met.unwrap_err().message.contains("did not answer"));
}

//! A screen that panics ends its own session and no other.

use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use vbatch_server::Server;
use vbatch_server::clock::Clock;
use vbatch_server::config::Config;
use vbatch_server::config::network::NetworkLimits;
use vbatch_server::rpc::calls::Calls;
use vbatch_server::ssh::{self, Parts, Screen, host_key};
use vbatch_server::transport::within;
use vbatch_tests::programs::{PASSWORD, folder};
use vbatch_tests::terminal::Terminal;

use super::console::is_installed;
use super::signing_in::{assert_given_back, type_password};

/// Says that it is there, and panics or ends at the first key.
fn screen() -> Screen {
    Arc::new(|_, mut line| {
        Box::pin(async move {
            let breaks = line
                .variables
                .get("COLORTERM")
                .is_some_and(|value| value == "breaks");
            line.output.send(b"it is there".to_vec()).await.unwrap();
            drop(line.input.recv().await);
            assert!(!breaks, "planted");
            Ok(())
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_its_session_alone_in_words() {
    if !is_installed() {
        return;
    }
    let (data, home) = (folder(), folder());
    let clock = Clock::system();
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: data.path().to_owned(),
        admin_password: Some(PASSWORD.into()),
        ..Config::default()
    };
    let server = Server::start(config, clock.clone()).await.unwrap();
    let shutdown = CancellationToken::new();
    // Nothing is called.
    let (within, _calls) = within::serve(
        Routes::default(),
        NetworkLimits::default(),
        Calls::new(Arc::new(|_| {})),
        shutdown.clone(),
    );
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let served = ssh::serve(Parts {
        listener,
        host_key: host_key::open(data.path(), &clock).unwrap(),
        sessions: 8,
        accounts: Arc::clone(&server.accounts),
        within,
        screen: screen(),
        data_dir: data.path().to_owned(),
        shutdown: shutdown.clone(),
    });
    let known = format!("UserKnownHostsFile={}", home.path().join("known").display());
    let open = |color: &str| {
        let arguments = [
            "-F",
            "none",
            "-p",
            &port,
            "-o",
            &known,
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "LogLevel=ERROR",
            "-o",
            "PubkeyAuthentication=no",
            "-o",
            "SendEnv=COLORTERM",
            "admin@127.0.0.1",
        ];
        let variables = [("COLORTERM", color)];
        let mut terminal = Terminal::start(Path::new("ssh"), &arguments, &variables, 80, 24);
        type_password(&mut terminal, PASSWORD);
        terminal.until_text("it is there");
        terminal
    };
    let mut other = open("truecolor");
    let mut broken = open("breaks");
    broken.type_keys("x");
    let (code, written) = broken.ended();
    assert_eq!(code, 8);
    let written = String::from_utf8_lossy(&written);
    assert!(written.contains("this session has failed"), "{written}");
    assert_given_back(&broken);
    // The other one goes on, and more may come.
    let mut third = open("truecolor");
    for terminal in [&mut other, &mut third] {
        terminal.type_keys("x");
        assert_eq!(terminal.ended().0, 0);
    }
    shutdown.cancel();
    served.await.unwrap();
    server.stop().await.unwrap();
}

//! Python's `grpcio`, which stands on the C core as clients in C++, Ruby and PHP do.

use std::process::Command;

use serde_json::{Value, json};
use vbatch_tests::programs::{Daemon, PASSWORD, folder, media};

use crate::{encrypted, installed};

fn there() -> bool {
    let mut probe = Command::new("python3");
    probe.args(["-c", "import grpc, grpc_reflection, grpc_status"]);
    installed("grpcio", probe)
}

/// Runs the client, and gives what it saw.
fn seen(daemon: &Daemon, more: &[&str]) -> Value {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/real_clients/grpcio_client.py"
    );
    let output = Command::new("python3")
        .arg(script)
        .arg(daemon.address.to_string())
        .arg(PASSWORD)
        .args([media("speech.mp3"), media("face.png")])
        .args(more)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn assert_all(seen: &Value) {
    for service in ["AdminService", "AuthService", "BatchService"] {
        let name = json!(format!("visionbatch.v1.{service}"));
        assert!(
            seen["services"].as_array().unwrap().contains(&name),
            "{seen:#}"
        );
    }
    assert_eq!(seen["error_info"], json!(["domain", "metadata", "reason"]));
    assert_eq!(seen["no_token"]["code"], "UNAUTHENTICATED");
    assert_eq!(seen["no_token"]["reason"], "TOKEN_MISSING");
    assert_eq!(seen["first_event"], "snapshot");
    assert_eq!(seen["end"]["reason"], "REASON_BATCH_FINISHED", "{seen:#}");
    assert_eq!(seen["items"], json!(["STATE_COMPLETED"]));
    assert_eq!(seen["video_whole"], true);
    assert_eq!(seen["bad_image"]["code"], "INVALID_ARGUMENT");
    assert_eq!(seen["bad_image"]["metadata"]["file"], "speech.mp3");
}

#[tokio::test(flavor = "multi_thread")]
async fn grpcio_makes_a_batch_watches_it_and_reads_its_errors() {
    if !there() {
        return;
    }
    let data = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    daemon.sign_in().await;
    let seen = tokio::task::spawn_blocking(move || seen(&daemon, &[]));
    assert_all(&seen.await.unwrap());
}

#[test]
fn grpcio_does_the_same_over_tls() {
    if !there() {
        return;
    }
    let data = folder();
    let (daemon, certificate) = encrypted(data.path());
    assert_all(&seen(&daemon, &[certificate.to_str().unwrap()]));
}

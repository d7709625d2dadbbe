//! `buf curl`, which stands on Go's HTTP/2.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use prost::Message as _;
use serde_json::{Deserializer, Value, json};
use vbatch_tests::programs::{Daemon, PASSWORD, folder, media};

use crate::{encrypted, installed};

/// The folder of the contract, for where nobody can be asked for it.
pub const CONTRACT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto");

pub fn there() -> bool {
    let mut probe = Command::new("buf");
    probe.arg("--version");
    installed("buf", probe)
}

/// A server as `buf curl` calls it.
pub struct Called<'a> {
    pub base: String,
    /// What every call needs: how to reach the server, and how to trust it.
    pub flags: Vec<&'a str>,
    pub token: Option<String>,
}

impl Called<'_> {
    fn run(&self, url: &str, more: &[&str], input: &str) -> Output {
        let mut command = Command::new("buf");
        command
            .args(["curl", "--protocol", "grpc"])
            .args(&self.flags)
            .args(more);
        if let Some(token) = &self.token {
            command.args(["-H", &format!("authorization: Bearer {token}")]);
        }
        let mut child = command
            .arg(url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A call that is refused early reads no further.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().unwrap()
    }

    /// A call that has to succeed; all messages of its answer.
    fn call(&self, method: &str, input: &str) -> Vec<Value> {
        let url = format!("{}/visionbatch.v1.{method}", self.base);
        let output = self.run(&url, &["-d", "@-"], input);
        assert!(
            output.status.success(),
            "{method}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Deserializer::from_slice(&output.stdout)
            .into_iter()
            .map(Result::unwrap)
            .collect()
    }

    /// A call that has to be refused; the error as `buf` tells it.
    pub fn refused(&self, method: &str, input: &str) -> Value {
        let url = format!("{}/visionbatch.v1.{method}", self.base);
        let output = self.run(&url, &["-d", "@-"], input);
        assert!(!output.status.success(), "{method} was not refused");
        serde_json::from_slice(&output.stderr)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// The lines of a CreateBatch: each file's header and its one chunk.
fn upload(files: &[(&str, &str)]) -> String {
    let spec =
        json!({"spec": {"name": "from buf", "engine": "preview", "imageCount": files.len() - 1}});
    let mut lines = vec![spec];
    for (kind, name) in files {
        let content = std::fs::read(media(name)).unwrap();
        lines.push(
            json!({"file": {"kind": kind, "filename": name, "sizeBytes": content.len().to_string()}}),
        );
        for chunk in content.chunks(256 * 1024) {
            lines.push(json!({"chunk": BASE64_STANDARD.encode(chunk)}));
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// What a person does who has nothing but the address.
pub fn everything(mut server: Called<'_>) {
    for protocol in ["grpc-v1", "grpc-v1alpha"] {
        let flags = ["--reflect-protocol", protocol, "--list-methods"];
        let output = server.run(&server.base, &flags, "");
        let listed = String::from_utf8_lossy(&output.stdout);
        assert!(
            listed.contains("visionbatch.v1.BatchService/BatchStatus"),
            "{protocol}: {listed} {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    let refused = server.refused("AuthService/GetProfile", "{}");
    assert_eq!(refused["code"], "unauthenticated", "{refused:#}");

    let login = json!({"username": "admin", "password": PASSWORD}).to_string();
    let session = server.call("AuthService/Login", &login);
    server.token = Some(session[0]["accessToken"].as_str().unwrap().to_owned());

    let created = server.call(
        "BatchService/CreateBatch",
        &upload(&[
            ("FILE_KIND_AUDIO", "speech.mp3"),
            ("FILE_KIND_SOURCE_IMAGE", "face.png"),
        ]),
    );
    let batch = created[0]["batch"]["id"].as_str().unwrap();
    let events = server.call(
        "BatchService/BatchStatus",
        &json!({"batchId": batch}).to_string(),
    );
    let end = &events.last().unwrap()["end"];
    assert_eq!(end["reason"], "REASON_BATCH_FINISHED", "{events:#?}");
    let items = server.call(
        "BatchService/ListItems",
        &json!({"batchId": batch}).to_string(),
    );
    assert_eq!(items[0]["items"][0]["state"], "STATE_COMPLETED");

    // An error comes with its details, which `buf` hands on as they are.
    let refused = server.refused(
        "BatchService/CreateBatch",
        &upload(&[
            ("FILE_KIND_AUDIO", "speech.mp3"),
            ("FILE_KIND_SOURCE_IMAGE", "text.wav"),
        ]),
    );
    assert_eq!(refused["code"], "invalid_argument", "{refused:#}");
    assert!(refused.to_string().contains("text.wav"), "{refused:#}");
    let info = refused["details"]
        .as_array()
        .unwrap()
        .iter()
        .find(|detail| detail["type"] == "google.rpc.ErrorInfo")
        .unwrap_or_else(|| panic!("{refused:#}"));
    let value = BASE64_STANDARD_NO_PAD
        .decode(info["value"].as_str().unwrap())
        .unwrap();
    let info = tonic_types::pb::ErrorInfo::decode(value.as_slice()).unwrap();
    assert_eq!(info.reason, "FILE_KIND_UNSUPPORTED");
    assert_eq!(info.domain, "visionbatch");
    assert_eq!(info.metadata["file"], "text.wav");
}

#[tokio::test(flavor = "multi_thread")]
async fn buf_curl_makes_a_batch_watches_it_and_reads_its_errors() {
    if !there() {
        return;
    }
    let data = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    daemon.sign_in().await;
    let all = tokio::task::spawn_blocking(move || {
        everything(Called {
            base: format!("http://{}", daemon.address),
            flags: vec!["--http2-prior-knowledge"],
            token: None,
        });
        drop(daemon);
    });
    all.await.unwrap();
}

#[test]
fn buf_curl_does_the_same_over_tls_and_trusts_nobody_else() {
    if !there() {
        return;
    }
    let data = folder();
    let (daemon, certificate) = encrypted(data.path());
    let base = format!("https://{}", daemon.address);
    everything(Called {
        base: base.clone(),
        flags: vec!["--cacert", certificate.to_str().unwrap()],
        token: None,
    });
    let distrustful = Called {
        base,
        flags: Vec::new(),
        token: None,
    };
    let url = format!("{}/visionbatch.v1.AuthService/GetProfile", distrustful.base);
    let output = distrustful.run(&url, &["--schema", CONTRACT, "-d", "{}"], "");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("certificate"), "{said}");
}

//! Every call of the grpcurl page exists and takes what the page sends, by the running server's own reflection.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use tokio_stream::StreamExt as _;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use vbatch_tests::programs::{Daemon, folder};

/// The contract as the server tells it.
async fn reflected(daemon: &Daemon) -> DescriptorPool {
    let mut client = ServerReflectionClient::new(daemon.channel().await);
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::FileContainingSymbol(
            "visionbatch.v1.BatchService".to_owned(),
        )),
    };
    let mut pool = DescriptorPool::global();
    let mut pending = vec![request];
    let mut files = Vec::new();
    let mut asked = BTreeSet::new();
    while let Some(request) = pending.pop() {
        let stream = tokio_stream::once(request);
        let mut answers = client
            .server_reflection_info(stream)
            .await
            .unwrap()
            .into_inner();
        while let Some(answer) = answers.next().await {
            let Some(MessageResponse::FileDescriptorResponse(response)) =
                answer.unwrap().message_response
            else {
                continue;
            };
            for bytes in response.file_descriptor_proto {
                let file = prost_types::FileDescriptorProto::decode(bytes.as_slice()).unwrap();
                for dependency in &file.dependency {
                    if asked.insert(dependency.clone()) {
                        pending.push(ServerReflectionRequest {
                            host: String::new(),
                            message_request: Some(MessageRequest::FileByFilename(
                                dependency.clone(),
                            )),
                        });
                    }
                }
                files.push(file);
            }
        }
        for service in ["AuthService", "AdminService"] {
            let symbol = format!("visionbatch.v1.{service}");
            if asked.insert(symbol.clone()) {
                pending.push(ServerReflectionRequest {
                    host: String::new(),
                    message_request: Some(MessageRequest::FileContainingSymbol(symbol)),
                });
            }
        }
    }
    let mut seen = BTreeSet::new();
    files.retain(|file| seen.insert(file.name().to_owned()));
    pool.add_file_descriptor_protos(files).unwrap();
    pool
}

fn method(pool: &DescriptorPool, path: &str) -> MethodDescriptor {
    let (service, method) = path.split_once('/').unwrap();
    let service = pool
        .get_service_by_name(service)
        .unwrap_or_else(|| panic!("no service {service}"));
    service
        .methods()
        .find(|known| known.name() == method)
        .unwrap_or_else(|| panic!("no method {path}"))
}

fn takes(method: &MethodDescriptor, json: &str) {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    if let Err(error) = DynamicMessage::deserialize(method.input(), &mut deserializer) {
        panic!("{} does not take {json}: {error}", method.full_name());
    }
}

/// The commands of all `sh` blocks, with continued lines joined.
fn commands(page: &str) -> Vec<String> {
    let blocks = page
        .split("```sh\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap());
    blocks
        .flat_map(|block| {
            block
                .replace("\\\n", " ")
                .lines()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The JSON after `-d`, with shell variables filled in.
fn sent(command: &str) -> Option<String> {
    let rest = command.split(" -d ").nth(1)?.trim_start();
    let filled = |json: &str| {
        json.replace("$BATCH", "b")
            .replace("$ITEM", "i")
            .replace("$LIGHTX2V_ACCESS_TOKEN", "t")
    };
    if let Some(quoted) = rest.strip_prefix('\'') {
        return Some(filled(quoted.split('\'').next()?));
    }
    let quoted = rest.strip_prefix('"')?;
    let end = quoted
        .match_indices('"')
        .find(|(at, _)| !quoted[..*at].ends_with('\\'))?
        .0;
    Some(filled(&quoted[..end].replace("\\\"", "\"")))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_the_page_fits_the_running_server() {
    let data = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let pool = reflected(&daemon).await;
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/grpcurl.md"))
            .unwrap();

    let mut called = BTreeSet::new();
    for command in commands(&page) {
        for path in command
            .split_whitespace()
            .filter(|word| word.starts_with("visionbatch.v1.") && word.contains('/'))
        {
            let path = path.trim_end_matches(')');
            let method = method(&pool, path);
            called.insert(method.name().to_owned());
            takes(&method, &sent(&command).unwrap_or_else(|| "{}".to_owned()));
        }
    }
    for needed in [
        "ChangePassword",
        "Login",
        "QuoteBatch",
        "CreateBatch",
        "BatchStatus",
        "DownloadFile",
    ] {
        assert!(
            called.contains(needed),
            "the page does not show {needed}: {called:?}"
        );
    }
    // What the recipe of CreateBatch prints with jq.
    let create = method(&pool, "visionbatch.v1.BatchService/CreateBatch");
    for json in [
        r#"{"spec": {"name": "First batch", "engine": "preview", "imageCount": 2, "requestId": "x"}}"#,
        r#"{"file": {"kind": "FILE_KIND_AUDIO", "filename": "voice.mp3", "sizeBytes": "70000"}}"#,
        r#"{"chunk": "AAAA"}"#,
    ] {
        takes(&create, json);
    }
    // A whole chunk a line: within the limit, and a multiple of 3 so that no line ends in padding.
    let width = page
        .split("  base64 -w ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    let digits: usize = width.parse().unwrap();
    assert_eq!(digits % 4, 0);
    assert!(digits / 4 * 3 <= 256 * 1024);
}

#[test]
fn sent_json_is_found_in_both_quotings() {
    assert_eq!(sent("x -d '{\"a\": 1}' y").as_deref(), Some("{\"a\": 1}"));
    assert_eq!(
        sent("x -d \"{\\\"batchId\\\": \\\"$BATCH\\\"}\" y").as_deref(),
        Some("{\"batchId\": \"b\"}")
    );
    assert_eq!(sent("x y"), None);
}

//! The server as those see it who run it: metrics, log, health.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::transport::Channel;
use tonic::{Code, Request};
use vbatch_server::Server;
use vbatch_server::clock::Clock;
use vbatch_server::config::Config;
use vbatch_tests::batches::{create, finished, new_batch, read};
use vbatch_tests::programs::{Daemon, PASSWORD, Session, folder, media, program};
use vbatch_tests::upstream::config::UpstreamConfig;
use vbatch_tests::upstream::fake::FakeUpstream;
use vbatch_tests::upstream::faults::Call;
use vision_batch::v1;
use vision_batch::v1::auth_service_client::AuthServiceClient;
use vision_batch::v1::batch_service_client::BatchServiceClient;

/// Asks over plain HTTP/1.1; the whole answer.
async fn http(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{request} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The value of a sample, told by its name and labels as they are written.
fn sample(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(' '))
    })?;
    line.rsplit_once(' ')?.1.parse().ok()
}

async fn server(data: &Path) -> Server {
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: data.to_owned(),
        metrics_listen: Some(([127, 0, 0, 1], 0).into()),
        admin_password: Some(PASSWORD.into()),
        ..Config::default()
    };
    Server::start(config, Clock::system()).await.unwrap()
}

async fn signed_in(server: &Server) -> Session {
    let channel = Channel::from_shared(format!("http://{}", server.address));
    let channel = channel.unwrap().connect().await.unwrap();
    let login = v1::LoginRequest {
        username: "admin".to_owned(),
        password: PASSWORD.to_owned(),
    };
    let answer = AuthServiceClient::new(channel.clone()).login(login).await;
    Session {
        channel,
        token: answer.unwrap().into_inner().access_token,
    }
}

/// Every metric is there after a batch, and no label is anything that a user has chosen.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_shows_in_every_metric() {
    let data = folder();
    let server = server(data.path()).await;
    let address = server.metrics_address.unwrap();
    let session = signed_in(&server).await;
    let batch = create(&session, "preview", 2).await;
    let items = finished(&session, &batch).await;
    assert_eq!(items.len(), 2);

    // Calls that the contract does not have, whatever they are called.
    for path in ["/visionbatch.v1.BatchService/Nothing", "/x.Y/Z", "/"] {
        let mut grpc = tonic::client::Grpc::new(session.channel.clone());
        grpc.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<v1::LoginRequest, v1::LoginResponse>::default();
        let request = session.request(v1::LoginRequest::default());
        let answer = grpc.unary(request, path.parse().unwrap(), codec).await;
        assert_eq!(answer.unwrap_err().code(), Code::Unimplemented, "{path}");
    }

    let answer = http(address, "GET /metrics").await;
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("application/openmetrics-text"), "{head}");
    let is = |name: &str, value: f64| {
        assert_eq!(sample(text, name), Some(value), "{name} in\n{text}");
    };
    let is_above = |name: &str, floor: f64| {
        let value = sample(text, name);
        assert!(value > Some(floor), "{name} is {value:?} in\n{text}");
    };
    let create = "method=\"visionbatch.v1.BatchService/CreateBatch\"";
    is(&format!("vbatch_rpcs_total{{{create},status=\"OK\"}}"), 1.0);
    let latency = "vbatch_rpc_duration_seconds";
    is(&format!("{latency}_count{{{create}}}"), 1.0);
    is(&format!("{latency}_bucket{{le=\"+Inf\",{create}}}"), 1.0);
    is(
        "vbatch_rpcs_total{method=\"unknown\",status=\"UNIMPLEMENTED\"}",
        3.0,
    );
    is_above("vbatch_rpcs_open", -1.0);
    is("vbatch_items{state=\"completed\"}", 2.0);
    for state in ["pending", "processing", "failed", "cancelled"] {
        is(&format!("vbatch_items{{state=\"{state}\"}}"), 0.0);
    }
    is("vbatch_batches{state=\"completed\"}", 1.0);
    is("vbatch_queue_age_seconds", 0.0);
    let engine = "engine=\"preview\"";
    is(
        &format!("vbatch_slots_used{{{engine},holder=\"items\"}}"),
        0.0,
    );
    is_above(&format!("vbatch_slots_limit{{{engine}}}"), 0.0);
    is(&format!("vbatch_engine_reachable{{{engine}}}"), 1.0);
    is(&format!("vbatch_engine_token_usable{{{engine}}}"), 1.0);
    is(&format!("vbatch_engine_daily_tasks{{{engine}}}"), 0.0);
    for operation in ["submit", "fetch"] {
        let operation = format!("{engine},operation=\"{operation}\"");
        is(
            &format!("vbatch_upstream_calls_total{{{operation},result=\"ok\"}}"),
            2.0,
        );
        let latency = "vbatch_upstream_call_duration_seconds";
        is(&format!("{latency}_count{{{operation}}}"), 2.0);
    }
    is("vbatch_credits_outstanding", 9_999.0);
    is("vbatch_credits_granted_total", 9_999.0);
    is("vbatch_credits_charged_total", 0.0);
    is("vbatch_credits_refunded_total", 0.0);
    is("vbatch_credits_adjusted", 0.0);
    is("vbatch_users", 1.0);
    for kind in ["images", "audios", "videos", "database"] {
        is_above(&format!("vbatch_storage_bytes{{kind=\"{kind}\"}}"), 0.0);
    }
    is_above("vbatch_disk_free_bytes", 0.0);
    is_above("vbatch_disk_size_bytes", 0.0);
    is_above("vbatch_connections", 0.0);
    for cause in [
        "crowded",
        "crowded_address",
        "no_handshake",
        "too_many_pings",
    ] {
        let turned = format!("vbatch_connections_turned_away_total{{cause=\"{cause}\"}}");
        is(&turned, 0.0);
    }
    is("vbatch_sessions", 1.0);
    is("vbatch_streams", 0.0);
    is_above("vbatch_commits_total", 5.0);
    is_above("vbatch_uptime_seconds", 0.0);
    let version = env!("CARGO_PKG_VERSION");
    is(&format!("vbatch_build{{version=\"{version}\"}}"), 1.0);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        for chosen in ["admin", batch.as_str(), "Nothing"] {
            assert!(!line.contains(chosen), "{chosen} in {line}");
        }
    }
    assert!(text.ends_with("# EOF\n"));

    assert!(
        http(address, "GET /other")
            .await
            .starts_with("HTTP/1.1 404")
    );
    assert!(
        http(address, "POST /metrics")
            .await
            .starts_with("HTTP/1.1 405")
    );
    drop(session);
    server.stop().await.unwrap();
}

async fn health(server: &Server, service: &str) -> Result<i32, Code> {
    let channel = Channel::from_shared(format!("http://{}", server.address));
    let channel = channel.unwrap().connect().await.unwrap();
    let mut client = tonic_health::pb::health_client::HealthClient::new(channel);
    let request = tonic_health::pb::HealthCheckRequest {
        service: service.to_owned(),
    };
    let answer = client.check(request).await;
    answer
        .map(|answer| answer.into_inner().status)
        .map_err(|status| status.code())
}

fn ask_health(data: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(program("vbatchd"));
    command.args(["health", "--data-dir"]).arg(data);
    let output = command.env_remove("VBATCH_CONFIG").output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_says_that_it_serves_and_its_own_command_too() {
    let data = folder();
    let (code, said) = ask_health(data.path());
    assert_eq!(code, Some(1));
    assert!(said.starts_with("not serving: no server runs"), "{said}");

    let server = server(data.path()).await;
    for service in ["", "visionbatch.v1.BatchService"] {
        assert_eq!(health(&server, service).await, Ok(1), "{service}");
    }
    assert_eq!(health(&server, "x.Y").await, Err(Code::NotFound));
    let path = data.path().to_owned();
    let asked = tokio::task::spawn_blocking(move || ask_health(&path));
    assert_eq!(asked.await.unwrap(), (Some(0), "serving\n".to_owned()));
    server.stop().await.unwrap();
    assert_eq!(ask_health(data.path()).0, Some(1));
}

/// One id leads from a call to the batch it made, and from there to the task of each item; no secret is ever said.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_followed_through_the_log_which_keeps_every_secret() {
    let config = UpstreamConfig {
        video: read(&media("film.mp4")),
        ..UpstreamConfig::default()
    };
    let fake = FakeUpstream::start(config).await.unwrap();
    let data = folder();
    let (url, upstream_token) = (fake.base_url(), fake.token());
    let log = data.path().join("log");
    let variables = [
        ("LIGHTX2V_BASE_URL", url.as_str()),
        ("LIGHTX2V_ACCESS_TOKEN", upstream_token.as_str()),
        ("VBATCH_LOG", "trace"),
    ];
    let to = File::create(&log).unwrap().into();
    let daemon = Daemon::start_logging(&data.path().join("data"), &variables, &[], to);
    let session = daemon.sign_in().await;
    let mut auth = AuthServiceClient::new(session.channel.clone());
    let wrong = v1::LoginRequest {
        username: "admin".to_owned(),
        password: "a-Wrong-guess-77".to_owned(),
    };
    assert!(auth.login(wrong).await.is_err());
    let key = v1::CreateApiKeyRequest {
        name: "nightly".to_owned(),
        scopes: vec![v1::api_key::Scope::Read.into()],
        ..Default::default()
    };
    let key = auth.create_api_key(session.request(key)).await;
    let key = key.unwrap().into_inner().secret;
    let with_key = Session {
        token: key.clone(),
        ..session.clone()
    };
    let mut profile = with_key.request(v1::GetProfileRequest {});
    let id = "nightly-2026.11_a";
    profile
        .metadata_mut()
        .insert("x-request-id", id.parse().unwrap());
    let answer = auth.get_profile(profile).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), id);
    // What is not well-formed is replaced, also on a refusal.
    let mut refused = Request::new(v1::GetProfileRequest {});
    let metadata = refused.metadata_mut();
    metadata.insert("x-request-id", "not \"plain\"".parse().unwrap());
    let refused = auth.get_profile(refused).await.unwrap_err();
    let made = refused.metadata().get("x-request-id").unwrap();
    assert_eq!(made.to_str().unwrap().len(), 36);

    let mut upload = session.request(tokio_stream::iter(new_batch("lightx2v", 2)));
    let metadata = upload.metadata_mut();
    metadata.insert("x-request-id", "the-upload".parse().unwrap());
    let mut client = BatchServiceClient::new(session.channel.clone());
    let batch = client.create_batch(upload).await.unwrap().into_inner();
    let batch = batch.batch.unwrap().id;
    let items = finished(&session, &batch).await;
    assert_eq!(fake.calls_of(Call::Submit).len(), 2);
    assert_eq!(daemon.terminate(), Some(0));

    let text = fs::read_to_string(&log).unwrap();
    let secrets = [
        session.token.as_str(),
        upstream_token.as_str(),
        key.as_str(),
        PASSWORD,
        "a-Wrong-guess-77",
    ];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret}");
    }
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect();
    let said = |words: &str| {
        let lines = lines.iter();
        lines
            .filter(|line| line["fields"]["message"] == words)
            .collect::<Vec<_>>()
    };
    let made = said("a batch was made");
    assert_eq!(made.len(), 1);
    assert_eq!(made[0]["spans"][0]["request_id"], "the-upload");
    assert_eq!(made[0]["fields"]["batch"], batch);
    let began = said("an attempt begins");
    assert_eq!(began.len(), 2);
    for item in &items {
        let its = |line: &&&serde_json::Value| line["fields"]["item"] == item.id;
        let begin = began.iter().find(its).unwrap();
        assert_eq!(begin["fields"]["batch"], batch);
        let call = &begin["fields"]["call"];
        // What the upstream was given, and what is said while it is called.
        let known = fake
            .tasks()
            .into_iter()
            .any(|task| task.params["client_ref"] == *call);
        assert!(known, "{call}");
        let called = said("an engine was called");
        let mut called = called.iter();
        assert!(
            called.any(|line| line["spans"][0]["call"] == *call),
            "{call}"
        );
        let ended = said("an item has its video");
        assert!(ended.iter().any(|line| line["fields"]["call"] == *call));
    }
}

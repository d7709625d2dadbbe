//! The way to a video, and where the token may go on it.

use std::time::Duration;

use bytes::Bytes;
use vbatch_server::engine::lightx2v::config::Timeouts;
use vbatch_server::engine::{Engine, FetchError, ReadError};
use vbatch_tests::upstream::book::Host;
use vbatch_tests::upstream::config::{ResultAddress, UpstreamConfig};
use vbatch_tests::upstream::faults::{Call, Fault, Target};
use vbatch_tests::upstream::material::{MemorySink, new_task};
use vbatch_tests::upstream::tasks::Status;

use crate::setup::*;

#[tokio::test]
async fn a_presigned_address_never_sees_the_token() {
    let config = UpstreamConfig {
        result_address: ResultAddress::Absolute,
        ..no_limits()
    };
    let (fake, engine, credentials) = fake(config).await;
    let task = task_in(&fake, &engine, &credentials, Status::Succeed).await;
    let mut sink = MemorySink::default();
    engine.fetch(&credentials, &task, &mut sink).await.unwrap();
    assert_eq!(sink.bytes, fake.config().video);
    let seen = fake.calls_of(Call::Presigned);
    assert_eq!(seen.len(), 1);
    assert!(
        !seen[0]
            .header_names
            .iter()
            .any(|name| name == "authorization" || name == "cookie")
    );

    // The bucket's own refusal says nothing about our token, and its words may hold the signature.
    fake.fault(Fault::on(Call::Presigned).answer(403, "https://b/?X-Signature=secret"));
    let error = engine
        .fetch(&credentials, &task, &mut sink)
        .await
        .unwrap_err();
    assert!(
        matches!(
            &error,
            FetchError::Read(ReadError::Weather { reached: true, .. })
        ),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains("Signature"));
}

#[tokio::test]
async fn a_redirect_takes_the_token_no_further_than_the_upstream_itself() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    let task = task_in(&fake, &engine, &credentials, Status::Succeed).await;
    fake.fault(Fault::on(Call::Result).redirect(Target::Here));
    fake.fault(Fault::on(Call::Result).nth(2).redirect(Target::Bucket));
    let mut sink = MemorySink::default();
    engine.fetch(&credentials, &task, &mut sink).await.unwrap();
    assert_eq!(sink.bytes, fake.config().video);
    assert_eq!(sink.starts.len(), 1);
    let way: Vec<(Host, bool)> = fake
        .calls()
        .iter()
        .filter(|record| matches!(record.call, Call::Result | Call::Presigned))
        .map(|record| (record.host, record.authorization))
        .collect();
    assert_eq!(
        way,
        [(Host::Api, true), (Host::Api, true), (Host::Bucket, false)]
    );

    fake.fault(Fault::on(Call::Result).always().redirect(Target::Here));
    let error = engine
        .fetch(&credentials, &task, &mut sink)
        .await
        .unwrap_err();
    assert!(
        matches!(error, FetchError::Read(ReadError::Weather { .. })),
        "{error}"
    );
    assert_eq!(fake.book().count(Call::Result), 2 + 6);
}

#[tokio::test]
async fn calls_of_the_api_follow_no_redirect() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    for call in [Call::Submit, Call::List, Call::Models] {
        fake.fault(Fault::on(call).redirect(Target::Bucket));
    }
    let error = engine
        .submit(&credentials, new_task("ref", 1))
        .await
        .unwrap_err();
    assert_eq!(on_submit(&error), "unresolved");
    assert_eq!(
        on_read(&engine.list(&credentials, 1).await.unwrap_err()),
        "weather"
    );
    assert_eq!(
        on_read(&engine.check(&credentials).await.unwrap_err()),
        "weather"
    );
    assert_eq!(fake.book().count(Call::Presigned), 0);
    assert_eq!(fake.book().calls.len(), 3);
}

#[tokio::test]
async fn a_video_that_is_cut_is_no_video_and_can_be_fetched_again() {
    let video = Bytes::from(vec![7; 3_000_000]);
    let config = UpstreamConfig {
        video: video.clone(),
        ..no_limits()
    };
    let (fake, _, credentials) = fake(config).await;
    let engine = engine(
        &fake.base_url(),
        Timeouts {
            idle: Duration::from_secs(5),
            ..PATIENT
        },
    );
    let task = task_in(&fake, &engine, &credentials, Status::Succeed).await;
    let mut sink = MemorySink::default();
    fake.fault(Fault::on(Call::Result).cut_after(1_000_000));
    let error = engine
        .fetch(&credentials, &task, &mut sink)
        .await
        .unwrap_err();
    match error {
        FetchError::CutOff { received, .. } => assert_eq!(received, sink.bytes.len() as u64),
        other => panic!("{other}"),
    }
    engine.fetch(&credentials, &task, &mut sink).await.unwrap();
    assert_eq!(sink.bytes, video);
    assert_eq!(sink.starts, [Some(3_000_000), Some(3_000_000)]);
    assert!(sink.largest_piece < 1_000_000, "the video came in pieces");

    fake.fault(Fault::on(Call::Result).answer(200, ""));
    fake.fault(Fault::on(Call::Result).html(200));
    for _ in 0..2 {
        let error = engine
            .fetch(&credentials, &task, &mut sink)
            .await
            .unwrap_err();
        assert!(
            matches!(error, FetchError::Read(ReadError::Weather { .. })),
            "{error}"
        );
    }
    fake.fault(Fault::on(Call::Result).answer(401, r#"{"message":"Token has expired"}"#));
    let error = engine
        .fetch(&credentials, &task, &mut sink)
        .await
        .unwrap_err();
    assert!(
        matches!(error, FetchError::Read(ReadError::Token { .. })),
        "{error}"
    );

    let mut sink = MemorySink {
        room: Some(1000),
        ..MemorySink::default()
    };
    let error = engine
        .fetch(&credentials, &task, &mut sink)
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Sink(_)), "{error}");
}

#[tokio::test]
async fn a_result_that_falls_silent_ends() {
    let (fake, patient, credentials) = fake(no_limits()).await;
    let engine = engine(&fake.base_url(), IMPATIENT);
    let task = task_in(&fake, &patient, &credentials, Status::Succeed).await;
    for call in [Call::ResultUrl, Call::Result] {
        fake.fault(Fault::on(call).hang());
        let mut sink = MemorySink::default();
        let error = engine
            .fetch(&credentials, &task, &mut sink)
            .await
            .unwrap_err();
        assert!(
            matches!(error, FetchError::Read(ReadError::Weather { .. })),
            "{error}"
        );
    }
}

#[tokio::test]
async fn neither_tokens_nor_addresses_are_in_any_error() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    let token = fake.token();
    let words = format!("bad token {token} at https://bucket.example/v.mp4?X-Signature=secret");
    fake.fault(Fault::on(Call::Submit).error(401, &words));
    let mut said = format!(
        "{:?}",
        engine
            .submit(&credentials, new_task("r", 1))
            .await
            .unwrap_err()
    );
    fake.fault(Fault::on(Call::List).error(500, &words));
    said += &format!("{:?}", engine.list(&credentials, 1).await.unwrap_err());
    fake.fault(Fault::on(Call::List).drop_connection());
    said += &format!("{:?}", engine.list(&credentials, 1).await.unwrap_err());
    fake.stop().await;
    said += &format!("{:?}", engine.list(&credentials, 1).await.unwrap_err());
    said += &format!("{engine:?} {credentials:?}");
    for secret in [token.as_str(), "X-Signature", "page_size"] {
        assert!(!said.contains(secret), "{said}");
    }
    assert!(
        said.contains("bad token [token] at https://bucket.example/v.mp4?…"),
        "{said}"
    );
}

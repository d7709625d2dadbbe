//! Bodies: streamed, stalled, refused early, broken off.

use vbatch_server::engine::{Engine, SubmitError};
use vbatch_tests::upstream::faults::{Call, Fault};
use vbatch_tests::upstream::material::{Counting, Missing, PICTURE, SOUND, new_task};

use crate::setup::*;

#[tokio::test]
async fn forty_mebibytes_go_up_in_pieces_with_their_exact_length() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    let (image, audio) = (
        Counting::new(PICTURE, 20 * MIB),
        Counting::new(SOUND, 20 * MIB),
    );
    let mut task = new_task("ref", 1);
    task.image = image.source();
    task.audio = audio.source();
    engine.submit(&credentials, task).await.unwrap();
    assert_eq!((image.taken(), audio.taken()), (20 * MIB, 20 * MIB));
    let submit = &fake.calls_of(Call::Submit)[0];
    assert!(submit.content_length.unwrap() > 2 * (20 * MIB).div_ceil(3) * 4);
    assert!(
        !submit
            .header_names
            .iter()
            .any(|name| name == "transfer-encoding")
    );
    let params = &fake.tasks()[0].params;
    assert_eq!(params["input_image"]["size"], 20 * MIB);
    assert_eq!(params["input_audio"]["size"], 20 * MIB);
}

#[tokio::test]
async fn a_stalled_upload_holds_no_more_of_its_sources_than_the_sockets_do() {
    let (fake, _, credentials) = fake(no_limits()).await;
    let engine = engine(&fake.base_url(), IMPATIENT);
    let (image, audio) = (
        Counting::new(PICTURE, 20 * MIB),
        Counting::new(SOUND, 20 * MIB),
    );
    let mut task = new_task("ref", 1);
    task.image = image.source();
    task.audio = audio.source();
    fake.fault(Fault::on(Call::Submit).early().hang());
    let error = engine.submit(&credentials, task).await.unwrap_err();
    assert_eq!(on_submit(&error), "unresolved");
    // What the kernel takes for both directions is at most some 10 MB on Linux; the rest would be ours.
    let taken = image.taken() + audio.taken();
    assert!(taken < 12 * MIB, "{taken} bytes were read ahead");
    assert!(taken > 0);
}

#[tokio::test]
async fn a_refusal_that_comes_before_the_body_was_read_is_heard() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    let expired = r#"{"message":"Token has expired"}"#;
    fake.fault(Fault::on(Call::Submit).early().answer(401, expired));
    let mut task = new_task("ref", 1);
    task.image = Counting::new(PICTURE, 20 * MIB).source();
    let error = engine.submit(&credentials, task).await.unwrap_err();
    assert_eq!(on_submit(&error), "token", "{error}");
}

#[tokio::test]
async fn a_source_that_breaks_makes_no_task_and_is_definite() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    let mut missing = new_task("ref", 1);
    missing.audio.opener = std::sync::Arc::new(Missing);
    let error = engine.submit(&credentials, missing).await.unwrap_err();
    assert_eq!(on_submit(&error), "source lost");
    assert_eq!(fake.book().count(Call::Submit), 0);

    for breaks_at in [0, 5 * MIB, 6 * MIB - 1] {
        let mut broken = new_task("ref", 1);
        broken.audio = Counting::new(SOUND, 6 * MIB)
            .breaking_at(breaks_at)
            .source();
        let error = engine.submit(&credentials, broken).await.unwrap_err();
        match &error {
            SubmitError::SourceUnreadable { message } => {
                assert!(
                    message.contains("audio") && message.contains("disk"),
                    "{message}"
                );
            }
            other => panic!("{other}"),
        }
    }
    engine
        .submit(&credentials, new_task("ref", 2))
        .await
        .unwrap();
    assert_eq!(fake.book().accepted, 1);
}

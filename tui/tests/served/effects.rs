//! What the screen asks of the network, and what comes back.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tonic::Code;
use vbatch_tui::net::{Client, Network};
use vbatch_tui::state::{Cause, Effects as _, Message, NetEffect, NetMessage, Stream, TransferId};
use vision_batch::v1;
use vision_batch::v1::refusal::Reason;

use super::fake::{BATCH_ID, Fake, SOON, Step, batch, refusal};
use super::streams::{complete, snapshot};
use super::transfers::Memory;

struct Screen {
    network: Network,
    messages: mpsc::Receiver<Message>,
    files: Arc<Memory>,
}

impl Screen {
    fn of(client: Client, files: Memory) -> Self {
        let (sender, messages) = mpsc::channel(16);
        let files = Arc::new(files);
        Self {
            network: Network::over(client, Some(files.clone()), sender),
            messages,
            files,
        }
    }

    async fn next(&mut self) -> NetMessage {
        let message = timeout(SOON, self.messages.recv()).await;
        match message
            .expect("a message in time")
            .expect("the network is there")
        {
            Message::Net(message) => message,
            other => panic!("{other:?}"),
        }
    }

    /// The next message that is not about progress.
    async fn answer(&mut self) -> NetMessage {
        loop {
            match self.next().await {
                NetMessage::Progress { .. } => {}
                message => return message,
            }
        }
    }
}

fn sign_in(password: &str) -> NetEffect {
    NetEffect::SignIn {
        server: String::new(),
        username: "wang".into(),
        password: password.into(),
    }
}

#[tokio::test(start_paused = true)]
async fn signing_in_is_refused_then_taken_and_the_token_is_used() {
    let fake = Fake::default();
    fake.script().token_life = 3_600;
    let mut screen = Screen::of(fake.client(), Memory::default());
    screen.network.start(NetEffect::Resume);
    match screen.next().await {
        NetMessage::SessionEnded(refusal) => {
            assert_eq!(refusal.cause, Cause::Server(Reason::TokenMissing));
        }
        other => panic!("{other:?}"),
    }
    screen.network.start(sign_in("wrong"));
    match screen.next().await {
        NetMessage::SignInRefused(refusal) => {
            assert_eq!(refusal.cause, Cause::Server(Reason::CredentialsInvalid));
        }
        other => panic!("{other:?}"),
    }
    screen.network.start(sign_in("right"));
    assert!(
        matches!(screen.next().await, NetMessage::SignedIn { user } if user.username == "wang")
    );
    screen.network.start(NetEffect::LoadServiceInfo);
    assert!(matches!(screen.next().await, NetMessage::ServiceInfo(_)));
    assert_eq!(fake.script().tokens, ["Bearer token-of-login"]);
}

#[tokio::test(start_paused = true)]
async fn a_session_handed_in_is_gone_on_with_and_its_end_is_told_once() {
    let fake = Fake::default();
    let mut screen = Screen::of(fake.client().with_token("given"), Memory::default());
    screen.network.start(NetEffect::Resume);
    assert!(matches!(screen.next().await, NetMessage::SignedIn { .. }));

    fake.script().refuse_all = Some(refusal(Code::Unauthenticated, "TOKEN_REVOKED", &[]));
    screen.network.start(NetEffect::Quote {
        number: 7,
        request: v1::QuoteBatchRequest::default(),
    });
    assert!(matches!(
        screen.next().await,
        NetMessage::Quoted {
            number: 7,
            result: Err(_)
        }
    ));
    assert!(matches!(screen.next().await, NetMessage::SessionEnded(_)));
    // Late failures of the same session say nothing more.
    screen.network.start(NetEffect::LoadServiceInfo);
    screen
        .network
        .start(NetEffect::CancelItems(v1::CancelItemsRequest::default()));
    assert!(matches!(screen.next().await, NetMessage::ServiceInfoLost));
    assert!(matches!(screen.next().await, NetMessage::Cancelled(Err(_))));
    fake.script().refuse_all = None;
    screen.network.start(sign_in("right"));
    assert!(matches!(screen.next().await, NetMessage::SignedIn { .. }));
}

#[tokio::test(start_paused = true)]
async fn streams_are_told_apart_and_one_takes_the_place_of_the_other() {
    let fake = Fake::default();
    let open = batch(v1::batch::State::Processing, 0, 0, 2);
    fake.script().streams.extend([
        vec![snapshot(open.clone()), complete(3), Step::Break],
        vec![complete(3), Step::Hang],
    ]);
    let mut screen = Screen::of(fake.client().with_token("given"), Memory::default());
    screen
        .network
        .start(NetEffect::WatchBatch(v1::BatchStatusRequest {
            batch_id: BATCH_ID.into(),
            follow: true,
            ..v1::BatchStatusRequest::default()
        }));
    let stream = Stream::Batch(BATCH_ID.into());
    assert!(matches!(screen.next().await, NetMessage::StreamOpened(opened) if opened == stream));
    assert!(matches!(screen.next().await, NetMessage::Batch { .. }));
    assert!(matches!(screen.next().await, NetMessage::Batch { .. }));
    match screen.next().await {
        NetMessage::StreamLost {
            stream: lost,
            retry_in: Some(_),
            ..
        } => assert_eq!(lost, stream),
        other => panic!("{other:?}"),
    }
    assert!(matches!(screen.next().await, NetMessage::StreamOpened(_)));
    assert!(matches!(screen.next().await, NetMessage::Batch { .. }));
    screen.network.start(NetEffect::UnwatchBatch);

    let counts = v1::watch_batches_response::SnapshotComplete {
        revision: 9,
        credit_balance: 42,
        ..v1::watch_batches_response::SnapshotComplete::default()
    };
    let event = v1::watch_batches_response::Event::SnapshotComplete(counts);
    fake.script()
        .streams
        .extend([vec![Step::List(event), Step::Break], vec![Step::Hang]]);
    screen
        .network
        .start(NetEffect::WatchBatches(v1::WatchBatchesRequest::default()));
    assert!(matches!(
        screen.next().await,
        NetMessage::StreamOpened(Stream::Batches)
    ));
    assert!(matches!(screen.next().await, NetMessage::Batches(_)));
    assert!(matches!(
        screen.next().await,
        NetMessage::StreamLost {
            stream: Stream::Batches,
            ..
        }
    ));
    assert!(matches!(screen.next().await, NetMessage::StreamOpened(_)));
    assert_eq!(fake.script().known_revisions, [0, 3, 0, 9]);
}

#[tokio::test(start_paused = true)]
async fn the_service_is_watched_whatever_happens_until_it_is_left() {
    use v1::watch_system_response::Event;
    let fake = Fake::default();
    let status = |version: &str| {
        Step::System(Event::Status(v1::SystemStatus {
            version: version.to_owned(),
            ..v1::SystemStatus::default()
        }))
    };
    let end = Step::System(Event::End(v1::StreamEnd {
        reason: v1::stream_end::Reason::ShuttingDown.into(),
    }));
    fake.script().streams.extend([
        vec![status("1"), Step::Break],
        vec![status("1"), status("2"), end],
        vec![status("3"), Step::Hang],
    ]);
    let mut screen = Screen::of(fake.client().with_token("given"), Memory::default());
    screen.network.start(NetEffect::WatchSystem);
    let mut heard = Vec::new();
    while heard.last().is_none_or(|it| it != "3") {
        heard.push(match screen.next().await {
            NetMessage::StreamOpened(Stream::System) => "opened".to_owned(),
            NetMessage::StreamLost {
                stream: Stream::System,
                retry_in: Some(_),
                ..
            } => "lost".to_owned(),
            NetMessage::System(event) => match *event {
                Event::Status(status) => status.version,
                Event::Heartbeat(_) => "heartbeat".to_owned(),
                Event::End(_) => "end".to_owned(),
            },
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(
        heard,
        [
            "opened", "1", "lost", "opened", "1", "2", "end", "lost", "opened", "3"
        ]
    );
    // Whoever leaves the screen closes the stream: what comes next is another answer.
    screen.network.start(NetEffect::UnwatchSystem);
    screen.network.start(NetEffect::LoadServiceInfo);
    assert!(matches!(screen.next().await, NetMessage::ServiceInfo(_)));
}

#[tokio::test(start_paused = true)]
async fn uploads_and_downloads_answer_with_their_number() {
    let fake = Fake::default();
    fake.script().file = vec![9; 5_000];
    let files = Memory::default()
        .with("/v.mp3", b"audio")
        .with("/a.png", b"image");
    let mut screen = Screen::of(fake.client().with_token("given"), files);
    screen.network.start(NetEffect::CreateBatch {
        transfer: TransferId(1),
        spec: v1::BatchSpec {
            request_id: "0198c0de-0000-7000-8000-000000000001".into(),
            ..v1::BatchSpec::default()
        },
        audio: "/v.mp3".into(),
        images: vec!["/a.png".into()],
    });
    match screen.answer().await {
        NetMessage::Uploaded { transfer, result } => {
            assert_eq!(transfer, TransferId(1));
            assert_eq!(result.unwrap().batch.unwrap().id, BATCH_ID);
        }
        other => panic!("{other:?}"),
    }
    screen.network.start(NetEffect::Download {
        transfer: TransferId(2),
        request: v1::DownloadFileRequest::default(),
        directory: "/videos".into(),
    });
    match screen.answer().await {
        NetMessage::Saved { transfer, result } => {
            assert_eq!(transfer, TransferId(2));
            let path = result.unwrap();
            assert_eq!(screen.files.saved()[&path], vec![9; 5_000]);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_is_renewed_before_half_of_it_is_left() {
    let fake = Fake::default();
    // Its half is over at once: by the clock of the wall it was obtained when it expires.
    fake.script().token_life = 0;
    let mut screen = Screen::of(fake.client(), Memory::default());
    screen.network.start(sign_in("right"));
    assert!(matches!(screen.next().await, NetMessage::SignedIn { .. }));
    // Asked until it is so: the renewal goes on beside the calls.
    for _ in 0..1_000 {
        screen.network.start(NetEffect::LoadServiceInfo);
        assert!(matches!(screen.next().await, NetMessage::ServiceInfo(_)));
        if fake
            .script()
            .tokens
            .contains(&"Bearer token-of-renewal-1".to_owned())
        {
            return;
        }
    }
    panic!("it was not renewed");
}

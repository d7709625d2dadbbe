//! What sessions cost: bytes on slow links, memory of idle ones, and clients that do not read.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio_stream as stream;
use vbatch_tests::programs::{Session, media};
use vbatch_tests::terminal::Terminal;
use vbatch_tests::uploads::upload;
use vbatch_tests::upstream::config::{Limits, UpstreamConfig};
use vbatch_tests::upstream::fake::FakeUpstream;
use vbatch_tests::upstream::tasks::Script;
use vision_batch::v1;
use vision_batch::v1::admin_service_client::AdminServiceClient;
use vision_batch::v1::batch_service_client::BatchServiceClient;

use super::console::{By, Console};
use super::wire::Wire;

/// Most bytes a second that a busy batch may send to a terminal of 80×24.
const BYTES_A_SECOND: u64 = 4 << 10;
/// For how long they are counted.
const COUNTED: Duration = Duration::from_secs(8);
/// Sessions that are idle together, how many of them each user has, and what they may take in memory. What waits takes more in
/// builds for development, which lay nothing of it over another.
const IDLE: usize = 200;
const A_USER: usize = 20;
const IDLE_BYTES: u64 = if cfg!(debug_assertions) {
    72 << 20
} else {
    64 << 20
};
/// What a client that does not read may cost, beside what the batch itself takes.
const STOPPED_BYTES: u64 = 16 << 20;

/// Makes a batch of so many items.
async fn submit(session: &Session, engine: &str, items: usize) {
    let read = |name: &str| Bytes::from(std::fs::read(media(name)).unwrap());
    let names: Vec<String> = (1..=items)
        .map(|n| format!("portrait_{n:02}.png"))
        .collect();
    let image = read("face.png");
    let images: Vec<(&str, Bytes)> = names
        .iter()
        .map(|it| (it.as_str(), image.clone()))
        .collect();
    let spec = v1::BatchSpec {
        name: "spring".to_owned(),
        engine: engine.to_owned(),
        ..v1::BatchSpec::default()
    };
    let messages = upload(spec, ("speech.mp3", read("speech.mp3")), &images);
    let mut batches = BatchServiceClient::new(session.channel.clone());
    let made = batches.create_batch(session.request(stream::iter(messages)));
    made.await.unwrap();
}

/// Fifty tasks that run, one of which ends each second.
async fn busy_upstream() -> FakeUpstream {
    let config = UpstreamConfig {
        limits: Limits::none(),
        workers: 50,
        video: std::fs::read(media("film.mp4")).unwrap().into(),
        ..UpstreamConfig::default()
    };
    let fake = FakeUpstream::start(config).await.unwrap();
    for n in 1..=50 {
        fake.script_next(Script {
            run: Some(Duration::from_secs(n)),
            ..Script::default()
        });
    }
    fake
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_batch_of_fifty_takes_less_than_4_kib_a_second() {
    let upstream = busy_upstream().await;
    let (base_url, token) = (upstream.base_url(), upstream.token());
    let variables = [
        ("LIGHTX2V_BASE_URL", base_url.as_str()),
        ("LIGHTX2V_ACCESS_TOKEN", token.as_str()),
    ];
    let Some(console) = Console::with_key(&variables).await else {
        return;
    };
    let session = console.daemon.sign_in().await;
    let mut admin = AdminServiceClient::new(session.channel.clone());
    let slots = v1::SetDispatchRequest {
        concurrency: Some(50),
        ..v1::SetDispatchRequest::default()
    };
    admin.set_dispatch(session.request(slots)).await.unwrap();

    let wire = Wire::to(console.address);
    let mut terminal = console.open_to(wire.address, "admin", By::Key("key"), &[], (80, 24));
    terminal.until_text("No batches yet");
    submit(&session, "lightx2v", 50).await;
    terminal.until_text("spring");
    terminal.type_keys("\r");
    terminal.until_text("generating");
    let done = |screen: &str| -> Option<u32> {
        // Below the title, in which the slots are as many.
        let (before, _) = screen.lines().nth(1)?.split_once("/50")?;
        before.rsplit(' ').next()?.parse().ok()
    };
    terminal.until("the first two have ended", |screen| done(screen) >= Some(2));

    let before = (wire.bytes(), done(&terminal.screen()), Instant::now());
    terminal.until("time passes", |_| before.2.elapsed() >= COUNTED);
    let (bytes, ended) = (wire.bytes() - before.0, done(&terminal.screen()));
    let a_second = bytes * 1_000 / u64::try_from(before.2.elapsed().as_millis()).unwrap();
    eprintln!(
        "{a_second} bytes a second, {:?} to {ended:?} of 50",
        before.1
    );
    assert!(ended > before.1, "it is live");
    assert!(a_second <= BYTES_A_SECOND, "{a_second} bytes a second");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_costs_nothing_and_then_sees_the_newest() {
    let Some(console) = Console::with_key(&[]).await else {
        return;
    };
    let session = console.daemon.sign_in().await;
    let terminal = console.open_screen((200, 60));
    // What previews take is taken once.
    submit(&session, "preview", 30).await;
    terminal.until_text("30/30");
    let before = console.daemon.resident_bytes();
    terminal.signal("STOP");
    terminal.until_stopped();
    submit(&session, "preview", 31).await;
    // Whoever reads sees it to its end meanwhile.
    let other = console.open("admin", By::Key("key"), &[], (80, 24));
    other.until_text("31/31");
    let grown = console.daemon.resident_bytes().saturating_sub(before);
    assert!(grown <= STOPPED_BYTES, "{grown} bytes");
    terminal.signal("CONT");
    terminal.until_text("31/31");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_idle_sessions_take_less_than_64_mib_together() {
    let Some(console) = Console::with_key(&[]).await else {
        return;
    };
    // A user has so many streams at a time; the first sessions bring what all of them share.
    let admin = console.daemon.sign_in().await;
    let public_key = std::fs::read_to_string(console.path("key.pub")).unwrap();
    let mut sessions: Vec<Terminal> = (0..4).map(|_| console.open_screen((80, 24))).collect();
    let mut names = Vec::new();
    for n in 0..IDLE / A_USER {
        let user = console.make_user(&admin, &format!("user{n}")).await;
        console.add_key(&admin, &public_key, &user.id).await;
        names.push(user.username);
    }
    let before = console.daemon.resident_bytes();
    for name in &names {
        let some: Vec<Terminal> = (0..A_USER)
            .map(|_| console.open(name, By::Key("key"), &[], (80, 24)))
            .collect();
        for terminal in &some {
            terminal.until_text("No batches yet");
        }
        sessions.extend(some);
    }
    let grown = console.daemon.resident_bytes().saturating_sub(before);
    eprintln!("{} KiB a session", grown / 1024 / IDLE as u64);
    assert!(grown <= IDLE_BYTES, "{grown} bytes");
}

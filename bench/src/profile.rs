//! GetProfile, the smallest call there is, against a service that only answers.

use futures::StreamExt as _;
use futures::stream;
use tempfile::TempDir;
use vbatch_tests::programs::Session;
use vision_batch::v1;
use vision_batch::v1::auth_service_client::AuthServiceClient;

use crate::child::Child;
use crate::figure::{Figure, Target, median};
use crate::fill;

/// Calls of a round, several at a time, as from a busy client.
const CALLS: usize = 20_000;
const AT_ONCE: usize = 16;
const ROUNDS: usize = 5;

/// Seconds of processor a round takes the server.
async fn round(child: &Child, session: &Session) -> f64 {
    let client = AuthServiceClient::new(session.channel.clone());
    let before = child.time();
    stream::iter(0..CALLS)
        .for_each_concurrent(AT_ONCE, |_| {
            let mut client = client.clone();
            async move {
                let request = session.request(v1::GetProfileRequest {});
                client.get_profile(request).await.unwrap();
            }
        })
        .await;
    (child.time() - before).as_secs_f64()
}

/// See the module's page.
///
/// # Panics
/// When a call fails.
pub async fn figures() -> Vec<Figure> {
    let folder = TempDir::new().unwrap();
    let admin = fill::data_directory(folder.path(), 0).await;
    let (ours, bare) = (Child::server(folder.path(), &[admin]), Child::bare());
    let our_session = ours.session(0).await;
    // The same request, the token in it.
    let bare_session = Session {
        channel: bare.channel().await,
        token: our_session.token.clone(),
    };
    // The first round of each warms up.
    round(&ours, &our_session).await;
    round(&bare, &bare_session).await;
    let (mut ratios, mut absolute) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let taken = round(&ours, &our_session).await;
        let least = round(&bare, &bare_session).await;
        ratios.push(taken / least);
        absolute.push((taken, least));
    }
    let micros = |seconds: f64| seconds * 1e6 / CALLS as f64;
    let taken = median(absolute.iter().map(|pair| pair.0).collect());
    let least = median(absolute.iter().map(|pair| pair.1).collect());
    vec![
        Figure::ratio(
            "GetProfile: server CPU a call",
            "an empty tonic service",
            median(ratios),
            Target::AtMost(1.25),
        )
        .with(format!("{:.0} µs, {:.0} µs", micros(taken), micros(least))),
    ]
}

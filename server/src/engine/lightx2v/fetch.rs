//! Bringing a finished task's video in: where it is, the way there, its bytes.
//!
//! Invariants:
//! - The token goes only to a relative address, resolved against the base URL, and only while the way stays on
//!   the upstream's own scheme, host and port. Once it has left, the token stays behind for good.
//! - An absolute address never gets the token, wherever it points.
//! - A broken fetch leaves the task as it is: it is for the caller to fetch again.

use bytes::BytesMut;
use futures::TryStreamExt;
use reqwest::Url;
use secrecy::SecretString;

use super::config::Address;
use super::errors;
use super::transport::{Answer, Failure, Opened, Transport};
use crate::engine::{FetchError, ReadError, VideoSink};

/// Most redirects on the way to one video.
const MAX_REDIRECTS: usize = 5;

/// Most bytes read of an answer that is no video.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// A place on the way to a video.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    url: Url,
    with_token: bool,
}

impl Place {
    /// Where `result_url` says that the video is.
    fn first(address: &Address, said: &str) -> Option<Self> {
        if let Ok(url) = Url::parse(said) {
            return Self::checked(url, false);
        }
        let url = address.url().join(said).ok()?;
        // `//elsewhere/…` is relative only by its looks.
        let with_token = address.owns(&url);
        Self::checked(url, with_token)
    }

    /// Where a redirect leads.
    fn next(&self, address: &Address, location: &str) -> Option<Self> {
        let url = self.url.join(location).ok()?;
        let with_token = self.with_token && address.owns(&url);
        Self::checked(url, with_token)
    }

    fn checked(url: Url, with_token: bool) -> Option<Self> {
        matches!(url.scheme(), "http" | "https").then_some(Self { url, with_token })
    }
}

/// Follows the way to the video and writes it into the sink.
pub async fn video(
    transport: &dyn Transport,
    address: &Address,
    token: &SecretString,
    said: &str,
    sink: &mut dyn VideoSink,
) -> Result<(), FetchError> {
    let lost = |what: &str| ReadError::Unavailable {
        message: what.to_owned(),
    };
    let mut place = Place::first(address, said)
        .ok_or_else(|| lost("the address of the video is neither http nor https"))?;
    for _ in 0..=MAX_REDIRECTS {
        let opened = transport
            .open(place.with_token.then_some(token), &place.url)
            .await
            .map_err(errors::read_failure)?;
        match (opened.status, &opened.location) {
            (301 | 302 | 303 | 307 | 308, Some(location)) => {
                place = place.next(address, location).ok_or_else(|| {
                    lost("the video's address redirects to neither http nor https")
                })?;
            }
            (200, _) => return copy(opened, sink).await,
            _ => return Err(refused(opened, place.with_token).await.into()),
        }
    }
    Err(errors::weather(format!(
        "the video's address redirected more than {MAX_REDIRECTS} times"
    ))
    .into())
}

async fn copy(opened: Opened, sink: &mut dyn VideoSink) -> Result<(), FetchError> {
    let media_type = opened.media_type.to_ascii_lowercase();
    if media_type.starts_with("text/html") || media_type.starts_with("application/json") {
        return Err(
            errors::weather("something else than a video came with HTTP 200".to_owned()).into(),
        );
    }
    let promised = opened.total_bytes;
    let mut body = opened.body;
    let mut received = 0;
    let cut_off = |received, message: String| FetchError::CutOff { received, message };
    sink.start(promised).await?;
    loop {
        match body.try_next().await {
            Ok(Some(chunk)) => {
                received += chunk.len() as u64;
                sink.write(chunk).await?;
            }
            Ok(None) => break,
            Err(failure) => return Err(cut_off(received, failure.to_string())),
        }
    }
    match promised {
        Some(promised) if promised != received => {
            Err(cut_off(received, format!("{promised} bytes were promised")))
        }
        _ if received == 0 => Err(cut_off(0, "the video is empty".to_owned())),
        _ => Ok(()),
    }
}

/// What an answer without a video means. Another host's words say nothing about our token or task: its
/// address may simply be too old, and the next fetch asks for a new one.
async fn refused(opened: Opened, with_token: bool) -> ReadError {
    let status = opened.status;
    if !with_token {
        return errors::weather(format!("the video's host answered HTTP {status}"));
    }
    let retry_after = opened.retry_after;
    let (body, whole) = beginning(opened).await;
    let answer = Answer {
        status,
        retry_after,
        body: body.freeze(),
        whole,
    };
    match errors::read(&answer) {
        Err(error) => error,
        Ok(_) => errors::weather(format!("HTTP {status} instead of a video")),
    }
}

async fn beginning(mut opened: Opened) -> (BytesMut, bool) {
    let mut body = BytesMut::new();
    loop {
        match opened.body.try_next().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ERROR_BYTES => {
                body.extend_from_slice(&chunk)
            }
            Ok(None) => return (body, true),
            Ok(Some(_))
            | Err(Failure::NotSent(_) | Failure::Broken(_) | Failure::TokenUnusable) => {
                return (body, false);
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn only_a_relative_address_on_our_own_host_gets_the_token() {
        let address = Address::parse("https://host.example/x2v").unwrap();
        for (said, url, with_token) in [
            (
                "./assets/r?task_id=1",
                "https://host.example/x2v/assets/r?task_id=1",
                true,
            ),
            ("assets/r", "https://host.example/x2v/assets/r", true),
            ("/assets/r", "https://host.example/assets/r", true),
            (
                "https://bucket.example/r?sig=1",
                "https://bucket.example/r?sig=1",
                false,
            ),
            (
                "https://host.example/x2v/r",
                "https://host.example/x2v/r",
                false,
            ),
            ("//bucket.example/r", "https://bucket.example/r", false),
            (r"\\bucket.example\r", "https://bucket.example/r", false),
        ] {
            let place = Place::first(&address, said).unwrap();
            assert_eq!(
                (place.url.as_str(), place.with_token),
                (url, with_token),
                "{said}"
            );
        }
        for said in ["file:///etc/passwd", "ftp://host.example/r", "data:,x"] {
            assert_eq!(Place::first(&address, said), None, "{said}");
        }
    }

    #[test]
    fn a_token_that_stayed_behind_does_not_come_after() {
        let address = Address::parse("https://host.example/").unwrap();
        let first = Place::first(&address, "./r").unwrap();
        let same = first.next(&address, "/r/").unwrap();
        assert!(same.with_token);
        let other = same.next(&address, "https://bucket.example/r").unwrap();
        assert!(!other.with_token);
        let back = other.next(&address, "https://host.example/r").unwrap();
        assert!(!back.with_token);
        let plain = same.next(&address, "http://host.example/r").unwrap();
        assert!(!plain.with_token);
        assert_eq!(same.next(&address, "file:///etc/passwd"), None);
    }
}

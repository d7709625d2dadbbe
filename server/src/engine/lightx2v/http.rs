//! The way to a real upstream: reqwest, HTTP/1.1.
//!
//! Invariants:
//! - No redirect is followed here, and the token is put into a request only when its URL is on the upstream's
//!   own scheme, host and port.
//! - Every silence is bounded. Nothing is sent twice.
//! - What a [`Failure`] says comes from the innermost cause, never from reqwest's own text, which names URLs.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue,
    LOCATION, RETRY_AFTER,
};
use reqwest::{Body, Client, Method, RequestBuilder, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep_until, timeout};

use super::body::Progress;
use super::config::{Address, ConfigError, Timeouts};
use super::transport::{Answer, Failure, Opened, Request, Transport, Verb};
use super::words;

/// Idle connections are let go before the upstream does it: uvicorn, which serves it, closes them after 5 s by
/// default, and a submit that meets such an end has no definite answer.
const POOL_IDLE: Duration = Duration::from_secs(4);

/// Longest wait that is taken from a `Retry-After`.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// See the module's page.
pub struct HttpTransport {
    client: Client,
    address: Address,
    timeouts: Timeouts,
}

impl HttpTransport {
    /// A client with its own pool of connections.
    pub fn new(address: Address, timeouts: Timeouts) -> Result<Self, ConfigError> {
        let builder = || {
            let builder = Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .connect_timeout(timeouts.connect)
                .pool_idle_timeout(POOL_IDLE)
                .user_agent(concat!("vbatchd/", env!("CARGO_PKG_VERSION")));
            if address.is_loopback() {
                builder.no_proxy()
            } else {
                builder
            }
        };
        let client = builder().build().or_else(|error| {
            // A machine without CA certificates can still speak to an upstream over plain http; https then
            // fails call by call, which says so.
            tracing::warn!(cause = %cause(&error), "no system certificates: https upstreams will not be trusted");
            builder().tls_certs_only([]).build()
        });
        let client = client.map_err(|error| ConfigError::Client(cause(&error)))?;
        Ok(Self {
            client,
            address,
            timeouts,
        })
    }

    fn request(
        &self,
        verb: Verb,
        url: Url,
        token: Option<&SecretString>,
    ) -> Result<RequestBuilder, Failure> {
        let method = match verb {
            Verb::Get => Method::GET,
            Verb::Post => Method::POST,
        };
        let own = self.address.owns(&url);
        let builder = self.client.request(method, url);
        match token.map(|token| token.expose_secret().trim()) {
            Some(token) if own && !token.is_empty() => {
                let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                    .map_err(|_| Failure::TokenUnusable)?;
                value.set_sensitive(true);
                Ok(builder.header(AUTHORIZATION, value))
            }
            _ => Ok(builder),
        }
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn call(&self, token: &SecretString, request: Request) -> Result<Answer, Failure> {
        let mut url = self
            .address
            .url()
            .join(request.path)
            .map_err(|error| Failure::NotSent(error.to_string()))?;
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let mut builder = self.request(request.verb, url, Some(token))?;
        let mut progress = None;
        if let Some(body) = request.body {
            progress = Some(body.progress());
            builder = builder
                .header(CONTENT_TYPE, "application/json")
                .header(CONTENT_LENGTH, body.content_length())
                .body(Body::wrap_stream(body.into_stream()));
        }
        let exchange = exchange(builder, request.max_answer_bytes);
        match progress {
            None => timeout(self.timeouts.answer, exchange)
                .await
                .unwrap_or_else(|_| Err(silent(self.timeouts.answer))),
            Some(progress) => within(self.timeouts, progress, exchange).await,
        }
    }

    async fn open(&self, token: Option<&SecretString>, address: &Url) -> Result<Opened, Failure> {
        let builder = self.request(Verb::Get, address.clone(), token)?;
        let response = timeout(self.timeouts.answer, builder.send())
            .await
            .map_err(|_| silent(self.timeouts.answer))?
            .map_err(|error| failure(&error))?;
        Ok(Opened {
            status: response.status().as_u16(),
            retry_after: retry_after(response.headers()),
            total_bytes: response.content_length(),
            media_type: header(response.headers(), CONTENT_TYPE)
                .unwrap_or_default()
                .to_owned(),
            location: header(response.headers(), LOCATION).map(str::to_owned),
            body: chunks(response, self.timeouts.idle).boxed(),
        })
    }
}

/// Sends and reads the answer, of which at most `max_bytes` are kept.
async fn exchange(builder: RequestBuilder, max_bytes: usize) -> Result<Answer, Failure> {
    let mut response = builder.send().await.map_err(|error| failure(&error))?;
    let mut answer = Answer {
        status: response.status().as_u16(),
        retry_after: retry_after(response.headers()),
        body: Bytes::new(),
        whole: true,
    };
    let mut body = BytesMut::new();
    // A refusal may come, and the connection go, while our body is still on its way: then the code counts.
    answer.whole = loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= max_bytes => {
                body.extend_from_slice(&chunk)
            }
            Ok(None) => break true,
            Ok(Some(_)) | Err(_) => break false,
        }
    };
    answer.body = body.freeze();
    Ok(answer)
}

/// A video's bytes; the stream ends after its first error.
fn chunks(
    response: Response,
    idle: Duration,
) -> impl futures::Stream<Item = Result<Bytes, Failure>> + Send {
    stream::try_unfold(response, move |mut response| async move {
        let next = timeout(idle, response.chunk())
            .await
            .map_err(|_| silent(idle))?;
        let chunk = next.map_err(|error| Failure::Broken(cause(&error)))?;
        Ok(chunk.map(|chunk| (chunk, response)))
    })
}

/// Bounds the silences of a request with a body: while it goes up, and from its end to the answer's.
async fn within(
    timeouts: Timeouts,
    progress: Arc<Progress>,
    exchange: impl Future<Output = Result<Answer, Failure>>,
) -> Result<Answer, Failure> {
    let started = Instant::now();
    let silence = async {
        loop {
            let (deadline, allowed) = match progress.last() {
                (None, _) => (started + timeouts.connect + timeouts.idle, timeouts.idle),
                (Some(last), false) => (last + timeouts.idle, timeouts.idle),
                (Some(last), true) => (last + timeouts.answer, timeouts.answer),
            };
            if deadline <= Instant::now() {
                return silent(allowed);
            }
            // Each piece sets another deadline, which may be an earlier one. A move that was notified while
            // nobody listened is kept, so none is missed.
            tokio::select! {
                () = sleep_until(deadline) => {}
                () = progress.next_move() => {}
            }
        }
    };
    // Dropping the exchange closes the connection; its end is then not known, which is what is answered.
    tokio::select! {
        biased;
        answer = exchange => answer,
        failure = silence => Err(failure),
    }
}

fn silent(allowed: Duration) -> Failure {
    Failure::Broken(format!("no sign of life for {} s", allowed.as_secs_f32()))
}

fn failure(error: &reqwest::Error) -> Failure {
    if error.is_builder() || error.is_connect() {
        Failure::NotSent(cause(error))
    } else {
        Failure::Broken(cause(error))
    }
}

/// The innermost cause: it names neither URL nor headers.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: Option<&(dyn Error + 'static)> = error.source();
    while let Some(deeper) = innermost.and_then(Error::source) {
        innermost = Some(deeper);
    }
    match innermost {
        Some(cause) if !cause.is::<reqwest::Error>() => words::kept(&cause.to_string()),
        _ if error.is_timeout() => "timed out".to_owned(),
        _ => "the connection failed".to_owned(),
    }
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    wait(header(headers, RETRY_AFTER)?, header(headers, DATE))
}

/// Seconds, or a date, which counts from the upstream's own `Date`: its clock is not ours.
fn wait(value: &str, date: Option<&str>) -> Option<Duration> {
    let value = value.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = http_date(value)?.duration_since(http_date(date?)?);
            Duration::try_from(until).unwrap_or(Duration::ZERO)
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

fn http_date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new()
        .parse_timestamp(text.trim())
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date_of_the_upstream() {
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        for (value, expected) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("99999999", Some(86_400)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("Sat, 06 Nov 2094 08:49:00 GMT", Some(86_400)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(
                wait(value, date),
                expected.map(Duration::from_secs),
                "{value}"
            );
        }
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:37 GMT", None), None);
    }
}

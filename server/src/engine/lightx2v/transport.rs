//! What a way to the upstream must be able to do: whole answers for the API, a stream for a video.
//!
//! [`http`](super::http) is the real way. A simulated upstream is another, so that everything above this
//! line, the decoding of every answer included, also runs in virtual time.
//!
//! Invariants: an [`Answer`] is bounded; a [`Failure`] holds neither a URL nor a token; nothing is sent twice.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
pub use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::body::SubmitBody;
use super::words;

/// A way to the upstream.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends one request to the API, with the token, follows no redirect, and reads the whole answer.
    async fn call(&self, token: &SecretString, request: Request) -> Result<Answer, Failure>;

    /// Opens a video for reading, follows no redirect. The token goes along only where one is given.
    async fn open(&self, token: Option<&SecretString>, address: &Url) -> Result<Opened, Failure>;
}

/// The HTTP verbs in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// GET.
    Get,
    /// POST.
    Post,
}

/// One request to the API.
pub struct Request {
    /// How.
    pub verb: Verb,
    /// Relative to the base URL, without a leading slash.
    pub path: &'static str,
    /// Query parameters, not yet encoded.
    pub query: Vec<(&'static str, String)>,
    /// The body of a submit.
    pub body: Option<SubmitBody>,
    /// More than this of an answer's body is not read: the answer then is not whole.
    pub max_answer_bytes: usize,
}

impl Request {
    /// A request without a body, its answer bounded to 1 MiB.
    pub fn get(path: &'static str, query: Vec<(&'static str, String)>) -> Self {
        Self {
            verb: Verb::Get,
            path,
            query,
            body: None,
            max_answer_bytes: 1024 * 1024,
        }
    }
}

/// An answer of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// From `Retry-After`, at most a day.
    pub retry_after: Option<Duration>,
    /// The body, or what came of it.
    pub body: Bytes,
    /// Whether the whole body came.
    pub whole: bool,
}

impl Answer {
    /// A whole answer without headers that matter.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            retry_after: None,
            body: body.into(),
            whole: true,
        }
    }

    /// Blacks out our token, should the upstream have echoed it.
    pub(super) fn without_token(mut self, token: &SecretString) -> Self {
        if let Ok(text) = std::str::from_utf8(&self.body)
            && text.contains(token.expose_secret().trim())
        {
            self.body = words::without_token(text, token).into();
        }
        self
    }
}

/// The head of a video's answer and its bytes to come.
pub struct Opened {
    /// HTTP status.
    pub status: u16,
    /// From `Retry-After`, at most a day.
    pub retry_after: Option<Duration>,
    /// `Content-Length`, where it was said.
    pub total_bytes: Option<u64>,
    /// `Content-Type`, empty where it was not said.
    pub media_type: String,
    /// `Location` of a redirect.
    pub location: Option<String>,
    /// The body. Ends with an error when it was cut, or was silent for too long.
    pub body: BoxStream<'static, Result<Bytes, Failure>>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nothing of the request was sent: connection refused, name not found, TLS failed.
    #[error("{0}")]
    NotSent(String),
    /// Something was sent, and then the connection broke or stayed silent.
    #[error("{0}")]
    Broken(String),
    /// The token cannot be put into a header; nothing was sent.
    #[error("the token has characters that no HTTP header can carry")]
    TokenUnusable,
}

//! Requests and answers as both fronts hand them to the service, without a network.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use super::book::Host;
use super::faults::{Call, Scripted};

/// A request without its body.
#[derive(Debug, Clone)]
pub struct Head {
    /// `GET`, …
    pub verb: String,
    /// Which host it came to.
    pub host: Host,
    /// Begins with a slash.
    pub path: String,
    /// Decoded.
    pub query: BTreeMap<String, String>,
    /// The header, whole.
    pub authorization: Option<String>,
    /// All header names, in lower case.
    pub header_names: Vec<String>,
    /// Of the request.
    pub content_length: Option<u64>,
    /// Which connection; 0 without sockets.
    pub connection: u64,
}

impl Head {
    /// Which call it is.
    pub fn call(&self) -> Call {
        match (self.host, self.path.as_str()) {
            (Host::Bucket, _) => Call::Presigned,
            (Host::Api, "/api/v1/task/submit") => Call::Submit,
            (Host::Api, "/api/v1/task/query") if self.query.contains_key("task_ids") => {
                Call::BulkQuery
            }
            (Host::Api, "/api/v1/task/query") => Call::Query,
            (Host::Api, "/api/v1/task/list") => Call::List,
            (Host::Api, "/api/v1/task/result_url") => Call::ResultUrl,
            (Host::Api, "/api/v1/task/input_url") => Call::InputUrl,
            (Host::Api, "/assets/task/result") => Call::Result,
            (Host::Api, "/api/v1/task/cancel") => Call::Cancel,
            (Host::Api, "/api/v1/task/resume") => Call::Resume,
            (Host::Api, "/api/v1/task/delete") => Call::Delete,
            (Host::Api, "/api/v1/model/list") => Call::Models,
            (Host::Api, _) => Call::Other,
        }
    }

    /// The task or tasks in the query.
    pub fn task(&self) -> Option<&String> {
        self.query
            .get("task_id")
            .or_else(|| self.query.get("task_ids"))
    }

    pub(super) fn number(&self, name: &str, default: usize) -> usize {
        self.query
            .get(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
            .max(1)
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub media_type: &'static str,
    /// `Retry-After`, where there is one.
    pub retry_after: Option<String>,
    /// `Location`, where there is one.
    pub location: Option<String>,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// JSON.
    pub fn json(status: u16, value: &Value) -> Self {
        Self {
            status,
            media_type: "application/json",
            retry_after: None,
            location: None,
            body: value.to_string().into(),
        }
    }

    /// `{"message": "error: <words>!"}`.
    pub fn error(status: u16, words: &str) -> Self {
        Self::json(status, &json!({"message": format!("error: {words}!")}))
    }

    /// A redirect.
    pub fn redirect(location: String) -> Self {
        Self {
            location: Some(location),
            ..Self::json(302, &Value::Null)
        }
    }

    pub(super) fn video(video: Bytes) -> Self {
        Self {
            media_type: "application/octet-stream",
            body: video,
            ..Self::json(200, &Value::Null)
        }
    }
}

impl From<&Scripted> for Reply {
    fn from(scripted: &Scripted) -> Self {
        Self {
            status: scripted.status,
            media_type: scripted.media_type,
            retry_after: scripted.retry_after.clone(),
            location: None,
            body: scripted.body.clone().into(),
        }
    }
}

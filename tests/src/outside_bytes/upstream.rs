//! What the upstream answers, whatever it was asked.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use secrecy::SecretString;
use vbatch_server::domain::ids::TaskId;
use vbatch_server::engine::lightx2v::LightX2v;
use vbatch_server::engine::lightx2v::account::account_of;
use vbatch_server::engine::lightx2v::config::LightX2vConfig;
use vbatch_server::engine::lightx2v::transport::{
    Answer, Failure, Opened, Request, Transport, Url,
};
use vbatch_server::engine::{Credentials, Engine as _, VideoSink};

use super::pieces::Pieces;
use super::wait_for;
use crate::upstream::material::new_task;

/// Answers everything alike.
struct Parrot {
    status: u16,
    body: Bytes,
    whole: bool,
}

#[async_trait]
impl Transport for Parrot {
    async fn call(&self, _: &SecretString, _: Request) -> Result<Answer, Failure> {
        Ok(Answer {
            whole: self.whole,
            ..Answer::new(self.status, self.body.clone())
        })
    }

    async fn open(&self, _: Option<&SecretString>, _: &Url) -> Result<Opened, Failure> {
        let body = self.body.clone();
        Ok(Opened {
            status: self.status,
            retry_after: Some(Duration::MAX),
            total_bytes: Some(u64::MAX),
            media_type: String::from_utf8_lossy(&body).into_owned(),
            location: Some(String::from_utf8_lossy(&body).into_owned()),
            body: futures::stream::iter([Ok(body)]).boxed(),
        })
    }
}

/// A disk that takes everything and keeps nothing.
struct Nowhere;

#[async_trait]
impl VideoSink for Nowhere {
    async fn start(&mut self, _: Option<u64>) -> io::Result<()> {
        Ok(())
    }

    async fn write(&mut self, _: Bytes) -> io::Result<()> {
        Ok(())
    }
}

/// The first byte says with which status, the second whether the whole answer came; the rest is the answer.
///
/// # Panics
/// When the engine does.
pub fn upstream(bytes: &[u8]) {
    const STATUSES: [u16; 14] = [
        200, 201, 204, 301, 302, 400, 401, 403, 404, 405, 422, 429, 500, 503,
    ];
    let mut pieces = Pieces::of(bytes);
    let status = STATUSES[usize::from(pieces.byte()) % STATUSES.len()];
    let whole = pieces.byte().is_multiple_of(2);
    let body = Bytes::copy_from_slice(pieces.rest());
    let token = SecretString::from("token".to_owned());
    let credentials = Credentials {
        account: account_of(&token),
        token,
    };
    let parrot = Parrot {
        status,
        body,
        whole,
    };
    let config = LightX2vConfig::at("http://upstream.invalid");
    let engine = LightX2v::over(config, Arc::new(parrot)).expect("a good configuration");
    let tasks = ["7b1f", "9c2e"].map(|id| TaskId(id.to_owned()));
    wait_for(async {
        let _ = engine.submit(&credentials, new_task("item/1", 7)).await;
        if let Ok(answers) = engine.query(&credentials, &tasks).await {
            assert!(answers.len() <= tasks.len());
        }
        let _ = engine.list(&credentials, 1).await;
        let _ = engine.cancel(&credentials, &tasks[0]).await;
        let _ = engine.fetch(&credentials, &tasks[0], &mut Nowhere).await;
        let _ = engine.check(&credentials).await;
    });
}

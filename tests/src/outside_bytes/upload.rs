//! The body of a CreateBatch, from its first frame on.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http_body_util::{BodyExt as _, Full};
use secrecy::ExposeSecret as _;
use tonic::body::Body;
use tower::ServiceExt as _;

use super::wait_for;
use crate::face::Face;
use crate::upstream::config::UpstreamConfig;
use crate::world::World;

const CREDITS: i32 = 5;

/// A whole request body: frames of gRPC, each a part of the upload.
///
/// # Panics
/// When something was stored or charged for an upload that was refused.
pub fn upload(bytes: &[u8]) {
    wait_for(async {
        let world = World::asleep(UpstreamConfig::default()).await;
        let owner = world.user("zhangwei", CREDITS).await;
        let face = Face::over(&world).await;
        let session = face.accounts.mint(owner).await.expect("not disabled");
        let request = http::Request::post("/visionbatch.v1.BatchService/CreateBatch")
            .header(CONTENT_TYPE, "application/grpc")
            .header(
                AUTHORIZATION,
                format!("Bearer {}", session.token.expose_secret()),
            )
            .body(Body::new(Full::new(Bytes::copy_from_slice(bytes))))
            .expect("a request");
        let answer = face.routes.clone().oneshot(request).await;
        let answer = answer.expect("routes never fail");
        let in_head = answer.headers().get("grpc-status").cloned();
        let body = answer.into_body().collect().await.expect("an answer");
        let status = in_head.or_else(|| body.trailers()?.get("grpc-status").cloned());
        let status = status.expect("every answer ends in a status");
        if status != "0" {
            assert_eq!(world.balance(owner).await, CREDITS);
            assert_eq!(face.stored_files(), 0, "left behind");
        }
    });
}

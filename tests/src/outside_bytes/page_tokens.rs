//! Page tokens, made up or cut.

use std::cell::RefCell;

use tonic::{Code, Status};
use vbatch_server::domain::ids::UserId;
use vbatch_server::service::page_token::PageScope;
use vision_batch::v1;
use vision_batch::v1::admin_service_server::AdminService as _;
use vision_batch::v1::auth_service_server::AuthService as _;
use vision_batch::v1::batch_service_server::BatchService as _;

use super::pieces::Pieces;
use super::wait_for;
use crate::face::Face;
use crate::upstream::config::UpstreamConfig;
use crate::world::World;

struct Lists {
    face: Face,
    admin: UserId,
}

thread_local! {
    /// Nothing that a page token does changes anything: one world serves all inputs.
    static LISTS: RefCell<Option<Lists>> = const { RefCell::new(None) };
}

async fn lists() -> Lists {
    let world = World::asleep(UpstreamConfig::default()).await;
    let owner = world.user("zhangwei", 10).await;
    world.batch(owner, 2).await;
    world.batch(owner, 1).await;
    let face = Face::over(&world).await;
    face.accounts.bootstrap(None).await.expect("an empty world");
    let admin = world.store.user_by_name("admin").await;
    let admin = admin.expect("readable").expect("just made").id;
    Lists { face, admin }
}

/// The first byte says which list; the next whether the rest is a token, or the place in a token that is otherwise right.
///
/// # Panics
/// When a list refuses in another way than by naming its page token.
pub fn page_tokens(bytes: &[u8]) {
    let mut pieces = Pieces::of(bytes);
    let (list, made_up) = (pieces.byte(), pieces.byte() % 2 == 1);
    let rest = pieces.rest();
    wait_for(async {
        let there = match LISTS.take() {
            Some(there) => there,
            None => lists().await,
        };
        let scope = match list % 3 {
            0 => PageScope::new("ListUsers").with(""),
            1 => {
                let parts: [&[u8]; 5] = [&[], &[0], &[], &[0], &[]];
                let scope = parts
                    .iter()
                    .fold(PageScope::new("ListBatches"), PageScope::with);
                let states = vbatch_server::domain::batch::BatchState::ALL;
                let scope = scope.with([]);
                states.iter().fold(scope, |scope, _| scope.with([0]))
            }
            _ => PageScope::new("ListApiKeys").with(there.admin.bytes()),
        };
        let token = if made_up {
            Some(scope.token(rest))
        } else {
            std::str::from_utf8(rest).ok().map(str::to_owned)
        };
        if let Some(token) = token {
            let asked = ask(&there, list, token.clone()).await;
            if let Err(refusal) = asked {
                assert_eq!(refusal.code(), Code::InvalidArgument, "{token}: {refusal}");
            }
        }
        LISTS.set(Some(there));
    });
}

async fn ask(there: &Lists, list: u8, page_token: String) -> Result<(), Status> {
    let Lists { face, admin } = there;
    let page_size = 1;
    match list % 3 {
        0 => {
            let message = v1::ListUsersRequest {
                page_size,
                page_token,
                ..v1::ListUsersRequest::default()
            };
            let request = face.request(*admin, message).await;
            face.admin.list_users(request).await.map(drop)
        }
        1 => {
            let message = v1::ListBatchesRequest {
                page_size,
                page_token,
                owner_id: "-".to_owned(),
                ..v1::ListBatchesRequest::default()
            };
            let request = face.request(*admin, message).await;
            face.batches.list_batches(request).await.map(drop)
        }
        _ => {
            let message = v1::ListApiKeysRequest {
                page_size,
                page_token,
                ..v1::ListApiKeysRequest::default()
            };
            let request = face.request(*admin, message).await;
            face.auth.list_api_keys(request).await.map(drop)
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;

    use super::*;

    /// What the target makes up is a token that the lists take: a place of nobody's is an empty page, not a refusal.
    #[test]
    fn tokens_are_made_up_as_the_lists_make_them() {
        wait_for(async {
            let there = lists().await;
            let message = v1::ListUsersRequest {
                page_size: 1,
                ..v1::ListUsersRequest::default()
            };
            let request = there.face.request(there.admin, message).await;
            let page = there.face.admin.list_users(request).await.expect("a page");
            let real = page.into_inner().next_page_token;
            let place = BASE64_URL_SAFE_NO_PAD.decode(&real).expect("base64");
            let place = &place[..place.len() - 8];
            assert_eq!(PageScope::new("ListUsers").with("").token(place), real);
        });
    }
}

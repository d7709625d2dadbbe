//! Page tokens: where a list goes on, opaque to clients and bound to the list and filter they came from.
//!
//! A token is `base64url(place, tag)`, where the tag is the first 8 bytes of SHA-256 over the list's name, its filter and
//! the place. It keeps mistakes out (another filter, a cut token); it is no secret and no right: whoever makes one up gets
//! a place in a list that they may read anyway.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::error::{Reason, ServiceError};

/// Entries of a page when the request does not say.
pub const DEFAULT_PAGE_SIZE: usize = 50;
/// Most entries of a page; more is coerced to it.
pub const MAX_PAGE_SIZE: usize = 200;

const TAG_BYTES: usize = 8;
/// A place is a key or a name: far longer is no token of ours.
const LONGEST: usize = 2_048;

/// The list and filter that tokens are bound to.
#[derive(Clone)]
pub struct PageScope {
    digest: Sha256,
}

impl PageScope {
    /// The pages of one RPC, named as in the contract.
    pub fn new(method: &str) -> Self {
        Self {
            digest: Sha256::new(),
        }
        .with(method)
    }

    /// With one more part of the filter. Each part counts, and where it ends: `ab`, `c` is another filter than `a`, `bc`.
    pub fn with(mut self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        self.digest.update(length.to_be_bytes());
        self.digest.update(part);
        self
    }

    /// The token of a place in this list.
    pub fn token(&self, place: &[u8]) -> String {
        let mut bytes = place.to_vec();
        bytes.extend_from_slice(&self.tag(place));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The place a token names; absent for the empty token of a first page.
    ///
    /// # Errors
    ///
    /// PAGE_TOKEN_INVALID when it is broken or of another filter.
    pub fn place(&self, token: &str) -> Result<Option<Vec<u8>>, ServiceError> {
        if token.is_empty() {
            return Ok(None);
        }
        if token.len() > LONGEST {
            return Err(invalid());
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
        let cut = bytes.len().checked_sub(TAG_BYTES).ok_or_else(invalid)?;
        let tag = bytes.split_off(cut);
        if tag == self.tag(&bytes) {
            Ok(Some(bytes))
        } else {
            Err(invalid())
        }
    }

    fn tag(&self, place: &[u8]) -> [u8; TAG_BYTES] {
        let digest: [u8; 32] = self.clone().with(place).digest.finalize().into();
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&digest[..TAG_BYTES]);
        tag
    }
}

/// The refusal of a page token whose place does not read.
pub fn invalid() -> ServiceError {
    let message =
        "The page token is broken or belongs to another filter. Start from the first page.";
    ServiceError {
        field: Some("page_token".to_owned()),
        ..ServiceError::new(Reason::PageTokenInvalid, message)
    }
}

/// Entries of a page: 0 is the default, more than the most is the most.
///
/// # Errors
///
/// FIELD_INVALID when negative.
pub fn page_size(requested: i32) -> Result<usize, ServiceError> {
    match usize::try_from(requested) {
        Ok(0) => Ok(DEFAULT_PAGE_SIZE),
        Ok(size) => Ok(size.min(MAX_PAGE_SIZE)),
        Err(_) => Err(
            ServiceError::field("page_size", "page_size must not be negative.")
                .with("limit", MAX_PAGE_SIZE),
        ),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scope() -> PageScope {
        PageScope::new("ListUsers").with("wang")
    }

    #[test]
    fn a_place_survives_its_token_and_only_in_its_own_list() {
        for place in [&b""[..], b"name", &[0, 255, 7]] {
            let token = scope().token(place);
            assert_eq!(scope().place(&token).unwrap().as_deref(), Some(place));
            for other in [
                PageScope::new("ListUsers").with("li"),
                PageScope::new("ListUsers"),
                PageScope::new("ListBatches").with("wang"),
                PageScope::new("ListUsersw").with("ang"),
                scope().with(""),
            ] {
                let error = other.place(&token).unwrap_err();
                assert_eq!(error.reason, Reason::PageTokenInvalid);
            }
        }
        assert_eq!(scope().place("").unwrap(), None);
    }

    #[test]
    fn page_sizes_are_coerced_and_negative_ones_refused() {
        let size = |requested| page_size(requested).unwrap();
        assert_eq!((size(0), size(1), size(200)), (50, 1, 200));
        assert_eq!((size(201), size(i32::MAX)), (200, 200));
        assert_eq!(page_size(-1).unwrap_err().reason, Reason::FieldInvalid);
    }

    proptest! {
        #[test]
        fn whatever_else_is_sent_is_refused(token in ".{1,80}") {
            prop_assert!(scope().place(&token).is_err());
        }
    }
}

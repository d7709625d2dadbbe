//! Sign-in tokens: JWTs signed and read by this server alone.
//!
//! Invariants: one algorithm (HS256), one issuer, one audience; nothing in a token is believed before its signature
//! was checked; a token never outlives [`RENEWABLE`] since its sign-in, however often it is renewed. What was read
//! once is known again by the digest of all its bytes, so that a client's every call does not pay for the same check.
//!
//! Not here: whether a token has expired by now or was ended (that needs the clock and the user).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::ids::UserId;

/// Bytes of the secret: as many as HMAC-SHA-256 puts out, so that it is no weaker than the signature.
pub const SECRET_BYTES: usize = 32;
/// How long a token is good.
pub const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);
/// How long after the sign-in it can be renewed, at most.
pub const RENEWABLE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

const ISSUER: &str = "vbatchd";
const AUDIENCE: &str = "visionbatch.v1";
/// Ours have about 300 bytes; anything much longer is not read at all.
const LONGEST: usize = 2_048;
/// Tokens that are known again; beyond it all are forgotten, and checked once more when they come.
const KNOWN: usize = 4_096;

/// What a token says. Times have whole seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Whose it is.
    pub user: UserId,
    /// The user's token epoch when it was made; a later epoch ends it.
    pub epoch: u32,
    /// Tells tokens apart; not secret.
    pub id: u64,
    /// When the user gave a password.
    pub sign_in_time: Timestamp,
    /// When this token was made.
    pub issue_time: Timestamp,
    /// When it expires.
    pub expire_time: Timestamp,
}

impl Claims {
    /// What a new token says; absent when the sign-in is too long ago to be renewed.
    pub fn new(
        user: UserId,
        epoch: u32,
        id: u64,
        sign_in_time: Timestamp,
        now: Timestamp,
    ) -> Option<Self> {
        let mut claims = Self {
            user,
            epoch,
            id,
            sign_in_time: whole_seconds(sign_in_time),
            issue_time: whole_seconds(now),
            expire_time: whole_seconds(later(now, LIFETIME)),
        };
        claims.expire_time = claims.expire_time.min(claims.renewable_until());
        (claims.expire_time > now).then_some(claims)
    }

    /// Until when renewing can go on.
    pub fn renewable_until(&self) -> Timestamp {
        later(self.sign_in_time, RENEWABLE)
    }
}

/// A token and what it says. Printing it does not show it.
#[derive(Debug, Clone)]
pub struct IssuedToken {
    /// The token, secret.
    pub token: SecretString,
    /// What it says.
    pub claims: Claims,
}

/// Signs and reads tokens with one secret.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    /// By the digests of tokens whose signatures were good.
    known: Mutex<HashMap<[u8; 32], Claims>>,
}

/// The token is not one of ours, or was altered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token of this server")]
pub struct NotOurs;

#[derive(Serialize, Deserialize)]
struct Wire {
    iss: String,
    aud: String,
    sub: String,
    jti: String,
    epoch: u32,
    auth_time: i64,
    iat: i64,
    exp: i64,
}

impl Tokens {
    /// Tokens of this secret.
    pub fn new(secret: &[u8; SECRET_BYTES]) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library would ask the system's clock; expiry is checked against ours.
        validation.validate_exp = false;
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
            known: Mutex::default(),
        }
    }

    /// A signed token that says so.
    ///
    /// # Errors
    ///
    /// When the cryptographic library fails.
    pub fn sign(&self, claims: Claims) -> Result<IssuedToken, jsonwebtoken::errors::Error> {
        let wire = Wire {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: claims.user.to_string(),
            jti: format!("{:016x}", claims.id),
            epoch: claims.epoch,
            auth_time: claims.sign_in_time.as_second(),
            iat: claims.issue_time.as_second(),
            exp: claims.expire_time.as_second(),
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &wire, &self.encoding)?;
        Ok(IssuedToken {
            token: token.into(),
            claims,
        })
    }

    /// What a token of ours says, whether or not it has expired.
    ///
    /// # Errors
    ///
    /// Another algorithm, issuer or audience, a wrong signature, or no token at all.
    pub fn read(&self, token: &str) -> Result<Claims, NotOurs> {
        if token.len() > LONGEST {
            return Err(NotOurs);
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(claims) = lock().get(&digest) {
            return Ok(claims.clone());
        }
        let claims = self.check(token)?;
        let mut known = lock();
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert(digest, claims.clone());
        Ok(claims)
    }

    /// Checks the signature and all the rest.
    fn check(&self, token: &str) -> Result<Claims, NotOurs> {
        let wire = jsonwebtoken::decode::<Wire>(token, &self.decoding, &self.validation)
            .map_err(|_| NotOurs)?
            .claims;
        let time = |second| Timestamp::from_second(second).map_err(|_| NotOurs);
        Ok(Claims {
            user: wire.sub.parse().map_err(|_| NotOurs)?,
            epoch: wire.epoch,
            id: u64::from_str_radix(&wire.jti, 16).map_err(|_| NotOurs)?,
            sign_in_time: time(wire.auth_time)?,
            issue_time: time(wire.iat)?,
            expire_time: time(wire.exp)?,
        })
    }
}

fn later(time: Timestamp, span: Duration) -> Timestamp {
    time.saturating_add(span).unwrap_or(Timestamp::MAX)
}

/// JWT times are written in whole seconds; what is said beside a token must agree with it.
fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use jsonwebtoken::{Algorithm, EncodingKey, Header};
    use secrecy::ExposeSecret;
    use uuid::Uuid;

    use super::*;

    const SECRET: [u8; SECRET_BYTES] = [7; SECRET_BYTES];

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn claims(sign_in: i64, now: i64) -> Option<Claims> {
        Claims::new(UserId(Uuid::from_u128(5)), 3, 9, at(sign_in), at(now))
    }

    fn wire() -> Wire {
        Wire {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: Uuid::from_u128(5).to_string(),
            jti: "9".to_owned(),
            epoch: 3,
            auth_time: 0,
            iat: 0,
            exp: 100,
        }
    }

    fn read(wire: &Wire, algorithm: Algorithm, secret: &[u8]) -> Result<Claims, NotOurs> {
        let token = jsonwebtoken::encode(
            &Header::new(algorithm),
            wire,
            &EncodingKey::from_secret(secret),
        )
        .unwrap();
        Tokens::new(&SECRET).read(&token)
    }

    #[test]
    fn a_token_reads_back_what_it_says_even_long_after() {
        let tokens = Tokens::new(&SECRET);
        let claims = claims(1_000, 2_000).unwrap();
        let issued = tokens.sign(claims.clone()).unwrap();
        assert_eq!(tokens.read(issued.token.expose_secret()), Ok(claims));
        assert!(!format!("{issued:?}").contains(issued.token.expose_secret()));
    }

    #[test]
    fn renewing_ends_thirty_days_after_the_sign_in() {
        let day = 24 * 60 * 60;
        let fresh = claims(0, 0).unwrap();
        assert_eq!(fresh.expire_time, at(day / 2));
        assert_eq!(fresh.renewable_until(), at(30 * day));
        let last = claims(0, 30 * day - 60).unwrap();
        assert_eq!(last.expire_time, at(30 * day));
        assert_eq!(claims(0, 30 * day), None);
    }

    #[test]
    fn what_this_server_did_not_sign_is_refused() {
        assert!(read(&wire(), Algorithm::HS256, &SECRET).is_ok());
        assert_eq!(read(&wire(), Algorithm::HS256, &[8; 32]), Err(NotOurs));
        assert_eq!(read(&wire(), Algorithm::HS512, &SECRET), Err(NotOurs));
        for foreign in [
            Wire {
                iss: "other".to_owned(),
                ..wire()
            },
            Wire {
                aud: "other".to_owned(),
                ..wire()
            },
            Wire {
                sub: "admin".to_owned(),
                ..wire()
            },
        ] {
            assert_eq!(read(&foreign, Algorithm::HS256, &SECRET), Err(NotOurs));
        }
    }

    #[test]
    fn a_token_without_signature_or_with_an_altered_payload_is_refused() {
        let tokens = Tokens::new(&SECRET);
        let issued = tokens.sign(claims(0, 0).unwrap()).unwrap();
        let parts: Vec<&str> = issued.token.expose_secret().split('.').collect();
        // {"alg":"none"} and {"alg":"HS256"} with the signature cut off.
        let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", parts[1]);
        let cut = format!("{}.{}.", parts[0], parts[1]);
        let altered = format!("{}.{}A.{}", parts[0], parts[1], parts[2]);
        let long = "x".repeat(1 << 20);
        for bad in ["", ".", "..", "a.b.c", &unsigned, &cut, &altered, &long] {
            assert_eq!(tokens.read(bad), Err(NotOurs), "{bad:.40}");
        }
    }
}

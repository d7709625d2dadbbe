//! Whom a LightX2V token belongs to and when it ends, read from the token itself.
//!
//! The tokens are JWTs signed by the upstream, so nothing here is verified: a wrong subject would only make
//! us count slots under another name. Tokens that are no JWT are known by a digest.
//!
//! Not here: whether a token works; only the upstream can say.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::words;
use crate::domain::ids::Account;

/// Claims that name the user, in the order in which they are believed.
const SUBJECT_CLAIMS: [&str; 4] = ["sub", "user_id", "uid", "username"];

/// Longest subject that is kept as it is; a longer one is known by the token's digest.
const MAX_SUBJECT_BYTES: usize = 128;

/// Whom a token belongs to: the subject of a JWT, else the first 16 hex digits of the token's SHA-256.
pub fn account_of(token: &SecretString) -> Account {
    let claims = claims(token);
    let subject = SUBJECT_CLAIMS
        .iter()
        .find_map(|name| subject(claims.get(name)?));
    Account(subject.unwrap_or_else(|| digest(token)))
}

/// When a token ends by its own `exp` claim; absent where it does not say.
pub fn token_expiry(token: &SecretString) -> Option<Timestamp> {
    let seconds = match claims(token).get("exp")? {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    if !seconds.is_finite() || seconds < 0.0 || seconds > Timestamp::MAX.as_second() as f64 {
        return None;
    }
    Timestamp::from_second(seconds as i64).ok()
}

fn claims(token: &SecretString) -> Value {
    let decode = || {
        let payload = token.expose_secret().trim().split('.').nth(1)?;
        let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    decode().unwrap_or(Value::Null)
}

/// A claim as an account name. Names that could be mistaken for another kind of account are not taken.
fn subject(claim: &Value) -> Option<String> {
    let text = match claim {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let reserved = text == Account::local().0 || text.starts_with("sha256:");
    let printable = words::one_line(&text) == text;
    (!text.is_empty() && text.len() <= MAX_SUBJECT_BYTES && printable && !reserved).then_some(text)
}

fn digest(token: &SecretString) -> String {
    let hash = Sha256::digest(token.expose_secret().trim().as_bytes());
    let digits: String = hash
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(payload: &str) -> SecretString {
        SecretString::from(format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload)))
    }

    #[test]
    fn the_subject_is_the_account() {
        for (payload, account) in [
            (r#"{"sub":"user-7","user_id":"other"}"#, "user-7"),
            (r#"{"sub":"","user_id":"user-8"}"#, "user-8"),
            (r#"{"user_id":42}"#, "42"),
            (r#"{"sub":"张三"}"#, "张三"),
        ] {
            assert_eq!(account_of(&jwt(payload)).0, account, "{payload}");
        }
    }

    #[test]
    fn two_tokens_of_one_subject_are_one_account() {
        let old = jwt(r#"{"sub":"user-7","exp":1}"#);
        let new = jwt(r#"{"sub":"user-7","exp":2}"#);
        assert_eq!(account_of(&old), account_of(&new));
    }

    #[test]
    fn a_token_without_a_usable_subject_is_known_by_its_digest() {
        for token in [
            SecretString::from("opaque"),
            SecretString::from("a.b.c"),
            jwt("[]"),
            jwt(r#"{"sub":"local"}"#),
            jwt(r#"{"sub":"sha256:0011223344556677"}"#),
            jwt("{\"sub\":\"a\\u001bb\"}"),
        ] {
            let account = account_of(&token).0;
            assert!(
                account.starts_with("sha256:") && account.len() == 7 + 16,
                "{account}"
            );
            assert!(!account.contains(token.expose_secret()));
        }
        assert_eq!(
            account_of(&SecretString::from("opaque")).0,
            "sha256:6d229884c1268bb0"
        );
    }

    #[test]
    fn the_end_of_a_token_is_its_exp_claim() {
        for (payload, expected) in [
            (r#"{"exp":1780000000}"#, Some(1_780_000_000)),
            (r#"{"exp":1780000000.9}"#, Some(1_780_000_000)),
            (r#"{"exp":"1780000000"}"#, Some(1_780_000_000)),
            (r#"{"exp":-1}"#, None),
            (r#"{"exp":1e300}"#, None),
            (r#"{"exp":null}"#, None),
            (r"{}", None),
        ] {
            let expiry = token_expiry(&jwt(payload)).map(|time| time.as_second());
            assert_eq!(expiry, expected, "{payload}");
        }
    }
}

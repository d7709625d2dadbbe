//! Tokens: JWTs in shape, unsigned, each for one account.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// The tokens that an upstream has given out.
#[derive(Debug, Default)]
pub struct Tokens {
    given: BTreeMap<String, Given>,
}

#[derive(Debug)]
struct Given {
    account: String,
    refusal: Option<&'static str>,
}

impl Tokens {
    /// A new token of an account, good for 7 days by its own words, and until told otherwise by ours.
    pub fn give(&mut self, account: &str, now: Timestamp) -> String {
        let exp = now.as_second() + SignedDuration::from_hours(7 * 24).as_secs();
        let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = encode(json!({"alg": "HS256", "typ": "JWT"}));
        let claims = encode(json!({"sub": account, "exp": exp, "jti": self.given.len()}));
        let token = format!("{head}.{claims}.{}", URL_SAFE_NO_PAD.encode("not signed"));
        let given = Given {
            account: account.to_owned(),
            refusal: None,
        };
        self.given.insert(token.clone(), given);
        token
    }

    /// From now on the token is refused with these words; `None` takes it again.
    pub fn refuse(&mut self, token: &str, words: Option<&'static str>) {
        if let Some(given) = self.given.get_mut(token) {
            given.refusal = words;
        }
    }

    /// Whose an `Authorization` header is, or the words that refuse it.
    pub fn account(&self, authorization: Option<&str>) -> Result<String, &'static str> {
        let token = authorization
            .and_then(|header| header.strip_prefix("Bearer "))
            .ok_or("Not authenticated")?;
        let given = self
            .given
            .get(token)
            .ok_or("Could not validate credentials")?;
        match given.refusal {
            Some(words) => Err(words),
            None => Ok(given.account.clone()),
        }
    }
}

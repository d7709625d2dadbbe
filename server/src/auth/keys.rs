//! Secrets of API keys: made here, recognised by their beginning, stored as a digest.
//!
//! Invariants: a secret has 200 random bits, so a fast digest of it cannot be turned round, and guessing is hopeless; the
//! part that is shown to recognise it by leaves 160 of them.
//!
//! Not here: what a key may be used for (`domain::key`, `rpc::scopes`), whose it is (the store).

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::passwords::LEGIBLE;
use crate::clock::Clock;

/// What every secret begins with, so that people and programs that look for leaked secrets know one.
pub const BEGINNING: &str = "vbk_";

/// Characters after the beginning, five random bits each.
const RANDOM: usize = 40;
/// Characters after the beginning that are shown.
const SHOWN: usize = 8;

/// A secret that was just made.
pub struct NewSecret {
    /// The secret, to be shown once.
    pub secret: SecretString,
    /// Its first characters.
    pub prefix: String,
    /// What is stored of it.
    pub digest: [u8; 32],
}

/// Makes a secret.
pub fn make(clock: &Clock) -> NewSecret {
    let mut random = [0; RANDOM];
    clock.fill(&mut random);
    let digits = random
        .iter()
        .map(|byte| char::from(LEGIBLE[usize::from(byte % 32)]));
    let secret: String = BEGINNING.chars().chain(digits).collect();
    NewSecret {
        prefix: secret[..BEGINNING.len() + SHOWN].to_owned(),
        digest: Sha256::digest(&secret).into(),
        secret: secret.into(),
    }
}

/// Whether a credential says that it is an API key's secret.
pub fn is_key(credential: &str) -> bool {
    credential.starts_with(BEGINNING)
}

/// The digest of a secret; absent when it cannot be one of ours.
pub fn digest(secret: &SecretString) -> Option<[u8; 32]> {
    let secret = secret.expose_secret();
    let digits = secret.strip_prefix(BEGINNING)?;
    let is_ours = digits.len() == RANDOM && digits.bytes().all(|byte| LEGIBLE.contains(&byte));
    is_ours.then(|| Sha256::digest(secret).into())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[tokio::test]
    async fn a_secret_is_recognised_digested_and_never_the_same() {
        let clock = Clock::simulated(Timestamp::UNIX_EPOCH, 1);
        let (first, second) = (make(&clock), make(&clock));
        let secret = first.secret.expose_secret();
        assert!(is_key(secret) && secret.starts_with(&first.prefix));
        assert_eq!((secret.len(), first.prefix.len()), (44, 12));
        assert_eq!(digest(&first.secret), Some(first.digest));
        assert_ne!(first.digest, second.digest);
        assert_ne!(first.prefix, second.prefix);
    }

    #[test]
    fn what_cannot_be_a_secret_has_no_digest() {
        let whole = format!("vbk_{}", "a".repeat(40));
        assert!(digest(&whole.clone().into()).is_some());
        for bad in [
            "",
            "vbk_",
            &whole[..43],
            &format!("{whole}a"),
            &whole.to_uppercase(),
        ] {
            assert_eq!(digest(&bad.to_owned().into()), None, "{bad}");
        }
        let other = whole.replace("vbk", "vbx");
        assert_eq!(digest(&other.into()), None);
        assert!(digest(&format!("vbk_{}", "é".repeat(20)).into()).is_none());
    }
}

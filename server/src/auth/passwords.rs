//! Passwords: what they may be, and Argon2id on a bounded pool.
//!
//! Invariants: a hash takes 19 MiB and about 30 ms, and at most [`AT_ONCE`] are made at the same time, off the runtime's
//! own threads; a check takes as long for a user who does not exist as for one who does.
//!
//! Not here: whose password it is, how often it may be tried (`throttle`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::{self, CustomizedPasswordHasher, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use tokio::task::JoinError;

use crate::clock::Clock;

/// Shortest password, in characters (NIST SP 800-63B).
pub const SHORTEST: usize = 8;
/// Longest password, in bytes: enough for any phrase, and no work for nothing.
pub const LONGEST_BYTES: usize = 256;
/// Hashes that are made at the same time: more would only take memory from the media.
pub const AT_ONCE: usize = 2;

/// Room that is asked for to make one, in blocks of 1 KiB. What is not needed is never touched, and takes nothing; but more than
/// 32 MiB glibc maps and gives back for itself (the most that `M_MMAP_THRESHOLD` grows to), while of less each thread that has
/// ever made a hash keeps some 50 MiB: some hundred MiB after a few sign-ins.
const ROOM_KIB: usize = 33 << 10;

/// OWASP's second recommendation for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;

/// Letters and digits that are not mistaken for one another.
pub(super) const LEGIBLE: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Fewer than [`SHORTEST`] characters.
    #[error("A password has at least {SHORTEST} characters.")]
    TooShort,
    /// More than [`LONGEST_BYTES`] bytes.
    #[error("A password has at most {LONGEST_BYTES} bytes.")]
    TooLong,
    /// The username, or `admin`, perhaps repeated.
    #[error("The password is the username or as easily guessed. Choose another.")]
    Guessable,
}

/// A hash could not be made or checked.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The library refused.
    #[error("password hash: {0}")]
    Library(String),
    /// The pool has ended.
    #[error("password hash: {0}")]
    Ended(#[from] JoinError),
}

/// Whether a password may be taken for that user.
///
/// # Errors
///
/// The rule it breaks.
pub fn check_rules(password: &SecretString, username: &str) -> Result<(), WeakPassword> {
    let password = password.expose_secret();
    if password.len() > LONGEST_BYTES {
        return Err(WeakPassword::TooLong);
    }
    if password.chars().count() < SHORTEST {
        return Err(WeakPassword::TooShort);
    }
    let lower = password.to_lowercase();
    let first = lower.chars().next();
    let repeats = |word: &str| !word.is_empty() && lower.replace(word, "").is_empty();
    if repeats(&username.to_lowercase())
        || ["admin", "password"].into_iter().any(repeats)
        || lower.chars().all(|character| Some(character) == first)
    {
        return Err(WeakPassword::Guessable);
    }
    Ok(())
}

/// Makes and checks hashes. Clones share the pool.
#[derive(Clone)]
pub struct Passwords {
    clock: Clock,
    permits: Arc<Semaphore>,
    dummy: Arc<str>,
    work_count: Arc<AtomicU64>,
    simulated: bool,
}

impl Passwords {
    /// A pool; makes one hash, to have something to check the passwords of unknown users against.
    ///
    /// # Errors
    ///
    /// When hashing does not work at all.
    pub async fn new(clock: Clock) -> Result<Self, HashError> {
        Self::of(clock, false).await
    }

    /// Hashes that cost nothing, made in the caller: for simulations in virtual time on one thread. They protect nobody.
    ///
    /// # Errors
    ///
    /// As [`Passwords::new`].
    pub async fn simulated(clock: Clock) -> Result<Self, HashError> {
        Self::of(clock, true).await
    }

    async fn of(clock: Clock, simulated: bool) -> Result<Self, HashError> {
        let mut passwords = Self {
            clock,
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            dummy: Arc::from(""),
            work_count: Arc::default(),
            simulated,
        };
        let nobody = passwords.one_time();
        passwords.dummy = passwords.hash(nobody).await?.into();
        Ok(passwords)
    }

    /// The hash of a password, in PHC string format, with a salt of its own.
    ///
    /// # Errors
    ///
    /// When the library fails.
    pub async fn hash(&self, password: SecretString) -> Result<String, HashError> {
        let mut salt = [0; SALT_BYTES];
        self.clock.fill(&mut salt);
        let simulated = self.simulated;
        self.work(move || {
            let password = password.expose_secret().as_bytes();
            let hash = argon2(simulated)?
                .hash_password_with_salt(password, &salt)
                .map_err(library)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password is the one of that hash. Without a hash, or with an empty one, the answer is no and takes
    /// as long.
    ///
    /// # Errors
    ///
    /// When the stored hash does not read.
    pub async fn verify(
        &self,
        password: SecretString,
        hash: Option<&str>,
    ) -> Result<bool, HashError> {
        let known = hash.filter(|hash| !hash.is_empty());
        let hash = known.unwrap_or(&self.dummy).to_owned();
        let is_known = known.is_some();
        // An over-long password is never right, and must not make work by its length.
        let simulated = self.simulated;
        let fits = password.expose_secret().len() <= LONGEST_BYTES;
        self.work(move || {
            let password = if fits { password.expose_secret() } else { "" };
            let hash = PasswordHash::new(&hash).map_err(library)?;
            let matches = argon2(simulated)?
                .verify_password(password.as_bytes(), &hash)
                .is_ok();
            Ok(matches && is_known && fits)
        })
        .await
    }

    /// A password for one use: 20 legible characters in groups of five, 100 random bits.
    pub fn one_time(&self) -> SecretString {
        let mut random = [0; 20];
        self.clock.fill(&mut random);
        let mut text = String::with_capacity(23);
        for (index, byte) in random.into_iter().enumerate() {
            if index > 0 && index % 5 == 0 {
                text.push('-');
            }
            text.push(char::from(LEGIBLE[usize::from(byte % 32)]));
        }
        text.into()
    }

    /// Hashes that were made or checked so far.
    pub fn work_count(&self) -> u64 {
        self.work_count.load(Ordering::Relaxed)
    }

    async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        self.work_count.fetch_add(1, Ordering::Relaxed);
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        if self.simulated {
            return job();
        }
        // The permit goes along: a caller that gives up does not make room for another hash before this one is done.
        tokio::task::spawn_blocking(move || {
            let _permit = permit.map_err(library)?;
            job()
        })
        .await?
    }
}

/// Argon2 whose memory goes back to the system after each hash.
struct Hasher(Argon2<'static>);

impl PasswordHasher<PasswordHash> for Hasher {
    fn hash_password_with_salt(
        &self,
        password: &[u8],
        salt: &[u8],
    ) -> password_hash::Result<PasswordHash> {
        let salt = Salt::new(salt)?;
        let params = self.0.params();
        let count = params.block_count();
        let mut blocks = Vec::with_capacity(count.max(ROOM_KIB));
        blocks.resize(count, Block::default());
        let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
        self.0
            .hash_password_into_with_memory(password, &salt, &mut output, &mut blocks)?;
        Ok(PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(params)?,
            salt: Some(salt),
            hash: Some(Output::new(&output)?),
        })
    }
}

impl CustomizedPasswordHasher<PasswordHash> for Hasher {
    type Params = Params;

    /// With the parameters of a stored hash, which may be those of an earlier version.
    fn hash_password_customized(
        &self,
        password: &[u8],
        salt: &[u8],
        algorithm: Option<&str>,
        version: Option<u32>,
        params: Params,
    ) -> password_hash::Result<PasswordHash> {
        let ours = algorithm == Some(Algorithm::Argon2id.as_str())
            && version == Some(Version::V0x13.into());
        if !ours {
            return Err(password_hash::Error::Algorithm);
        }
        Self(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
            .hash_password_with_salt(password, salt)
    }
}

fn argon2(simulated: bool) -> Result<Hasher, HashError> {
    let params = if simulated {
        Params::new(Params::MIN_M_COST, 1, 1, None)
    } else {
        Params::new(MEMORY_KIB, PASSES, LANES, None)
    };
    let params = params.map_err(library)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    Ok(Hasher(argon2))
}

fn library(error: impl std::fmt::Display) -> HashError {
    HashError::Library(error.to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use jiff::Timestamp;

    use super::*;

    async fn passwords() -> Passwords {
        let clock = Clock::simulated(Timestamp::UNIX_EPOCH, 1);
        Passwords::new(clock).await.unwrap()
    }

    #[tokio::test]
    async fn a_hash_is_argon2id_with_the_recommended_cost_and_takes_only_its_password() {
        let passwords = passwords().await;
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let is_right =
            async |password: &str, hash| passwords.verify(password.into(), hash).await.unwrap();
        assert!(is_right("correct horse", Some(hash.as_str())).await);
        assert!(!is_right("correct horsf", Some(hash.as_str())).await);
        assert!(!is_right("", Some(hash.as_str())).await);
        assert_ne!(hash, passwords.hash("correct horse".into()).await.unwrap());
    }

    #[tokio::test]
    async fn an_unknown_user_is_checked_against_a_hash_of_the_same_cost() {
        let passwords = passwords().await;
        assert!(
            passwords
                .dummy
                .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
        );
        assert!(!passwords.verify("anything".into(), None).await.unwrap());
        assert!(!passwords.verify("".into(), Some("")).await.unwrap());
    }

    #[tokio::test]
    async fn an_over_long_password_is_never_right() {
        let passwords = passwords().await;
        let empty = passwords.hash("".into()).await.unwrap();
        let long = "x".repeat(LONGEST_BYTES + 1);
        assert!(!passwords.verify(long.into(), Some(&empty)).await.unwrap());
    }

    #[tokio::test]
    async fn one_time_passwords_pass_the_rules_and_differ() {
        let passwords = passwords().await;
        let (first, second) = (passwords.one_time(), passwords.one_time());
        assert_eq!(check_rules(&first, "wang"), Ok(()));
        assert_eq!(first.expose_secret().len(), 23);
        assert_ne!(first.expose_secret(), second.expose_secret());
    }

    #[test]
    fn passwords_that_anyone_would_try_are_refused() {
        let check = |password: &str| check_rules(&password.to_owned().into(), "wangfang");
        assert_eq!(check("short"), Err(WeakPassword::TooShort));
        assert_eq!(check("七个字的密码呀"), Err(WeakPassword::TooShort));
        assert_eq!(check(&"x".repeat(257)), Err(WeakPassword::TooLong));
        for guessable in [
            "WangFang",
            "adminadmin",
            "wangfangwangfang",
            "aaaaaaaa",
            "Password",
        ] {
            assert_eq!(
                check(guessable),
                Err(WeakPassword::Guessable),
                "{guessable}"
            );
        }
        for good in ["correct horse", "八个字的密码够了", "wangfang-2026"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }
}

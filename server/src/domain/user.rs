//! Users: who may sign in, what they may do, and how many credits they have.

use jiff::Timestamp;
use unicode_normalization::UnicodeNormalization;

use super::ids::UserId;

/// Credits, or a difference of credits. One credit is one video of the paid engine.
pub type Credits = i32;

/// The largest balance, so that sums never overflow.
pub const MAX_CREDITS: Credits = 1_000_000_000;

/// Credits of a new user unless told otherwise.
pub const INITIAL_CREDITS: Credits = 100;

/// Credits of the first admin.
pub const ADMIN_CREDITS: Credits = 9_999;

/// Longest username, in characters.
pub const USERNAME_CHARACTERS: usize = 64;

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Own batches.
    User,
    /// Everything.
    Admin,
}

/// How a user comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignInMethod {
    /// Username and password.
    Password,
    /// A session over SSH.
    Ssh,
    /// An API key.
    ApiKey,
}

/// A user account. Users are never deleted.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// The name to sign in with, as [`canonical_username`] gives it.
    pub username: String,
    /// The name to show.
    pub display_name: String,
    /// BCP 47 tag of the preferred language; empty when none was chosen.
    pub language: String,
    /// What the user may do.
    pub role: Role,
    /// Ends sign-in only: batches run on, refunds post.
    pub disabled: bool,
    /// Argon2id, PHC string format. Empty: nobody signs in with a password.
    pub password_hash: String,
    /// Everything but GetProfile and ChangePassword is refused until it is changed.
    pub password_change_required: bool,
    /// When a one-time password ends to be taken.
    pub password_expire_time: Option<Timestamp>,
    /// Tokens of an older epoch are ended.
    pub token_epoch: u32,
    /// Sum of the ledger's deltas; never negative.
    pub credit_balance: Credits,
    /// Charged for items that have not ended.
    pub credits_held: Credits,
    /// Items that have not ended.
    pub active_item_count: u32,
    /// Items that ended COMPLETED, ever.
    pub completed_video_count: u32,
    /// The sequence of the newest ledger entry; 0 when there is none.
    pub ledger_sequence: u64,
    /// When the account was made.
    pub create_time: Timestamp,
    /// The last successful sign-in.
    pub last_sign_in_time: Option<Timestamp>,
    /// How it was done.
    pub last_sign_in_method: Option<SignInMethod>,
    /// Rises with each change by an administrator or the user; the etag.
    pub version: u64,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "User({} {})", self.id, self.username)
    }
}

impl User {
    /// An admin who can sign in.
    pub fn is_working_admin(&self) -> bool {
        self.role == Role::Admin && !self.disabled && !self.password_hash.is_empty()
    }
}

/// Bytes of a text that are looked at as a username at most: longer ones cannot be one, whatever they fold to.
const USERNAME_BYTES: usize = 1_024;

/// A username as it is stored and compared: trimmed, in Unicode's form NFKC and lower case, so that names that look
/// alike by width, ligature or case are one name. `None` when it is empty, longer than [`USERNAME_CHARACTERS`], or has
/// characters other than letters, digits and `. _ - @`. What it gives is given again for itself.
pub fn canonical_username(text: &str) -> Option<String> {
    if text.len() > USERNAME_BYTES {
        return None;
    }
    let mut name: String = text.trim().to_owned();
    // Lower case may call for composing again, and composing for lower case: a few letters need a second turn.
    let folded = (0..4).find_map(|_| {
        let again: String = name.nfkc().collect::<String>().to_lowercase();
        let again: String = again.nfkc().collect();
        let is_same = again == name;
        name = again;
        is_same.then(|| name.clone())
    });
    folded.filter(|name| is_plain(name))
}

fn is_plain(name: &str) -> bool {
    (1..=USERNAME_CHARACTERS).contains(&name.chars().count())
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || "._-@".contains(c))
}

#[cfg(test)]
mod tests {
    use super::canonical_username;

    #[test]
    fn usernames_are_compared_without_case() {
        assert_eq!(
            canonical_username("  Wang.Fang "),
            Some("wang.fang".to_owned())
        );
        assert_eq!(canonical_username("王芳"), Some("王芳".to_owned()));
    }

    #[test]
    fn usernames_that_look_alike_are_one_name() {
        for (typed, name) in [
            ("ｗａｎｇ", "wang"),
            ("ＷＡＮＧ＿０１", "wang_01"),
            ("ﬁona", "fiona"),
            ("Ωmega", "ωmega"),
            ("cafe\u{301}", "café"),
            ("CAFÉ", "café"),
            ("㍿x", "株式会社x"),
        ] {
            assert_eq!(canonical_username(typed).as_deref(), Some(name), "{typed}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_canonical_username_is_its_own(text in "\\PC{1,20}") {
            if let Some(name) = canonical_username(&text) {
                proptest::prop_assert_eq!(canonical_username(&name), Some(name.clone()));
            }
        }
    }

    #[test]
    fn usernames_that_could_mislead_are_refused() {
        let half = "½";
        for bad in [
            "",
            " ",
            "a b",
            "a/b",
            "a\u{202e}b",
            "a\nb",
            half,
            &"x".repeat(65),
            &"x".repeat(100_000),
        ] {
            assert_eq!(canonical_username(bad), None, "{bad:?}");
        }
    }
}

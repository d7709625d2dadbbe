//! Users: who may sign in, what they may do, and how many credits they have.

use jiff::Timestamp;

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
    /// Rises with each change by an administrator or the user; the etag.
    pub version: u64,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "User({} {})", self.id, self.username)
    }
}

/// A username as it is stored and compared: trimmed and lower case. `None` when it is empty, longer than
/// [`USERNAME_CHARACTERS`], or has characters other than letters, digits and `. _ - @`.
pub fn canonical_username(text: &str) -> Option<String> {
    let name: String = text.trim().to_lowercase();
    let fits = (1..=USERNAME_CHARACTERS).contains(&name.chars().count());
    let plain = name
        .chars()
        .all(|c| c.is_alphanumeric() || "._-@".contains(c));
    (fits && plain).then_some(name)
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
    fn usernames_that_could_mislead_are_refused() {
        for bad in ["", " ", "a b", "a/b", "a\u{202e}b", "a\nb", &"x".repeat(65)] {
            assert_eq!(canonical_username(bad), None, "{bad:?}");
        }
    }
}

//! Usernames of files of version 1, which compared them without case but not by Unicode's form NFKC.
//!
//! A name that is another by today's rule (`ｗａｎｇ` in full width, say) becomes what it is now. Where somebody has that
//! name already, the user gets it with a number, and the audit says so: nobody can come in as somebody else, and an
//! administrator tells the user the new name.

use redb::ReadableTable;

use crate::domain::audit::Target;
use crate::domain::ids::UserId;
use crate::domain::ledger::Actor;
use crate::domain::user::{USERNAME_CHARACTERS, canonical_username};
use crate::store::StoreError;

use super::error::failed;
use super::load;
use super::work::Work;

/// Renames the users whose names are not canonical; how many they were.
pub(super) fn canonicalize(work: &mut Work<'_>) -> Result<usize, StoreError> {
    let mut others: Vec<(String, UserId)> = Vec::new();
    for entry in work.read().user_names.iter().map_err(failed)? {
        let (name, id) = entry.map_err(failed)?;
        if canonical_username(name.value()).as_deref() != Some(name.value()) {
            others.push((name.value().to_owned(), load::user_id(id.value())));
        }
    }
    for (old, id) in &others {
        let wanted = canonical_username(old).unwrap_or_else(|| plain_part(old));
        let name = free_name(work, &wanted)?;
        let names = &mut work.write().user_names;
        names.remove(old.as_str()).map_err(failed)?;
        names
            .insert(name.as_str(), id.0.as_u128())
            .map_err(failed)?;
        let now = work.clock.now();
        let user = work.user_mut(*id)?;
        user.username.clone_from(&name);
        user.version += 1;
        let target = Target::user(user);
        tracing::warn!(
            old,
            new = name,
            "a user has a new name: the old one was another's by today's rules"
        );
        let detail = format!("was {old:?}, by the rules for usernames");
        work.note(now, &Actor::System, "user.rename", target, detail)?;
    }
    Ok(others.len())
}

/// What of a name is allowed today, never empty.
fn plain_part(name: &str) -> String {
    let letters = name
        .chars()
        .filter(|letter| canonical_username(&letter.to_string()).is_some());
    let part: String = letters.take(USERNAME_CHARACTERS).collect();
    canonical_username(&part).unwrap_or_else(|| "user".to_owned())
}

/// The name, or the first one with a number that nobody has.
fn free_name(work: &Work<'_>, wanted: &str) -> Result<String, StoreError> {
    let mut number = 1_u64;
    loop {
        let suffix = match number {
            1 => String::new(),
            number => format!("-{number}"),
        };
        let room = USERNAME_CHARACTERS - suffix.len();
        let name: String = wanted.chars().take(room).chain(suffix.chars()).collect();
        let names = &work.read().user_names;
        if names.get(name.as_str()).map_err(failed)?.is_none() {
            return Ok(name);
        }
        number += 1;
    }
}

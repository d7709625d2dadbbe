//! Owns how batches, items, users and keys are named on the command line: by id, by the last digits of it, by position, by name.

use uuid::Uuid;
use vision_batch::v1;

use super::Context;
use super::exit::CommandError;
use super::words::short;
use crate::net::Client;
use crate::text::commands::{CommandTexts, NameProblem};

/// Fewest digits an id may be shortened to.
const FEWEST_DIGITS: usize = 4;
/// Most batches that are shown when a short id means several.
const CANDIDATES_SHOWN: usize = 5;

/// The id a user wrote, or the end of one: lowercase digits without hyphens.
fn digits(text: &str) -> Option<String> {
    let digits: String = text
        .chars()
        .filter(|character| *character != '-')
        .map(|character| character.to_ascii_lowercase())
        .collect();
    let usable = (FEWEST_DIGITS..=32).contains(&digits.len())
        && digits.chars().all(|digit| digit.is_ascii_hexdigit());
    usable.then_some(digits)
}

fn ends_with(id: &str, digits: &str) -> bool {
    id.replace('-', "").ends_with(digits)
}

/// The id of the batch that is meant.
///
/// # Errors
/// When the text is no id, means no batch, or means several.
pub(super) async fn batch(context: &Context<'_>, text: &str) -> Result<String, CommandError> {
    let (client, say) = (&context.client, context.texts.name_problem);
    if let Ok(id) = Uuid::parse_str(text) {
        return Ok(id.to_string());
    }
    let Some(digits) = digits(text) else {
        let problem = NameProblem::NotABatch(text, FEWEST_DIGITS);
        return Err(CommandError::Usage(say(&problem)));
    };
    let mut found = candidates(client, &digits, "").await?;
    if found.is_empty() {
        // An admin may mean somebody else's; for anyone else there is nothing more to look through.
        found = match candidates(client, &digits, "-").await {
            Err(CommandError::Net(error)) if error.code_name() == "PERMISSION_DENIED" => Vec::new(),
            found => found?,
        };
    }
    match found.as_slice() {
        [] => Err(CommandError::NotFound(say(&NameProblem::NoBatch(text)))),
        [only] => Ok(only.id.clone()),
        several => {
            let list: Vec<String> = several
                .iter()
                .take(CANDIDATES_SHOWN)
                .map(|batch| format!("\n  {}  {}", batch.id, super::table::printable(&batch.name)))
                .collect();
            let problem = NameProblem::ManyBatches(text, &list.concat());
            Err(CommandError::Usage(say(&problem)))
        }
    }
}

/// Batches whose id ends so. The server looks the text up in names, too: what only has it there is left out.
async fn candidates(
    client: &Client,
    digits: &str,
    owner_id: &str,
) -> Result<Vec<v1::Batch>, CommandError> {
    let mut request = v1::ListBatchesRequest {
        filter: Some(v1::BatchFilter {
            text: digits.to_owned(),
            ..v1::BatchFilter::default()
        }),
        owner_id: owner_id.to_owned(),
        page_size: 200,
        ..v1::ListBatchesRequest::default()
    };
    let mut found = Vec::new();
    loop {
        let page = client.list_batches(request.clone()).await?;
        found.extend(
            page.batches
                .into_iter()
                .filter(|batch| ends_with(&batch.id, digits)),
        );
        if page.next_page_token.is_empty() || found.len() > CANDIDATES_SHOWN {
            return Ok(found);
        }
        request.page_token = page.next_page_token;
    }
}

/// All items of a batch, by position.
///
/// # Errors
/// When the server refuses or is not reached.
pub(super) async fn all_items(
    client: &Client,
    batch_id: &str,
) -> Result<Vec<v1::VideoItem>, CommandError> {
    let mut request = v1::ListItemsRequest {
        batch_id: batch_id.to_owned(),
        page_size: 200,
        ..v1::ListItemsRequest::default()
    };
    let mut items = Vec::new();
    loop {
        let page = client.list_items(request.clone()).await?;
        items.extend(page.items);
        if page.next_page_token.is_empty() {
            return Ok(items);
        }
        request.page_token = page.next_page_token;
    }
}

/// Those of the items that are meant, by position, each once; all of them when none is named.
///
/// # Errors
/// When a name makes no sense, or means no item or several.
pub(super) fn items<'a>(
    texts: &CommandTexts,
    items: &'a [v1::VideoItem],
    names: &[String],
) -> Result<Vec<&'a v1::VideoItem>, CommandError> {
    if names.is_empty() {
        return Ok(items.iter().collect());
    }
    let mut chosen = vec![false; items.len()];
    for name in names {
        for index in matching(texts, items, name)? {
            chosen[index] = true;
        }
    }
    Ok(items
        .iter()
        .zip(chosen)
        .filter_map(|(item, chosen)| chosen.then_some(item))
        .collect())
}

fn matching(
    texts: &CommandTexts,
    items: &[v1::VideoItem],
    name: &str,
) -> Result<Vec<usize>, CommandError> {
    let say = texts.name_problem;
    let of_position = |wanted: std::ops::RangeInclusive<i32>| -> Vec<usize> {
        let positions = items.iter().enumerate();
        positions
            .filter(|(_, item)| wanted.contains(&item.position))
            .map(|(index, _)| index)
            .collect()
    };
    let not_found = || CommandError::NotFound(say(&NameProblem::NoItem(name)));
    let range = name
        .split_once('-')
        .and_then(|(first, last)| Some((first.parse::<i32>().ok()?, last.parse::<i32>().ok()?)));
    if let Some((first, last)) = range {
        let found = of_position(first..=last);
        let whole = i64::try_from(found.len()) == Ok(i64::from(last) - i64::from(first) + 1);
        return if whole && !found.is_empty() {
            Ok(found)
        } else {
            Err(not_found())
        };
    }
    if let Ok(position) = name.parse::<i32>() {
        let found = of_position(position..=position);
        if !found.is_empty() {
            return Ok(found);
        }
    }
    let Some(digits) = digits(name) else {
        return if name.parse::<i32>().is_ok() {
            Err(not_found())
        } else {
            let problem = NameProblem::NotAnItem(name, FEWEST_DIGITS);
            Err(CommandError::Usage(say(&problem)))
        };
    };
    let found: Vec<usize> = (0..items.len())
        .filter(|index| ends_with(&items[*index].id, &digits))
        .collect();
    match found.len() {
        0 => Err(not_found()),
        1 => Ok(found),
        _ => {
            let list: Vec<&str> = found.iter().map(|index| short(&items[*index].id)).collect();
            let problem = NameProblem::ManyItems(name, &list.join(", "));
            Err(CommandError::Usage(say(&problem)))
        }
    }
}

/// The user who is meant, by username or id.
///
/// # Errors
/// When there is none, or the caller is no admin.
pub(super) async fn user(context: &Context<'_>, name: &str) -> Result<v1::User, CommandError> {
    let client = &context.client;
    let by_id = Uuid::parse_str(name).ok().map(|id| id.to_string());
    let mut request = v1::ListUsersRequest {
        text: if by_id.is_some() {
            String::new()
        } else {
            name.to_owned()
        },
        page_size: 200,
        page_token: String::new(),
    };
    loop {
        let page = client.list_users(request.clone()).await?;
        let found = page.users.into_iter().find(|user| match &by_id {
            Some(id) => user.id == *id,
            None => user.username.to_lowercase() == name.to_lowercase(),
        });
        if let Some(user) = found {
            return Ok(user);
        }
        if page.next_page_token.is_empty() {
            let problem = NameProblem::NoUser(name);
            return Err(CommandError::NotFound((context.texts.name_problem)(
                &problem,
            )));
        }
        request.page_token = page.next_page_token;
    }
}

/// The user whose things are meant; the caller when nobody is named.
///
/// # Errors
/// As [`user`].
pub(super) async fn user_id(
    context: &Context<'_>,
    name: Option<&str>,
) -> Result<String, CommandError> {
    match name {
        None => Ok(String::new()),
        Some(name) => match Uuid::parse_str(name) {
            Ok(id) => Ok(id.to_string()),
            Err(_) => Ok(user(context, name).await?.id),
        },
    }
}

/// The key that is meant, of these: by name, id, the last digits of that, or how the secret begins.
///
/// # Errors
/// When it is none of them, or several.
pub(super) fn key<'a>(
    texts: &CommandTexts,
    keys: &'a [v1::ApiKey],
    name: &str,
) -> Result<&'a v1::ApiKey, CommandError> {
    let digits = digits(name);
    let by: [&dyn Fn(&v1::ApiKey) -> bool; 3] = [
        &|key| key.name == name,
        &|key| !key.secret_prefix.is_empty() && name.starts_with(&key.secret_prefix),
        &|key| {
            digits
                .as_ref()
                .is_some_and(|digits| ends_with(&key.id, digits))
        },
    ];
    for is_meant in by {
        let found: Vec<&v1::ApiKey> = keys.iter().filter(|key| is_meant(key)).collect();
        match found.as_slice() {
            [] => {}
            [only] => return Ok(only),
            _ => {
                let problem = NameProblem::ManyKeys(name);
                return Err(CommandError::Usage((texts.name_problem)(&problem)));
            }
        }
    }
    let problem = NameProblem::NoKey(name);
    Err(CommandError::NotFound((texts.name_problem)(&problem)))
}

/// The SSH key of that name, fingerprint or id.
///
/// # Errors
/// When there is none, or more than one.
pub(super) fn ssh_key<'a>(
    texts: &CommandTexts,
    keys: &'a [v1::SshKey],
    name: &str,
) -> Result<&'a v1::SshKey, CommandError> {
    let digits = digits(name);
    let by: [&dyn Fn(&v1::SshKey) -> bool; 3] = [
        &|key| key.fingerprint == name,
        &|key| key.name == name,
        &|key| {
            digits
                .as_ref()
                .is_some_and(|digits| ends_with(&key.id, digits))
        },
    ];
    for is_meant in by {
        let found: Vec<&v1::SshKey> = keys.iter().filter(|key| is_meant(key)).collect();
        match found.as_slice() {
            [] => {}
            [only] => return Ok(only),
            _ => {
                let problem = NameProblem::ManySshKeys(name);
                return Err(CommandError::Usage((texts.name_problem)(&problem)));
            }
        }
    }
    let problem = NameProblem::NoKey(name);
    Err(CommandError::NotFound((texts.name_problem)(&problem)))
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests {
    use super::*;
    use crate::state::Language;
    use crate::text::texts;

    fn batch_of(count: i32) -> Vec<v1::VideoItem> {
        (1..=count)
            .map(|position| v1::VideoItem {
                id: format!("0198c0de-0000-7000-8000-00000000a{position:03}"),
                position,
                ..v1::VideoItem::default()
            })
            .collect()
    }

    fn positions(names: &[&str]) -> Result<Vec<i32>, String> {
        let all = batch_of(12);
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        items(texts(Language::English).commands, &all, &names)
            .map(|items| items.iter().map(|item| item.position).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn items_are_named_by_position_range_and_digits() {
        assert_eq!(positions(&["7"]).unwrap(), [7]);
        assert_eq!(positions(&["3-5", "4", "1"]).unwrap(), [1, 3, 4, 5]);
        assert_eq!(positions(&["a007"]).unwrap(), [7]);
        assert_eq!(positions(&["A011"]).unwrap(), [11]);
        assert_eq!(
            positions(&["0198c0de-0000-7000-8000-00000000a012"]).unwrap(),
            [12]
        );
        assert_eq!(positions(&[]).unwrap().len(), 12);
    }

    #[test]
    fn what_names_no_item_is_said() {
        assert!(positions(&["13"]).unwrap_err().contains("no item 13"));
        assert!(positions(&["11-13"]).unwrap_err().contains("no item 11-13"));
        assert!(positions(&["5-3"]).unwrap_err().contains("no item"));
        assert!(positions(&["bbbb"]).unwrap_err().contains("no item bbbb"));
        assert!(positions(&["portrait"]).unwrap_err().contains("position"));
    }

    #[test]
    fn digits_are_four_to_thirty_two() {
        assert_eq!(digits("D3A1").as_deref(), Some("d3a1"));
        assert_eq!(digits("00-d3a1").as_deref(), Some("00d3a1"));
        assert_eq!(digits("d3a"), None);
        assert_eq!(digits("d3ag"), None);
        assert!(ends_with(
            "0198c0de-0000-7000-8000-0000d3a17b1f",
            "80000000d3a17b1f"
        ));
        assert!(!ends_with("0198c0de-0000-7000-8000-0000d3a17b1f", "d3a1"));
    }
}

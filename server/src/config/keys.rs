//! The keys of the configuration file: which there are, where each stands, and which are none.

use std::collections::BTreeSet;

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::load::File;

/// Every key there is, with dots: `limits.image_bytes`.
pub fn known_keys() -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    // Absent values are null there, so that every key shows.
    let file = serde_json::to_value(File::default()).unwrap_or_default();
    collect(&file, "", &mut keys);
    keys
}

fn collect(value: &Value, prefix: &str, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let key = match prefix {
                    "" => name.clone(),
                    _ => format!("{prefix}.{name}"),
                };
                collect(value, &key, keys);
            }
        }
        _ => drop(keys.insert(prefix.to_owned())),
    }
}

/// A key that a file has, and its line (from 1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Written {
    /// With dots.
    pub key: String,
    /// Where.
    pub line: usize,
}

/// The keys that a file has; none when it is no TOML.
pub fn written_keys(text: &str) -> Vec<Written> {
    let mut found = Vec::new();
    if let Ok(table) = DeTable::parse(text) {
        walk(text, table.get_ref(), "", &mut found);
    }
    found.sort_by_key(|written| written.line);
    found
}

fn walk(text: &str, table: &DeTable<'_>, prefix: &str, found: &mut Vec<Written>) {
    for (name, value) in table.iter() {
        let key = match prefix {
            "" => name.get_ref().to_string(),
            _ => format!("{prefix}.{}", name.get_ref()),
        };
        match value.get_ref() {
            DeValue::Table(inner) => walk(text, inner, &key, found),
            _ => {
                let before = text.get(..name.span().start).unwrap_or(text);
                let line = 1 + before.matches('\n').count();
                found.push(Written { key, line });
            }
        }
    }
}

/// The keys of a file that there are not, each with its line, in words.
pub fn unknown_keys(text: &str) -> Vec<String> {
    let known = known_keys();
    written_keys(text)
        .into_iter()
        .filter(|written| !known.contains(&written.key))
        .map(|Written { key, line }| format!("line {line}: there is no key `{key}`"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unknown_key_is_named_with_its_line() {
        let text = "listen = '127.0.0.1:1'\nlistne = 1\n\n[limits]\nimage_bytes = 7\nimage_bites = 8\n[nothing]\nat.all = 1\n";
        assert_eq!(
            unknown_keys(text),
            [
                "line 2: there is no key `listne`",
                "line 6: there is no key `limits.image_bites`",
                "line 8: there is no key `nothing.at.all`"
            ]
        );
    }

    #[test]
    fn keys_are_those_of_the_file() {
        let known = known_keys();
        for key in [
            "listen",
            "limits.image_bytes",
            "upstream.access_token_file",
            "retention.results_days",
        ] {
            assert!(known.contains(key), "{key}");
        }
    }
}

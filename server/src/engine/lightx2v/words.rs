//! The upstream's words, made safe to keep, log and show.
//!
//! Invariants: what comes out is at most 1 KiB on a character boundary, holds no control character, no query
//! string of any URL (a presigned URL is a secret), and not our token.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// Most bytes that are kept of anything the upstream says.
pub const MAX_WORDS_BYTES: usize = 1024;

/// Shortest token that is looked for in words; a shorter one would black out ordinary text.
const MIN_TOKEN_BYTES: usize = 8;

/// Control characters become spaces, runs of white space one, the ends are trimmed.
pub fn one_line(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if is_unprintable(c) { ' ' } else { c })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text fit to be kept: one line, no secrets, at most [`MAX_WORDS_BYTES`].
pub fn kept(text: &str) -> String {
    // Nobody needs more than a few times the bound; the rest of a megabyte is not even looked at.
    let text = cut(text, 8 * MAX_WORDS_BYTES);
    cut(&without_url_queries(&one_line(text)), MAX_WORDS_BYTES).to_owned()
}

/// The same without our token, should the upstream have echoed it. Before anything is cut.
pub fn without_token(text: &str, token: &SecretString) -> String {
    let secret = token.expose_secret().trim();
    if secret.len() < MIN_TOKEN_BYTES {
        return text.to_owned();
    }
    text.replace(secret, "[token]")
}

/// What an answer's body says: the message of a JSON object, or plain text. An HTML page says nothing.
pub fn of_body(body: &[u8]) -> Option<String> {
    let words = match serde_json::from_slice::<Value>(body) {
        Ok(value) => of_json(&value)?,
        Err(_) => {
            let text = std::str::from_utf8(body).ok()?.trim();
            if text.starts_with(['<', '{', '[']) {
                return None;
            }
            text.to_owned()
        }
    };
    let kept = kept(&words);
    (!kept.is_empty()).then_some(kept)
}

/// Whether a body is the API's own way to say that something is wrong: a JSON object with a message.
pub fn is_api_error(body: &[u8]) -> bool {
    matches!(serde_json::from_slice::<Value>(body), Ok(value) if of_json(&value).is_some())
}

/// Whether a body looks like a web page: what a proxy or a login wall answers.
pub fn is_html(body: &[u8]) -> bool {
    body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<')
}

fn of_json(value: &Value) -> Option<String> {
    let object = value.as_object()?;
    ["message", "detail", "msg", "error"]
        .iter()
        .find_map(|name| object.get(*name).and_then(of_message))
}

/// `error: <text>!` is how the upstream wraps what it says; validation errors are lists of `{loc, msg}`.
fn of_message(message: &Value) -> Option<String> {
    match message {
        Value::String(text) => {
            let text = text.trim();
            let text = match text.strip_prefix("error: ") {
                Some(inner) => inner.strip_suffix('!').unwrap_or(inner),
                None => text,
            };
            (!text.is_empty()).then(|| text.to_owned())
        }
        Value::Array(parts) => {
            let said: Vec<String> = parts.iter().take(8).filter_map(of_message).collect();
            (!said.is_empty()).then(|| said.join("; "))
        }
        Value::Object(object) => {
            let text = of_json(message)?;
            let place = object.get("loc").and_then(Value::as_array).map(|parts| {
                let names: Vec<&str> = parts.iter().filter_map(Value::as_str).collect();
                names.join(".")
            });
            Some(match place {
                Some(place) if !place.is_empty() => format!("{place}: {text}"),
                _ => text,
            })
        }
        _ => None,
    }
}

/// Bidirectional marks are counted in: they can make a line on a terminal read as another.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn without_url_queries(text: &str) -> String {
    text.split(' ')
        .map(without_query)
        .collect::<Vec<_>>()
        .join(" ")
}

fn without_query(word: &str) -> String {
    match (word.find("://"), word.find('?')) {
        (Some(scheme), Some(query)) if scheme < query => format!("{}?…", &word[..query]),
        _ => word.to_owned(),
    }
}

fn cut(text: &str, max_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(max_bytes)]
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_every_shape_of_answer() {
        for (body, expected) in [
            (
                r#"{"message":"error: Queue busy, please try again later!"}"#,
                Some("Queue busy, please try again later"),
            ),
            (
                r#"{"message":"Token has expired"}"#,
                Some("Token has expired"),
            ),
            (r#"{"detail":"Not Found"}"#, Some("Not Found")),
            (
                r#"{"detail":[{"loc":["body","seed"],"msg":"field required"}]}"#,
                Some("body.seed: field required"),
            ),
            ("upstream connect error", Some("upstream connect error")),
            ("<html><body>Bad gateway</body></html>", None),
            ("{\"message\":\"error: Que", None),
            ("{}", None),
            ("", None),
        ] {
            assert_eq!(of_body(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn words_are_cut_on_a_character_boundary() {
        let kept = kept(&"图".repeat(5000));
        assert_eq!(kept.len(), MAX_WORDS_BYTES / 3 * 3);
        assert!(kept.chars().all(|c| c == '图'));
    }

    #[test]
    fn control_characters_and_escape_sequences_do_not_survive() {
        assert_eq!(kept("a\u{1b}[31mb\r\n\tc\u{202e}d\0"), "a [31mb c d");
    }

    #[test]
    fn the_query_of_a_presigned_url_does_not_survive() {
        assert_eq!(
            kept("cannot read https://bucket.example/a.mp4?X-Signature=secret now"),
            "cannot read https://bucket.example/a.mp4?… now"
        );
        assert_eq!(kept("is it so? yes"), "is it so? yes");
    }

    #[test]
    fn our_own_token_does_not_survive() {
        let token = SecretString::from("eyJhbGciOi.payload.sig");
        let said = without_token("bad token eyJhbGciOi.payload.sig!", &token);
        assert_eq!(said, "bad token [token]!");
        assert_eq!(without_token("an a", &SecretString::from("a")), "an a");
    }

    #[test]
    fn a_page_is_told_from_an_api_error() {
        assert!(is_html(b" \n<!doctype html>"));
        assert!(!is_html(b"{}"));
        assert!(is_api_error(br#"{"detail":"x"}"#));
        assert!(!is_api_error(b"<html>") && !is_api_error(b"{}") && !is_api_error(b"x"));
        assert!(of_body("plain".as_bytes()).unwrap() == "plain");
    }
}

//! What a new batch should be, held against the bounds of the contract.

use std::collections::{BTreeMap, HashMap};

use crate::domain::batch::{
    DEFAULT_PROMPT, FILENAME_BYTES, LABEL_KEY_BYTES, LABEL_VALUE_BYTES, LABELS, NAME_CHARACTERS,
    PROMPT_CHARACTERS,
};
use crate::domain::ids::RequestId;
use crate::domain::media::{BlobKind, Sha256};
use crate::domain::user::Credits;
use crate::service::error::ServiceError;

/// What a new batch should be, as the request says it. Empty text means the default.
#[derive(Debug, Clone, Default)]
pub struct BatchSpec {
    /// At most 200 characters.
    pub name: String,
    /// At most 2,000 characters.
    pub prompt: String,
    /// At most 2,000 characters.
    pub negative_prompt: String,
    /// `preview`, `lightx2v` or empty.
    pub engine: String,
    /// At most 16.
    pub labels: HashMap<String, String>,
    /// Not to happen twice.
    pub request_id: Option<RequestId>,
    /// Source images that follow.
    pub image_count: i64,
    /// The most it may cost.
    pub max_credits: Option<Credits>,
    /// All files in upload order, or empty.
    pub files: Vec<FileDigest>,
}

/// A file without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDigest {
    /// Audio or image.
    pub kind: BlobKind,
    /// The user's name for it.
    pub filename: String,
    /// Its length.
    pub size_bytes: u64,
    /// Its content.
    pub sha256: Sha256,
}

/// Refuses a text longer than `limit` characters.
pub(super) fn check_text(field: &str, text: &str, limit: usize) -> Result<(), ServiceError> {
    let count = text.chars().count();
    if count > limit {
        let message = format!("{field} has {count} characters, at most {limit} are taken.");
        return Err(ServiceError::field(field, message).with("limit", limit));
    }
    Ok(())
}

pub(super) fn check_prompts(prompt: &str, negative_prompt: &str) -> Result<(), ServiceError> {
    check_text("prompt", prompt, PROMPT_CHARACTERS)?;
    check_text("negative_prompt", negative_prompt, PROMPT_CHARACTERS)
}

pub(super) fn check_name(name: &str) -> Result<(), ServiceError> {
    check_text("name", name, NAME_CHARACTERS)
}

pub(super) fn check_labels(
    labels: &HashMap<String, String>,
) -> Result<BTreeMap<String, String>, ServiceError> {
    if labels.len() > LABELS {
        return Err(
            ServiceError::field("labels", format!("At most {LABELS} labels are taken."))
                .with("limit", LABELS),
        );
    }
    for (key, value) in labels {
        if key.is_empty() || key.len() > LABEL_KEY_BYTES {
            let message = format!("The key of a label has 1 to {LABEL_KEY_BYTES} bytes.");
            return Err(ServiceError::field("labels", message).with("limit", LABEL_KEY_BYTES));
        }
        if value.len() > LABEL_VALUE_BYTES {
            let message = format!("The value of a label has at most {LABEL_VALUE_BYTES} bytes.");
            return Err(ServiceError::field("labels", message).with("limit", LABEL_VALUE_BYTES));
        }
    }
    Ok(labels.clone().into_iter().collect())
}

pub(super) fn check_filename(field: &str, filename: &str) -> Result<(), ServiceError> {
    let fits = (1..=FILENAME_BYTES).contains(&filename.len());
    if fits && !filename.chars().any(char::is_control) {
        return Ok(());
    }
    let message = format!("A filename has 1 to {FILENAME_BYTES} bytes and no control characters.");
    Err(ServiceError::field(field, message).with("limit", FILENAME_BYTES))
}

pub(super) fn check_max_credits(max_credits: Option<Credits>) -> Result<(), ServiceError> {
    if max_credits.is_some_and(|most| most < 0) {
        return Err(ServiceError::field(
            "max_credits",
            "max_credits must not be negative.",
        ));
    }
    Ok(())
}

/// An empty prompt is the default one.
pub(super) fn prompt_or_default(prompt: &str) -> String {
    if prompt.trim().is_empty() {
        DEFAULT_PROMPT.to_owned()
    } else {
        prompt.to_owned()
    }
}

/// An empty name is that of the audio file.
pub(super) fn name_or_audio(name: &str, audio_filename: &str) -> String {
    let name = if name.trim().is_empty() {
        audio_filename
    } else {
        name
    };
    name.chars().take(NAME_CHARACTERS).collect()
}

//! What requests say of batches, read into the service's words.
//!
//! An id that is no id names nothing: it is NOT_FOUND of its kind, as an unknown one is.

use std::str::FromStr;

use vision_batch::v1;

use crate::domain::batch::{BatchState, LABELS};
use crate::domain::failure::cut;
use crate::domain::ids::{BatchId, ItemId, RequestId};
use crate::domain::media::{BlobKind, Sha256};
use crate::rpc::convert::{optional_id, read_time};
use crate::service::batches::page::{BatchList, Scope};
use crate::service::batches::refusal::{batch_not_found, item_not_found};
use crate::service::batches::spec::{BatchSpec, FileDigest};
use crate::service::batches::upload::FileHeader;
use crate::service::error::{ServiceError, user_not_found};
use crate::store::query::{BatchFilter, BatchOrder, ItemStateName};

/// Longest text of a search, in characters.
const SEARCH_CHARACTERS: usize = 200;
/// Most ids of one request, as many as the largest batch has by default ten times over.
const IDS: usize = 10_000;

fn read<T: FromStr>(
    text: &str,
    refuse: impl FnOnce(String) -> ServiceError,
) -> Result<T, ServiceError> {
    // What is said back is cut: ids are short.
    text.parse().map_err(|_| refuse(cut(text, 64).to_owned()))
}

/// The batch of a request.
///
/// # Errors
///
/// BATCH_NOT_FOUND.
pub fn batch_id(text: &str) -> Result<BatchId, ServiceError> {
    read(text, batch_not_found)
}

/// The item of a request.
///
/// # Errors
///
/// ITEM_NOT_FOUND.
pub fn item_id(text: &str) -> Result<ItemId, ServiceError> {
    read(text, item_not_found)
}

/// The items of a request.
///
/// # Errors
///
/// ITEM_NOT_FOUND, FIELD_INVALID when there are too many.
pub fn item_ids(texts: &[String]) -> Result<Vec<ItemId>, ServiceError> {
    if texts.len() > IDS {
        let message = format!("At most {IDS} items can be named.");
        return Err(ServiceError::field("item_ids", message).with("limit", IDS));
    }
    texts.iter().map(|text| item_id(text)).collect()
}

/// The id that makes a repeat safe.
///
/// # Errors
///
/// FIELD_INVALID.
pub fn request_id(text: &str) -> Result<Option<RequestId>, ServiceError> {
    optional_id("request_id", text)
}

/// States of items.
///
/// # Errors
///
/// FIELD_INVALID.
pub fn item_states(states: &[i32]) -> Result<Vec<ItemStateName>, ServiceError> {
    use v1::video_item::State;
    let mut named = Vec::new();
    for state in states {
        let name = match State::try_from(*state) {
            Ok(State::Pending) => ItemStateName::Pending,
            Ok(State::Processing) => ItemStateName::Processing,
            Ok(State::Completed) => ItemStateName::Completed,
            Ok(State::Failed) => ItemStateName::Failed,
            Ok(State::Cancelled) => ItemStateName::Cancelled,
            Ok(State::Unspecified) | Err(_) => {
                return Err(ServiceError::field(
                    "states",
                    "states has an unknown state.",
                ));
            }
        };
        if !named.contains(&name) {
            named.push(name);
        }
    }
    Ok(named)
}

/// A list of batches: whose, which, and in which order.
///
/// # Errors
///
/// FIELD_INVALID, USER_NOT_FOUND.
pub fn list(
    filter: Option<v1::BatchFilter>,
    owner_id: &str,
    order_by: &str,
) -> Result<BatchList, ServiceError> {
    Ok(BatchList {
        scope: match owner_id {
            "" => Scope::Own,
            "-" => Scope::Everyone,
            id => Scope::Of(read(id, user_not_found)?),
        },
        filter: self::filter(filter.unwrap_or_default())?,
        order: match order_by.trim() {
            "" | "create_time desc" => BatchOrder::Newest,
            "attention" => BatchOrder::Attention,
            _ => {
                return Err(ServiceError::field(
                    "order_by",
                    "order_by is empty, create_time desc or attention.",
                ));
            }
        },
    })
}

fn filter(filter: v1::BatchFilter) -> Result<BatchFilter, ServiceError> {
    if filter.text.chars().count() > SEARCH_CHARACTERS {
        let message = format!("A search has at most {SEARCH_CHARACTERS} characters.");
        return Err(ServiceError::field("filter.text", message).with("limit", SEARCH_CHARACTERS));
    }
    if filter.labels.len() > LABELS {
        let message = format!("A filter has at most {LABELS} labels.");
        return Err(ServiceError::field("filter.labels", message).with("limit", LABELS));
    }
    let mut states = Vec::new();
    for state in &filter.states {
        use v1::batch::State;
        let state = match State::try_from(*state) {
            Ok(State::Created) => BatchState::Created,
            Ok(State::Processing) => BatchState::Processing,
            Ok(State::Completed) => BatchState::Completed,
            Ok(State::Failed) => BatchState::Failed,
            Ok(State::Cancelled) => BatchState::Cancelled,
            Ok(State::Unspecified) | Err(_) => {
                return Err(ServiceError::field(
                    "filter.states",
                    "filter.states has an unknown state.",
                ));
            }
        };
        if !states.contains(&state) {
            states.push(state);
        }
    }
    let read_bound = |field, time: Option<prost_types::Timestamp>| {
        time.map(|time| read_time(field, time)).transpose()
    };
    Ok(BatchFilter {
        states,
        text: filter.text.trim().to_owned(),
        has_failures: filter.has_failures,
        labels: filter.labels.into_iter().collect(),
        created_after: read_bound("filter.create_time_after", filter.create_time_after)?,
        created_before: read_bound("filter.create_time_before", filter.create_time_before)?,
    })
}

/// The spec of an upload.
///
/// # Errors
///
/// FIELD_INVALID.
pub fn spec(spec: v1::BatchSpec) -> Result<BatchSpec, ServiceError> {
    Ok(BatchSpec {
        request_id: request_id(&spec.request_id)?,
        files: spec
            .file_digests
            .into_iter()
            .map(file_digest)
            .collect::<Result<_, _>>()?,
        name: spec.name,
        prompt: spec.prompt,
        negative_prompt: spec.negative_prompt,
        engine: spec.engine,
        labels: spec.labels,
        image_count: i64::from(spec.image_count),
        max_credits: spec.max_credits,
    })
}

fn file_digest(file: v1::FileDigest) -> Result<FileDigest, ServiceError> {
    const FIELD: &str = "spec.file_digests";
    let refuse = |message: &str| ServiceError::field(FIELD, message).with("file", &file.filename);
    Ok(FileDigest {
        kind: uploaded_kind(FIELD, file.kind)?,
        size_bytes: u64::try_from(file.size_bytes)
            .map_err(|_| refuse("The size of a file must not be negative."))?,
        sha256: Sha256::from_hex(&file.sha256)
            .ok_or_else(|| refuse("A SHA-256 has 64 hexadecimal digits."))?,
        filename: file.filename,
    })
}

/// The header of a file.
///
/// # Errors
///
/// FIELD_INVALID.
pub fn file_header(header: v1::FileHeader) -> Result<FileHeader, ServiceError> {
    let sha256 = match &header.sha256 {
        None => None,
        Some(text) => Some(Sha256::from_hex(text).ok_or_else(|| {
            ServiceError::field("file.sha256", "A SHA-256 has 64 hexadecimal digits.")
                .with("file", &header.filename)
        })?),
    };
    Ok(FileHeader {
        kind: uploaded_kind("file.kind", header.kind)?,
        filename: header.filename,
        size_bytes: header.size_bytes,
        sha256,
    })
}

fn uploaded_kind(field: &str, kind: i32) -> Result<BlobKind, ServiceError> {
    match file_kind(field, kind)? {
        BlobKind::Video => Err(ServiceError::field(
            field,
            "An upload has an audio and source images.",
        )),
        kind => Ok(kind),
    }
}

/// The kind of a file.
///
/// # Errors
///
/// FIELD_INVALID.
pub fn file_kind(field: &str, kind: i32) -> Result<BlobKind, ServiceError> {
    match v1::FileKind::try_from(kind) {
        Ok(v1::FileKind::SourceImage) => Ok(BlobKind::Image),
        Ok(v1::FileKind::Audio) => Ok(BlobKind::Audio),
        Ok(v1::FileKind::Video) => Ok(BlobKind::Video),
        Ok(v1::FileKind::Unspecified) | Err(_) => Err(ServiceError::field(
            field,
            "Say which file: SOURCE_IMAGE, AUDIO or VIDEO.",
        )),
    }
}

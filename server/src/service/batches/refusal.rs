//! The refusals that several operations share, each in the same words and with the same metadata.

use std::fmt::Display;

use jiff::Timestamp;

use crate::domain::ids::{BatchId, RequestId};
use crate::domain::user::Credits;
use crate::media::MediaError;
use crate::service::error::{Reason, ServiceError};
use crate::store::{ChangeItemsError, CreateBatchError};

/// `id` as it was asked for: one that is no id names no batch either.
pub(crate) fn batch_not_found(id: impl Display) -> ServiceError {
    ServiceError::new(Reason::BatchNotFound, "There is no such batch.").with("batch_id", id)
}

/// As [`batch_not_found`].
pub(crate) fn item_not_found(id: impl Display) -> ServiceError {
    ServiceError::new(Reason::ItemNotFound, "There is no such item in this batch.")
        .with("item_id", id)
}

pub(super) fn request_reused(id: RequestId) -> ServiceError {
    ServiceError::new(
        Reason::RequestIdReused,
        "The request_id was used with other content. Take a new one.",
    )
    .with("request_id", id)
}

pub(super) fn price_changed(required: Credits, limit: Credits) -> ServiceError {
    ServiceError::new(
        Reason::PriceChanged,
        format!("It costs {required} credits, more than the {limit} that were allowed. Ask for a new quote."),
    )
    .with("required", required)
    .with("limit", limit)
}

/// What a request that the store refused is told; `request` is the id it carried.
pub(super) fn of_creation(error: CreateBatchError, request: Option<RequestId>) -> ServiceError {
    match error {
        CreateBatchError::Balance(error) => error.into(),
        CreateBatchError::Store(error) => error.into(),
        CreateBatchError::RequestReused => reused(request),
        CreateBatchError::Deleted(batch) => batch_not_found(batch),
    }
}

pub(super) fn of_change(
    error: ChangeItemsError,
    batch: BatchId,
    nothing: ServiceError,
    request: Option<RequestId>,
) -> ServiceError {
    match error {
        ChangeItemsError::BatchNotFound => batch_not_found(batch),
        ChangeItemsError::ItemNotFound(item) => item_not_found(item),
        ChangeItemsError::UploadsRemoved(time) => uploads_removed(time),
        ChangeItemsError::NotRetryable(item) => not_retryable().with("item_id", item),
        ChangeItemsError::Nothing => nothing,
        ChangeItemsError::TooExpensive { required, allowed } => price_changed(required, allowed),
        ChangeItemsError::Balance(error) => error.into(),
        ChangeItemsError::RequestReused => reused(request),
        ChangeItemsError::Store(error) => error.into(),
    }
}

pub(super) fn not_retryable() -> ServiceError {
    ServiceError::new(
        Reason::NotRetryable,
        "Only items that failed for a reason another try may mend, or were cancelled, can be retried.",
    )
}

fn reused(request: Option<RequestId>) -> ServiceError {
    match request {
        Some(id) => request_reused(id),
        None => ServiceError::new(
            Reason::Internal,
            "a request without an id was taken for a repeat",
        ),
    }
}

/// A file that retention has removed; `file` is the name to say.
pub(super) fn removed(file: &str, time: Timestamp) -> ServiceError {
    ServiceError::new(
        Reason::FileRemoved,
        format!("{file} was removed from the server on {}.", day(time)),
    )
    .with("file", file)
    .with("removed_time", time)
}

/// A retry or a rerun of what has lost its pictures and its audio.
pub(super) fn uploads_removed(time: Timestamp) -> ServiceError {
    ServiceError::new(
        Reason::FileRemoved,
        format!(
            "The batch's pictures and audio were removed from the server on {}. Upload them again in a new batch.",
            day(time)
        ),
    )
    .with("removed_time", time)
}

fn day(time: Timestamp) -> impl Display {
    time.strftime("%Y-%m-%d")
}

/// A file that could not be kept or read; `file` is the name to say.
pub(super) fn of_media(error: MediaError, file: &str) -> ServiceError {
    match error {
        MediaError::TooLarge { limit } => too_large(file, limit),
        MediaError::Full(_) => ServiceError::new(
            Reason::StorageFull,
            "The server's disk is full. Nothing was stored.",
        )
        .with("file", file),
        MediaError::Missing(_) => ServiceError::new(
            Reason::FileRemoved,
            format!("{file} was removed from the server."),
        )
        .with("file", file),
        MediaError::Corrupt(blob) => ServiceError::new(
            Reason::BlobCorrupt,
            format!("The stored copy of {file} is damaged. Ask an administrator."),
        )
        .with("file", file)
        .with("sha256", blob.sha256),
        MediaError::Io { .. } => ServiceError::new(Reason::Internal, error.to_string()),
    }
}

pub(super) fn too_large(file: &str, limit: u64) -> ServiceError {
    ServiceError::new(
        Reason::FileTooLarge,
        format!("{file} is too large: at most {limit} bytes are taken."),
    )
    .with("file", file)
    .with("limit", limit)
}

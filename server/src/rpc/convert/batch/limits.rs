//! What the server takes, as a message.

use vision_batch::v1;

use crate::auth::passwords;
use crate::config::Limits;
use crate::domain::batch::{
    FILENAME_BYTES, LABEL_KEY_BYTES, LABEL_VALUE_BYTES, LABELS, NAME_CHARACTERS, PROMPT_CHARACTERS,
};
use crate::domain::user::USERNAME_CHARACTERS;
use crate::rpc::MESSAGE_BYTES;
use crate::rpc::convert::{count, duration, wide};
use crate::service::admin::NOTE_CHARACTERS;
use crate::service::batches::upload::{CHUNK_BYTES, SHORTEST_AUDIO};
use crate::service::page_token::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE};
use crate::service::session::STREAMS_PER_USER;

/// Bounds of the interval between the heartbeats of a stream, and what it is when none was asked for.
pub const HEARTBEATS: (
    std::time::Duration,
    std::time::Duration,
    std::time::Duration,
) = (
    std::time::Duration::from_secs(5),
    std::time::Duration::from_secs(60),
    std::time::Duration::from_secs(15),
);

const IMAGE_TYPES: [&str; 3] = ["image/png", "image/jpeg", "image/webp"];
const AUDIO_TYPES: [&str; 6] = [
    "audio/wav",
    "audio/mpeg",
    "audio/mp4",
    "audio/aac",
    "audio/flac",
    "audio/ogg",
];

/// What the server takes.
pub fn limits(limits: &Limits) -> v1::Limits {
    let owned = |types: &[&str]| types.iter().map(|text| (*text).to_owned()).collect();
    v1::Limits {
        image_bytes_max: wide(limits.image_bytes),
        image_pixels_max: count(limits.image_pixels),
        audio_bytes_max: wide(limits.audio_bytes),
        audio_duration_max: Some(duration(limits.audio_duration)),
        audio_duration_min: Some(duration(SHORTEST_AUDIO)),
        images_per_batch_max: count(limits.images_per_batch),
        image_media_types: owned(&IMAGE_TYPES),
        audio_media_types: owned(&AUDIO_TYPES),
        chunk_bytes_max: count(CHUNK_BYTES),
        message_bytes_max: count(MESSAGE_BYTES),
        name_characters_max: count(NAME_CHARACTERS),
        prompt_characters_max: count(PROMPT_CHARACTERS),
        labels_max: count(LABELS),
        label_key_bytes_max: count(LABEL_KEY_BYTES),
        label_value_bytes_max: count(LABEL_VALUE_BYTES),
        filename_bytes_max: count(FILENAME_BYTES),
        note_characters_max: count(NOTE_CHARACTERS),
        username_characters_max: count(USERNAME_CHARACTERS),
        password_characters_min: count(passwords::SHORTEST),
        page_size_default: count(DEFAULT_PAGE_SIZE),
        page_size_max: count(MAX_PAGE_SIZE),
        heartbeat_interval_min: Some(duration(HEARTBEATS.0)),
        heartbeat_interval_max: Some(duration(HEARTBEATS.1)),
        uploads_per_user_max: count(limits.uploads_per_user),
        streams_per_user_max: count(STREAMS_PER_USER),
    }
}

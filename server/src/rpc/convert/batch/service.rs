//! What the service is, takes and costs, as messages.

use vision_batch::v1;

use super::wait_reason;
use crate::auth::passwords;
use crate::config::Limits;
use crate::domain::batch::{
    EngineKind, FILENAME_BYTES, LABEL_KEY_BYTES, LABEL_VALUE_BYTES, LABELS, NAME_CHARACTERS,
    PROMPT_CHARACTERS,
};
use crate::domain::dispatching::DispatchState;
use crate::domain::pricing::Pricing;
use crate::domain::user::USERNAME_CHARACTERS;
use crate::feed::engine_status::{EngineStatus, Health, TokenState};
use crate::rpc::MESSAGE_BYTES;
use crate::rpc::convert::{count, duration, time, wide};
use crate::service::batches::quote::ServiceNow;
use crate::service::batches::upload::{CHUNK_BYTES, SHORTEST_AUDIO, UPLOADS_PER_USER};
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

/// Longest note of an administrator, in characters: the contract's.
const NOTE_CHARACTERS: i32 = 500;

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
        note_characters_max: NOTE_CHARACTERS,
        username_characters_max: count(USERNAME_CHARACTERS),
        password_characters_min: count(passwords::SHORTEST),
        page_size_default: count(DEFAULT_PAGE_SIZE),
        page_size_max: count(MAX_PAGE_SIZE),
        heartbeat_interval_min: Some(duration(HEARTBEATS.0)),
        heartbeat_interval_max: Some(duration(HEARTBEATS.1)),
        uploads_per_user_max: count(UPLOADS_PER_USER),
        streams_per_user_max: count(STREAMS_PER_USER),
    }
}

/// What every user may know of the service as it is now.
pub fn service_status(now: &ServiceNow, pricing: &Pricing) -> v1::ServiceStatus {
    let settings = now.statuses.settings.as_ref();
    let paid = now.statuses.engines.get(&EngineKind::LightX2v);
    v1::ServiceStatus {
        dispatch_state: settings
            .map_or(v1::dispatch::State::Unspecified, |settings| {
                dispatch_state(settings.state)
            })
            .into(),
        engines: EngineKind::ALL
            .into_iter()
            .map(|engine| engine_info(now, pricing, engine))
            .collect(),
        waiting: now
            .waiting
            .iter()
            .map(|(reason, waiting)| v1::WaitingCount {
                reason: wait_reason(*reason).into(),
                count: count(*waiting),
            })
            .collect(),
        upstream: paid.filter(|_| now.has_upstream).map(upstream),
    }
}

fn dispatch_state(state: DispatchState) -> v1::dispatch::State {
    match state {
        DispatchState::Running => v1::dispatch::State::Running,
        DispatchState::Paused => v1::dispatch::State::Paused,
        DispatchState::Draining => v1::dispatch::State::Draining,
    }
}

fn engine_info(now: &ServiceNow, pricing: &Pricing, engine: EngineKind) -> v1::EngineInfo {
    let is_configured = engine == EngineKind::Preview || now.has_upstream;
    let status = now.statuses.engines.get(&engine).filter(|_| is_configured);
    let base_price = pricing.credits_per_item(engine, SHORTEST_AUDIO);
    v1::EngineInfo {
        name: engine.name().to_owned(),
        is_default: now.default_engine == engine,
        health: if is_configured {
            status
                .map_or(v1::engine_info::Health::Unspecified, engine_health)
                .into()
        } else {
            v1::engine_info::Health::Unavailable.into()
        },
        credits_per_item: base_price,
        seconds_per_credit: pricing
            .seconds_per_credit
            .filter(|seconds| *seconds > 0 && base_price > 0)
            .map(count),
        slots: status.map(|status| v1::Slots {
            limit: count(status.slot_limit),
            running: count(status.running),
            cleanup: count(status.cleanup),
            foreign: count(status.foreign),
        }),
    }
}

fn engine_health(status: &EngineStatus) -> v1::engine_info::Health {
    match status.token {
        TokenState::Missing | TokenState::Refused => v1::engine_info::Health::TokenNeeded,
        TokenState::Ok | TokenState::NotNeeded => health(status.health),
    }
}

fn health(health: Health) -> v1::engine_info::Health {
    match health {
        Health::Unknown => v1::engine_info::Health::Unspecified,
        Health::Ok => v1::engine_info::Health::Ok,
        Health::Degraded => v1::engine_info::Health::Degraded,
        Health::Unreachable => v1::engine_info::Health::Unreachable,
    }
}

/// Without host and accounts, which are for administrators.
fn upstream(status: &EngineStatus) -> v1::Upstream {
    v1::Upstream {
        engine: EngineKind::LightX2v.name().to_owned(),
        host: String::new(),
        health: engine_health(status).into(),
        last_success_time: status.last_success_time.map(time),
        token_state: match status.token {
            TokenState::NotNeeded => v1::upstream::TokenState::Unspecified,
            TokenState::Missing => v1::upstream::TokenState::NotSet,
            TokenState::Ok => v1::upstream::TokenState::Ok,
            TokenState::Refused => v1::upstream::TokenState::Refused,
        }
        .into(),
        token_state_since: None,
        token_expire_time: status.token_expire_time.map(time),
        daily_used: count(status.daily_used),
        daily_limit: status.daily_limit.map_or(0, count),
        next_free_time: status.next_free_time.map(time),
        accounts: Vec::new(),
    }
}

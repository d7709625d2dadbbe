//! Owns what the server takes and which engines it has, with the contract's defaults until it has said so.

use std::time::Duration;

use vision_batch::v1;

use crate::files::{AudioRules, ImageRules};

/// What it takes as a source image.
pub(crate) fn image_rules(service: Option<&v1::GetServiceInfoResponse>) -> ImageRules {
    let limits = service.and_then(|service| service.limits.as_ref());
    ImageRules {
        max_bytes: limits.map_or(20 << 20, |it| it.image_bytes_max.unsigned_abs()),
        max_pixels: limits.map_or(50_000_000, |it| {
            u64::from(it.image_pixels_max.unsigned_abs())
        }),
    }
}

/// What it takes as the audio.
pub(super) fn audio_rules(service: Option<&v1::GetServiceInfoResponse>) -> AudioRules {
    let limits = service.and_then(|service| service.limits.as_ref());
    let span = |of: Option<prost_types::Duration>, default: Duration| {
        of.and_then(|it| Duration::try_from(it).ok())
            .unwrap_or(default)
    };
    AudioRules {
        max_bytes: limits.map_or(20 << 20, |it| it.audio_bytes_max.unsigned_abs()),
        max_duration: span(
            limits.and_then(|it| it.audio_duration_max),
            Duration::from_secs(600),
        ),
        min_duration: span(
            limits.and_then(|it| it.audio_duration_min),
            Duration::from_millis(100),
        ),
    }
}

/// The engines that take batches, the server's default first chosen.
pub(crate) fn engines(service: Option<&v1::GetServiceInfoResponse>) -> Vec<&v1::EngineInfo> {
    service
        .and_then(|service| service.status.as_ref())
        .map(|status| {
            status
                .engines
                .iter()
                .filter(|engine| engine.health() != v1::engine_info::Health::Unavailable)
                .collect()
        })
        .unwrap_or_default()
}

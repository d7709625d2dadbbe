//! What the upstream looks at before it takes a task, and the words in which it refuses one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::message::Reply;

/// What a submit said, without the media; or the words in which it is refused.
pub(super) fn checked(body: &[u8], check_media: bool) -> Result<Value, Reply> {
    let Ok(Value::Object(mut params)) = serde_json::from_slice(body) else {
        let problem = json!({"loc": ["body"], "msg": "JSON decode error", "type": "json_invalid"});
        return Err(Reply::json(422, &json!({"detail": [problem]})));
    };
    let text = |name: &str| params.get(name).and_then(Value::as_str).unwrap_or_default();
    let asked =
        json!({"task": text("task"), "model_cls": text("model_cls"), "stage": text("stage")});
    if asked != model() {
        let asked = (text("task"), text("model_cls"), text("stage"));
        let words = format!("{asked:?} are not in /workspace/configs/model_pipeline.json");
        return Err(Reply::error(500, &words));
    }
    if text("prompt").is_empty() {
        return Err(Reply::error(500, "valid prompt is required"));
    }
    for name in ["input_image", "input_audio"] {
        let Some(input) = params.remove(name) else {
            return Err(Reply::error(
                500,
                &format!("Input {name} not found in params"),
            ));
        };
        let data = input["data"].as_str().unwrap_or_default();
        let decoded = (input["type"] == "base64")
            .then(|| STANDARD.decode(data).ok())
            .flatten();
        let Some(bytes) = decoded else {
            return Err(Reply::error(
                500,
                &format!("Failed to read {name}, type=base64, val=..."),
            ));
        };
        if check_media && let Some(words) = unusable(name, &bytes) {
            return Err(Reply::error(500, words));
        }
        params.insert(
            name.to_owned(),
            json!({"type": "base64", "size": bytes.len()}),
        );
    }
    Ok(Value::Object(params))
}

/// The words for bytes that are no picture or no sound; only the first bytes are looked at.
fn unusable(name: &str, bytes: &[u8]) -> Option<&'static str> {
    let begins = |signatures: &[&[u8]]| {
        signatures
            .iter()
            .any(|signature| bytes.starts_with(signature))
    };
    let is_mp4 = bytes.get(4..8) == Some(b"ftyp");
    match name {
        "input_image" => (!begins(&[b"\x89PNG", b"\xff\xd8", b"RIFF"]))
            .then_some("cannot identify image file <_io.BytesIO object at 0x7f3a>"),
        _ if bytes.len() < 16 => Some("Audio file too short"),
        _ => (!begins(&[b"RIFF", b"ID3", b"\xff", b"fLaC", b"OggS"]) && !is_mp4)
            .then_some("media to wav failed"),
    }
}

pub(super) fn model() -> Value {
    json!({"task": "s2v", "model_cls": "SekoTalk", "stage": "single_stage"})
}

//! Typing and pasting.

use std::path::PathBuf;

use crate::keymap::{Key, Mode};
use crate::state::effect::Effect;
use crate::state::new_batch::{Focus, image_rules};
use crate::state::{Field, Overlay, Screen, State, looks_like_audio};

pub(super) fn type_key(state: &mut State, mode: Mode, key: Key, effects: &mut Vec<Effect>) {
    match mode {
        Mode::Form => {
            if let Some(gate) = &mut state.gate {
                let asked = gate.edit(key);
                effects.extend(asked.into_iter().map(Effect::Net));
            }
        }
        Mode::Palette => {
            if let Some(Overlay::Palette(palette)) = &mut state.overlay {
                palette.field.edit(key);
                palette.cursor = 0;
            }
        }
        Mode::Dialog => {
            if let Some(Overlay::Dialog(dialog)) = &mut state.overlay {
                dialog.edit(key);
            }
        }
        Mode::Typed => {
            if let Some(Overlay::Confirm(question)) = &mut state.overlay {
                question.edit(key);
            }
        }
        Mode::Filter => edit_filter(state, |field| {
            field.edit(key);
        }),
        Mode::Fields => edit_draft(state, key, effects),
        _ => {}
    }
}

fn edit_filter(state: &mut State, edit: impl FnOnce(&mut Field)) {
    match state.screen {
        Screen::Batches => {
            edit(&mut state.batches.filter);
            let text = state.batches.filter.text().to_owned();
            state.batches.rows.set_filter(&text);
        }
        Screen::Batch => {
            if let Some(batch) = &mut state.batch {
                edit(&mut batch.filter);
                batch.rows.set_filter(batch.filter.text());
            }
        }
        Screen::Users => {
            edit(&mut state.users.filter);
            let text = state.users.filter.text().to_owned();
            state.users.rows.set_filter(&text);
        }
        Screen::Audit => {
            edit(&mut state.audit.filter);
            let text = state.audit.filter.text().to_owned();
            state.audit.rows.set_filter(&text);
        }
        Screen::Ledger | Screen::System | Screen::ApiKeys => {}
        Screen::NewBatch => {
            if let Some(glob) = &mut state.new_batch.glob {
                edit(glob);
                let text = glob.text().to_owned();
                state.new_batch.files.set_glob(&text);
            }
        }
    }
}

fn edit_draft(state: &mut State, key: Key, effects: &mut Vec<Effect>) {
    let service = state.service.as_ref();
    let draft = &mut state.new_batch;
    if draft.upload.is_some() {
        return;
    }
    let focus = draft.focus;
    let Some(field) = draft.field() else { return };
    let before = field.text().to_owned();
    field.edit(key);
    if field.text() == before {
        return;
    }
    draft.changed();
    if focus == Focus::Audio {
        effects.extend(draft.audio_changed(service).map(Effect::Files));
    }
}

pub(super) fn paste(state: &mut State, text: &str, effects: &mut Vec<Effect>) {
    match state.mode() {
        Mode::Form => {
            if let Some(gate) = &mut state.gate {
                gate.paste(text);
            }
        }
        Mode::Filter => edit_filter(state, |field| field.insert(text.trim_end())),
        Mode::Dialog => {
            if let Some(Overlay::Dialog(dialog)) = &mut state.overlay {
                dialog.paste(text);
            }
        }
        Mode::Palette => {
            if let Some(Overlay::Palette(palette)) = &mut state.overlay {
                palette.field.insert(text.trim_end());
            }
        }
        Mode::Fields | Mode::Engine | Mode::FileList if state.new_batch.upload.is_none() => {
            paste_into_draft(state, text, effects);
        }
        _ => {}
    }
}

/// Text goes into the field; files dropped onto the terminal arrive as their paths and are marked, or become the audio.
fn paste_into_draft(state: &mut State, text: &str, effects: &mut Vec<Effect>) {
    let service = state.service.as_ref();
    let draft = &mut state.new_batch;
    let dropped = dropped_paths(text);
    if !dropped.is_empty() && matches!(draft.focus, Focus::Files | Focus::Audio) {
        for path in dropped {
            let name = path.file_name().map(|it| it.to_string_lossy().into_owned());
            if draft.focus == Focus::Audio || name.as_deref().is_some_and(looks_like_audio) {
                effects.extend(draft.take_audio(&path, service).map(Effect::Files));
            } else {
                draft.files.mark(path);
            }
        }
        draft.changed();
        effects.push(Effect::Files(draft.files.probe(image_rules(service))));
        return;
    }
    if let Some(field) = draft.field() {
        field.insert(text.trim_end());
        draft.changed();
        if draft.focus == Focus::Audio {
            effects.extend(draft.audio_changed(service).map(Effect::Files));
        }
    }
}

/// Absolute paths as terminals paste dropped files: one a line or separated by spaces, quoted, or with backslashes.
fn dropped_paths(text: &str) -> Vec<PathBuf> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '\\') => word.extend(characters.next()),
            (None, c) if c.is_whitespace() => words.push(std::mem::take(&mut word)),
            (_, c) => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    let paths: Vec<PathBuf> = words
        .iter()
        .map(|word| PathBuf::from(word.strip_prefix("file://").unwrap_or(word)))
        .collect();
    if paths.iter().all(|path| path.is_absolute()) {
        paths
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_files_are_recognised() {
        let paths = |text| {
            dropped_paths(text)
                .into_iter()
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(paths("/a/b.png"), ["/a/b.png"]);
        assert_eq!(
            paths("'/a/my pic.png' /a/c\\ d.jpg\n"),
            ["/a/my pic.png", "/a/c d.jpg"]
        );
        assert_eq!(paths("file:///a/王.png"), ["/a/王.png"]);
        assert!(paths("根据音频生成对应视频").is_empty());
        assert!(paths("a picture of /home").is_empty());
        assert!(paths("").is_empty());
    }
}

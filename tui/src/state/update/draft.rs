//! The draft of a new batch: its files, and sending it.

use vision_batch::v1;

use super::lists::open_batch;
use super::saving::offer;
use super::{net, step_of};
use crate::files::FilesMessage;
use crate::keymap::Action;
use crate::state::effect::{Effect, NetEffect};
use crate::state::message::TransferId;
use crate::state::new_batch::{Audio, Focus, Problem, image_rules};
use crate::state::notice::Notice;
use crate::state::refusal::Refusal;
use crate::state::transfers::Carries;
use crate::state::{Field, PictureOf, Screen, State, looks_like_audio};

pub(super) fn open_draft(state: &mut State, effects: &mut Vec<Effect>) {
    if state.directories.is_none() {
        let command = match &state.way_here {
            Some(way) => format!("tar c PICTURES... AUDIO | {way} submit --tar -"),
            None => "vbatch submit PICTURES... --audio FILE".to_owned(),
        };
        return offer(state, command, effects);
    }
    state.screen = Screen::NewBatch;
    effects.push(state.new_batch.open());
    net(effects, [NetEffect::LoadServiceInfo]);
}

pub(super) fn in_new_batch(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let service = state.service.as_ref();
    let rules = image_rules(service);
    let draft = &mut state.new_batch;
    if action == Action::Back {
        state.screen = Screen::Batches;
        return;
    }
    if draft.upload.is_some() {
        return;
    }
    if let Some(step) = step_of(action) {
        return draft.files.step(step);
    }
    match action {
        Action::NextField => draft.move_focus(true),
        Action::PreviousField => draft.move_focus(false),
        Action::NextChoice => draft.switch_engine(true, service),
        Action::PreviousChoice => draft.switch_engine(false, service),
        Action::Mark | Action::MarkAll => {
            if action == Action::Mark {
                draft.files.toggle_mark();
            } else {
                draft.files.toggle_all_marks();
            }
            draft.changed();
        }
        Action::Glob => draft.glob = Some(Field::new(draft.files.glob.clone())),
        Action::ParentDirectory => effects.extend(draft.files.go_up().map(Effect::Files)),
        Action::Open => {
            let Some(entry) = draft.files.current().cloned() else {
                return;
            };
            if entry.is_directory {
                effects.extend(draft.files.enter(&entry).map(Effect::Files));
            } else if looks_like_audio(&entry.name) {
                effects.extend(draft.take_audio(&entry.path, service).map(Effect::Files));
            } else {
                draft.files.toggle_mark();
                draft.changed();
                effects.push(Effect::Files(draft.files.probe(rules)));
            }
        }
        Action::Submit => submit(state, effects),
        _ => {}
    }
}

fn submit(state: &mut State, effects: &mut Vec<Effect>) {
    let transfer = state.transfers.next_id();
    let fresh = state.request_id();
    let service = state.service.as_ref();
    match state.new_batch.submit(transfer, service, || fresh) {
        Ok(effect) => {
            let label = draft_label(state);
            let now = state.now;
            let started = state
                .transfers
                .add(transfer, Carries::Upload, label, now, effect);
            net(effects, started);
        }
        Err(problem) => {
            // The cursor goes where it can be mended.
            match &problem {
                Problem::NoAudio | Problem::AudioUnusable => state.new_batch.focus = Focus::Audio,
                Problem::NoImages | Problem::TooManyImages { .. } => {
                    state.new_batch.focus = Focus::Files;
                }
                Problem::NameTooLong { .. } => state.new_batch.focus = Focus::Name,
                Problem::PromptTooLong { .. } => state.new_batch.focus = Focus::Prompt,
                _ => {}
            }
            state.new_batch.problem = Some(problem);
        }
    }
}

/// The name of the draft, else what the server will call it: the name of the audio.
fn draft_label(state: &State) -> String {
    let name = state.new_batch.name.text().trim();
    match (&state.new_batch.audio_state, name.is_empty()) {
        (Audio::Usable(path, _), true) => path
            .file_name()
            .map(|it| it.to_string_lossy().into_owned())
            .unwrap_or_default(),
        _ => name.to_owned(),
    }
}

pub(super) fn uploaded(
    state: &mut State,
    transfer: TransferId,
    result: Result<Box<v1::CreateBatchResponse>, Refusal>,
    effects: &mut Vec<Effect>,
) {
    let (ended, started) = state.transfers.end(transfer, state.now);
    net(effects, started);
    // Broken off, or of whoever was here before: the list shows it to whom it belongs.
    let Some(ended) = ended else { return };
    let ours = state.new_batch.upload == Some(transfer);
    match result {
        Ok(response) => {
            if ours {
                state.new_batch.submitted();
            }
            state.batches.balance = Some(response.credit_balance);
            let batch = response.batch.as_ref();
            let name = batch.map_or(ended.label, |it| it.name.clone());
            state.say(Notice::Submitted(name));
            if let Some(batch) = response.batch {
                state.batches.rows.update(vec![batch.clone()]);
                // Whoever went elsewhere in the meantime is not pulled away.
                if ours && state.screen == Screen::NewBatch {
                    open_batch(state, batch.id.clone(), Some(batch), effects);
                }
            }
        }
        Err(refusal) => {
            if ours {
                state.new_batch.upload = None;
                state.new_batch.problem = Some(Problem::Refused(refusal.clone()));
            }
            if !ours || state.screen != Screen::NewBatch {
                state.say(Notice::Refused(refusal));
            }
        }
    }
}

pub(super) fn look(state: &mut State, message: FilesMessage, effects: &mut Vec<Effect>) {
    match message {
        FilesMessage::Listed { directory, result } => {
            state.new_batch.files.listed(directory, result);
            let rules = image_rules(state.service.as_ref());
            effects.push(Effect::Files(state.new_batch.files.probe(rules)));
        }
        FilesMessage::Thumbnail {
            path,
            cells,
            thumbnail,
        } => state
            .pictures
            .take((PictureOf::File(path), cells), thumbnail),
        FilesMessage::ImageProbed { path, result } => state.new_batch.files.probed(path, result),
        FilesMessage::AudioProbed { path, result } => state.new_batch.audio_probed(path, result),
    }
}

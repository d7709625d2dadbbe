//! Saving videos and exports on the user's own disk.

use vision_batch::v1;

use super::net;
use crate::state::effect::{Effect, NetEffect, TerminalEffect};
use crate::state::notice::Notice;
use crate::state::transfers::Carries;
use crate::state::{State, filename, has_video};

/// Shows the command that does on the user's own machine what cannot be done here, and puts it into their clipboard.
pub(super) fn offer(state: &mut State, command: String, effects: &mut Vec<Effect>) {
    effects.push(Effect::Terminal(TerminalEffect::Copy(command.clone())));
    state.say(Notice::Command(command));
}

pub(super) fn export(state: &mut State, wanted: Vec<(String, String)>, effects: &mut Vec<Effect>) {
    if wanted.is_empty() {
        return state.say(Notice::NothingToSave);
    }
    let Some(directories) = &state.directories else {
        let batch_id = &wanted[0].0;
        let command = match &state.way_here {
            Some(way) => format!("{way} export {batch_id} > videos.zip"),
            None => format!("vbatch export {batch_id}"),
        };
        return offer(state, command, effects);
    };
    let directory = directories.downloads.clone();
    let count = wanted.len();
    for (batch_id, label) in wanted {
        let transfer = state.transfers.next_id();
        let effect = NetEffect::Export {
            transfer,
            request: v1::ExportBatchRequest {
                batch_id,
                item_ids: Vec::new(),
            },
            directory: directory.clone(),
        };
        let now = state.now;
        let started = state
            .transfers
            .add(transfer, Carries::Export, label, now, effect);
        net(effects, started);
    }
    state.say(Notice::Saving(count));
}

/// Plays the finished video under the cursor: at once when it was saved before, else when it is.
pub(super) fn play(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(item) = state.batch.as_ref().and_then(|batch| batch.rows.current()) else {
        return;
    };
    if !has_video(item) {
        return state.say(Notice::NothingToPlay);
    }
    let (item_id, label) = (item.id.clone(), filename(item).to_owned());
    let digest = item.result.as_ref().map(|it| it.sha256.clone());
    if let Some(path) = state.transfers.saved(&item_id, digest.as_deref()) {
        return effects.push(Effect::Terminal(TerminalEffect::Play(path.to_owned())));
    }
    let Some(directories) = &state.directories else {
        return state.say(Notice::NothingToPlay);
    };
    let effect = NetEffect::Download {
        transfer: state.transfers.next_id(),
        request: v1::DownloadFileRequest {
            batch_id: item.batch_id.clone(),
            item_id,
            kind: v1::FileKind::Video.into(),
            offset: 0,
        },
        directory: directories.downloads.clone(),
    };
    let NetEffect::Download { transfer, .. } = &effect else {
        return;
    };
    let transfer = *transfer;
    let now = state.now;
    let started = state
        .transfers
        .add(transfer, Carries::Video, label, now, effect);
    state.transfers.play_when_saved(transfer);
    net(effects, started);
    state.say(Notice::Saving(1));
}

pub(super) fn download(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(batch) = &state.batch else { return };
    let batch_id = batch.id.clone();
    let wanted: Vec<(String, String, i32)> = batch
        .rows
        .chosen()
        .into_iter()
        .filter(|item| has_video(item))
        .map(|item| (item.id.clone(), filename(item).to_owned(), item.position))
        .collect();
    if wanted.is_empty() {
        return state.say(Notice::NothingToSave);
    }
    let Some(directories) = &state.directories else {
        let position = wanted[0].2;
        let command = match &state.way_here {
            Some(way) => format!("{way} download {batch_id} {position} > {position}.mp4"),
            None => format!("vbatch download {batch_id} {position}"),
        };
        return offer(state, command, effects);
    };
    let directory = directories.downloads.clone();
    let count = wanted.len();
    for (item_id, label, _) in wanted {
        if let Some(batch) = &mut state.batch {
            batch.rows.unmark_only([&item_id]);
        }
        let transfer = state.transfers.next_id();
        let effect = NetEffect::Download {
            transfer,
            request: v1::DownloadFileRequest {
                batch_id: batch_id.clone(),
                item_id,
                kind: v1::FileKind::Video.into(),
                offset: 0,
            },
            directory: directory.clone(),
        };
        let now = state.now;
        let started = state
            .transfers
            .add(transfer, Carries::Video, label, now, effect);
        net(effects, started);
    }
    state.say(Notice::Saving(count));
}

//! Saving videos and exports on the user's own disk.

use vision_batch::v1;

use super::net;
use crate::state::message::{Effect, NetEffect};
use crate::state::notice::Notice;
use crate::state::transfers::Carries;
use crate::state::{State, filename, has_video};

pub(super) fn export(state: &mut State, wanted: Vec<(String, String)>, effects: &mut Vec<Effect>) {
    if wanted.is_empty() {
        return state.say(Notice::NothingToSave);
    }
    let Some(directories) = &state.directories else {
        let command = format!("vbatch export {}", wanted[0].0);
        return state.say(Notice::Command(command));
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
        let command = format!("vbatch download {batch_id} {}", wanted[0].2);
        return state.say(Notice::Command(command));
    };
    let directory = directories.downloads.clone();
    let count = wanted.len();
    for (item_id, label, _) in wanted {
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
    if let Some(batch) = &mut state.batch {
        batch.rows.unmark();
    }
    state.say(Notice::Saving(count));
}

//! Owns [`Transfers`]: uploads and downloads, which run in the background, a few at a time.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::effect::NetEffect;
use super::message::TransferId;

/// Downloads that run at a time; more wait, so that marking a hundred videos does not open a hundred streams.
const DOWNLOADS_AT_A_TIME: usize = 2;

/// What a transfer carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carries {
    Upload,
    Video,
    Export,
}

/// One transfer that runs or waits for its turn.
#[derive(Debug)]
pub(crate) struct Transfer {
    pub(crate) id: TransferId,
    pub(crate) carries: Carries,
    /// What the user knows it by.
    pub(crate) label: String,
    pub(crate) done_bytes: u64,
    pub(crate) total_bytes: Option<u64>,
    pub(crate) started: Timestamp,
    /// The item whose video it carries; empty when it carries something else.
    pub(crate) item_id: String,
    /// Bytes in a second, lately; none until it can be told.
    pub(crate) rate: Option<u64>,
    /// When the rate was told last, and how many bytes there were then.
    told: (Timestamp, u64),
    /// Whether it is to be played as soon as it is saved.
    play: bool,
}

impl Transfer {
    /// Seconds until it is done at the pace it has; none while that is unknown.
    pub(crate) fn seconds_left(&self) -> Option<i64> {
        let left = self.total_bytes?.saturating_sub(self.done_bytes);
        let rate = self.rate.filter(|rate| *rate > 0)?;
        i64::try_from(left.div_ceil(rate)).ok()
    }
}

/// A video that was saved in this session.
#[derive(Debug)]
struct SavedVideo {
    /// SHA-256 of the video: a retry makes another one.
    digest: Option<String>,
    path: PathBuf,
}

/// All transfers.
#[derive(Debug, Default)]
pub(crate) struct Transfers {
    last_id: u64,
    running: Vec<Transfer>,
    waiting: VecDeque<(Transfer, NetEffect)>,
    /// Saved videos by their items.
    saved: HashMap<String, SavedVideo>,
}

impl Transfers {
    pub(crate) fn next_id(&mut self) -> TransferId {
        self.last_id += 1;
        TransferId(self.last_id)
    }

    pub(crate) fn running(&self) -> &[Transfer] {
        &self.running
    }

    /// Those that run, and those that wait for their turn.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Transfer> {
        let waiting = self.waiting.iter().map(|(transfer, _)| transfer);
        self.running.iter().chain(waiting)
    }

    pub(crate) fn is_running(&self, id: TransferId) -> bool {
        self.get(id).is_some()
    }

    /// Where the video of an item was saved, if it is still that video.
    pub(crate) fn saved(&self, item_id: &str, digest: Option<&str>) -> Option<&Path> {
        let video = self.saved.get(item_id)?;
        (video.digest.as_deref() == digest).then_some(video.path.as_path())
    }

    /// Remembers where a video was saved; tells whether it is to be played now.
    pub(crate) fn keep_saved(
        &mut self,
        transfer: Transfer,
        digest: Option<String>,
        path: PathBuf,
    ) -> bool {
        if !transfer.item_id.is_empty() {
            self.saved
                .insert(transfer.item_id, SavedVideo { digest, path });
        }
        transfer.play
    }

    pub(crate) fn play_when_saved(&mut self, id: TransferId) {
        let waiting = self.waiting.iter_mut().map(|(transfer, _)| transfer);
        if let Some(transfer) = self
            .running
            .iter_mut()
            .chain(waiting)
            .find(|it| it.id == id)
        {
            transfer.play = true;
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.running.len() + self.waiting.len()
    }

    pub(crate) fn get(&self, id: TransferId) -> Option<&Transfer> {
        self.running.iter().find(|transfer| transfer.id == id)
    }

    /// Takes a transfer in, and answers with what can be started now.
    pub(crate) fn add(
        &mut self,
        id: TransferId,
        carries: Carries,
        label: String,
        now: Timestamp,
        effect: NetEffect,
    ) -> Vec<NetEffect> {
        let item_id = match &effect {
            NetEffect::Download { request, .. } => request.item_id.clone(),
            _ => String::new(),
        };
        let transfer = Transfer {
            id,
            item_id,
            rate: None,
            told: (now, 0),
            play: false,
            carries,
            label,
            done_bytes: 0,
            total_bytes: None,
            started: now,
        };
        self.waiting.push_back((transfer, effect));
        self.start_waiting(now)
    }

    pub(crate) fn progress(
        &mut self,
        id: TransferId,
        done_bytes: u64,
        total_bytes: Option<u64>,
        now: Timestamp,
    ) {
        if let Some(transfer) = self.running.iter_mut().find(|it| it.id == id) {
            let (since, before) = transfer.told;
            let passed = now.duration_since(since).as_millis();
            if let Ok(passed) = u64::try_from(passed)
                && passed >= 1000
            {
                let lately = done_bytes.saturating_sub(before).saturating_mul(1000) / passed;
                // Half of it is the pace before, so that it does not jump.
                transfer.rate = Some(transfer.rate.map_or(lately, |rate| (rate + lately) / 2));
                transfer.told = (now, done_bytes);
            }
            transfer.done_bytes = done_bytes;
            transfer.total_bytes = total_bytes;
        }
    }

    /// A transfer has ended; answers with it, and with what can be started now.
    pub(crate) fn end(
        &mut self,
        id: TransferId,
        now: Timestamp,
    ) -> (Option<Transfer>, Vec<NetEffect>) {
        let ended = self
            .running
            .iter()
            .position(|it| it.id == id)
            .map(|index| self.running.remove(index));
        (ended, self.start_waiting(now))
    }

    /// The transfer that would be broken off first: a waiting one, else the one that began last.
    pub(crate) fn newest(&self) -> Option<TransferId> {
        let waiting = self.waiting.back().map(|(transfer, _)| transfer.id);
        waiting.or_else(|| self.running.last().map(|transfer| transfer.id))
    }

    /// Breaks a transfer off; answers with it, and with what is to be started or stopped now.
    pub(crate) fn abort(
        &mut self,
        id: TransferId,
        now: Timestamp,
    ) -> (Option<Transfer>, Vec<NetEffect>) {
        if let Some(index) = self.waiting.iter().position(|(it, _)| it.id == id) {
            return (self.waiting.remove(index).map(|(it, _)| it), Vec::new());
        }
        let (ended, started) = self.end(id, now);
        let mut effects = Vec::new();
        if ended.is_some() {
            effects.push(NetEffect::Abort(id));
        }
        effects.extend(started);
        (ended, effects)
    }

    /// Forgets all of them, and where videos were saved; answers with what is to be stopped. Numbers are not given again.
    pub(crate) fn drop_all(&mut self) -> Vec<NetEffect> {
        let running = std::mem::take(&mut self.running);
        self.waiting.clear();
        self.saved.clear();
        running
            .iter()
            .map(|transfer| NetEffect::Abort(transfer.id))
            .collect()
    }

    /// Uploads start at once; downloads as there is room.
    fn start_waiting(&mut self, now: Timestamp) -> Vec<NetEffect> {
        let mut effects = Vec::new();
        let mut index = 0;
        while let Some((transfer, _)) = self.waiting.get(index) {
            let downloads = self
                .running
                .iter()
                .filter(|it| it.carries != Carries::Upload)
                .count();
            if transfer.carries != Carries::Upload && downloads >= DOWNLOADS_AT_A_TIME {
                index += 1;
                continue;
            }
            if let Some((mut transfer, effect)) = self.waiting.remove(index) {
                transfer.started = now;
                transfer.told = (now, 0);
                self.running.push(transfer);
                effects.push(effect);
            }
        }
        effects
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn downloads_take_turns_and_uploads_do_not_wait() {
        let mut transfers = Transfers::default();
        let now = Timestamp::UNIX_EPOCH;
        let mut started = 0;
        for carries in [
            Carries::Video,
            Carries::Video,
            Carries::Video,
            Carries::Upload,
        ] {
            let id = transfers.next_id();
            started += transfers
                .add(id, carries, String::new(), now, NetEffect::Resume)
                .len();
        }
        assert_eq!((started, transfers.count()), (3, 4));
        let (ended, next) = transfers.end(TransferId(1), now);
        assert!(ended.is_some());
        assert_eq!(next.len(), 1);
        assert_eq!(transfers.newest(), Some(TransferId(3)));
        let (_, stopped) = transfers.abort(TransferId(3), now);
        assert_eq!(stopped, [NetEffect::Abort(TransferId(3))]);
    }
}

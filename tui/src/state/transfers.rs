//! Owns [`Transfers`]: uploads and downloads, which run in the background, a few at a time.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::message::{NetEffect, TransferId};

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
}

/// All transfers.
#[derive(Debug, Default)]
pub(crate) struct Transfers {
    last_id: u64,
    running: Vec<Transfer>,
    waiting: VecDeque<(Transfer, NetEffect)>,
}

impl Transfers {
    pub(crate) fn next_id(&mut self) -> TransferId {
        self.last_id += 1;
        TransferId(self.last_id)
    }

    pub(crate) fn running(&self) -> &[Transfer] {
        &self.running
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
        let transfer = Transfer {
            id,
            carries,
            label,
            done_bytes: 0,
            total_bytes: None,
            started: now,
        };
        self.waiting.push_back((transfer, effect));
        self.start_waiting(now)
    }

    pub(crate) fn progress(&mut self, id: TransferId, done_bytes: u64, total_bytes: Option<u64>) {
        if let Some(transfer) = self.running.iter_mut().find(|it| it.id == id) {
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

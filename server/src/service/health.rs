//! Whether the server should be sent work, as load balancers and containers ask it.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::admin::warnings::NO_ROOM_BYTES;
use crate::disk::DiskSpace;
use crate::domain::failure::WaitReason;
use crate::feed::engine_status::EngineStatuses;

/// How often the disk is looked at: a few seconds matter to nobody, and the look costs one system call.
pub const EVERY: Duration = Duration::from_secs(5);

/// Whether it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standing {
    /// Yes.
    #[default]
    Serving,
    /// No: it ends.
    Draining,
    /// No: there is less room on the disk than [`NO_ROOM_BYTES`], or a file or a commit found none.
    DiskFull,
}

impl Standing {
    /// The same in a word or two.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Draining => "not serving: the server is shutting down",
            Self::DiskFull => "not serving: the disk is full",
        }
    }
}

/// Keeps `standing` true until `shutdown`, and leaves it draining. `disk` says how much room there is.
pub async fn follow(
    standing: watch::Sender<Standing>,
    mut engines: watch::Receiver<std::sync::Arc<EngineStatuses>>,
    disk: impl Fn() -> Option<DiskSpace> + Send + 'static,
    shutdown: CancellationToken,
) {
    loop {
        let is_full = disk().is_some_and(|disk| disk.free_bytes < NO_ROOM_BYTES)
            || found_no_room(&engines.borrow_and_update());
        let now = if shutdown.is_cancelled() {
            Standing::Draining
        } else if is_full {
            Standing::DiskFull
        } else {
            Standing::Serving
        };
        let changed = standing.send_if_modified(|before| std::mem::replace(before, now) != now);
        match now {
            Standing::Draining => return,
            Standing::DiskFull if changed => {
                tracing::error!("not serving: the disk is full. Make room");
            }
            Standing::Serving if changed => tracing::info!("serving again"),
            _ => {}
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            Ok(()) = engines.changed() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// The dispatcher could not write.
fn found_no_room(engines: &EngineStatuses) -> bool {
    let mut waits = engines.engines.values().filter_map(|status| status.wait);
    waits.any(|wait| wait.reason == WaitReason::StorageFull)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::domain::batch::EngineKind;
    use crate::domain::failure::Wait;
    use crate::feed::engine_status::{EngineStatus, TokenState};

    struct Bench {
        free: Arc<AtomicU64>,
        engines: watch::Sender<Arc<EngineStatuses>>,
        standing: watch::Receiver<Standing>,
        shutdown: CancellationToken,
    }

    fn bench() -> Bench {
        let free = Arc::new(AtomicU64::new(NO_ROOM_BYTES));
        let engines = watch::Sender::new(Arc::default());
        let (sender, standing) = watch::channel(Standing::default());
        let shutdown = CancellationToken::new();
        let room = Arc::clone(&free);
        let disk = move || {
            Some(DiskSpace {
                free_bytes: room.load(Ordering::SeqCst),
                total_bytes: 1 << 40,
            })
        };
        tokio::spawn(follow(sender, engines.subscribe(), disk, shutdown.clone()));
        Bench {
            free,
            engines,
            standing,
            shutdown,
        }
    }

    impl Bench {
        async fn becomes(&mut self, wanted: Standing) {
            let waited = self.standing.wait_for(|standing| *standing == wanted);
            let waited = tokio::time::timeout(Duration::from_secs(60), waited).await;
            waited.unwrap_or_else(|_| panic!("not {wanted:?}")).unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_disk_is_not_served_from_until_there_is_room_again() {
        let mut bench = bench();
        bench.becomes(Standing::Serving).await;
        bench.free.store(NO_ROOM_BYTES - 1, Ordering::SeqCst);
        bench.becomes(Standing::DiskFull).await;
        bench.free.store(NO_ROOM_BYTES, Ordering::SeqCst);
        bench.becomes(Standing::Serving).await;

        let mut status = EngineStatus::new(1, TokenState::NotNeeded);
        status.wait = Some(Wait {
            reason: WaitReason::StorageFull,
            until: None,
        });
        let full = EngineStatuses {
            engines: [(EngineKind::Preview, status)].into(),
            settings: None,
        };
        bench.engines.send_replace(Arc::new(full));
        bench.becomes(Standing::DiskFull).await;
        bench.engines.send_replace(Arc::default());
        bench.becomes(Standing::Serving).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_ends_is_draining_full_or_not() {
        let mut bench = bench();
        bench.free.store(0, Ordering::SeqCst);
        bench.becomes(Standing::DiskFull).await;
        bench.shutdown.cancel();
        bench.becomes(Standing::Draining).await;
    }
}

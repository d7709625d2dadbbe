//! Owns what is known of a panic, whichever task or thread it was in: that there was one, and that the screen is to end.
//!
//! A process has one terminal of its own, and so one such fact. Not here: giving the terminal back (the module above).

use std::sync::atomic::{AtomicBool, Ordering};

use futures::Stream;
use tokio::sync::Notify;

use crate::state::Message;

static BROKEN: AtomicBool = AtomicBool::new(false);
static TOLD: Notify = Notify::const_new();

/// Whether something has panicked since the terminal was taken. It is as it was found from then on, and stays so.
#[must_use]
pub fn is_broken() -> bool {
    BROKEN.load(Ordering::SeqCst)
}

/// Something panics; tells whether it is the first.
pub(super) fn tell() -> bool {
    let first = !BROKEN.swap(true, Ordering::SeqCst);
    TOLD.notify_one();
    first
}

/// Ends the screen after a panic.
pub(super) fn ends() -> impl Stream<Item = Message> {
    futures::stream::once(async {
        TOLD.notified().await;
        Message::Terminated
    })
}

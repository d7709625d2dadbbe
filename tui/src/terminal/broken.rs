//! Owns what is known of a panic, whichever task or thread it was in: that there was one, and that the screen is to end.
//!
//! A process has one terminal of its own, and so one such fact. Not here: giving the terminal back (the module above).

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::Stream;
use tokio::sync::Notify;

use crate::state::Message;

static BROKEN: AtomicBool = AtomicBool::new(false);
static GIVEN_BACK: Once = Once::new();
static TOLD: Notify = Notify::const_new();

/// Whether something has panicked since the terminal was taken. It is as it was found from then on, and stays so.
#[must_use]
pub fn is_broken() -> bool {
    BROKEN.load(Ordering::SeqCst)
}

/// Something panics: from now on nothing is drawn; once the terminal is given back the screen ends. Whoever comes while
/// another gives it back waits for that.
pub(super) fn after_giving_back(give_back: impl FnOnce()) {
    BROKEN.store(true, Ordering::SeqCst);
    GIVEN_BACK.call_once(give_back);
    TOLD.notify_one();
}

/// Ends the screen after a panic.
pub(super) fn ends() -> impl Stream<Item = Message> {
    futures::stream::once(async {
        TOLD.notified().await;
        Message::Terminated
    })
}

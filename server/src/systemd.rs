//! What the service manager is told: that the server has started, that it is alive, that it ends.
//!
//! systemd's notify protocol, by the variables `NOTIFY_SOCKET` and `WATCHDOG_USEC` that it sets. Without them, or when
//! nobody listens, every word is dropped: a server that works does not end because its manager is deaf.

use std::time::Duration;

/// What counts as being alive.
#[async_trait::async_trait]
pub trait Life: Sync {
    /// Answers once the parts that have to move have moved; an answer that does not come is no life either.
    async fn is_alive(&self) -> bool;
}

/// It serves.
pub fn ready() {
    tell("READY=1");
}

/// It ends, by itself or because it was asked to.
pub fn stopping() {
    tell("STOPPING=1");
}

/// Gives a sign of life twice in the time that the manager waits for one, for as long as `life` is alive. Does nothing
/// when the manager does not wait; never returns.
pub async fn keep_alive(life: &impl Life) {
    let Some(patience) = patience() else {
        return std::future::pending().await;
    };
    // Half, as sd_watchdog_enabled(3) advises.
    let every = (patience / 2).max(Duration::from_millis(1));
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if life.is_alive().await {
            tell("WATCHDOG=1");
        } else {
            tracing::error!(
                "no sign of life for the service manager: the dispatcher or the store does not answer"
            );
        }
    }
}

#[cfg(unix)]
fn tell(state: &str) {
    if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Custom(state)]) {
        tracing::debug!(%error, "the service manager was not reached");
    }
}

/// How long the manager waits for a sign of life.
#[cfg(unix)]
fn patience() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

#[cfg(not(unix))]
fn tell(_: &str) {}

#[cfg(not(unix))]
fn patience() -> Option<Duration> {
    None
}

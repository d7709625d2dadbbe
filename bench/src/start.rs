//! The start of a server with a million batches, against one with none.

use std::path::Path;
use std::time::{Duration, Instant};

use vbatch_server::domain::ids::UserId;

use crate::child::Child;
use crate::figure::{Figure, Target};

/// The check of everything that is stored begins with the start; it has ended when the server takes no time any more.
const SILENCE: Duration = Duration::from_millis(500);

/// Time until it listened, time until it had checked everything, and the most memory that took.
#[expect(
    clippy::disallowed_methods,
    reason = "processor time is looked at now and then; nothing tells when a process has gone silent"
)]
fn started(folder: &Path, admin: UserId) -> (Duration, Duration, u64) {
    let begun = Instant::now();
    let child = Child::server(folder, &[admin]);
    let listens = begun.elapsed();
    let mut before = child.time();
    let checked = loop {
        std::thread::sleep(SILENCE);
        let now = child.time();
        if now - before < SILENCE / 20 {
            break begun.elapsed() - SILENCE;
        }
        before = now;
    };
    (listens, checked, child.peak())
    // Dropped: SIGKILL.
}

/// See the module's page. `folder` was closed cleanly.
///
/// # Panics
/// When a server does not start.
pub fn figures(folder: &Path, empty: &Path, admin: UserId, nobody: UserId) -> Vec<Figure> {
    let none = started(empty, nobody);
    let clean = started(folder, admin);
    let killed = started(folder, admin);
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    [("a clean end", clean), ("SIGKILL", killed)]
        .into_iter()
        .map(|(end, (listens, checked, peak))| {
            Figure::count(
                &format!("start with 1,000,000 batches after {end}: memory above an empty start"),
                mib(peak) - mib(none.2),
                "MiB",
                Target::AtMost(32.0),
            )
            .with(format!(
                "listens after {:.2} s (empty: {:.2} s), all checked after {:.1} s; {:.0} MiB",
                listens.as_secs_f64(),
                none.0.as_secs_f64(),
                checked.as_secs_f64(),
                mib(peak)
            ))
        })
        .collect()
}

//! Owns [`Progress`]: a bar on a terminal, an occasional line elsewhere, nothing when quiet.

use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Context;
use super::io::Output;
use super::words::size;

/// Least time between two lines where no bar can be drawn.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// How often a bar is drawn at most, a second.
const DRAWS_A_SECOND: u8 = 10;

/// How far something is. Dropped, it takes its bar away.
pub(super) enum Progress {
    Bar(ProgressBar),
    Lines {
        output: Output,
        last: Mutex<(Instant, String)>,
    },
    Silent,
}

impl Progress {
    /// Of bytes that are sent or received.
    pub(super) fn of_bytes(context: &Context<'_>) -> Self {
        Self::new(
            context,
            "{msg}  [{bar:24}] {bytes}/{total_bytes}  {bytes_per_sec}  {eta}",
        )
    }

    /// Of a share of something, in thousandths.
    pub(super) fn of_share(context: &Context<'_>) -> Self {
        Self::new(context, "[{bar:24}] {percent}%  {msg}")
    }

    fn new(context: &Context<'_>, template: &str) -> Self {
        if context.quiet {
            return Self::Silent;
        }
        if !context.io.stderr_is_terminal {
            return Self::Lines {
                output: context.io.stderr.clone(),
                last: Mutex::new((Instant::now(), String::new())),
            };
        }
        let bar = ProgressBar::with_draw_target(
            Some(0),
            ProgressDrawTarget::stderr_with_hz(DRAWS_A_SECOND),
        );
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("#>.");
        bar.set_style(style);
        Self::Bar(bar)
    }

    /// So many bytes of so many, of the thing that is named.
    pub(super) fn bytes(&self, what: &str, done: u64, total: u64) {
        match self {
            Self::Bar(bar) => {
                bar.set_message(what.to_owned());
                bar.set_length(total);
                bar.set_position(done);
            }
            Self::Lines { .. } => {
                let bytes = |count: u64| size(i64::try_from(count).unwrap_or(i64::MAX));
                self.line(format!("{what}: {} of {}", bytes(done), bytes(total)));
            }
            Self::Silent => {}
        }
    }

    /// So many thousandths, and what to say about it.
    pub(super) fn share(&self, thousandths: u64, what: &str) {
        match self {
            Self::Bar(bar) => {
                bar.set_length(1_000);
                bar.set_position(thousandths);
                bar.set_message(what.to_owned());
            }
            Self::Lines { .. } => self.line(format!("{}%  {what}", thousandths / 10)),
            Self::Silent => {}
        }
    }

    /// Says something beside the bar.
    pub(super) fn say(&self, words: &str) {
        match self {
            Self::Bar(bar) => bar.println(words),
            Self::Lines { output, .. } => {
                // Words that cannot be said are no reason to stop.
                let _ = writeln!(output.clone(), "{words}");
            }
            Self::Silent => {}
        }
    }

    fn line(&self, text: String) {
        let Self::Lines { output, last } = self else {
            return;
        };
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0.elapsed() < LINE_INTERVAL || last.1 == text {
            return;
        }
        // Words that cannot be said are no reason to stop.
        let _ = writeln!(output.clone(), "{text}");
        *last = (Instant::now(), text);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

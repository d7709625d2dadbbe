//! Everything that reads bytes from outside, each as one function of any bytes at all: what the fuzzers call, and what
//! `cargo test` calls again with every input that was ever of interest (`tests/corpus`).
//!
//! Invariant: none of them panics, whatever it is given; what they assert holds for every input.

mod page_tokens;
mod pieces;
mod probe;
mod screen;
mod tokens;
mod upload;
mod upstream;

pub use page_tokens::page_tokens;
pub use probe::probe;
pub use screen::screen;
pub use tokens::tokens;
pub use upload::upload;
pub use upstream::upstream;

/// A reader of bytes from outside.
pub type Target = fn(&[u8]);

/// Every reader by its name: of its fuzz target, and of its folder in `tests/corpus`.
pub const TARGETS: [(&str, Target); 6] = [
    ("page_tokens", page_tokens),
    ("probe", probe),
    ("screen", screen),
    ("tokens", tokens),
    ("upload", upload),
    ("upstream", upstream),
];

/// Runs to the end in virtual time.
fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(future)
}

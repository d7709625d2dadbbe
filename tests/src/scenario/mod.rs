//! Scenarios: what the upstream does, what people do, and what must come out, as plain data; one runner for all.
//!
//! | room | owns |
//! |---|---|
//! | `file` | the form of a file; `tests/scenarios/README.md` explains it to those who write one |
//! | `player` | the steps of the story, in virtual time |
//! | `outcome` | what came out, held against what the file expects |
//! | `screen` | what the operator reads meanwhile: the real screen, drawn from the server's own messages |
//!
//! The engine, the dispatcher, the store, the services, the gRPC face and the screen are those of production; between
//! the engine and the upstream lies its own seam, the transport, instead of sockets. `tests/lightx2v` holds the
//! sockets to the same meanings.
//!
//! Invariant: a file says everything that it allows; a call, a task, an attempt or a ledger entry that it does not
//! name is a difference.

mod file;
mod outcome;
mod player;
mod screen;

use std::fmt;
use std::path::{Path, PathBuf};

use file::Scenario;

/// In what a scenario came out otherwise than its file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// One difference each, never empty.
    pub differences: Vec<String>,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in &self.differences {
            writeln!(f, "- {difference}")?;
        }
        Ok(())
    }
}

/// The folder of the scenarios.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// The names of all scenarios, in order.
///
/// # Panics
/// When the folder cannot be read.
pub fn names() -> Vec<String> {
    let files = std::fs::read_dir(folder()).expect("the folder of the scenarios");
    let paths = files.map(|entry| entry.expect("a readable folder").path());
    let mut names: Vec<String> = paths
        .filter(|path| path.extension().is_some_and(|it| it == "toml"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

/// Plays the scenario of that name.
///
/// # Panics
/// When there is no such file.
pub async fn play_file(name: &str) -> Result<(), Complaint> {
    let path = folder().join(format!("{name}.toml"));
    let text = std::fs::read_to_string(&path).expect("a scenario of that name");
    play(&text).await
}

/// Plays a scenario; pause tokio's clock before.
///
/// # Errors
/// What differs from the file, or why the file does not read.
pub async fn play(text: &str) -> Result<(), Complaint> {
    let complain = |differences| Err(Complaint { differences });
    let scenario = match Scenario::read(text) {
        Ok(scenario) => scenario,
        Err(problem) => return complain(vec![problem]),
    };
    let differences = player::play(&scenario).await;
    if differences.is_empty() {
        Ok(())
    } else {
        complain(differences)
    }
}

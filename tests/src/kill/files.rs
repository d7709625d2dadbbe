//! What lies in the data directory: whole blobs at any moment, and nothing that a dead run has left once a server has
//! started again.

use std::fs;
use std::io;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::report::Report;

/// That no temporary is left.
///
/// # Errors
/// In words, what is left.
pub fn are_tidy(data: &Path) -> Result<(), String> {
    let left = fs::read_dir(data.join("tmp")).map_err(|error| error.to_string())?;
    match left.into_iter().next() {
        Some(left) => Err(format!("a temporary is left: {left:?}")),
        None => Ok(()),
    }
}

/// That every blob is whole, also right after a kill.
///
/// # Errors
/// In words, the first that should not be there or is not whole.
pub fn are_whole(data: &Path, report: &Report) -> Result<(), String> {
    let words = |error: io::Error| error.to_string();
    for kind in ["images", "audios", "videos"] {
        for folder in fs::read_dir(data.join(kind)).map_err(words)? {
            for blob in fs::read_dir(folder.map_err(words)?.path()).map_err(words)? {
                let path = blob.map_err(words)?.path();
                let content = fs::read(&path).map_err(words)?;
                let name = path.file_name().and_then(|name| name.to_str());
                let digest: String = Sha256::digest(&content)
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                if name.is_none_or(|name| !name.contains(&digest)) {
                    return Err(format!(
                        "{} has {} bytes of {digest}",
                        path.display(),
                        content.len()
                    ));
                }
                report.count("whole files");
            }
        }
    }
    Ok(())
}

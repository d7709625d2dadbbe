//! What lies in the data directory when all has ended: whole blobs, and nothing that a dead run has left.

use std::fs;
use std::io;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::report::Report;

/// Looks at every file of the media.
///
/// # Errors
/// In words, the first that should not be there or is not whole.
pub fn check(data: &Path, report: &Report) -> Result<(), String> {
    let words = |error: io::Error| error.to_string();
    if let Some(left) = fs::read_dir(data.join("tmp")).map_err(words)?.next() {
        return Err(format!("a temporary is left: {left:?}"));
    }
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

//! The sample batch: six drawn portraits and ten seconds of speech, all of our own making.

use std::io;
use std::path::{Path, PathBuf};

/// The spoken words, one sentence in English and one in Mandarin.
const SPEECH: (&str, &[u8]) = ("speech.mp3", include_bytes!("../../samples/speech.mp3"));

const PORTRAITS: [(&str, &[u8]); 6] = [
    (
        "portrait_01_lin.png",
        include_bytes!("../../samples/portrait_01_lin.png"),
    ),
    (
        "portrait_02_amara.png",
        include_bytes!("../../samples/portrait_02_amara.png"),
    ),
    (
        "portrait_03_diego.png",
        include_bytes!("../../samples/portrait_03_diego.png"),
    ),
    (
        "portrait_04_olaf.png",
        include_bytes!("../../samples/portrait_04_olaf.png"),
    ),
    (
        "portrait_05_noor.webp",
        include_bytes!("../../samples/portrait_05_noor.webp"),
    ),
    (
        "王芳-正面照.jpg",
        include_bytes!("../../samples/王芳-正面照.jpg"),
    ),
];

/// Writes the recording into `folder` and says where it is.
pub(super) fn write_speech(folder: &Path) -> io::Result<PathBuf> {
    write(folder, SPEECH)
}

/// Writes the portraits into `folder` and says where they are.
pub(super) fn write_portraits(folder: &Path) -> io::Result<Vec<PathBuf>> {
    PORTRAITS
        .into_iter()
        .map(|file| write(folder, file))
        .collect()
}

fn write(folder: &Path, (name, content): (&str, &[u8])) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(name);
    std::fs::write(&path, content)?;
    Ok(path)
}

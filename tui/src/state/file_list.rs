//! Owns [`FileList`]: the directory shown in a new batch, what its files are, and which are marked.
//!
//! Marks and facts outlive a change of directory: a batch may take its pictures from several.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::effect::FilesEffect;
use super::natural::by_name;
use super::position::{Position, Step};
use crate::files::{Entry, ImageFacts, ImageRules, Unusable};

/// Endings of files that may be the audio; only a hint, the content decides.
const AUDIO_ENDINGS: [&str; 9] = [
    "mp3", "wav", "m4a", "aac", "flac", "ogg", "oga", "opus", "mp4",
];

/// The entry that leads to the directory above.
const ABOVE: &str = "..";

/// A directory, its files and the marks.
#[derive(Debug, Default)]
pub(crate) struct FileList {
    pub(crate) directory: PathBuf,
    entries: Vec<Entry>,
    visible: Vec<usize>,
    pub(crate) position: Position,
    height: usize,
    pub(crate) loading: bool,
    pub(crate) error: Option<String>,
    pub(crate) glob: String,
    facts: HashMap<PathBuf, Result<ImageFacts, Unusable>>,
    /// In the order of marking, which becomes the order of the items.
    marked: Vec<PathBuf>,
    marked_set: HashSet<PathBuf>,
    /// Where the cursor goes when the listing comes: the directory one came from.
    return_to: Option<PathBuf>,
}

/// How the marked files stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marked {
    /// Marked files that can be used.
    pub(crate) usable: usize,
    /// Their size in bytes.
    pub(crate) bytes: u64,
    /// Marked files still being looked at.
    pub(crate) checking: usize,
    /// Marked files that cannot be used.
    pub(crate) refused: usize,
}

/// Whether a name looks like audio.
pub(crate) fn looks_like_audio(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| {
        AUDIO_ENDINGS
            .iter()
            .any(|it| ending.eq_ignore_ascii_case(it))
    })
}

impl FileList {
    /// Goes to a directory; its content follows.
    pub(crate) fn go(&mut self, directory: PathBuf) -> FilesEffect {
        self.loading = true;
        self.error = None;
        FilesEffect::List { directory }
    }

    /// Goes into a directory of the list.
    pub(crate) fn enter(&mut self, entry: &Entry) -> Option<FilesEffect> {
        if entry.name == ABOVE {
            return self.go_up();
        }
        Some(self.go(entry.path.clone()))
    }

    /// Goes to the directory above.
    pub(crate) fn go_up(&mut self) -> Option<FilesEffect> {
        let above = self.directory.parent()?.to_owned();
        self.return_to = Some(self.directory.clone());
        Some(self.go(above))
    }

    /// The content of a directory came.
    pub(crate) fn listed(&mut self, directory: PathBuf, result: Result<Vec<Entry>, String>) {
        self.loading = false;
        match result {
            Ok(mut entries) => {
                entries.retain(|entry| !entry.name.starts_with('.'));
                entries.sort_by(|a, b| {
                    b.is_directory
                        .cmp(&a.is_directory)
                        .then_with(|| by_name(&a.name, &b.name))
                });
                if let Some(above) = directory.parent() {
                    let above = Entry {
                        name: ABOVE.to_owned(),
                        path: above.to_owned(),
                        is_directory: true,
                        size_bytes: 0,
                    };
                    entries.insert(0, above);
                }
                // Whoever looks again may have changed a file in between: it is probed anew.
                for entry in &entries {
                    self.facts.remove(&entry.path);
                }
                let same = directory == self.directory;
                self.directory = directory;
                self.entries = entries;
                if !same {
                    self.glob.clear();
                    self.position = Position::default();
                }
                self.arrange();
                let came_from = self.return_to.take();
                let index = self
                    .shown()
                    .position(|entry| Some(&entry.path) == came_from.as_ref());
                if let Some(index) = index {
                    self.position.cursor = index;
                    self.position.keep_within(self.visible.len(), self.height);
                }
            }
            Err(error) => self.error = Some(error),
        }
    }

    pub(crate) fn probed(&mut self, path: PathBuf, result: Result<ImageFacts, Unusable>) {
        self.facts.insert(path, result);
    }

    /// What is still to be looked at: marked files first, then what the directory shows.
    pub(crate) fn probe(&self, rules: ImageRules) -> FilesEffect {
        let listed = self
            .entries
            .iter()
            .filter(|entry| !entry.is_directory && !looks_like_audio(&entry.name))
            .map(|entry| &entry.path)
            .filter(|path| !self.marked_set.contains(*path));
        let paths = self
            .marked
            .iter()
            .chain(listed)
            .filter(|path| !self.facts.contains_key(*path))
            .cloned()
            .collect();
        FilesEffect::ProbeImages { paths, rules }
    }

    /// The limits have changed: everything is looked at again.
    pub(crate) fn forget_facts(&mut self) {
        self.facts.clear();
    }

    pub(crate) fn facts(&self, path: &Path) -> Option<&Result<ImageFacts, Unusable>> {
        self.facts.get(path)
    }

    pub(crate) fn is_marked(&self, path: &Path) -> bool {
        self.marked_set.contains(path)
    }

    /// Whether nothing is listed but the way out.
    pub(crate) fn is_empty(&self) -> bool {
        self.shown().all(|entry| entry.name == ABOVE)
    }

    /// Entries the pattern lets through.
    pub(crate) fn len(&self) -> usize {
        self.visible.len()
    }

    pub(crate) fn shown(&self) -> impl Iterator<Item = &Entry> {
        self.visible.iter().map(|index| &self.entries[*index])
    }

    pub(crate) fn current(&self) -> Option<&Entry> {
        let index = self.visible.get(self.position.cursor)?;
        self.entries.get(*index)
    }

    pub(crate) fn step(&mut self, step: Step) {
        self.position.step(step, self.visible.len(), self.height);
    }

    /// Puts the cursor on the entry that is so many lines below the top of the list; nothing when there is none.
    pub(crate) fn point_at(&mut self, line: usize) {
        let index = self.position.top + line;
        if line < self.height && index < self.visible.len() {
            self.position.cursor = index;
        }
    }

    pub(crate) fn set_height(&mut self, height: usize) {
        self.height = height;
        self.position.keep_within(self.visible.len(), height);
    }

    pub(crate) fn set_glob(&mut self, glob: &str) {
        glob.clone_into(&mut self.glob);
        self.arrange();
    }

    fn arrange(&mut self) {
        let pattern = self.glob.trim();
        self.visible = self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.is_directory || glob_matches(pattern, &entry.name))
            .map(|(index, _)| index)
            .collect();
        self.position.keep_within(self.visible.len(), self.height);
    }

    /// Marks or unmarks the file under the cursor and goes on to the next.
    pub(crate) fn toggle_mark(&mut self) {
        let Some(entry) = self.current().filter(|it| !it.is_directory) else {
            return;
        };
        let path = entry.path.clone();
        if self.is_marked(&path) {
            self.unmark(&path);
        } else if !looks_like_audio(&entry.name) && !matches!(self.facts(&path), Some(Err(_))) {
            self.mark(path);
        }
        self.step(Step::Down);
    }

    /// Marks every listed file that may be a picture, or unmarks them when all are marked.
    pub(crate) fn toggle_all_marks(&mut self) {
        let candidates: Vec<PathBuf> = self
            .shown()
            .filter(|entry| !entry.is_directory && !looks_like_audio(&entry.name))
            .filter(|entry| !matches!(self.facts(&entry.path), Some(Err(_))))
            .map(|entry| entry.path.clone())
            .collect();
        if candidates.iter().all(|path| self.is_marked(path)) {
            for path in &candidates {
                self.unmark(path);
            }
        } else {
            for path in candidates {
                self.mark(path);
            }
        }
    }

    pub(crate) fn mark(&mut self, path: PathBuf) {
        if self.marked_set.insert(path.clone()) {
            self.marked.push(path);
        }
    }

    fn unmark(&mut self, path: &Path) {
        self.marked_set.remove(path);
        self.marked.retain(|it| it != path);
    }

    pub(crate) fn clear_marks(&mut self) {
        self.marked.clear();
        self.marked_set.clear();
    }

    pub(crate) fn marked(&self) -> Marked {
        let mut sum = Marked::default();
        for path in &self.marked {
            match self.facts(path) {
                Some(Ok(facts)) => {
                    sum.usable += 1;
                    sum.bytes += facts.size_bytes;
                }
                Some(Err(_)) => sum.refused += 1,
                None => sum.checking += 1,
            }
        }
        sum
    }

    /// The marked files that can be used, in order.
    pub(crate) fn usable(&self) -> Vec<PathBuf> {
        self.marked
            .iter()
            .filter(|path| matches!(self.facts(path), Some(Ok(_))))
            .cloned()
            .collect()
    }
}

/// Whether a name fits a pattern of `*`, `?` and letters of either case. A pattern without wildcards fits wherever it
/// occurs; several patterns are separated by spaces.
fn glob_matches(pattern: &str, name: &str) -> bool {
    if pattern.is_empty() {
        return true;
    }
    let name = name.to_lowercase();
    pattern.to_lowercase().split_whitespace().any(|pattern| {
        if pattern.contains(['*', '?']) {
            fits(
                &pattern.chars().collect::<Vec<_>>(),
                &name.chars().collect::<Vec<_>>(),
            )
        } else {
            name.contains(pattern)
        }
    })
}

/// Matches with one point of return, so that no pattern takes long.
fn fits(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                back = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match back {
                Some((star, from)) => {
                    back = Some((star, from + 1));
                    p = star + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit() {
        for (pattern, name, expected) in [
            ("", "a.png", true),
            ("*.png", "A.PNG", true),
            ("*.png", "a.jpg", false),
            ("*.png *.jpg", "a.jpg", true),
            ("王*", "王芳.jpg", true),
            ("portrait_??.png", "portrait_01.png", true),
            ("portrait_??.png", "portrait_1.png", false),
            ("trait", "portrait_1.png", true),
            ("*a*b*c", "xxaxxbxxbxxc", true),
            ("*a*b*c", "xxaxxcxxb", false),
        ] {
            assert_eq!(glob_matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}

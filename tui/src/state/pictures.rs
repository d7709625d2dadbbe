//! Owns [`Pictures`]: the thumbnails of source images that were looked at lately.
//!
//! Invariants: at most one is on its way at a time; one is asked for only when the cursor has rested on its row, so that
//! scrolling through a thousand rows fetches nothing.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::files::Thumbnail;

/// Thumbnails that are kept.
const KEPT: usize = 64;
/// How long the cursor must rest on a row.
const REST: SignedDuration = SignedDuration::from_millis(250);

/// Which picture is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PictureOf {
    /// A file of the user's own.
    File(PathBuf),
    /// The source image of an item.
    Item {
        /// The item.
        item_id: String,
    },
}

/// A picture and the cells it is to fit into, width and height.
pub(crate) type Wanted = (PictureOf, (u16, u16));

/// The thumbnails.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    /// The newest last; none where there is nothing to show.
    kept: VecDeque<(Wanted, Option<Arc<Thumbnail>>)>,
    asked: Option<Wanted>,
    /// What the cursor is on, and since when.
    rests: Option<(Wanted, Timestamp)>,
}

impl Pictures {
    /// The thumbnail, if it is there.
    pub(crate) fn get(&self, wanted: &Wanted) -> Option<&Thumbnail> {
        let (_, thumbnail) = self.kept.iter().find(|(known, _)| known == wanted)?;
        thumbnail.as_deref()
    }

    /// The cursor is on this; tells whether it is to be fetched now.
    pub(crate) fn look(&mut self, wanted: Wanted, now: Timestamp) -> bool {
        if self.kept.iter().any(|(known, _)| *known == wanted) {
            return false;
        }
        let rested = match &self.rests {
            Some((on, since)) if *on == wanted => now.duration_since(*since) >= REST,
            _ => {
                self.rests = Some((wanted.clone(), now));
                false
            }
        };
        if !rested || self.asked.is_some() {
            return false;
        }
        self.asked = Some(wanted);
        true
    }

    /// A thumbnail has come, or word that there is none.
    pub(crate) fn take(&mut self, wanted: Wanted, thumbnail: Option<Arc<Thumbnail>>) {
        self.asked = None;
        if self.kept.len() >= KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back((wanted, thumbnail));
    }

    /// What was on its way does not come any more.
    pub(crate) fn forget_asked(&mut self) {
        self.asked = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_rested_on_is_fetched_and_one_at_a_time() {
        let mut pictures = Pictures::default();
        let wanted = |name: &str| (PictureOf::File(name.into()), (8, 8));
        let at = |milliseconds| Timestamp::UNIX_EPOCH + SignedDuration::from_millis(milliseconds);
        assert!(!pictures.look(wanted("a"), at(0)));
        assert!(!pictures.look(wanted("b"), at(300)));
        assert!(pictures.look(wanted("b"), at(600)));
        assert!(!pictures.look(wanted("c"), at(700)));
        assert!(!pictures.look(wanted("c"), at(1_000)), "one at a time");
        pictures.take(wanted("b"), None);
        assert!(pictures.look(wanted("c"), at(1_100)));
        assert!(!pictures.look(wanted("b"), at(1_200)), "there is none");
    }
}

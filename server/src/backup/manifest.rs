//! What an archive says of itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::media::{Blob, BlobKind};

/// The version of the archive's own layout.
pub const FORMAT: u64 = 1;

/// Largest manifest that is read, in bytes; ours have less than one KiB.
pub const MANIFEST_BYTES: u64 = 64 << 10;

/// The first member of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u64,
    /// Which program wrote it.
    pub program: String,
    /// The version of the database's tables.
    pub schema: u64,
    /// The newest revision in the database.
    pub revision: u64,
    /// The start of the server that wrote it; absent when none ran.
    pub instance_id: Option<String>,
    /// When the state that it holds was read.
    #[serde(with = "in_text")]
    pub backup_time: Timestamp,
    /// User accounts.
    pub users: u64,
    /// Batches.
    pub batches: u64,
    /// Items.
    pub items: u64,
    /// The database.
    pub database: Member,
    /// The media; absent when they were left out.
    pub media: Option<MediaCounts>,
}

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its length.
    pub size_bytes: u64,
    /// SHA-256 of its content, 64 hexadecimal digits.
    pub sha256: String,
}

/// The media of an archive, each file named by the SHA-256 of its content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaCounts {
    /// Source images.
    pub images: Files,
    /// Audios.
    pub audios: Files,
    /// Videos.
    pub videos: Files,
}

/// Some files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// How many.
    pub count: u64,
    /// Their lengths together.
    pub bytes: u64,
}

impl MediaCounts {
    /// Counts one more file.
    pub fn add(&mut self, blob: Blob) {
        let files = match blob.kind {
            BlobKind::Image => &mut self.images,
            BlobKind::Audio => &mut self.audios,
            BlobKind::Video => &mut self.videos,
        };
        files.count = files.count.saturating_add(1);
        files.bytes = files.bytes.saturating_add(blob.size_bytes);
    }

    /// Whether no sum is above the other's.
    pub fn fits(&self, most: &Self) -> bool {
        let fits = |some: Files, most: Files| some.count <= most.count && some.bytes <= most.bytes;
        fits(self.images, most.images)
            && fits(self.audios, most.audios)
            && fits(self.videos, most.videos)
    }

    /// All files.
    pub fn all(&self) -> Files {
        let each = [self.images, self.audios, self.videos];
        each.iter().fold(Files::default(), |sum, files| Files {
            count: sum.count.saturating_add(files.count),
            bytes: sum.bytes.saturating_add(files.bytes),
        })
    }
}

impl Manifest {
    /// Bytes of the database and the media.
    pub fn total_bytes(&self) -> u64 {
        let media = self.media.map_or(0, |media| media.all().bytes);
        self.database.size_bytes.saturating_add(media)
    }

    /// What is in the archive, for people.
    pub fn in_words(&self) -> String {
        let media = match self.media {
            Some(media) => format!(
                "{} images, {} audios, {} videos",
                media.images.count, media.audios.count, media.videos.count
            ),
            None => "no media".to_owned(),
        };
        format!(
            "{} users, {} batches, {} items, {media}; {} bytes; as of {}",
            self.users,
            self.batches,
            self.items,
            self.total_bytes(),
            self.backup_time
        )
    }
}

/// A time as people and programs read it: RFC 3339, UTC.
mod in_text {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(time)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(D::Error::custom)
    }
}

//! Bytes to facts about media: what kind a picture or a sound is, how large or how long, and whether it is whole.
//!
//! The server asks this about an uploaded file before it keeps it, the client about a local one before it
//! quotes a price; both ask the same code, so that their answers agree.
//!
//! Invariants:
//! * The kind is found by content, never by name.
//! * Memory is bounded by fixed buffers (well under 1 MiB in all); no length found in a file is ever allocated.
//! * Time is linear in the size of the file, plus, for PNG, in its number of pixels, which is limited.
//! * No input makes it panic.
//! * A file that was cut off is refused wherever its format lets that be known (see [`probe_image`] and
//!   [`probe_audio`] for what each format reveals).
//!
//! Not here: decoding into pixels or samples, names, paths, network, an async runtime. The functions block;
//! call them where blocking is allowed.

mod audio;
mod error;
mod image;
mod kind;
mod source;

pub use audio::{AudioFacts, AudioLimits, probe_audio};
pub use error::ProbeError;
pub use image::{ImageFacts, ImageLimits, Orientation, probe_image};
pub use kind::{MediaKind, SNIFF_BYTES, sniff};

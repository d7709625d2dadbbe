//! Why there is no video, in words for the person who sent the files.

/// Why a rendering gave no video.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The caller asked it to end.
    #[error("the rendering was stopped")]
    Stopped,
    /// Not one of the kinds that are read.
    #[error("the picture is not a PNG, JPEG or WebP file")]
    PictureKind,
    /// Damaged, cut off, or of a flavour that is not read.
    #[error("the picture cannot be decoded: {0}")]
    PictureBroken(String),
    /// Beyond the limit of pixels or of decoded bytes.
    #[error(
        "the picture of {width} × {height} pixels is too large: at most {limit} megapixels are decoded"
    )]
    PictureTooLarge {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// In millions of pixels.
        limit: u64,
    },
    /// Not one of the kinds that are read.
    #[error("the audio is not a WAV, MP3, M4A, FLAC or Ogg file that can be read: {0}")]
    SoundKind(String),
    /// Damaged, or of a flavour that is not read.
    #[error("the audio cannot be decoded: {0}")]
    SoundBroken(String),
    /// Nothing to hear at all.
    #[error("the audio holds no sound")]
    SoundEmpty,
    /// Beyond the limit of length.
    #[error("the audio is too long: at most one hour is rendered")]
    SoundTooLong,
    /// A codec or the container failed at something that is not the input's fault.
    #[error("the video cannot be encoded: {0}")]
    Encode(String),
}

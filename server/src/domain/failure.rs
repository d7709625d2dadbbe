//! Why an item failed, and why one waits: the words of the contract, as data.

use jiff::Timestamp;

/// Why an item ended FAILED.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureReason {
    /// The upstream cannot use the picture, the recording or the prompt.
    UpstreamBadInput,
    /// The worker that made the video was lost, on every attempt of the round.
    WorkerLost,
    /// The upstream says that it failed.
    UpstreamFailed,
    /// Somebody else cancelled the task upstream.
    UpstreamCancelled,
    /// The upstream account had no usable token for [`super::retry::ACCOUNT_LOST_AFTER`].
    UpstreamAccountLost,
    /// The upstream does not know the task any more.
    TaskVanished,
    /// The task took longer than the deadline.
    ItemDeadline,
    /// What was fetched is no playable video.
    ResultInvalid,
    /// The preview engine could not make the video.
    EngineFailed,
    /// Our own copy of the picture or the recording cannot be read.
    SourceLost,
}

impl FailureReason {
    /// Whether a retry by the user may end otherwise. A picture that the upstream cannot read stays so.
    pub fn is_retryable(self) -> bool {
        !matches!(self, Self::UpstreamBadInput | Self::SourceLost)
    }
}

/// Longest kept message of an upstream, in bytes.
pub const UPSTREAM_MESSAGE_BYTES: usize = 1024;

/// Why an item, or one attempt, failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The kind, by which clients translate.
    pub reason: FailureReason,
    /// Brief English that says what to do.
    pub message: String,
    /// The upstream's own words, at most [`UPSTREAM_MESSAGE_BYTES`].
    pub upstream_message: String,
}

impl Failure {
    /// A failure with the upstream's words, cut to what is kept.
    pub fn new(reason: FailureReason, message: impl Into<String>, upstream: &str) -> Self {
        Self {
            reason,
            message: message.into(),
            upstream_message: cut(upstream, UPSTREAM_MESSAGE_BYTES).to_owned(),
        }
    }
}

/// Why an item that could run does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WaitReason {
    /// All slots are taken.
    Slot,
    /// Another user's or batch's turn comes first.
    Turn,
    /// An admin paused the dispatch, or drains it.
    Paused,
    /// An attempt failed; the next one comes later.
    BackOff,
    /// The upstream's token is missing, expired or refused.
    UpstreamToken,
    /// The upstream account's tasks of 24 h are used up.
    UpstreamDailyLimit,
    /// The upstream is full or does not answer.
    UpstreamBusy,
    /// The item's old task must end upstream first.
    Cleanup,
    /// The disk is full.
    StorageFull,
}

impl WaitReason {
    /// Whether only a person can end the wait.
    pub fn needs_attention(self) -> bool {
        matches!(self, Self::UpstreamToken | Self::StorageFull)
    }
}

/// A wait and, where it is known, its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Why.
    pub reason: WaitReason,
    /// Not before this time.
    pub until: Option<Timestamp>,
}

/// The longest prefix of `text` of at most `bytes` bytes that ends between two characters.
pub fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn cutting_never_splits_a_character() {
        assert_eq!(cut("王芳", 4), "王");
        assert_eq!(cut("王芳", 2), "");
        assert_eq!(cut("ab", 9), "ab");
    }
}

//! Owns the English words for refusals, by their reason and their facts.

use vision_batch::v1::refusal::Reason;

use crate::state::{Cause, Refusal};
use crate::text::format::{bytes, count, span};

pub(super) fn refusal_words(refusal: &Refusal) -> String {
    let file = refusal.fact("file");
    let limit = refusal.fact("limit");
    let in_bytes = |name: &str| {
        refusal
            .number(name)
            .map_or("?".to_owned(), |it| bytes(it.unsigned_abs()))
    };
    let known = match refusal.cause {
        Cause::Unreachable => {
            "The server cannot be reached. Is the address right, and is it running?".to_owned()
        }
        Cause::TimedOut => "The server did not answer in time.".to_owned(),
        Cause::Untrusted => match (refusal.fact("fingerprint"), refusal.fact("trusted")) {
            ("", _) => "The server's certificate is not trusted.".to_owned(),
            (shown, "") => format!(
                "The server's certificate is not known on this machine: {shown}. If the server printed the same, give it with --fingerprint."
            ),
            (shown, _) => format!(
                "The server's certificate HAS CHANGED. Nothing was sent. Ask who runs the server; only if it is the new one, start with --fingerprint {shown}"
            ),
        },
        Cause::AddressInvalid => "This is no address of a server. Write host:port.".to_owned(),
        Cause::LocalFile => format!("{file}: {}", refusal.message),
        Cause::Unknown => String::new(),
        Cause::Server(reason) => match reason {
            Reason::CredentialsInvalid => "User or password is wrong.".to_owned(),
            Reason::TokenMissing => "Please sign in.".to_owned(),
            Reason::TokenInvalid | Reason::TokenExpired => {
                "The session has expired. Please sign in again.".to_owned()
            }
            Reason::TokenRevoked => "The session was ended. Please sign in again.".to_owned(),
            Reason::AdminRequired => "Only admins may do this.".to_owned(),
            Reason::KeyScopeInsufficient => "This API key may not be used for that.".to_owned(),
            Reason::BatchNotFound => "There is no such batch (any more).".to_owned(),
            Reason::ItemNotFound => "There is no such item (any more).".to_owned(),
            Reason::FileRemoved => "The file was removed from the server.".to_owned(),
            Reason::PasswordTooWeak if limit.is_empty() => {
                "The new password is too weak.".to_owned()
            }
            Reason::PasswordTooWeak => {
                format!("The new password needs at least {limit} characters, other than before.")
            }
            Reason::UploadOutOfOrder | Reason::UploadIncomplete => {
                "The upload broke off. Nothing was stored or charged; submit again.".to_owned()
            }
            Reason::FileKindUnsupported => format!("{file} is of no kind that is taken."),
            Reason::FileCorrupt => format!("{file} is damaged or cut off."),
            Reason::FileTooLarge => format!("{file} is larger than {}.", in_bytes("limit")),
            Reason::ImageDimensionsExceeded => format!("{file} has too many pixels."),
            Reason::ImageCountInvalid => format!("A batch takes 1 to {limit} images."),
            Reason::AudioCountInvalid => "A batch takes exactly one audio.".to_owned(),
            Reason::AudioDurationInvalid => format!("{file} is too long or too short."),
            Reason::DigestMismatch => format!("{file} changed on its way. Submit again."),
            Reason::PasswordChangeRequired => "Set a new password first.".to_owned(),
            Reason::InsufficientCredits => {
                match (refusal.number("required"), refusal.number("available")) {
                    (Some(required), Some(available)) => format!(
                        "Not enough credits: {} needed, {} there. Nothing was charged.",
                        count(required),
                        count(available)
                    ),
                    _ => "Not enough credits. Nothing was charged.".to_owned(),
                }
            }
            Reason::PriceChanged => match refusal.number("required") {
                Some(required) => format!(
                    "It costs {} cr now. Nothing was charged; look and submit again.",
                    count(required)
                ),
                None => {
                    "The price has changed. Nothing was charged; look and submit again.".to_owned()
                }
            },
            Reason::AlreadyFinished => "Nothing is left to cancel.".to_owned(),
            Reason::BatchNotFinished => "The batch has not ended yet.".to_owned(),
            Reason::NotRetryable => "Nothing here can be tried again.".to_owned(),
            Reason::VideoNotReady => "The video is not ready yet.".to_owned(),
            Reason::NothingToExport => "No item has a video yet.".to_owned(),
            Reason::EngineUnavailable => {
                "This engine is not configured on the server; choose another.".to_owned()
            }
            Reason::RequestIdReused => {
                "This was submitted before with other content. Submit again.".to_owned()
            }
            Reason::SignInThrottled | Reason::RateLimited => match refusal.retry_after {
                Some(wait) => format!(
                    "Too many tries. Wait {}.",
                    span(i64::try_from(wait.as_secs()).unwrap_or(i64::MAX).max(1))
                ),
                None => "Too many tries. Wait a moment.".to_owned(),
            },
            Reason::TooManyStreams => "Too many screens of yours are open.".to_owned(),
            Reason::TooManyUploads => {
                "Too many uploads of yours are running. Wait for one to end.".to_owned()
            }
            Reason::StorageFull => "The server's disk is full. Tell an admin.".to_owned(),
            Reason::UploadTooSlow => {
                "The upload was too slow or stood still. Nothing was charged; submit again."
                    .to_owned()
            }
            Reason::ShuttingDown => "The server is stopping. Try again in a moment.".to_owned(),
            Reason::BlobCorrupt => format!("{file} is damaged on the server. Tell an admin."),
            Reason::Internal => format!(
                "The server failed (incident {}). Tell an admin.",
                refusal.fact("incident_id")
            ),
            Reason::UserNotFound => "There is no such user.".to_owned(),
            Reason::UsernameTaken => "The username is taken; choose another.".to_owned(),
            Reason::LastAdmin => "The last admin must stay one.".to_owned(),
            Reason::UpstreamTokenRejected => "The upstream refuses this token.".to_owned(),
            Reason::EtagMismatch => "The user has changed since. Look again.".to_owned(),
            Reason::BalanceChanged => match refusal.number("available") {
                Some(now) => format!(
                    "The balance has changed since: it is {} now. Nothing was moved; look again.",
                    count(now)
                ),
                None => "The balance has changed since. Nothing was moved; look again.".to_owned(),
            },
            Reason::KeyNotFound => "There is no such key (any more).".to_owned(),
            Reason::Unspecified
            | Reason::FieldInvalid
            | Reason::PageTokenInvalid
            | Reason::OffsetInvalid => String::new(),
        },
    };
    match (known.is_empty(), refusal.message.is_empty()) {
        (false, _) => known,
        (true, false) => refusal.message.clone(),
        (true, true) => "The server refused, and did not say why.".to_owned(),
    }
}

//! What the draft would cost: asked again whenever it has changed, one question at a time.

use jiff::{SignedDuration, Timestamp};
use vision_batch::v1;

use super::{Audio, NewBatch};
use crate::state::effect::NetEffect;
use crate::state::refusal::Refusal;

/// After so long a quote is asked for again: balances and queues move.
const QUOTE_LASTS: SignedDuration = SignedDuration::from_secs(20);

/// What a draft comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Images it is the price of.
    pub(crate) images: i32,
    /// Credits in all.
    pub(crate) credits: i32,
    pub(crate) balance_after: i32,
    pub(crate) affordable: bool,
    /// Whether the server has said so of the draft as it is now.
    pub(crate) current: bool,
}

impl NewBatch {
    /// What is to be quoted as the draft is now; none while something is missing.
    fn quotable(
        &self,
        service: Option<&v1::GetServiceInfoResponse>,
    ) -> Option<v1::QuoteBatchRequest> {
        let Audio::Usable(_, facts) = &self.audio_state else {
            return None;
        };
        let images = self.files.marked().usable;
        if images == 0 {
            return None;
        }
        Some(v1::QuoteBatchRequest {
            engine: self.engine_name(service),
            image_count: i32::try_from(images).ok()?,
            audio_duration: prost_types::Duration::try_from(facts.duration).ok(),
        })
    }

    /// Asks for a quote when what is known is not of the draft as it is now, or is old.
    pub(crate) fn want_quote(
        &mut self,
        service: Option<&v1::GetServiceInfoResponse>,
        now: Timestamp,
    ) -> Option<NetEffect> {
        let Some(request) = self.quotable(service) else {
            self.quote = None;
            self.quoted = None;
            return None;
        };
        if self.files.marked().checking > 0 {
            // A price of a part of what is marked would be taken for that of the whole.
            return None;
        }
        let fresh = self
            .quoted
            .as_ref()
            .is_some_and(|(known, at)| *known == request && now.duration_since(*at) < QUOTE_LASTS);
        if fresh || self.asked.is_some() {
            return None;
        }
        self.last_number += 1;
        self.asked = Some((self.last_number, request.clone()));
        Some(NetEffect::Quote {
            number: self.last_number,
            request,
        })
    }

    pub(crate) fn take_quote(
        &mut self,
        number: u64,
        result: Result<v1::QuoteBatchResponse, Refusal>,
        now: Timestamp,
    ) {
        if let Some((_, request)) = self.asked.take_if(|(asked, _)| *asked == number) {
            self.quoted = Some((request, now));
            self.quote = Some(result);
        }
    }

    /// What the draft comes to as it is marked now: in the server's words, or, until it has answered anew, by the price it
    /// gave for the same engine and audio; none where that is not known.
    pub(crate) fn sums(&self, service: Option<&v1::GetServiceInfoResponse>) -> Option<Sums> {
        let Some(Ok(quote)) = &self.quote else {
            return None;
        };
        let (known, _) = self.quoted.as_ref()?;
        if self.quote_is_current(service) {
            return Some(Sums {
                images: known.image_count,
                credits: quote.credits,
                balance_after: quote.balance_after,
                affordable: quote.affordable,
                current: true,
            });
        }
        let wanted = self.quotable(service)?;
        if (&known.engine, known.audio_duration) != (&wanted.engine, wanted.audio_duration) {
            return None;
        }
        let marked = self.files.marked();
        let images = i32::try_from(marked.usable + marked.checking).ok()?;
        let credits = images.checked_mul(quote.credits_per_item)?;
        let balance_after = quote.balance_before.checked_sub(credits)?;
        Some(Sums {
            images,
            credits,
            balance_after,
            affordable: balance_after >= 0,
            current: false,
        })
    }

    /// Whether the quote is of the draft as it is now.
    pub(crate) fn quote_is_current(&self, service: Option<&v1::GetServiceInfoResponse>) -> bool {
        let wanted = self.quotable(service);
        wanted.is_some()
            && self.files.marked().checking == 0
            && self.quoted.as_ref().map(|(request, _)| request) == wanted.as_ref()
    }
}

//! What the draft would cost: asked again whenever it has changed, one question at a time.

use jiff::{SignedDuration, Timestamp};
use vision_batch::v1;

use super::{Audio, NewBatch};
use crate::state::effect::NetEffect;
use crate::state::refusal::Refusal;

/// After so long a quote is asked for again: balances and queues move.
const QUOTE_LASTS: SignedDuration = SignedDuration::from_secs(20);

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

    /// Whether the quote is of the draft as it is now.
    pub(crate) fn quote_is_current(&self, service: Option<&v1::GetServiceInfoResponse>) -> bool {
        let wanted = self.quotable(service);
        wanted.is_some() && self.quoted.as_ref().map(|(request, _)| request) == wanted.as_ref()
    }
}

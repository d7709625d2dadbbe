//! Submitting the draft, and why it cannot be.

use vision_batch::v1;

use super::{Audio, NewBatch};
use crate::state::effect::NetEffect;
use crate::state::message::TransferId;
use crate::state::refusal::Refusal;

/// Why a batch was not submitted.
#[derive(Clone, Debug)]
pub(crate) enum Problem {
    NoAudio,
    AudioUnusable,
    NoImages,
    Checking,
    /// What it costs is not known as the draft is now.
    NoPrice,
    TooManyImages {
        count: usize,
        limit: usize,
    },
    Unaffordable {
        required: i32,
        available: i32,
    },
    NameTooLong {
        limit: usize,
    },
    PromptTooLong {
        limit: usize,
    },
    Refused(Refusal),
}

impl NewBatch {
    /// Submits the draft.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub(crate) fn submit(
        &mut self,
        transfer: TransferId,
        service: Option<&v1::GetServiceInfoResponse>,
        request_id: impl FnOnce() -> String,
    ) -> Result<NetEffect, Problem> {
        let audio = match &self.audio_state {
            Audio::None => return Err(Problem::NoAudio),
            Audio::Checking(_) => return Err(Problem::Checking),
            Audio::Refused(_) => return Err(Problem::AudioUnusable),
            Audio::Usable(path, _) => path.clone(),
        };
        let marked = self.files.marked();
        if marked.checking > 0 {
            return Err(Problem::Checking);
        }
        if marked.usable == 0 {
            return Err(Problem::NoImages);
        }
        let limits = service.and_then(|service| service.limits.as_ref());
        let within = |of: fn(&v1::Limits) -> i32, default: usize| {
            limits.map_or(default, |it| usize::try_from(of(it)).unwrap_or(default))
        };
        let limit = within(|it| it.images_per_batch_max, 1000);
        if marked.usable > limit {
            return Err(Problem::TooManyImages {
                count: marked.usable,
                limit,
            });
        }
        let limit = within(|it| it.name_characters_max, 200);
        if self.name.text().chars().count() > limit {
            return Err(Problem::NameTooLong { limit });
        }
        let limit = within(|it| it.prompt_characters_max, 2000);
        if self.prompt.text().chars().count() > limit {
            return Err(Problem::PromptTooLong { limit });
        }
        // Nobody pays a price that was not shown.
        let quote = match &self.quote {
            Some(Ok(quote)) if self.quote_is_current(service) => quote,
            Some(Err(refusal)) if self.quote_is_current(service) => {
                return Err(Problem::Refused(refusal.clone()));
            }
            _ => return Err(Problem::NoPrice),
        };
        if !quote.affordable {
            return Err(Problem::Unaffordable {
                required: quote.credits,
                available: quote.balance_before,
            });
        }
        let spec = v1::BatchSpec {
            name: self.name.text().trim().to_owned(),
            prompt: self.prompt.text().trim().to_owned(),
            engine: self.engine_name(service),
            request_id: self.request_id.get_or_insert_with(request_id).clone(),
            max_credits: Some(quote.credits),
            ..v1::BatchSpec::default()
        };
        self.upload = Some(transfer);
        self.problem = None;
        Ok(NetEffect::CreateBatch {
            transfer,
            spec,
            audio,
            images: self.files.usable(),
        })
    }
}

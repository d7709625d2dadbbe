//! Making a new batch from the stored media of another: a preview that pleased becomes the real thing.

use std::collections::HashMap;

use super::change::check_ids;
use super::draft::{Draft, check_limit, total};
use super::replay::{self, ContentDigest};
use super::{Batches, refusal, spec};
use crate::domain::ids::{BatchId, ItemId, RequestId};
use crate::domain::user::Credits;
use crate::service::Caller;
use crate::service::error::ServiceError;
use crate::store::query::ItemSelection;
use crate::store::{Created, Request};

const METHOD: &str = "RerunBatch";

/// A rerun that is asked for. What is absent stays as it is in the source.
#[derive(Debug, Clone)]
pub struct Rerun {
    /// The batch whose media to use.
    pub batch: BatchId,
    /// `preview`, `lightx2v`, or empty for the server's default.
    pub engine: Option<String>,
    /// At most 2,000 characters; empty: the default.
    pub prompt: Option<String>,
    /// At most 2,000 characters.
    pub negative_prompt: Option<String>,
    /// At most 200 characters; empty: the audio's name.
    pub name: Option<String>,
    /// Only these items; all when empty.
    pub items: Vec<ItemId>,
    /// At most 16; the same when empty.
    pub labels: HashMap<String, String>,
    /// Not to happen twice.
    pub request_id: Option<RequestId>,
    /// The most it may cost.
    pub max_credits: Option<Credits>,
}

impl Batches {
    /// Commits a new batch of the source's owner, with the same audio and images.
    ///
    /// # Errors
    ///
    /// BATCH_NOT_FOUND, ITEM_NOT_FOUND, FIELD_INVALID, ENGINE_UNAVAILABLE, PRICE_CHANGED, INSUFFICIENT_CREDITS,
    /// REQUEST_ID_REUSED, FILE_REMOVED.
    pub async fn rerun(&self, caller: &Caller, rerun: Rerun) -> Result<Created, ServiceError> {
        let request = rerun.request_id.map(|id| Request {
            key: replay::key(caller, METHOD, id),
            digest: digest(&rerun),
        });
        // First: what was made is answered even when its source is gone by now.
        if let Some(recorded) = self.recorded(request.as_ref()).await? {
            let created = self.replay_creation(recorded).await?;
            self.batch(caller, created.batch.id).await?;
            return Ok(created);
        }

        let source = self.batch(caller, rerun.batch).await?;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        spec::check_prompts(&text(&rerun.prompt), &text(&rerun.negative_prompt))?;
        spec::check_name(&text(&rerun.name))?;
        spec::check_max_credits(rerun.max_credits)?;
        check_ids(&rerun.items)?;
        let labels = if rerun.labels.is_empty() {
            source.labels.clone()
        } else {
            spec::check_labels(&rerun.labels)?
        };
        let engine = self.engine(rerun.engine.as_deref().unwrap_or(source.engine.name()))?;

        if let Some(time) = source.audio.removed_time {
            return Err(refusal::uploads_removed(time));
        }
        let selection = ItemSelection {
            ids: rerun.items.clone(),
            states: Vec::new(),
        };
        let items = self.all_items(source.id, &selection).await?;
        let is_found = |id: &&ItemId| items.iter().any(|item| item.id == **id);
        if let Some(missing) = rerun.items.iter().find(|id| !is_found(id)) {
            return Err(refusal::item_not_found(*missing));
        }
        let each = self
            .shared
            .offer
            .pricing
            .credits_per_item(engine, source.audio.duration);
        // Only the limit: whether there are credits for it is for the transaction to say, which looks first whether the
        // same request was carried out meanwhile, with the credits that are missing now.
        check_limit(total(each, items.len()), rerun.max_credits)?;

        let images: Vec<_> = items.into_iter().map(|item| item.source_image).collect();
        // Pinned until the new batch refers to them, whatever becomes of the source meanwhile.
        let mut pins = vec![self.media().pin(source.audio.blob)];
        pins.extend(images.iter().map(|image| self.media().pin(image.blob)));
        let names = images.iter().map(|image| &image.filename);
        let names = std::iter::once(&source.audio.filename).chain(names);
        let mut missing = None;
        for (pin, file) in pins.iter().zip(names) {
            if let Err(error) = self.media().check(pin.blob()).await {
                missing = Some(refusal::of_media(error, file));
                break;
            }
        }
        if let Some(refusal) = missing {
            self.discard(pins).await;
            return Err(refusal);
        }
        let draft = Draft {
            owner: source.owner,
            name: match rerun.name {
                Some(name) => spec::name_or_audio(&name, &source.audio.filename),
                None => source.name,
            },
            prompt: match rerun.prompt {
                Some(prompt) => spec::prompt_or_default(&prompt),
                None => source.prompt,
            },
            negative_prompt: rerun.negative_prompt.unwrap_or(source.negative_prompt),
            engine,
            labels,
            source_batch: Some(source.id),
            audio: source.audio,
            images,
        };
        let created = self
            .store()
            .create_batch(self.new_batch(caller, draft, request))
            .await;
        // The source may have been deleted meanwhile, and nothing else refer to its files.
        self.discard(pins).await;
        created.map_err(|error| refusal::of_creation(error, rerun.request_id))
    }
}

fn digest(rerun: &Rerun) -> [u8; 32] {
    let labels = rerun.labels.clone().into_iter().collect();
    let digest = ContentDigest::new(METHOD)
        .with(rerun.batch.bytes())
        .with_optional(rerun.engine.as_deref())
        .with_optional(rerun.prompt.as_deref())
        .with_optional(rerun.negative_prompt.as_deref())
        .with_optional(rerun.name.as_deref())
        .with_labels(&labels);
    let digest = rerun
        .items
        .iter()
        .fold(digest, |digest, id| digest.with(id.bytes()));
    digest.finish()
}

//! Owns the draft of a new batch: its fields, its files, and the quote that follows them.
//!
//! Invariants: the draft is kept until it was submitted; at most one quote is on its way at a time; the same content
//! is submitted with the same `request_id`, so that trying again after a lost answer never pays twice.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use vision_batch::v1;

use super::effect::{Effect, FilesEffect, NetEffect};
use super::field::Field;
use super::file_list::FileList;
use super::message::TransferId;
use super::refusal::Refusal;
use crate::files::{AudioFacts, AudioRules, ImageRules, Unusable};

/// After so long a quote is asked for again: balances and queues move.
const QUOTE_LASTS: SignedDuration = SignedDuration::from_secs(20);

/// Which part has the keyboard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Focus {
    #[default]
    Name,
    Engine,
    Audio,
    Prompt,
    Files,
}

const ORDER: [Focus; 5] = [
    Focus::Name,
    Focus::Engine,
    Focus::Audio,
    Focus::Prompt,
    Focus::Files,
];

/// What is known of the file in the audio field.
#[derive(Clone, Debug, Default)]
pub(crate) enum Audio {
    #[default]
    None,
    Checking(PathBuf),
    Usable(PathBuf, AudioFacts),
    Refused(Unusable),
}

/// Why a batch was not submitted.
#[derive(Clone, Debug)]
pub(crate) enum Problem {
    NoAudio,
    AudioUnusable,
    NoImages,
    Checking,
    TooManyImages { count: usize, limit: usize },
    Unaffordable { required: i32, available: i32 },
    NameTooLong { limit: usize },
    PromptTooLong { limit: usize },
    Refused(Refusal),
}

/// The draft.
#[derive(Debug, Default)]
pub(crate) struct NewBatch {
    pub(crate) name: Field,
    /// The engine that was chosen; none means the server's default.
    pub(crate) engine: Option<String>,
    pub(crate) audio: Field,
    pub(crate) prompt: Field,
    pub(crate) focus: Focus,
    pub(crate) audio_state: Audio,
    pub(crate) files: FileList,
    /// The pattern, while it is typed.
    pub(crate) glob: Option<Field>,
    pub(crate) quote: Option<Result<v1::QuoteBatchResponse, Refusal>>,
    quoted: Option<(v1::QuoteBatchRequest, Timestamp)>,
    asked: Option<(u64, v1::QuoteBatchRequest)>,
    last_number: u64,
    pub(crate) upload: Option<TransferId>,
    pub(crate) problem: Option<Problem>,
    /// Belongs to the content as it was submitted; a change of the content ends it.
    request_id: Option<String>,
    home: Option<PathBuf>,
}

/// What the server takes, with the contract's defaults until it has said so.
pub(crate) fn image_rules(service: Option<&v1::GetServiceInfoResponse>) -> ImageRules {
    let limits = service.and_then(|service| service.limits.as_ref());
    ImageRules {
        max_bytes: limits.map_or(20 << 20, |it| it.image_bytes_max.unsigned_abs()),
        max_pixels: limits.map_or(50_000_000, |it| {
            u64::from(it.image_pixels_max.unsigned_abs())
        }),
    }
}

fn audio_rules(service: Option<&v1::GetServiceInfoResponse>) -> AudioRules {
    let limits = service.and_then(|service| service.limits.as_ref());
    let span = |of: Option<prost_types::Duration>, default: Duration| {
        of.and_then(|it| Duration::try_from(it).ok())
            .unwrap_or(default)
    };
    AudioRules {
        max_bytes: limits.map_or(20 << 20, |it| it.audio_bytes_max.unsigned_abs()),
        max_duration: span(
            limits.and_then(|it| it.audio_duration_max),
            Duration::from_secs(600),
        ),
        min_duration: span(
            limits.and_then(|it| it.audio_duration_min),
            Duration::from_millis(100),
        ),
    }
}

/// The engines that take batches, the server's default first chosen.
pub(crate) fn engines(service: Option<&v1::GetServiceInfoResponse>) -> Vec<&v1::EngineInfo> {
    service
        .and_then(|service| service.status.as_ref())
        .map(|status| {
            status
                .engines
                .iter()
                .filter(|engine| engine.health() != v1::engine_info::Health::Unavailable)
                .collect()
        })
        .unwrap_or_default()
}

impl NewBatch {
    pub(crate) fn new(directory: Option<PathBuf>, home: Option<PathBuf>) -> Self {
        let mut draft = Self {
            home,
            ..Self::default()
        };
        draft.files.directory = directory.unwrap_or_default();
        draft
    }

    /// The screen was opened: the directory is read again.
    pub(crate) fn open(&mut self) -> Effect {
        self.problem = None;
        let directory = self.files.directory.clone();
        Effect::Files(self.files.go(directory))
    }

    pub(crate) fn move_focus(&mut self, forward: bool) {
        let at = ORDER.iter().position(|it| *it == self.focus).unwrap_or(0);
        let next = if forward {
            at + 1
        } else {
            at + ORDER.len() - 1
        };
        self.focus = ORDER[next % ORDER.len()];
    }

    /// The text field that has the keyboard.
    pub(crate) fn field(&mut self) -> Option<&mut Field> {
        match self.focus {
            Focus::Name => Some(&mut self.name),
            Focus::Audio => Some(&mut self.audio),
            Focus::Prompt => Some(&mut self.prompt),
            Focus::Engine | Focus::Files => None,
        }
    }

    /// The content is another one now.
    pub(crate) fn changed(&mut self) {
        self.request_id = None;
        self.problem = None;
    }

    /// The engine that would be used, by name.
    pub(crate) fn engine_name(&self, service: Option<&v1::GetServiceInfoResponse>) -> String {
        let engines = engines(service);
        self.engine
            .clone()
            .or_else(|| {
                engines
                    .iter()
                    .find(|engine| engine.is_default)
                    .map(|engine| engine.name.clone())
            })
            .unwrap_or_default()
    }

    /// Goes to the next engine, or the one before.
    pub(crate) fn switch_engine(
        &mut self,
        forward: bool,
        service: Option<&v1::GetServiceInfoResponse>,
    ) {
        let engines = engines(service);
        if engines.is_empty() {
            return;
        }
        let name = self.engine_name(service);
        let at = engines.iter().position(|it| it.name == name).unwrap_or(0);
        let next = if forward {
            at + 1
        } else {
            at + engines.len() - 1
        };
        self.engine = Some(engines[next % engines.len()].name.clone());
        self.changed();
    }

    /// The path that was typed: `~` is the home directory, and what is relative is so to the directory shown.
    fn resolve(&self, typed: &str) -> PathBuf {
        let typed = typed.trim();
        match (typed.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.files.directory.join(typed),
        }
    }

    /// A path as it is shown and typed, with `~` for the home directory.
    pub(crate) fn short(&self, path: &Path) -> String {
        match self
            .home
            .as_ref()
            .and_then(|home| path.strip_prefix(home).ok())
        {
            Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
            Some(rest) => format!("~/{}", rest.display()),
            None => path.display().to_string(),
        }
    }

    /// The audio field has changed: the file it names is looked at.
    pub(crate) fn audio_changed(
        &mut self,
        service: Option<&v1::GetServiceInfoResponse>,
    ) -> Option<FilesEffect> {
        self.changed();
        if self.audio.text().trim().is_empty() {
            self.audio_state = Audio::None;
            return None;
        }
        let path = self.resolve(self.audio.text());
        self.audio_state = Audio::Checking(path.clone());
        Some(FilesEffect::ProbeAudio {
            path,
            rules: audio_rules(service),
        })
    }

    /// Takes a file as the audio.
    pub(crate) fn take_audio(
        &mut self,
        path: &Path,
        service: Option<&v1::GetServiceInfoResponse>,
    ) -> Option<FilesEffect> {
        self.audio = Field::new(self.short(path));
        self.audio_changed(service)
    }

    pub(crate) fn audio_probed(&mut self, path: PathBuf, result: Result<AudioFacts, Unusable>) {
        // Only an answer for what the field says now.
        if !matches!(&self.audio_state, Audio::Checking(asked) if *asked == path) {
            return;
        }
        self.audio_state = match result {
            Ok(facts) => Audio::Usable(path, facts),
            Err(unusable) => Audio::Refused(unusable),
        };
    }

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
        let current = self.quote_is_current(service);
        let quote = match &self.quote {
            Some(Ok(quote)) if current => Some(quote),
            _ => None,
        };
        if let Some(quote) = quote.filter(|quote| !quote.affordable) {
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
            max_credits: quote.map(|quote| quote.credits),
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

    /// The batch was made: the draft is done with. Directory, engine and audio stay for the next one.
    pub(crate) fn submitted(&mut self) {
        self.name = Field::default();
        self.prompt = Field::default();
        self.focus = Focus::Name;
        self.files.clear_marks();
        self.upload = None;
        self.changed();
    }
}

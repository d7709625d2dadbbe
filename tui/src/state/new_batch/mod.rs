//! Owns the draft of a new batch: its fields, its files, and the quote that follows them.
//!
//! Invariants: the draft is kept until it was submitted; at most one quote is on its way at a time; the same content
//! is submitted with the same `request_id`, so that trying again after a lost answer never pays twice.

mod quote;
mod rules;
mod submit;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use vision_batch::v1;

pub(crate) use self::quote::Sums;
use self::rules::audio_rules;
pub(crate) use self::rules::{engines, image_rules};
pub(crate) use self::submit::Problem;
use super::effect::{Effect, FilesEffect};
use super::field::Field;
use super::file_list::FileList;
use super::message::TransferId;
use super::refusal::Refusal;
use super::start::Directories;
use crate::files::{AudioFacts, Unusable};

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

impl NewBatch {
    pub(crate) fn new(directories: Option<&Directories>) -> Self {
        let mut draft = Self {
            home: directories.and_then(|it| it.home.clone()),
            ..Self::default()
        };
        draft.files.directory = directories.map(|it| it.working.clone()).unwrap_or_default();
        draft
    }

    /// The empty draft of another user; answers to what was asked for this one are none to it.
    pub(crate) fn of_another(&self, directories: Option<&Directories>) -> Self {
        Self {
            last_number: self.last_number,
            ..Self::new(directories)
        }
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

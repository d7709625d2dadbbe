//! Owns [`update`]: what each message does to the state.

use std::path::PathBuf;

use jiff::Timestamp;
use vision_batch::v1;

use super::confirm::{Ask, Confirm};
use super::message::{Effect, Message, NetEffect, NetMessage, Stream, TerminalEffect, TransferId};
use super::new_batch::{Audio, Focus, Problem, image_rules};
use super::notice::Notice;
use super::palette::Palette;
use super::refusal::{Cause, Refusal};
use super::rows::Step;
use super::sign_in::{Gate, NewPassword, PasswordProblem, SignIn};
use super::time::moment;
use super::transfers::Carries;
use super::{Batches, OpenBatch, Overlay, Screen, State, filename, has_video};
use crate::files::FilesMessage;
use crate::keymap::{self, Action, Key, Mode};

/// Lets a message change the state, and answers with what is to be done outside.
pub fn update(state: &mut State, message: Message) -> Vec<Effect> {
    let mut effects = Vec::new();
    match message {
        Message::Key(key) => press(state, key, &mut effects),
        Message::Paste(text) => paste(state, &text, &mut effects),
        Message::Resized { width, height } => state.size = (width, height),
        Message::Tick(now) => tick(state, now),
        Message::Terminated => state.ended = true,
        Message::Net(message) => hear(state, message, &mut effects),
        Message::Files(message) => look(state, message, &mut effects),
    }
    follow_up(state, &mut effects);
    state.fit();
    effects
}

fn net(effects: &mut Vec<Effect>, effect: impl IntoIterator<Item = NetEffect>) {
    effects.extend(effect.into_iter().map(Effect::Net));
}

fn tick(state: &mut State, now: Timestamp) {
    state.now = now;
    if state
        .notice
        .as_ref()
        .is_some_and(|shown| shown.until <= now)
    {
        state.notice = None;
    }
}

/// What is wanted follows from what is shown, whatever message changed it.
fn follow_up(state: &mut State, effects: &mut Vec<Effect>) {
    if state.gate.is_some() {
        return;
    }
    match state.screen {
        Screen::Batches => {}
        Screen::Batch => {
            if let Some(batch) = &mut state.batch {
                net(effects, batch.want_detail());
                if let Some(user) = &state.user {
                    net(effects, batch.acknowledge(user));
                }
            }
        }
        Screen::NewBatch => {
            let service = state.service.as_ref();
            net(effects, state.new_batch.want_quote(service, state.now));
        }
    }
}

// Keys.

fn press(state: &mut State, key: Key, effects: &mut Vec<Effect>) {
    let mode = state.mode();
    let Some(action) = keymap::action(mode, key) else {
        if mode.is_text() {
            type_key(state, mode, key, effects);
        }
        return;
    };
    perform(state, mode, action, effects);
}

/// Does what the user wants, in the mode it was asked for in.
fn perform(state: &mut State, mode: Mode, action: Action, effects: &mut Vec<Effect>) {
    if state.read_only && action.changes_server() {
        state.say(Notice::ReadOnly);
        return;
    }
    match action {
        Action::Quit => return quit(state),
        Action::Redraw => return effects.push(Effect::Terminal(TerminalEffect::Redraw)),
        Action::Language => {
            state.look.language = state.look.language.other();
            return;
        }
        Action::Help => {
            state.overlay = Some(Overlay::Help { mode, top: 0 });
            return;
        }
        Action::Palette => {
            state.overlay = Some(Overlay::Palette(Palette::new(mode)));
            return;
        }
        Action::AbortTransfer => return abort_newest(state, effects),
        _ => {}
    }
    match mode {
        Mode::Form => match action {
            Action::Back => leave_form(state, effects),
            other => {
                if let Some(gate) = &mut state.gate {
                    let wanted = gate.act(other);
                    if let Some(NetEffect::SignIn {
                        server, password, ..
                    }) = &wanted
                    {
                        state.server.clone_from(server);
                        state.password.clone_from(password);
                    }
                    net(effects, wanted);
                }
            }
        },
        Mode::Help => help(state, action),
        Mode::Confirm => confirm(state, action, effects),
        Mode::Palette => palette(state, action, effects),
        Mode::Filter => filter(state, action == Action::Accept),
        Mode::Batches => in_batches(state, action, effects),
        Mode::Batch => in_batch(state, action, effects),
        Mode::Fields | Mode::FileList => in_new_batch(state, action, effects),
    }
}

fn step_of(action: Action) -> Option<Step> {
    Some(match action {
        Action::Up => Step::Up,
        Action::Down => Step::Down,
        Action::PageUp => Step::PageUp,
        Action::PageDown => Step::PageDown,
        Action::Top => Step::Top,
        Action::Bottom => Step::Bottom,
        _ => return None,
    })
}

fn quit(state: &mut State) {
    let transfers = state.transfers.count();
    let asked = matches!(
        &state.overlay,
        Some(Overlay::Confirm(Confirm {
            ask: Ask::Quit { .. },
            ..
        }))
    );
    if transfers > 0 && !asked {
        let ask = Ask::Quit { transfers };
        state.overlay = Some(Overlay::Confirm(Confirm::new(ask)));
    } else {
        state.ended = true;
    }
}

fn abort_newest(state: &mut State, effects: &mut Vec<Effect>) {
    if let Some(id) = state.transfers.newest() {
        let (ended, wanted) = state.transfers.abort(id, state.now);
        net(effects, wanted);
        if let Some(transfer) = ended {
            if state.new_batch.upload == Some(id) {
                state.new_batch.upload = None;
            }
            state.say(Notice::Aborted(transfer.label));
        }
    }
}

fn help(state: &mut State, action: Action) {
    let rows = usize::from(state.size.1);
    if let Some(Overlay::Help { mode, top }) = &mut state.overlay {
        let last = keymap::of_mode(*mode).count().saturating_sub(1);
        *top = match action {
            Action::Up => top.saturating_sub(1),
            Action::Down => (*top + 1).min(last),
            Action::PageUp => top.saturating_sub(rows / 2),
            Action::PageDown => (*top + rows / 2).min(last),
            Action::Top => 0,
            Action::Bottom => last,
            _ => {
                state.overlay = None;
                return;
            }
        };
    }
}

fn confirm(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let Some(Overlay::Confirm(question)) = &mut state.overlay else {
        return;
    };
    let yes = match action {
        Action::SwitchAnswer => {
            question.yes = !question.yes;
            return;
        }
        Action::Accept => true,
        Action::Submit => question.yes,
        _ => false,
    };
    let Some(Overlay::Confirm(question)) = state.overlay.take() else {
        return;
    };
    if !yes {
        return;
    }
    if matches!(question.ask, Ask::Quit { .. }) {
        state.ended = true;
        return;
    }
    let wanted = question.ask.effects(|| state.request_id());
    for effect in &wanted {
        mark_asked(state, effect);
    }
    state.batches.rows.unmark();
    if let Some(batch) = &mut state.batch {
        batch.rows.unmark();
    }
    net(effects, wanted);
}

/// The rows something was asked for show it until the stream says what became of it.
fn mark_asked(state: &mut State, effect: &NetEffect) {
    let (batch_id, item_ids) = match effect {
        NetEffect::CancelBatch(request) => (&request.batch_id, None),
        NetEffect::CancelItems(request) => (&request.batch_id, Some(&request.item_ids)),
        NetEffect::RetryItems(request) => (&request.batch_id, Some(&request.item_ids)),
        _ => return,
    };
    state.batches.rows.ask([batch_id.clone()]);
    if let (Some(batch), Some(item_ids)) = (&mut state.batch, item_ids)
        && batch.id == *batch_id
    {
        batch.rows.ask(item_ids.iter().cloned());
    }
}

fn palette(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let language = state.look.language;
    let Some(Overlay::Palette(palette)) = &mut state.overlay else {
        return;
    };
    match action {
        Action::Up | Action::Down => palette.step(action == Action::Down, language),
        Action::Submit => {
            let chosen = palette.offered(language).get(palette.cursor).map(|it| it.0);
            state.overlay = None;
            if let Some(chosen) = chosen {
                let mode = state.mode();
                perform(state, mode, chosen, effects);
            }
        }
        _ => state.overlay = None,
    }
}

/// Ends the typing of a filter: it is kept, or cleared.
fn filter(state: &mut State, keep: bool) {
    match state.screen {
        Screen::Batches => {
            state.batches.filtering = false;
            if !keep {
                state.batches.filter = super::Field::default();
                state.batches.rows.set_filter("");
            }
        }
        Screen::Batch => {
            if let Some(batch) = &mut state.batch {
                batch.filtering = false;
                if !keep {
                    batch.filter = super::Field::default();
                    batch.rows.set_filter("");
                }
            }
        }
        Screen::NewBatch => {
            state.new_batch.glob = None;
            if !keep {
                state.new_batch.files.set_glob("");
            }
        }
    }
}

fn type_key(state: &mut State, mode: Mode, key: Key, effects: &mut Vec<Effect>) {
    match mode {
        Mode::Form => {
            if let Some(gate) = &mut state.gate {
                gate.edit(key);
            }
        }
        Mode::Palette => {
            if let Some(Overlay::Palette(palette)) = &mut state.overlay {
                palette.field.edit(key);
                palette.cursor = 0;
            }
        }
        Mode::Filter => edit_filter(state, |field| {
            field.edit(key);
        }),
        Mode::Fields => edit_draft(state, key, effects),
        _ => {}
    }
}

fn edit_filter(state: &mut State, edit: impl FnOnce(&mut super::Field)) {
    match state.screen {
        Screen::Batches => {
            edit(&mut state.batches.filter);
            let text = state.batches.filter.text().to_owned();
            state.batches.rows.set_filter(&text);
        }
        Screen::Batch => {
            if let Some(batch) = &mut state.batch {
                edit(&mut batch.filter);
                batch.rows.set_filter(batch.filter.text());
            }
        }
        Screen::NewBatch => {
            if let Some(glob) = &mut state.new_batch.glob {
                edit(glob);
                let text = glob.text().to_owned();
                state.new_batch.files.set_glob(&text);
            }
        }
    }
}

fn edit_draft(state: &mut State, key: Key, effects: &mut Vec<Effect>) {
    let service = state.service.as_ref();
    let draft = &mut state.new_batch;
    if draft.upload.is_some() {
        return;
    }
    if draft.focus == Focus::Engine {
        match key {
            Key::Right | Key::Char(' ' | '\u{3000}' | 'l') => draft.switch_engine(true, service),
            Key::Left | Key::Char('h') => draft.switch_engine(false, service),
            _ => {}
        }
        return;
    }
    let focus = draft.focus;
    let Some(field) = draft.field() else { return };
    let before = field.text().to_owned();
    field.edit(key);
    if field.text() == before {
        return;
    }
    draft.changed();
    if focus == Focus::Audio {
        effects.extend(draft.audio_changed(service).map(Effect::Files));
    }
}

fn paste(state: &mut State, text: &str, effects: &mut Vec<Effect>) {
    match state.mode() {
        Mode::Form => {
            if let Some(gate) = &mut state.gate {
                gate.paste(text);
            }
        }
        Mode::Filter => edit_filter(state, |field| field.insert(text.trim_end())),
        Mode::Palette => {
            if let Some(Overlay::Palette(palette)) = &mut state.overlay {
                palette.field.insert(text.trim_end());
            }
        }
        Mode::Fields | Mode::FileList if state.new_batch.upload.is_none() => {
            paste_into_draft(state, text, effects);
        }
        _ => {}
    }
}

/// Text goes into the field; files dropped onto the terminal arrive as their paths and are marked, or become the audio.
fn paste_into_draft(state: &mut State, text: &str, effects: &mut Vec<Effect>) {
    let service = state.service.as_ref();
    let draft = &mut state.new_batch;
    let dropped = dropped_paths(text);
    if !dropped.is_empty() && matches!(draft.focus, Focus::Files | Focus::Audio) {
        for path in dropped {
            let name = path.file_name().map(|it| it.to_string_lossy().into_owned());
            if draft.focus == Focus::Audio || name.as_deref().is_some_and(super::looks_like_audio) {
                effects.extend(draft.take_audio(&path, service).map(Effect::Files));
            } else {
                draft.files.mark(path);
            }
        }
        draft.changed();
        effects.push(Effect::Files(draft.files.probe(image_rules(service))));
        return;
    }
    if let Some(field) = draft.field() {
        field.insert(text.trim_end());
        draft.changed();
        if draft.focus == Focus::Audio {
            effects.extend(draft.audio_changed(service).map(Effect::Files));
        }
    }
}

/// Absolute paths as terminals paste dropped files: one a line or separated by spaces, quoted, or with backslashes.
fn dropped_paths(text: &str) -> Vec<PathBuf> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '\\') => word.extend(characters.next()),
            (None, c) if c.is_whitespace() => words.push(std::mem::take(&mut word)),
            (_, c) => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    let paths: Vec<PathBuf> = words
        .iter()
        .map(|word| PathBuf::from(word.strip_prefix("file://").unwrap_or(word)))
        .collect();
    if paths.iter().all(|path| path.is_absolute()) {
        paths
    } else {
        Vec::new()
    }
}

// Signing in.

fn leave_form(state: &mut State, effects: &mut Vec<Effect>) {
    if matches!(state.gate, Some(Gate::NewPassword(_))) {
        net(effects, [NetEffect::SignOut]);
        let form = sign_in_form(state, false);
        state.gate = Some(Gate::SignIn(form));
    }
}

fn sign_in_form(state: &State, session_ended: bool) -> SignIn {
    let username = state
        .user
        .as_ref()
        .map_or("", |user| user.username.as_str());
    SignIn::new(&state.server, username, session_ended)
}

fn signed_in(state: &mut State, user: v1::User, effects: &mut Vec<Effect>) {
    let password = std::mem::take(&mut state.password);
    let due = user.password_change_required;
    let another = state
        .user
        .as_ref()
        .is_some_and(|known| !known.id.is_empty() && known.id != user.id);
    if another {
        state.batches = Batches::default();
        state.batch = None;
        state.screen = Screen::Batches;
    }
    state.user = Some(user);
    if due {
        state.gate = Some(Gate::NewPassword(NewPassword::new(&password)));
        return;
    }
    state.gate = None;
    let watch = Batches::watch(state.is_admin());
    net(effects, [NetEffect::LoadServiceInfo, watch]);
    if let Some(batch) = &mut state.batch {
        batch.forget_detail();
        net(effects, [batch.watch()]);
    }
}

// The list of batches.

fn in_batches(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    if let Some(step) = step_of(action) {
        return state.batches.rows.step(step);
    }
    let me = state.user.clone().unwrap_or_default();
    match action {
        Action::Open => {
            if let Some(batch) = state.batches.rows.current().cloned() {
                open_batch(state, batch.id.clone(), Some(batch), effects);
            }
        }
        Action::Back => {
            state.batches.rows.unmark();
            state.batches.filter = super::Field::default();
            state.batches.rows.set_filter("");
        }
        Action::Filter => state.batches.filtering = true,
        Action::Mark => state.batches.rows.toggle_mark(),
        Action::MarkAll => state.batches.rows.toggle_all_marks(),
        Action::NewBatch => open_draft(state, effects),
        Action::Cancel => {
            let ask = state.batches.ask_cancel(&me);
            question(state, ask, Notice::NothingToCancel);
        }
        Action::Retry => {
            let ask = state.batches.ask_retry(&me);
            question(state, ask, Notice::NothingToRetry);
        }
        Action::Export => {
            let chosen = state.batches.rows.chosen();
            let wanted: Vec<(String, String)> = chosen
                .into_iter()
                .filter(|batch| super::counts(batch).completed > 0)
                .map(|batch| (batch.id.clone(), batch.name.clone()))
                .collect();
            export(state, wanted, effects);
            state.batches.rows.unmark();
        }
        Action::CopyId => {
            let id = state.batches.rows.current().map(|batch| batch.id.clone());
            copy(state, id, effects);
        }
        _ => {}
    }
}

fn question(state: &mut State, ask: Option<Ask>, otherwise: Notice) {
    match ask {
        Some(ask) => state.overlay = Some(Overlay::Confirm(Confirm::new(ask))),
        None => state.say(otherwise),
    }
}

fn copy(state: &mut State, id: Option<String>, effects: &mut Vec<Effect>) {
    if let Some(id) = id {
        effects.push(Effect::Terminal(TerminalEffect::Copy(id.clone())));
        state.say(Notice::Copied(id));
    }
}

fn open_batch(state: &mut State, id: String, batch: Option<v1::Batch>, effects: &mut Vec<Effect>) {
    let open = OpenBatch::new(id, batch);
    net(effects, [open.watch()]);
    state.batch = Some(open);
    state.screen = Screen::Batch;
}

fn open_draft(state: &mut State, effects: &mut Vec<Effect>) {
    if state.directories.is_none() {
        let command = "vbatch submit PICTURES... --audio FILE".to_owned();
        return state.say(Notice::Command(command));
    }
    state.screen = Screen::NewBatch;
    effects.push(state.new_batch.open());
    net(effects, [NetEffect::LoadServiceInfo]);
}

// Saving.

fn export(state: &mut State, wanted: Vec<(String, String)>, effects: &mut Vec<Effect>) {
    if wanted.is_empty() {
        return state.say(Notice::NothingToSave);
    }
    let Some(directories) = &state.directories else {
        let command = format!("vbatch export {}", wanted[0].0);
        return state.say(Notice::Command(command));
    };
    let directory = directories.downloads.clone();
    let count = wanted.len();
    for (batch_id, label) in wanted {
        let transfer = state.transfers.next_id();
        let effect = NetEffect::Export {
            transfer,
            request: v1::ExportBatchRequest {
                batch_id,
                item_ids: Vec::new(),
            },
            directory: directory.clone(),
        };
        let now = state.now;
        let started = state
            .transfers
            .add(transfer, Carries::Export, label, now, effect);
        net(effects, started);
    }
    state.say(Notice::Saving(count));
}

fn download(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(batch) = &state.batch else { return };
    let batch_id = batch.id.clone();
    let wanted: Vec<(String, String, i32)> = batch
        .rows
        .chosen()
        .into_iter()
        .filter(|item| has_video(item))
        .map(|item| (item.id.clone(), filename(item).to_owned(), item.position))
        .collect();
    if wanted.is_empty() {
        return state.say(Notice::NothingToSave);
    }
    let Some(directories) = &state.directories else {
        let command = format!("vbatch download {batch_id} --item {}", wanted[0].2);
        return state.say(Notice::Command(command));
    };
    let directory = directories.downloads.clone();
    let count = wanted.len();
    for (item_id, label, _) in wanted {
        let transfer = state.transfers.next_id();
        let effect = NetEffect::Download {
            transfer,
            request: v1::DownloadFileRequest {
                batch_id: batch_id.clone(),
                item_id,
                kind: v1::FileKind::Video.into(),
                offset: 0,
            },
            directory: directory.clone(),
        };
        let now = state.now;
        let started = state
            .transfers
            .add(transfer, Carries::Video, label, now, effect);
        net(effects, started);
    }
    if let Some(batch) = &mut state.batch {
        batch.rows.unmark();
    }
    state.say(Notice::Saving(count));
}

// One batch.

fn in_batch(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let me = state.user.clone().unwrap_or_default();
    let balance = state.balance();
    let Some(batch) = &mut state.batch else {
        state.screen = Screen::Batches;
        return;
    };
    if let Some(step) = step_of(action) {
        return batch.rows.step(step);
    }
    match action {
        Action::Back => {
            if batch.rows.mark_count() > 0 {
                batch.rows.unmark();
            } else if batch.filter.text().is_empty() {
                state.batch = None;
                state.screen = Screen::Batches;
                net(effects, [NetEffect::UnwatchBatch]);
            } else {
                batch.filter = super::Field::default();
                batch.rows.set_filter("");
            }
        }
        Action::Filter => batch.filtering = true,
        Action::Mark => batch.rows.toggle_mark(),
        Action::MarkAll => batch.rows.toggle_all_marks(),
        Action::Cancel => {
            let ask = batch.ask_cancel(&me);
            question(state, ask, Notice::NothingToCancel);
        }
        Action::CancelBatch => {
            let ask = batch.ask_cancel_batch(&me);
            question(state, ask, Notice::NothingToCancel);
        }
        Action::Retry | Action::RetryAll => {
            let ask = batch.ask_retry(action == Action::RetryAll, &me, balance);
            question(state, ask, Notice::NothingToRetry);
        }
        Action::Download => download(state, effects),
        Action::Export => {
            let completed = batch
                .batch
                .as_ref()
                .map_or(0, |it| super::counts(it).completed);
            let name = batch.batch.as_ref().map_or("", |it| it.name.as_str());
            let wanted = (completed > 0).then(|| (batch.id.clone(), name.to_owned()));
            export(state, wanted.into_iter().collect(), effects);
        }
        Action::CopyId => {
            let id = batch.rows.current().map(|item| item.id.clone());
            copy(state, id, effects);
        }
        _ => {}
    }
}

// A new batch.

fn in_new_batch(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let service = state.service.as_ref();
    let rules = image_rules(service);
    let draft = &mut state.new_batch;
    if action == Action::Back {
        state.screen = Screen::Batches;
        return;
    }
    if draft.upload.is_some() {
        return;
    }
    if let Some(step) = step_of(action) {
        return draft.files.step(step);
    }
    match action {
        Action::NextField => draft.move_focus(true),
        Action::PreviousField => draft.move_focus(false),
        Action::Mark | Action::MarkAll => {
            if action == Action::Mark {
                draft.files.toggle_mark();
            } else {
                draft.files.toggle_all_marks();
            }
            draft.changed();
        }
        Action::Glob => draft.glob = Some(super::Field::new(draft.files.glob.clone())),
        Action::ParentDirectory => effects.extend(draft.files.go_up().map(Effect::Files)),
        Action::Open => {
            let Some(entry) = draft.files.current().cloned() else {
                return;
            };
            if entry.is_directory {
                effects.push(Effect::Files(draft.files.go(entry.path)));
            } else if super::looks_like_audio(&entry.name) {
                effects.extend(draft.take_audio(&entry.path, service).map(Effect::Files));
            } else {
                draft.files.toggle_mark();
                draft.changed();
                effects.push(Effect::Files(draft.files.probe(rules)));
            }
        }
        Action::Submit => submit(state, effects),
        _ => {}
    }
}

fn submit(state: &mut State, effects: &mut Vec<Effect>) {
    let transfer = state.transfers.next_id();
    let fresh = state.request_id();
    let service = state.service.as_ref();
    match state.new_batch.submit(transfer, service, || fresh) {
        Ok(effect) => {
            let label = draft_label(state);
            let now = state.now;
            let started = state
                .transfers
                .add(transfer, Carries::Upload, label, now, effect);
            net(effects, started);
        }
        Err(problem) => {
            // The cursor goes where it can be mended.
            match &problem {
                Problem::NoAudio | Problem::AudioUnusable => state.new_batch.focus = Focus::Audio,
                Problem::NoImages | Problem::TooManyImages { .. } => {
                    state.new_batch.focus = Focus::Files;
                }
                Problem::NameTooLong { .. } => state.new_batch.focus = Focus::Name,
                Problem::PromptTooLong { .. } => state.new_batch.focus = Focus::Prompt,
                _ => {}
            }
            state.new_batch.problem = Some(problem);
        }
    }
}

/// The name of the draft, else what the server will call it: the name of the audio.
fn draft_label(state: &State) -> String {
    let name = state.new_batch.name.text().trim();
    match (&state.new_batch.audio_state, name.is_empty()) {
        (Audio::Usable(path, _), true) => path
            .file_name()
            .map(|it| it.to_string_lossy().into_owned())
            .unwrap_or_default(),
        _ => name.to_owned(),
    }
}

// The network and the disk.

fn hear(state: &mut State, message: NetMessage, effects: &mut Vec<Effect>) {
    let now = state.now;
    match message {
        NetMessage::SignedIn { user } | NetMessage::PasswordChanged { user } => {
            let changed = matches!(
                &state.gate,
                Some(Gate::NewPassword(form)) if form.busy
            );
            signed_in(state, user, effects);
            if changed && state.gate.is_none() {
                state.say(Notice::PasswordChanged);
            }
        }
        NetMessage::SignInRefused(refusal) => {
            state.password.clear();
            if let Some(Gate::SignIn(form)) = &mut state.gate {
                form.busy = false;
                form.focus = if refusal.is_network() { 0 } else { 2 };
                if matches!(refusal.cause, Cause::Server(_)) {
                    form.password = super::Field::default();
                }
                form.refusal = Some(refusal);
            }
        }
        NetMessage::PasswordRefused(refusal) => {
            if let Some(Gate::NewPassword(form)) = &mut state.gate {
                form.busy = false;
                form.problem = Some(PasswordProblem::Refused(refusal));
            }
        }
        NetMessage::SessionEnded(refusal) => session_ended(state, refusal),
        NetMessage::ServiceInfo(info) => take_service(state, *info, effects),
        NetMessage::StreamOpened(Stream::Batches) => {
            state.batches.rows.begin();
            state.batches.live.opened(now);
        }
        NetMessage::StreamOpened(Stream::Batch(id)) => {
            if let Some(batch) = open_of(state, &id) {
                batch.rows.begin();
                batch.live.opened(now);
                batch.forget_detail();
            }
        }
        NetMessage::StreamLost {
            stream,
            refusal,
            retry_in,
        } => {
            let retry_at = retry_in.and_then(|wait| now.checked_add(wait).ok());
            match stream {
                Stream::Batches => state.batches.live.lost(now, refusal, retry_at),
                Stream::Batch(id) => {
                    if let Some(batch) = open_of(state, &id) {
                        batch.live.lost(now, refusal, retry_at);
                    }
                }
            }
        }
        NetMessage::Batches(event) => {
            if let v1::watch_batches_response::Event::Heartbeat(beat) = &*event {
                set_clock(state, beat.server_time.as_ref());
            }
            state.batches.hear(*event, now);
        }
        NetMessage::Batch { batch_id, event } => {
            if let v1::batch_status_response::Event::Heartbeat(beat) = &*event {
                set_clock(state, beat.server_time.as_ref());
            }
            if let Some(batch) = open_of(state, &batch_id) {
                batch.hear(*event, now);
            }
        }
        NetMessage::Item { item_id, result } => {
            if let Some(batch) = &mut state.batch {
                batch.take_detail(item_id, result);
            }
        }
        NetMessage::Quoted { number, result } => state.new_batch.take_quote(number, result, now),
        NetMessage::Cancelled(result) => match result {
            Ok(count) => state.say(Notice::CancelAsked(count)),
            Err(refusal) => refused(state, refusal),
        },
        NetMessage::Retried(result) => match result {
            Ok(response) => state.say(Notice::Retried {
                count: response.item_count,
                credits: response.credits_charged,
            }),
            Err(refusal) => refused(state, refusal),
        },
        NetMessage::Progress {
            transfer,
            done_bytes,
            total_bytes,
        } => state.transfers.progress(transfer, done_bytes, total_bytes),
        NetMessage::Uploaded { transfer, result } => uploaded(state, transfer, result, effects),
        NetMessage::Saved { transfer, result } => {
            let (ended, started) = state.transfers.end(transfer, now);
            net(effects, started);
            if ended.is_some() {
                match result {
                    Ok(path) => state.say(Notice::Saved(path)),
                    Err(refusal) => state.say(Notice::Refused(refusal)),
                }
            }
        }
    }
}

/// The batch on the screen, if a message is for it.
fn open_of<'a>(state: &'a mut State, id: &str) -> Option<&'a mut OpenBatch> {
    state.batch.as_mut().filter(|batch| batch.id == id)
}

fn set_clock(state: &mut State, server_time: Option<&prost_types::Timestamp>) {
    if let Some(time) = server_time {
        state.server_ahead = moment(time).duration_since(state.now);
    }
}

fn refused(state: &mut State, refusal: Refusal) {
    state.batches.rows.forget_asked();
    if let Some(batch) = &mut state.batch {
        batch.rows.forget_asked();
    }
    state.say(Notice::Refused(refusal));
}

fn session_ended(state: &mut State, refusal: Refusal) {
    let resuming = matches!(state.gate, Some(Gate::Resuming));
    if matches!(state.gate, Some(Gate::SignIn(_))) {
        return;
    }
    let mut form = sign_in_form(state, !resuming);
    // That there is no stored session is no news; that a server cannot be reached is.
    let silent = matches!(
        refusal.cause,
        Cause::Server(v1::refusal::Reason::TokenMissing)
    );
    if !(resuming && silent) {
        form.refusal = Some(refusal);
    }
    state.overlay = None;
    state.gate = Some(Gate::SignIn(form));
}

fn take_service(state: &mut State, info: v1::GetServiceInfoResponse, effects: &mut Vec<Effect>) {
    set_clock(state, info.server_time.as_ref());
    let before = image_rules(state.service.as_ref());
    if state.batches.status.is_none() {
        state.batches.status.clone_from(&info.status);
    }
    state.service = Some(info);
    let rules = image_rules(state.service.as_ref());
    if before != rules && state.directories.is_some() {
        state.new_batch.files.forget_facts();
        effects.push(Effect::Files(state.new_batch.files.probe(rules)));
    }
}

fn uploaded(
    state: &mut State,
    transfer: TransferId,
    result: Result<Box<v1::CreateBatchResponse>, Refusal>,
    effects: &mut Vec<Effect>,
) {
    let (ended, started) = state.transfers.end(transfer, state.now);
    net(effects, started);
    let ours = state.new_batch.upload == Some(transfer);
    match result {
        Ok(response) => {
            if ours {
                state.new_batch.submitted();
            }
            state.batches.balance = Some(response.credit_balance);
            let label = ended.map(|it| it.label).unwrap_or_default();
            let name = response.batch.as_ref().map_or(label, |it| it.name.clone());
            state.say(Notice::Submitted(name));
            if let Some(batch) = response.batch {
                state.batches.rows.update(vec![batch.clone()]);
                // Whoever went elsewhere in the meantime is not pulled away.
                if ours && state.screen == Screen::NewBatch {
                    open_batch(state, batch.id.clone(), Some(batch), effects);
                }
            }
        }
        Err(refusal) => {
            if ours {
                state.new_batch.upload = None;
                state.new_batch.problem = Some(Problem::Refused(refusal.clone()));
            }
            if !ours || state.screen != Screen::NewBatch {
                state.say(Notice::Refused(refusal));
            }
        }
    }
}

fn look(state: &mut State, message: FilesMessage, effects: &mut Vec<Effect>) {
    match message {
        FilesMessage::Listed { directory, result } => {
            state.new_batch.files.listed(directory, result);
            let rules = image_rules(state.service.as_ref());
            effects.push(Effect::Files(state.new_batch.files.probe(rules)));
        }
        FilesMessage::ImageProbed { path, result } => state.new_batch.files.probed(path, result),
        FilesMessage::AudioProbed { path, result } => state.new_batch.audio_probed(path, result),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_files_are_recognised() {
        let paths = |text| {
            dropped_paths(text)
                .into_iter()
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(paths("/a/b.png"), ["/a/b.png"]);
        assert_eq!(
            paths("'/a/my pic.png' /a/c\\ d.jpg\n"),
            ["/a/my pic.png", "/a/c d.jpg"]
        );
        assert_eq!(paths("file:///a/王.png"), ["/a/王.png"]);
        assert!(paths("根据音频生成对应视频").is_empty());
        assert!(paths("a picture of /home").is_empty());
        assert!(paths("").is_empty());
    }
}

//! Owns [`update`]: what each message does to the state.

mod api_keys;
mod audit;
mod deletion;
mod draft;
mod form;
mod lists;
mod mouse;
mod news;
mod overlays;
mod saving;
mod screens;
mod service;
mod session;
mod typing;
mod users;

use jiff::Timestamp;
use vision_batch::v1;

use super::effect::{Effect, FilesEffect, NetEffect, TerminalEffect};
use super::message::Message;
use super::notice::Notice;
use super::palette::Palette;
use super::pictures::{PictureOf, Wanted};
use super::position::Step;
use super::{Overlay, Screen, State};
use crate::keymap::{self, Action, Key, Mode};

/// Lets a message change the state, and answers with what is to be done outside.
pub fn update(state: &mut State, message: Message) -> Vec<Effect> {
    let mut effects = Vec::new();
    match message {
        Message::Key(key) => press(state, key, &mut effects),
        Message::Paste(text) => typing::paste(state, &text, &mut effects),
        Message::Resized { width, height } => state.size = (width, height),
        Message::Tick(now) => tick(state, now),
        Message::Mouse(mouse) => mouse::used(state, mouse),
        Message::Resumed => effects.push(Effect::Terminal(TerminalEffect::TakeAgain)),
        Message::NotPlayed(words) => state.say(Notice::NotPlayed(words)),
        Message::Terminated => state.ended = true,
        Message::Net(message) => news::hear(state, message, &mut effects),
        Message::Files(message) => draft::look(state, message, &mut effects),
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

/// Largest source image that is fetched only to be looked at, in bytes.
const PICTURE_BYTES_MAX: i64 = 8 << 20;

/// What fetches a picture; one that is too large to be fetched only to be looked at counts as not to be shown.
fn fetch(state: &mut State, (of, cells): Wanted) -> Option<Effect> {
    match of {
        PictureOf::File(path) => Some(Effect::Files(FilesEffect::Thumbnail { path, cells })),
        PictureOf::Item { item_id } => {
            let batch = state.batch.as_ref()?;
            let image = batch.rows.get(&item_id)?.source_image.as_ref()?;
            if image.size_bytes > PICTURE_BYTES_MAX {
                let wanted = (PictureOf::Item { item_id }, cells);
                state.pictures.take(wanted, None);
                return None;
            }
            let request = v1::DownloadFileRequest {
                batch_id: batch.id.clone(),
                item_id,
                kind: v1::FileKind::SourceImage.into(),
                offset: 0,
            };
            Some(Effect::Net(NetEffect::LoadThumbnail { request, cells }))
        }
    }
}

/// What is wanted follows from what is shown, whatever message changed it.
fn follow_up(state: &mut State, effects: &mut Vec<Effect>) {
    if state.gate.is_some() {
        return;
    }
    if state.service_again.take_if(|at| *at <= state.now).is_some() {
        net(effects, [NetEffect::LoadServiceInfo]);
    }
    if let Some(wanted) = state.wanted_picture()
        && state.pictures.look(wanted.clone(), state.now)
    {
        effects.extend(fetch(state, wanted));
    }
    match state.screen {
        Screen::Batches => {
            let now = state.now;
            net(effects, state.batches.want_page(now));
        }
        Screen::Batch => {
            if let Some(batch) = &mut state.batch {
                net(effects, batch.want_detail());
                if let Some(user) = state.user.as_ref().filter(|_| !state.read_only) {
                    net(effects, batch.acknowledge(user));
                }
            }
        }
        Screen::Users => net(effects, state.users.want(state.now)),
        Screen::Ledger => net(effects, state.users.want_movements(state.now, true)),
        Screen::System => {}
        Screen::Audit => net(effects, state.audit.want(state.now)),
        Screen::ApiKeys => net(effects, state.api_keys.want(state.now)),
        Screen::NewBatch => {
            let service = state.service.as_ref();
            net(effects, state.new_batch.want_quote(service, state.now));
        }
    }
}

fn press(state: &mut State, key: Key, effects: &mut Vec<Effect>) {
    let mode = state.mode();
    let Some(action) = keymap::action(mode, key) else {
        match key {
            _ if mode.is_text() => typing::type_key(state, mode, key, effects),
            // Over a slow link Esc and the key behind it arrive together and look like Alt with that key.
            Key::Alt(c) => {
                press(state, Key::Esc, effects);
                press(state, Key::Char(c), effects);
            }
            _ => {}
        }
        return;
    };
    perform(state, mode, action, effects);
}

/// Does what the user wants, in the mode it was asked for in.
fn perform(state: &mut State, mode: Mode, action: Action, effects: &mut Vec<Effect>) {
    if !state.offers(action) {
        if state.read_only && action.changes_server() {
            state.say(Notice::ReadOnly);
        }
        return;
    }
    match action {
        Action::Quit => return overlays::quit(state),
        Action::Redraw => return effects.push(Effect::Terminal(TerminalEffect::Redraw)),
        Action::Language => {
            state.look.language = state.look.language.other();
            return;
        }
        Action::Help => {
            let below = state.overlay.take().map(Box::new);
            state.overlay = Some(Overlay::Help {
                mode,
                top: 0,
                below,
            });
            return;
        }
        Action::Palette => {
            state.overlay = Some(Overlay::Palette(Palette::new(mode)));
            return;
        }
        Action::Suspend => return effects.push(Effect::Terminal(TerminalEffect::Suspend)),
        Action::Ground => {
            state.look.ground = state.look.ground.other();
            return;
        }
        Action::Bell => {
            state.bell = !state.bell;
            return state.say(Notice::Bell(state.bell));
        }
        Action::Mouse => {
            state.mouse = !state.mouse;
            effects.push(Effect::Terminal(TerminalEffect::Mouse(state.mouse)));
            return state.say(Notice::Mouse(state.mouse));
        }
        Action::Transfers => {
            state.overlay = Some(Overlay::Transfers { cursor: 0 });
            return;
        }
        Action::Sort => return overlays::open_sort(state),
        Action::Batches => return screens::go(state, Screen::Batches, effects),
        Action::Users => return screens::go(state, Screen::Users, effects),
        Action::System => return screens::go(state, Screen::System, effects),
        Action::ApiKeys => return api_keys::own(state, effects),
        Action::Audit => return screens::go(state, Screen::Audit, effects),
        Action::AuditOf => return audit::of_user(state, effects),
        Action::ApiKeysOf => return api_keys::of_user(state, effects),
        Action::AbortTransfer if mode != Mode::Transfers => {
            return overlays::abort_newest(state, effects);
        }
        _ => {}
    }
    match mode {
        Mode::Form => match action {
            Action::Back => session::leave_form(state, effects),
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
        Mode::Help => overlays::help(state, action),
        Mode::Confirm | Mode::Typed => overlays::confirm(state, action, effects),
        Mode::Sort => overlays::sort(state, action),
        Mode::Transfers => overlays::transfers(state, action, effects),
        Mode::Palette => overlays::palette(state, action, effects),
        Mode::Filter => overlays::filter(state, action == Action::Accept),
        Mode::Batches => lists::in_batches(state, action, effects),
        Mode::Batch => lists::in_batch(state, action, effects),
        Mode::Fields | Mode::Engine | Mode::FileList => draft::in_new_batch(state, action, effects),
        Mode::Users => users::in_users(state, action, effects),
        Mode::Ledger => users::in_ledger(state, action, effects),
        Mode::System => service::in_system(state, action, effects),
        Mode::Audit => audit::in_audit(state, action, effects),
        Mode::ApiKeys => api_keys::in_api_keys(state, action, effects),
        Mode::Dialog | Mode::Choice => form::in_dialog(state, action, effects),
        Mode::Note => form::in_note(state, action, effects),
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

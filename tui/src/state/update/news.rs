//! What the network says.

use jiff::SignedDuration;
use vision_batch::v1;

use super::api_keys;
use super::deletion;
use super::draft::uploaded;
use super::lists::rerun_made;
use super::net;
use super::service;
use super::session::{session_ended, signed_in};
use super::users;
use crate::state::confirm::{Ask, Confirm};
use crate::state::effect::{Effect, TerminalEffect};
use crate::state::message::{NetMessage, Stream};
use crate::state::new_batch::image_rules;
use crate::state::notice::Notice;
use crate::state::refusal::{Cause, Refusal};
use crate::state::sign_in::{Gate, PasswordProblem};
use crate::state::time::moment;
use crate::state::{Field, OpenBatch, Overlay, PictureOf, State};
use crate::text::texts;

/// After the answer was lost, what the service takes and costs is asked again no sooner.
const SERVICE_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(3);

pub(super) fn hear(state: &mut State, message: NetMessage, effects: &mut Vec<Effect>) {
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
                form.focus = if refusal.is_network() && form.server.is_some() {
                    0
                } else {
                    2
                };
                if matches!(refusal.cause, Cause::Server(_)) {
                    form.password = Field::default();
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
        NetMessage::ServiceInfoLost => {
            state.service_again = now.checked_add(SERVICE_AGAIN_AFTER).ok();
        }
        NetMessage::StreamOpened(Stream::Batches) => {
            state.batches.rows.begin();
            state.batches.live.opened(now);
        }
        NetMessage::StreamOpened(Stream::System) => state.system.live.opened(now),
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
                Stream::System => state.system.live.lost(now, refusal, retry_at),
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
            let me = state.user.as_ref().map_or("", |me| me.id.as_str());
            let tolls = if state.bell {
                state.batches.ended_with(&event, me)
            } else {
                Vec::new()
            };
            state.batches.hear(*event, now);
            let words = texts(state.look.language).batch_ended;
            effects.extend(tolls.into_iter().map(|(name, counts)| {
                let words = words(&name, counts.completed, counts.failed);
                Effect::Terminal(TerminalEffect::Ring(words))
            }));
        }
        NetMessage::Batch { batch_id, event } => {
            if let v1::batch_status_response::Event::Heartbeat(beat) = &*event {
                set_clock(state, beat.server_time.as_ref());
            }
            if let v1::batch_status_response::Event::End(end) = &*event
                && end.reason() == v1::stream_end::Reason::BatchDeleted
            {
                return deletion::gone(state, &batch_id, effects);
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
        NetMessage::Quoted { number, result } => match &mut state.overlay {
            Some(Overlay::Confirm(Confirm {
                ask: Ask::Rerun(rerun),
                ..
            })) if rerun.number == number => rerun.quote = Some(result),
            _ => state.new_batch.take_quote(number, result, now),
        },
        NetMessage::BatchPage { number, result } => state.batches.take_page(number, result, now),
        NetMessage::Thumbnail {
            item_id,
            cells,
            thumbnail,
        } => {
            let wanted = (PictureOf::Item { item_id }, cells);
            state.pictures.take(wanted, thumbnail);
        }
        NetMessage::UserPage { number, result } => state.users.take_page(number, result, now),
        NetMessage::UserMade(ticket, result) => users::user_made(state, ticket, result),
        NetMessage::UserChanged(result) => users::user_changed(state, result),
        NetMessage::PasswordReset(result) => users::password_reset(state, result),
        NetMessage::AuditPage { number, result } => state.audit.take_page(number, result, now),
        NetMessage::ApiKeyPage { number, result } => state.api_keys.take_page(number, result, now),
        NetMessage::ApiKeyMade(ticket, result) => api_keys::made(state, ticket, result),
        NetMessage::ApiKeyRevoked(result) => api_keys::revoked(state, result),
        NetMessage::CreditsMoved(ticket, result) => {
            state.unanswered.answered(ticket, &result);
            users::credits_moved(state, ticket, result);
        }
        NetMessage::LedgerPage {
            user_id,
            number,
            result,
        } => state.users.take_movements(&user_id, number, result, now),
        NetMessage::System(event) => {
            if let v1::watch_system_response::Event::Heartbeat(beat) = &*event {
                set_clock(state, beat.server_time.as_ref());
            }
            state.system.hear(*event, now);
        }
        NetMessage::Deleted { batch_id, result } => match result {
            Ok(freed_bytes) => deletion::deleted(state, &batch_id, freed_bytes, effects),
            Err(refusal) => refused(state, refusal),
        },
        NetMessage::Dispatched(result) => service::dispatched(state, result),
        NetMessage::TokenPutIn(ticket, result) => service::token_put_in(state, ticket, result),
        NetMessage::Rerun(ticket, result) => {
            state.unanswered.answered(ticket, &result);
            match result {
                Ok(response) => rerun_made(state, *response, effects),
                Err(refusal) => refused(state, refusal),
            }
        }
        NetMessage::Cancelled(result) => match result {
            Ok(count) => state.say(Notice::CancelAsked(count)),
            Err(refusal) => refused(state, refusal),
        },
        NetMessage::Retried(ticket, result) => {
            state.unanswered.answered(ticket, &result);
            match result {
                Ok(response) => state.say(Notice::Retried {
                    count: response.item_count,
                    credits: response.credits_charged,
                }),
                Err(refusal) => refused(state, refusal),
            }
        }
        NetMessage::Progress {
            transfer,
            done_bytes,
            total_bytes,
        } => state
            .transfers
            .progress(transfer, done_bytes, total_bytes, now),
        NetMessage::Uploaded { transfer, result } => uploaded(state, transfer, result, effects),
        NetMessage::Saved { transfer, result } => {
            let (ended, started) = state.transfers.end(transfer, now);
            net(effects, started);
            if let Some(ended) = ended {
                match result {
                    Ok(path) => {
                        let digest = digest_of(state, &ended.item_id);
                        let play = state.transfers.keep_saved(ended, digest, path.clone());
                        if play {
                            effects.push(Effect::Terminal(TerminalEffect::Play(path.clone())));
                        }
                        state.say(Notice::Saved(path));
                    }
                    Err(refusal) => state.say(Notice::Refused(refusal)),
                }
            }
        }
    }
}

/// The digest of an item's video, as far as it is known on this screen.
fn digest_of(state: &State, item_id: &str) -> Option<String> {
    let item = state.batch.as_ref()?.rows.get(item_id)?;
    Some(item.result.as_ref()?.sha256.clone())
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

fn take_service(state: &mut State, info: v1::GetServiceInfoResponse, effects: &mut Vec<Effect>) {
    set_clock(state, info.server_time.as_ref());
    let before = image_rules(state.service.as_ref());
    if state.batches.status.is_none() {
        state.batches.status.clone_from(&info.status);
    }
    state.service = Some(info);
    state.service_again = None;
    let rules = image_rules(state.service.as_ref());
    if before != rules && state.directories.is_some() {
        state.new_batch.files.forget_facts();
        effects.push(Effect::Files(state.new_batch.files.probe(rules)));
    }
}

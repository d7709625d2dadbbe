//! Owns [`Unanswered`]: what was asked for that moves credits, until it is known what came of it.
//!
//! Invariant: the same content asked for again before an answer came is the same request, id and all, so that after a lost
//! answer nothing is paid for twice. What was answered, with Yes or with No, is asked for anew the next time.

use super::effect::NetEffect;
use super::message::Ticket;
use super::refusal::Refusal;

/// What was asked for and not answered yet.
#[derive(Debug, Default)]
pub(crate) struct Unanswered {
    asked: Vec<Asked>,
}

#[derive(Debug)]
struct Asked {
    /// As it was sent first.
    effect: NetEffect,
    /// Everything it was sent under: the first try may be answered after the second.
    tickets: Vec<Ticket>,
}

impl Unanswered {
    /// What is to be sent: the effect, or the one of the same content that has not been answered yet.
    pub(crate) fn send(&mut self, mut effect: NetEffect) -> NetEffect {
        let Some((ticket, content)) = ticket_of(&effect).zip(content_of(&effect)) else {
            return effect;
        };
        let known = self
            .asked
            .iter_mut()
            .find(|asked| content_of(&asked.effect).as_ref() == Some(&content));
        match known {
            Some(asked) => {
                asked.tickets.push(ticket);
                effect = asked.effect.clone();
                put_ticket(&mut effect, ticket);
            }
            None => self.asked.push(Asked {
                effect: effect.clone(),
                tickets: vec![ticket],
            }),
        }
        effect
    }

    /// An answer came. After one that leaves open what became of it, it is still unanswered.
    pub(crate) fn answered<T>(&mut self, ticket: Ticket, result: &Result<T, Refusal>) {
        if !result.as_ref().is_err_and(Refusal::leaves_open) {
            self.asked.retain(|asked| !asked.tickets.contains(&ticket));
        }
    }
}

fn ticket_of(effect: &NetEffect) -> Option<Ticket> {
    match effect {
        NetEffect::RerunBatch(ticket, _)
        | NetEffect::RetryItems(ticket, _)
        | NetEffect::AdjustCredits(ticket, _) => Some(*ticket),
        _ => None,
    }
}

fn put_ticket(effect: &mut NetEffect, new: Ticket) {
    if let NetEffect::RerunBatch(ticket, _)
    | NetEffect::RetryItems(ticket, _)
    | NetEffect::AdjustCredits(ticket, _) = effect
    {
        *ticket = new;
    }
}

/// What is asked for, without what tells one try from another. What it may cost is no part of it: a new price does not
/// make another request of one whose answer was lost.
fn content_of(effect: &NetEffect) -> Option<NetEffect> {
    let mut content = effect.clone();
    match &mut content {
        NetEffect::RerunBatch(ticket, request) => {
            *ticket = Ticket::default();
            request.request_id.clear();
            request.max_credits = None;
        }
        NetEffect::RetryItems(ticket, request) => {
            *ticket = Ticket::default();
            request.request_id.clear();
            request.max_credits = None;
        }
        NetEffect::AdjustCredits(ticket, request) => {
            *ticket = Ticket::default();
            request.request_id.clear();
        }
        _ => return None,
    }
    Some(content)
}

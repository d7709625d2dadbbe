//! Owns [`Dialog`]: a small form over a screen, for a new user, for credits, for a token, and for a key.

use jiff::Timestamp;
use vision_batch::v1;
use vision_batch::v1::api_key::Scope;

use super::effect::NetEffect;
use super::field::Field;
use super::message::Ticket;
use super::refusal::Refusal;
use crate::keymap::Key;

/// What the form is for.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    NewUser,
    /// Credits are given to this user, or taken.
    Give(Box<v1::User>),
    /// The balance of this user is set.
    Set(Box<v1::User>),
    Token,
    /// A key for a program; whether one for admins is offered, and whose it is when not the user's own.
    NewKey {
        admin: bool,
        user_id: String,
    },
}

/// A field of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Username,
    DisplayName,
    /// A choice: user or admin.
    Role,
    /// What a key is for.
    KeyName,
    /// A choice: what a key may be used for.
    Scope,
    /// After how many days a key ends.
    Days,
    /// Credits to start with, or to have.
    Credits,
    /// Credits to give or to take.
    Delta,
    Note,
    Token,
}

/// The choices of a new user's role.
pub(crate) const ROLES: [v1::user::Role; 2] = [v1::user::Role::User, v1::user::Role::Admin];

/// The choices of what a key may be used for, each with what comes before it.
pub(crate) const SCOPES: [Scope; 3] = [Scope::Read, Scope::Submit, Scope::Admin];

/// The longest life of a key that can be typed, in days; without one it lives for ever.
pub(crate) const DAYS_MOST: i64 = 3_650;

impl Entry {
    /// Whether it is a choice between a few answers, not a text.
    pub(crate) const fn is_choice(self) -> bool {
        matches!(self, Self::Role | Self::Scope)
    }
}

impl Purpose {
    /// How many answers its choice has.
    pub(crate) const fn choices(&self) -> usize {
        match self {
            // Only an admin's key may be one for admins.
            Self::NewKey { admin: false, .. } => SCOPES.len() - 1,
            Self::NewKey { admin: true, .. } => SCOPES.len(),
            _ => ROLES.len(),
        }
    }
}

/// Why a form is not sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Flaw {
    Empty(Entry),
    NoNumber(Entry),
    /// More would be taken than there is.
    BelowZero,
    Refused(Refusal),
}

/// A form over a screen.
#[derive(Debug)]
pub(crate) struct Dialog {
    pub(crate) purpose: Purpose,
    pub(crate) fields: Vec<(Entry, Field)>,
    pub(crate) focus: usize,
    pub(crate) busy: bool,
    /// What it was sent under last.
    ticket: Ticket,
    pub(crate) flaw: Option<Flaw>,
    /// Which answer of its choice is chosen.
    pub(crate) choice: usize,
}

impl Dialog {
    pub(crate) fn new(purpose: Purpose) -> Self {
        let entries: &[Entry] = match purpose {
            Purpose::NewUser => &[
                Entry::Username,
                Entry::DisplayName,
                Entry::Role,
                Entry::Credits,
            ],
            Purpose::Give(_) => &[Entry::Delta, Entry::Note],
            Purpose::Set(_) => &[Entry::Credits, Entry::Note],
            Purpose::Token => &[Entry::Token],
            Purpose::NewKey { .. } => &[Entry::KeyName, Entry::Scope, Entry::Days],
        };
        Self {
            purpose,
            fields: entries
                .iter()
                .map(|entry| (*entry, Field::default()))
                .collect(),
            focus: 0,
            busy: false,
            ticket: Ticket::default(),
            flaw: None,
            choice: 0,
        }
    }

    fn text(&self, wanted: Entry) -> &str {
        self.fields
            .iter()
            .find(|(entry, _)| *entry == wanted)
            .map_or("", |(_, field)| field.text().trim())
    }

    pub(crate) fn move_focus(&mut self, forward: bool) {
        let count = self.fields.len();
        self.focus = (self.focus + if forward { 1 } else { count - 1 }) % count;
    }

    /// Whether Enter sends the form here, or goes on to the next field.
    pub(crate) fn is_at_end(&self) -> bool {
        self.focus + 1 == self.fields.len()
    }

    /// Whether the cursor is on a choice, not in a text.
    pub(crate) fn is_at_choice(&self) -> bool {
        self.fields
            .get(self.focus)
            .is_some_and(|(entry, _)| entry.is_choice())
    }

    /// Goes to the next answer of its choice, or the one before.
    pub(crate) fn choose(&mut self, forward: bool) {
        let count = self.purpose.choices();
        self.flaw = None;
        self.choice = (self.choice + if forward { 1 } else { count - 1 }) % count;
    }

    pub(crate) fn edit(&mut self, key: Key) {
        if self.busy {
            return;
        }
        let Some((entry, field)) = self.fields.get_mut(self.focus) else {
            return;
        };
        self.flaw = None;
        if entry.is_choice() {
            return;
        }
        let key = match (*entry, key) {
            // Digits and signs of an input method count as what they are.
            (
                Entry::Delta | Entry::Credits | Entry::Days,
                Key::Char(c @ '\u{ff0b}'..='\u{ff19}'),
            ) => Key::Char(char::from_u32(u32::from(c) - 0xff01 + 0x21).unwrap_or(c)),
            (_, key) => key,
        };
        field.edit(key);
    }

    pub(crate) fn paste(&mut self, text: &str) {
        if self.busy {
            return;
        }
        if let Some((entry, field)) = self.fields.get_mut(self.focus)
            && !entry.is_choice()
        {
            self.flaw = None;
            field.insert(text.trim());
        }
    }

    /// The balance there would be, as far as a number is typed.
    pub(crate) fn balance_after(&self) -> Option<(i32, i32)> {
        match &self.purpose {
            Purpose::Give(user) => {
                let delta: i32 = self.text(Entry::Delta).parse().ok()?;
                Some((user.credit_balance, user.credit_balance.checked_add(delta)?))
            }
            Purpose::Set(user) => {
                let credits: i32 = self.text(Entry::Credits).parse().ok()?;
                Some((user.credit_balance, credits))
            }
            Purpose::NewUser | Purpose::Token | Purpose::NewKey { .. } => None,
        }
    }

    /// Whether the form waits for the answer to this.
    pub(crate) fn waits_for(&self, ticket: Ticket) -> bool {
        self.busy && self.ticket == ticket
    }

    /// Sends the form under a ticket, and with the id of a request where it moves credits.
    ///
    /// # Errors
    /// What is missing or wrong; the cursor goes there.
    pub(crate) fn submit(
        &mut self,
        ticket: Ticket,
        request_id: String,
        now: Timestamp,
    ) -> Result<NetEffect, Flaw> {
        let effect = match &self.purpose {
            Purpose::NewUser => {
                if self.text(Entry::Username).is_empty() {
                    return Err(Flaw::Empty(Entry::Username));
                }
                let credits = match self.text(Entry::Credits) {
                    "" => None,
                    typed => match typed.parse::<i32>() {
                        Ok(credits) if credits >= 0 => Some(credits),
                        _ => return Err(Flaw::NoNumber(Entry::Credits)),
                    },
                };
                let role = ROLES[self.choice];
                NetEffect::CreateUser(
                    ticket,
                    v1::CreateUserRequest {
                        username: self.text(Entry::Username).to_owned(),
                        display_name: self.text(Entry::DisplayName).to_owned(),
                        role: role.into(),
                        credits,
                        ..v1::CreateUserRequest::default()
                    },
                )
            }
            Purpose::Give(user) => {
                let delta = self.text(Entry::Delta).parse::<i32>().ok();
                let Some(delta) = delta.filter(|delta| *delta != 0) else {
                    return Err(Flaw::NoNumber(Entry::Delta));
                };
                if self.balance_after().is_none_or(|(_, after)| after < 0) {
                    return Err(Flaw::BelowZero);
                }
                let note = self.text(Entry::Note).to_owned();
                let user_id = user.id.clone();
                NetEffect::AdjustCredits(
                    ticket,
                    v1::AdjustCreditsRequest {
                        user_id,
                        delta,
                        note,
                        request_id,
                    },
                )
            }
            Purpose::Set(user) => match self.text(Entry::Credits).parse::<i32>() {
                Ok(credits) if credits >= 0 => NetEffect::SetCredits(
                    ticket,
                    v1::SetCreditsRequest {
                        user_id: user.id.clone(),
                        credits,
                        expected_balance: Some(user.credit_balance),
                        note: self.text(Entry::Note).to_owned(),
                    },
                ),
                _ => return Err(Flaw::NoNumber(Entry::Credits)),
            },
            Purpose::NewKey { user_id, .. } => self.new_key(ticket, user_id, now)?,
            Purpose::Token => {
                let token = self.text(Entry::Token);
                // Some copy it with the word before it.
                let token = token.strip_prefix("Bearer ").unwrap_or(token).trim();
                if token.is_empty() {
                    return Err(Flaw::Empty(Entry::Token));
                }
                NetEffect::UpdateToken(
                    ticket,
                    v1::UpdateUpstreamTokenRequest {
                        token: token.to_owned(),
                        force: false,
                    },
                )
            }
        };
        self.busy = true;
        self.ticket = ticket;
        self.flaw = None;
        Ok(effect)
    }

    fn new_key(&self, ticket: Ticket, user_id: &str, now: Timestamp) -> Result<NetEffect, Flaw> {
        let name = self.text(Entry::KeyName);
        if name.is_empty() {
            return Err(Flaw::Empty(Entry::KeyName));
        }
        let expire_time = match self.text(Entry::Days) {
            "" => None,
            typed => {
                let days = typed.parse::<i64>().ok();
                let days = days.filter(|days| (1..=DAYS_MOST).contains(days));
                let Some(days) = days else {
                    return Err(Flaw::NoNumber(Entry::Days));
                };
                Some(prost_types::Timestamp {
                    seconds: now.as_second() + days * 86_400,
                    nanos: 0,
                })
            }
        };
        Ok(NetEffect::CreateApiKey(
            ticket,
            v1::CreateApiKeyRequest {
                name: name.to_owned(),
                scopes: vec![SCOPES[self.choice].into()],
                expire_time,
                user_id: user_id.to_owned(),
            },
        ))
    }

    /// What was typed as the token.
    pub(crate) fn token(&self) -> String {
        let token = self.text(Entry::Token);
        token
            .strip_prefix("Bearer ")
            .unwrap_or(token)
            .trim()
            .to_owned()
    }

    /// Something is wrong: the cursor goes where it can be mended.
    pub(crate) fn show(&mut self, flaw: Flaw) {
        self.busy = false;
        let wrong = match &flaw {
            Flaw::Empty(entry) | Flaw::NoNumber(entry) => Some(*entry),
            Flaw::BelowZero => Some(Entry::Delta),
            Flaw::Refused(_) => None,
        };
        if let Some(index) = self.fields.iter().position(|(it, _)| Some(*it) == wrong) {
            self.focus = index;
        }
        self.flaw = Some(flaw);
    }
}

//! Owns [`Confirm`]: the question before something is destroyed or spent. The default answer is No, and what acts on
//! several things at once wants their number typed.

use vision_batch::v1;

use super::effect::NetEffect;
use super::field::Field;
use super::message::{Ticket, TransferId};
use super::refusal::Refusal;
use super::transfers::Carries;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ask {
    /// End these items.
    Cancel {
        targets: Vec<Target>,
        /// Items that wait: their credits come back at once.
        pending: i32,
        /// Items being worked on: theirs come back if the engine really ends them.
        running: i32,
        pending_credits: i32,
        running_credits: i32,
        /// Whose credits they are, when not the user's own.
        owner: Option<String>,
    },
    /// Begin a new round.
    Retry {
        targets: Vec<Target>,
        count: i32,
        credits: i32,
        /// The user's balance, when it is the user's own that pays.
        balance: Option<i32>,
        owner: Option<String>,
    },
    /// Take ended batches away for good.
    Delete {
        /// The batches, id and name.
        batches: Vec<(String, String)>,
        /// Finished videos that go with them.
        videos: i32,
        /// Chosen batches that stay because they have not ended.
        left_out: usize,
        /// Whose they are, when not the user's own.
        owner: Option<String>,
    },
    /// Make a preview for real.
    Rerun(Box<Rerun>),
    /// Keep a user out, or let one in again.
    Disable {
        user: Box<v1::User>,
        /// Whether the user is the one who asks.
        me: bool,
    },
    /// Make a user an admin, or an admin a user.
    Role {
        user: Box<v1::User>,
        role: v1::user::Role,
        /// Whether the user is the one who asks.
        me: bool,
    },
    /// Give a user another one-time password.
    ResetPassword {
        user: Box<v1::User>,
        /// Whether the user is the one who asks.
        me: bool,
    },
    /// End a key for a program.
    RevokeKey {
        id: String,
        name: String,
        /// Whose it is, when not the user's own.
        user_id: String,
    },
    /// Change what dispatch does.
    Dispatch {
        state: v1::dispatch::State,
        /// Items being worked on.
        running: i32,
    },
    /// Change the number of upstream slots.
    Concurrency { from: i32, to: i32 },
    /// Take a token although the upstream refuses it.
    ForceToken { token: Secret, said: String },
    /// End the program while transfers run.
    Quit { transfers: usize },
    /// Break off a transfer that runs.
    Abort {
        id: TransferId,
        carries: Carries,
        /// What the user knows it by.
        label: String,
        /// Whether it was chosen in the list of transfers, which is shown again after the answer.
        in_list: bool,
    },
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// A preview to be made for real.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rerun {
    pub(crate) batch_id: String,
    pub(crate) name: String,
    /// The engine that makes it real.
    pub(crate) engine: String,
    /// Only these items; empty means all.
    pub(crate) item_ids: Vec<String>,
    pub(crate) count: i32,
    /// Who pays, when not the user.
    pub(crate) owner: Option<String>,
    /// Number of the question what it costs.
    pub(crate) number: u64,
    /// What it costs, once the server has said so.
    pub(crate) quote: Option<Result<v1::QuoteBatchResponse, Refusal>>,
}

/// Items of one batch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) batch_id: String,
    /// Of a single batch: its name, for the question.
    pub(crate) name: String,
    pub(crate) which: Which,
    /// What this target may cost at most.
    pub(crate) credits: i32,
}

/// Which items of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// All that can be.
    All,
    /// These.
    Items(Vec<String>),
}

/// A question, and the answer that Enter would give.
#[derive(Debug)]
pub(crate) struct Confirm {
    pub(crate) ask: Ask,
    pub(crate) yes: bool,
    /// The number that is typed for Yes, where the question wants one.
    pub(crate) typed: Option<Field>,
}

impl Confirm {
    pub(crate) fn new(ask: Ask) -> Self {
        let typed = ask.number().map(|_| Field::default());
        Self {
            ask,
            yes: false,
            typed,
        }
    }

    /// Whether what was typed is the number that is wanted.
    pub(crate) fn is_typed(&self) -> bool {
        let typed = self.typed.as_ref().map(|field| field.text().parse::<i32>());
        matches!((typed, self.ask.number()), (Some(Ok(typed)), Some(wanted)) if typed == wanted)
    }

    /// Takes a digit, also one of an input method, or a key of editing.
    pub(crate) fn edit(&mut self, key: crate::keymap::Key) {
        use crate::keymap::Key;
        let Some(field) = &mut self.typed else { return };
        let key = match key {
            Key::Char(c @ '\u{ff10}'..='\u{ff19}') => {
                Key::Char(char::from_u32(u32::from(c) - 0xff10 + 0x30).unwrap_or(c))
            }
            other => other,
        };
        if !matches!(key, Key::Char(c) if !c.is_ascii_digit()) {
            field.edit(key);
        }
    }
}

impl Ask {
    /// The number to be typed for Yes, where more than one thing ends, goes or is paid for: of items, of batches, or of the
    /// videos of the one batch that goes.
    pub(crate) fn number(&self) -> Option<i32> {
        let number = match self {
            Self::Cancel {
                pending, running, ..
            } => pending + running,
            Self::Retry { count, .. } => *count,
            Self::Rerun(rerun) => rerun.count,
            Self::Delete {
                batches, videos, ..
            } => match batches.as_slice() {
                [_] => *videos,
                several => i32::try_from(several.len()).unwrap_or(i32::MAX),
            },
            _ => return None,
        };
        (number > 1).then_some(number)
    }

    /// Whether Yes can be said: what must be known for it is known.
    pub(crate) fn can_be_accepted(&self) -> bool {
        match self {
            Self::Rerun(rerun) => matches!(
                &rerun.quote,
                Some(Ok(quote)) if quote.affordable || rerun.owner.is_some()
            ),
            _ => true,
        }
    }

    /// What Yes asks of the network. `fresh` makes a ticket and a UUID for each call.
    pub(crate) fn effects(&self, mut fresh: impl FnMut() -> (Ticket, String)) -> Vec<NetEffect> {
        match self {
            Self::Cancel { targets, .. } => targets.iter().map(Target::cancel).collect(),
            Self::Retry { targets, .. } => {
                targets.iter().map(|target| target.retry(fresh())).collect()
            }
            Self::Delete { batches, .. } => batches
                .iter()
                .map(|(id, _)| {
                    NetEffect::DeleteBatch(v1::DeleteBatchRequest {
                        batch_id: id.clone(),
                    })
                })
                .collect(),
            Self::Rerun(rerun) => vec![rerun.effect(fresh())],
            Self::Disable { user, .. } => {
                let changed = v1::User {
                    disabled: !user.disabled,
                    ..seen(user)
                };
                vec![update(changed, "disabled")]
            }
            Self::Role { user, role, .. } => {
                let changed = v1::User {
                    role: (*role).into(),
                    ..seen(user)
                };
                vec![update(changed, "role")]
            }
            Self::ResetPassword { user, .. } => {
                vec![NetEffect::ResetPassword(v1::ResetPasswordRequest {
                    user_id: user.id.clone(),
                })]
            }
            Self::RevokeKey { id, user_id, .. } => {
                vec![NetEffect::RevokeApiKey(v1::RevokeApiKeyRequest {
                    api_key_id: id.clone(),
                    user_id: user_id.clone(),
                })]
            }
            Self::Dispatch { state, .. } => vec![NetEffect::SetDispatch(v1::SetDispatchRequest {
                state: Some((*state).into()),
                concurrency: None,
            })],
            Self::Concurrency { to, .. } => vec![NetEffect::SetDispatch(v1::SetDispatchRequest {
                state: None,
                concurrency: Some(*to),
            })],
            Self::ForceToken { token, .. } => {
                let (ticket, _) = fresh();
                vec![NetEffect::UpdateToken(
                    ticket,
                    v1::UpdateUpstreamTokenRequest {
                        token: token.0.clone(),
                        force: true,
                    },
                )]
            }
            Self::Quit { .. } | Self::Abort { .. } => Vec::new(),
        }
    }
}

/// Which user is meant, and in which state.
fn seen(user: &v1::User) -> v1::User {
    v1::User {
        id: user.id.clone(),
        etag: user.etag.clone(),
        ..v1::User::default()
    }
}

fn update(user: v1::User, field: &str) -> NetEffect {
    NetEffect::UpdateUser(Box::new(v1::UpdateUserRequest {
        user: Some(user),
        update_mask: Some(prost_types::FieldMask {
            paths: vec![field.to_owned()],
        }),
    }))
}

impl Rerun {
    fn effect(&self, (ticket, request_id): (Ticket, String)) -> NetEffect {
        let credits = match &self.quote {
            Some(Ok(quote)) => Some(quote.credits),
            _ => None,
        };
        NetEffect::RerunBatch(
            ticket,
            v1::RerunBatchRequest {
                batch_id: self.batch_id.clone(),
                engine: Some(self.engine.clone()),
                item_ids: self.item_ids.clone(),
                request_id,
                max_credits: credits,
                ..v1::RerunBatchRequest::default()
            },
        )
    }
}

impl Target {
    fn cancel(&self) -> NetEffect {
        let batch_id = self.batch_id.clone();
        match &self.which {
            Which::All => NetEffect::CancelBatch(v1::CancelBatchRequest { batch_id }),
            Which::Items(item_ids) => NetEffect::CancelItems(v1::CancelItemsRequest {
                batch_id,
                item_ids: item_ids.clone(),
                states: Vec::new(),
            }),
        }
    }

    fn retry(&self, (ticket, request_id): (Ticket, String)) -> NetEffect {
        let (item_ids, states) = match &self.which {
            Which::All => (Vec::new(), vec![v1::video_item::State::Failed.into()]),
            Which::Items(item_ids) => (item_ids.clone(), Vec::new()),
        };
        NetEffect::RetryItems(
            ticket,
            v1::RetryItemsRequest {
                batch_id: self.batch_id.clone(),
                item_ids,
                states,
                request_id,
                max_credits: Some(self.credits),
            },
        )
    }
}

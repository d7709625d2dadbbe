//! The upstream's token: trying and setting it, and what the accounts before are still needed for.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::{Admin, require_admin};
use crate::domain::batch::EngineKind;
use crate::domain::dispatching::UpstreamToken;
use crate::domain::failure::{UPSTREAM_MESSAGE_BYTES, cut};
use crate::domain::ids::Account;
use crate::domain::item::Stage;
use crate::engine::lightx2v::account::{account_of, token_expiry};
use crate::engine::{Credentials, ReadError};
use crate::service::Caller;
use crate::service::error::{Reason, ServiceError};

/// Longest token, in bytes: what a header carries without trouble.
pub const TOKEN_BYTES: usize = 4_096;

/// How a token is, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not refused.
    Good,
    /// Its own expiry has passed.
    Expired,
    /// The upstream refuses it.
    Refused,
    /// The upstream could not be asked.
    Untried,
}

/// One upstream account and what still needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountUse {
    /// The account.
    pub account: Account,
    /// New tasks are submitted on it.
    pub is_current: bool,
    /// How its token is.
    pub standing: Standing,
    /// Since when it is refused, if it is.
    pub refused_since: Option<Timestamp>,
    /// When it expires, where it says.
    pub expire_time: Option<Timestamp>,
    /// Attempts before FETCHING.
    pub running: usize,
    /// Submits without a definite answer.
    pub unresolved: usize,
    /// Tasks that should end although their item has.
    pub cleanups: usize,
    /// Videos being fetched.
    pub fetches: usize,
}

/// A token that was put in.
#[derive(Debug, Clone)]
pub struct TokenUpdate {
    /// Whose it is.
    pub account: Account,
    /// How it is.
    pub standing: Standing,
    /// When it expires, where it says.
    pub expire_time: Option<Timestamp>,
    /// What the upstream said when it did not take it; else empty.
    pub upstream_message: String,
    /// The account before, when it was another.
    pub previous: Option<AccountUse>,
}

impl Admin {
    /// Tries a token on the upstream and makes it the current one. With `force` also when the upstream refuses it
    /// or cannot be asked.
    ///
    /// # Errors
    ///
    /// ADMIN_REQUIRED, ENGINE_UNAVAILABLE, FIELD_INVALID, UPSTREAM_TOKEN_REJECTED.
    pub async fn update_upstream_token(
        &self,
        caller: &Caller,
        token: SecretString,
        force: bool,
    ) -> Result<TokenUpdate, ServiceError> {
        require_admin(caller)?;
        let Some(engine) = &self.parts.upstream else {
            let engine = EngineKind::LightX2v.name();
            let message = format!("The engine {engine} is not configured on this server.");
            return Err(
                ServiceError::new(Reason::EngineUnavailable, message).with("engine", engine)
            );
        };
        let token = read_token(&token)?;
        let account = account_of(&token);
        let expire_time = token_expiry(&token);
        let credentials = Credentials {
            account: account.clone(),
            token: token.clone(),
        };
        // Asked before the lock is taken: the upstream may take its time.
        let refusal = engine.check(&credentials).await.err();
        let upstream_message = refusal.as_ref().map(words).unwrap_or_default();
        if refusal.is_some() && !force {
            return Err(ServiceError::new(
                Reason::UpstreamTokenRejected,
                "The upstream did not take the token. The one before still stands; force sets it all the same.",
            )
            .with("upstream_message", upstream_message));
        }

        let _changing = self.changing.lock().await;
        let now = self.parts.clock.now();
        let tokens = self.parts.store.upstream_tokens().await?;
        let before = tokens.into_iter().find(|token| token.current);
        let is_refused = matches!(refusal, Some(ReadError::Token { .. }));
        let new = UpstreamToken {
            account: account.clone(),
            token: token.expose_secret().to_owned(),
            set_time: now,
            current: true,
            refused_since: is_refused.then_some(now),
        };
        self.parts
            .store
            .set_upstream_token(new, caller.actor())
            .await?;
        let previous = match before.filter(|before| before.account != account) {
            Some(before) => self
                .account_uses()
                .await?
                .into_iter()
                .find(|account| account.account == before.account),
            None => None,
        };
        Ok(TokenUpdate {
            account,
            standing: match refusal {
                None => Standing::Good,
                Some(_) if expire_time.is_some_and(|time| time <= now) => Standing::Expired,
                Some(_) if is_refused => Standing::Refused,
                Some(_) => Standing::Untried,
            },
            expire_time,
            upstream_message,
            previous,
        })
    }

    /// The accounts whose tokens are kept, the present one first.
    pub(super) async fn account_uses(&self) -> Result<Vec<AccountUse>, ServiceError> {
        let store = &self.parts.store;
        let now = self.parts.clock.now();
        let active = store.active(EngineKind::LightX2v).await?;
        let cleanups = store.cleanups().await?;
        let watches = store.watches().await?;
        let uses = store.upstream_tokens().await?.into_iter().map(|token| {
            let stages = || {
                active
                    .iter()
                    .filter_map(|(_, item)| item.processing())
                    .filter(|processing| processing.attempt.account == token.account)
                    .map(|processing| &processing.stage)
            };
            let unresolved = stages().filter(|stage| matches!(stage, Stage::Unresolved { .. }));
            let fetches = stages().filter(|stage| matches!(stage, Stage::Fetching { .. }));
            let running = stages().filter(|stage| {
                !matches!(stage, Stage::Unresolved { .. } | Stage::Fetching { .. })
            });
            let secret = SecretString::from(token.token.clone());
            let expire_time = token_expiry(&secret);
            AccountUse {
                is_current: token.current,
                standing: match token.refused_since {
                    _ if expire_time.is_some_and(|time| time <= now) => Standing::Expired,
                    Some(_) => Standing::Refused,
                    None => Standing::Good,
                },
                refused_since: token.refused_since,
                expire_time,
                running: running.count(),
                unresolved: unresolved.count()
                    + watches
                        .iter()
                        .filter(|watch| watch.account == token.account && !watch.matched)
                        .count(),
                cleanups: cleanups
                    .iter()
                    .filter(|cleanup| cleanup.account == token.account)
                    .count(),
                fetches: fetches.count(),
                account: token.account,
            }
        });
        Ok(uses.collect())
    }
}

/// The token itself, without blanks and without the word Bearer, which is easily copied along.
fn read_token(text: &SecretString) -> Result<SecretString, ServiceError> {
    let trimmed = text.expose_secret().trim();
    let token = match trimmed.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ if trimmed.eq_ignore_ascii_case("bearer") => "",
        _ => trimmed,
    };
    let fits = (1..=TOKEN_BYTES).contains(&token.len());
    if !fits || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message =
            format!("token must be 1 to {TOKEN_BYTES} printable characters without blanks.");
        return Err(ServiceError::field("token", message).with("limit", TOKEN_BYTES));
    }
    Ok(token.into())
}

/// The upstream's words, or what went wrong, cut to what is shown.
fn words(error: &ReadError) -> String {
    let text = match error {
        ReadError::Token { message }
        | ReadError::Unavailable { message }
        | ReadError::Unknown { message }
        | ReadError::Busy { message, .. }
        | ReadError::Weather { message, .. } => message,
    };
    cut(text, UPSTREAM_MESSAGE_BYTES).to_owned()
}

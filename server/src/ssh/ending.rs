//! Why a session ends that its user did not end.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use vbatch_tui::cli::exit::Exit;
use vbatch_tui::net::Client;
use vbatch_tui::state::Language;

use crate::service::accounts::Accounts;
use crate::service::session::SessionEnd;

/// Who changes the own password in a session gets a new token for it, a moment after the old one has ended.
const NEW_TOKEN_WITHIN: Duration = Duration::from_secs(3);
/// How often that is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The server ends.
    Shutdown,
    /// The user was disabled.
    Disabled,
    /// The password was changed, or the role.
    Revoked,
    /// The token expired and was not renewed.
    Expired,
}

impl Ended {
    /// In words, for whoever sits at the other end.
    pub(super) fn words(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Shutdown, Language::English) => {
                "The server is shutting down. Batches go on when it is back."
            }
            (Self::Shutdown, Language::Chinese) => "服务器正在关闭。恢复后批次会继续。",
            (Self::Disabled, Language::English) => "This account was disabled.",
            (Self::Disabled, Language::Chinese) => "此账户已被停用。",
            (Self::Revoked, Language::English) => {
                "This session has ended: the password or the role of the account was changed. Sign in again."
            }
            (Self::Revoked, Language::Chinese) => {
                "会话已结束：此账户的密码或角色已更改。请重新登录。"
            }
            (Self::Expired, Language::English) => "This session has expired. Sign in again.",
            (Self::Expired, Language::Chinese) => "会话已过期。请重新登录。",
        }
    }

    /// How a command ends by it.
    pub(super) fn exit(self) -> Exit {
        match self {
            Self::Shutdown => Exit::Unreachable,
            Self::Disabled | Self::Revoked | Self::Expired => Exit::NotSignedIn,
        }
    }
}

/// Waits for the end of a session, across the tokens that take one another's place in it. Dropping the future loses
/// nothing.
pub(super) async fn ended(
    accounts: &Accounts,
    client: &Client,
    address: IpAddr,
    shutdown: &CancellationToken,
) -> Ended {
    let token = || client.session().map(|session| session.access_token);
    let mut looked_at = token();
    loop {
        let end = tokio::select! {
            end = token_end(accounts, looked_at.as_deref(), address) => end,
            () = shutdown.cancelled() => return Ended::Shutdown,
        };
        if end == Ended::Disabled {
            return end;
        }
        let deadline = Instant::now() + NEW_TOKEN_WITHIN;
        while token() == looked_at {
            if Instant::now() >= deadline {
                return end;
            }
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                () = shutdown.cancelled() => return Ended::Shutdown,
            }
        }
        looked_at = token();
    }
}

/// Waits for the end of one token.
async fn token_end(accounts: &Accounts, token: Option<&str>, address: IpAddr) -> Ended {
    let Some(token) = token else {
        return Ended::Revoked;
    };
    // A storage that cannot be read ends no session; whatever is asked next will say so.
    let Ok(session) = accounts.authenticate(token, Some(address)).await else {
        return Ended::Revoked;
    };
    match accounts.session_end(&session).await {
        SessionEnd::Expired => Ended::Expired,
        SessionEnd::Revoked => match accounts.profile(&session.caller).await {
            Ok(user) if user.disabled => Ended::Disabled,
            _ => Ended::Revoked,
        },
    }
}

//! Owns `admin …`: users, credits and the running of the service.

mod audit;
mod credits;
mod many;
mod service;
mod users;

use vision_batch::v1::dispatch::State;

use self::audit::audit;
use self::credits::{credits, ledger};
use self::many::create_users;
use self::service::{dispatch, system, token, watch};
use self::users::{create_user, disable, reset_password, role, users};
use super::Context;
use super::args::admin::Admin;
use super::exit::{CommandError, Exit};

/// Runs one of them.
pub(super) async fn run(context: &mut Context<'_>, command: &Admin) -> Result<Exit, CommandError> {
    match command {
        Admin::Users { text } => users(context, text.as_deref()).await?,
        Admin::CreateUser(args) => create_user(context, args).await?,
        Admin::CreateUsers(args) => create_users(context, args).await?,
        Admin::Role { user, role: to } => role(context, user, to.role()).await?,
        Admin::Disable { user } => disable(context, user, true).await?,
        Admin::Enable { user } => disable(context, user, false).await?,
        Admin::ResetPassword { user } => reset_password(context, user).await?,
        Admin::Credits { user, amount, note } => {
            let note = note.clone().unwrap_or_default();
            credits(context, user, *amount, note).await?;
        }
        Admin::Ledger { user, batch, limit } => {
            ledger(context, user.as_deref(), batch.as_deref(), *limit).await?;
        }
        Admin::Audit(args) => audit(context, args).await?,
        Admin::System { watch: false } => system(context).await?,
        Admin::System { watch: true } => watch(context).await?,
        Admin::Token { force } => token(context, *force).await?,
        Admin::Pause { drain } => {
            let state = if *drain {
                State::Draining
            } else {
                State::Paused
            };
            dispatch(context, state, None).await?;
        }
        Admin::Resume { concurrency } => dispatch(context, State::Running, *concurrency).await?,
    }
    Ok(Exit::Done)
}

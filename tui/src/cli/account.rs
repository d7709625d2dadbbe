//! Owns `login`, `logout`, `whoami` and `passwd`.

use vision_batch::v1;

use super::Context;
use super::args::{Login, Passwd};
use super::exit::{CommandError, Exit};
use super::password;
use super::table::printable;

/// Signs in, sets the new password that is due, and keeps the session.
pub(super) async fn login(context: &mut Context<'_>, args: &Login) -> Result<Exit, CommandError> {
    let (no_input, texts) = (context.no_input, context.texts);
    let username = match &args.username {
        Some(username) => username.clone(),
        None => password::ask(context.io, texts, no_input, texts.username)?,
    };
    let current = if args.password_stdin {
        password::from_stdin(context.io, texts, texts.password)?
    } else {
        password::ask_secret(context.io, texts, no_input, texts.password)?
    };
    let mut response = context.client.sign_in(&username, &current).await?;
    let due = response.password_change_required
        || response
            .user
            .as_ref()
            .is_some_and(|user| user.password_change_required);
    // Kept before the new password is asked for: should that be interrupted, `passwd` goes on from here.
    context.keep_session()?;
    if due {
        context.say(texts.password_due)?;
        let new = if args.new_password_stdin {
            password::from_stdin(context.io, texts, texts.new_password)?
        } else {
            password::ask_new_password(context.io, texts, no_input)?
        };
        let changed = context.client.change_password(&current, &new).await?;
        context.keep_session()?;
        response.expire_time = changed.expire_time;
        response.renewable_until_time = changed.renewable_until_time;
        response.user = changed.user;
        response.password_change_required = false;
    }
    if context.json {
        // The token stays in the file: output ends up in logs.
        response.access_token.clear();
        context.print_json(&response)?;
    }
    let name = response.user.map_or(username, |user| user.username);
    let server = context.address.clone();
    context.say((texts.signed_in)(&printable(&name), server.as_str()))?;
    Ok(Exit::Done)
}

/// Forgets the session of this server.
pub(super) fn logout(context: &mut Context<'_>) -> Result<Exit, CommandError> {
    let forgotten = match (&context.io.credentials, context.keeps_session) {
        (Some(credentials), true) => credentials.forget(&context.address)?,
        _ => false,
    };
    context.client.sign_out();
    let server = context.address.clone();
    let words = (context.texts.signed_out)(server.as_str(), forgotten);
    context.say(words)?;
    Ok(Exit::Done)
}

/// Shows who is signed in.
pub(super) async fn whoami(context: &mut Context<'_>) -> Result<Exit, CommandError> {
    let response = context.client.get_profile(v1::GetProfileRequest {}).await?;
    if context.json {
        context.print_json(&response)?;
        return Ok(Exit::Done);
    }
    let mut user = response.user.unwrap_or_default();
    user.username = printable(&user.username);
    context.print((context.texts.profile)(&user))?;
    if user.password_change_required {
        context.say(context.texts.password_due_hint)?;
    }
    Ok(Exit::Done)
}

/// Sets another password; the session goes on with the new token.
pub(super) async fn passwd(context: &mut Context<'_>, args: &Passwd) -> Result<Exit, CommandError> {
    let (no_input, texts) = (context.no_input, context.texts);
    let (current, new) = if args.password_stdin {
        (
            password::from_stdin(context.io, texts, texts.old_password)?,
            password::from_stdin(context.io, texts, texts.new_password)?,
        )
    } else {
        (
            password::ask_secret(context.io, texts, no_input, texts.old_password)?,
            password::ask_new_password(context.io, texts, no_input)?,
        )
    };
    let mut response = context.client.change_password(&current, &new).await?;
    context.keep_session()?;
    if context.json {
        response.access_token.clear();
        context.print_json(&response)?;
    }
    context.say(texts.password_changed)?;
    Ok(Exit::Done)
}

//! Owns `admin users`, `create-user`, `role`, `disable`, `enable` and `reset-password`.

use vision_batch::v1;

use crate::cli::args::admin::CreateUser;
use crate::cli::exit::CommandError;
use crate::cli::table::{Column, Table, printable};
use crate::cli::words::{local, short, time};
use crate::cli::{Context, password, resolve};
use crate::text::office::OfficeTexts;

/// Most entries of a page; the contract's limit.
const PAGE: i32 = 200;

pub(super) async fn users(
    context: &mut Context<'_>,
    text: Option<&str>,
) -> Result<(), CommandError> {
    let mut request = v1::ListUsersRequest {
        text: text.unwrap_or_default().to_owned(),
        page_size: PAGE,
        page_token: String::new(),
    };
    let texts = context.texts.office;
    let [id, username, name, role, state, credits, held, videos, seen] = texts.cols_users;
    let mut table = Table::new([
        Column::Left(id),
        Column::Cut(username),
        Column::Cut(name),
        Column::Left(role),
        Column::Left(state),
        Column::Right(credits),
        Column::Right(held),
        Column::Right(videos),
        Column::Left(seen),
    ]);
    loop {
        let page = context.client.list_users(request.clone()).await?;
        if context.json {
            context.print_json(&page)?;
        } else {
            for user in &page.users {
                user_row(texts, &mut table, user);
            }
        }
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    if !context.json {
        context.print_table(&table)?;
    }
    Ok(())
}

fn user_row(texts: &OfficeTexts, table: &mut Table, user: &v1::User) {
    let seen = match time(user.last_sign_in_time.as_ref()) {
        _ if user.online => texts.online.to_owned(),
        Some(at) => local(Some(at)),
        None => texts.never.to_owned(),
    };
    table.row([
        short(&user.id).to_owned(),
        user.username.clone(),
        user.display_name.clone(),
        (texts.role)(user.role()).to_owned(),
        (texts.standing)(user.disabled, user.password_change_required).to_owned(),
        user.credit_balance.to_string(),
        user.credits_held.to_string(),
        user.completed_video_count.to_string(),
        seen,
    ]);
}

pub(super) async fn create_user(
    context: &mut Context<'_>,
    args: &CreateUser,
) -> Result<(), CommandError> {
    let password = if args.password_stdin {
        let texts = context.texts;
        let password = password::from_stdin(context.io, texts, texts.office.first_password)?;
        Some(password)
    } else {
        None
    };
    let role = if args.admin {
        v1::user::Role::Admin
    } else {
        v1::user::Role::User
    };
    let request = v1::CreateUserRequest {
        username: args.username.clone(),
        display_name: args.display_name.clone().unwrap_or_default(),
        role: role.into(),
        credits: args.credits,
        language: args.language.clone().unwrap_or_default(),
        password,
    };
    let response = context.client.create_user(request).await?;
    if context.json {
        return context.print_json(&response);
    }
    let user = shown(response.user);
    context.say((context.texts.office.user_made)(&user))?;
    tell_password(
        context,
        &response.one_time_password,
        response.one_time_password_expire_time.as_ref(),
    )
}

/// Prints a one-time password, if there is one: it alone is data.
fn tell_password(
    context: &mut Context<'_>,
    password: &str,
    expire_time: Option<&prost_types::Timestamp>,
) -> Result<(), CommandError> {
    if password.is_empty() {
        return Ok(());
    }
    let until = local(time(expire_time));
    context.say((context.texts.office.one_time_password)(&until))?;
    context.print(password)
}

/// The user as it may be shown.
fn shown(user: Option<v1::User>) -> v1::User {
    let mut user = user.unwrap_or_default();
    user.username = printable(&user.username);
    user
}

/// Changes one thing of a user as he was seen a moment ago.
async fn update(
    context: &mut Context<'_>,
    name: &str,
    path: &str,
    change: impl FnOnce(&mut v1::User),
) -> Result<(), CommandError> {
    let seen = resolve::user(context, name).await?;
    let mut user = v1::User {
        id: seen.id,
        etag: seen.etag,
        ..v1::User::default()
    };
    change(&mut user);
    let request = v1::UpdateUserRequest {
        user: Some(user),
        update_mask: Some(prost_types::FieldMask {
            paths: vec![path.to_owned()],
        }),
    };
    let response = context.client.update_user(request).await?;
    if context.json {
        return context.print_json(&response);
    }
    context.say((context.texts.office.user_changed)(&shown(response.user)))
}

pub(super) async fn role(
    context: &mut Context<'_>,
    name: &str,
    role: v1::user::Role,
) -> Result<(), CommandError> {
    update(context, name, "role", |user| user.set_role(role)).await
}

pub(super) async fn disable(
    context: &mut Context<'_>,
    name: &str,
    disabled: bool,
) -> Result<(), CommandError> {
    update(context, name, "disabled", |user| user.disabled = disabled).await
}

pub(super) async fn reset_password(
    context: &mut Context<'_>,
    name: &str,
) -> Result<(), CommandError> {
    let user_id = resolve::user(context, name).await?.id;
    let request = v1::ResetPasswordRequest { user_id };
    let response = context.client.reset_password(request).await?;
    if context.json {
        return context.print_json(&response);
    }
    let user = shown(response.user);
    context.say((context.texts.office.password_reset)(&user.username))?;
    tell_password(
        context,
        &response.one_time_password,
        response.one_time_password_expire_time.as_ref(),
    )
}

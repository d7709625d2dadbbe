//! Owns `admin users`, `create-user`, `credits` and `ledger`.

use vision_batch::v1;

use crate::cli::args::admin::CreateUser;
use crate::cli::args::values::CreditChange;
use crate::cli::exit::CommandError;
use crate::cli::table::{Column, Table, printable};
use crate::cli::words::{local, plain, short, time};
use crate::cli::{Context, password, resolve};

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
    let mut table = Table::new([
        Column::Left("ID"),
        Column::Cut("USERNAME"),
        Column::Cut("NAME"),
        Column::Left("ROLE"),
        Column::Left("STATE"),
        Column::Right("CREDITS"),
        Column::Right("HELD"),
        Column::Right("VIDEOS"),
        Column::Left("LAST SIGN-IN"),
    ]);
    loop {
        let page = context.client.list_users(request.clone()).await?;
        if context.json {
            context.print_json(&page)?;
        } else {
            for user in &page.users {
                user_row(&mut table, user);
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

fn user_row(table: &mut Table, user: &v1::User) {
    let state = match (user.disabled, user.password_change_required) {
        (true, _) => "disabled",
        (false, true) => "first password",
        (false, false) => "active",
    };
    let seen = match time(user.last_sign_in_time.as_ref()) {
        _ if user.online => "now".to_owned(),
        Some(at) => local(Some(at)),
        None => "never".to_owned(),
    };
    table.row([
        short(&user.id).to_owned(),
        user.username.clone(),
        user.display_name.clone(),
        plain(user.role().as_str_name(), "ROLE_").to_lowercase(),
        state.to_owned(),
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
        Some(password::from_stdin(context.io, "the first password")?)
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
    let user = response.user.unwrap_or_default();
    context.say(format!(
        "User {} is made with {} credits.",
        printable(&user.username),
        user.credit_balance
    ))?;
    if !response.one_time_password.is_empty() {
        context.say(format!(
            "The one-time password, shown this once and good until {}:",
            local(time(response.one_time_password_expire_time.as_ref()))
        ))?;
        context.print(&response.one_time_password)?;
    }
    Ok(())
}

pub(super) async fn credits(
    context: &mut Context<'_>,
    name: &str,
    change: Option<CreditChange>,
    note: String,
) -> Result<(), CommandError> {
    let user = resolve::user(&context.client, name).await?;
    let before = user.credit_balance;
    let after = match change {
        None => {
            if context.json {
                return context.print_json(&v1::ListUsersResponse {
                    users: vec![user],
                    next_page_token: String::new(),
                });
            }
            return context.print(before.to_string());
        }
        Some(CreditChange::By(delta)) => {
            let request = v1::AdjustCreditsRequest {
                user_id: user.id,
                delta,
                note,
                request_id: uuid::Uuid::new_v4().to_string(),
            };
            let response = context.client.adjust_credits(request).await?;
            if context.json {
                return context.print_json(&response);
            }
            response.user
        }
        Some(CreditChange::To(credits)) => {
            let request = v1::SetCreditsRequest {
                user_id: user.id,
                credits,
                expected_balance: Some(before),
                note,
            };
            let response = context.client.set_credits(request).await?;
            if context.json {
                return context.print_json(&response);
            }
            response.user
        }
    };
    let after = after.unwrap_or_default();
    context.print(format!(
        "{}  {before} -> {}",
        printable(&after.username),
        after.credit_balance
    ))
}

pub(super) async fn ledger(
    context: &mut Context<'_>,
    user: Option<&str>,
    batch: Option<&str>,
    limit: u32,
) -> Result<(), CommandError> {
    let user_id = match user {
        None => String::new(),
        Some("-") => "-".to_owned(),
        Some(name) => resolve::user(&context.client, name).await?.id,
    };
    let batch_id = match batch {
        None => String::new(),
        Some(text) => resolve::batch(&context.client, text).await?,
    };
    let mut request = v1::ListLedgerEntriesRequest {
        user_id,
        batch_id,
        ..v1::ListLedgerEntriesRequest::default()
    };
    let mut table = Table::new([
        Column::Left("TIME"),
        Column::Left("USER"),
        Column::Left("KIND"),
        Column::Right("CREDITS"),
        Column::Right("BALANCE"),
        Column::Left("BY"),
        Column::Cut("ABOUT"),
    ]);
    let mut left = i32::try_from(limit).unwrap_or(i32::MAX);
    loop {
        request.page_size = left.min(PAGE);
        let page = context.client.list_ledger_entries(request.clone()).await?;
        left = left.saturating_sub(i32::try_from(page.entries.len()).unwrap_or(i32::MAX));
        if context.json {
            context.print_json(&page)?;
        } else {
            for entry in &page.entries {
                ledger_row(&mut table, entry);
            }
        }
        if page.next_page_token.is_empty() || left <= 0 {
            break;
        }
        request.page_token = page.next_page_token;
    }
    if !context.json {
        context.print_table(&table)?;
    }
    Ok(())
}

fn ledger_row(table: &mut Table, entry: &v1::LedgerEntry) {
    let mut about = entry.batch_name.clone().unwrap_or_default();
    if let Some(position) = entry.item_position {
        about += &format!(" #{position}");
    }
    if !entry.note.is_empty() {
        about += &format!(" {}", entry.note);
    }
    let actor = entry.actor.as_ref().map(|actor| actor.name.clone());
    table.row([
        local(time(entry.create_time.as_ref())),
        entry.username.clone(),
        plain(entry.kind().as_str_name(), "KIND_").to_lowercase(),
        format!("{:+}", entry.delta),
        entry.balance_after.to_string(),
        actor.unwrap_or_default(),
        about.trim().to_owned(),
    ]);
}

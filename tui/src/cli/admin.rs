//! Owns `admin …`: users, credits and the running of the service.

use jiff::Timestamp;
use vision_batch::v1;
use vision_batch::v1::dispatch::State;

use super::args::{Admin, CreateUser, CreditChange};
use super::exit::{CommandError, Exit};
use super::list::{engine_row, engine_table, print_upstream};
use super::table::{Column, Table, printable};
use super::words::{self, local, plain, short, time};
use super::{Context, password, resolve};

/// Most entries of a page; the contract's limit.
const PAGE: i32 = 200;

/// Runs one of them.
pub(super) async fn run(context: &mut Context<'_>, command: &Admin) -> Result<Exit, CommandError> {
    match command {
        Admin::Users { text } => users(context, text.as_deref()).await?,
        Admin::CreateUser(args) => create_user(context, args).await?,
        Admin::Credits { user, amount, note } => {
            let note = note.clone().unwrap_or_default();
            credits(context, user, *amount, note).await?;
        }
        Admin::Ledger { user, batch, limit } => {
            ledger(context, user.as_deref(), batch.as_deref(), *limit).await?;
        }
        Admin::System => system(context).await?,
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

async fn users(context: &mut Context<'_>, text: Option<&str>) -> Result<(), CommandError> {
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

async fn create_user(context: &mut Context<'_>, args: &CreateUser) -> Result<(), CommandError> {
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

async fn credits(
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

async fn ledger(
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

async fn system(context: &mut Context<'_>) -> Result<(), CommandError> {
    let response = context
        .client
        .get_system_status(v1::GetSystemStatusRequest {})
        .await?;
    if context.json {
        return context.print_json(&response);
    }
    let status = response.status.unwrap_or_default();
    let now = Timestamp::now();
    for warning in &status.warnings {
        context.print(format!(
            "! {}  {}",
            plain(warning.reason().as_str_name(), "REASON_"),
            printable(&warning.message)
        ))?;
    }
    let dispatch = status.dispatch.clone().unwrap_or_default();
    context.print(format!(
        "vbatchd {}  up {}  dispatch {}, concurrency {}",
        printable(&status.version),
        words::age(now, time(status.start_time.as_ref())),
        plain(dispatch.state().as_str_name(), "STATE_"),
        dispatch.concurrency
    ))?;
    if let Some(upstream) = &status.upstream {
        print_upstream(context, upstream, now)?;
    }
    for waiting in &status.waiting {
        context.print(format!(
            "{} items wait for {}",
            waiting.count,
            words::wait_reason(waiting.reason())
        ))?;
    }
    if let Some(oldest) = time(status.oldest_pending_time.as_ref()) {
        context.print(format!(
            "the oldest since {}",
            words::age(now, Some(oldest))
        ))?;
    }
    let storage = status.storage.unwrap_or_default();
    context.print(format!(
        "images {}  audios {}  videos {}  database {}  disk {} free of {}",
        words::size(storage.images_bytes),
        words::size(storage.audios_bytes),
        words::size(storage.videos_bytes),
        words::size(storage.database_bytes),
        words::size(storage.disk_free_bytes),
        words::size(storage.disk_total_bytes)
    ))?;
    context.print(format!(
        "{} sessions, {} streams",
        status.sessions, status.watchers
    ))?;
    for error in &status.recent_errors {
        context.print(format!(
            "within 1 h: {} x {}",
            error.count,
            plain(error.class().as_str_name(), "CLASS_")
        ))?;
    }
    context.print("")?;
    let mut table = engine_table();
    for engine in &status.engines {
        engine_row(&mut table, engine);
    }
    context.print_table(&table)
}

async fn token(context: &mut Context<'_>, force: bool) -> Result<(), CommandError> {
    let no_input = context.no_input;
    let token = if context.io.can_ask {
        password::ask_secret(context.io, no_input, "Upstream token")?
    } else {
        password::from_stdin(context.io, "the upstream token")?
    };
    let request = v1::UpdateUpstreamTokenRequest {
        token: token.trim().to_owned(),
        force,
    };
    let response = context.client.update_upstream_token(request).await?;
    if context.json {
        return context.print_json(&response);
    }
    let mut line = format!(
        "token {} of account {}",
        plain(response.token_state().as_str_name(), "TOKEN_STATE_"),
        printable(&response.account)
    );
    if let Some(expires) = time(response.token_expire_time.as_ref()) {
        line += &format!(", ends {}", local(Some(expires)));
    }
    context.print(line)?;
    if !response.upstream_message.is_empty() {
        context.say(format!(
            "The upstream said: {}",
            printable(&response.upstream_message)
        ))?;
    }
    if let Some(previous) = &response.previous_account {
        context.say(format!(
            "The old account {} is kept for {} attempts, {} unresolved submits, {} cleanups and {} fetches.",
            printable(&previous.account),
            previous.running_attempts,
            previous.unresolved_submits,
            previous.cleanups,
            previous.fetches
        ))?;
    }
    Ok(())
}

async fn dispatch(
    context: &mut Context<'_>,
    state: State,
    concurrency: Option<i32>,
) -> Result<(), CommandError> {
    let request = v1::SetDispatchRequest {
        state: Some(state.into()),
        concurrency,
    };
    let response = context.client.set_dispatch(request).await?;
    if context.json {
        return context.print_json(&response);
    }
    let dispatch = response.dispatch.unwrap_or_default();
    context.print(format!(
        "dispatch {}, concurrency {}",
        plain(dispatch.state().as_str_name(), "STATE_"),
        dispatch.concurrency
    ))
}

//! Owns `admin system`, `token`, `pause` and `resume`.

use jiff::Timestamp;
use vision_batch::v1;
use vision_batch::v1::dispatch::State;

use crate::cli::exit::CommandError;
use crate::cli::info::{engine_row, engine_table, print_upstream};
use crate::cli::table::printable;
use crate::cli::words::{self, local, plain, time};
use crate::cli::{Context, password};

pub(super) async fn system(context: &mut Context<'_>) -> Result<(), CommandError> {
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

pub(super) async fn token(context: &mut Context<'_>, force: bool) -> Result<(), CommandError> {
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

pub(super) async fn dispatch(
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

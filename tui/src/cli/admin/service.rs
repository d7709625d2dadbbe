//! Owns `admin system`, `token`, `pause` and `resume`.

use std::io::Write as _;

use jiff::Timestamp;
use vision_batch::v1;
use vision_batch::v1::dispatch::State;
use vision_batch::v1::watch_system_response::Event;

use crate::cli::exit::CommandError;
use crate::cli::info::{engine_row, engine_table, print_upstream};
use crate::cli::table::printable;
use crate::cli::words::{self, local, time};
use crate::cli::{Context, password};
use crate::net::live::{Live, News};

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
    let texts = context.texts;
    for warning in &status.warnings {
        context.print(printable(&(texts.office.warning)(warning)))?;
    }
    let dispatch = status.dispatch.clone().unwrap_or_default();
    let up = words::age(now, time(status.start_time.as_ref()));
    context.print((texts.office.running)(
        &printable(&status.version),
        &up,
        &dispatch,
    ))?;
    if let Some(upstream) = &status.upstream {
        print_upstream(context, upstream, now)?;
    }
    for waiting in &status.waiting {
        context.print((texts.items_wait)(waiting.count, waiting.reason()))?;
    }
    if let Some(oldest) = time(status.oldest_pending_time.as_ref()) {
        let span = words::age(now, Some(oldest));
        context.print((texts.office.oldest_since)(&span))?;
    }
    let storage = status.storage.unwrap_or_default();
    let sizes = [
        storage.images_bytes,
        storage.audios_bytes,
        storage.videos_bytes,
        storage.database_bytes,
        storage.disk_free_bytes,
        storage.disk_total_bytes,
    ]
    .map(words::size);
    context.print((texts.office.storage)(sizes.each_ref().map(String::as_str)))?;
    context.print((texts.office.sessions)(status.sessions, status.watchers))?;
    for error in &status.recent_errors {
        context.print((texts.office.recent_error)(error))?;
    }
    context.print("")?;
    let mut table = engine_table(texts);
    for engine in &status.engines {
        engine_row(texts, &mut table, engine);
    }
    context.print_table(&table)
}

pub(super) async fn token(context: &mut Context<'_>, force: bool) -> Result<(), CommandError> {
    let (no_input, texts) = (context.no_input, context.texts);
    let what = texts.office.upstream_token;
    let token = if context.io.can_ask {
        password::ask_secret(context.io, texts, no_input, what)?
    } else {
        password::from_stdin(context.io, texts, what)?
    };
    let request = v1::UpdateUpstreamTokenRequest {
        token: token.trim().to_owned(),
        force,
    };
    let response = context.client.update_upstream_token(request).await?;
    if context.json {
        return context.print_json(&response);
    }
    let ends = time(response.token_expire_time.as_ref()).map(|ends| local(Some(ends)));
    context.print((texts.office.token_set)(
        response.token_state(),
        &printable(&response.account),
        ends.as_deref(),
    ))?;
    if !response.upstream_message.is_empty() {
        context.say((texts.upstream_said)(&printable(
            &response.upstream_message,
        )))?;
    }
    if let Some(previous) = &response.previous_account {
        context.say((texts.office.old_account)(
            &printable(&previous.account),
            previous,
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
    context.print((context.texts.office.dispatch)(&dispatch))
}

/// Follows the service: a line with each change of what the line tells, or every event as JSON. It ends with Ctrl-C, or when
/// the session does.
pub(super) async fn watch(context: &mut Context<'_>) -> Result<(), CommandError> {
    let mut live = Live::new(context.client.clone(), v1::WatchSystemRequest::default());
    let texts = context.texts;
    let (mut opened, mut lost) = (false, false);
    let mut last = String::new();
    while let Some(news) = live.next().await {
        match news {
            News::Opened => {
                opened = true;
                if std::mem::take(&mut lost) {
                    context.say(texts.connected_again)?;
                }
            }
            News::Event(event) if context.json => {
                context.print_json(&v1::WatchSystemResponse { event: Some(event) })?;
            }
            News::Event(Event::Status(status)) => {
                let mut line = printable(&(texts.office.status_line)(&status));
                for warning in &status.warnings {
                    line += "  ";
                    line += &printable(&(texts.office.warning)(warning));
                }
                if line != last {
                    context.print(format!("{}  {line}", local(Some(Timestamp::now()))))?;
                    context.io.stdout.flush()?;
                    last = line;
                }
            }
            News::Event(Event::Heartbeat(_) | Event::End(_)) => {}
            News::Lost { error, .. } if !opened => return Err(error.into()),
            News::Lost { .. } => {
                if !std::mem::replace(&mut lost, true) {
                    context.say(texts.connection_lost)?;
                }
            }
            News::Closed(Some(error)) => return Err(error.into()),
            News::Closed(None) => break,
        }
    }
    Ok(())
}

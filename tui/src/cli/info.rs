//! Owns `info`, and the lines about engines and upstream it shares with `admin system`.

use jiff::Timestamp;
use vision_batch::v1;

use super::Context;
use super::exit::{CommandError, Exit};
use super::list::nonzero;
use super::table::{Column, Table, printable};
use super::words::{self, local, plain, time};

/// Shows what the service takes and costs, and how it is.
pub(super) async fn info(context: &mut Context<'_>) -> Result<Exit, CommandError> {
    let info = context
        .client
        .get_service_info(v1::GetServiceInfoRequest {})
        .await?;
    if context.json {
        context.print_json(&info)?;
        return Ok(Exit::Done);
    }
    let limits = info.limits.unwrap_or_default();
    let status = info.status.unwrap_or_default();
    context.print(format!(
        "vbatchd {} at {}, dispatch {}",
        printable(&info.version),
        context.address,
        plain(status.dispatch_state().as_str_name(), "STATE_")
    ))?;
    context.print(format!(
        "images to {} and {} megapixels, {} a batch; audio to {} and {}",
        words::size(limits.image_bytes_max),
        limits.image_pixels_max / 1_000_000,
        limits.images_per_batch_max,
        words::size(limits.audio_bytes_max),
        words::playing_time(limits.audio_duration_max.as_ref())
    ))?;
    context.print("")?;
    let mut table = engine_table();
    for engine in &status.engines {
        engine_row(&mut table, engine);
    }
    context.print_table(&table)?;
    let now = Timestamp::now();
    for waiting in &status.waiting {
        context.print(format!(
            "{} items wait for {}",
            waiting.count,
            words::wait_reason(waiting.reason())
        ))?;
    }
    if let Some(upstream) = &status.upstream {
        print_upstream(context, upstream, now)?;
    }
    Ok(Exit::Done)
}

/// The columns of engines; `admin system` shows them, too.
pub(super) fn engine_table() -> Table {
    Table::new([
        Column::Left("ENGINE"),
        Column::Left("HEALTH"),
        Column::Left("PRICE"),
        Column::Right("SLOTS"),
        Column::Right("CLEANUP"),
        Column::Right("FOREIGN"),
    ])
}

/// One engine.
pub(super) fn engine_row(table: &mut Table, engine: &v1::EngineInfo) {
    let slots = engine.slots.unwrap_or_default();
    let price = match (engine.credits_per_item, engine.seconds_per_credit) {
        (0, _) => "free".to_owned(),
        (credits, Some(seconds)) => format!("{credits} an item and {seconds} s"),
        (credits, None) => format!("{credits} an item"),
    };
    let default = if engine.is_default { " (default)" } else { "" };
    table.row([
        format!("{}{default}", words::engine(&engine.name)),
        plain(engine.health().as_str_name(), "HEALTH_").to_owned(),
        price,
        format!("{}/{}", slots.running, slots.limit),
        nonzero(slots.cleanup),
        nonzero(slots.foreign),
    ]);
}

/// The upstream, its token and its daily limit.
pub(super) fn print_upstream(
    context: &mut Context<'_>,
    upstream: &v1::Upstream,
    now: Timestamp,
) -> Result<(), CommandError> {
    let mut line = format!(
        "upstream {}  token {}",
        plain(upstream.health().as_str_name(), "HEALTH_"),
        plain(upstream.token_state().as_str_name(), "TOKEN_STATE_")
    );
    if let Some(expires) = time(upstream.token_expire_time.as_ref()) {
        line += &format!(" until {}", local(Some(expires)));
    }
    if upstream.daily_limit > 0 {
        line += &format!(
            "  {}/{} tasks within 24 h",
            upstream.daily_used, upstream.daily_limit
        );
    }
    if let Some(free) = time(upstream.next_free_time.as_ref()).filter(|free| *free > now) {
        line += &format!(", the next at {}", local(Some(free)));
    }
    context.print(line)
}

//! Owns `info`, and the lines about engines and upstream it shares with `admin system`.

use jiff::Timestamp;
use vision_batch::v1;

use super::Context;
use super::exit::{CommandError, Exit};
use super::list::nonzero;
use super::table::{Column, Table, printable};
use super::words::{self, local, time};
use crate::text::commands::{CommandTexts, InfoWords, UpstreamTimes};

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
    let texts = context.texts;
    let lines = (texts.info)(&InfoWords {
        version: &printable(&info.version),
        address: context.address.as_str(),
        dispatch: status.dispatch_state(),
        image_size: &words::size(limits.image_bytes_max),
        megapixels: limits.image_pixels_max / 1_000_000,
        images: limits.images_per_batch_max,
        audio_size: &words::size(limits.audio_bytes_max),
        audio_time: &words::playing_time(limits.audio_duration_max.as_ref()),
    });
    for line in lines {
        context.print(line)?;
    }
    context.print("")?;
    let mut table = engine_table(texts);
    for engine in &status.engines {
        engine_row(texts, &mut table, engine);
    }
    context.print_table(&table)?;
    let now = Timestamp::now();
    for waiting in &status.waiting {
        context.print((texts.items_wait)(waiting.count, waiting.reason()))?;
    }
    if let Some(upstream) = &status.upstream {
        print_upstream(context, upstream, now)?;
    }
    Ok(Exit::Done)
}

/// The columns of engines; `admin system` shows them, too.
pub(super) fn engine_table(texts: &CommandTexts) -> Table {
    let [engine, health, price, slots, cleanup, foreign] = texts.cols_engines;
    Table::new([
        Column::Left(engine),
        Column::Left(health),
        Column::Left(price),
        Column::Right(slots),
        Column::Right(cleanup),
        Column::Right(foreign),
    ])
}

/// One engine.
pub(super) fn engine_row(texts: &CommandTexts, table: &mut Table, engine: &v1::EngineInfo) {
    let slots = engine.slots.unwrap_or_default();
    let default = if engine.is_default {
        texts.is_default
    } else {
        ""
    };
    table.row([
        format!("{}{default}", (texts.engine)(&engine.name)),
        (texts.health)(engine.health()).to_owned(),
        (texts.price)(engine),
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
    let token_ends = time(upstream.token_expire_time.as_ref());
    let next_free = time(upstream.next_free_time.as_ref()).filter(|free| *free > now);
    let times = UpstreamTimes {
        token_ends: token_ends.map(|ends| local(Some(ends))),
        next_free: next_free.map(|free| local(Some(free))),
    };
    context.print((context.texts.upstream)(upstream, &times))
}

//! Owns `ls` and `show`: looking at what is there.

use jiff::Timestamp;
use uuid::Uuid;
use vision_batch::v1;

use super::args::{Ls, Show};
use super::exit::{CommandError, Exit};
use super::table::{Column, Table, printable};
use super::words::{self, local, plain, short, time};
use super::{Context, resolve};

/// Most batches or items a page holds; the contract's limit.
const PAGE: i32 = 200;

/// Lists batches. Each page is one line of JSON, so that thousands of batches need no memory.
pub(super) async fn ls(context: &mut Context<'_>, args: &Ls) -> Result<Exit, CommandError> {
    let owner_id = owner(context, args.owner.as_deref()).await?;
    let now = Timestamp::now();
    let since = args.since.and_then(|span| {
        let start = now.checked_sub(span).ok()?;
        Some(prost_types::Timestamp {
            seconds: start.as_second(),
            nanos: 0,
        })
    });
    let has_failures = match (args.with_failures, args.without_failures) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let mut request = v1::ListBatchesRequest {
        filter: Some(v1::BatchFilter {
            states: args
                .states
                .iter()
                .map(|state| state.state().into())
                .collect(),
            text: args.text.clone().unwrap_or_default(),
            has_failures,
            labels: args.labels.iter().cloned().collect(),
            create_time_after: since,
            create_time_before: None,
        }),
        owner_id: owner_id.clone(),
        page_size: 0,
        page_token: String::new(),
        order_by: if args.attention { "attention" } else { "" }.to_owned(),
    };
    let mut left = if args.all {
        usize::MAX
    } else {
        usize::try_from(args.limit).unwrap_or(usize::MAX)
    };
    let mut table = batch_table(!owner_id.is_empty());
    let mut more = false;
    loop {
        request.page_size = i32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let page = context.client.list_batches(request.clone()).await?;
        left = left.saturating_sub(page.batches.len());
        if context.json {
            context.print_json(&page)?;
        } else {
            for batch in &page.batches {
                batch_row(&mut table, batch, !owner_id.is_empty(), now);
            }
        }
        if page.next_page_token.is_empty() {
            break;
        }
        if left == 0 {
            more = true;
            break;
        }
        request.page_token = page.next_page_token;
    }
    if !context.json {
        context.print_table(&table)?;
    }
    if more {
        context.say("There are more; --all lists them all.")?;
    }
    Ok(Exit::Done)
}

/// The owner as the contract takes it.
async fn owner(context: &Context<'_>, name: Option<&str>) -> Result<String, CommandError> {
    Ok(match name {
        None => String::new(),
        Some("-") => "-".to_owned(),
        Some(name) => match Uuid::parse_str(name) {
            Ok(id) => id.to_string(),
            Err(_) => resolve::user(&context.client, name).await?.id,
        },
    })
}

fn batch_table(with_owner: bool) -> Table {
    let mut columns = vec![Column::Left("ID"), Column::Cut("NAME")];
    if with_owner {
        columns.push(Column::Left("OWNER"));
    }
    columns.extend([
        Column::Left("ENGINE"),
        Column::Left("STATE"),
        Column::Right("PROGRESS"),
        Column::Right("DONE"),
        Column::Right("FAIL"),
        Column::Right("CREDITS"),
        Column::Right("AGE"),
    ]);
    Table::new(columns)
}

fn batch_row(table: &mut Table, batch: &v1::Batch, with_owner: bool, now: Timestamp) {
    let counts = batch.item_counts.unwrap_or_default();
    let mut cells = vec![short(&batch.id).to_owned(), batch.name.clone()];
    if with_owner {
        cells.push(batch.owner_name.clone());
    }
    cells.extend([
        words::engine(&batch.engine).to_owned(),
        words::batch_state(batch),
        words::percent(batch.progress_estimate),
        format!("{}/{}", counts.completed, counts.total),
        nonzero(counts.failed),
        (batch.credits_charged - batch.credits_refunded).to_string(),
        words::age(now, time(batch.create_time.as_ref())),
    ]);
    table.row(cells);
}

/// A count, or nothing for none.
pub(super) fn nonzero(count: i32) -> String {
    if count == 0 {
        String::new()
    } else {
        count.to_string()
    }
}

/// Shows a batch with its items, or one item with its attempts. As JSON: the batch, then its items by the page.
pub(super) async fn show(context: &mut Context<'_>, args: &Show) -> Result<Exit, CommandError> {
    let batch_id = resolve::batch(&context.client, &args.batch).await?;
    if let Some(item) = &args.item {
        return show_item(context, &batch_id, item).await;
    }
    let request = v1::GetBatchRequest {
        batch_id: batch_id.clone(),
        acknowledge_failures: false,
    };
    let response = context.client.get_batch(request).await?;
    if context.json {
        context.print_json(&response)?;
    } else if let Some(batch) = &response.batch {
        print_batch(context, batch)?;
    }
    let mut request = v1::ListItemsRequest {
        batch_id,
        page_size: PAGE,
        ..v1::ListItemsRequest::default()
    };
    let mut table = Table::new([
        Column::Right("#"),
        Column::Left("ID"),
        Column::Cut("SOURCE IMAGE"),
        Column::Left("STATE"),
        Column::Right("TRY"),
        Column::Right("CREDITS"),
    ]);
    let now = Timestamp::now();
    loop {
        let page = context.client.list_items(request.clone()).await?;
        if context.json {
            context.print_json(&page)?;
        }
        for item in page.items.iter().filter(|_| !context.json) {
            let image = item.source_image.as_ref();
            table.row([
                item.position.to_string(),
                short(&item.id).to_owned(),
                image
                    .map(|image| image.filename.clone())
                    .unwrap_or_default(),
                words::item_state(item, now),
                nonzero(item.attempt_count),
                (item.credits_charged - item.credits_refunded).to_string(),
            ]);
        }
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    if !context.json {
        context.print_table(&table)?;
    }
    Ok(Exit::Done)
}

fn print_batch(context: &mut Context<'_>, batch: &v1::Batch) -> Result<(), CommandError> {
    let counts = batch.item_counts.unwrap_or_default();
    let now = Timestamp::now();
    let audio = batch.audio.clone().unwrap_or_default();
    let mut lines = vec![
        format!("{}  {}", batch.id, printable(&batch.name)),
        format!(
            "{}  {}  {} of {} completed, {} failed, {} cancelled",
            words::batch_state(batch),
            words::percent(batch.progress_estimate),
            counts.completed,
            counts.total,
            counts.failed,
            counts.cancelled
        ),
        format!(
            "engine {}  {} credits charged, {} refunded, {} an item  owner {}",
            words::engine(&batch.engine),
            batch.credits_charged,
            batch.credits_refunded,
            batch.credits_per_item,
            printable(&batch.owner_name)
        ),
        format!(
            "audio  {}  {}  {}",
            printable(&audio.filename),
            words::playing_time(audio.duration.as_ref()),
            words::size(audio.size_bytes)
        ),
        format!("prompt {}", printable(&batch.prompt)),
    ];
    if !batch.negative_prompt.is_empty() {
        lines.push(format!("not    {}", printable(&batch.negative_prompt)));
    }
    let mut labels: Vec<String> = batch
        .labels
        .iter()
        .map(|(key, value)| printable(&format!("{key}={value}")))
        .collect();
    labels.sort();
    if !labels.is_empty() {
        lines.push(format!("labels {}", labels.join(", ")));
    }
    let mut times = format!("created {}", local(time(batch.create_time.as_ref())));
    for (word, at) in [
        ("started", &batch.start_time),
        ("finished", &batch.finish_time),
        ("expected", &batch.expected_finish_time),
    ] {
        if let Some(at) = time(at.as_ref()) {
            times += &format!("  {word} {}", local(Some(at)));
        }
    }
    lines.push(times);
    if let Some(wait) = &batch.wait {
        lines.push(words::wait(wait, now));
    }
    for line in lines {
        context.print(line)?;
    }
    context.print("")
}

async fn show_item(
    context: &mut Context<'_>,
    batch_id: &str,
    name: &str,
) -> Result<Exit, CommandError> {
    let all = resolve::all_items(&context.client, batch_id).await?;
    let names = [name.to_owned()];
    let [item] = resolve::items(&all, &names)?[..] else {
        return Err(CommandError::Usage(format!(
            "{name} means more than one item"
        )));
    };
    let request = v1::GetItemRequest {
        batch_id: batch_id.to_owned(),
        item_id: item.id.clone(),
    };
    let response = context.client.get_item(request).await?;
    if context.json {
        context.print_json(&response)?;
        return Ok(Exit::Done);
    }
    let item = response.item.unwrap_or_default();
    let image = item.source_image.clone().unwrap_or_default();
    context.print(format!("{}  #{}", item.id, item.position))?;
    context.print(format!(
        "{}  {}x{}  {}  {}",
        printable(&image.filename),
        image.width_px,
        image.height_px,
        image.media_type,
        words::size(image.size_bytes)
    ))?;
    context.print(words::item_state(&item, Timestamp::now()))?;
    if let Some(failure) = item
        .failure
        .as_ref()
        .filter(|failure| !failure.upstream_message.is_empty())
    {
        context.print(format!(
            "upstream said: {}",
            printable(&failure.upstream_message)
        ))?;
    }
    context.print("")?;
    let mut table = Table::new([
        Column::Right("ATTEMPT"),
        Column::Right("ROUND"),
        Column::Left("OUTCOME"),
        Column::Left("STARTED"),
        Column::Left("FINISHED"),
        Column::Right("SEED"),
        Column::Left("TASK"),
        Column::Left("WHY"),
    ]);
    for attempt in &response.attempts {
        let why = match &attempt.failure {
            Some(failure) => words::failure_words(failure),
            None if attempt.unresolved => "its submit had no answer".to_owned(),
            None => String::new(),
        };
        table.row([
            attempt.number.to_string(),
            attempt.round.to_string(),
            plain(attempt.outcome().as_str_name(), "OUTCOME_").to_owned(),
            local(time(attempt.start_time.as_ref())),
            local(time(attempt.finish_time.as_ref())),
            attempt.seed.to_string(),
            attempt.upstream_task_id.clone().unwrap_or_default(),
            why,
        ]);
    }
    context.print_table(&table)?;
    Ok(Exit::Done)
}

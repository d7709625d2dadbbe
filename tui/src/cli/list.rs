//! Owns `ls` and `show`: looking at what is there.

use jiff::Timestamp;
use vision_batch::v1;

use super::args::{Ls, Show};
use super::exit::{CommandError, Exit};
use super::table::{Column, Table, printable};
use super::words::{self, local, short, time};
use super::{Context, resolve};
use crate::text::commands::CommandTexts;

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
    let mut table = batch_table(context.texts, !owner_id.is_empty());
    let mut more = false;
    loop {
        request.page_size = i32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let page = context.client.list_batches(request.clone()).await?;
        left = left.saturating_sub(page.batches.len());
        if context.json {
            context.print_json(&page)?;
        } else {
            for batch in &page.batches {
                batch_row(context.texts, &mut table, batch, !owner_id.is_empty(), now);
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
        context.say(context.texts.more)?;
    }
    Ok(Exit::Done)
}

/// The owner as the contract takes it.
async fn owner(context: &Context<'_>, name: Option<&str>) -> Result<String, CommandError> {
    match name {
        Some("-") => Ok("-".to_owned()),
        name => resolve::user_id(context, name).await,
    }
}

fn batch_table(texts: &CommandTexts, with_owner: bool) -> Table {
    let [
        id,
        name,
        owner,
        engine,
        state,
        progress,
        done,
        fail,
        credits,
        age,
    ] = texts.cols_batches;
    let mut columns = vec![Column::Left(id), Column::Cut(name)];
    if with_owner {
        columns.push(Column::Left(owner));
    }
    columns.extend([
        Column::Left(engine),
        Column::Left(state),
        Column::Right(progress),
        Column::Right(done),
        Column::Right(fail),
        Column::Right(credits),
        Column::Right(age),
    ]);
    Table::new(columns)
}

fn batch_row(
    texts: &CommandTexts,
    table: &mut Table,
    batch: &v1::Batch,
    with_owner: bool,
    now: Timestamp,
) {
    let counts = batch.item_counts.unwrap_or_default();
    let mut cells = vec![short(&batch.id).to_owned(), batch.name.clone()];
    if with_owner {
        cells.push(batch.owner_name.clone());
    }
    cells.extend([
        (texts.engine)(&batch.engine),
        words::batch_state(texts, batch),
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
    let batch_id = resolve::batch(context, &args.batch).await?;
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
    let texts = context.texts;
    let [number, id, image, state, tries, credits] = texts.cols_items;
    let mut table = Table::new([
        Column::Right(number),
        Column::Left(id),
        Column::Cut(image),
        Column::Left(state),
        Column::Right(tries),
        Column::Right(credits),
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
                words::item_state(texts, item, now),
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
    let texts = context.texts;
    let counts = batch.item_counts.unwrap_or_default();
    let audio = batch.audio.clone().unwrap_or_default();
    let mut owned = batch.clone();
    owned.owner_name = printable(&batch.owner_name);
    let share = words::percent(batch.progress_estimate);
    let mut lines = vec![
        format!("{}  {}", batch.id, printable(&batch.name)),
        format!(
            "{}  {}",
            words::batch_state(texts, batch),
            (texts.batch_counts)(&share, &counts)
        ),
        (texts.batch_credits)(&owned),
        (texts.audio)(
            &printable(&audio.filename),
            &words::playing_time(audio.duration.as_ref()),
            &words::size(audio.size_bytes),
        ),
        (texts.prompt)(&printable(&batch.prompt)),
    ];
    if !batch.negative_prompt.is_empty() {
        lines.push((texts.negative_prompt)(&printable(&batch.negative_prompt)));
    }
    let mut labels: Vec<String> = batch
        .labels
        .iter()
        .map(|(key, value)| printable(&format!("{key}={value}")))
        .collect();
    labels.sort();
    if !labels.is_empty() {
        lines.push((texts.labels)(&labels.join(", ")));
    }
    let mut times = vec![(texts.created)(&local(time(batch.create_time.as_ref())))];
    for (words, at) in [
        (texts.started, &batch.start_time),
        (texts.finished, &batch.finish_time),
        (texts.expected, &batch.expected_finish_time),
    ] {
        if let Some(at) = time(at.as_ref()) {
            times.push(words(&local(Some(at))));
        }
    }
    lines.push(times.join("  "));
    if let Some(wait) = &batch.wait {
        lines.push(words::wait(texts, wait, Timestamp::now()));
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
    let [item] = resolve::items(context.texts, &all, &names)?[..] else {
        return Err(CommandError::Usage((context.texts.many_items)(name)));
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
    let texts = context.texts;
    context.print(words::item_state(texts, &item, Timestamp::now()))?;
    if let Some(failure) = item
        .failure
        .as_ref()
        .filter(|failure| !failure.upstream_message.is_empty())
    {
        context.print((texts.upstream_said)(&printable(&failure.upstream_message)))?;
    }
    context.print("")?;
    let [number, round, outcome, started, finished, seed, task, why] = texts.cols_attempts;
    let mut table = Table::new([
        Column::Right(number),
        Column::Right(round),
        Column::Left(outcome),
        Column::Left(started),
        Column::Left(finished),
        Column::Right(seed),
        Column::Left(task),
        Column::Left(why),
    ]);
    for attempt in &response.attempts {
        let why = match &attempt.failure {
            Some(failure) => words::failure_words(texts, failure),
            None if attempt.unresolved => texts.submit_unanswered.to_owned(),
            None => String::new(),
        };
        table.row([
            attempt.number.to_string(),
            attempt.round.to_string(),
            (texts.outcome_of)(attempt.outcome()).to_owned(),
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

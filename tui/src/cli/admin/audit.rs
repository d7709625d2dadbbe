//! Owns `admin audit`.

use jiff::Timestamp;
use vision_batch::v1;

use crate::cli::args::admin::Audit;
use crate::cli::exit::CommandError;
use crate::cli::table::{Column, Table};
use crate::cli::words::{local, short, time};
use crate::cli::{Context, resolve};
use crate::text::office::OfficeTexts;

/// Most events of a page; the contract's limit.
const PAGE: i32 = 200;

/// What was done and tried, newest first. Each page is one line of JSON.
pub(super) async fn audit(context: &mut Context<'_>, args: &Audit) -> Result<(), CommandError> {
    let since = args
        .since
        .and_then(|span| Timestamp::now().checked_sub(span).ok());
    let mut request = v1::ListAuditEventsRequest {
        actor_id: resolve::user_id(context, args.by.as_deref()).await?,
        action: args.action.clone().unwrap_or_default(),
        // Whatever has an id is named by that; of users the name is enough.
        target_id: resolve::user_id(context, args.about.as_deref()).await?,
        outcome: args.outcome.map(|outcome| outcome.outcome().into()),
        create_time_after: since.map(|since| prost_types::Timestamp {
            seconds: since.as_second(),
            nanos: 0,
        }),
        ..v1::ListAuditEventsRequest::default()
    };
    let texts = context.texts.office;
    let [at, who, what, about, outcome, from, detail] = texts.cols_audit;
    let mut table = Table::new([
        Column::Left(at),
        Column::Left(who),
        Column::Left(what),
        Column::Cut(about),
        Column::Left(outcome),
        Column::Left(from),
        Column::Cut(detail),
    ]);
    let mut left = match args.all {
        true => usize::MAX,
        false => usize::try_from(args.limit).unwrap_or(usize::MAX),
    };
    let mut more = false;
    // Pages may be short, and even empty, with more to come: the server looks through only so many at a time.
    loop {
        request.page_size = i32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let page = context.client.list_audit_events(request.clone()).await?;
        left = left.saturating_sub(page.events.len());
        if context.json {
            context.print_json(&page)?;
        } else {
            for event in &page.events {
                row(texts, &mut table, event);
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
    Ok(())
}

fn row(texts: &OfficeTexts, table: &mut Table, event: &v1::AuditEvent) {
    let who = event.actor.as_ref().map(|actor| actor_name(texts, actor));
    let about = event
        .target
        .as_ref()
        .map(|target| match target.name.as_str() {
            "" => format!(
                "{} {}",
                (texts.target_kind)(&target.kind),
                short(&target.id)
            ),
            name => format!("{} {name}", (texts.target_kind)(&target.kind)),
        });
    table.row([
        local(time(event.create_time.as_ref())),
        who.unwrap_or_default(),
        event.action.clone(),
        about.unwrap_or_default().trim().to_owned(),
        (texts.outcome)(event.outcome()).to_owned(),
        event.address.clone(),
        event.detail.clone(),
    ]);
}

/// The name of who did something, or what to call who has none.
pub(super) fn actor_name(texts: &OfficeTexts, actor: &v1::Actor) -> String {
    match actor.kind() {
        v1::actor::Kind::User => actor.name.clone(),
        kind => (texts.actor)(kind).to_owned(),
    }
}

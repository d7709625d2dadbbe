//! Owns `admin credits` and `ledger`.

use vision_batch::v1;

use super::audit::actor_name;
use crate::cli::args::values::CreditChange;
use crate::cli::exit::CommandError;
use crate::cli::table::{Column, Table, printable};
use crate::cli::words::{local, time};
use crate::cli::{Context, resolve};
use crate::text::office::OfficeTexts;

/// Most entries of a page; the contract's limit.
const PAGE: i32 = 200;

pub(super) async fn credits(
    context: &mut Context<'_>,
    name: &str,
    change: Option<CreditChange>,
    note: String,
) -> Result<(), CommandError> {
    let user = resolve::user(context, name).await?;
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
        Some("-") => "-".to_owned(),
        user => resolve::user_id(context, user).await?,
    };
    let batch_id = match batch {
        None => String::new(),
        Some(text) => resolve::batch(context, text).await?,
    };
    let mut request = v1::ListLedgerEntriesRequest {
        user_id,
        batch_id,
        ..v1::ListLedgerEntriesRequest::default()
    };
    let texts = context.texts.office;
    let [at, user, kind, credits, balance, by, about] = texts.cols_ledger;
    let mut table = Table::new([
        Column::Left(at),
        Column::Left(user),
        Column::Left(kind),
        Column::Right(credits),
        Column::Right(balance),
        Column::Left(by),
        Column::Cut(about),
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
                ledger_row(texts, &mut table, entry);
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

fn ledger_row(texts: &OfficeTexts, table: &mut Table, entry: &v1::LedgerEntry) {
    let mut about = entry.batch_name.clone().unwrap_or_default();
    if let Some(position) = entry.item_position {
        about += &format!(" #{position}");
    }
    if !entry.note.is_empty() {
        about += &format!(" {}", entry.note);
    }
    let actor = entry.actor.as_ref().map(|actor| actor_name(texts, actor));
    table.row([
        local(time(entry.create_time.as_ref())),
        entry.username.clone(),
        (texts.ledger_kind)(entry.kind()).to_owned(),
        format!("{:+}", entry.delta),
        entry.balance_after.to_string(),
        actor.unwrap_or_default(),
        about.trim().to_owned(),
    ]);
}

//! Owns `keys …`: the keys by which programs sign in.

use jiff::Timestamp;
use vision_batch::v1;

use super::args::keys::Keys;
use super::exit::{CommandError, Exit};
use super::table::{Column, Table, printable};
use super::words::{local, short, time};
use super::{Context, resolve};

/// Most keys of a page; the contract's limit.
const PAGE: i32 = 200;

/// Runs one of them.
pub(super) async fn run(context: &mut Context<'_>, command: &Keys) -> Result<Exit, CommandError> {
    match command {
        Keys::Ls { user } => ls(context, user.as_deref()).await?,
        Keys::Create {
            name,
            scopes,
            expires,
            user,
        } => {
            let expire_time = expires
                .and_then(|span| Timestamp::now().checked_add(span).ok())
                .map(|end| prost_types::Timestamp {
                    seconds: end.as_second(),
                    nanos: 0,
                });
            let request = v1::CreateApiKeyRequest {
                name: name.clone(),
                scopes: scopes.iter().map(|scope| scope.scope().into()).collect(),
                expire_time,
                user_id: resolve::user_id(context, user.as_deref()).await?,
            };
            create(context, request).await?;
        }
        Keys::Revoke { key, user } => revoke(context, key, user.as_deref()).await?,
    }
    Ok(Exit::Done)
}

async fn ls(context: &mut Context<'_>, user: Option<&str>) -> Result<(), CommandError> {
    let user_id = resolve::user_id(context, user).await?;
    let texts = context.texts.office;
    let [id, name, begins, may, made, used, ends] = texts.cols_keys;
    let mut table = Table::new([
        Column::Left(id),
        Column::Cut(name),
        Column::Left(begins),
        Column::Left(may),
        Column::Left(made),
        Column::Left(used),
        Column::Left(ends),
    ]);
    let mut page_token = String::new();
    loop {
        let page = page(context, &user_id, page_token).await?;
        if context.json {
            context.print_json(&page)?;
        }
        for key in page.api_keys.iter().filter(|_| !context.json) {
            let scopes: Vec<_> = key.scopes().collect();
            let at = |at: &Option<prost_types::Timestamp>, otherwise: &str| match time(at.as_ref())
            {
                None => otherwise.to_owned(),
                at => local(at),
            };
            table.row([
                short(&key.id).to_owned(),
                key.name.clone(),
                key.secret_prefix.clone(),
                (texts.scopes)(&scopes),
                at(&key.create_time, ""),
                at(&key.last_used_time, texts.never),
                at(&key.expire_time, texts.for_ever),
            ]);
        }
        if page.next_page_token.is_empty() {
            break;
        }
        page_token = page.next_page_token;
    }
    if !context.json {
        context.print_table(&table)?;
    }
    Ok(())
}

async fn page(
    context: &Context<'_>,
    user_id: &str,
    page_token: String,
) -> Result<v1::ListApiKeysResponse, CommandError> {
    let request = v1::ListApiKeysRequest {
        user_id: user_id.to_owned(),
        page_size: PAGE,
        page_token,
    };
    Ok(context.client.list_api_keys(request).await?)
}

async fn create(
    context: &mut Context<'_>,
    request: v1::CreateApiKeyRequest,
) -> Result<(), CommandError> {
    let response = context.client.create_api_key(request).await?;
    if context.json {
        return context.print_json(&response);
    }
    let key = response.api_key.unwrap_or_default();
    let until = time(key.expire_time.as_ref()).map(|until| local(Some(until)));
    let words = (context.texts.office.key_made)(&printable(&key.name), until.as_deref());
    context.say(words)?;
    context.print(&response.secret)
}

async fn revoke(
    context: &mut Context<'_>,
    name: &str,
    user: Option<&str>,
) -> Result<(), CommandError> {
    let user_id = resolve::user_id(context, user).await?;
    let mut keys = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = page(context, &user_id, page_token).await?;
        keys.extend(page.api_keys);
        if page.next_page_token.is_empty() {
            break;
        }
        page_token = page.next_page_token;
    }
    let key = resolve::key(context.texts, &keys, name)?;
    let request = v1::RevokeApiKeyRequest {
        api_key_id: key.id.clone(),
        user_id,
    };
    let response = context.client.revoke_api_key(request).await?;
    if context.json {
        context.print_json(&response)?;
    }
    context.say((context.texts.office.key_revoked)(&printable(&key.name)))
}

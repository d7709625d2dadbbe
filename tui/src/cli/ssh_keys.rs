//! Owns `ssh-keys …`: the public keys by which people sign in over SSH.

use std::io::Read as _;
use std::path::Path;

use vision_batch::v1;

use super::args::ssh_keys::SshKeys;
use super::exit::{CommandError, Exit};
use super::table::{Column, Table, printable};
use super::words::{local, short, time};
use super::{Context, resolve};

/// Most keys of a page; the contract's limit.
const PAGE: i32 = 200;
/// Largest file that is read for a key, in bytes; keys have a few hundred.
const KEY_BYTES: u64 = 64 << 10;

/// Runs one of them.
pub(super) async fn run(
    context: &mut Context<'_>,
    command: &SshKeys,
) -> Result<Exit, CommandError> {
    match command {
        SshKeys::Ls { user } => ls(context, user.as_deref()).await?,
        SshKeys::Add { file, name, user } => {
            let request = v1::AddSshKeyRequest {
                public_key: read(context, file)?,
                name: name.clone().unwrap_or_default(),
                user_id: resolve::user_id(context, user.as_deref()).await?,
            };
            let response = context.client.add_ssh_key(request).await?;
            if context.json {
                context.print_json(&response)?;
            }
            let key = response.ssh_key.unwrap_or_default();
            let name = printable(&key.name);
            let words = (context.texts.office.ssh_key_added)(&name, &key.fingerprint);
            context.say(words)?;
        }
        SshKeys::Rm { key, user } => rm(context, key, user.as_deref()).await?,
    }
    Ok(Exit::Done)
}

/// The public key of a file, or of stdin. A private one is not sent anywhere.
fn read(context: &mut Context<'_>, file: &Path) -> Result<String, CommandError> {
    let failed =
        |error: std::io::Error| CommandError::Failed(format!("{}: {error}", file.display()));
    let mut text = String::new();
    if file == Path::new("-") {
        let stdin = &mut context.io.stdin;
        stdin.take(KEY_BYTES).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(KEY_BYTES).read_to_string(&mut text))
    }
    .map_err(failed)?;
    if text.contains("PRIVATE KEY") {
        let words = context.texts.office.private_key.to_owned();
        return Err(CommandError::Usage(words));
    }
    Ok(text.trim().to_owned())
}

async fn ls(context: &mut Context<'_>, user: Option<&str>) -> Result<(), CommandError> {
    let user_id = resolve::user_id(context, user).await?;
    let texts = context.texts.office;
    let [id, name, algorithm, fingerprint, made, used] = texts.cols_ssh_keys;
    let mut table = Table::new([
        Column::Left(id),
        Column::Cut(name),
        Column::Left(algorithm),
        Column::Left(fingerprint),
        Column::Left(made),
        Column::Left(used),
    ]);
    let mut page_token = String::new();
    loop {
        let page = page(context, &user_id, page_token).await?;
        if context.json {
            context.print_json(&page)?;
        }
        for key in page.ssh_keys.iter().filter(|_| !context.json) {
            table.row([
                short(&key.id).to_owned(),
                key.name.clone(),
                key.algorithm.clone(),
                key.fingerprint.clone(),
                local(time(key.create_time.as_ref())),
                match time(key.last_used_time.as_ref()) {
                    None => texts.never.to_owned(),
                    at => local(at),
                },
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
) -> Result<v1::ListSshKeysResponse, CommandError> {
    let request = v1::ListSshKeysRequest {
        user_id: user_id.to_owned(),
        page_size: PAGE,
        page_token,
    };
    Ok(context.client.list_ssh_keys(request).await?)
}

async fn rm(context: &mut Context<'_>, name: &str, user: Option<&str>) -> Result<(), CommandError> {
    let user_id = resolve::user_id(context, user).await?;
    let mut keys = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = page(context, &user_id, page_token).await?;
        keys.extend(page.ssh_keys);
        if page.next_page_token.is_empty() {
            break;
        }
        page_token = page.next_page_token;
    }
    let key = resolve::ssh_key(context.texts, &keys, name)?;
    let request = v1::RemoveSshKeyRequest {
        ssh_key_id: key.id.clone(),
        user_id,
    };
    let response = context.client.remove_ssh_key(request).await?;
    if context.json {
        context.print_json(&response)?;
    }
    context.say((context.texts.office.ssh_key_removed)(&printable(
        &key.name,
    )))
}

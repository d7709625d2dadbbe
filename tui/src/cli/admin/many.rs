//! Owns `admin create-users`: many users from a CSV file.
//!
//! Nothing is made before every line was found right; who is there already stays as he is, so that running the same
//! command again goes on where it broke off.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::path::Path;

use vision_batch::v1;
use vision_batch::v1::refusal::Reason;

use crate::cli::Context;
use crate::cli::args::admin::CreateUsers;
use crate::cli::csv::{self, Row};
use crate::cli::exit::CommandError;
use crate::cli::words::time;

/// Largest file: of a few hundred bytes a user, more users than anybody has.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Most mistakes that are told one by one.
const MISTAKES_TOLD: usize = 50;
/// Most users of a page; the contract's limit.
const PAGE: i32 = 200;

pub(super) async fn create_users(
    context: &mut Context<'_>,
    args: &CreateUsers,
) -> Result<(), CommandError> {
    let rows = read(context, args).await?;
    let there = usernames(context).await?;
    let is_there = |row: &Row| there.contains(&row.user.username.to_lowercase());
    let texts = context.texts.office;
    if args.check {
        let known = rows.iter().filter(|row| is_there(row)).count();
        return context.say((texts.csv_right)(rows.len() - known, known));
    }
    let (mut made, mut known) = (0, 0);
    for row in &rows {
        if is_there(row) {
            known += 1;
            context.say((texts.exists)(row.line, &row.user.username))?;
            continue;
        }
        match context.client.create_user(row.user.clone()).await {
            Ok(response) => {
                if made == 0 && !context.json {
                    context.print("username,one_time_password,expire_time")?;
                }
                made += 1;
                tell(context, &response)?;
            }
            // Compared as the server compares, or made by somebody else meanwhile.
            Err(error) if error.known_reason() == Some(Reason::UsernameTaken) => {
                known += 1;
                context.say((texts.exists)(row.line, &row.user.username))?;
            }
            Err(error) => {
                let words = (texts.broke_off)(row.line, &row.user.username, made);
                writeln!(context.io.stderr, "{words}")?;
                return Err(error.into());
            }
        }
    }
    context.say((texts.users_made)(made, known))
}

/// The users of the file, every line of it right.
async fn read(context: &mut Context<'_>, args: &CreateUsers) -> Result<Vec<Row>, CommandError> {
    let failed =
        |error: std::io::Error| CommandError::Failed(format!("{}: {error}", args.file.display()));
    let mut text = String::new();
    if args.file == Path::new("-") {
        let stdin = &mut context.io.stdin;
        stdin.take(MAX_BYTES).read_to_string(&mut text)
    } else {
        std::fs::File::open(&args.file)
            .and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text))
    }
    .map_err(failed)?;
    let info = context
        .client
        .get_service_info(v1::GetServiceInfoRequest {})
        .await?;
    let limits = info.limits.unwrap_or_default();
    let least = usize::try_from(limits.password_characters_min).unwrap_or(0);
    let problems = match csv::users(&text, least) {
        Ok(rows) => return Ok(rows),
        Err(problems) => problems,
    };
    let texts = context.texts.office;
    for problem in problems.iter().take(MISTAKES_TOLD) {
        let words = crate::cli::table::printable(&(texts.csv_problem)(problem));
        writeln!(context.io.stderr, "{words}")?;
    }
    if let Some(more) = problems
        .len()
        .checked_sub(MISTAKES_TOLD)
        .filter(|more| *more > 0)
    {
        writeln!(context.io.stderr, "{}", (texts.csv_and_more)(more))?;
    }
    Err(CommandError::Usage((texts.csv_wrong)(problems.len())))
}

/// Everybody there is, as names are compared.
async fn usernames(context: &Context<'_>) -> Result<HashSet<String>, CommandError> {
    let mut request = v1::ListUsersRequest {
        page_size: PAGE,
        ..v1::ListUsersRequest::default()
    };
    let mut names = HashSet::new();
    loop {
        let page = context.client.list_users(request.clone()).await?;
        names.extend(page.users.iter().map(|user| user.username.to_lowercase()));
        if page.next_page_token.is_empty() {
            return Ok(names);
        }
        request.page_token = page.next_page_token;
    }
}

/// A line for whoever got a one-time password, written at once: what comes later may fail.
fn tell(context: &mut Context<'_>, response: &v1::CreateUserResponse) -> Result<(), CommandError> {
    if context.json {
        return context.print_json(response);
    }
    if response.one_time_password.is_empty() {
        return Ok(());
    }
    let name = response.user.as_ref().map_or("", |user| &user.username);
    let until = time(response.one_time_password_expire_time.as_ref());
    context.print(format!(
        "{},{},{}",
        csv::cell(name),
        csv::cell(&response.one_time_password),
        until.map(|until| until.to_string()).unwrap_or_default()
    ))?;
    context.io.stdout.flush()?;
    Ok(())
}
